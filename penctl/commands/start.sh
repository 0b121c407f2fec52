#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: bring the sandbox of this directory up
# Usage: pen start
#
# Checks the config and the allow-list, then starts the proxy and the sandbox. If
# anything fails, it says why and leaves nothing behind. A sandbox that is up
# stays as it is. 'pen exec' and 'pen shell' start it by themselves.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  command_none "$@"
  life_open
  life_start
  log_say "$sandbox_name is up"
}

main "$@"
