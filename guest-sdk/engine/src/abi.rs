//! The module's exports, by the canonical ABI of the component model, written out by hand.
//!
//! Every call has a fresh instance: memory is handed out from the front and never taken back, and nothing is freed
//! after a result was read. The records below are laid out as the canonical ABI lays out those of the WIT interfaces:
//! on `wasm32` that is the layout of the same `repr(C)` structs, where a string or list is an address and a length.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use orkestra_program::model::{Operator, Policy};

use crate::api::{
    Change, ChildRef, Conversion, Engine, Evaluation, Failure, Observed, Plan, PlannedChild, Read, Request,
    Requirement, Review, Violation, WantedRead,
};
use crate::memory::{FRONT, NEXT};

/// The program's address and length.
static PROGRAM: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// A string, or a list.
#[repr(C)]
#[derive(Clone, Copy)]
struct Slice {
    start: usize,
    len: usize,
}

#[repr(C)]
struct OptionalSlice {
    some: u8,
    value: Slice,
}

#[repr(C)]
struct RawRef {
    id: Slice,
    key: OptionalSlice,
}

#[repr(C)]
struct RawObserved {
    child: RawRef,
    object: Slice,
    renew: u8,
}

#[repr(C)]
struct RawRead {
    id: Slice,
    objects: Slice,
}

#[repr(C)]
struct RawRequest {
    primary: Slice,
    children: Slice,
    reads: Slice,
    inputs: Slice,
    hooks: Slice,
    now: i64,
    entropy: Slice,
    deleting: u8,
    budget: u64,
}

/// The parameters of `reconcile`.
#[repr(C)]
pub(crate) struct ReconcileParameters {
    entry: Slice,
    request: RawRequest,
}

#[repr(C)]
struct RawChild {
    child: RawRef,
    policy: u8,
    object: OptionalSlice,
    ready_some: u8,
    ready: u8,
    after: Slice,
}

#[repr(C)]
struct RawWantedRead {
    id: Slice,
    name: OptionalSlice,
    labels: Slice,
    requirements: Slice,
    namespace: OptionalSlice,
}

#[repr(C)]
struct RawRequirement {
    key: Slice,
    operator: u8,
    values: Slice,
}

#[repr(C)]
struct RawPlan {
    children: Slice,
    status: Slice,
    pending_status: Slice,
    reads: Slice,
    violations: Slice,
    conditions: Slice,
    requeue_some: u64,
    requeue: u64,
    done: u8,
    cost: u64,
}

#[repr(C)]
struct RawFailure {
    case: u8,
    first: Slice,
    second: Slice,
}

/// `result<plan, failure>`
#[repr(C, align(8))]
pub(crate) struct ReconcileResult {
    failed: u8,
    payload: ReconcilePayload,
}

#[repr(C, align(8))]
union ReconcilePayload {
    plan: core::mem::ManuallyDrop<RawPlan>,
    failure: core::mem::ManuallyDrop<RawFailure>,
}

#[repr(C)]
struct RawEvaluation {
    value: Slice,
    cost: u64,
}

/// `result<evaluation, failure>`
#[repr(C, align(8))]
pub(crate) struct EvalResult {
    failed: u8,
    payload: EvalPayload,
}

#[repr(C, align(8))]
union EvalPayload {
    evaluation: core::mem::ManuallyDrop<RawEvaluation>,
    failure: core::mem::ManuallyDrop<RawFailure>,
}

#[repr(C)]
struct RawConversion {
    object: Slice,
    cost: u64,
}

/// `result<conversion, failure>`
#[repr(C, align(8))]
pub(crate) struct OneResult {
    failed: u8,
    payload: OnePayload,
}

#[repr(C, align(8))]
union OnePayload {
    conversion: core::mem::ManuallyDrop<RawConversion>,
    failure: core::mem::ManuallyDrop<RawFailure>,
}

#[repr(C)]
struct RawViolation {
    field: Slice,
    message: Slice,
    deny: u8,
}

#[repr(C)]
struct RawChange {
    path: Slice,
    value: Slice,
}

#[repr(C)]
struct RawReview {
    changes: Slice,
    violations: Slice,
    cost: u64,
}

/// `result<review, failure>`
#[repr(C, align(8))]
pub(crate) struct AdmitResult {
    failed: u8,
    payload: AdmitPayload,
}

#[repr(C, align(8))]
union AdmitPayload {
    review: core::mem::ManuallyDrop<RawReview>,
    failure: core::mem::ManuallyDrop<RawFailure>,
}

/// `list<result<conversion, failure>>`
#[repr(C)]
pub(crate) struct ConvertResult {
    results: Slice,
}

