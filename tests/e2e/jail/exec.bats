#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# exec.bats - pen-jail start, exec and stop: a sandbox that stays

# shellcheck disable=SC2154 # stderr is set by run --separate-stderr

load common
bats_require_minimum_version 1.5.0

@test "commands share a sandbox, each with its streams and exit status" {
  for user in $(jail_users); do
    own_by "$user"
    jail_start
    run --separate-stderr jail_exec sh -c 'cat; echo err >&2; echo shared >/tmp/f; exit 9' <<<"in"
    [[ $status == 9 && $output == in && $stderr == err ]]
    run jail exec --control "$CONTROL" -e A=1 -w /tmp -- sh -c 'pwd; cat f; echo "$A$PEN_SANDBOX"'
    [[ $output == $'/tmp\nshared\n11' ]]
    run -127 jail_exec no-such-command
    jail stop --control "$CONTROL"
    [[ ! -e $CONTROL ]]
    no_process_left
  done
}

@test "what a command leaves in the background goes on until stop" {
  jail_start
  jail_exec sh -c 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &'
  run jail_exec pgrep -c -x sleep
  [[ $output == 1 ]]
  jail stop --control "$CONTROL"
}

@test "a client that is killed takes its whole process tree along" {
  for user in $(jail_users); do
    own_by "$user"
    jail_start
    mkfifo "$LAB/var/started"
    "${HOST[@]}" "$PEN_JAIL" exec --control "$CONTROL" -- sh -c \
      'echo ready; (setsid sh -c "sleep 1001 & exec sleep 1002" &) ; exec sleep 1003' \
      >"$LAB/var/started" 2>/dev/null 3>&- &
    local client=$!
    read -r _ <"$LAB/var/started"
    # The sleeps are there, in a session of their own, too.
    run jail_exec sh -c 'until [ "$(pgrep -c -x sleep)" = 3 ]; do :; done'
    [[ $status == 0 ]]
    kill -KILL "$client"
    run jail_exec sh -c 'while pgrep -x sleep >/dev/null; do :; done'
    [[ $status == 0 ]]
    jail stop --control "$CONTROL"
    rm "$LAB/var/started"
  done
}

@test "signals sent to the client reach its command" {
  jail_start
  local number
  for number in INT TERM HUP QUIT USR1 USR2; do
    run timeout 20 "$PYTHON" -SE "$JAIL_TESTS/signalled.py" "$number" "$PEN_JAIL" exec --control "$CONTROL"
    [[ ${output##*$'\n'} == "got $number, exit 42" ]] || fail "$output"
  done
}

@test "a terminal works in a running sandbox" {
  jail_start
  run "$PYTHON" -SE "$JAIL_TESTS/terminal.py" "$PEN_JAIL" exec --control "$CONTROL"
  [[ $status == 0 ]] || fail "$output"
}

@test "stops and goes on with the client" {
  jail_start
  run timeout 20 "$PYTHON" -SE "$JAIL_TESTS/stopped.py" "$PEN_JAIL" exec --control "$CONTROL"
  [[ $status == 0 ]] || fail "$output"
}

@test "the control socket is the user's alone" {
  jail_start
  [[ $(stat -c %a "$CONTROL") == 600 ]]
  if [[ $EUID == 0 ]] && as_user test -x "$PEN_JAIL" 2>/dev/null; then
    chmod 666 "$CONTROL"
    run as_user timeout 10 "$PEN_JAIL" exec --control "$CONTROL" -- touch "$LAB/project/x"
    [[ $status == 125 && ! -e $LAB/project/x ]]
  fi
}

@test "packets that are no messages do no harm" {
  jail_start
  run timeout 20 "$PYTHON" -SE "$JAIL_TESTS/garbage.py" "$CONTROL"
  [[ $status == 0 ]] || fail "$output"
  run jail_exec echo alive
  [[ $output == alive ]]
}

@test "a command line of any size that Linux takes, and a clear word beyond" {
  jail_start
  run "$PYTHON" -SE "$JAIL_TESTS/long_command.py" 1900000 "$PEN_JAIL" exec --control "$CONTROL"
  [[ $output == "status 0, 1900000 bytes" ]] || fail "$output"
  run "$PYTHON" -SE "$JAIL_TESTS/long_command.py" 3000000 "$PEN_JAIL" exec --control "$CONTROL"
  [[ $output == *"longer than 2097152 bytes"*"status 125"* ]] || fail "$output"
}

@test "a second sandbox on the same socket is refused, a stale socket is not" {
  jail_start
  run jail start --control "$CONTROL"
  [[ $status == 125 && $output == *"a sandbox is running there already"* ]]
  jail stop --control "$CONTROL"
  "$PYTHON" -c 'import socket,sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])' "$CONTROL"
  jail_start
  run jail_exec echo hi
  [[ $output == hi ]]
}

@test "a control socket under a long path works" {
  local deep
  deep=$LAB/var/$(printf 'x%.0s' {1..120})
  mkdir "$deep"
  lab_start sandbox --ready-fd "$PEN_JAIL" start --control "$deep/control.sock"
  run jail exec --control "$deep/control.sock" -- echo hi
  [[ $output == hi ]]
}

@test "exec and stop say that there is no sandbox" {
  run jail exec --control "$LAB/var/none" -- true
  [[ $status == 125 && $output == "pen-jail: $LAB/var/none: no sandbox is running there" ]]
  run jail stop --control "$LAB/var/none"
  [[ $status == 125 && ${#lines[@]} == 1 ]]
}

@test "SIGTERM ends it in order" {
  jail_start
  jail_exec sh -c 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &'
  kill -TERM "$SANDBOX_PID"
  lab_wait_gone "$SANDBOX_PID"
  [[ ! -e $CONTROL ]]
}

@test "N2: --timeout ends a sandbox that stays" {
  jail_start --timeout 300ms
  run jail_exec sleep 100
  [[ $status == 125 ]]
  lab_wait_gone "$SANDBOX_PID"
}
