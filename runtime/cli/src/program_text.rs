//! A program as text, for reading: `ork build --emit program`.
//!
//! Expressions are written as in CEL, with `#` before what has become a number: `vars#0`, `children#2`, `local#1`.

use std::fmt::Write as _;

use orkestra_program::model::{
    Child, Entry, Expr, Fold, Hole, Located, Loop, LoopKind, Made, Once, Policy, Program, Requirement, Root, Select,
    Selector, Target, Template, Which,
};

/// The text of a program.
pub(crate) fn of(program: &Program) -> String {
    let mut text = String::new();
    for entry in &program.entries {
        entry_text(&mut text, entry);
    }
    text
}

// Writing into a String cannot fail, so the results of `write!` say nothing.
fn entry_text(out: &mut String, entry: &Entry) {
    let _ = writeln!(out, "entry {}", entry.name);
    for (index, var) in entry.vars.iter().enumerate() {
        let _ = writeln!(out, "  vars#{index} = {}  @{}", expr(&var.expr), var.at);
    }
    for (index, read) in entry.reads.iter().enumerate() {
        let _ = writeln!(out, "  reads#{index} = {}", read.id);
        match &read.which {
            Which::Name(name) => line(out, "name", Some(name)),
            Which::Selected(Selector { labels, requirements }) => {
                labels.iter().for_each(|(key, value)| line(out, &format!("label {key}"), Some(value)));
                for Requirement { key, operator, values } in requirements {
                    let _ = writeln!(out, "    label {key} {operator:?}");
                    values.iter().for_each(|value| line(out, "  value", Some(value)));
                }
            }
        }
        line(out, "namespace", read.namespace.as_ref());
    }
    for (index, child) in entry.children.iter().enumerate() {
        child_text(out, index, child);
    }
    for condition in &entry.conditions {
        let _ = writeln!(out, "  condition {}{}", condition.kind, after(&condition.requires, &condition.reads));
        line(out, "when", Some(&condition.when));
        line(out, "reason", condition.reason.as_ref());
        line(out, "message", Some(&condition.message));
    }
    for field in &entry.status {
        let _ = writeln!(out, "  status.{}{}", field.path.join("."), after(&field.requires, &field.reads));
        line(out, "when", field.when.as_ref());
        template(out, &field.value, 4);
    }
    for way in &entry.conversions {
        let name = |number: u16| entry.versions.get(usize::from(number)).map_or("?", |version| version.name.as_str());
        let lossy: Vec<String> = way.lossy.iter().map(|path| path.join(".")).collect();
        let lossy = if lossy.is_empty() { String::new() } else { format!(", lossy {}", lossy.join(", ")) };
        let _ = writeln!(out, "  convert {} to {}{lossy}", name(way.from), name(way.to));
        made(out, &way.object, 4);
    }
}

fn child_text(out: &mut String, index: usize, child: &Child) {
    let policy = match child.policy {
        Policy::Create => "create",
        Policy::Apply => "apply",
        Policy::Delete => "delete",
    };
    let _ = writeln!(out, "  children#{index} = {} {policy}{}", child.id, after(&child.requires, &child.reads));
    if let Some(for_each) = &child.for_each {
        line(out, "for each local#0, local#1 in", Some(&for_each.range));
        line(out, "key", for_each.key.as_ref());
    }
    line(out, "when", child.when.as_ref());
    line(out, "ready when", child.ready_when.as_ref());
    template(out, &child.manifest, 4);
}

fn line(out: &mut String, head: &str, value: Option<&Located>) {
    if let Some(value) = value {
        let _ = writeln!(out, "    {head} {}  @{}", expr(&value.expr), value.at);
    }
}

fn after(children: &[u16], reads: &[u16]) -> String {
    let children = children.iter().map(|index| format!("children#{index}"));
    let names: Vec<_> = children.chain(reads.iter().map(|index| format!("reads#{index}"))).collect();
    if names.is_empty() { String::new() } else { format!(" after {}", names.join(", ")) }
}

