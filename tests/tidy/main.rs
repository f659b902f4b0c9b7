//! What reviews would otherwise have to notice: the arrows between crates, and the state of the tree.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

mod crates;
mod tree;
mod wit;
