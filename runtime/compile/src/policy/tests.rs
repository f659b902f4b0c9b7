//! What rules become. That an API server takes it for the same is a matter of the tests against one.

use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use serde_json::json;

use super::*;

const CRD: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Shop, plural: shops, singular: shop, listKind: ShopList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [replicas, image, users, ratio]
              properties:
                replicas: {type: integer}
                image: {type: string}
                ratio: {type: number}
                note: {type: string}
                until: {type: string, format: date-time}
                blob: {type: string, format: byte}
                maybe: {type: string, nullable: true}
                open: {x-kubernetes-preserve-unknown-fields: true}
                storage: {type: string}
                dash-ed: {type: integer}
                backup: {type: object, properties: {keep: {type: integer}}}
                labels: {type: object, maxProperties: 50, additionalProperties: {type: string}}
                users:
                  type: array
                  maxItems: 50
                  items: {type: object, required: [name], properties: {name: {type: string}, mail: {type: string}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                phase: {type: string}
                conditions:
                  type: array
                  maxItems: 32
                  items: {type: object, x-kubernetes-preserve-unknown-fields: true}
"#;

const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: shop, version: 1.0.0}
spec:
  inputs:
    - {name: most, schema: {type: integer}, default: 5}
    - {name: share, schema: {type: number}, default: 1}
    - {name: zones, schema: {type: array, maxItems: 9, items: {type: string, maxLength: 20}}, default: [a, b]}
    - {name: size, schema: {type: object, required: [big], properties: {big: {type: integer}, small: {type: integer}}}, default: {big: 3}}
  crds:
    shop:
      operatorBox:
        vars:
          total: "{{ spec.replicas * 2 }}"
          shown: "{{ vars.total }} of {{ spec.image }}"
          keep: "{{ spec.backup.keep }}"
          unused: "{{ spec.image }}"
          strange: "{{ spec.image.reverse() }}"
        mutation:
          - {field: spec.storage, default: 1Gi}
        validation:
          - {rule: "{{ RULE }}", message: "MESSAGE"}
        onReconcile:
          configMaps:
            - {id: config, data: {image: "{{ spec.image }}"}}
"#;

fn pattern(rule: &str, message: &str) -> Pattern {
    let katalog = KATALOG.replace("RULE", &rule.replace('"', "\\\"")).replace("MESSAGE", message);
    let source = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", CRD.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

fn policy_of(rule: &str, message: &str) -> Policy {
    let inputs = json!({"most": 5, "share": 1, "zones": ["a", "b"], "size": {"big": 3}});
    policy(&pattern(rule, message).entries[0], inputs.as_object().unwrap())
}

#[track_caller]
fn said(rule: &str) -> String {
    let policy = policy_of(rule, "no");
    assert_eq!(policy.left, [], "{rule}");
    policy.validations[0].expression.clone()
}

#[track_caller]
fn why(rule: &str) -> Cannot {
    let policy = policy_of(rule, "no");
    assert_eq!(policy.validations, [], "{rule}");
    policy.left[0].why.clone()
}

#[test]
fn what_names_stand_for_is_rewritten() {
    for (rule, cel) in [
        ("spec.replicas > 1", "object.spec.replicas > 1"),
        (".spec.replicas > 1", "object.spec.replicas > 1"),
        ("object.spec.replicas > 1", "object.spec.replicas > 1"),
        ("metadata.name == spec.image", "object.metadata.name == object.spec.image"),
        ("metadata.namespace != 'a'", "dyn(object.metadata)[\"namespace\"] != \"a\""),
        ("spec.replicas <= inputs.most", "object.spec.replicas <= 5"),
        ("spec.image in inputs.zones", "object.spec.image in [\"a\", \"b\"]"),
        ("spec.replicas < inputs.size.big", "object.spec.replicas < 3"),
        ("has(inputs.size.small) || spec.replicas > 1", "false || object.spec.replicas > 1"),
        ("spec.replicas < (inputs.size.small | default 4)", "object.spec.replicas < optional.none().orValue(4)"),
        ("vars.total < 9", "variables.total < 9"),
    ] {
        assert_eq!(said(rule), cel, "{rule}");
    }
}

#[test]
fn operators_keep_their_order_and_text_stays_text() {
    for (rule, cel) in [
        ("(spec.replicas + 1) * 2 - (3 - 1) > -4", "(object.spec.replicas + 1) * 2 - (3 - 1) > -4"),
        (
            "!(spec.replicas > 1 && spec.image == 'a' || spec.image == 'b')",
            "!(object.spec.replicas > 1 && object.spec.image == \"a\" || object.spec.image == \"b\")",
        ),
        (
            "(spec.replicas > 1 ? spec.image == 'a' : true) && true",
            "(object.spec.replicas > 1 ? object.spec.image == \"a\" : true) && true",
        ),
        // An author's quotes and escapes are not copied but written anew.
        (r"spec.image != '\\x' + 'say \'spec\''", r#"object.spec.image != "\\x" + "say 'spec'""#),
        ("(spec.image + 'x').size() > 3", "(object.spec.image + \"x\").size() > 3"),
    ] {
        assert_eq!(said(&rule.replace('\\', "\\\\")), cel, "{rule}");
    }
}

#[test]
fn what_may_be_absent_is_an_optional() {
    for (rule, cel) in [
        ("has(spec.note)", "has(object.spec.note)"),
        ("has(spec.backup.keep)", "object.spec.?backup.?keep.hasValue()"),
        ("!has(spec.note) || spec.note != 'x'", "!has(object.spec.note) || object.spec.note != \"x\""),
        ("(spec.backup.keep | default 3) > 2", "object.spec.?backup.?keep.orValue(3) > 2"),
        ("spec.?note.orValue('x') != ''", "object.spec.?note.orValue(\"x\") != \"\""),
        (
            "spec.?note.optMap(n, n.size()).orValue(1) > 0",
            "object.spec.?note.optFlatMap(n, optional.of(n.size())).orValue(1) > 0",
        ),
        ("(status.phase | default '') != 'x'", "object.?status.?phase.orValue(\"\") != \"x\""),
        ("(metadata.labels['a'] | default 'x') == 'x'", "object.metadata.?labels[?\"a\"].orValue(\"x\") == \"x\""),
        ("(vars.keep | default 1) > 0", "variables.keep.orValue(1) > 0"),
        ("has(vars.keep) && vars.keep > 0", "variables.keep.hasValue() && variables.keep.value() > 0"),
    ] {
        assert_eq!(said(rule), cel, "{rule}");
    }
}

#[test]
fn macros_are_macros_again_and_values_of_json_are_converted() {
    for (rule, cel) in [
        ("spec.users.all(u, u.name != '')", "object.spec.users.all(u, u.name != \"\")"),
        ("spec.users.exists(u, has(u.mail))", "object.spec.users.exists(u, has(u.mail))"),
        ("spec.users.exists_one(u, u.name == 'a')", "object.spec.users.exists_one(u, u.name == \"a\")"),
        (
            "spec.users.filter(u, u.name != 'a').map(u, u.name).size() > 0",
            "object.spec.users.filter(u, u.name != \"a\").map(u, u.name).size() > 0",
        ),
        ("cel.bind(n, spec.replicas, n * n) < 9", "[object.spec.replicas].map(n, n * n)[0] < 9"),
        ("spec.ratio > 0.5", "double(object.spec.ratio) > 0.5"),
        ("spec.ratio < inputs.share", "double(object.spec.ratio) < double(1)"),
        (
            "!has(spec.until) || spec.until > timestamp('2026-01-01T00:00:00Z')",
            "!has(object.spec.until) || timestamp(object.spec.until) > timestamp(\"2026-01-01T00:00:00Z\")",
        ),
        ("[1, dyn('a')].size() > spec.replicas", "[dyn(1), dyn(dyn(\"a\"))].size() > object.spec.replicas"),
    ] {
        assert_eq!(said(rule), cel, "{rule}");
    }
}

#[test]
fn what_cannot_be_said_is_named() {
    let function = |name: &str| Cannot::Function { name: name.to_owned() };
    assert_eq!(why("spec.image.reverse() == 'a'"), function("reverse"));
    assert_eq!(why("math.greatest(spec.replicas, 2) > 2"), function("math.greatest"));
    assert_eq!(why("contentDigest(spec.image) != ''"), function("contentDigest"));
    // What a variable cannot say, its users cannot either.
    assert_eq!(why("vars.strange != ''"), function("reverse"));
    assert_eq!(why("spec.storage != '2Gi'"), Cannot::Given { path: "spec.storage".to_owned() });
    assert_eq!(why("(spec.maybe | default 'x') != ''"), Cannot::MayBeNull { path: "spec.maybe".to_owned() });
    assert_eq!(why("!has(spec.blob) || spec.blob.size() > 1"), Cannot::Bytes { path: "spec.blob".to_owned() });
    assert_eq!(why("spec.users.all(variables, variables.name != '')"), Cannot::Hidden { name: "variables".to_owned() });
    assert_eq!(why("spec.users.all(i, u, u.name != '')"), Cannot::Loop);
    assert_eq!(said("has(spec.maybe)"), "has(object.spec.maybe) && dyn(object.spec.maybe) != null");
}

#[test]
fn a_message_has_its_values_and_those_of_the_variables_that_it_uses() {
    let policy = policy_of("spec.replicas < 3", "{{ vars.shown }} is\\n too much, at most {{ inputs.most }}\\n");
    let [validation] = policy.validations.as_slice() else { panic!("{policy:?}") };
    assert_eq!(validation.message, "… is  too much, at most …");
    assert_eq!(
        validation.message_expression.as_deref(),
        Some(r#"variables.shown + " is  too much, at most " + string(5)"#)
    );
    let variables: Vec<_> = policy.variables.iter().map(|var| (&*var.name, &*var.expression)).collect();
    assert_eq!(
        variables,
        [("total", "object.spec.replicas * 2"), ("shown", r#"string(variables.total) + " of " + object.spec.image"#),]
    );
    assert_eq!(policy_of("spec.replicas < 3", " \\n").left[0].why, Cannot::NoMessage);
}
