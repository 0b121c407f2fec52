#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - what the tests of pen with container runtimes share
#
# The tests run as root in the lab, pen as alice (docker) or as root (podman, whose
# bridges are root's). Each test has an empty home and the project $PROJECT there,
# and fails if a sandbox leaves anything behind.

# shellcheck source=tests/lab/containers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/containers.bash"
bats_require_minimum_version 1.5.0

SUITE_DIR=$LAB_ROOT/tests/e2e/containers
PFCTL=/usr/local/libexec/pen-root/pen-pfctl
export SUITE_DIR PFCTL

# as NAME CMD... - CMD as that user, at home
as() {
  if [[ $1 == root ]]; then
    shift
    "$@"
  else
    as_user "$@"
  fi
}

# pen ARG... - the program under test as $PEN_AS, never longer than PEN_LIMIT, three
# minutes
pen() {
  as "$PEN_AS" timeout -k 5 "${PEN_LIMIT:-180}" pen "$@"
}

# pen_home NAME - print the home of a user of pen's
pen_home() {
  if [[ $1 == root ]]; then
    printf '%s\n' "$HOME"
  else
    printf '/home/%s\n' "$1"
  fi
}

# pen_setup RUNTIME - empty homes; an empty project, initialised, is the working
# directory
pen_setup() {
  local name
  containers_setup
  find /home/alice /home/bob -mindepth 1 -delete
  PEN_RUNTIME=$1 PEN_AS=alice
  [[ $1 != podman ]] || PEN_AS=root
  export PEN_RUNTIME PEN_AS
  # Another test's Dockerfile is not this one's.
  for name in $(tool images --format '{{.Repository}}' | grep pen-user-); do
    tool rmi -f "$name" >/dev/null || return 1
  done
  pen_project project
}

# pen_project NAME - make the project NAME of $PEN_AS's, and enter it; its sandbox
# has the image lab/tools
pen_project() {
  local home
  home=$(pen_home "$PEN_AS")
  PROJECT=$home/$1
  as "$PEN_AS" mkdir -p "$PROJECT" && cd "$PROJECT" || return 1
  printf 'FROM %s\n' "$LAB_TOOLS" >"$home/Dockerfile"
  pen init --runtime "$PEN_RUNTIME" >"$LAB/init.out" 2>&1 || fail "$(<"$LAB/init.out")" || return 1
  SANDBOX=$(sandbox_name) || return 1
  SANDBOX_DIR=$home/.pen/sandboxes/$SANDBOX
  export PROJECT SANDBOX SANDBOX_DIR
  pen_config '.dockerfile = $home + "/Dockerfile"' --arg home "$home"
}

# pen_config FILTER [JQ-OPTION]... - change the sandbox's config by a jq filter
pen_config() {
  local filter=$1 file=$SANDBOX_DIR/config.json
  shift
  jq "$@" "$filter" "$file" >"$LAB/config.new" && cat "$LAB/config.new" >"$file"
}

# sandbox_name - print what P2 says is the sandbox's name: computed here anew
sandbox_name() {
  local base uid sum
  base=$(basename "$PWD" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9-]/-/g')
  uid=$(as "$PEN_AS" id -u)
  sum=$(printf '%s' "$PWD" | sha1sum) || return 1
  base=pen-user-$uid-project-$base
  printf '%s-%s\n' "${base:0:45}" "${sum:0:6}"
}

# runtime_of_file - print docker or podman: what the name of the file ends in. The
# file for podman is a link to that for docker.
runtime_of_file() {
  local name=${BATS_TEST_FILENAME%.bats}
  printf '%s\n' "${name##*_}"
}

# tool ARG... - docker or podman itself
tool() {
  "$PEN_RUNTIME" "$@"
}

# gateway_of_sandbox - print the gateway's address of the running sandbox
gateway_of_sandbox() {
  pen exec -- sh -c 'ip route show default' | awk '{ print $3 }'
}

# inside CMD... - in the sandbox, never longer than 20 seconds
inside() {
  pen exec -- timeout 20 "$@"
}

# seen NAME - whether a name server was asked for it
seen() {
  grep -q " $1 " "$DNS_LOG"
}

# pen_teardown - stops what runs, and fails if anything of a sandbox is left
pen_teardown() {
  local status=0 user=""
  [[ -n ${LAB_NETNS:-} ]] || return 0
  for user in alice bob root; do
    [[ -d $(pen_home "$user")/.pen ]] || continue
    (PEN_AS=$user && pen stop --all) >"$LAB/stop.out" 2>&1 ||
      fail "pen stop --all as $user: $(<"$LAB/stop.out")" || status=1
  done
  nothing_left || status=1
  containers_teardown || status=1
  return "$status"
}

# nothing_left - fails if there is a container, network, rule set, process or file
# of a sandbox
nothing_left() {
  local left
  left=$(leftovers)
  [[ -z $left ]] || fail "left over:
$left"
}

# leftovers - print what is left of sandboxes
leftovers() {
  local user
  if [[ " $LAB_DAEMONS" == *' docker'* ]]; then
    docker ps -a --filter label=pen.user --format 'container {{.Names}}'
    docker network ls --filter label=pen.user --format 'network {{.Name}}'
  fi
  if [[ " $LAB_DAEMONS " == *' podman '* ]]; then
    podman ps -a --filter label=pen.user --format 'container {{.Names}}'
    podman network ls --filter label=pen.user --format 'network {{.Name}}'
  fi
  ip -j link | jq -r '.[].ifname | select(startswith("pen-"))'
  nft list tables | grep pen_user_
  [[ ! -d /run/pen ]] || find /run/pen -type f
  for user in alice bob root; do
    # Logs, and what the next start writes anew, may stay.
    find "$(pen_home "$user")/.pen/sandboxes"/*/run -mindepth 1 -maxdepth 1 \
      ! -name '*.log' ! -name '*.log.*' ! -name pen-proxy.ini ! -name runtime \
      ! -name presets ! -name '*-rules.txt' ! -name build 2>/dev/null
    find "$(pen_home "$user")/.pen/run" -mindepth 1 2>/dev/null
  done
  left_processes || :
}

# left_processes - print what runs of pen
left_processes() {
  pgrep -fa '/pen-proxy |/[a-z]+-main\.sh |/penctl/(pen|commands/)'
}
