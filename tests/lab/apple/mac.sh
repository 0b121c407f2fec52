#!/bin/bash
# SPDX-License-Identifier: MIT
# mac.sh - makes this mount namespace look like a Mac to the programs in it
#
# Usage: unshare -m mac.sh FOLDER --ready-fd N    as root, in the lab of containers.sh
#
# Writes a line to N, and stays, to be entered with nsenter.
# /usr/bin and /usr/sbin have then what a Mac has, and no other tool: the fakes of
# bsd.sh, the shim `container`, and the lab's own programs where both systems agree.
# $APPLE_LAB is FOLDER, of which engine.py and bsd tell; FOLDER/real has GNU's.
# APPLE_BASH may name another bash, such as one of 3.2.

set -u -o pipefail
readonly folder=$1
# Built for Linux, it wants /proc, and nft by its path: it runs as on any Linux.
readonly pfctl=/usr/local/libexec/pen-root/pen-pfctl
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
readonly here

# Where the two systems do not differ in what pen asks of them.
readonly alike="[ bash kill sh curl diff expr false gzip jq nc nohup openssl perl printf pwd
  python3 seq shasum ssh ssh-keygen sudo tar test true whoami yes mandoc script"
# Where they do.
readonly differ="awk basename cat chmod chown cmp comm cp cut date dirname du env find
  grep head id ln ls mkdir mkfifo mktemp mv od paste ps readlink rm rmdir sed sleep
  sort stat sw_vers sysctl tail tee touch tr tty uname uniq wc xargs"

die() {
  printf 'mac: %s\n' "$*" >&2
  exit 1
}

# mac_link NAME PLACE - the lab's program NAME, in the folder PLACE; what links to
# /usr/bin by way of /etc is found where that will be
mac_link() {
  local file
  [[ -e /usr/bin/$1 ]] || return 0
  file=$(readlink -f "/usr/bin/$1") || return 1
  ln -s "$folder/real/bin/${file#/usr/bin/}" "$folder/$2/$1"
}

# mac_links - the two folders of programs
mac_links() {
  local name
  mkdir -p "$folder/bin" "$folder/sbin" "$folder/gnu" || return 1
  for name in $alike; do
    mac_link "$name" bin || return 1
  done
  for name in $differ; do
    ln -s "$here/bsd.sh" "$folder/bin/$name" && mac_link "$name" gnu || return 1
  done
  ln -s "$here/container" "$folder/bin/container" &&
    ln -s "$here/bsd.sh" "$folder/sbin/ifconfig" || return 1
  [[ -z ${APPLE_BASH-} ]] || ln -sf "$APPLE_BASH" "$folder/bin/bash" || return 1
  cat >"$folder/pen-pfctl" <<SCRIPT && chmod 0755 "$folder/pen-pfctl"
#!/bin/sh
exec $folder/real/bin/nsenter --mount=$folder/proc/1/ns/mnt $pfctl "\$@"
SCRIPT
}

# mac_mounts - the lab's programs out of the way, the Mac's in their place
mac_mounts() {
  mkdir -p "$folder/real/bin" "$folder/real/sbin" &&
    mount --bind /usr/bin "$folder/real/bin" &&
    mount --bind /usr/sbin "$folder/real/sbin" &&
    mount --bind "$folder/pen-pfctl" "$pfctl" &&
    mount --bind "$folder/bin" /usr/bin &&
    "$folder/real/bin/mount" --bind "$folder/sbin" /usr/sbin
}

# mac_proc - no /proc, but where the shim and the fakes look; and /dev/fd without it
mac_proc() {
  local name dev="$folder/dev"
  mkdir -p "$folder/proc" "$dev" && mount --bind /proc "$folder/proc" &&
    mount -t tmpfs -o mode=755 mac "$dev" && mkdir "$dev/pts" "$dev/shm" || return 1
  for name in null zero full random urandom tty; do
    : >"$dev/$name" && mount --bind "/dev/$name" "$dev/$name" || return 1
  done
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$dev/pts" &&
    ln -s pts/ptmx "$dev/ptmx" && chmod 1777 "$dev/shm" &&
    ln -s "$folder/proc/self/fd" "$dev/fd" &&
    ln -s fd/0 "$dev/stdin" && ln -s fd/1 "$dev/stdout" && ln -s fd/2 "$dev/stderr" &&
    mount --rbind "$dev" /dev && mount -t tmpfs -o mode=555 mac /proc
}

mac_links || die 'cannot make the links'
mac_mounts || die 'cannot mount'
PATH=$folder/real/bin mac_proc || die 'cannot take /proc away'
printf 'ready\n' >&"$3"
exec "$folder/real/bin/bash" -c "exec $3>&-; exec $folder/real/bin/sleep infinity"
