#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: check the config and the policy of this sandbox
# Usage: pen config validate
#
# Names every fault with its file and place; exit status 2 if there is one.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local network=""
  command_begin
  command_none "$@"
  life_open
  life_check
  network=$(policy_network)
  [[ ! -e $network ]] || policy_check "$network" "$network"
  log_say "config and policy are valid"
}

main "$@"
