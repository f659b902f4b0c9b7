//! K11: Komposers and policies. What they share with Katalogs (unknown keys, wrong kinds of values, broken YAML) has the codes of those.

use orkestra_pattern::codes::{Code, Example};
use orkestra_pattern::diagnostic::Severity;

const fn error(id: &'static str, title: &'static str, page: &'static str, example: &'static str) -> Code {
    Code { id, severity: Severity::Error, title, page, example: Example::Words(example) }
}

/// Another document than a Komposer.
pub static HEADER: Code = error(
    "K1101",
    "not a Komposer",
    "A Komposer is one document that begins with `apiVersion: orkestra.orkspace.io/v1` and `kind: Komposer`.",
    "`kind: Composer`",
);
/// An override of nothing.
pub static UNKNOWN_ENTRY: Code = error(
    "K1102",
    "an override of an unknown entry",
    "Each item of `spec.crds` names an entry of an imported pattern, whose settings it replaces.",
    "`spec.crds.postgress` beside an import that has an entry `postgres`",
);
/// Two sources of one thing.
pub static CONFLICT: Code = error(
    "K1103",
    "two imports conflict",
    "Two imports may not have the same pattern name, the same entry name, or entries that reconcile the same kind.",
    "the same directory twice in `imports.files`",
);
/// An input that does not fit.
pub static INPUT: Code = error(
    "K1104",
    "an input that does not fit",
    "`with` gives values to inputs that the pattern declares, each of which fits its schema; an input without a default needs one.",
    "`with: {imageRegistry: 5}` where the schema says `type: string`",
);

