//! The proof of conversions: objects that the schemas allow, there and back.
//!
//! [`prove`] makes objects of each version, converts them by whatever it is given, which is the real component in the real
//! sandbox, and judges what comes of them. It is no proof in the mathematical sense, but it is seeded, it begins with the
//! edges of every field, and it shows the smallest object that it can find.

mod fill;
mod fragment;
mod generate;
mod judge;
mod paths;
mod shrink;
mod text;
mod valid;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ast::conversion::written;
use crate::codes::{Code, conversion as codes};
use crate::diagnostic::Diagnostics;
use crate::model::{Conversion, Entry, Pattern, Version};

use generate::Generator;

/// The path of the first thing in a value that its schema does not allow, as far as a schema says it without expressions.
pub(crate) fn invalid(schema: &crate::schema::Schema, value: &Value) -> Option<Vec<String>> {
    valid::problems(schema, value, &mut valid::Patterns::default()).into_iter().next().map(|(path, _)| path)
}

/// What converts.
pub trait Converter {
    /// Converts an object to the version `target`.
    ///
    /// # Errors
    /// Why it cannot be.
    fn convert(&mut self, entry: &str, target: &str, object: &[u8]) -> Result<Converted, NotConverted>;
}

/// What a conversion made.
#[derive(Debug)]
pub struct Converted {
    /// The object, without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub object: Vec<u8>,
    /// Cost units.
    pub cost: u64,
}

/// Why there is no object.
#[derive(Debug)]
pub struct NotConverted {
    /// A word.
    pub reason: String,
    /// What happened.
    pub message: String,
}

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Objects of each version on each way.
    pub objects: usize,
    /// What the objects are made from.
    pub seed: u64,
    /// What is done on each way at most, in bytes that go in and come out and in units of cost, added up; where that ends the
    /// proof early, it says so. To make a found object small as much again may be done.
    pub work: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { objects: 1000, seed: 0x6f72_6b65_7374_7261, work: 32 << 20 }
    }
}

/// What a conversion that fails counts as: some hundred of them end a proof, however dear they were.
const FAILED: u64 = 1 << 17;
/// The most problems of one way that are shown.
const MOST: usize = 20;

/// Converts objects of every version to every other and back, and reports what does not hold.
pub fn prove(pattern: &Pattern, effort: Effort, converter: &mut dyn Converter) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for entry in &pattern.entries {
        for way in &entry.conversions {
            let Some(proof) = Proof::new(entry, way) else { continue };
            proof.run(effort, converter, &mut problems);
        }
    }
    problems.sort();
    problems
}

/// One way, judged by the way back.
struct Proof<'a> {
    entry: &'a Entry,
    way: &'a Conversion,
    back: &'a Conversion,
    from: &'a Version,
    to: &'a Version,
    patterns: RefCell<valid::Patterns>,
    work: Cell<u64>,
}

/// What an object shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    code: &'static str,
    /// The field that it is about.
    field: String,
    message: String,
}

impl<'a> Proof<'a> {
    fn new(entry: &'a Entry, way: &'a Conversion) -> Option<Self> {
        let version = |name: &str| entry.versions.iter().find(|version| version.name == name);
        let back = entry.conversions.iter().find(|back| back.from == way.to && back.to == way.from)?;
        let (from, to) = (version(&way.from)?, version(&way.to)?);
        Some(Self { entry, way, back, from, to, patterns: RefCell::default(), work: Cell::default() })
    }

