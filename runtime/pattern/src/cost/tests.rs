use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::cel::{Checked, Count, Objects, Place, Scope, check};
use crate::kinds;
use crate::schema::Schema;

fn scope() -> Scope {
    let schema = Schema::parse(&json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["name", "hosts", "few", "users", "tier", "map"],
        "properties": {
            "name": {"type": "string"},
            "short": {"type": "string", "maxLength": 10, "default": ""},
            "tier": {"type": "string", "enum": ["gold", "silver"]},
            "hosts": {"type": "array", "items": {"type": "string"}},
            "few": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 10}},
            "map": {"type": "object", "maxProperties": 7, "additionalProperties": {"type": "integer"}},
            "users": {"type": "array", "items": {"type": "object", "required": ["name", "id"], "properties": {
                "name": {"type": "string"}, "id": {"type": "integer"}, "note": {"type": "string"}}}},
        },
    }}}))
    .unwrap();
    let mut scope = Scope::new(&schema, true);
    scope.add_input("suffix", &Arc::new(Schema::parse(&json!({"type": "string"})).unwrap()));
    scope
}

fn checked(source: &str) -> Checked {
    check(source, "", &scope(), Place::Value(None)).unwrap_or_else(|problems| panic!("{source}: {problems:?}"))
}

fn cost(source: &str) -> Cost {
    checked(source).cost.cost
}

#[test]
fn names_fields_and_calls_cost_one_each_and_literals_nothing() {
    assert_eq!(cost("1"), Cost::exactly(0));
    assert_eq!(cost("spec.name"), Cost::exactly(2));
    assert_eq!(cost("[1, 2]"), Cost::exactly(10));
    assert_eq!(cost("{'a': spec.map}"), Cost::exactly(32));
    assert_eq!(cost("1 + 2"), Cost::exactly(1));
    // Of a choice the cheaper and the dearer branch.
    assert_eq!(cost("true ? 1 : [spec.name].size()"), Cost { min: 0, max: 13 });
    assert_eq!(cost("spec.map == {} && spec.few == []").min, 33);
}

#[test]
fn texts_cost_a_tenth_for_each_byte_that_the_schema_allows() {
    // Ten characters of four bytes, and one more.
    assert_eq!(cost("spec.short + 'x'").max, 3 + 5);
    assert_eq!(cost("spec.tier + 'x'").max, 3 + 1);
    // What a request holds between two quotes.
    assert_eq!(cost("spec.name.lowerAscii()").max, 3 + (3 * 1024 * 1024 - 2_u64).div_ceil(10));
    assert_eq!(cost("metadata.name.lowerAscii()").max, 3 + 26);
}

#[test]
fn a_macro_costs_its_ranges_size_times_its_body() {
    // Two for the range; five times four for the loop, and for the item and its comparison.
    let all = cost("spec.few.all(host, host == 'abcdefghij')");
    assert_eq!(all.min, 2);
    assert!((2 + 5 * (4 + 2 + 1)..=2 + 5 * (4 + 2 + 1 + 1)).contains(&all.max), "{all:?}");
    // As many of the smallest items as fit: two quotes and a comma.
    let many = checked("spec.hosts.size()").cost.cost.max;
    assert_eq!(many, 3);
    assert_eq!(checked("spec.hosts").cost.extent.len().most, (3 * 1024 * 1024 - 2) / 3);
    // `{"name":"","id":0}` by Kubernetes' rule, and a comma.
    assert_eq!(checked("spec.users").cost.extent.len().most, (3 * 1024 * 1024 - 2) / (2 + 10 + 7 + 1));
    assert_eq!(checked("spec.map").cost.extent.len().most, 7);
}

