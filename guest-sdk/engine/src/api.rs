//! What a call takes and gives: the records of the WIT interfaces, as borrowed Rust data.

use core::fmt;

use bumpalo::Bump;
use orkestra_program::model::{Operator, Policy};
use orkestra_program::{Program, ReadError};

use crate::eval::{Bindings, Env, Machine};
use crate::fault::{Fault, FaultKind};
use crate::json::Document;
use crate::{admission, convert, reconcile, typed};

/// A loaded program.
#[derive(Debug, Clone, Copy)]
pub struct Engine<'p> {
    program: Result<Program<'p>, ReadError>,
}

/// What a reconcile knows. JSON is UTF-8 text, as the API server sent it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The custom resource.
    pub primary: &'a [u8],
    /// Its children, as last seen.
    pub children: &'a [Observed<'a>],
    /// The objects of others that an earlier plan wanted.
    pub reads: &'a [Read<'a>],
    /// One object, a key for each input.
    pub inputs: &'a [u8],
    /// One object, a key for each hook's result.
    pub hooks: &'a [u8],
    /// Unix time in milliseconds.
    pub now: i64,
    /// 32 bytes that nobody else knows, for random text.
    pub entropy: &'a [u8],
    /// The primary has a deletion timestamp.
    pub deleting: bool,
    /// Cost units that the call may use.
    pub budget: u64,
}

/// A child as last seen.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The template's id.
    pub id: &'a str,
    /// The element's key under `forEach`.
    pub key: Option<&'a str>,
    /// The object.
    pub object: &'a [u8],
    /// What is made once is made anew.
    pub renew: bool,
}

/// The objects that one read matched.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The read's id.
    pub id: &'a str,
    /// The objects; none: there is no such object.
    pub objects: &'a [&'a [u8]],
}

/// What should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan<'p> {
    /// In the order in which they are applied. One that exists and is not listed is to be removed.
    pub children: Vec<PlannedChild<'p>>,
    /// One object: the fields below `.status`, without the pending ones.
    pub status: Vec<u8>,
    /// Dotted paths below `.status` whose values are not known yet.
    pub pending_status: Vec<String>,
    /// The objects of others that the entry wants to see, whether the request had them or not.
    pub reads: Vec<WantedRead<'p>>,
    /// Broken rules. Where one denies, there is nothing else in the plan, and what the primary has stays as it is.
    pub violations: Vec<Violation<'p>>,
    /// One list: conditions beside the host's own. Those that are not known yet are left out.
    pub conditions: Vec<u8>,
    /// When to look again, in milliseconds.
    pub requeue_after: Option<u64>,
    /// With `deleting`: nothing is left to do.
    pub done: bool,
    /// Cost units used.
    pub cost: u64,
}

/// What a review of a primary says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review<'p> {
    /// The values that it is given.
    pub changes: Vec<Change<'p>>,
    /// The rules that it breaks, once it has them.
    pub violations: Vec<Violation<'p>>,
    /// Cost units used.
    pub cost: u64,
}

/// A value that a primary is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'p> {
    /// The keys from the object's root.
    pub path: Vec<&'p str>,
    /// JSON.
    pub value: Vec<u8>,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation<'p> {
    /// The field that it is about, as a path from the object's root; empty: none in particular.
    pub field: &'p str,
    /// What is wrong.
    pub message: String,
    /// The primary is refused; otherwise it is warned of.
    pub deny: bool,
}

/// A child that should be.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedChild<'p> {
    /// Which one.
    pub child: ChildRef<'p>,
    /// What happens when it differs.
    pub policy: Policy,
    /// The object; none: it uses a child or a read that is not there yet.
    pub object: Option<Vec<u8>>,
    /// The answer of `readyWhen`.
    pub ready: Option<bool>,
    /// Those that come before it.
    pub after: Vec<ChildRef<'p>>,
}

/// Objects of others that an entry wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRead<'p> {
    /// The read's id.
    pub id: &'p str,
    /// The object's name; none: all with the labels.
    pub name: Option<String>,
    /// Labels that an object must have.
    pub labels: Vec<(&'p str, String)>,
    /// Other conditions on its labels.
    pub requirements: Vec<Requirement<'p>>,
    /// Where they are; none: in the primary's namespace.
    pub namespace: Option<String>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement<'p> {
    /// The label.
    pub key: &'p str,
    /// What must be true of it.
    pub operator: Operator,
    /// Of [`Operator::In`] and [`Operator::NotIn`].
    pub values: Vec<String>,
}

/// Names a child. Under `forEach` the id alone means the children of all elements: one that is pending has no key,
/// because its elements are not known, and neither have those that come before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRef<'p> {
    /// The template's id.
    pub id: &'p str,
    /// The element's key under `forEach`.
    pub key: Option<String>,
}

/// The value of a single expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Typed JSON.
    pub value: Vec<u8>,
    /// Cost units used.
    pub cost: u64,
}

