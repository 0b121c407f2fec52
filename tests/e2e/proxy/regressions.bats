#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# regressions.bats - ways past the earlier pen's proxy, and past other proxies

load common

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allow = example.test:443
allow = example.test:80
allow = example.test:8080
CONF
}

# nothing_left - the refused name was neither looked up nor connected to
nothing_left() {
  assert_eq 0 "$(dns_asked other.test)" 'queries for other.test'
  assert_eq 0 "$(origin_saw "select(.local == \"$IP2\")")" 'connections'
}

@test "CONNECT refused:port with Host: allowed:port is not let through" {
  for target in other.test:443 "$IP2:443" example.test:22; do
    out=$(raw "$PROXY" "send=CONNECT $target HTTP/1.1\r\nHost: example.test:443\r\n\r\n" eof)
    assert_json '.data | test("^HTTP/1.1 40[03] ")' "$out"
  done
  nothing_left
}

@test "GET http://refused/ with Host: allowed is not let through" {
  for target in http://other.test/ "http://$IP2/" http://other.test:8080/; do
    out=$(raw "$PROXY" "send=GET $target HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n" eof)
    assert_json '.data | test("^HTTP/1.1 40[03] ")' "$out"
  done
  nothing_left
}

@test "GET http://allowed/ with Host: refused does not reach a refused virtual host" {
  out=$(raw "$PROXY" 'send=GET http://example.test/ HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 400 ")' "$out"
  assert_eq 0 "$(origin_saw 'select(.event == "request") |
    select(.headers | any(.[0] == "Host" and .[1] == "other.test"))')"
}

@test "a second Host, an X-Forwarded-Host or a late Host changes nothing" {
  for lines in 'Host: other.test\r\nHost: example.test' \
    'Host: example.test\r\nHost: other.test' \
    'X-Forwarded-Host: example.test\r\nHost: other.test'; do
    raw "$PROXY" "send=GET http://other.test/ HTTP/1.1\r\n$lines\r\nConnection: close\r\n\r\n" eof
  done
  nothing_left
}

@test "CONNECT allowed, then the SNI of a refused host, goes nowhere" {
  out=$(raw "$PROXY" connect=example.test:443 hello=other.test eof)
  assert_json '.alert == 112' "$out"
  assert_eq 0 "$(origin_saw 'select(.event == "end" and .received > 0)')"
}

@test "N1: nothing but rules opens an address literal, in any spelling" {
  for target in "$IP1:443" "[::ffff:$IP1]:443" '[::ffff:2d2d:2d0a]:443' \
    "[$IP6]:443" "$IP1.:443" 758984970:443 0x2d2d2d0a:443; do
    out=$(raw "$PROXY" "send=CONNECT $target HTTP/1.1\r\nHost: $target\r\n\r\n" wait=50 fin eof)
    assert_json '.data | test("^HTTP/1.1 40[03] ")' "$out"
  done
  assert_eq 0 "$(origin_saw 'select(.event == "open")')"
}

@test "a transparent connection goes to the name's address, not to the client's choice" {
  out=$(raw "$PROXY_TRANSPARENT" 'send=GET / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_json ".data | contains(\"\\\"local\\\": \\\"$IP1\\\"\")" "$out"
}

@test "no page of the proxy's own is served to clients" {
  for target in http://127.0.0.1:3128/ http://localhost:3128/metrics \
    http://127.0.0.1:3129/ 'http://[::1]:3128/' http://0.0.0.0:3128/; do
    host=${target#http://}
    out=$(raw "$PROXY" "send=GET $target HTTP/1.1\r\nHost: ${host%%/*}\r\nConnection: close\r\n\r\n" eof)
    assert_json '.data | startswith("HTTP/1.1 403 ")' "$out"
  done
  out=$(raw "$PROXY" 'send=GET /metrics HTTP/1.1\r\nHost: example.test\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 400 ")' "$out"
}

@test "an empty policy refuses everything" {
  stop_proxy
  : >empty
  start_proxy second <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallowlist = '"$LAB/empty"
  assert_eq 403 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code https://example.test/)"
}
