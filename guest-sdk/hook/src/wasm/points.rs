//! What a component exports, by the points of its hook.

use std::marker::PhantomData;
use std::time::Duration;

use super::bindings::orkestra::hook::types::{Failure, Request};
use super::bindings::{after_render, before_render, convert, finalize, validate};
use super::{Current, say_panics};
use crate::point::after_render::Rendering;
use crate::point::convert::{Batch, Pair};
use crate::point::{self, Incoming, RawChild, Run};
use crate::{Error, Outcome, Violation};

use after_render::exports::orkestra::hook::after_render as after_render_wit;
use before_render::exports::orkestra::hook::before_render as before_render_wit;
use convert::exports::orkestra::hook::convert as convert_wit;
use finalize::exports::orkestra::hook::finalize as finalize_wit;
use validate::exports::orkestra::hook::validate as validate_wit;

/// The exports of a component.
#[derive(Debug)]
pub struct Exported<C>(PhantomData<C>);

impl<C: Run<point::before_render::This>> before_render_wit::Guest for Exported<C> {
    fn before_render(request: Request) -> Result<Vec<u8>, Failure> {
        say_panics();
        Ok(C::run(request.into())?)
    }
}

impl<C: Run<point::after_render::This>> after_render_wit::Guest for Exported<C> {
    fn after_render(
        request: Request,
        children: Vec<after_render_wit::Child>,
    ) -> Result<Vec<after_render_wit::Child>, Failure> {
        say_panics();
        let raw = |after_render_wit::Child { id, key, object }| RawChild { id, key, object };
        let child = |RawChild { id, key, object }| after_render_wit::Child { id, key, object };
        let children = children.into_iter().map(raw).collect();
        let answer = C::run(Rendering { request: request.into(), children })?;
        Ok(answer.into_iter().map(child).collect())
    }
}

impl<C: Run<point::validate::This>> validate_wit::Guest for Exported<C> {
    fn validate(request: Request) -> Result<Vec<validate_wit::Violation>, Failure> {
        say_panics();
        let violation = |Violation { field, message }| validate_wit::Violation { field, message };
        Ok(C::run(request.into())?.into_iter().map(violation).collect())
    }
}

impl<C: Run<point::finalize::This>> finalize_wit::Guest for Exported<C> {
    fn finalize(request: Request) -> Result<finalize_wit::Outcome, Failure> {
        say_panics();
        Ok(match C::run(request.into())? {
            Outcome::Done => finalize_wit::Outcome::Done,
            Outcome::Wait { message, after } => finalize_wit::Outcome::Wait((message, after.map(milliseconds))),
        })
    }
}

impl<C: Run<point::convert::This>> convert_wit::Guest for Exported<C> {
    fn convert(entry: String, version: String, objects: Vec<convert_wit::Conversion>) -> Result<Vec<Vec<u8>>, Failure> {
        say_panics();
        let pair = |convert_wit::Conversion { source, target }| Pair { source, target };
        let objects = objects.into_iter().map(pair).collect();
        Ok(C::run(Batch { entry, version, objects, host: Current })?)
    }
}

impl From<Request> for Incoming {
    fn from(Request { entry, primary, inputs, children, deleting }: Request) -> Self {
        let children = children.into_iter();
        let children = children.map(|child| RawChild { id: child.id, key: child.key, object: child.object }).collect();
        Self { entry, primary, inputs, children, deleting, host: Current }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.message().to_owned();
        if error.is_unavailable() {
            Self::Unavailable((message, error.retries_after().map(milliseconds)))
        } else {
            Self::Failed(message)
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
