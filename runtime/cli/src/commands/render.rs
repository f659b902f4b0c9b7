//! `ork render`: the real component over one custom resource, without a cluster.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::time::{SystemTime, UNIX_EPOCH};

use orkestra_komposer::Instance;
use orkestra_operator::{ChildPolicy, Identity, Preview, PreviewChild};
use orkestra_pattern::model::{Entry, Pattern};
use orkestra_pattern::schema::nearest;
use serde_json::{Map, Value, json};

use crate::args::{Render, YamlOrJson};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};
use crate::{composition, defaults, documents, instances, sandbox, yaml};

/// The label by which the runtime tells a primary's children apart.
const ID: &str = "orkestra.orkspace.io/id";

pub(crate) fn run(args: &Render, output: &Output) -> Result<(), Error> {
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    let instance = instance(args, pattern)?;
    let mut primary = primary(args, output)?;
    let entry = entry(args, &instance.pattern, &primary)?;
    defaults::fill(&mut primary, &instance.pattern.crds, &entry.api);
    let children = children(args, entry, output)?;

    let loaded = instances::load(&instance.pattern, &sandbox::start(None, output)?)?;
    let described = instances::describe(&instance, loaded, Identity::Process);
    let declared = described.entries.iter().find(|declared| declared.name == entry.name).ok_or(Error::Silent)?;
    let preview = orkestra_operator::preview(&described, declared, primary.to_string().as_bytes(), &children, now())
        .map_err(|error| Error::Render { reason: error.reason(), source: error.into() })?;
    for violation in &preview.denied {
        output.warning(format_args!("the resource would be refused: {}", escape(violation)));
    }
    match args.format {
        YamlOrJson::Json => output.bytes(format!("{:#}\n", json_of(&entry.name, &preview)).as_bytes()),
        YamlOrJson::Yaml => {
            let text = documents_of(entry, &preview, &primary)?;
            // On a terminal the pattern's own text is shown, not obeyed; in a pipe it is data.
            if std::io::stdout().is_terminal() { output.data(&escape(&text)) } else { output.bytes(text.as_bytes()) }
        }
    }
}

fn instance(args: &Render, pattern: Pattern) -> Result<Instance, Error> {
    let mut inputs = Map::new();
    for text in &args.inputs {
        let unusable = |problem: &str| Error::Unusable {
            problem: format!("`--input {text}`: {problem}"),
            hint: Some("write --input NAME=VALUE, with a YAML value".to_owned()),
        };
        let (name, value) = text.split_once('=').ok_or_else(|| unusable("there is no `=`"))?;
        let value = documents::value(value).ok_or_else(|| unusable("the value is not YAML"))?;
        if inputs.insert(name.to_owned(), value).is_some() {
            return Err(unusable("the input has a value already"));
        }
    }
    Instance::new(&shown(&args.dir), pattern, inputs).map_err(|errors| composition::inputs(&errors))
}

fn primary(args: &Render, output: &Output) -> Result<Value, Error> {
    let path = args.cr.clone().unwrap_or_else(|| args.dir.join("cr.yaml"));
    let mut objects = documents::read(&path, output)?;
    if objects.len() == 1 {
        return Ok(objects.remove(0));
    }
    Err(Error::Unusable {
        problem: format!("`{}` must hold one custom resource, found {} objects", shown(&path), objects.len()),
        hint: None,
    })
}

/// The entry that reconciles the resource.
fn entry<'a>(args: &Render, pattern: &'a Pattern, primary: &Value) -> Result<&'a Entry, Error> {
    let api_version = primary["apiVersion"].as_str().unwrap_or_default();
    let kind = primary["kind"].as_str().unwrap_or_default();
    let reconciles =
        |entry: &&Entry| entry.api.kind == kind && api_version == format!("{}/{}", entry.api.group, entry.api.version);
    let found = match &args.entry {
        Some(name) => pattern.entries.iter().find(|entry| entry.name == *name),
        None => pattern.entries.iter().find(reconciles),
    };
    if let Some(entry) = found {
        return Ok(entry);
    }
    let names: Vec<_> = pattern.entries.iter().map(|entry| entry.name.as_str()).collect();
    Err(match &args.entry {
        Some(name) => Error::Unusable {
            problem: format!("pattern `{}` has no entry `{name}`", pattern.name),
            hint: Some(match nearest(name, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its entries are {}", names.join(", ")),
            }),
        },
        None => Error::Unusable {
            problem: format!("no entry of pattern `{}` reconciles {kind} of {api_version}", pattern.name),
            hint: pattern.entries.first().map(|entry| {
                format!(
                    "entry `{}` reconciles {} of {}/{}",
                    entry.name, entry.api.kind, entry.api.group, entry.api.version
                )
            }),
        },
    })
}

