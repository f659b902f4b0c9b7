//! Native code from bytes: the one place in the project where the compiler cannot check what is done.
//!
//! wasmtime runs a deserialized artifact as it is, so bytes from anywhere but its own code generator would be arbitrary
//! code in this process. The type [`Native`] holds only bytes that either came from the compile child of this very process
//! over a pipe, or from the cache after its keyed hash was verified; and its constructor is called in those two places only.
//! wasmtime itself checks that version, settings and processor features match.
#![allow(unsafe_code)]

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Native code that this process had compiled.
pub(crate) struct Native(Vec<u8>);

impl Native {
    /// To be called for the output of the code generator, and for what the cache verified to be one.
    pub(crate) fn trusted(bytes: Vec<u8>) -> Self {
        Native(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: the bytes are the code generator's own, see the type.
        unsafe { Module::deserialize(engine, &self.0) }
    }

    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are the code generator's own, see the type.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}
