#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# plain_http_forwarding.bats - absolute-form requests through the listen listener

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:8001=head;send=HTTP/1.0 200 OK\r\n\r\nold;fin;eof" \
    "$IP1:8002=head;send=nonsense\r\n\r\n;fin;eof" \
    "$IP1:8003=head;fin;eof" \
    "$IP1:8004=head;send=HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello;fin;eof" \
    "$IP1:8005=head;send=HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n;fin;eof" \
    "$IP1:8006=head;send=HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel;fin;eof" \
    "$IP1:8007=head;send=HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n;fin;eof" \
    "$IP1:8008=head;bytes=HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Slow: yes\r\n\r\nhello;eof" \
    "$IP1:8009=eof" \
    "$IP1:8010=head;send=HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil;eof" \
    "$IP1:8011=head;send=HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n;eof" \
    "$IP1:8012=head;send=HTTP/1.1 200 OK\r\nX: a\r\n\tfold\r\nContent-Length: 2\r\n\r\nok;fin;eof" \
    "$IP1:8013=head;send=HTTP/1.1 200 OK\r\nConnection: X-A\r\nX-A: 1\r\nX-Long: $(printf '%03000d' 0)\r\nX-B: 2\r\nConnection: X-B\r\nContent-Length: 0\r\n\r\n;eof" \
    "$IP1:8014=head;send=HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok;head;rst" \
    "$IP1:8015=head;send=HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok;head;fin;eof"
}

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
allow = six.test:80
[limits]
idle-timeout = 5s
[admin]
listen = 127.0.0.1:9090
CONF
}

@test "N6: methods, bodies, statuses and framings arrive as they were sent" {
  run_table forwarding bodies
}

@test "hop-by-hop fields are dropped on both ways, Via added, others kept in order" {
  run_table forwarding fields
}

@test "N6: keep-alive and pipelining: each request is judged afresh" {
  run_table forwarding pipeline
}

@test "a request that its kept connection loses goes out again only if that is harmless" {
  run_table forwarding again
  # Judged, and counted, once all the same.
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules[0].hits == 12' "$out"
}

@test "a 100-continue upload waits for the origin's word" {
  run_table forwarding expect
}

@test "Upgrade: websocket passes and becomes a tunnel; h2c is dropped" {
  run_table forwarding upgrade
}

@test "HTTP/1.0 clients get what they can read" {
  run_table forwarding old
}

@test "a body by close, by length, by chunks: cut short is never made whole" {
  run_table forwarding cut
}

@test "a body that its client cuts short is cut towards the origin, at once" {
  run_table forwarding short
  LOG_FILE=$ORIGIN_LOG log_wait 'select(.event == "end" and (.how == "fin" or .how == "rst"))' 4 3
  assert_eq 0 "$(origin_saw 'select(.event == "request")')"
}

@test "origins that answer nonsense give 502, with what came logged harmlessly" {
  run_table forwarding nonsense
  log_wait 'select(.verdict == "error" and .port == 8002)'
}

@test "a silent origin is 504 after the idle time-out" {
  assert_eq 504 "$(curl_code http://example.test:8009/)"
  log_wait 'select(.verdict == "error" and .port == 8009)'
}

@test "the target's query and odd characters pass untouched" {
  run_table forwarding targets
}

@test "a log line a request: proto http, method, host, port, status, bytes" {
  assert_eq 200 "$(curl_code -d 12345 http://example.test/bytes/1000)"
  line=$(log_wait 'select(.proto == "http" and .status == 200)')
  assert_json '.method == "POST" and .host == "example.test" and .port == 80
    and .verdict == "allow" and .bytes_down >= 1000 and .bytes_up >= 5' "$line"
}

@test "origin form on listen is 400; an https target in absolute form is not forwarded in clear" {
  out=$(raw "$PROXY" 'send=GET / HTTP/1.1\r\nHost: example.test\r\n\r\n' eof)
  assert_json '.end == "fin" and (.data | startswith("HTTP/1.1 400 "))' "$out"
  out=$(raw "$PROXY" 'send=GET https://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' wait=100 fin eof)
  assert_json '.data | test("^HTTP/1.1 (4|501)")' "$out"
  assert_eq 0 "$(origin_saw 'select(.event == "request" and .tls)')"
}

@test "an origin over IPv6 alone is reached" {
  out=$(via_proxy http://six.test/v6)
  assert_json '.local == "2a00:45:45::10"' "$out"
}
