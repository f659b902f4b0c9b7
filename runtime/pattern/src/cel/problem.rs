//! What can be wrong with an expression.

use std::fmt;
use std::ops::Range;

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which mistake.
    pub kind: ProblemKind,
    /// Its bytes, counted from the start of the text that was checked or split.
    pub range: Range<usize>,
    /// What is wrong, in one line without a period.
    pub message: String,
    /// What was found, where it says more than the message.
    pub found: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// How to mend it.
    pub mend: Option<String>,
}

/// The mistakes that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// `{{` without `}}`, or a string without its end.
    Unclosed,
    /// It is not CEL.
    Syntax,
    /// It is longer than [`super::MAX_LENGTH`].
    TooLong,
    /// It is nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// A variable that does not exist.
    UnknownName,
    /// A field that the schema does not have.
    UnknownField,
    /// `children.<id>` without such a child.
    UnknownChild,
    /// `reads.<id>` without such a read.
    UnknownRead,
    /// `inputs.<name>` without such an input.
    UnknownInput,
    /// `vars.<name>` without such a variable.
    UnknownVar,
    /// A function that does not exist.
    UnknownFunction,
    /// A function or operator that does not take these types.
    NoOverload,
    /// A value of a type that its place cannot hold.
    WrongType,
    /// A path that may be absent where its value is needed.
    MayBeAbsent,
    /// A literal of which `matches` can make no regular expression.
    NotRegex,
    /// An object of a named type, which no object of Kubernetes is.
    NamedType,
}

impl Problem {
    pub(super) fn new(kind: ProblemKind, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem { kind, range, message: message.into(), found: None, expected: None, mend: None }
    }

    pub(super) fn found(mut self, found: impl Into<String>) -> Problem {
        self.found = Some(found.into());
        self
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Problem {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Problem {
        self.mend = Some(mend.into());
        self
    }

    pub(super) fn did_you_mean(mut self, name: Option<&str>) -> Problem {
        if let Some(name) = name {
            self.mend = Some(format!("did you mean `{name}`?"));
        }
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(f, "; found {found}")?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(mend) = &self.mend {
            write!(f, "; {mend}")?;
        }
        Ok(())
    }
}
