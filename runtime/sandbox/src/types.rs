//! What crosses the host ABI, as plain owned data. Objects are JSON text in UTF-8 and stay bytes here.

use wasmtime::component::{ComponentType, Lower};

/// Names one child of a primary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, ComponentType, Lower)]
#[component(record)]
pub struct ChildRef {
    /// The template's id.
    pub id: String,
    /// The element's key, of a template under `forEach`.
    pub key: Option<String>,
}

/// A child as the host last saw it.
#[derive(Debug, Clone, PartialEq, ComponentType, Lower)]
#[component(record)]
pub struct Observed {
    /// Which child.
    #[component(name = "ref")]
    pub child: ChildRef,
    /// The whole object.
    pub object: Vec<u8>,
    /// What is made `once` has had its time: it is made anew.
    pub renew: bool,
}

/// The objects that one `reads` item matched.
#[derive(Debug, Clone, PartialEq, ComponentType, Lower)]
#[component(record)]
pub struct Read {
    /// The item's id.
    pub id: String,
    /// The objects: by name at most one, by labels any number, sorted by name. A read that was not asked for yet is not in
    /// the request at all.
    pub objects: Vec<Vec<u8>>,
}

/// Everything that a reconcile depends on. The same request gives the same plan.
#[derive(Debug, Clone, PartialEq, ComponentType, Lower)]
#[component(record)]
pub struct Request {
    /// The custom resource.
    pub primary: Vec<u8>,
    /// Its children, only those that belong to it.
    pub children: Vec<Observed>,
    /// What its reads matched.
    pub reads: Vec<Read>,
    /// One JSON object, a key per input.
    pub inputs: Vec<u8>,
    /// One JSON object, a key per hook result.
    pub hooks: Vec<u8>,
    /// Unix time in milliseconds.
    pub now: i64,
    /// 32 bytes.
    pub entropy: Vec<u8>,
    /// The primary has a deletion timestamp.
    pub deleting: bool,
    /// Cost units that the call may use. The sandbox lowers it to [`Limits::cost`](crate::Limits::cost).
    pub budget: u64,
}

/// What the host does with a child that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Created when absent, never corrected.
    Create,
    /// Drift is corrected; pruned when no longer listed.
    Apply,
    /// Created when the primary is being deleted, and waited for. Listed only then, and then alone.
    Delete,
}

/// Objects of others that a pattern wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WantedRead {
    /// The id of the Katalog's `reads` item.
    pub id: String,
    /// The object's name; none: all with [`WantedRead::labels`].
    pub name: Option<String>,
    /// Labels that an object must have. Empty where there is a name.
    pub labels: Vec<(String, String)>,
    /// Other conditions on its labels. Empty where there is a name.
    pub requirements: Vec<Requirement>,
    /// Where they are; none: in the primary's namespace.
    pub namespace: Option<String>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What must be true of it.
    pub operator: Operator,
    /// Of [`Operator::In`] and [`Operator::NotIn`].
    pub values: Vec<String>,
}

/// What must be true of a label, as Kubernetes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// It is one of the values.
    In,
    /// It is none of the values, or not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Requirement {
    /// Whether a label with this value, or none, meets it.
    pub fn is_met_by(&self, value: Option<&str>) -> bool {
        let listed = || value.is_some_and(|value| self.values.iter().any(|one| one == value));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// One child that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Which child.
    pub child: ChildRef,
    /// What the host does when it differs.
    pub policy: Policy,
    /// The whole desired object; none: pending, neither applied nor pruned. A template under `forEach` that is pending is
    /// one child without key and without object: none of its elements is applied or pruned.
    pub object: Option<Vec<u8>>,
    /// The answer of `readyWhen`; none: the host's own rule for the kind decides.
    pub ready: Option<bool>,
    /// Children that come before this one. Without a key: all of that template.
    pub after: Vec<ChildRef>,
}

/// One broken validation rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, from the object's root.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// `false`: a warning.
    pub deny: bool,
}

/// A value that a primary is given before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The keys from the object's root.
    pub path: Vec<String>,
    /// The guest's bytes: valid UTF-8, but not yet known to be JSON.
    pub value: Vec<u8>,
}

/// What is said of a primary that somebody wants to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The values that it is given.
    pub changes: Vec<Change>,
    /// The rules that it breaks, once it has them.
    pub violations: Vec<Violation>,
    /// Cost units used.
    pub cost: u64,
}

/// What should exist for one primary. The bytes are the guest's: valid UTF-8, but not yet known to be JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The desired children, in the order of their application. An observed child that is not listed is to be pruned.
    pub children: Vec<Child>,
    /// One JSON object: the desired fields below `.status`.
    pub status: Vec<u8>,
    /// Paths below `.status`, dotted, whose values are not known yet and stay as they are.
    pub pending_status: Vec<String>,
    /// The reads that the pattern wants, whether or not the request had them. A host that gave others calls again.
    pub reads: Vec<WantedRead>,
    /// Broken validation rules.
    pub violations: Vec<Violation>,
    /// A JSON list of conditions beyond the host's own.
    pub conditions: Vec<u8>,
    /// When to reconcile again at the latest, in milliseconds.
    pub requeue_after: Option<u64>,
    /// With [`Request::deleting`]: nothing is left to do.
    pub done: bool,
    /// Cost units used.
    pub cost: u64,
}

/// An object in another version. The bytes are the guest's: valid UTF-8, but not yet known to be JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The object without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub object: Vec<u8>,
    /// Cost units used.
    pub cost: u64,
}

/// The answer of one expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// A typed value as JSON: `{"type": "int", "value": "1"}`.
    pub value: Vec<u8>,
    /// Cost units used.
    pub cost: u64,
}
