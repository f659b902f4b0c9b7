//! Expressions from a seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::operations::{FAILING, OPERATIONS, Operation, Ty};
use crate::variables::Over;

/// An expression, as each implementation gets it.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Pair {
    fn same(text: &str) -> Pair {
        Pair { ours: text.to_owned(), theirs: text.to_owned() }
    }
}

/// A generator of numbers: the same seed gives the same ones on every machine.
struct Dice(u64);

impl Dice {
    /// A number below `end`, by SplitMix64.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

/// Makes expressions.
pub(crate) struct Generator {
    over: Over,
    dice: Dice,
    /// What may be used.
    operations: Vec<&'static Operation>,
    failing: Vec<&'static Operation>,
    /// Variables of macros around the present place.
    locals: Vec<(Pair, Ty)>,
    made: usize,
    /// No expression is made twice.
    seen: BTreeSet<String>,
    /// How often each form of an operation was at the top of an expression.
    tops: Vec<usize>,
    /// How often each operation was used.
    pub(crate) used: BTreeMap<&'static str, usize>,
}

impl Generator {
    pub(crate) fn new(seed: u64, over: Over) -> Generator {
        let fits = |operation: &&Operation| over == Over::Variables || !operation.strict;
        let operations: Vec<&Operation> = OPERATIONS.iter().filter(fits).collect();
        let failing = FAILING.iter().filter(fits).collect();
        let (dice, tops) = (Dice(seed), vec![0; operations.len()]);
        Generator {
            over,
            dice,
            operations,
            failing,
            locals: Vec::new(),
            made: 0,
            seen: BTreeSet::new(),
            tops,
            used: BTreeMap::new(),
        }
    }

    /// The next expression and its type: at its top is what was used least so far, or, for more than a tenth, what fails for
    /// sure.
    pub(crate) fn next(&mut self) -> (Pair, Ty) {
        let number = self.made;
        self.made += 1;
        let operation = match number % 9 {
            0 => self.failing[number / 9 % self.failing.len()],
            _ => {
                // Half of the expressions have no strict operations, so the others have twice as many.
                let used = |operation: &Operation| {
                    let times = self.used.get(operation.name).copied().unwrap_or(0);
                    if operation.strict { times / 2 } else { times }
                };
                let each = self.operations.iter().zip(&self.tops).enumerate();
                let least = each.min_by_key(|(_, (operation, tops))| (used(operation), **tops));
                let at = least.map_or(0, |(at, _)| at);
                self.tops[at] += 1;
                self.operations[at]
            }
        };
        let used = self.used.clone();
        loop {
            let depth = 1 + self.dice.below(3);
            let made = self.apply(operation, depth);
            if self.over.suits(&made.ours) && self.seen.insert(made.ours.clone()) {
                return (made, operation.gives);
            }
            self.used.clone_from(&used);
        }
    }

    fn apply(&mut self, operation: &'static Operation, depth: usize) -> Pair {
        if !operation.name.is_empty() {
            *self.used.entry(operation.name).or_default() += 1;
        }
        let outer = self.locals.len();
        let names: Vec<Pair> = (0..operation.binds.len())
            .map(|at| {
                let ours = format!("v{}", outer + at);
                let theirs = match (operation.theirs, operation.binds.len()) {
                    (None, _) => ours.clone(),
                    (Some(_), 1) => format!("p{outer}"),
                    (Some(_), _) => format!("p{outer}[{at}]"),
                };
                Pair { ours, theirs }
            })
            .collect();
        let mut arguments = Vec::new();
        for (at, ty) in operation.takes.iter().enumerate() {
            let inside = operation.text.contains(&format!("%{at}")) && !operation.binds.is_empty();
            if inside {
                self.locals.extend(names.iter().cloned().zip(operation.binds.iter().copied()));
            }
            arguments.push(self.expression(*ty, depth - 1));
            self.locals.truncate(outer);
        }
        let ours = self.over.named(operation.text);
        let theirs = operation.theirs.map_or_else(|| ours.clone(), |text| self.over.named(text));
        let theirs = fill(&theirs, operation, &arguments, &names, |pair| &pair.theirs);
        Pair {
            ours: fill(&ours, operation, &arguments, &names, |pair| &pair.ours),
            theirs: theirs.replace('#', &format!("p{outer}")),
        }
    }

