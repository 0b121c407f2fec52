#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# admin.bats - metrics, health, live connections, policy, check, events

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo"
}

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
allow = private.test:80
allow = *.other.test:443 why="for the tests"
[admin]
listen = 127.0.0.1:9090
CONF
}

# admin PATH [OPTION]... - asks the admin listener
admin() {
  curl -sS --max-time 5 "http://127.0.0.1:9090$1" "${@:2}"
}

@test "N7: /metrics is accepted by promtool" {
  command -v promtool >/dev/null || skip 'promtool is not installed'
  curl_code http://example.test/
  curl_code https://example.test/
  curl_code http://other.test/
  curl_code http://private.test/
  raw "$PROXY" socks=example.test:7 send=x fin eof
  admin /metrics >metrics.txt
  promtool check metrics <metrics.txt
}

@test "every documented metric is there, with its labels" {
  curl_code http://example.test/
  curl_code https://example.test/
  curl_code http://other.test/
  admin /metrics >metrics
  for name in 'connections_total{.*proto="http".*}' 'connections_total{.*verdict="allow".*}' \
    'connections_active' 'denied_total{reason="http_request_denied"}' \
    'bytes_total{direction="up"}' 'bytes_total{direction="down"}' \
    'dns_seconds_bucket{.*le="+Inf"}' dns_seconds_sum dns_seconds_count \
    'connect_seconds_bucket{.*le="+Inf"}' 'connection_seconds_bucket{.*le="+Inf"}' \
    policy_rules 'policy_reloads_total{result=".*"}' log_dropped_total \
    'build_info{.*version=".*"}'; do
    grep -q "^pen_proxy_$name [0-9]" metrics || fail "$name: $(<metrics)"
  done
  for name in cpu_seconds_total open_fds max_fds resident_memory_bytes \
    virtual_memory_bytes virtual_memory_max_bytes threads start_time_seconds; do
    grep -q "^process_$name [0-9]" metrics || fail "process_$name"
  done
  grep -q '^pen_proxy_policy_rules 3$' metrics
  grep -q "^process_threads $(find "/proc/$PROXY_PID/task" -mindepth 1 -maxdepth 1 | wc -l)$" metrics
  admin /metrics -o /dev/null -D head
  grep -qi '^content-type: text/plain; version=0.0.4' head
}

@test "/healthz" {
  assert_eq 200 "$(admin /healthz -o /dev/null -w '%{http_code}')"
}

@test "/connections lists what is live, and no more" {
  assert_json '. == []' "$(admin /connections)"
  mkfifo hold
  raw_start "$PROXY" connect=example.test:7 send=hello recv=5 "file=$LAB/hold" fin eof
  client=$!
  exec 7>hold
  eventually 5 bash -c "curl -s http://127.0.0.1:9090/connections | jq -e '.[0].bytes_down == 5'"
  out=$(admin /connections)
  assert_json 'length == 1 and (.[0] | .proto == "connect" and
    .host == "example.test" and .port == 7 and .bytes_up == 5 and
    (.addr | contains("45.45.45.10")) and (.rule | test(":4$")) and
    (.client | contains("127.0.0.1")) and .age_ms >= 0 and .idle_ms >= 0 and
    (.id | length > 0) and (.state | length > 0))' "$out"
  id=$(jq -r '.[0].id' <<<"$out")
  exec 7>&-
  wait "$client"
  log_wait "select(.id == \"$id\" and .event == \"close\")"
  assert_json '. == []' "$(admin /connections)"
}

@test "/policy lists each rule with its hits and last use" {
  curl_code http://example.test/
  curl_code http://example.test/
  out=$(admin /policy)
  assert_json '.rules | length == 3' "$out"
  assert_json '.rules[0] | .text == "example.test:*" and .hits == 2 and
    (.rule | test("proxy.ini:4$")) and .last_used != null' "$out"
  assert_json '.rules[2] | .hits == 0 and .why == "for the tests"' "$out"
  assert_json '.generation >= 0' "$out"
}

