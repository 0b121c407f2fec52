#!/bin/bash
# SPDX-License-Identifier: MIT
# containers-cache.sh - images for the tests of containers, made without a
# registry, and daemons' stores that hold them
#
# Usage: containers-cache.sh make NAME...          docker, podman: their stores
#        containers-cache.sh copy NAME FOLDER      a store, for one lab
#        containers-cache.sh tree NAME             print the folder of a tree
#        containers-cache.sh fill NAME             (called by make, in a lab)
#
# NAME is docker, podman, or docker-SUITE: the Docker of another release of Debian,
# which runs from a tree of that release.
# All is kept in build/lab/, named by the week and by what it is made of; a lock
# lets one caller make what several want.  The mirror is the one that this
# machine's apt has.  Images: debian:SUITE-slim, and lab/tools, the same with
# programs that tests want inside.

set -u -o pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
umask 022

lab=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
readonly lab
readonly cache=${LAB_CACHE:-${lab%/tests/lab}/build/lab}
# What a tree has.
readonly engine=docker.io,docker-cli,docker-buildx,iptables,nftables,ca-certificates,iproute2,procps
readonly tools=tini,socat,curl,ca-certificates,iproute2,iputils-ping,procps,python3-minimal,libpython3-stdlib

die() {
  printf 'containers-cache: %s\n' "$*" >&2
  exit 1
}

# cache_suite - print this machine's release of Debian
cache_suite() {
  sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# cache_mirror - print the mirror of it that apt has
cache_mirror() {
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
    'Created-By: Packages' |
    awk -v suite="$(cache_suite)" '$1 == suite && $2 == "main" { print $3; exit }'
}

# cache_key TEXT... - print a name for what is made of TEXT, this week
cache_key() {
  local sum
  sum=$({
    printf '%s\n' "$(cache_suite)" "$tools" "$engine" "$@"
    date +%G-%V
    cat "$lab/containers-entry.sh"
  } | sha1sum) || return 1
  printf '%s\n' "${sum:0:10}"
}

# cache_forget NAME - removes what earlier weeks left of NAME
cache_forget() {
  find "$cache" -maxdepth 1 -name "$1-??????????*" -mtime +1 -exec rm -rf {} +
}

# cache_debian SUITE TARGET [OPTION]... - make a minimal Debian, as a folder or a
# tar file, unless it is there
cache_debian() {
  local suite=$1 target=$2 new=$2 mirror
  shift 2
  [[ ! -e $target ]] || return 0
  mirror=$(cache_mirror)
  [[ -n $mirror && -n $suite ]] || die 'apt has no Debian mirror here'
  new=${target%/*}/new.${target##*/}
  rm -rf "$new"
  # shellcheck disable=SC2016 # mmdebstrap's shell expands $1
  timeout -k 10 600 mmdebstrap --quiet --variant=minbase --mode=root \
    --customize-hook='rm -f "$1/etc/resolv.conf"' "$@" \
    "$suite" "$new" "$mirror" >"$target.log" 2>&1 ||
    die "mmdebstrap $suite: $(tail -n 2 "$target.log")"
  mv -f "$new" "$target"
}

cache_tars() {
  key=$(cache_key tar) || return 1
  base=$cache/base-$key.tar
  with_tools=$cache/tools-$key.tar
  cache_debian "$(cache_suite)" "$base" || return 1
  cache_debian "$(cache_suite)" "$with_tools" --include="$tools" \
    --customize-hook="copy-in $lab/containers-entry.sh /usr/local/bin"
}

# cache_tree NAME - print the folder of the tree of docker-SUITE
cache_tree() {
  printf '%s/tree-%s-%s\n' "$cache" "${1#docker-}" "$(cache_key tree)"
}

# cache_make_tree SUITE TREE - sid's archive is newer than what mmdebstrap of an
# older release can check: apt in a tree of a release between the two can
cache_make_tree() {
  local suite=$1 tree=$2 from=trixie
  [[ ! -e $tree ]] || return 0
  cache_forget "tree-$suite"
  if [[ $suite != sid ]]; then
    cache_debian "$suite" "$tree" --include="$engine"
    return
  fi
  cache_make_tree "$from" "$(cache_tree "docker-$from")" || return 1
  rm -rf "$tree.new" && cp -a "$(cache_tree "docker-$from")" "$tree.new" || return 1
  cp -L /etc/resolv.conf "$tree.new/etc/resolv.conf" || return 1
  # shellcheck disable=SC2016 # for the shell inside
  timeout -k 10 600 unshare -m sh -ec 'cd "$1"
    mount --rbind /dev dev; mount -t proc proc proc
    sed -i "s/ $2 / sid /" etc/apt/sources.list
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
      chroot . sh -ec "apt-get -q -o Acquire::Check-Valid-Until=false update
        apt-get -q -y --no-install-recommends install $3; apt-get clean"' \
    sh "$tree.new" "$from" "${engine//,/ }" >"$tree.log" 2>&1 ||
    die "apt-get in a tree of sid: $(tail -n 2 "$tree.log")"
  rm -f "$tree.new/etc/resolv.conf" && mv "$tree.new" "$tree"
}

# cache_store NAME - print the folder of a store
cache_store() {
  local version
  case $1 in
    docker) version=$(dockerd --version) ;;
    docker-*) version=$(cache_tree "$1") ;;
    podman) version=$(podman --version) ;;
    *) die "no store: $1" ;;
  esac || die "cannot run $1"
  printf '%s/%s-%s\n' "$cache" "$1" "$(cache_key "$version")"
}

