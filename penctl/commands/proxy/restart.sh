#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: start the proxy anew, with the config as it is now
# Usage: pen proxy restart
#
# Not needed for a changed allow-list: that is read within a second. The sandbox
# goes on; connections that are open are cut.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  command_begin
  command_none "$@"
  life_open
  life_is_up || die "the sandbox is down: 'pen start'"
  life_restart_proxy
  log_say "the proxy of $sandbox_name is up"
}

main "$@"
