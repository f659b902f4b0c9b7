//! What the cases of a pattern reach: which templates are rendered, and whether each `when` is seen true and false.

use std::collections::BTreeMap;
use std::path::Path;

use orkestra_operator::Preview;
use orkestra_pattern::cel::Checked;
use orkestra_pattern::model::{Child, Entry, Node, Part, Pattern, Policy, StatusField, Target, Text};
use serde_json::{Value, json};

use crate::pattern_dir::shown;

/// Under what the elements of a child are put into the status, to be counted. No field that an author writes has a blank.
const ELEMENTS: &str = "ork coverage";

/// What one case reached.
#[derive(Debug)]
pub(crate) struct Reached {
    entry: String,
    deleting: bool,
    /// Ids of the children in the plan, each with whether it was rendered or waits for others.
    children: Vec<(String, bool)>,
    /// How many elements there are for a child under `forEach`, where that is known.
    elements: BTreeMap<String, usize>,
}

impl Reached {
    /// Of a preview; none where the resource breaks a rule, so that no template is looked at. `counted` is the preview of
    /// [`counting`]'s pattern.
    pub(crate) fn of(entry: &str, deleting: bool, preview: &Preview, counted: Option<&Preview>) -> Option<Self> {
        let children = preview.children.iter().map(|child| (child.id.clone(), child.object.is_some())).collect();
        let elements = counted.and_then(|preview| preview.status.get(ELEMENTS)?.as_object());
        let count = |value: &Value| match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        let elements = elements.into_iter().flatten().map(|(id, value)| (id.clone(), count(value))).collect();
        preview.denied.is_empty().then(|| Self { entry: entry.to_owned(), deleting, children, elements })
    }
}

/// The pattern with the elements of its children in its status; none where no `when` has to be counted so.
pub(crate) fn counting(pattern: &Pattern) -> Option<Pattern> {
    let mut pattern = pattern.clone();
    let mut counts = false;
    for Entry { children, status, .. } in &mut pattern.entries {
        for Child { id, requires, reads, for_each, when, .. } in children {
            let (Some(for_each), Some(_)) = (for_each, when) else { continue };
            let range: Checked = for_each.range.clone();
            let text = Text { at: range.at.clone(), parts: vec![Part::Expression(Box::new(range))] };
            status.push(StatusField {
                path: vec![ELEMENTS.to_owned(), id.clone()],
                requires: requires.clone(),
                reads: reads.clone(),
                when: None,
                value: Node::Hole(text, Target::Any),
            });
            counts = true;
        }
    }
    counts.then_some(pattern)
}

/// One template, and what was seen of it.
#[derive(Debug)]
struct Template<'a> {
    entry: &'a str,
    child: &'a Child,
    rendered: bool,
    /// `when` held.
    held: bool,
    /// `when` did not hold.
    failed: bool,
}

impl Template<'_> {
    /// Whether a case could show that `when` does not hold: at a deletion nobody counts elements.
    fn tells_false(&self) -> bool {
        self.child.for_each.is_none() || self.child.policy != Policy::Delete
    }

    fn note(&mut self, reached: &Reached) {
        let Child { id, policy, for_each, .. } = self.child;
        if *self.entry != reached.entry || (*policy == Policy::Delete) != reached.deleting {
            return;
        }
        let rendered: Vec<bool> =
            reached.children.iter().filter(|(child, _)| child == id).map(|(_, rendered)| *rendered).collect();
        // What waits for others is not asked yet.
        if rendered.contains(&false) {
            return;
        }
        self.rendered |= !rendered.is_empty();
        self.held |= !rendered.is_empty();
        self.failed |= match for_each {
            None => rendered.is_empty(),
            Some(_) => reached.elements.get(id).is_some_and(|all| rendered.len() < *all),
        };
    }
}

/// What all cases of a pattern reach.
#[derive(Debug)]
pub(crate) struct Coverage<'a> {
    templates: Vec<Template<'a>>,
}

/// A number of things, and how many of them were reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) reached: usize,
    pub(crate) all: usize,
}

impl Share {
    fn of(things: impl IntoIterator<Item = bool>) -> Self {
        things.into_iter().fold(Self::default(), |share, reached| Self {
            reached: share.reached + usize::from(reached),
            all: share.all + 1,
        })
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { reached: self.reached + other.reached, all: self.all + other.all }
    }

    /// Whole percents, never more than there are; of nothing all is reached.
    pub(crate) fn percent(self) -> usize {
        (self.reached * 100).checked_div(self.all).unwrap_or(100)
    }
}

/// Something that no case reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    /// `katalog.yaml:12:8`
    pub(crate) at: String,
    /// The child's id.
    pub(crate) child: String,
    /// `template`, `whenTrue` or `whenFalse`.
    pub(crate) what: &'static str,
}

impl Unreached {
    /// In words.
    pub(crate) fn said(&self) -> String {
        let child = &self.child;
        match self.what {
            "template" => format!("no case renders `{child}`"),
            "whenTrue" => format!("the `when` of `{child}` is true in no case"),
            _ => format!("the `when` of `{child}` is false in no case"),
        }
    }
}

impl<'a> Coverage<'a> {
    pub(crate) fn of(pattern: &'a Pattern) -> Self {
        let templates = pattern.entries.iter().flat_map(|entry| {
            entry.children.iter().map(|child| Template {
                entry: &entry.name,
                child,
                rendered: false,
                held: false,
                failed: false,
            })
        });
        Self { templates: templates.collect() }
    }

    pub(crate) fn note(&mut self, reached: &Reached) {
        self.templates.iter_mut().for_each(|template| template.note(reached));
    }

    pub(crate) fn templates(&self) -> Share {
        Share::of(self.templates.iter().map(|template| template.rendered))
    }

    /// Of each `when` that it was true, and that it was false.
    pub(crate) fn branches(&self) -> Share {
        let conditional = self.templates.iter().filter(|template| template.child.when.is_some());
        Share::of(conditional.flat_map(|template| {
            let no = template.tells_false().then_some(template.failed);
            std::iter::once(template.held).chain(no)
        }))
    }

    /// In the Katalog's order, as far as that is the order of application.
    pub(crate) fn unreached(&self) -> Vec<Unreached> {
        let mut all = Vec::new();
        for template in &self.templates {
            let Child { id, at, when, .. } = template.child;
            let mut push = |at: &str, what| all.push(Unreached { at: at.to_owned(), child: id.clone(), what });
            if !template.rendered {
                push(at, "template");
            }
            if let Some(when) = when {
                if !template.held {
                    push(&when.at, "whenTrue");
                }
                if !template.failed && template.tells_false() {
                    push(&when.at, "whenFalse");
                }
            }
        }
        all
    }

    /// For machines, of the pattern in `dir`.
    pub(crate) fn json(&self, dir: &Path) -> Value {
        let share = |Share { reached, all }| json!({"reached": reached, "all": all});
        let one = |unreached: &Unreached| {
            let Unreached { at, child, what } = unreached;
            json!({"what": what, "child": child, "place": shown(&dir.join(at))})
        };
        json!({
            "pattern": shown(dir),
            "templates": share(self.templates()),
            "branches": share(self.branches()),
            "unreached": self.unreached().iter().map(one).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_whole_and_never_too_many() {
        assert_eq!(Share { reached: 199, all: 200 }.percent(), 99);
        assert_eq!(Share::default().percent(), 100);
        assert_eq!(Share::of([true, false]).and(Share::of([true])), Share { reached: 2, all: 3 });
    }
}
