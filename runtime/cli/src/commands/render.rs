//! `ork render`: the real component over one custom resource, without a cluster.

use std::io::IsTerminal;
use std::path::PathBuf;

use orkestra_operator::{ChildPolicy, Identity, Preview, PreviewChild};
use orkestra_pattern::model::Entry;
use serde_json::{Map, Value, json};

use crate::args::{Render, YamlOrJson};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};
use crate::saves::{Saves, TICK};
use crate::{instances, over, sandbox, secrets, yaml};

pub(crate) fn run(args: &Render, output: &Output) -> Result<(), Error> {
    if args.watch { watch(args, output) } else { once(args, output) }
}

/// Renders at once and after every save, until the command is stopped or nobody reads any more.
fn watch(args: &Render, output: &Output) -> Result<(), Error> {
    let cr = args.over.cr.clone().unwrap_or_else(|| args.dir.join("cr.yaml"));
    let others = args.over.children.iter().chain(&args.over.reads).chain(&args.over.hook).chain([&cr]);
    let mut saves = Saves::new(&args.dir, others.map(PathBuf::as_path));
    loop {
        match once(args, output) {
            Err(error @ Error::Stdout(_)) => return Err(error),
            // What is wrong is mended by the next save.
            Err(error) => drop(output.failure(&error)),
            Ok(()) => {}
        }
        output.note("rendered again at every save; Ctrl-C ends it");
        let saved = loop {
            std::thread::sleep(TICK);
            match saves.saved() {
                saved if saved.is_empty() => {}
                saved => break saved,
            }
        };
        let names: Vec<String> = saved.iter().map(|path| shown(path)).collect();
        output.done("Saved", escape(&names.join(", ")));
    }
}

fn once(args: &Render, output: &Output) -> Result<(), Error> {
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    let instance = over::instance(&args.dir, pattern, &args.over)?;
    let (entry, mut primary, mut given) = over::given(&args.dir, &instance.pattern, &args.over, output)?;
    if args.deleting {
        over::delete(&mut primary, given.now);
        given.primary = primary.to_string().into_bytes();
    }
    let loaded = instances::load(&instance.pattern, &sandbox::start(None, output)?)?;
    let described = instances::describe(&instance, loaded, None, Identity::Process);
    let declared = described.entries.iter().find(|declared| declared.name == entry.name).ok_or(Error::Silent)?;
    let mut preview = orkestra_operator::preview(&described, declared, &given)
        .map_err(|error| Error::Render { reason: error.reason(), source: error.into() })?;
    if !args.show_secrets {
        preview.children.iter_mut().filter_map(|child| child.object.as_mut()).for_each(secrets::mask);
    }
    for violation in &preview.denied {
        output.warning(format_args!("the resource would be refused: {}", escape(violation)));
    }
    if let Some(hook) = entry.hook.as_ref().filter(|hook| hook.after_render.is_some() || hook.validate) {
        let points: Vec<&str> = hook.points().into_iter().filter(|point| *point != "beforeRender").collect();
        output.note(format_args!("the hook is not called here; what it does at {} is not shown", points.join(", ")));
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

fn policy(child: &PreviewChild) -> &'static str {
    match child.policy {
        ChildPolicy::Create => "create",
        ChildPolicy::Apply => "apply",
        ChildPolicy::Delete => "delete",
    }
}

/// What is done with a rendered child.
fn verb(child: &PreviewChild) -> &'static str {
    match child.policy {
        ChildPolicy::Create => "create",
        ChildPolicy::Apply => "apply",
        ChildPolicy::Delete => "apply before the resource goes",
    }
}

fn json_of(entry: &str, preview: &Preview) -> Value {
    let child = |child: &PreviewChild| json!({"id": child.id, "key": child.key, "policy": policy(child), "pending": child.object.is_none(), "object": child.object});
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
        let name = match &child.key {
            Some(key) => format!("{}[{}]", child.id, escape(key).replace('\n', " ")),
            None => child.id.clone(),
        };
        match &child.object {
            Some(object) => text.push_str(&format!("---\n# {name}: {}\n{}", verb(child), yaml::text(object)?)),
            None => {
                let declared = entry.children.iter().find(|declared| declared.id == child.id);
                let waits = declared.into_iter().flat_map(|declared| {
                    let reads = declared.reads.iter().map(|id| format!("reads.{id}"));
                    declared.requires.iter().cloned().chain(reads)
                });
                let waits: Vec<String> = waits.collect();
                let are = if waits.len() == 1 { "is" } else { "are" };
                text.push_str(&format!("---\n# {name}: pending until {} {are} observed\n", waits.join(", ")));
            }
        }
    }
    // The status of others is theirs.
    if entry.foreign {
        return Ok(text);
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
