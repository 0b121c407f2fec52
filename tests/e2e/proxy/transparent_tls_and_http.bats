#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# transparent_tls_and_http.bats - captured connections: TLS by SNI, HTTP by Host

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:9=sink" "$IP1:7443=sink"
}

# captured LINE... - a proxy with a transparent listener on 127.0.0.1:3129, and
# $HEAD_TIMEOUT
captured() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\ntransparent = 127.0.0.1:3129\n'
    printf '[limits]\nhead-timeout = %s\n[policy]\n' "${HEAD_TIMEOUT:-700ms}"
    printf 'allow = %s\n' example.test:443 example.test:80 example.test:8080 \
      '*.example.test:443' private.test:443 private.test:80
    printf '%s\n' "$@"
  )
}

# direct URL [OPTION]... - curl that connects to the transparent listener
direct() {
  curl -sS --max-time 10 --connect-to "::$PROXY_TRANSPARENT" "$@"
}

@test "TLS goes by its SNI to tls-port, unchanged" {
  captured
  out=$(direct https://example.test/t)
  assert_json '.sni == "example.test" and .target == "/t" and .local_port == 443' "$out"
  out=$(direct https://www.example.test/)
  assert_json '.sni == "www.example.test"' "$out"
  line=$(log_wait 'select(.proto == "tls" and .host == "example.test")')
  assert_json '.verdict == "allow" and .sni == "example.test" and .port == 443' "$line"
}

@test "HTTP goes by its Host and that one's port" {
  captured
  out=$(direct http://example.test/h)
  assert_json '.target == "/h" and .local_port == 80' "$out"
  assert_json '.headers | any(.[0] == "Via" and .[1] == "1.1 pen-proxy")' "$out"
  out=$(direct -H 'Host: example.test:8080' http://example.test/h)
  assert_json '.local_port == 8080' "$out"
}

@test "tls-port says where TLS goes" {
  captured 'allow = example.test:8443' '[proxy]' 'tls-port = 8443'
  out=$(direct https://example.test/)
  assert_json '.local_port == 8443' "$out"
}

@test "a refused SNI: fatal alert unrecognized_name, then end; so do guard and no name" {
  captured
  run_table transparent refused
  log_wait 'select(.proto == "tls" and .host == "other.test" and .verdict == "deny")'
  assert_eq 0 "$(dns_asked other.test)"
}

@test "a refused Host: the same 403 as on listen" {
  captured
  code=$(direct -o body -D head -w '%{http_code}' http://other.test/)
  assert_eq 403 "$code"
  grep -qi '^proxy-status: pen-proxy; error=http_request_denied' head
  assert_contains "$(<body)" 'pen allow other.test:80'
  assert_eq 403 "$(direct -o body -w '%{http_code}' http://private.test/)"
}

@test "each request on a captured connection is judged afresh" {
  captured
  out=$(raw "$PROXY_TRANSPARENT" \
    'send=GET /1 HTTP/1.1\r\nHost: example.test\r\n\r\n' until=trailers \
    'send=GET /2 HTTP/1.1\r\nHost: other.test\r\n\r\n' until=403 \
    wait=50 fin eof)
  assert_json '.data | (contains("\"target\": \"/1\"") and contains("HTTP/1.1 403 "))' "$out"
  assert_eq 0 "$(origin_saw 'select(.target == "/2")')"
}

@test "absolute form and CONNECT on a captured connection" {
  captured
  out=$(raw "$PROXY_TRANSPARENT" 'send=GET http://example.test/abs HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_json '.data | test("^HTTP/1.1 (200|400) ")' "$out"
  out=$(raw "$PROXY_TRANSPARENT" 'send=GET http://other.test/ HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_json '.data | test("^HTTP/1.1 40[03] ")' "$out"
  out=$(raw "$PROXY_TRANSPARENT" 'send=CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n' wait=50 fin eof)
  assert_json '.data | test("^HTTP/1.1 40[035] ")' "$out"
}

@test "anything else is closed: SOCKS5, SSH, silence" {
  captured
  for step in 'hex=050100' 'send=SSH-2.0-x\r\n' 'send=\x00\x01\x02' wait=1; do
    out=$(raw "$PROXY_TRANSPARENT" "$step" eof)
    assert_json '(.end == "fin" or .end == "rst") and
      (.data | test("SSH|\u0005") | not) and .ms < 3000' "$out"
  done
}

@test "what begins like HTTP and is not is ended at its first line" {
  HEAD_TIMEOUT=10s captured
  out=$(raw --timeout 5 "$PROXY_TRANSPARENT" 'send=SSH-2.0-x y\r\n' eof)
  assert_json '(.end == "fin" or .end == "rst") and .data == ""' "$out"
  line=$(log_wait 'select(.event == "deny")')
  assert_json '.reason == "http_request_denied" and
    .details == "neither TLS nor HTTP" and (has("proto") | not)' "$line"
  out=$(raw --timeout 5 "$PROXY_TRANSPARENT" send=NICK wait=100 'send= me\r' wait=100 'send=\n' eof)
  assert_json '(.end == "fin" or .end == "rst") and .data == ""' "$out"
  for step in 'send=HELO x\r\nMAIL FROM:<x>\r\n' 'send=GET / HTTP/2.0\r\nHost: x\r\n'; do
    out=$(raw --timeout 5 "$PROXY" "$step" eof)
    assert_json '.end == "fin" and (.data | startswith("HTTP/1.1 400 "))' "$out"
  done
  # One that fits is waited for, however it comes.
  out=$(raw "$PROXY_TRANSPARENT" 'send=\r\nGET ' wait=50 'send=/ HTTP/1.1\r\n' wait=50 \
    'send=Host: example.test\r\nX: y z\r\n' wait=50 'send=\r\n' head)
  assert_json '.data | startswith("HTTP/1.1 200 ")' "$out"
}

@test "hellos in every cut are understood" {
  HEAD_TIMEOUT=10s captured "allow = example.test:7443" '[proxy]' 'tls-port = 7443'
  run_table transparent cuts
}

@test "ECH: the outer name is checked, and logged as such" {
  captured "allow = example.test:7443" '[proxy]' 'tls-port = 7443'
  run_table transparent ech
  log_wait 'select(.proto == "tls" and (tostring | test("ech")))'
}

@test "redirected connections keep their original destination's port" {
  # In a sandbox of their own: every connection lands on the listener.
  start_sandboxed_proxy --redirect <<'CONF'
[policy]
allow = example.test:8443
allow = example.test:8080
allow = example.test:443
CONF
  in_sandbox curl -sS --max-time 5 --resolve example.test:8443:1.2.3.4 \
    https://example.test:8443/ >out
  assert_json '.local_port == 8443 and .local == "45.45.45.10"' "$(<out)"
  in_sandbox curl -sS --max-time 5 --resolve example.test:443:1.2.3.4 \
    https://example.test/ >out
  assert_json '.local_port == 443' "$(<out)"
  in_sandbox curl -sS --max-time 5 --resolve example.test:8080:1.2.3.4 \
    http://example.test:8080/ >out
  assert_json '.local_port == 8080' "$(<out)"
  run in_sandbox curl -sS --max-time 5 --resolve example.test:993:1.2.3.4 \
    https://example.test:993/
  [[ $status != 0 ]] || fail 'port 993 is not allowed'
}

@test "redirected over IPv6 as well" {
  start_sandboxed_proxy --redirect <<<$'[policy]\nallow = example.test:8443'
  in_sandbox curl -sS --max-time 5 --resolve 'example.test:8443:[2001:db8::99]' \
    https://example.test:8443/ >out
  assert_json '.local_port == 8443' "$(<out)"
}

@test "N1: in a sandbox an address of one's own choosing changes nothing" {
  start_sandboxed_proxy --redirect <<<$'[policy]\nallow = example.test:443'
  # other.test's address with an allowed name: the allowed name's address.
  in_sandbox curl -sS --max-time 5 --resolve "example.test:443:$IP2" \
    https://example.test/ >out
  assert_json ".local == \"$IP1\"" "$(<out)"
  # No name at all.
  run in_sandbox curl -sSk --max-time 5 "https://$IP1/"
  [[ $status != 0 ]] || fail 'reached an address'
}
