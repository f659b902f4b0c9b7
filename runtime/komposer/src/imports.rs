//! `imports` of a Komposer: where patterns come from, and what each is given.

use std::time::Duration;

use orkestra_artifact::trust::{NotAPattern, RepositoryPattern};
use orkestra_artifact::{Digest, Reference};
use orkestra_pattern::codes::keys;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, duration, label, list, number, string};
use orkestra_pattern::yaml::{Node, Value};

use crate::{Auth, Import, Limits, Located, Trust, TrustedKey, codes, groups, tables};

/// What the name of a variable with a credential begins with, unless the policy names the variable.
pub(crate) const PREFIX: &str = "ORK_REGISTRY_";

/// What `imports` says.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) imports: Vec<Import>,
    pub(crate) trust: Vec<Trust>,
}

pub(crate) fn parse(node: &Node, variables: &[&str], problems: &mut Diagnostics) -> Option<Imports> {
    let fields = Fields::open(node, &tables::IMPORTS, problems)?;
    let mut imports = Vec::new();
    for (key, what) in [("registry", "`registry`"), ("oci", "`oci`")] {
        let items = fields.take(key).and_then(|node| list(node, what, problems)).unwrap_or_default();
        imports.extend(items.iter().filter_map(|item| registry(item, variables, problems)));
    }
    let files = fields.take("files").and_then(|node| list(node, "`files`", problems)).unwrap_or_default();
    imports.extend(files.iter().filter_map(|item| file(item, problems)));
    let trust = trust(&fields, problems);
    fields.finish(problems);
    Some(Imports { imports, trust })
}

fn registry(node: &Node, variables: &[&str], problems: &mut Diagnostics) -> Option<Import> {
    let fields = Fields::open(node, &tables::REGISTRY, problems)?;
    let url = match (fields.entry("ref"), fields.take("url")) {
        (Some((key, _)), Some(url)) => {
            let problem =
                Diagnostic::new(&keys::TWICE, key.span, "`ref` is another name of `url`, which is there, too");
            problems.push(problem.note(url.span, "here").hint("keep one of the two"));
            None
        }
        (Some((_, node)), None) => Some(node),
        (None, _) => fields.require("url", problems),
    };
    if let Some(node) = fields.take("oci").filter(|node| node.value != Value::Bool(true)) {
        let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, "`oci` can only be `true`");
        problems.push(problem.expected("`true`").found(node.describe()));
    }
    let wrong =
        |node: &Node, error: &dyn std::fmt::Display| Diagnostic::new(&codes::REFERENCE, node.span, error.to_string());
    let reference_such_as = "a reference such as `ghcr.io/orkestra-sh/registry/postgres:v14`";
    let reference = url.and_then(|node| {
        let text = string(node, "`url`", problems)?;
        let wrong = |error| wrong(node, &error).expected(reference_such_as);
        text.parse::<Reference>().map_err(|error| problems.push(wrong(error))).ok()
    });
    let digest = fields.take("digest").and_then(|node| {
        let text = string(node, "`digest`", problems)?;
        let wrong = |error| wrong(node, &error).expected("`sha256:` and 64 hexadecimal digits");
        text.parse::<Digest>().map_err(|error| problems.push(wrong(error))).ok()
    });
    let version = fields.take("version").and_then(|node| {
        let text = string(node, "`version`", problems)?;
        semver::VersionReq::parse(text)
            .map_err(|error| problems.push(wrong(node, &error).expected("a range such as `^7.2`")))
            .ok()
    });
    let auth = fields.take("auth").and_then(|node| auth(node, variables, problems));
    let rest = common(&fields, problems);
    fields.finish(problems);
    let mut reference = reference?;
    let (node, span) = (url?, url?.span);
    match (digest, reference.digest) {
        (Some(a), Some(b)) if a != b => {
            problems.push(wrong(node, &"`url` and `digest` name two digests").hint("keep one of the two"))
        }
        (Some(digest), _) => reference.digest = Some(digest),
        _ => {}
    }
    match (&reference.tag, &version) {
        (Some(_), Some(_)) => {
            problems.push(wrong(node, &"`url` has a tag, and `version` a range").hint("keep one of the two"));
        }
        (None, None) if reference.digest.is_none() => {
            let hint = "write `url: …:v1.2.3`, or `version: ^1.2`, or a `digest`";
            problems.push(wrong(node, &"neither a tag, a `version` nor a `digest` is given").hint(hint));
        }
        _ => {}
    }
    Some(Import { located: Located::Registry { reference, version, auth }, span, ..rest })
}

/// A path, or a map with the path and what goes with it.
fn file(node: &Node, problems: &mut Diagnostics) -> Option<Import> {
    let bare = |path: &str| Import {
        located: Located::File { path: path.to_owned() },
        span: node.span,
        ..Import::empty(node.span)
    };
    if let Some(path) = node.text() {
        return Some(bare(path));
    }
    let fields = Fields::open(node, &tables::FILE, problems)?;
    let path = fields.require("path", problems);
    let rest = common(&fields, problems);
    fields.finish(problems);
    let path = path?;
    let text = string(path, "`path`", problems)?.to_owned();
    Some(Import { located: Located::File { path: text }, span: path.span, ..rest })
}

/// What every import can have.
fn common(fields: &Fields, problems: &mut Diagnostics) -> Import {
    let mut import = Import::empty(fields.span());
    match fields.take("with") {
        Some(with) if with.members().is_none() => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, with.span, "`with` must be a map of inputs");
            problems.push(problem.expected("a map").found(with.describe()));
        }
        with => import.with = with.and_then(Node::members).unwrap_or_default().to_vec(),
    }
    import.name = fields.take("as").and_then(|node| label(node, "the instance's name", problems));
    import.groups = fields.take("groups").and_then(|node| groups::parse(node, problems));
    import.grants = strings(fields.take("grants"), "`grants`", problems);
    import.limits = fields.take("limits").and_then(|node| limits(node, problems)).unwrap_or_default();
    import
}

