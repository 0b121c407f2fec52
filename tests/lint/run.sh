#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - runs the lint checks, all or those that are named
#
# Usage: run.sh [--fix] [CHECK...]
#
# Each check is a function lint_check_NAME that prints its faults and returns
# non-zero if there was one.  Environment: JOBS; LINT_ROOT, the tree to look at
# (tests/lint/lint.bats points it at broken trees).

set -u -o pipefail
export LC_ALL=C
lint_home=$(cd "$(dirname "$0")" && pwd) || exit 1
cd "${LINT_ROOT:-$lint_home/../..}" || exit 1

# shellcheck source=tests/lint/lib.sh
source "$lint_home/lib.sh" || exit 1
# shellcheck source=tests/lint/c.sh
source "$lint_home/c.sh" || exit 1
# shellcheck source=tests/lint/shell.sh
source "$lint_home/shell.sh" || exit 1
# shellcheck source=tests/lint/text.sh
source "$lint_home/text.sh" || exit 1

readonly all_checks='format banner floors headers blocking todo words bash32
  shfmt shellcheck mandoc warnings-gcc warnings-clang cppcheck clang-tidy'

fix=0
if [[ ${1:-} == --fix ]]; then
  fix=1
  shift
fi
# Read by the checks that can rewrite.
export fix
if (($# == 0)); then
  # shellcheck disable=SC2086 # a list of words
  set -- $all_checks
fi

mkdir -p build/results || exit 1
number=0
bad=0
for check in "$@"; do
  number=$((number + 1))
  tap=build/results/lint.$check.tap
  start=$SECONDS
  faults=$("lint_check_${check//-/_}" 2>&1)
  status=$?
  if ((status == 0)); then
    printf '  PASS    lint %s (%d s)\n' "$check" "$((SECONDS - start))"
    printf '1..1\nok 1 - lint %s\n' "$check" >"$tap"
  else
    bad=$((bad + 1))
    printf '  FAIL    lint %s\n%s\n' "$check" "$faults"
    printf '1..1\nnot ok 1 - lint %s\n' "$check" >"$tap"
  fi
done
printf 'lint: %d passed, %d failed\n' "$((number - bad))" "$bad"
((bad == 0))
