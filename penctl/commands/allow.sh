#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: allow hosts, in the running sandbox at once
# Usage: pen allow [--for D] [--why TEXT] RULE... | pen allow --network RULE... | pen allow --last [-y]
#
# A RULE is HOST:PORT, *.HOST:PORT (any name below HOST), HOST:FIRST-LAST, HOST:*,
# an IP address with a port, or @PRESET ('pen help presets' lists them); attributes
# follow it in the same argument:
#
#     pen allow example.org:443 '*.example.net:443' @github
#     pen allow 'example.org:443 up=1m why="pushes are small"'
#
# A rule for the same target takes the old one's place. pen-proxy checks the
# rules; if one is faulty nothing changes. They are in force when pen returns.
#
# With --network the RULEs are for the firewall, past the proxy, for programs that
# cannot use one: ADDRESS:PORT, ADDRESS/LENGTH:PORT or [IPV6]:PORT, with /tcp or
# /udp behind it for one protocol alone. Only runtimes with a bridge have one.
#
# Options:
#   --for D      the rules end after 30m, 8h, 7d
#   --why TEXT   kept with the rules, for logs and 'pen why'
#   --network    rules of addresses, for the firewall
#   --last       allow what was refused most recently, after asking
#   -y, --yes    do not ask
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local last=no yes=no duration="" why="" network=no
  rules=()
  command_begin
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      --for) command_value "$@" && duration=$2 && shift ;;
      --why) command_value "$@" && why=$2 && shift ;;
      --network) network=yes ;;
      --last) last=yes ;;
      -y | --yes) yes=yes ;;
      -*) command_option "$1" ;;
      *) rules+=("$1") ;;
    esac
    shift
  done
  [[ $network == no || $last$duration$why == no ]] ||
    command_usage "--network takes rules only"
  sandbox_open_used
  [[ $last == no ]] || allow_last "$yes"
  ((${#rules[@]})) || command_usage "a rule is missing"
  policy_check_words "${rules[@]}"
  if [[ $network == yes ]]; then
    allow_network
  else
    allow_hosts "$duration" "$why"
  fi
  [[ $policy_changed == yes ]] || log_say "nothing to change: that is allowed already"
}

# allow_hosts DURATION WHY - add the rules to the allow-list
allow_hosts() {
  local attributes=""
  presets_need_in "${rules[@]}"
  [[ -z $1 ]] || attributes=" until=$(command_moment + "$1")" || exit
  [[ -z $2 ]] || attributes="$attributes why=$(policy_quote "$2")"
  policy_check_words "${rules[@]/%/$attributes}"
  config_load
  state_make
  state_lock policy.lock
  policy_edit "$sandbox_rules" policy_with "${rules[@]/%/$attributes}"
  policy_reload "$sandbox_rules"
}

# allow_network - add the rules to the network allow-list
allow_network() {
  local file=""
  file=$(policy_network)
  config_load
  state_make
  state_lock policy.lock
  policy_edit "$file" policy_with "${rules[@]}"
  policy_reload "$file"
}

# allow_last YES - add what was refused most recently to the rules, after asking
# unless YES is yes
allow_last() {
  local target=""
  ((!${#rules[@]})) || command_usage "--last takes no rule"
  target=$(egress_last_refused) || exit
  [[ -n $target ]] || die "nothing was refused by the policy yet"
  [[ $1 == yes ]] || log_confirm "allow $target?" || die "$target was not allowed"
  rules=("$target")
}

main "$@"
