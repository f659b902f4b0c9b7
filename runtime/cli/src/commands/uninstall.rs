//! `ork uninstall`: what the runtime brought leaves the cluster.

use std::path::Path;
use std::sync::Mutex;

use orkestra_komposer::Located;
use orkestra_operator::uninstall::{self, Definition, Removal, Step};
use serde_json::{Value, json};

use crate::args::{TextOrJson, Uninstall};
use crate::composition::Opened;
use crate::error::Error;
use crate::kube_access;
use crate::output::{Output, escape, grouped, role};
use crate::pattern_dir::PatternDir;

pub(crate) fn run(args: &Uninstall, output: &Output) -> Result<(), Error> {
    let asked = uninstall::Uninstall {
        instances: instances(args, output)?,
        own_namespace: args.system_namespace.clone(),
        delete_resources: args.delete_resources,
        keep_crds: args.keep_crds,
        release_finalizers: args.release_finalizers,
    };
    let done = Mutex::new(Vec::new());
    let tell = |one: Step| {
        if let Step::Waiting { what, left } = &one {
            return output.note(format_args!("{} {} are on their way", grouped(*left), escape(what)));
        }
        output.done("Removed", said(&one));
        if let Ok(mut done) = done.lock() {
            done.push(one);
        }
    };
    let result = kube_access::runtime()?.block_on(async {
        let cluster = kube_access::connect(&args.access).await?;
        let removal = uninstall::look(cluster.client.clone(), &asked).await.map_err(Error::Uninstall)?;
        output.note(foretold(&removal, &cluster.server).trim_end());
        if args.dry_run || nothing(&removal) {
            return Ok(());
        }
        kube_access::agreed("Go on", args.yes, output)?;
        uninstall::carry_out(cluster.client, &asked, &removal, &tell).await.map_err(Error::Uninstall)
    });
    let done = done.into_inner().unwrap_or_default();
    if args.format == TextOrJson::Json {
        let all: Vec<Value> = done.iter().map(json_of).collect();
        output.bytes(format!("{:#}\n", json!({"removed": all})).as_bytes())?;
    }
    result
}

/// The names of the instances that are meant; none: all.
fn instances(args: &Uninstall, output: &Output) -> Result<Option<Vec<String>>, Error> {
    if args.all {
        return Ok(None);
    }
    let of_directory = |path: &Path| Ok::<_, Error>(PatternDir::read(path)?.checked(output)?.name);
    let Some(file) = &args.file else {
        return args.dirs.iter().map(|path| of_directory(path)).collect::<Result<_, _>>().map(Some);
    };
    let opened = Opened::read(file, None, output)?;
    let named = opened.komposer.imports.iter().map(|import| {
        match (orkestra_komposer::lock::name_of(import), &import.located) {
            (None, Located::File { path }) => of_directory(&opened.base().join(path)),
            (name, _) => Ok(name.unwrap_or_default().to_owned()),
        }
    });
    named.collect::<Result<_, _>>().map(Some)
}

fn nothing(removal: &Removal) -> bool {
    let acts = |definition: &Definition| {
        definition.goes || definition.resources_go || definition.releases || definition.resets_conversion
    };
    removal.objects.is_empty() && removal.inventory.is_empty() && !removal.definitions.iter().any(acts)
}

/// What would be done, the losses first.
fn foretold(removal: &Removal, server: &str) -> String {
    let mut text = format!("At {}:\n", escape(server));
    let mut line =
        |style: anstyle::Style, what: String| text.push_str(&format!("  {style}{}{style:#}\n", escape(&what)));
    let plain = anstyle::Style::new();
    let all = || removal.definitions.iter();
    for Definition { kind, resources, .. } in all().filter(|definition| definition.resources_go) {
        line(role::ERROR, format!("{} {kind} are deleted, with their children", grouped(*resources)));
    }
    for Definition { kind, finalized, resources_go, .. } in all().filter(|definition| definition.releases) {
        let what = if *resources_go {
            "and the work of their deletion is not done"
        } else {
            "and their deletion will do no work"
        };
        line(role::ERROR, format!("{} {kind} lose the runtime's finalizer, {what}", grouped(*finalized)));
    }
    for Definition { kind, resources, finalized, releases, .. } in
        all().filter(|definition| !definition.goes && !definition.resources_go)
    {
        line(
            plain,
            format!(
                "{} {kind} stay as they are, with their definition, and nobody reconciles them",
                grouped(*resources)
            ),
        );
        if *finalized > 0 && !releases {
            let what = format!(
                "{} of them hang in their deletion until a runtime runs again; --release-finalizers takes the finalizer off",
                grouped(*finalized)
            );
            line(role::WARNING, what);
        }
    }
    for Definition { name, .. } in all().filter(|definition| definition.resets_conversion) {
        line(plain, format!("{name} is converted by nobody any more: all of it is in one version"));
    }
    for Definition { name, .. } in all().filter(|definition| definition.goes) {
        line(plain, format!("CustomResourceDefinition {name} goes"));
    }
    for target in &removal.objects {
        line(plain, format!("{} goes", target.what));
    }
    if !removal.inventory.is_empty() {
        line(plain, format!("the inventory forgets {}", removal.inventory.join(", ")));
    }
    if let Some(leader) = &removal.leader {
        line(
            role::WARNING,
            format!(
                "the runtime {leader} leads: where it has these patterns still, it brings them back at its next start"
            ),
        );
    }
    if nothing(removal) {
        line(plain, "there is nothing to remove".to_owned());
    }
    line(
        role::FAINT,
        "accounts and roles stay: `ork generate rbac … | kubectl delete -f -`; and so does the namespace".to_owned(),
    );
    text
}

fn said(done: &Step) -> String {
    let text = match done {
        Step::Waiting { what, left } => format!("{} {what}", grouped(*left)),
        Step::Resources { kind, count } => format!("{} {kind}", grouped(*count)),
        Step::Released { kind, count } => format!("the finalizer of {} {kind}", grouped(*count)),
        Step::ConversionReset { definition } => format!("the conversion of {definition}"),
        Step::DefinitionRemoved { definition } => format!("CustomResourceDefinition {definition}"),
        Step::Removed { what } => what.clone(),
        Step::Forgotten { entries } => format!("{} from the inventory", entries.join(", ")),
    };
    escape(&text).into_owned()
}

fn json_of(done: &Step) -> Value {
    match done {
        Step::Waiting { what, left } => json!({"what": "waiting", "for": what, "left": left}),
        Step::Resources { kind, count } => json!({"what": "resources", "kind": kind, "count": count}),
        Step::Released { kind, count } => json!({"what": "finalizers", "kind": kind, "count": count}),
        Step::ConversionReset { definition } => json!({"what": "conversion", "definition": definition}),
        Step::DefinitionRemoved { definition } => json!({"what": "definition", "definition": definition}),
        Step::Removed { what } => json!({"what": "object", "object": what}),
        Step::Forgotten { entries } => json!({"what": "inventory", "entries": entries}),
    }
}
