# Every recipe is one plain line, to be typed by hand as well.

.PHONY: help setup check test demo bench soak hostile fuzz fuzz-planted control-plane
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Look for what a build needs, and install what can be installed
	@tests/scripts/setup.sh

check: setup ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

test: setup ## Everything that must pass: formatting, lints, all test suites on a real API server
	@tests/scripts/test.sh

demo: setup ## The shipped patterns from YAML to ready custom resources; KEEP=1 leaves them running
	@tests/demo/run.sh

bench: setup ## Measurements, as medians and ratios of one run
	@echo 'The first time this builds all crates with optimisation: about fifteen minutes on two cores.'
	cargo build --locked --workspace --profile bench --bin ork
	cargo bench --locked --workspace --bench '*'

soak: setup ## Tests that take too long for `make test`
	cargo build --locked --workspace --bin ork --test soak
	cargo test --locked --workspace --test soak -- --nocapture --test-threads 1
	ORK_SOAK_SECONDS=600 cargo test --locked --workspace --test conversion -- --nocapture replicas
	ORK_SOAK_ROUNDS=100 cargo test --locked --workspace --test conversion -- --nocapture killed
	ORK_SOAK_OBJECTS=20000 cargo test --locked --workspace --test cluster -- --nocapture in_pages
	ORK_SOAK_OBJECTS=3000 cargo test --locked --workspace --test cluster -- --nocapture a_killed_process
	ORK_SOAK_ROUNDS=30 cargo test --locked --workspace --test cluster -- --nocapture what_is_read_moves
	MUTATION_COUNT=200 cargo test --locked --workspace --test language -- --nocapture every_edit

hostile: setup ## All hostile things, also on a fifth of a processor, and ten thousand failed calls (minutes)
	ORK_HOSTILE=all cargo test --locked --workspace --test hostile -- --nocapture
	ORK_TRAPS=10000 cargo test --locked --workspace --test traps -- --nocapture

fuzz: setup ## The fuzzer on all that reads foreign bytes; FUZZ_SECONDS=60 for each target, FUZZ_TARGETS names some
	@tests/scripts/fuzz.sh

fuzz-planted: setup ## A fault that is planted behind parser, check and compiler: the fuzzer has to find it in FUZZ_SECONDS=600
	@tests/scripts/fuzz.sh planted

control-plane: setup ## Build the control plane's programs, where they are missing (ten minutes)
	cargo run --locked -q -p orkestra-devcluster -- build