    fn expression(&mut self, ty: Ty, depth: usize) -> Pair {
        if depth == 0 || self.dice.below(4) == 0 {
            return self.leaf(ty);
        }
        let fitting: Vec<_> = self.operations.iter().copied().filter(|operation| operation.gives == ty).collect();
        let operation = *self.dice.one(&fitting);
        self.apply(operation, depth)
    }

    fn leaf(&mut self, ty: Ty) -> Pair {
        let outer = self.over.leaves().iter().map(|(name, of)| (Pair::same(name), *of));
        let known: Vec<Pair> =
            self.locals.iter().cloned().chain(outer).filter(|(_, of)| *of == ty).map(|(name, _)| name).collect();
        if !known.is_empty() && self.dice.below(2) == 0 {
            return self.dice.one(&known).clone();
        }
        // Values at the ends of a range are rare: nearly everything fails with them.
        let rare = self.dice.below(12) == 0;
        let values: &[&str] = match (ty, rare) {
            (Ty::Bool, _) => &["true", "false"],
            (Ty::Int, false) => &["0", "1", "2", "3", "(-1)", "(-5)", "10", "100"],
            (Ty::Int, true) => &["9223372036854775807", "(-9223372036854775808)", "4503599627370497"],
            (Ty::Uint, false) => &["0u", "1u", "2u", "9u", "255u"],
            (Ty::Uint, true) => &["18446744073709551615u", "9223372036854775808u"],
            (Ty::Double, false) => &["0.0", "1.0", "1.5", "(-2.5)", "0.1", "3.75", "100.0"],
            (Ty::Double, true) => &["1e300", "(-1e-7)", "9007199254740993.0", "123456.789"],
            (Ty::Text, false) => &["''", "'a'", "'b'", "'abc'", "'Hello'", "'a,b,c'", "' x '", "'2'", "'true'"],
            (Ty::Text, true) => &["'ä©€😀'", "'x\\n\"y\\\\'", "'YWJj'", "'\\u00a0t\\t'"],
            (Ty::Bytes, _) => &["b''", "b'abc'", "b'\\xff\\x00'", "b'ä'"],
            (Ty::Time, _) => &[
                "timestamp('2009-02-13T23:31:30Z')",
                "timestamp('2024-02-29T12:34:56.789Z')",
                "timestamp('1969-12-31T23:59:59.5Z')",
            ],
            (Ty::Span, _) => &[
                "duration('0s')",
                "duration('90m')",
                "duration('-1.5s')",
                "duration('26h2m3.004s')",
                "duration('250ms')",
            ],
            (Ty::Ints, _) => &["[]", "[1]", "[3, 1, 2]", "[1, 1]", "[0, 5]"],
            (Ty::Texts, _) => &["['a']", "['b', 'a', 'b']", "['', 'ä']"],
            (Ty::Map, _) => &["{'a': 1}", "{'a': 1, 'b': 2}", "{'c': 0, '': 9}"],
            (Ty::Opt, _) => &["optional.of(1)", "optional.of(0)", "optional.of(2)"],
        };
        let value: &&str = self.dice.one(values);
        Pair::same(value)
    }
}

/// The text of an operation with its holes filled.
fn fill(text: &str, operation: &Operation, arguments: &[Pair], names: &[Pair], side: fn(&Pair) -> &String) -> String {
    let mut filled = String::new();
    let mut parts = text.chars().peekable();
    while let Some(mark) = parts.next() {
        let index = parts.peek().and_then(|digit| digit.to_digit(10)).map(|digit| digit as usize);
        match (mark, index) {
            ('$', Some(index)) => filled.push_str(side(&arguments[index])),
            ('%', Some(index)) if !operation.binds.is_empty() => filled.push_str(side(&arguments[index])),
            ('@', Some(index)) => filled.push_str(side(&names[index])),
            (mark, _) => {
                filled.push(mark);
                continue;
            }
        }
        parts.next();
    }
    filled
}
