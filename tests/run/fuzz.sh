#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh - runs libFuzzer targets, each for a time, starting at its corpus
#
# Usage: fuzz.sh SECONDS NAME...
# What a target finds is kept in build/fuzz-found/NAME/; the corpus in the tree
# is only read.

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

seconds=${1:?seconds}
shift
(($# > 0)) || {
  echo 'fuzz: no target' >&2
  exit 1
}
bad=0
for name in "$@"; do
  found=build/fuzz-found/$name
  mkdir -p "$found" || exit 1
  printf '  FUZZ    %s (%s s)\n' "$name" "$seconds"
  if ! "build/fuzz/fuzz/fuzz_$name" -max_total_time="$seconds" \
    -print_final_stats=1 -artifact_prefix="$found/" \
    "$found" "tests/fuzz/corpus/$name" >"$found.log" 2>&1; then
    bad=1
    printf '  FAIL    %s\n' "$name"
    tail -n 40 "$found.log"
  fi
  grep -E 'number_of_executed_units|cov:' "$found.log" | tail -n 2
done
exit "$bad"
