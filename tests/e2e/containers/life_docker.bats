#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# life_docker.bats - init, build, start, exec, stop and rm with a real daemon; its
# link life_podman.bats is the same with podman

load common
lab_containers "$(runtime_of_file)"
setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { pen_setup "$(runtime_of_file)"; }
teardown() { pen_teardown; }

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

@test "P1 P2 P18: the earlier pen's first steps, word for word" {
  as "$PEN_AS" mkdir "$PROJECT/new"
  cd "$PROJECT/new"
  run pen build
  assert_eq 2 "$status" "status of build before init"
  run pen start
  assert_eq 2 "$status" "status of start before init"
  cd "$PROJECT"
  run pen init
  assert_contains "$output" "Already initialized"
  assert_eq "proxy.log proxy.pid" "$(sort .pen/.gitignore | grep . | tr '\n' ' ' | sed 's/ $//')"
  pen build
  pen exec true
  [[ -n $(tool ps -q --filter "name=^$SANDBOX-container$") ]] || fail 'no container of that name'
  [[ -n $(tool network ls -q --filter "name=^$SANDBOX-network$") ]] || fail 'no network of that name'
  [[ -n $(tool images -q "$SANDBOX") ]] || fail 'no image of that name'
  nft list table inet "${SANDBOX//-/_}" >/dev/null
}

@test "P1: exec has its own status, stdin, stdout, stderr and arguments" {
  run pen exec -- sh -c 'exit 42'
  assert_eq 42 "$status"
  run --separate-stderr pen exec -- sh -c 'echo out; echo err >&2'
  assert_eq out "$output"
  assert_eq err "$stderr"
  assert_eq 'from stdin' "$(printf 'from stdin' | pen exec cat)"
  assert_eq '[a b][*][][--help]' "$(pen exec printf '[%s]' 'a b' '*' '' --help)"
  run -127 pen exec -- no-such-command
}

@test "P1: status is 1 when down and 0 when up; the next exec finds the same sandbox" {
  run pen status
  assert_eq 1 "$status"
  pen exec -- sh -c 'echo here >/tmp/mark'
  pen status
  assert_eq here "$(pen exec cat /tmp/mark)"
  pen stop
  run pen status
  assert_eq 1 "$status"
  run pen exec cat /tmp/mark
  [[ $status != 0 ]] || fail 'the sandbox is not new after a stop'
}

@test "P4: the project is at its own path, and all else is gone afterwards" {
  pen exec -- sh -c 'pwd; echo inside >from-inside'
  assert_eq inside "$(<from-inside)"
  echo outside >from-outside
  assert_eq outside "$(pen exec cat "$PROJECT/from-outside")"
  run pen exec -- ls "$(pen_home "$PEN_AS")/.pen"
  [[ $status != 0 ]] || fail "the policy is in reach: $output"
}

@test "P3 P17: allow and deny count within a second, without a restart" {
  pen allow example.test:80
  pen start
  inside curl -sS http://example.test/one >"$LAB/out"
  assert_json '.target == "/one"' "$(<"$LAB/out")"
  assert_eq 403 "$(inside curl -s -o /dev/null -w '%{http_code}' http://other.test/)"
  pen allow other.test:80
  live_within_a_second 200 http://other.test/
  pen deny other.test:80
  live_within_a_second 403 http://other.test/
}

# live_within_a_second CODE URL - whether a request from inside gets CODE by then
live_within_a_second() {
  inside sh -c 'i=0; while [ $i -lt 20 ]; do
    code=$(curl -s -o /dev/null -w "%{http_code}" "$2")
    [ "$code" != "$1" ] || exit 0; i=$((i + 1)); sleep 0.05; done; exit 1' sh "$1" "$2" ||
    fail "no $1 for $2 within a second"
}

@test "F1 F7: limits, environment and mounts of the config are the sandbox's" {
  as "$PEN_AS" mkdir "$(pen_home "$PEN_AS")/data"
  echo data >"$(pen_home "$PEN_AS")/data/file"
  pen_config '.memory = "64m" | .cpus = 0.5 | .env = {A: "x y"} |
    .mounts = [{source: $d, target: "/data", readonly: true}, {volume: "cache", target: "/cache"}]' \
    --arg d "$(pen_home "$PEN_AS")/data"
  assert_eq 'x y' "$(pen exec -- sh -c 'printf %s "$A"')"
  assert_eq data "$(pen exec cat /data/file)"
  run pen exec -- sh -c 'echo >/data/other'
  [[ $status != 0 ]] || fail 'the mount is writable'
  assert_eq 67108864 "$(tool inspect -f '{{.HostConfig.Memory}}' "$SANDBOX-container")"
  pen exec -- sh -c 'echo kept >/cache/kept' || pen exec -- ls -ld /cache
  pen restart
  assert_eq kept "$(pen exec cat /cache/kept)"
  pen stop
  pen rm --volumes -y
  assert_eq '' "$(tool volume ls -q --filter label=pen.user)"
}

