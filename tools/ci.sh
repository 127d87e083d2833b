#!/usr/bin/env bash
# What .ci/run calls: the README's test command, formatting, lints, docs, benches once, fuzz briefly.
set -euo pipefail

# A run from cold gains nothing from incremental files, and they fill a disk.
export CARGO_INCREMENTAL=0

step() { printf '\n== %s\n' "$*"; }

step toolchain
cargo --version
rustup component add rustfmt clippy >/dev/null 2>&1 || true

step "the README's test command"
cargo test --workspace

step "dtc without std, and with everything"
cargo build -p dtc --no-default-features
cargo test -p dtc --all-features

step formatting
cargo fmt --all --check

step clippy
cargo clippy --workspace --all-targets --all-features -- -D warnings

step docs
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

step "benches, once each"
# Without --bench criterion runs each of them once, in the profile that the tests have built already.
cargo test --workspace --benches

step "the main job, from the command line"
cargo run --bin mia -- demo --seconds 3 --json

step fuzz
if cargo +nightly --version >/dev/null 2>&1 && cargo fuzz --version >/dev/null 2>&1; then
  # New inputs go to a scratch folder, the committed corpus is only read.
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  for target in $(cargo +nightly fuzz list); do
    printf -- '-- fuzz %s\n' "$target"
    mkdir -p "$scratch/$target"
    cargo +nightly fuzz run "$target" "$scratch/$target" "fuzz/corpus/$target" -- \
      -max_total_time=10 -rss_limit_mb=4096 -verbosity=0
  done
else
  echo "skipped: fuzzing needs a nightly toolchain and cargo-fuzz"
fi

step deny
if cargo deny --version >/dev/null 2>&1; then
  cargo deny check bans licenses sources
else
  echo "skipped: cargo-deny is not installed"
fi

step done
