//! `ork explain -f`: every effective value of a Komposer, and whence it comes.

use std::path::Path;

use orkestra_komposer::{Effective, provenance};
use serde_json::{Value, json};

use crate::args::{Explain, ExplainFormat};
use crate::composition;
use crate::error::Error;
use crate::output::{Output, escape, role};

pub(super) fn run(args: &Explain, file: &Path, output: &Output) -> Result<(), Error> {
    let composed = composition::of_komposer(file, &args.sources, output)?.whole(output)?;
    let mut all: Vec<(String, Effective)> = Vec::new();
    for ((instance, _), katalog) in composed.instances().zip(&composed.composition.katalogs) {
        let values = provenance(&composed.opened.source, katalog, &instance.pattern, &composed.owners);
        // Entries of a named instance are addressed as in an override.
        let prefix = if instance.named { format!("{}/", instance.name) } else { String::new() };
        all.extend(values.into_iter().map(|value| (format!("{prefix}{}", value.path), value)));
    }
    if let Some(only) = &args.only {
        let below = |path: &str| {
            path.strip_prefix(only.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        all.retain(|(path, _)| below(path));
        if all.is_empty() {
            return Err(Error::Unusable {
                problem: format!("no entry has a value `{only}`"),
                hint: Some(
                    "a path begins with an entry's name, as in postgres.workers; without --only all are shown"
                        .to_owned(),
                ),
            });
        }
    }
    match args.format {
        ExplainFormat::Text => output.data(&text(&all)),
        ExplainFormat::Json => {
            let values: Vec<_> = all.iter().map(|(path, value)| to_json(path, value)).collect();
            output.data(&format!("{:#}\n", Value::Array(values)))
        }
        ExplainFormat::Mermaid | ExplainFormat::Svg => Err(Error::Unusable {
            problem: "the values of a Komposer are no graph".to_owned(),
            hint: Some("`ork explain DIR --format mermaid` draws a pattern".to_owned()),
        }),
    }
}

/// One line a value: `postgres.workers: 4` and the place where it is written.
fn text(all: &[(String, Effective)]) -> String {
    let mut text = String::new();
    for (path, value) in all {
        let shown = match &value.value {
            Value::String(text) => text.replace('\n', "\\n"),
            other => other.to_string(),
        };
        let from = match &value.origin {
            Some(origin) => {
                let digest = origin.digest.to_string();
                let short = digest.get(..19).unwrap_or(&digest);
                format!("{}:{}:{} ({} {short})", origin.file, origin.line, origin.column, origin.layer)
            }
            None => "the language's default".to_owned(),
        };
        text.push_str(&format!(
            "{b}{}{b:#}: {}\n  {s}{}{s:#}\n",
            escape(path),
            escape(&shown),
            escape(&from),
            b = role::NAME,
            s = role::FAINT
        ));
    }
    text
}

fn to_json(path: &str, value: &Effective) -> Value {
    json!({
        "path": path,
        "value": value.value,
        "from": value.origin.as_ref().map(|origin| {
            json!({
                "file": origin.file, "line": origin.line, "column": origin.column, "layer": origin.layer,
                "digest": origin.digest,
            })
        }),
    })
}
