use std::time::Duration;

use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::source::Source;

use super::{Policy, parse};
use crate::{Limits, parse_with};

fn read(spec: &str) -> Result<Policy, String> {
    let text =
        format!("apiVersion: orkestra.orkspace.io/v1\nkind: Policy\nmetadata: {{name: company}}\nspec: {spec}\n");
    let mut source = Source::new();
    let file = source.add("policy.yaml", text.as_bytes());
    let (policy, problems) = parse(&source, file);
    policy.ok_or_else(|| render_all(&problems, &source, Style::Plain))
}

/// The codes of what would widen a policy.
fn widened(spec: &str, komposer: &str) -> Vec<&'static str> {
    let policy = read(spec).unwrap();
    let text =
        format!("apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: platform}}\n{komposer}\n");
    let mut source = Source::new();
    let file = source.add("komposer.yaml", text.as_bytes());
    let (komposer, problems) = parse_with(&source, file, &policy.variables());
    let komposer = komposer.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)));
    policy.narrow(&komposer).iter().map(|problem| problem.code.id).collect()
}

fn import(more: &str) -> String {
    format!("imports: {{registry: [{{url: ghcr.io/a/pg:1.0.0{more}}}]}}")
}

#[test]
fn a_policy_that_says_nothing_asks_for_locks_and_rebuilds_only() {
    let policy = read("{}").unwrap();
    assert_eq!((policy.name.as_str(), policy.require_rebuild, policy.allow_unlocked), ("company", true, false));
    assert!(policy.allows_group("example.org") && policy.allows_grant("code"));
    assert!(
        policy.allows_registry(&"docker.io/a/b".parse().unwrap()) && !policy.allows_variable("ORK_REGISTRY_A", "x.io")
    );
    let policy = read("{requireRebuild: false, allowUnlocked: true}").unwrap();
    assert!(!policy.require_rebuild && policy.allow_unlocked);
}

#[test]
fn a_policy_is_read_whole() {
    let policy = read(
        "{registries: {allow: [ghcr.io/a/**], mirrors: [{prefix: ghcr.io, mirror: 'registry.corp:5000/hub'}]}, \
         credentials: [{variable: TOKEN, hosts: [GHCR.io, 'registry.corp:5000']}], \
         trust: [{pattern: ghcr.io/a/**, keys: [a.pub, b.pub], quorum: 2, maxAge: 30d}], \
         ceilings: {memory: 16Mi, deadline: 500ms, workers: 4}, groups: [example.org], grants: [code], \
         rules: [{cel: 'size(patterns) > 0', message: none}]}",
    )
    .unwrap();
    assert_eq!(policy.variables(), ["TOKEN"]);
    assert!(policy.allows_variable("TOKEN", "ghcr.io") && policy.allows_variable("TOKEN", "registry.corp:5000"));
    assert_eq!(
        (policy.mirrors[0].prefix.as_str(), policy.mirrors[0].mirror.as_str()),
        ("ghcr.io", "registry.corp:5000/hub")
    );
    assert_eq!((policy.trust[0].quorum, policy.trust[0].max_age), (2, Some(Duration::from_secs(30 * 86_400))));
    let rule = &policy.rules[0];
    assert_eq!(
        (rule.cel.as_str(), rule.message.as_str(), rule.at.as_str()),
        ("size(patterns) > 0", "none", "policy.yaml:4:371")
    );
    let limits = Limits { memory: Some(16 << 20), deadline: Some(Duration::from_millis(500)) };
    assert_eq!((policy.ceilings.limits, policy.ceilings.workers), (limits, Some(4)));
}

#[test]
fn nothing_in_a_policy_is_accepted_and_ignored() {
    for (spec, parts) in [
        ("{registris: {}}", ["K0201", "did you mean `registries`?"]),
        ("{registries: {allow: [ghcr.io/a*]}}", ["K1121", "policy.yaml:4:29"]),
        ("{registries: {allow: ghcr.io/**}}", ["K0204", "must be a list"]),
        ("{registries: {mirrors: [{prefix: ghcr.io/, mirror: r.corp}]}}", ["K1123", "`prefix` cannot begin"]),
        ("{registries: {mirrors: [{prefix: ghcr.io}]}}", ["K0203", "`mirror`"]),
        ("{credentials: [{variable: T, hosts: ['https://ghcr.io']}]}", ["K1123", "not a registry's host"]),
        ("{credentials: [{variable: s3cr.t, hosts: [ghcr.io]}]}", ["K1123", "(not shown: it may hold a secret)"]),
        ("{trust: [{pattern: ghcr.io/a*, keys: [a.pub]}]}", ["K1121", "policy.yaml:4:26"]),
        ("{trust: [{pattern: ghcr.io/**}]}", ["K0203", "`keys`"]),
        ("{ceilings: {memory: much}}", ["K0204", "a size such as"]),
        ("{ceilings: {workers: 65}}", ["K0210", "1 to 64"]),
        ("{groups: ['ex*.org']}", ["K1123", "not an API group"]),
        ("{rules: [{cel: 'true'}]}", ["K0203", "`message`"]),
        ("{rules: [{cel: 'true', message: a, mesage: b}]}", ["K0201", "did you mean `message`?"]),
        ("{requireRebuild: sometimes}", ["K0204", "`true` or `false`"]),
    ] {
        let shown = read(spec).unwrap_err();
        assert!(parts.iter().all(|part| shown.contains(part)), "{spec}\n{shown}");
    }
}

