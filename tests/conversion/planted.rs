//! Patterns that lose something, each found by the proof with the field named and the smallest object.

use serde_json::{Value, json};

use crate::subject::{Versions, thing};

/// A pattern, what it loses, and the object that shows it.
struct Planted {
    name: &'static str,
    versions: Versions<'static>,
    /// What the proof says.
    says: &'static [&'static str],
    /// The smallest object, as it is shown.
    object: &'static str,
}

const NOTHING: (&str, &str) = ("", "");

fn planted() -> Vec<Planted> {
    let both = |up: &'static str, down: &'static str| -> &'static str {
        format!("- from: v1alpha1\n  to: v1\n  rules: {up}\n- from: v1\n  to: v1alpha1\n  rules: {down}\n").leak()
    };
    vec![
        Planted {
            name: "default collision",
            versions: Versions {
                v1: "theme: {type: string}",
                v1alpha1: "theme: {type: string}",
                status: NOTHING,
                paths: both("[]", "[{set: spec.theme, value: \"{{ spec.theme | default 'plain' }}\"}]"),
            },
            says: &["K1211", "`spec.theme` of `v1` is lost", "absent becomes \"plain\""],
            object: "{\"spec\":{}}",
        },
        Planted {
            name: "empty against absent list",
            versions: Versions {
                v1: "hosts: {type: array, maxItems: 100, items: {type: string, maxLength: 63}}",
                v1alpha1: "host: {type: string}",
                status: NOTHING,
                paths: "- {from: v1alpha1, to: v1, rules: [{wrap: spec.host, as: spec.hosts}]}",
            },
            says: &["K1211", "`spec.hosts` of `v1` is lost", "[] becomes absent"],
            object: "{\"spec\":{\"hosts\":[]}}",
        },
        Planted {
            name: "int or string",
            versions: Versions {
                v1: "port: {x-kubernetes-int-or-string: true}",
                v1alpha1: "port: {type: integer}",
                status: NOTHING,
                paths: both(
                    "[]",
                    "[{set: spec.port, value: \"{{ has(spec.port) && type(spec.port) == int ? optional.of(int(spec.port)) : optional.none() }}\"}]",
                ),
            },
            says: &["K1211", "`spec.port` of `v1` is lost"],
            object: "{\"spec\":{\"port\":\"a\"}}",
        },
        Planted {
            name: "null",
            versions: Versions {
                v1: "note: {type: string, nullable: true}",
                v1alpha1: "note: {type: string}",
                status: NOTHING,
                paths: both("[]", "[{set: spec.note, value: \"{{ spec.note }}\"}]"),
            },
            says: &["K1214", "`spec.note` of `v1alpha1` is not valid", "null is not allowed"],
            object: "{\"spec\":{\"note\":null}}",
        },
        Planted {
            name: "nested optional",
            versions: Versions {
                v1: "tls: {type: object, properties: {mode: {type: string}}}",
                v1alpha1: "mode: {type: string}",
                status: NOTHING,
                paths: both(
                    "[{move: {from: spec.mode, to: spec.tls.mode}}]",
                    "[{set: spec.mode, value: \"{{ has(spec.tls) && has(spec.tls.mode) ? spec.tls.mode : '' }}\"}]",
                ),
            },
            says: &["K1211", "`spec.tls", "` of `v1` is lost"],
            object: "{\"spec\":{}}",
        },
        Planted {
            name: "map key lost",
            versions: Versions {
                v1: "flags: {type: object, maxProperties: 100, additionalProperties: {type: string, maxLength: 63}}",
                v1alpha1: "flags: {type: object, maxProperties: 100, additionalProperties: {type: string, maxLength: 63}}",
                status: NOTHING,
                paths: both(
                    "[]",
                    "[{set: spec.flags, value: \"{{ has(spec.flags) ? optional.of(spec.flags.transformMap(k, v, k != 'a', v)) : optional.none() }}\"}]",
                ),
            },
            says: &["`spec.flags"],
            object: "",
        },
        Planted {
            name: "order lost",
            versions: Versions {
                v1: "hosts: {type: array, maxItems: 100, items: {type: string, maxLength: 63}}",
                v1alpha1: "hosts: {type: array, maxItems: 100, items: {type: string, maxLength: 63}}",
                status: NOTHING,
                paths: both(
                    "[]",
                    "[{set: spec.hosts, value: \"{{ has(spec.hosts) ? optional.of(spec.hosts.filter(h, h.startsWith('a')) + spec.hosts.filter(h, !h.startsWith('a'))) : optional.none() }}\"}]",
                ),
            },
            says: &["K1211", "`spec.hosts` of `v1` is lost"],
            object: "",
        },
        Planted {
            name: "precision",
            versions: Versions {
                v1: "ratio: {type: number}",
                v1alpha1: "percent: {type: integer}",
                status: NOTHING,
                paths: both(
                    "[{set: spec.ratio, value: \"{{ has(spec.percent) ? optional.of(double(spec.percent) / 100.0) : optional.none() }}\"}, {remove: spec.percent}]",
                    "[{set: spec.percent, value: \"{{ has(spec.ratio) && spec.ratio < 1000.0 && spec.ratio > -1000.0 ? optional.of(int(spec.ratio * 100.0)) : optional.none() }}\"}, {remove: spec.ratio}]",
                ),
            },
            says: &["K1211", "`spec.ratio` of `v1` is lost"],
            object: "",
        },
        Planted {
            name: "enum narrowed",
            versions: Versions {
                v1: "level: {type: string, enum: [low, middle, high]}",
                v1alpha1: "level: {type: string, enum: [low, high]}",
                status: NOTHING,
                paths: "- {from: v1alpha1, to: v1, rules: []}",
            },
            says: &["K1214", "`spec.level` of `v1alpha1` is not valid", "\"middle\" is none of"],
            object: "{\"spec\":{\"level\":\"middle\"}}",
        },
        Planted {
            name: "status forgotten",
            versions: Versions {
                v1: "a: {type: string}",
                v1alpha1: "a: {type: string}",
                status: ("ready: {type: integer}", "readyReplicas: {type: integer}"),
                paths: both("[{rename: {from: status.readyReplicas, to: status.ready}}]", "[]"),
            },
            says: &["K1211", "`status.ready` of `v1` is lost"],
            object: "",
        },
        Planted {
            name: "annotation forgotten",
            versions: Versions {
                v1: "tier: {type: string}",
                v1alpha1: "a: {type: string}",
                status: NOTHING,
                paths: both("[{move: {from: \"metadata.annotations['example.com/tier']\", to: spec.tier}}]", "[]"),
            },
            says: &["K1211", "`spec.tier` of `v1` is lost"],
            object: "{\"spec\":{\"tier\":\"a\"}}",
        },
        Planted {
            name: "default added to a fragment",
            versions: Versions {
                v1: "color: {type: string}\ntheme: {type: string}",
                v1alpha1: "color: {type: string}\ntheme: {type: string}",
                status: NOTHING,
                paths: both(
                    "[{set: spec.theme, value: \"{{ has(spec.theme) ? spec.theme : (has(spec.color) ? 'colourful' : 'plain') }}\"}]",
                    "[]",
                ),
            },
            says: &["K1212", "a fragment of `v1alpha1` gains `spec.theme`"],
            object: "{\"spec\":{\"color\":\"\"}}",
        },
    ]
}

