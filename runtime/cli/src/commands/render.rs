//! `ork render`: the real component over one custom resource, without a cluster.

use std::io::IsTerminal;
use std::time::{SystemTime, UNIX_EPOCH};

use orkestra_komposer::Instance;
use orkestra_pattern::model::{Entry, Pattern};
use orkestra_pattern::schema::nearest;
use orkestra_sandbox::{ChildRef, Observed, Plan, Request, Sandbox};
use serde_json::{Map, Value, json};

use crate::args::{Render, YamlOrJson};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::PatternDir;
use crate::{defaults, documents, instances, manifests};

/// The label by which the runtime tells a primary's children apart.
const ID: &str = "orkestra.orkspace.io/id";

pub(crate) fn run(args: &Render, output: &Output) -> Result<(), Error> {
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    let instance = instance(args, pattern)?;
    let mut primary = primary(args, output)?;
    let entry = entry(args, &instance.pattern, &primary)?;
    defaults::fill(&mut primary, &instance.pattern.crds, &entry.api);
    let children = children(args, entry, output)?;

    let sandbox = Sandbox::new(&Default::default()).map_err(|error| Error::Sandbox(error.into()))?;
    let loaded = instances::load(&instance.pattern, &sandbox)?;
    let request = Request {
        primary: primary.to_string().into_bytes(),
        children,
        reads: Vec::new(),
        inputs: Value::Object(instance.inputs.clone()).to_string().into_bytes(),
        hooks: b"{}".to_vec(),
        now: now(),
        entropy: vec![0; 32],
        deleting: primary["metadata"].get("deletionTimestamp").is_some(),
        budget: loaded.limits().cost,
    };
    let plan = loaded
        .reconcile(&entry.name, &request)
        .map_err(|failure| Error::Render { reason: failure.reason(), source: failure.into() })?;
    let rendered = rendered(&instance, entry, &primary, &plan)?;
    match args.format {
        YamlOrJson::Json => output.bytes(format!("{rendered:#}\n").as_bytes()),
        YamlOrJson::Yaml => {
            let text = yaml(&rendered, &primary)?;
            // On a terminal the pattern's own text is shown, not obeyed; in a pipe it is data.
            if std::io::stdout().is_terminal() { output.data(&escape(&text)) } else { output.bytes(text.as_bytes()) }
        }
    }
}

fn instance(args: &Render, pattern: Pattern) -> Result<Instance, Error> {
    let mut inputs = Map::new();
    for text in &args.inputs {
        let unusable = |problem: &str| Error::Unusable {
            what: format!("`--input {text}`"),
            problem: problem.to_owned(),
            hint: Some("write --input NAME=VALUE, with a YAML value".to_owned()),
        };
        let (name, value) = text.split_once('=').ok_or_else(|| unusable("there is no `=`"))?;
        inputs.insert(name.to_owned(), documents::value(value).ok_or_else(|| unusable("the value is not YAML"))?);
    }
    Instance::new(&args.dir.display().to_string(), pattern, inputs).map_err(|errors| match errors.first() {
        Some(error) => Error::Unusable {
            what: format!("input `{}`", error.input),
            problem: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            hint: error.hint(),
        },
        None => Error::Silent,
    })
}

fn primary(args: &Render, output: &Output) -> Result<Value, Error> {
    let path = args.cr.clone().unwrap_or_else(|| args.dir.join("cr.yaml"));
    let mut objects = documents::read(&path, output)?;
    if objects.len() == 1 {
        return Ok(objects.remove(0));
    }
    Err(Error::Unusable {
        what: format!("`{}`", path.display()),
        problem: format!("one custom resource is expected, {} objects are there", objects.len()),
        hint: None,
    })
}

/// The entry that reconciles the resource.
fn entry<'a>(args: &Render, pattern: &'a Pattern, primary: &Value) -> Result<&'a Entry, Error> {
    let api_version = primary["apiVersion"].as_str().unwrap_or_default();
    let kind = primary["kind"].as_str().unwrap_or_default();
    let reconciles = |entry: &&Entry| entry.api.kind == kind && api_version == format!("{}/{}", entry.api.group, entry.api.version);
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
            what: format!("`--entry {name}`"),
            problem: format!("pattern `{}` has no such entry", pattern.name),
            hint: Some(match nearest(name, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its entries are {}", names.join(", ")),
            }),
        },
        None => Error::Unusable {
            what: "the custom resource".to_owned(),
            problem: format!("no entry of pattern `{}` reconciles {kind} of {api_version}", pattern.name),
            hint: pattern.entries.first().map(|entry| {
                format!("entry `{}` reconciles {} of {}/{}", entry.name, entry.api.kind, entry.api.group, entry.api.version)
            }),
        },
    })
}

