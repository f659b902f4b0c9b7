//! K07: the example resource, `cr.yaml`.

use super::{Code, edit_cr, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Another kind than the pattern's.
pub static KIND: Code = error(
    "K0701",
    "`cr.yaml` is of another kind",
    "`cr.yaml` is an example of a resource that the pattern reconciles.",
    edit_cr("kind: Shop", "kind: Store"),
);

/// The family.
pub static CODES: &[&Code] = &[&KIND];

pub(crate) fn kind(span: Span, found: &str, known: &[String]) -> Diagnostic {
    Diagnostic::new(&KIND, span, format!("`{found}` is no kind of this pattern")).expected(super::keys::list(known))
}
