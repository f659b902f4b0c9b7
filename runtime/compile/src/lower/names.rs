//! What names stand for.

use orkestra_program::model::{Expr, Root};

use super::{Element, Slots};

/// Where an expression's variables come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names<'a> {
    /// An entry of a pattern.
    Entry(&'a Slots),
    /// Values that the caller gives with each evaluation.
    Bindings {
        /// Their names, which may have dots.
        bindings: &'a [String],
        /// Where names are looked up first.
        container: &'a str,
    },
}

impl Names<'_> {
    /// How many slots are taken before the first macro.
    pub(super) fn slots(&self) -> usize {
        match self {
            Names::Entry(slots) if slots.element.is_some() => Element::SLOTS,
            _ => 0,
        }
    }

    /// What the longest prefix of a dotted name stands for, and how many parts of the name it takes.
    pub(super) fn resolve(&self, parts: &[&str], from_root: bool) -> Option<(Expr, usize)> {
        match self {
            Names::Entry(slots) => entry(slots, parts),
            Names::Bindings { bindings, container } => {
                let containers = if from_root { vec![""] } else { enclosing(container) };
                (1..=parts.len()).rev().find_map(|length| {
                    let name = parts[..length].join(".");
                    containers.iter().find_map(|container| {
                        let qualified = if container.is_empty() { name.clone() } else { format!("{container}.{name}") };
                        let index = bindings.iter().position(|binding| *binding == qualified);
                        let index = index.and_then(|index| u16::try_from(index).ok());
                        index.map(Expr::Binding).or_else(|| type_name(&qualified)).map(|expr| (expr, length))
                    })
                })
            }
        }
    }
}

fn entry(slots: &Slots, parts: &[&str]) -> Option<(Expr, usize)> {
    if let (Some(element), [name, ..]) = (&slots.element, parts)
        && let Some(slot) = element.slot(name)
    {
        return Some((Expr::Local(slot), 1));
    }
    Some(match parts {
        ["vars", name, ..] => (Expr::Var(*slots.vars.get(*name)?), 2),
        ["children", id, ..] => (Expr::Child(*slots.children.get(*id)?), 2),
        ["reads", id, ..] => (Expr::Read(*slots.reads.get(*id)?), 2),
        [name, ..] if root(name).is_some() => (Expr::Root(root(name)?), 1),
        ["google", "protobuf", name, ..] => (type_name(&format!("google.protobuf.{name}"))?, 3),
        ["net", name, ..] => (type_name(&format!("net.{name}"))?, 2),
        [name, ..] => (type_name(name)?, 1),
        [] => return None,
    })
}

fn root(name: &str) -> Option<Root> {
    Some(match name {
        "object" => Root::Object,
        "metadata" => Root::Metadata,
        "spec" => Root::Spec,
        "status" => Root::Status,
        "inputs" => Root::Inputs,
        "hook" => Root::Hooks,
        "now" => Root::Now,
        "self" => Root::This,
        _ => return None,
    })
}

/// `a.b.c`, `a.b`, `a` and the top.
fn enclosing(container: &str) -> Vec<&str> {
    let mut all = vec![container];
    while let Some(dot) = all.last().and_then(|last| last.rfind('.')) {
        all.push(&container[..dot]);
    }
    if !container.is_empty() {
        all.push("");
    }
    all
}

fn type_name(name: &str) -> Option<Expr> {
    let known = matches!(
        name,
        "bool"
            | "int"
            | "uint"
            | "double"
            | "string"
            | "bytes"
            | "list"
            | "map"
            | "null_type"
            | "type"
            | "optional_type"
            | "net.IP"
            | "net.CIDR"
            | "google.protobuf.Timestamp"
            | "google.protobuf.Duration"
    );
    known.then(|| Expr::Type(name.to_owned()))
}
