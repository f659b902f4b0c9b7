//! What a Katalog names: its entries, and in each of them variables, reads and children.

use super::define::PARTS;
use crate::check::child_id;
use crate::source::Span;
use crate::yaml::{Key, Node};

/// Something that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// As expressions name it.
    pub name: String,
    /// Of a child, the list that it stands in.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub whole: Span,
    /// The place of its name.
    pub span: Span,
    /// What it has inside.
    pub inside: Vec<Symbol>,
}

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A value that a Komposer may set.
    Input,
    /// A kind that is reconciled.
    Entry,
    /// One of `vars`.
    Var,
    /// One of `reads`.
    Read,
    /// A child.
    Child,
}

/// The symbols of a Katalog, in the order of its text as far as they are of one sort.
pub(super) fn symbols(katalog: &Node) -> Vec<Symbol> {
    let Some(spec) = katalog.get("spec") else { return Vec::new() };
    let mut found = named(spec.get("inputs"), "name", SymbolKind::Input);
    if let Some(crds) = spec.get("crds") {
        for (key, entry) in crds.members().unwrap_or_default() {
            found.push(Symbol { inside: inside(entry), ..keyed(key, entry, SymbolKind::Entry) });
        }
        for item in crds.items().unwrap_or_default() {
            let name = item.get("name").and_then(|name| Some((name.text()?, name.span)));
            found.extend(
                name.map(|(name, span)| Symbol { inside: inside(item), ..symbol(name, span, item, SymbolKind::Entry) }),
            );
        }
    }
    found
}

fn inside(entry: &Node) -> Vec<Symbol> {
    let Some(operator) = entry.get("operatorBox") else { return Vec::new() };
    let vars = operator.get("vars").and_then(Node::members).unwrap_or_default();
    let mut found: Vec<Symbol> = vars.iter().map(|(key, node)| keyed(key, node, SymbolKind::Var)).collect();
    found.extend(named(operator.get("reads"), "id", SymbolKind::Read));
    for part in PARTS {
        for (list, items) in operator.get(part).and_then(Node::members).unwrap_or_default() {
            for item in items.items().unwrap_or_default() {
                let Some(id) = child_id(&list.text, item) else { continue };
                let span = item.get("id").map_or(item.span, |id| id.span);
                let child = symbol(&id, span, item, SymbolKind::Child);
                found.push(Symbol { detail: format!("{part}.{}", list.text), ..child });
            }
        }
    }
    found
}

fn named(list: Option<&Node>, key: &str, kind: SymbolKind) -> Vec<Symbol> {
    let items = list.and_then(Node::items).unwrap_or_default().iter();
    let name = |item: &Node| Some((item.get(key)?.text()?.to_owned(), item.get(key)?.span));
    items.filter_map(|item| name(item).map(|(name, span)| symbol(&name, span, item, kind))).collect()
}

fn keyed(key: &Key, node: &Node, kind: SymbolKind) -> Symbol {
    Symbol { whole: key.span.to(node.span), ..symbol(&key.text, key.span, node, kind) }
}

fn symbol(name: &str, span: Span, node: &Node, kind: SymbolKind) -> Symbol {
    Symbol { name: name.to_owned(), detail: String::new(), kind, whole: node.span.to(span), span, inside: Vec::new() }
}
