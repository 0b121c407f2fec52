#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# bridge.bats - a bridged sandbox whose docker and pen-pfctl are stand-ins: what it
# says when the firewall holds nothing back, and what no real one shows at will

load common

GATEWAY=10.99.0.1

setup_file() {
  lab_standard
  own_terminals
  [[ -z ${PEN_TREE-} ]] || mount --bind "$PEN_TREE" "$LAB_ROOT/penctl"
  ip addr add "$GATEWAY/32" dev lo
  # pen looks there first.
  mkdir "$LAB/bin"
  ln -s "$LAB_ROOT/tests/e2e/pen/docker.sh" "$LAB/bin/docker"
  mount -t overlay -o "lowerdir=$LAB/bin:/usr/local/bin" stub /usr/local/bin
}

setup() {
  pen_setup
  export DOCKER_STUB=$LAB/docker PEN_PFCTL=$LAB/pfctl
  mkdir "$DOCKER_STUB"
  printf '%s\n' "$GATEWAY" >"$DOCKER_STUB/gateway"
  printf 'sleep\n' >"$DOCKER_STUB/image"
  printf '#!/bin/sh\nexit 0\n' >"$PEN_PFCTL"
  chmod 0755 "$PEN_PFCTL"
  pen init --runtime docker
}

teardown() {
  local status=0
  pen_teardown || status=1
  [[ ! -d ${HELD:-} ]] || rm -rf "$HELD"
  return "$status"
}

# failing JSON - print the rows of an egress test that are not as they must be
failing() {
  jq -c '[.[] | select(.ok | not) | [.kind, .target, .answer]]' <<<"$1"
}

@test "P8: a firewall that says it is in force and holds nothing back: no start" {
  run pen start
  assert_eq 1 "$status"
  assert_contains "$output" 'the firewall does not hold'
}

@test "F6: pen egress test tells of a firewall that holds nothing back" {
  run pen egress test
  assert_eq 1 "$status"
  assert_contains "$output" "FAIL  gateway  canary"
  run --separate-stderr pen egress test --json
  assert_eq '[["gateway","canary","open"]]' "$(failing "$output")"
}

@test "F6: pen egress test tries the rules behind a preset, each once" {
  run --separate-stderr pen allow @crates index.crates.io:443
  run --separate-stderr pen egress test --json
  assert_eq "$(grep -v '^#' "$LAB_ROOT/penctl/presets/crates.txt" | sort)" \
    "$(jq -r '.[] | select(.kind == "allowed") | .target' <<<"$output" | sort)"
}

@test "F6: pen egress test reaches what the network allow-list opens, and does not want it shut" {
  pen allow --network "$IP1:80" "$IP1:1" "$IP2:80/udp" "[2606:4700:4700:0::1111]:80" \
    1.1.1.0/24:443/tcp 162.159.0.0/16:123/udp 169.254.169.254:80/udp
  run --separate-stderr pen egress test --json
  assert_eq 1 "$status"
  assert_json '[.[] | select(.kind == "direct") | [.target, .answer]] == [
    ["45.45.45.10 80", "open"], ["45.45.45.10 1", "refused"],
    ["2606:4700:4700:0::1111 80", "refused"]]' "$output"
  assert_json '[.[] | select(.kind == "tcp" or .kind == "udp") | .target] | .[0:2] ==
    ["1.1.1.1 80", "169.254.169.254 80"] and all(.[]; test("162|2606") | not)' "$output"
}

# in_lib WORDS - the shell WORDS with the library of the containers at hand
in_lib() {
  bash -uo pipefail -c 'pen_lib=$1/penctl/commands/lib
    . "$pen_lib/log.sh" && . "$pen_lib/state.sh" && . "$pen_lib/containers.sh" || exit 64
    eval "$2"' in_lib "$LAB_ROOT" "$1"
}

@test "P8: a tool that ends at once has its own words shown" {
  run in_lib 'state_identity() { return 1; }
    box_dir=$LAB tool_name=docker
    containers_do "do nothing" true || exit 3
    containers_do "start it" sh -c "echo the reason; exit 1"'
  assert_eq 1 "$status"
  assert_eq "pen: docker cannot start it: the reason" "$output"
}

