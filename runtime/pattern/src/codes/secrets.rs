//! K08: secret and random values.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A secret value that would be seen.
pub static SHOWN: Code = error(
    "K0801",
    "a secret value would be shown",
    "The `data` of a Secret, a random value, and what is computed from either, may only become the `data` or `stringData` of a \
     child of kind Secret. Anywhere else, also in a condition, it would be seen by those who may not read Secrets. `has(…)` and \
     `contentDigest(…)` of a Secret are not secret. `reveal(…)` says that a value is no secret.",
    edit(
        "          deployments:\n",
        "          secrets:\n            - {id: key, data: {a: b}}\n          configMaps:\n            - {id: copy, data: {a: \"{{ string(children.key.data.a) }}\"}}\n          deployments:\n",
    ),
);
/// A value that would be another one each time.
pub static RANDOM: Code = error(
    "K0802",
    "a random value outside of a `once` Secret",
    "A random value is another one each time it is computed, so it may only stand in the `data` of a Secret with `once: true`, \
     where it is generated if its key is not there yet and then kept.",
    edit(
        "          deployments:\n",
        "          secrets:\n            - {id: key, data: {a: \"{{ randomHex(8) }}\"}}\n          deployments:\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[&SHOWN, &RANDOM];

pub(crate) fn shown(span: Span, what: &str, random: bool) -> Diagnostic {
    let message = match random {
        true => format!("`{what}` is random, and would be another value each time and seen here"),
        false => format!("`{what}` is secret, and would be seen here"),
    };
    let problem = Diagnostic::new(if random { &RANDOM } else { &SHOWN }, span, message)
        .expected("a value that everybody may see");
    match random {
        true => problem.hint("move it to the `data` of a Secret with `once: true`"),
        false => problem.hint("put it into the `data` of a Secret, or write `reveal(…)` around it if it is no secret"),
    }
}

pub(crate) fn random(span: Span) -> Diagnostic {
    Diagnostic::new(&RANDOM, span, "this value would be another one each time it is computed")
        .hint("move it to the `data` of a Secret with `once: true`")
}
