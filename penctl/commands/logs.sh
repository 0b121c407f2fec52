#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: show what the sandbox itself said
# Usage: pen logs
#
# What the runtime wrote while the sandbox came up and ran; commands write to their
# own terminal. For the proxy's log see 'pen proxy logs'.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  command_none "$@"
  life_open_down
  runtime_logs
}

main "$@"