/// An object in another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The object without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub object: Vec<u8>,
    /// Cost units used.
    pub cost: u64,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// An expression failed.
    Expression {
        /// Its place.
        at: String,
        /// Why; it names paths and types, never values.
        message: String,
    },
    /// The budget of the call or of one expression is used up.
    CostExceeded {
        /// The place of the expression that used it up.
        at: String,
        /// Why.
        message: String,
    },
    /// The request is malformed.
    InvalidInput(String),
    /// What a version cannot hold is more than an object's annotations can keep.
    PreservedTooLarge(String),
    /// The program is not one that this engine can run.
    Internal(String),
}

impl Failure {
    /// The failure's name, as users see it.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::Expression { .. } => "ExpressionFailed",
            Failure::CostExceeded { .. } => "CostExceeded",
            Failure::InvalidInput(_) => "InvalidInput",
            Failure::PreservedTooLarge(_) => "PreservedTooLarge",
            Failure::Internal(_) => "InvalidProgram",
        }
    }

    fn of(fault: Fault<'_>) -> Failure {
        let message = String::from(fault.message());
        match fault.kind() {
            FaultKind::Expression => Failure::Expression { at: fault.at().into(), message },
            FaultKind::Cost => Failure::CostExceeded { at: fault.at().into(), message },
            FaultKind::Input => Failure::InvalidInput(message),
            FaultKind::Preserved => Failure::PreservedTooLarge(message),
            FaultKind::Program => Failure::Internal(message),
        }
    }

    fn of_program(error: ReadError) -> Failure {
        Failure::Internal(error.text().into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Expression { at, message } | Failure::CostExceeded { at, message } => write!(f, "{at}: {message}"),
            Failure::InvalidInput(message) | Failure::PreservedTooLarge(message) | Failure::Internal(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for Failure {}

impl<'p> Engine<'p> {
    /// Takes a program. One that can't be run is reported by each call, as there is nobody to tell when it is loaded.
    pub fn load(program: &'p [u8]) -> Engine<'p> {
        Engine { program: Program::read(program) }
    }

    /// What should exist for a primary of this entry.
    ///
    /// # Errors
    /// See [`Failure`]; an entry that the program does not have is [`Failure::Internal`].
    pub fn reconcile(&self, entry: &str, request: &Request<'_>) -> Result<Plan<'p>, Failure> {
        let program = self.program.map_err(Failure::of_program)?;
        let found = program.entry_named(entry).map_err(Failure::of_program)?;
        let found = found.ok_or_else(|| Failure::Internal("the program has no entry of this name".into()))?;
        let arena = Bump::new();
        let result = reconcile::reconcile(&arena, program, &found, request);
        result.map_err(Failure::of)
    }

    /// The values that a primary of this entry is given, and the rules that it then breaks. `inputs` is one JSON object.
    ///
    /// # Errors
    /// See [`Failure`]; an entry that the program does not have is [`Failure::Internal`].
    pub fn admit(&self, entry: &str, primary: &[u8], inputs: &[u8], budget: u64) -> Result<Review<'p>, Failure> {
        let program = self.program.map_err(Failure::of_program)?;
        let found = program.entry_named(entry).map_err(Failure::of_program)?;
        let found = found.ok_or_else(|| Failure::Internal("the program has no entry of this name".into()))?;
        let arena = Bump::new();
        let result = admission::admit(&arena, program, &found, primary, inputs, budget);
        result.map_err(Failure::of)
    }

    /// An object of this entry's kind in the version `target`, such as `v1`.
    ///
    /// # Errors
    /// See [`Failure`]; an entry that the program does not have is [`Failure::Internal`].
    pub fn convert(&self, entry: &str, target: &str, object: &[u8], budget: u64) -> Result<Conversion, Failure> {
        let program = self.program.map_err(Failure::of_program)?;
        let found = program.entry_named(entry).map_err(Failure::of_program)?;
        let found = found.ok_or_else(|| Failure::Internal("the program has no entry of this name".into()))?;
        let arena = Bump::new();
        let result = convert::convert(&arena, program, &found, target, object, budget);
        result.map(|(object, cost)| Conversion { object, cost }).map_err(Failure::of)
    }

    /// The value of a single expression. `bindings` is one JSON object from variable name to typed value.
    ///
    /// # Errors
    /// See [`Failure`]; an expression that the program does not have is [`Failure::Internal`].
    pub fn eval(&self, name: &str, bindings: &[u8], budget: u64) -> Result<Evaluation, Failure> {
        let program = self.program.map_err(Failure::of_program)?;
        let found = program.evaluation_named(name).map_err(Failure::of_program)?;
        let evaluation = found.ok_or_else(|| Failure::Internal("the program has no expression of this name".into()))?;
        let arena = Bump::new();
        let document = Document::new("bindings", bindings);
        let env = Env::Bindings(Bindings { evaluation, document, values: Vec::new() });
        let mut machine = Machine::new(&arena, program, budget, env);
        let value = machine.located(evaluation.value).map_err(Failure::of)?;
        let mut out = Vec::new();
        typed::write(&arena, &mut out, value).map_err(Failure::of)?;
        Ok(Evaluation { value: out, cost: machine.meter.spent() })
    }
}
