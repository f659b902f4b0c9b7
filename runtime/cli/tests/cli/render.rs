use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Copy, Ended, ork, postgres, start};

fn child<'a>(rendered: &'a Value, id: &str) -> Option<&'a Value> {
    rendered["children"].as_array().unwrap().iter().find(|child| child["id"] == id)
}

#[test]
fn children_are_shown_as_they_would_be_applied() {
    let good = postgres();
    let rendered = ork(["render", good.to_str().unwrap(), "--format", "json"]).ends(0).json();
    let object = &child(&rendered, "db").unwrap()["object"];
    assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"], "orkestra");
    assert_eq!(object["metadata"]["ownerReferences"][0]["kind"], "Postgres");
    assert_eq!(object["spec"]["replicas"], 2);
    // `maxConnections` is not in cr.yaml: its default is the CRD's.
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["args"][3], "max_connections=100");
    // `storageClass` is not there at all, and so is the field that it fills.
    assert_eq!(object["spec"]["volumeClaimTemplates"][0]["spec"].get("storageClassName"), None);
    assert_eq!(rendered["pendingStatus"], json!(["endpoint", "readyReplicas"]));
    assert_eq!(rendered["status"]["image"], "docker.io/library/postgres:14.20");
}

#[test]
fn a_child_under_a_false_condition_is_not_there() {
    let single = Copy::new().edit("cr.yaml", "replicas: 2", "replicas: 1");
    let ids = |ended: Ended| -> Vec<String> {
        let rendered = ended.ends(0).json();
        rendered["children"].as_array().unwrap().iter().map(|child| child["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(ork(["render", single.path(), "--format", "json"])), ["password", "config", "svc", "pods", "db"]);
    let two = Copy::new();
    let all = ["password", "config", "svc", "pods", "db", "budget"];
    assert_eq!(ids(ork(["render", two.path(), "--format", "json"])), all);
}

#[test]
fn observed_children_fill_what_was_pending() {
    let copy = Copy::new();
    let seen = copy.file("seen.yaml");
    // A List as kubectl prints it. The Service needs its label, because two children are Services; the StatefulSet does not.
    let text = "\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: shop-svc, labels: {orkestra.orkspace.io/id: svc}}
  - apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: shop}
    status: {readyReplicas: 1}
";
    std::fs::write(&seen, text).unwrap();
    let args = ["render", copy.path(), "--format", "json", "--children", seen.to_str().unwrap()];
    let rendered = ork(args).ends(0).json();
    assert_eq!(rendered["pendingStatus"], json!([]));
    assert_eq!(rendered["status"]["endpoint"], "shop-svc.default.svc:5432");
    assert_eq!(rendered["status"]["readyReplicas"], 1);

    std::fs::write(&seen, text.replace(", labels: {orkestra.orkspace.io/id: svc}", "")).unwrap();
    let ended = ork(args).ends(2);
    assert!(ended.stderr.contains("several children of entry `postgres` are of this kind"), "{}", ended.stderr);
}

#[test]
fn inputs_are_laid_over_their_defaults() {
    let copy = Copy::new();
    let render = |input: &str| ork(["render", copy.path(), "--format", "json", "--input", input]);
    let rendered = render("imageRegistry=reg.corp/hub").ends(0).json();
    assert_eq!(rendered["status"]["image"], "reg.corp/hub/postgres:14.20");
    for (input, message) in [
        ("imageregistry=x", "did you mean `imageRegistry`?"),
        ("imageRegistry=5", "must be of type string, found the number 5"),
        ("imageRegistry", "there is no `=`"),
        ("imageRegistry={", "the value cannot be read: "),
    ] {
        let ended = render(input).ends(2);
        assert!(ended.stderr.contains(message), "{message:?} is not in\n{}", ended.stderr);
    }
}

#[test]
fn yaml_is_one_document_a_child_and_the_status() {
    let copy = Copy::new();
    let ended = ork(["render", copy.path()]).ends(0);
    let heads: Vec<_> = ended.text().split("---\n").skip(1).map(|document| document.lines().next().unwrap()).collect();
    let status = "# status, pending until children are observed: endpoint, readyReplicas";
    let applied = ["# config: apply", "# svc: apply", "# pods: apply", "# db: apply", "# budget: apply"];
    assert_eq!(heads, [&["# password: create"], &applied[..], &[status]].concat());
    assert_eq!(ended.stdout, ork(["render", copy.path()]).stdout);
}

#[test]
fn a_resource_of_another_kind_is_told_what_is_reconciled() {
    let copy = Copy::new();
    let other = copy.file("other.yaml");
    std::fs::write(&other, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").unwrap();
    let ended = ork(["render", copy.path(), "--cr", other.to_str().unwrap()]).ends(2);
    assert!(
        ended.stderr.contains("entry `postgres` reconciles Postgres of postgres.orkestra.io/v1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_input_has_one_value() {
    let good = postgres();
    let args = ["render", good.to_str().unwrap(), "--input", "imageRegistry=a", "--input", "imageRegistry=b"];
    let problem = ork(args).ends(2).stderr;
    assert!(problem.contains("`--input imageRegistry=b`: the input has a value already"), "{problem}");
}

#[test]
fn strings_that_older_readers_take_for_booleans_are_quoted() {
    let odd = Copy::new().edit("cr.yaml", "database: shop", "database: no");
    let rendered = ork(["render", odd.path()]).ends(0);
    let text = rendered.text();
    assert!(text.contains("name: POSTGRES_DB\n          value: \"no\"\n"), "{text}");
}

#[test]
fn a_resource_that_the_api_server_would_refuse_is_told() {
    let copy = Copy::new();
    let other = copy.file("other.yaml");
    let text = std::fs::read_to_string(copy.file("cr.yaml")).unwrap();
    let args = ["render", copy.path(), "--cr", other.to_str().unwrap()];
    std::fs::write(&other, &text).unwrap();
    assert_eq!(ork(args).ends(0).stderr, "");
    std::fs::write(&other, text.replace("replicas: 2", "replica: 2")).unwrap();
    let told = ork(args).ends(0).stderr;
    let expected = "other.yaml: `spec` of Postgres has no field `replica`\n";
    assert!(told.starts_with("warning: the API server would refuse ") && told.ends_with(expected), "{told}");
}

#[test]
fn why_nothing_is_rendered_is_said_once() {
    let copy = Copy::new().edit(
        "katalog.yaml",
        "max_connections={{ spec.maxConnections }}",
        "max_connections={{ 1 / (spec.replicas - 2) }}",
    );
    let told = ork(["render", copy.path()]).ends(1).stderr;
    assert_eq!(told.matches("caused by:").count(), 1, "{told}");
}

#[test]
fn a_save_renders_again_and_a_bad_one_is_told() {
    let copy = Copy::new();
    let (out, err) = (copy.file("out"), copy.file("err"));
    let create = |path| std::fs::File::create(path).unwrap();
    let mut watching = start(&["render", copy.path(), "--watch"], create(&out), create(&err));
    let mut until = |path: &std::path::Path, what: &str| {
        let begin = Instant::now();
        loop {
            let text = std::fs::read_to_string(path).unwrap();
            if text.contains(what) {
                return text;
            }
            assert_eq!(watching.try_wait().unwrap(), None, "it ended: {text}");
            assert!(begin.elapsed() < Duration::from_secs(60), "{what:?} is not in\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until(&out, "maxUnavailable: 1");
    until(&err, "rendered again at every save");
    let copy = copy.edit("katalog.yaml", "workers: 2", "worker: 2");
    until(&err, "unknown key");
    let copy = copy.edit("katalog.yaml", "worker: 2", "workers: 2").edit("cr.yaml", "replicas: 2", "replicas: 7");
    until(&out, "replicas: 7");
    assert!(until(&err, "Saved").contains("katalog.yaml"), "it is told what was saved");
    watching.kill().unwrap();
    watching.wait().unwrap();
    drop(copy);
}
