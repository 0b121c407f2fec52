#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# races.bats - what changes while the program works, and what it hands to nft

load common
pfwrap_lab

setup_file() {
  pfwrap_setup_file
  [[ -n ${LAB_NETNS:-} ]] || return 0
  # The same sources, with another nft: a script that gets in between.
  (cd "$LAB_ROOT" && "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 \
    -DPFWRAP_NFT='"/opt/pen/between"' -o /opt/pen/raced -I build/include "$PFWRAP_SRC"/*.c)
}
teardown_file() { lab_file_teardown; }
setup() {
  pfwrap_setup
  rm -f /opt/pen/between /opt/home/*
}
teardown() {
  pfwrap_teardown
  ip -o link show pen9 >/dev/null 2>&1 && ip link set pen9 name pen0
  ip addr replace 10.77.1.1/24 dev pen0
  ip addr del 10.77.1.1/24 dev pen1 2>/dev/null || :
}

# between SCRIPT - what runs in nft's place; ends in nft itself
between() {
  printf '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n%s\nexec /usr/sbin/nft "$@"\n' "$1" \
    >/opt/pen/between
  chmod 0755 /opt/pen/between
}

@test "P7: a bridge that is renamed between look-up and load: it starts over" {
  between 'if [ "$1" = -f ] && [ -e /sys/class/net/pen0 ]; then
      ip link set pen0 name pen9
    fi'
  /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $(/opt/pen/raced list) == "$A pen9" ]]
  nft list table inet "${A//-/_}" >"$LAB/table"
  grep -q '"pen9"' "$LAB/table"
  run grep '"pen0"' "$LAB/table"
  [[ $status == 1 ]]
  /opt/pen/raced verify "$A"
}

@test "a bridge that never stays: the rules are withdrawn" {
  between 'case $1 in -f)
      if [ -e /sys/class/net/pen0 ]; then
        ip link set pen0 name pen9
      else
        ip link set pen9 name pen0
      fi ;;
    esac'
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  # Each try loads and withdraws, so the name is an old one each time.
  [[ $status == 3 || $status == 0 ]]
  if [[ $status == 3 ]]; then
    [[ $output == *'changed during the load'* ]]
    no_trace "$A"
  else
    /opt/pen/raced verify "$A"
  fi
}

@test "an address that moves to another bridge: the rules are withdrawn" {
  between 'if [ "$1" = -f ]; then
      read -r first
      { printf "%s\n" "$first"; cat; } | /usr/sbin/nft -f - || exit
      ip addr del 10.77.1.1/24 dev pen0 2>/dev/null
      exit 0
    fi'
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 3 && $output == *'no interface has'* ]]
  no_trace "$A"
}

@test "a load that nft refuses changes nothing" {
  load_for root "$A" 203.0.113.10:443
  before=$(nft -s list ruleset)
  record=$(od -An -tx1 /run/pen/sets)
  between 'if [ "$1" = -f ]; then
      { cat; echo "no such thing"; } | /usr/sbin/nft -f -
      exit
    fi'
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 1 && $output == *'syntax error'* ]]
  [[ $(nft -s list ruleset) == "$before" ]]
  [[ $(od -An -tx1 /run/pen/sets) == "$record" ]]
  run /opt/pen/raced load "$B" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  no_trace "$B"
}

@test "nft gets an empty environment, three descriptors and / to stand in" {
  between 'env -u PWD -u PATH -u SHLVL -u _ >/opt/home/env
    ls /proc/self/fd >/opt/home/fds; pwd >/opt/home/cwd; umask >/opt/home/umask
    ulimit -c >/opt/home/core'
  cd "$LAB"
  exec 7</dev/null 19</dev/null
  EVIL=1 NFT=x /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  exec 7<&- 19<&-
  # ls has one of its own for the folder.
  [[ $(tr '\n' ' ' </opt/home/fds) == '0 1 2 3 ' ]]
  [[ ! -s /opt/home/env ]]
  [[ $(cat /opt/home/cwd /opt/home/umask /opt/home/core) == $'/\n0077\n0' ]]
}

@test "an nft that others can change is not run" {
  between ''
  chmod 0775 /opt/pen/between
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 1 && $output == *'cannot be trusted'* ]]
  chmod 0755 /opt/pen/between
  chown 4001 /opt/pen/between
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 1 ]]
}

@test "a load that is killed leaves a record that holds the bridge, and is not in force" {
  between 'case $1 in -f)
      kill -KILL "$PPID"
      [ "$(cat | tail -c 2)" = "}" ] || exit 1
      exit 0 ;;
    esac'
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 137 ]]
  run pfctl_as alice verify "$A"
  [[ $status == 5 && $output == *'has no such rules'* ]]
  run load_for bob "$B"
  [[ $status == 4 && $output == *'pen0 is shut by a rule set of uid 4001'* ]]
  # A rule set that was there is not forgotten either.
  load_for alice "$A" 203.0.113.10:443
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port 1 </dev/null
  [[ $status == 137 ]]
  pfctl_as alice verify "$A"
  pfctl_as alice flush "$A"
  no_trace "$A"
}

@test "an nft that is killed when it has loaded leaves neither rules nor a record" {
  between 'case $1 in -f)
      /usr/sbin/nft "$@"
      kill -KILL "$$" ;;
    esac'
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  [[ $status == 1 && $output == *'not loaded'* ]]
  no_trace "$A"
}

@test "what nft reads is all there before it runs" {
  between 'case $1 in -f)
      kill -KILL "$PPID"
      cat >/opt/home/text
      exit 1 ;;
    esac'
  seq 1 9000 | sed 's/^/203.0.113.10:/' >"$LAB/list"
  run /opt/pen/raced load "$A" --gateway "$GATEWAY" --proxy-port "$PORT" <"$LAB/list"
  [[ $status == 137 ]]
  eventually 5 grep -q '203.0.113.10 . 9000 }$' /opt/home/text
  [[ $(tail -n 1 /opt/home/text) == *'{ udp . 203.0.113.10 . 9000 }' ]]
  pfctl_as alice flush "$A"
  no_trace "$A"
}

@test "a load withdraws what the same user left on the bridge, after it, not before" {
  between '{ echo "$*"; nft list tables; } >>/opt/home/calls'
  load_for alice "$A" 203.0.113.10:443
  /opt/pen/raced load "${A}x" --gateway "$GATEWAY" --proxy-port "$PORT" </dev/null
  # Of the second, when it is loaded, and of the first, when it is withdrawn.
  [[ $(grep -A 3 -e '-f -' -e 'delete table' /opt/home/calls) == *"
table inet ${A//-/_}
"*"
table inet ${A//-/_}"*"
table inet ${A//-/_}x"* ]] || fail "$(cat /opt/home/calls)"
  no_trace "$A"
  [[ $(pfctl_as alice list) == "${A}x pen0" ]]
  pfctl_as alice verify "${A}x"
}

@test "a file of records of another form is not read, and says what to do" {
  mkdir -m 0700 /run/pen
  printf 'something else' >/run/pen/sets
  run load_for alice "$A"
  [[ $status == 1 && $output == *'/sets is not of this version; remove it'* ]]
  rm -r /run/pen
}

@test "verify sees a table that is gone, changed, or on another interface" {
  load_for alice "$A" 203.0.113.10:443
  pfctl_as alice verify "$A"
  table=${A//-/_}
  nft insert rule inet "$table" forward accept
  run pfctl_as alice verify "$A"
  [[ $status == 5 && $output == *'not the ones that were loaded'* ]]
  load_for alice "$A" 203.0.113.10:443
  nft flush chain inet "$table" input
  run pfctl_as alice verify "$A"
  [[ $status == 5 ]]
  load_for alice "$A" 203.0.113.10:443
  nft delete table inet "$table"
  run pfctl_as alice verify "$A"
  [[ $status == 5 && $output == *'has no such rules'* ]]
  load_for alice "$A" 203.0.113.10:443
  ip link set pen0 name pen9
  run pfctl_as alice verify "$A"
  [[ $status == 5 && $output == *'another interface'* ]]
  ip link set pen9 name pen0
  pfctl_as alice verify "$A"
  run pfctl_as bob verify "$B"
  [[ $status == 5 && $output == *'nothing was loaded'* ]]
}

@test "show has the rules, with counters; flush of nothing is fine" {
  load_for alice "$A" 203.0.113.10:443/tcp
  run in_box "$PYTHON" "$PFWRAP_DIR/flow.py" say udp 203.0.113.10 443
  run pfctl_as alice show "$A"
  [[ $status == 0 ]]
  [[ $output == *'tcp . 203.0.113.10 . 443 counter packets 0 bytes 0'* ]]
  [[ $output =~ counter\ packets\ [1-9][0-9]*\ bytes\ [1-9][0-9]*\ reject\ with\ icmpx ]]
  pfctl_as alice flush "$A"
  pfctl_as alice flush "$A"
  run pfctl_as alice show "$A"
  [[ $status == 1 ]]
}

@test "a folder of records that is not root's alone is refused" {
  mkdir -m 0777 /run/pen
  run load_for alice "$A"
  [[ $status == 1 && $output == *"not a folder of root's alone"* ]]
  rmdir /run/pen
  ln -s /opt/home /run/pen
  run load_for alice "$A"
  rm /run/pen
  [[ $status == 1 ]]
  no_trace "$A"
}
