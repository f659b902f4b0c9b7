//! `ork status`: why a resource is not ready.

use std::fmt::Write as _;

use orkestra_operator::{Query, SeenCondition, SeenEvent, SurveyError, Surveyed, survey};
use serde_json::{Value, json};

use crate::args::{Status, TextOrJson};
use crate::error::Error;
use crate::kube_access;
use crate::output::{Output, escape, role};

pub(crate) fn run(args: &Status, output: &Output) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })?;
    let found = runtime.block_on(async {
        let cluster = kube_access::connect(&args.access).await?;
        let query = query(args, &cluster.namespace);
        survey(cluster.client, &query).await.map_err(failed)
    })?;
    match args.format {
        TextOrJson::Text if found.is_empty() => {
            output.note("no resources of patterns are here (-A looks in all namespaces)")
        }
        TextOrJson::Text => output.data(&text(&found))?,
        TextOrJson::Json => output.bytes(format!("{:#}\n", json_of(&found)).as_bytes())?,
    }
    if found.iter().all(Surveyed::is_ready) { Ok(()) } else { Err(Error::Silent) }
}

fn query(args: &Status, of_context: &str) -> Query {
    let (kind, name) = match &args.what {
        Some((kind, name)) => (Some(kind.clone()), name.clone()),
        None => (None, None),
    };
    let namespace = (!args.all_namespaces).then(|| args.namespace.clone().unwrap_or_else(|| of_context.to_owned()));
    Query { kind, name, namespace }
}

fn failed(error: SurveyError) -> Error {
    match error {
        SurveyError::UnknownKind { .. } | SurveyError::NotFound { .. } => {
            Error::Unusable { problem: error.to_string(), hint: None }
        }
        other => Error::Cluster(other.into()),
    }
}

/// One word for the column.
fn verdict(resource: &Surveyed) -> &str {
    let ready = resource.condition("Ready");
    match ready {
        _ if resource.deleting => "Deleting",
        None => "Unseen",
        Some(_) if resource.outdated => "Outdated",
        Some(ready) => &ready.status,
    }
}

fn reason(resource: &Surveyed) -> &str {
    resource.condition("Ready").map_or("", |ready| &ready.reason)
}

/// A table of all, and below it a paragraph for each that is not ready or not alone in its fields.
fn text(found: &[Surveyed]) -> String {
    let mut rows = vec![["NAMESPACE", "KIND", "NAME", "READY", "REASON"].map(str::to_owned)];
    rows.extend(found.iter().map(|resource| {
        [&*resource.namespace, &*resource.kind, &*resource.name, verdict(resource), reason(resource)].map(line)
    }));
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut cells = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing to a String cannot fail.
            let _ = write!(cells, "{cell:width$}  ");
        }
        let style = match index.checked_sub(1).and_then(|index| found.get(index)) {
            None => role::FAINT,
            Some(resource) if resource.is_ready() => anstyle::Style::new(),
            Some(_) => role::WARNING,
        };
        let _ = writeln!(text, "{style}{}{style:#}", cells.trim_end());
    }
    for resource in found {
        explain(&mut text, resource);
    }
    text
}

fn explain(text: &mut String, resource: &Surveyed) {
    let unwell = |condition: &&SeenCondition| {
        condition.status == "True" && matches!(&*condition.kind, "Conflicted" | "Unsettled")
    };
    let others: Vec<&SeenCondition> = resource.conditions.iter().filter(unwell).collect();
    if resource.is_ready() && others.is_empty() && !resource.paused {
        return;
    }
    let place = match &*resource.namespace {
        "" => resource.name.clone(),
        namespace => format!("{namespace}/{}", resource.name),
    };
    let _ = writeln!(text, "\n{b}{} {}{b:#}", line(&resource.kind), line(&place), b = role::NAME);
    let mut say = |what: &str, message: &str| {
        let _ = writeln!(
            text,
            "  {w}{}{w:#}{}{}",
            line(what),
            if message.is_empty() { "" } else { ": " },
            line(message),
            w = role::WARNING
        );
    };
    if resource.unseen {
        say("Unseen", "it has no conditions: no runtime has looked at it, or its definition keeps none");
    }
    if resource.outdated {
        say("Outdated", "its status is about an older state: the runtime has not come to its latest change");
    }
    if resource.deleting {
        say("Deleting", &format!("it goes when these have done their work: {}", resource.finalizers.join(", ")));
    }
    if resource.paused {
        say("Paused", "nothing is written for it while the annotation orkestra.orkspace.io/paused is \"true\"");
    }
    if let Some(ready) = resource.condition("Ready").filter(|ready| ready.status != "True") {
        // The time of a condition is that of its status: the reason may be newer.
        let since = &ready.last_transition_time;
        let since = if since.is_empty() { String::new() } else { format!(" (not ready since {since})") };
        say(&format!("{}{since}", ready.reason), "");
        // The message names one child or problem after another.
        for part in ready.message.split("; ").filter(|part| !part.is_empty()) {
            let _ = writeln!(text, "    {}", line(part));
        }
    }
    for condition in others {
        let _ = writeln!(text, "  {w}{}{w:#}", line(&condition.kind), w = role::WARNING);
        for part in condition.message.split("; ") {
            let _ = writeln!(text, "    {}", line(part));
        }
    }
    if !resource.events.is_empty() {
        let _ = writeln!(text, "  {f}Events{f:#}", f = role::FAINT);
    }
    for SeenEvent { kind: _, reason, message, count, last_timestamp } in &resource.events {
        let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
        let _ = writeln!(text, "    {} {}{times}: {}", line(last_timestamp), line(reason), line(message));
    }
}

/// Text from a cluster, on one line.
fn line(text: &str) -> String {
    escape(text).replace('\n', " ")
}

fn json_of(found: &[Surveyed]) -> Value {
    let condition = |condition: &SeenCondition| {
        let SeenCondition { kind, status, reason, message, last_transition_time } = condition;
        json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": last_transition_time})
    };
    let event = |event: &SeenEvent| {
        let SeenEvent { kind, reason, message, count, last_timestamp } = event;
        json!({"type": kind, "reason": reason, "message": message, "count": count, "lastTimestamp": last_timestamp})
    };
    let resource = |resource: &Surveyed| {
        json!({
            "apiVersion": resource.api_version, "kind": resource.kind, "namespace": resource.namespace,
            "name": resource.name, "pattern": resource.pattern, "ready": resource.is_ready(),
            "unseen": resource.unseen, "outdated": resource.outdated, "paused": resource.paused,
            "deleting": resource.deleting, "finalizers": resource.finalizers,
            "conditions": resource.conditions.iter().map(condition).collect::<Vec<_>>(),
            "events": resource.events.iter().map(event).collect::<Vec<_>>(),
        })
    };
    Value::Array(found.iter().map(resource).collect())
}
