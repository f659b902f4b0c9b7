//! Cases of `ork test`: what they say, what comes of them, and whether that is what they expect.

mod accept;
mod coverage;
mod expect;
mod read;
mod run;
mod tables;

use std::path::PathBuf;

use orkestra_pattern::source::Span;
use serde_json::{Map, Value};

pub(crate) use accept::accept;
pub(crate) use coverage::{Coverage, Share, counting};
pub(crate) use expect::{Difference, differences};
pub(crate) use read::{CaseFile, problems, read};
pub(crate) use run::{Came, Runner};
pub(crate) use tables::CASE;

/// One document of a file of cases.
#[derive(Debug)]
pub(crate) struct Case {
    /// The line that it begins on.
    pub(crate) line: u32,
    pub(crate) name: String,
    pub(crate) entry: Option<String>,
    pub(crate) cr: Source,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) children: Source,
    pub(crate) reads: Source,
    /// What the hook gives.
    pub(crate) hook: Option<Value>,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) deleting: bool,
    pub(crate) expect: Expect,
    /// Where in the file the expectation stands, or would.
    pub(crate) place: Place,
}

/// Objects of a case.
#[derive(Debug)]
pub(crate) enum Source {
    /// They stand in the case.
    Inline(Vec<Value>),
    /// They stand in a file.
    File(PathBuf),
}

/// What a case expects. Parts that are not there are not compared.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    /// More than what is expected may be there.
    pub(crate) subset: bool,
    /// `children`, `status`, `conditions`, `failure`, in the order of the file.
    pub(crate) parts: Map<String, Value>,
}

/// A stretch of a file's text, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Blanks before the key. None: the case is written in braces, where no block can stand.
    pub(crate) indent: Option<usize>,
}

/// Why a case cannot be run.
#[derive(Debug)]
pub(crate) struct Broken {
    /// `tests/basic.yaml:3:1`
    pub(crate) at: String,
    /// The same in the file; none for what was found when the case ran.
    pub(crate) span: Option<Span>,
    /// Empty where it has none.
    pub(crate) name: String,
    pub(crate) problem: String,
    pub(crate) hint: Option<String>,
}
