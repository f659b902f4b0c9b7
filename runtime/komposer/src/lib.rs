//! Composition: imports, overrides, resolution.
