#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# budgets.bats - up= and down= cut in mid-stream, at the limit

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:9=sink" "$IP1:1001=echo" "$IP1:1005=fill=50000000;fin;eof" \
    "$IP1:1101=head;send=HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n$(printf 'y%.0s' {1..3000});eof" \
    "$IP1:1104=head;send=HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n$(printf 'y%.0s' {1..3000});wait=300;send=\r\n;wait=100;send=0\r\n;wait=100;send=\r\n;eof" \
    "$IP1:1103=head;send=HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n;fill=100000;eof" \
    "$IP1:1102=head;wait=1000;send=HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n$(printf 'y%.0s' {1..3000});eof"
}

# budget RULE... - a proxy with these rules in ./rules
budget() {
  printf '%s\n' "$@" >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allowlist = $LAB/rules
[admin]
listen = 127.0.0.1:9090
CONF
}

@test "up= cuts an upload at its limit: the origin gets no byte more" {
  budget 'example.test:9 up=256k'
  out=$(raw "$PROXY" connect=example.test:9 fill=5000000 eof || true)
  assert_json '.end == "rst"' "$out"
  line=$(LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 9 and .received > 0)')
  assert_json '.received <= 262144 and .end == "rst"' "$line"
  log_wait 'select(.host == "example.test" and (tostring | test("budget")))'
}

@test "what stays within up= is untouched, to the byte" {
  budget 'example.test:9 up=256k'
  out=$(raw "$PROXY" connect=example.test:9 fill=262144 fin eof)
  assert_json '.end == "fin"' "$out"
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 9 and
    .received == 262144 and .end == "fin")'
}

@test "down= cuts a download at its limit" {
  budget 'example.test:1005 down=1m'
  out=$(raw "$PROXY" connect=example.test:1005 sink)
  # The head of the 200 is counted by the client, too.
  assert_json '.end == "rst" and .sunk <= 1048576 + 200' "$out"
}

@test "up= is for one tunnel: the next starts anew" {
  budget 'example.test:7 up=10k'
  for _ in 1 2 3; do
    out=$(raw "$PROXY" connect=example.test:7 fill=10240 recv=10240 fin eof)
    assert_json '.end == "fin"' "$out"
  done
}

@test "up=/h is for all of the rule's tunnels together" {
  budget 'example.test:7 up=25k/h' 'example.test:9'
  for _ in 1 2; do
    out=$(raw "$PROXY" connect=example.test:7 fill=10240 recv=10240 fin eof)
    assert_json '.end == "fin"' "$out"
  done
  out=$(raw "$PROXY" connect=example.test:7 fill=10240 eof || true)
  assert_json '.end == "rst"' "$out"
  # Spent: the next one gets nothing through.
  out=$(raw "$PROXY" 'send=CONNECT example.test:7 HTTP/1.1\r\nHost: example.test:7\r\n\r\n' head send=x eof || true)
  assert_json '.data | test("^HTTP/1.1 (200|403) ")' "$out"
  assert_json '.data | endswith("x") | not' "$out"
  # Another rule has its own.
  out=$(raw "$PROXY" connect=example.test:9 fill=100000 fin eof)
  assert_json '.end == "fin"' "$out"
}

@test "live tunnels share an hourly budget: the one that crosses it is cut" {
  budget 'example.test:7 up=20k/h'
  run_table budgets shared
}

@test "an hourly budget is kept over a reload that leaves the rule's text" {
  budget 'example.test:7 up=15k/h'
  raw "$PROXY" connect=example.test:7 fill=10240 recv=10240 fin eof
  printf '# more\nexample.test:7 up=15k/h\nother.test:80\n' >rules
  reload_proxy
  out=$(raw "$PROXY" connect=example.test:7 fill=10240 eof || true)
  assert_json '.end == "rst"' "$out"
  # A changed text is a new rule.
  printf 'example.test:7 up=15k/h why="again"\n' >rules
  reload_proxy
  out=$(raw "$PROXY" connect=example.test:7 fill=10240 recv=10240 fin eof)
  assert_json '.end == "fin"' "$out"
}

@test "budgets hold for SOCKS5 and for captured TLS" {
  budget 'example.test:9 up=100k' 'example.test:443 down=100k'
  out=$(raw "$PROXY" socks=example.test:9 fill=1000000 eof || true)
  assert_json '.end == "rst"' "$out"
  run curl -sS -o got --max-time 5 --connect-to "::$PROXY_TRANSPARENT" \
    https://example.test/bytes/1000000
  [[ $status != 0 ]] || fail 'not cut'
  (($(wc -c <got) <= 102400)) || fail 'too much'
}

