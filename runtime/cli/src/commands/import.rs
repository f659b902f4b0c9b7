//! `ork import`: a pattern directory of a published Katalog.

use std::path::Path;

use orkestra_pattern::diagnostic::{self, Diagnostics, Severity};
use orkestra_pattern::infer::{self, INFERRED};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use serde_json::{Map, Value, json};

use super::init::{next, none_there, quoted, write};
use crate::args::Import;
use crate::error::Error;
use crate::fixes;
use crate::output::{Output, count, escape, role};
use crate::pattern_dir::{PatternDir, read_bounded, shown};
use crate::problems;
use crate::yaml;

const NAMES: [&str; 5] = ["crd.yaml", "katalog.yaml", "komposer.yaml", "cr.yaml", "README.md"];

/// What an inferred crd.yaml begins with.
const GUESSED: &str = "\
# Inferred by `ork import` from what katalog.yaml uses of its resources, because it came without a CRD.
# The types and bounds are guesses, and defaults and descriptions are missing. Look it over, and remove the annotation.
";

pub(crate) fn run(args: &Import, output: &Output) -> Result<(), Error> {
    let published = Published::read(args)?;
    let crds = published.crds(output)?;
    let check = |source: &Source| orkestra_pattern::check(&source.clone().with("crd.yaml", crds.as_bytes())).1;
    let (katalog, made) = fixes::of_text("katalog.yaml", &published.katalog, check);
    let checked = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crds.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&checked);
    let Some(pattern) = pattern else { return Err(published.refused(&problems, output)) };
    let dir = args.output.clone().unwrap_or_else(|| Path::new(&pattern.name).to_owned());
    none_there(&dir, NAMES)?;
    let inferred = args.crd.is_none();
    let texts =
        [crds, katalog, komposer(&pattern)?, resource(&pattern)?, readme(&pattern, &shown(&args.file), inferred)];
    let files = PatternDir::of(NAMES.into_iter().zip(texts.iter().map(|text| text.clone().into_bytes())), &shown(&dir));
    let (_, mut problems, _) = problems::of(&files);
    problems.sort();
    for (name, text) in NAMES.iter().zip(&texts) {
        write(&dir.join(name), text)?;
    }
    for made in &made {
        output.done("Rewrote", made);
    }
    if !problems.is_empty() {
        output.message(files.render(&problems, output.stderr_colored()).trim_end());
        output.message("");
    }
    if problems.has_errors() {
        // Such as an example of which a pattern in the CRD's schema asks too much: a person can mend what is there now.
        return Err(Error::problems(&problems, &files.source));
    }
    let name = format!("{} {}", escape(&pattern.name), pattern.version);
    let found = count(problems.warnings(), "warning");
    output.done("Imported", format_args!("{b}{name}{b:#} to {}: {found}", escape(&shown(&dir)), b = role::NAME));
    output.note("");
    let place = quoted(&shown(&dir));
    let mut commands = vec![
        (format!("ork check {place}"), "is it right?"),
        (format!("ork render {place}"), "what would it make of cr.yaml?"),
        (format!("ork dev {place}"), "run it, and see every save at work"),
    ];
    if inferred {
        commands
            .insert(0, (format!("$EDITOR {}", quoted(&shown(&dir.join("crd.yaml")))), "what was inferred is a guess"));
    }
    next(&commands, output);
    Ok(())
}

/// What is imported, as it was found.
struct Published {
    katalog: Vec<u8>,
    crd: Option<Vec<u8>>,
    /// By the names that the user knows, the Katalog first.
    shown: Source,
}

impl Published {
    fn read(args: &Import) -> Result<Self, Error> {
        let katalog = read_bounded(&args.file)?;
        let mut known = Source::new().with(shown(&args.file), &katalog);
        let mut crd = None;
        if let Some(path) = &args.crd {
            let bytes = read_bounded(path)?;
            known.add(shown(path), &bytes);
            crd = Some(bytes);
        }
        Ok(Self { katalog, crd, shown: known })
    }

    /// The text of crd.yaml: what was given, or what the Katalog uses.
    fn crds(&self, output: &Output) -> Result<String, Error> {
        let source = Source::new().with("katalog.yaml", &self.katalog);
        if let Some(crd) = &self.crd {
            let source = source.with("crd.yaml", crd);
            let (pattern, problems) = orkestra_pattern::check(&source);
            if pattern.is_none() {
                return Err(self.refused(&problems, output));
            }
            let file = source.find("crd.yaml").and_then(|file| source.file(file));
            return Ok(file.map_or_else(String::new, |file| file.text().to_owned()));
        }
        let crds = infer::crds(&source).map_err(|problems| self.refused(&problems, output))?;
        let documents: Vec<String> = crds.iter().map(yaml::text).collect::<Result<_, _>>()?;
        Ok(format!("{GUESSED}{}", documents.join("---\n")))
    }

