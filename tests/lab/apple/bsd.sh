#!/bin/bash
# SPDX-License-Identifier: MIT
# bsd.sh - the tools of macOS that differ from GNU's, as far as pen may use them
#
# Run under the name of a tool: refuses what the BSD one would refuse, says so in
# $APPLE_LAB/refused, and does the rest by GNU's tool of the name, which is in
# $APPLE_LAB/gnu.

set -u
readonly tool=${0##*/}

# real WORD... - become GNU's tool; what it runs is the Mac's again
real() {
  exec "$APPLE_LAB/gnu/$tool" "$@"
}

# stat -f FORMAT FILE..., which does not follow links
readonly stat_by_format='
import os, re, stat, sys, time
for file in sys.argv[2:]:
    it = os.lstat(file)
    said = {"p": "%o" % it.st_mode, "Lp": "%o" % stat.S_IMODE(it.st_mode),
            "z": it.st_size, "i": it.st_ino, "u": it.st_uid, "m": int(it.st_mtime),
            "Fc": "%.9f" % it.st_ctime, "N": file, "t": "\t"}
    print(re.sub("%([LF]?[a-zA-Z])", lambda key: str(said[key[1]]), sys.argv[1]))
'

# ifconfig: every interface, as a Mac shows them
readonly ifconfig_by_json='
import ipaddress, json, sys
for link in json.load(sys.stdin):
    print("%s: flags=8863<%s> mtu %d" % (link["ifname"], ",".join(link["flags"]), link["mtu"]))
    for it in link["addr_info"]:
        net = ipaddress.ip_interface("%s/%d" % (it["local"], it["prefixlen"]))
        if net.version == 6:
            zone = "%" + link["ifname"] if net.is_link_local else ""
            print("\tinet6 %s%s prefixlen %d" % (it["local"], zone, it["prefixlen"]))
        else:
            print("\tinet %s netmask 0x%08x broadcast %s" % (
                it["local"], int(net.netmask), net.network.broadcast_address))
'

# refuse - what BSD's getopt says of the options
refuse() {
  printf '%s: illegal option -- %s\n' "$tool" "$1" >&2
  printf '%s: %s\n' "$tool" "$*" >>"$APPLE_LAB/refused"
  exit 64
}

# no_long WORD... - these tools have no long options
no_long() {
  local word=""
  for word in "$@"; do
    case $word in
      --) return ;;
      --*) refuse "$word" ;;
      *) ;;
    esac
  done
}

# only LETTERS WORD... - none but these options; a letter before a colon has a
# value, in the same word or in the next
only() {
  local known=$1 word="" letter=""
  shift
  while (($#)); do
    word=$1
    shift
    case $word in
      --) return ;;
      --*) refuse "$word" ;;
      -?*) ;;
      *) return ;;
    esac
    word=${word#-}
    while [[ -n $word ]]; do
      letter=${word:0:1}
      word=${word:1}
      case $known in
        *"$letter:"*)
          [[ -n $word ]] || shift
          break
          ;;
        *"$letter"*) ;;
        *) refuse "-$letter" ;;
      esac
    done
  done
}

# basic_only PATTERN... - GNU's operators in basic regular expressions
basic_only() {
  local pattern=""
  for pattern in "$@"; do
    [[ $pattern != *\\[+?\|]* ]] || refuse "$pattern"
  done
}

tool_sed() {
  local word=""
  only 'Ee:f:i:nrlua' "$@"
  for word in "$@"; do
    case $word in
      -E | -r) extended=1 ;;
      -i) refuse '-i without a suffix of its own' ;;
      *) [[ ${extended-} == 1 ]] || basic_only "$word" ;;
    esac
  done
  real "$@"
}

tool_grep() {
  only 'abcdefghijklnopqrstuvwxyzABCDEFGHILORSUVZe:f:m:A:B:C:d:D:' "$@"
  [[ " $* " == *' -'*E* || " $* " == *' -'*F* ]] || basic_only "$@"
  real "$@"
}

tool_date() {
  only 'jnRur:v:f:I' "$@"
  [[ " $* " != *%N* ]] || refuse '%N'
  [[ " $* " =~ ^(.*)\ -r\ ([0-9]+)\ (.*)$ ]] || real "$@"
  # shellcheck disable=SC2086 # options and a format without blanks
  real ${BASH_REMATCH[1]} -d "@${BASH_REMATCH[2]}" ${BASH_REMATCH[3]}
}

