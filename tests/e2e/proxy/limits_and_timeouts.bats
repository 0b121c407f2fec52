#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# limits_and_timeouts.bats - every limit, and nothing that waits for ever

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:9=sink" "$IP1:1005=fill=50000000;fin;eof" \
    "$IP1:1003=eof;send=late;fin" "$IP1:1006=hold"
}

# limited LINE... - a proxy with these lines in [limits]
limited() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\ntransparent = 127.0.0.1:3129\n'
    printf '[admin]\nlisten = 127.0.0.1:9090\n'
    printf '[policy]\nallow = example.test:*\n[limits]\n'
    printf '%s\n' "$@"
  )
}

# cut_line REASON - waits for the log's line of a tunnel that was ended
cut_line() {
  log_wait "select(.event == \"close\" or .event == \"deny\") |
    select(tostring | test(\"$1\"))"
}

@test "max-connections: 503 or SOCKS5 reply 1 at once, and room again afterwards" {
  limited 'max-connections = 5'
  run_table limits max_connections
}

@test "max-connections-per-client counts each address on its own" {
  limited 'max-connections-per-client = 3'
  run_table limits per_client
}

@test "admin is served however many clients there are" {
  limited 'max-connections = 1'
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 hold
  client=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
  curl -sf -o /dev/null --max-time 20 http://127.0.0.1:9090/healthz
  kill "$client"
  wait "$client" || true
}

@test "head-timeout: 408 for half a head, a quiet close for none" {
  limited 'head-timeout = 300ms'
  out=$(raw "$PROXY" 'send=CONNECT exam' eof)
  assert_json '(.data | startswith("HTTP/1.1 408 ")) and .ms < 9000' "$out"
  out=$(raw "$PROXY" eof)
  assert_json '.end != "timeout" and .ms < 9000' "$out"
  out=$(raw "$PROXY_TRANSPARENT" 'send=GET / HTTP/1.1\r\nHo' eof)
  assert_json '(.data | startswith("HTTP/1.1 408 ")) and .ms < 9000' "$out"
  out=$(raw "$PROXY_TRANSPARENT" hex=1603010200010001 eof)
  assert_json '.end != "timeout" and .ms < 9000' "$out"
}

@test "an empty line behind a request does not begin the time of the next head" {
  limited 'head-timeout = 300ms'
  out=$(raw "$PROXY" 'send=POST http://example.test/ HTTP/1.1\r\nHost: example.test\r\nContent-Length: 3\r\n\r\nabc\r\n' \
    wait=1500 'send=GET http://example.test/again HTTP/1.1\r\nHost: example.test\r\n\r\n' until=/again)
  assert_json '.data | test("HTTP/1.1 408 ") | not' "$out"
}

@test "head-timeout is for the whole head: a byte now and then does not help" {
  limited 'head-timeout = 500ms'
  out=$(raw "$PROXY" 'send=GET ' wait=200 'send=http' wait=200 'send=://e' wait=200 'send=xam' eof)
  assert_json '.ms < 9000 and (.end == "fin" or .end == "rst")' "$out"
}

@test "idle-timeout ends silent tunnels with a reset to both sides" {
  limited 'idle-timeout = 500ms'
  out=$(raw "$PROXY" connect=example.test:7 send=x recv=1 eof)
  assert_json '.end == "rst" and .ms >= 450 and .ms < 9000' "$out"
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 7 and .end == "rst")'
  cut_line idle
}

@test "idle-timeout is put off by traffic in either direction" {
  limited 'idle-timeout = 4s'
  out=$(raw "$PROXY" connect=example.test:7 send=a recv=1 wait=1500 send=b recv=1 \
    wait=1500 send=c recv=1 wait=1500 send=d recv=1 fin eof)
  assert_json '.end == "fin" and (.data | endswith("abcd"))' "$out"
}

@test "idle-timeout is put off by a slow reader, though the proxy has passed all on" {
  limited 'idle-timeout = 3s'
  run_table limits slow_reader
}

@test "idle-timeout does not end a slow reader while it looks at what was read" {
  limited 'idle-timeout = 3s'
  run_table limits slow_readers
}

@test "idle-timeout ends half-closed tunnels" {
  limited 'idle-timeout = 500ms'
  out=$(raw "$PROXY" connect=example.test:1006 send=x fin eof)
  assert_json '.end == "rst" and .ms < 9000' "$out"
}

@test "idle-timeout ends blocked tunnels: a client that never reads" {
  limited 'idle-timeout = 500ms'
  out=$(raw --timeout 5 "$PROXY" connect=example.test:1005 wait=2000 sink)
  assert_json '.end == "rst" and .sunk < 50000000' "$out"
}

@test "idle-timeout ends a kept-alive connection quietly" {
  limited 'idle-timeout = 500ms'
  out=$(raw "$PROXY" 'send=GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' head eof)
  assert_json '(.end == "fin") and .ms < 9000' "$out"
}

@test "max-tunnel-time ends a busy tunnel" {
  limited 'max-tunnel-time = 800ms'
  out=$(raw "$PROXY" connect=example.test:7 send=a recv=1 wait=300 send=b recv=1 \
    wait=300 send=c recv=1 wait=100 eof)
  assert_json '.end == "rst" and .ms >= 700 and .ms < 9000' "$out"
}

@test "max-tunnel-bytes ends a tunnel in mid-stream" {
  limited 'max-tunnel-bytes = 1m'
  out=$(raw "$PROXY" connect=example.test:1005 sink)
  assert_json '.end == "rst" and .sunk < 2500000' "$out"
  out=$(raw "$PROXY" connect=example.test:7 fill=500000 recv=500000 fin eof)
  assert_json '.end == "fin"' "$out"
}

@test "max-head bounds a head: 431" {
  limited 'max-head = 2k'
  assert_eq 200 "$(curl_code -H "X: $(printf '%01000d' 0)" http://example.test/)"
  assert_eq 431 "$(curl_code -H "X: $(printf '%02100d' 0)" http://example.test/)"
}

@test "back-pressure: a stalled reader costs a bounded buffer" {
  limited 'idle-timeout = 30s'
  run_table limits stalled
}

@test "1,000 half-open heads do not hinder others" {
  limited 'head-timeout = 20s'
  run_table limits half_open
}

@test "out of descriptors: accepting pauses and resumes, live tunnels go on" {
  local LAB_LAUNCH
  # shellcheck disable=SC2034 # start_proxy reads it
  LAB_LAUNCH=(prlimit --nofile=64:64)
  limited 'head-timeout = 20s'
  run_table limits descriptors
  proxy_alive
}

@test "a 64 KB hello and a slow one are bounded by head-timeout" {
  limited 'head-timeout = 500ms'
  out=$(raw "$PROXY" connect=example.test:9 hex=160301100001 wait=200 hex=00 wait=200 hex=00 wait=200 hex=00 eof)
  assert_json '.end != "timeout" and .ms < 9000' "$out"
}
