#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: try from inside: rules must work, every other way out must fail
# Usage: pen egress test [--json] [HOST:PORT]...
#
# Runs a fresh sandbox and tries each HOST:PORT (by default each rule of the
# policy, those of its presets and the network allow-list among them, that names
# one host and port; of the latter those for TCP), then ways out that must fail,
# as far as the policy does not open them: addresses past the proxy (IPv4, IPv6,
# the metadata address, this host's own, other ports of the gateway and other
# sandboxes' proxies), UDP, and DNS for a name that no rule covers. "canary" is a
# port of the gateway where pen listens for the test. What the sandbox has no
# means to try is "untried", and does not pass. What was refused to the test is not
# kept in the log. Exit status 0: all as it must be; 1: not. Its image needs bash.
#
# Options:
#   --json       as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1
# shellcheck source=../lib/network-rules.sh
. "$pen_lib/network-rules.sh" || exit 1

main() {
  test_targets=()
  test_direct=()
  command_wants_json=no
  command_begin
  while (($#)); do
    case $1 in
      --json) command_wants_json=yes ;;
      -*) command_option "$1" ;;
      *) test_targets+=("$1") ;;
    esac
    shift
  done
  life_open
  runtime_check
  state_make
  state_sweep
  state_new_run
  undo_push test_forget_refusals
  proxy_write_config "$state_run"
  proxy_check_config "$state_run"
  if ((${#test_targets[@]})); then
    test_check_targets
  else
    test_rules
  fi
  test_ways_out
  test_run
  test_report
  [[ $test_verdict == ok ]]
}

# test_check_targets - exit 2 if one of the targets is none, by pen-proxy's word
test_check_targets() {
  local target="" status=0
  for target in "${test_targets[@]}"; do
    proxy_judge "$target" || status=$?
    ((status == 0 || status == 3)) || die_input "'$target' is not HOST:PORT"
  done
}

# test_rules - take the targets from the policy: rules without wildcard or range
test_rules() {
  local rule=""
  while read -r rule _; do
    rule=${rule%%#*}
    if [[ $rule == @* ]]; then
      test_preset "${rule#@}"
    else
      test_rule "$rule"
    fi
  done < <(cat -- "$sandbox_rules" "$state_run"/*-rules.txt 2>/dev/null)
  [[ ${box_kind-} != bridge ]] || test_network_rules
}

# test_preset NAME - take the targets from a preset
test_preset() {
  local rule=""
  while read -r rule _; do
    test_rule "${rule%%#*}"
  done <"$(proxy_presets)/$1.txt" || die "cannot read the preset $1"
}

# test_rule RULE - take the target of one rule, unless it is taken
test_rule() {
  local pattern='^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$'
  [[ $1 =~ $pattern && " ${test_targets[*]-} " != *" $1 "* ]] || return 0
  test_targets+=("$1")
}

# test_network_rules - take what is to be reached past the proxy from the network
# allow-list. Of UDP nobody can tell whether anything answers.
test_network_rules() {
  local rule=""
  test_list_network
  for rule in ${firewall_list[@]+"${firewall_list[@]}"}; do
    network_rule "$rule" || continue
    [[ ${network_length:-32} == 32 && $network_protocol != udp ]] || continue
    test_direct+=("$network_address $network_port")
  done
}

# test_list_network - sets firewall_list to what the user put into the network
# allow-list
test_list_network() {
  # With it come the host's own name servers, which may be deaf to TCP.
  # shellcheck disable=SC2034 # for firewall_rules
  local config_dns=none
  firewall_rules
}

# test_ways_out - sets test_words to what is tried: KIND TARGET...
test_ways_out() {
  local target=""
  test_words=()
  for target in ${test_targets[@]+"${test_targets[@]}"}; do
    test_words+=(allowed "$target")
  done
  for target in ${test_direct[@]+"${test_direct[@]}"}; do
    test_words+=(direct "$target")
  done
  test_shut tcp 1.1.1.1 443
  test_shut tcp 1.1.1.1 80
  test_shut tcp 2606:4700:4700::1111 80
  test_shut tcp 169.254.169.254 80
  test_shut udp 162.159.200.1 123
  test_words+=(name "egress-test-$$.example.com")
  test_host
  [[ $config_runtime == jail ]] || test_neighbours
}

# test_shut KIND ADDRESS PORT - add a way out, unless the policy opens it
test_shut() {
  test_is_policy "$@" || test_words+=("$1" "$2 $3")
}

# test_is_policy KIND ADDRESS PORT - succeed if the policy opens it: behind a
# bridge the network allow-list, else the proxy, which takes every connection
test_is_policy() {
  local protocol="$1" host="$2"
  if [[ ${box_kind-} == bridge ]]; then
    [[ $protocol == udp ]] || protocol=tcp
    test_list_network
    network_covers "$protocol" "$2" "$3" ${firewall_list[@]+"${firewall_list[@]}"}
    return
  fi
  [[ $host != *:* ]] || host="[$host]"
  [[ $protocol == tcp ]] && proxy_judge "$host:$3"
}

# test_neighbours - add what only a bridge leads to: other ports of the gateway,
# and the proxies of other sandboxes
test_neighbours() {
  local file="" proxy=""
  test_words+=(gateway 22 gateway 80 gateway 2375)
  # Most hosts listen on none of these; there somebody does.
  [[ $box_kind != bridge ]] || test_words+=(gateway canary)
  for file in "$sandbox_root"/*/run/proxy; do
    { IFS= read -r proxy <"$file"; } 2>/dev/null || continue
    [[ $proxy == 127.* ]] || test_shut other "${proxy%:*}" "${proxy##*:}"
  done
}

# test_host - add this host's own addresses
test_host() {
  local address="" addresses=""
  addresses=$(test_own_addresses) || test_words+=(host addresses)
  for address in $addresses; do
    test_shut tcp "$address" 22
  done
}

# test_own_addresses - print some of this host's own addresses, loopback apart;
# fails if they cannot be told
test_own_addresses() {
  if command -v ip >/dev/null; then
    ip -o addr show scope global | awk 'n++ < 4 { sub(/\/.*/, "", $4); print $4 }'
  else
    ifconfig | awk '$1 ~ /^inet6?$/ && $2 !~ /^(127\.|::1$|fe80:)/ && n++ < 4 { print $2 }'
  fi 2>/dev/null
}

# test_run - try it all in a fresh sandbox; sets test_rows
test_run() {
  local probe=""
  # A firewall that does not hold is what the test, not the start, is to tell of.
  # shellcheck disable=SC2034 # for containers_check
  box_is_tested=yes
  probe=$(cat -- "$pen_lib/egress-probe.sh") || die "cannot read the probe"
  test_rows=$(runtime_run -- bash -c "$probe" probe "${test_words[@]}") ||
    die "the sandbox did not run the test"
}

# test_forget_refusals - take out of the log what the policy refused to the test: it is
# in the report, and nothing that the sandbox wanted, which 'pen allow --last' and 'pen
# egress suggest' would offer. Why an allowed host did not answer stays.
# shellcheck disable=SC2317 # called by undo_unwind
test_forget_refusals() {
  local log="$state_run/proxy.log"
  [[ -f $log ]] || return 0
  sed '/"reason":"http_request_denied"/d' "$log" | state_write "$log"
}

# test_report - print what came of it; sets test_verdict
test_report() {
  local kind="" target="" answer="" want="" verdict="" rows=""
  test_verdict=ok
  while IFS=$'\x1f' read -r kind target answer; do
    verdict=ok
    case $kind in
      allowed) want=200 ;;
      direct) want=open ;;
      *) want=refused ;;
    esac
    [[ $answer == "$want" ]] || verdict=FAIL test_verdict=FAIL
    rows="$rows$verdict"$'\x1f'"$kind"$'\x1f'"$target"$'\x1f'"$answer"$'\n'
  done <<<"$test_rows"
  if [[ $command_wants_json == yes ]]; then
    printf '%s' "$rows" | jq -R -n '[inputs / "\u001f" | {ok: (.[0] == "ok"), kind: .[1], target: .[2], answer: .[3]}]' ||
      die "jq failed"
  else
    printf '%s' "$rows" | awk -F '\037' '{ printf "%-5s %-8s %-40s %s\n", $1, $2, $3, $4 }'
  fi
}

main "$@"
