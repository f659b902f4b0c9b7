//! Takes out of a cluster what the runtime brought into it, in an order in which nothing hangs or is lost by accident.
//!
//! *Flow*: [`look`] says what there is and what would become of it, and refuses what could not be undone or would leave something
//! broken; [`carry_out`] does it: resources, admission, conversion, definitions, and the runtime's own objects last, the Lease at
//! the very end.
//! *Guarantees*: a definition with resources goes only where that was asked for; one that stays does not point at a webhook that
//! nobody serves; nothing is removed that is not marked as the runtime's. What is done stays done, and a next run goes on.
//! *Caveats*: a runtime that does not hold the Lease (`--no-leader-elect`) is not seen. Accounts and rights that were applied by
//! hand, and the namespace, stay.

mod carry_out;
mod error;
mod judge;
mod look;

pub use carry_out::carry_out;
pub use error::UninstallError;
pub use look::look;

use crate::inventory::Kind;

/// What is to go.
#[derive(Debug, Clone)]
pub struct Uninstall {
    /// The instances; none: all that the inventory of this runtime has.
    pub instances: Option<Vec<String>>,
    /// The runtime's own namespace.
    pub own_namespace: String,
    /// Resources go, too.
    pub delete_resources: bool,
    /// No definition goes.
    pub keep_crds: bool,
    /// Finalizers of the runtime are taken off, and the work that they stand for is not done.
    pub release_finalizers: bool,
}

/// What there is, and what becomes of it.
#[derive(Debug, Clone, Default)]
pub struct Removal {
    /// The process that leads, where one does.
    pub leader: Option<String>,
    /// The definitions of the instances.
    pub definitions: Vec<Definition>,
    /// The runtime's other objects that go.
    pub objects: Vec<Target>,
    /// Entries of the inventory that go; all of it does where it is among [`Removal::objects`].
    pub inventory: Vec<String>,
}

/// A definition, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Definition {
    /// `plural.group`
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The instance that brought it.
    pub instance: String,
    /// Resources that it has.
    pub resources: u64,
    /// Those of them that carry the runtime's finalizer.
    pub finalized: u64,
    /// Whether it goes.
    pub goes: bool,
    /// Whether its resources go.
    pub resources_go: bool,
    /// Whether finalizers are taken off those that stay, or before they go.
    pub releases: bool,
    /// Whether `spec.conversion` becomes `None`.
    pub resets_conversion: bool,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    pub(crate) collection: String,
    pub(crate) namespaced: bool,
    /// The kinds of its instance's children.
    pub(crate) children: Vec<Kind>,
}

/// One object that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `ConfigMap orkestra-inventory`
    pub what: String,
    pub(crate) path: String,
    pub(crate) uid: String,
}

/// Something that was done, or is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something is on its way.
    Waiting {
        /// `Postgres`, `children of Postgres`
        what: String,
        /// How many are left.
        left: u64,
    },
    /// Resources are gone.
    Resources {
        /// Their kind.
        kind: String,
        /// How many.
        count: u64,
    },
    /// Finalizers were taken off.
    Released {
        /// The resources' kind.
        kind: String,
        /// How many.
        count: u64,
    },
    /// A definition no longer points at a webhook.
    ConversionReset {
        /// Its name.
        definition: String,
    },
    /// A definition is gone.
    DefinitionRemoved {
        /// Its name.
        definition: String,
    },
    /// Another object is gone.
    Removed {
        /// `ConfigMap orkestra-inventory`
        what: String,
    },
    /// Entries of the inventory are gone.
    Forgotten {
        /// `instance.entry`
        entries: Vec<String>,
    },
}
