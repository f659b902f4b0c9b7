//! `conversion`, as it was written.

use super::Spanned;
use super::fields::{Fields, list, string};
use super::tables::conversion::{CONVERSION, FROM_TO, PATH, RULE, RULES};
use crate::codes::{conversion as codes, keys};
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{Key, Node};

/// How deep `each` may stand in `each`.
const DEPTH: usize = 8;

/// `conversion` of an entry.
#[derive(Debug)]
pub(crate) struct Conversion {
    pub(crate) storage: Option<Spanned<String>>,
    pub(crate) paths: Vec<Path>,
    /// The place of its key.
    pub(crate) span: Span,
}

/// One of `paths`.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) from: Spanned<String>,
    pub(crate) to: Spanned<String>,
    pub(crate) form: Form,
    pub(crate) lossy: Vec<Place>,
    pub(crate) span: Span,
}

/// How a path is written.
#[derive(Debug)]
pub(crate) enum Form {
    Spec(Node),
    Rules(Vec<Rule>),
}

/// A place in an object: keys from its root, or from an item, down.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) keys: Vec<String>,
    /// As written.
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// One of `rules`.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) what: What,
    pub(crate) span: Span,
}

/// What a rule does.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Move { from: Place, to: Place },
    Set { to: Place, value: Node },
    Remove { from: Place },
    Wrap { from: Place, to: Place },
    Unwrap { from: Place, to: Place },
    Map { from: Place, to: Place, values: Vec<(Key, Node)>, turned: bool },
    Split { from: Place, by: String, into: Vec<Place> },
    Join { from: Vec<Place>, by: String, to: Place },
    Each { from: Place, to: Place, rules: Vec<Rule> },
}

pub(super) fn parse(key: &Key, node: &Node, problems: &mut Diagnostics) -> Option<Conversion> {
    let fields = Fields::open(node, &CONVERSION, problems)?;
    let storage = fields.require("storageVersion", problems).and_then(|node| text(node, "`storageVersion`", problems));
    let paths = fields.require("paths", problems).and_then(|node| list(node, "`paths`", problems));
    fields.finish(problems);
    let paths = paths.unwrap_or_default().iter().filter_map(|node| path(node, problems)).collect();
    Some(Conversion { storage, paths, span: key.span })
}

