#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: open a shell in the running sandbox
# Usage: pen shell [-e NAME=VALUE]... [-w DIR]
#
# The sandbox is started if it is not up. Leaving the shell leaves the sandbox
# running: 'pen stop' ends it. The shell is the sandbox's own $SHELL, else bash or
# sh; of the runtime 'jail', which has the host's programs, your own.
#
# Options:
#   -e, --env NAME=VALUE   set a variable for the shell
#   -w, --workdir DIR      its directory; by default this one
#   -h, --help             this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

# A container has its image's programs, not this host's. Where /bin/sh is bash, SHELL
# is what the image's passwd has for its user, which may be no shell.
# shellcheck disable=SC2016 # for the shell inside
readonly shell_choose='for shell in "${SHELL-}" /bin/bash; do
  case $shell in */nologin | */false) continue ;; esac
  [ ! -f "$shell" ] || [ ! -x "$shell" ] || exec "$shell"
done
exec /bin/sh'

main() {
  local workdir="" words
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
  words=(/bin/sh -c "$shell_choose")
  [[ $config_runtime != jail ]] || words=("$(shell_own)")
  [[ $workdir == /* ]] || workdir=$sandbox_project${workdir:+/$workdir}
  runtime_exec "$workdir" ${environment[@]+"${environment[@]}"} -- "${words[@]}"
}

# shell_own - print the user's own shell, if it is the system's: of the host, the
# runtime 'jail' shows the system's folders
shell_own() {
  local shell=/bin/sh
  case ${SHELL-} in
    /bin/* | /usr/bin/*) [[ ! -x $SHELL ]] || shell=$SHELL ;;
    *) ;;
  esac
  printf '%s\n' "$shell"
}

main "$@"
