//! `ork run --dry-run`: what a run would change.

use std::fmt::Write as _;

use orkestra_operator::{self as operator, Action, Change, Cluster, DryRun, Field, Looked};
use serde_json::{Value, json};

use super::options;
use crate::args::{Run, TextOrJson};
use crate::error::Error;
use crate::output::{Output, count, escape, role};

pub(super) async fn run(
    args: &Run,
    cluster: Cluster,
    instances: Vec<operator::Instance>,
    output: &Output,
) -> Result<(), Error> {
    let found = operator::dry_run(cluster.client, options(args), instances).await;
    let found = found.map_err(|error| Error::Runtime(error.into()))?;
    match args.format {
        TextOrJson::Text => output.data(&text(&found)),
        TextOrJson::Json => output.bytes(format!("{:#}\n", json_of(&found)).as_bytes()),
    }
}

/// Text from a cluster, on one line.
fn line(text: &str) -> String {
    escape(text).replace('\n', " ")
}

fn text(found: &DryRun) -> String {
    let DryRun { changes, resources, skipped } = found;
    let mut text = String::new();
    // Writing to a String cannot fail.
    for change in changes {
        write_change(&mut text, "", change);
    }
    for Looked { controller: _, kind, namespace, name, changes, problem } in resources {
        let place = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
        let _ = writeln!(text, "{b}{kind} {}{b:#}", line(&place), b = role::NAME);
        if changes.is_empty() {
            let _ = writeln!(text, "  {f}nothing changes{f:#}", f = role::FAINT);
        }
        for change in changes {
            write_change(&mut text, "  ", change);
        }
        if let Some((reason, message)) = problem {
            let _ = writeln!(text, "  {w}{reason}{w:#}: {}", line(message), w = role::WARNING);
        }
    }
    for (what, why) in skipped {
        let _ = writeln!(text, "{w}not looked at{w:#}: {what}: {}", line(why), w = role::WARNING);
    }
    let all = || changes.iter().chain(resources.iter().flat_map(|looked| &looked.changes));
    let number = |action| all().filter(|change| change.action == action).count();
    let _ = writeln!(
        text,
        "{}: {} to create, {} to update, {} to delete; nothing was changed",
        count(resources.len(), "resource"),
        number(Action::Create),
        number(Action::Update),
        number(Action::Delete),
    );
    text
}

fn write_change(text: &mut String, indent: &str, change: &Change) {
    let Change { action, api_version: _, kind, namespace: _, name, fields } = change;
    let style = match action {
        Action::Create => role::DONE,
        Action::Update => role::HINT,
        Action::Delete => role::ERROR,
    };
    let _ = writeln!(text, "{indent}{style}{}{style:#} {kind} {}", action.name(), line(name));
    for Field { path, before, after } in fields {
        let path = line(path);
        let _ = match (before, after) {
            (Some(before), Some(after)) => writeln!(text, "{indent}  {path}: {} → {}", line(before), line(after)),
            (None, Some(after)) => writeln!(text, "{indent}  {path}: + {}", line(after)),
            (Some(before), None) => writeln!(text, "{indent}  {path}: - {}", line(before)),
            (None, None) => Ok(()),
        };
    }
}

fn json_of(found: &DryRun) -> Value {
    let DryRun { changes, resources, skipped } = found;
    let all = |changes: &[Change]| changes.iter().map(json_of_change).collect::<Vec<_>>();
    let resource = |looked: &Looked| {
        let Looked { controller, kind, namespace, name, changes, problem } = looked;
        let problem = problem.as_ref().map(|(reason, message)| json!({"reason": reason, "message": message}));
        json!({"controller": controller, "kind": kind, "namespace": namespace, "name": name, "changes": all(changes), "problem": problem})
    };
    json!({
        "changes": all(changes),
        "resources": resources.iter().map(resource).collect::<Vec<_>>(),
        "skipped": skipped.iter().map(|(what, why)| json!({"what": what, "why": why})).collect::<Vec<_>>(),
    })
}

fn json_of_change(change: &Change) -> Value {
    let Change { action, api_version, kind, namespace, name, fields } = change;
    let field = |field: &Field| json!({"path": field.path, "before": field.before, "after": field.after});
    json!({
        "action": action.name(), "apiVersion": api_version, "kind": kind, "namespace": namespace, "name": name,
        "fields": fields.iter().map(field).collect::<Vec<_>>(),
    })
}
