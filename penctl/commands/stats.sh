#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: show what the running sandbox uses: processor, memory, network, disk
# Usage: pen stats [--watch] [--json]
#
# Processor time is what all of its processes have used since it came up; memory is
# what they use now, and the most that they ever did. The runtime 'jail' knows
# neither network nor disk, and counts the proxy, too. Exit status 1 when the
# sandbox is down.
#
# Options:
#   --watch      a new line every second, until Ctrl-C or the sandbox's end
#   --json       as JSON objects, one a line
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local watch=no
  stats_json=no
  command_begin
  while (($#)); do
    case $1 in
      --watch) watch=yes ;;
      --json) stats_json=yes ;;
      *) command_none "$1" ;;
    esac
    shift
  done
  life_open_down
  life_is_up || die "the sandbox is down: 'pen start'"
  stats_headline
  stats_before=null
  stats_show || die "cannot tell what the sandbox uses"
  while [[ $watch == yes ]] && state_is_up; do
    sleep 1
    stats_show || break
  done
}

# stats_show - print one line; fails when the sandbox is gone
stats_show() {
  local now=""
  now=$(runtime_stats 2>/dev/null) || return 1
  if [[ $stats_json == yes ]]; then
    jq -c . <<<"$now"
  else
    jq -r --argjson before "$stats_before" -L "$pen_lib" \
      'include "stats"; row($before)' <<<"$now" |
      awk -F '\t' '{ printf "%9s %6s %10s %10s %10s %9s %10s %10s %10s %10s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 }'
  fi || die "jq failed"
  stats_before=$now
}

# stats_headline - what the columns are
stats_headline() {
  [[ $stats_json == no ]] || return 0
  printf '%9s %6s %10s %10s %10s %9s %10s %10s %10s %10s\n' \
    cpu-time cpu memory peak limit processes received sent read written
}

main "$@"
