#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# guard_docker.bats - what becomes of a running sandbox when its firewall, proxy,
# container or guard is gone, commands' signals and terminals, and sweeps; its link
# guard_podman.bats is the same with podman

load common
lab_containers "$(runtime_of_file)"
setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }

setup() {
  pen_setup "$(runtime_of_file)"
  TABLE=${SANDBOX//-/_}
  RUN=$SANDBOX_DIR/run
  pen build >/dev/null
}

teardown() {
  [[ ! -e $PFCTL.away ]] || mv "$PFCTL.away" "$PFCTL"
  ! mountpoint -q "$(command -v "$PEN_RUNTIME")" || umount "$(command -v "$PEN_RUNTIME")"
  pen_teardown
}

# pen_says TEXT COMMAND... - whether that command of pen's prints TEXT
pen_says() {
  local text=$1
  shift
  pen "$@" 2>&1 | grep -q -e "$text"
}

# has_table - whether the rules of the sandbox are in the kernel
has_table() {
  nft list table inet "$TABLE" >/dev/null 2>&1
}

# has_sandbox - whether there is a container of the sandbox, running or not
has_sandbox() {
  [[ -n $(tool ps -aq --filter "name=^$SANDBOX-container$") ]]
}

@test "P8: rules that another tool flushed are loaded again, and the log says so" {
  pen start
  nft delete table inet "$TABLE"
  eventually 60 has_table
  eventually 60 pen_says 'loaded the rules again' logs
  pen status
}

@test "P8: a sandbox whose rules cannot be loaded again is paused, and status says why" {
  pen start
  mv "$PFCTL" "$PFCTL.away"
  nft delete table inet "$TABLE"
  eventually 60 pen_says paused status
  run pen status
  assert_eq 1 "$status"
  assert_contains "$output" 'pen-pfctl is not installed'
  assert_eq paused "$(pen list --json | jq -r '.[].state')"
  run pen exec true
  assert_eq 125 "$status"
  assert_contains "$output" 'pen restart'
  is_paused || fail 'the container is not paused'
  mv "$PFCTL.away" "$PFCTL"
  pen restart
  pen exec true
}

@test "P8: the guard looks on while another pen command is busy" {
  local busy
  pen start
  # The lock of a command that is busy for ever, as far as pen can tell.
  sleep 600 3>&- &
  busy=$!
  lock_as "$busy"
  kill -KILL "$(cut -d ' ' -f 1 "$RUN/proxy.id")"
  # Looked at again and again, not once.
  nft delete table inet "$TABLE"
  eventually 60 loaded_again 1
  nft delete table inet "$TABLE"
  eventually 60 loaded_again 2
  has_table
  rm "$RUN/lock"
  eventually 60 pen_says 'started the proxy again' logs
  kill "$busy"
}

# loaded_again N - whether the guard has loaded the rules again N times
loaded_again() {
  (($(grep -c 'loaded the rules again' "$RUN/guard.log") >= $1))
}

# lock_as PID - make the process of that ID, which is not pen's, the holder of the
# sandbox's lock
lock_as() {
  local start
  start=$(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20) || return 1
  as "$PEN_AS" ln -sfn "$1 $start" "$RUN/lock"
}

@test "P8: a paused sandbox that another tool lets go on is paused again" {
  pen start
  mv "$PFCTL" "$PFCTL.away"
  nft delete table inet "$TABLE"
  eventually 60 pen_says paused status
  tool unpause "$SANDBOX-container" >/dev/null
  eventually 60 is_paused
  mv "$PFCTL.away" "$PFCTL"
}

@test "P8: a one-shot run whose rules cannot be loaded again ends, and says why" {
  local box="" status=0
  pen run -- sh -c 'echo >began; sleep 1000' 3>&- >"$LAB/run.txt" 2>&1 &
  eventually 60 [ -s began ]
  box=$(cut -d ' ' -f 2 "$RUN"/one.*/box)
  mv "$PFCTL" "$PFCTL.away"
  nft delete table inet "${box//-/_}"
  wait "$!" || status=$?
  assert_eq 125 "$status" "$(<"$LAB/run.txt")"
  assert_contains "$(<"$LAB/run.txt")" 'the run was ended: the firewall cannot be brought back: pen-pfctl is not installed'
}

@test "P8: a paused sandbox does not run on while it is taken down" {
  pen start
  # What it runs has seen to it that nothing in there takes TERM.
  tool exec -u 0 -d -w "$PWD" "$SANDBOX-container" sh -c '
    kill -STOP $(cat /proc/1/task/1/children)
    while :; do echo >>ticks; sleep 0.02; done'
  eventually 60 [ -s ticks ]
  mv "$PFCTL" "$PFCTL.away"
  nft delete table inet "$TABLE"
  eventually 60 pen_says paused status
  eventually 60 is_paused
  mv "$PFCTL.away" "$PFCTL"
  cp ticks before
  pen stop
  # It may have been at a line when it was frozen.
  (($(wc -l <ticks) <= $(wc -l <before) + 1)) || fail "it ran on: $(wc -l before ticks)"
}

# is_paused - whether the container is, by the engine's word
is_paused() {
  [[ $(tool container inspect --format '{{.State.Status}}' "$SANDBOX-container") == paused ]]
}

@test "P8: rules that were flushed are loaded again though the engine hangs" {
  [[ $PEN_RUNTIME == docker ]] || skip 'podman has no daemon that could hang'
  local engine
  engine=$(</run/lab/dockerd.pid)
  pen start
  kill -STOP "$engine"
  # The second look comes only if the engine is not waited for.
  nft delete table inet "$TABLE"
  eventually 60 loaded_again 1 || true
  nft delete table inet "$TABLE"
  eventually 60 loaded_again 2 || true
  kill -CONT "$engine"
  loaded_again 2
  pen exec true
}

@test "N1: a sandbox that another tool attached to a second network is paused, and status says why" {
  pen start
  tool network create second >/dev/null
  tool network connect second "$SANDBOX-container"
  eventually 60 pen_says paused status
  run pen status
  assert_eq 1 "$status"
  assert_contains "$output" 'it was attached to the network second'
  is_paused || fail 'the container is not paused'
  pen stop
  tool network rm second >/dev/null
}

@test "N1: a sandbox whose networks the engine does not tell is paused, and status says why" {
  # In place of the engine's own program, as pen looks for it where that is.
  local engine
  engine=$(command -v "$PEN_RUNTIME")
  chmod 0755 "$LAB"
  cp -L "$engine" "$LAB/engine"
  cat >"$LAB/wrapper" <<WRAPPER
#!/bin/bash
[[ ! -e $LAB/hide || \$* != *NetworkSettings.Networks* ]] || exit 1
exec $LAB/engine "\$@"
WRAPPER
  chmod 0755 "$LAB/engine" "$LAB/wrapper"
  mount --bind "$LAB/wrapper" "$engine"
  pen start
  pen exec true
  touch "$LAB/hide"
  eventually 60 pen_says paused status
  run pen status
  assert_contains "$output" 'does not tell whether it was attached to another network'
  umount "$engine"
  is_paused || fail 'the container is not paused'
  assert_eq 3 "$(grep -c 'does not tell the sandbox' "$RUN/guard.log")"
}

@test "P8: a firewall that says it is in force and holds nothing back: no start, nothing left" {
  export PEN_AS=root
  pen_project open
  pen build
  printf '#!/bin/sh\nexit 0\n' >"$LAB/pfctl"
  chmod 0755 "$LAB/pfctl"
  PEN_PFCTL=$LAB/pfctl run pen start
  assert_eq 1 "$status"
  assert_contains "$output" 'the firewall does not hold'
  nothing_left
  # Where the firewall is what is tested, the test says so.
  PEN_PFCTL=$LAB/pfctl run --separate-stderr pen egress test --json
  assert_eq 1 "$status"
  assert_json '.[] | select(.kind == "gateway" and .target == "canary") | .answer == "open"' "$output"
  nothing_left
}

@test "P8: a proxy that died is started again where it was" {
  local before=""
  pen allow example.test:80
  pen start
  before=$(pen status --json | jq -r .proxy)
  kill -KILL "$(<"$RUN/proxy.pid")"
  eventually 60 pen_says 'started the proxy again' logs
  assert_eq "$before" "$(pen status --json | jq -r .proxy)"
  inside curl -sSf --max-time 10 http://example.test/
}

@test "P17: pen proxy restart: back on the port that the rules pass" {
  local before="" pid=""
  pen allow example.test:80
  pen start
  before=$(pen status --json | jq -r .proxy)
  pid=$(<"$RUN/proxy.pid")
  pen proxy restart
  assert_eq "$before" "$(pen status --json | jq -r .proxy)"
  [[ $pid != "$(<"$RUN/proxy.pid")" ]] || fail 'the same proxy'
  inside curl -sSf --max-time 10 http://example.test/
}

@test "P8: what a container that ended leaves is taken down by the guard" {
  pen start
  tool kill "$SANDBOX-container"
  run pen status
  assert_eq 1 "$status"
  eventually 60 nothing_left
  run ! has_table
}

@test "P8: without its guard a sandbox counts as down, and the next exec makes a new one" {
  pen exec -- sh -c 'echo old >/tmp/mark'
  kill -KILL "$(cut -d ' ' -f 1 "$RUN/guard")"
  run pen status
  assert_eq 1 "$status"
  run ! pen exec cat /tmp/mark
}

@test "N2: TERM, INT and HUP to pen reach the command in the sandbox" {
  local signal="" pid="" status=0
  pen start
  for signal in TERM INT HUP; do
    status=0
    as "$PEN_AS" pen exec -- sh -c "trap 'exit 7' $signal; echo ready; while :; do sleep 0.1; done" \
      >"$LAB/out.$signal" 2>&1 3>&- &
    pid=$!
    eventually 60 grep -q ready "$LAB/out.$signal"
    kill "-$signal" "$(pid_of_exec)"
    wait "$pid" || status=$?
    assert_eq 7 "$status" "after $signal: $(<"$LAB/out.$signal")"
  done
  run pen exec -- sh -c 'kill -KILL $$'
  assert_eq 137 "$status"
}

# pid_of_exec - print the process id of the pen exec that runs
pid_of_exec() {
  local file="" pid="" words=""
  for file in /proc/[0-9]*/cmdline; do
    words=$({ tr '\0' ' ' <"$file"; } 2>/dev/null) || continue
    [[ $words == *bash\ */commands/exec.sh\ * ]] || continue
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    # Not one of its subshells: the first of them.
    grep -q 'exec.sh' "/proc/$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")/cmdline" ||
      printf '%s\n' "$pid"
  done
}

