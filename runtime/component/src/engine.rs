//! The engine module of this build.

/// The engine that components of this build pin.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The core module: no imports, no custom sections.
    pub bytes: &'static [u8],
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of [`Engine::bytes`], hexadecimal.
    pub digest: &'static str,
    /// What a component calls it: `locked-dep=<orkestra:engine@VERSION>,integrity=<sha256-BASE64>`.
    pub import_name: &'static str,
}

/// The engine of this build.
pub fn engine() -> &'static Engine {
    &Engine {
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/engine.wasm")),
        version: env!("ORKESTRA_ENGINE_VERSION"),
        digest: env!("ORKESTRA_ENGINE_DIGEST"),
        import_name: env!("ORKESTRA_ENGINE_IMPORT"),
    }
}