@test "F7: no capability to make frames or to change the network, no new privileges" {
  pen start
  run inside python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)'
  [[ $status != 0 && $output == *PermissionError* ]] || fail "$output"
  run inside ip addr add 10.9.9.9/32 dev lo
  [[ $status != 0 ]] || fail 'an address was added'
  caps=$(inside awk '/^CapEff/ { print $2 }' /proc/self/status)
  # NET_ADMIN, NET_RAW, SYS_MODULE, SYS_PTRACE, SYS_ADMIN
  assert_eq 0 "$((0x$caps & (1 << 12 | 1 << 13 | 1 << 16 | 1 << 19 | 1 << 21)))"
}

@test "P1: a sandbox whose processes all died is up again with the next exec" {
  pen start
  tool kill "$SANDBOX-container"
  assert_eq again "$(pen exec echo again)"
}

@test "P8: a start that fails says why and leaves nothing behind" {
  printf 'FROM %s\nENTRYPOINT ["/no-such-program"]\n' "$LAB_TOOLS" >"$(pen_home "$PEN_AS")/Dockerfile"
  pen build
  run pen start
  assert_eq 1 "$status"
  assert_contains "$output" 'no-such-program'
  nothing_left
  printf 'FROM no.such/image\n' >"$(pen_home "$PEN_AS")/Dockerfile"
  run pen build
  [[ $status != 0 ]] || fail 'built from nothing'
  nothing_left
}

@test "P8: an image whose command ends at once fails the start, which says why and leaves nothing" {
  printf 'FROM %s\nCMD ["sh", "-c", "echo out of order; exit 3"]\n' "$LAB_TOOLS" \
    >"$(pen_home "$PEN_AS")/Dockerfile"
  pen build
  run pen start
  assert_eq 1 "$status" "$output"
  assert_contains "$output" 'the sandbox ended at once: out of order'
  nothing_left
}

@test "N1: an image without bash and nc is checked from inside by what it has; one without any says so" {
  printf 'FROM %s\nRUN rm -f /bin/bash /usr/bin/bash /bin/nc* /usr/bin/nc*\n' "$LAB_TOOLS" \
    >"$(pen_home "$PEN_AS")/Dockerfile"
  pen build
  pen start
  assert_eq true "$(pen status --json | jq .checked)"
  pen stop
  printf 'FROM %s\nENTRYPOINT []\nCMD ["sleep", "1000"]\nRUN cd /usr/bin && rm -f bash nc* python3* perl* curl socat node busybox\n' \
    "$LAB_TOOLS" >"$(pen_home "$PEN_AS")/Dockerfile"
  pen build
  run pen start
  assert_eq 0 "$status" "$output"
  assert_contains "$output" 'NOT CHECKED'
  assert_eq false "$(pen status --json | jq .checked)"
}

@test "P8: an image with a user of its own" {
  printf 'FROM %s\nUSER 1234\nCMD ["sleep", "1000"]\n' "$LAB_TOOLS" >"$(pen_home "$PEN_AS")/Dockerfile"
  pen build
  pen start
  assert_eq 1234 "$(pen exec id -u)"
  pen status
}

@test "P8: without the firewall wrapper there is no start" {
  mv "$PFCTL" "$PFCTL.away"
  run pen start
  mv "$PFCTL.away" "$PFCTL"
  assert_eq 1 "$status"
  assert_contains "$output" pen-pfctl
  nothing_left
}

@test "P2: a directory called My.Dir (x)" {
  pen_project 'My.Dir (x)'
  [[ $SANDBOX == pen-user-*-project-my-dir--x--?????? ]] || fail "$SANDBOX"
  pen allow example.test:80
  assert_eq 200 "$(inside curl -s -o /dev/null -w '%{http_code}' http://example.test/)"
  assert_eq "$PROJECT" "$(pen exec pwd)"
  [[ -n $(tool ps -q --filter "name=^$SANDBOX-container$") ]] || fail 'no container of that name'
}

@test "P14: stats of the running sandbox" {
  pen start
  pen stats --json >"$LAB/stats"
  assert_json '[.. | .memory_bytes? | numbers] | length > 0' "$(<"$LAB/stats")"
}

@test "F7: network socket and none have no interface but lo" {
  pen allow example.test:80
  pen_config '.network = "socket"'
  pen start
  assert_eq lo "$(inside ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
  assert_eq 200 "$(inside curl -s -o /dev/null -w '%{http_code}' http://example.test/)"
  assert_eq 403 "$(inside curl -s -o /dev/null -w '%{http_code}' http://other.test/)"
  pen stop
  pen_config '.network = "none"'
  assert_eq lo "$(inside ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
  ! nft list tables | grep pen_user_ || fail 'rules without a bridge'
}

@test "F2: run has a fresh sandbox for one command, its status and its statistics" {
  run pen run --stats "$PROJECT/stats.json" -- sh -c 'echo out; exit 7'
  assert_eq 7 "$status"
  assert_contains "$output" out
  assert_json '.exit_code == 7 and .stdout_bytes == 4' "$(<stats.json)"
  nothing_left
}
