#!/bin/bash
# SPDX-License-Identifier: MIT
# containers.bash - dockerd, podman and a small internet in a closed namespace
#
# A test file begins so:
#     load ../../lab/containers
#     lab_containers docker            # or podman, docker-trixie, docker-sid
#     setup_file() { containers_setup_file; }
#     teardown_file() { containers_teardown_file; }
#     setup() { containers_setup; }
#     teardown() { containers_teardown; }
#
# lab_containers runs the whole file in the namespaces of containers-host.sh, as
# root, with the daemons' sockets at their usual places: `docker`, `podman`, `pen`
# and `nft` need no further words, and nothing of the machine is in reach. Where
# that cannot be, every test of the file is skipped with the reason. Images that
# are there: debian:SUITE-slim ($LAB_BASE) and lab/tools ($LAB_TOOLS; it has curl,
# python3, ip, ping, socat, tini). There is no registry.
#
# containers.sh runs a command, or a shell, in such a lab.

# shellcheck disable=SC2119,SC2120 # arguments are for those who need them
# shellcheck source=tests/lab/helpers.bash
source "${BASH_SOURCE[0]%/*}/helpers.bash"

# ANY is an address that everybody knows, and pen egress test tries.
export DNS_IP6=2a00:45:45::53 METADATA=169.254.169.254 ANY=1.1.1.1
: "${PEN_BUILD:=$LAB_ROOT/build/$PEN_MODE}"
: "${LAB_CACHE:=$LAB_ROOT/build/lab}"
export PEN_BUILD LAB_CACHE
readonly LAB_WAN=(nsenter --net=/run/netns/wan)

# ---------------------------------------------------------------------------
# Into the lab.

# lab_containers_missing DAEMON... - prints why there can be no lab with these,
# and succeeds; fails if there can
lab_containers_missing() {
  local name
  if ((EUID != 0)); then
    printf 'needs root: network namespaces and container daemons\n'
    return 0
  fi
  for name in unshare nsenter ip nft iptables conntrack sudo visudo openssl \
    jq mmdebstrap apt-get runc "$@"; do
    case $name in
      docker*) name=dockerd ;;
    esac
    if ! command -v "$name" >/dev/null; then
      printf 'needs %s: .ci/deps install ci\n' "$name"
      return 0
    fi
  done
  if ! unshare -nmp --fork true 2>/dev/null; then
    printf 'needs the right to make network, mount and process namespaces\n'
    return 0
  fi
  if ! unshare -n nft list tables >/dev/null 2>&1; then
    printf 'needs nf_tables in the kernel\n'
    return 0
  fi
  if ! grep -qw overlay /proc/filesystems; then
    printf 'needs overlayfs in the kernel\n'
    return 0
  fi
  if [[ $(sed -n 's/^ID=//p' /etc/os-release) != debian ]]; then
    printf 'needs Debian: its mirror is what the images are made from\n'
    return 0
  fi
  return 1
}

