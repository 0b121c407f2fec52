#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# escape_docker.bats - ways out of a sandbox behind a bridge, each seen to be open
# first; its link escape_podman.bats is the same with podman

load common
lab_containers "$(runtime_of_file)"
setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { pen_setup "$(runtime_of_file)"; }
teardown() { pen_teardown; }

PFWRAP_DIR=$LAB_ROOT/tests/e2e/pfwrap

# sinks - starts what writes down what arrives; probe.py's words for inside are in
# the project
sinks() {
  lab_start wan --ready-fd "${LAB_WAN[@]}" "$PYTHON" "$PFWRAP_DIR/sink.py" packets lan0
  lab_start host --ready-fd "$PYTHON" "$PFWRAP_DIR/sink.py" sockets all
  cp "$SUITE_DIR/escape.py" "$PFWRAP_DIR/probe.py" .
}

# bridge_words BRIDGE - sets words to "GATEWAY MAC LINK" of it
bridge_words() {
  local link
  gateway=$(ip -j -4 addr show dev "$1" | jq -r '.[0].addr_info[0].local')
  link=$(ip -6 -o addr show dev "$1" scope link | awk '{ sub("/.*", "", $4); print $4 }')
  words=("$gateway" "$(<"/sys/class/net/$1/address")" "$link")
}

# judge WANT - what arrived, up to a mark that is sent last
judge() {
  in_host_python - <<PY
import sys
sys.path.insert(0, "$PFWRAP_DIR")
import probe
probe.WAN = "$IP1"
probe.mark()
PY
  run env PYTHONPATH="$PFWRAP_DIR" "$PYTHON" "$SUITE_DIR/escape.py" judge "$LAB" "$gateway" "$1"
  [[ $status == 0 ]] || fail "$output"
}

in_host_python() {
  PYTHONPATH=$PFWRAP_DIR "$PYTHON" "$@"
}

# bridge_of NETWORK - print its interface: the one that has the gateway's address
bridge_of() {
  local address
  if [[ $PEN_RUNTIME == docker ]]; then
    address=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$1")
  else
    address=$(podman network inspect "$1" | jq -r '.[0].subnets[0].gateway')
  fi
  ip -j -4 addr | jq -r --arg a "$address" \
    '.[] | select([.addr_info[].local] | index($a)) | .ifname'
}

# armed NETWORK - the attempt from a container there that may make frames
armed() {
  tool run -d --name armed --network "$1" --cap-add NET_RAW --cap-add NET_ADMIN \
    -v "$PROJECT:/project" "$LAB_TOOLS" >/dev/null
  bridge_words "$(bridge_of "$1")"
  run tool exec armed timeout 30 python3 /project/escape.py send "${words[@]}"
  tool rm -f armed >/dev/null
  assert_contains "$output" "by hand: sent"
}

@test "an unprotected container gets out by every way" {
  sinks
  tool network create open
  armed open
  tool network rm open
  judge open
}

@test "N1: a sandbox gets out by none, and nothing hangs" {
  pen allow example.test:80
  sinks
  pen start
  assert_eq 200 "$(inside curl -s -o /dev/null -w '%{http_code}' http://example.test/)"
  : >"$LAB/wan.out"
  bridge_words "$(bridge_of "$SANDBOX-network")"
  run inside python3 escape.py send "${words[@]}"
  assert_eq "by hand: not permitted" "$output"
  judge shut
}

@test "N1: nor does a container on its bridge that may make frames and set addresses" {
  pen start
  sinks
  armed "$SANDBOX-network"
  judge shut
}

@test "N1: other sandboxes are out of reach, on any port, from an armed one too" {
  pen start
  first=$SANDBOX
  inside sh -c 'cd / && exec python3 -m http.server 8000 >/dev/null 2>&1 &'
  address=$(inside hostname -i)
  # From the host it answers: the port is open.
  eventually 60 curl -s -o /dev/null --max-time 2 "http://$address:8000/"
  pen_project second
  run inside curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$address:8000/"
  [[ $status != 0 ]] || fail 'reached from another sandbox'
  run tool run --rm --network "$SANDBOX-network" --cap-add NET_RAW --cap-add NET_ADMIN \
    "$LAB_TOOLS" curl -s -o /dev/null --max-time 3 "http://$address:8000/"
  [[ $status != 0 ]] || fail 'reached from an armed container'
  [[ $first != "$SANDBOX" ]]
}

@test "P9: look-ups leave an unprotected container and no sandbox, and fail soon" {
  tool network create open
  tool run --rm --network open "$LAB_TOOLS" getent hosts loose.evil.test
  tool network rm open
  seen loose.evil.test || fail 'the log does not see look-ups'
  pen start
  cp "$SUITE_DIR/ask.py" .
  # The system's resolver gives up after a second.
  assert_contains "$(inside cat /etc/resolv.conf)" 'timeout:1 attempts:1'
  inside python3 ask.py shut.evil.test "$(gateway_of_sandbox)" "$DNS_IP" >answers
  [[ $(grep -c . answers) == 5 ]] || fail "$(<answers)"
  ! seen shut.evil.test || fail "seen: $(<answers)"
}

@test "N1: the network allow-list opens an address and a port, and no more" {
  pen start
  run inside curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP1/"
  [[ $status != 0 ]] || fail 'open without a rule'
  pen stop
  pen allow --network "$IP1:80"
  assert_eq 200 "$(inside curl -s -o /dev/null --noproxy '*' -w '%{http_code}' "http://$IP1/")"
  run inside curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP1:8080/"
  [[ $status != 0 ]] || fail 'another port is open'
  run inside curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP2/"
  [[ $status != 0 ]] || fail 'another address is open'
}

@test "F6: pen egress test finds every way shut, and the rules working" {
  pen allow example.test:80
  run --separate-stderr pen egress test --json
  assert_eq 0 "$status"
  assert_json 'length > 5 and all(.ok) and any(.kind == "allowed")' "$output"
}

@test "F6: pen egress test reaches what the network allow-list opens, though it is tried for a way out" {
  pen allow --network "$ANY:80"
  run --separate-stderr pen egress test --json
  assert_eq 0 "$status" "$output"
  assert_json '[.[] | select(.target == "1.1.1.1 80") | .kind] == ["direct"]' "$output"
}

@test "F6: pen egress test fails where a firewall lets more pass than the policy" {
  export PEN_AS=root PEN_PFCTL=$LAB/pfctl
  pen_project open
  cat >"$PEN_PFCTL" <<SCRIPT
#!/bin/sh
[ "\$1" != load ] || exec $PFCTL "\$@" <<RULES
\$(cat)
$ANY:80
RULES
exec $PFCTL "\$@"
SCRIPT
  chmod 0755 "$PEN_PFCTL"
  run --separate-stderr pen egress test --json
  assert_eq 1 "$status"
  assert_json '[.[] | select(.ok | not) | .target] == ["1.1.1.1 80"]' "$output"
}
