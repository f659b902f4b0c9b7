//! `when` and `or`: conditions as lists, rewritten to one expression whose problems are shown where the conditions stand.

use std::ops::Range;

use super::strings::Expressions;
use crate::ast::fields::{Fields, list};
use crate::ast::tables::{COMPARISONS, CONDITION};
use crate::cel::ast::Type;
use crate::cel::{self, Checked, Piece, Place, Scope};
use crate::codes::{expressions as codes, keys, options};
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{self, Node, Value};

/// Checks `when` and `or`. All conditions of `when` must hold, and one of `or`.
pub(super) fn check(
    when: Option<&Node>,
    or: Option<&Node>,
    expressions: &mut Expressions,
    problems: &mut Diagnostics,
) -> Option<Checked> {
    let first = when.or(or)?;
    let mut text = Rewritten::new(first.span);
    let mut whole = true;
    for (what, node, joint) in [("`when`", when, " && "), ("`or`", or, " || ")] {
        let Some(node) = node else { continue };
        expressions.scope.read(node.span);
        if !text.text.is_empty() {
            text.push(" && ");
        }
        whole &= match &node.value {
            Value::List(_) => conditions(node, what, joint, expressions.scope, &mut text, problems),
            Value::String(written) if what == "`when`" => match or {
                None => expression(node, written, &mut text, problems),
                Some(_) => bracketed(node, written, &mut text, problems),
            },
            _ if what == "`when`" => {
                let expected = "an expression, \"{{ … }}\", or a list of conditions";
                problems.push(keys::wrong_kind(node.span, what, expected, &node.describe()));
                false
            }
            _ => {
                problems.push(keys::wrong_kind(node.span, what, "a list of conditions", &node.describe()));
                false
            }
        };
    }
    if !whole {
        return None;
    }
    let at = expressions.source.at(first.span);
    expressions.text(&text.text, &at, Place::When, |range| text.span(range), problems)
}

/// The one expression that a string is.
fn expression(node: &Node, written: &yaml::Text, text: &mut Rewritten, problems: &mut Diagnostics) -> bool {
    let pieces = match cel::split(&written.text) {
        Ok(pieces) => pieces,
        Err(problem) => {
            problems.push(codes::problem(written.span(node.span, problem.range.clone()), problem));
            return false;
        }
    };
    match pieces.as_slice() {
        [Piece::Expression { source, range }] => {
            text.push_text(source, node.span, written, range.start);
            // What ends with a comment ends with its line.
            text.push(if source.contains("//") { "\n" } else { "" });
            true
        }
        _ => {
            problems.push(keys::wrong_kind(node.span, "the value", "one expression, \"{{ … }}\"", &node.describe()));
            false
        }
    }
}

fn bracketed(node: &Node, written: &yaml::Text, text: &mut Rewritten, problems: &mut Diagnostics) -> bool {
    text.push("(");
    let whole = expression(node, written, text, problems);
    text.push(")");
    whole
}

fn conditions(
    node: &Node,
    what: &str,
    joint: &str,
    scope: &Scope,
    text: &mut Rewritten,
    problems: &mut Diagnostics,
) -> bool {
    let Some(items) = list(node, what, problems) else { return false };
    if items.is_empty() {
        problems.push(keys::wrong_kind(node.span, what, "a list of at least one condition", "none"));
        return false;
    }
    text.push("(");
    let mut whole = true;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(joint);
        }
        let start = text.text.len();
        whole &= condition(item, scope, text, problems).is_some();
        text.conditions.push((start..text.text.len(), item.span));
    }
    text.push(")");
    whole
}

/// One condition. What is absent does not match, so it differs from every value.
fn condition(node: &Node, scope: &Scope, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
    let fields = Fields::open(node, &CONDITION, problems)?;
    let field = fields.require("field", problems);
    let comparisons: Vec<_> = COMPARISONS.iter().filter_map(|row| Some((row.key, fields.entry(row.key)?))).collect();
    fields.finish(problems);
    let field = field?;
    let Some((comparison, (key, value))) = comparisons.first().copied() else {
        let problem = options::condition(node.span, "the condition compares with nothing");
        problems.push(problem.expected(format!("one of {}", keys::list(&COMPARISONS.each_ref().map(|row| row.key)))));
        return None;
    };
    if let Some((_, (second, _))) = comparisons.get(1) {
        let problem = options::condition(second.span, "a condition has one comparison").note(key.span, "the first");
        problems.push(problem.hint("write two conditions"));
        return None;
    }
    let path = Field::check(field, scope, problems)?;
    let compare = Compare { path: &path, key: comparison, value };
    compare.rewrite(text, problems)
}

/// A path from the object's root, or from the element of `forEach`, as an expression.
pub(super) struct Field<'a> {
    node: &'a Node,
    written: &'a yaml::Text,
    /// What stands before the path as it was written.
    before: &'static str,
    /// Where the path begins in the text that was written.
    start: usize,
    /// The path where it is not as it was written.
    quoted: Option<String>,
    ty: Type,
    may_be_absent: bool,
}