# lab_containers_ungroup GROUP - removes a lab's control groups
lab_containers_ungroup() {
  local dir
  for dir in /sys/fs/cgroup/*/"$1" "/sys/fs/cgroup/$1"; do
    [[ ! -d $dir ]] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
  done
}

# lab_containers_sweep - removes what killed labs left: a lab that lives holds the
# lock of its folder
lab_containers_sweep() {
  local dir
  for dir in "$LAB_CACHE"/run.*; do
    [[ -e $dir/lock ]] || continue
    flock -n "$dir/lock" rm -rf "$dir" || continue
    lab_containers_ungroup "pen-lab-${dir##*.}" || continue
  done
}

# lab_containers_make DAEMON... - makes what labs with these need, unless it is
# there; fails with the reason on stderr. Takes half a minute once a week.
lab_containers_make() {
  "$LAB_DIR/containers-cache.sh" make "$@"
}

# lab_containers_enter DAEMON... -- CMD... - becomes CMD in a new lab
lab_containers_enter() {
  local daemons=() folder new
  while [[ $1 != -- ]]; do
    daemons+=("$1")
    shift
  done
  shift
  lab_containers_sweep
  new=$(mktemp -d "$LAB_CACHE/new.XXXXXX") || return 1
  # Held open by every process of the lab; another's sweep finds it locked.
  exec 6>"$new/lock" || return 1
  flock -n 6 || return 1
  folder=$LAB_CACHE/run.${new##*.}
  mv "$new" "$folder" || return 1
  export LAB_NETNS=1 LAB_DAEMONS="${daemons[*]}" LAB_GROUP=pen-lab-${folder##*.}
  export LAB_FOLDER=$folder
  exec unshare -nmp --fork --kill-child "$LAB_DIR/containers-host.sh" "$folder" "$@"
}

# lab_containers DAEMON... - puts the bats process that runs this file into a lab
lab_containers() {
  local argv=() arg
  export LAB_DAEMONS="$*"
  if [[ -n ${LAB_NETNS:-} ]] || lab_containers_missing "$@" >/dev/null; then
    return 0
  fi
  while IFS= read -r -d '' arg; do
    argv+=("$arg")
  done </proc/$$/cmdline
  case " ${argv[*]} " in
    *bats-exec-file*) ;;
    *) return 0 ;;
  esac
  # Another release's Docker is not on every mirror; its tests are skipped.
  if ! arg=$(lab_containers_make "$@" 2>&1); then
    export LAB_FAULT="cannot make the lab: $arg"
    [[ "$*" == docker-* ]] || fail "$LAB_FAULT"
    return
  fi
  rm -rf "${BATS_FILE_TMPDIR:?}" "${BATS_FILE_TMPDIR:?}"-*
  lab_containers_enter "$@" -- "${argv[@]}" 1>&3 2>&1
}

# containers_open - the environment of a lab, once inside
containers_open() {
  LAB_BASE=debian:$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)-slim
  export LAB_BASE LAB_TOOLS=lab/tools:latest NO_COLOR=1
  export DOCKERD_LOG=/run/lab/dockerd.log
  unset PEN_PROXY PEN_JAIL PEN_PFCTL DOCKER_HOST DOCKER_CONFIG CONTAINER_HOST
  PATH=/opt/pen/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

# containers_up DAEMON... - the internet, and dockerd where it is wanted
containers_up() {
  containers_open
  containers_internet || return 1
  case " $* " in
    *' docker'*) dockerd_start ;;
  esac
}

containers_setup_file() {
  export LAB=$BATS_FILE_TMPDIR LAB_FILE=$BATS_FILE_TMPDIR
  [[ -n ${LAB_NETNS:-} ]] || return 0
  # Users of the lab come by.
  chmod 0711 "$BATS_RUN_TMPDIR"
  # shellcheck disable=SC2086 # a list of names
  containers_up $LAB_DAEMONS
}

containers_teardown_file() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  lab_stop_all "$LAB_FILE"
  # Whatever else lives here ends with the first process of the namespace.
}

# containers_setup - an empty home and an empty project, $PROJECT; skips without
# a lab
containers_setup() {
  local reason
  if [[ -z ${LAB_NETNS:-} ]]; then
    # shellcheck disable=SC2086 # a list of names
    reason=$(lab_containers_missing $LAB_DAEMONS) ||
      reason=${LAB_FAULT:-bats runs this file in an unknown way}
    skip "$reason"
  fi
  containers_open
  lab_setup
  export PROJECT=$LAB/project
  mkdir "$PROJECT"
  cd "$PROJECT" || return 1
}

containers_teardown() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  lab_teardown
}

# ---------------------------------------------------------------------------
# The internet.

# in_wan CMD... - CMD in the internet's namespace
in_wan() {
  "${LAB_WAN[@]}" "$@"
}

# containers_zone - names of the internet; every name below evil.test is there, so
# that a name can carry data out, and the query log shows it
containers_zone() {
  lab_default_zone
  printf '%s\n' "*.evil.test A $IP2" "evil.test A $IP2"
}

# containers_internet - an origin (HTTP and TLS, also at the metadata address), DNS
# over both families
containers_internet() {
  local addr args=()
  lab_certs || return 1
  export ORIGIN_LOG=$LAB/origin.jsonl DNS_ZONE=$LAB/zone DNS_LOG=$LAB/dns.queries
  for addr in "$IP1" "$IP2" "[$IP6]" "$DOC1" "$DOC2" "[$DOC6]" "$ANY"; do
    args+=(--http "$addr:80" --http "$addr:8080" --https "$addr:443" --https "$addr:8443")
  done
  args+=(--http "$METADATA:80")
  lab_start origin --ready-fd "${LAB_WAN[@]}" "$PYTHON" -SE "$LAB_DIR/origin.py" \
    --certs "$CERTS" --log "$ORIGIN_LOG" "${args[@]}" || return 1
  containers_zone >"$DNS_ZONE"
  : >"$DNS_LOG"
  lab_start dns --ready-fd "${LAB_WAN[@]}" "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen "$DNS_IP:53" --listen "[$DNS_IP6]:53" \
    --zone "$DNS_ZONE" --log "$DNS_LOG"
}

# containers_stub - a name server on the host's own 127.0.0.53, with the same log
containers_stub() {
  lab_start stub --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen 127.0.0.53:53 --zone "$DNS_ZONE" --log "$DNS_LOG"
}

# containers_ssh - an SSH server at $IP1:22 in the internet that lets $LAB/key in as
# root; fails where there is no sshd
containers_ssh() {
  command -v sshd >/dev/null || return 1
  mkdir -p /run/sshd &&
    ssh-keygen -q -t ed25519 -N '' -f "$LAB/host-key" &&
    ssh-keygen -q -t ed25519 -N '' -f "$LAB/key" &&
    cp "$LAB/key.pub" /run/lab/authorized_keys || return 1
  lab_start sshd - "${LAB_WAN[@]}" "$(command -v sshd)" -D -e -p 22 -h "$LAB/host-key" \
    -o "AuthorizedKeysFile=/run/lab/authorized_keys" -o StrictModes=no \
    -o PidFile=none -o "ListenAddress=$IP1" -f /dev/null || return 1
  eventually 10 in_wan bash -c "exec 3<>/dev/tcp/$IP1/22" 2>/dev/null
}

# containers_resolv ADDRESS - the host's name server from now on; a new container
# takes it over
containers_resolv() {
  printf 'nameserver %s\n' "$1" >/run/lab/resolv.conf
}

# ---------------------------------------------------------------------------
# dockerd.

# dockerd_answers
dockerd_answers() {
  docker version >/dev/null 2>&1
}

# dockerd_start [OPTION]... - at its usual socket; $DOCKERD_LOG is its log
dockerd_start() {
  local in_tree=()
  rm -f /run/docker.pid
  [[ ! -d /run/lab/tree ]] || in_tree=(unshare -m "$LAB_DIR/containers-tree.sh")
  setsid ${in_tree[@]+"${in_tree[@]}"} dockerd --config-file /run/lab/daemon.json \
    --data-root /run/lab/docker --exec-root /run/docker --pidfile /run/docker.pid \
    -H unix:///run/docker.sock -G docker --cgroup-parent "/$LAB_GROUP" "$@" \
    >>"$DOCKERD_LOG" 2>&1 3>&- 4>&- </dev/null &
  printf '%s\n' "$!" >/run/lab/dockerd.pid
  disown
  if ! eventually 20 dockerd_answers; then
    tail -n 20 "$DOCKERD_LOG" >&2
    fail 'dockerd does not start'
  fi
}

# dockerd_stop [SIGNAL] - and wait for its end
dockerd_stop() {
  local pid
  pid=$(</run/lab/dockerd.pid) || return 1
  kill "-${1:-TERM}" "$pid" && lab_wait_gone "$pid" 20
}

# ---------------------------------------------------------------------------
# Users.

# as_user NAME CMD... - CMD as alice or bob, with their home and none of root's
# environment but the names of the lab
as_user() {
  local name=$1
  shift
  env HOME="/home/$name" USER="$name" LOGNAME="$name" \
    setpriv --reuid "$name" --regid "$name" --init-groups --inh-caps=-all -- "$@"
}
