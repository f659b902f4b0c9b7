//! The keys of a Komposer, and what it shares with the documents beside it, as tables.

use orkestra_pattern::table::{
    DURATION, LABEL, Need, Others, Pattern, Row, Table, Takes, optional, refused, replaced, required,
};

pub(crate) const API_VERSION: &str = "orkestra.orkspace.io/v1";
/// As in a Katalog.
pub(crate) const MOST_WORKERS: u16 = 64;

/// Such as `16Mi`.
pub(crate) static SIZE: Pattern = Pattern { what: "a size", regex: "^[0-9]+(Ki|Mi|Gi)?$" };
/// Such as `500ms`.
pub(crate) static TIME: Pattern = Pattern { what: "a time", regex: "^[0-9]+(ms|s)$" };
/// Of what is named by its bytes.
pub(crate) static DIGEST: Pattern = Pattern { what: "a digest", regex: "^sha256:[0-9a-f]{64}$" };
/// What stands for a credential.
pub(crate) static VARIABLE: Pattern = Pattern { what: "the name of an environment variable", regex: "^[A-Za-z0-9_]+$" };

/// A Komposer.
pub static KOMPOSER: Table = Table {
    name: "Komposer",
    what: "a Komposer",
    doc: "Which patterns run, under which names, with which inputs and overrides.",
    rows: &[&[
        required("apiVersion", Takes::Words(&[API_VERSION]), "The version of the language."),
        required("kind", Takes::Words(&["Komposer"]), "The kind of this document."),
        required("metadata", Takes::Table(&NAMED), "What it is called."),
        optional("imports", Takes::Table(&IMPORTS), "Where patterns come from, and what each is given."),
        Row {
            key: "sources",
            takes: Takes::Table(&IMPORTS),
            need: Need::Former("imports"),
            doc: "Where patterns come from, and what each is given.",
        },
        optional("spec", Takes::Table(&SPEC), "What is laid over the patterns."),
    ]],
    others: Others::Refused,
};

pub(crate) static NAMED: Table = Table {
    name: "Named",
    what: "`metadata`",
    doc: "What the document is called.",
    rows: &[&[
        required("name", Takes::Like(&LABEL), "Its name."),
        optional("labels", Takes::Map(&Takes::Text), "Labels of the object in a cluster. They change nothing here."),
        optional(
            "annotations",
            Takes::Map(&Takes::Text),
            "Annotations of the object in a cluster. They change nothing here.",
        ),
    ]],
    others: Others::Refused,
};

pub(crate) static SPEC: Table = Table {
    name: "Overrides",
    what: "`spec`",
    doc: "What is laid over the patterns.",
    rows: &[&[optional(
        "crds",
        Takes::Either(&[Takes::Map(&Takes::Table(&OVERRIDE)), Takes::List(&Takes::Table(&NAMED_OVERRIDE))]),
        "Overrides of entries, key by key: a map by entry name, or a list whose items have `name`.",
    )]],
    others: Others::Refused,
};

static NAME: [Row; 1] = [required(
    "name",
    Takes::Text,
    "In a list, the entry's name, perhaps as `instance/entry`; in a map it is the key.",
)];

static OVERRIDE_ROWS: [Row; 11] = [
    optional("enabled", Takes::Flag, "`false` drops the entry."),
    optional(
        "workers",
        Takes::Either(&[Takes::Number { least: 1, most: MOST_WORKERS }, Takes::Null]),
        "How many objects are reconciled at the same time.",
    ),
    optional(
        "resync",
        Takes::Either(&[Takes::Like(&DURATION), Takes::Null]),
        "The time between full reconciles of an object, 1s to 30d.",
    ),
    optional("apiTypes", Takes::Any, "As in the Katalog."),
    optional(
        "operatorBox",
        Takes::Any,
        "Laid over the entry's: maps by key, lists of children by `id`, `null` deletes.",
    ),
    optional("queue", Takes::Any, "As in the Katalog."),
    optional("dependsOn", Takes::Any, "As in the Katalog."),
    optional(
        "restrictedNamespaces",
        Takes::Any,
        "More namespaces in which nothing is done: they are added to the Katalog's.",
    ),
    optional("selector", Takes::Any, "As in the Katalog: which objects are reconciled, by their labels."),
    replaced("conversion", "a new version of the pattern says how its objects are converted: stored ones depend on it"),
    replaced(
        "deletionProtection",
        "who may delete objects of a kind is for roles and for a ValidatingAdmissionPolicy to say",
    ),
];

