//! The objects of a test's cluster.

use serde_json::{Map, Value};

use crate::cluster::{Kind, ReadFailure, Scope};

/// Objects, and what may be read of them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: Vec<Value>,
    readable: Vec<(Kind, Option<String>)>,
    unavailable: Vec<Kind>,
}

impl Objects {
    pub(super) fn add(&mut self, object: Value) {
        self.readable(&kind(&object), namespace(&object));
        self.objects.push(object);
    }

    pub(super) fn readable(&mut self, kind: &Kind, namespace: Option<&str>) {
        self.readable.push((kind.clone(), namespace.map(str::to_owned)));
    }

    pub(super) fn unavailable(&mut self, kind: &Kind) {
        self.unavailable.push(kind.clone());
        self.readable(kind, None);
    }

    pub(super) fn get(
        &self,
        scope: &Scope,
        own: Option<&str>,
        name: &str,
        fields: &[String],
    ) -> Result<Vec<u8>, ReadFailure> {
        let found = self.matching(scope, own)?.into_iter().find(|object| object["metadata"]["name"] == name);
        found.map(|object| projected(object, fields)).ok_or(ReadFailure::NotFound)
    }

    pub(super) fn list(
        &self,
        scope: &Scope,
        own: Option<&str>,
        labels: &[(String, String)],
        fields: &[String],
    ) -> Result<Vec<Vec<u8>>, ReadFailure> {
        let has = |object: &Value| labels.iter().all(|(key, value)| object["metadata"]["labels"][key] == **value);
        let mut found: Vec<_> = self.matching(scope, own)?.into_iter().filter(|object| has(object)).collect();
        found.sort_by_key(|object| (namespace(object), object["metadata"]["name"].as_str()));
        Ok(found.into_iter().map(|object| projected(object, fields)).collect())
    }

    /// The objects that a scope means, as the runtime sees it: a namespace that is named is another one, and needs a grant of its own.
    fn matching(&self, scope: &Scope, own: Option<&str>) -> Result<Vec<&Value>, ReadFailure> {
        let asked = Kind::new(&scope.group, &scope.kind);
        let granted = |(kind, place): &(Kind, Option<String>)| match &scope.namespace {
            Some(named) => *kind == asked && place.as_ref() == Some(named),
            None => *kind == asked && (place.is_none() || place.as_deref() == own),
        };
        if !self.readable.iter().any(granted) {
            let place = scope.namespace.as_ref().map(|named| format!(" of the namespace {named}")).unwrap_or_default();
            return Err(ReadFailure::AccessDenied(format!("the test prepared no {asked}{place}")));
        }
        if self.unavailable.contains(&asked) {
            return Err(ReadFailure::Unavailable("so the test wants it".to_owned()));
        }
        let there = |object: &&Value| match (&scope.namespace, namespace(object)) {
            (Some(named), place) => place == Some(named.as_str()),
            (None, place) => place.is_none() || place == own,
        };
        Ok(self.objects.iter().filter(|object| kind(object) == asked).filter(there).collect())
    }
}

fn kind(object: &Value) -> Kind {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Kind::new(group, object["kind"].as_str().unwrap_or_default())
}

fn namespace(object: &Value) -> Option<&str> {
    object["metadata"]["namespace"].as_str()
}

/// The object with these dotted paths alone, if there are any. What is not there is left out.
fn projected(object: &Value, fields: &[String]) -> Vec<u8> {
    if fields.is_empty() {
        return object.to_string().into_bytes();
    }
    let mut kept = Value::Object(Map::new());
    for field in fields {
        let path: Vec<&str> = field.split('.').collect();
        if let Some(value) = path.iter().try_fold(object, |value, segment| value.get(segment)) {
            let place = path.iter().fold(&mut kept, |place, segment| &mut place[segment]);
            *place = value.clone();
        }
    }
    kept.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(kind: &str, namespace: Option<&str>) -> Scope {
        Scope { group: String::new(), kind: kind.to_owned(), namespace: namespace.map(str::to_owned) }
    }

    fn secret(namespace: &str, name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "labels": {"of": name}},
            "data": {"token": "eA==", "other": "eQ=="},
        })
    }

    fn objects() -> Objects {
        let mut objects = Objects::default();
        for object in [secret("shop", "b"), secret("shop", "a"), secret("shared", "c")] {
            objects.add(object);
        }
        objects
    }

    #[test]
    fn only_what_was_asked_for_crosses() {
        let fields = ["data.token".to_owned(), "metadata.name".to_owned(), "data.none.deeper".to_owned()];
        let read = objects().get(&scope("Secret", None), Some("shop"), "a", &fields).unwrap();
        let read: Value = serde_json::from_slice(&read).unwrap();
        assert_eq!(read, json!({"data": {"token": "eA=="}, "metadata": {"name": "a"}}));
    }

    #[test]
    fn a_list_is_of_one_namespace_and_in_order() {
        let objects = objects();
        let names = |scope: &Scope, labels: &[(String, String)]| -> Vec<String> {
            let found = objects.list(scope, Some("shop"), labels, &[]).unwrap();
            let found = found.iter().map(|json| serde_json::from_slice::<Value>(json).unwrap());
            found.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&scope("Secret", None), &[]), ["a", "b"]);
        assert_eq!(names(&scope("Secret", Some("shared")), &[]), ["c"]);
        assert_eq!(names(&scope("Secret", None), &[("of".to_owned(), "b".to_owned())]), ["b"]);
    }

    #[test]
    fn what_was_not_prepared_is_denied() {
        let objects = objects();
        for denied in [scope("ConfigMap", None), scope("Secret", Some("elsewhere"))] {
            let read = objects.get(&denied, Some("shop"), "a", &[]);
            assert!(matches!(read, Err(ReadFailure::AccessDenied(_))), "{denied:?}");
        }
        let read = objects.get(&scope("Secret", None), Some("shop"), "none", &[]);
        assert!(matches!(read, Err(ReadFailure::NotFound)));
    }
}
