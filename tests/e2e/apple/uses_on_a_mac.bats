#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a sandbox is used for, with Apple's `container` and the tools of a Mac
# shellcheck disable=SC2154 # set by run and common.bash

load common

@test "P14: statistics of the sandbox, in the version that has them" {
  start_sandbox
  run --separate-stderr pen stats --json
  [[ $status == 0 ]] || fail "$output $stderr"
  jq -e '[.. | objects | .memory_bytes? // empty][0] > 0' <<<"$output"
  plays "$apple_old"
  run pen stats
  [[ $status == 1 && $output == *"cannot tell what the sandbox uses"* ]]
}

@test "P7: the image's program runs only after the rules are in force" {
  # It writes the time of its start into the project; the last load of the rules
  # is older than that.
  printf 'FROM lab/tools\nENTRYPOINT ["sh", "-c", "date +%%s%%N >began; exec sleep 1000"]\n' \
    >.pen/Dockerfile
  start_sandbox
  eventually 60 test -s began
  called '.[0] == "run" and index("--entrypoint") and index("/bin/sh")'
  # pen-pfctl writes down what it has loaded.
  (($(<began) > $(date +%s%N -r /run/pen/sets)))
}

@test "P9 N1: no way out but the proxy: addresses, names, the host's ports" {
  local way=""
  start_sandbox
  : >"$DNS_LOG"
  for way in "http://$IP1/" "http://$METADATA/" "http://100.64.0.2:22/" "http://192.168.65.1:22/"; do
    run pen exec -- curl -sS --noproxy '*' --max-time 4 "$way"
    [[ $status != 0 ]] || fail "$way answers: $output"
  done
  run pen exec -- python3 -c 'import socket; socket.getaddrinfo("leak.evil.test", 80)'
  [[ $status != 0 ]]
  run ! grep -q leak "$DNS_LOG"
}

@test "P5 F7: mounts, volumes, environment and limits" {
  start_with '.env = {"GREETING": "hello there"} | .cpus = 1.5 | .memory = "512m" |
    .mounts = [{"source": "~/data", "target": "/data", "readonly": true},
      {"volume": "cache", "target": "/cache"}]'
  [[ $(pen exec -- printenv GREETING) == 'hello there' ]]
  [[ $(pen exec -- cat /data/file) == kept ]]
  run pen exec -- sh -c 'echo x >/data/file'
  [[ $status != 0 ]]
  pen exec -- sh -c 'echo volume >/cache/file'
  # Whole processors only, and sizes in capital letters.
  called '.[0] == "run" and index("--cpus") and .[index("--cpus") + 1] == "2" and
    .[index("--memory") + 1] == "512M"'
  pen restart
  [[ $(pen exec -- cat /cache/file) == volume ]]
  pen rm -y --volumes
  run mac container volume list --quiet
  [[ -z $output ]]
}

@test "P4: network socket: no interface, and the way out by the relayed socket" {
  start_with '.network = "socket" | .http_allowlist = ["example.test:80"]'
  [[ $(pen exec -- sh -c 'ls /sys/class/net') == lo ]]
  fetch example.test
  run ! fetch other.test
  called '.[0] == "run" and index("none")'
  pen proxy restart
  eventually 60 fetch example.test
  # A one-shot run, too, whose files lie deeper.
  run pen run -- curl -s -o /dev/null -w '%{http_code}' http://example.test/
  [[ $status == 0 && $output == 200 ]] || fail "status $status: $output"
}

@test "P4: network socket: its path is short enough for a Mac, whatever the directory is called" {
  PROJECT=$home/$(printf '%060d' 0)
  as_user alice mkdir -p "$PROJECT/.pen"
  cp .pen/Dockerfile "$PROJECT/.pen"
  cd "$PROJECT"
  start_with '.network = "socket"'
  called '.[0] == "run" and any(.[]; endswith(":/run/pen/proxy.sock") and
    (rtrimstr(":/run/pen/proxy.sock") | length <= 103))'
}

@test "P1: a signal to pen reaches the command in the sandbox" {
  local status=0 pid=""
  start_sandbox
  mac pen exec -- sh -c 'trap "exit 7" TERM; echo ready >ready; while :; do sleep 0.1; done' &
  pid=$!
  eventually 60 test -s ready
  kill -TERM "$(pen_pid exec)"
  wait "$pid" || status=$?
  [[ $status == 7 ]]
}

@test "F6: pen egress test finds each way out shut, on an old and on the newest version" {
  local version=""
  for version in "$apple_old" "$apple_new"; do
    plays "$version"
    pen init --runtime container
    pen allow example.test:80
    start_sandbox
    run pen egress test
    [[ $status == 0 && $output == *'allowed  example.test:80'*' 200'* && $output != *FAIL* ]] ||
      fail "$version: $output"
    pen rm -y
  done
}

@test "P1: a terminal of the sandbox's own" {
  start_sandbox
  run mac script -qec 'pen exec -- tty' /dev/null </dev/null
  [[ $status == 0 && $output == */dev/pts/* ]] || fail "$output"
}

@test "F2 F7: one-shot runs: statistics, a limit of time, a read-only root, no network" {
  pen init && pen build --yes
  run pen run --stats stats.json -- sh -c 'echo hi; exit 3'
  [[ $status == 3 && $output == hi ]] || fail "$output"
  jq -e '.exit_code == 3 and .stdout_bytes == 3 and .duration_ms > 0' stats.json
  run pen run --timeout 1s -- sleep 100
  [[ $status == 124 ]] || fail "$output"
  run pen run --read-only -- touch /etc/x
  [[ $status != 0 && $output == *'Read-only'* ]] || fail "$output"
  run pen run --no-network -- ls /sys/class/net
  [[ $status == 0 && $output == lo ]] || fail "$output"
  nothing_left
}

@test "P1: pen shell takes a shell of the image's, not the Mac's" {
  start_sandbox
  run ! pen exec -- sh -c 'command -v jq'
  run mac env SHELL=/usr/bin/jq pen shell <<<'echo "this is $0"'
  [[ $status == 0 && $output == 'this is /bin/bash' ]] || fail "$output"
}
