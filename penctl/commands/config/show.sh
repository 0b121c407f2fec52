#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: print the effective config of this sandbox
# Usage: pen config show [--json]
#
# The user's defaults (~/.pen/config.json) and the sandbox's own config together:
# lists are joined, objects merged, of two single values the sandbox's counts.
# One line a setting: its path, its value, and where it comes from: "default" or
# a file.
#
# Options:
#   --json       one object: config, and origins by path
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local lines="" label="" value="" origin=""
  command_begin
  command_json "$@"
  life_open
  if [[ $command_wants_json == yes ]]; then
    config_query object false
    return
  fi
  lines=$(config_query table false) || exit
  while IFS=$'\x1f' read -r label value origin; do
    printf '%-24s %-32s %s\n' "$label" "$value" "$origin"
  done <<<"$lines" | policy_visible
}

main "$@"
