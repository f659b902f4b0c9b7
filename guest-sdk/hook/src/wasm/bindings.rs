//! What wit-bindgen makes of the WIT packages.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

wit_bindgen::generate!({
    path: ["../../wit/host", "../../wit/hook"],
    world: "orkestra:hook/hook",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "orkestra_hook::__private::bindings",
    runtime_path: "::wit_bindgen::rt",
});
