#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# abuse.bats - the sudoers line in the hands of somebody who wants more

load common
pfwrap_lab

setup_file() { pfwrap_setup_file; }
teardown_file() { lab_file_teardown; }
setup() { pfwrap_setup; }
teardown() {
  pfwrap_teardown
  local path
  for path in /sys/class/net/{twin0,odd0,phys0,many*}; do
    [[ ! -e $path ]] || ip link del "${path##*/}"
  done
  rm -rf /opt/bad /opt/home/*
}

@test "P7: hostile command lines, through sudo" {
  run "$PYTHON" "$PFWRAP_DIR/hostile.py" commands
  printf '%s\n' "$output"
  [[ $status == 0 ]]
  [[ $output =~ ([0-9]+)\ attempts && ${BASH_REMATCH[1]} -ge 100 ]]
}

@test "P7: hostile lists on standard input, through sudo" {
  run "$PYTHON" "$PFWRAP_DIR/hostile.py" inputs
  printf '%s\n' "$output"
  [[ $status == 0 ]]
}

@test "P7: hostile environments, descriptors and limits, through sudo" {
  run "$PYTHON" "$PFWRAP_DIR/hostile.py" surroundings
  printf '%s\n' "$output"
  [[ $status == 0 ]]
}

@test "P7: sudo runs it for nobody under another name" {
  ln -s /opt/pen/pen-pfctl /opt/home/link
  ln /opt/pen/pen-pfctl /opt/home/hard
  cp /opt/pen/pen-pfctl /opt/home/copy
  for name in link hard copy; do
    run setpriv --reuid 4001 --regid 4001 --clear-groups sudo -n "/opt/home/$name" list
    [[ $status != 0 && $output == *password* ]]
    run setpriv --reuid 4001 --regid 4001 --clear-groups "/opt/home/$name" list
    [[ $status == 4 ]]
  done
  run setpriv --reuid 4001 --regid 4001 --clear-groups sudo -n SUDO_UID=0 /opt/pen/pen-pfctl list
  [[ $status != 0 ]]
  run setpriv --reuid 4001 --regid 4001 --clear-groups sudo -n -E /opt/pen/pen-pfctl list
  [[ $status != 0 ]]
  run setpriv --reuid 4001 --regid 4001 --clear-groups sudo -n -u bob /opt/pen/pen-pfctl list
  [[ $status != 0 ]]
}

@test "a set-uid copy serves nobody" {
  install -m 4755 /opt/pen/pen-pfctl /opt/pen/setuid
  run setpriv --reuid 4001 --regid 4001 --clear-groups env SUDO_UID=0 /opt/pen/setuid list
  rm /opt/pen/setuid
  [[ $status == 4 && $output == *'not root'* ]]
}

@test "P7: it refuses to run from a file or a folder that others can change" {
  mkdir -p /opt/bad/sub
  cp /opt/pen/pen-pfctl /opt/bad/sub/p
  /opt/bad/sub/p list
  chown 4001 /opt/bad/sub/p
  run /opt/bad/sub/p list
  [[ $status == 4 && $output == *"not root's alone"* ]]
  chown 0 /opt/bad/sub/p && chmod 0775 /opt/bad/sub/p
  run /opt/bad/sub/p list
  [[ $status == 4 ]]
  chmod 0755 /opt/bad/sub/p && chmod 0777 /opt/bad
  run /opt/bad/sub/p list
  [[ $status == 4 ]]
  chmod 0755 /opt/bad && chown 4001 /opt/bad/sub
  run /opt/bad/sub/p list
  [[ $status == 4 ]]
}

@test "a user's number that is none is not taken for root's" {
  local uid
  for uid in '' ' ' -1 +0 00 0x0 4001x 4294967295 99999999999 '0 '; do
    run env SUDO_UID="$uid" /opt/pen/pen-pfctl list
    [[ $status == 4 && $output == *SUDO_UID* ]] || fail "SUDO_UID='$uid': $status"
  done
  SUDO_UID=0 /opt/pen/pen-pfctl list
}

@test "P7: other users' names and interfaces" {
  load_for alice "$A" 203.0.113.10:443
  before=$(nft -s list ruleset)
  for op in flush verify show; do
    run pfctl_as bob "$op" "$A"
    [[ $status == 4 ]]
  done
  run load_for bob "$A"
  [[ $status == 4 ]]
  run load_for bob "$B"
  [[ $status == 4 && $output == *'pen0 is shut by a rule set of uid 4001'* ]]
  [[ $(nft -s list ruleset) == "$before" ]]
  GATEWAY=10.77.2.1 load_for bob "$B"
  [[ $(pfctl_as bob list) == "$B pen1" ]]
  [[ $(pfctl_as alice list) == "$A pen0" ]]
  [[ $(pfctl_as root list | sort) == "$A pen0"$'\n'"$B pen1" ]]
  pfctl_as alice flush "$A"
  load_for bob "$B"
  [[ $(pfctl_as bob list) == "$B pen0" ]]
  pfctl_as root flush "$B"
  no_trace "$A" "$B"
}

@test "an interface that is not a sandbox's bridge" {
  # Not a bridge; on no interface; lo.
  for gateway in 100.64.0.2 10.99.0.1 127.0.0.1; do
    run pfctl_as alice load "$A" --gateway "$gateway" --proxy-port 1 </dev/null
    [[ $status == 3 ]] || fail "$gateway: $status $output"
  done
  no_trace "$A"
}

@test "two interfaces with one address" {
  ip link add twin0 type bridge
  ip addr add 10.77.1.1/32 dev twin0
  run load_for alice "$A"
  [[ $status == 3 && $output == *'more than one interface'* ]]
  no_trace "$A"
}

@test "a bridge with a network card in it is the host's own" {
  ip link add phys0 type bridge
  ip addr add 10.77.9.1/24 dev phys0
  GATEWAY=10.77.9.1 load_for alice "$A"
  pfctl_as alice flush "$A"
  # A port that stands on another interface, as a VLAN or a bond of a card does.
  ip link add card0 type veth peer name card1
  ip link add over0 type vxlan id 7 dstport 4789 dev card0
  ip link set over0 master phys0
  GATEWAY=10.77.9.1 run load_for alice "$A"
  ip link del card0
  [[ $status == 3 && $output == *'not a bridge of virtual machines'* ]]
  no_trace "$A"
}

@test "a bridge with an interface on top, which no rule of the bridge's would bind" {
  ip link add phys0 type bridge
  ip addr add 10.77.9.1/24 dev phys0
  GATEWAY=10.77.9.1 load_for alice "$A"
  ip link add link phys0 name over0 type macvlan || skip "no macvlan in this kernel"
  GATEWAY=10.77.9.1 run load_for alice "$A"
  [[ $status == 3 && $output == *'not a bridge of virtual machines'* ]]
  run pfctl_as alice verify "$A"
  [[ $status == 5 && $output == *'not a bridge of virtual machines'* ]]
  ip link del over0
  pfctl_as alice verify "$A"
}

@test "a bridge with a name that could be text of a rule" {
  ip link add 'o"d;0' type bridge
  ip addr add 10.77.9.1/24 dev 'o"d;0'
  GATEWAY=10.77.9.1 run load_for alice "$A"
  ip link del 'o"d;0'
  [[ $status == 3 ]]
  no_trace "$A"
}

@test "a user holds no more than 64 rule sets" {
  local i
  for ((i = 0; i < 64; i++)); do
    ip link add "many$i" type bridge && ip addr add "10.78.$i.1/24" dev "many$i"
    GATEWAY=10.78.$i.1 load_for alice "pen-user-4001-project-n-$i"
  done
  run load_for alice "$A"
  [[ $status == 4 && $output == *'too many'* ]]
  GATEWAY=10.78.5.1 load_for alice pen-user-4001-project-n-5
  GATEWAY=10.77.2.1 load_for bob "$B"
}

@test "signals in mid-load leave the old rules or the new ones" {
  local i name text early=16
  # A sanitizer takes its time before main().
  [[ $PEN_MODE == release ]] || early=100
  text=$(seq 1 1999 | sed 's/^/203.0.113.10:/; s|$|/tcp|')
  load_for alice "$A" 203.0.113.10:10000
  for i in 1 8 32 64 128 256; do
    for name in INT TERM TSTP KILL; do
      printf '%s\n' "$text" >"$LAB/list"
      run "$PYTHON" "$PFWRAP_DIR/kill.py" "$i" "$name" \
        /opt/pen/pen-pfctl load "$A" --gateway 10.77.1.1 --proxy-port 3128 <"$LAB/list"
      # Before main() a signal still ends it; killed is killed.
      [[ $status == 0 || $name == KILL || ($i -lt $early && $status -gt 200) ]] ||
        fail "$name after $i ms: $status $output"
      nft list chain inet "${A//-/_}" shut >"$LAB/chain"
      grep -q 'counter.*reject with icmpx' "$LAB/chain"
      nft list set inet "${A//-/_}" to_32 | grep -qE '203.0.113.10 . (10000|1999) '
    done
  done
  pfctl_as alice flush "$A"
  no_trace "$A"
}

@test "a caller that does not read what it is told keeps nobody waiting" {
  local op
  seq 1 9000 | sed 's/^/203.0.113.10:/' >"$LAB/list"
  pfctl_as alice load "$A" --gateway 10.77.1.1 --proxy-port 3128 <"$LAB/list"
  for op in show list load; do
    # A pipe that is full, of 4 KiB, and stays so.
    lab_start "deaf-$op" - "$PYTHON" "$PFWRAP_DIR/deaf.py" setpriv --reuid alice --regid alice \
      --clear-groups --inh-caps=-all -- sudo -n "$PFCTL" "$op" "$A"
    eventually 10 grep -q waits "$LAB/deaf-$op.out"
    GATEWAY=10.77.2.1 timeout 10 bash -c 'printf "" | setpriv --reuid bob --regid bob --clear-groups \
      sudo -n "$PFCTL" load "$B" --gateway 10.77.2.1 --proxy-port 3128' || fail "$op keeps bob waiting"
  done
}

@test "every call is logged, and what is logged is clean" {
  lab_start syslog --ready-fd "$PYTHON" "$PFWRAP_DIR/syslog.py" /dev/log
  load_for alice "$A" 203.0.113.10:443/tcp
  run pfctl_as alice flush "$B"
  run load_for bob "$B" 203.0.113.10:443
  run env SUDO_UID=3000000000 "$PFCTL" show "$A"
  run pfctl_as alice load $'a\nb\e[1m' --gateway 1.2.3.4 --proxy-port 1
  "$PYTHON" "$PFWRAP_DIR/flow.py" wait "$LAB/syslog.out" 'wrong usage' >"$LAB/log"
  rm -f /dev/log
  grep -q "uid 4001: load $A: pen0, 2 rules" "$LAB/log"
  grep -q "uid 4001: flush $B: $B is not a name of uid 4001" "$LAB/log"
  grep -q "uid 4002: load $B: pen0 is shut by a rule set of uid 4001" "$LAB/log"
  grep -q "uid 3000000000: show $A: $A is not a name of uid 3000000000" "$LAB/log"
  [[ $(cat "$LAB/log") != *$'\e'* ]]
  # authpriv (10 * 8) and warning (4), or info (6).
  [[ $(grep -c '^<8[46]>.* pen-pfctl\[[0-9]*\]: uid 4001:' "$LAB/log") == 3 ]]
}