@test "N2: a command whose pen exec was killed ends with what it started, and no other does" {
  pen start
  pen exec -- sh -c 'sleep 1003 >/dev/null 2>&1 &'
  as "$PEN_AS" pen exec -- sh -c 'sleep 1001 & echo ready; exec sleep 1002' >"$LAB/out" 2>&1 3>&- &
  eventually 60 grep -q ready "$LAB/out"
  kill -KILL "$(pid_of_exec)"
  eventually 60 sleepers_are 'sleep 1003'
  pen status
  eventually 60 no_record
}

# sleepers_are TEXT - whether these, and no others, sleep in the sandbox for long
sleepers_are() {
  [[ $(tool exec "$SANDBOX-container" ps -o args= ax | grep -x 'sleep 100[0-9]') == "$1" ]]
}

# no_record - whether no command is written down as running
no_record() {
  ! compgen -G "$RUN/exec.*" >/dev/null
}

@test "P1: exec in a terminal has one; in a pipe it has none" {
  local words=""
  pen start
  run pen exec -- sh -c 'test -t 0 || test -t 1'
  assert_eq 1 "$status"
  printf -v words '%q ' pen exec -- sh -c 'test -t 0 && test -t 1 && echo terminal'
  run as "$PEN_AS" timeout 60 script -qefc "$words" /dev/null </dev/null
  assert_eq 0 "$status" "$output"
  assert_contains "$output" terminal
}