    fn run(&self, effort: Effort, converter: &mut dyn Converter, problems: &mut Diagnostics) {
        let mut generator = Generator::new(effort.seed, paths::metadata_keys([self.way, self.back]));
        let mut found: BTreeMap<(&'static str, String), (Finding, Value)> = BTreeMap::new();
        let mut shrinking = 0;
        for number in 0..effort.objects {
            if self.work.get() > effort.work {
                problems.push(codes::cut_short(self.way.span, number, effort.objects));
                break;
            }
            let Some(object) = generator.object(&self.from.schema, number) else {
                problems.push(codes::cut_short(self.way.span, number, effort.objects));
                break;
            };
            let object = self.whole(object);
            let fragment = fragment::of(&object, generator.rng(), number);
            let whole = self.object(&object, converter).into_iter().map(|finding| (finding, object.clone()));
            let partial = self.fragment(&fragment, converter).into_iter().map(|finding| (finding, fragment.clone()));
            for (finding, object) in whole.chain(partial).collect::<Vec<_>>() {
                let key = (finding.code, finding.field.clone());
                if found.len() >= MOST || found.contains_key(&key) {
                    continue;
                }
                let before = self.work.get();
                let smallest = shrink::smallest(&self.from.schema, object, &mut |object| {
                    if self.work.get() - before + shrinking > effort.work {
                        return false;
                    }
                    let again = match fragment::is(object) {
                        true => self.fragment(object, converter),
                        false => self.object(object, converter),
                    };
                    again.iter().any(|other| (other.code, &other.field) == (key.0, &key.1))
                });
                shrinking += self.work.replace(before) - before;
                found.insert(key, (finding, smallest));
            }
        }
        for (finding, object) in found.into_values() {
            let code = [&codes::LOST, &codes::FRAGMENT, &codes::FAILS, &codes::INVALID]
                .into_iter()
                .find(|code: &&Code| code.id == finding.code)
                .unwrap_or(&codes::LOST);
            problems.push(codes::proved(code, self.way.span, finding.message, &shown(&object)));
        }
    }

    /// An object as the API server has it.
    fn whole(&self, mut object: Value) -> Value {
        let api = &self.entry.api;
        let mut whole = Map::from_iter([
            ("apiVersion".to_owned(), self.api_version(&self.from.name).into()),
            ("kind".to_owned(), api.kind.clone().into()),
            ("metadata".to_owned(), json!({"name": "x", "uid": "u"})),
        ]);
        let fields = object.as_object_mut().map(std::mem::take).unwrap_or_default();
        for (key, value) in fields {
            match whole.get_mut(&key).and_then(Value::as_object_mut) {
                Some(metadata) => metadata.extend(value.as_object().cloned().unwrap_or_default()),
                None => drop(whole.insert(key, value)),
            }
        }
        Value::Object(whole)
    }

    fn api_version(&self, version: &str) -> String {
        format!("{}/{version}", self.entry.api.group)
    }

    /// An object in another version, again whole.
    fn convert(&self, to: &str, object: &Value, converter: &mut dyn Converter) -> Result<Value, Finding> {
        let failed = |reason: &str, message: &str| Finding {
            code: codes::FAILS.id,
            field: reason.to_owned(),
            message: format!("the conversion to `{to}` fails: {message}"),
        };
        let bytes = object.to_string().into_bytes();
        let made = converter.convert(&self.entry.name, to, &bytes);
        let made_of = made.as_ref().map_or(FAILED, |made| made.cost.saturating_add(made.object.len() as u64));
        self.work.set(self.work.get().saturating_add(made_of).saturating_add(bytes.len() as u64));
        let made = made.map_err(|error| failed(&error.reason, &error.message))?.object;
        let made: Value = serde_json::from_slice(&made).map_err(|error| failed("InvalidOutput", &error.to_string()))?;
        let mut metadata = object.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        for key in ["labels", "annotations"] {
            metadata.shift_remove(key);
        }
        metadata.extend(made.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default());
        let mut whole = Map::from_iter([
            ("apiVersion".to_owned(), self.api_version(to).into()),
            ("kind".to_owned(), self.entry.api.kind.clone().into()),
            ("metadata".to_owned(), metadata.into()),
        ]);
        let rest = made.as_object().cloned().unwrap_or_default();
        whole.extend(rest.into_iter().filter(|(key, _)| key != "metadata"));
        Ok(Value::Object(whole))
    }

    /// What a whole object shows.
    fn object(&self, object: &Value, converter: &mut dyn Converter) -> Vec<Finding> {
        let mut findings = Vec::new();
        let there = match self.convert(&self.to.name, object, converter) {
            Ok(there) => there,
            Err(finding) => return vec![finding],
        };
        for (path, why) in valid::problems(&self.to.schema, &judge::seen(&there), &mut self.patterns.borrow_mut()) {
            let field = written(&path);
            let message = format!("`{field}` of `{}` is not valid: {why}", self.to.name);
            findings.push(Finding { code: codes::INVALID.id, field, message });
        }
        let lost = |path: &[String], why: &str| {
            let field = written(path);
            let message =
                format!("`{field}` of `{}` is lost on the way to `{}` and back{why}", self.from.name, self.to.name);
            Finding { code: codes::LOST.id, field, message }
        };
        for entry in judge::kept(&there, &self.from.name) {
            if let Some(field) = judge::misplaced(&entry, self.back) {
                findings.push(lost(&field, &judge::told(&entry)));
            }
        }
        if !findings.is_empty() {
            return findings;
        }
        // With the annotation all of it comes back, and what a client who writes it back would add does no harm.
        let mut filled = there.clone();
        fill::defaults(&self.to.schema, &mut filled);
        let words = [("", &there), (" when a client writes it back with the defaults of that version", &filled)];
        for (why, there) in words.into_iter().take(if filled == there { 1 } else { 2 }) {
            match self.convert(&self.from.name, there, converter) {
                Err(finding) => findings.push(finding),
                Ok(back) => {
                    let differ = judge::differences(&judge::seen(object), &judge::seen(&back), &self.way.lossy);
                    findings.extend(differ.iter().map(|path| lost(path, why)));
                }
            }
        }
        findings
    }

    /// What a fragment shows.
    fn fragment(&self, fragment: &Value, converter: &mut dyn Converter) -> Vec<Finding> {
        let there = match self.convert(&self.to.name, fragment, converter) {
            Ok(there) => there,
            Err(finding) => return vec![of_fragment(finding)],
        };
        let back = match self.convert(&self.from.name, &there, converter) {
            Ok(back) => back,
            Err(finding) => return vec![of_fragment(finding)],
        };
        let gained = judge::gained(&judge::seen(fragment), &judge::seen(&back));
        let finding = |path: Vec<String>| {
            let field = written(&path);
            let message = format!("a fragment of `{}` gains `{field}`, which its author did not set", self.from.name);
            Finding { code: codes::FRAGMENT.id, field, message }
        };
        gained.into_iter().map(finding).collect()
    }
}

fn of_fragment(finding: Finding) -> Finding {
    let message = format!("of a fragment {}", finding.message);
    Finding { message, ..finding }
}

/// An object in one line, without what every object has.
fn shown(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.shift_remove("apiVersion");
        root.shift_remove("kind");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            ["name", "uid"].into_iter().for_each(|key| drop(metadata.shift_remove(key)));
            if metadata.is_empty() {
                root.shift_remove("metadata");
            }
        }
    }
    object.to_string()
}
