//! A loaded pattern, and the calls to it.

use std::sync::Arc;

use wasmtime::AsContextMut;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower};

use crate::abi::{
    AdmitParams, AdmitResult, ConvertParams, ConvertResult, Copier, EvalParams, EvalResult, ReconcileParams,
    ReconcileResult, RequestAbi,
};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::metrics::{Counters, Metrics};
use crate::sandbox::Runtime;
use crate::slots::Reservation;
use crate::store::{State, armed, classify};
use crate::types::{Conversion, Evaluation, Plan, Request, Review};

const RECONCILER: &str = "orkestra:pattern/reconciler@0.1.0";
const CONVERTER: &str = "orkestra:pattern/converter@0.1.0";
const ADMISSION: &str = "orkestra:pattern/admission@0.1.0";
const EVALUATOR: &str = "orkestra:pattern/evaluator@0.1.0";

/// A component that is ready to be called, from any number of threads. A clone is the same pattern.
///
/// Every call has an instance of its own, dropped after it: nothing survives from one call to the next.
#[derive(Clone)]
pub struct Pattern {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<Runtime>,
    pre: InstancePre<State>,
    reconcile: Option<ComponentExportIndex>,
    convert: Option<ComponentExportIndex>,
    admit: Option<ComponentExportIndex>,
    eval: Option<ComponentExportIndex>,
    limits: Limits,
    slots: Reservation,
    counters: Counters,
    declarative: bool,
}

impl Pattern {
    pub(crate) fn new(
        pre: InstancePre<State>,
        runtime: Arc<Runtime>,
        limits: Limits,
        slots: Reservation,
        declarative: bool,
    ) -> Self {
        let function = |interface, name| function(pre.component(), interface, name);
        let (reconcile, convert) = (function(RECONCILER, "reconcile"), function(CONVERTER, "convert"));
        let (admit, eval) = (function(ADMISSION, "admit"), function(EVALUATOR, "eval"));
        let counters = Counters::default();
        Pattern {
            inner: Arc::new(Inner {
                runtime,
                pre,
                reconcile,
                convert,
                admit,
                eval,
                limits,
                slots,
                counters,
                declarative,
            }),
        }
    }

    /// What should exist for one primary.
    ///
    /// `entry` is the entry's name in the Katalog. The call runs on the calling thread and needs 1 MiB of its stack; it ends
    /// after [`Limits::deadline`] of processor time at the latest.
    ///
    /// # Errors
    ///
    /// Every [`Failure`]. None of them touches another call.
    pub fn reconcile(&self, entry: &str, request: &Request) -> Result<Plan, Failure> {
        let params: ReconcileParams<'_> = (entry, RequestAbi::new(request, self.inner.limits.cost));
        let export = self.inner.reconcile.as_ref();
        self.counted(self.inner.call(export, RECONCILER, params, |copier, (result,): ReconcileResult| match result {
            Ok(plan) => copier.plan(plan),
            Err(failure) => Err(copier.failure(failure)),
        }))
    }

    /// Objects of one kind in another version: one result for each, in order.
    ///
    /// `entry` is the entry's name in the Katalog, `target` the wanted version's name. All objects share the call's memory and
    /// its deadline, and each has the call's whole cost. The call runs on the calling thread and needs 1 MiB of its stack.
    ///
    /// # Errors
    ///
    /// Every [`Failure`], for the whole call; [`Failure::NotExported`] for a pattern without conversions. What is wrong with
    /// one object is its own result.
    pub fn convert(
        &self,
        entry: &str,
        target: &str,
        objects: &[&[u8]],
    ) -> Result<Vec<Result<Conversion, Failure>>, Failure> {
        let params: ConvertParams<'_> = (entry, target, objects, self.inner.limits.cost);
        let export = self.inner.convert.as_ref();
        let results = self.inner.call(export, CONVERTER, params, |copier, (results,): ConvertResult| {
            copier.conversions(&results, objects.len())
        });
        self.counted(results)
    }

    /// Whether it converts objects between versions.
    pub fn converts(&self) -> bool {
        self.inner.convert.is_some()
    }

