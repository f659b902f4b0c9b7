//! The SDK for hooks: code beside a Katalog, where expressions end.
//!
//! A hook is called at a point of a reconcile, is told the resource, and answers:
//!
//! | point | trait | what it gives |
//! |---|---|---|
//! | before render | [`BeforeRender`] | values, which templates use as `hook.<name>` |
//! | after render | [`AfterRender`] | the children as they shall be applied |
//! | validate | [`Validate`] | what is wrong with the resource |
//! | finalize | [`Finalize`] | whether the resource may go |
//! | convert | [`Convert`] | objects in another version of their kind |
//!
//! ```
//! use orkestra_hook::{BeforeRender, Call, Error, export};
//! use serde::{Deserialize, Serialize};
//!
//! struct Quota;
//!
//! #[derive(Deserialize)]
//! struct Database {
//!     spec: Spec,
//! }
//!
//! #[derive(Deserialize)]
//! struct Spec {
//!     team: String,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Inputs {
//!     quota_url: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Values {
//!     // The Katalog declares `quota` below `hooks.beforeRender`; templates say `hook.quota`.
//!     quota: u64,
//! }
//!
//! impl BeforeRender for Quota {
//!     type Resource = Database;
//!     type Inputs = Inputs;
//!     type Values = Values;
//!
//!     fn before_render(call: &Call<Database, Inputs>) -> Result<Values, Error> {
//!         let team = &call.resource().spec.team;
//!         let url = format!("{}/teams/{}", call.inputs().quota_url, orkestra_hook::http::escape(team));
//!         let answer = call.http().get(url).send()?;
//!         if answer.status() == 404 {
//!             return Err(Error::failed(format!("team {team} has no quota")));
//!         }
//!         Ok(Values { quota: answer.successful()?.json()? })
//!     }
//! }
//!
//! export!(before_render = Quota);
//! ```
//!
//! # What a hook can do
//!
//! All that it can do comes from its [`Call`]: [`Call::cluster`] reads objects, [`Call::http`] sends requests, [`Call::log`] writes to
//! the runtime's log. The first two need a grant. A hook that does not use one of them does not import it, and needs no grant for it.
//! A conversion has the log alone.
//!
//! Nothing is left from one call to the next: each has an instance of its own. There are no files, sockets, threads or environment, and
//! [`std::time`] does not work.
//!
//! # Errors
//!
//! [`Error::failed`] says that it cannot be done, [`Error::unavailable`] that it cannot be done now. The SDK's own errors become one or
//! the other by `?`. Their messages are shown on the resource, so they name paths and never values.
//!
//! A panic ends the call, and its message is a line of the log at level error.
//!
//! # Tests
//!
//! The crate builds natively as well. [`testing::FakeHost`] has the objects and answers that a test prepares, so that `cargo test` needs
//! no WebAssembly.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod base64;
mod call;
mod children;
pub mod cluster;
mod decode;
mod error;
mod host;
pub mod http;
pub mod log;
mod partial;
mod point;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(target_family = "wasm")]
mod wasm;

pub use base64::Base64;
pub use call::{Call, Child};
pub use children::{Address, Children};
pub use cluster::{Kind, ReadError, ReadFailure};
pub use decode::DecodeError;
pub use error::Error;
pub use http::{HttpError, HttpFailure};
pub use point::after_render::AfterRender;
pub use point::before_render::BeforeRender;
pub use point::convert::{Conversion, Convert};
pub use point::finalize::{Finalize, Outcome};
pub use point::validate::{Validate, Violation};

/// The README's code, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// For the macro [`export!`] alone.
#[doc(hidden)]
pub mod __private {
    pub use crate::point::{Point, Run, Told, unknown_entry};
    #[cfg(target_family = "wasm")]
    pub use crate::wasm::Exported;

    /// The points, by the names that the macro gives them.
    pub mod points {
        pub use crate::point::{after_render, before_render, convert, finalize, validate};
    }
}
