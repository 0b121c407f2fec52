#!/bin/bash
# SPDX-License-Identifier: MIT
# box-main.sh - watches over a box (guard.sh), or takes it down, in a process of
# its own
#
# Usage: box-main.sh watch|end SANDBOX FOLDER
#
# The box is one of SANDBOX, and its files are in FOLDER.

set -u -o pipefail
# shellcheck source=all.sh
. "${BASH_SOURCE[0]%/*}/all.sh" || exit 1

main() {
  local name=""
  command_begin
  sandbox_select "$2"
  sandbox_owner "$sandbox_dir"
  sandbox_project=$sandbox_owner
  [[ $1 == end ]] || config_load
  IFS=' ' read -r config_runtime name _ <"$3/box" || die "cannot read $3/box"
  config_use_runtime
  containers_select "$name" "$3"
  if [[ $1 == end ]]; then
    containers_down
  else
    containers_recall
    guard_watch
  fi
}

main "$@"
