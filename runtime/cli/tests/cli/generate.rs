use serde_json::Value;

use crate::support::{Copy, Ended, ork, ork_in, postgres};

fn rbac<const N: usize>(more: [&str; N]) -> Ended {
    let dir = postgres();
    let mut args = vec!["generate", "rbac", dir.to_str().unwrap()];
    args.extend(more);
    match *args.as_slice() {
        [a, b, c] => ork([a, b, c]),
        [a, b, c, d, e] => ork([a, b, c, d, e]),
        [a, b, c, d, e, f, g] => ork([a, b, c, d, e, f, g]),
        _ => panic!("{args:?}"),
    }
}

/// Paths of this machine are none of a golden file's.
fn shown(ended: &Ended) -> String {
    ended.text().replace(postgres().to_str().unwrap(), "postgres")
}

#[test]
fn the_rights_of_the_shipped_pattern_are_as_they_were_read_and_found_good() {
    let all = rbac([]).ends(0);
    assert_eq!(all.stderr, "");
    insta::assert_snapshot!("rbac", shown(&all));
    insta::assert_snapshot!("rbac_text", shown(&rbac(["--format", "text"]).ends(0)));
    assert_eq!(all.stdout, rbac([]).ends(0).stdout, "the order is not the same each time");
}

#[test]
fn a_namespace_narrows_the_patterns_and_the_runtime() {
    let roles = |ended: Ended| -> Vec<String> {
        let list = ended.ends(0).json();
        let items = list["items"].as_array().unwrap().iter().filter(|item| item.get("rules").is_some());
        items
            .map(|item| format!("{} {} {}", item["kind"], item["metadata"]["name"], item["metadata"]["namespace"]))
            .map(|line| line.replace('"', ""))
            .collect()
    };
    assert_eq!(
        roles(rbac(["--format", "json"])),
        [
            "ClusterRole orkestra:orkestra-system null",
            "Role orkestra:orkestra-system orkestra-system",
            "ClusterRole orkestra:orkestra-system:postgres null",
        ]
    );
    assert_eq!(
        roles(rbac(["--format", "json", "-n", "a"])),
        [
            "ClusterRole orkestra:orkestra-system null",
            "Role orkestra:orkestra-system a",
            "Role orkestra:orkestra-system orkestra-system",
            "Role orkestra:orkestra-system:postgres a",
        ]
    );
}

#[test]
fn no_pattern_takes_the_runtimes_place_by_its_name() {
    let copy = Copy::new().edit("katalog.yaml", "  name: postgres\n", "  name: runtime\n");
    let list = ork(["generate", "rbac", copy.path(), "--format", "json"]).ends(0).json();
    let items = list["items"].as_array().unwrap();
    let name =
        |item: &Value| format!("{} {} {}", item["kind"], item["metadata"]["name"], item["metadata"]["namespace"]);
    let names: std::collections::BTreeSet<String> = items.iter().map(name).collect();
    assert_eq!(names.len(), items.len(), "{names:#?}");
}

#[test]
fn no_rule_is_wider_than_it_must_be() {
    let list = rbac(["--format", "json"]).ends(0).json();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut impersonates = 0;
    for item in list["items"].as_array().unwrap() {
        for rule in item["rules"].as_array().into_iter().flatten() {
            let verbs = texts(&rule["verbs"]);
            for text in verbs.iter().chain(&texts(&rule["resources"])).chain(&texts(&rule["apiGroups"])) {
                assert!(!["*", "escalate", "bind", "deletecollection", "update"].contains(&&**text), "{rule}");
            }
            if verbs.contains(&"impersonate".to_owned()) {
                impersonates += 1;
                assert_eq!(texts(&rule["resourceNames"]), ["orkestra-postgres"]);
                assert_eq!(item["metadata"]["namespace"], "orkestra-system");
            }
            if item["metadata"]["name"] == "orkestra:orkestra-system" && item["kind"] == "ClusterRole" {
                // Its patterns' own resources it also lists; of all else it gets what it knows by name.
                let known = rule.get("resourceNames").is_some() || texts(&rule["resources"]) == ["postgreses"];
                assert!(!verbs.contains(&"get".to_owned()) || known, "{rule}");
                assert!(!verbs.contains(&"delete".to_owned()), "{rule}");
            }
        }
    }
    assert_eq!(impersonates, 1);
}

#[test]
fn what_is_never_given_and_what_is_guessed_is_told() {
    let manifests = "\
          resources:
            - id: hook
              manifest:
                apiVersion: example.com/v1
                kind: Proxy
                metadata: {name: \"{{ metadata.name }}\"}
            - id: reader
              manifest:
                apiVersion: rbac.authorization.k8s.io/v1
                kind: Role
                metadata: {name: \"{{ metadata.name }}\"}
                rules:
                  - {apiGroups: [''], resources: [endpoints], verbs: [get]}
                  - {apiGroups: [''], resources: [pods/exec], verbs: [create]}
";
    let next = "          podDisruptionBudgets:\n";
    let copy = Copy::new().edit("katalog.yaml", next, &format!("          {manifests}{next}"));
    let ended = ork(["generate", "rbac", copy.path(), "--format", "text"]).ends(0);
    assert!(ended.stderr.contains("`proxies`") && ended.stderr.contains("a guess"), "{}", ended.stderr);
    assert!(ended.stderr.contains("child `reader` gives `create` on `pods/exec`"), "{}", ended.stderr);
    assert!(ended.text().contains("\n  get endpoints\n"), "{}", ended.text());
    assert!(!ended.text().contains("pods/exec"), "{}", ended.text());
}

#[test]
fn namespaces_that_are_nobodys_are_refused() {
    for (option, name, problem) in [
        ("--namespace", "kube-system", "no pattern works in"),
        ("--namespace", "orkestra-system", "no pattern works in"),
        ("--namespace", "a\n  b: c", "is no name"),
        ("--system-namespace", "default", "not the runtime's alone"),
        ("--system-namespace", "", "is no name"),
    ] {
        let ended = rbac([option, name]).ends(2);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}

#[test]
fn places_are_seen_from_where_one_is() {
    let ended = ork_in(&postgres(), &["generate", "rbac", "--format", "text"]).ends(0);
    assert!(
        ended.text().contains(
            "child `config` of entry `postgres`: made and kept so, deleted when no longer wanted (katalog.yaml:"
        ),
        "{}",
        ended.text()
    );
}

/// A rule without names is one for all objects.
#[test]
fn a_komposer_without_patterns_gives_no_right_on_what_is_given_by_name() {
    let copy = Copy::new();
    let komposer = format!("{}/empty.yaml", copy.path());
    let text = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: empty}\nimports: {}\n";
    std::fs::write(&komposer, text).unwrap();
    let list = ork(["generate", "rbac", "-f", &komposer, "--format", "json"]).ends(0).json();
    let rules =
        list["items"].as_array().unwrap().iter().flat_map(|item| item["rules"].as_array().into_iter().flatten());
    let resources: Vec<String> = rules.map(|rule| rule["resources"][0].to_string()).collect();
    assert!(resources.contains(&"\"leases\"".to_owned()), "{resources:?}");
    for never in ["\"customresourcedefinitions\"", "\"serviceaccounts\""] {
        assert!(!resources.contains(&never.to_owned()), "{resources:?}");
    }
}
