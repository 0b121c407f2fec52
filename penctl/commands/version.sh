#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: print the version of pen and of its programs
# Usage: pen version [--json]
#
# Options:
#   --json       as one JSON object
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local proxy="" jail="" pfctl=""
  command_begin
  command_json "$@"
  proxy=$(version_of pen-proxy PEN_PROXY)
  jail=$(version_of pen-jail PEN_JAIL)
  firewall_find
  [[ -z $firewall_program ]] || pfctl=$(version_said "$firewall_program") || pfctl=unknown
  if [[ $command_wants_json == yes ]]; then
    jq -n --arg proxy "$proxy" --arg jail "$jail" --arg pfctl "$pfctl" \
      '{pen: $proxy, "pen-proxy": $proxy, "pen-jail": $jail, "pen-pfctl": $pfctl}' || die "jq failed"
  else
    printf '%-10s %s\n' pen "${proxy:-unknown}" pen-proxy "${proxy:-missing}" \
      pen-jail "${jail:-missing}" pen-pfctl "${pfctl:-missing}"
  fi
}

# version_of NAME VARIABLE - print the version of one of pen's programs
version_of() {
  local program=""
  program=$(proxy_find "$1" "$2" 2>/dev/null) || return 0
  version_said "$program" || return 0
}

# version_said PROGRAM - print the version that the program says; fails if it does
# not, as a pen-pfctl of an earlier version
version_said() {
  local answer=""
  answer=$("$1" -V 2>&1) || return 1
  answer=${answer%%$'\n'*}
  printf '%s\n' "${answer##* }"
}

main "$@"