@test "/check gives the engine's own verdict, rule and addresses" {
  out=$(admin '/check?target=example.test:443')
  assert_json '.target == "example.test:443" and .verdict == "allow" and
    (.rule | test(":4$")) and (.addresses | any(.addr | contains("45.45.45.10")))' "$out"
  out=$(admin '/check?target=denied.test:443')
  assert_json '.verdict == "deny" and .reason == "http_request_denied"' "$out"
  assert_eq 0 "$(dns_asked denied.test)"
  out=$(admin '/check?target=private.test:80')
  assert_json '.verdict == "deny" and .reason == "destination_ip_prohibited" and
    (.addresses | any((.addr | contains("10.1.2.3")) and .verdict == "deny"))' "$out"
  out=$(admin '/check?target=EXAMPLE.test.:80')
  assert_json '.verdict == "allow"' "$out"
  for query in 'target=example.test%3A80' 'target=%65xample%2etest%3a80' \
    'x=1&target=example.test:80&y' 'target=example.test:80&target=denied.test:80'; do
    assert_json '.target == "example.test:80" and .verdict == "allow"' "$(admin "/check?$query")"
  done
  assert_json '.target == "[2001:db8::1]:443" and .verdict == "deny"' \
    "$(admin '/check?target=%5B2001%3Adb8%3A%3A1%5D%3A443')"
  for bad in 'nonsense' 'example.test' '127.1:80' '%00:80' '' 'a%20b:80' 'example.test%:80' \
    'example.test:80%' 'example.test:80%4' 'example.test:80%zz' 'example%2525.test:80' \
    'example.test%00:80' 'example.test:80%00' 'a+b:80'; do
    code=$(admin "/check?target=$bad" -o /dev/null -w '%{http_code}')
    assert_eq 400 "$code" "target $bad"
  done
  for query in '' '?' '?target' '?targets=example.test:80' '?xtarget=example.test:80'; do
    assert_eq 400 "$(admin "/check$query" -o /dev/null -w '%{http_code}')" "query $query"
  done
  assert_eq 400 "$(admin '/events?verdict=den' -o /dev/null -w '%{http_code}')"
}

# checks TARGET FILTER - asserts of what /check says
checks() {
  assert_json "$2" "$(admin "/check?target=$1")"
}

@test "/check under mode=monitor says would-deny, and the guard's deny" {
  stop_proxy
  start_proxy monitor <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nmode = monitor\nallow = other.test:80\n[admin]\nlisten = 127.0.0.1:9090'
  checks example.test:80 '.verdict == "would-deny" and .reason == "http_request_denied" and
    .rule == null and (.addresses | length > 0 and all(.verdict == "allow"))'
  checks "$IP1:80" '.verdict == "would-deny" and .reason == "http_request_denied"'
  checks private.test:80 '.verdict == "deny" and .reason == "destination_ip_prohibited"'
  checks 127.0.0.1:80 '.verdict == "deny" and .reason == "destination_ip_prohibited"'
  checks nowhere.test:80 '.verdict == "error" and .reason == "dns_error"'
  checks other.test:80 '.verdict == "allow" and .reason == null'
  # As the log says of a connection.
  curl_code http://example.test/
  log_wait 'select(.host == "example.test" and .verdict == "would-deny" and
    .reason == "http_request_denied")'
}

@test "/check looks no name up that is the upstream's to resolve" {
  stop_proxy
  start_proxy chained <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallow = *.test:80\n[upstream]\nproxy = http://127.0.0.1:8888\nresolve = upstream\nno-proxy = example.test\n[admin]\nlisten = 127.0.0.1:9090'
  checks only.upstream.test:80 '.verdict == "allow" and .addresses == []'
  assert_eq 0 "$(dns_asked only.upstream.test)"
  checks example.test:80 '.verdict == "allow" and (.addresses | length > 0)'
}

@test "/check knows that a rule's hour is spent" {
  stop_proxy
  start_proxy budget <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallow = example.test:* up=1k/h\n[admin]\nlisten = 127.0.0.1:9090'
  checks example.test:7 '.verdict == "allow"'
  raw "$PROXY" connect=example.test:7 fill=1024 recv=1024 fin eof
  log_wait 'select(.event == "close" and .bytes_up == 1024)'
  checks example.test:7 '.verdict == "deny" and .reason == "budget_exhausted" and (.rule | test(":4$"))'
}

