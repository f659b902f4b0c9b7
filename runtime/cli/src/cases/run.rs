//! Running cases: the real component in the real sandbox, and the runtime's own conditions.

use std::path::Path;

use orkestra_komposer::Instance;
use orkestra_operator::{Error as Failure, Given, Identity, Preview};
use orkestra_pattern::model::Pattern;
use orkestra_sandbox as sandbox;
use serde_json::{Map, Value, json};

use super::coverage::Reached;
use super::{Case, Source};
use crate::error::Error;
use crate::output::Output;
use crate::over::{self, Children};
use crate::pattern_dir::{PatternDir, shown};
use crate::{composition, defaults, documents, instances, secrets};

/// Labels that the runtime gives to every child.
const HOST_LABELS: [&str; 4] = [
    "app.kubernetes.io/managed-by",
    "orkestra.orkspace.io/pattern",
    "orkestra.orkspace.io/owner-uid",
    "orkestra.orkspace.io/id",
];

/// Runs the cases of one pattern.
pub(crate) struct Runner<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) files: &'a PatternDir,
    pub(crate) pattern: &'a Pattern,
    pub(crate) loaded: sandbox::Pattern,
    /// The pattern that counts elements, where that is wanted and needed.
    pub(crate) counting: Option<sandbox::Pattern>,
}

/// What came of a case.
pub(crate) struct Came {
    /// `children`, `status` and `conditions`, or `failure`.
    pub(crate) found: Map<String, Value>,
    /// What it reached of the pattern, if anything.
    pub(crate) reached: Option<Reached>,
}

impl Runner<'_> {
    /// What comes of a case.
    pub(crate) fn run(&self, case: &Case, output: &Output) -> Result<Came, Error> {
        let instance = Instance::new(&shown(self.dir), self.pattern.clone(), case.inputs.clone())
            .map_err(|errors| composition::inputs(&errors))?;
        let mut objects = objects(&case.cr, output)?;
        let mut primary = match objects.pop() {
            Some(primary) if objects.is_empty() => primary,
            other => {
                let found = objects.len() + usize::from(other.is_some());
                let problem = format!("`cr` must be one custom resource, found {found} objects");
                return Err(Error::Unusable { problem, hint: None });
            }
        };
        let entry = over::entry(case.entry.as_deref(), self.pattern, &primary)?;
        let refused = self.files.refuses(&primary);
        if !refused.is_empty() {
            let problem = format!("the API server would refuse the resource: {}", refused.join("; "));
            return Err(Error::Unusable { problem, hint: None });
        }
        if let Some(selector) = over::not_selected(entry, &primary) {
            let problem = format!("entry `{}` is for resources with labels that fit `{selector}` alone", entry.name);
            return Err(Error::Unusable { problem, hint: Some("give `cr` such labels".to_owned()) });
        }
        defaults::fill(&mut primary, self.pattern, &entry.api);
        if case.deleting {
            over::delete(&mut primary, case.now);
        }
        let mut children = Children::new(entry);
        for object in self::objects(&case.children, output)? {
            children.add(object, "`children`", output)?;
        }
        let others = self::objects(&case.reads, output)?;
        let given = Given {
            primary: primary.to_string().into_bytes(),
            children: children.observed,
            others: others.iter().map(|object| object.to_string().into_bytes()).collect(),
            hook: case.hook.clone(),
            now: case.now,
        };
        let described = instances::describe(&instance, self.loaded.clone(), None, Identity::Process);
        let declared = described.entries.iter().find(|declared| declared.name == entry.name).ok_or(Error::Silent)?;
        let preview = match orkestra_operator::preview(&described, declared, &given) {
            Ok(preview) => preview,
            Err(failure) => {
                return Ok(Came { found: Map::from_iter([("failure".to_owned(), failed(&failure))]), reached: None });
            }
        };
        let counted = self.counting.clone().and_then(|counting| {
            let described = instances::describe(&instance, counting, None, Identity::Process);
            // What cannot be counted is not seen.
            orkestra_operator::preview(&described, declared, &given).ok()
        });
        let reached = Reached::of(&entry.name, case.deleting, &preview, counted.as_ref());
        Ok(Came { found: outcome(preview), reached })
    }
}

fn objects(source: &Source, output: &Output) -> Result<Vec<Value>, Error> {
    match source {
        Source::Inline(objects) => Ok(objects.clone()),
        Source::File(path) => documents::read(path, output),
    }
}

fn outcome(preview: Preview) -> Map<String, Value> {
    let Preview { children, mut status, .. } = preview;
    let children = children.into_iter().map(|child| {
        let mut shown = Map::from_iter([("id".to_owned(), Value::from(child.id))]);
        if let Some(key) = child.key {
            shown.insert("key".to_owned(), key.into());
        }
        match child.object {
            Some(mut object) => {
                normal(&mut object);
                shown.insert("object".to_owned(), object);
            }
            None => drop(shown.insert("pending".to_owned(), true.into())),
        }
        Value::Object(shown)
    });
    let children: Vec<Value> = children.collect();
    let mut conditions = Value::Array(Vec::new());
    if let Some(status) = status.as_object_mut() {
        conditions = status.shift_remove("conditions").unwrap_or(conditions);
        status.shift_remove("observedGeneration");
    }
    Map::from_iter([
        ("children".to_owned(), children.into()),
        ("status".to_owned(), status),
        ("conditions".to_owned(), conditions),
    ])
}

fn failed(failure: &Failure) -> Value {
    let (at, message) = match failure {
        Failure::Guest(
            sandbox::Failure::Expression { at, message } | sandbox::Failure::CostExceeded { at, message },
        ) => (Some(at.clone()), message.clone()),
        other => (None, other.to_string()),
    };
    match at {
        Some(at) => json!({"reason": failure.reason(), "at": at, "message": message}),
        None => json!({"reason": failure.reason(), "message": message}),
    }
}

/// An object as its pattern says it: without what the runtime adds to every child, and without the values of Secrets.
pub(super) fn normal(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("ownerReferences");
        for (place, names) in [("labels", HOST_LABELS.as_slice()), ("annotations", &[over::KEY])] {
            let Some(map) = metadata.get_mut(place).and_then(Value::as_object_mut) else { continue };
            names.iter().for_each(|name| drop(map.shift_remove(*name)));
            if map.is_empty() {
                metadata.shift_remove(place);
            }
        }
    }
    secrets::mask(object);
}
