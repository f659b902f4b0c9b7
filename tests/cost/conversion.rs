//! What a conversion costs: its rules as often as the engine follows them, and writing the object.

use orkestra_pattern::cost::{CALL_LIMIT, of_entry};
use serde_json::{Value, json};

use crate::subject::{Versions, thing};

/// Text of four bytes each, as long as the schema allows.
const LONGEST: usize = 4_000;

#[test]
fn the_way_back_counts_as_often_as_it_is_made() {
    let text = format!("text: {{type: string, maxLength: {LONGEST}}}");
    let upper = "spec.text.upperAscii()";
    let back = format!("{{{{ has(spec.text) ? {upper}{} : '' }}}}", ".upperAscii()".repeat(4));
    let paths = format!(
        "- {{from: v1alpha1, to: v1, rules: [{{set: spec.text, value: \"{{{{ has(spec.text) ? {upper} : '' }}}}\"}}]}}\n- {{from: v1, to: v1alpha1, rules: [{{set: spec.text, value: \"{back}\"}}]}}",
    );
    let more = format!("{text}\nonly: {{type: string, maxLength: 9}}");
    let subject = Versions { v1: &more, v1alpha1: &text, status: ("", ""), paths: &paths }.subject();
    let entry = subject.pattern.entries.first().unwrap();
    let most = of_entry(entry).conversion.unwrap();
    assert!(most < CALL_LIMIT);
    let stored = thing("v1", json!({"text": "\u{1F600}".repeat(LONGEST), "only": "kept"}));
    let old = subject.convert("v1alpha1", &stored).unwrap();
    assert!(old["metadata"]["annotations"].is_object(), "{old}");
    // What was kept is put back, and shows no difference in the way back, which is made once more for that.
    let cost = |object: &Value| subject.converted("v1", object).unwrap().cost;
    assert_eq!(subject.convert("v1", &old).unwrap()["spec"]["only"], "kept");
    let mut plain = old.clone();
    plain["metadata"].as_object_mut().unwrap().shift_remove("annotations");
    let again = cost(&old) - cost(&plain);
    assert!(again >= 5 * 1_600 && cost(&old) <= most, "{} after {}, estimated {most}", cost(&old), cost(&plain));
    let summary = of_entry(entry);
    let of = |way: &str| -> u64 {
        summary.items.iter().filter(|item| item.conversion && item.what.ends_with(way)).map(|item| item.most).sum()
    };
    let (there, back) = (of("from v1alpha1 to v1"), of("from v1 to v1alpha1"));
    assert!(most >= there + 2 * back, "{most} is not {there} and twice {back}");
}

#[test]
fn every_form_of_a_rule_counts() {
    let text = "type: string, maxLength: 4000";
    let both = |paths: &str| {
        let v1 = format!(
            "a: {{{text}}}\nb: {{{text}}}\nlist: {{type: array, maxItems: 1, items: {{{text}}}}}\nitems: {{type: array, maxItems: 9, items: {{type: object, properties: {{a: {{{text}}}}}}}}}"
        );
        let v1alpha1 = format!(
            "c: {{{text}}}\nhost: {{{text}}}\nitems: {{type: array, maxItems: 9, items: {{type: object, properties: {{c: {{{text}}}}}}}}}"
        );
        let subject = Versions { v1: &v1, v1alpha1: &v1alpha1, status: ("", ""), paths }.subject();
        of_entry(subject.pattern.entries.first().unwrap()).conversion.unwrap()
    };
    let plain = "lossy: [spec.b, spec.list, spec.host, spec.a, spec.c]";
    let nothing = both(&format!(
        "- {{from: v1alpha1, to: v1, {plain}, rules: []}}\n- {{from: v1, to: v1alpha1, {plain}, rules: []}}"
    ));
    // Going once through a text of 16,000 bytes costs 1,600.
    for (rules, least) in [
        ("[{set: spec.a, value: \"{{ has(spec.c) ? spec.c.upperAscii() : 'x' }}\"}]", 1_600),
        ("[{set: spec.a, value: \"x-{{ spec.c | default 'y' }}\"}]", 1_600),
        ("[{map: spec.c, as: spec.a, values: {small: s}}]", 1_600),
        ("[{wrap: spec.host, as: spec.list}]", 1_600),
        ("[{each: spec.items, rules: [{rename: {from: c, to: a}}]}]", 1),
        ("[{each: spec.items, rules: [{set: a, value: \"{{ item.c | default 'x' }}\"}]}]", 9 * 1_600),
    ] {
        let paths = format!(
            "- {{from: v1alpha1, to: v1, {plain}, rules: {rules}}}\n- {{from: v1, to: v1alpha1, {plain}, rules: []}}"
        );
        let cost = both(&paths);
        assert!(cost >= nothing + least, "{rules} costs {cost}, and nothing {nothing}");
    }
    let whole = "- {from: v1alpha1, to: v1, spec: {a: \"{{ spec.c | default 'x' }}\"}}\n- {from: v1, to: v1alpha1, spec: {c: \"{{ spec.a | default 'x' }}\"}}";
    assert!(both(whole) >= 3 * 1_600);
}
