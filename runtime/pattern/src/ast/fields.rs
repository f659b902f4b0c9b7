//! Reading the members of a map so that none is overlooked: what nobody asks for is an unknown key.

use std::cell::RefCell;

use crate::codes::{bounds, keys};
use crate::diagnostic::Diagnostics;
use crate::schema::nearest;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

/// The most items of a list that the Katalog itself reads, and the most vars.
pub(crate) const MANY: usize = 500;

/// The members of a map, each to be taken once by its key.
#[derive(Debug)]
pub struct Fields<'a> {
    members: &'a [(Key, Node)],
    span: Span,
    /// What the map is, for messages: `an entry`.
    what: &'static str,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The members of `node`; what is no map is a diagnostic and none.
    pub fn open(node: &'a Node, what: &'static str, problems: &mut Diagnostics) -> Option<Self> {
        let Some(members) = node.members() else {
            problems.push(keys::wrong_kind(node.span, what, "a map", &node.describe()));
            return None;
        };
        Some(Self { members, span: node.span, what, asked: RefCell::default() })
    }

    /// The value of a key, and the key's place.
    pub fn entry(&self, key: &'static str) -> Option<(&'a Key, &'a Node)> {
        self.asked.borrow_mut().push(key);
        self.members.iter().find(|(name, _)| name.text == key).map(|(name, node)| (name, node))
    }

    /// The value of a key.
    pub fn take(&self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The value of a key that must be there.
    pub fn require(&self, key: &'static str, problems: &mut Diagnostics) -> Option<&'a Node> {
        let found = self.take(key);
        if found.is_none() {
            problems.push(keys::missing(self.head(), key, self.what));
        }
        found
    }

    /// Keys of the language that are not understood yet: each is a diagnostic that says so.
    pub fn later(&self, names: &[&'static str], problems: &mut Diagnostics) {
        for name in names {
            if let Some((key, _)) = self.entry(name) {
                let problem = keys::unsupported(key.span, &format!("`{name}`"));
                problems.push(problem.hint("leave it out: this version of `ork` would not do what it says"));
            }
        }
    }

    /// Where the map stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What nobody asked for.
    pub(crate) fn rest(&self) -> Vec<&'a (Key, Node)> {
        let asked = self.asked.borrow();
        self.members.iter().filter(|(key, _)| !asked.contains(&key.text.as_str())).collect()
    }

    /// The keys that were asked for.
    pub(crate) fn known(&self) -> Vec<&'static str> {
        self.asked.borrow().clone()
    }

    /// Reports what nobody asked for.
    pub fn finish(self, problems: &mut Diagnostics) {
        let asked = self.asked.borrow();
        for (key, _) in self.rest() {
            if problems.is_full() {
                return;
            }
            let near = nearest(&key.text, asked.iter().copied());
            problems.push(keys::unknown(key.span, &key.text, self.what, near, &asked));
        }
    }

    /// The first key, as the place of what is missing.
    pub(crate) fn head(&self) -> Span {
        self.members.first().map_or(self.span, |(key, _)| key.span)
    }
}

/// The text of a scalar that is to be a string; anything else is a diagnostic.
pub fn string<'a>(node: &'a Node, what: &str, problems: &mut Diagnostics) -> Option<&'a str> {
    match &node.value {
        Value::String(text) => Some(&text.text),
        Value::Number(number) => {
            let problem = keys::wrong_kind(node.span, what, "a string", &node.describe());
            problems.push(problem.hint(format!("quote it: \"{number}\"")));
            None
        }
        _ => {
            problems.push(keys::wrong_kind(node.span, what, "a string", &node.describe()));
            None
        }
    }
}

/// `true` or `false`; anything else is a diagnostic.
pub fn boolean(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<bool> {
    match node.value {
        Value::Bool(value) => Some(value),
        _ => {
            problems.push(keys::wrong_kind(node.span, what, "`true` or `false`", &node.describe()));
            None
        }
    }
}

/// The items of a list; anything else, or a list of more than 500, is a diagnostic.
pub fn list<'a>(node: &'a Node, what: &str, problems: &mut Diagnostics) -> Option<&'a [Node]> {
    match node.items() {
        Some(items) if items.len() > MANY => {
            problems.push(bounds::many(node.span, what, items.len(), MANY));
            None
        }
        Some(items) => Some(items),
        None => {
            problems.push(keys::wrong_kind(node.span, what, "a list", &node.describe()));
            None
        }
    }
}
