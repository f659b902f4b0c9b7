//! Who answers for a kind: the traits by which a pattern's component is called, and the table of them.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Converts the objects of one kind. A component in the sandbox does; a test may stand in for it.
pub trait Convert: Send + Sync + 'static {
    /// Converts `objects`, each one whole JSON object as the API server sent it, to `version`, the desired version's name
    /// (`v1`). Blocks its thread until the answer is there.
    ///
    /// Gives one result for each object, in their order. A result is one JSON object: `metadata` with at most `labels` and
    /// `annotations`, and every other root member of the converted object; it has neither `apiVersion` nor `kind`. All else
    /// is the host's, and what is given is checked before it is passed on.
    ///
    /// # Errors
    ///
    /// Inside: why one object cannot be converted. Outside: why none of them can.
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused>;
}

/// Reviews the objects of one kind before they are stored. A component in the sandbox does; a test may stand in for it.
pub trait Admit: Send + Sync + 'static {
    /// Reviews one whole JSON object as the API server sent it. Blocks its thread until the answer is there.
    ///
    /// # Errors
    ///
    /// Why it cannot be reviewed.
    fn admit(&self, object: &[u8]) -> Result<Admission, Refused>;
}

/// What is said of an object before it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// The values that it is given: keys from the object's root, and JSON. They are checked before they are passed on.
    pub changes: Vec<(Vec<String>, Vec<u8>)>,
    /// The rules that it breaks, once it has them.
    pub violations: Vec<Violation>,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field that it is about, as a path from the object's root; empty: none in particular.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The object is refused; otherwise the client is warned.
    pub deny: bool,
}

/// Why there is no converted object, or no review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refused {
    /// One PascalCase word out of a small set: a metric counts by it.
    pub reason: &'static str,
    /// What was found, what was expected, and how to mend it. Object and versions are said beside it.
    pub message: String,
}

/// Who answers for which kind. It is changed while it is used: the next objects are answered for by the new rules.
#[derive(Debug, Default)]
pub struct Routes {
    /// Who converts.
    pub convert: Table<dyn Convert>,
    /// Who reviews.
    pub admit: Table<dyn Admit>,
}

impl Routes {
    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.convert.rows().is_empty() && self.admit.rows().is_empty()
    }
}

/// Who does one thing for which kind.
pub struct Table<T: ?Sized> {
    /// Sorted by group and kind.
    rows: RwLock<Arc<Vec<Row<T>>>>,
}

struct Row<T: ?Sized> {
    group: String,
    kind: String,
    who: Arc<T>,
}

impl<T: ?Sized> Clone for Row<T> {
    fn clone(&self) -> Self {
        Self { group: self.group.clone(), kind: self.kind.clone(), who: self.who.clone() }
    }
}

impl<T: ?Sized> Default for Table<T> {
    fn default() -> Self {
        Self { rows: RwLock::default() }
    }
}

impl<T: ?Sized> Table<T> {
    /// Takes `who` for one kind, instead of what was there for it; none: nobody.
    pub fn set(&self, group: &str, kind: &str, who: Option<Arc<T>>) {
        let mut rows = Vec::clone(&self.rows());
        let row = who.map(|who| Row { group: group.to_owned(), kind: kind.to_owned(), who });
        match (position(&rows, group, kind), row) {
            (Ok(at), Some(row)) => rows[at] = row,
            (Ok(at), None) => drop(rows.remove(at)),
            (Err(at), Some(row)) => rows.insert(at, row),
            (Err(_), None) => {}
        }
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rows);
    }

    /// Who does it for a kind, at this moment.
    pub fn find(&self, group: &str, kind: &str) -> Option<Arc<T>> {
        let rows = self.rows();
        let at = position(&rows, group, kind).ok()?;
        rows.get(at).map(|row| row.who.clone())
    }

    fn rows(&self) -> Arc<Vec<Row<T>>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn position<T: ?Sized>(rows: &[Row<T>], group: &str, kind: &str) -> Result<usize, usize> {
    rows.binary_search_by(|row| (row.group.as_str(), row.kind.as_str()).cmp(&(group, kind)))
}

impl<T: ?Sized> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rows().iter().map(|row| format!("{}.{}", row.kind, row.group))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Convert for Named {
        fn convert(&self, _: &str, _: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
            Err(Refused { reason: self.0, message: String::new() })
        }
    }

    fn who(routes: &Routes, group: &str, kind: &str) -> Option<&'static str> {
        let found = routes.convert.find(group, kind);
        found.and_then(|convert| convert.convert("v1", &[]).err()).map(|refused| refused.reason)
    }

    #[test]
    fn a_kind_is_found_by_its_group_and_the_last_one_set_counts() {
        let routes = Routes::default();
        assert!(routes.is_empty());
        let set = |group: &str, who: &'static str| routes.convert.set(group, "Web", Some(Arc::new(Named(who))));
        set("b.example.com", "First");
        set("a.example.com", "Other");
        set("b.example.com", "Second");
        assert_eq!(who(&routes, "b.example.com", "Web"), Some("Second"));
        assert_eq!(who(&routes, "a.example.com", "Web"), Some("Other"));
        assert_eq!(who(&routes, "a.example.com", "Queue"), None);
        assert_eq!(format!("{:?}", routes.convert), r#"["Web.a.example.com", "Web.b.example.com"]"#);
    }

    #[test]
    fn nobody_is_in_place_of_who_is_taken_out() {
        let routes = Routes::default();
        routes.convert.set("a.example.com", "Web", Some(Arc::new(Named("Old"))));
        assert!(!routes.is_empty());
        routes.convert.set("a.example.com", "Web", None);
        routes.convert.set("b.example.com", "Web", None);
        assert_eq!(who(&routes, "a.example.com", "Web"), None);
        assert!(routes.is_empty());
    }
}
