//! CEL as text: how tightly each form binds, and literals.

use std::fmt::Write as _;

use serde_json::Value;

/// How tightly a form binds; a looser one inside a tighter one stands in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binds {
    Choice,
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
    Tight,
}

impl Binds {
    /// What binds more tightly by one.
    fn next(self) -> Self {
        match self {
            Self::Choice => Self::Or,
            Self::Or => Self::And,
            Self::And => Self::Relation,
            Self::Relation => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::Unary,
            Self::Unary | Self::Tight => Self::Tight,
        }
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    binds: Binds,
}

impl Said {
    pub(super) fn tight(text: impl Into<String>) -> Self {
        Self { text: text.into(), binds: Binds::Tight }
    }

    /// Its text, where something binds so tightly.
    pub(super) fn within(&self, binds: Binds) -> String {
        if self.binds < binds { format!("({})", self.text) } else { self.text.clone() }
    }

    pub(super) fn operand(&self) -> String {
        self.within(Binds::Tight)
    }

    /// `left operator right`, which groups to the left.
    pub(super) fn infix(left: &Self, operator: &str, right: &Self, binds: Binds) -> Self {
        let text = format!("{} {operator} {}", left.within(binds), right.within(binds.next()));
        Self { text, binds }
    }

    pub(super) fn prefix(operator: char, operand: &Self) -> Self {
        // `--1` and `- -1` are not the same to every reader, so what is signed already stands in parentheses.
        Self { text: format!("{operator}{}", operand.operand()), binds: Binds::Unary }
    }

    pub(super) fn choice(condition: &Self, then: &Self, other: &Self) -> Self {
        let text = format!("{} ? {} : {}", condition.within(Binds::Or), then.within(Binds::Or), other.text);
        Self { text, binds: Binds::Choice }
    }

    pub(super) fn call(name: &str, arguments: &[Self]) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(|argument| &*argument.text).collect();
        Self::tight(format!("{name}({})", arguments.join(", ")))
    }

    pub(super) fn method(&self, name: &str, arguments: &[Self]) -> Self {
        Self::call(&format!("{}.{name}", self.operand()), arguments)
    }

    /// The same value of which the API server's check knows no type.
    pub(super) fn untyped(&self) -> Self {
        Self::call("dyn", std::slice::from_ref(self))
    }

    /// A field; `optional`: as an optional, which is none where there is no such field.
    pub(super) fn field(&self, name: &str, optional: bool) -> Self {
        let mark = if optional { "?" } else { "" };
        match is_name(name) {
            true => Self::tight(format!("{}.{mark}{name}", self.operand())),
            // The API server's check has another spelling for such names, which its evaluation does not have.
            false => Self::tight(format!("{}[{mark}{}]", self.untyped().text, text(name))),
        }
    }

    /// Whether the value has a field.
    pub(super) fn has(&self, name: &str) -> Self {
        match is_name(name) {
            true => Self::call("has", &[self.field(name, false)]),
            false => Self::infix(&Self::tight(text(name)), "in", &self.untyped(), Binds::Relation),
        }
    }
}

/// Words that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Whether a field can be written behind a dot, so that the check and the evaluation of the API server take it for the same.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && !RESERVED.contains(&name)
}

/// A string's literal.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// The literal of bytes.
pub(super) fn bytes(value: &[u8]) -> String {
    let mut literal = String::from("b\"");
    for byte in value {
        let _ = write!(literal, "\\x{byte:02x}");
    }
    literal.push('"');
    literal
}

/// A number with a fraction; none for what has no literal.
pub(super) fn double(value: f64) -> Option<Said> {
    if !value.is_finite() {
        return None;
    }
    let number = Said::tight(format!("{:?}", value.abs()));
    Some(if value.is_sign_negative() { Said::prefix('-', &number) } else { number })
}

pub(super) fn int(value: i64) -> Said {
    let number = Said::tight(value.unsigned_abs().to_string());
    if value < 0 { Said::prefix('-', &number) } else { number }
}

/// A value's literal; none for a number that has none.
pub(super) fn literal(value: &Value) -> Option<Said> {
    Some(match value {
        Value::Null => Said::tight("null"),
        Value::Bool(value) => Said::tight(value.to_string()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => int(whole),
            None => double(number.as_f64()?)?,
        },
        Value::String(value) => Said::tight(text(value)),
        Value::Array(items) => list(items.iter().map(literal).collect::<Option<Vec<_>>>()?, alike(items)),
        Value::Object(members) => {
            let plain = alike(members.values());
            let members = members.iter().map(|(key, value)| {
                let value = literal(value)?;
                let value = if plain { value } else { value.untyped() };
                Some(format!("{}: {}", text(key), value.text))
            });
            Said::tight(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
        }
    })
}

/// A list. The API server takes no literal whose items are of different types, unless it knows no type of them.
pub(super) fn list(items: Vec<Said>, alike: bool) -> Said {
    let items = items.into_iter().map(|item| if alike { item.text } else { item.untyped().text });
    Said::tight(format!("[{}]", items.collect::<Vec<_>>().join(", ")))
}

/// Whether values are scalars of one type.
fn alike<'a>(values: impl IntoIterator<Item = &'a Value>) -> bool {
    let mut kinds = values.into_iter().map(|value| match value {
        Value::Bool(_) => Some("bool"),
        Value::String(_) => Some("string"),
        Value::Number(number) if number.is_i64() => Some("int"),
        Value::Number(_) => Some("double"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    let Some(first) = kinds.next() else { return true };
    first.is_some() && kinds.all(|kind| kind == first)
}
