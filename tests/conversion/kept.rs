//! The annotation that holds what a version cannot.

use serde_json::{Value, json};

use crate::subject::{ANNOTATION, Subject, Versions, spec, thing};

fn subject() -> Subject {
    Versions {
        v1: "
image: {type: string}
tier: {type: string}
hosts: {type: array, maxItems: 100, items: {type: string, maxLength: 63}}
users: {type: array, maxItems: 100, items: {type: object, properties: {name: {type: string}, quota: {type: integer}}}}
ports: {type: array, maxItems: 100, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, weight: {type: integer}, port: {type: integer}}}}
",
        v1alpha1: "
image: {type: string}
legacy: {type: boolean}
host: {type: string}
users: {type: array, maxItems: 100, items: {type: object, properties: {name: {type: string}}}}
ports: {type: array, maxItems: 100, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, port: {type: integer}}}}
",
        status: ("", ""),
        paths: "- {from: v1alpha1, to: v1, rules: [{wrap: spec.host, as: spec.hosts}]}",
    }
    .subject()
}

fn stored() -> Value {
    thing(
        "v1",
        json!({"hosts": ["a", "b"], "image": "i", "ports": [{"name": "x", "port": 1, "weight": 5}, {"name": "y", "port": 2}], "tier": "gold",
            "users": [{"name": "bob", "quota": 1}, {"name": "eve"}]}),
    )
}

#[test]
fn what_the_old_version_cannot_hold_comes_back() {
    let subject = subject();
    let old = subject.convert("v1alpha1", &stored()).unwrap();
    assert_eq!(
        spec(&old),
        &json!({"host": "a", "image": "i", "ports": [{"name": "x", "port": 1}, {"name": "y", "port": 2}],
            "users": [{"name": "bob"}, {"name": "eve"}]})
    );
    assert!(old["metadata"]["annotations"][ANNOTATION].is_string());
    assert_eq!(subject.convert("v1", &old).unwrap(), stored());
}

#[test]
fn the_annotation_goes_when_it_is_empty_and_others_stay() {
    let subject = subject();
    let plain = thing("v1", json!({"image": "i"}));
    assert_eq!(subject.convert("v1alpha1", &plain).unwrap()["metadata"].get("annotations"), None);
    let mut object = stored();
    object["metadata"]["annotations"] = json!({"other": "o"});
    let old = subject.convert("v1alpha1", &object).unwrap();
    assert_eq!(old["metadata"]["annotations"].as_object().unwrap().len(), 2);
    assert_eq!(subject.convert("v1", &old).unwrap(), object);
}

#[test]
fn what_a_client_changed_since_wins_and_the_rest_comes_back() {
    let subject = subject();
    let mut old = subject.convert("v1alpha1", &stored()).unwrap();
    old["spec"]["image"] = "j".into();
    old["spec"]["host"] = "c".into();
    old["spec"]["ports"] = json!([{"name": "z", "port": 3}, {"name": "x", "port": 9}]);
    old["spec"]["users"] = json!([{"name": "new"}, {"name": "bob"}]);
    let new = subject.convert("v1", &old).unwrap();
    assert_eq!(
        spec(&new),
        &json!({"hosts": ["c"], "image": "j", "ports": [{"name": "z", "port": 3}, {"name": "x", "port": 9, "weight": 5}],
            "tier": "gold", "users": [{"name": "new"}, {"name": "bob", "quota": 1}]})
    );
}

#[test]
fn what_the_storage_version_cannot_hold_is_kept_in_it() {
    let subject = subject();
    let old = thing("v1alpha1", json!({"image": "i", "legacy": true}));
    let stored = subject.convert("v1", &old).unwrap();
    assert_eq!(spec(&stored), &json!({"image": "i"}));
    assert_eq!(subject.convert("v1alpha1", &stored).unwrap(), old);
}

