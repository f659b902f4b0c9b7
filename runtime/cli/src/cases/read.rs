//! Reading files of cases.

use std::path::{Path, PathBuf};

use orkestra_pattern::Diagnostics;
use orkestra_pattern::schema::nearest;
use orkestra_pattern::source::{self, Span};
use orkestra_pattern::table::Table;
use orkestra_pattern::yaml::{self, Key, Node};
use serde_json::{Map, Value};

use super::tables::EXPECT;
use super::{Broken, CASE, Case, Expect, Place, Source};
use crate::documents::end_on_errors;
use crate::error::Error;
use crate::output::Output;
use crate::over;
use crate::pattern_dir::{read_up_to, shown};

/// Observed objects are large, and cases are many.
const BOUNDS: yaml::Bounds = yaml::Bounds { size: 4 << 20, aliases: 10_000, depth: 64 };
/// A case is run at the same time for ever, or it would not be the same case.
const NOW: &str = "2000-01-01T00:00:00Z";

/// A file of cases. A document that is no case is there with what is wrong with it.
pub(crate) struct CaseFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) cases: Vec<Result<Case, Broken>>,
}

/// The files of `tests/*.yaml`, sorted by name. None where the pattern has no tests.
pub(crate) fn read(dir: &Path, output: &Output) -> Result<Vec<CaseFile>, Error> {
    let tests = dir.join("tests");
    let failed = |source| Error::Read { path: tests.clone(), source };
    let listing = match std::fs::read_dir(&tests) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for item in listing {
        let path = item.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(|path| file(dir, path, output)).collect()
}

fn file(dir: &Path, path: PathBuf, output: &Output) -> Result<CaseFile, Error> {
    let bytes = read_up_to(&path, BOUNDS.size)?;
    let name = shown(&path);
    let source = source::Source::new().with(name.as_str(), &bytes);
    let (cases, problems) = cases(dir, &source, &name);
    end_on_errors(&problems, &source, output)?;
    let text = source.files().next().map(|file| file.text().to_owned()).unwrap_or_default();
    Ok(CaseFile { path, text, cases })
}

/// What is wrong with the file `name` of cases, without running one.
pub(crate) fn problems(dir: &Path, source: &source::Source, name: &str) -> (Vec<Broken>, Diagnostics) {
    let (cases, problems) = cases(dir, source, name);
    (cases.into_iter().filter_map(Result::err).collect(), problems)
}

fn cases(dir: &Path, source: &source::Source, name: &str) -> (Vec<Result<Case, Broken>>, Diagnostics) {
    let Some(file) = source.find(name) else { return Default::default() };
    let (documents, problems) = yaml::parse(source, file, BOUNDS);
    let text = source.file(file).map(source::File::text).unwrap_or_default();
    let documents = documents.into_iter().filter(|document| document.value != yaml::Value::Null);
    let cases = documents.map(|document| {
        // What is wrong with a case is told with its name as far as it has one.
        let name = document.get("name").and_then(Node::text).unwrap_or_default();
        Reader { dir, source, text }.case(&document).map_err(|broken| Broken { name: name.to_owned(), ..broken })
    });
    (cases.collect(), problems)
}

struct Reader<'a> {
    dir: &'a Path,
    source: &'a source::Source,
    text: &'a str,
}

