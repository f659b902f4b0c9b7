//! The WebAssembly component around a program: one fixed template, and the engine that it pins.
