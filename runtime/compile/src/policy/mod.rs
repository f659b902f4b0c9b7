//! Rules of `validation` in the words of an API server: the CEL of a `ValidatingAdmissionPolicy`.
//!
//! A rule's syntax tree is written as text again. What names stand for is rewritten, values that JSON spells in another way than
//! CEL are converted as in the program, and what may be absent becomes an optional. What API servers have no words for is not
//! said in other ones: such a rule is named, with the reason, and is left to the webhook.
//!
//! <https://kubernetes.io/docs/reference/using-api/cel/>

mod path;
mod say;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use orkestra_pattern::cel::ast::Type;
use orkestra_pattern::cel::{self, Checked};
use orkestra_pattern::model::{Entry, Operator, Part, Requirement, Rule, Selector, Text};
use serde_json::{Map, Value};

use say::Say;
use write::{Binds, Said};

/// The rules of an entry, as far as API servers can keep them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// The `vars` that they use, each after those that it uses.
    pub variables: Vec<Variable>,
    /// The rules, in the Katalog's order.
    pub validations: Vec<Validation>,
    /// The rules that cannot be kept so.
    pub left: Vec<Left>,
}

/// One of `vars`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name in `variables.<name>`.
    pub name: String,
    /// CEL.
    pub expression: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// What breaks it is refused; otherwise it is warned of.
    pub deny: bool,
    /// CEL: whether it holds.
    pub expression: String,
    /// What is said where it does not hold, on one line; where the expression below cannot be evaluated, without values.
    pub message: String,
    /// CEL: the same with the values, where the message has some.
    pub message_expression: Option<String>,
}

/// A rule that cannot be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The place of its expression: `katalog.yaml:12:8`.
    pub at: String,
    /// Its name, or else its expression.
    pub rule: String,
    /// Why.
    pub why: Cannot,
}

/// What API servers have no words for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cannot {
    /// A function.
    #[error("an API server's CEL has no function `{name}`")]
    Function {
        /// Its name.
        name: String,
    },
    /// A macro.
    #[error("an API server's CEL has no macro for this loop over two variables")]
    Loop,
    /// Null, which counts as absent in a pattern.
    #[error("`{path}` may be null, which an API server's CEL does not count as absent")]
    MayBeNull {
        /// What may be null.
        path: String,
    },
    /// What is there only when the webhook gave it.
    #[error("it uses `{path}`, which a mutation of the pattern gives")]
    Given {
        /// Where the value lies.
        path: String,
    },
    /// Base64.
    #[error("`{path}` is base64, which an API server's CEL does not decode")]
    Bytes {
        /// Where it lies.
        path: String,
    },
    /// A variable of a macro that has the name of something of the policy.
    #[error("its variable `{name}` would hide what a policy calls so")]
    Hidden {
        /// Its name.
        name: String,
    },
    /// One of `vars`.
    #[error("a policy can have no variable of the name `{name}`")]
    Name {
        /// Its name.
        name: String,
    },
    /// A form or a number that is not written.
    #[error("`{expression}` cannot be written in an API server's CEL")]
    Form {
        /// The expression that it stands in.
        expression: String,
    },
    /// A message of nothing but spaces.
    #[error("its message is empty")]
    NoMessage,
}

impl Cannot {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Function { .. } => "NoFunction",
            Self::Loop => "NoMacro",
            Self::MayBeNull { .. } => "MayBeNull",
            Self::Given { .. } => "GivenByMutation",
            Self::Bytes { .. } => "Base64",
            Self::Hidden { .. } => "HiddenName",
            Self::Name { .. } => "NotAName",
            Self::Form { .. } => "NotWritten",
            Self::NoMessage => "NoMessage",
        }
    }
}

/// Says which objects an entry selects by their labels, of the object that is to be stored.
pub fn selected(selector: &Selector<String>) -> String {
    let value = |key: &str| format!("object.metadata.?labels[?{}]", write::text(key));
    let one = |key: &str, values: &[&String]| {
        let values: Vec<String> = values.iter().map(|value| format!("optional.of({})", write::text(value))).collect();
        format!("{} in [{}]", value(key), values.join(", "))
    };
    let labels = selector.labels.iter().map(|(key, value)| one(key, &[value]));
    let requirements = selector.requirements.iter().map(|Requirement { key, operator, values }| {
        let values: Vec<&String> = values.iter().collect();
        match operator {
            Operator::In => one(key, &values),
            Operator::NotIn => format!("!({})", one(key, &values)),
            Operator::Exists => format!("{}.hasValue()", value(key)),
            Operator::DoesNotExist => format!("!{}.hasValue()", value(key)),
        }
    });
    labels.chain(requirements).collect::<Vec<_>>().join(" && ")
}

