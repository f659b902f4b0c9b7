//! From a checked pattern to its program and its component.