impl<'a> Field<'a> {
    fn check(node: &'a Node, scope: &Scope, problems: &mut Diagnostics) -> Option<Self> {
        let mut field = Self::parse(node, scope, problems)?;
        let mut text = Rewritten::new(node.span);
        field.push(&mut text);
        match cel::check(&text.text, "", scope, Place::Value(None)) {
            Ok(checked) => {
                field.ty = checked.ty.clone();
                field.may_be_absent = checked.path;
                Some(field)
            }
            Err(found) => {
                for problem in found {
                    problems.push(codes::problem(text.span(problem.range.clone()), problem));
                }
                None
            }
        }
    }

    /// Reads a path without a look at what it leads to.
    pub(super) fn parse(node: &'a Node, scope: &Scope, problems: &mut Diagnostics) -> Option<Self> {
        let expected = "a path such as `spec.users`";
        let Value::String(written) = &node.value else {
            problems.push(keys::wrong_kind(node.span, "`field`", expected, &node.describe()));
            return None;
        };
        let start = usize::from(written.text.starts_with('.'));
        let path = &written.text[start..];
        let word = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        if !path.split('.').all(word) {
            let problem = keys::wrong_kind(node.span, "`field`", expected, &node.describe());
            problems.push(problem.hint("write one expression instead: \"{{ … }}\""));
            return None;
        }
        let first = path.split('.').next().unwrap_or_default();
        let known = matches!(first, "metadata" | "spec" | "status") || (start == 0 && scope.is_element(first));
        if !known && !scope.has_root_field(first) && cel::is_root(first) {
            let problem = keys::wrong_kind(node.span, "`field`", "a path from the object's root", &node.describe());
            problems.push(problem.hint(format!("for `{first}` write one expression: \"{{{{ {path} … }}}}\"")));
            return None;
        }
        let plain = |name: &str| !name.contains('-') && !name.starts_with(|first: char| first.is_ascii_digit());
        let quoted = (!path.split('.').all(plain)).then(|| {
            let quote = |name: &str| if plain(name) { name.to_owned() } else { format!("`{name}`") };
            path.split('.').map(quote).collect::<Vec<_>>().join(".")
        });
        let before = if known { "" } else { "object." };
        Some(Self { node, written, before, start, quoted, ty: Type::Dyn, may_be_absent: false })
    }

    /// Appends the path to an expression.
    pub(super) fn push(&self, text: &mut Rewritten) {
        text.push_at(self.before, self.node.span);
        match &self.quoted {
            Some(quoted) => text.push_at(quoted, self.node.span),
            None => text.push_text(&self.written.text[self.start..], self.node.span, self.written, self.start),
        }
    }

    /// Appends a test for its presence.
    fn push_presence(&self, text: &mut Rewritten) {
        let path = &self.written.text[self.start..];
        match (path.contains('.'), self.before) {
            // A variable of its own is always there, but for the parts of the object.
            (false, "") if !matches!(path, "metadata" | "spec" | "status") => text.push("true"),
            (false, "") => text.push(&format!("has(object.{path})")),
            _ => {
                text.push("has(");
                self.push(text);
                text.push(")");
            }
        }
    }
}

struct Compare<'a> {
    path: &'a Field<'a>,
    key: &'a str,
    value: &'a Node,
}

