#!/bin/bash
# SPDX-License-Identifier: MIT
# containers-host.sh - a host for container daemons, and its internet, without
# an uplink
#
# Usage: unshare -nmp --fork --kill-child containers-host.sh FOLDER CMD [ARG]...
#
# This namespace becomes the host: wan0 (100.64.0.2) towards the namespace `wan`,
# which has the addresses of helpers.bash and containers.bash.  /run, /home, /opt,
# /etc/passwd, sudoers, the configuration of docker and podman are its own; nothing
# of the machine's is changed.  pen is installed in /opt/pen, pen-pfctl by
# root-files.sh; alice (4001) and bob (4002) may call it through sudo, and are in
# the group docker.
#
# This shell is the first process of its own: when it ends, so does everything
# that was started here.  FOLDER, on a disk, takes what the daemons store.
# Environment: PEN_BUILD (no pen without it), PEN_TREE, LAB_DAEMONS ("docker
# podman": those whose stores are copied from the cache), LAB_EMPTY (they are not),
# LAB_GROUP (a name for control groups), LAB_KEEP (FOLDER stays)

set -u -o pipefail
export LC_ALL=C
umask 022

readonly own=/run/lab
# shellcheck source=tests/lab/containers.bash
source "${BASH_SOURCE[0]%/*}/containers.bash"

die() {
  printf 'containers-host: %s\n' "$*" >&2
  exit 1
}

# host_sys - /proc and /sys of these namespaces, with the machine's control groups
host_sys() {
  mount -t proc proc /proc && mkdir "$own/cgroup" &&
    mount --rbind /sys/fs/cgroup "$own/cgroup" && mount -t sysfs sysfs /sys &&
    mount --rbind "$own/cgroup" /sys/fs/cgroup && umount -l "$own/cgroup"
}

# host_cover FOLDER... - a tmpfs in place of each folder that is there
host_cover() {
  local folder
  for folder in "$@"; do
    [[ ! -d $folder ]] || mount -t tmpfs -o mode=755 lab "$folder" || return 1
  done
}

# host_overlay FOLDER - FOLDER as it is, open to changes that end with the lab
host_overlay() {
  local layers=$own/overlay$1
  mkdir -p "$layers/upper" "$layers/work" &&
    mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" \
      lab "$1"
}

# host_usr_local - without other builds of the daemons and their clients
host_usr_local() {
  local name
  host_overlay /usr/local || return 1
  for name in docker dockerd containerd runc podman; do
    rm -f "/usr/local/bin/$name" "/usr/local/sbin/$name" || return 1
  done
}

# host_resolv - /etc/resolv.conf is $own/resolv.conf, which tests write to
host_resolv() {
  local target
  target=$(readlink -m /etc/resolv.conf) || return 1
  mkdir -p "${target%/*}" || return 1
  [[ -e $target ]] || : >"$target" || return 1
  printf 'nameserver %s\n' "$DNS_IP" >"$own/resolv.conf" &&
    mount --bind "$own/resolv.conf" "$target" || return 1
  printf '127.0.0.1 localhost %s\n::1 localhost\n' "$HOSTNAME" >"$own/hosts" &&
    mount --bind "$own/hosts" /etc/hosts
}

