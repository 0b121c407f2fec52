#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# allowed.bats - what passes, and how what passed is ended

load common
pfwrap_lab

setup_file() {
  pfwrap_setup_file
}
teardown_file() { lab_file_teardown; }
setup() { pfwrap_setup; }
teardown() {
  pfwrap_teardown
  nft 'add table ip ufw; delete table ip ufw'
}

# server NS ADDR PORT... - echoes what comes, on tcp and udp
server() {
  local ns=$1
  shift
  if [[ $ns == host ]]; then
    lab_start "echo$RANDOM" --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" echo "$@"
  else
    in_ns_start "$ns" "echo$RANDOM" --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" echo "$@"
  fi
}

# say NS PROTO ADDR PORT - what came back for "hello": hello, refused, silent
say() {
  ip netns exec "$1" "$PYTHON" "$PFWRAP_DIR/flow.py" say "$2" "$3" "$4"
}

@test "the proxy's port, and nothing else of the gateway" {
  server host 10.77.1.1 3128 3129 53
  load_for alice "$A"
  [[ $(say box tcp 10.77.1.1 3128) == hello ]]
  [[ $(say box tcp 10.77.1.1 3129) == refused ]]
  [[ $(say box tcp 10.77.1.1 53) == refused ]]
  [[ $(say box udp 10.77.1.1 53) == refused ]]
  [[ $(say box udp 10.77.1.1 3128) == refused ]]
}

@test "with --dns port 53 of the gateway, too" {
  server host 10.77.1.1 3128 53
  pfctl_as alice load "$A" --gateway 10.77.1.1 --proxy-port 3128 --dns </dev/null
  [[ $(say box tcp 10.77.1.1 53) == hello ]]
  [[ $(say box udp 10.77.1.1 53) == hello ]]
}

@test "the proxy's port is for the sandbox's bridge alone" {
  server host 10.77.1.1 3128
  [[ $(say wan tcp 10.77.1.1 3128) == hello ]]
  load_for alice "$A"
  [[ $(say wan tcp 10.77.1.1 3128) == refused ]]
  [[ $(say box tcp 10.77.1.1 3128) == hello ]]
}

@test "pairs of the list, by protocol, and nothing beside them" {
  server wan 203.0.113.10 443 444
  server wan 198.51.100.66 443
  server wan 2001:db8:cafe::10 443 444
  load_for alice "$A" 203.0.113.10:443/tcp 203.0.113.10:444/udp \
    198.51.100.0/24:443 '[2001:db8:cafe::10]:443'
  [[ $(say box tcp 203.0.113.10 443) == hello ]]
  [[ $(say box udp 203.0.113.10 443) == refused ]]
  [[ $(say box tcp 203.0.113.10 444) == refused ]]
  [[ $(say box udp 203.0.113.10 444) == hello ]]
  [[ $(say box tcp 198.51.100.66 443) == hello ]]
  [[ $(say box udp 198.51.100.66 443) == hello ]]
  [[ $(say box tcp 2001:db8:cafe::10 443) == hello ]]
  [[ $(say box udp 2001:db8:cafe::10 443) == hello ]]
  [[ $(say box tcp 2001:db8:cafe::10 444) == refused ]]
}

@test "a refusal comes at once: reset, or unreachable" {
  load_for alice "$A"
  [[ $(say box tcp 203.0.113.10 443) == refused ]]
  [[ $(say box udp 203.0.113.10 443) == refused ]]
  [[ $(say box tcp 2001:db8:cafe::10 443) == refused ]]
}

@test "replies to what the host opened into the sandbox pass" {
  server box 10.77.1.2 8080
  server box fd77:1::2 8080
  load_for alice "$A"
  run "$PYTHON" "$PFWRAP_DIR/flow.py" say tcp 10.77.1.2 8080
  [[ $output == hello ]]
  run "$PYTHON" "$PFWRAP_DIR/flow.py" say udp 10.77.1.2 8080
  [[ $output == hello ]]
}

@test "a forged packet that fits a flow of the host's own does not get in" {
  local got
  # The host waits on UDP for the answer of a server of the internet.
  lab_start victim --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" victim 203.0.113.10 9999 4000
  in_box "$PYTHON" "$PFWRAP_DIR/flow.py" forge 203.0.113.10 9999 100.64.0.2 4000 open
  load_for alice "$A" 203.0.113.10:9999
  in_box "$PYTHON" "$PFWRAP_DIR/flow.py" forge 203.0.113.10 9999 100.64.0.2 4000 shut
  # A flow of an allowed pair, opened with a source of somebody else's, does
  # not make a way back to that source.
  in_box "$PYTHON" "$PFWRAP_DIR/flow.py" forge 198.51.100.66 77 203.0.113.10 9999 there
  in_ns_start wan caught --ready-fd "$PYTHON" "$PFWRAP_DIR/sink.py" packets lan0
  in_box "$PYTHON" "$PFWRAP_DIR/flow.py" forge 203.0.113.10 9999 198.51.100.66 77 back
  ip netns exec box true
  "$PYTHON" "$PFWRAP_DIR/probe.py" mark
  got=$("$PYTHON" "$PFWRAP_DIR/flow.py" wait "$LAB/caught.out" end-of-record)
  [[ $got != *back* ]]
  [[ $(cat "$LAB/victim.out") == open ]]
}