impl Compare<'_> {
    fn rewrite(&self, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
        if let "exists" | "notExists" = self.key {
            let Value::Bool(value) = self.value.value else {
                let what = format!("`{}`", self.key);
                problems.push(keys::wrong_kind(self.value.span, &what, "`true` or `false`", &self.value.describe()));
                return None;
            };
            if value != (self.key == "exists") {
                text.push("!");
            }
            self.path.push_presence(text);
            return Some(());
        }
        let negative = matches!(self.key, "notEquals" | "notIn");
        text.push("(");
        if self.path.may_be_absent {
            text.push(if negative { "!" } else { "" });
            self.path.push_presence(text);
            text.push(if negative { " || " } else { " && " });
        }
        self.compare(text, problems)?;
        text.push(")");
        Some(())
    }

    fn compare(&self, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
        let ty = &self.path.ty;
        let (operator, method) = match self.key {
            "equals" => ("==", None),
            "notEquals" => ("!=", None),
            "gt" => (">", None),
            "lt" => ("<", None),
            "gte" => (">=", None),
            "lte" => ("<=", None),
            "prefix" => ("", Some("startsWith")),
            "suffix" => ("", Some("endsWith")),
            "regex" => ("", Some("matches")),
            "in" | "notIn" => {
                text.push(if self.key == "in" { "" } else { "!(" });
                self.path.push(text);
                text.push(" in ");
                self.list(text, problems)?;
                text.push(if self.key == "in" { "" } else { ")" });
                return Some(());
            }
            _ => return self.contains(text, problems),
        };
        self.path.push(text);
        match method {
            Some(method) => {
                text.push(&format!(".{method}("));
                self.literal(self.value, &Type::String, text, problems)?;
                text.push(")");
            }
            None => {
                text.push(&format!(" {operator} "));
                self.literal(self.value, ty, text, problems)?;
            }
        }
        Some(())
    }

    /// Part of a text, item of a list, or key of a map.
    fn contains(&self, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
        let inner = match &self.path.ty {
            Type::List(item) => Some(Type::clone(item)),
            Type::Map(key, _) => Some(Type::clone(key)),
            _ => None,
        };
        let of_unknown = matches!(self.path.ty, Type::Dyn);
        if of_unknown {
            text.push("(type(");
            self.path.push(text);
            text.push(") == string ? ");
        }
        if inner.is_none() {
            self.path.push(text);
            text.push(".contains(");
            self.literal(self.value, &Type::String, text, problems)?;
            text.push(")");
        }
        if of_unknown {
            text.push(" : ");
        }
        if inner.is_some() || of_unknown {
            self.literal(self.value, &inner.unwrap_or(Type::Dyn), text, problems)?;
            text.push(" in ");
            self.path.push(text);
        }
        text.push(if of_unknown { ")" } else { "" });
        Some(())
    }

    fn list(&self, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
        if let Value::String(written) = &self.value.value
            && written.has_expressions()
        {
            return bracketed(self.value, written, text, problems).then_some(());
        }
        let items = list(self.value, &format!("`{}`", self.key), problems)?;
        text.push("[");
        for (index, item) in items.iter().enumerate() {
            text.push(if index > 0 { ", " } else { "" });
            self.literal(item, &self.path.ty, text, problems)?;
        }
        text.push("]");
        Some(())
    }

    /// A value of the Katalog as an expression, in the type of the field: `"3"` is 3 where an integer stands.
    fn literal(&self, node: &Node, ty: &Type, text: &mut Rewritten, problems: &mut Diagnostics) -> Option<()> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let literal = match (&node.value, ty) {
            (Value::String(written), _) if written.has_expressions() => {
                return bracketed(node, written, text, problems).then_some(());
            }
            (Value::String(written), Type::Int) if written.text.parse::<i64>().is_ok() => written.text.clone(),
            (Value::String(written), Type::Double) if written.text.parse::<f64>().is_ok_and(f64::is_finite) => {
                format!("double({})", quoted(&written.text))
            }
            (Value::String(written), Type::Bool) if matches!(written.text.as_str(), "true" | "false") => {
                written.text.clone()
            }
            (Value::String(written), Type::Timestamp) => format!("timestamp({})", quoted(&written.text)),
            (Value::String(written), Type::Duration) => format!("duration({})", quoted(&written.text)),
            (Value::String(written), _) => quoted(&written.text),
            (Value::Number(_) | Value::Bool(_), Type::String) => match node.as_written() {
                Some(written) => quoted(&written),
                None => {
                    let problem = keys::wrong_kind(node.span, "the value", "a string", &node.describe());
                    problems.push(problem.hint("quote it"));
                    return None;
                }
            },
            (Value::Number(_) | Value::Bool(_), _) => node.to_json().to_string(),
            _ => {
                let what = format!("`{}`", self.key);
                problems.push(keys::wrong_kind(node.span, &what, "a string, number or boolean", &node.describe()));
                return None;
            }
        };
        text.push_at(&literal, node.span);
        Some(())
    }
}

/// An expression that is put together from parts of the source.
pub(super) struct Rewritten {
    pub(super) text: String,
    span: Span,
    conditions: Vec<(Range<usize>, Span)>,
    pieces: Vec<(Range<usize>, Origin)>,
}

enum Origin {
    /// What stands at a place.
    Whole(Span),
    /// The text of a node, from a byte on.
    Text(Span, yaml::Text, usize),
}

impl Rewritten {
    pub(super) fn new(span: Span) -> Self {
        Self { text: String::new(), span, conditions: Vec::new(), pieces: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push_at(&mut self, text: &str, span: Span) {
        let start = self.text.len();
        self.push(text);
        self.pieces.push((start..self.text.len(), Origin::Whole(span)));
    }

    fn push_text(&mut self, text: &str, span: Span, written: &yaml::Text, from: usize) {
        let start = self.text.len();
        self.push(text);
        self.pieces.push((start..self.text.len(), Origin::Text(span, written.clone(), from)));
    }

    /// The place of a range of the text: the part that holds it, else its condition.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let holds = |outer: &Range<usize>| outer.start <= range.start && range.end <= outer.end;
        match self.pieces.iter().find(|(outer, _)| holds(outer)) {
            Some((_, Origin::Whole(span))) => *span,
            Some((outer, Origin::Text(span, written, from))) => {
                written.span(*span, from + range.start - outer.start..from + range.end - outer.start)
            }
            None => self.conditions.iter().find(|(outer, _)| holds(outer)).map_or(self.span, |(_, span)| *span),
        }
    }
}
