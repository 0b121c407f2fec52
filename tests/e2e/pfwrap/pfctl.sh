#!/bin/bash
# SPDX-License-Identifier: MIT
# pfctl.sh - stands in for macOS's pfctl: the calls that pen-pfctl makes
#
# What pf holds is in /opt/pf: enabled, token.N, main, anchor.NAME.  Each call is
# a line of /opt/pf/calls.  An option or an order of options that pen-pfctl is
# not meant to use ends with status 64.

set -u -o pipefail
PATH=/usr/bin:/bin
pf=/opt/pf
printf '%s\n' "$*" >>"$pf/calls"
echo 'No ALTQ support in kernel' >&2

# pf_load ANCHOR - what comes on stdin, in the form in which pf gives it back
pf_load() {
  cat >"$pf/anchor.$1.new" || exit 1
  if [[ -e $pf/refuse ]]; then
    echo 'stdin:1: syntax error' >&2
    exit 1
  fi
  mv "$pf/anchor.$1.new" "$pf/anchor.$1"
}

case "$*" in
  '-s info')
    if [[ -e $pf/enabled ]]; then echo 'Status: Enabled for 0 days'; else echo 'Status: Disabled'; fi
    ;;
  '-s References') (cd "$pf" && printf '%s\n' token.* | sed 's/token\.//') ;;
  '-E')
    number=$(grep -c '^-E' "$pf/calls")
    : >"$pf/token.1844674407370$number" && : >"$pf/enabled"
    printf 'pf enabled\nToken : 1844674407370%s\n' "$number" >&2
    ;;
  '-X '*)
    rm "$pf/token.$2" && ! ls "$pf"/token.* >/dev/null 2>&1 && rm "$pf/enabled"
    ;;
  '-o none -a com.apple/pen-user-'*' -f -') pf_load "${4#com.apple/}" ;;
  '-a com.apple/pen-user-'*' -F rules') : >"$pf/anchor.${2#com.apple/}" ;;
  '-a com.apple/pen-user-'*' -s rules' | '-a com.apple/pen-user-'*' -vvs rules')
    cat "$pf/anchor.${2#com.apple/}"
    ;;
  '-s rules') cat "$pf/main" ;;
  '-i pen'[0-9]' -F states' | '-k 10.77.'[12]'.0/24' | '-k 0.0.0.0/0 -k 10.77.'[12]'.0/24')
    echo 'killed 0 states' >&2
    ;;
  *)
    echo "pfctl: not a call of pen-pfctl's" >&2
    exit 64
    ;;
esac
