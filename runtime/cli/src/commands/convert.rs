//! `ork convert`: custom resources in another version, by the pattern's own component.

use std::io::IsTerminal;
use std::path::Path;

use orkestra_pattern::model::{Entry, Pattern};
use orkestra_sandbox as sandbox;
use serde_json::{Map, Value, json};

use crate::args::{Convert, YamlOrJson};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::PatternDir;
use crate::webhook::Refined;
use crate::{defaults, documents, hooks, instances, proof, yaml};

/// Stands for the UID of a resource that was never in a cluster: without one it would be a fragment.
const UID: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) fn run(args: &Convert, output: &Output) -> Result<(), Error> {
    let files = PatternDir::read(&args.dir)?;
    let hook = files.hook().map(<[u8]>::to_vec);
    let pattern = files.checked(output)?;
    let path = if args.file == Path::new("-") { Path::new("/dev/stdin") } else { &args.file };
    let objects = documents::read(path, output)?;
    let sandbox = crate::sandbox::start(None, output)?;
    let loaded = instances::load(&pattern, &sandbox)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })?;
    let refined = hooks::load_converting(&pattern, hook.as_deref(), &sandbox)?;
    let refined = refined.map(|hook| Refined { hook, runtime: runtime.handle().clone() });
    let mut converted = Vec::new();
    for object in &objects {
        converted.push(one(&pattern, &loaded, refined.as_ref(), object, &args.to)?);
    }
    match args.format {
        YamlOrJson::Json => {
            // As kubectl prints them, and as this command reads them.
            let printed = match <[Value; 1]>::try_from(converted) {
                Ok([one]) => one,
                Err(items) => json!({"apiVersion": "v1", "kind": "List", "items": items}),
            };
            output.bytes(format!("{printed:#}\n").as_bytes())
        }
        YamlOrJson::Yaml => {
            let mut text = String::new();
            for object in &converted {
                text.push_str(&format!("---\n{}", yaml::text(object)?));
            }
            // On a terminal the resource's own text is shown, not obeyed; in a pipe it is data.
            if std::io::stdout().is_terminal() { output.data(&escape(&text)) } else { output.bytes(text.as_bytes()) }
        }
    }
}

fn one(
    pattern: &Pattern,
    loaded: &sandbox::Pattern,
    refined: Option<&Refined>,
    object: &Value,
    to: &str,
) -> Result<Value, Error> {
    let (entry, version) = entry(pattern, object, to)?;
    if version == to {
        return Ok(object.clone());
    }
    let mut whole = object.clone();
    // The API server fills them in before it asks for a conversion.
    defaults::of_version(&mut whole, pattern, &entry.api, version);
    let mut metadata = object.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut with_uid = metadata.clone();
    with_uid.entry("uid").or_insert_with(|| UID.into());
    if let Some(root) = whole.as_object_mut() {
        root.insert("metadata".to_owned(), with_uid.into());
    }
    let named = || object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("a resource").to_owned();
    let failed = |failure: sandbox::Failure| Error::Convert {
        name: named(),
        to: to.to_owned(),
        reason: failure.reason(),
        source: failure.into(),
    };
    let mut made = proof::one(loaded, &entry.name, to, whole.to_string().as_bytes()).map_err(failed)?.object;
    if let Some(refined) = refined.filter(|_| entry.hook.as_ref().is_some_and(|hook| hook.convert)) {
        let pair = sandbox::HookConversion { source: whole.to_string().into_bytes(), target: made };
        let mut targets = refined.convert(&entry.name, to, vec![pair]).map_err(failed)?;
        made = targets.pop().ok_or(Error::Silent)?;
    }
    let made: Map<String, Value> =
        serde_json::from_slice(&made).map_err(|error| failed(sandbox::Failure::InvalidOutput(error.to_string())))?;
    for key in ["labels", "annotations"] {
        metadata.shift_remove(key);
    }
    metadata.extend(made.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default());
    let mut result = Map::new();
    result.insert("apiVersion".to_owned(), format!("{}/{to}", entry.api.group).into());
    result.insert("kind".to_owned(), entry.api.kind.clone().into());
    result.insert("metadata".to_owned(), metadata.into());
    result.extend(made.into_iter().filter(|(key, _)| key != "metadata"));
    Ok(result.into())
}

/// The entry of a resource, and the resource's version; both versions must be ones that the entry converts.
fn entry<'a>(pattern: &'a Pattern, object: &'a Value, to: &str) -> Result<(&'a Entry, &'a str), Error> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
    let kind = text("kind");
    let found = pattern.entries.iter().find(|entry| entry.api.group == group && entry.api.kind == kind);
    let Some(entry) = found else {
        let problem = format!("the pattern has no entry for `{kind}` of the group `{group}`");
        let kinds: Vec<String> =
            pattern.entries.iter().map(|entry| format!("{} of {}", entry.api.kind, entry.api.group)).collect();
        return Err(Error::Unusable { problem, hint: Some(format!("it has {}", kinds.join(", "))) });
    };
    let known: Vec<&str> = entry.versions.iter().map(|version| version.name.as_str()).collect();
    if let Some(missing) = [version, to].into_iter().find(|version| !known.contains(version)) {
        let problem = format!("the pattern converts no `{kind}` of the version `{missing}`");
        let hint = match known.is_empty() {
            true => "it has no `conversion`".to_owned(),
            false => format!("it converts {}", known.join(", ")),
        };
        return Err(Error::Unusable { problem, hint: Some(hint) });
    }
    Ok((entry, version))
}
