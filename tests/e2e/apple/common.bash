#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - a Mac for tests: the lab of containers.bash with Docker, and in it
# a mount namespace with the tools of macOS and the shim of Apple's `container`

# shellcheck source=tests/lab/containers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/containers.bash"
lab_containers docker
bats_require_minimum_version 1.5.0

export APPLE_LAB=/run/lab/mac
readonly apple_dir=$LAB_DIR/apple

# The versions that are played from init to rm.
# shellcheck disable=SC2034 # for the test files
readonly apple_old=0.6.0 apple_middle=0.12.3 apple_new=1.4.1

setup_file() {
  containers_setup_file
  [[ -z ${LAB_NETNS:-} ]] || apple_make
}

teardown_file() {
  containers_teardown_file
}

# apple_make - the Mac, with its service running and its one network
apple_make() {
  mkdir -p "$APPLE_LAB/networks" || return 1
  printf 'unix:///run/docker.sock\n' >"$APPLE_LAB/docker-host"
  printf '%s\n' "$APPLE_LAB/real/bin/docker" >"$APPLE_LAB/docker"
  printf '26.5.1\n' >"$APPLE_LAB/macos"
  printf '%s\n' '{"name": "default", "subnet": "192.168.64.0/24", "labels": {},
    "gateway": "192.168.64.1", "internal": false, "created": 1700000000}' \
    >"$APPLE_LAB/networks/default"
  chmod 0777 "$APPLE_LAB" "$APPLE_LAB/networks" || return 1
  lab_start mac --ready-fd unshare -m "$apple_dir/mac.sh" "$APPLE_LAB" || return 1
  export APPLE_PID=$LAB_PID
}

setup() {
  containers_setup
  home=/home/alice/$BATS_TEST_NUMBER
  PROJECT="$home/My.Dir (x)"
  as_user alice mkdir -p "$PROJECT/.pen"
  cd "$PROJECT" || return 1
  printf 'FROM lab/tools\nCMD ["sh", "-c", "echo hello from the image; exec sleep 1000"]\n' \
    >.pen/Dockerfile
  rm -f "$APPLE_LAB/refused"
  : >"$APPLE_LAB/calls"
  chmod 0666 "$APPLE_LAB/calls"
  : >"$APPLE_LAB/service"
  chmod 0666 "$APPLE_LAB/service"
  printf '26.5.1\n' >"$APPLE_LAB/macos"
  plays "$apple_new"
}

teardown() {
  local status=0
  if [[ -n ${LAB_NETNS:-} && -n ${home-} ]]; then
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 5 "$home"/.pen/sandboxes/*/run/{guard,container}.log
    : >"$APPLE_LAB/service"
    pen stop --all >/dev/null || status=1
    nothing_left || status=1
    cd / || status=1
  fi
  containers_teardown || status=1
  return "$status"
}

# plays VERSION - what the shim plays from now on
plays() {
  printf '%s\n' "$1" >"$APPLE_LAB/version"
}

# mac CMD... - CMD as alice, on the Mac, in the current directory
mac() {
  nsenter --mount --target "$APPLE_PID" "$APPLE_LAB/real/bin/env" -i \
    HOME="$home" USER=alice LOGNAME=alice TERM=dumb NO_COLOR=1 \
    APPLE_LAB="$APPLE_LAB" PATH=/opt/pen/bin:/usr/bin:/bin:/usr/sbin:/sbin \
    "$APPLE_LAB/real/bin/setpriv" --reuid alice --regid alice --init-groups \
    --inh-caps=-all /bin/bash -c 'cd "$1" && shift && exec "$@"' mac "$PWD" "$@"
}

# pen ARG... - the program under test, never longer than three minutes
pen() {
  mac "$APPLE_LAB/real/bin/timeout" -k 5 180 pen "$@"
}

# pen_pid COMMAND - print the PID of the pen that runs COMMAND
pen_pid() {
  pgrep -o -U alice -f "commands/$1.sh"
}

# nothing_left - fails if anything of a sandbox is still there, or if a tool was
# used in a way that no Mac knows
nothing_left() {
  local left=""
  # The guard's nap may outlive it by a moment.
  eventually 60 no_nap
  left=$(
    docker ps -a --format 'container {{.Names}}'
    docker network ls --filter driver=bridge --format 'network {{.Name}}' |
      grep -v '^network bridge$'
    find "$APPLE_LAB/networks" -type f ! -name default
    find "$home/.pen/run" -mindepth 1 2>/dev/null
    nft list tables | grep 'inet pen_'
    ps -o args= -U alice
    true
  )
  [[ -z $left ]] || fail "left over: $left"
  # What pen tries, to know whose tools it has.
  [[ -f $APPLE_LAB/refused ]] || return 0
  left=$(grep -vx 'find: -printf' "$APPLE_LAB/refused") || true
  [[ -z $left ]] || fail "no Mac knows: $left"
}

no_nap() {
  ! pgrep -U alice -x sleep >/dev/null
}

# sandbox_name - print the name of the sandbox of the current directory
sandbox_name() {
  basename "$(sandbox_dir)"
}

# sandbox_dir - print the folder of what pen keeps of it
sandbox_dir() {
  pen status --json | jq -r '.allowlist | sub("/[^/]*$"; "")'
}

# image_of NAME - print the id of Docker's image NAME
image_of() {
  docker images --quiet "$1"
}

# called FILTER - succeed if a call of `container` had words for which FILTER holds
called() {
  jq -e -n "[inputs | $1] | any" "$APPLE_LAB/calls" >/dev/null
}

# start_sandbox - initialise, build and start
start_sandbox() {
  pen init --runtime container && pen build --yes && pen start
}

# start_with FILTER - the same with a config that a jq filter has changed
start_with() {
  local file=""
  pen init --runtime container && as_user alice mkdir -p "$home/data" || return 1
  printf 'kept\n' >"$home/data/file"
  file=$(sandbox_dir)/config.json
  jq "$1" "$file" >"$LAB/config.new" && cat "$LAB/config.new" >"$file" || return 1
  pen build --yes && pen start
}

# sandbox_table - print the name of its nftables table
sandbox_table() {
  sandbox_name | tr - _
}

# proxy_pid - print the PID of its proxy
proxy_pid() {
  cut -d ' ' -f 1 "$(sandbox_dir)/run/proxy.id"
}

# fetch HOST - a page of the host arrives in the sandbox
fetch() {
  [[ $(http_code "$1") == 200 ]]
}

# refused HOST - the proxy refuses the host to the sandbox
refused() {
  [[ $(http_code "$1") == 403 ]]
}

# http_code HOST - print the status with which the host, or the proxy, answers
http_code() {
  pen exec -- curl -s --max-time 20 -o /dev/null -w '%{http_code}' "http://$1/"
}
