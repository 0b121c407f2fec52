#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# crash_docker.bats - what is killed at every step of start and stop, and what
# `pen stop` and `pen start` make of it; its link crash_podman.bats is the same with
# podman
#
# A step is a call of pen's to the container runtime or to pen-pfctl.  By default
# every fifth one is tried, with PEN_SLOW=1 each.

load common
lab_containers "$(runtime_of_file)"

setup_file() {
  containers_setup_file
  [[ -n ${LAB_NETNS:-} ]] || return 0
  local name
  for name in docker podman pen-pfctl; do
    install -m 0755 "$SUITE_DIR/step.sh" "/usr/local/bin/$name"
  done
  mkdir /run/lab/step
}

teardown_file() { containers_teardown_file; }

setup() {
  rm -f /run/lab/step/*
  pen_setup "$(runtime_of_file)"
  # Who kills a daemon has to be root.
  export PEN_AS=root PEN_PFCTL=/usr/local/bin/pen-pfctl
  pen_project crash
  pen build
  printf '%s\n' "$PEN_RUNTIME" >/run/lab/step/runtime
  STRIDE=5
  [[ ${PEN_SLOW:-} != 1 ]] || STRIDE=1
}

teardown() {
  rm -f /run/lab/step/at
  dockerd_back
  pen_teardown
}

# dockerd_back - start dockerd again if it was killed
dockerd_back() {
  [[ -n ${LAB_NETNS:-} && $PEN_RUNTIME == docker ]] || return 0
  dockerd_answers || dockerd_start
}

# kill_at N WHAT - at the Nth step from now
kill_at() {
  rm -f /run/lab/step/killed
  printf '0\n' >/run/lab/step/count
  printf '%s %s\n' "$1" "$2" >/run/lab/step/at
}

# killed - whether there was such a step; none is counted any more
killed() {
  rm -f /run/lab/step/at
  [[ -e /run/lab/step/killed ]]
}

# container_pids - print a process of each container, whatever its engine knows: one
# for each network namespace that is neither the host's nor the internet's
container_pids() {
  local dir own wan net seen=" "
  own=$(readlink /proc/self/ns/net)
  wan="net:[$(stat -L -c %i /run/netns/wan)]"
  for dir in /proc/[0-9]*; do
    net=$(readlink "$dir/ns/net") || continue
    [[ -n $net && $net != "$own" && $net != "$wan" ]] || continue
    [[ $seen != *" $net "* ]] || continue
    seen="$seen$net "
    printf '%s\n' "${dir#/proc/}"
  done
}

# way_out PID - print whether its network leads to the internet past the proxy: open,
# shut, or gone if it has ended; fails if that cannot be told
way_out() {
  local status=0
  nsenter --net="/proc/$1/ns/net" curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP1/" ||
    status=$?
  case $status in
    0) printf 'open\n' ;;
    # Not connected, and in time not connected.
    7 | 28) printf 'shut\n' ;;
    *) [[ ! -e /proc/$1/ns/net ]] && printf 'gone\n' ;;
  esac
}

# never_open - fails if a container can reach the internet past the proxy; the
# engine, which may be dead, is not asked
never_open() {
  local pid way
  for pid in $(container_pids 2>/dev/null); do
    way=$(way_out "$pid") || fail "cannot tell after $(</run/lab/step/killed)" || return 1
    [[ $way != open ]] || fail "open after $(</run/lab/step/killed)" || return 1
  done
}

# recovers N - with an even N by a stop, with an odd one by a start that works
recovers() {
  never_open
  dockerd_back
  never_open
  if ((N / STRIDE % 2)); then
    pen start || fail "no start after $(</run/lab/step/killed)"
    assert_eq 42 "$(pen exec echo 42)" "after $(</run/lab/step/killed)"
  fi
  pen stop || fail "no stop after $(</run/lab/step/killed)"
  nothing_left || fail "after $(</run/lab/step/killed)"
}

# start_with_kills WHAT
start_with_kills() {
  for ((N = 1; ; N += STRIDE)); do
    kill_at "$N" "$1"
    pen start >"$LAB/start.out" 2>&1 || :
    killed || break
    recovers
  done
  pen stop
  ((N > 9)) || fail "only $N steps"
}

# stop_with_kills WHAT
stop_with_kills() {
  for ((N = 1; ; N += STRIDE)); do
    pen start
    kill_at "$N" "$1"
    pen stop >"$LAB/start.out" 2>&1 || :
    killed || break
    recovers
  done
  ((N > 6)) || fail "only $N steps"
}

@test "what looks for an open container finds one" {
  local pids
  tool network create open >/dev/null
  tool run -d --name open --network open "$LAB_TOOLS" sleep 1000 >/dev/null
  pids=$(container_pids 2>/dev/null)
  assert_eq open "$(way_out "$pids")"
  printf 'a test\n' >/run/lab/step/killed
  run never_open
  assert_contains "$output" 'open after a test'
  tool rm -f open >/dev/null
  tool network rm open >/dev/null
  tool run -d --name none --network none "$LAB_TOOLS" sleep 1000 >/dev/null
  pids=$(container_pids 2>/dev/null)
  assert_eq shut "$(way_out "$pids")"
  never_open
  tool rm -f none >/dev/null
  run container_pids
  assert_eq "" "$output"
}

@test "P8: pen is killed at each step of start" { start_with_kills pen; }
@test "P8: pen is killed at each step of stop" { stop_with_kills pen; }
@test "P8: the proxy is killed at each step of start" { start_with_kills proxy; }
@test "P8: the proxy is killed at each step of stop" { stop_with_kills proxy; }
@test "P8: the container is killed at each step of start" { start_with_kills container; }
@test "P8: the container is killed at each step of stop" { stop_with_kills container; }

@test "P8: dockerd is killed at each step of start" {
  [[ $PEN_RUNTIME == docker ]] || skip 'podman has no daemon'
  start_with_kills dockerd
}

@test "P8: dockerd is killed at each step of stop" {
  [[ $PEN_RUNTIME == docker ]] || skip 'podman has no daemon'
  stop_with_kills dockerd
}

@test "P8: dockerd dies under a running sandbox; once it is back, so is the sandbox" {
  [[ $PEN_RUNTIME == docker ]] || skip 'podman has no daemon'
  pen start
  dockerd_stop KILL
  run pen exec true
  [[ $status != 0 ]] || fail 'exec without a daemon'
  dockerd_start
  assert_eq back "$(pen exec echo back)"
}
