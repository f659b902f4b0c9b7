//! Conversion beside a webhook written in Go.

fn main() {}
