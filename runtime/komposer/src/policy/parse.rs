//! A policy's text → [`Policy`].

use orkestra_artifact::{Repository, trust::RepositoryPattern};
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, boolean, list, number, string};
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::Node;

use super::tables::{CEILINGS, CREDENTIAL, MIRROR, POLICY, REGISTRIES, RULE, SPEC};
use super::{Ceilings, Mirror, Policy, Rule, Variable};
use crate::header::Kind;
use crate::tables::MOST_WORKERS;
use crate::{codes, imports};

const KIND: Kind = Kind { name: "Policy", code: &codes::POLICY };

/// Reads a policy. It is there if there is no error.
pub fn parse(source: &Source, file: FileId) -> (Option<Policy>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let found = KIND.only(source, file, &mut problems);
    let found = found.and_then(|document| policy(source, &document, &mut problems));
    problems.sort();
    (found.filter(|_| !problems.has_errors()), problems)
}

fn policy(source: &Source, document: &Node, problems: &mut Diagnostics) -> Option<Policy> {
    let fields = Fields::open(document, &POLICY, problems)?;
    KIND.begins(&fields, problems)?;
    let name = KIND.named(&fields, problems);
    let mut policy = Policy {
        name: String::new(),
        registries: None,
        mirrors: Vec::new(),
        credentials: Vec::new(),
        trust: Vec::new(),
        ceilings: Ceilings::default(),
        groups: None,
        grants: None,
        rules: Vec::new(),
        require_rebuild: true,
        allow_unlocked: false,
    };
    if let Some(node) = fields.take("spec") {
        spec(source, node, &mut policy, problems);
    }
    fields.finish(problems);
    Some(Policy { name: name?, ..policy })
}

fn spec(source: &Source, node: &Node, policy: &mut Policy, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &SPEC, problems) else { return };
    if let Some(node) = fields.take("registries") {
        registries(node, policy, problems);
    }
    policy.credentials = items(&fields, "credentials", "`credentials`", variable, problems).unwrap_or_default();
    policy.trust = imports::trust(&fields, problems);
    policy.ceilings = fields.take("ceilings").and_then(|node| ceilings(node, problems)).unwrap_or_default();
    policy.groups = items(&fields, "groups", "`groups`", group, problems);
    policy.grants = fields.take("grants").map(|node| imports::strings(Some(node), "`grants`", problems));
    let rule = |node: &Node, problems: &mut Diagnostics| rule(source, node, problems);
    policy.rules = items(&fields, "rules", "`rules`", rule, problems).unwrap_or_default();
    for (key, what, place) in [
        ("requireRebuild", "`requireRebuild`", &mut policy.require_rebuild),
        ("allowUnlocked", "`allowUnlocked`", &mut policy.allow_unlocked),
    ] {
        *place = fields.take(key).and_then(|node| boolean(node, what, problems)).unwrap_or(*place);
    }
    fields.finish(problems);
}

/// The items of a list, each read by `one`; none where the key is not there. What cannot be read leaves a list without it, never
/// no list at all: that would allow everything.
fn items<T>(
    fields: &Fields,
    key: &'static str,
    what: &str,
    one: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
    problems: &mut Diagnostics,
) -> Option<Vec<T>> {
    let items = list(fields.take(key)?, what, problems).unwrap_or_default();
    Some(items.iter().filter_map(|item| one(item, problems)).collect())
}

fn registries(node: &Node, policy: &mut Policy, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &REGISTRIES, problems) else { return };
    let allowed = |node: &Node, problems: &mut Diagnostics| -> Option<RepositoryPattern> {
        imports::repositories(node, "an item of `allow`", problems)
    };
    policy.registries = items(&fields, "allow", "`allow`", allowed, problems);
    policy.mirrors = items(&fields, "mirrors", "`mirrors`", mirror, problems).unwrap_or_default();
    fields.finish(problems);
}

fn wrong(node: &Node, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::RULE, node.span, message).found(node.describe())
}

fn mirror(node: &Node, problems: &mut Diagnostics) -> Option<Mirror> {
    let fields = Fields::open(node, &MIRROR, problems)?;
    let mut prefix = |key: &'static str| {
        let node = fields.require(key, problems)?;
        let text = string(node, &format!("`{key}`"), problems)?;
        // What stands for the beginning of a repository is one as soon as a segment follows.
        if format!("{text}/x").parse::<Repository>().is_err() || text.starts_with("oci://") {
            problems.push(
                wrong(node, format!("`{key}` cannot begin a repository's name"))
                    .expected("a prefix such as `ghcr.io/orkestra-sh`"),
            );
            return None;
        }
        Some(text.to_owned())
    };
    let (prefix, mirror) = (prefix("prefix"), prefix("mirror"));
    fields.finish(problems);
    Some(Mirror { prefix: prefix?, mirror: mirror? })
}

fn variable(node: &Node, problems: &mut Diagnostics) -> Option<Variable> {
    let fields = Fields::open(node, &CREDENTIAL, problems)?;
    let variable = fields.require("variable", problems).and_then(|node| {
        let text = string(node, "`variable`", problems)?;
        let fits = text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        if text.is_empty() || !fits {
            // It may be the credential itself.
            let problem = Diagnostic::new(&codes::RULE, node.span, "`variable` is no name of an environment variable");
            problems.push(problem.withheld().expected("a name such as `REGISTRY_TOKEN`"));
            return None;
        }
        Some(text.to_owned())
    });
    let hosts = match fields.require("hosts", problems) {
        Some(_) => items(&fields, "hosts", "`hosts`", host, problems).unwrap_or_default(),
        None => Vec::new(),
    };
    fields.finish(problems);
    Some(Variable { variable: variable?, hosts })
}

/// A registry's host, in lower case as repositories have it.
fn host(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = string(node, "a host", problems)?;
    match Repository::at(text, "x") {
        Ok(found) => Some(found.registry().to_owned()),
        Err(_) => {
            problems.push(
                wrong(node, "not a registry's host").expected("a host such as `ghcr.io` or `registry.corp:5000`"),
            );
            None
        }
    }
}

fn group(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = string(node, "an item of `groups`", problems)?;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.strip_prefix("*.").unwrap_or(text).split('.').all(label) {
        problems.push(wrong(node, "not an API group").expected("a group such as `example.org` or `*.example.org`"));
        return None;
    }
    Some(text.to_owned())
}

fn rule(source: &Source, node: &Node, problems: &mut Diagnostics) -> Option<Rule> {
    let fields = Fields::open(node, &RULE, problems)?;
    let mut text = |key: &'static str| {
        let node = fields.require(key, problems)?;
        Some((string(node, &format!("`{key}`"), problems)?.to_owned(), node.span))
    };
    let (cel, message) = (text("cel"), text("message"));
    fields.finish(problems);
    let ((cel, span), (message, _)) = (cel?, message?);
    let file = source.file(span.file);
    let at = file.map(|file| (file.name(), file.position(span.start)));
    let at = at.map(|(name, place)| format!("{name}:{}:{}", place.line, place.column)).unwrap_or_default();
    Some(Rule { cel, message, at })
}

fn ceilings(node: &Node, problems: &mut Diagnostics) -> Option<Ceilings> {
    let fields = Fields::open(node, &CEILINGS, problems)?;
    let limits = imports::limits_among(&fields, problems);
    let workers = fields.take("workers").and_then(|node| number(node, "`workers`", 1, MOST_WORKERS, problems));
    fields.finish(problems);
    Some(Ceilings { limits, workers })
}
