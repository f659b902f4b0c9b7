//! Reading the members of a map by its table, so that none is overlooked: what the table does not have is an unknown key.

use crate::codes::{bounds, keys};
use crate::diagnostic::Diagnostics;
use crate::schema::nearest;
use crate::source::Span;
use crate::table::{Need, Table};
use crate::yaml::{Key, Node, Value};

/// The most items of a list that the Katalog itself reads, and the most vars.
pub(crate) const MANY: usize = 500;

/// The members of a map, each to be taken once by its key.
#[derive(Debug)]
pub struct Fields<'a> {
    members: &'a [(Key, Node)],
    span: Span,
    table: &'static Table,
    /// What was asked for: a key of the table that no parser asks for would be accepted and ignored.
    #[cfg(debug_assertions)]
    asked: std::cell::RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The members of `node`, which `table` says; what is no map is a diagnostic and none.
    pub fn open(node: &'a Node, table: &'static Table, problems: &mut Diagnostics) -> Option<Self> {
        let Some(members) = node.members() else {
            problems.push(keys::wrong_kind(node.span, table.what, "a map", &node.describe()));
            return None;
        };
        Some(Self {
            members,
            span: node.span,
            table,
            #[cfg(debug_assertions)]
            asked: std::cell::RefCell::default(),
        })
    }

    /// The value of a key of the table, and the key's place.
    pub fn entry(&self, key: &'static str) -> Option<(&'a Key, &'a Node)> {
        debug_assert!(self.table.row(key).is_some(), "the table of {} has no key `{key}`", self.table.what);
        #[cfg(debug_assertions)]
        self.asked.borrow_mut().push(key);
        self.members.iter().find(|(name, _)| name.text == key).map(|(name, node)| (name, node))
    }

    /// The same of a key that only some tables have which are read in one way.
    pub(crate) fn entry_if(&self, has: bool, key: &'static str) -> Option<(&'a Key, &'a Node)> {
        has.then(|| self.entry(key)).flatten()
    }

    /// The value of a key.
    pub fn take(&self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The value of a key that must be there.
    pub fn require(&self, key: &'static str, problems: &mut Diagnostics) -> Option<&'a Node> {
        debug_assert!(
            self.table.row(key).is_some_and(|row| row.need == Need::Required),
            "the table of {} does not require `{key}`",
            self.table.what
        );
        let found = self.take(key);
        if found.is_none() {
            problems.push(keys::missing(self.head(), key, self.table.what));
        }
        found
    }

    /// Where the map stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What the table has no row for.
    pub(crate) fn rest(&self) -> Vec<&'a (Key, Node)> {
        self.members.iter().filter(|(key, _)| self.table.row(&key.text).is_none()).collect()
    }

    /// Reports keys that are said otherwise here.
    pub(crate) fn replaced(&self, problems: &mut Diagnostics) {
        for (key, _) in self.members {
            if let Some(Need::Replaced(mend)) = self.table.row(&key.text).map(|row| row.need) {
                problems.push(keys::replaced(key.span, &key.text, mend));
            }
        }
    }

    /// Reports what the table does not have, and what is said otherwise.
    pub fn finish(self, problems: &mut Diagnostics) {
        #[cfg(debug_assertions)]
        // Older names are new ones by now.
        for row in self.table.rows().filter(|row| !matches!(row.need, Need::Replaced(_) | Need::Former(_))) {
            debug_assert!(self.asked.borrow().contains(&row.key), "nobody reads `{}` in {}", row.key, self.table.what);
        }
        self.replaced(problems);
        let known: Vec<&str> = self.table.keys().collect();
        for (key, _) in self.rest() {
            if problems.is_full() {
                return;
            }
            let near = nearest(&key.text, known.iter().copied());
            problems.push(keys::unknown(key.span, &key.text, self.table.what, near, &known));
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
