//! Objects by their labels, so that one of many is found without a look at all of them.

use std::collections::{HashMap, HashSet};

use crate::object::{Object, ObjectKey};

/// Which objects have a label.
#[derive(Default)]
pub(crate) struct LabelIndex(HashMap<Box<str>, HashMap<Box<str>, HashSet<ObjectKey>>>);

impl LabelIndex {
    pub(crate) fn of<'a>(objects: impl Iterator<Item = &'a Object>) -> Self {
        let mut index = Self::default();
        objects.for_each(|object| index.add(object));
        index
    }

    pub(crate) fn add(&mut self, object: &Object) {
        for (key, value) in object.labels() {
            let values = self.0.entry(key.as_str().into()).or_default();
            values.entry(value.as_str().into()).or_default().insert(object.key.clone());
        }
    }

    pub(crate) fn remove(&mut self, object: &Object) {
        for (key, value) in object.labels() {
            let Some(values) = self.0.get_mut(key.as_str()) else { continue };
            if let Some(keys) = values.get_mut(value.as_str()) {
                keys.remove(&object.key);
                if keys.is_empty() {
                    values.remove(value.as_str());
                }
            }
            if values.is_empty() {
                self.0.remove(key.as_str());
            }
        }
    }

    /// The objects with that one of the labels which the fewest have; none: no object has all of them.
    pub(crate) fn fewest(&self, labels: &[(String, String)]) -> Option<&HashSet<ObjectKey>> {
        let with = |(key, value): &(String, String)| self.0.get(key.as_str())?.get(value.as_str());
        let all: Option<Vec<_>> = labels.iter().map(with).collect();
        all?.into_iter().min_by_key(|keys| keys.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, labels: &[(&str, &str)]) -> Object {
        let labels: HashMap<_, _> = labels.iter().copied().collect();
        let object = json!({"metadata": {"name": name, "namespace": "n", "uid": name, "labels": labels}});
        Object::parse(object.to_string().as_bytes(), "v1", "ConfigMap").unwrap()
    }

    fn found(index: &LabelIndex, labels: &[(&str, &str)]) -> Option<Vec<String>> {
        let labels: Vec<_> = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut names: Vec<String> = index.fewest(&labels)?.iter().map(|key| key.name.to_string()).collect();
        names.sort();
        Some(names)
    }

    #[test]
    fn the_rarest_label_decides_and_what_is_gone_is_not_found() {
        let (a, b, c) = (object("a", &[("app", "x"), ("tier", "1")]), object("b", &[("app", "x")]), object("c", &[]));
        let mut index = LabelIndex::of([&a, &b, &c].into_iter());
        assert_eq!(found(&index, &[("app", "x")]).unwrap(), ["a", "b"]);
        assert_eq!(found(&index, &[("app", "x"), ("tier", "1")]).unwrap(), ["a"]);
        assert_eq!(found(&index, &[("app", "x"), ("tier", "2")]), None);
        assert_eq!(found(&index, &[("other", "x")]), None);
        index.remove(&a);
        assert_eq!(found(&index, &[("app", "x")]).unwrap(), ["b"]);
        index.remove(&b);
        assert!(index.0.is_empty());
    }
}
