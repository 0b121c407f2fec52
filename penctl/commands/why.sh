#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: explain why something was refused, or would be
# Usage: pen why ID | pen why HOST:PORT
#
# An ID is that of a refusal, from the answer to the request or from 'pen proxy
# logs'. A HOST:PORT is put to pen-proxy itself, with the policy as it stands.
# Exit status 0: allowed; 3: refused; 2: malformed; 1: no such ID.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local status=0
  command_begin
  case ${1-} in
    '') command_usage "an id or a HOST:PORT is missing" ;;
    -*) command_option "$1" ;;
    *) (($# == 1)) || command_usage "one id or HOST:PORT at a time" ;;
  esac
  sandbox_open_used
  if [[ $1 != *:* ]]; then
    egress_explain "$1"
    return
  fi
  config_load
  proxy_judge "$1" || status=$?
  if ((status != 0 && status != 3)); then
    proxy_answer=${proxy_answer#pen-proxy: }
    log_note "${proxy_answer% (see pen-proxy -h)}"
    return "$status"
  fi
  printf '%s\n' "$proxy_answer"
  ((status != 3)) || log_say "to allow it: pen allow $1"
  return "$status"
}

main "$@"
