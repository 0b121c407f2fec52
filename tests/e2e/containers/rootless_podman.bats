#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# rootless_podman.bats - pen of an ordinary user whose podman has no root, either

load common
lab_containers podman

setup_file() {
  containers_setup_file
  [[ -n ${LAB_NETNS:-} ]] && command -v newuidmap >/dev/null || return 0
  printf 'alice:100000:65536\n' | tee /etc/subuid >/etc/subgid
  # Not in her home, which each test empties.
  install -d -o alice -g alice -m 0700 /run/user/4001 "$BATS_FILE_TMPDIR/store"
  printf 'rootless_storage_path = "%s"\n' "$BATS_FILE_TMPDIR/store" >>/etc/containers/storage.conf
  chmod 0711 "$BATS_FILE_TMPDIR"
  cd /home/alice || return 1
  podman save --quiet "$LAB_TOOLS" >"$BATS_FILE_TMPDIR/tools.tar" || return 1
  chmod 0644 "$BATS_FILE_TMPDIR/tools.tar"
  tool load --quiet --input "$BATS_FILE_TMPDIR/tools.tar" >/dev/null
}

teardown_file() { containers_teardown_file; }

setup() {
  command -v newuidmap >/dev/null || skip 'needs newuidmap, of the package uidmap'
  cd /home/alice || return 1
  pen_setup podman
  export PEN_AS=alice
  pen_project project
}

teardown() {
  [[ -z ${PEN_RUNTIME-} ]] || pen_teardown || return 1
  [[ -z ${PEN_RUNTIME-} || -z $(of_alice) ]] || fail "left over: $(of_alice)"
}

# tool ARG... - her podman
tool() {
  as_user alice env XDG_RUNTIME_DIR=/run/user/4001 podman "$@"
}

# as NAME CMD... - CMD as that user, with the folder that a login makes
as() {
  if [[ $1 == root ]]; then
    shift
    "$@"
  else
    as_user "$1" env XDG_RUNTIME_DIR=/run/user/4001 "${@:2}"
  fi
}

# of_alice - print her containers and the networks that are pen's
of_alice() {
  tool ps -a --format '{{.Names}}'
  tool network ls --filter label=pen.user --format '{{.Name}}'
}

@test "F7 N1: without root the network is a socket: no interface but lo, and the proxy" {
  pen allow example.test:80
  pen start
  assert_eq socket "$(pen status --json | jq -r .network)"
  assert_eq lo "$(inside ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
  assert_eq 200 "$(inside curl -s -o /dev/null -w '%{http_code}' http://example.test/)"
  assert_eq 403 "$(inside curl -s -o /dev/null -w '%{http_code}' http://other.test/)"
  run inside curl -s --noproxy '*' --max-time 5 "http://$IP1/"
  [[ $status != 0 ]] || fail "past the proxy: $output"
  run inside python3 -c 'import socket; socket.getaddrinfo("leak.evil.test", 80)'
  [[ $status != 0 ]]
  ! seen leak.evil.test || fail 'a look-up left the sandbox'
  run --separate-stderr pen egress test --json
  assert_eq 0 "$status" "$output"
}

@test "F7: without root the network none has neither interface nor proxy" {
  pen_config '.network = "none"'
  assert_eq lo "$(inside ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
  [[ -z $(pgrep -u alice -x pen-proxy) ]]
  run inside sh -c 'env | grep -i proxy'
  assert_eq 1 "$status" "$output"
}

@test "P8: without root a bridge is refused, with what to set instead, and nothing is left" {
  pen_config '.network = "bridge"'
  run pen start
  assert_eq 2 "$status"
  assert_contains "$output" 'podman without root has no bridge that a firewall can shut: set "network" to "socket"'
  assert_eq "" "$(of_alice)"
  run pen run true
  assert_eq 2 "$status"
}

@test "P4: what root, or the user of the image, writes into the project is the user's own" {
  pen exec -- sh -c 'id -u >by-root'
  assert_eq "0 4001" "$(<by-root) $(stat -c %u by-root)"
  pen stop
  printf 'FROM %s\nARG PEN_UID\nUSER ${PEN_UID}\n' "$LAB_TOOLS" >/home/alice/Dockerfile
  pen build
  pen exec -- sh -c 'id -u >by-user'
  assert_eq "4001 4001" "$(<by-user) $(stat -c %u by-user)"
  assert_eq 403 "$(inside curl -s -o /dev/null -w '%{http_code}' http://other.test/)"
}

@test "F2 N2: without root one-shot runs have their status, streams, statistics and limit" {
  run pen run --stats "$PROJECT/stats.json" -- sh -c 'echo out; exit 7'
  assert_eq 7 "$status"
  assert_contains "$output" out
  assert_json '.exit_code == 7 and .stdout_bytes == 4' "$(<stats.json)"
  run pen run --timeout 1s -- sleep 60
  assert_eq 124 "$status"
  assert_eq "" "$(of_alice)"
}

@test "P8: without root what a container that ended leaves is taken down, and doctor is content" {
  pen start
  tool kill "$SANDBOX-container" >/dev/null
  eventually 60 nothing_left 2>/dev/null
  assert_eq again "$(pen exec echo again)"
  run pen doctor
  assert_contains "$output" 'without root: the networks socket and none only'
}
