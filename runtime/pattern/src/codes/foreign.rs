//! K19: kinds that the pattern does not define, and which objects of a kind are reconciled.

use super::{Code, Example, edit, error, warning};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// All objects of a kind of others.
pub static SELECTOR: Code = error(
    "K1901",
    "a kind of others without `selector`",
    "A pattern may decorate objects that it does not define: a Namespace, a Deployment, a kind of `foreign.yaml`. Which ones is said \
     by `selector`, so that it never means all that a cluster has.",
    Example::Words("an entry of `kind: Namespace` without `selector`"),
);
/// Something of an object that is another's to write or to judge.
pub static NOT_OURS: Code = error(
    "K1902",
    "a part of an object that is another's",
    "What a pattern does not define it only decorates: it makes children beside the object. Its status, its rules and its versions are \
     those of whoever defines the kind.",
    Example::Words("`status.fields` in an entry of `kind: Namespace`"),
);
/// A label that no object can have.
pub static LABEL: Code = error(
    "K1903",
    "a label that no object can have",
    "`selector` of an entry takes plain labels: which objects are reconciled is known before there is one, so no expressions stand \
     there. Their form is that of Kubernetes.",
    edit("      workers: 2\n", "      workers: 2\n      selector: {matchLabels: {tier: \"{{ spec.version }}\"}}\n"),
);
/// A Secret as primary.
pub static SECRET: Code = error(
    "K1904",
    "Secrets that are decorated",
    "All values of a decorated object are open to expressions, and those of a Secret are for nobody. A Secret is read by its name, with \
     `reads`, and only there its values are followed.",
    Example::Words("an entry of `kind: Secret`"),
);
/// A CRD of others that nothing uses.
pub static UNUSED: Code = warning(
    "K1905",
    "a CRD of others that nothing uses",
    "`foreign.yaml` gives types to kinds of others that the pattern reads, makes or decorates. It is never installed, so a CRD that no \
     entry names changes nothing.",
    Example::Words("a `foreign.yaml` with a CRD for `Gateway` beside a Katalog without one"),
);
/// Two definitions of one kind.
pub static TWICE: Code = error(
    "K1906",
    "a kind that is defined twice",
    "A kind has one definition: it is the pattern's own, of `crd.yaml`, or of others, in `foreign.yaml`.",
    Example::Words("the CRD of `crd.yaml` in `foreign.yaml`, too"),
);
/// An example that is not reconciled.
pub static NOT_SELECTED: Code = warning(
    "K1907",
    "an example that is not selected",
    "`cr.yaml` shows a resource that the pattern reconciles. One whose labels do not fit the entry's `selector` is left alone.",
    edit("      workers: 2\n", "      workers: 2\n      selector: {matchLabels: {tier: gold}}\n"),
);

/// The family.
pub static CODES: &[&Code] = &[&SELECTOR, &NOT_OURS, &LABEL, &SECRET, &UNUSED, &TWICE, &NOT_SELECTED];

pub(crate) fn selector(span: Span, kind: &str) -> Diagnostic {
    Diagnostic::new(
        &SELECTOR,
        span,
        format!("`{kind}` is not the pattern's own kind, and `selector` does not say which of them"),
    )
    .hint("add `selector: {matchLabels: {…}}`, with a label that its users give to those that they want decorated")
}

pub(crate) fn not_ours(span: Span, what: &str, kind: &str, mend: &str) -> Diagnostic {
    Diagnostic::new(&NOT_OURS, span, format!("{what} of `{kind}` is not the pattern's, which only decorates it"))
        .hint(mend)
}

pub(crate) fn label(span: Span, found: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(&LABEL, span, "no object can have this label").expected(expected).found(format!("`{found}`"))
}

pub(crate) fn secret(span: Span) -> Diagnostic {
    Diagnostic::new(&SECRET, span, "Secrets are not decorated")
        .hint("let the entry be of another kind that names the Secret, and read that with `reads`")
}

pub(crate) fn unused(span: Span, kind: &str) -> Diagnostic {
    Diagnostic::new(&UNUSED, span, format!("nothing in the Katalog is of the kind `{kind}`")).hint("remove the CRD")
}

pub(crate) fn twice(span: Span, kind: &str, first: Span) -> Diagnostic {
    Diagnostic::new(&TWICE, span, format!("`{kind}` is defined already"))
        .note(first, "the other definition")
        .hint("remove one of them")
}

pub(crate) fn not_selected(span: Span, entry: &str, selector: &str) -> Diagnostic {
    Diagnostic::new(&NOT_SELECTED, span, format!("the entry `{entry}` does not select the resource"))
        .expected(format!("labels that fit `{selector}`"))
        .hint("give the resource such labels")
}
