#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The whole life of a sandbox with Apple's `container`, by the bash that runs on
# a Mac, with the tools of a Mac, on an old, a middle and the newest version
# shellcheck disable=SC2154 # set by run and common.bash

load common

# life VERSION - from init to rm
life() {
  local name=""
  plays "$1"
  run pen init --runtime container
  [[ $status == 0 && $output == Initialized* ]]
  run pen init --runtime container
  [[ $status == 0 && $output == 'Already initialized'* ]]
  run pen status
  [[ $status == 1 ]]
  run pen build --yes
  [[ $status == 0 ]] || fail "$output"
  run pen build --yes
  [[ $status == 0 && $output == 'Up to date'* ]] || fail "$output"
  run pen start
  [[ $status == 0 ]] || fail "$output"
  run pen status
  [[ $status == 0 && $output == *'up (PID '* ]]
  name=$(sandbox_name)
  # Statuses and streams are the command's own.
  run --separate-stderr pen exec -- sh -c 'echo out; echo err >&2; exit 42'
  [[ $status == 42 && $output == out && $stderr == err ]]
  run -127 pen exec -- no-such-program
  run --separate-stderr pen exec -- cat < <(printf 'in')
  [[ $status == 0 && $output == in ]]
  [[ $(pen exec -- pwd) == "$PROJECT" ]]
  # Nothing is allowed, then one host is, then again not.
  run ! fetch example.test
  pen allow example.test:80
  eventually 60 fetch example.test
  pen deny example.test:80
  eventually 60 refused example.test
  run pen proxy logs
  [[ $status == 0 && $output == *example.test:80* ]] || fail "$output"
  run pen list
  [[ $status == 0 && $output == *up*"$name"* ]] || fail "$output"
  run pen logs
  [[ $status == 0 && $output == *'hello from the image'* ]] || fail "$output"
  pen restart
  [[ $(pen exec -- echo again) == again ]]
  pen stop
  run pen status
  [[ $status == 1 ]]
  nothing_left
  pen allow example.test:80
  run pen run -- curl -sS --max-time 10 http://example.test/
  [[ $status == 0 && $output == *example.test* ]] || fail "$output"
  nothing_left
  pen rm -y
  [[ ! -e $home/.pen/sandboxes/$name ]]
  run image_of "$name"
  [[ -z $output ]]
}

@test "P1 P8: the whole life of a sandbox on container 0.6" {
  life "$apple_old"
  # Neither --init nor capabilities are words of this version; names go nowhere.
  called '.[0] == "run" and index("--no-dns") and index("--network")'
  run ! called '.[0] == "run" and (index("--cap-drop") or index("--init"))'
}

@test "P1 P8: the whole life of a sandbox on container 0.12" {
  life "$apple_middle"
  called '.[0] == "run" and index("--cap-drop") and index("ALL") and index("--no-dns")'
  run ! called '.[0] == "run" and index("NET_RAW")'
}

@test "P1 P8: the whole life of a sandbox on container 1.4" {
  life "$apple_new"
  called '.[0] == "run" and index("--cap-drop") and index("ALL") and index("--no-dns")'
}
