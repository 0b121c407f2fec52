#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: run a command in the running sandbox
# Usage: pen exec [-e NAME=VALUE]... [-w DIR] [--] CMD [ARG]...
#
# The sandbox is started if it is not up. The command has this terminal, standard
# input and output; its exit status is pen's. 125: the sandbox could not run it;
# 126: it cannot be executed; 127: there is no such command.
#
# Options:
#   -e, --env NAME=VALUE   set a variable for the command
#   -w, --workdir DIR      its directory; by default this one
#   -h, --help             this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local workdir=""
  environment=()
  command_begin
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      -e | --env) command_pair "$@" && environment+=("$2") && shift ;;
      -w | --workdir) command_value "$@" && workdir=$2 && shift ;;
      --) shift && break ;;
      -*) command_option "$1" ;;
      *) break ;;
    esac
    shift
  done
  (($#)) || command_usage "a command is missing"
  log_die_status=125
  life_open
  life_start
  [[ $workdir == /* ]] || workdir=$sandbox_project${workdir:+/$workdir}
  runtime_exec "$workdir" ${environment[@]+"${environment[@]}"} -- "$@"
}

main "$@"