@test "N2: a time limit ends the run with 124, and statistics tell of memory and its end" {
  run pen run --timeout 500ms --stats "$PROJECT/stats" -- sleep 60
  assert_eq 124 "$status"
  assert_eq 'true false null' "$(jq -r '"\(.timed_out) \(.oom_killed) \(.signal)"' "$PROJECT/stats")"
  run pen run --memory 64m --stats "$PROJECT/stats" -- python3 -c 'x = b"a" * 300000000'
  assert_eq 137 "$status"
  assert_eq 'false true 9' "$(jq -r '"\(.timed_out) \(.oom_killed) \(.signal)"' "$PROJECT/stats")"
  nothing_left
}

@test "F7: run --read-only, --no-new-privileges, --no-network and -e" {
  run pen run --read-only -- sh -c 'touch here || touch /there || touch /tmp/yes && ls /tmp'
  assert_eq 0 "$status" "$output"
  assert_contains "$output" yes
  run pen run --no-new-privileges -- grep NoNewPrivs /proc/self/status
  assert_contains "$output" 1
  assert_eq lo "$(pen run --no-network -- ls /sys/class/net)"
  assert_eq 'a b' "$(pen run -e 'X=a b' -- sh -c 'echo "$X"')"
  # A relative path and a link, too; and nothing without a target.
  as "$PEN_AS" mkdir data
  echo shown >data/file
  as "$PEN_AS" ln -s data link
  assert_eq shown "$(pen run --mount link:/data:ro -- cat /data/file)"
  run pen run --mount "$PROJECT/data" -- true
  assert_eq 2 "$status" "$output"
}

