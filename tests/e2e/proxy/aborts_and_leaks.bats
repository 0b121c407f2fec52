#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# aborts_and_leaks.bats - clients, origins and signals that come at a bad moment

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:9=sink" "$IP1:1005=fill=50000000;fin;eof" \
    "$IP1:1006=hold" "$IP1:1007=rst" "$IP1:1008=recv=1;rst"
  cat >>"$DNS_ZONE" <<'ZONE'
slow.test A 45.45.45.10
slow.test do slow=300
never.test do never
ZONE
  nft -f - <<'RULES'
table inet hole {
  chain in {
    type filter hook input priority 0; policy accept;
    tcp dport 1099 drop
  }
}
RULES
}

# busy - the proxy of these tests
busy() {
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allow = example.test:*
allow = slow.test:*
allow = never.test:*
[dns]
servers = $DNS_IP
timeout = 1s
tries = 1
min-ttl = 0s
[limits]
connect-timeout = 1s
head-timeout = 2s
idle-timeout = 3s
drain-timeout = 1s
[admin]
listen = 127.0.0.1:9090
CONF
}

@test "a client that leaves at any stage, by FIN or RST, leaves nothing behind" {
  busy
  run_table aborts stages
  proxy_alive
}

@test "origins that reset at any stage" {
  busy
  run_table aborts origins
  proxy_alive
}

@test "reloads while names are resolved and connections are made" {
  printf 'example.test:*\nslow.test:*\nnever.test:*\n' >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allowlist = $LAB/rules
[dns]
servers = $DNS_IP
timeout = 1s
tries = 1
[limits]
connect-timeout = 1s
idle-timeout = 3s
[admin]
listen = 127.0.0.1:9090
CONF
  run_table aborts reloads
  proxy_alive
}

@test "SIGTERM while names are resolved, connections made and bodies moved" {
  busy
  run_table aborts pending
  kill -TERM "$PROXY_PID"
  lab_wait_gone "$PROXY_PID" || fail 'it does not end'
  wait "$PROXY_PID"
}

@test "memory and descriptors come back after 3,000 connections of every kind" {
  busy
  run_table aborts churn
}
