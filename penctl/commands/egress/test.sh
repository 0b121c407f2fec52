#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: try from inside: rules must work, every other way out must fail
# Usage: pen egress test [--json] [HOST:PORT]...
#
# Runs a fresh sandbox and tries each HOST:PORT (by default each rule of the
# policy that names one host and port), then ways out that must fail: addresses
# past the proxy (IPv4, IPv6, the metadata address, this host's own and other
# ports of the gateway), UDP, and DNS for a name that no rule covers. Exit status
# 0: all as it must be; 1: not. Its image needs bash.
#
# Options:
#   --json       as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  test_targets=()
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
  local rule="" pattern='^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$'
  while read -r rule _; do
    [[ ! $rule =~ $pattern ]] || test_targets+=("$rule")
  done < <(cat -- "$sandbox_rules" "$state_run"/*-rules.txt 2>/dev/null)
}

# test_ways_out - sets test_words to what is tried: KIND TARGET...
test_ways_out() {
  local target="" address=""
  test_words=()
  for target in ${test_targets[@]+"${test_targets[@]}"}; do
    test_words+=(allowed "$target")
  done
  test_words+=(tcp "1.1.1.1 443" tcp "1.1.1.1 80" tcp "2606:4700:4700::1111 80"
    tcp "169.254.169.254 80" udp "162.159.200.1 123"
    name "egress-test-$$.example.com")
  for address in $(test_own_addresses); do
    test_words+=(tcp "$address 22")
  done
  [[ $config_runtime == jail ]] || test_neighbours
}

# test_neighbours - add what only a bridge leads to: other ports of the gateway,
# and the proxies of other sandboxes
test_neighbours() {
  local file="" proxy=""
  test_words+=(gateway 22 gateway 80 gateway 2375)
  for file in "$sandbox_root"/*/run/proxy; do
    { IFS= read -r proxy <"$file"; } 2>/dev/null || continue
    [[ $proxy == 127.* ]] || test_words+=(other "${proxy%:*} ${proxy##*:}")
  done
}

# test_own_addresses - print this host's own addresses, loopback apart
test_own_addresses() {
  ip -o addr show scope global 2>/dev/null | awk '{ sub(/\/.*/, "", $4); print $4 }' | head -n 4
}

# test_run - try it all in a fresh sandbox; sets test_rows
test_run() {
  local probe=""
  # A firewall that does not hold is what the test is to tell of.
  # shellcheck disable=SC2034 # for containers_check
  box_is_tested=yes
  probe=$(cat -- "$pen_lib/egress-probe.sh") || die "cannot read the probe"
  test_rows=$(runtime_run -- bash -c "$probe" probe "${test_words[@]}") ||
    die "the sandbox did not run the test"
}

# test_report - print what came of it; sets test_verdict
test_report() {
  local kind="" target="" answer="" want="" verdict="" rows=""
  test_verdict=ok
  while IFS=$'\x1f' read -r kind target answer; do
    verdict=ok
    case $kind in
      allowed) want=200 ;;
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
