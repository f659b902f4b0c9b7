#!/usr/bin/env bash
# Looks for what a build needs. Installs what can be installed without asking; says how to get the rest.
set -euo pipefail

missing=0
lacks() {
    echo "setup: $1 is not here. $2" >&2
    missing=1
}

if ! command -v cc >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing gcc (Rust links with it)" >&2
        apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
    else
        lacks "a C compiler (cc)" "On Debian: apt-get install gcc libc6-dev"
    fi
fi
if ! command -v skopeo >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing skopeo (one test copies with it)" >&2
    # One test says that it did not run; the rest needs no skopeo.
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends skopeo >/dev/null; } ||
        echo "setup: skopeo could not be installed" >&2
fi
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing chromium (one test looks at the page with it)" >&2
    # As above.
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } ||
        echo "setup: chromium could not be installed" >&2
fi
command -v git >/dev/null || lacks "git" "On Debian: apt-get install git"
command -v go >/dev/null || lacks "Go" "Go 1.26 or newer builds the control plane, see https://go.dev/doc/install"
if ! command -v cargo >/dev/null; then
    lacks "Rust" "See https://rustup.rs"
elif command -v rustup >/dev/null; then
    # rust-toolchain.toml names version, components and targets. Most releases of rustup install them at the first call of
    # cargo, but not all do.
    rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
elif [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
    lacks "Rust's target wasm32-unknown-unknown" "With rustup: rustup target add wasm32-unknown-unknown"
fi
exit "$missing"
