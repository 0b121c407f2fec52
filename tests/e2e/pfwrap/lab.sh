#!/bin/bash
# SPDX-License-Identifier: MIT
# lab.sh - a host with a sandbox bridge and an internet, all without an uplink
#
# Usage: unshare -nm lab.sh FOLDER PFCTL CMD [ARG]...
#
# This namespace becomes the host: pen0 (10.77.1.1, fd77:1::1) with a sandbox in
# the namespace `box`, pen1 (10.77.2.1), wan0 towards the namespace `wan`, which
# has 203.0.113.10, 198.51.100.66, 169.254.169.254 and 2001:db8:cafe::10.  Users
# alice (4001) and bob (4002) may call /opt/pen/pen-pfctl through sudo.  All of
# it, /run, /opt, /dev and the files of users too, is this namespace's own.

set -u -o pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
# Files of root's must be readable by all whatever the caller's mask is.
umask 022

# No address waits for duplicate address detection.
readonly no_dad='for c in all default; do
  echo 0 >"/proc/sys/net/ipv6/conf/$c/accept_dad" || exit 1
done'

die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# lab_dev - a /dev with the usual devices alone, so that a test has its /dev/log
lab_dev() {
  local name
  mkdir -p "$own/dev/shm" "$own/dev/pts" || return 1
  for name in null zero full random urandom tty; do
    : >"$own/dev/$name" && mount --bind "/dev/$name" "$own/dev/$name" || return 1
  done
  ln -s /proc/self/fd "$own/dev/fd" &&
    ln -s /proc/self/fd/0 "$own/dev/stdin" &&
    ln -s /proc/self/fd/1 "$own/dev/stdout" &&
    ln -s /proc/self/fd/2 "$own/dev/stderr" || return 1
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0600 devpts "$own/dev/pts" &&
    ln -s pts/ptmx "$own/dev/ptmx" || return 1
  mount --rbind "$own/dev" /dev
}

# lab_users - alice and bob, and what sudo lets them do
lab_users() {
  local name
  # The whole folder: a file that another mount namespace replaces is unmounted.
  cp -a /etc "$own/etc" && mount --bind "$own/etc" /etc || return 1
  for name in alice:4001 bob:4002; do
    printf '%s:x:%s:%s::/opt/home:/bin/sh\n' "${name%:*}" "${name#*:}" "${name#*:}" >>/etc/passwd
    printf '%s:*:19000:0:99999:7:::\n' "${name%:*}" >>/etc/shadow
    printf '%s:x:%s:\n' "${name%:*}" "${name#*:}" >>/etc/group
  done
  # sudo looks the host's own name up, and no DNS server answers here.
  printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(uname -n)" >/etc/hosts || return 1
  mkdir -p /etc/sudoers.d && mount -t tmpfs -o mode=750 lab /etc/sudoers.d || return 1
  for name in alice bob; do
    printf '%s ALL=(root) NOPASSWD: /opt/pen/pen-pfctl\n' "$name" >"$own/line"
    visudo -qcf "$own/line" && install -m 0440 "$own/line" "/etc/sudoers.d/lab-$name" ||
      return 1
  done
}

# lab_files FOLDER PFCTL - mounts, users, the program
lab_files() {
  own=$1/own
  mkdir -p "$own" && mount -t tmpfs -o mode=755 lab "$own" || return 1
  lab_dev || return 1
  mount -t sysfs sysfs /sys || return 1
  install -m 0755 "$2" "$own/pen-pfctl" || return 1
  mount -t tmpfs -o mode=755 lab /run && mkdir /run/netns || return 1
  mount -t tmpfs -o mode=755 lab /opt && mkdir -p /opt/pen /opt/home || return 1
  install -m 0755 "$own/pen-pfctl" /opt/pen/pen-pfctl || return 1
  chmod 1777 /opt/home && lab_users
}

# lab_link NAME ADDR... - a bridge with these addresses
lab_link() {
  local name=$1 addr
  shift
  ip link add "$name" type bridge && ip link set "$name" up || return 1
  for addr in "$@"; do
    case $addr in
      *:*) ip -6 addr add "$addr" dev "$name" nodad || return 1 ;;
      *) ip addr add "$addr" dev "$name" || return 1 ;;
    esac
  done
}

# lab_box - the sandbox behind pen0
lab_box() {
  ip netns add box && ip netns exec box sh -c "$no_dad" &&
    ip link add veth0 type veth peer name eth0 netns box &&
    ip link set veth0 master pen0 && ip link set veth0 up || return 1
  ip -n box link set lo up && ip -n box link set eth0 up &&
    ip -n box addr add 10.77.1.2/24 dev eth0 &&
    ip -n box -6 addr add fd77:1::2/64 dev eth0 nodad &&
    ip -n box route add default via 10.77.1.1 &&
    ip -n box -6 route add default via fd77:1::1
}

# lab_wan - the internet behind wan0
lab_wan() {
  local addr
  ip netns add wan && ip netns exec wan sh -c "$no_dad" && ip link add wan0 type veth peer name lan0 netns wan &&
    ip link set wan0 up && ip addr add 100.64.0.2/30 dev wan0 &&
    ip -6 addr add 2001:db8:1::2/64 dev wan0 nodad || return 1
  ip -n wan link set lo up && ip -n wan link set lan0 up &&
    ip -n wan addr add 100.64.0.1/30 dev lan0 &&
    ip -n wan -6 addr add 2001:db8:1::1/64 dev lan0 nodad || return 1
  for addr in 203.0.113.10 198.51.100.66 169.254.169.254; do
    ip -n wan addr add "$addr/32" dev lo || return 1
  done
  ip -n wan -6 addr add 2001:db8:cafe::10/128 dev lo nodad &&
    ip -n wan route add default via 100.64.0.2 &&
    ip -n wan -6 route add default via 2001:db8:1::2 &&
    ip route add default via 100.64.0.1 &&
    ip -6 route add default via 2001:db8:1::1
}

lab_network() {
  lab_link pen0 10.77.1.1/24 fd77:1::1/64 && lab_link pen1 10.77.2.1/24 &&
    lab_box && lab_wan && printf 1 >/proc/sys/net/ipv4/ip_forward &&
    printf 1 >/proc/sys/net/ipv6/conf/all/forwarding
}

main() {
  local folder=$1 pfctl=$2
  shift 2
  lab_files "$folder" "$pfctl" || die 'cannot set up the files'
  ip link set lo up
  sh -c "$no_dad" || die 'cannot set up IPv6'
  lab_network || die 'cannot set up the network'
  nft 'table ip nat { chain post { type nat hook postrouting priority 100;
    oifname "wan0" ip saddr 10.77.0.0/16 masquerade; }; }' || die 'cannot masquerade'
  exec "$@"
}

main "$@"
