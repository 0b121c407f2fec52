#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: say whether the sandbox of this directory is up
# Usage: pen status [--json]
#
# Exit status 0 when it is up, 1 when it is down or paused: the guard pauses a
# sandbox whose firewall or proxy is gone and cannot be brought back, or that
# another tool attached to a second network. "not checked" is a sandbox whose image
# has no program with which pen could have tried, at the start, that it is shut in.
#
# Options:
#   --json       as one JSON object
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local state=down rules=0 initialized=false
  command_begin
  command_json "$@"
  sandbox_open
  life_use_runtime
  ! life_is_up || state=up
  state_read_box
  [[ $state == up ]] || state_kind="" state_proxy="" state_checked=""
  [[ -z $state_paused ]] || state=paused
  ! sandbox_is_initialized || initialized=true
  [[ ! -r $sandbox_rules ]] || rules=$(grep -cv -e '^[[:space:]]*$' -e '^[[:space:]]*#' "$sandbox_rules")
  if [[ $command_wants_json == yes ]]; then
    jq -n --arg name "$sandbox_name" --arg project "$sandbox_project" \
      --arg state "$state" --arg pid "$state_pid" --argjson rules "$rules" \
      --argjson initialized "$initialized" --arg allowlist "$sandbox_rules" \
      --arg runtime "$config_runtime" --arg kind "$state_kind" --arg proxy "$state_proxy" \
      --arg paused "$state_paused" --arg checked "$state_checked" \
      'def word: if . == "" then null else . end;
      {name: $name, project: $project, initialized: $initialized, runtime: $runtime,
        state: $state, paused: ($paused | word), pid: ($pid | tonumber? // null),
        network: ($kind | word), proxy: ($proxy | word),
        checked: (if $checked == "" then null else $checked == "true" end), rules: $rules,
        allowlist: $allowlist}' ||
      die "jq failed"
  else
    printf '%-11s %s\n' sandbox "$sandbox_name" project "$sandbox_project" \
      runtime "$config_runtime" state "$state${state_pid:+ (PID $state_pid)}" \
      rules "$rules in $sandbox_rules"
    [[ -z $state_kind ]] || printf '%-11s %s\n' network "$state_kind" proxy "${state_proxy:-none}"
    [[ $state_checked != false ]] ||
      printf '%-11s %s\n' "not checked" "the image has nothing to try from inside whether the sandbox is shut in: bash, for one"
    [[ -z $state_paused ]] || printf '%-11s %s\n' paused "$state_paused; 'pen restart' when that is mended"
    [[ $initialized == true ]] || log_say "'pen init' was not run here"
  fi
  [[ $state == up ]]
}

main "$@"
