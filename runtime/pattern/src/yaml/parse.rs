//! Events of the YAML parser to a tree, within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as Marks, Tag};

use super::scalar::{self, Plain};
use super::{Key, Node, Text, Value};
use crate::codes::{bounds, yaml as codes};
use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Source, Span};

/// What a YAML file may cost. Each is a diagnostic with its name.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the file.
    pub size: usize,
    /// Nodes that aliases add by being expanded.
    pub aliases: usize,
    /// Nesting of maps and lists.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { size: 1 << 20, aliases: 10_000, depth: 64 }
    }
}

/// Parses every document of a file.
///
/// The documents before a syntax error are returned too, and after it nothing: what follows broken YAML is guesswork. An
/// empty file has no documents, and neither does one that is beyond a bound.
pub fn parse(source: &Source, file: FileId, bounds: Bounds) -> (Vec<Node>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let Some(found) = source.file(file) else { return (Vec::new(), problems) };
    if found.size() > bounds.size {
        problems.push(bounds::file_size(Span::new(file, 0..0), found.size(), bounds.size));
        return (Vec::new(), problems);
    }
    if let Some(offset) = found.broken_at() {
        problems.push(codes::not_utf8(Span::new(file, offset..offset)));
        return (Vec::new(), problems);
    }
    let offsets = (!found.text().is_ascii()).then(|| found.text().char_indices().map(|(offset, _)| offset).collect());
    let builder = Builder { file, text: found.text(), offsets, bounds, anchors: HashMap::new(), expanded: 0, problems };
    builder.run()
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    /// The byte offset of each character; the parser counts characters. None: they are the same.
    offsets: Option<Vec<usize>>,
    bounds: Bounds,
    anchors: HashMap<usize, Node>,
    expanded: usize,
    problems: Diagnostics,
}

/// A collection that is still open.
struct Open {
    anchor: usize,
    start: usize,
    flow: bool,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map { members: Vec<(Key, Node)>, seen: HashMap<String, Span>, key: Option<Result<Key, Span>> },
}

/// Why the rest of the file is not read.
struct Stop;

