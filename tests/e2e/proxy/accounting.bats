#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# accounting.bats - log, metrics, /connections and /policy agree with what was sent

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:9=sink" "$IP1:1005=fill=5000000;fin;eof"
}

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allow = example.test:7
allow = example.test:9
allow = example.test:1005
allow = example.test:80
allow = example.test:443
[admin]
listen = 127.0.0.1:9090
CONF
}

# metric NAME{LABELS} - prints its value, 0 where it is absent
metric() {
  curl -sf http://127.0.0.1:9090/metrics | awk -v n="$1" '
    index($0, n " ") == 1 { v = $2 } END { print v + 0 }'
}

@test "N7: bytes of tunnels: log = /policy = metrics = what was sent" {
  raw "$PROXY" connect=example.test:7 fill=12345 recv=12345 fin eof
  raw "$PROXY" connect=example.test:9 fill=3000000 fin eof
  raw "$PROXY" connect=example.test:1005 sink
  raw "$PROXY" socks=example.test:7 fill=777 recv=777 fin eof
  all=$(log_wait 'select(.event == "close" or .event == "request") | select(.bytes_up != null)' 4)
  assert_json '.' "$(jq -s '(map(select(.port == 7 and .proto == "connect")) |
    .[0] | .bytes_up == 12345 and .bytes_down == 12345) and
    (map(select(.port == 9))[0] | .bytes_up == 3000000 and .bytes_down == 0) and
    (map(select(.port == 1005))[0] | .bytes_up == 0 and .bytes_down == 5000000) and
    (map(select(.proto == "socks5"))[0] | .bytes_up == 777 and .bytes_down == 777)' <<<"$all")"
  assert_eq "$((12345 + 3000000 + 777))" "$(metric 'pen_proxy_bytes_total{direction="up"}')"
  assert_eq "$((12345 + 5000000 + 777))" "$(metric 'pen_proxy_bytes_total{direction="down"}')"
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules[0] | .bytes_up == 13122 and .bytes_down == 13122 and .hits == 2' "$out"
  assert_json '.rules[1] | .bytes_up == 3000000 and .hits == 1' "$out"
  assert_json '.rules[2] | .bytes_down == 5000000 and .hits == 1' "$out"
}

@test "early data, a hello that is held back and half-closes are counted once" {
  raw "$PROXY" 'send=CONNECT example.test:9 HTTP/1.1\r\nHost: example.test:9\r\n\r\nearly' head \
    send=more fin eof
  line=$(log_wait 'select(.port == 9 and .bytes_up != null)')
  assert_json '.bytes_up == 9' "$line"
  raw "$PROXY" connect=example.test:9 hello=example.test fin eof
  line=$(log_wait 'select(.port == 9 and .bytes_up != null)' 2 | tail -n 1)
  assert_json '.bytes_up == 178 and .sni == "example.test"' "$line"
}

@test "a tunnel that is reset still has its bytes logged" {
  raw "$PROXY" connect=example.test:7 fill=1000 recv=1000 rst || true
  line=$(log_wait 'select(.port == 7 and .bytes_up != null)')
  assert_json '.bytes_up == 1000 and .bytes_down == 1000' "$line"
}

@test "plain HTTP: body bytes both ways, a line a request" {
  curl_code -d 12345 http://example.test/bytes/1000
  curl_code 'http://example.test/bytes/70000?chunked'
  all=$(log_wait 'select(.proto == "http" and .status == 200)' 2)
  assert_json '.' "$(jq -s '.[0].bytes_up == 5 and .[0].bytes_down == 1000 and
    .[1].bytes_up == 0 and .[1].bytes_down == 70000' <<<"$all")"
  out=$(curl -sf http://127.0.0.1:9090/policy)
  assert_json '.rules[3] | .hits == 2 and .bytes_up == 5 and .bytes_down == 71000' "$out"
}

@test "captured TLS is counted like any tunnel" {
  curl -sS --max-time 5 --connect-to "::$PROXY_TRANSPARENT" -o /dev/null https://example.test/bytes/100000
  line=$(log_wait 'select(.proto == "tls" and .bytes_down != null)')
  assert_json '.bytes_down > 100000 and .bytes_down < 110000 and .bytes_up > 100' "$line"
  line=$(LOG_FILE=$ORIGIN_LOG log_wait 'select(.event == "end")')
  assert_eq 1 "$(metric 'pen_proxy_connections_total{proto="tls",verdict="allow"}')"
}

@test "durations: ms_total is what passed, ms_dns and ms_connect are within it" {
  printf 'slow.test A %s\nslow.test do slow=200\n' "$IP1" >>"$DNS_ZONE"
  stop_proxy
  sed -i 's/^allow = example.test:7$/&\nallow = slow.test:7/' proxy.ini
  lab_start proxy --ready-fd "$PEN_PROXY" -c proxy.ini
  proxy_started proxy
  raw "$PROXY" connect=slow.test:7 send=x recv=1 wait=300 fin eof
  line=$(log_wait 'select(.host == "slow.test" and .ms_total != null)')
  assert_json '.ms_dns >= 190 and .ms_total >= 490 and .ms_total < 9000 and
    .ms_dns + .ms_connect <= .ms_total + 2' "$line"
}

@test "counts: connections, refusals by reason, active back to none" {
  for _ in 1 2 3; do
    curl_code http://example.test/ >/dev/null
    curl_code https://example.test/ >/dev/null
    curl_code http://other.test/ >/dev/null
    curl_code https://other.test/ >/dev/null
  done
  raw "$PROXY" connect=example.test:443 hello=other.test eof >/dev/null
  assert_eq 6 "$(metric 'pen_proxy_denied_total{reason="http_request_denied"}')"
  # Three refused CONNECTs, and one cut for its SNI.
  assert_eq 4 "$(metric 'pen_proxy_connections_total{proto="connect",verdict="deny"}')"
  eventually 5 test 0 = "$(metric pen_proxy_connections_active)"
  assert_eq "$(log_count 'select(.verdict == "deny")')" "$(curl -sf http://127.0.0.1:9090/metrics |
    awk '/^pen_proxy_denied_total/ { n += $2 } END { print n }')"
}
