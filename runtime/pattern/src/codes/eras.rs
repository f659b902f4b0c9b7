//! K18: spellings of earlier days. What they mean is known, so each is read, and `ork check --fix` writes it anew; what a Go
//! template alone could do is told with its form in CEL.

use super::{Code, edit, error, warning};
use crate::diagnostic::{Diagnostic, Edit};
use crate::source::Span;

/// The group of March 2026.
pub static API_VERSION: Code = warning(
    "K1801",
    "an older `apiVersion`",
    "Katalogs and Komposers of March 2026 begin with `apiVersion: orkestra.konductor.io/v1Alpha`. They are read as those that \
     begin with `orkestra.orkspace.io/v1`.",
    edit("apiVersion: orkestra.orkspace.io/v1\n", "apiVersion: orkestra.konductor.io/v1Alpha\n"),
);
/// A key that has another name now.
pub static KEY: Code = warning(
    "K1802",
    "an older key",
    "The key is read, and has another name now: `operatorBox` for `reconciler`, `imports` for `sources`.",
    edit("operatorBox:", "reconciler:"),
);
/// A map as a list of its members.
pub static PAIRS: Code = warning(
    "K1803",
    "labels or annotations as a list",
    "Labels and annotations are a map. A list whose items have `key` and `value` is read as one. `ork check --fix` leaves one with \
     YAML anchors or aliases as it is, because what else uses them would change.",
    edit("- id: svc\n", "- id: svc\n              labels: [{key: app, value: web}]\n"),
);
/// `f a b`
pub static CALL: Code = warning(
    "K1804",
    "a call by space",
    "A function is called as `f(a, b)`, or in a pipeline as `a | f b`. `f a b` is read as `f(a, b)`, and so is `f (g a)`. Of \
     `default` the literal is what is taken where the path is absent, in whichever order they stand: `default \"14\" .spec.version` \
     and `default .spec.version \"14\"` are `.spec.version | default \"14\"`. Between two paths, or two literals, the first one is \
     the value.",
    edit("{{ spec.replicas }}", "{{ default 1 .spec.replicas }}"),
);
/// `metadata.version` was not known in March 2026.
pub static NO_VERSION: Code = warning(
    "K1805",
    "a Katalog without a version",
    "Katalogs of March 2026 have no `metadata.version`. Such a one is read as version 0.0.0, which is lower than any that follows. \
     Whoever publishes it should give it a version of its own.",
    edit(
        "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata:\n  name: shop\n  version: 1.0.0\n",
        "apiVersion: orkestra.konductor.io/v1Alpha\nkind: Katalog\nmetadata:\n  name: shop\n",
    ),
);
/// What only Go templates have.
pub static TEMPLATE: Code = error(
    "K1806",
    "a construct of Go templates",
    "Between `{{` and `}}` stands one CEL expression, which has a value. Blocks (`if`, `range`, `with`, `define`), variables \
     (`$x`), comments, trim markers (`{{-`) and the functions of Go templates (`printf`, `eq`, …) have other forms in CEL, which \
     the hint shows.",
    edit("{{ spec.replicas }}", "{{ if .spec.note }}2{{ else }}1{{ end }}"),
);

/// `replicas: "1"`
pub static AS_TEXT: Code = warning(
    "K1807",
    "a number or boolean as text",
    "The field takes a number or a boolean. `\"1\"`, `\"true\"` and the like are read as what they say.",
    edit("port: 8080", "port: \"8080\""),
);

/// The family.
pub static CODES: &[&Code] = &[&API_VERSION, &KEY, &PAIRS, &CALL, &NO_VERSION, &TEMPLATE, &AS_TEXT];

pub(crate) fn api_version(span: Span, old: &str, new: &str) -> Diagnostic {
    Diagnostic::new(&API_VERSION, span, format!("`{old}` is the older spelling of `{new}`"))
        .hint(format!("write `{new}`"))
        .fix([Edit::new(span, new)])
}

pub(crate) fn key(span: Span, old: &str, new: &str) -> Diagnostic {
    Diagnostic::new(&KEY, span, format!("`{old}` is the older spelling of `{new}`"))
        .hint(format!("write `{new}`"))
        .fix([Edit::new(span, new)])
}

/// Both spellings of one key.
pub(crate) fn both_keys(span: Span, old: &str, new: &str, other: Span) -> Diagnostic {
    Diagnostic::new(&super::keys::TWICE, span, format!("`{old}` is the older spelling of `{new}`, which is there, too"))
        .note(other, "here")
        .hint(format!("put both into `{new}`"))
}

fn any_pairs(span: Span, what: &str) -> Diagnostic {
    let message = format!("`{what}` is a list of keys and values, which is the older spelling of a map");
    Diagnostic::new(&PAIRS, span, message).expected("a map").found("a list")
}

/// `first` is the first item's key.
pub(crate) fn pairs(span: Span, what: &str, first: &str, edits: Vec<Edit>) -> Diagnostic {
    any_pairs(span, what).hint(format!("write `{what}: {{{first}: …}}`")).fix(edits)
}

/// Where there are anchors or aliases; `members` are those of the map.
pub(crate) fn shared_pairs(span: Span, what: &str, members: &str) -> Diagnostic {
    any_pairs(span, what).hint(format!("write `{what}: {{{members}}}` by hand")).hint(
        "`ork check --fix` does not rewrite what has a YAML anchor (`&name`) or is an alias (`*name`): whatever else uses the anchor \
         would change with it",
    )
}

pub(crate) fn call(span: Span, new: &str, edits: Vec<Edit>) -> Diagnostic {
    Diagnostic::new(&CALL, span, "a call by space is the older spelling of a call")
        .hint(format!("write `{new}`"))
        .fix(edits)
}

pub(crate) fn no_version(span: Span, version: &str, edits: Vec<Edit>) -> Diagnostic {
    Diagnostic::new(&NO_VERSION, span, format!("`metadata` has no `version`, and is read as version {version}"))
        .hint(format!("add `version: {version}`, or the version that this Katalog has for those who use it"))
        .fix(edits)
}

/// `quoted`: nothing else stands at the place.
pub(crate) fn as_text(span: Span, text: &str, quoted: bool) -> Diagnostic {
    Diagnostic::new(&AS_TEXT, span, format!("`\"{text}\"` is the older spelling of `{text}`"))
        .hint(format!("drop the quotes: {text}"))
        .fix(quoted.then(|| Edit::new(span, text)))
}

pub(crate) fn template(span: Span, what: &str, hints: Vec<String>) -> Diagnostic {
    let problem = Diagnostic::new(&TEMPLATE, span, format!("{what} of Go templates is not CEL"));
    hints.into_iter().fold(problem, Diagnostic::hint)
}
