# shellcheck shell=bash
# shellcheck disable=SC2034 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# network-rules.sh - what the rules of a network allow-list cover. They are taken
# to be well-formed: pen-pfctl, which loads them, has judged that.

# network_rule TEXT - sets network_address, network_length (of a prefix, or
# nothing), network_port and network_protocol (tcp, udp, or nothing for both) to
# those of a line; fails if it has no rule
network_rule() {
  local text="${1%%#*}" form='^(\[([0-9A-Fa-f:]+)\]|([0-9.]+)(/([0-9]+))?):([0-9]+)(/(tcp|udp))?$'
  text=${text//[[:space:]]/}
  [[ $text =~ $form ]] || return 1
  network_address=${BASH_REMATCH[2]}${BASH_REMATCH[3]}
  network_length=${BASH_REMATCH[5]}
  network_port=${BASH_REMATCH[6]}
  network_protocol=${BASH_REMATCH[8]}
}

# network_digits ADDRESS - sets network_hex to it in 8 (IPv4) or 32 (IPv6)
# hexadecimal digits
network_digits() {
  local head="" tail="" IFS=.
  if [[ $1 != *:* ]]; then
    # shellcheck disable=SC2086 # four words
    printf -v network_hex '%02x' $1
    return
  fi
  network_groups "${1%%::*}"
  [[ $1 == *::* ]] || return 0
  head=$network_hex
  network_groups "${1#*::}"
  tail=$network_hex
  while ((${#head} + ${#tail} < 32)); do
    head=${head}0
  done
  network_hex=$head$tail
}

# network_groups TEXT - sets network_hex to the digits of groups with : between
network_groups() {
  local group="" IFS=:
  network_hex=""
  for group in $1; do
    printf -v group '%04x' "0x$group"
    network_hex=$network_hex$group
  done
}

# network_covers PROTOCOL ADDRESS PORT RULE... - succeed if one of the RULEs lets
# that pass
network_covers() {
  local protocol="$1" port="$3" digits="" bits=0 rule=""
  network_digits "$2"
  digits=$network_hex
  shift 3
  for rule; do
    network_rule "$rule" || continue
    [[ $network_port == "$port" && ${network_protocol:-$protocol} == "$protocol" ]] || continue
    network_digits "$network_address"
    [[ $network_hex != "$digits" ]] || return 0
    # Prefixes are of IPv4 addresses only.
    [[ -n $network_length && ${#digits} == 8 ]] || continue
    bits=$((32 - network_length))
    (((16#$network_hex >> bits) != (16#$digits >> bits))) || return 0
  done
  return 1
}
