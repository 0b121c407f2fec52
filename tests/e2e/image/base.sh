#!/bin/bash
# SPDX-License-Identifier: MIT
# base.sh - the base image of these tests: a minimal Debian that has what the
# Dockerfile installs, so that the default image builds without a network
#
# Usage: base.sh        makes it, once a week; prints the path of a tar
#
# apt in it has no source: its update finds nothing to do, and its install that
# all is there.

set -u -o pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
umask 022

root=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd)
readonly root
readonly cache=${LAB_CACHE:-$root/build/lab}

die() {
  printf 'base: %s\n' "$*" >&2
  exit 1
}

# base_packages - print what image/Dockerfile installs, separated by commas
base_packages() {
  awk '
    sub(/^ARG PEN_PACKAGES=/, "") { gsub(/"/, ""); more = $0 }
    /apt-get install/ { inside = 1; sub(/.*--no-install-recommends/, "") }
    inside {
      end = !/\\$/
      gsub(/\\|\$\{PEN_PACKAGES\}|&&.*/, "")
      list = list " " $0
      if (end || /PEN_PACKAGES/) inside = 0
    }
    /^  && apt-get clean/ { inside = 0 }
    END { $0 = list " " more; $1 = $1; gsub(/ /, ","); print }' "$root/image/Dockerfile"
}

base_suite() {
  sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

base_mirror() {
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$(base_suite)" '$1 == suite && $2 == "main" { print $3; exit }'
}

main() {
  local packages="" sum="" tar="" mirror=""
  packages=$(base_packages) || die 'cannot read image/Dockerfile'
  [[ $packages == *supervisor* && $packages == *gcc* && $packages != *'&'* ]] ||
    die "cannot tell what image/Dockerfile installs: $packages"
  sum=$(printf '%s\n' "$packages" "$(base_suite)" "$(date +%G-%V)" | sha1sum) || die 'no sha1sum'
  mkdir -p "$cache" || die "cannot make $cache"
  tar=$cache/image-${sum:0:10}.tar
  exec 9>"$cache/image.lock" || die "cannot write $cache/image.lock"
  flock -w 600 9 || die "$cache/image.lock is held for too long"
  if [[ ! -s $tar ]]; then
    mirror=$(base_mirror)
    [[ -n $mirror ]] || die 'apt has no Debian mirror here'
    # shellcheck disable=SC2016 # mmdebstrap's shell expands $1
    timeout -k 10 600 mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
      --customize-hook='rm -f "$1"/etc/resolv.conf "$1"/etc/ssh/ssh_host_*; : >"$1/etc/apt/sources.list"' \
      "$(base_suite)" "$tar.new.tar" "$mirror" >"$tar.log" 2>&1 9>&- ||
      die "mmdebstrap: $(tail -n 2 "$tar.log")"
    mv -f "$tar.new.tar" "$tar"
  fi
  printf '%s\n' "$tar"
}

main