pub(crate) static OVERRIDE: Table = Table {
    name: "Override",
    what: "an item of `crds`",
    doc: "What is laid over an entry.",
    rows: &[&OVERRIDE_ROWS],
    others: Others::Refused,
};

pub(crate) static NAMED_OVERRIDE: Table = Table {
    name: "NamedOverride",
    what: "an item of `crds`",
    doc: "What is laid over an entry.",
    rows: &[&NAME, &OVERRIDE_ROWS],
    others: Others::Refused,
};

pub(crate) static IMPORTS: Table = Table {
    name: "Imports",
    what: "`imports`",
    doc: "Where patterns come from, and what each is given.",
    rows: &[&[
        optional("registry", Takes::List(&Takes::Table(&REGISTRY)), "Patterns of registries."),
        Row {
            key: "oci",
            takes: Takes::List(&Takes::Table(&REGISTRY)),
            need: Need::Alias("registry"),
            doc: "Patterns of registries.",
        },
        optional(
            "files",
            Takes::List(&Takes::Either(&[Takes::Text, Takes::Table(&FILE)])),
            "Pattern directories, relative to the Komposer: paths, or maps with `path`.",
        ),
        optional("trust", TRUSTED, "Whose signatures are asked for. What no item matches is trusted by nobody."),
    ]],
    others: Others::Refused,
};

/// What every import can have.
static COMMON: [Row; 5] = [
    optional("with", Takes::Map(&Takes::Any), "Values of the pattern's inputs."),
    optional("as", Takes::Like(&LABEL), "The instance's name; by default the pattern's."),
    optional("grants", Takes::List(&Takes::Text), "Capabilities that the pattern gets."),
    optional(
        "groups",
        Takes::List(&Takes::Text),
        "The API groups in which the pattern may have kinds; by default any.",
    ),
    optional("limits", Takes::Table(&LIMITS), "Other limits than the usual ones."),
];

static REGISTRY_ROWS: [Row; 6] = [
    required("url", Takes::Text, "The reference: a registry and a repository, perhaps with a tag and digest."),
    Row {
        key: "ref",
        takes: Takes::Text,
        need: Need::Alias("url"),
        doc: "The reference: a registry and a repository, perhaps with a tag and digest.",
    },
    optional("oci", Takes::Flag, "Always `true`."),
    optional("digest", Takes::Like(&DIGEST), "The manifest's digest: exactly this one."),
    optional("version", Takes::Text, "A range of versions, such as `^7.2`, where `url` has no tag."),
    optional(
        "auth",
        Takes::Either(&[Takes::Table(&BASIC), Takes::Table(&BEARER)]),
        "Which environment variables hold the registry's credentials; by default those of `docker login`.",
    ),
];

pub(crate) static REGISTRY: Table = Table {
    name: "RegistryImport",
    what: "a registry import",
    doc: "A pattern of a registry.",
    rows: &[&REGISTRY_ROWS, &COMMON],
    others: Others::Refused,
};

static PATH: [Row; 1] = [required("path", Takes::Text, "The pattern's directory, relative to the Komposer's.")];

pub(crate) static FILE: Table = Table {
    name: "FileImport",
    what: "an item of `files`",
    doc: "A pattern directory.",
    rows: &[&PATH, &COMMON],
    others: Others::Refused,
};

/// The keys of `limits`, which ceilings have as well.
pub(crate) static LIMIT_ROWS: [Row; 2] = [
    optional("memory", Takes::Like(&SIZE), "How much memory a call may use, such as `16Mi`."),
    optional("deadline", Takes::Like(&TIME), "How long a call may take, such as `500ms`."),
];

pub(crate) static LIMITS: Table = Table {
    name: "Limits",
    what: "`limits`",
    doc: "Limits of one pattern.",
    rows: &[&LIMIT_ROWS],
    others: Others::Refused,
};

/// Credentials that would be written down.
static NEVER: [Row; 3] = [refused("username"), refused("password"), refused("token")];

pub(crate) static BASIC: Table = Table {
    name: "BasicAuth",
    what: "`auth`",
    doc: "A user and a password.",
    rows: &[
        &[
            required("type", Takes::Words(&["basic"]), "How to log in: with a user and a password, or with a token."),
            required("usernameFromEnv", Takes::Like(&VARIABLE), "The environment variable that holds the user."),
            required("passwordFromEnv", Takes::Like(&VARIABLE), "The environment variable that holds the password."),
        ],
        &NEVER,
    ],
    others: Others::Refused,
};

