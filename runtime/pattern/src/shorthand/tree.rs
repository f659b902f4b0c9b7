//! A manifest under construction, whose parts keep their places in the source.

use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// A map that grows by paths.
pub(super) struct Tree {
    root: Node,
}

impl Tree {
    pub(super) fn new(span: Span) -> Self {
        Self { root: Node { span, value: Value::Map(Vec::new()) } }
    }

    /// Puts a value at a path. Maps that meet are merged; any other meeting is said twice.
    ///
    /// `key` is the place of the key that the author wrote for it; the maps on the way are there on its behalf.
    pub(super) fn put(&mut self, path: &[&str], key: Span, value: Node, problems: &mut Diagnostics) {
        let mut node = value;
        for name in path.iter().rev() {
            let span = node.span;
            node = Node { span, value: Value::Map(vec![(Key { text: (*name).to_owned(), span: key }, node)]) };
        }
        merge(&mut self.root, key, node, "", problems);
    }

    /// Whether there is a value at a path.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        path.iter().try_fold(&self.root, |node, name| node.get(name)).is_some()
    }

    pub(super) fn finish(self) -> Node {
        self.root
    }
}

impl From<Node> for Tree {
    /// Begins with a map that is there already.
    fn from(root: Node) -> Self {
        Self { root }
    }
}

fn merge(into: &mut Node, key: Span, value: Node, path: &str, problems: &mut Diagnostics) {
    match (&mut into.value, value.value) {
        (Value::Map(present), Value::Map(new)) => {
            for (name, node) in new {
                match present.iter_mut().find(|(known, _)| known.text == name.text) {
                    Some((_, known)) => {
                        let path = if path.is_empty() { name.text.clone() } else { format!("{path}.{}", name.text) };
                        merge(known, name.span, node, &path, problems);
                    }
                    None => present.push((name, node)),
                }
            }
        }
        _ => problems.push(keys::twice(key, &format!("`{path}`"), into.span)),
    }
}
