//! A Katalog as it was written: known keys at their places, nothing resolved yet.

mod admission;
mod children;
pub(crate) mod conversion;
pub(crate) mod copies;
pub(crate) mod fields;
mod form;
mod hooks;
mod katalog;
mod options;
mod reads;
mod running;
pub(crate) mod scalars;
mod selector;
mod status;
pub(crate) mod tables;
pub(crate) mod texts;
mod tls;

pub(crate) use form::Form;
pub(crate) use katalog::parse;
pub(crate) use scalars::identifier_problem;
pub(crate) use tables::API_VERSION;
pub use tables::KATALOG;

use std::time::Duration;

use crate::model::{About, Awaits, Operator, Policy, Queue};
use crate::source::Span;
use crate::yaml::{Key, Node};

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// As it was read.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

#[derive(Debug, Default)]
pub(crate) struct Katalog {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<semver::Version>,
    pub(crate) about: About,
    pub(crate) inputs: Vec<Input>,
    pub(crate) capabilities: Vec<Spanned<String>>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: Spanned<String>,
    pub(crate) schema: Node,
    pub(crate) default: Option<Node>,
}

/// `hooks`: the points at which code beside the Katalog is called.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) span: Span,
    /// `beforeRender`, without defaults.
    pub(crate) values: Option<(Span, Vec<Input>)>,
    pub(crate) after_render: Option<AfterRender>,
    /// The places of those that are `true`.
    pub(crate) validate: Option<Span>,
    pub(crate) finalize: Option<Span>,
    pub(crate) convert: Option<Span>,
}

/// `hooks.afterRender`
#[derive(Debug)]
pub(crate) struct AfterRender {
    pub(crate) span: Span,
    pub(crate) children: Vec<Spanned<String>>,
    pub(crate) produces: Vec<Produced>,
}

/// One of `hooks.afterRender.produces`.
#[derive(Debug)]
pub(crate) struct Produced {
    pub(crate) id: Spanned<String>,
    pub(crate) api_version: Spanned<String>,
    pub(crate) kind: Spanned<String>,
    pub(crate) many: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Spanned<String>,
    pub(crate) api: Api,
    pub(crate) selector: Option<Spanned<crate::model::Selector<String>>>,
    pub(crate) workers: u16,
    pub(crate) resync: Duration,
    pub(crate) running: Running,
    pub(crate) vars: Vec<(Key, Node)>,
    pub(crate) reads: Vec<Read>,
    pub(crate) templates: Vec<Template>,
    pub(crate) status: Vec<StatusField>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) conversion: Option<conversion::Conversion>,
    pub(crate) hook: Option<Hook>,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) requeues: Vec<Requeue>,
}

/// How an entry runs, whatever it makes.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) depends_on: Vec<(Spanned<String>, Awaits)>,
    pub(crate) restricted_namespaces: Vec<String>,
    pub(crate) queue: Queue,
}

/// One of `mutation`.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) field: Spanned<String>,
    pub(crate) overrides: bool,
    pub(crate) value: Node,
}

/// One of `validation`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) rule: Node,
    pub(crate) message: Node,
    pub(crate) field: Option<Spanned<String>>,
    pub(crate) deny: bool,
}

/// One of `requeue`.
#[derive(Debug)]
pub(crate) struct Requeue {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) when: Node,
    pub(crate) after: Duration,
}

/// What an entry says of its primary's kind.
#[derive(Debug)]
pub(crate) enum Api {
    /// Nothing: the single CRD.
    Absent,
    /// Something that was refused already.
    Broken,
    /// All of it.
    Given { group: Spanned<String>, version: Spanned<String>, kind: Spanned<String>, plural: Spanned<String> },
}

/// One of `reads`.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) id: Spanned<String>,
    pub(crate) api_version: Spanned<String>,
    pub(crate) kind: Spanned<String>,
    pub(crate) which: Which,
    pub(crate) optional: bool,
    pub(crate) namespace: Option<Node>,
}

/// Which objects a read means.
#[derive(Debug)]
pub(crate) enum Which {
    Name(Node),
    Selected(Selector),
}

/// Objects by their labels.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) labels: Vec<(Key, Node)>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) span: Span,
}

/// One of `matchExpressions`.
#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) key: Spanned<String>,
    pub(crate) operator: Operator,
    pub(crate) values: Vec<Node>,
}

#[derive(Debug)]
pub(crate) struct StatusField {
    pub(crate) path: Spanned<String>,
    pub(crate) when: Option<Node>,
    pub(crate) value: Node,
}

/// One of `status.conditions`.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) kind: Spanned<String>,
    pub(crate) when: Node,
    pub(crate) reason: Option<Node>,
    pub(crate) message: Option<Node>,
}

/// One template of a child, in either form.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) form: Form,
    pub(crate) policy: Policy,
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) name: Option<Node>,
    pub(crate) namespace: Option<Node>,
    pub(crate) labels: Option<Node>,
    pub(crate) annotations: Option<Node>,
    pub(crate) when: Option<Node>,
    pub(crate) or: Option<Node>,
    pub(crate) for_each: Option<ForEach>,
    pub(crate) ready_when: Option<Node>,
    /// How long a value lives that is generated once, in a Secret.
    pub(crate) rotate_after: Option<Spanned<Duration>>,
    /// The certificate that is made, in a Secret.
    pub(crate) tls: Option<Tls>,
    pub(crate) options: Options,
    /// The item as it was written, of which the short form takes its own keys.
    pub(crate) item: Node,
    /// The place that stands for the whole child in messages.
    pub(crate) span: Span,
}

/// `tls`: a certificate, and the key to it.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) common_name: Option<Node>,
    pub(crate) dns_names: Vec<Node>,
    pub(crate) valid_for: Duration,
    pub(crate) span: Span,
}

/// `forEach`, as it was written.
#[derive(Debug)]
pub(crate) struct ForEach {
    pub(crate) field: Node,
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) key: Option<Node>,
    pub(crate) span: Span,
}

/// What a child asks for beside its manifest: each with the place of its key where it does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) once: Option<Span>,
    pub(crate) retain: Option<Span>,
    pub(crate) adopt: Option<Span>,
    pub(crate) recreate: Option<Span>,
    pub(crate) raw: Option<Span>,
}

impl Template {
    /// Whether it makes one child for each element of a list or map.
    pub(crate) fn is_keyed(&self) -> bool {
        self.for_each.is_some() || ["forEach", "toNamespaces"].iter().any(|key| self.item.get(key).is_some())
    }

    /// Whether every child has a key, which a short form leaves alone.
    pub(crate) fn is_common(key: &str) -> bool {
        tables::children::COMMON.iter().any(|row| row.key == key)
    }
}