    /// Shows why nothing is written: what is wrong with the files that were given, and not with what was inferred.
    fn refused(&self, problems: &Diagnostics, output: &Output) -> Error {
        let mut errors = Diagnostics::default();
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
            if problem.span.is_none_or(|span| self.shown.file(span.file).is_some()) {
                errors.push(problem.clone());
            }
        }
        errors.sort();
        let style = if output.stderr_colored() { diagnostic::Style::Ansi } else { diagnostic::Style::Plain };
        output.message(diagnostic::render_all(&errors, &self.shown, style).trim_end());
        output.message("");
        Error::problems(&errors, &self.shown)
    }
}

fn komposer(pattern: &Pattern) -> Result<String, Error> {
    yaml::text(&json!({
        "apiVersion": "orkestra.orkspace.io/v1",
        "kind": "Komposer",
        "metadata": {"name": pattern.name},
        "imports": {"files": [{"path": "."}]},
    }))
}

/// An example of the first entry's kind, with what is required.
fn resource(pattern: &Pattern) -> Result<String, Error> {
    let Some(api) = pattern.entries.first().map(|entry| &entry.api) else { return Ok(String::new()) };
    let spec =
        schema(pattern, &api.group, &api.kind, &api.version).and_then(|schema| schema.get("properties")?.get("spec"));
    yaml::text(&json!({
        "apiVersion": format!("{}/{}", api.group, api.version),
        "kind": api.kind,
        "metadata": {"name": "example"},
        "spec": spec.map_or(json!({}), example),
    }))
}

/// The schema of a kind in the pattern's CRDs.
fn schema<'a>(pattern: &'a Pattern, group: &str, kind: &str, version: &str) -> Option<&'a Value> {
    let found = |crd: &&Value| crd["spec"]["group"] == group && crd["spec"]["names"]["kind"] == kind;
    let versions = pattern.crds.iter().find(found)?["spec"]["versions"].as_array()?;
    versions.iter().find(|found| found["name"] == version)?["schema"].get("openAPIV3Schema")
}

/// A value of a schema, with the fields that are required and have no default.
fn example(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let fields = names.filter_map(|name| Some((name, schema["properties"].get(name)?)));
            let fields = fields.filter(|(_, field)| field.get("default").is_none());
            Value::Object(fields.map(|(name, field)| (name.to_owned(), example(field))).collect::<Map<_, _>>())
        }
        Some("array") => json!([example(&schema["items"])]),
        Some("integer" | "number") => match schema.get("minimum") {
            Some(least) if least.as_f64() > Some(1.0) => least.clone(),
            _ => json!(1),
        },
        Some("boolean") => json!(true),
        Some(_) => json!("example"),
        None if schema["x-kubernetes-int-or-string"] == true => json!(1),
        None => json!({}),
    }
}

fn readme(pattern: &Pattern, from: &str, inferred: bool) -> String {
    let mut text = format!("# {}\n\n", pattern.name);
    if let Some(description) = &pattern.about.description {
        text += &format!("{}\n\n", description.trim());
    }
    text += &format!("Imported with `ork import` from `{}`.\n", from.replace('`', "'"));
    if inferred {
        text +=
            &format!("`crd.yaml` was inferred, and has the annotation `{INFERRED}` until somebody looked it over.\n");
    }
    text += "\n## Use it\n\n```console\n$ kubectl apply -f cr.yaml\n```\n";
    for entry in &pattern.entries {
        text += &format!("\n## {}\n\n| child | kind |\n|---|---|\n", entry.api.kind);
        for (id, _, kind) in entry.child_kinds() {
            text += &format!("| `{id}` | {kind} |\n");
        }
        let found = schema(pattern, &entry.api.group, &entry.api.kind, &entry.api.version);
        let Some(spec) = found.and_then(|schema| schema.get("properties")?.get("spec")) else { continue };
        let Some(fields) = spec["properties"].as_object().filter(|fields| !fields.is_empty()) else { continue };
        text += "\n| field of `spec` | type | |\n|---|---|---|\n";
        for (name, field) in fields {
            let required = spec["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
            let kind = field["type"].as_str().unwrap_or("any");
            text += &format!("| `{name}` | {kind} | {} |\n", if required { "required" } else { "" });
        }
    }
    text
}