// The layouts that the canonical ABI gives to the records of the WIT interfaces.
const _: () = {
    assert!(size_of::<RawRef>() == 20 && size_of::<RawObserved>() == 32 && size_of::<RawRead>() == 16);
    assert!(size_of::<RawRequest>() == 72 && size_of::<ReconcileParameters>() == 80);
    assert!(size_of::<RawChild>() == 48 && size_of::<RawWantedRead>() == 48 && size_of::<RawRequirement>() == 20);
    assert!(size_of::<RawPlan>() == 80 && size_of::<RawFailure>() == 20);
    assert!(size_of::<ReconcileResult>() == 88 && size_of::<EvalResult>() == 32);
    assert!(size_of::<OneResult>() == 32 && size_of::<ConvertResult>() == 8);
    assert!(size_of::<RawViolation>() == 20 && size_of::<RawChange>() == 16 && size_of::<AdmitResult>() == 32);
};

impl Slice {
    const EMPTY: Slice = Slice { start: 4, len: 0 };

    /// # Safety
    /// It was given by the host as a list of `T`, or points to nothing.
    unsafe fn items<T>(&self) -> &'static [T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the host wrote `len` items at an aligned address that it got from `cabi_realloc`, and nothing writes
        // there again.
        unsafe { core::slice::from_raw_parts(self.start as *const T, self.len) }
    }

    /// # Safety
    /// It was given by the host as a string.
    unsafe fn text(&self) -> &'static str {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.items::<u8>() };
        // The host has checked it; looking again keeps this module right whatever the host does.
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// What is given to the host stays where it is: the instance ends with the call.
    fn leak<T>(items: Vec<T>) -> Slice {
        let items = items.leak();
        if items.is_empty() { Slice::EMPTY } else { Slice { start: items.as_ptr() as usize, len: items.len() } }
    }

    fn of_string(text: String) -> Slice {
        Slice::leak(text.into_bytes())
    }

    fn of_static(text: &'static str) -> Slice {
        Slice { start: text.as_ptr() as usize, len: text.len() }
    }
}

impl OptionalSlice {
    fn of(value: Option<Slice>) -> OptionalSlice {
        OptionalSlice { some: u8::from(value.is_some()), value: value.unwrap_or(Slice::EMPTY) }
    }
}

impl RawRef {
    fn of(child: ChildRef<'static>) -> RawRef {
        RawRef { id: Slice::of_static(child.id), key: OptionalSlice::of(child.key.map(Slice::of_string)) }
    }
}

impl RawChild {
    fn of(planned: PlannedChild<'static>) -> RawChild {
        let PlannedChild { child, policy, object, ready, after } = planned;
        RawChild {
            child: RawRef::of(child),
            policy: match policy {
                Policy::Create => 0,
                Policy::Apply => 1,
                Policy::Delete => 2,
            },
            object: OptionalSlice::of(object.map(Slice::leak)),
            ready_some: u8::from(ready.is_some()),
            ready: u8::from(ready.unwrap_or(false)),
            after: Slice::leak(after.into_iter().map(RawRef::of).collect()),
        }
    }
}

impl RawWantedRead {
    fn of(wanted: WantedRead<'static>) -> RawWantedRead {
        let WantedRead { id, name, labels, requirements, namespace } = wanted;
        let label = |(key, value)| [Slice::of_static(key), Slice::of_string(value)];
        RawWantedRead {
            id: Slice::of_static(id),
            name: OptionalSlice::of(name.map(Slice::of_string)),
            labels: Slice::leak(labels.into_iter().map(label).collect()),
            requirements: Slice::leak(requirements.into_iter().map(RawRequirement::of).collect()),
            namespace: OptionalSlice::of(namespace.map(Slice::of_string)),
        }
    }
}

impl RawRequirement {
    fn of(requirement: Requirement<'static>) -> RawRequirement {
        let Requirement { key, operator, values } = requirement;
        RawRequirement {
            key: Slice::of_static(key),
            operator: match operator {
                Operator::In => 0,
                Operator::NotIn => 1,
                Operator::Exists => 2,
                Operator::DoesNotExist => 3,
            },
            values: Slice::leak(values.into_iter().map(Slice::of_string).collect()),
        }
    }
}

impl RawPlan {
    fn of(plan: Plan<'static>) -> RawPlan {
        let Plan { children, status, pending_status, reads, violations, conditions, requeue_after, done, cost } = plan;
        RawPlan {
            children: Slice::leak(children.into_iter().map(RawChild::of).collect()),
            status: Slice::leak(status),
            pending_status: Slice::leak(pending_status.into_iter().map(Slice::of_string).collect()),
            reads: Slice::leak(reads.into_iter().map(RawWantedRead::of).collect()),
            violations: Slice::leak(violations.into_iter().map(RawViolation::of).collect()),
            conditions: Slice::leak(conditions),
            requeue_some: u64::from(requeue_after.is_some()),
            requeue: requeue_after.unwrap_or_default(),
            done: u8::from(done),
            cost,
        }
    }
}

