//! How an entry runs beside its templates: after which others, in which namespaces not, and when it is not healthy.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::controller::EntryState;
use crate::error::Error;
use crate::lock;

/// How an entry runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Entries of the same instance that it begins after.
    pub depends_on: Vec<(String, Awaits)>,
    /// Namespaces in which nothing is done; `*` stands for any letters.
    pub restricted_namespaces: Vec<String>,
    /// How many primaries may wait before it is not healthy; 0: any number.
    pub max_depth: usize,
    /// How many reconciles may fail one after another before it is not healthy.
    pub failure_threshold: u64,
}

impl Default for Running {
    fn default() -> Self {
        Self { depends_on: Vec::new(), restricted_namespaces: Vec::new(), max_depth: 0, failure_threshold: 5 }
    }
}

/// What an entry has to be before another one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// Its watches have read their first lists.
    Started,
    /// It has worked through what there is, and is healthy.
    Healthy,
}

impl Running {
    /// Refuses a namespace in which nothing is done. Empty is outside of namespaces.
    ///
    /// # Errors
    ///
    /// `RestrictedNamespace`.
    pub(crate) fn namespace(&self, namespace: &str) -> Result<(), Error> {
        match self.restricted_namespaces.iter().find(|pattern| matches(pattern, namespace)) {
            Some(pattern) if !namespace.is_empty() => {
                Err(Error::RestrictedNamespace { namespace: namespace.to_owned(), pattern: pattern.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a name is of a pattern, in which `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

/// Why an entry is not healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unhealthy {
    /// More primaries wait than may.
    QueueTooDeep { depth: usize, most: usize },
    /// Reconciles fail, one after another.
    ReconcilesFail { failed: u64 },
}

impl Unhealthy {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::QueueTooDeep { .. } => "QueueTooDeep",
            Self::ReconcilesFail { .. } => "ReconcilesFail",
        }
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueTooDeep { depth, most } => write!(f, "{depth} resources wait, and `maxDepth` is {most}"),
            Self::ReconcilesFail { failed } => write!(f, "{failed} reconciles failed, one after another"),
        }
    }
}

impl EntryState {
    /// Why it is not healthy in the parts that this process holds; none: it is.
    pub(crate) fn unhealthy(&self, held: &[usize]) -> Option<Unhealthy> {
        let Running { max_depth, failure_threshold, .. } = self.entry.running;
        let (depth, failed) = (self.queue.depth(held), self.metrics.failed_in_a_row());
        if failed >= failure_threshold {
            return Some(Unhealthy::ReconcilesFail { failed });
        }
        (max_depth > 0 && depth > max_depth).then_some(Unhealthy::QueueTooDeep { depth, most: max_depth })
    }

    /// What another one waits for that begins after this one; none: nothing.
    fn keeps_back(&self, awaits: Awaits, part: usize) -> Option<String> {
        let name = &self.entry.name;
        if !self.up.load(Ordering::Relaxed) {
            return Some(format!("`{name}` has not started"));
        }
        if awaits == Awaits::Started {
            return None;
        }
        if let Some(unhealthy) = self.unhealthy(&[part]) {
            return Some(format!("`{name}` is not healthy: {unhealthy}"));
        }
        let idle = self.queue.of(part).depth() == 0 && self.metrics.active.load(Ordering::Relaxed) == 0;
        (!idle).then(|| format!("`{name}` has not worked through its resources yet"))
    }
}

/// An entry that another one begins after.
pub(crate) type Before = (Arc<EntryState>, Awaits);

/// How often it is looked whether an entry may begin.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until a part of an entry may be worked on, and says what for.
pub(crate) async fn wait_for(before: &[Before], state: &EntryState, part: usize) {
    let mut told = false;
    loop {
        let waits = before.iter().find_map(|(before, awaits)| before.keeps_back(*awaits, part));
        if waits.is_some() && !std::mem::replace(&mut told, true) {
            tracing::info!(controller = %state.name, "waits for {}", waits.as_deref().unwrap_or_default());
        }
        let done = waits.is_none();
        *lock::lock(&state.waits_for_entry) = waits;
        if done {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, expected) in [
            ("kube-*", "kube-system", true),
            ("kube-*", "kube-", true),
            ("kube-*", "my-kube-system", false),
            ("*-prod", "shop-prod", true),
            ("*-prod", "shop-prod-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("team", "team", true),
            ("team", "teams", false),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_has_no_namespace_is_in_none_that_is_restricted() {
        let running = Running { restricted_namespaces: vec!["*".to_owned()], ..Running::default() };
        assert!(running.namespace("").is_ok());
        assert_eq!(running.namespace("a").unwrap_err().reason(), "RestrictedNamespace");
        assert!(Running::default().namespace("a").is_ok());
    }
}
