//! A plan's children and what a hook makes of them, put together.

use std::collections::HashMap;

use orkestra_sandbox::{Child, ChildRef, HookChild, Policy};

use crate::desired::declaration;
use crate::error::Error;
use crate::instance::{AfterRender, Entry};
use crate::plan::shown;

/// What a plan's children are when the hook has given its own: those that it was shown are as it gave them, or gone, and what it adds
/// comes last.
pub(super) fn merge(
    entry: &Entry,
    after: &AfterRender,
    planned: Vec<Child>,
    given: Vec<HookChild>,
) -> Result<Vec<Child>, Error> {
    let mut answers: HashMap<ChildRef, Vec<u8>> = HashMap::with_capacity(given.len());
    let mut order = Vec::with_capacity(given.len());
    for HookChild { id, key, object } in given {
        let child = ChildRef { id, key };
        if answers.insert(child.clone(), object).is_some() {
            return Err(Error::InvalidChild { id: shown(&child), message: "the hook gave it twice".to_owned() });
        }
        order.push(child);
    }
    let mut children = Vec::with_capacity(planned.len());
    for mut child in planned {
        match &child.object {
            Some(before) if after.children.contains(&child.child.id) => {
                let Some(object) = answers.remove(&child.child) else { continue };
                check_rights(entry, after, &child.child, Some(before), &object)?;
                child.object = Some(object);
                children.push(child);
            }
            _ => children.push(child),
        }
    }
    for child in order {
        let Some(object) = answers.remove(&child) else { continue };
        if !after.produces.contains(&child.id) {
            return Err(Error::UndeclaredChild { id: shown(&child) });
        }
        check_rights(entry, after, &child, None, &object)?;
        children.push(Child { child, policy: Policy::Apply, object: Some(object), ready: None, after: Vec::new() });
    }
    Ok(children)
}

/// Fields that decide over rights are the templates' alone: what flows into them there was followed at build.
fn check_rights(
    entry: &Entry,
    after: &AfterRender,
    child: &ChildRef,
    before: Option<&Vec<u8>>,
    object: &[u8],
) -> Result<(), Error> {
    if before.is_some_and(|before| before == object) {
        return Ok(());
    }
    let declared = declaration(entry, &child.id)?;
    let invalid = |message: String| Error::InvalidChild { id: shown(child), message };
    let read = |bytes: &[u8]| crate::json::parse_strict(bytes).map_err(|error| invalid(error.to_string()));
    let before = before.map(|before| read(before)).transpose()?;
    let object = read(object)?;
    // What may lie elsewhere lies where its template says: that was followed at build, and was granted.
    let place = |object: &serde_json::Value| object.pointer("/metadata/namespace").cloned();
    if let (Some(before), Some(namespace)) = (&before, place(&object))
        && place(before) != Some(namespace)
    {
        return Err(invalid("the hook changed `metadata.namespace`; that is for templates alone".to_owned()));
    }
    match (after.rights_changed)(&declared.api_version, &declared.kind, before.as_ref(), &object) {
        None => Ok(()),
        Some(field) => Err(invalid(format!(
            "the hook changed {field}; that is for templates alone, which can use what a hook gives before they are rendered"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::instance::{ChildPolicy, DeclaredChild};

    fn entry() -> Entry {
        let child = |id: &str| DeclaredChild::new(id, "v1", "ConfigMap", ChildPolicy::Apply);
        Entry::of_webs(vec![child("a"), child("b"), child("more")])
    }

    fn after() -> AfterRender {
        AfterRender {
            children: vec!["a".to_owned()],
            produces: vec!["more".to_owned()],
            rights_changed: Arc::new(|_, _, before, after| {
                (before.and_then(|before| before.get("right")) != after.get("right")).then(|| "`right`".to_owned())
            }),
        }
    }

    fn planned(id: &str, object: Option<&str>) -> Child {
        let (child, object) = (ChildRef { id: id.to_owned(), key: None }, object.map(|text| text.as_bytes().to_vec()));
        Child { child, policy: Policy::Apply, object, ready: Some(false), after: Vec::new() }
    }

    fn given(id: &str, object: &str) -> HookChild {
        HookChild { id: id.to_owned(), key: None, object: object.as_bytes().to_vec() }
    }

    fn merged(given: Vec<HookChild>) -> Result<Vec<(String, Option<String>)>, Error> {
        let plan = vec![planned("b", Some("{}")), planned("a", Some(r#"{"right":1}"#)), planned("c", None)];
        let text = |object: Vec<u8>| String::from_utf8(object).unwrap();
        let children = merge(&entry(), &after(), plan, given)?.into_iter();
        Ok(children.map(|child| (child.child.id, child.object.map(text))).collect())
    }

    #[test]
    fn what_is_shown_is_changed_or_left_out_and_what_is_added_comes_last() {
        let found = merged(vec![given("more", r#"{"x":1}"#), given("a", r#"{"right":1,"b":2}"#)]).unwrap();
        let text = |text: &str| Some(text.to_owned());
        let rest =
            [("b".to_owned(), text("{}")), ("a".to_owned(), text(r#"{"right":1,"b":2}"#)), ("c".to_owned(), None)];
        assert_eq!(found[..3], rest);
        assert_eq!(found[3], ("more".to_owned(), text(r#"{"x":1}"#)));
        let ids: Vec<String> = merged(Vec::new()).unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["b", "c"]);
    }

    #[test]
    fn what_is_not_listed_or_decides_over_rights_is_refused() {
        let same = || given("a", r#"{"right":1}"#);
        assert!(merged(vec![same()]).is_ok());
        for (given, reason) in [
            // Not declared at all, declared and not listed, and one of many that was not shown.
            (vec![same(), given("other", "{}")], "UndeclaredChild"),
            (vec![same(), given("b", "{}")], "UndeclaredChild"),
            (vec![same(), HookChild { key: Some("k".to_owned()), ..same() }], "UndeclaredChild"),
            (vec![same(), same()], "InvalidChild"),
            (vec![given("a", r#"{"right":2}"#)], "InvalidChild"),
            (vec![given("a", "{}")], "InvalidChild"),
            (vec![given("a", r#"{"right":1,"metadata":{"namespace":"other"}}"#)], "InvalidChild"),
            (vec![given("a", r#"{"right":1,"right":1}"#)], "InvalidChild"),
            (vec![given("a", "no JSON")], "InvalidChild"),
            (vec![same(), given("more", r#"{"right":1}"#)], "InvalidChild"),
        ] {
            assert_eq!(merged(given.clone()).unwrap_err().reason(), reason, "{given:?}");
        }
    }
}
