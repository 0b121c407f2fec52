#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: say whether the proxy runs, and with what policy
# Usage: pen proxy status [--json]
#
# Exit status 0 when it runs, 1 when not.
#
# Options:
#   --json       as one JSON object
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local state=down pid=""
  command_begin
  command_json "$@"
  sandbox_open
  sandbox_need_init
  if state_is_up && pid=$(proxy_pid "$sandbox_run"); then
    state=up
  fi
  config_load
  state_make
  proxy_summary || die_input "the policy has faults:
$proxy_answer"
  if [[ $command_wants_json == yes ]]; then
    jq -n --arg state "$state" --arg pid "$pid" --arg policy "$proxy_answer" \
      --arg log "$sandbox_run/proxy.log" \
      '{state: $state, pid: ($pid | tonumber? // null), policy: ($policy / "\n"), log: $log}' ||
      die "jq failed"
  else
    printf '%-7s %s\n' proxy "$state${pid:+ (PID $pid)}" log "$sandbox_run/proxy.log"
    printf '%s\n' "$proxy_answer"
  fi
  [[ $state == up ]]
}

main "$@"
