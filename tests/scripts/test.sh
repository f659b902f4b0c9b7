#!/usr/bin/env bash
# All that must pass, in the order in which failures are cheapest. One build profile, so nothing is built twice.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
programs=${XDG_CACHE_HOME:-$HOME/.cache}/orkestra/control-plane
[ -d "$target/debug/deps" ] || echo "test: the first build of all crates takes about fifteen minutes on two cores"
[ -d "$programs" ] || echo "test: the first run also builds a Kubernetes control plane, registries, their clients, helm and promtool: twenty more minutes, 6 GB of Go's build cache"

step() {
    echo
    echo "== $1"
    shift
    "$@"
}

step "formatting" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
# Programs as well as tests: `cargo test` alone makes only the programs whose own package has integration tests.
step "build" cargo build --workspace --locked --bins --lib --tests
step "control plane" "$target/debug/devcluster" build
step "registries" "$target/debug/devcluster" build-registries
step "readers of a deployment" "$target/debug/devcluster" build-deployment

log=$(mktemp)
trap 'rm -f "$log"' EXIT
outcome=0
step "tests" cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log" || outcome=$?

# Each test program ends with a line of its own; this is their sum.
awk '/^test result: / { passed += $4; failed += $6; skipped += $8 }
     /^not run: / { print }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$outcome"