fn text(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Spanned<String>> {
    string(node, what, problems).map(|text| Spanned { value: text.to_owned(), span: node.span })
}

fn path(node: &Node, problems: &mut Diagnostics) -> Option<Path> {
    let fields = Fields::open(node, &PATH, problems)?;
    let span = fields.head();
    let from = fields.require("from", problems).and_then(|node| text(node, "`from`", problems));
    let to = fields.require("to", problems).and_then(|node| text(node, "`to`", problems));
    let (spec, rules) = (fields.take("spec"), fields.take("rules"));
    let lossy = fields.take("lossy").and_then(|node| list(node, "`lossy`", problems)).unwrap_or_default();
    let lossy = lossy.iter().filter_map(|node| place(node, true, problems)).collect();
    fields.finish(problems);
    let form = match (spec, rules) {
        (Some(spec), None) => Form::Spec(spec.clone()),
        (None, Some(node)) => Form::Rules(rules_of(node, 0, problems)?),
        (None, None) => {
            problems.push(codes::form(span, "neither `spec` nor `rules`"));
            return None;
        }
        (Some(_), Some(rules)) => {
            problems.push(codes::form(rules.span, "both `spec` and `rules`"));
            return None;
        }
    };
    Some(Path { from: from?, to: to?, form, lossy, span })
}

fn rules_of(node: &Node, depth: usize, problems: &mut Diagnostics) -> Option<Vec<Rule>> {
    let items = list(node, "`rules`", problems)?;
    Some(items.iter().filter_map(|item| rule(item, depth, problems)).collect())
}

fn rule(node: &Node, depth: usize, problems: &mut Diagnostics) -> Option<Rule> {
    let fields = Fields::open(node, &RULE, problems)?;
    let span = fields.head();
    let root = depth == 0;
    let taken: Vec<&'static str> = RULES.into_iter().filter(|name| fields.take(name).is_some()).collect();
    // Asked for here, so that each rule below asks for its own only where it is one.
    let value = fields.take("value").cloned();
    let values = fields.take("values");
    let into = fields.take("into");
    let by = fields.take("by").and_then(|node| string(node, "`by`", problems)).map(str::to_owned);
    let to = fields.take("as").and_then(|node| place(node, root, problems));
    let nested = fields.take("rules");
    let [name] = taken.as_slice() else {
        problems.push(codes::one_rule(span, &taken));
        fields.finish(problems);
        return None;
    };
    let allowed: &[&str] = match *name {
        "set" => &["value"],
        "wrap" | "unwrap" => &["as"],
        "map" => &["as", "values"],
        "split" => &["by", "into"],
        "join" => &["by", "as"],
        "each" => &["as", "rules"],
        _ => &[],
    };
    let given = [
        ("value", value.is_some()),
        ("values", values.is_some()),
        ("into", into.is_some()),
        ("by", fields.take("by").is_some()),
        ("as", fields.take("as").is_some()),
        ("rules", nested.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(key, given)| *given && !allowed.contains(key)) {
        problems.push(codes::not_of_rule(span, name, key));
    }
    let at = fields.take(name)?;
    // One that is there and wrong was reported already.
    let need = |key: &str, problems: &mut Diagnostics| {
        if given.iter().any(|(name, there)| *name == key && !there) {
            problems.push(codes::missing(span, name, key));
        }
    };
    let what = match *name {
        "rename" | "move" => from_to(at, *name == "rename", root, problems),
        "set" => {
            let to = place(at, root, problems);
            need("value", problems);
            to.zip(value).map(|(to, value)| What::Set { to, value })
        }
        "remove" => place(at, root, problems).map(|from| What::Remove { from }),
        "wrap" | "unwrap" => {
            let from = place(at, root, problems);
            need("as", problems);
            from.zip(to).map(|(from, to)| match *name {
                "wrap" => What::Wrap { from, to },
                _ => What::Unwrap { from, to },
            })
        }
        "map" => {
            let from = place(at, root, problems);
            need("values", problems);
            let values = values.and_then(|node| {
                if node.members().is_none() {
                    problems.push(keys::wrong_kind(node.span, "`values`", "a map", &node.describe()));
                }
                node.members().map(<[_]>::to_vec)
            });
            from.zip(values).map(|(from, values)| {
                let to = to.unwrap_or_else(|| from.clone());
                What::Map { from, to, values, turned: false }
            })
        }
        "split" => {
            let from = place(at, root, problems);
            let into = into.and_then(|node| places(node, "`into`", root, problems));
            need("into", problems);
            need("by", problems);
            from.zip(into).zip(by).map(|((from, into), by)| What::Split { from, by, into })
        }
        "join" => {
            let from = places(at, "`join`", root, problems);
            need("as", problems);
            need("by", problems);
            from.zip(to).zip(by).map(|((from, to), by)| What::Join { from, by, to })
        }
        _ => {
            let from = place(at, root, problems);
            need("rules", problems);
            let rules = match nested {
                Some(node) if depth < DEPTH => rules_of(node, depth + 1, problems),
                Some(node) => {
                    problems.push(codes::too_deep(node.span, DEPTH));
                    None
                }
                None => None,
            };
            from.zip(rules).map(|(from, rules)| {
                let to = to.unwrap_or_else(|| from.clone());
                What::Each { from, to, rules }
            })
        }
    };
    fields.finish(problems);
    Some(Rule { what: what?, span })
}

fn from_to(node: &Node, rename: bool, root: bool, problems: &mut Diagnostics) -> Option<What> {
    let fields = Fields::open(node, &FROM_TO, problems)?;
    let from = fields.require("from", problems).and_then(|node| place(node, root, problems));
    let to = fields.require("to", problems).and_then(|node| place(node, root, problems));
    fields.finish(problems);
    let (from, to) = from.zip(to)?;
    let parent = |place: &Place| place.keys.split_last().map(|(_, parent)| parent.to_vec());
    if rename && parent(&from) != parent(&to) {
        problems.push(codes::rename(to.span, &from.text, &to.text));
    }
    Some(What::Move { from, to })
}

fn places(node: &Node, what: &str, root: bool, problems: &mut Diagnostics) -> Option<Vec<Place>> {
    let items = list(node, what, problems)?;
    if items.len() < 2 {
        problems.push(codes::parts(node.span, what, items.len()));
        return None;
    }
    items.iter().map(|item| place(item, root, problems)).collect()
}

/// A path: names joined by dots, and keys in `['…']`. From an object's root it begins at a field that a pattern may convert.
pub(crate) fn place(node: &Node, root: bool, problems: &mut Diagnostics) -> Option<Place> {
    let text = string(node, "a path", problems)?;
    let Some(keys) = keys_of(text) else {
        problems.push(codes::path(node.span, text));
        return None;
    };
    let place = Place { keys, text: text.to_owned(), span: node.span };
    if !root {
        return Some(place);
    }
    let fits = match place.keys.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["metadata", "labels" | "annotations", _] => true,
        ["metadata" | "apiVersion" | "kind", ..] => false,
        _ => true,
    };
    if !fits {
        problems.push(codes::out_of_reach(node.span, text));
        return None;
    }
    Some(place)
}

/// The keys of a path; a leading dot is as in expressions.
fn keys_of(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('.').unwrap_or(text);
    let mut keys = Vec::new();
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c));
        if !named {
            return None;
        }
        keys.push(name.to_owned());
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let quote = inner.chars().next().filter(|c| ['\'', '"'].contains(c))?;
            let (key, after) = inner.get(1..)?.split_once(quote)?;
            keys.push(key.to_owned());
            rest = after.strip_prefix(']')?;
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(keys),
        }
    }
}

/// A path as it is written.
pub(crate) fn written(keys: &[String]) -> String {
    let mut text = String::new();
    for key in keys {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c));
        if !plain {
            text.push_str(&format!("['{key}']"));
        } else {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(key);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{keys_of, written};

    #[test]
    fn paths_have_names_and_quoted_keys() {
        for (text, expected) in [
            ("spec.size", Some(&["spec", "size"][..])),
            (".spec.size", Some(&["spec", "size"])),
            ("metadata.annotations['db.example.com/tier']", Some(&["metadata", "annotations", "db.example.com/tier"])),
            ("metadata.labels[\"a.b\"].c", Some(&["metadata", "labels", "a.b", "c"])),
            ("", None),
            ("spec.", None),
            ("spec..size", None),
            ("spec[0]", None),
            ("spec['a'", None),
            ("spec.a b", None),
        ] {
            let found = keys_of(text);
            assert_eq!(
                found.as_deref().map(|keys| keys.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(),
                expected,
                "{text}"
            );
        }
        let path: Vec<String> = ["metadata", "annotations", "db.example.com/tier"].map(str::to_owned).to_vec();
        assert_eq!(written(&path), "metadata.annotations['db.example.com/tier']");
    }
}
