//! The cluster, as a hook may see it.
//!
//! It comes out of the shared cache, chosen and cut here, and only what the pattern's account may read: a cache is not a right.

use std::sync::Arc;

use orkestra_sandbox::capability::{ClusterRead, ReadError, Readable, Reading};
use serde_json::{Map, Value};

use crate::access::Look;
use crate::cache::{Selector, Store};
use crate::controller::Shared;
use crate::desired::check_segment;
use crate::error::Error;
use crate::identity::Identity;
use crate::object::{Object, ObjectKey};

/// The most objects of one answer.
const MOST_OBJECTS: usize = 500;
/// The most bytes of one answer.
const MOST_BYTES: usize = 4 << 20;
/// The most labels, and the most fields, of one question.
const MOST_WORDS: usize = 32;

/// The cluster, as the hook of one primary may see it.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) shared: Arc<Shared>,
    pub(super) identity: Identity,
    /// The primary's; empty: it has none.
    pub(super) namespace: Arc<str>,
}

impl ClusterRead for Cluster {
    fn get(&self, kind: &Readable, namespace: Option<String>, name: String, fields: Vec<String>) -> Reading<Vec<u8>> {
        let (this, kind) = (self.clone(), kind.clone());
        Box::pin(async move { this.one(&kind, namespace.as_deref(), &name, &fields).await })
    }

    fn list(
        &self,
        kind: &Readable,
        namespace: Option<String>,
        labels: Vec<(String, String)>,
        fields: Vec<String>,
    ) -> Reading<Vec<Vec<u8>>> {
        let (this, kind) = (self.clone(), kind.clone());
        Box::pin(async move { this.several(&kind, namespace.as_deref(), &labels, &fields).await })
    }
}

impl Cluster {
    async fn one(
        &self,
        kind: &Readable,
        namespace: Option<&str>,
        name: &str,
        fields: &[String],
    ) -> Result<Vec<u8>, ReadError> {
        check_segment("name", name).map_err(ReadError::InvalidRequest)?;
        let fields = Fields::read(fields)?;
        let (store, namespace) = self.place(kind, namespace).await?;
        let seen = self.shared.reviews.see(&self.identity, Look::Get, &store.resource, &namespace, name).await;
        seen.map_err(denied)?;
        let object = store.get(&self.identity, &ObjectKey::new(&namespace, name)).ok_or(ReadError::NotFound)?;
        let object = fields.of(&object)?;
        bounded(object.len())?;
        Ok(object)
    }