fn template(out: &mut String, value: &Template, indent: usize) {
    match value {
        Template::Raw(json) => {
            let _ = writeln!(out, "{:indent$}{json}", "");
        }
        Template::Hole(hole) => {
            let _ = writeln!(out, "{:indent$}{}", "", hole_text(hole));
        }
        Template::Object(members) => {
            for (key, value) in members {
                member(out, &format!("{key}:"), value, indent);
            }
        }
        Template::List(items) => {
            for item in items {
                member(out, "-", item, indent);
            }
        }
        Template::Once(once) => member(out, "once", &once.value, indent),
    }
}

/// What a conversion makes.
fn made(out: &mut String, value: &Made, indent: usize) {
    match value {
        Made::Copy(path) => {
            let _ = writeln!(out, "{:indent$}copy {}", "", here(path));
        }
        Made::Object(object) => {
            for (key, value) in &object.members {
                made_member(out, &format!("{key}:"), value, indent);
            }
            if let Some(others) = &object.rest {
                let except =
                    if others.except.is_empty() { String::new() } else { format!(" but {}", others.except.join(", ")) };
                match &others.value {
                    None => {
                        let _ = writeln!(out, "{:indent$}copy all others{except}", "");
                    }
                    Some(value) => made_member(out, &format!("each of all others{except}"), value, indent),
                }
            }
        }
        Made::Each(each) => made_member(out, &format!("each of {}", here(&each.from)), &each.item, indent),
        Made::Given(given) => template(out, &given.value, indent),
    }
}

/// A path from where the source is.
fn here(path: &[String]) -> String {
    if path.is_empty() { "all".to_owned() } else { path.join(".") }
}

fn member(out: &mut String, head: &str, value: &Template, indent: usize) {
    match value {
        Template::Raw(json) => {
            let _ = writeln!(out, "{:indent$}{head} {json}", "");
        }
        Template::Hole(hole) => {
            let _ = writeln!(out, "{:indent$}{head} {}", "", hole_text(hole));
        }
        Template::Object(_) | Template::List(_) => {
            let _ = writeln!(out, "{:indent$}{head}", "");
            template(out, value, indent + 2);
        }
        Template::Once(Once { key: _, value }) => member(out, &format!("{head} once"), value, indent),
    }
}

fn made_member(out: &mut String, head: &str, value: &Made, indent: usize) {
    match value {
        Made::Copy(path) => {
            let _ = writeln!(out, "{:indent$}{head} copy {}", "", here(path));
        }
        Made::Given(given) => member(out, head, &given.value, indent),
        Made::Object(_) | Made::Each(_) => {
            let _ = writeln!(out, "{:indent$}{head}", "");
            made(out, value, indent + 2);
        }
    }
}

fn hole_text(hole: &Hole) -> String {
    let target = match hole.target {
        Target::Any => "",
        Target::String => " as string",
        Target::Int => " as int",
        Target::Number => " as number",
        Target::Bool => " as bool",
        Target::IntOrString => " as int or string",
    };
    let absent = if hole.absent { ", or left out" } else { "" };
    format!("{{{{ {} }}}}{target}{absent}  @{}", expr(&hole.value.expr), hole.value.at)
}

