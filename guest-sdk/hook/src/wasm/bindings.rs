//! What wit-bindgen makes of the WIT packages.
//!
//! A component exports all that its worlds export. So that it exports the points of its hook and no others, there is a world for what is
//! imported and one for each point; the linker takes the ones that the hook uses, and the encoder makes one world of them.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

wit_bindgen::generate!({
    inline: r#"
        package orkestra:guest;

        world imports {
            import orkestra:hook/types@0.1.0;
            import orkestra:host/log@0.1.0;
            import orkestra:host/cluster-read@0.1.0;
        }
    "#,
    path: ["../../wit/host", "../../wit/hook"],
    world: "orkestra:guest/imports",
    generate_all,
    runtime_path: "::wit_bindgen::rt",
});

/// The bindings of one point, in a module of its name.
macro_rules! point {
    ($module:ident, $world:literal, $macro:literal, $export:ident) => {
        pub mod $module {
            wit_bindgen::generate!({
                inline: r#"
                    package orkestra:guest;

                    world before-render { export orkestra:hook/before-render@0.1.0; }
                    world after-render { export orkestra:hook/after-render@0.1.0; }
                    world validate { export orkestra:hook/validate@0.1.0; }
                    world finalize { export orkestra:hook/finalize@0.1.0; }
                    world convert { export orkestra:hook/convert@0.1.0; }
                "#,
                path: ["../../wit/host", "../../wit/hook"],
                world: $world,
                with: { "orkestra:hook/types@0.1.0": crate::wasm::bindings::orkestra::hook::types },
                pub_export_macro: true,
                export_macro_name: $macro,
                runtime_path: "::wit_bindgen::rt",
            });
            pub use $export as export;
        }
    };
}

point!(before_render, "orkestra:guest/before-render", "export_before_render", export_before_render);
point!(after_render, "orkestra:guest/after-render", "export_after_render", export_after_render);
point!(validate, "orkestra:guest/validate", "export_validate", export_validate);
point!(finalize, "orkestra:guest/finalize", "export_finalize", export_finalize);
point!(convert, "orkestra:guest/convert", "export_convert", export_convert);