tool_stat() {
  only 'FLf:lnqrst:x' "$@"
  [[ ${1-} == -f ]] || refuse 'no format'
  exec /usr/bin/python3 -c "$stat_by_format" "${@:2}"
}

tool_mktemp() {
  only 'dqut:' "$@"
  real "$@"
}

# -f is there since macOS 12.3, but the bash of pen is not to need it.
tool_readlink() {
  only 'n' "$@"
  real "$@"
}

tool_ps() {
  local stat="" said="" word="" words=""
  only 'AaCcEefhjlMmrSTvwXxG:g:O:o:p:t:U:u:' "$@"
  { IFS= read -r stat <"$APPLE_LAB/proc/${*: -1}/stat"; } 2>/dev/null || exit 1
  stat=${stat##*) }
  for word in "$@"; do
    case $word in
      stat=) said="$said${stat%% *} " ;;
      lstart=) said="$said$(cut -d ' ' -f 20 <<<"$stat")" ;;
      args=)
        words=$({ "$APPLE_LAB/gnu/tr" '\0' ' ' <"$APPLE_LAB/proc/${*: -1}/cmdline"; } 2>/dev/null) || exit 1
        said="$said${words% }"
        ;;
      -ww | -o | -p | "${*: -1}") ;;
      *) refuse "$*" ;;
    esac
  done
  printf '%s\n' "$said"
}

tool_wc() {
  only 'Lclmw' "$@"
  # Padded, as no GNU wc does.
  "$APPLE_LAB/gnu/wc" "$@" | awk '{ sub(/^[0-9]+/, sprintf("%8s", $1)); print }'
  exit "${PIPESTATUS[0]}"
}

tool_head() {
  only 'n:c:q' "$@"
  [[ " $* " != *' -n -'* && " $* " != *' -c -'* ]] || refuse 'a negative count'
  real "$@"
}

tool_tail() {
  only 'Fbc:fn:qr' "$@"
  real "$@"
}

tool_find() {
  local word=""
  [[ ${1-} == /* || ${1-} == .* || ${1-} == -H || ${1-} == -L ]] || refuse 'no path'
  for word in "$@"; do
    case $word in
      -printf | -fprintf | -regextype | -executable | -readable | -writable)
        refuse "$word"
        ;;
      *) ;;
    esac
  done
  real "$@"
}

tool_awk() {
  local word=""
  for word in "$@"; do
    [[ ! $word =~ (gensub|strftime|systime|asorti?|strtonum)\( ]] ||
      refuse "${BASH_REMATCH[1]}"
  done
  real "$@"
}

tool_sleep() {
  [[ ${1-} =~ ^[0-9.]+$ && $# == 1 ]] || refuse "$*"
  real "$1"
}

tool_uname() {
  case "$*" in
    '' | -s) echo Darwin ;;
    -m) echo arm64 ;;
    -r) echo 25.5.0 ;;
    *) refuse "$*" ;;
  esac
}

tool_sw_vers() {
  case "$*" in
    -productVersion | --productVersion) cat "$APPLE_LAB/macos" ;;
    -productName | --productName) echo macOS ;;
    *) refuse "$*" ;;
  esac
}

tool_sysctl() {
  case "$*" in
    '-n hw.ncpu' | '-n hw.logicalcpu') exec "$APPLE_LAB/real/bin/nproc" ;;
    '-n hw.memsize') awk '/^MemTotal/ { printf "%d\n", $2 * 1024 }' "$APPLE_LAB/proc/meminfo" ;;
    *)
      refuse "unknown oid '$*'"
      ;;
  esac
}

tool_ifconfig() {
  (($# == 0)) || refuse "$*"
  "$APPLE_LAB/real/bin/ip" -json addr | /usr/bin/python3 -c "$ifconfig_by_json"
}

main() {
  case $tool in
    chmod | chown | cp | cut | du | env | id | ln | ls | mkdir | mkfifo | mv | od | \
      paste | rm | rmdir | sort | tee | touch | tr | tty | uniq | xargs | cat | cmp | comm | \
      basename | dirname)
      no_long "$@"
      real "$@"
      ;;
    *) "tool_$tool" "$@" ;;
  esac
}

main "$@"
