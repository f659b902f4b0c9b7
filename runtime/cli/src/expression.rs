//! The value of one expression: checked in the scope of an entry, and evaluated by the real engine as that entry would.

use std::collections::BTreeSet;

use orkestra_komposer::Instance;
use orkestra_operator::{Error as Failure, Given, Identity};
use orkestra_pattern::cel::{self, Checked, Place, Problem, Scope};
use orkestra_pattern::model::{Entry, Node, Part, Pattern, Policy, StatusField, Target, Text};
use orkestra_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::error::Error;
use crate::instances;

/// Evaluates expressions over one resource.
pub(crate) struct Evaluator {
    pub(crate) instance: Instance,
    pub(crate) entry: String,
    pub(crate) scope: Scope,
    pub(crate) given: Given,
    pub(crate) sandbox: Sandbox,
}

/// What came of an expression.
pub(crate) enum Answer {
    /// The type is the one that the check found.
    Value {
        ty: String,
        value: Value,
        cost: u64,
    },
    /// A path without a value.
    Absent {
        ty: String,
        cost: u64,
    },
    /// What it needs has not been observed.
    Pending {
        waits: Vec<String>,
    },
    /// It does not check.
    Wrong(Vec<Problem>),
    Failed(Failure),
}

/// Where the only expression stands in the status.
const FIELD: &str = "value";
/// What the expression is called in messages.
const AT: &str = "the expression";

impl Evaluator {
    pub(crate) fn evaluate(&self, source: &str) -> Result<Answer, Error> {
        let checked = match cel::check(source, AT, &self.scope.with_now(), Place::Value(None)) {
            Ok(checked) => checked,
            Err(problems) => return Ok(Answer::Wrong(problems)),
        };
        // As CEL writes it: `list(int)`.
        let ty = checked.ty.display_name().replace('<', "(").replace('>', ")");
        let mut instance = self.instance.clone();
        instance.pattern.entries.retain(|entry| entry.name == self.entry);
        let Some(entry) = instance.pattern.entries.first_mut() else { return Err(Error::Silent) };
        if self.given.hook.is_none() {
            // What does not ask the hook has a value all the same.
            entry.hook = None;
        }
        let waits = reduce(entry, checked);
        let loaded = instances::load(&instance.pattern, &self.sandbox)?;
        let described = instances::describe(&instance, loaded, None, Identity::Process);
        let declared = described.entries.first().ok_or(Error::Silent)?;
        Ok(match orkestra_operator::preview(&described, declared, &self.given) {
            Err(failure) => Answer::Failed(failure),
            Ok(preview) if preview.pending_status.iter().any(|path| path == FIELD) => Answer::Pending { waits },
            Ok(preview) => match preview.status.get(FIELD) {
                Some(value) => Answer::Value { ty, value: value.clone(), cost: preview.cost },
                None => Answer::Absent { ty, cost: preview.cost },
            },
        })
    }
}

/// Leaves of an entry what an expression can refer to, and makes the expression its only result. Gives what it waits for.
fn reduce(entry: &mut Entry, checked: Checked) -> Vec<String> {
    let (children, reads) = needs(entry, &checked);
    for child in &mut entry.children {
        // Children of `onDelete` are not rendered while the resource lives, and are observed all the same.
        child.policy = Policy::Delete;
        (child.when, child.ready_when, child.once) = (None, None, false);
        (child.requires, child.reads) = (Vec::new(), Vec::new());
        child.manifest = Node::Plain(json!({"metadata": {"name": child.id}}));
    }
    let named = |root: &'static str| move |id: &String| format!("{root}.{id}");
    let waits = children.iter().map(named("children")).chain(reads.iter().map(named("reads"))).collect();
    let text = Text { at: AT.to_owned(), parts: vec![Part::Expression(Box::new(checked))] };
    entry.status = vec![StatusField {
        path: vec![FIELD.to_owned()],
        requires: children,
        reads,
        when: None,
        value: Node::Hole(text, Target::Any),
    }];
    waits
}

/// The children and the reads that an expression needs, also through variables.
fn needs(entry: &Entry, checked: &Checked) -> (Vec<String>, Vec<String>) {
    let (mut children, mut reads) = (BTreeSet::new(), BTreeSet::new());
    let (mut seen, mut open) = (BTreeSet::new(), vec![checked]);
    while let Some(checked) = open.pop() {
        children.extend(checked.children.iter().cloned());
        reads.extend(checked.reads.iter().cloned());
        for name in &checked.vars {
            let var = entry.vars.iter().find(|var| var.name == *name).filter(|_| seen.insert(name));
            open.extend(var.into_iter().flat_map(|var| &var.value.parts).filter_map(|part| match part {
                Part::Expression(checked) => Some(&**checked),
                Part::Literal(_) => None,
            }));
        }
    }
    reads.retain(|id| entry.reads.iter().any(|read| read.id == *id && !read.optional));
    (children.into_iter().collect(), reads.into_iter().collect())
}

/// A pattern for expressions that need none: its resource has no fields.
pub(crate) fn none() -> Option<(Pattern, Scope)> {
    let source = orkestra_pattern::Source::new()
        .with("crd.yaml", include_bytes!("../assets/eval/crd.yaml"))
        .with("katalog.yaml", include_bytes!("../assets/eval/katalog.yaml"));
    let scope = orkestra_pattern::scope(&source, "nothing")?;
    Some((orkestra_pattern::check(&source).0?, scope))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pattern_for_expressions_without_one_is_right() {
        assert!(super::none().is_some());
    }
}
