#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# limits.bats - time, memory, processors and processes

load common
bats_require_minimum_version 1.5.0

stat_of() {
  jq -r "$1" "$LAB/var/stats"
}

@test "N2: a time limit ends the whole process tree, also what hid itself" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run --timeout 400ms --stats "$LAB/var/stats" -- sh -c \
      'trap "" TERM INT HUP; (setsid sh -c "trap \"\" TERM; sleep 1000" &) ; sleep 1000 & sleep 1000'
    [[ $status == 124 && $output == "pen-jail: sh: timed out, killed" ]]
    [[ $(stat_of .timed_out) == true && $(stat_of .exit_code) == 124 ]]
    (($(stat_of .duration_ms) >= 400 && $(stat_of .duration_ms) < 3000))
    no_process_left
  done
}

@test "N2: nothing that a command left behind outlives it" {
  run jail run -- sh -c '(setsid sleep 1000 >/dev/null 2>&1 &) ; exit 3'
  [[ $status == 3 ]]
  no_process_left
}

@test "N2: orphans are reaped: no zombie stays" {
  jail_start
  jail_exec sh -c 'for i in 1 2 3 4 5; do (setsid true &) ; done'
  run jail_exec ps -eo stat=
  [[ $output != *Z* ]]
}

@test "N3: too much memory ends the command and is told apart" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run --memory 80m --stats "$LAB/var/stats" -- "$PYTHON" -SE -c '
import time
held = []
while True:
    held.append(b"x" * (2 << 20))
    time.sleep(0.005)'
    [[ $status == 137 && $(stat_of .oom_killed) == true && $(stat_of .signal) == 9 ]]
    run jail run --memory 80m --stats "$LAB/var/stats" -- sh -c 'kill -9 $$'
    [[ $status == 137 && $(stat_of .oom_killed) == false ]]
  done
}

@test "N3: memory of several processes and of the private folders counts" {
  run jail run --memory 80m --stats "$LAB/var/stats" -- "$PYTHON" -SE -c '
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = b"x" * (40 << 20)
        time.sleep(100)
for _ in range(4):
    os.wait()'
  [[ $(stat_of .oom_killed) == true ]]
  run jail run --memory 40m --timeout 10s --stats "$LAB/var/stats" -- sh -c 'head -c 100m /dev/zero >/tmp/big; sleep 5'
  # The folder is full before the watch looks, or the watch was faster.
  [[ $output == *"No space left"* || $(stat_of .oom_killed) == true ]] ||
    fail "status $status: $output; $(<"$LAB/var/stats")"
}

@test "N3: the home folder counts as memory, too" {
  run jail run --memory 60m --stats "$LAB/var/stats" -- sh -c '
    head -c 40m /dev/zero >"$HOME/a"; head -c 40m /dev/zero >/tmp/b; sleep 20'
  [[ $(stat_of .oom_killed) == true ]] || fail "status $status: $output; $(<"$LAB/var/stats")"
}

@test "N3: a private folder that fills the memory ends the command, not its session" {
  run jail run --memory 40m --stats "$LAB/var/stats" -- sh -c 'head -c 100m /dev/zero >/tmp/big; sleep 20'
  [[ $status == 137 && $(stat_of .oom_killed) == true && $(stat_of .signal) == 9 ]] ||
    fail "status $status: $output; $(<"$LAB/var/stats")"
}

@test "N3: peak memory and processor time are in the result" {
  run jail run --stats "$LAB/var/stats" -- "$PYTHON" -SE -c '
import time
held = b"x" * (60 << 20)
end = time.process_time() + 0.3
while time.process_time() < end: pass'
  [[ $status == 0 ]]
  (($(stat_of .peak_memory_bytes) > 60 << 20 && $(stat_of .peak_memory_bytes) < 200 << 20))
  (($(stat_of .cpu_ms) >= 300 && $(stat_of .cpu_ms) < 5000))
  # Of a tree that was killed, too.
  run jail run --timeout 1s --stats "$LAB/var/stats" -- sh -c 'sh -c "while :; do :; done" & while :; do :; done'
  (($(stat_of .cpu_ms) >= 200))
}

@test "F7: --cpus holds and cannot be undone from inside" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run --cpus 0.5 --stats "$LAB/var/stats" -- nproc
    if [[ $(stat_of .limits) == rlimit ]]; then
      [[ $output == 1 ]]
      run jail run --cpus 1 -- taskset -pc 0-63 self
      [[ $status != 0 ]]
    fi
  done
  [[ $(nproc) -gt 1 ]] || skip "one processor: nothing to hold back"
}

@test "F7: --pids stops a fork bomb" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run --pids 20 --timeout 5s --stats "$LAB/var/stats" -- "$PYTHON" -SE -c '
import os, time
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            time.sleep(100)
        count += 1
except OSError:
    pass
print(count)'
    if [[ $user == self && $EUID == 0 && $status == 125 ]]; then
      [[ $output == *"run as an ordinary user"* ]]
    else
      [[ $status == 0 ]] && ((output >= 10 && output <= 20))
    fi
  done
}

@test "a command cannot change the limits of init" {
  run in_jail "$PYTHON" -SE -c '
import resource, subprocess
child = subprocess.Popen(["sleep", "5"])
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
for pid in (1, child.pid):
    try:
        resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1))
        print("changed", pid)
    except PermissionError:
        print("refused")'
  [[ $output == $'refused\nrefused' ]]
}
