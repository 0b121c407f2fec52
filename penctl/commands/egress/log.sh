#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: connections by host: count, bytes, last seen
# Usage: pen egress log [--json]
#
# From the proxy's logs of this directory.
#
# Options:
#   --json       as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  command_begin
  command_json "$@"
  sandbox_open_used
  egress_all | egress_by_host "$command_wants_json"
}

main "$@"
