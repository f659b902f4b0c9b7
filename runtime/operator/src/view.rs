//! What a running runtime sees: its primaries and their children, from the caches alone.

use serde_json::Value;

use crate::cache::Store;
use crate::conditions::Condition;
use crate::identity::Identity;
use crate::object::Object;
use crate::readiness::{Readiness, readiness};

/// A primary and its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The primary itself.
    pub primary: SeenObject,
    /// From its status, in that order.
    pub conditions: Vec<Condition>,
    /// By kind, then by name.
    pub children: Vec<SeenObject>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenObject {
    /// In CamelCase.
    pub kind: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was made, as the API writes times.
    pub created: String,
    /// By the rules of kstatus for its kind.
    pub readiness: Readiness,
    /// It has a deletion timestamp.
    pub deleting: bool,
}

/// The primaries of a store with their children in all `stores`, sorted by namespace and name.
pub(crate) fn view(primaries: &Store, stores: &[std::sync::Arc<Store>]) -> Vec<Seen> {
    let mut keys = primaries.keys("");
    keys.sort();
    let seen = keys.iter().filter_map(|key| {
        let primary = primaries.get(&Identity::Process, key)?;
        let children = stores.iter().flat_map(|store| store.children_of(&Identity::Process, &primary));
        let mut children: Vec<SeenObject> = children.map(|child| object(&child)).collect();
        children.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        // A kind may be watched twice, once as a primary and once as a child.
        children.dedup_by(|a, b| (&a.kind, &a.namespace, &a.name) == (&b.kind, &b.namespace, &b.name));
        Some(Seen { conditions: conditions(&primary.tree()), primary: object(&primary), children })
    });
    seen.collect()
}

fn object(object: &Object) -> SeenObject {
    let tree = object.tree();
    let text = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    SeenObject {
        kind: text("/kind"),
        namespace: object.key.namespace.to_string(),
        name: object.key.name.to_string(),
        created: text("/metadata/creationTimestamp"),
        readiness: readiness(&tree),
        deleting: object.deleting,
    }
}

fn conditions(primary: &Value) -> Vec<Condition> {
    let list = primary.pointer("/status/conditions").and_then(Value::as_array);
    let condition = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Condition { kind: text("type"), status: text("status"), reason: text("reason"), message: text("message") }
    };
    list.into_iter().flatten().map(condition).collect()
}