@test "plain HTTP: bodies count, and a cut body never looks whole" {
  budget 'example.test:80 down=100k up=50k'
  run curl -sS -o got --max-time 5 -x "http://$PROXY" http://example.test/bytes/1000000
  [[ $status != 0 ]] || fail 'a body with a length was not cut'
  (($(wc -c <got) <= 102400)) || fail "$(wc -c <got) bytes"
  run curl -sS -o got --max-time 5 -x "http://$PROXY" 'http://example.test/bytes/1000000?chunked'
  [[ $status != 0 ]] || fail 'a chunked body was not cut'
  head -c 200000 /dev/zero >big
  run curl -sS -o got --max-time 5 -x "http://$PROXY" --data-binary @big http://example.test/up
  assert_eq 0 "$(origin_saw 'select(.event == "request" and .target == "/up")')"
  assert_eq 200 "$(curl_code --data-binary "$(head -c 1000 /dev/zero | tr '\0' x)" http://example.test/up)"
}

@test "what comes along with a 101 counts, too" {
  budget 'example.test:1101 down=1k'
  out=$(raw "$PROXY" 'send=GET http://example.test:1101/ HTTP/1.1\r\nHost: example.test:1101\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n' eof || true)
  assert_json '.data | test("y{1025}") | not' "$out"
  log_wait 'select(.port == 1101 and .verdict == "deny" and .reason == "budget_exhausted")'
}

@test "an answer is held to what is left of the hour when it comes" {
  budget 'example.test:1102 down=5k/h'
  head='GET http://example.test:1102/ HTTP/1.1\r\nHost: example.test:1102\r\n\r\n'
  raw_start "$PROXY" "send=$head" eof
  raw "$PROXY" "send=$head" eof
  log_wait 'select(.reason == "budget_exhausted")'
  log_wait 'select(.event == "request")'
  assert_eq 1 "$(log_count 'select(.verdict == "allow")')"
  assert_eq 1 "$(log_count 'select(.reason == "budget_exhausted")')"
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules[0].bytes_down == 3000' "$out"
}

@test "what came with the head is off the hour before the rest is passed on" {
  budget {a..h}.example.test:1103' down=80k/h'
  # It takes the rest to be there already.
  for name in {a..h}; do
    raw "$PROXY" "send=GET http://$name.example.test:1103/ HTTP/1.1\r\nHost: $name.example.test:1103\r\n\r\n" sink
  done
  log_wait 'select(.reason == "budget_exhausted")' 8
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules | all(.bytes_down == 81920)' "$out"
}

@test "a budget is for the data of chunks: their framing is not cut from it" {
  budget 'example.test:1104 down=3000' 'example.test:80 down=100k'
  out=$(raw "$PROXY" 'send=GET http://example.test:1104/ HTTP/1.1\r\nHost: example.test:1104\r\n\r\n' "until=0\\r\\n\\r\\n")
  log_wait 'select(.port == 1104 and .verdict == "allow" and .bytes_down == 3000)'
  run curl -sS -o got --max-time 5 -x "http://$PROXY" 'http://example.test/bytes/1000000?chunked'
  log_wait 'select(.port == 80 and .reason == "budget_exhausted" and .bytes_down == 102400)'
}

@test "budgets are exact with every size of segment" {
  budget 'example.test:9 up=1000'
  run_table budgets exact
}

@test "/policy shows what was used" {
  budget 'example.test:7 up=1m/h why="a test"'
  raw "$PROXY" connect=example.test:7 fill=10240 recv=10240 fin eof
  log_wait 'select(.event == "close")'
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules[0] | .hits == 1 and .bytes_up == 10240 and .bytes_down == 10240
    and .why == "a test" and .text == "example.test:7 up=1m/h why=\"a test\""' "$out"
}

# would_deny PORT REASON - waits for the line of what monitor mode let through
would_deny() {
  log_wait "select(.verdict == \"would-deny\" and .event == \"deny\" and
    .port == $1 and .reason == \"$2\")"
}

@test "mode=monitor: what budget, until, sni and ech would end goes on, and is logged" {
  local hello client
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
mode = monitor
allow = example.test:7 up=1k
allow = example.test:9 up=1k/h
allow = example.test:80 sni=require
allow = example.test:443 ech=deny
allow = example.test:1001 until=$(date -u -d '+4 sec' +%Y-%m-%dT%H:%M:%SZ)
CONF
  raw_start "$PROXY" connect=example.test:1001 hold
  client=$!
  out=$(raw "$PROXY" connect=example.test:7 fill=5000 recv=5000 fin eof)
  assert_json '.end == "fin"' "$out"
  would_deny 7 budget_exhausted
  raw "$PROXY" connect=example.test:9 fill=5000 fin eof
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 9 and
    .received == 5000 and .end == "fin")'
  would_deny 9 budget_exhausted
  assert_eq 200 "$(curl_code http://example.test/)"
  would_deny 80 tls_required
  hello=$("$PYTHON" -c 'import wire; print(wire.client_hello("example.test", ech=True).hex())')
  raw "$PROXY_TRANSPARENT" "hex=$hello" fin eof
  would_deny 443 ech_denied
  log_wait 'select(.event == "close" and .port == 443 and .bytes_up > 0)'
  would_deny 1001 rule_expired
  log_none 'select(.event == "close" and .port == 1001)'
  kill "$client"
  wait "$client" || true
}
