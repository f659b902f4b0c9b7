//! What in a Komposer would widen the policy.

use orkestra_artifact::Repository;
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::yaml::{Node, Value};

use super::Policy;
use crate::{Auth, Import, Komposer, Located, Override, codes};

impl Policy {
    /// One diagnostic, at its place in the Komposer, for each thing that would widen the policy. Without one the Komposer may be
    /// carried out, where what its own `trust` asks for holds in addition to the policy's.
    pub fn narrow(&self, komposer: &Komposer) -> Diagnostics {
        let mut problems = Diagnostics::default();
        for import in &komposer.imports {
            if let Located::Registry { reference, auth, .. } = &import.located {
                self.registry(import, &reference.repository, &mut problems);
                self.auth(import, auth.as_ref(), reference.repository.registry(), &mut problems);
            }
            self.limits(import, &mut problems);
            for grant in import.grants.iter().filter(|grant| !self.allows_grant(grant)) {
                let message = format!("the policy `{}` does not allow the grant `{grant}`", self.name);
                let problem = Diagnostic::new(&codes::GRANT, import.span, message);
                problems.push(problem.hint(match self.grants.as_deref() {
                    Some([]) | None => "it allows none".to_owned(),
                    Some(allowed) => format!("it allows {}", allowed.join(", ")),
                }));
            }
        }
        for item in &komposer.overrides {
            self.workers(item, &mut problems);
        }
        problems.sort();
        problems
    }

    fn registry(&self, import: &Import, repository: &Repository, problems: &mut Diagnostics) {
        if !self.allows_registry(repository) {
            let message = format!("the policy `{}` does not allow imports from {repository}", self.name);
            let problem = Diagnostic::new(&codes::REGISTRY, import.span, message);
            problems.push(problem.hint(match self.registries.as_deref() {
                Some([]) | None => "it allows none".to_owned(),
                Some(allowed) => {
                    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
                    format!("it allows {}", allowed.join(", "))
                }
            }));
        }
        if !self.trust.is_empty() && !self.trust.iter().any(|entry| entry.pattern.matches(repository)) {
            let message = format!("the policy `{}` trusts nobody for {repository}", self.name);
            let problem = Diagnostic::new(&codes::UNTRUSTED, import.span, message);
            problems.push(problem.hint("what a Komposer trusts holds in addition to the policy, never instead of it"));
        }
    }

    fn auth(&self, import: &Import, auth: Option<&Auth>, host: &str, problems: &mut Diagnostics) {
        let variables = match auth {
            None => Vec::new(),
            Some(Auth::Basic { username, password }) => vec![username, password],
            Some(Auth::Bearer { token }) => vec![token],
        };
        for variable in variables.into_iter().filter(|variable| !self.allows_variable(variable, host)) {
            let message = format!("the policy `{}` does not send the variable `{variable}` to {host}", self.name);
            let problem = Diagnostic::new(&codes::VARIABLE, import.span, message);
            problems.push(problem.hint("use one that its `credentials` name for this host"));
        }
    }

    fn limits(&self, import: &Import, problems: &mut Diagnostics) {
        let mut above = |key: &str, ceiling: String| {
            let message = format!("`limits.{key}` is above the ceiling of the policy `{}`", self.name);
            let problem = Diagnostic::new(&codes::LIMIT, import.span, message);
            problems.push(problem.expected(format!("at most {ceiling}")));
        };
        let (asked, ceilings) = (&import.limits, &self.ceilings.limits);
        if let (Some(asked), Some(ceiling)) = (asked.memory, ceilings.memory)
            && asked > ceiling
        {
            above("memory", format!("{ceiling} bytes"));
        }
        if let (Some(asked), Some(ceiling)) = (asked.deadline, ceilings.deadline)
            && asked > ceiling
        {
            above("deadline", format!("{}ms", ceiling.as_millis()));
        }
    }

    fn workers(&self, item: &Override, problems: &mut Diagnostics) {
        let Some(ceiling) = self.ceilings.workers else { return };
        let Some(Node { span, value: Value::Number(asked) }) = item.node.get("workers") else { return };
        if asked.as_u64().is_some_and(|asked| asked > ceiling.into()) {
            let message =
                format!("the entry `{}` has more workers than the ceiling of the policy `{}`", item.entry, self.name);
            let problem = Diagnostic::new(&codes::WORKERS, *span, message);
            problems.push(problem.expected(format!("at most {ceiling}")).found(format!("the number {asked}")));
        }
    }
}