# cache_make NAME... - under the lock
cache_make() {
  local name store scratch
  for name in "$@"; do
    store=$(cache_store "$name") || exit 1
    [[ ! -d $store ]] || continue
    cache_forget "$name"
    [[ $name != docker-* ]] || cache_make_tree "${name#docker-}" "$(cache_tree "$name")" || exit 1
    cache_tars || exit 1
    scratch=$(mktemp -d "$cache/make.XXXXXX") || die "cannot write in $cache"
    LAB_BASE_TAR=$base LAB_TOOLS_TAR=$with_tools LAB_DAEMONS=$name LAB_EMPTY=1 \
      LAB_GROUP=${scratch##*/} LAB_KEEP=1 LAB_FOLDER=$scratch PEN_BUILD='' \
      timeout -k 10 300 unshare -nmp --fork --kill-child \
      "$lab/containers-host.sh" "$scratch" "$lab/containers-cache.sh" fill "$name" \
      </dev/null >"$scratch/log" 2>&1 ||
      die "cannot import the images into $name: $(tail -n 3 "$scratch/log")"
    mv "$scratch/${name%%-*}" "$store" || die "cannot write $store"
    rm -rf "$scratch"
  done
}

cache_import() {
  "$1" import "$LAB_BASE_TAR" "debian:$(cache_suite)-slim" &&
    "$1" import -c 'ENTRYPOINT ["tini", "--", "containers-entry.sh"]' \
      -c 'CMD ["sleep", "infinity"]' "$LAB_TOOLS_TAR" lab/tools
}

# cache_fill NAME - in a lab of its own
cache_fill() {
  # shellcheck source=tests/lab/containers.bash
  source "$lab/containers.bash"
  containers_open
  # shellcheck disable=SC2119
  case $1 in
    docker*)
      dockerd_start && cache_import docker && dockerd_stop
      ;;
    podman)
      # Its database knows the place where it was made; it is made anew.
      cache_import podman && rm -rf /run/lab/podman/libpod
      ;;
    *) die "no store: $1" ;;
  esac
}

# cache_copy NAME FOLDER
cache_copy() {
  local store entry layers
  store=$(cache_store "$1") || exit 1
  case $1 in
    docker*) layers=overlay2 ;;
    *) layers=overlay ;;
  esac
  for entry in "$store"/*; do
    if [[ ${entry##*/} == "$layers" ]]; then
      cp -al "$entry" "$2/" || return 1
    else
      cp -a "$entry" "$2/" || return 1
    fi
  done
}

main() {
  local verb=${1:-}
  [[ $# -ge 2 ]] || die 'usage: containers-cache.sh make NAME... | copy NAME FOLDER'
  shift
  case $verb in
    make)
      mkdir -p "$cache" || die "cannot make $cache"
      exec 9>"$cache/lock" || die "cannot write $cache/lock"
      flock -w 900 9 || die "$cache/lock is held for too long"
      cache_make "$@" 9>&-
      ;;
    copy) cache_copy "$@" ;;
    tree) cache_tree "$@" ;;
    fill) cache_fill "$@" ;;
    *) die "unknown verb: $verb" ;;
  esac
}

main "$@"
