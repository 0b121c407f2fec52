#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: open a shell in the running sandbox
# Usage: pen shell [-e NAME=VALUE]... [-w DIR]
#
# The sandbox is started if it is not up. Leaving the shell leaves the sandbox
# running: 'pen stop' ends it.
#
# Options:
#   -e, --env NAME=VALUE   set a variable for the shell
#   -w, --workdir DIR      its directory; by default this one
#   -h, --help             this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local workdir="" shell=/bin/sh
  environment=()
  command_begin
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      -e | --env) command_pair "$@" && environment+=("$2") && shift ;;
      -w | --workdir) command_value "$@" && workdir=$2 && shift ;;
      -*) command_option "$1" ;;
      *) command_usage "unexpected argument '$1'; 'pen exec' runs a command" ;;
    esac
    shift
  done
  log_die_status=125
  life_open
  life_start
  # The runtime 'jail' shows the system's folders, so the user's own shell is
  # there if it is the system's.
  case ${SHELL-} in
    /bin/* | /usr/bin/*) [[ ! -x $SHELL ]] || shell=$SHELL ;;
    *) ;;
  esac
  [[ $workdir == /* ]] || workdir=$sandbox_project${workdir:+/$workdir}
  runtime_exec "$workdir" ${environment[@]+"${environment[@]}"} -- "$shell"
}

main "$@"
