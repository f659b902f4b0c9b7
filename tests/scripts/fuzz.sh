#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS; with the argument `planted`, shows that a fault which was put in is found. The compiler is the
# pinned one: the pass that counts edges is part of it, and libFuzzer is built by the crate `libfuzzer-sys`, for which a C++ compiler is
# needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

targets=${FUZZ_TARGETS:-program capability katalog komposer manifest archive signature conversion admission}
[ "${1:-}" = planted ] && targets=planted
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

# The Katalogs of the suite `language`, each with its CRD behind the cut: what the check knows, the fuzzer begins with.
seeds=$kept/seeds
rm -rf "$seeds"
mkdir -p "$seeds"
for katalog in tests/language/*/*/katalog.yaml; do
    case=$(dirname "$katalog")
    crd=$case/crd.yaml
    [ -f "$crd" ] || crd=tests/language/crd.yaml
    { cat "$katalog" && printf '\n%%%%%%\n' && cat "$crd"; } >"$seeds/$(basename "$(dirname "$case")")-$(basename "$case")"
done

common=(-max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1)

if [ "$targets" = planted ]; then
    seconds=${FUZZ_SECONDS:-600}
    log=$kept/planted.log
    rm -rf "$kept/corpus/planted" "$kept/found/planted"
    mkdir -p "$kept/corpus/planted" "$kept/found/planted"
    given=(tests/fuzz/corpus/katalog "$seeds")
    if ! "$kept/$host/debug/planted" -runs=0 "${common[@]}" "${given[@]}" 2>"$log"; then
        echo "planted: a seed meets the fault, so finding it would show nothing; $log"
        exit 1
    fi
    began=$(date +%s)
    # A seed for the generator of random numbers, so that two runs differ by nothing but the machine's speed.
    "$kept/$host/debug/planted" -seed=1 -max_total_time="$seconds" -artifact_prefix="$kept/found/planted/" "${common[@]}" \
        "$kept/corpus/planted" "${given[@]}" 2>"$log" || true
    if ! grep -q 'the planted fault' "$log"; then
        echo "planted: NOT found within $seconds s; $log"
        exit 1
    fi
    runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' "$log")
    echo "planted: found after $(($(date +%s) - began)) s and $runs runs, by $(ls "$kept/found/planted")"
    exit 0
fi

seconds=${FUZZ_SECONDS:-60}
outcome=0
for target in $targets; do
    mkdir -p "$kept/corpus/$target" "$kept/found/$target"
    log="$kept/$target.log"
    # What is found by coverage goes to the first directory; the others are only read.
    given=("tests/fuzz/corpus/$target")
    [ "$target" = katalog ] && given+=("$seeds")
    if ! "$kept/$host/debug/$target" -max_total_time="$seconds" "${common[@]}" -artifact_prefix="$kept/found/$target/" \
        "$kept/corpus/$target" "${given[@]}" 2>"$log"; then
        outcome=1
        echo "$target: FOUND something; $log ends with:"
        tail -n 20 "$log"
    fi
    # `cov:` of libFuzzer counts the edges that were taken; how many there are, it says when it starts.
    awk -v target="$target" '/^stat::number_of_executed_units/ { runs = $2 }
        /^stat::peak_rss_mb/ { rss = $2 }
        /inline 8-bit counters\)/ { for (i = 1; i < NF; i++) if ($i ~ /^\([0-9]+$/ && !all) all = substr($i, 2) }
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") { taken = $(i + 1); if ($2 == "INITED") first = taken } }
        END { printf "%-12s %10d runs, %d of %d edges (%d by what it began with), %d MiB at most\n", target, runs, taken, all, first, rss }' "$log"
done
exit "$outcome"
