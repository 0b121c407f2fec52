#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - what the tests of pen-pfctl share
#
# A test file begins so:
#     load common
#     pfwrap_lab
#     setup_file() { pfwrap_setup_file; }
#     teardown_file() { lab_file_teardown; }
#     setup() { pfwrap_setup; }
#     teardown() { pfwrap_teardown; }
#
# pfwrap_lab runs the whole file in the closed network of lab.sh.  Without root
# there is none, and every test of the file is skipped.

load ../../lab/helpers

PFWRAP_DIR=$LAB_ROOT/tests/e2e/pfwrap
: "${PEN_PFCTL:=$LAB_ROOT/build/$PEN_MODE/pen-pfctl}"
: "${PFWRAP_SRC:=$LAB_ROOT/pfwrap}"
export PFWRAP_DIR PFWRAP_SRC PEN_PFCTL
# The names of alice's (4001) and bob's (4002) sandboxes.
export A=pen-user-4001-project-a-000001 B=pen-user-4002-project-b-000002
export GATEWAY=10.77.1.1 PORT=3128
# Where the program is in the lab.
export PFCTL=/opt/pen/pen-pfctl

# has_sudo - whether there is a sudo to go through, with its checker
has_sudo() {
  (PATH=$PATH:/usr/sbin:/sbin && command -v sudo && command -v visudo) >/dev/null
}

# pfwrap_lab - puts the bats process that runs this file into the lab
pfwrap_lab() {
  local argv=() arg
  if [[ -n ${LAB_NETNS:-} ]] || ! unshare -nm true 2>/dev/null || ((EUID != 0)) ||
    ! has_sudo; then
    return 0
  fi
  while IFS= read -r -d '' arg; do
    argv+=("$arg")
  done </proc/$$/cmdline
  case " ${argv[*]} " in
    *bats-exec-file*) ;;
    *) return 0 ;;
  esac
  export LAB_NETNS=1
  rm -rf "${BATS_FILE_TMPDIR:?}" "${BATS_FILE_TMPDIR:?}"-*
  exec unshare -nm "$PFWRAP_DIR/lab.sh" "$BATS_RUN_TMPDIR/lab.$$" "$PEN_PFCTL" \
    "${argv[@]}" 1>&3 2>&1
}

pfwrap_setup_file() {
  export LAB=$BATS_FILE_TMPDIR LAB_FILE=$BATS_FILE_TMPDIR
}

pfwrap_setup() {
  ((EUID == 0)) || skip 'needs root: real network namespaces, a real sudo'
  has_sudo || skip 'needs sudo: apt-get install sudo'
  [[ -n ${LAB_NETNS:-} ]] || skip 'needs the right to make network namespaces'
  lab_setup
}

# Nothing of a test is left for the next one.
pfwrap_teardown() {
  local table
  [[ -n ${LAB_NETNS:-} ]] || return 0
  lab_teardown
  rm -rf /run/pen
  nft list tables inet | awk '/ pen_user_/ { print $3 }' |
    while IFS= read -r table; do
      nft delete table inet "$table"
    done
}

# pfctl_as USER ARG... - the program through sudo, as that user calls it
pfctl_as() {
  local user=$1
  shift
  if [[ $user == root ]]; then
    "$PFCTL" "$@"
  else
    setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all -- \
      sudo -n "$PFCTL" "$@"
  fi
}

# load_for USER NAME [LINE...] - the rules of the sandbox, with these lines
load_for() {
  local user=$1 name=$2
  shift 2
  printf '%s\n' ${@+"$@"} | pfctl_as "$user" load "$name" --gateway "$GATEWAY" --proxy-port "$PORT"
}

# in_box CMD... - in the sandbox's network
in_box() {
  timeout 20 ip netns exec box "$@"
}

in_wan() {
  timeout 20 ip netns exec wan "$@"
}

# in_box_start, in_wan_start NAME FLAG CMD... - lab_start there
in_ns_start() {
  local ns=$1 name=$2 flag=$3
  shift 3
  lab_start "$name" "$flag" nsenter "--net=/run/netns/$ns" "$@"
}

# more_addresses - a second address for the sandbox, and one of another net
more_addresses() {
  in_box ip addr add 10.77.1.99/24 dev eth0 2>/dev/null || :
  in_box ip addr add 192.168.9.9/24 dev eth0 2>/dev/null || :
}

# probe_all WANT - sends everything and judges what arrived
probe_all() {
  local mac link status=0 output=""
  export WANT=$1
  [[ -e $LAB/wan.sink ]] || ln -s wan.out "$LAB/wan.sink"
  [[ -e $LAB/host.sink ]] || ln -s host.out "$LAB/host.sink"
  mac=$(cat /sys/class/net/pen0/address) || return 1
  link=$(ip -6 -o addr show dev pen0 scope link | awk '{ sub("/.*", "", $4); print $4; exit }') || return 1
  in_ns_start wan wan --ready-fd "$PYTHON" "$PFWRAP_DIR/sink.py" packets lan0
  lab_start host --ready-fd "$PYTHON" "$PFWRAP_DIR/sink.py" sockets all
  run in_box "$PYTHON" "$PFWRAP_DIR/probe.py" send "$mac" "$link"
  printf '%s\n' "$output"
  [[ $status == 0 ]]
  "$PYTHON" "$PFWRAP_DIR/probe.py" mark
  "$PYTHON" "$PFWRAP_DIR/probe.py" judge "$LAB" "$1"
}

# bridge_filter 0|1 - whether frames that are only bridged pass the rules, too
bridge_filter() {
  local path=/proc/sys/net/bridge name
  [[ -d $path ]] || skip 'no br_netfilter in this kernel'
  for name in iptables ip6tables; do
    printf '%s' "$1" >"$path/bridge-nf-call-$name" || return 1
  done
}

# no_trace NAME... - fails if a table, a record or a state of NAME is there
no_trace() {
  local name="" list=""
  list=$("$PFCTL" list) || return 1
  [[ -n $list || -z $(ls -A /run/pen) ]] || fail "files are left: $(ls -A /run/pen)" || return 1
  for name in "$@"; do
    [[ $list != *"$name "* ]] || fail "a record of $name is left" || return 1
    ! nft list table inet "${name//-/_}" >/dev/null 2>&1 ||
      fail "a table of $name is left" || return 1
  done
}
