//! Plans that want to be somebody else: what a guest plans, through the sandbox, and what the host makes of it.

use std::sync::Arc;
use std::time::Duration;

use orkestra_operator::{Api, ChildPolicy, DeclaredChild, Entry, Given, Identity, Instance, preview};

use crate::guest::{Answer, Guest, HEAP, child};
use crate::table::{Row, Verdict, all, row};
use crate::{load, small};

/// An entry that declares the child `settings`, a ConfigMap.
fn entry() -> Entry {
    Entry {
        hook: None,
        name: "any".to_owned(),
        api: Api {
            group: "example.com".to_owned(),
            version: "v1".to_owned(),
            kind: "Web".to_owned(),
            plural: "webs".to_owned(),
            namespaced: true,
        },
        foreign: false,
        selector: None,
        workers: 1,
        resync: Duration::from_secs(600),
        running: orkestra_operator::Running::default(),
        children: vec![DeclaredChild::new("settings", "v1", "ConfigMap", ChildPolicy::Apply)],
        reads: Vec::new(),
    }
}

/// What becomes of a plan with these children, each an id and an object.
fn planned(children: &[(&str, &str)]) -> Verdict {
    let (mut records, mut texts) = (Vec::new(), Vec::new());
    let base = HEAP + 48 * u32::try_from(children.len()).expect("few children");
    let mut text = |text: &str| {
        let at = base + u32::try_from(texts.len()).expect("short texts");
        texts.extend_from_slice(text.as_bytes());
        (at, u32::try_from(text.len()).expect("a short text"))
    };
    for (id, object) in children {
        let (id, object) = (text(id), text(object));
        records.extend(child(id, 1, object));
    }
    records.extend(texts);
    let count = u32::try_from(children.len()).expect("few children");
    let status = text_of_status(&mut records);
    let answer = Answer { children: (HEAP, count), status, ..Answer::default() };
    let pattern = load(&Guest::answering(&answer).with_heap(records), small()).map_err(|refused| refused.reason())?;
    judged(Arc::new(pattern))
}

/// Puts an empty status behind what is there, and says where.
fn text_of_status(heap: &mut Vec<u8>) -> (u32, u32) {
    let at = HEAP + u32::try_from(heap.len()).expect("a small heap");
    heap.extend_from_slice(b"{}");
    (at, 2)
}

fn judged(pattern: Arc<orkestra_sandbox::Pattern>) -> Verdict {
    let entry = entry();
    let instance = Instance {
        hook: None,
        name: "shop".to_owned(),
        entries: vec![entry.clone()],
        crds: Vec::new(),
        converts: Vec::new(),
        admits: Vec::new(),
        pattern,
        inputs: b"{}".to_vec(),
        identity: Identity::Process,
        about: Default::default(),
    };
    let primary =
        br#"{"apiVersion":"example.com/v1","kind":"Web","metadata":{"name":"w","namespace":"n","uid":"u-1"}}"#;
    let given = Given { primary: primary.to_vec(), ..Given::default() };
    let made = preview(&instance, &entry, &given).map_err(|refused| refused.reason())?;
    // What is accepted is the host's own in all that says who and whose it is.
    for child in made.children {
        let object = child.object.expect("an object");
        let metadata = &object["metadata"];
        assert_eq!((&object["apiVersion"], &object["kind"]), (&"v1".into(), &"ConfigMap".into()));
        assert_eq!(metadata["namespace"], "n");
        assert_eq!(metadata["labels"]["orkestra.orkspace.io/owner-uid"], "u-1");
        assert_eq!(metadata["ownerReferences"].as_array().map(Vec::len), Some(1));
        assert_eq!(metadata["ownerReferences"][0]["uid"], "u-1");
    }
    Ok(())
}

