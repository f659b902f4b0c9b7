//! `ork storage migrate`: stored resources in their storage version.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use orkestra_operator::migrate::{self, How, Migrated, Progress};
use serde_json::{Value, json};

use crate::args::{Migrate, Storage, StorageWhat, TextOrJson};
use crate::error::Error;
use crate::kube_access;
use crate::output::{Output, escape, grouped, role};

/// Between two lines about the same definition.
const EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Storage, output: &Output) -> Result<(), Error> {
    match &args.what {
        StorageWhat::Migrate(args) => migrate(args, output),
    }
}

fn migrate(args: &Migrate, output: &Output) -> Result<(), Error> {
    let runtime = kube_access::runtime()?;
    let how = migrate::Migrate {
        kinds: args.kinds.clone(),
        own_namespace: args.system_namespace.clone(),
        paged: args.paged,
        per_second: args.rate,
    };
    let told = Mutex::new(None);
    let tell = |progress: Progress<'_>| tell(progress, &told, output);
    let (done, result) = runtime.block_on(async {
        let cluster = kube_access::connect(&args.cluster.access).await?;
        kube_access::confirm(&cluster, &args.cluster, "Rewrite resources", output)?;
        Ok::<_, Error>(migrate::migrate(cluster.client, &how, &tell).await)
    })?;
    match args.format {
        TextOrJson::Text => output.data(&text(&done))?,
        TextOrJson::Json => output.bytes(format!("{:#}\n", json_of(&done)).as_bytes())?,
    }
    if done.is_empty() && result.is_ok() {
        output.note("no definition here belongs to a pattern; name a kind");
    }
    result.map_err(Error::Migrate)
}

fn tell(progress: Progress<'_>, told: &Mutex<Option<Instant>>, output: &Output) {
    match progress {
        Progress::Running { definition, since } => {
            output.note(format_args!(
                "{}: the API server works on it, for {} s now",
                escape(definition),
                since.as_secs()
            ));
        }
        Progress::Again { definition, message, after } => {
            output.note(format_args!(
                "{}: the API server gave up ({}), and is asked again in {} s",
                escape(definition),
                escape(message),
                after.as_secs()
            ));
        }
        Progress::Resumed { definition, objects } => {
            let objects = grouped(objects);
            output.note(format_args!("{}: goes on after {objects} resources", escape(definition)));
        }
        Progress::Page { definition, objects, left } => {
            let Ok(mut told) = told.lock() else { return };
            if left != Some(0) && told.is_some_and(|told| told.elapsed() < EVERY) {
                return;
            }
            *told = Some(Instant::now());
            let of = left.map(|left| format!(" of {}", grouped(objects + left))).unwrap_or_default();
            output.note(format_args!("{}: {}{of} resources", escape(definition), grouped(objects)));
        }
    }
}

fn text(done: &[Migrated]) -> String {
    let mut text = String::new();
    for Migrated { definition, kind, version, dropped, how, objects } in done {
        let what = match how {
            How::Already => "were all rewritten before",
            How::Server => "were rewritten by the API server",
            How::Paged => "were rewritten",
        };
        let count = objects.map(|objects| format!("{} ", grouped(objects))).unwrap_or_default();
        let dropped = match dropped.as_slice() {
            [] => String::new(),
            dropped => format!("; no longer stored: {}", dropped.join(", ")),
        };
        let line = format!("{count}resources {what}, in {version}{dropped}");
        text.push_str(&format!(
            "{b}{}{b:#} ({}): {}\n",
            escape(kind),
            escape(definition),
            escape(&line),
            b = role::NAME
        ));
    }
    text
}

fn json_of(done: &[Migrated]) -> Value {
    let one = |migrated: &Migrated| {
        let Migrated { definition, kind, version, dropped, how, objects } = migrated;
        let how = match how {
            How::Already => "already",
            How::Server => "server",
            How::Paged => "paged",
        };
        json!({"definition": definition, "kind": kind, "storageVersion": version, "dropped": dropped, "how": how, "objects": objects})
    };
    json!({"migrated": done.iter().map(one).collect::<Vec<_>>()})
}
