#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pen killed while it brings a sandbox up, or takes it down, on a Mac
# shellcheck disable=SC2154 # set by run and common.bash

load common

# killed_at FILTER COMMAND [WHAT] - run pen COMMAND, and at the call of `container`
# for which FILTER holds kill WHAT: pen itself, its proxy or the container
killed_at() {
  : >"$APPLE_LAB/calls"
  mac pen "$2" >"$LAB/killed.out" 2>&1 &
  eventually 60 called "$1"
  # It may not be there, or have ended meanwhile.
  case ${3-pen} in
    pen) kill -KILL "$(pen_pid "$2")" ;;
    proxy) pkill -KILL -U alice -x pen-proxy ;;
    container) docker ps -q | xargs -r docker kill ;;
  esac >/dev/null 2>&1 || true
  wait || true
}

# start_survives FILTER WHAT - WHAT is killed while pen starts: the start fails and
# leaves nothing, or its sandbox is up, maybe once more; stop leaves nothing
start_survives() {
  killed_at "$1" start "$2"
  [[ $(pen exec -- echo up) == up ]] || fail "$(<"$LAB/killed.out")"
  pen stop
  nothing_left
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

@test "P8: the proxy or the container is killed while pen starts" {
  local what=""
  pen init --runtime container
  pen build --yes
  for what in proxy container; do
    start_survives '.[0] == "run"' "$what"
    start_survives '.[0] == "exec"' "$what"
  done
}

@test "P8: the proxy or the container is killed while pen stops" {
  local what=""
  for what in proxy container; do
    start_sandbox
    killed_at '.[0] == "stop"' stop "$what"
    pen stop
    nothing_left
  done
}
