#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: take rules back, in the running sandbox at once
# Usage: pen deny [--network] RULE...
#
# Takes the lines of these rules out of the allow-list, whatever their attributes.
# What is not allowed is denied: there is nothing else to write down. Says so where
# another rule still covers the target. Live connections that no rule allows any
# more are closed within a second.
#
# Options:
#   --network    rules of addresses, for the firewall, as in 'pen allow --network'
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local network=no
  rules=()
  command_begin
  while (($#)); do
    case $1 in
      --network) network=yes ;;
      -*) command_option "$1" ;;
      *) rules+=("$1") ;;
    esac
    shift
  done
  ((${#rules[@]})) || command_usage "a rule is missing"
  sandbox_open_used
  config_load
  policy_check_words "${rules[@]}"
  state_make
  state_lock policy.lock
  if [[ $network == yes ]]; then
    deny_network
  else
    deny_hosts
  fi
  [[ $policy_changed == yes ]]
}

# deny_hosts - take the rules out of the allow-list
deny_hosts() {
  local rule=""
  policy_edit "$sandbox_rules" policy_without "${rules[@]}"
  policy_reload "$sandbox_rules"
  [[ $policy_changed == yes ]] || log_note "no such rule in $sandbox_rules"
  for rule in "${rules[@]}"; do
    deny_verdict "${rule%%[ 	]*}"
  done
}

# deny_network - take the rules out of the network allow-list
deny_network() {
  local file=""
  file=$(policy_network)
  policy_edit "$file" policy_without "${rules[@]}"
  [[ $policy_changed == yes ]] || log_note "no such rule in $file"
  policy_reload "$file"
}

# deny_verdict TARGET - warn if some other rule still allows TARGET
deny_verdict() {
  if proxy_judge "$1"; then
    log_note "$1 is still allowed by another rule: $proxy_answer"
  fi
}

main "$@"
