//! K06: the CRD, and what the Katalog says of it.

use super::{Code, Example, edit, edit_crd, error, warning};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Not a CRD.
pub static NOT_A_CRD: Code = error(
    "K0601",
    "not a CustomResourceDefinition",
    "`crd.yaml` holds CustomResourceDefinitions of `apiextensions.k8s.io/v1`, one per document.",
    edit_crd("kind: CustomResourceDefinition", "kind: ConfigMap"),
);
/// A schema that is not structural.
pub static SCHEMA: Code = error(
    "K0602",
    "a schema that cannot be read",
    "Expressions are typed against the CRD's structural schema, and inputs against theirs. What the API server refuses of a schema \
     is refused here, too: a field with `x-kubernetes-embedded-resource: true` is of `type: object` and has `properties` or keeps \
     what they do not name, and of its own `metadata` a kind may say what `name` and `generateName` look like, and nothing else.",
    edit_crd("note: {type: string}", "note: {type: text}"),
);
/// `apiTypes` that no CRD defines.
pub static API: Code = error(
    "K0603",
    "`apiTypes` that `crd.yaml` does not define",
    "The entry's kind must be served by a CRD of `crd.yaml`, in that version and under that plural.",
    edit("kind: Shop, plural", "kind: Store, plural"),
);
/// Which CRD?
pub static AMBIGUOUS: Code = error(
    "K0604",
    "`apiTypes` is needed",
    "`apiTypes` may be left out only where `crd.yaml` defines exactly one CRD.",
    Example::Words("an entry without `apiTypes` beside a `crd.yaml` of two CRDs"),
);
/// No status subresource.
pub static NO_STATUS: Code = warning(
    "K0605",
    "no status subresource",
    "Without it every status write is a change of the whole object, and raises its generation.",
    edit_crd("      subresources: {status: {}}\n", ""),
);
/// No conditions.
pub static NO_CONDITIONS: Code = warning(
    "K0606",
    "no schema for conditions",
    "The API server drops what the schema does not name. Without `status.conditions` and `status.observedGeneration` nobody can \
     see whether a resource is ready.",
    edit_crd("                observedGeneration: {type: integer, format: int64}\n", ""),
);
/// A status field that the CRD does not have.
pub static STATUS_PATH: Code = error(
    "K0607",
    "a status field that the CRD does not have",
    "The API server would drop it. Add it to the schema of `status` in `crd.yaml`, or mend the path.",
    edit("path: endpoint", "path: endpiont"),
);
/// A default that its schema rules out.
pub static DEFAULT: Code = error(
    "K0608",
    "a default that does not fit",
    "The default of an input must fit the input's own schema.",
    edit("default: docker.io", "default: 5"),
);
/// A conversion that the CRD brings itself.
pub static CONVERSION: Code = error(
    "K0609",
    "a conversion of the CRD's own",
    "A CRD says group, names, scope and versions. How versions become one another is not its own to say: a webhook named here \
     would see every object of the kind and could change it.",
    edit_crd("  scope: Namespaced\n", "  scope: Namespaced\n  conversion: {strategy: Webhook}\n"),
);
/// Annotations, labels and the like.
pub static METADATA: Code = error(
    "K0610",
    "metadata that a CRD may not bring",
    "`metadata` of a CRD is its `name`. Labels say whose an object is, and annotations steer others, such as injectors of \
     certificates; both are the runtime's to write.",
    edit_crd("{name: shops.example.com}", "{name: shops.example.com, annotations: {a.example/b: c}}"),
);
/// A status.
pub static STATUS: Code = error(
    "K0611",
    "a status in the CRD",
    "The status of a CRD is the API server's: it says which versions are stored and which names were accepted.",
    edit_crd("spec:\n  group", "status: {storedVersions: [v1]}\nspec:\n  group"),
);
/// A group that belongs to Kubernetes, or to Komposers.
pub static GROUP: Code = error(
    "K0612",
    "a group that is taken",
    "`k8s.io`, `kubernetes.io`, all that ends in them and every group without a dot are Kubernetes' own, and \
     `orkestra.orkspace.io` is that of Komposers and their locks. A kind in one of them would look like a part of the cluster, and \
     rights that name the group would include it.",
    Example::Words("`group: policies.k8s.io`, or `group: apps`"),
);
/// A short name that is taken.
pub static SHORT_NAME: Code = error(
    "K0613",
    "a short name that is taken",
    "Who types `kubectl get po` means pods. A short name may be neither a short name nor a singular or plural name of a kind \
     that every cluster has.",
    edit_crd("plural: shops}", "plural: shops, shortNames: [po]}"),
);
/// The category `all`.
pub static CATEGORY: Code = error(
    "K0614",
    "the category `all`",
    "`kubectl get all` and `kubectl delete all --all` mean what a cluster runs by itself. Custom resources hold more than \
     that, so they are shown and deleted by name, or by a category of their own.",
    edit_crd("plural: shops}", "plural: shops, categories: [all]}"),
);
/// Fields that no schema names.
pub static UNPRUNED: Code = error(
    "K0615",
    "a CRD that keeps what it does not know",
    "`preserveUnknownFields: true` was for CRDs without a schema. Where a field may hold anything, its own schema says so with \
     `x-kubernetes-preserve-unknown-fields: true`.",
    edit_crd("  scope: Namespaced\n", "  scope: Namespaced\n  preserveUnknownFields: true\n"),
);

