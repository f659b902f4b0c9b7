//! The runtime's policy: what its operator allows, which a Komposer can narrow and never widen.
//!
//! It is a file beside the runtime, never a part of what is imported. On a laptop without one, the Komposer is the policy.

mod narrow;
mod parse;
mod tables;
#[cfg(test)]
mod tests;

use orkestra_artifact::Repository;
use orkestra_artifact::trust::RepositoryPattern;

use crate::{Composition, Instance, Limits, Trust};

pub use parse::parse;
pub use tables::POLICY;

/// A policy as written. What is absent restricts nothing, but for the two switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `metadata.name`: a DNS label.
    pub name: String,
    /// `registries.allow`: from where patterns may come; none: from everywhere.
    pub registries: Option<Vec<RepositoryPattern>>,
    /// `registries.mirrors`, in order. Names stay those of the original.
    pub mirrors: Vec<Mirror>,
    /// `credentials`, in order.
    pub credentials: Vec<Variable>,
    /// `trust`, in order. Their keys are paths as written: relative to the policy's own directory.
    pub trust: Vec<Trust>,
    /// `ceilings`.
    pub ceilings: Ceilings,
    /// `groups`: whose kinds a pattern may define; none: any.
    pub groups: Option<Vec<String>>,
    /// `grants`: which capabilities may be granted at all; none: any.
    pub grants: Option<Vec<String>>,
    /// `rules`, in order: what has to hold of an audit.
    pub rules: Vec<Rule>,
    /// Whether only what can be built again from its sources runs.
    pub require_rebuild: bool,
    /// Whether a Komposer runs without a fitting lock.
    pub allow_unlocked: bool,
}

/// What has to hold of the document of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// An expression of CEL over the document's members. It is whoever evaluates it that parses it.
    pub cel: String,
    /// What is said where it does not hold.
    pub message: String,
    /// Where it is written: `policy.yaml:12:8`.
    pub at: String,
}

/// From where repositories are fetched whose names begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// `registry` or `registry/path`.
    pub prefix: String,
    /// What stands in its place.
    pub mirror: String,
}

/// To whom an environment variable may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub variable: String,
    /// Registries: `host` or `host:port`.
    pub hosts: Vec<String>,
}

/// What no pattern gets more of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// Of each pattern.
    pub limits: Limits,
    /// Of each entry.
    pub workers: Option<u16>,
}

impl Policy {
    /// The variables that it names, for [`parse_with`](crate::parse_with).
    pub fn variables(&self) -> Vec<&str> {
        self.credentials.iter().map(|item| item.variable.as_str()).collect()
    }

    /// Whether patterns may come from there, by the name before any mirror.
    pub fn allows_registry(&self, repository: &Repository) -> bool {
        self.registries.as_ref().is_none_or(|allowed| allowed.iter().any(|pattern| pattern.matches(repository)))
    }

    /// Whether a variable may be sent to a registry, given as `host` or `host:port`.
    pub fn allows_variable(&self, variable: &str, host: &str) -> bool {
        let named = |item: &&Variable| item.variable == variable;
        self.credentials.iter().filter(named).any(|item| item.hosts.iter().any(|allowed| allowed == host))
    }

    /// Whether a capability may be granted. One without a colon stands for all that begin so.
    pub fn allows_grant(&self, grant: &str) -> bool {
        let stem = grant.split(':').next().unwrap_or(grant);
        self.grants.as_ref().is_none_or(|allowed| allowed.iter().any(|item| item == grant || item == stem))
    }

    /// Whether a pattern may define kinds of an API group. `*.example.org` stands for what ends so, not for `example.org` itself.
    pub fn allows_group(&self, group: &str) -> bool {
        self.groups.as_ref().is_none_or(|allowed| {
            allowed.iter().any(|item| match item.strip_prefix('*') {
                Some(suffix) => group.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()),
                None => item == group,
            })
        })
    }

    /// Brings what nobody asked for under the ceilings: limits that are not set, whose `usual` values the runtime knows, and
    /// workers as the pattern has them. What a Komposer asked for was refused before, by [`Policy::narrow`].
    pub fn settle(&self, composition: &mut Composition, usual: &Limits) {
        for instance in &mut composition.instances {
            self.settle_one(instance, usual);
        }
    }

    /// The same for one instance.
    pub fn settle_one(&self, instance: &mut Instance, usual: &Limits) {
        let ceiling = &self.ceilings.limits;
        let limits = &mut instance.limits;
        limits.memory = lower(limits.memory.or(usual.memory), ceiling.memory);
        limits.deadline = lower(limits.deadline.or(usual.deadline), ceiling.deadline);
        for entry in &mut instance.entries {
            entry.workers = self.ceilings.workers.map_or(entry.workers, |most| entry.workers.min(most));
        }
    }
}

fn lower<T: Ord>(value: Option<T>, ceiling: Option<T>) -> Option<T> {
    match (value, ceiling) {
        (Some(value), Some(ceiling)) => Some(value.min(ceiling)),
        (value, ceiling) => value.or(ceiling),
    }
}
