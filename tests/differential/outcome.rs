//! One form for what the two implementations give.

/// What came of an expression: its value in words, or a failure as CEL has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(String),
    Failed(String),
    /// It was refused before it could fail: the two must not differ in what they understand.
    Refused(String),
}

impl Outcome {
    /// Whether both say the same: the words of a failure are everyone's own.
    pub(crate) fn agrees(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Value(a), Outcome::Value(b)) => a == b,
            (Outcome::Failed(_), Outcome::Failed(_)) => true,
            _ => false,
        }
    }
}

pub(crate) fn double(value: f64) -> String {
    // All kinds of NaN are one.
    if value.is_nan() { "double NaN".to_owned() } else { format!("double {value:?}") }
}

pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A map in the order of its keys' words.
pub(crate) fn map(entries: impl Iterator<Item = (String, String)>) -> String {
    let mut entries: Vec<String> = entries.map(|(key, value)| format!("{key}: {value}")).collect();
    entries.sort();
    format!("{{{}}}", entries.join(", "))
}
