#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pen killed while it brings a sandbox up, or takes it down, on a Mac
# shellcheck disable=SC2154 # set by run and common.bash

load common

# killed_at FILTER COMMAND - run pen COMMAND and kill it at the call of `container`
# for which FILTER holds
killed_at() {
  local pid=""
  : >"$APPLE_LAB/calls"
  mac pen "$2" >"$LAB/killed.out" 2>&1 &
  eventually 60 called "$1"
  # It may have ended meanwhile.
  pid=$(pen_pid "$2") || true
  [[ -z $pid ]] || kill -KILL "$pid"
  wait || true
}

@test "P8: pen killed while it starts: the next start works, and stop leaves nothing" {
  local at=""
  pen init --runtime container
  pen build --yes
  for at in '.[0:2] == ["network", "create"]' '.[0] == "run"' '.[0] == "exec"'; do
    killed_at "$at" start
    pen stop
    nothing_left
  done
  killed_at '.[0] == "run"' start
  run pen start
  [[ $status == 0 ]] || fail "$output"
  [[ $(pen exec -- echo up) == up ]]
}

@test "P8: pen killed while it stops: the next stop leaves nothing" {
  local at=""
  for at in '.[0] == "stop"' '.[0] == "delete"' '.[0:2] == ["network", "delete"]'; do
    start_sandbox
    killed_at "$at" stop
    pen stop
    nothing_left
  done
}
