//! What an entry is evaluated over without a cluster: a resource, what would be observed, inputs and a time.

use std::collections::HashSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use orkestra_komposer::Instance;
use orkestra_operator::Given;
use orkestra_pattern::model::{Child, Entry, Pattern, Selector};
use orkestra_pattern::schema::nearest;
use serde_json::{Map, Value};

use crate::args::Over;
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};
use crate::{composition, defaults, documents};

/// The label by which the runtime tells a primary's children apart.
pub(crate) const ID: &str = "orkestra.orkspace.io/id";
/// The annotation that says which element of its `forEach` a child is.
pub(crate) const KEY: &str = "orkestra.orkspace.io/key";

/// A pattern with its inputs.
pub(crate) fn instance(dir: &Path, pattern: Pattern, over: &Over) -> Result<Instance, Error> {
    let mut inputs = Map::new();
    for text in &over.inputs {
        let unusable = |problem: &str| Error::Unusable {
            problem: format!("`--input {text}`: {problem}"),
            hint: Some("write --input NAME=VALUE, with a YAML value".to_owned()),
        };
        let (name, value) = text.split_once('=').ok_or_else(|| unusable("there is no `=`"))?;
        let value = documents::value(value).map_err(|why| unusable(&format!("the value cannot be read: {why}")))?;
        if inputs.insert(name.to_owned(), value).is_some() {
            return Err(unusable("the input has a value already"));
        }
    }
    Instance::new(&shown(dir), pattern, inputs).map_err(|errors| composition::inputs(&errors))
}

/// The resource as the API server would show it, the entry that reconciles it, and everything else that was named.
pub(crate) fn given<'a>(
    dir: &Path,
    pattern: &'a Pattern,
    over: &Over,
    output: &Output,
) -> Result<(&'a Entry, Value, Given), Error> {
    let path = over.cr.clone().unwrap_or_else(|| dir.join("cr.yaml"));
    let mut primary = primary(&path, output)?;
    let entry = entry(over.entry.as_deref(), pattern, &primary)?;
    // The pattern's own cr.yaml was checked with the pattern.
    if over.cr.is_some() {
        for why in PatternDir::read(dir)?.refuses(&primary) {
            output.warning(format_args!("the API server would refuse {}: {}", escape(&shown(&path)), escape(&why)));
        }
    }
    if let Some(selector) = not_selected(entry, &primary) {
        output.warning(format_args!(
            "`ork run` would leave it alone: entry `{}` is for resources with labels that fit `{selector}`",
            escape(&entry.name)
        ));
    }
    defaults::fill(&mut primary, pattern, &entry.api);
    let mut children = Children::new(entry);
    for path in &over.children {
        for object in documents::read(path, output)? {
            children.add(object, &shown(path), output)?;
        }
    }
    let mut others = Vec::new();
    for path in &over.reads {
        others.extend(documents::read(path, output)?.iter().map(|object| object.to_string().into_bytes()));
    }
    let now = match &over.now {
        Some(text) => millis(text)?,
        None => clock(),
    };
    let hook = over.hook.as_ref().map(|path| hook(path, output)).transpose()?;
    let given = Given { primary: primary.to_string().into_bytes(), children: children.observed, others, hook, now };
    Ok((entry, primary, given))
}

/// What a hook gives: the one object of a file.
fn hook(path: &Path, output: &Output) -> Result<Value, Error> {
    let mut objects = documents::read(path, output)?;
    match (objects.pop(), objects.is_empty()) {
        (Some(object), true) => Ok(object),
        _ => Err(Error::Unusable {
            problem: format!("`{}` must hold one object, a key for each value of the hook", shown(path)),
            hint: None,
        }),
    }
}

fn primary(path: &Path, output: &Output) -> Result<Value, Error> {
    let mut objects = documents::read(path, output)?;
    if objects.len() == 1 {
        return Ok(objects.remove(0));
    }
    Err(Error::Unusable {
        problem: format!("`{}` must hold one custom resource, found {} objects", shown(path), objects.len()),
        hint: None,
    })
}

/// The selector of an entry that a resource does not fit.
pub(crate) fn not_selected<'a>(entry: &'a Entry, primary: &Value) -> Option<&'a Selector<String>> {
    entry.selector.as_ref().filter(|selector| !selector.selects(primary))
}

