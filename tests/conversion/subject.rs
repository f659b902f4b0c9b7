//! A kind with two versions and the conversion between them, run by the engine itself.

use orkestra_engine::{Conversion, Engine, Failure};
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::proof::{Converted, Converter, Effort, NotConverted, prove};
use orkestra_pattern::{Diagnostics, Source, check};
use serde_json::{Map, Value, json};

/// The annotation that holds what a version cannot.
pub(crate) const ANNOTATION: &str = "orkestra.orkspace.io/conversion-data";

/// A checked and compiled pattern of the kind `Thing`, stored in `v1`.
pub(crate) struct Subject {
    pub(crate) pattern: Pattern,
    program: Vec<u8>,
    pub(crate) source: Source,
}

/// Schemas of `spec` in the versions `v1`, which is stored, and `v1alpha1`, and the text of `paths`.
pub(crate) struct Versions<'a> {
    pub(crate) v1: &'a str,
    pub(crate) v1alpha1: &'a str,
    /// Schema of `status` in both, and what differs: `{v1}` and `{v1alpha1}`.
    pub(crate) status: (&'a str, &'a str),
    pub(crate) paths: &'a str,
}

impl Versions<'_> {
    /// The files.
    pub(crate) fn source(&self) -> Source {
        let version = |name: &str, storage: bool, spec: &str, status: &str| {
            let indent = |text: &str| text.trim_end().replace('\n', "\n                ");
            format!(
                "    - name: {name}\n      served: true\n      storage: {storage}\n      subresources: {{status: {{}}}}\n      schema:\n        openAPIV3Schema:\n          type: object\n          required: [spec]\n          properties:\n            spec:\n              type: object\n              properties:\n                {}\n            status:\n              type: object\n              properties:\n                observedGeneration: {{type: integer}}\n                conditions: {{type: array, items: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n                {}\n",
                indent(spec),
                indent(status),
            )
        };
        let crd = format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.example.com}}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions:\n{}{}",
            version("v1", true, self.v1, self.status.0),
            version("v1alpha1", false, self.v1alpha1, self.status.1),
        );
        let paths = self.paths.trim_end().replace('\n', "\n          ");
        let katalog = format!(
            "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {{name: things, version: 1.0.0}}\nspec:\n  crds:\n    thing:\n      apiTypes: {{group: example.com, version: v1, kind: Thing, plural: things}}\n      operatorBox: {{}}\n      conversion:\n        storageVersion: v1\n        paths:\n          {paths}\n",
        );
        Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes())
    }

    /// The problems that the check finds, as text.
    pub(crate) fn problems(&self) -> String {
        let source = self.source();
        let (_, problems) = check(&source);
        render_all(&problems, &source, Style::default())
    }

    pub(crate) fn subject(&self) -> Subject {
        let source = self.source();
        let (pattern, problems) = check(&source);
        let pattern = pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::default())));
        let program = orkestra_compile::compile(&pattern).unwrap().program;
        Subject { pattern, program, source }
    }
}

impl Subject {
    /// What the engine makes of the object in another version, and what that costs.
    pub(crate) fn converted(&self, to: &str, object: &Value) -> Result<Conversion, Failure> {
        Engine::load(&self.program).convert("thing", to, object.to_string().as_bytes(), 10_000_000)
    }

    /// The object in another version, whole.
    pub(crate) fn convert(&self, to: &str, object: &Value) -> Result<Value, Failure> {
        let made = self.converted(to, object)?;
        let made: Value = serde_json::from_slice(&made.object).unwrap();
        let mut metadata = object.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        ["labels", "annotations"].iter().for_each(|key| drop(metadata.shift_remove(*key)));
        metadata.extend(made.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default());
        let mut whole = Map::new();
        whole.insert("apiVersion".to_owned(), format!("example.com/{to}").into());
        whole.insert("kind".to_owned(), "Thing".into());
        whole.insert("metadata".to_owned(), metadata.into());
        let rest = made.as_object().cloned().unwrap();
        whole.extend(rest.into_iter().filter(|(key, _)| key != "metadata"));
        Ok(whole.into())
    }

    /// What the proof finds, and its text.
    pub(crate) fn proof(&self, objects: usize) -> (Diagnostics, String) {
        let effort = Effort { objects, ..Effort::default() };
        let problems = prove(&self.pattern, effort, &mut Native(Engine::load(&self.program)));
        let text = render_all(&problems, &self.source, Style::default());
        (problems, text)
    }
}

/// The engine in this process.
struct Native<'a>(Engine<'a>);

impl Converter for Native<'_> {
    fn convert(&mut self, entry: &str, target: &str, object: &[u8]) -> Result<Converted, NotConverted> {
        let made = self.0.convert(entry, target, object, 10_000_000);
        made.map(|made| Converted { object: made.object, cost: made.cost })
            .map_err(|failure| NotConverted { reason: failure.reason().to_owned(), message: failure.to_string() })
    }
}

/// A whole object.
pub(crate) fn thing(version: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing",
        "metadata": {"name": "x", "namespace": "default", "uid": "u"}, "spec": spec})
}

/// The spec of an object.
pub(crate) fn spec(object: &Value) -> &Value {
    &object["spec"]
}
