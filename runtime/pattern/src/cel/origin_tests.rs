//! What flows into the value of an expression, by hand.

use serde_json::json;

use super::{Count, Objects, Place, Root, Scope, Shown, check};
use crate::cel::ast::Type;
use crate::kinds;
use crate::schema::Schema;

fn scope() -> Scope {
    let text = json!({"type": "string"});
    let user =
        json!({"type": "object", "required": ["name", "account"], "properties": {"name": text, "account": text}});
    let primary = json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["a", "b", "flag", "list", "users", "map"],
        "properties": {
            "a": text, "b": text, "flag": {"type": "boolean"}, "list": {"type": "array", "items": text},
            "users": {"type": "array", "items": user}, "map": {"type": "object", "additionalProperties": user},
        },
    }}});
    let mut scope = Scope::new(&Schema::parse(&primary).unwrap(), true);
    let config = kinds::lookup("v1", "ConfigMap").unwrap().schema;
    let objects = Objects { schema: Some(&config), namespaced: true, secret: false, count: Count::One };
    scope.add_child("config", objects);
    scope.add_read("plan", objects);
    scope.add_input("size", &std::sync::Arc::new(Schema::parse(&json!({"type": "integer"})).unwrap()));
    let one = check("spec.a", "", &scope, Place::Value(None)).unwrap();
    scope.add_var("one", &one);
    let users = check("spec.users", "", &scope, Place::Range).unwrap();
    let Type::List(user) = &users.ty else { panic!("{:?}", users.ty) };
    scope.with_element(user, users.secrecy, &users.origins, Some("user"))
}

/// The paths that flow, those of children and reads behind their ids.
fn flowing(expression: &str, scope: &Scope) -> String {
    let checked = check(expression, "", scope, Place::Value(None));
    let Ok(checked) = checked else { return format!("{checked:?}") };
    let shown = checked.origins.iter().map(|origin| match &origin.root {
        Root::Object => Shown(&origin.path).to_string(),
        Root::Child(id) => format!("children.{id}:{}", Shown(&origin.path)),
        Root::Read(id) => format!("reads.{id}:{}", Shown(&origin.path)),
        Root::Hook => format!("hook:{}", Shown(&origin.path)),
    });
    let mut shown: Vec<String> = shown.collect();
    shown.dedup();
    shown.join(" ")
}

const FLOWS: [(&str, &str); 39] = [
    ("'a' + string(inputs.size)", ""),
    ("spec.a", "spec.a"),
    ("object.spec.a", "spec.a"),
    (".spec.a", "spec.a"),
    ("metadata.labels['example.com/tier'] | default ''", "metadata.labels['example.com/tier']"),
    ("string(dyn(object))", "object"),
    ("vars.one", "spec.a"),
    ("'x-' + vars.one", "spec.a"),
    ("spec.a | default spec.b", "spec.a spec.b"),
    ("spec.flag ? 'a' : 'b'", "spec.flag"),
    ("spec.flag ? spec.a : spec.b", "spec.a spec.b spec.flag"),
    ("spec.a == 'x' && spec.flag", "spec.a spec.flag"),
    ("!spec.flag", "spec.flag"),
    ("has(metadata.labels)", "metadata.labels"),
    ("metadata.?labels.hasValue()", "metadata.labels"),
    ("spec.?a.orValue('x')", "spec.a"),
    ("optional.of(spec.a).value()", "spec.a"),
    ("spec.a.upperAscii()", "spec.a"),
    ("'x'.replace('x', spec.a)", "spec.a"),
    ("size(spec.list)", "spec.list"),
    ("spec.list[0]", "spec.list"),
    ("spec.users[0].account", "spec.users.account"),
    ("spec.map['x'].account", "spec.map.x.account"),
    ("spec.map[spec.a].account", "spec.a spec.map.account"),
    ("[spec.a, 'b']", "spec.a"),
    ("{'k': spec.a}", "spec.a"),
    ("{spec.a: 'k'}", "spec.a"),
    ("spec.users.map(u, u.account)", "spec.users spec.users.account"),
    ("spec.users.filter(u, u.name == 'x').map(u, u.account)", "spec.users spec.users.name"),
    ("spec.users.exists(u, u.account == 'x')", "spec.users spec.users.account"),
    ("['a', 'b'].filter(x, x == spec.a)", "spec.a"),
    ("['a'].map(x, x + vars.one)", "spec.a"),
    ("spec.map.transformList(k, v, v.account)", "spec.map spec.map.account"),
    ("spec.?a.optMap(x, x + 'y').orValue('')", "spec.a"),
    ("cel.bind(x, spec.a, x + 'y')", "spec.a"),
    ("user.account", "spec.users.account"),
    ("item.account + key", "spec.users spec.users.account"),
    ("children.config.data.a | default ''", "children.config:data.a"),
    ("reads.plan.metadata.name", "reads.plan:metadata.name"),
];

#[test]
fn what_flows_is_found() {
    let scope = scope();
    let found = FLOWS.map(|(expression, _)| (expression, flowing(expression, &scope)));
    let other: Vec<_> = found.iter().zip(FLOWS).filter(|((_, found), (_, expected))| found != expected).collect();
    assert!(other.is_empty(), "{other:#?}");
}
