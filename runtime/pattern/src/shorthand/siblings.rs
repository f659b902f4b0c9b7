//! What a short form knows of the entry around it, and the labels by which pods are found.

use crate::ast::{Form, Read, Template, Which};
use crate::model::Policy;
use crate::source::Span;
use crate::yaml::Node;

/// The label of the primary's name on generated pods.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label of the child's id on generated pods.
const ID: &str = "orkestra.orkspace.io/id";
/// The label of the element's key on the pods of a child with `forEach`.
const KEY: &str = "orkestra.orkspace.io/key";

/// What a short form knows of the entry around it.
pub(crate) struct Context<'a> {
    /// The child's id.
    pub(crate) id: &'a str,
    /// Every child of the entry that has an id, this one as well.
    pub(crate) siblings: &'a [Sibling<'a>],
    /// What the entry reads.
    pub(crate) reads: &'a [Read],
}

/// A child of the entry.
pub(crate) struct Sibling<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// How it was written.
    pub(crate) template: &'a Template,
}

impl<'a> Context<'a> {
    /// The child of that id.
    pub(super) fn sibling(&self, id: &str) -> Option<&'a Sibling<'a>> {
        self.siblings.iter().find(|sibling| sibling.id == id)
    }

    /// The one object that is read by that id.
    pub(super) fn read(&self, id: &str) -> Option<&'a Read> {
        self.reads.iter().find(|read| read.id.value == id && matches!(read.which, Which::Name(_)))
    }

    /// The entry's only child whose pods a Service can lead to, or the ids of all.
    pub(super) fn only_workload(&self) -> Result<&'a Sibling<'a>, Vec<String>> {
        self.only(|sibling| sibling.template.form.keeps_pods())
    }

    /// The entry's only child that fits and lives as long as the primary, or the ids of all.
    pub(super) fn only(&self, fits: impl Fn(&Sibling) -> bool) -> Result<&'a Sibling<'a>, Vec<String>> {
        let found: Vec<&Sibling> =
            self.siblings.iter().filter(|sibling| sibling.template.policy != Policy::Delete && fits(sibling)).collect();
        match found.as_slice() {
            [only] => Ok(only),
            several => Err(several.iter().map(|sibling| sibling.id.to_owned()).collect()),
        }
    }
}

impl Sibling<'_> {
    /// The kind that its manifest names.
    pub(super) fn kind(&self) -> &str {
        match self.template.form.kind() {
            Some((_, kind)) => kind,
            None => {
                self.template.item.get("manifest").and_then(|manifest| manifest.get("kind")?.text()).unwrap_or_default()
            }
        }
    }
}

/// Whether a template makes one child for each element of a list or map.
pub(super) fn is_keyed(template: &Template) -> bool {
    template.is_keyed()
}

/// The labels of a workload's pods. They never change, because a selector cannot.
/// `keyed`: those of one element, told apart from the pods of the others.
pub(super) fn labels(span: Span, id: &str, keyed: bool) -> Node {
    let mut members = vec![instance(span), (ID, Node::string(span, id))];
    if keyed {
        members.push((KEY, Node::string(span, "{{ key }}")));
    }
    Node::map(span, members)
}

/// The labels of a pod that is a child itself: the runtime adds the id's.
pub(super) fn own_labels(span: Span) -> Node {
    Node::map(span, [instance(span)])
}

fn instance(span: Span) -> (&'static str, Node) {
    (INSTANCE, Node::string(span, "{{ metadata.name }}"))
}

/// The labels by which a template selects the pods of a workload: of the same element, if both have elements.
pub(super) fn selector(span: Span, template: &Template, workload: &Sibling) -> Node {
    let keyed = is_keyed(template) && is_keyed(workload.template) && workload.template.form != Form::Pod;
    labels(span, workload.id, keyed)
}