@test "N2: what a killed run leaves is gone after the next command" {
  pen run -- sleep 300 >/dev/null 2>&1 3>&- &
  eventually 60 pid_of_run
  kill -KILL "$(pid_of_run)"
  pen start
  pen stop
  eventually 60 nothing_left
}

@test "N2: a run that was killed is taken down by its guard, without another command" {
  pen run -- sh -c 'echo ready; exec sleep 300' >"$LAB/out" 2>&1 3>&- &
  eventually 60 grep -q ready "$LAB/out"
  kill -KILL "$(pid_of_run)"
  eventually 60 nothing_left 2>/dev/null
}

@test "N2 P21: pen rm and pen stop --all end live runs: container, network, rules and proxy" {
  local words="" command=""
  for words in 'stop --all' 'rm -y'; do
    for command in 'exec sleep 300' 'trap "" TERM; while :; do sleep 1; done'; do
      pen run -- sh -c "echo ready; $command" >"$LAB/out" 2>&1 3>&- &
      eventually 60 grep -q ready "$LAB/out"
      # shellcheck disable=SC2086 # words
      pen $words
      nothing_left
    done
  done
  [[ ! -e $SANDBOX_DIR ]]
}

# pid_of_run - print the process id of the pen run whose command runs; fails if
# there is none yet
pid_of_run() {
  [[ -n $(tool ps -q --filter label=pen.user) ]] || return 1
  local file="" words=""
  for file in /proc/[0-9]*/cmdline; do
    words=$({ tr '\0' ' ' <"$file"; } 2>/dev/null) || continue
    [[ $words == *bash\ */commands/run.sh\ * ]] || continue
    file=${file#/proc/}
    printf '%s\n' "${file%/cmdline}"
  done | sort -n | head -n 1 | grep .
}

@test "P4: volumes outlive the sandbox, and end with rm --volumes; the image ends with rm" {
  pen_config '.mounts = [{volume: "cache", target: "/cache"}]'
  pen exec -- sh -c 'echo kept >/cache/file'
  pen stop
  assert_eq kept "$(pen exec cat /cache/file)"
  pen rm -y --volumes
  [[ -z $(tool volume ls -q --filter label=pen.user) ]] || fail 'a volume is left'
  [[ -z $(tool images -q "$SANDBOX") ]] || fail 'the image is left'
}

@test "P1: a changed runtime counts with restart, and the old one leaves nothing" {
  pen start
  pen_config '.runtime = "jail"'
  assert_eq lab "$(pen exec -- sh -c 'test -e /bin/tini || test -e /usr/bin/tini && echo lab')"
  pen restart
  assert_eq jail "$(pen status --json | jq -r .runtime)"
  run ! has_sandbox
  run ! has_table
  pen_config '.runtime = $runtime' --arg runtime "$PEN_RUNTIME"
  kill -KILL "$(pen status --json | jq .pid)"
  pen exec true
  has_sandbox
}

@test "prune removes what belongs to no sandbox any more" {
  pen start
  kill -KILL "$(cut -d ' ' -f 1 "$RUN/guard")" "$(cut -d ' ' -f 1 "$RUN/proxy.id")"
  rm -rf "$SANDBOX_DIR"
  # What the user has of the sandbox's image by other means stays.
  tool run -d --name mine "$SANDBOX" >/dev/null
  pen prune -y
  [[ -n $(tool ps -q --filter name=mine) ]] || fail "removed what is not pen's"
  tool rm -f mine >/dev/null
  run ! has_sandbox
  run ! has_table
  nothing_left
}

@test "doctor tells of the runtime and of pen-pfctl" {
  run pen doctor
  assert_contains "$output" "$PEN_RUNTIME"
  assert_contains "$output" "$PFCTL"
  mv "$PFCTL" "$PFCTL.away"
  run pen doctor
  assert_eq 1 "$status"
  assert_contains "$output" 'not installed'
}
