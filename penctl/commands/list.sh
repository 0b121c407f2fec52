#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: list all of the user's sandboxes
# Usage: pen list [--json]
#
# One line a sandbox: up, down or paused, its name, its runtime, its directory.
#
# Options:
#   --json       as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  command_json "$@"
  sandbox_home
  if [[ $command_wants_json == yes ]]; then
    list_rows | jq -R -n '[inputs / "\t" | {state: .[0], name: .[1], runtime: .[2], project: .[3]}]' ||
      die "jq failed"
  else
    list_rows | while IFS=$'\t' read -r state name runtime project; do
      printf '%-6s %-52s  %-9s  %s\n' "$state" "$name" "$runtime" "$project"
    done
  fi
}

# list_rows - print state, name, runtime and project of each sandbox,
# tab-separated
list_rows() {
  local folder="" state=""
  for folder in "$sandbox_root"/*; do
    [[ -d $folder ]] || continue
    sandbox_select "${folder##*/}"
    sandbox_owner "$folder"
    state=down
    state_read_box
    ! state_is_up || state=up
    [[ -z $state_paused ]] || state=paused
    state_read_runtime
    [[ -n $state_runtime ]] || list_configured
    printf '%s\t%s\t%s\t%s\n' "$state" "$sandbox_name" "${state_runtime:--}" "$sandbox_owner"
  done
}

# list_configured - sets state_runtime to what a sandbox that was never started would
# be started with, or to nothing if its config is faulty
list_configured() {
  sandbox_project=$sandbox_owner
  state_runtime=$(config_load >/dev/null 2>&1 && printf '%s' "$config_runtime") || state_runtime=""
}

main "$@"
