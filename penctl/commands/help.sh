#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: say what the commands do
# Usage: pen help [COMMAND]... | pen help presets [--json]
#
# Without a command: all of them, one line each. With presets: the rules that have
# a name, for 'pen allow @NAME' and 'pen init --preset NAME'.
#
# Options:
#   --json       the presets as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local commands="${BASH_SOURCE[0]%/*}"
  command_begin
  case ${1-} in
    -*) command_option "$1" ;;
    presets)
      command_json "${@:2}"
      help_presets
      return
      ;;
    *) ;;
  esac
  command_find "$commands" "$@"
  shift "$command_taken"
  (($# == 0)) || command_unknown "$1"
  if [[ -f $command_path ]]; then
    command_help "$command_path"
  fi
  command_overview
}

# help_presets - list the presets, one line each
help_presets() {
  if [[ $command_wants_json == yes ]]; then
    presets_list | jq -R -n '[inputs / "\t" | {name: .[0], summary: .[1]}]' || die "jq failed"
    return
  fi
  presets_list | while IFS=$'\t' read -r name summary; do
    printf '  @%-14s %s\n' "$name" "$summary"
  done
}

main "$@"
