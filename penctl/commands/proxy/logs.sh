#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: show the proxy's log: refusals and errors, or all of it
# Usage: pen proxy logs [--all] [--follow] [--since D] [--json]
#
# One line each: time, verdict, target, reason, id. 'pen why ID' says more. Covers
# the running sandbox and the one-shot runs of this directory.
#
# Options:
#   --all        allowed connections, too
#   --follow     go on with what comes; ends with Ctrl-C
#   --since D    only of the last 10m, 2h, 1d
#   --json       the log's own lines
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local all=false json=false follow=no since=""
  command_begin
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      --all) all=true ;;
      --follow) follow=yes ;;
      --json) json=true ;;
      --since) command_value "$@" && since=$2 && shift ;;
      *) command_none "$1" ;;
    esac
    shift
  done
  sandbox_open_used
  [[ -z $since ]] || since=$(command_moment - "$since") || exit
  if [[ $follow == yes ]]; then
    # In the background, so that a signal ends the wait at once.
    egress_follow | egress_watch "$all" "$json" "$since" &
    wait
  else
    egress_all | egress_show "$all" "$json" "$since"
  fi
}

main "$@"