#[test]
fn each_loss_is_found_with_its_field_and_the_smallest_object() {
    let mut missed = Vec::new();
    for Planted { name, versions, says, object } in planted() {
        let (problems, text) = versions.subject().proof(1000);
        let shown = object.is_empty() || text.contains(&format!("the smallest object that shows it: {object}"));
        if problems.is_empty() || !says.iter().all(|words| text.contains(words)) || !shown {
            missed.push(format!("{name}:\n{text}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_declared_loss_is_accepted() {
    let subject = Versions {
        v1: "theme: {type: string}",
        v1alpha1: "theme: {type: string}",
        status: NOTHING,
        paths: "
- {from: v1alpha1, to: v1, rules: []}
- {from: v1, to: v1alpha1, lossy: [spec.theme], rules: [{set: spec.theme, value: \"{{ spec.theme | default 'plain' }}\"}]}
",
    }
    .subject();
    let (problems, text) = subject.proof(1000);
    assert!(problems.is_empty(), "{text}");
    let there = subject.convert("v1alpha1", &thing("v1", json!({}))).unwrap();
    assert_eq!(there["spec"]["theme"], "plain");
    assert_eq!(there["metadata"].get("annotations"), None::<&Value>, "what may be lost is not kept");
}

#[test]
fn what_the_other_version_has_no_place_for_is_no_loss() {
    let subject = Versions {
        v1: "a: {type: string}\ntier: {type: string}\nusers: {type: array, maxItems: 100, items: {type: object, properties: {name: {type: string}, quota: {type: integer}}}}",
        v1alpha1: "a: {type: string}\nold: {type: boolean}\nusers: {type: array, maxItems: 100, items: {type: object, properties: {name: {type: string}}}}",
        status: ("ready: {type: integer}", "phase: {type: string}"),
        paths: "- {from: v1alpha1, to: v1, rules: []}",
    }
    .subject();
    let (problems, text) = subject.proof(1000);
    assert!(problems.is_empty(), "{text}");
}
