#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# crash.bats - whatever is killed at whatever moment, nothing stays behind
#
# Each case runs in a PID and mount namespace of its own (leaks.py), where every
# process, file and socket that is left is seen.

load common
bats_require_minimum_version 1.5.0

# leaks CASE [ARG]... - runs leaks.py CASE as PID 1 of a namespace
leaks() {
  local user=()
  [[ $EUID == 0 ]] || user=(-Ur)
  run timeout -k 5 200 unshare ${user[@]+"${user[@]}"} -pfm --mount-proc --kill-child \
    "$PYTHON" -SE "$JAIL_TESTS/leaks.py" "$LAB" "$@"
  [[ $status == 0 ]] || fail "$*: $output"
}

@test "N2: kill -9 of any process of a one-shot sandbox leaves nothing" {
  local victim
  for victim in pen-jail bwrap pen-init pen-session sleep; do
    leaks victim run "$victim"
  done
}

@test "N2: kill -9 of any process of a staying sandbox leaves nothing" {
  local victim
  for victim in pen-jail bwrap pen-init pen-session pen-janitor sleep; do
    leaks victim start "$victim"
  done
}

@test "N2: kill -9 at any moment of the start leaves nothing" {
  leaks moments 24
}

@test "a proxy that dies is started again with the same sockets" {
  leaks proxy_dies run
  leaks proxy_dies start
}

@test "N5: 100 sandboxes one after the other leave nothing behind" {
  leaks sequence 100
}

@test "N5: 50 sandboxes at once do not disturb each other" {
  leaks together 50
}

@test "N5: 1,000 sandboxes one after the other leave nothing behind" {
  [[ -n ${PEN_SLOW:-} ]] || skip "takes a minute; set PEN_SLOW=1"
  PEN_PROXY=$REAL_PROXY leaks sequence 1000
}
