# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# podman.sh - the runtime 'podman': what is Podman's own among the tool_*
# functions that containers.sh lists
#
# Podman makes a network's bridge when its first container starts, so that one
# starts held. Without root its networks are in a namespace of its own, where
# pen-pfctl does not see them: no bridge then.

# shellcheck source=../containers.sh
. "$pen_lib/containers.sh"
# shellcheck source=../docker-cli.sh
. "$pen_lib/docker-cli.sh"

tool_name=podman
tool_bridge=held
((EUID == 0)) || tool_bridge=none

tool_check() {
  local words=""
  [[ $(uname -s) == Linux ]] || die_input "the runtime 'podman' needs Linux: its bridges must be this host's own"
  command -v podman >/dev/null || die "podman is not installed: install the package podman, or set \"runtime\" to \"jail\""
  words=$(podman version --format '{{.Client.Version}}' 2>&1) ||
    die "podman does not work: ${words##*$'\n'}"
}

tool_report() {
  local version="" rights="with bridges"
  [[ $tool_bridge != none ]] || rights="without root: the networks socket and none only"
  if ! command -v podman >/dev/null; then
    cli_row podman false true "not installed: install the package podman"
  elif version=$(cli_field version --format '{{.Client.Version}}'); then
    cli_row podman true true "Podman $version, $rights"
  else
    cli_row podman false true "'podman version' fails: run it to see why"
  fi | jq -s .
}

cli_has_init() {
  [[ -x /usr/libexec/podman/catatonit || -x /usr/bin/catatonit ]]
}

# The proxies of pen's own environment, maybe with passwords, are not for the
# sandbox. Without root, who runs pen is root in the container; where the image has
# another user, that one has to be who runs pen, or the project is not its own.
cli_own() {
  local user=""
  cli_words+=(--http-proxy=false)
  ((EUID)) || return 0
  user=$(cli image inspect --format '{{.User}}' "$1") || return 1
  case ${user%%:*} in
    '' | 0 | root) ;;
    *) cli_words+=(--userns keep-id) ;;
  esac
}

# Without the name server that answers on the gateway and asks from the host. The
# bridge's name cannot be chosen before Podman 4.5, and need not be.
tool_network_make() {
  local name="$1"
  shift 2
  cli_labels "$@"
  cli network create --driver bridge --disable-dns "${cli_words[@]}" "$name"
}

tool_network_gateway() {
  cli network inspect "$1" | jq -r 'first(.[0].subnets[].gateway | select(contains(":") | not))'
}

tool_container_state() {
  local state="" status=0
  cli container exists "$1" || status=$?
  case $status in
    0) ;;
    1) return 0 ;;
    *) return 1 ;;
  esac
  state=$(cli container inspect --format '{{.State.Status}}' "$1") || return 1
  cli_state "$state"
}