/// The entry of this name, or the one that reconciles the resource.
pub(crate) fn entry<'a>(name: Option<&str>, pattern: &'a Pattern, primary: &Value) -> Result<&'a Entry, Error> {
    let api_version = primary["apiVersion"].as_str().unwrap_or_default();
    let kind = primary["kind"].as_str().unwrap_or_default();
    let reconciles = |entry: &&Entry| entry.api.kind == kind && api_version == entry.api.api_version();
    let found = match name {
        Some(name) => pattern.entries.iter().find(|entry| entry.name == name),
        None => pattern.entries.iter().find(reconciles),
    };
    if let Some(entry) = found {
        return Ok(entry);
    }
    let names: Vec<_> = pattern.entries.iter().map(|entry| entry.name.as_str()).collect();
    Err(match name {
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
                format!("entry `{}` reconciles {} of {}", entry.name, entry.api.kind, entry.api.api_version())
            }),
        },
    })
}

/// Observed children, told apart by the runtime's label, or by their kind where only one child has it; each gets the label.
pub(crate) struct Children<'a> {
    entry: &'a Entry,
    seen: HashSet<(&'a str, Option<String>)>,
    pub(crate) observed: Vec<Vec<u8>>,
}

impl<'a> Children<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        Self { entry, seen: HashSet::new(), observed: Vec::new() }
    }

    /// Takes in an object that stands in `place`. One that is no child is left out with a warning.
    pub(crate) fn add(&mut self, mut object: Value, place: &str, output: &Output) -> Result<(), Error> {
        let entry = self.entry;
        let kind = |child: &&Child| object["kind"] == *child.kind && object["apiVersion"] == *child.api_version;
        let metadata = &object["metadata"];
        let label = metadata["labels"].get(ID).and_then(Value::as_str);
        let key = metadata["annotations"].get(KEY).and_then(Value::as_str).map(str::to_owned);
        let mut fitting = entry.children.iter().filter(kind).filter(|child| label.is_none_or(|id| child.id == id));
        let name = metadata["name"].as_str().unwrap_or_default();
        let object_shown = format!("{} {name} in {place}", object["kind"].as_str().unwrap_or("an object"));
        let unusable = |problem: String, hint: String| Err(Error::Unusable { problem, hint: Some(hint) });
        match (fitting.next(), fitting.next()) {
            (Some(child), None) if child.for_each.is_some() && key.is_none() => unusable(
                format!("{object_shown}: child `{}` stands under `forEach`, and the object says no key", child.id),
                format!("give it the annotation {KEY}, as the runtime does"),
            ),
            (Some(child), None) if !self.seen.insert((&child.id, key)) => {
                let object_shown = escape(&object_shown);
                output.warning(format_args!("{object_shown}: a second object for child `{}`, left out", child.id));
                Ok(())
            }
            (Some(child), None) => {
                label_as(&mut object, &child.id);
                self.observed.push(object.to_string().into_bytes());
                Ok(())
            }
            (Some(_), Some(_)) => unusable(
                format!("{object_shown}: several children of entry `{}` are of this kind", entry.name),
                format!("give it the label {ID}, as the runtime does"),
            ),
            (None, _) => {
                let object_shown = escape(&object_shown);
                output.warning(format_args!("{object_shown}: no child of entry `{}`, left out", entry.name));
                Ok(())
            }
        }
    }
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

/// Lets a resource be one that is being deleted.
pub(crate) fn delete(primary: &mut Value, now: i64) {
    let at = jiff::Timestamp::from_millisecond(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    if let Some(metadata) = primary.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("deletionTimestamp").or_insert_with(|| at.strftime("%FT%TZ").to_string().into());
    }
}

/// A time as the API writes it, in milliseconds since 1970.
pub(crate) fn millis(text: &str) -> Result<i64, Error> {
    let timestamp: Result<jiff::Timestamp, _> = text.parse();
    timestamp.map(jiff::Timestamp::as_millisecond).map_err(|_| Error::Unusable {
        problem: format!("`{text}` is not a time"),
        hint: Some("write it as the API does: 2026-01-31T12:00:00Z".to_owned()),
    })
}

pub(crate) fn clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}
