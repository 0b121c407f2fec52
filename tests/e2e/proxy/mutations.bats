#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# mutations.bats - good requests with a few bytes changed: whatever comes of it, no
# refused name is looked up, and no origin gets what it should not

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:9=eof"
}

setup() {
  lab_setup
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
tls-port = 9
[dns]
servers = $DNS_IP
min-ttl = 1m
[policy]
allow = example.test:80
allow = example.test:9
[limits]
head-timeout = 300ms
CONF
}

# kept_promises - only the allowed name was looked up, and only it was asked for
kept_promises() {
  proxy_alive
  assert_eq '' "$(grep -vE '^(A|AAAA) example\.test ' "$DNS_LOG")" 'queries'
  assert_eq 0 "$(origin_saw 'select(.event == "request") | select([.headers[] |
    select(.[0] | ascii_downcase == "host")] as $hosts | ($hosts | length) != 1 or
    ($hosts[0][1] | ascii_downcase | test("^example\\.test\\.?(:80)?$") | not))')" \
    'requests with another Host'
  assert_eq 0 "$(origin_saw "select(.event == \"open\" and .local != \"$IP1\")")"
}

@test "plain requests on a listen listener" {
  run_table mutations http
  kept_promises
  (($(origin_saw 'select(.event == "request")') > 20))
}

@test "plain requests on a transparent listener" {
  run_table mutations captured
  kept_promises
  (($(origin_saw 'select(.event == "request")') > 20))
}

@test "chunked uploads, pipelined" {
  run_table mutations pipelined
  kept_promises
  (($(origin_saw 'select(.event == "request")') > 20))
}

@test "CONNECT with a ClientHello behind it" {
  run_table mutations connect
  kept_promises
  "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/mutations.py" sink "$TCPD_LOG"
}

@test "captured ClientHellos" {
  run_table mutations hello
  kept_promises
  "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/mutations.py" sink "$TCPD_LOG"
}

@test "SOCKS5 requests" {
  run_table mutations socks
  kept_promises
}
