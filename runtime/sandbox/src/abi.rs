//! The host ABI as wasmtime sees it, and the lifting of results under a limit.
//!
//! Results are lifted lazily: wasmtime checks that every string and list lies inside the memory, but nothing is copied before
//! its size was taken from the limit. So a lying list costs no more than an honest one, and too large is told from invalid.

use wasmtime::component::{ComponentType, Lift, Lower, WasmList, WasmStr};
use wasmtime::{AsContextMut, StoreContextMut};

use crate::failure::Failure;
use crate::store::State;
use crate::types::{
    Change, Child, ChildRef, Conversion, Evaluation, Observed, Operator, Plan, Policy, Read, Request, Requirement,
    Review, Violation, WantedRead,
};

/// [`Request`] without copies.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct RequestAbi<'a> {
    primary: &'a [u8],
    children: &'a [Observed],
    reads: &'a [Read],
    inputs: &'a [u8],
    hooks: &'a [u8],
    now: i64,
    entropy: &'a [u8],
    deleting: bool,
    budget: u64,
}

impl<'a> RequestAbi<'a> {
    pub(crate) fn new(request: &'a Request, budget: u64) -> Self {
        let Request { primary, children, reads, inputs, hooks, now, entropy, deleting, budget: asked } = request;
        RequestAbi {
            primary,
            children,
            reads,
            inputs,
            hooks,
            now: *now,
            entropy,
            deleting: *deleting,
            budget: budget.min(*asked),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ChildRefAbi {
    id: WasmStr,
    key: Option<WasmStr>,
}

// Made by wasmtime's own lifting from the discriminant, which the compiler does not see as a construction.
#[allow(dead_code)]
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum PolicyAbi {
    #[component(name = "create")]
    Create,
    #[component(name = "apply")]
    Apply,
    #[component(name = "delete")]
    Delete,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ChildAbi {
    #[component(name = "ref")]
    child: ChildRefAbi,
    policy: PolicyAbi,
    object: Option<WasmList<u8>>,
    ready: Option<bool>,
    after: WasmList<ChildRefAbi>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ViolationAbi {
    field: WasmStr,
    message: WasmStr,
    deny: bool,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct WantedReadAbi {
    id: WasmStr,
    name: Option<WasmStr>,
    labels: WasmList<(WasmStr, WasmStr)>,
    requirements: WasmList<RequirementAbi>,
    namespace: Option<WasmStr>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct RequirementAbi {
    key: WasmStr,
    operator: OperatorAbi,
    values: WasmList<WasmStr>,
}

// As above.
#[allow(dead_code)]
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum OperatorAbi {
    #[component(name = "in")]
    In,
    #[component(name = "not-in")]
    NotIn,
    #[component(name = "exists")]
    Exists,
    #[component(name = "does-not-exist")]
    DoesNotExist,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct PlanAbi {
    children: WasmList<ChildAbi>,
    status: WasmList<u8>,
    #[component(name = "pending-status")]
    pending_status: WasmList<WasmStr>,
    reads: WasmList<WantedReadAbi>,
    violations: WasmList<ViolationAbi>,
    conditions: WasmList<u8>,
    #[component(name = "requeue-after")]
    requeue_after: Option<u64>,
    done: bool,
    cost: u64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct EvaluationAbi {
    value: WasmList<u8>,
    cost: u64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ConversionAbi {
    object: WasmList<u8>,
    cost: u64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ChangeAbi {
    path: WasmList<WasmStr>,
    value: WasmList<u8>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ReviewAbi {
    changes: WasmList<ChangeAbi>,
    violations: WasmList<ViolationAbi>,
    cost: u64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct LocatedAbi {
    at: WasmStr,
    message: WasmStr,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum FailureAbi {
    #[component(name = "expression")]
    Expression(LocatedAbi),
    #[component(name = "cost-exceeded")]
    CostExceeded(LocatedAbi),
    #[component(name = "invalid-input")]
    InvalidInput(WasmStr),
    #[component(name = "internal")]
    Internal(WasmStr),
    #[component(name = "preserved-too-large")]
    PreservedTooLarge(WasmStr),
}

pub(crate) type ReconcileParams<'a> = (&'a str, RequestAbi<'a>);
pub(crate) type ReconcileResult = (Result<PlanAbi, FailureAbi>,);
pub(crate) type ConvertParams<'a> = (&'a str, &'a str, &'a [&'a [u8]], u64);
pub(crate) type ConvertResult = (WasmList<Result<ConversionAbi, FailureAbi>>,);
pub(crate) type AdmitParams<'a> = (&'a str, &'a [u8], &'a [u8], u64);
pub(crate) type AdmitResult = (Result<ReviewAbi, FailureAbi>,);
pub(crate) type EvalParams<'a> = (&'a str, &'a [u8], u64);
pub(crate) type EvalResult = (Result<EvaluationAbi, FailureAbi>,);

/// Copies results out of the guest's memory until the limit is used up.
pub(crate) struct Copier<'a> {
    store: StoreContextMut<'a, State>,
    left: usize,
    limit: usize,
}

impl<'a> Copier<'a> {
    pub(crate) fn new(store: StoreContextMut<'a, State>, limit: usize) -> Self {
        Copier { store, left: limit, limit }
    }

    pub(crate) fn plan(&mut self, plan: PlanAbi) -> Result<Plan, Failure> {
        let PlanAbi { children, status, pending_status, reads, violations, conditions, requeue_after, done, cost } =
            plan;
        Ok(Plan {
            children: self.list(&children, Self::child)?,
            status: self.json(&status)?,
            pending_status: self.list(&pending_status, |copier, path| copier.text(&path))?,
            reads: self.list(&reads, Self::wanted_read)?,
            violations: self.list(&violations, Self::violation)?,
            conditions: self.json(&conditions)?,
            requeue_after,
            done,
            cost,
        })
    }

    pub(crate) fn evaluation(&mut self, evaluation: EvaluationAbi) -> Result<Evaluation, Failure> {
        Ok(Evaluation { value: self.json(&evaluation.value)?, cost: evaluation.cost })
    }

    pub(crate) fn review(&mut self, review: ReviewAbi) -> Result<Review, Failure> {
        let ReviewAbi { changes, violations, cost } = review;
        Ok(Review {
            changes: self.list(&changes, |copier, ChangeAbi { path, value }| {
                let path = copier.list(&path, |copier, key| copier.text(&key))?;
                Ok(Change { path, value: copier.json(&value)? })
            })?,
            violations: self.list(&violations, Self::violation)?,
            cost,
        })
    }

    /// The results of a conversion, of which there must be so many.
    pub(crate) fn conversions(
        &mut self,
        results: &WasmList<Result<ConversionAbi, FailureAbi>>,
        wanted: usize,
    ) -> Result<Vec<Result<Conversion, Failure>>, Failure> {
        if results.len() != wanted {
            let found = results.len();
            return Err(Failure::InvalidOutput(format!("{found} results for {wanted} objects")));
        }
        self.list(results, |copier, result| {
            Ok(match result {
                Ok(ConversionAbi { object, cost }) => Ok(Conversion { object: copier.json(&object)?, cost }),
                Err(failure) => Err(copier.failure(failure)),
            })
        })
    }

    /// The guest's own failure, as ours.
    pub(crate) fn failure(&mut self, failure: FailureAbi) -> Failure {
        self.try_failure(failure).unwrap_or_else(|own| own)
    }

    fn try_failure(&mut self, failure: FailureAbi) -> Result<Failure, Failure> {
        Ok(match failure {
            FailureAbi::Expression(LocatedAbi { at, message }) => {
                Failure::Expression { at: self.text(&at)?, message: self.text(&message)? }
            }
            FailureAbi::CostExceeded(LocatedAbi { at, message }) => {
                Failure::CostExceeded { at: self.text(&at)?, message: self.text(&message)? }
            }
            FailureAbi::InvalidInput(message) => Failure::InvalidInput(self.text(&message)?),
            FailureAbi::Internal(message) => Failure::Internal(self.text(&message)?),
            FailureAbi::PreservedTooLarge(message) => Failure::PreservedTooLarge(self.text(&message)?),
        })
    }

    fn child(&mut self, child: ChildAbi) -> Result<Child, Failure> {
        Ok(Child {
            child: self.child_ref(child.child)?,
            policy: match child.policy {
                PolicyAbi::Create => Policy::Create,
                PolicyAbi::Apply => Policy::Apply,
                PolicyAbi::Delete => Policy::Delete,
            },
            object: child.object.map(|object| self.json(&object)).transpose()?,
            ready: child.ready,
            after: self.list(&child.after, Self::child_ref)?,
        })
    }

    fn child_ref(&mut self, child: ChildRefAbi) -> Result<ChildRef, Failure> {
        Ok(ChildRef { id: self.text(&child.id)?, key: child.key.map(|key| self.text(&key)).transpose()? })
    }

    fn wanted_read(&mut self, read: WantedReadAbi) -> Result<WantedRead, Failure> {
        Ok(WantedRead {
            id: self.text(&read.id)?,
            name: read.name.map(|name| self.text(&name)).transpose()?,
            labels: self.list(&read.labels, |copier, (key, value)| Ok((copier.text(&key)?, copier.text(&value)?)))?,
            requirements: self.list(&read.requirements, Self::requirement)?,
            namespace: read.namespace.map(|namespace| self.text(&namespace)).transpose()?,
        })
    }

    fn requirement(&mut self, requirement: RequirementAbi) -> Result<Requirement, Failure> {
        Ok(Requirement {
            key: self.text(&requirement.key)?,
            operator: match requirement.operator {
                OperatorAbi::In => Operator::In,
                OperatorAbi::NotIn => Operator::NotIn,
                OperatorAbi::Exists => Operator::Exists,
                OperatorAbi::DoesNotExist => Operator::DoesNotExist,
            },
            values: self.list(&requirement.values, |copier, value| copier.text(&value))?,
        })
    }

    fn violation(&mut self, violation: ViolationAbi) -> Result<Violation, Failure> {
        Ok(Violation {
            field: self.text(&violation.field)?,
            message: self.text(&violation.message)?,
            deny: violation.deny,
        })
    }

    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes).ok_or(Failure::OutputTooLarge { limit: self.limit })?;
        Ok(())
    }

    fn text(&mut self, text: &WasmStr) -> Result<String, Failure> {
        // UTF-8 is borrowed from the guest's memory here, so nothing is copied before it is paid for.
        let text = text.to_str(&self.store).map_err(invalid)?;
        let (left, limit) = (self.left, self.limit);
        self.left = left.checked_sub(text.len()).ok_or(Failure::OutputTooLarge { limit })?;
        Ok(text.into_owned())
    }

    fn json(&mut self, bytes: &WasmList<u8>) -> Result<Vec<u8>, Failure> {
        self.take(bytes.len())?;
        let bytes = bytes.as_le_slice(&self.store);
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(bytes.to_vec()),
            Err(error) => Err(Failure::InvalidOutput(format!("JSON text is not UTF-8: {error}"))),
        }
    }

    fn list<T: Lift, U>(
        &mut self,
        list: &WasmList<T>,
        mut each: impl FnMut(&mut Self, T) -> Result<U, Failure>,
    ) -> Result<Vec<U>, Failure> {
        // Both the handles and what becomes of them are held at the same time.
        self.take(list.len().saturating_mul(size_of::<T>() + size_of::<U>()))?;
        let handles: Vec<T> = list
            .iter(self.store.as_context_mut())
            .map_err(invalid)?
            .collect::<wasmtime::Result<_>>()
            .map_err(invalid)?;
        handles.into_iter().map(|handle| each(self, handle)).collect()
    }
}

/// What goes wrong while a result is read is the result's fault.
fn invalid(error: wasmtime::Error) -> Failure {
    Failure::InvalidOutput(error.root_cause().to_string())
}
