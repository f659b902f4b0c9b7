//! The points at which hooks are called, and what they are told and say there.

use std::fmt;
use std::time::Duration;

use wasmtime::component::{Component, InstancePre};

use super::bindings::exports::orkestra::hook as exports;
use super::bindings::orkestra::hook::types;
use super::state::State;
use crate::failure::LoadError;

/// A point at which a hook is called: an interface that its component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Values for templates.
    BeforeRender,
    /// Changes of children.
    AfterRender,
    /// Rules for resources.
    Validate,
    /// Work before a resource goes.
    Finalize,
    /// Changes of converted objects.
    Convert,
}

impl Point {
    /// All of them.
    pub const ALL: [Point; 5] =
        [Point::BeforeRender, Point::AfterRender, Point::Validate, Point::Finalize, Point::Convert];

    /// The name of the export.
    pub fn interface(self) -> &'static str {
        match self {
            Point::BeforeRender => "orkestra:hook/before-render@0.1.0",
            Point::AfterRender => "orkestra:hook/after-render@0.1.0",
            Point::Validate => "orkestra:hook/validate@0.1.0",
            Point::Finalize => "orkestra:hook/finalize@0.1.0",
            Point::Convert => "orkestra:hook/convert@0.1.0",
        }
    }

    /// The key below `hooks` of a Katalog.
    pub fn key(self) -> &'static str {
        match self {
            Point::BeforeRender => "beforeRender",
            Point::AfterRender => "afterRender",
            Point::Validate => "validate",
            Point::Finalize => "finalize",
            Point::Convert => "convert",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What a hook is told. All of it is JSON but the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The entry of the Katalog.
    pub entry: String,
    /// The resource.
    pub primary: Vec<u8>,
    /// The inputs, one object.
    pub inputs: Vec<u8>,
    /// The children, as last seen.
    pub children: Vec<HookChild>,
    /// The resource has a deletion timestamp.
    pub deleting: bool,
}

/// A child, as it was seen or as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookChild {
    /// Its id in the Katalog.
    pub id: String,
    /// The element's key, where there may be many.
    pub key: Option<String>,
    /// The object.
    pub object: Vec<u8>,
}

/// A rule that a resource breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookViolation {
    /// The field's path.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// Whether a resource may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finalized {
    /// It may.
    Done,
    /// Not yet.
    Wait {
        /// What it waits for.
        message: String,
        /// When to ask again, if the hook says so.
        after: Option<Duration>,
    },
}

/// One object of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookConversion {
    /// As it came.
    pub source: Vec<u8>,
    /// As the rules made it.
    pub target: Vec<u8>,
}

/// The exports of a component, as far as it has them.
pub(super) struct Exports {
    pub(super) before_render: Option<exports::before_render::GuestIndices>,
    pub(super) after_render: Option<exports::after_render::GuestIndices>,
    pub(super) validate: Option<exports::validate::GuestIndices>,
    pub(super) finalize: Option<exports::finalize::GuestIndices>,
    pub(super) convert: Option<exports::convert::GuestIndices>,
}

impl Exports {
    /// Finds the points of a component. It must have those that are wanted.
    pub(super) fn find(component: &Component, pre: &InstancePre<State>, wanted: &[Point]) -> Result<Self, LoadError> {
        if let Some(point) = wanted.iter().find(|point| !has(component, **point)) {
            return Err(LoadError::PointMissing { point: *point });
        }
        fn found<T>(
            component: &Component,
            point: Point,
            find: impl FnOnce() -> wasmtime::Result<T>,
        ) -> Result<Option<T>, LoadError> {
            let invalid = |error: wasmtime::Error| LoadError::InvalidComponent(error.root_cause().to_string());
            has(component, point).then(find).transpose().map_err(invalid)
        }
        Ok(Exports {
            before_render: found(component, Point::BeforeRender, || exports::before_render::GuestIndices::new(pre))?,
            after_render: found(component, Point::AfterRender, || exports::after_render::GuestIndices::new(pre))?,
            validate: found(component, Point::Validate, || exports::validate::GuestIndices::new(pre))?,
            finalize: found(component, Point::Finalize, || exports::finalize::GuestIndices::new(pre))?,
            convert: found(component, Point::Convert, || exports::convert::GuestIndices::new(pre))?,
        })
    }
}

fn has(component: &Component, point: Point) -> bool {
    component.get_export_index(None, point.interface()).is_some()
}

impl From<HookRequest> for types::Request {
    fn from(request: HookRequest) -> Self {
        let HookRequest { entry, primary, inputs, children, deleting } = request;
        let child = |HookChild { id, key, object }| types::Observed { id, key, object };
        Self { entry, primary, inputs, children: children.into_iter().map(child).collect(), deleting }
    }
}

impl From<HookChild> for exports::after_render::Child {
    fn from(HookChild { id, key, object }: HookChild) -> Self {
        Self { id, key, object }
    }
}

impl From<exports::after_render::Child> for HookChild {
    fn from(exports::after_render::Child { id, key, object }: exports::after_render::Child) -> Self {
        Self { id, key, object }
    }
}

impl From<HookConversion> for exports::convert::Conversion {
    fn from(HookConversion { source, target }: HookConversion) -> Self {
        Self { source, target }
    }
}
