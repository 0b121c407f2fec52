#!/bin/bash
# SPDX-License-Identifier: MIT
# containers-tree.sh - becomes a program of another release of Debian
#
# Usage: unshare -m containers-tree.sh CMD [ARG]...      (called by dockerd_start)
#
# The tree (containers-host.sh) becomes the root, with the lab's sockets, users,
# name server and the folders of projects in it. A mere chroot would not do: runc
# enters containers from the root of the mount namespace.

set -u -o pipefail
export LC_ALL=C
readonly tree=/run/lab/tree

die() {
  printf 'containers-tree: %s\n' "$*" >&2
  exit 1
}

main() {
  local name
  for name in proc sys dev run home tmp opt; do
    mount --rbind "/$name" "$tree/$name" || die "cannot mount /$name"
  done
  for name in resolv.conf hosts passwd group; do
    mount --bind "/etc/$name" "$tree/etc/$name" || die "cannot mount /etc/$name"
  done
  cd "$tree" || die "cannot enter $tree"
  pivot_root . old || die 'cannot change the root'
  cd / || die 'cannot enter the new root'
  umount -l /old || die 'cannot leave the old root'
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

main "$@"