/// Observed children, told apart by the runtime's label, or by their kind where only one child has it; each gets the label.
fn children(args: &Render, entry: &Entry, output: &Output) -> Result<Vec<Vec<u8>>, Error> {
    let mut seen = HashSet::new();
    let mut observed = Vec::new();
    for path in &args.children {
        for mut object in documents::read(path, output)? {
            let kind = |child: &&orkestra_pattern::model::Child| {
                object["kind"] == *child.kind && object["apiVersion"] == *child.api_version
            };
            let label = object["metadata"]["labels"].get(ID).and_then(Value::as_str);
            let mut fitting = entry.children.iter().filter(kind).filter(|child| label.is_none_or(|id| child.id == id));
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let object_shown = format!("{} {name} in {}", object["kind"].as_str().unwrap_or("an object"), shown(path));
            match (fitting.next(), fitting.next()) {
                (Some(child), None) if !seen.insert(&child.id) => {
                    output.warning(format_args!(
                        "{}: a second object for child `{}`, left out",
                        escape(&object_shown),
                        child.id
                    ));
                }
                (Some(child), None) => {
                    label_as(&mut object, &child.id);
                    observed.push(object.to_string().into_bytes());
                }
                (Some(_), Some(_)) => {
                    return Err(Error::Unusable {
                        problem: format!("{object_shown}: several children of entry `{}` are of this kind", entry.name),
                        hint: Some(format!("give it the label {ID}, as the runtime does")),
                    });
                }
                (None, _) => output.warning(format_args!(
                    "{}: no child of entry `{}`, left out",
                    escape(&object_shown),
                    entry.name
                )),
            }
        }
    }
    Ok(observed)
}

/// Labels an object as the runtime would have. What is no object stays as it is: the preview says what is wrong with it.
fn label_as(object: &mut Value, id: &str) {
    let mut at = Some(object);
    for key in ["metadata", "labels"] {
        at = at.and_then(Value::as_object_mut).map(|map| map.entry(key).or_insert_with(|| Value::Object(Map::new())));
    }
    if let Some(labels) = at.and_then(Value::as_object_mut) {
        labels.insert(ID.to_owned(), id.into());
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

fn policy(child: &PreviewChild) -> &'static str {
    match child.policy {
        ChildPolicy::Create => "create",
        ChildPolicy::Apply => "apply",
        ChildPolicy::Delete => "delete",
    }
}

fn json_of(entry: &str, preview: &Preview) -> Value {
    let child = |child: &PreviewChild| json!({"id": child.id, "policy": policy(child), "pending": child.object.is_none(), "object": child.object});
    json!({
        "entry": entry,
        "children": preview.children.iter().map(child).collect::<Vec<_>>(),
        "status": preview.status,
        "pendingStatus": preview.pending_status,
        "denied": preview.denied,
        "cost": preview.cost,
    })
}

/// One document per child, then the primary with its status; what is not there is said in comments.
fn documents_of(entry: &Entry, preview: &Preview, primary: &Value) -> Result<String, Error> {
    let mut text = String::new();
    for child in &preview.children {
        match &child.object {
            Some(object) => text.push_str(&format!("---\n# {}: {}\n{}", child.id, policy(child), yaml::text(object)?)),
            None => {
                let declared = entry.children.iter().find(|declared| declared.id == child.id);
                let waits = declared.map(|declared| declared.requires.join(", ")).unwrap_or_default();
                text.push_str(&format!("---\n# {}: pending until {waits} is observed\n", child.id));
            }
        }
    }
    let pending = preview.pending_status.join(", ");
    let pending =
        if pending.is_empty() { pending } else { format!(", pending until children are observed: {pending}") };
    let mut metadata = Map::new();
    for key in ["name", "namespace"] {
        if let Some(value) = primary["metadata"].get(key) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let status = json!({
        "apiVersion": primary["apiVersion"], "kind": primary["kind"], "metadata": metadata, "status": preview.status,
    });
    text.push_str(&format!("---\n# status{pending}\n{}", yaml::text(&status)?));
    Ok(text)
}