    /// The values that a primary is given before it is stored, and the rules that it then breaks.
    ///
    /// `entry` is the entry's name in the Katalog, `inputs` one JSON object. The call runs on the calling thread and needs 1 MiB
    /// of its stack.
    ///
    /// # Errors
    ///
    /// Every [`Failure`]; [`Failure::NotExported`] for a pattern without such rules.
    pub fn admit(&self, entry: &str, primary: &[u8], inputs: &[u8]) -> Result<Review, Failure> {
        let params: AdmitParams<'_> = (entry, primary, inputs, self.inner.limits.cost);
        let export = self.inner.admit.as_ref();
        self.counted(self.inner.call(export, ADMISSION, params, |copier, (result,): AdmitResult| match result {
            Ok(review) => copier.review(review),
            Err(failure) => Err(copier.failure(failure)),
        }))
    }

    /// The value of one expression. `bindings` is a JSON object from variable name to typed value.
    ///
    /// # Errors
    ///
    /// Every [`Failure`]; [`Failure::NotExported`] for a shipped pattern.
    pub fn eval(&self, name: &str, bindings: &[u8], budget: u64) -> Result<Evaluation, Failure> {
        let params: EvalParams<'_> = (name, bindings, budget.min(self.inner.limits.cost));
        let export = self.inner.eval.as_ref();
        self.counted(self.inner.call(export, EVALUATOR, params, |copier, (result,): EvalResult| match result {
            Ok(evaluation) => copier.evaluation(evaluation),
            Err(failure) => Err(copier.failure(failure)),
        }))
    }

    /// Makes an instance and drops it without a call: whether the pattern fits its limits before anything is asked of it.
    ///
    /// # Errors
    ///
    /// What a start function can fail with: see [`Failure`].
    pub fn try_instance(&self) -> Result<(), Failure> {
        let inner = &self.inner;
        let _slot = inner.slots.acquire().map_err(Failure::HostBusy)?;
        let mut store = armed(&inner.runtime.engine, &inner.limits);
        inner.counters.instantiated();
        let made = inner.pre.instantiate(&mut store);
        inner.counters.used(store.data().sum.used);
        made.map(drop).map_err(|error| {
            let failure = classify(&error, &inner.limits);
            inner.counters.failed(&failure);
            failure
        })
    }

    /// Whether the component was proved to hold a program and no code.
    pub fn is_declarative(&self) -> bool {
        self.inner.declarative
    }

    /// The limits of each call.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The counters since the pattern was loaded.
    pub fn metrics(&self) -> Metrics {
        self.inner.counters.read()
    }

    fn counted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.inspect_err(|failure| self.inner.counters.failed(failure))
    }
}

impl Inner {
    fn call<P, R, T>(
        &self,
        export: Option<&ComponentExportIndex>,
        interface: &'static str,
        params: P,
        copy: impl FnOnce(&mut Copier<'_>, R) -> Result<T, Failure>,
    ) -> Result<T, Failure>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        let export = export.ok_or(Failure::NotExported(interface))?;
        let _slot = self.slots.acquire().map_err(Failure::HostBusy)?;
        let mut store = armed(&self.runtime.engine, &self.limits);
        self.counters.instantiated();
        let result = self.pre.instantiate(&mut store).and_then(|instance| {
            let function = instance.get_func(&mut store, export);
            // The load checked that there is a function; only hand-written code can have one of another type.
            let function = function.and_then(|f| f.typed::<P, R>(&store).ok());
            function.map(|f| f.call(&mut store, params)).transpose()
        });
        self.counters.used(store.data().sum.used);
        match result {
            Ok(Some(result)) => copy(&mut Copier::new(store.as_context_mut(), self.limits.output), result),
            Ok(None) => Err(Failure::NotExported(interface)),
            Err(error) => Err(classify(&error, &self.limits)),
        }
    }
}

fn function(component: &Component, interface: &str, name: &str) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, interface)?;
    component.get_export_index(Some(&interface), name)
}
