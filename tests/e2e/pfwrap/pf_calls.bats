#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pf_calls.bats - how pfctl is called, tried with a stand-in for it

load common
pfwrap_lab

setup_file() {
  pfwrap_setup_file
  [[ -n ${LAB_NETNS:-} ]] || return 0
  install -m 0755 "$PFWRAP_DIR/pfctl.sh" /opt/pen/pfctl
  (cd "$LAB_ROOT" && "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -DPFWRAP_PF \
    -DPFWRAP_PFCTL='"/opt/pen/pfctl"' -o /opt/pen/pf -I build/include "$PFWRAP_SRC"/*.c)
}
teardown_file() { lab_file_teardown; }
setup() {
  pfwrap_setup
  mkdir /opt/pf
  printf 'scrub-anchor "com.apple/*" all fragment reassemble\nanchor "com.apple/*" all\n' >/opt/pf/main
}
teardown() {
  pfwrap_teardown
  rm -rf /opt/pf
}

# pf_load [NAME GATEWAY]
pf_load() {
  /opt/pen/pf load "${1:-$A}" --gateway "${2:-10.77.1.1}" --proxy-port 3128 <<<"203.0.113.10:443/tcp"
}

@test "a load: enabled by reference, rules, then the states, in both directions" {
  pf_load
  [[ $(cat /opt/pf/calls) == "-E
-o none -a com.apple/$A -f -
-i pen0 -F states
-k 10.77.1.0/24
-k 0.0.0.0/0 -k 10.77.1.0/24
-a com.apple/$A -s rules" ]]
  [[ $(cat "/opt/pf/anchor.$A") == 'pass in quick on pen0 inet proto tcp to 10.77.1.1 port 3128 keep state (if-bound)
pass in quick on pen0 inet proto tcp to 203.0.113.10 port 443 keep state (if-bound)
block return in quick on pen0 inet from (pen0:network) to any
block return in quick on pen0 inet6 from (pen0:network) to any
block drop in quick on pen0 all' ]]
}

@test "a flush: rules, states, and the token with the last sandbox" {
  pf_load
  pf_load "$B" 10.77.2.1
  [[ $(grep -c '^-E' /opt/pf/calls) == 1 ]]
  : >/opt/pf/calls
  /opt/pen/pf flush "$A"
  [[ $(cat /opt/pf/calls) == "-a com.apple/$A -F rules
-i pen0 -F states
-k 10.77.1.0/24
-k 0.0.0.0/0 -k 10.77.1.0/24" ]]
  [[ -e /opt/pf/enabled ]]
  /opt/pen/pf flush "$B"
  [[ $(tail -n 1 /opt/pf/calls) == '-X 18446744073701' ]]
  [[ ! -e /opt/pf/enabled ]]
  [[ -z $(ls -A /run/pen) ]]
  /opt/pen/pf flush "$B"
}

@test "pf that somebody disabled is enabled anew, with a token that counts" {
  pf_load
  rm /opt/pf/enabled /opt/pf/token.*
  run /opt/pen/pf verify "$A"
  [[ $status == 5 && $output == *'pf is disabled'* ]]
  pf_load
  /opt/pen/pf verify "$A"
  # Enabled by somebody else, but our token is void.
  rm /opt/pf/token.*
  pf_load
  [[ $(grep -c '^-E' /opt/pf/calls) == 3 ]]
  /opt/pen/pf flush "$A"
  [[ ! -e /opt/pf/enabled ]]
}

@test "verify: an anchor that is listed but no longer evaluated is not in force" {
  pf_load
  /opt/pen/pf verify "$A"
  for main in '' 'scrub-anchor "com.apple/*" all fragment reassemble' \
    'anchor "com.apple.internet-sharing" all' 'pass all # anchor "com.apple/*"'; do
    printf '%s\n' "$main" >/opt/pf/main
    run /opt/pen/pf verify "$A"
    [[ $status == 5 && $output == *'no longer evaluates com.apple'* ]] || fail "$main: $output"
  done
  printf 'anchor "com.apple/*" all\n' >/opt/pf/main
  /opt/pen/pf verify "$A"
  sed -i '$d' "/opt/pf/anchor.$A"
  run /opt/pen/pf verify "$A"
  [[ $status == 5 && $output == *'not the ones that were loaded'* ]]
}

@test "a load that pfctl refuses leaves the old rules and their record" {
  pf_load
  cp /run/pen/sets "$LAB/record"
  cp "/opt/pf/anchor.$A" "$LAB/rules"
  : >/opt/pf/refuse
  run /opt/pen/pf load "$A" --gateway 10.77.1.1 --proxy-port 1 </dev/null
  [[ $status == 1 && $output == *'syntax error'* ]]
  cmp /run/pen/sets "$LAB/record"
  cmp "/opt/pf/anchor.$A" "$LAB/rules"
  /opt/pen/pf verify "$A"
}

@test "a first load that pfctl refuses leaves nothing, and pf not enabled" {
  : >/opt/pf/refuse
  run pf_load
  [[ $status == 1 && $output == *'syntax error'* ]]
  [[ $(tail -n 1 /opt/pf/calls) == '-X 18446744073701' ]]
  [[ ! -e /opt/pf/enabled && -z $(ls -A /run/pen) ]]
}

@test "rules that are gone: what pfctl says all the same is not taken for rules" {
  pf_load
  [[ $(/opt/pen/pf show "$A") == *'port 443'* ]]
  : >"/opt/pf/anchor.$A"
  run /opt/pen/pf verify "$A"
  [[ $status == 5 && $output == *'the kernel has no such rules'* ]]
  run /opt/pen/pf show "$A"
  [[ $status == 1 && $output == *'there are no rules of that name'* ]]
}

@test "a load withdraws what the same user left on the bridge: pf would ask it first" {
  pf_load
  pf_load "${A}x"
  [[ $(/opt/pen/pf list) == "${A}x pen0" ]]
  [[ ! -s /opt/pf/anchor.$A && -s /opt/pf/anchor.${A}x ]]
  /opt/pen/pf verify "${A}x"
}

@test "no call but those: no -d, no -f of a file, no flush of the main ruleset" {
  pf_load
  pf_load "$B" 10.77.2.1
  /opt/pen/pf show "$A" >/dev/null
  /opt/pen/pf verify "$B"
  /opt/pen/pf flush "$A"
  /opt/pen/pf flush "$B"
  while IFS= read -r call; do
    case " $call " in
      *' -d '* | *' -F all '* | *'/etc/'*) fail "$call" ;;
      *' -F '*) [[ $call == -a\ * || $call == -i\ * ]] || fail "$call" ;;
    esac
  done </opt/pf/calls
}