impl RawViolation {
    fn of(violation: Violation<'static>) -> RawViolation {
        let Violation { field, message, deny } = violation;
        RawViolation { field: Slice::of_static(field), message: Slice::of_string(message), deny: u8::from(deny) }
    }
}

impl RawChange {
    fn of(change: Change<'static>) -> RawChange {
        let Change { path, value } = change;
        RawChange { path: Slice::leak(path.into_iter().map(Slice::of_static).collect()), value: Slice::leak(value) }
    }
}

impl RawReview {
    fn of(review: Review<'static>) -> RawReview {
        let Review { changes, violations, cost } = review;
        RawReview {
            changes: Slice::leak(changes.into_iter().map(RawChange::of).collect()),
            violations: Slice::leak(violations.into_iter().map(RawViolation::of).collect()),
            cost,
        }
    }
}

impl RawFailure {
    fn of(failure: Failure) -> RawFailure {
        let (case, first, second) = match failure {
            Failure::Expression { at, message } => (0, at, message),
            Failure::CostExceeded { at, message } => (1, at, message),
            Failure::InvalidInput(message) => (2, message, String::new()),
            Failure::Internal(message) => (3, message, String::new()),
            Failure::PreservedTooLarge(message) => (4, message, String::new()),
        };
        RawFailure { case, first: Slice::of_string(first), second: Slice::of_string(second) }
    }
}

fn engine() -> Engine<'static> {
    let [start, len] = [&PROGRAM[0], &PROGRAM[1]].map(|word| word.load(Ordering::Relaxed));
    // SAFETY: `load` got it from the pattern's own module, which wrote the program there.
    Engine::load(unsafe { Slice { start, len }.items() })
}

/// Memory for what the host writes.
///
/// # Safety
/// As the canonical ABI asks: `old` is null or of this function, with this length and alignment.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(old_len, align) else { core::arch::wasm32::unreachable() };
    // SAFETY: the caller's promise.
    let start = unsafe {
        match (old.is_null() || old_len == 0, new_len) {
            (_, 0) => align as *mut u8,
            (true, _) => FRONT.alloc(Layout::from_size_align_unchecked(new_len, align)),
            (false, _) => FRONT.realloc(old, layout, new_len),
        }
    };
    if start.is_null() {
        core::arch::wasm32::unreachable()
    }
    start
}

/// Remembers the program. Whether it is one is told by the calls.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn load(start: usize, len: usize) {
    PROGRAM[0].store(start, Ordering::Relaxed);
    PROGRAM[1].store(len, Ordering::Relaxed);
}

/// `orkestra:pattern/reconciler#reconcile`
///
/// # Safety
/// The parameters are those of the WIT function, as the canonical ABI stores them.
#[unsafe(export_name = "orkestra:pattern/reconciler#reconcile")]
pub(crate) unsafe extern "C" fn reconcile(parameters: &'static ReconcileParameters) -> *const ReconcileResult {
    let request = &parameters.request;
    // SAFETY: the caller's promise, for each of the lists and strings.
    let result = unsafe {
        let observed = request.children.items::<RawObserved>().iter().map(|observed| Observed {
            id: observed.child.id.text(),
            key: (observed.child.key.some == 1).then(|| observed.child.key.value.text()),
            object: observed.object.items(),
            renew: observed.renew == 1,
        });
        // Leaked as all else: the engine keeps what it borrows until the call ends, and the instance with it.
        let children: &'static [Observed<'static>] = observed.collect::<Vec<_>>().leak();
        let reads = request.reads.items::<RawRead>().iter().map(|read| {
            let objects = read.objects.items::<Slice>().iter().map(|object| object.items());
            Read { id: read.id.text(), objects: objects.collect::<Vec<&'static [u8]>>().leak() }
        });
        let reads: &'static [Read<'static>] = reads.collect::<Vec<_>>().leak();
        engine().reconcile(
            parameters.entry.text(),
            &Request {
                primary: request.primary.items(),
                children,
                reads,
                inputs: request.inputs.items(),
                hooks: request.hooks.items(),
                now: request.now,
                entropy: request.entropy.items(),
                deleting: request.deleting == 1,
                budget: request.budget,
            },
        )
    };
    let (failed, payload) = match result {
        Ok(plan) => (0, ReconcilePayload { plan: core::mem::ManuallyDrop::new(RawPlan::of(plan)) }),
        Err(failure) => (1, ReconcilePayload { failure: core::mem::ManuallyDrop::new(RawFailure::of(failure)) }),
    };
    Box::leak(Box::new(ReconcileResult { failed, payload }))
}