fn expr(value: &Expr) -> String {
    match value {
        Expr::Null => "null".to_owned(),
        Expr::Bool(value) => value.to_string(),
        Expr::Int(value) => value.to_string(),
        Expr::Uint(value) => format!("{value}u"),
        Expr::Double(value) => format!("{value:?}"),
        Expr::String(text) => quote(text),
        Expr::Bytes(bytes) => format!("b'{}'", bytes.escape_ascii()),
        Expr::Type(name) => name.clone(),
        Expr::Duration(nanos) => format!("duration({nanos}ns)"),
        Expr::Timestamp(nanos) => format!("timestamp({nanos}ns)"),
        Expr::Root(root) => root_name(*root).to_owned(),
        Expr::Var(index) => format!("vars#{index}"),
        Expr::Child(index) => format!("children#{index}"),
        Expr::Read(index) => format!("reads#{index}"),
        Expr::Binding(index) => format!("binding#{index}"),
        Expr::Local(slot) => format!("local#{slot}"),
        Expr::Bind { slot, init, body } => format!("cel.bind(local#{slot}, {}, {})", expr(init), expr(body)),
        Expr::Select { operand, field, mode: Select::Strict } => format!("{}.{field}", expr(operand)),
        Expr::Select { operand, field, mode: Select::Optional } => format!("{}.?{field}", expr(operand)),
        Expr::Select { operand, field, mode: Select::Test } => format!("has({}.{field})", expr(operand)),
        Expr::Index { operand, index, optional } => {
            format!("{}[{}{}]", expr(operand), if *optional { "?" } else { "" }, expr(index))
        }
        Expr::List(items) => {
            let items =
                items.iter().map(|item| format!("{}{}", if item.optional { "?" } else { "" }, expr(&item.value)));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Expr::Map(pairs) => {
            let pairs = pairs.iter().map(|pair| {
                format!("{}{}: {}", if pair.optional { "?" } else { "" }, expr(&pair.key), expr(&pair.value))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Expr::And(a, b) => format!("({} && {})", expr(a), expr(b)),
        Expr::Or(a, b) => format!("({} || {})", expr(a), expr(b)),
        Expr::Cond(condition, then, otherwise) => {
            format!("({} ? {} : {})", expr(condition), expr(then), expr(otherwise))
        }
        Expr::Call(function, arguments) => call(function.name(), arguments),
        Expr::Loop(found) => loop_text(found),
        Expr::Fold(fold) => fold_text(fold),
        Expr::Default(value, fallback) => format!("default({}, {})", expr(value), expr(fallback)),
        Expr::Concat(parts) => format!("concat({})", list(parts)),
    }
}

/// Operators between their operands, everything else as a function of all its arguments.
fn call(name: &str, arguments: &[Expr]) -> String {
    match (name, arguments) {
        ("@in", [a, b]) => format!("({} in {})", expr(a), expr(b)),
        (name, [a, b]) if name.starts_with('_') && name.ends_with('_') => {
            format!("({} {} {})", expr(a), name.trim_matches('_'), expr(b))
        }
        (name, [a]) if name.ends_with('_') => format!("{}{}", name.trim_end_matches('_'), expr(a)),
        _ => format!("{name}({})", list(arguments)),
    }
}

fn loop_text(found: &Loop) -> String {
    let name = match found.kind {
        LoopKind::All => "all",
        LoopKind::Exists => "exists",
        LoopKind::ExistsOne => "existsOne",
        LoopKind::Filter => "filter",
        LoopKind::Map => "map",
        LoopKind::TransformMap => "transformMap",
        LoopKind::TransformMapEntry => "transformMapEntry",
    };
    let slots = [Some(found.slot), found.slot2].into_iter().flatten().map(|slot| format!("local#{slot}"));
    let parts = [&found.predicate, &found.result].into_iter().flatten().map(expr);
    format!("{}.{name}({})", expr(&found.range), slots.chain(parts).collect::<Vec<_>>().join(", "))
}

fn fold_text(fold: &Fold) -> String {
    let slots = [Some(fold.slot), fold.slot2].into_iter().flatten().map(|slot| format!("local#{slot}"));
    let parts = [&fold.init, &fold.condition, &fold.step, &fold.result].into_iter().map(expr);
    let all: Vec<_> = slots.chain([format!("local#{}", fold.accumulator)]).chain(parts).collect();
    format!("{}.fold({})", expr(&fold.range), all.join(", "))
}

fn list(values: &[Expr]) -> String {
    values.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn root_name(root: Root) -> &'static str {
    match root {
        Root::Object => "object",
        Root::Metadata => "metadata",
        Root::Spec => "spec",
        Root::Status => "status",
        Root::Inputs => "inputs",
        Root::Hooks => "hook",
        Root::Now => "now",
        Root::This => "self",
    }
}

fn quote(text: &str) -> String {
    format!("'{}'", text.escape_debug())
}
