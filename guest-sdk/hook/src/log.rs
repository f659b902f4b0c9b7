//! Lines in the runtime's log.

use std::fmt::Display;

use crate::host::{Current, Host as _};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for a mistake.
    Debug,
    /// What happened.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

/// The runtime's log, from [`Call::log`](crate::Call::log).
///
/// A line has the pattern, the entry and the resource beside it. It is cut after 4 KiB, and what is not printable in it is escaped. Each
/// line is one of the 100 host calls that a call has. `format_args!` makes a message without a copy:
/// `call.log().info(format_args!("{granted} GiB"))`.
#[derive(Debug, Clone, Copy)]
pub struct Log<'call> {
    host: &'call Current,
}

impl<'call> Log<'call> {
    pub(crate) fn new(host: &'call Current) -> Self {
        Self { host }
    }

    /// A line for who looks for a mistake.
    pub fn debug(self, message: impl Display) {
        self.line(Level::Debug, message);
    }

    /// What happened.
    pub fn info(self, message: impl Display) {
        self.line(Level::Info, message);
    }

    /// What should be looked at.
    pub fn warn(self, message: impl Display) {
        self.line(Level::Warn, message);
    }

    /// What went wrong.
    pub fn error(self, message: impl Display) {
        self.line(Level::Error, message);
    }

    /// A line of a level that is known at run time.
    pub fn line(self, level: Level, message: impl Display) {
        self.host.log(level, &message.to_string());
    }
}
