//! Spans of reconciles, and of what the webhook answers, for whoever collects traces.
//!
//! They name objects and count them, and hold nothing else of any. Where nobody collects traces the subscriber knows this module's
//! name and leaves all of them out, so that they cost a comparison.

use std::sync::OnceLock;

use orkestra_sandbox::Plan;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use crate::apply::Applied;
use crate::controller::EntryState;
use crate::desired::Desired;
use crate::error::{ApiError, Error};
use crate::metrics::Outcome;
use crate::object::ObjectKey;

/// One reconcile of a primary. [`ended`] says how it ended, [`failed`] why.
pub(crate) fn reconcile(state: &EntryState, key: &ObjectKey) -> Span {
    info_span!(
        "reconcile",
        pattern = %state.instance.name,
        entry = %state.entry.name,
        kind = %state.entry.api.kind,
        namespace = %key.namespace,
        name = %key.name,
        outcome = Empty,
        problems = Empty,
        reason = Empty,
        otel.status_description = Empty,
    )
}

/// One call of a pattern's component, without the time that it waited for its turn.
pub(crate) fn sandbox(children: usize, reads: usize) -> Span {
    info_span!(
        "sandbox",
        observed = whole(children),
        reads = whole(reads),
        children = Empty,
        cost = Empty,
        reason = Empty,
        otel.status_description = Empty,
    )
}

/// Says what a call of a component gave: its children, and what it cost.
pub(crate) fn planned(span: &Span, plan: &Plan) {
    span.record("children", whole(plan.children.len())).record("cost", whole(plan.cost));
}

/// One call of a hook.
pub(crate) fn hook(point: &'static str) -> Span {
    info_span!("hook", point, reason = Empty, otel.status_description = Empty)
}

/// The deletion of one object.
pub(crate) fn prune(kind: &str, key: &ObjectKey) -> Span {
    let (namespace, name) = (&key.namespace, &key.name);
    info_span!("prune", kind, %namespace, %name, reason = Empty, otel.status_description = Empty)
}

/// One write of a primary's status.
pub(crate) fn status() -> Span {
    info_span!("status", reason = Empty, otel.status_description = Empty)
}

/// One write of a primary's finalizers.
pub(crate) fn finalizer() -> Span {
    info_span!("finalizer", reason = Empty, otel.status_description = Empty)
}

/// One conversion of some objects into a version. [`converted`] says how it ended.
///
/// The webhook is wired outside of this crate; the span is made here because traces are of this module alone.
pub fn convert(pattern: &str, entry: &str, version: &str, objects: usize) -> Span {
    let objects = whole(objects);
    info_span!(
        "convert",
        pattern,
        entry,
        version,
        objects,
        refused = Empty,
        reason = Empty,
        otel.status_description = Empty,
    )
}

/// Says how many objects of a conversion were refused, and the reason of the first one, or of all.
pub fn converted(span: &Span, refused: usize, reason: Option<&'static str>) {
    span.record("refused", whole(refused));
    if let Some(reason) = reason {
        failed(span, reason);
    }
}

/// One look at an object before it is stored. [`admitted`] and [`failed`] say how it ended.
pub fn admit(pattern: &str, entry: &str) -> Span {
    info_span!(
        "admit",
        pattern,
        entry,
        given = Empty,
        denied = Empty,
        warned = Empty,
        reason = Empty,
        otel.status_description = Empty,
    )
}

/// Says how many values an object is given, and how many rules it breaks. That it breaks some is no failure.
pub fn admitted(span: &Span, given: usize, denied: usize, warned: usize) {
    span.record("given", whole(given)).record("denied", whole(denied)).record("warned", whole(warned));
}

/// The writes of one child: from the first one on, so that a child that is so already has no span.
#[derive(Default)]
pub(crate) struct Writes(OnceLock<Span>);

impl Writes {
    /// The span of a write that is about to be sent.
    pub(crate) fn of(&self, desired: &Desired) -> Span {
        let begin = || {
            info_span!(
                "apply",
                kind = %desired.kind,
                namespace = %desired.key.namespace,
                name = %desired.key.name,
                done = Empty,
                reason = Empty,
                otel.status_description = Empty,
            )
        };
        self.0.get_or_init(begin).clone()
    }

    /// Says what came of them.
    pub(crate) fn ended(&self, result: &Result<Applied, Error>) {
        let Some(span) = self.0.get() else { return };
        match result {
            Ok(applied) => drop(span.record("done", done(applied))),
            Err(error) => failed(span, error.reason()),
        }
    }
}

fn done(applied: &Applied) -> &'static str {
    match applied {
        Applied { recreated, .. } if !recreated.is_empty() => "recreated",
        Applied { created: true, .. } => "created",
        Applied { adopted: true, .. } => "adopted",
        Applied { drift, .. } if !drift.is_empty() => "repaired",
        Applied { wrote: true, .. } => "changed",
        _ => "left",
    }
}

/// Says how many problems a reconcile found, and what the first of them is. With `fault` it failed by them; otherwise it did what it
/// had to.
pub(crate) fn problems(span: &Span, count: usize, reason: &'static str, fault: bool) {
    span.record("problems", whole(count));
    if fault {
        failed(span, reason);
    } else {
        span.record("reason", reason);
    }
}

/// Says how a reconcile ended, in the words of the metrics.
pub(crate) fn ended(span: &Span, outcome: Outcome) {
    span.record("outcome", outcome.word());
}

/// Says that what a span is about failed, and why in one word.
pub fn failed(span: &Span, reason: &'static str) {
    span.record("reason", reason);
    // A description is what makes a status an error.
    span.record("otel.status_description", reason);
}

/// Does `work` in `span`; `reason` says which errors make it a failed one.
pub(crate) async fn within<T, E>(
    span: Span,
    reason: impl FnOnce(&E) -> Option<&'static str>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let result = work.instrument(span.clone()).await;
    if let Some(reason) = result.as_ref().err().and_then(reason) {
        failed(&span, reason);
    }
    result
}

/// The reason of a refusal, where its code is none of those that are nobody's fault.
pub(crate) fn unless(codes: &'static [u16]) -> impl FnOnce(&ApiError) -> Option<&'static str> {
    |error: &ApiError| (!error.code().is_some_and(|code| codes.contains(&code))).then(|| error.reason())
}

/// Traces know signed whole numbers only.
fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
