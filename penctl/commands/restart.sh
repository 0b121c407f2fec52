#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: take the sandbox down and bring it up again
# Usage: pen restart
#
# A changed config takes effect with this; a changed allow-list needs no restart.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  command_none "$@"
  # A faulty config must not end a sandbox that runs, nor one that cannot be met.
  (restart_check) || exit
  "$BASH" "${BASH_SOURCE[0]%/*}/stop.sh" >/dev/null || exit
  life_open
  life_start
  log_say "$sandbox_name is up"
}

# restart_check - exit unless the sandbox can be as the config says by now, which may
# name another runtime than the one that it is in
restart_check() {
  sandbox_open
  sandbox_need_init
  config_load
  config_use_runtime
  runtime_check
  life_check
}

main "$@"