pub(crate) static BEARER: Table = Table {
    name: "BearerAuth",
    what: "`auth`",
    doc: "A token.",
    rows: &[
        &[
            required("type", Takes::Words(&["bearer"]), "How to log in: with a user and a password, or with a token."),
            required("fromEnv", Takes::Like(&VARIABLE), "The environment variable that holds the token."),
        ],
        &NEVER,
    ],
    others: Others::Refused,
};

/// What `trust` is, in a Komposer and in a policy.
pub(crate) const TRUSTED: Takes = Takes::List(&Takes::Table(&TRUST));

pub(crate) static TRUST: Table = Table {
    name: "Trust",
    what: "an item of `trust`",
    doc: "Who may have signed what is in some repositories.",
    rows: &[&[
        required("pattern", Takes::Text, "Which repositories: `*` stands for one segment, `**` for any number."),
        required(
            "keys",
            Takes::List(&Takes::Text),
            "Public keys: each its PEM text, or the path of a file with it, relative to this one.",
        ),
        optional(
            "quorum",
            Takes::Number { least: 1, most: u16::MAX },
            "How many of them must have signed; 1 by default.",
        ),
        optional("maxAge", Takes::Like(&DURATION), "How old a signature may be, 1s to 30d."),
    ]],
    others: Others::Refused,
};

/// What a Komposer was resolved to.
pub static LOCK: Table = Table {
    name: "KomposerLock",
    what: "a KomposerLock",
    doc: "What a Komposer was resolved to. `ork lock` writes it; it is not edited.",
    rows: &[&[
        required("apiVersion", Takes::Words(&[API_VERSION]), "The version of the language."),
        required("kind", Takes::Words(&["KomposerLock"]), "The kind of this document."),
        required("metadata", Takes::Table(&NAMED), "The Komposer's name."),
        required("spec", Takes::Table(&LOCK_SPEC), "What was found."),
    ]],
    others: Others::Refused,
};

pub(crate) static LOCK_SPEC: Table = Table {
    name: "Lock",
    what: "`spec`",
    doc: "What was found.",
    rows: &[&[
        required("komposer", Takes::Like(&DIGEST), "The digest of the Komposer's canonical form."),
        required("ork", Takes::Text, "By which release of `ork` it was locked, such as `0.1.0`."),
        required(
            "instances",
            Takes::List(&Takes::Either(&[Takes::Table(&LOCKED_ARTIFACT), Takes::Table(&LOCKED_DIRECTORY)])),
            "What runs, by name.",
        ),
    ]],
    others: Others::Refused,
};

/// What every locked instance has.
static LOCKED_ROWS: [Row; 4] = [
    required("name", Takes::Like(&LABEL), "The instance's name."),
    required("version", Takes::Text, "The pattern's version."),
    required("component", Takes::Like(&DIGEST), "The digest of the component as the pattern brings it."),
    required("engine", Takes::Text, "The engine that the component imports."),
];

pub(crate) static LOCKED_ARTIFACT: Table = Table {
    name: "LockedArtifact",
    what: "a locked instance",
    doc: "A pattern of a registry, by digests.",
    rows: &[
        &LOCKED_ROWS,
        &[
            required("ref", Takes::Text, "What the Komposer asks for: a reference, perhaps with a range behind it."),
            required("repository", Takes::Text, "The repository that the name is bound to."),
            optional("tag", Takes::Text, "The tag that was found."),
            required("manifest", Takes::Like(&DIGEST), "The digest of the artifact's manifest."),
            required("rebuilt", Takes::Flag, "Whether the same component came out of its sources again."),
            optional("signers", Takes::List(&Takes::Text), "The keys that were asked for and have signed it."),
            optional(
                "composed",
                Takes::Like(&DIGEST),
                "The digest of the component that runs, where overrides or another release of `ork` make it another one.",
            ),
        ],
    ],
    others: Others::Refused,
};

pub(crate) static LOCKED_DIRECTORY: Table = Table {
    name: "LockedDirectory",
    what: "a locked instance",
    doc: "A pattern directory, by what it gives.",
    rows: &[&LOCKED_ROWS, &[required("path", Takes::Text, "The directory, relative to the Komposer's.")]],
    others: Others::Refused,
};
