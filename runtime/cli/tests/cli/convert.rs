use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{ork, postgres};

/// A resource as clients of `v14` wrote it, with every field of its `spec`.
const WHOLE: &str = "\
apiVersion: postgres.orkestra.io/v1
kind: Postgres
metadata: {name: shop, namespace: team, uid: u}
spec:
  version: \"14.3\"
  replicas: 3
  database: shop
  authSecret: mine
  authSecretKey: key
  storage: 20Gi
  storageClass: fast
  maxConnections: 200
  cpu: \"2\"
  memory: 4Gi
";
/// One of which every field is a default.
const BARE: &str = "\
apiVersion: postgres.orkestra.io/v1
kind: Postgres
metadata: {name: shop, namespace: team, uid: u}
spec: {}
";

fn pattern(name: &str) -> PathBuf {
    postgres().join("../..").join(name).canonicalize().unwrap()
}

/// The objects that a pattern makes of a resource, without the version of their owner.
fn children(pattern: &Path, resource: &Path) -> Vec<Value> {
    let arguments =
        ["render", pattern.to_str().unwrap(), "--cr", resource.to_str().unwrap(), "--format", "json", "--show-secrets"];
    let rendered = ork(arguments).ends(0).json();
    let owned = |mut child: Value| {
        if let Some(owner) = child.pointer_mut("/object/metadata/ownerReferences/0/apiVersion") {
            *owner = json!("of the pattern");
        }
        // Each of them draws another one; in a cluster the one that is there stays.
        if child["id"] == "password" {
            child["object"]["data"] = json!({});
        }
        child
    };
    rendered["children"].as_array().unwrap().iter().cloned().map(owned).collect()
}

#[test]
fn what_v15_makes_of_a_converted_resource_is_what_v14_made_of_it() {
    let (before, after) = (pattern("postgres/v14"), pattern("postgres/v15"));
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old.yaml"), directory.path().join("new.yaml"));
    for (name, text) in [("whole", WHOLE), ("bare", BARE)] {
        std::fs::write(&old, text).unwrap();
        let arguments = ["convert", "--to", "v2", old.to_str().unwrap(), "--dir", after.to_str().unwrap()];
        std::fs::write(&new, ork(arguments).ends(0).text()).unwrap();
        let made = children(&before, &old);
        assert!(made.iter().any(|child| child["object"]["kind"] == "StatefulSet"), "{name}");
        assert_eq!(made, children(&after, &new), "{name}");
    }
}

#[test]
fn the_line_of_a_crontab_becomes_fields_and_they_become_the_line_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let text = "apiVersion: jobs.orkestra.io/v1\nkind: CronTab\nmetadata: {name: x, uid: u}\nspec: {cronSpec: '*/5 1,2 * * mon-fri', image: i}\n";
    std::fs::write(file("v1.yaml"), text).unwrap();
    let crontab = pattern("crontab/v2");
    let convert = |to: &str, from: &str| {
        let from = file(from);
        let arguments = ["convert", "--to", to, from.to_str().unwrap(), "--dir", crontab.to_str().unwrap()];
        ork(arguments).ends(0).text().to_owned()
    };
    let there = convert("v2", "v1.yaml");
    std::fs::write(file("v2.yaml"), &there).unwrap();
    for line in ["minute: \"*/5\"", "hour: 1,2", "dayOfWeek: mon-fri"] {
        assert!(there.contains(line), "{line:?} is not in\n{there}");
    }
    let back = convert("v1", "v2.yaml");
    assert!(back.contains("cronSpec: \"*/5 1,2 * * mon-fri\""), "{back}");
}

#[test]
fn what_is_printed_as_json_is_read_again_and_has_the_defaults_of_its_version() {
    let directory = tempfile::tempdir().unwrap();
    let (file, pattern) = (directory.path().join("resources"), pattern("postgres/v15"));
    let convert = |to: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let (file, pattern) = (file.to_str().unwrap(), pattern.to_str().unwrap());
        ork(["convert", "--to", to, file, "--dir", pattern, "--format", "json"]).ends(0).json()
    };
    let one = convert("v2", BARE);
    assert_eq!((&one["kind"], &one["spec"]["engine"]["major"]), (&json!("Postgres"), &json!("14")), "{one}");
    let two = convert("v2", &format!("{BARE}---\n{WHOLE}"));
    assert_eq!(
        (&two["kind"], &two["items"][0], &two["items"][1]["spec"]["instances"]),
        (&json!("List"), &one, &json!(3))
    );
    let back = convert("v1", &two.to_string());
    assert_eq!(
        (&back["items"][0]["spec"]["replicas"], &back["items"][1]["spec"]["version"]),
        (&json!(1), &json!("14.3"))
    );
}
