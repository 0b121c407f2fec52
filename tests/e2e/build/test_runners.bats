#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# test_runners.bats - what goes wrong in a test run cannot pass for success

setup() {
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree/tests"
  cp -R "$BATS_TEST_DIRNAME/../../run" "$BATS_TEST_DIRNAME"/../../rows.* \
    "$tree/tests"
  cd "$tree" || return 1
}

# suite line... - runs a suite of one test program made of these lines of bash
suite() {
  printf '%s\n' '#!/bin/bash' "$@" >prog
  chmod +x prog
  PEN_MODE=release TEST_TIMEOUT=2 run tests/run/suite.sh unit ./prog
  printf '%s\n' "$output"
}

@test "good lines are counted" {
  suite 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
  [[ $status == 0 && $output == *'unit.release: 2 passed, 0 failed, 0 skipped' ]]
}

@test "a failing line fails the suite" {
  suite 'echo "ok 1 - a"; echo "not ok 2 - b"'
  [[ $status == 1 && $output == *'1 passed, 1 failed'* ]]
}

@test "a crash after good lines fails the suite" {
  suite 'echo "ok 1 - a"; kill -SEGV $$'
  [[ $status == 1 && $output == *'ended with status 139'* ]]
}

@test "a test that prints nothing fails the suite" {
  suite 'exit 0'
  [[ $status == 1 && $output == *'ran no test'* ]]
}

@test "fewer lines than planned fail the suite" {
  suite 'echo 1..3; echo "ok 1 - a"'
  [[ $status == 1 && $output == *'ran 1 tests of 3'* ]]
}

@test "a test that hangs fails the suite" {
  suite 'echo "ok 1 - a"; exec sleep 60'
  [[ $status == 1 && $output == *'ran longer than 2 s'* ]]
}

@test "a suite of skipped tests alone does not pass" {
  suite 'echo "ok 1 - a # skip no reason"'
  [[ $status == 1 && $output == *'0 passed, 0 failed, 1 skipped'* ]]
}

@test "a suite without a test fails" {
  mkdir empty
  run tests/run/suite.sh e2e empty
  [[ $status == 1 && $output == *'no test found'* ]]
}

@test "P22: rows tells shown, failing and missing wishes apart" {
  suite 'echo "ok 1 - N1: shown"; echo "not ok 2 - n2_fails"' \
    'echo "ok 3 - N3: left out # skip"'
  run tests/rows.sh
  printf '%s\n' "$output"
  [[ $output == *'N1   shown'* && $output == *'N2   FAILS'* ]]
  [[ $output == *'N3   NONE'* && $output == *'1 of 42 rows'* ]]
}

@test "a file whose turn comes too late is left out, and that is said" {
  export TEST_END=1
  suite 'echo 1..1; echo "ok 1 - a"'
  [[ $status == 1 && $output == *'SKIP    ./prog: no time was left for it'*'0 passed, 0 failed, 1 skipped' ]]
  TEST_END=$(($(date +%s) + 600))
  suite 'echo 1..1; echo "ok 1 - a"'
  [[ $status == 0 && $output == *'1 passed, 0 failed, 0 skipped' ]]
}