#[test]
fn another_document_is_no_policy() {
    let source =
        Source::new().with("p.yaml", b"apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nspec: {crds: {}}\n");
    let (policy, problems) = parse(&source, source.find("p.yaml").unwrap());
    assert!(policy.is_none());
    assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["K1122"]);
}

#[test]
fn imports_come_from_allowed_registries() {
    assert_eq!(widened("{registries: {allow: [quay.io/**, ghcr.io/a/*]}}", &import("")), [""; 0]);
    assert_eq!(widened("{registries: {allow: [ghcr.io/b/**]}}", &import("")), ["K1124"]);
    assert_eq!(widened("{registries: {allow: []}}", &import("")), ["K1124"]);
    assert_eq!(widened("{registries: {allow: []}}", "imports: {files: [./here]}"), [""; 0]);
    assert_eq!(widened("{registries: {}}", &import("")), [""; 0]);
}

#[test]
fn a_variable_goes_to_its_hosts_only() {
    let bearer = import(", auth: {type: bearer, fromEnv: TOKEN}");
    assert_eq!(widened("{credentials: [{variable: TOKEN, hosts: [ghcr.io]}]}", &bearer), [""; 0]);
    assert_eq!(widened("{credentials: [{variable: TOKEN, hosts: ['ghcr.io:443', r.corp]}]}", &bearer), ["K1125"]);
    // The prefix opens the door only where there is no policy.
    let basic = import(", auth: {type: basic, usernameFromEnv: ORK_REGISTRY_A, passwordFromEnv: ORK_REGISTRY_B}");
    assert_eq!(widened("{}", &basic), ["K1125", "K1125"]);
    assert_eq!(widened("{credentials: [{variable: ORK_REGISTRY_A, hosts: [ghcr.io]}]}", &basic), ["K1125"]);
    let both =
        "{credentials: [{variable: ORK_REGISTRY_A, hosts: [ghcr.io]}, {variable: ORK_REGISTRY_B, hosts: [ghcr.io]}]}";
    assert_eq!(widened(both, &basic), [""; 0]);
}

#[test]
fn limits_and_workers_stay_under_the_ceilings() {
    let ceilings = "{ceilings: {memory: 16Mi, deadline: 500ms, workers: 4}}";
    assert_eq!(widened(ceilings, &import(", limits: {memory: 16Mi, deadline: 500ms}")), [""; 0]);
    assert_eq!(widened(ceilings, &import(", limits: {memory: 17Mi, deadline: 1s}")), ["K1126", "K1126"]);
    let files = "imports: {files: [{path: ./a, limits: {memory: 1Gi}}]}";
    assert_eq!(widened(ceilings, files), ["K1126"]);
    assert_eq!(widened("{}", files), [""; 0]);
    for (workers, expected) in [(4, Vec::new()), (5, vec!["K1127"])] {
        assert_eq!(widened(ceilings, &format!("spec: {{crds: {{a: {{workers: {workers}}}}}}}")), expected);
    }
}

#[test]
fn grants_are_those_that_may_be_granted() {
    let grants = import(", grants: [code, 'flow:spec.namespace']");
    for (policy, expected) in [
        ("{}", Vec::new()),
        ("{grants: [code, flow]}", Vec::new()),
        ("{grants: [code, 'flow:spec.namespace']}", Vec::new()),
        ("{grants: [code, 'flow:spec.name']}", vec!["K1128"]),
        ("{grants: []}", vec!["K1128", "K1128"]),
    ] {
        assert_eq!(widened(policy, &grants), expected, "{policy}");
    }
}

#[test]
fn a_komposer_cannot_trust_for_the_policy() {
    let trust = "{trust: [{pattern: ghcr.io/a/**, keys: [a.pub]}]}";
    assert_eq!(widened(trust, &import("")), [""; 0]);
    let other = "imports: {registry: [{url: quay.io/a/pg:1.0.0}], trust: [{pattern: quay.io/**, keys: [b.pub]}]}";
    assert_eq!(widened(trust, other), ["K1129"]);
    assert_eq!(widened("{}", other), [""; 0]);
}

#[test]
fn groups_are_exact_or_below() {
    let policy = read("{groups: [example.org, '*.corp.example']}").unwrap();
    for (group, allowed) in [
        ("example.org", true),
        ("a.example.org", false),
        ("a.corp.example", true),
        ("a.b.corp.example", true),
        ("corp.example", false),
        ("evilcorp.example", false),
    ] {
        assert_eq!(policy.allows_group(group), allowed, "{group}");
    }
}

#[test]
fn what_nobody_asked_for_takes_the_ceiling_where_it_is_lower() {
    let policy = read("{ceilings: {memory: 16Mi, deadline: 5s, workers: 1}}").unwrap();
    let usual = Limits { memory: Some(64 << 20), deadline: Some(Duration::from_secs(1)) };
    let mut composition = crate::tests::composition("imports: {files: [./shop]}\n");
    policy.settle(&mut composition, &usual);
    let shop = &composition.instances[0];
    assert_eq!(shop.limits, Limits { memory: Some(16 << 20), deadline: Some(Duration::from_secs(1)) });
    assert_eq!(shop.entries[0].workers, 1);
    let mut composition =
        crate::tests::composition("imports: {files: [{path: ./shop, limits: {memory: 8Mi, deadline: 2s}}]}\n");
    policy.settle(&mut composition, &usual);
    let limits = Limits { memory: Some(8 << 20), deadline: Some(Duration::from_secs(2)) };
    assert_eq!(composition.instances[0].limits, limits);
}
