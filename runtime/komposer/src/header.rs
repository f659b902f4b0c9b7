//! What the documents of this crate have in common: one of them in a file, and how it begins.

use orkestra_pattern::codes::{Code, keys};
use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::fields::{Fields, label, string};
use orkestra_pattern::source::{FileId, Source, Span};
use orkestra_pattern::yaml::{self, Node};

use crate::tables::{API_VERSION, NAMED};

/// A kind of document.
#[derive(Debug)]
pub(crate) struct Kind {
    /// As `kind` says it.
    pub(crate) name: &'static str,
    /// What another document is told with.
    pub(crate) code: &'static Code,
}

impl Kind {
    fn another(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.code, span, message)
            .hint(format!("a {0} begins with `apiVersion: {API_VERSION}` and `kind: {0}`", self.name))
    }

    /// The one document of a file.
    pub(crate) fn only(&self, source: &Source, file: FileId, problems: &mut Diagnostics) -> Option<Node> {
        let (mut documents, found) = yaml::parse(source, file, yaml::Bounds::default());
        problems.extend(found);
        match documents.as_slice() {
            [_] => documents.pop(),
            [] => {
                if !problems.has_errors() {
                    problems.push(self.another(Span::new(file, 0..0), "the file is empty"));
                }
                None
            }
            [_, second, ..] => {
                problems.push(self.another(second.span, "the file has more than one document"));
                None
            }
        }
    }

    /// Reads `apiVersion` and `kind`. Under another header the keys are another document's, and would all be wrong.
    pub(crate) fn begins(&self, fields: &Fields, problems: &mut Diagnostics) -> Option<()> {
        for (key, expected) in [("apiVersion", API_VERSION), ("kind", self.name)] {
            let Some(node) = fields.require(key, problems) else { continue };
            if node.text() != Some(expected) {
                let problem = self.another(node.span, format!("the file's `{key}` is not a {}'s", self.name));
                problems.push(problem.expected(format!("`{expected}`")).found(node.describe()));
            }
        }
        (!problems.has_errors()).then_some(())
    }

    /// Reads `metadata`, which holds the name.
    pub(crate) fn named(&self, fields: &Fields, problems: &mut Diagnostics) -> Option<String> {
        let fields = Fields::open(fields.require("metadata", problems)?, &NAMED, problems)?;
        let what = format!("the {}'s name", self.name);
        let name = fields.require("name", problems).and_then(|node| label(node, &what, problems));
        for key in ["labels", "annotations"] {
            let Some(node) = fields.take(key) else { continue };
            match node.members() {
                Some(members) => members.iter().for_each(|(key, value)| {
                    string(value, &format!("`{}`", key.text), problems);
                }),
                None => {
                    let problem = Diagnostic::new(&keys::WRONG_KIND, node.span, format!("`{key}` must be a map"));
                    problems.push(problem.expected("a map of strings").found(node.describe()));
                }
            }
        }
        fields.finish(problems);
        Some(name?.value)
    }
}