impl Reader<'_> {
    fn broken(&self, span: Span, problem: String, hint: impl Into<Option<String>>) -> Broken {
        Broken { at: self.source.at(span), span: Some(span), name: String::new(), problem, hint: hint.into() }
    }

    fn line(&self, span: Span) -> u32 {
        self.source.file(span.file).map_or(0, |file| file.position(span.start).line)
    }

    fn members<'n>(&self, node: &'n Node, table: &'static Table) -> Result<&'n [(Key, Node)], Broken> {
        let what = table.what;
        let known: Vec<&str> = table.keys().collect();
        let members = node.members().ok_or_else(|| {
            let problem = format!("{what} is a map, found {}", node.describe());
            self.broken(node.span, problem, format!("its keys are {}", known.join(", ")))
        })?;
        match members.iter().find(|(key, _)| !known.contains(&key.text.as_str())) {
            None => Ok(members),
            Some((key, _)) => Err(self.broken(
                key.span,
                format!("unknown key `{}`", key.text),
                match nearest(&key.text, known.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the keys of {what} are {}", known.join(", ")),
                },
            )),
        }
    }

    fn case(&self, document: &Node) -> Result<Case, Broken> {
        let members = self.members(document, &CASE)?;
        let get = |name: &str| members.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
        let line = self.line(document.span);
        let name = match get("name") {
            Some(node) => self.text(node, "name")?,
            None => {
                return Err(self.broken(
                    document.span,
                    "a case has a name, and this one has none".to_owned(),
                    "write `name: what it shows`".to_owned(),
                ));
            }
        };
        let now = get("now").map_or(Ok(NOW.to_owned()), |node| self.text(node, "now"))?;
        let now_span = get("now").map_or(document.span, |node| node.span);
        let now = over::millis(&now).map_err(|error| self.broken(now_span, error.to_string(), error.hint()))?;
        let expect = get("expect").map_or(Ok(Expect::default()), |node| self.expect(node))?;
        let place = match members.iter().find(|(key, _)| key.text == "expect") {
            Some((key, value)) if self.in_braces(document.span) => {
                Place { start: key.span.start as usize, end: value.span.end as usize, indent: None }
            }
            None if self.in_braces(document.span) => {
                let end = (document.span.end as usize).saturating_sub(1);
                Place { start: end, end, indent: None }
            }
            Some((key, value)) => self.place(key, value),
            None => self.end_of(document.span),
        };
        Ok(Case {
            line,
            name,
            entry: get("entry").map(|node| self.text(node, "entry")).transpose()?,
            cr: match get("cr") {
                None => Source::File(self.dir.join("cr.yaml")),
                Some(node) if node.members().is_some() => Source::Inline(vec![node.to_json()]),
                Some(node) => self.objects(node, "cr")?,
            },
            inputs: match get("inputs").map(|node| (node, node.to_json())) {
                None => Map::new(),
                Some((_, Value::Object(inputs))) => inputs,
                Some((node, _)) => return Err(self.wrong(node, "inputs", "a map from names to values")),
            },
            children: get("children").map_or(Ok(Source::Inline(Vec::new())), |node| self.objects(node, "children"))?,
            reads: get("reads").map_or(Ok(Source::Inline(Vec::new())), |node| self.objects(node, "reads"))?,
            hook: match get("hook").map(|node| (node, node.to_json())) {
                None => None,
                Some((_, given @ Value::Object(_))) => Some(given),
                Some((node, _)) => return Err(self.wrong(node, "hook", "a map from names to values")),
            },
            now,
            deleting: match get("deleting").map(|node| (node, node.to_json())) {
                None => false,
                Some((_, Value::Bool(deleting))) => deleting,
                Some((node, _)) => return Err(self.wrong(node, "deleting", "`true` or `false`")),
            },
            expect,
            place,
        })
    }

    fn wrong(&self, node: &Node, key: &str, expected: &str) -> Broken {
        self.broken(node.span, format!("`{key}` is {expected}, found {}", node.describe()), None)
    }

    fn text(&self, node: &Node, key: &str) -> Result<String, Broken> {
        node.text().map(str::to_owned).ok_or_else(|| self.wrong(node, key, "a string"))
    }

    /// A list of objects, or the name of a file in the pattern's directory.
    fn objects(&self, node: &Node, key: &str) -> Result<Source, Broken> {
        if let Some(name) = node.text() {
            return Ok(Source::File(self.dir.join(name)));
        }
        match node.to_json() {
            Value::Array(items) if items.iter().all(Value::is_object) => Ok(Source::Inline(items)),
            _ => Err(self.wrong(node, key, "a list of objects, or the name of a file in the pattern's directory")),
        }
    }

    fn expect(&self, node: &Node) -> Result<Expect, Broken> {
        let mut expect = Expect::default();
        for (key, value) in self.members(node, &EXPECT)? {
            let json = value.to_json();
            match (key.text.as_str(), &json) {
                ("match", Value::String(text)) if text == "subset" => expect.subset = true,
                ("match", Value::String(text)) if text == "exact" => expect.subset = false,
                ("match", _) => return Err(self.wrong(value, "match", "`exact` or `subset`")),
                ("children" | "conditions", Value::Array(items)) if items.iter().all(Value::is_object) => {
                    expect.parts.insert(key.text.clone(), json);
                }
                ("children" | "conditions", _) => return Err(self.wrong(value, &key.text, "a list of maps")),
                (_, Value::Object(_)) => drop(expect.parts.insert(key.text.clone(), json)),
                _ => return Err(self.wrong(value, &key.text, "a map")),
            }
        }
        Ok(expect)
    }

    /// The stretch from the key to the end of its value, without the comments behind.
    fn place(&self, key: &Key, value: &Node) -> Place {
        let start = key.span.start as usize;
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let indent = self.text[line_start..start].chars().take_while(|c| *c == ' ').count();
        let first_line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        if (value.span.start as usize) < first_line_end && value.span.end > value.span.start {
            return Place { start, end: value.span.end as usize, indent: Some(indent) };
        }
        // A block ends before the first line that is not deeper than its key.
        let mut end = first_line_end;
        let mut at = first_line_end + 1;
        for line in self.text.get(at..).unwrap_or_default().split_inclusive('\n') {
            let content = line.trim_end();
            if !content.is_empty() && content.len() - content.trim_start().len() <= indent {
                break;
            }
            if !content.is_empty() {
                end = at + content.len();
            }
            at += line.len();
        }
        Place { start, end, indent: Some(indent) }
    }

    /// Whether a map is written as `{name: …}`.
    fn in_braces(&self, span: Span) -> bool {
        self.text.get(span.start as usize..).is_some_and(|text| text.starts_with('{'))
    }

    /// Where a document without an expectation gets one: behind its last line.
    fn end_of(&self, document: Span) -> Place {
        let start = document.start as usize;
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest.find("\n---").or_else(|| rest.find("\n...")).unwrap_or(rest.len());
        let end = start + rest[..length].trim_end().len();
        Place { start: end, end, indent: Some(0) }
    }
}