impl Builder<'_> {
    fn run(mut self) -> (Vec<Node>, Diagnostics) {
        let mut documents = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut parser = Parser::new_from_str(self.text);
        while let Some(event) = parser.next_event() {
            let (event, marks) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = self.point(error.marker());
                    self.problems.push(codes::syntax(self.file, self.text, at, error.info()));
                    break;
                }
            };
            if self.event(event, marks, &mut open, &mut documents).is_err() {
                break;
            }
        }
        (documents, self.problems)
    }

    fn event(
        &mut self,
        event: Event,
        marks: Marks,
        open: &mut Vec<Open>,
        documents: &mut Vec<Node>,
    ) -> Result<(), Stop> {
        let span = self.span(marks);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, span, marks, tag.as_deref());
                self.finish(node, anchor, open, documents);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), span, "seq");
                self.open(open, span, anchor, Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), span, "map");
                self.open(open, span, anchor, Kind::Map { members: Vec::new(), seen: HashMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { return Ok(()) };
                let (value, last) = match done.kind {
                    Kind::List(items) => {
                        let last = items.last().map(|item| item.span);
                        (Value::List(items), last)
                    }
                    Kind::Map { members, .. } => {
                        let last = members.last().map(|(key, node)| key.span.to(node.span));
                        (Value::Map(members), last)
                    }
                };
                // A block collection ends where its last item does; the event comes only after the blanks that follow.
                let end = if done.flow { span.end as usize } else { last.map_or(done.start, |last| last.end as usize) };
                let node = Node { span: Span::new(self.file, done.start..end), value };
                self.finish(node, done.anchor, open, documents);
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    self.problems.push(codes::recursive_alias(span));
                    return Err(Stop);
                };
                self.expanded += count(&node);
                if self.expanded > self.bounds.aliases {
                    self.problems.push(bounds::aliases(span, self.bounds.aliases));
                    return Err(Stop);
                }
                if open.len() + depth(&node) > self.bounds.depth {
                    self.problems.push(bounds::depth(span, self.bounds.depth));
                    return Err(Stop);
                }
                self.finish(node, 0, open, documents);
                Ok(())
            }
        }
    }

    fn open(&mut self, open: &mut Vec<Open>, span: Span, anchor: usize, kind: Kind) -> Result<(), Stop> {
        if open.len() >= self.bounds.depth {
            self.problems.push(bounds::depth(span, self.bounds.depth));
            return Err(Stop);
        }
        let written = &self.text[span.start as usize..span.end as usize];
        // The blanks behind a bracket may belong to it.
        let flow = written.trim_end().ends_with(['{', '[']);
        open.push(Open { anchor, start: span.start as usize, flow, kind });
        Ok(())
    }

    /// Gives a finished node to the collection around it.
    fn finish(&mut self, node: Node, anchor: usize, open: &mut [Open], documents: &mut Vec<Node>) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = open.last_mut() else {
            documents.push(node);
            return;
        };
        match &mut parent.kind {
            Kind::List(items) => items.push(node),
            Kind::Map { members, seen, key } => match key.take() {
                None => *key = Some(self.key(node, parent.flow)),
                Some(Ok(name)) => match seen.get(&name.text) {
                    Some(first) => self.problems.push(codes::duplicate_key(name.span, &name.text, *first)),
                    None => {
                        seen.insert(name.text.clone(), name.span);
                        members.push((name, node));
                    }
                },
                // A key that was refused takes its value along.
                Some(Err(_)) => {}
            },
        }
    }

    fn key(&mut self, node: Node, flow: bool) -> Result<Key, Span> {
        let text = match &node.value {
            Value::String(text) => {
                let plain = self.text.as_bytes().get(node.span.start as usize) == Some(&b'<');
                if text.text == "<<" && plain {
                    self.problems.push(codes::merge_key(node.span));
                    return Err(node.span);
                }
                text.text.clone()
            }
            // As Kubernetes' own tools have it: `5432: x` is the key "5432".
            Value::Bool(_) | Value::Number(_) => {
                self.text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default().to_owned()
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                let braces = flow && matches!(node.value, Value::Map(_));
                self.problems.push(codes::complex_key(node.span, &node.describe(), braces));
                return Err(node.span);
            }
        };
        Ok(Key { text, span: node.span })
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span, marks: Marks, tag: Option<&Tag>) -> Node {
        self.tag(tag, span, "str");
        if style == ScalarStyle::Plain && tag.is_none() {
            match scalar::resolve(text) {
                Plain::Value(Value::String(_)) => {}
                Plain::Value(value) => return Node { span, value },
                Plain::Ambiguous(why, mend) => {
                    self.problems.push(codes::ambiguous_scalar(span, text, &why, &mend));
                    return Node { span, value: Value::String(Text::from(text)) };
                }
            }
        }
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        // An anchor or a tag in front of the scalar belongs to its span, but not to its text.
        let lead = match style {
            ScalarStyle::SingleQuoted => raw.find('\'').unwrap_or(0),
            ScalarStyle::DoubleQuoted => raw.find('"').unwrap_or(0),
            ScalarStyle::Plain if raw.starts_with(['&', '!']) => {
                let first: String = text.chars().take_while(|character| !character.is_whitespace()).collect();
                raw.rfind(&first).unwrap_or(0)
            }
            _ => 0,
        };
        let start = span.start as usize + lead;
        let places = scalar::places(style, text, &raw[lead..], start, marks.start.col());
        // A scalar's span runs to the next token, over a comment even; its text ends at its quote, or at its last line.
        let length = scalar::quoted_length(style, &raw[lead..]).unwrap_or(raw[lead..].trim_end().len());
        let end = start + length.max(1).min(raw.len() - lead);
        Node {
            span: Span::new(self.file, start..end.max(start)),
            value: Value::String(Text { text: text.to_owned(), places, literal: false }),
        }
    }

    fn tag(&mut self, tag: Option<&Tag>, span: Span, own: &str) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == own)
        {
            self.problems.push(codes::tag(span, &tag.to_string()));
        }
    }

    fn span(&self, marks: Marks) -> Span {
        Span::new(self.file, self.point(&marks.start)..self.point(&marks.end))
    }

    fn point(&self, mark: &Marker) -> usize {
        let offset = match &self.offsets {
            Some(offsets) => offsets.get(mark.index()).copied().unwrap_or(self.text.len()),
            None => mark.index(),
        };
        offset.min(self.text.len())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(members) => members.iter().map(|(_, node)| 1 + count(node)).sum(),
        _ => 0,
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(members) => 1 + members.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// The single document of a file, or a diagnostic that says how many there are.
pub fn single(documents: Vec<Node>, problems: &mut Diagnostics, file: FileId) -> Option<Node> {
    let mut documents = documents.into_iter();
    let first = documents.next();
    if first.is_none() && !problems.has_errors() {
        let at = Span::new(file, 0..0);
        problems.push(codes::no_document(at));
    }
    if let Some(second) = documents.next() {
        problems.push(codes::many_documents(second.span));
    }
    first
}