pub(crate) fn strings(node: Option<&Node>, what: &str, problems: &mut Diagnostics) -> Vec<String> {
    let items = node.and_then(|node| list(node, what, problems)).unwrap_or_default();
    items.iter().filter_map(|item| Some(string(item, &format!("an item of {what}"), problems)?.to_owned())).collect()
}

fn limits(node: &Node, problems: &mut Diagnostics) -> Option<Limits> {
    let fields = Fields::open(node, &tables::LIMITS, problems)?;
    let limits = limits_among(&fields, problems);
    fields.finish(problems);
    Some(limits)
}

/// Reads `memory` and `deadline`.
pub(crate) fn limits_among(fields: &Fields, problems: &mut Diagnostics) -> Limits {
    let mut read = |key: &'static str, expected: &'static str, of: &dyn Fn(&str) -> Option<u64>| {
        let node = fields.take(key)?;
        let found = node.text().and_then(of);
        if found.is_none() {
            let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, format!("`{key}` cannot be read"));
            problems.push(problem.expected(expected).found(node.describe()));
        }
        found
    };
    let memory = read("memory", "a size such as `16Mi`", &size);
    let deadline = read("deadline", "a time such as `500ms`", &milliseconds).map(Duration::from_millis);
    Limits { memory, deadline }
}

/// `16Mi` in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(unit)
}

/// `500ms` and `2s` in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(unit)
}

fn auth(node: &Node, variables: &[&str], problems: &mut Diagnostics) -> Option<Auth> {
    let bearer = node.get("type").and_then(Node::text) == Some("bearer");
    let fields = Fields::open(node, if bearer { &tables::BEARER } else { &tables::BASIC }, problems)?;
    for key in ["username", "password", "token"] {
        if let Some((key, _)) = fields.entry(key) {
            let problem =
                Diagnostic::new(&codes::CREDENTIAL, key.span, format!("`{}` would be written down", key.text));
            problems.push(
                problem
                    .withheld()
                    .hint(format!("write `{}FromEnv: {PREFIX}…`, the name of an environment variable", key.text)),
            );
        }
    }
    let kind = fields.require("type", problems).and_then(|node| Some((string(node, "`type`", problems)?, node)));
    let mut variable = |key: &'static str| {
        let node = fields.require(key, problems)?;
        let name = string(node, "the name of a variable", problems)?;
        let known = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
        if !(name.starts_with(PREFIX) || variables.contains(&name)) || !name.bytes().all(known) {
            // The value is not repeated: it may be the secret itself.
            let problem = Diagnostic::new(
                &codes::CREDENTIAL,
                node.span,
                format!("`{key}` names no variable that may hold a credential"),
            );
            problems.push(
                problem
                    .withheld()
                    .expected(format!("a variable whose name begins `{PREFIX}`, or one that the policy names")),
            );
            return None;
        }
        Some(name.to_owned())
    };
    let auth = match kind {
        Some(("basic", _)) => {
            let (username, password) = (variable("usernameFromEnv"), variable("passwordFromEnv"));
            username.zip(password).map(|(username, password)| Auth::Basic { username, password })
        }
        Some(("bearer", _)) => variable("fromEnv").map(|token| Auth::Bearer { token }),
        Some((_, node)) => {
            let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, "`type` must be `basic` or `bearer`");
            problems.push(problem.expected("`basic` or `bearer`").found(node.describe()));
            // Without a type, there is no telling which keys belong here.
            return None;
        }
        None => return None,
    };
    fields.finish(problems);
    auth
}

/// Reads `trust`.
pub(crate) fn trust(fields: &Fields, problems: &mut Diagnostics) -> Vec<Trust> {
    let items = fields.take("trust").and_then(|node| list(node, "`trust`", problems)).unwrap_or_default();
    items.iter().filter_map(|item| one_trust(item, problems)).collect()
}

fn one_trust(node: &Node, problems: &mut Diagnostics) -> Option<Trust> {
    let fields = Fields::open(node, &tables::TRUST, problems)?;
    let pattern = fields.require("pattern", problems).and_then(|node| repositories(node, "`pattern`", problems));
    let keys = fields.require("keys", problems).and_then(|node| list(node, "`keys`", problems)).unwrap_or_default();
    let key = |item: &Node, problems: &mut Diagnostics| {
        let text = string(item, "an item of `keys`", problems)?.to_owned();
        Some(TrustedKey { text, span: item.span })
    };
    let keys: Vec<TrustedKey> = keys.iter().filter_map(|item| key(item, problems)).collect();
    let most = u16::try_from(keys.len()).unwrap_or(u16::MAX).max(1);
    let quorum = fields.take("quorum").and_then(|node| number(node, "`quorum`", 1, most, problems)).unwrap_or(1);
    let max_age = fields.take("maxAge").and_then(|node| duration(node, "`maxAge`", problems));
    fields.finish(problems);
    Some(Trust { pattern: pattern?, keys, quorum, max_age })
}

/// A glob of repositories.
pub(crate) fn repositories(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<RepositoryPattern> {
    let text = string(node, what, problems)?;
    let wrong = |error: NotAPattern| {
        let example = "a pattern such as `ghcr.io/orkestra-sh/**`";
        Diagnostic::new(&codes::REPOSITORIES, node.span, error.to_string()).expected(example)
    };
    text.parse().map_err(|error| problems.push(wrong(error))).ok()
}
