# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# egress-probe.sh - runs inside the sandbox for pen egress test: tries one target
# after the other and prints what came of it
#
# Arguments: words KIND TARGET...:
#   allowed HOST:PORT    through the proxy
#   tcp ADDR PORT        straight to an address, past the proxy
#   udp ADDR PORT
#   name HOST            look a name up
#   gateway PORT         a port of the proxy's host other than the proxy's; "canary"
#                        is the one in PEN_CANARY, where something does listen
#   other ADDR PORT      another sandbox's proxy
#   direct ADDR PORT     an address of the network allow-list
# The proxy is the environment's; where it is on 127.0.0.1, it takes connections to
# other addresses, too. One line each: "KIND TARGET RESULT", RESULT being open,
# refused, the status of the proxy's answer, or untried where that cannot be told. No
# program but bash and getent is needed.

# probe_status - read an HTTP answer's status from descriptor 3; sets answer
probe_status() {
  local line=""
  answer=refused
  IFS= read -r -t 10 line <&3 || return 0
  case $line in
    HTTP/1.?\ [0-9][0-9][0-9]*) answer=${line#* } answer=${answer%%[!0-9]*} ;;
    *) answer=open ;;
  esac
}

# probe_allowed PROXY TARGET - ask the proxy for a tunnel
probe_allowed() {
  answer=refused
  [[ -n $1 ]] || return 0
  { exec 3<>"/dev/tcp/${1%:*}/${1##*:}"; } 2>/dev/null || return 0
  printf 'CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n' "$2" "$2" >&3
  probe_status
  exec 3>&-
}

# probe_tcp ADDR PORT - talk to an address as if there were no proxy. Where the
# proxy may have taken it, that the connection opens means nothing: the answer
# counts, and 403 is the proxy's.
probe_tcp() {
  local host="$1"
  probe_other "$1" "$2"
  [[ $answer == open && ${proxy%:*} == 127.0.0.1 ]] || return 0
  answer=refused
  [[ $host != *:* ]] || host="[$host]"
  { exec 3<>"/dev/tcp/$1/$2"; } 2>/dev/null || return 0
  printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$host" >&3
  probe_status
  [[ $answer != 403 ]] || answer=refused
  exec 3>&-
}

# probe_other ADDR PORT - that it can be connected to at all is a way out
probe_other() {
  answer=refused
  { exec 3<>"/dev/tcp/$1/$2"; } 2>/dev/null || return 0
  answer=open
  exec 3>&-
}

# probe_udp ADDR PORT - the question for the time (NTP) that a server would answer
probe_udp() {
  local zeros="" byte=""
  answer=refused
  { exec 3<>"/dev/udp/$1/$2"; } 2>/dev/null || return 0
  printf -v zeros '\\0%.0s' {1..47}
  # shellcheck disable=SC2059 # the escapes are the packet
  { printf "\\x1b$zeros" >&3; } 2>/dev/null
  ! IFS= read -r -t 2 -n 1 byte <&3 2>/dev/null || answer=${byte:+open}
  exec 3>&-
}

# probe_name HOST - does the name have an address?
probe_name() {
  answer=untried
  command -v getent >/dev/null || return 0
  answer=refused
  ! getent ahosts "$1" >/dev/null 2>&1 || answer=open
}

# probe_gateway PORT|canary - a port of the proxy's host
probe_gateway() {
  local port="$1"
  answer=untried
  [[ $port != canary ]] || port=${PEN_CANARY-}
  [[ -n $port ]] || return 0
  answer=refused
  [[ -z $proxy ]] || probe_tcp "${proxy%:*}" "$port"
}

probe_main() {
  local proxy="${HTTP_PROXY-}"
  proxy=${proxy#http://}
  while (($#)); do
    case $1 in
      allowed) probe_allowed "$proxy" "$2" ;;
      name) probe_name "$2" ;;
      tcp) probe_tcp "${2% *}" "${2#* }" ;;
      other | direct) probe_other "${2% *}" "${2#* }" ;;
      gateway) probe_gateway "$2" ;;
      udp) probe_udp "${2% *}" "${2#* }" ;;
      *) answer=untried ;;
    esac
    printf '%s\x1f%s\x1f%s\n' "$1" "$2" "$answer"
    shift 2
  done
}

probe_main "$@"
