//! K14: hooks and what they ask for.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// No capability.
pub static CAPABILITY: Code = error(
    "K1401",
    "no capability",
    "`capabilities` holds one word for each thing that hooks ask for: `cluster-read:v1/Secret` for objects of a kind in the \
     resource's namespace, `http:GET https://quota.example.com` for requests to a host with a method (`http-private:` where its name \
     leads to private addresses), `clocks` and `random`. The same word grants it.",
    edit("  crds:\n", "  capabilities: [\"http:GET quota.example.com\"]\n  crds:\n"),
);
/// A capability without anything that could use it.
pub static IDLE: Code = error(
    "K1402",
    "a capability without a hook",
    "Only a hook can use a capability: a Katalog by itself can compute, and nothing else. Take it out, or declare what the hook gives \
     below `hooks.beforeRender` of an entry.",
    edit("  crds:\n", "  capabilities: [clocks]\n  crds:\n"),
);
/// Nothing that the hook gives.
pub static NOTHING: Code = error(
    "K1403",
    "a hook that gives nothing",
    "`hooks.beforeRender` lists the values that the hook gives, at least one: what is not listed is no value of a template.",
    edit("        vars:\n", "        hooks: {beforeRender: []}\n        vars:\n"),
);
/// The schema of a value.
pub static VALUE: Code = error(
    "K1404",
    "a hook's value without a usable schema",
    "The schema says what type the value has, as the schema of an input does: expressions are checked against it at build, and what \
     the hook gives is checked against it at run time.",
    edit(
        "        vars:\n",
        "        hooks: {beforeRender: [{name: quota, schema: {type: number-ish}}]}\n        vars:\n",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[&CAPABILITY, &IDLE, &NOTHING, &VALUE];

pub(crate) fn capability(span: Span, word: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&CAPABILITY, span, format!("`{word}` is no capability: {why}"))
}

pub(crate) fn idle(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(&IDLE, span, format!("`{word}` is asked for, and no entry has a hook"))
        .hint("take it out, or say below `hooks.beforeRender` of an entry what the hook gives")
}

pub(crate) fn nothing(span: Span) -> Diagnostic {
    Diagnostic::new(&NOTHING, span, "`beforeRender` lists no value".to_owned())
        .hint("write `- {name: quota, schema: {type: integer}}`, or take `hooks` out")
}

pub(crate) fn value(span: Span, name: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&VALUE, span, format!("the hook's value `{name}`: {why}"))
}
