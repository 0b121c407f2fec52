#!/bin/bash
# SPDX-License-Identifier: MIT
# coverage.sh - reports the line coverage that MODE=cov runs left for sources
#
# Usage: coverage.sh FILE.c...
# Status 1 if a file is under COVERAGE_FLOOR per cent of lines (default 90).

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

floor=${COVERAGE_FLOOR:-90}
filters=()
for file in "$@"; do
  case $file in
    *.c) filters+=(--filter "$(printf '%s' "$file" | sed 's/\./\\./g')\$") ;;
    *) ;;
  esac
done
((${#filters[@]} > 0)) || {
  echo 'coverage: no source named' >&2
  exit 1
}
mkdir -p build/results || exit 1
report=build/results/coverage.json
gcovr --root . --object-directory build/cov "${filters[@]}" \
  --exclude-throw-branches --json-summary -o "$report" build/cov ||
  exit 1
gcovr --root . --object-directory build/cov "${filters[@]}" build/cov ||
  exit 1

# One line of TAP a file, so that a module that falls below counts as a failure.
for file in "$@"; do
  [[ $file == *.c ]] || continue
  jq -r --arg file "$file" --argjson floor "$floor" '
    ([.files[] | select(.filename == $file) | .line_percent][0] // 0) as $got
    | (if $got >= $floor then "ok" else "not ok" end)
    + " - coverage of \($file): \($got) % of lines, at least \($floor)"
    ' "$report" || exit 1
done >build/results/coverage.tap
grep '^not ok' build/results/coverage.tap
exec tests/run/sum.sh coverage build/results/coverage.tap