# host_users - alice and bob
host_users() {
  local file name user uid
  for file in passwd shadow group; do
    cp "/etc/$file" "$own/$file" && chmod 0644 "$own/$file" || return 1
  done
  sed -i '/^docker:/d' "$own/group" || return 1
  printf 'docker:x:4000:alice,bob\n' >>"$own/group"
  for name in alice:4001 bob:4002; do
    user=${name%:*} uid=${name#*:}
    printf '%s:x:%s:%s::/home/%s:/bin/bash\n' "$user" "$uid" "$uid" "$user" >>"$own/passwd"
    printf '%s:*:19000:0:99999:7:::\n' "$user" >>"$own/shadow"
    printf '%s:x:%s:\n' "$user" "$uid" >>"$own/group"
    mkdir -m 0700 "/home/$user" && chown "$uid:$uid" "/home/$user" || return 1
  done
  for file in passwd shadow group; do
    mount --bind "$own/$file" "/etc/$file" || return 1
  done
}

# host_pen - the programs, as an install puts them there
host_pen() {
  local uid
  [[ -n ${PEN_BUILD:-} ]] || return 0
  # Another copy of the command tree takes its place (make check-bash32).
  [[ -z ${PEN_TREE-} ]] || mount --bind "$PEN_TREE" "$LAB_ROOT/penctl" || return 1
  (cd "$LAB_ROOT" && DESTDIR='' BINDIR=/opt/pen/bin LIBEXECDIR=/opt/pen/libexec \
    MANDIR=/opt/pen/man INSTALL=install .ci/files install "$PEN_BUILD" \
    pen-proxy pen-jail) >"$own/install.log" 2>&1 || return 1
  for uid in 4001 4002 0; do
    "$LAB_ROOT/.ci/root-files.sh" install "$uid" "$PEN_BUILD/pen-pfctl" \
      >>"$own/install.log" 2>&1 || return 1
  done
}

# host_daemons - what docker and podman read.  The limits are podman's because it
# may not raise them everywhere; the same holds for other run-times than runc.
host_daemons() {
  printf '{}\n' >"$own/daemon.json" || return 1
  cat >/etc/containers/containers.conf <<'CONF' || return 1
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  cat >/etc/containers/storage.conf <<CONF || return 1
[storage]
driver = "overlay"
graphroot = "$own/podman"
runroot = "/run/containers/storage"
CONF
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' \
    >/etc/containers/policy.json || return 1
  printf 'unqualified-search-registries = []\n' >/etc/containers/registries.conf
}

# host_stores FOLDER - where docker and podman store, filled from the cache; their
# layers are linked, as nobody writes to them
host_stores() {
  local folder=$1 name
  for name in docker podman; do
    mkdir -p "$folder/$name" "$own/$name" &&
      mount --bind "$folder/$name" "$own/$name" || return 1
  done
  [[ -z ${LAB_EMPTY:-} ]] || return 0
  for name in $LAB_DAEMONS; do
    "$LAB_ROOT/tests/lab/containers-cache.sh" copy "$name" "$folder/${name%%-*}" || return 1
  done
}

# host_tree - the Docker of another release: its tree, open to changes that end
# with the lab, at $own/tree; its client in front of this machine's
host_tree() {
  local name folder=$1 tree=""
  for name in $LAB_DAEMONS; do
    [[ $name != docker-* ]] || tree=$("$LAB_ROOT/tests/lab/containers-cache.sh" tree "$name")
  done
  [[ -n $tree ]] || return 0
  mkdir -p "$own/tree" "$folder/upper" "$folder/work" /usr/local/bin \
    /usr/local/libexec/docker/cli-plugins &&
    mount -t overlay -o "lowerdir=$tree,upperdir=$folder/upper,workdir=$folder/work" \
      lab "$own/tree" || return 1
  cp "$tree/usr/bin/docker" /usr/local/bin/docker &&
    cp "$tree/usr/libexec/docker/cli-plugins/docker-buildx" \
      /usr/local/libexec/docker/cli-plugins/ || return 1
  mkdir -p "$own/tree"/{proc,sys,dev,run,home,tmp,opt,old} &&
    rm -f "$own/tree/etc/resolv.conf" && : >"$own/tree/etc/resolv.conf"
}

host_files() {
  local folder=$1
  mount -t tmpfs -o mode=755 lab /run && mkdir -p "$own" /run/netns /run/lock || return 1
  # A file that is covered alone comes back when the machine renames another over
  # it, as useradd does.
  host_overlay /etc || return 1
  host_cover /home /opt /etc/sudoers.d /etc/containers /etc/cni || return 1
  chmod 0750 /etc/sudoers.d
  host_sys && host_usr_local && host_resolv && host_users || return 1
  host_pen || die "cannot install pen: $(tail -n 3 "$own/install.log")"
  host_daemons && host_stores "$folder" && host_tree "$folder"
}

# no_dad - no address waits for duplicate address detection
no_dad() {
  local name
  for name in all default; do
    printf 0 >"/proc/sys/net/ipv6/conf/$name/accept_dad" || return 1
  done
}

# host_wan - the internet behind wan0
host_wan() {
  local addr
  ip -n wan link set lo up && ip -n wan link set lan0 up &&
    ip -n wan addr add 100.64.0.1/30 dev lan0 &&
    ip -n wan -6 addr add 2001:db8:1::1/64 dev lan0 nodad || return 1
  for addr in "$IP1" "$IP2" "$DNS_IP" "$DOC1" "$DOC2" "$METADATA" "$ANY"; do
    ip -n wan addr add "$addr/32" dev lo || return 1
  done
  for addr in "$IP6" "$DNS_IP6" "$DOC6"; do
    ip -n wan -6 addr add "$addr/128" dev lo nodad || return 1
  done
  ip -n wan route add default via 100.64.0.2 &&
    ip -n wan -6 route add default via 2001:db8:1::2
}

host_network() {
  ip link set lo up && no_dad && ip netns add wan || return 1
  nsenter --net=/run/netns/wan sh -c 'for c in all default; do
    echo 0 >"/proc/sys/net/ipv6/conf/$c/accept_dad" || exit 1
  done' || return 1
  ip link add wan0 type veth peer name lan0 netns wan && ip link set wan0 up &&
    ip addr add 100.64.0.2/30 dev wan0 &&
    ip -6 addr add 2001:db8:1::2/64 dev wan0 nodad && host_wan &&
    ip route add default via 100.64.0.1 &&
    ip -6 route add default via 2001:db8:1::1 || return 1
  printf 1 >/proc/sys/net/ipv4/ip_forward &&
    printf 1 >/proc/sys/net/ipv6/conf/all/forwarding
}

# host_end FOLDER - ends all other processes, and takes away the groups of
# containers, and the folder
host_end() {
  # The first process of a namespace of its own: this reaches nobody else.
  [[ $$ != 1 ]] || kill -KILL -1 2>/dev/null
  wait
  # A process that was killed is a member until it is gone.
  eventually 5 lab_containers_ungroup "$LAB_GROUP" || return 1
  umount -l "$own/docker" "$own/podman" || return 1
  [[ -n ${LAB_KEEP:-} ]] || rm -rf "$1"
}

main() {
  local folder=$1 status=0
  shift
  mount --make-rprivate / || die 'cannot make the mounts private'
  host_files "$folder" || die 'cannot set up the files'
  host_network || die 'cannot set up the network'
  "$@" || status=$?
  host_end "$folder"
  exit "$status"
}

main "$@"
