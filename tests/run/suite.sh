#!/bin/bash
# SPDX-License-Identifier: MIT
# suite.sh - runs the tests of one suite side by side and adds up their TAP
#
# Usage: suite.sh SUITE PROGRAM|FOLDER|FILE.bats...
#
# A program prints TAP (cmocka, replay.c); a folder stands for its .bats files.
# Each leaves build/results/SUITE.MODE.NAME.tap.  A test that prints no TAP
# line, or ends badly after good lines, counts as a failure.
# Environment: JOBS (side by side), PEN_MODE, TEST_TIMEOUT (seconds a file),
# TEST_END (seconds since 1970: no file begins after that)

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

suite=${1:?suite name}
shift
results=build/results
jobs=${JOBS:-2}
export PEN_MODE=${PEN_MODE:-release}
export TEST_TIMEOUT=${TEST_TIMEOUT:-1200}
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}

mkdir -p "$results" || exit 1
rm -f "$results/$suite.$PEN_MODE."*.tap

files=()
for arg in "$@"; do
  if [[ -d $arg ]]; then
    for file in "$arg"/*.bats; do
      [[ ! -e $file ]] || files+=("$file")
    done
  else
    files+=("$arg")
  fi
done
if [[ ${#files[@]} == 0 ]]; then
  printf '%s: no test found\n' "$suite" >&2
  exit 1
fi

printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$jobs" tests/run/one.sh "$suite"
exec tests/run/sum.sh "$suite.$PEN_MODE" "$results/$suite.$PEN_MODE."*.tap
