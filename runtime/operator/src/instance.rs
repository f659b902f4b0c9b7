//! What the runtime is told to run: plain data, taken from checked patterns by whoever starts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use orkestra_sandbox::Failure;
use orkestra_sandbox::{Plan, Request, Requirement};

use crate::about::About;
use crate::identity::Identity;
use crate::names;
use crate::object::Object;
use crate::running::Running;

/// Computes what should exist for one primary. A component in the sandbox does; a test may stand in for it.
pub trait Evaluate: Send + Sync + 'static {
    /// Runs `entry` over `request`. Blocks its thread until the answer is there.
    ///
    /// # Errors
    ///
    /// Whatever the call ended by, told apart by type.
    fn reconcile(&self, entry: &str, request: &Request) -> Result<Plan, Failure>;

    /// What was counted in the sandbox, where it was one.
    fn metrics(&self) -> Option<orkestra_sandbox::Metrics> {
        None
    }
}

impl Evaluate for orkestra_sandbox::Pattern {
    fn reconcile(&self, entry: &str, request: &Request) -> Result<Plan, Failure> {
        Self::reconcile(self, entry, request)
    }

    fn metrics(&self) -> Option<orkestra_sandbox::Metrics> {
        Some(Self::metrics(self))
    }
}

/// A pattern as it runs here, under a name of the composer's.
#[derive(Clone)]
pub struct Instance {
    /// Unique in the runtime; a DNS label. Field manager and labels come from it.
    pub name: String,
    /// What it does for each kind of primary.
    pub entries: Vec<Entry>,
    /// Its CustomResourceDefinitions, each one JSON object.
    pub crds: Vec<serde_json::Value>,
    /// Those of them whose versions the component converts into each other.
    pub converts: Vec<Converting>,
    /// Kinds with rules that the component applies before an object is stored.
    pub admits: Vec<Admitting>,
    /// The loaded component.
    pub pattern: Arc<dyn Evaluate>,
    /// Code beside it, loaded with what it was granted; none: no entry calls any.
    pub hook: Option<orkestra_sandbox::Hook>,
    /// The values of its inputs: one JSON object.
    pub inputs: Vec<u8>,
    /// On whose behalf it touches children.
    pub identity: Identity,
    /// What is known of it where it was put together: to be shown, and for nothing else.
    pub about: About,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("name", &self.name).field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// A definition whose versions are converted into each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converting {
    /// The API group.
    pub group: String,
    /// The resource's name in paths.
    pub plural: String,
    /// The versions that are not stored.
    pub others: Vec<String>,
}

impl Converting {
    /// The definition's name.
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// A kind with rules for its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitting {
    /// The API group.
    pub group: String,
    /// The version that the rules are written for.
    pub version: String,
    /// The resource's name in paths.
    pub plural: String,
    /// Objects are given values.
    pub mutates: bool,
    /// Objects may be refused or warned of.
    pub validates: bool,
}

/// One kind of primary of a pattern.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name in the Katalog.
    pub name: String,
    /// The primary's kind.
    pub api: Api,
    /// The kind is not the pattern's own: nothing of a primary is written but a finalizer.
    pub foreign: bool,
    /// Which objects of the kind are primaries, by their labels; none: all.
    pub selector: Option<Vec<Requirement>>,
    /// Concurrent reconciles; the runtime's ceiling cuts it.
    pub workers: u16,
    /// Time between full reconciles of an object.
    pub resync: Duration,
    /// How it runs beside that.
    pub running: Running,
    /// Every child that a plan may list, each after those that it reads, and those that its hook may add.
    pub children: Vec<DeclaredChild>,
    /// Every read that a plan may ask for.
    pub reads: Vec<DeclaredRead>,
    /// The points at which the hook is called; none: it is not called.
    pub hook: Option<DeclaredHook>,
}

#[cfg(test)]
impl Entry {
    /// An entry for `Web`s of the group `g`.
    pub(crate) fn of_webs(children: Vec<DeclaredChild>) -> Self {
        Self {
            name: "web".to_owned(),
            api: Api {
                group: "g".to_owned(),
                version: "v1".to_owned(),
                kind: "Web".to_owned(),
                plural: "webs".to_owned(),
                namespaced: true,
            },
            foreign: false,
            selector: None,
            workers: 1,
            resync: Duration::from_secs(3600),
            running: Running::default(),
            children,
            reads: Vec::new(),
            hook: None,
        }
    }
}