#[test]
fn a_forged_annotation_changes_nothing_that_the_version_shows() {
    let subject = subject();
    let with = |entries: Value| {
        let mut old = thing("v1alpha1", json!({"host": "a", "image": "i"}));
        old["metadata"]["annotations"] = json!({ANNOTATION: entries.to_string()});
        let new = subject.convert("v1", &old).unwrap();
        assert_eq!(new["metadata"].get("annotations"), None, "{entries}");
        new
    };
    let plain = json!({"hosts": ["a"], "image": "i"});
    for forged in [
        // What the version shows, with the right value before it and with a wrong one.
        json!({"v1": [{"at": ["spec", "image"], "was": "i", "is": "evil"}]}),
        json!({"v1": [{"at": ["spec", "image"], "is": "evil"}]}),
        json!({"v1": [{"at": ["spec", "hosts"], "was": ["a"], "is": ["evil"]}]}),
        json!({"v1": [{"at": ["spec"], "was": {"hosts": ["a"], "image": "i"}, "is": {"image": "evil"}}]}),
        // Not of the place's type, or no place at all.
        json!({"v1": [{"at": ["spec", "tier"], "is": 7}]}),
        json!({"v1": [{"at": ["spec", "evil"], "is": "x"}]}),
        json!({"v1": [{"at": ["metadata", "name"], "is": "evil"}]}),
        json!({"v1": [{"at": ["status", "x"], "is": "evil"}]}),
        // Not what we write.
        json!({"v1": {"spec": "x"}}),
        json!([1, 2]),
        json!({"v1": [{"at": [], "is": 1}, {"at": [1], "is": 1}, {"at": "spec", "is": 1}, 5]}),
        json!({"v1": [{"at": ["spec", "users"], "items": [{"was": 1}]}]}),
    ] {
        assert_eq!(spec(&with(forged.clone())), &plain, "{forged}");
    }
    // One that tells the truth beside one that does not.
    let mixed =
        json!({"v1": [{"at": ["spec", "image"], "was": "i", "is": "evil"}, {"at": ["spec", "tier"], "is": "gold"}]});
    assert_eq!(spec(&with(mixed)), &json!({"hosts": ["a"], "image": "i", "tier": "gold"}));
    for text in ["", "{", "null", "\"x\"", "{\"v1\":[{\"at\":[\"spec\",\"tier\"],\"at\":[\"spec\"],\"is\":\"x\"}]}"] {
        let mut old = thing("v1alpha1", json!({"host": "a", "image": "i"}));
        old["metadata"]["annotations"] = json!({ANNOTATION: text});
        assert_eq!(spec(&subject.convert("v1", &old).unwrap()), &plain, "{text}");
    }
}

#[test]
fn what_does_not_fit_an_annotation_fails_by_name() {
    let subject = subject();
    let large = thing("v1", json!({"tier": "x".repeat(300 << 10)}));
    assert_eq!(subject.convert("v1alpha1", &large).unwrap_err().reason(), "PreservedTooLarge");
    let fits = thing("v1", json!({"tier": "x".repeat(200 << 10)}));
    let old = subject.convert("v1alpha1", &fits).unwrap();
    assert_eq!(subject.convert("v1", &old).unwrap(), fits);
}

#[test]
fn a_fragment_has_no_annotation() {
    let subject = subject();
    let mut fragment = stored();
    fragment["metadata"].as_object_mut().unwrap().shift_remove("uid");
    let old = subject.convert("v1alpha1", &fragment).unwrap();
    assert_eq!(old["metadata"].get("annotations"), None);
}

#[test]
fn an_annotation_whose_key_a_rule_moves_comes_back_where_it_is_the_only_one() {
    let subject = Versions {
        v1: "tier: {type: string}\nmore: {type: string}",
        v1alpha1: "a: {type: string}",
        status: ("", ""),
        paths: "- {from: v1alpha1, to: v1, rules: [{move: {from: \"metadata.annotations['example.com/tier']\", to: spec.tier}}]}",
    }
    .subject();
    for spec in [json!({}), json!({"tier": "silver"}), json!({"more": "m"})] {
        for annotations in [json!({"example.com/tier": "gold"}), json!({"example.com/tier": "gold", "other": "o"})] {
            let mut stored = thing("v1", spec.clone());
            stored["metadata"]["annotations"] = annotations;
            let old = subject.convert("v1alpha1", &stored).unwrap();
            assert_eq!(old["metadata"]["annotations"].get("example.com/tier"), spec.get("tier"));
            assert_eq!(subject.convert("v1", &old).unwrap(), stored);
        }
    }
    let (problems, text) = subject.proof(1000);
    assert!(problems.is_empty(), "{text}");
}