/// Observed children, told apart by the runtime's label, or by their kind where only one child has it.
fn children(args: &Render, entry: &Entry, output: &Output) -> Result<Vec<Observed>, Error> {
    let mut observed: Vec<Observed> = Vec::new();
    for path in &args.children {
        for object in documents::read(path, output)? {
            let kind = |child: &&orkestra_pattern::model::Child| {
                object["kind"] == *child.kind && object["apiVersion"] == *child.api_version
            };
            let label = object["metadata"]["labels"].get(ID).and_then(Value::as_str);
            let mut fitting = entry.children.iter().filter(kind).filter(|child| label.is_none_or(|id| child.id == id));
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let shown = format!("{} {name} of {}", object["kind"].as_str().unwrap_or("an object"), path.display());
            match (fitting.next(), fitting.next()) {
                (Some(child), None) if observed.iter().any(|other| other.child.id == child.id) => {
                    output.warning(format_args!("{}: a second object for child `{}`, left out", escape(&shown), child.id));
                }
                (Some(child), None) => observed.push(Observed {
                    child: ChildRef { id: child.id.clone(), key: None },
                    object: object.to_string().into_bytes(),
                }),
                (Some(_), Some(_)) => {
                    return Err(Error::Unusable {
                        what: shown,
                        problem: format!("several children of entry `{}` are of this kind", entry.name),
                        hint: Some(format!("give it the label {ID}, as the runtime does")),
                    });
                }
                (None, _) => output.warning(format_args!("{}: no child of entry `{}`, left out", escape(&shown), entry.name)),
            }
        }
    }
    Ok(observed)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

/// The plan as the runtime would carry it out.
fn rendered(instance: &Instance, entry: &Entry, primary: &Value, plan: &Plan) -> Result<Value, Error> {
    let invalid = |error: Box<dyn std::error::Error + Send + Sync>| Error::Render { reason: "InvalidOutput", source: error };
    let mut children = Vec::new();
    for child in &plan.children {
        let object = match &child.object {
            Some(bytes) => Some(serde_json::from_slice::<Value>(bytes).map_err(|error| invalid(error.into()))?),
            None => None,
        };
        children.push(json!({
            "id": child.child.id,
            "policy": match child.policy {
                orkestra_sandbox::Policy::Create => "create",
                orkestra_sandbox::Policy::Apply => "apply",
            },
            "pending": object.is_none(),
            "after": child.after.iter().map(|child| &child.id).collect::<Vec<_>>(),
            "object": object,
        }));
    }
    let status: Value = serde_json::from_slice(&plan.status).map_err(|error| invalid(error.into()))?;
    Ok(json!({
        "entry": entry.name,
        "children": children,
        "status": status,
        "pendingStatus": plan.pending_status,
        "cost": plan.cost,
    }))
}

/// One document per child, then the primary with its status; what is not there is said in comments.
fn yaml(rendered: &Value, primary: &Value) -> Result<String, Error> {
    let mut text = String::new();
    let list = |value: &Value| {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    for child in rendered["children"].as_array().into_iter().flatten() {
        let (id, policy) = (child["id"].as_str().unwrap_or_default(), child["policy"].as_str().unwrap_or_default());
        if child["pending"] == true {
            text.push_str(&format!("---\n# {id}: pending until {} is observed\n", list(&child["after"])));
        } else {
            text.push_str(&format!("---\n# {id}: {policy}\n{}", manifests::yaml(&child["object"])?));
        }
    }
    let pending = list(&rendered["pendingStatus"]);
    let pending = if pending.is_empty() { pending } else { format!(", pending: {pending}") };
    let mut named = Map::new();
    for key in ["name", "namespace"] {
        if let Some(value) = primary["metadata"].get(key) {
            named.insert(key.to_owned(), value.clone());
        }
    }
    let status = json!({
        "apiVersion": primary["apiVersion"], "kind": primary["kind"], "metadata": named, "status": rendered["status"],
    });
    text.push_str(&format!("---\n# status{pending}\n{}", manifests::yaml(&status)?));
    Ok(text)
}
