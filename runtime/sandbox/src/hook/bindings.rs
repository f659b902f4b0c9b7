//! What wasmtime makes of the WIT packages.
#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    path: ["../../wit/host", "../../wit/hook"],
    world: "orkestra:hook/hook",
    imports: { default: async | trappable },
    exports: { default: async },
});
