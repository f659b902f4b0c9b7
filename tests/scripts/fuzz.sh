#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS. The compiler is the pinned one: the pass that counts coverage is part of it, and libFuzzer is
# built by the crate `libfuzzer-sys`, for which a C++ compiler is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${FUZZ_SECONDS:-60}
targets=${FUZZ_TARGETS:-program capability katalog komposer manifest archive signature conversion admission}
kept=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# What `cargo fuzz` sets without a sanitizer. The triple keeps build scripts and macros free of it.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
export RUSTFLAGS
programs=()
for target in $targets; do programs+=(--bin "$target"); done
cargo build --locked --manifest-path tests/fuzz/Cargo.toml --target-dir "$kept" --target "$host" "${programs[@]}"

outcome=0
for target in $targets; do
    mkdir -p "$kept/corpus/$target" "$kept/found/$target"
    log="$kept/$target.log"
    # What is found by coverage goes to the first directory; the second, which is committed, is only read.
    if ! "$kept/$host/debug/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$kept/found/$target/" \
        "$kept/corpus/$target" "tests/fuzz/corpus/$target" 2>"$log"; then
        outcome=1
        echo "$target: FOUND something; $log ends with:"
        tail -n 20 "$log"
    fi
    awk -v target="$target" '/^stat::number_of_executed_units/ { runs = $2 }
        /^stat::peak_rss_mb/ { rss = $2 }
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") coverage = $(i + 1) }
        END { printf "%-12s %10d runs, coverage %d, %d MiB at most\n", target, runs, coverage, rss }' "$log"
done
exit "$outcome"