/// A schema that nobody wrote.
pub static INFERRED: Code = warning(
    "K0616",
    "an inferred CRD",
    "The CRD was made from what the Katalog's expressions use: `ork import` writes such a one where a Katalog comes without a CRD. \
     Its types are guesses, and it says nothing of bounds, defaults and what else a resource may hold. Look it over, and remove the \
     annotation `orkestra.orkspace.io/inferred`.",
    edit_crd(
        "{name: shops.example.com}",
        "{name: shops.example.com, annotations: {orkestra.orkspace.io/inferred: \"true\"}}",
    ),
);

/// The family.
pub static CODES: &[&Code] = &[
    &NOT_A_CRD,
    &SCHEMA,
    &API,
    &AMBIGUOUS,
    &NO_STATUS,
    &NO_CONDITIONS,
    &STATUS_PATH,
    &DEFAULT,
    &CONVERSION,
    &METADATA,
    &STATUS,
    &GROUP,
    &SHORT_NAME,
    &CATEGORY,
    &UNPRUNED,
    &INFERRED,
];

pub(crate) fn not_a_crd(span: Span, message: &str) -> Diagnostic {
    Diagnostic::new(&NOT_A_CRD, span, message)
}

pub(crate) fn schema(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(&SCHEMA, span, message)
        .hint("write it as the structural schemas of CustomResourceDefinitions are: a `type` for each field, and what belongs to it")
}

pub(crate) fn whole(span: Span, message: String, expected: &str) -> Diagnostic {
    Diagnostic::new(&SCHEMA, span, message).expected(expected)
}

pub(crate) fn api(span: Span, message: String, nearest: Option<&str>) -> Diagnostic {
    let problem = Diagnostic::new(&API, span, message);
    match nearest {
        Some(_) => problem.did_you_mean(nearest),
        None => problem
            .hint("let `apiTypes` and `crd.yaml` name the same group, kind and plural, and a version that is served")
            .hint("a kind of others is decorated where its CRD stands in `foreign.yaml`"),
    }
}

pub(crate) fn ambiguous(span: Span, count: usize) -> Diagnostic {
    Diagnostic::new(&AMBIGUOUS, span, format!("the entry needs `apiTypes`, as `crd.yaml` defines {count} CRDs"))
        .hint("add `apiTypes: {group: …, version: …, kind: …, plural: …}`")
}

pub(crate) fn no_status(span: Span, version: &str) -> Diagnostic {
    Diagnostic::new(&NO_STATUS, span, format!("version `{version}` has no status subresource"))
        .hint("add `subresources: {status: {}}` to the version")
}

pub(crate) fn no_conditions(span: Span, version: &str, missing: &[&str]) -> Diagnostic {
    let mut problem = Diagnostic::new(
        &NO_CONDITIONS,
        span,
        format!("the schema of version `{version}` has no {}", super::keys::list(missing)),
    );
    if missing.contains(&"status.observedGeneration") {
        problem =
            problem.hint("add `observedGeneration: {type: integer, format: int64}` to the properties of `status`");
    }
    if missing.contains(&"status.conditions") {
        problem = problem.hint(
            "add `conditions: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: {type: \
             object, required: [type, status], properties: {type: {type: string}, status: {type: string}, reason: {type: \
             string}, message: {type: string}, observedGeneration: {type: integer, format: int64}, lastTransitionTime: \
             {type: string, format: date-time}}}}` to the properties of `status`",
        );
    }
    problem
}

pub(crate) fn status_path(span: Span, path: &str, nearest: Option<&str>) -> Diagnostic {
    Diagnostic::new(&STATUS_PATH, span, format!("the CRD's status has no field `{path}`")).did_you_mean(nearest)
}

pub(crate) fn default(span: Span, input: &str, why: &str) -> Diagnostic {
    Diagnostic::new(&DEFAULT, span, format!("the default of the input `{input}` does not fit its schema: {why}"))
}

pub(crate) fn conversion(span: Span, found: String) -> Diagnostic {
    Diagnostic::new(&CONVERSION, span, "the CRD brings a conversion of its own")
        .expected("`strategy: None`")
        .found(found)
        .hint("remove `conversion`")
}

pub(crate) fn metadata(span: Span, key: &str) -> Diagnostic {
    Diagnostic::new(&METADATA, span, format!("a CRD of a pattern brings no `metadata.{key}`"))
        .expected("`metadata` with `name` alone")
        .hint(format!("remove `{key}`"))
}

pub(crate) fn inferred(span: Span) -> Diagnostic {
    Diagnostic::new(&INFERRED, span, "the CRD was inferred from the Katalog's expressions")
        .hint("look over its types and what is required, and remove the annotation")
}

pub(crate) fn status(span: Span) -> Diagnostic {
    Diagnostic::new(&STATUS, span, "the status of a CRD is the API server's").hint("remove `status`")
}

pub(crate) fn group(span: Span, group: &str, owner: &str) -> Diagnostic {
    Diagnostic::new(&GROUP, span, format!("the group `{group}` belongs to {owner}"))
        .hint("name a group below a domain of your own, such as `shops.example.com`")
}

pub(crate) fn short_name(span: Span, name: &str, owner: &str) -> Diagnostic {
    Diagnostic::new(&SHORT_NAME, span, format!("the short name `{name}` means {owner}"))
        .hint("choose another short name, or none")
}

pub(crate) fn category(span: Span) -> Diagnostic {
    Diagnostic::new(&CATEGORY, span, "custom resources are not in the category `all`")
        .hint("remove it, or name a category of your own")
}

pub(crate) fn unpruned(span: Span) -> Diagnostic {
    Diagnostic::new(&UNPRUNED, span, "the CRD keeps fields that its schema does not name")
        .hint("remove `preserveUnknownFields`, and say so in the schema of the field that needs it")
}
