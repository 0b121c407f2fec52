#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# running_sandbox.bats - start, exec, shell, stop: what a sandbox that stays
# must do, and what it must survive

load common

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

setup() {
  pen_setup
  pen init
}

# jail_pid - print the PID of the running sandbox
jail_pid() {
  pen status --json | jq .pid
}

@test "P1: status is 1 when down, 0 when up" {
  run pen status
  assert_eq 1 "$status"
  pen start
  run pen status
  assert_eq 0 "$status"
  assert_contains "$output" up
  pen stop
  run pen status
  assert_eq 1 "$status"
}

@test "exec starts the sandbox, and the next exec finds the same one" {
  pen exec -- sh -c 'echo here >/tmp/mark'
  assert_eq here "$(pen exec -- cat /tmp/mark)"
}

@test "exec passes status, stdin, stdout, stderr and arguments" {
  run pen exec -- sh -c 'exit 42'
  assert_eq 42 "$status"
  run --separate-stderr pen exec -- sh -c 'echo out; echo err >&2'
  assert_eq out "$output"
  assert_eq err "$stderr"
  assert_eq "from stdin" "$(printf 'from stdin' | pen exec cat)"
  assert_eq "[a b][*][][--help]" "$(pen exec printf '[%s]' 'a b' '*' '' --help)"
}

@test "exec: a command that does not exist is 127, one that is not executable 126" {
  touch plain
  run -127 pen exec -- no-such-command
  run pen exec -- "$PWD/plain"
  assert_eq 126 "$status"
}

@test "exec: a command that a signal ended is 128 and its number" {
  run pen exec -- sh -c 'kill -TERM $$'
  assert_eq 143 "$status"
}

@test "exec -e and -w set environment and directory" {
  mkdir sub
  run pen exec -e A='x y' -w "$PWD/sub" -- sh -c 'echo "$A"; pwd'
  assert_eq "x y" "${lines[0]}"
  assert_eq "$PWD/sub" "${lines[1]}"
  assert_eq "$PWD/sub" "$(pen exec -w sub -- pwd)"
  assert_eq "$PWD/sub" "$(pen shell -w sub <<<pwd)"
}

@test "exec: the command has the caller's umask and language" {
  assert_eq 0027 "$(umask 0027 && pen exec -- sh -c umask)"
  assert_eq "C.UTF-8" "$(LC_ALL=C.UTF-8 pen run -- sh -c 'echo $LC_ALL')"
}

@test "exec: the terminal is the caller's" {
  run pen_in_terminal exec -- sh -c 'test -t 0 && test -t 1 && echo terminal'
  assert_contains "$output" terminal
}

@test "a signal to exec reaches the command" {
  mkfifo ready idle
  pen_pid=""
  "$LAB_ROOT/penctl/pen" exec -- bash -c 'trap "echo caught >caught; exit 7" TERM; echo >ready; while :; do read -t 1 <>idle; done' &
  pen_pid=$!
  read -r _ <ready
  kill -TERM "$pen_pid"
  status=0
  wait "$pen_pid" || status=$?
  assert_eq 7 "$status"
  assert_eq caught "$(cat caught)"
}

@test "shell reads commands from its input and gives their status" {
  run pen shell <<<'echo in the shell; exit 5'
  assert_eq 5 "$status"
  assert_contains "$output" "in the shell"
}

@test "start twice leaves the first one running" {
  pen start
  pid=$(jail_pid)
  pen start
  assert_eq "$pid" "$(jail_pid)"
}

@test "many exec at once on a sandbox that is down start it once" {
  for i in 1 2 3 4 5 6 7 8; do
    "$LAB_ROOT/penctl/pen" exec -- sh -c 'hostname; readlink /proc/self/ns/net' >"out.$i" 2>&1 &
  done
  for i in $(jobs -p); do
    wait "$i" || fail "$(cat out.*)"
  done
  assert_eq 1 "$(cat out.* | grep net: | sort -u | wc -l)" "network namespaces"
}

@test "P8: start fails early, says why, and leaves nothing behind" {
  echo 'not a rule' >"$(sandbox_dir)/http-allowlist.txt"
  run pen start
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" "http-allowlist.txt:1:"
  run pen status
  assert_eq 1 "$status"
  no_process_left
  assert_eq "" "$(find "$(sandbox_dir)/run" ! -type f ! -type d)" "sockets, links and pipes"
}

@test "stop after the sandbox was killed, and start after that" {
  for victim in jail proxy; do
    pen start
    pid=$(jail_pid)
    if [[ $victim == proxy ]]; then
      pid=$(processes_of_test | awk '/pen-proxy / && !/pen-jail/ { print $1; exit }')
    fi
    kill -KILL "$pid"
    lab_wait_gone "$pid"
    pen stop
    no_process_left
    run pen exec -- echo works
    assert_eq works "$output"
    pen stop
  done
}

