//! The WebAssembly component around a program, and the engine that it pins.
//!
//! A declarative component is a fixed template with one hole: the bytes of its program. It imports exactly one thing,
//! the engine as a core module pinned by its hash, under the component model's own name for that. [`encode()`] fills the
//! template; [`decode()`] takes the program out again and proves, by encoding once more and comparing every byte, that the
//! component holds data and nothing else.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod decode;
mod encode;
mod engine;
pub mod hook;
mod interface;
mod scope;

pub use decode::{Declarative, MAX_COMPONENT, NotDeclarative, decode};
pub use engine::{Engine, engine};

use interface::Interface;

/// The interfaces that a component exports, besides the types they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exports {
    /// `orkestra:pattern/reconciler`
    pub reconciler: bool,
    /// `orkestra:pattern/converter`: where the Katalog has conversions.
    pub converter: bool,
    /// `orkestra:pattern/admission`: where the Katalog has validation or mutation.
    pub admission: bool,
    /// `orkestra:pattern/evaluator`: for tests and `ork eval`, never in a shipped pattern.
    pub evaluator: bool,
}

impl Exports {
    /// What a shipped pattern without conversions and rules exports.
    pub const PATTERN: Exports = Exports { reconciler: true, converter: false, admission: false, evaluator: false };
    /// What a component of single expressions exports.
    pub const EVALUATIONS: Exports = Exports { reconciler: false, converter: false, admission: false, evaluator: true };

    fn interfaces(self) -> impl Iterator<Item = &'static Interface> {
        let all = [
            (self.reconciler, &interface::RECONCILER),
            (self.converter, &interface::CONVERTER),
            (self.admission, &interface::ADMISSION),
            (self.evaluator, &interface::EVALUATOR),
        ];
        all.into_iter().filter_map(|(exported, interface)| exported.then_some(interface))
    }

    /// The full names of the exported interfaces, in the order of their export.
    pub fn names(self) -> Vec<&'static str> {
        self.interfaces().map(|i| i.name).collect()
    }

    fn add(&mut self, name: &str) {
        if name == interface::RECONCILER.name {
            self.reconciler = true;
        } else if name == interface::CONVERTER.name {
            self.converter = true;
        } else if name == interface::ADMISSION.name {
            self.admission = true;
        } else if name == interface::EVALUATOR.name {
            self.evaluator = true;
        }
    }
}

/// The component of a program, importing this build's [`engine()`]. The same input gives the same bytes.
pub fn encode(program: &[u8], exports: Exports) -> Vec<u8> {
    encode::declarative(program, exports, engine().import_name)
}

/// The component of a hand-written core module in the engine's place: it exports `memory`, `cabi_realloc` and the core
/// functions of `exports`, and imports nothing. Such a component is not declarative; it needs the grant `code`.
pub fn encode_code(module: &[u8], exports: Exports) -> Vec<u8> {
    encode::code(module, exports)
}