# download NS-OF-SERVER ADDR PORT PROTO - starts an endless download in the
# sandbox; $LAB/down.out grows while it runs
download() {
  in_ns_start box down --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" download "$3" "$1" "$2"
}

# bytes_grow FILE - whether more comes in within a second
bytes_grow() {
  "$PYTHON" "$PFWRAP_DIR/flow.py" grows "$1"
}

@test "a download stops when its rule is removed, tcp and udp" {
  local proto
  server wan 203.0.113.10 9000
  for proto in tcp udp; do
    load_for alice "$A" 203.0.113.10:9000
    download 203.0.113.10 9000 "$proto"
    bytes_grow "$LAB/down.out"
    load_for alice "$A" 203.0.113.10:9000 203.0.113.10:1
    bytes_grow "$LAB/down.out"
    load_for alice "$A" 203.0.113.10:1
    run bytes_grow "$LAB/down.out"
    [[ $status == 1 ]]
    lab_stop "$LAB_PID"
  done
  pfctl_as alice flush "$A"
  no_trace "$A"
}

@test "a connection to the proxy ends when its port is no longer the proxy's" {
  server host 10.77.1.1 3128
  load_for alice "$A"
  download 10.77.1.1 3128 tcp
  bytes_grow "$LAB/down.out"
  pfctl_as alice load "$A" --gateway 10.77.1.1 --proxy-port 3130 </dev/null
  run bytes_grow "$LAB/down.out"
  [[ $status == 1 ]]
}

@test "what the host sends without being asked ends as well: udp of the gateway" {
  server host 10.77.1.1 9000
  load_for alice "$A" 10.77.1.1:9000/udp
  download 10.77.1.1 9000 udp
  bytes_grow "$LAB/down.out"
  load_for alice "$A"
  run bytes_grow "$LAB/down.out"
  [[ $status == 1 ]]
}

@test "an upload stops when its rule is removed, to the host and beyond" {
  local addr
  for addr in 10.77.1.1 203.0.113.10; do
    if [[ $addr == 10.77.1.1 ]]; then
      lab_start "sink$addr" --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" take "$addr" 9000
    else
      in_ns_start wan "sink$addr" --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" take "$addr" 9000
    fi
    load_for alice "$A" "$addr:9000/tcp"
    in_ns_start box up --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" upload "$addr" 9000
    bytes_grow "$LAB/sink$addr.out"
    load_for alice "$A"
    run bytes_grow "$LAB/sink$addr.out"
    [[ $status == 1 ]]
  done
}

@test "a load is atomic: under a storm of loads nothing shut ever passes" {
  in_ns_start wan wan --ready-fd "$PYTHON" "$PFWRAP_DIR/sink.py" packets lan0
  load_for alice "$A"
  in_ns_start box storm --ready-fd "$PYTHON" "$PFWRAP_DIR/flow.py" storm 203.0.113.10 9999
  for ((i = 0; i < 30; i++)); do
    load_for alice "$A" "203.0.113.10:$((i + 1))"
  done
  "$PYTHON" "$PFWRAP_DIR/probe.py" mark
  "$PYTHON" "$PFWRAP_DIR/flow.py" wait "$LAB/wan.out" end-of-record
  [[ $(grep -c storm "$LAB/wan.out") == 0 ]]
  pfctl_as alice flush "$A"
  "$PYTHON" "$PFWRAP_DIR/flow.py" wait "$LAB/wan.out" storm
}

@test "a host whose own firewall drops: load and verify say so" {
  server host 10.77.1.1 3128
  run load_for alice "$A"
  [[ $status == 0 && $output != *warning* ]]
  nft 'table ip ufw { chain input { type filter hook input priority 0; policy drop; }; }'
  [[ $(say box tcp 10.77.1.1 3128) == silent ]]
  run load_for alice "$A"
  [[ $status == 0 && $output == *"warning: this host's own firewall drops"*"from pen0 to 10.77.1.1 port 3128" ]]
  run pfctl_as alice verify "$A"
  [[ $status == 0 && $output == *"warning: this host's own firewall drops"* ]]
  nft 'add rule ip ufw input iifname "pen0" ip daddr 10.77.1.1 tcp dport 3128 accept'
  [[ $(say box tcp 10.77.1.1 3128) == hello ]]
  # Asking for legacy tables would have made them.
  [[ ! -e /proc/net/ip_tables_names || -z $(cat /proc/net/ip_tables_names) ]]
}
