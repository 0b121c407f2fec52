#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: take the sandbox of this directory down
# Usage: pen stop [--all]
#
# Ends everything that runs in the sandbox, and its proxy; also clears away what a
# crash has left. Config, allow-list and log stay.
#
# Options:
#   --all        all of the user's sandboxes, wherever they are, and every 'pen run'
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  if [[ ${1-} == --all ]]; then
    shift
    command_none "$@"
    life_each stop_one
    return
  fi
  command_none "$@"
  life_open_down
  life_stop
  log_say "$sandbox_name is down"
}

# stop_one - stop the selected sandbox if it is up or has left something, and its
# one-shot runs
# shellcheck disable=SC2317 # called by life_each
stop_one() {
  local state=down
  ! state_is_up || state=up
  life_use_runtime
  life_end_runs
  life_stop
  [[ $state == down ]] || log_say "$sandbox_name is down"
}

main "$@"
