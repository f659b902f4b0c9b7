use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use orkestra_program::model::{Child, Entry, Expr, LoopKind, Policy, Root, Select, Target, Template, Which};

use super::*;

/// The example pattern, with edits of its Katalog.
fn pattern(edits: &[(&str, &str)]) -> Pattern {
    let katalog = edits.iter().fold(example::KATALOG.to_owned(), |text, (find, put)| {
        assert!(text.contains(find), "{find}");
        text.replacen(find, put, 1)
    });
    let source = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

fn entry(edits: &[(&str, &str)]) -> Entry {
    super::lower(&pattern(edits)).unwrap().entries.remove(0)
}

/// A value of a manifest by its keys.
fn at<'a>(manifest: &'a Template, path: &[&str]) -> &'a Template {
    path.iter().fold(manifest, |value, key| match value {
        Template::Object(members) => &members.iter().find(|(name, _)| name == key).unwrap().1,
        other => panic!("{key} in {other:?}"),
    })
}

#[test]
fn what_never_changes_is_ready_text_and_the_rest_are_holes() {
    let entry = entry(&[("- id: web\n", "- id: web\n              annotations: {note: \"{{ spec.note }}\"}\n")]);
    let web = entry.children.iter().find(|child| child.id == "web").unwrap();
    assert_eq!(at(&web.manifest, &["apiVersion"]), &Template::Raw("\"apps/v1\"".to_owned()));
    let hole = |path: &[&str]| match at(&web.manifest, path) {
        Template::Hole(hole) => (hole.target, hole.absent),
        other => panic!("{other:?}"),
    };
    // `replicas` has a default, `note` may be left out.
    assert_eq!(hole(&["spec", "replicas"]), (Target::Int, false));
    assert_eq!(hole(&["metadata", "annotations", "note"]), (Target::String, true));
    let svc = entry.children.iter().find(|child| child.id == "svc").unwrap();
    let ports = r#"[{"port":80,"protocol":"TCP"}]"#;
    assert_eq!(at(&svc.manifest, &["spec", "ports"]), &Template::Raw(ports.to_owned()));
}

#[test]
fn a_child_that_reads_another_comes_after_it_and_names_it_by_index() {
    let reads = "- id: web\n              annotations: {endpoint: \"{{ children.svc.metadata.name }}\"}\n";
    let entry = entry(&[("- id: web\n", reads)]);
    let ids: Vec<_> = entry.children.iter().map(|child| child.id.as_str()).collect();
    assert_eq!(ids, ["svc", "web"]);
    assert_eq!((entry.children[0].requires.as_slice(), entry.children[1].requires.as_slice()), (&[][..], &[0][..]));
    assert_eq!(entry.status[0].requires, [0]);
}

#[test]
fn conditions_and_policies_are_carried_over() {
    let entry = entry(&[
        ("- id: svc\n", "- id: svc\n              when: \"{{ spec.replicas > 1 }}\"\n"),
        (
            "onReconcile:\n",
            "onCreate:\n          configMaps:\n            - {id: seed, data: {a: b}}\n        onReconcile:\n",
        ),
    ]);
    let facts = |id: &str| {
        let child = entry.children.iter().find(|child| child.id == id).unwrap();
        (child.policy, child.when.is_some())
    };
    assert_eq!(facts("seed"), (Policy::Create, false));
    assert_eq!(facts("svc"), (Policy::Apply, true));
    assert_eq!(facts("web"), (Policy::Apply, false));
}

/// The example with children, reads or status fields of its own.
fn with(part: &str) -> Entry {
    entry(&[("        onReconcile:\n", &format!("{part}        onReconcile:\n"))])
}

fn child<'a>(entry: &'a Entry, id: &str) -> &'a Child {
    entry.children.iter().find(|child| child.id == id).unwrap()
}

fn value(template: &Template) -> &Expr {
    match template {
        Template::Hole(hole) => &hole.value.expr,
        other => panic!("{other:?}"),
    }
}

fn field(operand: Expr, name: &str, mode: Select) -> Expr {
    Expr::Select { operand: Box::new(operand), field: name.to_owned(), mode }
}

#[test]
fn an_element_and_its_key_are_the_first_locals_of_its_child_and_macros_come_after_them() {
    let entry = with(
        r#"        onCreate:
          configMaps:
            - id: user
              forEach: {field: .spec.users, as: user, key: name}
              name: "{{ metadata.name }}-{{ key }}"
              when: "{{ item.name != 'root' }}"
              data:
                name: "{{ user.name }}"
                names: "{{ spec.users.map(other, other.name + key).join() }}"
"#,
    );
    let user = child(&entry, "user");
    let name = |slot| field(Expr::Local(slot), "name", Select::Strict);
    let for_each = user.for_each.as_ref().unwrap();
    assert_eq!(for_each.range.expr, field(Expr::Root(Root::Spec), "users", Select::Strict));
    assert_eq!(for_each.key.as_ref().unwrap().expr, name(0));
    assert_eq!(value(at(&user.manifest, &["data", "name"])), &name(0));
    assert!(matches!(&user.when.as_ref().unwrap().expr, Expr::Call(_, arguments) if arguments[0] == name(0)));
    let Expr::Call(_, joined) = value(at(&user.manifest, &["data", "names"])) else { panic!() };
    let Expr::Loop(map) = &joined[0] else { panic!() };
    assert_eq!((map.kind, map.slot), (LoopKind::Map, 2));
    assert!(matches!(&map.result, Some(Expr::Call(_, sum)) if sum[..] == [name(2), Expr::Local(1)]));
    assert!(child(&entry, "web").for_each.is_none());
}