/// One child with these members beside its name.
fn with(members: &str) -> Verdict {
    planned(&[("settings", &format!(r#"{{"metadata":{{"name":"a"}}{members}}}"#))])
}

/// One child with these members of its metadata beside its name.
fn metadata(members: &str) -> Verdict {
    planned(&[("settings", &format!(r#"{{"metadata":{{"name":"a"{members}}}}}"#))])
}

fn named(name: &str) -> Verdict {
    planned(&[("settings", &format!(r#"{{"metadata":{{"name":{}}}}}"#, serde_json::Value::from(name)))])
}

fn deep(levels: usize) -> Verdict {
    with(&format!(r#","data":{}1{}"#, "[".repeat(levels), "]".repeat(levels)))
}

pub(crate) fn rows() -> Vec<Row> {
    const OBJECT: &str = r#"{"metadata":{"name":"a"}}"#;
    vec![
        row(
            "child-of-another-kind",
            "plans a ClusterRoleBinding, and one of another version, under the id of a ConfigMap",
            "InvalidChild",
            || {
                all([r#","kind":"ClusterRoleBinding""#, r#","apiVersion":"rbac.authorization.k8s.io/v1""#]
                    .map(|members| (members.to_owned(), with(members))))
            },
            "says what is declared",
            || with(r#","apiVersion":"v1","kind":"ConfigMap""#),
        ),
        row(
            "child-that-nobody-declared",
            "plans a child with an id that its Katalog does not have",
            "UndeclaredChild",
            || planned(&[("settings", OBJECT), ("backdoor", OBJECT)]),
            "plans the one that it has",
            || planned(&[("settings", OBJECT)]),
        ),
        row(
            "child-listed-twice",
            "plans one child two times, under two names",
            "InvalidChild",
            || planned(&[("settings", OBJECT), ("settings", r#"{"metadata":{"name":"b"}}"#)]),
            "plans it once",
            || planned(&[("settings", OBJECT)]),
        ),
        row(
            "forged-owner",
            "says whose its child is",
            "InvalidChild",
            || metadata(r#","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"x","uid":"u-2"}]"#),
            "leaves that to the host",
            || metadata(""),
        ),
        row(
            "forged-identity",
            "writes a UID, a resource version, finalizers, field managers or a generated name",
            "InvalidChild",
            || {
                let forged = [
                    r#","uid":"u-2""#,
                    r#","resourceVersion":"1""#,
                    r#","finalizers":["x/y"]"#,
                    r#","managedFields":[]"#,
                    r#","generateName":"a-""#,
                    r#","deletionTimestamp":"2026-01-01T00:00:00Z""#,
                ];
                all(forged.map(|members| (members.to_owned(), metadata(members))))
            },
            "writes labels and annotations",
            || metadata(r#","labels":{"tier":"web"},"annotations":{"x":"y"}"#),
        ),
        row(
            "forged-marks",
            "writes the labels and annotations by which the runtime knows its own",
            "InvalidChild",
            || {
                let forged = [
                    r#","labels":{"orkestra.orkspace.io/owner-uid":"u-2"}"#,
                    r#","labels":{"orkestra.orkspace.io/pattern":"other"}"#,
                    r#","labels":{"orkestra.orkspace.io/id":"other"}"#,
                    r#","annotations":{"orkestra.orkspace.io/applied":"x"}"#,
                    r#","annotations":{"orkestra.orkspace.io/key":"x"}"#,
                ];
                all(forged.map(|members| (members.to_owned(), metadata(members))))
            },
            "writes the id that it has",
            || metadata(r#","labels":{"orkestra.orkspace.io/id":"settings"}"#),
        ),
        row(
            "status-of-a-child",
            "writes the status of its child",
            "InvalidChild",
            || with(r#","status":{"ready":true}"#),
            "writes its data",
            || with(r#","data":{"ready":"true"}"#),
        ),
        row(
            "name-that-leaves-its-path",
            "names its child so that a request for it is another request",
            "InvalidChild",
            || {
                let names =
                    ["a/b", "../secrets/a", "a%2fb", "a?x=y", "a#b", ".", "..", "", "a b", "a\\b", "a\u{0}b", "ä"];
                all(names.map(|name| (name.to_owned(), named(name))))
            },
            "with letters, dots and dashes",
            || named("a.b-c"),
        ),
        row(
            "name-without-end",
            "names its child with 254 letters",
            "InvalidChild",
            || named(&"a".repeat(254)),
            "with 253",
            || named(&"a".repeat(253)),
        ),
        row(
            "another-namespace",
            "places its child in kube-system, and in a namespace that leaves its path",
            "InvalidChild",
            || {
                all([r#","namespace":"kube-system""#, r#","namespace":"../n""#, r#","namespace":["n"]"#]
                    .map(|members| (members.to_owned(), metadata(members))))
            },
            "in that of its resource",
            || metadata(r#","namespace":"n""#),
        ),
        row(
            "key-twice",
            "gives two values for one key, at the top and further down, once written with an escape",
            "InvalidChild",
            || {
                all([
                    r#","data":{},"data":{"a":"b"}"#,
                    r#","data":{"a":{"k":1,"k":2}}"#,
                    r#","data":{"k":1,"\u006b":2}"#,
                ]
                .map(|members| (members.to_owned(), with(members))))
            },
            "gives one",
            || with(r#","data":{"k":"1"}"#),
        ),
        row(
            "child-deeper-than-any-object",
            "nests the object of its child deeper than 64 levels",
            "InvalidChild",
            || deep(64),
            "63 levels below the top",
            || deep(63),
        ),
        row(
            "child-that-is-no-object",
            "plans a list, half an object, two objects",
            "InvalidChild",
            || {
                all(["[]", r#"{"metadata":{"name":"a"}"#, r#"{"metadata":{"name":"a"}}{}"#, "null"]
                    .map(|text| (text.to_owned(), planned(&[("settings", text)]))))
            },
            "plans one object",
            || planned(&[("settings", OBJECT)]),
        ),
    ]
}
