use crate::support::ork;

#[test]
fn a_key_is_explained_by_its_path() {
    let ended = ork(["schema", "KATALOG.spec.crds.workers"]).ends(0);
    let text = ended.text();
    assert!(text.starts_with("Katalog.spec.crds.workers  number, 1 to 64\n"), "{text}");
    insta::assert_snapshot!("reads", ork(["schema", "katalog.spec.crds.operatorBox.reads"]).ends(0).text());
    insta::assert_snapshot!("policy", ork(["schema", "policy.spec"]).ends(0).text());
    let text = ork(["schema", "katalog.spec.crds.operatorBox.onReconcile.deployments"]).ends(0);
    assert!(text.text().contains("And every field of a Deployment's `spec`."), "{text:?}");
}

#[test]
fn what_is_not_there_is_answered_with_the_nearest() {
    let of = |what: &str| ork(["schema", what]).ends(2).stderr;
    assert!(of("katalog.spec.crd").contains("`spec` has no key `crd`\n\nhint: did you mean `crds`?"));
    assert!(of("komposer.spec.crds.enabeld").contains("did you mean `enabled`?"));
    assert!(of("Katalogue").contains("there is no kind `Katalogue`"));
    assert!(of("katalog.spec.crds.workers.most").contains("has no key `most`"));
    let json = ork(["schema", "katalog.spec", "--format", "json"]).ends(2);
    assert!(json.stderr.contains("leave out `.spec`"), "{json:?}");
}

#[test]
fn every_kind_has_a_json_schema() {
    for kind in ["katalog", "komposer", "komposerlock", "policy"] {
        let schema = ork(["schema", kind, "--format", "json"]).ends(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["title"].as_str().unwrap().eq_ignore_ascii_case(kind), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
    }
}
