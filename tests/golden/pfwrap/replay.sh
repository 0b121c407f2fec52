#!/bin/bash
# SPDX-License-Identifier: MIT
# replay.sh - compares what `pen-pfctl check` writes with what is kept here
#
# Usage: replay.sh [--accept]      prints TAP
#
# Of each case, NNN-what.args is the command line (words, no quoting), .in the
# standard input, .ok what has to come out on both outputs, with the status
# behind it.  --accept writes the .ok files anew: read them before they go in.

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")" || exit 1
pfctl=${PEN_PFCTL:-$PWD/../../../build/release/pen-pfctl}

# The forms of lines that a rule set for pf may have; no other may leave.
readonly on='quick on [A-Za-z0-9._-]+'
readonly addr='[0-9a-f:.]+(/[0-9]+)?'
pf_form="pass in $on inet6? proto (tcp|udp) to $addr port [0-9]+ keep state \(if-bound\)"
pf_form+="|pass in $on inet6 proto ipv6-icmp to (fe80::/10|ff02::/16) icmp6-type 13[56] no state"
pf_form+="|block return in $on inet6? from \([A-Za-z0-9._-]+:network\) to any"
pf_form+="|block drop in $on all"
readonly pf_form
# For nftables, of the lines that let something pass.
nft_form=$'\t\t''meta l4proto \. ip6? [ds]addr( & [0-9.]+)? \. th [ds]port @to_[0-9]+ accept'
nft_form+='|add element inet pen_[a-z0-9_]+ to_[0-9]+ \{ (tcp|udp) \. [0-9a-f:.]+ \. [0-9]+ \}'
nft_form+=$'|\t\t''type filter hook (input|forward|output) priority -10; policy accept;'
nft_form+=$'|\t\t''(iifname != "[A-Za-z0-9._-]+"|ct state related|ct direction reply counter) accept'
nft_form+=$'|\t\t''ip6 hoplimit 255 icmpv6 type \{ nd-neighbor-solicit, nd-neighbor-advert \} counter accept'
readonly nft_form

# replay_run CASE - what the program prints, and its status
replay_run() {
  local words status
  read -r -a words <"$1.args"
  "$pfctl" check ${words[@]+"${words[@]}"} <"$1.in" 2>&1
  status=$?
  printf 'status %d\n' "$status"
}

# replay_case CASE - print its line of TAP
replay_case() {
  local got="" odd=""
  got=$(replay_run "$1") || return 1
  if [[ $got == *$'\nstatus 0' && $got == pass* ]]; then
    odd=$(sed '$d' <<<"$got" | grep -vxE "$pf_form")
  elif [[ $got == *$'\nstatus 0' ]]; then
    odd=$(grep -E 'accept|^add|port' <<<"$got" | grep -vxE "$nft_form" | grep -v 'reject with tcp reset$')
  fi
  if [[ -z $odd && $got == "$(cat "$1.ok")" ]]; then
    printf 'ok %d - golden %s\n' "$number" "$1"
  else
    printf 'not ok %d - golden %s\n' "$number" "$1"
    diff -u "$1.ok" - <<<"$got" | sed 's/^/# /'
    [[ -z $odd ]] || printf '# no line like this may leave: %s\n' "$odd"
  fi
}

number=0
cases=(*.args)
printf '1..%d\n' "${#cases[@]}"
for file in "${cases[@]}"; do
  number=$((number + 1))
  if [[ ${1-} == --accept ]]; then
    replay_run "${file%.args}" >"${file%.args}.ok"
  fi
  replay_case "${file%.args}"
done