/// Says the rules of an entry. `inputs` are the instance's: they become literals.
pub fn policy(entry: &Entry, inputs: &Map<String, Value>) -> Policy {
    let mut variables: BTreeMap<&str, Result<String, Cannot>> = BTreeMap::new();
    for var in &entry.vars {
        let said = variable(entry, inputs, &variables, &var.name, &var.value);
        variables.insert(&var.name, said);
    }
    let mut policy = Policy::default();
    let mut used = Vec::new();
    for rule in &entry.rules {
        match validation(entry, inputs, &variables, rule) {
            Ok(validation) => {
                policy.validations.push(validation);
                used.extend(rule.holds.vars.iter().chain(holes(&rule.message).flat_map(|hole| &hole.vars)));
            }
            Err(why) => {
                let name = rule.name.clone().unwrap_or_else(|| rule.holds.source.trim().to_owned());
                policy.left.push(Left { at: rule.holds.at.clone(), rule: name, why });
            }
        }
    }
    // From the last on: each reads only earlier ones.
    for var in entry.vars.iter().rev() {
        if used.contains(&&var.name)
            && let Some(Ok(expression)) = variables.get(&*var.name)
        {
            policy.variables.push(Variable { name: var.name.clone(), expression: expression.clone() });
            used.extend(holes(&var.value).flat_map(|hole| &hole.vars));
        }
    }
    policy.variables.reverse();
    policy
}

type Variables<'a> = BTreeMap<&'a str, Result<String, Cannot>>;

fn variable(
    entry: &Entry,
    inputs: &Map<String, Value>,
    before: &Variables<'_>,
    name: &str,
    value: &Text,
) -> Result<String, Cannot> {
    if !write::is_name(name) {
        return Err(Cannot::Name { name: name.to_owned() });
    }
    match value.parts.as_slice() {
        [Part::Expression(only)] => Ok(whole(entry, inputs, before, only)?.text),
        _ => Ok(joined(entry, inputs, before, value)?.text),
    }
}

fn validation(
    entry: &Entry,
    inputs: &Map<String, Value>,
    variables: &Variables<'_>,
    rule: &Rule,
) -> Result<Validation, Cannot> {
    let expression = whole(entry, inputs, variables, &rule.holds)?.text;
    let text = one_line(&rule.message);
    let said = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(_) => "…".to_owned(),
    };
    let message = text.parts.iter().map(said).collect::<String>();
    if message.trim().is_empty() {
        return Err(Cannot::NoMessage);
    }
    let about = if rule.field.is_empty() { String::new() } else { format!("{}: ", rule.field) };
    let message = format!("{about}{message}");
    let has_values = holes(&text).next().is_some();
    let message_expression = match has_values {
        false => None,
        true => Some(joined(entry, inputs, variables, &after(&about, text))?.text),
    };
    Ok(Validation { deny: rule.deny, expression, message, message_expression })
}

/// An expression by itself, which may read only what is there without the webhook.
fn whole(
    entry: &Entry,
    inputs: &Map<String, Value>,
    variables: &Variables<'_>,
    checked: &Checked,
) -> Result<Said, Cannot> {
    if let Some(Err(why)) =
        checked.vars.iter().find_map(|name| variables.get(name.as_str()).filter(|said| said.is_err()))
    {
        return Err(why.clone());
    }
    for source in cel::sources(checked) {
        let given = |path: &[String]| path.starts_with(&source.path) || source.path.starts_with(path);
        if let Some(mutation) = entry.mutations.iter().find(|mutation| given(&mutation.path)) {
            return Err(Cannot::Given { path: mutation.path.join(".") });
        }
    }
    Say::new(entry, inputs, checked).whole()
}

/// A string with values in it, as one expression.
fn joined(entry: &Entry, inputs: &Map<String, Value>, variables: &Variables<'_>, text: &Text) -> Result<Said, Cannot> {
    let part = |part: &Part| match part {
        Part::Literal(text) => Ok(Said::tight(write::text(text))),
        Part::Expression(hole) => {
            let said = whole(entry, inputs, variables, hole)?;
            match hole.ty {
                // The check of texts lets nothing of these through.
                _ if hole.path => Err(Cannot::Form { expression: hole.source.trim().to_owned() }),
                Type::String => Ok(said),
                _ => Ok(Said::call("string", &[said])),
            }
        }
    };
    let parts = text.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let sum = parts.into_iter().reduce(|all, next| Said::infix(&all, "+", &next, Binds::Sum));
    Ok(sum.unwrap_or_else(|| Said::tight("\"\"")))
}

/// A message has no line breaks, or an API server does not show it.
fn one_line(text: &Text) -> Text {
    let mut text = text.clone();
    let last = text.parts.len().saturating_sub(1);
    for (index, part) in text.parts.iter_mut().enumerate() {
        if let Part::Literal(literal) = part {
            let line = literal.replace(['\n', '\r'], " ");
            *literal = if index == last { line.trim_end().to_owned() } else { line };
        }
    }
    text.parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
    text
}

/// A text behind some words.
fn after(words: &str, mut text: Text) -> Text {
    match text.parts.first_mut() {
        Some(Part::Literal(first)) => first.insert_str(0, words),
        _ if words.is_empty() => {}
        _ => text.parts.insert(0, Part::Literal(words.to_owned())),
    }
    text
}

fn holes(text: &Text) -> impl Iterator<Item = &Checked> {
    text.parts.iter().filter_map(|part| match part {
        Part::Expression(checked) => Some(&**checked),
        Part::Literal(_) => None,
    })
}
