//! Objects that a hook changes as a type of its own, which need not name all that is in them.
//!
//! The type is written as JSON before the change and after it, and what differs is changed in the object. What the type does not name
//! stays as it is, as does the whole text where nothing differs.

use std::collections::HashSet;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;
use crate::decode::decode;

/// Changes one JSON object as a `T`. `what` names it in messages.
///
/// # Errors
///
/// Those of the change, and failed: the text is no `T`, what comes of it is no object, or the elements of a list cannot be told apart.
pub(crate) fn change<T: DeserializeOwned + Serialize>(
    what: impl Display,
    json: &[u8],
    change: impl FnOnce(T) -> Result<T, Error>,
) -> Result<Vec<u8>, Error> {
    let value: T = decode(json).map_err(|error| Error::failed(format!("{what}: {error}")))?;
    let before = serde_json::to_value(&value)?;
    let after = serde_json::to_value(change(value)?)?;
    if before == after {
        return Ok(json.to_vec());
    }
    let changed = merged(serde_json::from_slice(json)?, &before, after, "");
    match changed.map_err(|error| Error::failed(format!("{what}: {error}")))? {
        changed @ Value::Object(_) => Ok(serde_json::to_vec(&changed)?),
        _ => Err(Error::failed(format!("{what}: what the hook makes of it is no object"))),
    }
}

/// A list whose elements have fields that the type does not name, where it is not known which element they belong to.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: the elements of this list have no unique `name`, and fields that the hook's type does not have, so that it is not known \
     which of them stay; give the type all of their fields, or read the list as serde_json::Value"
)]
struct Ambiguous {
    path: String,
}

/// The whole with the difference of its known part.
fn merged(whole: Value, before: &Value, after: Value, path: &str) -> Result<Value, Ambiguous> {
    if *before == after {
        return Ok(whole);
    }
    if whole == *before {
        return Ok(after);
    }
    match (whole, before, after) {
        (Value::Object(whole), Value::Object(before), Value::Object(after)) => fields(whole, before, after, path),
        (Value::Array(whole), Value::Array(before), Value::Array(after)) => elements(whole, before, after, path),
        (_, _, after) => Ok(after),
    }
}

fn fields(
    mut whole: Map<String, Value>,
    before: &Map<String, Value>,
    after: Map<String, Value>,
    path: &str,
) -> Result<Value, Ambiguous> {
    whole.retain(|key, _| !before.contains_key(key) || after.contains_key(key));
    for (key, after) in after {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (whole.get_mut(&key), before.get(&key)) {
            (Some(whole), Some(before)) => *whole = merged(whole.take(), before, after, &path)?,
            // What the type writes of its own accord, such as a default, is no change.
            (None, Some(before)) if *before == after => {}
            _ => drop(whole.insert(key, after)),
        }
    }
    Ok(Value::Object(whole))
}

/// Elements are told apart by `name`, as Kubernetes does it in most lists. Without names, those that come after the known ones are new,
/// and one that differs at its place was changed.
fn elements(whole: Vec<Value>, before: &[Value], after: Vec<Value>, path: &str) -> Result<Value, Ambiguous> {
    let ambiguous = || Err(Ambiguous { path: path.to_owned() });
    // A type that reads some of the elements only.
    if whole.len() != before.len() {
        return ambiguous();
    }
    if let (Some(known), Some(_)) = (names(before), names(&after)) {
        let mut whole: Vec<Option<Value>> = whole.into_iter().map(Some).collect();
        let elements = after.into_iter().map(|element| {
            let at = known.iter().position(|name| element["name"] == **name);
            match at.and_then(|at| Some((at, whole.get_mut(at)?.take()?))) {
                Some((at, whole)) => merged(whole, &before[at], element, &format!("{path}[{at}]")),
                None => Ok(element),
            }
        });
        return elements.collect::<Result<_, _>>().map(Value::Array);
    }
    let count = before.len();
    if after.len() > count && after[..count] == *before {
        return Ok(whole.into_iter().chain(after.into_iter().skip(count)).collect());
    }
    let changed = |at: usize| before[at] != after[at];
    if after.len() != count || (0..count).any(|at| changed(at) && before.contains(&after[at])) {
        return ambiguous();
    }
    let elements = whole.into_iter().zip(before).zip(after).enumerate();
    let elements =
        elements.map(|(at, ((whole, before), after))| merged(whole, before, after, &format!("{path}[{at}]")));
    elements.collect::<Result<_, _>>().map(Value::Array)
}