@test "/check and a real connection never differ" {
  for target in example.test:80 example.test:443 other.test:443 \
    a.other.test:443 a.other.test:80 private.test:80 "$IP1:80" 127.0.0.1:80; do
    said=$(admin "/check?target=$target" | jq -r .verdict)
    code=$(raw "$PROXY" "send=CONNECT $target HTTP/1.1\r\nHost: $target\r\n\r\n" head |
      jq -r '.data[9:12]')
    if [[ $said == allow ]]; then
      [[ $code != 403 ]] || fail "$target: $said, but $code"
    else
      assert_eq 403 "$code" "$target"
    fi
  done
}

@test "/events streams the log; ?verdict=deny refusals alone" {
  curl -sN --max-time 8 http://127.0.0.1:9090/events >all.txt &
  pids=("$!")
  curl -sN --max-time 8 'http://127.0.0.1:9090/events?verdict=deny' >deny.txt &
  pids+=("$!")
  # Whoever listens is there once a request shows in the stream.
  for _ in $(seq 50); do
    curl_code http://denied.test/ >/dev/null
    curl_code http://example.test/ >/dev/null
    if grep -q denied.test deny.txt && grep -q example.test all.txt; then
      break
    fi
  done
  kill "${pids[@]}"
  wait "${pids[@]}" || true
  jq -es 'length > 0 and all(.[]; .verdict == "deny")' deny.txt
  jq -es 'any(.[]; .verdict == "allow")' all.txt
}

@test "a client of /events that does not read holds nothing up" {
  "$PYTHON" -S - <<'PY' &
import wire
p = wire.Peer("127.0.0.1:9090", timeout=30)
p.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
open("listening", "w").close()
open("go.fifo").read()
PY
  client=$!
  mkfifo go.fifo
  eventually 5 test -e listening
  run_table hostile flood
  assert_eq 200 "$(curl_code http://example.test/)"
  echo >go.fifo
  wait "$client"
}

@test "other paths 404, other methods 405, nonsense 400, and no proxying" {
  assert_eq 404 "$(admin /nothing -o /dev/null -w '%{http_code}')"
  assert_eq 404 "$(admin / -o /dev/null -w '%{http_code}')"
  assert_eq 405 "$(admin /metrics -X POST -o /dev/null -w '%{http_code}')"
  out=$(raw 127.0.0.1:9090 'send=CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n' wait=50 fin eof)
  assert_json '.data | test("^HTTP/1.1 4")' "$out"
  out=$(raw 127.0.0.1:9090 'send=GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' wait=50 fin eof)
  assert_json '.data | test("^HTTP/1.1 4")' "$out"
  out=$(raw 127.0.0.1:9090 'send=\x16\x03\x01garbage\r\n\r\n' wait=50 fin eof)
  assert_json '.end != "timeout"' "$out"
}

@test "HEAD, HTTP/1.0 and a request byte by byte on the admin listener" {
  out=$(raw 127.0.0.1:9090 'bytes=GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' eof)
  assert_json '.end == "fin" and (.data | startswith("HTTP/1.1 200 "))' "$out"
  out=$(raw 127.0.0.1:9090 'send=GET /healthz HTTP/1.0\r\n\r\n' eof)
  assert_json '.end == "fin" and (.data | test("^HTTP/1.[01] 200 "))' "$out"
  assert_eq 200 "$(admin /metrics -I -o /dev/null -w '%{http_code}')"
}

@test "a client that ends its side behind the request gets the whole answer" {
  stop_proxy
  "$PYTHON" -c 'for i in range(50000): print(f"h{i}.example.test:443")' >rules
  start_proxy many <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allowlist = $LAB/rules
allow = example.test:80
[admin]
listen = 127.0.0.1:9090
CONF
  for path in '/check?target=example.test:80' /connections /policy /metrics; do
    "$PYTHON" -S - "$path" <<'PY'
import sys
import wire
with wire.Peer("127.0.0.1:9090", timeout=20) as peer:
    peer.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % sys.argv[1].encode())
    peer.fin()
    head, body = peer.to_end().split(b"\r\n\r\n", 1)
assert b"\r\nContent-Length: %d\r\n" % len(body) in head, (head, len(body))
PY
  done
}

@test "the admin listener on a unix socket" {
  stop_proxy
  start_proxy second <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[admin]\nlisten = unix:'"$LAB/admin.sock"
  curl -sf --unix-socket admin.sock http://x/healthz
}

@test "a web page elsewhere cannot read it: no CORS fields" {
  admin /connections -D fields -o /dev/null -H 'Origin: http://evil.test'
  ! grep -qi access-control fields || fail "$(<fields)"
}
