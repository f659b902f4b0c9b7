//! What a pattern looks at beside its own children, and where that lies.

use std::fmt;

use serde_json::Value;

use super::Text;

/// One of `reads`: objects that others own. They are watched and never written.
#[derive(Debug, Clone)]
pub struct Read {
    /// The name in `reads.<id>`.
    pub id: String,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// Which objects of that kind.
    pub which: Which,
    /// The primary does not wait for it. Only of a read by name: one by labels is a list, which may be empty.
    pub optional: bool,
    /// Their namespace where it is not the primary's.
    pub namespace: Option<Text>,
    /// Of a namespaced primary: where they may lie instead of in its namespace.
    pub elsewhere: Option<Elsewhere>,
}

/// Which objects a read means. It may use the primary, `inputs` and `vars`, but neither children nor other reads.
#[derive(Debug, Clone)]
pub enum Which {
    /// The one of this name: `reads.<id>` is an object.
    Name(Text),
    /// All that are selected: `reads.<id>` is a list of objects, sorted by name.
    Selected(Selector),
}

/// Objects by their labels: all that have each label and meet each requirement. Values are texts with expressions, or plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector<V = Text> {
    /// Labels and their values.
    pub labels: Vec<(String, V)>,
    /// Other conditions on labels.
    pub requirements: Vec<Requirement<V>>,
}

impl<V> Selector<V> {
    /// As `kubectl` takes one; `written` shows a value.
    pub fn shown(&self, written: &dyn Fn(&V) -> String) -> String {
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={}", written(value)));
        let requirements = self.requirements.iter().map(|requirement| {
            let key = &requirement.key;
            let values = requirement.values.iter().map(written).collect::<Vec<_>>().join(",");
            match requirement.operator {
                Operator::In => format!("{key} in ({values})"),
                Operator::NotIn => format!("{key} notin ({values})"),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
            }
        });
        labels.chain(requirements).collect::<Vec<_>>().join(",")
    }

    /// All values, as they were written.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        let values = self.labels.iter().map(|(_, value)| value);
        values.chain(self.requirements.iter().flat_map(|requirement| &requirement.values))
    }
}

impl Selector {
    /// The place of its first value.
    pub fn at(&self) -> Option<&str> {
        self.values().map(|value| &*value.at).next()
    }
}

impl Selector<String> {
    /// Whether this object is meant.
    pub fn selects(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let value = |key: &str| labels?.get(key)?.as_str();
        self.labels.iter().all(|(key, wanted)| value(key) == Some(wanted))
            && self.requirements.iter().all(|requirement| {
                let (value, values) = (value(&requirement.key), &requirement.values);
                let listed = || value.is_some_and(|value| values.iter().any(|one| one == value));
                match requirement.operator {
                    Operator::In => listed(),
                    Operator::NotIn => !listed(),
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
    }
}

impl fmt::Display for Selector<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(&String::clone))
    }
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement<V = Text> {
    /// The label.
    pub key: String,
    /// What must be true of it.
    pub operator: Operator,
    /// Of [`Operator::In`] and [`Operator::NotIn`].
    pub values: Vec<V>,
}

/// What must be true of a label, as Kubernetes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is one of the values.
    In,
    /// It is none of the values, or not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Operator {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
        }
    }
}

/// Where a child or read of a namespaced primary may lie outside of its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// In namespaces that the Katalog names.
    Namespaces(Vec<String>),
    /// In one that is computed, or outside of all.
    Anywhere,
}
