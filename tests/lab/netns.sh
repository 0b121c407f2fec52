#!/bin/bash
# SPDX-License-Identifier: MIT
# netns.sh - sets up a fresh network namespace, then runs a command in it
#
# Usage: unshare -Urnm netns.sh CMD [ARG]...      (called by lab_netns)
#
# lo comes up with the addresses of helpers.bash; /etc/resolv.conf, /etc/hosts and
# /dev are this namespace's own.

set -u -o pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

die() {
  printf 'netns: %s\n' "$*" >&2
  exit 1
}

# own_dev DIR - covers /dev with one that holds the usual devices alone, so that
# a test can put its own /dev/log there
own_dev() {
  local dev=$1/dev name
  mkdir -p "$dev/shm" "$dev/pts" || return 1
  for name in null zero full random urandom tty ptmx; do
    [[ -e /dev/$name ]] || continue
    : >"$dev/$name" || return 1
    mount --bind "/dev/$name" "$dev/$name" || return 1
  done
  [[ ! -d /dev/pts ]] || mount --rbind /dev/pts "$dev/pts" || return 1
  ln -s /proc/self/fd "$dev/fd" || return 1
  ln -s /proc/self/fd/0 "$dev/stdin" || return 1
  ln -s /proc/self/fd/1 "$dev/stdout" || return 1
  ln -s /proc/self/fd/2 "$dev/stderr" || return 1
  mount --rbind "$dev" /dev
}

main() {
  local addr dir
  {
    printf 'link set lo up\n'
    for addr in 45.45.45.10 45.45.45.20 45.45.45.53 203.0.113.10 198.51.100.20; do
      printf 'addr add %s/32 dev lo\n' "$addr"
    done
  } | ip -batch - || die 'cannot set up lo'
  for addr in 2a00:45:45::10 2001:db8:cafe::10; do
    ip -6 addr add "$addr/128" dev lo nodad || die "cannot add $addr"
  done
  mount --make-rprivate / || die 'cannot make the mounts private'
  dir=$(mktemp -d) || die 'cannot make a folder'
  mount -t tmpfs -o mode=755 lab "$dir" || die 'cannot mount a tmpfs'
  printf 'nameserver 45.45.45.53\n' >"$dir/resolv.conf" || die 'cannot write'
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$dir/hosts" || die 'cannot write'
  mount --bind "$dir/resolv.conf" /etc/resolv.conf || die 'cannot mount resolv.conf'
  mount --bind "$dir/hosts" /etc/hosts || die 'cannot mount hosts'
  own_dev "$dir" || die 'cannot make /dev'
  umount -l "$dir" || die 'cannot unmount'
  rmdir "$dir"
  exec "$@"
}

main "$@"