#[test]
fn reads_are_wanted_by_name_or_by_labels_and_what_uses_them_says_so() {
    let entry = with(
        r#"        reads:
          - {id: plan, apiVersion: v1, kind: ConfigMap, name: "{{ spec.version }}-plan"}
          - {id: extra, apiVersion: v1, kind: ConfigMap, name: extra, optional: true}
          - {id: peers, apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {app: "{{ metadata.name }}"}}}
        onCreate:
          configMaps:
            - id: copy
              data:
                size: "{{ reads.plan.data.size | default 'small' }}"
                peers: "{{ size(reads.peers) }}"
                extra: "{{ has(reads.extra) ? 'yes' : 'no' }}"
                color: "{{ reads.?extra.data.color.orValue('none') }}"
"#,
    );
    assert_eq!(entry.reads.iter().map(|read| read.id.as_str()).collect::<Vec<_>>(), ["plan", "extra", "peers"]);
    assert!(matches!(&entry.reads[0].which, Which::Name(name) if matches!(name.expr, Expr::Concat(_))));
    assert!(matches!(&entry.reads[2].which, Which::Selected(selector) if selector.labels[0].0 == "app"));
    let copy = child(&entry, "copy");
    assert_eq!(copy.reads, [0, 2], "one that is optional is not waited for");
    let data = |key| value(at(&copy.manifest, &["data", key]));
    let size = field(field(Expr::Read(0), "data", Select::Optional), "size", Select::Optional);
    assert!(matches!(data("size"), Expr::Default(value, _) if **value == size));
    let there = Expr::Default(Box::new(Expr::Read(1)), Box::new(Expr::Null));
    let Expr::Cond(condition, ..) = data("extra") else { panic!() };
    assert!(matches!(&**condition, Expr::Call(_, arguments) if arguments[..] == [there.clone(), Expr::Null]));
    let Expr::Call(_, arguments) = data("color") else { panic!() };
    let Expr::Select { operand, .. } = &arguments[0] else { panic!() };
    let Expr::Select { operand, .. } = &**operand else { panic!() };
    assert!(matches!(&**operand, Expr::Call(_, arguments) if arguments[..] == [there]));
}

#[test]
fn the_data_of_a_secret_that_is_made_once_is_kept_key_by_key() {
    let entry = with(
        "        onCreate:\n          secrets:\n            - {id: auth, once: true, data: {password: \"{{ randomHex(8) }}\", user: admin}}\n",
    );
    let auth = child(&entry, "auth");
    for key in ["password", "user"] {
        assert!(matches!(at(&auth.manifest, &["data", key]), Template::Once(once) if once.key == key));
    }
    assert!(matches!(at(&auth.manifest, &["metadata", "name"]), Template::Hole(_)));
}

#[test]
fn readiness_is_over_the_child_itself_and_what_a_deletion_makes_is_told_apart() {
    let entry = with(
        r#"        onDelete:
          resources:
            - id: bye
              readyWhen: "{{ has(self.status.succeeded) && children.svc.metadata.name != '' }}"
              manifest: {apiVersion: batch/v1, kind: Job, metadata: {name: bye}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
"#,
    );
    let bye = child(&entry, "bye");
    assert_eq!(bye.policy, Policy::Delete);
    let number = entry.children.iter().position(|child| child.id == "svc").unwrap();
    assert_eq!(bye.requires, [u16::try_from(number).unwrap()]);
    let ready = format!("{:?}", bye.ready_when.as_ref().unwrap().expr);
    assert!(ready.contains("Root(This)") && ready.contains(&format!("Child({number})")), "{ready}");
}

#[test]
fn the_component_holds_the_lowered_program() {
    let pattern = pattern(&[]);
    let compiled = compile(&pattern).unwrap();
    assert_eq!(orkestra_program::decode(&compiled.program).unwrap(), super::lower(&pattern).unwrap());
    let found = orkestra_component::decode(&compiled.component).unwrap();
    assert_eq!(found.program, compiled.program);
    assert_eq!(found.exports, orkestra_component::Exports::PATTERN);
    assert_eq!(found.engine, orkestra_component::engine().import_name);
    assert_eq!(compiled.engine, orkestra_component::engine().digest);
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    assert_eq!(compile(&pattern(&[])).unwrap(), compile(&pattern(&[])).unwrap());
    let other = compile(&pattern(&[("port: 80\n", "port: 81\n")])).unwrap();
    assert_ne!(compile(&pattern(&[])).unwrap().component, other.component);
}

#[test]
fn a_pattern_that_no_check_let_through_is_an_error() {
    let mut broken = pattern(&[]);
    broken.entries[0].status[0].requires = vec!["gone".to_owned()];
    let error = super::lower(&broken).unwrap_err();
    assert_eq!(error.to_string(), "entry `shop`: `status.endpoint` uses child `gone`, which the entry does not have");
    assert_eq!(error.reason(), "UnknownReference");
}
