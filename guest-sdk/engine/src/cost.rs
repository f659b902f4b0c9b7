//! The cost meter: the Kubernetes CEL cost model, counted as the work is done.
//!
//! One unit for each identifier, field, index, function and operator; work that grows with its operands costs in
//! proportion. Constants, `&&`, `||` and `?:` are free, as there.

use orkestra_program::EXPRESSION_BUDGET;

use crate::fault::{Fault, Res};

/// A list literal.
pub(crate) const LIST: u64 = 10;
/// A map literal.
pub(crate) const MAP: u64 = 30;
/// The loop's own work for an element: condition, accumulator and step of the comprehension that the macro stands for.
pub(crate) const LOOP_QUANTIFIER: u64 = 4;
/// Likewise where the element's result becomes an item.
pub(crate) const LOOP_ITEM: u64 = 12;

/// An element of `forEach`: what a child costs beside its expressions. It keeps a plan below some ten thousand children.
pub(crate) const ELEMENT: u64 = 1000;

/// Cost of going once through text or bytes: a tenth of a unit for each, rounded up.
pub(crate) fn traversal(len: usize) -> u64 {
    (len as u64).div_ceil(10)
}

/// Cost of matching a regular expression: the text's length times a quarter of the pattern's.
pub(crate) fn matching(text: usize, pattern: usize) -> u64 {
    traversal(text + 1).saturating_mul((pattern as u64).div_ceil(4).max(1))
}

/// What was spent and what may be.
#[derive(Debug)]
pub(crate) struct Meter {
    spent: u64,
    /// Where the present expression ends at the latest.
    limit: u64,
    /// Where the call ends at the latest.
    budget: u64,
}

impl Meter {
    pub(crate) fn new(budget: u64) -> Meter {
        Meter { spent: 0, limit: budget, budget }
    }

    /// What the call has cost so far.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }

    #[inline]
    pub(crate) fn spend<'a>(&mut self, units: u64) -> Res<'a, ()> {
        self.spent = self.spent.saturating_add(units);
        if self.spent > self.limit { Err(Fault::cost()) } else { Ok(()) }
    }

    /// Gives the next expression its own budget, and returns what [`Meter::leave`] needs.
    pub(crate) fn enter(&mut self) -> (u64, u64) {
        let before = (self.spent, self.limit);
        self.limit = self.spent.saturating_add(EXPRESSION_BUDGET).min(self.budget);
        before
    }

    /// Back to the expression around it, which is not charged for what the inner one cost.
    pub(crate) fn leave(&mut self, (spent, limit): (u64, u64)) {
        self.limit = limit.saturating_add(self.spent - spent).min(self.budget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_its_own_limit_and_the_call_has_one_over_all() {
        let mut meter = Meter::new(EXPRESSION_BUDGET + 10);
        let outer = meter.enter();
        assert!(meter.spend(5).is_ok());
        let inner = meter.enter();
        assert!(meter.spend(EXPRESSION_BUDGET).is_ok());
        meter.leave(inner);
        assert!(meter.spend(5).is_ok(), "the inner expression's cost is not the outer one's");
        assert!(meter.spend(1).is_err(), "but it is the call's");
        meter.leave(outer);
    }

    #[test]
    fn one_expression_may_not_use_the_whole_call() {
        let mut meter = Meter::new(10 * EXPRESSION_BUDGET);
        meter.enter();
        assert!(meter.spend(EXPRESSION_BUDGET).is_ok());
        assert!(meter.spend(1).is_err());
    }

    #[test]
    fn traversal_rounds_up() {
        assert_eq!([traversal(0), traversal(1), traversal(10), traversal(11)], [0, 1, 1, 2]);
    }
}
