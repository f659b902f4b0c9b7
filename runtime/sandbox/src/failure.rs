//! Every way in which a load or a call can fail, told apart by type.

use std::time::Duration;

/// Why a component was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not what the encoder makes of the program in them, so they may hold code.
    #[error("not a declarative component: {0}; rebuild it from its Katalog, or grant `code`")]
    NotDeclarative(String),
    /// The component pins an engine that this runtime does not ship.
    #[error("the component pins engine {wanted}, this runtime ships {shipped}; rebuild with `ork build`")]
    IncompatibleEngine {
        /// The import that the component names.
        wanted: String,
        /// The import that this runtime can fill.
        shipped: String,
    },
    /// The component imports something that it was not granted.
    #[error("the component imports `{import}`, which is not granted")]
    CapabilityDenied {
        /// The import's name.
        import: String,
    },
    /// The hook is to be called at a point that its component does not export.
    #[error("the Katalog names the point `{point}`, and the component does not export `{}`", point.interface())]
    PointMissing {
        /// The point.
        point: crate::hook::Point,
    },
    /// No valid component, or not one with the interfaces of a pattern.
    #[error("not a pattern: {0}")]
    InvalidComponent(String),
    /// The limits ask for more than the sandbox was started with.
    #[error("limit {limit} is {asked}, above the sandbox's ceiling of {ceiling}")]
    AboveCeiling {
        /// Which limit.
        limit: &'static str,
        /// Its value.
        asked: u64,
        /// The highest value that can be had.
        ceiling: u64,
    },
    /// As many patterns are loaded as the sandbox has slots.
    #[error("no slot is left for another pattern; the sandbox was started with too few")]
    NoSlot,
    /// The code generator failed or was ended by its limits.
    #[error("the component could not be compiled: {0}")]
    CompileFailed(String),
    /// Something that is no property of the component.
    #[error("the sandbox failed: {0}")]
    Internal(String),
}

impl LoadError {
    /// One word for conditions, events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            LoadError::NotDeclarative(_) => "NotDeclarative",
            LoadError::IncompatibleEngine { .. } => "IncompatibleEngine",
            LoadError::CapabilityDenied { .. } => "CapabilityDenied",
            LoadError::PointMissing { .. } => "PointMissing",
            LoadError::InvalidComponent(_) => "InvalidComponent",
            LoadError::AboveCeiling { .. } => "AboveCeiling",
            LoadError::NoSlot => "NoSlot",
            LoadError::CompileFailed(_) => "CompileFailed",
            LoadError::Internal(_) => "Internal",
        }
    }
}

/// Why a call has no result. Messages name paths and limits, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The call used its processor time.
    #[error("no result after {} ms of processor time", .0.as_millis())]
    DeadlineExceeded(Duration),
    /// Memories and tables together asked for more than the limit.
    #[error("more than {limit} bytes of memory were asked for")]
    MemoryExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// The expression at `at` went beyond the call's budget of cost units.
    #[error("{at}: {message}")]
    CostExceeded {
        /// Its place in `katalog.yaml`.
        at: String,
        /// What was used and what was allowed.
        message: String,
    },
    /// The call stack was used up.
    #[error("the call stack was used up")]
    StackOverflow,
    /// The component's code did what WebAssembly forbids.
    #[error("the component trapped: {0}")]
    Trapped(String),
    /// The result is larger than the limit.
    #[error("the result is larger than {limit} bytes")]
    OutputTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The result does not have the form of the interface.
    #[error("the result is not valid: {0}")]
    InvalidOutput(String),
    /// No slot is free, or the machine was too busy to give the call its processor time. Worth trying again; says nothing about the pattern.
    #[error("the host is busy: {0}")]
    HostBusy(&'static str),
    /// An expression failed.
    #[error("{at}: {message}")]
    Expression {
        /// Its place in `katalog.yaml`.
        at: String,
        /// Why.
        message: String,
    },
    /// The request does not have the form that the pattern asks for.
    #[error("the request is not valid: {0}")]
    InvalidInput(String),
    /// What a version cannot hold is more than an object's annotations can keep.
    #[error("{0}")]
    PreservedTooLarge(String),
    /// The program is not one that the engine can run, or the sandbox itself failed.
    #[error("internal: {0}")]
    Internal(String),
    /// The pattern does not export the interface.
    #[error("the pattern does not export `{0}`")]
    NotExported(&'static str),
    /// A hook used its fuel.
    #[error("more than {limit} units of fuel were used")]
    FuelExceeded {
        /// The limit; about one unit for each instruction.
        limit: u64,
    },
    /// A hook made more host calls than it may.
    #[error("more than {limit} host calls were made")]
    HostCallsExceeded {
        /// The limit.
        limit: u32,
    },
    /// A hook says that it cannot do what it is asked for.
    #[error("{message}")]
    HookFailed {
        /// Why, in the hook's words.
        message: String,
        /// It is worth trying again, after this time; none: not as long as nothing changes.
        retry_after: Option<Duration>,
    },
}

impl Failure {
    /// All the words that [`Failure::reason`] can give, for metrics.
    pub const REASONS: [&'static str; 16] = [
        "DeadlineExceeded",
        "MemoryExceeded",
        "CostExceeded",
        "StackOverflow",
        "Trapped",
        "OutputTooLarge",
        "InvalidOutput",
        "HostBusy",
        "Expression",
        "InvalidInput",
        "Internal",
        "NotExported",
        "PreservedTooLarge",
        "FuelExceeded",
        "HostCallsExceeded",
        "HookFailed",
    ];

    /// One word for conditions, events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        Self::REASONS[self.index()]
    }

    /// The position of [`Failure::reason`] in [`Failure::REASONS`].
    pub(crate) fn index(&self) -> usize {
        match self {
            Failure::DeadlineExceeded(_) => 0,
            Failure::MemoryExceeded { .. } => 1,
            Failure::CostExceeded { .. } => 2,
            Failure::StackOverflow => 3,
            Failure::Trapped(_) => 4,
            Failure::OutputTooLarge { .. } => 5,
            Failure::InvalidOutput(_) => 6,
            Failure::HostBusy(_) => 7,
            Failure::Expression { .. } => 8,
            Failure::InvalidInput(_) => 9,
            Failure::Internal(_) => 10,
            Failure::NotExported(_) => 11,
            Failure::PreservedTooLarge(_) => 12,
            Failure::FuelExceeded { .. } => 13,
            Failure::HostCallsExceeded { .. } => 14,
            Failure::HookFailed { .. } => 15,
        }
    }

    /// Whether the same call may succeed at another time: the failure is the machine's, not the pattern's.
    pub fn is_transient(&self) -> bool {
        matches!(self, Failure::HostBusy(_) | Failure::HookFailed { retry_after: Some(_), .. })
    }
}