#[test]
fn the_bound_that_is_missing_is_named() {
    let missing = |source: &str| {
        let estimate = checked(source).cost;
        estimate.missing.first().map(|missing| (missing.path.clone(), missing.keyword))
    };
    assert_eq!(missing("spec.hosts.map(host, host + 'x')"), Some(("spec.hosts".to_owned(), "maxItems")));
    assert_eq!(missing("spec.few.map(host, spec.name + host)"), Some(("spec.name".to_owned(), "maxLength")));
    assert_eq!(missing("spec.users.exists(user, user.name == 'x')"), Some(("spec.users".to_owned(), "maxItems")));
    assert_eq!(missing("inputs.suffix + 'x'"), Some(("inputs.suffix".to_owned(), "maxLength")));
    assert_eq!(missing("spec.few.map(host, host + 'x')"), None);
}

#[test]
fn sizes_flow_through_results() {
    let most = |source: &str| checked(source).cost.extent.text().most;
    assert_eq!(most("spec.tier + '-' + spec.tier"), 13);
    assert_eq!(most("sha256sum(spec.name)"), 64);
    assert_eq!(most("spec.name.substring(0, 5)"), 20);
    assert_eq!(most("default(spec.few[0], '') + spec.tier"), 46);
    assert_eq!(most("cel.bind(x, spec.tier, x + x)"), 12);
    let list = checked("spec.few.map(host, host + '!') + ['a']").cost.extent;
    assert_eq!((list.len().most, list.item().text().most), (6, 41));
}

#[test]
fn nested_macros_over_unbounded_lists_do_not_overflow() {
    let source = "spec.users.all(a, spec.users.all(b, spec.users.all(c, spec.users.all(d, a.name == b.name || c.name == d.name))))";
    assert_eq!(cost(source).max, u64::MAX);
}

#[test]
fn what_an_embedded_resource_has_is_bounded_as_what_every_object_has() {
    let schema = Schema::parse(&json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["open", "closed"],
        "properties": {
            "open": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
            "closed": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {
                "kind": {"type": "string", "maxLength": 9}}},
        },
    }}}))
    .unwrap();
    let scope = Scope::new(&schema, true);
    let of = |source: &str| {
        check(source, "", &scope, Place::Value(None)).unwrap_or_else(|problems| panic!("{source}: {problems:?}")).cost
    };
    assert_eq!(of("spec.open.kind.lowerAscii()").cost.max, 4 + 7);
    assert_eq!(of("spec.closed.kind.lowerAscii()").cost.max, 4 + 4);
    assert_eq!(of("default(spec.open.metadata.name, '')").extent.text().most, 253);
    for source in ["default(spec.open.metadata.labels, {})", "default(spec.closed.metadata.finalizers, [])"] {
        assert_eq!(of(source).extent.len().most, ASSUMED, "{source}");
    }
    let any = of("default(spec.open.data, {})").extent.len();
    assert_eq!(any.because.map(|because| because.path.clone()), Some("spec.open".to_owned()));
}

#[test]
fn going_through_what_a_config_map_holds_costs_what_it_may_hold() {
    const HELD: u64 = 1 << 20;
    let mut scope = scope();
    let schema = kinds::lookup("v1", "ConfigMap").unwrap().schema;
    let objects = Objects { schema: Some(&schema), namespaced: true, secret: false, count: Count::One };
    scope.add_read("settings", objects);
    let of = |source: &str| {
        let checked = check(source, "", &scope, Place::Value(None));
        checked.unwrap_or_else(|problems| panic!("{source}: {problems:?}")).cost.cost.max
    };
    // Any one value may be all that it holds.
    assert!(of("default(reads.settings.data.a, '').upperAscii()") > HELD / 10);
    assert!(of("spec.few.map(key, default(reads.settings.data[key], '').upperAscii())") > 5 * HELD / 10);
    for source in [
        "default(reads.settings.data, {}).map(key, default(reads.settings.data[key], '').upperAscii())",
        "default(reads.settings.data, {}).transformList(key, value, value.upperAscii())",
    ] {
        let all = of(source);
        assert!((HELD / 10..HELD / 10 + 50 * ASSUMED).contains(&all), "{source}: {all}");
    }
}