/// `orkestra:pattern/admission#admit`
///
/// # Safety
/// The parameters are those of the WIT function, as the canonical ABI passes them.
#[unsafe(export_name = "orkestra:pattern/admission#admit")]
pub(crate) unsafe extern "C" fn admit(
    entry: usize,
    entry_len: usize,
    primary: usize,
    primary_len: usize,
    inputs: usize,
    inputs_len: usize,
    budget: u64,
) -> *const AdmitResult {
    // SAFETY: the caller's promise.
    let result = unsafe {
        let entry = Slice { start: entry, len: entry_len }.text();
        let primary = Slice { start: primary, len: primary_len }.items();
        let inputs = Slice { start: inputs, len: inputs_len }.items();
        engine().admit(entry, primary, inputs, budget)
    };
    let (failed, payload) = match result {
        Ok(review) => (0, AdmitPayload { review: core::mem::ManuallyDrop::new(RawReview::of(review)) }),
        Err(failure) => (1, AdmitPayload { failure: core::mem::ManuallyDrop::new(RawFailure::of(failure)) }),
    };
    Box::leak(Box::new(AdmitResult { failed, payload }))
}

/// `orkestra:pattern/evaluator#eval`
///
/// # Safety
/// The parameters are those of the WIT function, as the canonical ABI passes them.
#[unsafe(export_name = "orkestra:pattern/evaluator#eval")]
pub(crate) unsafe extern "C" fn eval(
    name: usize,
    name_len: usize,
    bindings: usize,
    bindings_len: usize,
    budget: u64,
) -> *const EvalResult {
    // SAFETY: the caller's promise.
    let result = unsafe {
        let name = Slice { start: name, len: name_len }.text();
        let bindings = Slice { start: bindings, len: bindings_len }.items();
        engine().eval(name, bindings, budget)
    };
    let (failed, payload) = match result {
        Ok(Evaluation { value, cost }) => {
            let evaluation = RawEvaluation { value: Slice::leak(value), cost };
            (0, EvalPayload { evaluation: core::mem::ManuallyDrop::new(evaluation) })
        }
        Err(failure) => (1, EvalPayload { failure: core::mem::ManuallyDrop::new(RawFailure::of(failure)) }),
    };
    Box::leak(Box::new(EvalResult { failed, payload }))
}

/// Takes back the memory that was handed out since `mark`, but for `result`, which moves there.
///
/// # Safety
/// `result` was handed out after `mark`, and nothing else that was is used any more.
unsafe fn keep_from(mark: usize, result: Vec<u8>) -> Slice {
    let (from, len) = (result.as_ptr() as usize, result.len());
    core::mem::forget(result);
    if len == 0 || mark == 0 || from < mark {
        return Slice { start: from, len };
    }
    // SAFETY: both stretches lie in memory that was handed out and belong to nobody else; they may overlap, which `copy` allows.
    unsafe { core::ptr::copy(from as *const u8, mark as *mut u8, len) };
    NEXT.store(mark + len, Ordering::Relaxed);
    Slice { start: mark, len }
}

/// `orkestra:pattern/converter#convert`
///
/// # Safety
/// The parameters are those of the WIT function, as the canonical ABI passes them.
#[unsafe(export_name = "orkestra:pattern/converter#convert")]
pub(crate) unsafe extern "C" fn convert(
    entry: usize,
    entry_len: usize,
    target: usize,
    target_len: usize,
    objects: usize,
    objects_len: usize,
    budget: u64,
) -> *const ConvertResult {
    // SAFETY: the caller's promise.
    let (entry, target, objects) = unsafe {
        let objects = Slice { start: objects, len: objects_len }.items::<Slice>();
        let (entry, target) = (Slice { start: entry, len: entry_len }, Slice { start: target, len: target_len });
        (entry.text(), target.text(), objects)
    };
    let mut results = Vec::with_capacity(objects.len());
    for object in objects {
        // SAFETY: the caller's promise.
        let object = unsafe { object.items::<u8>() };
        let mark = NEXT.load(Ordering::Relaxed);
        results.push(match engine().convert(entry, target, object, budget) {
            Ok(Conversion { object, cost }) => {
                // SAFETY: `mark` is where the memory of this object's work begins, and of that nothing but its result is used
                // any more: the list of results has all its room already.
                let object = unsafe { keep_from(mark, object) };
                let conversion = RawConversion { object, cost };
                OneResult { failed: 0, payload: OnePayload { conversion: core::mem::ManuallyDrop::new(conversion) } }
            }
            Err(failure) => {
                let failure = core::mem::ManuallyDrop::new(RawFailure::of(failure));
                OneResult { failed: 1, payload: OnePayload { failure } }
            }
        });
    }
    Box::leak(Box::new(ConvertResult { results: Slice::leak(results) }))
}
