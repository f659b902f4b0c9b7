//! Who converts: the trait by which a pattern's component is called, and the table of them.

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

/// Why there is no converted object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refused {
    /// One PascalCase word out of a small set: a metric counts by it.
    pub reason: &'static str,
    /// What was found, what was expected, and how to mend it. Object and versions are said beside it.
    pub message: String,
}

/// Which kind is converted by whom. It is changed while it is used: the next objects are converted by the new rules.
#[derive(Default)]
pub struct Routes {
    table: RwLock<Arc<Table>>,
}

/// Sorted by group and kind.
type Table = Vec<Route>;

#[derive(Clone)]
struct Route {
    group: String,
    kind: String,
    convert: Arc<dyn Convert>,
}

impl Routes {
    /// Takes `routes`, each a group, a kind and who converts it, instead of all that were there. Of two for one kind the
    /// last is taken.
    pub fn replace(&self, routes: impl IntoIterator<Item = (String, String, Arc<dyn Convert>)>) {
        let mut table = Table::new();
        for (group, kind, convert) in routes {
            insert(&mut table, Route { group, kind, convert });
        }
        self.put(table);
    }

    /// Takes `convert` for one kind, instead of what was there for it.
    pub fn set(&self, group: &str, kind: &str, convert: Arc<dyn Convert>) {
        let mut table = Table::clone(&self.table());
        insert(&mut table, Route { group: group.to_owned(), kind: kind.to_owned(), convert });
        self.put(table);
    }

    /// Who converts a kind, at this moment.
    pub fn find(&self, group: &str, kind: &str) -> Option<Arc<dyn Convert>> {
        let table = self.table();
        let at = position(&table, group, kind).ok()?;
        table.get(at).map(|route| route.convert.clone())
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

fn position(table: &Table, group: &str, kind: &str) -> Result<usize, usize> {
    table.binary_search_by(|route| (route.group.as_str(), route.kind.as_str()).cmp(&(group, kind)))
}

fn insert(table: &mut Table, route: Route) {
    match position(table, &route.group, &route.kind) {
        Ok(at) => table[at] = route,
        Err(at) => table.insert(at, route),
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.table().iter().map(|route| format!("{}.{}", route.kind, route.group))).finish()
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
        routes.find(group, kind).and_then(|convert| convert.convert("v1", &[]).err()).map(|refused| refused.reason)
    }

    #[test]
    fn a_kind_is_found_by_its_group_and_the_last_one_set_counts() {
        let routes = Routes::default();
        assert!(routes.is_empty());
        routes.set("b.example.com", "Web", Arc::new(Named("First")));
        routes.set("a.example.com", "Web", Arc::new(Named("Other")));
        routes.set("b.example.com", "Web", Arc::new(Named("Second")));
        assert_eq!(who(&routes, "b.example.com", "Web"), Some("Second"));
        assert_eq!(who(&routes, "a.example.com", "Web"), Some("Other"));
        assert_eq!(who(&routes, "a.example.com", "Queue"), None);
        assert_eq!(format!("{routes:?}"), r#"["Web.a.example.com", "Web.b.example.com"]"#);
    }

    #[test]
    fn a_replaced_table_has_nothing_of_the_one_before() {
        let routes = Routes::default();
        routes.set("a.example.com", "Web", Arc::new(Named("Old")));
        routes.replace([("b.example.com".to_owned(), "Web".to_owned(), Arc::new(Named("New")) as Arc<dyn Convert>)]);
        assert_eq!(who(&routes, "a.example.com", "Web"), None);
        assert_eq!(who(&routes, "b.example.com", "Web"), Some("New"));
    }
}
