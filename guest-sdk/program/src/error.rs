//! Why bytes are not a program.

use core::fmt;

/// Why bytes are not a program that this engine can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// It does not begin as a program does.
    NotAProgram,
    /// Another version of the format.
    Version {
        /// The version found.
        found: u16,
    },
    /// Longer than [`MAX_PROGRAM`](crate::layout::MAX_PROGRAM).
    TooLong,
    /// The sections do not fill it exactly.
    Sections,
    /// A record ends too early.
    Truncated,
    /// Bytes are left over after a record's end.
    TrailingBytes,
    /// A number that does not fit its field.
    Number,
    /// A reference past the end of the pool, or a pool whose index is out of order.
    Pool,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A node of an unknown kind.
    UnknownNode {
        /// Its first byte.
        tag: u8,
    },
    /// A function that this engine does not know.
    UnknownFunction {
        /// Its number.
        number: u16,
    },
    /// An expression is nested deeper than [`MAX_EXPRESSION_DEPTH`](crate::layout::MAX_EXPRESSION_DEPTH).
    ExpressionDepth,
    /// A template is nested deeper than [`MAX_TEMPLATE_DEPTH`](crate::layout::MAX_TEMPLATE_DEPTH).
    TemplateDepth,
    /// More entries than [`MAX_ENTRIES`](crate::layout::MAX_ENTRIES).
    TooManyEntries,
    /// More variables, reads, children, status fields, versions or conversions than [`MAX_ITEMS`](crate::layout::MAX_ITEMS).
    TooManyItems,
    /// The fields of a schema are not in the order of their names.
    FieldOrder,
    /// A local's slot is not below [`MAX_SLOTS`](crate::layout::MAX_SLOTS).
    Slot,
    /// A reference to a variable or child that is not an earlier one, or to a read that is not there.
    Reference,
}

impl ReadError {
    /// The error's name, as users see it.
    pub fn reason(&self) -> &'static str {
        match self {
            ReadError::NotAProgram => "NotAProgram",
            ReadError::Version { .. } => "ProgramVersion",
            ReadError::TooLong => "ProgramTooLong",
            ReadError::TooManyEntries | ReadError::TooManyItems | ReadError::Slot => "ProgramBounds",
            ReadError::ExpressionDepth | ReadError::TemplateDepth => "ProgramDepth",
            _ => "ProgramMalformed",
        }
    }

    /// What is wrong, without the particular number.
    pub fn text(&self) -> &'static str {
        match self {
            ReadError::NotAProgram => "this is not a program: it does not begin with `ORKP`",
            ReadError::Version { .. } => {
                "the program is of another format version than this engine runs: rebuild with `ork build`"
            }
            ReadError::TooLong => "the program is longer than 4 MiB",
            ReadError::Sections => "the program's sections do not fill it exactly",
            ReadError::Truncated => "a record of the program ends too early",
            ReadError::TrailingBytes => "bytes are left over after a record of the program",
            ReadError::Number => "a number in the program does not fit its field",
            ReadError::Pool => "a reference into the program's pool is out of bounds",
            ReadError::NotUtf8 => "a text of the program is not UTF-8",
            ReadError::UnknownNode { .. } => "a node of the program is of an unknown kind",
            ReadError::UnknownFunction { .. } => "the program calls a function that this engine does not know",
            ReadError::ExpressionDepth => "an expression of the program is nested deeper than 256 nodes",
            ReadError::TemplateDepth => "a template of the program is nested deeper than 80 levels",
            ReadError::TooManyEntries => "the program has more than 4096 entries",
            ReadError::TooManyItems => {
                "an entry of the program has more than 4096 variables, reads, children, status fields, versions or conversions"
            }
            ReadError::FieldOrder => "the fields of a schema of the program are not in the order of their names",
            ReadError::Slot => "an expression of the program has more than 256 locals",
            ReadError::Reference => {
                "the program refers to a variable or child that is not an earlier one, or to a read that it does not have"
            }
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            ReadError::Version { found } => write!(f, " (found {found}, expected {})", crate::layout::VERSION),
            ReadError::UnknownNode { tag } => write!(f, " (found {tag})"),
            ReadError::UnknownFunction { number } => write!(f, " (found {number})"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for ReadError {}
