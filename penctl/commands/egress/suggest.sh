#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: an allow-list from what was refused
# Usage: pen egress suggest [--json]
#
# Prints the rules that would have let pass what the policy refused, the most
# frequent first, to be read, and then given to 'pen allow'. In monitor mode it is
# what was used.
#
# Options:
#   --json       as a JSON array, with how often each was refused
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local json=false
  command_begin
  command_json "$@"
  [[ $command_wants_json == no ]] || json=true
  sandbox_open_used
  egress_all | egress_suggest "$json"
}

main "$@"