@test "P8: a held container waits for a go-file that its user may read" {
  [[ $EUID == 0 ]] || skip "needs root to become another user"
  HELD=$(mktemp -d)
  chmod 0777 "$HELD"
  (umask 077 && printf "export A='b c'\n" >"$HELD/go")
  mkdir "$HELD/bin"
  printf '#!/bin/sh\n: >%s/waits\n' "$HELD" >"$HELD/bin/sleep"
  chmod -R 0755 "$HELD/bin"
  hold=$(in_lib 'printf "%s\n" "$containers_hold"')
  PATH=$HELD/bin:$PATH setpriv --reuid 1234 --regid 1234 --clear-groups \
    /bin/sh -c "${hold//\/run\/pen/$HELD}" pen printenv A >"$LAB/held.out" 2>&1 3>&- &
  eventually 20 test -e "$HELD/waits"
  chmod 0644 "$HELD/go"
  wait "$!"
  assert_eq 'b c' "$(<"$LAB/held.out")"
}

# tools NAME... - the containers' programs from now on: a shell, and the NAMEs
tools() {
  local name=""
  rm -rf "$LAB/tools"
  mkdir "$LAB/tools"
  for name in sh env sleep "$@"; do
    # Not a wrapper of the machine's, which wants more than itself.
    ln -s "$(PATH=/usr/bin:/bin type -P "$name")" "$LAB/tools/$name"
  done
  printf '%s\n' "$LAB/tools" >"$DOCKER_STUB/path"
}

@test "N1: what can connect looks from inside, whichever the image has" {
  local name="" count=0
  for name in bash python3 perl curl socat node busybox nc; do
    PATH=/usr/bin:/bin type -P "$name" >/dev/null || continue
    [[ $name != busybox || $(busybox nc --help 2>&1) == *-z* ]] || continue
    tools "$name"
    run pen start
    assert_eq 1 "$status" "$name: $output"
    assert_contains "$output" 'the firewall does not hold' || fail "$name"
    count=$((count + 1))
  done
  ((count > 3)) || fail "only $count"
}

@test "N1: what an image without any of these is in is said loudly, and by status" {
  tools
  run pen start
  assert_eq 0 "$status" "$output"
  assert_contains "$output" 'NOT CHECKED from inside whether the sandbox is shut in'
  assert_json '.checked == false' "$(pen status --json)"
  assert_contains "$(pen status)" 'not checked'
  pen stop
  run pen status --json
  assert_json '.checked == null' "$output"
}

@test "P8: an image whose command ends at once fails the start, without a network, too" {
  local file=""
  file=$(sandbox_dir)/config.json
  jq '.network = "none"' "$file" >new
  mv new "$file"
  printf 'exited\n' >"$DOCKER_STUB/state"
  run pen start
  assert_eq 1 "$status" "$output"
  assert_eq 'pen: the sandbox ended at once: out of order' "$output"
  rm "$DOCKER_STUB/state"
  pen start
}

@test "P6: a build on a terminal shows where it is, in one line that it wipes" {
  printf 'Step 1/2\nStep 2/2 : RUN \033[31mmake\n' >"$DOCKER_STUB/build"
  mkfifo "$DOCKER_STUB/gate"
  pen_in_terminal build >"$LAB/build.out" 2>&1 3>&- &
  eventually 30 grep -q $'\r\033\\[Kpen: building pen-user-.*: Step 2/2 : RUN \\[31mmake' "$LAB/build.out"
  printf 'go on\n' >"$DOCKER_STUB/gate"
  wait "$!"
  [[ $(<"$LAB/build.out") == *$'\r\033[K'"Built pen-user-"* ]] || fail "$(cat -v "$LAB/build.out")"
}

@test "P6: a build without a terminal says what it did, and nothing else" {
  printf 'Step 1/2\nStep 2/2 : RUN make\n' >"$DOCKER_STUB/build"
  pen build >"$LAB/build.out" 2>&1
  assert_eq "Built $(pen status --json | jq -r .name)" "$(<"$LAB/build.out")"
  run ! grep -q $'\r' "$LAB/build.out"
}

@test "P17: pen proxy restart: another proxy, at the address that the rules pass" {
  tools
  pen start
  before=$(pen status --json | jq -r .proxy)
  pid=$(<"$(sandbox_dir)/run/proxy.pid")
  pen proxy restart
  assert_eq "$before" "$(pen status --json | jq -r .proxy)"
  [[ $pid != "$(<"$(sandbox_dir)/run/proxy.pid")" ]] || fail 'the same proxy'
  run curl -s -o /dev/null -w '%{http_code}' -x "http://$before" http://other.test/
  assert_eq 403 "$output"
}