/// An override in the wrong shape.
pub static SHAPE: Code = error(
    "K1105",
    "an override in another shape",
    "An override has the shape of what it replaces: a map for a map, a list for a list, one value for one value. An expression may stand for any of them, and `null` deletes.",
    "`onReconcile: {deployments: {image: x}}` where the pattern has a list of deployments",
);
/// A list's item that cannot be found.
pub static ITEM: Code = error(
    "K1106",
    "an override of an unknown item",
    "Items of lists are found by their key: children and reads by `id`, status fields by `path`. What deletes an item names one that is there.",
    "`- {id: wbe, $patch: delete}` where the child is called `web`",
);
/// A registry import that names nothing.
pub static REFERENCE: Code = error(
    "K1107",
    "an import that cannot be looked up",
    "A registry import names a repository and one of a tag, a `version` range or a `digest`.",
    "`url: postgres` without a registry's host",
);
/// A credential that is written down, or comes from another variable than it may.
pub static CREDENTIAL: Code = error(
    "K1108",
    "a credential in a Komposer",
    "A Komposer names the environment variables that hold a registry's credentials, never the credentials. Their names begin `ORK_REGISTRY_`, or the runtime's policy names them.",
    "`auth: {type: basic, username: me, password: secret}`",
);
/// An entry's name that fits several.
pub static AMBIGUOUS: Code = error(
    "K1110",
    "an override that fits several entries",
    "Where two instances have an entry of the same name, an override says which it means as `instance/entry`.",
    "`spec.crds.postgres` beside two imports of `postgres`, one `as: pg`",
);
/// A kind in a group that its import does not allow.
pub static GROUP: Code = error(
    "K1111",
    "a group that the import does not allow",
    "`groups` of an import lists the API groups in which the pattern may define and reconcile kinds, each written in full. Without it the import sets no bound.",
    "`groups: [example.org]` at an import whose CRD is in `example.com`",
);
/// What an example may not say.
pub static DOCUMENTATION: Code = error(
    "K1112",
    "a pattern that speaks for its user",
    "The `komposer.yaml` of a pattern shows how it is imported. Whom to trust, what to grant and which credentials to send are its user's to say, and are not to be copied unread.",
    "`grants: [http]` in the `komposer.yaml` of a pattern",
);
/// What only a file can say.
pub static RESOURCE: Code = error(
    "K1113",
    "a Komposer that cannot be a resource",
    "A Komposer in the cluster has no directory beside it and no environment of its own: patterns come from registries, keys are written as PEM text, and credentials are the runtime's.",
    "`imports: {files: [./shop]}` in a Komposer that `kubectl apply` has stored",
);
/// A glob of repositories that is none.
pub static REPOSITORIES: Code = error(
    "K1121",
    "not a pattern of repositories",
    "A pattern of repositories is a registry's host and a path, in which `*` stands for one segment and `**` for any number of them.",
    "`pattern: ghcr.io/orkestra-*`",
);
/// Another document than a policy.
pub static POLICY: Code = error(
    "K1122",
    "not a policy",
    "The runtime's policy is one document that begins with `apiVersion: orkestra.orkspace.io/v1` and `kind: Policy`.",
    "`kind: Polizy`",
);
/// A rule of the policy that cannot be read.
pub static RULE: Code = error(
    "K1123",
    "a rule that cannot be read",
    "A policy names hosts as `host` or `host:port`, prefixes as `host/path`, API groups as `example.org` or `*.example.org`, and environment variables by their names.",
    "`credentials: [{variable: TOKEN, hosts: [https://ghcr.io]}]`",
);
/// A registry outside the policy.
pub static REGISTRY: Code = error(
    "K1124",
    "a registry that the policy does not allow",
    "Where the policy has `registries.allow`, a Komposer imports from repositories that one of its patterns matches.",
    "`url: docker.io/a/b:1.0.0` under a policy with `registries: {allow: [ghcr.io/**]}`",
);
/// A variable that may not go there.
pub static VARIABLE: Code = error(
    "K1125",
    "a variable that the policy does not send to this registry",
    "Under a policy, a credential comes from a variable that `credentials` names together with the registry's host.",
    "`fromEnv: ORK_REGISTRY_TOKEN` for `ghcr.io` under a policy whose `credentials` name it for `registry.corp`",
);
/// A limit above the policy's.
pub static LIMIT: Code = error(
    "K1126",
    "a limit above the policy's ceiling",
    "An import's `limits` are at most what `ceilings` of the policy say.",
    "`limits: {memory: 1Gi}` under a policy with `ceilings: {memory: 64Mi}`",
);
/// More workers than the policy's.
pub static WORKERS: Code = error(
    "K1127",
    "more workers than the policy's ceiling",
    "An override's `workers` are at most what `ceilings` of the policy say.",
    "`workers: 32` under a policy with `ceilings: {workers: 16}`",
);
/// A capability outside the policy.
pub static GRANT: Code = error(
    "K1128",
    "a grant that the policy does not allow",
    "Where the policy has `grants`, a Komposer grants those capabilities only. One without a colon stands for all that begin so: `flow` for `flow:spec.namespace`.",
    "`grants: [http]` under a policy with `grants: [code]`",
);
/// A repository that the policy trusts nobody for.
pub static UNTRUSTED: Code = error(
    "K1129",
    "a repository that the policy trusts nobody for",
    "Where the policy has `trust`, each imported repository matches one of its patterns. What a Komposer trusts holds in addition, never instead.",
    "`url: docker.io/a/b:1.0.0` under a policy with `trust: [{pattern: ghcr.io/**, keys: [a.pub]}]`",
);

/// A value of a lock that cannot be read.
pub static LOCK: Code = error(
    "K1131",
    "a lock that does not hold",
    "A lock is written by `ork lock` and read as strictly as anything else: digests are `sha256:` and 64 hexadecimal digits, versions are whole.",
    "`manifest: v14` in a lock",
);

/// The family.
pub static CODES: &[&Code] = &[
    &HEADER,
    &UNKNOWN_ENTRY,
    &CONFLICT,
    &INPUT,
    &SHAPE,
    &ITEM,
    &REFERENCE,
    &CREDENTIAL,
    &AMBIGUOUS,
    &GROUP,
    &DOCUMENTATION,
    &RESOURCE,
    &REPOSITORIES,
    &POLICY,
    &RULE,
    &REGISTRY,
    &VARIABLE,
    &LIMIT,
    &WORKERS,
    &GRANT,
    &UNTRUSTED,
    &LOCK,
];
