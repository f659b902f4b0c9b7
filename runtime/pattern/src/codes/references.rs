//! K03: names that refer to one another.

use super::{Code, edit, error};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Two children of one id.
pub static DUPLICATE_ID: Code = error(
    "K0301",
    "an id is given twice",
    "Ids are unique over `onCreate` and `onReconcile` of an entry: they are how expressions and the inventory tell children apart.",
    edit("- id: svc", "- id: web"),
);
/// Two children of one kind, and neither has an id.
pub static ID_REQUIRED: Code = error(
    "K0302",
    "an id is needed",
    "The default id is the kind in lower camel case. Where an entry has several children of a kind, each needs an id of its own.",
    edit("- id: svc\n              port: 80\n", "- port: 80\n            - name: other\n              port: 81\n"),
);
/// Two inputs, vars or entries of one name.
pub static DUPLICATE_NAME: Code = error(
    "K0303",
    "a name is given twice",
    "Names of entries and inputs are unique.",
    edit(
        "default: docker.io}\n",
        "default: docker.io}\n    - {name: registry, schema: {type: string}, default: quay.io}\n",
    ),
);
/// References that go round.
pub static CYCLE: Code = error(
    "K0304",
    "references go round in a circle",
    "Vars are computed, children applied and entries begun in the order of their references, which here has no beginning.",
    edit(
        "- id: svc\n",
        "- id: svc\n              labels: {web: \"{{ children.web.metadata.name }}\"}\n              annotations: {self: \"{{ children.svc.metadata.name }}\"}\n",
    ),
);
/// Two templates of one object.
pub static SAME_OBJECT: Code = error(
    "K0305",
    "two templates can render the same object",
    "Two children of an entry have the same kind, name and namespace, so each would overwrite the other.",
    edit("- id: svc\n", "- id: other\n              port: 81\n            - id: svc\n"),
);
/// An id, var or input that is not there.
pub static UNKNOWN_NAME: Code = error(
    "K0306",
    "a name that is not declared",
    "An expression refers to a child, a var, an input or a variable that does not exist, or `dependsOn` to such an entry.",
    edit("children.svc.metadata", "children.svcs.metadata"),
);
/// `a` and `a.b`.
pub static STATUS_OVERLAP: Code = error(
    "K0307",
    "two status fields overlap",
    "One status field lies inside another, or has the same path.",
    edit("          fields:\n", "          fields:\n            - {path: endpoint, value: other}\n"),
);
/// A service without a workload to lead to.
pub static SELECTOR: Code = error(
    "K0308",
    "no workload to select",
    "A Service and a PodDisruptionBudget select the pods of the entry's only workload, and a HorizontalPodAutoscaler scales \
     it. With none or several they need a `selector` or a `scaleTargetRef`.",
    edit("          deployments:\n", "          statefulSets:\n            - {image: nginx}\n          deployments:\n"),
);

/// The family.
pub static CODES: &[&Code] =
    &[&DUPLICATE_ID, &ID_REQUIRED, &DUPLICATE_NAME, &CYCLE, &SAME_OBJECT, &UNKNOWN_NAME, &STATUS_OVERLAP, &SELECTOR];

pub(crate) fn duplicate_id(span: Span, id: &str, first: Span) -> Diagnostic {
    Diagnostic::new(&DUPLICATE_ID, span, format!("the id `{id}` is given twice"))
        .note(first, "first here")
        .hint("rename one of them")
}

pub(crate) fn id_required(span: Span, kind: &str, count: usize) -> Diagnostic {
    Diagnostic::new(&ID_REQUIRED, span, format!("this {kind} needs an `id`, as the entry has {count} of that kind"))
        .hint("add `id: <name>`")
}

pub(crate) fn duplicate_name(span: Span, what: &str, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(&DUPLICATE_NAME, span, format!("the {what} `{name}` is given twice"))
        .note(first, "first here")
        .hint("rename one of them")
}

/// `chain` begins and ends with the same name.
pub(crate) fn cycle(span: Span, what: &str, chain: &[String]) -> Diagnostic {
    Diagnostic::new(&CYCLE, span, format!("{what} refer to one another in a circle: {}", chain.join(" → ")))
        .hint("remove one of these references")
}

pub(crate) fn same_object(span: Span, kind: &str, name: &str, ids: (&str, &str), first: Span) -> Diagnostic {
    let message = format!("`{}` and `{}` render the same {kind} `{name}`", ids.0, ids.1);
    Diagnostic::new(&SAME_OBJECT, span, message).note(first, "the other one").hint("give one of them another `name`")
}

pub(crate) fn status_overlap(span: Span, path: &str, other: &str, first: Span) -> Diagnostic {
    let message = match path == other {
        true => format!("the status field `{path}` is given twice"),
        false => format!("the status fields `{path}` and `{other}` overlap"),
    };
    Diagnostic::new(&STATUS_OVERLAP, span, message).note(first, "the other one").hint("remove one of them")
}

pub(crate) fn unknown_child(span: Span, id: &str, fitting: &[&str]) -> Diagnostic {
    let problem = Diagnostic::new(&UNKNOWN_NAME, span, format!("there is no child `{id}`"));
    match fitting {
        [] => problem,
        fitting => {
            let near = crate::schema::nearest(id, fitting.iter().copied());
            problem.expected(format!("one of {}", super::keys::list(fitting))).did_you_mean(near)
        }
    }
}

pub(crate) fn unknown_entry(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let near = crate::schema::nearest(name, known.iter().copied());
    Diagnostic::new(&UNKNOWN_NAME, span, format!("there is no entry `{name}`"))
        .expected(format!("one of {}", super::keys::list(known)))
        .did_you_mean(near)
}

/// `key` holds the labels.
pub(crate) fn no_selector(span: Span, kind: &str, key: &str, workloads: &[String]) -> Diagnostic {
    let problem = Diagnostic::new(&SELECTOR, span, format!("this {kind} needs a `selector`"));
    let Some(first) = workloads.first() else {
        return problem
            .found("no workload in the entry")
            .hint("add `selector` with the labels of the pods that it is for");
    };
    let labels =
        format!("{{app.kubernetes.io/instance: \"{{{{ metadata.name }}}}\", orkestra.orkspace.io/id: {first}}}");
    let mend = match key {
        "selector" => format!("add `selector: {labels}`"),
        inner => format!("add `selector: {{{inner}: {labels}}}`"),
    };
    problem.found(format!("the workloads {}", super::keys::list(workloads))).hint(mend)
}

pub(crate) fn no_scale_target(span: Span, workloads: &[String]) -> Diagnostic {
    let problem = Diagnostic::new(&SELECTOR, span, "this HorizontalPodAutoscaler needs a `scaleTargetRef`");
    let found = match workloads {
        [] => "no Deployment or StatefulSet in the entry".to_owned(),
        [one] => format!("the workload `{one}`, of which there is one for each element"),
        several => format!("the workloads {}", super::keys::list(several)),
    };
    problem.found(found).hint("add `scaleTargetRef: {apiVersion: apps/v1, kind: …, name: …}`")
}
