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
    "Only a hook can use a capability: a Katalog by itself can compute, and nothing else. Take it out, or name the points at which a \
     hook is called below `hooks` of an entry.",
    edit("  crds:\n", "  capabilities: [clocks]\n  crds:\n"),
);
/// Nothing that the hook is called for.
pub static NOTHING: Code = error(
    "K1403",
    "a hook for nothing",
    "`hooks` names the points at which the hook is called, at least one. `beforeRender` lists the values that it gives: what is not \
     listed is no value of a template. `afterRender` lists the children that it may change or add: it sees no others.",
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

/// The id of a child that a hook adds.
pub static TAKEN: Code = error(
    "K1405",
    "two children with one id",
    "A child that a hook adds below `afterRender.produces` has an id that no other child of the entry has. One that has a template is \
     listed below `afterRender.children`.",
    edit(
        "        vars:\n",
        "        hooks: {afterRender: {produces: [{id: svc, apiVersion: v1, kind: ConfigMap}]}}\n        vars:\n",
    ),
);
/// A role made by a hook.
pub static GIVES_RIGHTS: Code = error(
    "K1406",
    "rights from a hook",
    "What a hook makes is not known at build, so it may not give rights: roles and bindings have templates, whose values are followed. \
     A hook that must decide about them gives a value at `beforeRender`.",
    edit(
        "        vars:\n",
        "        hooks: {afterRender: {produces: [{id: role, apiVersion: rbac.authorization.k8s.io/v1, kind: Role}]}}\n        vars:\n",
    ),
);
/// Nothing to convert.
pub static NO_CONVERSION: Code = error(
    "K1407",
    "a hook that converts nothing",
    "At `convert` a hook is given what the rules of `conversion` made, so that there must be some: write the rules that can be written, \
     and let the hook do the rest.",
    edit("        vars:\n", "        hooks: {convert: true}\n        vars:\n"),
);

/// The family.
pub static CODES: &[&Code] = &[&CAPABILITY, &IDLE, &NOTHING, &VALUE, &TAKEN, &GIVES_RIGHTS, &NO_CONVERSION];

pub(crate) fn capability(span: Span, word: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&CAPABILITY, span, format!("`{word}` is no capability: {why}")).hint(
        "write `cluster-read:v1/ConfigMap`, `http:GET https://quota.example.com`, `clocks` or `random`, with the kind, method and \
         host that the hook needs",
    )
}

pub(crate) fn idle(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(&IDLE, span, format!("`{word}` is asked for, and no entry has a hook"))
        .hint("take it out, or name below `hooks` of an entry the points at which a hook is called")
}

pub(crate) fn nothing(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(&NOTHING, span, what.to_owned()).hint(
        "`ork schema Katalog spec.crds.operatorBox.hooks` shows what can stand here; take it out if there is no hook",
    )
}

pub(crate) fn taken(span: Span, id: &str) -> Diagnostic {
    Diagnostic::new(&TAKEN, span, format!("there is another child `{id}`"))
        .hint("give it an id of its own; a child with a template is listed below `children`")
}

pub(crate) fn gives_rights(span: Span, kind: &str) -> Diagnostic {
    Diagnostic::new(&GIVES_RIGHTS, span, format!("a hook may not add a {kind}"))
        .hint("write a template for it, and let the hook give its values at `beforeRender`")
}

pub(crate) fn no_conversion(span: Span) -> Diagnostic {
    Diagnostic::new(&NO_CONVERSION, span, "the entry converts no versions".to_owned())
        .hint("write `conversion` for the entry, or take `convert` out")
}

pub(crate) fn value(span: Span, name: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&VALUE, span, format!("the hook's value `{name}`: {why}"))
        .hint("write its type as for an input: `{name: …, schema: {type: integer}}`")
}
