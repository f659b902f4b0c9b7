//! The `ork` command.
fn main() {}
