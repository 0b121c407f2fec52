#!/bin/bash
# SPDX-License-Identifier: MIT
# one.sh - runs one test file under a time limit and keeps its TAP
#
# Usage: one.sh SUITE PROGRAM|FILE.bats      (called by suite.sh)
#
# A file whose turn comes after TEST_END is left out, which its TAP says.

set -u -o pipefail
export LC_ALL=C

suite=$1
file=$2
name=$(basename "$file" .bats)
tap=build/results/$suite.$PEN_MODE.$name.tap
err=${tap%.tap}.err

case $file in
  *.bats) command=(bats --tap "$file") ;;
  */fuzz_*) command=("$file" "tests/fuzz/corpus/${name#fuzz_}") ;;
  *) command=("$file") ;;
esac

start=$SECONDS
if [[ -n ${TEST_END:-} ]] && (($(date +%s) > TEST_END)); then
  printf '1..1\nok 1 - %s # SKIP no time was left for it\n' "$name" >"$tap"
  printf '  SKIP    %s: no time was left for it\n' "$file"
  exit 0
fi
timeout -k 10 "$TEST_TIMEOUT" "${command[@]}" >"$tap" 2>"$err" </dev/null
status=$?
# cmocka marks a skipped test "not ok N # SKIP"; TAP says "ok".
mended=$(sed 's/^not ok \([0-9]*\) # SKIP /ok \1 # SKIP /' "$tap") || exit 1
printf '%s\n' "$mended" >"$tap" || exit 1

ok=$(grep -c '^ok ' "$tap")
bad=$(grep -c '^not ok ' "$tap")
planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\).*/\1/p' "$tap" |
  awk '{ n += $1 } END { print n + 0 }')
fault=
if [[ $status == 124 || $status == 137 ]]; then
  fault="ran longer than $TEST_TIMEOUT s"
elif [[ $status != 0 && $bad == 0 ]]; then
  fault="ended with status $status"
elif ((ok + bad == 0)); then
  fault='ran no test'
elif ((ok + bad < planned)); then
  fault="ran $((ok + bad)) tests of $planned"
fi
if [[ -n $fault ]]; then
  printf 'not ok %d - %s: %s\n' "$((ok + bad + 1))" "$name" "$fault" >>"$tap"
  bad=$((bad + 1))
fi

if ((bad > 0)); then
  # One write, so that two failing tests do not mix their lines.
  report=$(
    printf '  FAIL    %s (%d ok, %d failed, %d s)\n' \
      "$file" "$ok" "$bad" "$((SECONDS - start))"
    if [[ -n $fault ]]; then
      tail -n 30 "$tap"
    else
      grep -A 30 '^not ok' "$tap" | grep -v '^ok '
    fi | sed 's/^/    /'
    grep -v "^# tests/fuzz" "$err" | head -n 40 | sed 's/^/    /'
  )
  printf '%s\n' "$report"
else
  printf '  PASS    %s (%d, %d s)\n' "$file" "$ok" "$((SECONDS - start))"
fi
exit 0