/// The names of a list's elements, where each has one of its own.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = list.iter().map(|element| element["name"].as_str()).collect::<Option<_>>()?;
    let distinct: HashSet<&str> = names.iter().copied().collect();
    (distinct.len() == names.len()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, Serialize)]
    struct Pod {
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(default)]
        containers: Vec<Container>,
    }

    #[derive(Deserialize, Serialize, Clone)]
    struct Container {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        image: String,
    }

    fn changed(pod: &Value, edit: impl FnOnce(&mut Pod)) -> Result<Value, Error> {
        let json = change("the pod", pod.to_string().as_bytes(), |mut pod: Pod| {
            edit(&mut pod);
            Ok(pod)
        });
        Ok(serde_json::from_slice(&json?).unwrap())
    }

    fn pod(containers: Value) -> Value {
        json!({"note": "n", "node": {"a": 1}, "containers": containers})
    }

    #[test]
    fn what_is_not_changed_is_the_same_text() {
        let text = br#"{ "other" : 1.50, "containers": [ {"image":"i"} ] }"#;
        assert_eq!(change("it", text, |pod: Pod| Ok(pod)).unwrap(), text);
    }

    #[test]
    fn fields_that_the_type_does_not_have_stay() {
        let made = changed(&pod(json!([])), |pod| pod.note = Some("m".to_owned())).unwrap();
        assert_eq!(made, json!({"note": "m", "node": {"a": 1}, "containers": []}));
        // One that it takes away goes, and one that it writes by itself does not come.
        let made = changed(&json!({"note": "n", "node": 1}), |pod| pod.note = None).unwrap();
        assert_eq!(made, json!({"node": 1}));
    }

    #[test]
    fn elements_are_told_apart_by_their_names() {
        let named = json!([{"name": "a", "image": "i", "port": 1}, {"name": "b", "image": "j", "port": 2}]);
        let made = changed(&pod(named), |pod| {
            pod.containers.swap(0, 1);
            pod.containers[0].image = "k".to_owned();
            pod.containers[1] = Container { name: Some("c".to_owned()), image: "i".to_owned() };
        });
        let made = &made.unwrap()["containers"];
        assert_eq!(*made, json!([{"name": "b", "image": "k", "port": 2}, {"name": "c", "image": "i"}]));
    }

    #[test]
    fn elements_without_names_are_changed_at_their_places_and_added_at_the_end() {
        let unnamed = pod(json!([{"image": "i", "port": 1}, {"image": "i", "port": 2}]));
        let made = changed(&unnamed, |pod| pod.containers[1].image = "k".to_owned()).unwrap();
        assert_eq!(made["containers"], json!([{"image": "i", "port": 1}, {"image": "k", "port": 2}]));
        let made = changed(&unnamed, |pod| pod.containers.push(pod.containers[0].clone())).unwrap();
        let three = json!([{"image": "i", "port": 1}, {"image": "i", "port": 2}, {"image": "i"}]);
        assert_eq!(made["containers"], three);
    }

    #[test]
    fn where_elements_cannot_be_told_apart_nothing_is_guessed() {
        let unnamed = pod(json!([{"image": "i", "port": 1}, {"image": "j", "port": 2}]));
        for edit in [|list: &mut Vec<Container>| drop(list.remove(0)), |list: &mut Vec<Container>| list.swap(0, 1)] {
            let error = changed(&unnamed, |pod| edit(&mut pod.containers)).unwrap_err();
            assert!(error.message().starts_with("the pod: containers: the elements"), "{error}");
        }
        // Nothing is hidden here, so that all is allowed.
        let whole = pod(json!([{"image": "i"}, {"image": "j"}]));
        let made = changed(&whole, |pod| drop(pod.containers.remove(0))).unwrap();
        assert_eq!(made["containers"], json!([{"image": "j"}]));
    }

    #[test]
    fn another_type_fails_with_its_path() {
        let error = changed(&pod(json!([{"image": 1}])), |_| ()).unwrap_err();
        assert_eq!(error, Error::failed("the pod: containers[0].image is not of the type that the hook expects"));
        let list = change("it", b"[1]", |list: Vec<u8>| Ok([list, vec![2]].concat())).unwrap_err();
        assert_eq!(list, Error::failed("it: what the hook makes of it is no object"));
    }
}