impl Entry {
    /// Whether an object of its kind is one of its primaries. What the instance made itself is none where the kind is another's, or
    /// children of the kind would have children in their turn.
    pub(crate) fn selects(&self, instance: &str, object: &Object) -> bool {
        let Some(selector) = &self.selector else { return true };
        let labels = object.labels();
        let own = object.managed && labels.get(names::PATTERN).is_some_and(|pattern| pattern == instance);
        !(self.foreign && own)
            && selector
                .iter()
                .all(|requirement| requirement.is_met_by(labels.get(&requirement.key).map(String::as_str)))
    }

    /// Whether a child is one that the hook may add, of which templates know nothing.
    pub(crate) fn is_produced(&self, id: &str) -> bool {
        let after = self.hook.as_ref().and_then(|hook| hook.after_render.as_ref());
        after.is_some_and(|after| after.produces.iter().any(|produced| produced == id))
    }
}

/// Says what is wrong with what a hook gave, without the values.
pub type CheckGiven = dyn Fn(&serde_json::Value) -> Result<(), String> + Send + Sync;

/// Says which field that decides over rights is not as it was rendered, in words: of an object of this API version and kind, which was
/// so (nothing: there is no template of it) and is so now.
pub type RightsChanged =
    dyn Fn(&str, &str, Option<&serde_json::Value>, &serde_json::Value) -> Option<String> + Send + Sync;

/// The points at which a hook is called.
#[derive(Clone, Default)]
pub struct DeclaredHook {
    /// Before a plan is made, for values; says what is wrong with what it gave.
    pub before_render: Option<Arc<CheckGiven>>,
    /// After a plan is made, for its children.
    pub after_render: Option<AfterRender>,
    /// For what is wrong with a primary.
    pub validate: bool,
    /// For work before a primary goes.
    pub finalize: bool,
    /// API versions and kinds of the objects that it may read.
    pub reads: Vec<(String, String)>,
}

/// What a hook may make of the children of a plan.
#[derive(Clone)]
pub struct AfterRender {
    /// Ids of the children that it is shown, and that it may change or leave out.
    pub children: Vec<String>,
    /// Ids of those that it may add. They are among the entry's children.
    pub produces: Vec<String>,
    /// Fields of rights are the templates' alone.
    pub rights_changed: Arc<RightsChanged>,
}

impl fmt::Debug for AfterRender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterRender").field("children", &self.children).finish_non_exhaustive()
    }
}

impl fmt::Debug for DeclaredHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclaredHook").finish_non_exhaustive()
    }
}

/// A kind as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Api {
    /// Empty for the core group.
    pub group: String,
    /// The version that expressions are typed against.
    pub version: String,
    /// In CamelCase.
    pub kind: String,
    /// The resource's name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// A child that the Katalog declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredChild {
    /// Unique in the entry.
    pub id: String,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// When it is made, and what is done with one that exists.
    pub policy: ChildPolicy,
    /// Ids of the children that it reads: it is deleted before them.
    pub requires: Vec<String>,
    /// It stands under `forEach`: a plan may list it many times, each with a key.
    pub keyed: bool,
    /// Its data keys are generated once: an object that exists is shown to the pattern before anything is applied.
    pub once: bool,
    /// It has no owner reference and is never deleted.
    pub retain: bool,
    /// An object of its name without a controller becomes ours.
    pub adopt: bool,
    /// A change of an immutable field deletes it and creates it again.
    pub recreate: bool,
    /// Of a namespaced primary: it may lie in another namespace, or in none.
    pub elsewhere: bool,
    /// How long a value lives that is generated once.
    pub rotate_after: Option<Duration>,
    /// How long the certificate lives that it holds.
    pub certified_for: Option<Duration>,
}

impl DeclaredChild {
    /// A child without any of the options.
    pub fn new(id: &str, api_version: &str, kind: &str, policy: ChildPolicy) -> Self {
        Self {
            id: id.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            policy,
            requires: Vec::new(),
            keyed: false,
            once: false,
            retain: false,
            adopt: false,
            recreate: false,
            elsewhere: false,
            rotate_after: None,
            certified_for: None,
        }
    }
}

/// A read that the Katalog declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRead {
    /// Unique in the entry.
    pub id: String,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// The primary does not wait for it.
    pub optional: bool,
    /// Of a namespaced primary: it may lie in another namespace.
    pub elsewhere: bool,
}

/// What is done with a child that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildPolicy {
    /// Created when absent, never pruned while the primary lives. Never corrected, but for the marks by which it is found
    /// and by which it goes or stays when the primary goes.
    Create,
    /// Corrected when it drifts, pruned when no longer rendered.
    Apply,
    /// Created when the primary is being deleted, and waited for.
    Delete,
}
