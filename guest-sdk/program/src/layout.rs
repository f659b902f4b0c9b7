//! The numbers of the format. All integers outside of the code are little-endian; inside it they are LEB128.
//!
//! ```text
//! magic "ORKP" · version u16 · zero u16 · lengths of the five sections, u32 each
//! 1 index        the end of each pooled string in the pool, u32 each
//! 2 pool         the strings and bytes, each once, one after another
//! 3 entries      per entry: name (pooled string), start and length in the code, u32 each
//! 4 evaluations  likewise
//! 5 code         records in prefix form
//! ```
//!
//! The sections follow one another without gaps and fill the program. In the code, what may be skipped or may fail
//! without failing its surroundings (an operand of `&&`, a branch, a loop's body) is a *block*: its length, then itself.

/// The first four bytes.
pub const MAGIC: [u8; 4] = *b"ORKP";
/// The format's version: an engine runs exactly one.
pub const VERSION: u16 = 6;
/// Sections, in their order.
pub const SECTIONS: usize = 5;
/// Length of what comes before the sections.
pub const HEADER: usize = 8 + 4 * SECTIONS;
/// Length of one record of a directory.
pub const DIRECTORY_RECORD: usize = 12;

/// Longest program, in bytes.
pub const MAX_PROGRAM: usize = 4 << 20;
/// Most entries, and most evaluations.
pub const MAX_ENTRIES: usize = 4096;
/// Most variables, reads, children, status fields, conditions, versions, conversions, mutations, rules or requeues of one entry.
pub const MAX_ITEMS: usize = 4096;
/// Most locals that are alive at one place.
pub const MAX_SLOTS: u16 = 256;
/// Deepest nesting of an expression, in nodes.
pub const MAX_EXPRESSION_DEPTH: u32 = 256;
/// Deepest nesting of a template, and of a schema.
pub const MAX_TEMPLATE_DEPTH: u32 = 80;

/// So many fields of a schema are searched from the front; what begins a next such group is found by its place.
pub(crate) const FIELDS: usize = 16;

/// First bytes of the nodes of an expression.
pub(crate) mod tag {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT: u8 = 3;
    pub(crate) const UINT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const STRING: u8 = 6;
    pub(crate) const BYTES: u8 = 7;
    pub(crate) const TYPE: u8 = 8;
    pub(crate) const DURATION: u8 = 9;
    pub(crate) const TIMESTAMP: u8 = 10;
    pub(crate) const ROOT: u8 = 11;
    pub(crate) const VAR: u8 = 12;
    pub(crate) const CHILD: u8 = 13;
    pub(crate) const BINDING: u8 = 14;
    pub(crate) const LOCAL: u8 = 15;
    pub(crate) const BIND: u8 = 16;
    pub(crate) const SELECT_STRICT: u8 = 17;
    pub(crate) const SELECT_OPTIONAL: u8 = 18;
    pub(crate) const SELECT_TEST: u8 = 19;
    pub(crate) const INDEX: u8 = 20;
    pub(crate) const INDEX_OPTIONAL: u8 = 21;
    pub(crate) const LIST: u8 = 22;
    pub(crate) const MAP: u8 = 23;
    pub(crate) const AND: u8 = 24;
    pub(crate) const OR: u8 = 25;
    pub(crate) const COND: u8 = 26;
    pub(crate) const CALL: u8 = 27;
    pub(crate) const LOOP: u8 = 28;
    pub(crate) const FOLD: u8 = 29;
    pub(crate) const DEFAULT: u8 = 30;
    pub(crate) const CONCAT: u8 = 31;
    pub(crate) const LAZY_CALL: u8 = 32;
    pub(crate) const READ: u8 = 33;

    pub(crate) const T_RAW: u8 = 0;
    pub(crate) const T_HOLE: u8 = 1;
    pub(crate) const T_OBJECT: u8 = 2;
    pub(crate) const T_LIST: u8 = 3;
    pub(crate) const T_ONCE: u8 = 4;

    pub(crate) const M_COPY: u8 = 5;
    pub(crate) const M_OBJECT: u8 = 6;
    pub(crate) const M_EACH: u8 = 7;
    pub(crate) const M_GIVEN: u8 = 8;

    pub(crate) const S_ANY: u8 = 0;
    pub(crate) const S_OBJECT: u8 = 1;
    pub(crate) const S_LIST: u8 = 2;
    pub(crate) const S_STRING: u8 = 3;
    pub(crate) const S_INT: u8 = 4;
    pub(crate) const S_NUMBER: u8 = 5;
    pub(crate) const S_BOOL: u8 = 6;
    pub(crate) const S_INT_OR_STRING: u8 = 7;
}
