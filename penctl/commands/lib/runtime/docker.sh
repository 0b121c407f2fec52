# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# docker.sh - the runtime 'docker': what is Docker's own among the tool_*
# functions that containers.sh lists

# shellcheck source=../containers.sh
. "$pen_lib/containers.sh"
# shellcheck source=../docker-cli.sh
. "$pen_lib/docker-cli.sh"

tool_name=docker
tool_bridge=early

tool_check() {
  local words=""
  [[ $(uname -s) == Linux ]] || die_input "the runtime 'docker' needs Linux: its bridges must be this host's own"
  command -v docker >/dev/null || die "docker is not installed: install Docker Engine, or set \"runtime\" to \"jail\""
  words=$(docker info --format '{{.ServerVersion}} {{.SecurityOptions}}' 2>&1) ||
    die "the Docker daemon does not answer: ${words##*$'\n'}"
  # Its bridges are then in a namespace of its own, where pen-pfctl sees none.
  [[ $words != *name=rootless* ]] || tool_bridge=none
}

tool_report() {
  local version=""
  if ! command -v docker >/dev/null; then
    cli_row docker false true "not installed: install Docker Engine 20.10 or later"
  elif version=$(cli_field version --format '{{.Server.Version}}'); then
    cli_row docker true true "Docker Engine $version"
  else
    cli_row docker false true "the daemon does not answer: start it, and be allowed to use its socket"
  fi | jq -s .
}

cli_has_init() {
  command -v docker-init >/dev/null
}

# The proxies of the client's own config, maybe with passwords, are not for the
# sandbox: the client leaves out what is named and has no value.
cli_own() {
  local name="" IFS=$'\n'
  for name in {HTTP,HTTPS,FTP,ALL,NO}_PROXY {http,https,ftp,all,no}_proxy; do
    [[ $IFS${cli_words[*]} != *"$IFS$name="* ]] || continue
    unset "$name"
    cli_words+=(--env "$name")
  done
}

tool_network_make() {
  local name="$1" bridge="$2"
  shift 2
  cli_labels "$@"
  cli network create --driver bridge --opt "com.docker.network.bridge.name=$bridge" \
    "${cli_words[@]}" "$name"
}

tool_network_gateway() {
  cli network inspect --format '{{(index .IPAM.Config 0).Gateway}}' "$1"
}

tool_container_state() {
  local state=""
  state=$(cli ps --all --filter "name=^$1\$" --format '{{.State}}') || return 1
  cli_state "$state"
}
