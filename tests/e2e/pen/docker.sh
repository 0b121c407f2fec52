#!/bin/bash
# SPDX-License-Identifier: MIT
# docker.sh - stands in for docker: keeps what there is as files in $DOCKER_STUB, and
# has a container's commands run right here, in no sandbox at all
#
# $DOCKER_STUB/gateway is the address of every network, image what the image runs,
# a word a line (no file: no image), build what a build says, which then waits for
# a line from the FIFO gate, if there is one; path, if there, the PATH inside of
# containers; state, if there, what becomes of a container that is started.

set -u -o pipefail

# stub_exec OPTION... NAME CMD... - run CMD with the environment of the options
stub_exec() {
  local pairs=() path=$PATH
  [[ ! -e $DOCKER_STUB/path ]] || path=$(<"$DOCKER_STUB/path")
  while [[ $1 == --* ]]; do
    case $1 in
      --env) pairs+=("$2") && shift ;;
      --workdir) cd "$2" && shift ;;
      --interactive) ;;
      *) stub_refuse "exec $1" ;;
    esac
    shift
  done
  grep -qx running "$DOCKER_STUB/container.$1" || stub_refuse "no running container $1"
  shift
  exec env -i "PATH=$path" ${pairs[@]+"${pairs[@]}"} "$@"
}

# stub_named KIND [OPTION]... - print the names that there are of KIND, if one is
# asked for by --filter name=^NAME$
stub_named() {
  local kind=$1 name=""
  shift
  while (($#)); do
    [[ $1 != name=^* ]] || name=${1#name=^}
    shift
  done
  name=${name%\$}
  [[ -n $name && -e $DOCKER_STUB/$kind.$name ]] || return 0
  cat "$DOCKER_STUB/$kind.$name"
}

# stub_run OPTION... - a container from now on
stub_run() {
  while [[ $1 != --name ]]; do shift; done
  printf 'running\n' >"$DOCKER_STUB/container.$2"
  [[ ! -e $DOCKER_STUB/state ]] || cp "$DOCKER_STUB/state" "$DOCKER_STUB/container.$2"
}

stub_build() {
  cat "$DOCKER_STUB/build"
  [[ ! -p $DOCKER_STUB/gate ]] || read -r _ <"$DOCKER_STUB/gate"
  printf 'sleep\n' >"$DOCKER_STUB/image"
}

stub_refuse() {
  printf 'docker.sh: %s\n' "$*" >&2
  exit 64
}

main() {
  case "$1 ${2-}" in
    'info '*) printf '20.10 []\n' ;;
    'images '*) [[ ! -e $DOCKER_STUB/image ]] || printf 'sha256:1\n' ;;
    'image inspect') [[ "$*" == *Labels* ]] || cat "$DOCKER_STUB/image" ;;
    'build '*) stub_build ;;
    'network create') printf '%s\n' "${!#}" >"$DOCKER_STUB/network.${!#}" ;;
    'network inspect') cat "$DOCKER_STUB/gateway" ;;
    'network ls' | 'volume ls') stub_named "$1" "$@" ;;
    'network rm') rm "$DOCKER_STUB/network.$3" ;;
    'ps '*) stub_named container "$@" ;;
    'container inspect') printf '%s\n' "${!#}" | sed 's/-container$/-network/' ;;
    'run '*) stub_run "$@" ;;
    'exec '*) shift && stub_exec "$@" ;;
    'rm '* | 'kill '*) rm -f "$DOCKER_STUB/container.${!#}" ;;
    'stop '*) ;;
    'logs '*) printf 'out of order\n' ;;
    *) stub_refuse "$*" ;;
  esac
}

main "$@"
