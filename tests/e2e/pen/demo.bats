#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# demo.bats - make demo shows what it says, and leaves nothing behind

load common

@test "the demo reaches one host, is refused the other, and allows it" {
  export TMPDIR=$LAB/tmp
  mkdir "$TMPDIR"
  run timeout 120 "$LAB_ROOT/tests/lab/demo.sh"
  assert_eq 0 "$status" "status of: $output"
  assert_contains "$output" "200 from https://example.test/"
  assert_contains "$output" "403 Forbidden"
  assert_contains "$output" "pen allow other.test:80"
  assert_contains "$output" "+ other.test:443"
  assert_contains "$output" "200 from https://other.test/"
  assert_eq "" "$(ls -A "$TMPDIR")"
}

@test "the demo that is interrupted leaves nothing behind" {
  export TMPDIR=$LAB/tmp
  mkdir "$TMPDIR"
  env --default-signal=INT "$LAB_ROOT/tests/lab/demo.sh" >out 2>&1 &
  demo=$!
  wait_for "pen init" out
  children=$(pgrep -P "$demo")
  kill -TERM "$demo" "$children"
  wait "$demo" || true
  for pid in $children; do
    lab_wait_gone "$pid"
  done
  assert_eq "" "$(ls -A "$TMPDIR")"
  no_process_left
}