    async fn several(
        &self,
        kind: &Readable,
        namespace: Option<&str>,
        labels: &[(String, String)],
        fields: &[String],
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        if labels.len() > MOST_WORDS {
            return Err(ReadError::InvalidRequest(format!(
                "{} labels, at most {MOST_WORDS} can be asked for",
                labels.len()
            )));
        }
        let fields = Fields::read(fields)?;
        let (store, namespace) = self.place(kind, namespace).await?;
        let seen = self.shared.reviews.see(&self.identity, Look::List, &store.resource, &namespace, "").await;
        seen.map_err(denied)?;
        let mut found = store.with_labels(&self.identity, &namespace, labels);
        if found.len() > MOST_OBJECTS {
            let message = format!("{} objects have these labels, at most {MOST_OBJECTS} cross at once", found.len());
            return Err(ReadError::TooLarge(message));
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        let (mut objects, mut bytes) = (Vec::with_capacity(found.len()), 0);
        for object in found {
            let object = fields.of(&object)?;
            bytes += object.len();
            bounded(bytes)?;
            objects.push(object);
        }
        Ok(objects)
    }

    /// The store of a kind, and the namespace that is looked in: the primary's, and no other.
    async fn place(&self, kind: &Readable, asked: Option<&str>) -> Result<(Arc<Store>, Arc<str>), ReadError> {
        let store = self.shared.synced_store(&kind.api_version, &kind.kind, Selector::All).await;
        let store = store.map_err(|error| match error {
            Error::KindNotServed { .. } => ReadError::NotFound,
            error => ReadError::Unavailable(error.to_string()),
        })?;
        let own = if store.resource.namespaced { self.namespace.clone() } else { Arc::from("") };
        if store.resource.namespaced && own.is_empty() {
            let message = format!("{} lives in namespaces, and the resource has none to share", kind.kind);
            return Err(ReadError::AccessDenied(message));
        }
        match asked {
            Some(asked) if *asked != *own => {
                Err(ReadError::AccessDenied(format!("namespace {asked:?} is not the resource's")))
            }
            _ => Ok((store, own)),
        }
    }
}

fn denied(error: Error) -> ReadError {
    match error {
        Error::Forbidden { .. } | Error::ForbiddenNamespace { .. } => ReadError::AccessDenied(error.to_string()),
        error => ReadError::Unavailable(error.to_string()),
    }
}

fn bounded(bytes: usize) -> Result<(), ReadError> {
    match bytes <= MOST_BYTES {
        true => Ok(()),
        false => Err(ReadError::TooLarge(format!("the answer is longer than {MOST_BYTES} bytes; ask for fields"))),
    }
}

/// The parts of an object that are asked for; none: all of it.
struct Fields(Vec<Vec<String>>);

impl Fields {
    fn read(fields: &[String]) -> Result<Self, ReadError> {
        let invalid = |message: String| Err(ReadError::InvalidRequest(message));
        if fields.len() > MOST_WORDS {
            return invalid(format!("{} fields, at most {MOST_WORDS} can be asked for", fields.len()));
        }
        let paths: Vec<Vec<String>> =
            fields.iter().map(|field| field.split('.').map(str::to_owned).collect()).collect();
        match paths.iter().position(|path| path.iter().any(String::is_empty)) {
            Some(_) => invalid("a field is a path of keys with dots between them, such as `data.password`".to_owned()),
            None => Ok(Self(paths)),
        }
    }

    fn of(&self, object: &Object) -> Result<Vec<u8>, ReadError> {
        if self.0.is_empty() {
            return Ok(object.json.as_bytes().to_vec());
        }
        let whole: Value =
            serde_json::from_str(&object.json).map_err(|error| ReadError::Unavailable(error.to_string()))?;
        let mut cut = Value::Object(Map::new());
        for path in &self.0 {
            let Some(value) = path.iter().try_fold(&whole, |value, key| value.get(key)) else { continue };
            put(&mut cut, path, value);
        }
        Ok(cut.to_string().into_bytes())
    }
}

/// Puts a value at a path whose parents are objects, as they are where it was taken from.
fn put(object: &mut Value, path: &[String], value: &Value) {
    let Value::Object(members) = object else { return };
    match path {
        [] => {}
        [last] => drop(members.insert(last.clone(), value.clone())),
        [first, rest @ ..] => {
            put(members.entry(first.clone()).or_insert_with(|| Value::Object(Map::new())), rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cut(fields: &[&str]) -> Value {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "uid": "u", "labels": {"x.y/z": "1"}},
            "data": {"a": "MQ==", "b": "Mg=="}});
        let object = Object::parse(object.to_string().as_bytes(), "v1", "Secret").unwrap();
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        serde_json::from_slice(&Fields::read(&fields).unwrap().of(&object).unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_asked_for_does_not_cross() {
        assert_eq!(cut(&["data.a"]), json!({"data": {"a": "MQ=="}}));
        assert_eq!(
            cut(&["metadata.name", "data.b", "data.c", "kind.x"]),
            json!({"metadata": {"name": "a"}, "data": {"b": "Mg=="}})
        );
        assert_eq!(cut(&["metadata.labels"]), json!({"metadata": {"labels": {"x.y/z": "1"}}}));
        assert_eq!(cut(&["data", "data.a"]), cut(&["data.a", "data"]));
        assert_eq!(cut(&[])["metadata"]["name"], "a");
    }

    #[test]
    fn fields_that_are_none_are_refused() {
        for fields in [vec![String::new()], vec!["a..b".to_owned()], vec!["a".to_owned(); MOST_WORDS + 1]] {
            assert!(matches!(Fields::read(&fields), Err(ReadError::InvalidRequest(_))), "{fields:?}");
        }
    }
}