@test "exec recovers after all processes of the sandbox died" {
  pen start
  for pid in $(processes_of_test | cut -d ' ' -f 1); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  for pid in $(processes_of_test | cut -d ' ' -f 1); do
    lab_wait_gone "$pid"
  done
  run pen exec -- echo works
  assert_eq 0 "$status"
  assert_eq works "$output"
}

@test "pen killed while it starts leaves a lock that the next one takes away" {
  dir=$(sandbox_dir)
  ln -s "999999 1" "$dir/run/lock"
  run pen exec -- echo works
  assert_eq works "$output"
  [[ ! -L $dir/run/lock ]]
}

@test "P1: stop ends a sandbox whose pen was killed before it had noted that it is up" {
  dir=$(sandbox_dir)
  printf '#!/bin/sh\n[ "$1" != start ] || kill -STOP "$PPID"\nexec "%s" "$@"\n' "$PEN_JAIL" >"$LAB/jail"
  chmod +x "$LAB/jail"
  PEN_JAIL=$LAB/jail "$LAB_ROOT/penctl/pen" start >start.out 2>&1 3>&- &
  client=$!
  eventually 20 "$PEN_JAIL" exec --control "$dir/run/control.sock" -- true 2>/dev/null
  kill -KILL "$client"
  wait "$client" || true
  run pen status
  assert_eq 1 "$status"
  pen stop
  no_process_left
  assert_eq "" "$(find "$dir/run" -name begun -o -name pid)" "records"
}

@test "stop ends what runs in the sandbox" {
  mkfifo ready
  pen exec -- sh -c 'echo >ready; exec sleep 1000' &
  client=$!
  read -r _ <ready
  pen stop
  status=0
  wait "$client" || status=$?
  [[ $status != 0 ]]
  no_process_left
}

@test "P14: stats has what the sandbox uses, while processes come and go as well" {
  pen start
  while :; do env true; done &
  churn=$!
  for _ in 1 2 3 4 5; do
    run pen stats --json
    assert_eq 0 "$status" "$output"
    assert_json '.processes > 0 and .memory_bytes > 0 and (.cpu_ms | type == "number")' "$output"
  done
  kill "$churn"
  run pen stats
  assert_eq 0 "$status"
  assert_eq 2 "${#lines[@]}" lines
}

@test "restart takes up a changed config" {
  pen start
  cat >"$(sandbox_dir)/config.json" <<'END'
{"env": {"COLOUR": "blue"}}
END
  pen restart
  assert_eq blue "$(pen exec -- sh -c 'echo $COLOUR')"
}

@test "restart leaves the sandbox as it is if the config wants what there is not" {
  pen start
  before=$(pen status --json)
  for config in '{"network": "bridge"}' '{"runtime": "docker"}'; do
    echo "$config" >"$(sandbox_dir)/config.json"
    run env PEN_PFCTL=/no/such/program DOCKER_HOST=unix:///no/such/socket "$LAB_ROOT/penctl/pen" restart
    [[ $status != 0 ]] || fail "$config: restarted"
    assert_eq "$before" "$(pen status --json)" "after $config"
  done
}

@test "proxy restart takes up a changed proxy config without ending the sandbox" {
  pen start
  pen exec -- touch /tmp/mark
  cat >"$(sandbox_dir)/config.json" <<'END'
{"http_allowlist": ["example.test:80"]}
END
  run pen exec -- curl -s --max-time 5 http://example.test/
  assert_contains "$output" "pen allow"
  pen proxy restart
  run pen exec -- sh -c 'test -e /tmp/mark && curl -s --max-time 5 http://example.test/'
  assert_contains "$output" '"line": "GET / '
}

@test "restart and proxy restart leave the sandbox as it is if the config has a faulty rule" {
  pen start
  pid=$(jail_pid)
  echo '{"http_allowlist": ["no port"]}' >"$(sandbox_dir)/config.json"
  for words in restart "proxy restart"; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status" "status of pen $words"
    one_line "$output"
    assert_contains "$output" "'no port'"
    assert_eq "$pid" "$(jail_pid)"
  done
  assert_eq "" "$(find "$(sandbox_dir)/run" -name 'one.*')" "run folders"
  echo '{}' >"$(sandbox_dir)/config.json"
  pen allow example.test:80
  run pen exec -- curl -s --max-time 20 http://example.test/
  assert_contains "$output" '"line": "GET / '
}

@test "without a network there is no proxy, and none to restart" {
  echo '{"network": "none"}' >"$(sandbox_dir)/config.json"
  pen start
  run pen proxy status --json
  assert_eq 1 "$status"
  assert_json '.state == "down" and .pid == null' "$output"
  run pen proxy restart
  assert_eq 2 "$status"
  one_line "$output"
}

@test "proxy status is 0 when it runs, with the policy, and 1 when not" {
  pen allow example.test:443
  run pen proxy status
  assert_eq 1 "$status"
  pen start
  run pen proxy status
  assert_eq 0 "$status"
  assert_contains "$output" "rules: 1"
  [[ $output != *check.* ]]
  pen proxy status --json | jq -e '.state == "up" and (.pid | type == "number")'
}
