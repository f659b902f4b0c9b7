//! Loads components and calls them under limits. The only crate in the cluster path that knows wasmtime.
