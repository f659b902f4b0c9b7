//! What expressions cost at most, known before anything is evaluated.
//!
//! `schema → extent → cost`: a schema bounds how large a value may be ([`extent`]), and what is done with values of that size
//! costs so many units (`walk`, `calls`). The units are those of the engine's meter, so that a worst case is an upper bound of
//! what a call is charged; the engine's in turn are those of the Kubernetes CEL cost model, as its documentation and the sources
//! `k8s.io/apiserver/pkg/cel/library/cost.go` and cel-go `checker/cost.go` have them: one unit for a name, a field, an index and
//! a call, ten for a list and thirty for a map, a tenth of a unit for each byte that is gone through, a comprehension its range's
//! size times its body. Where the engine is stricter (a comparison or a concatenation of lists costs by the item, every match
//! of `findAll` costs), so is the estimate.
//!
//! What is not in it, because no schema of a pattern says it: more than [`ASSUMED`] objects, or items of a list of others' kinds,
//! names longer than Kubernetes' own limits, one key of a map that is longer than its share of a request, or one value of a Secret or
//! ConfigMap that is longer than its share of those, where it is not gone through once, and what a conversion compares to know what
//! it would lose. The meter sees all of that.

mod calls;
mod entry;
mod extent;
mod schema;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use crate::model::{Part, Text};

pub use entry::{Item, Summary, of_entry};
pub use extent::Owner;
pub(crate) use extent::{Extent, Size, Unbounded};
pub(crate) use schema::{Place, Role};
pub(crate) use walk::{Input, of_expression};

/// The most that one expression may cost.
pub const EXPRESSION_LIMIT: u64 = 1_000_000;
/// The most that one reconcile or one converted object may cost.
pub const CALL_LIMIT: u64 = 10_000_000;
/// How many items are taken to be where no schema of the pattern's could bound them: objects of a read by labels and of a child with
/// `forEach`, labels and annotations, and lists and maps of kinds of others, such as the conditions of a Deployment.
pub const ASSUMED: u64 = 1_000;

/// The least and the most units that something costs where it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// At least.
    pub min: u64,
    /// At most. `u64::MAX`: without any bound that matters.
    pub max: u64,
}

impl Cost {
    pub(crate) const fn exactly(units: u64) -> Cost {
        Cost { min: units, max: units }
    }

    pub(crate) const fn at_most(units: u64) -> Cost {
        Cost { min: 0, max: units }
    }

    /// Both are done.
    #[must_use]
    pub(crate) fn and(self, other: Cost) -> Cost {
        Cost { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }

    /// One of the two is done.
    #[must_use]
    pub(crate) fn or(self, other: Cost) -> Cost {
        Cost { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// It is done no time or up to so many times.
    #[must_use]
    pub(crate) fn up_to(self, times: u64) -> Cost {
        Cost { min: 0, max: self.max.saturating_mul(times) }
    }
}

/// A bound that a schema lacks, and what its absence costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The field: `spec.users`, `spec.users[].name`, `inputs.registry`, `children.svc.spec.clusterIP`.
    pub path: String,
    /// `maxItems`, `maxLength` or `maxProperties`; `type` where the schema allows any value.
    pub keyword: &'static str,
    /// Whose schema it is.
    pub owner: Owner,
    /// How much of the cost grows with it.
    pub cost: u64,
}

/// What one expression costs and gives.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The least and the most.
    pub cost: Cost,
    /// Bounds whose absence makes it dear, the dearest first; at most three.
    pub missing: Vec<Missing>,
    /// How large its value may be.
    pub(crate) extent: Extent,
}

impl Estimate {
    /// Of an expression of which nothing is known.
    pub(crate) fn unknown() -> Estimate {
        Estimate { cost: Cost::at_most(u64::MAX), missing: Vec::new(), extent: Extent::Any(None) }
    }
}

/// Cost of going once through so many bytes: a tenth of a unit for each, rounded up.
pub(crate) fn traversal(bytes: u64) -> u64 {
    bytes.div_ceil(10)
}

/// What a string with expressions costs: its parts, and writing them one after another where there are several.
pub fn of_text(text: &Text) -> Estimate {
    let part = |part: &Part| match part {
        Part::Literal(text) => Estimate { cost: Cost::default(), missing: Vec::new(), extent: Extent::literal(text) },
        Part::Expression(checked) => checked.cost.clone(),
    };
    if let [only] = text.parts.as_slice() {
        return part(only);
    }
    let mut whole = Estimate { cost: Cost::default(), missing: Vec::new(), extent: Extent::literal("") };
    let (mut bytes, mut json) = (Size::default(), 2_u64);
    for one in text.parts.iter().map(part) {
        let size = one.extent.text();
        let written = traversal(size.most);
        whole.cost = whole.cost.and(one.cost).and(Cost::at_most(written));
        whole.missing.extend(one.missing);
        whole.missing.extend(size.because.as_deref().map(|because| because.missing(written)));
        json = json.saturating_add(one.extent.json().most);
        bytes = bytes.and(&size);
    }
    whole.missing = dearest(whole.missing);
    whole.extent = Extent::Text { bytes, json, binary: false };
    whole
}

/// Each bound once, with all that it costs; the three dearest.
pub(crate) fn dearest(all: Vec<Missing>) -> Vec<Missing> {
    let mut merged: Vec<Missing> = Vec::new();
    for one in all {
        match merged.iter_mut().find(|known| known.path == one.path && known.keyword == one.keyword) {
            Some(known) => known.cost = known.cost.saturating_add(one.cost),
            None => merged.push(one),
        }
    }
    merged.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.path.cmp(&b.path)));
    merged.truncate(3);
    merged
}

/// Another name for a bound of a schema, shared by all sizes that follow from it.
pub(crate) type Because = Option<Arc<Unbounded>>;
