#!/bin/bash
# SPDX-License-Identifier: MIT
# dns_leak.bash - the same tests of name look-ups for each version of Docker
#
# Docker's embedded resolver (127.0.0.11) is a socket of dockerd's. With servers
# that come from the host's file it may ask from the host's side, where no rule for
# the bridge sees the packet; which, depends on its version.

# shellcheck source=tests/e2e/containers/common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
setup_file() {
  containers_setup_file
  [[ -z ${LAB_NETNS:-} ]] || containers_stub
}
teardown_file() { containers_teardown_file; }

KINDS=(plain stub six)
# 20.10 does not answer where it cannot ask.
quick='timeout:1 attempts:1'

# server_of KIND - print a name server of the host: an ordinary one, a stub on the
# host's loopback, one with an IPv6 address
server_of() {
  case $1 in
    plain) printf '%s\n' "$DNS_IP" ;;
    stub) printf '127.0.0.53\n' ;;
    six) printf '%s\n' "$DNS_IP6" ;;
    *) return 1 ;;
  esac
}

# known_to_leak KIND - whether this Docker asks from the host's side for a container
# that was started without care
known_to_leak() {
  local major
  major=$(docker version --format '{{.Server.Version}}') || return 1
  case ${major%%.*}:$1 in
    2[0-5]:stub | 2[67]:stub | 2[67]:six) return 0 ;;
    2[0-7]:*) return 1 ;;
    *) return 0 ;;
  esac
}

# shut_network - a network of which pen-pfctl lets nothing out, for containers that
# are not pen's
shut_network() {
  gateway=10.77.1.1
  docker network create -o com.docker.network.bridge.name=pen0 \
    --subnet 10.77.1.0/24 --gateway "$gateway" plain
  "$PFCTL" load pen-user-0-project-dns-000000 \
    --gateway "$gateway" --proxy-port 3128 </dev/null
}

# ask_plainly NAME [OPTION]... - the look-up in such a container
ask_plainly() {
  local name=$1
  shift
  docker run --rm --network plain -v "$LAB:/lab:ro" -e "RES_OPTIONS=$quick" "$@" \
    "$LAB_TOOLS" timeout 20 python3 /lab/ask.py "$name" 127.0.0.11 "$gateway"
}

setup() {
  pen_setup docker
  cp "$SUITE_DIR/ask.py" "$LAB/"
}

teardown() {
  containers_resolv "$DNS_IP"
  pen_teardown
}

test_log_sees() {
  local kind
  docker network create open
  for kind in "${KINDS[@]}"; do
    containers_resolv "$(server_of "$kind")"
    # An IPv6 server is out of reach from a network without IPv6, but where
    # dockerd asks from the host's side.
    [[ $kind != six ]] || known_to_leak six || continue
    docker run --rm --network open "$LAB_TOOLS" getent hosts "open-$kind.evil.test"
    seen "open-$kind.evil.test" || fail "not seen: $kind"
  done
  docker network rm open
}

test_known_leaks() {
  local kind
  shut_network
  for kind in "${KINDS[@]}"; do
    containers_resolv "$(server_of "$kind")"
    ask_plainly "shut-$kind.evil.test" >"$LAB/$kind"
    if known_to_leak "$kind"; then
      seen "shut-$kind.evil.test" || fail "$kind: no leak any more: $(<"$LAB/$kind")"
    elif seen "shut-$kind.evil.test"; then
      fail "$kind: a leak: $(<"$LAB/$kind")"
    fi
  done
  "$PFCTL" flush pen-user-0-project-dns-000000 </dev/null
  docker network rm plain
}

test_pen_leaks_none() {
  local kind
  for kind in "${KINDS[@]}"; do
    containers_resolv "$(server_of "$kind")"
    pen start
    cp "$SUITE_DIR/ask.py" .
    inside env "RES_OPTIONS=$quick" python3 ask.py "pen-$kind.evil.test" \
      127.0.0.11 "$(gateway_of_sandbox)" "$DNS_IP" >"$LAB/$kind"
    pen stop
    [[ $(grep -c . "$LAB/$kind") == 7 ]] || fail "the look-ups did not run: $(<"$LAB/$kind")"
    ! seen "pen-$kind.evil.test" || fail "$kind: a leak: $(<"$LAB/$kind")"
    ! grep -qE ': [0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$' "$LAB/$kind" || fail "$kind: an answer: $(<"$LAB/$kind")"
  done
}
