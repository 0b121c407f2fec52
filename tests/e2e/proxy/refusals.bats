#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# refusals.bats - what a client is told, status by status, and what the log says

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo"
  # Port 1099 swallows everything: connections time out.
  nft -f - <<'RULES'
table inet hole {
  chain in {
    type filter hook input priority 0; policy accept;
    tcp dport 1099 drop
  }
}
RULES
  ip route add unreachable 45.45.46.0/24
  cat >>"$DNS_ZONE" <<'ZONE'
gone.test A 45.45.46.1
servfail.test do servfail
empty.test do empty
never.test do never
ZONE
}

# standard_proxy [LINE]... - the proxy of most tests here
standard_proxy() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n'
    printf '[policy]\nallow = %s\n' 'example.test:*'
    printf 'allow = %s:*\n' private.test loop.test doc.test gone.test \
      servfail.test empty.test never.test nxdomain.test
    printf '[dns]\nservers = %s\ntimeout = 300ms\ntries = 1\n' "$DNS_IP"
    printf '[limits]\nconnect-timeout = 400ms\n'
    printf '%s\n' "$@"
  )
}

@test "P16: a refusal names policy, host, port, id and the command to allow it" {
  standard_proxy
  assert_eq 403 "$(curl_code -D head http://other.test:8080/x)"
  grep -qi '^proxy-status: pen-proxy; error=http_request_denied; details="' head
  grep -qi '^content-type: text/plain' head
  text=$(<body)
  assert_contains "$text" other.test
  assert_contains "$text" 8080
  assert_contains "$text" policy
  assert_contains "$text" 'pen allow other.test:8080'
  id=$(log_wait 'select(.event == "deny")' | jq -r .id)
  [[ -n $id ]] || fail 'no id in the log'
  assert_contains "$text" "$id"
}

@test "a refused CONNECT says the same, with its body" {
  standard_proxy
  out=$(raw "$PROXY" 'send=CONNECT other.test:22 HTTP/1.1\r\nHost: other.test:22\r\n\r\n' wait=100 fin eof)
  text=$(jq -r .data <<<"$out")
  assert_contains "$text" 'HTTP/1.1 403 '
  assert_contains "$text" 'error=http_request_denied'
  assert_contains "$text" 'pen allow other.test:22'
  line=$(log_wait 'select(.event == "deny")')
  assert_json '.level == "warn" and .proto == "connect" and
    .method == "CONNECT" and .host == "other.test" and .port == 22 and
    .verdict == "deny" and .reason == "http_request_denied" and
    .status == 403' "$line"
  assert_contains "$text" "$(jq -r .id <<<"$line")"
}

@test "problem+json when asked for" {
  standard_proxy
  assert_eq 403 "$(curl_code -D head -H 'Accept: application/problem+json' http://other.test/)"
  grep -qi '^content-type: application/problem+json' head
  assert_json '.status == 403 and (.title | length > 0) and
    (.detail | length > 0) and (tostring | contains("other.test:80"))' "$(<body)"
  id=$(log_wait 'select(.event == "deny")' | jq -r .id)
  assert_contains "$(<body)" "$id"
}

@test "a refused name is never looked up" {
  standard_proxy
  for n in 1 2 3; do
    assert_eq 403 "$(curl_code "http://leak$n.other.test/")"
    assert_eq 403 "$(curl_code "https://leak$n.other.test/")"
  done
  assert_eq 0 "$(dns_asked 'leak[0-9].other.test')"
  assert_eq 200 "$(curl_code http://example.test/)"
  [[ $(dns_asked example.test) != 0 ]] || fail 'the query log sees nothing'
}

@test "the address guard: 403 destination_ip_prohibited, nothing connected" {
  standard_proxy
  for host in private.test loop.test doc.test; do
    assert_eq 403 "$(curl_code -D head "http://$host/")" "$host"
    grep -qi '^proxy-status: pen-proxy; error=destination_ip_prohibited' head
    assert_eq 403 "$(curl_code "https://$host/")" "$host"
  done
  log_wait 'select(.event == "deny" and .reason == "destination_ip_prohibited"
    and .host == "loop.test")'
  assert_eq 0 "$(origin_saw 'select(.local == "127.0.0.1")')"
}

@test "a name that does not resolve: 502 dns_error" {
  standard_proxy
  for host in nxdomain.test servfail.test empty.test; do
    assert_eq 502 "$(curl_code -D head "http://$host/")" "$host"
    grep -qi '^proxy-status: pen-proxy; error=dns_error' head
    assert_eq 502 "$(curl_code "https://$host/")" "$host"
  done
  log_wait 'select(.verdict == "error" and .reason == "dns_error" and
    .host == "nxdomain.test")'
}

@test "a resolver that is silent: 504 dns_timeout" {
  standard_proxy
  assert_eq 504 "$(curl_code -D head http://never.test/)"
  grep -qi '^proxy-status: pen-proxy; error=dns_timeout' head
  assert_eq 504 "$(curl_code https://never.test/)"
}

@test "N6: connection refused: 502 connection_refused" {
  standard_proxy
  assert_eq 502 "$(curl_code -D head http://example.test:1098/)"
  grep -qi '^proxy-status: pen-proxy; error=connection_refused' head
  assert_eq 502 "$(curl_code https://example.test:1098/)"
  log_wait 'select(.verdict == "error" and .reason == "connection_refused")'
}

@test "N6: unreachable: 502 destination_ip_unroutable" {
  standard_proxy
  assert_eq 502 "$(curl_code -D head http://gone.test/)"
  grep -qi '^proxy-status: pen-proxy; error=destination_ip_unroutable' head
  assert_eq 502 "$(curl_code https://gone.test/)"
}

@test "N6: a connection that times out: 504 connection_timeout" {
  standard_proxy
  assert_eq 504 "$(curl_code -D head http://example.test:1099/)"
  grep -qi '^proxy-status: pen-proxy; error=connection_timeout' head
  assert_eq 504 "$(curl_code https://example.test:1099/)"
}

@test "a malformed host: 400; a head over max-head: 431; both close" {
  standard_proxy $'max-head = 4k'
  out=$(raw "$PROXY" 'send=GET http://exa%mple.test/ HTTP/1.1\r\nHost: exa%mple.test\r\n\r\n' eof)
  assert_json '.end == "fin" and (.data | startswith("HTTP/1.1 400 "))' "$out"
  assert_eq 431 "$(curl_code -H "X: $(printf '%05000d' 0)" http://example.test/)"
}

@test "a slow head: 408 and close" {
  standard_proxy 'head-timeout = 300ms'
  out=$(raw "$PROXY" 'send=GET http://example.test/ HT' eof)
  assert_json '.end == "fin" and (.data | startswith("HTTP/1.1 408 ")) and
    .ms >= 250 and .ms < 2000' "$out"
}

@test "every error response is framed by its length" {
  standard_proxy
  for url in http://other.test/ http://nxdomain.test/ http://private.test/; do
    curl_code -D head "$url"
    grep -qi '^content-length: [1-9]' head || fail "no length for $url"
    grep -qi '^proxy-status: pen-proxy; error=' head
  done
}

@test "a hostile host in a refusal is shown harmless, and logged as valid JSON" {
  standard_proxy
  out=$(raw "$PROXY" 'send=GET http://a\x1b[31m<script>"\x00\xff/ HTTP/1.1\r\nHost: a\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 400 ")' "$out"
  assert_json '.data | test("[\u001b\u0000]") | not' "$out"
}

@test "after a 403 to a request without a body the connection goes on" {
  standard_proxy
  out=$(raw "$PROXY" \
    'send=GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n' head \
    'send=GET http://example.test/after HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_json '.data | contains("\"target\": \"/after\"")' "$out"
}

@test "mode=monitor lets refused traffic through and logs would-deny; the guard stays" {
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
mode = monitor
allow = example.test:443
CONF
  assert_eq 200 "$(curl_code http://other.test/)"
  assert_eq 200 "$(curl_code https://other.test/)"
  assert_eq 200 "$(curl_code https://example.test/)"
  log_wait 'select(.verdict == "would-deny" and .host == "other.test" and .port == 80)'
  log_wait 'select(.verdict == "would-deny" and .host == "other.test" and .port == 443)'
  log_none 'select(.verdict == "would-deny" and .host == "example.test")'
  assert_eq 403 "$(curl_code http://private.test/)"
}

@test "a client that reads only when it has sent everything gets the whole answer" {
  standard_proxy
  "$PYTHON" -S - "$PROXY" <<'PY'
import sys
import wire
SIZE = 20000000
def post(host, fields, body):
    return (b"POST http://%s/ HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" %
            (host, host, fields) + body)
length = b"Content-Length: %d" % SIZE
body = b"b" * SIZE
chunked = b"%x\r\n" % SIZE + body + b"\r\n0\r\n\r\n"
for name, status, sent in (
        ("refused", 403, post(b"other.test", length, body)),
        ("chunked", 403,
         post(b"other.test", b"Transfer-Encoding: chunked", chunked)),
        ("guarded", 403, post(b"private.test", length, body)),
        ("no origin", 502, post(b"example.test:1098", length, body)),
        ("no target", 400, post(b"exa%mple.test", length, body)),
        ("no head", 400, b"POST\n" + body),
        ("a large head", 431, b"GET http://example.test/ HTTP/1.1\r\nX: " + body),
        ("early data", 403, b"CONNECT other.test:443 HTTP/1.1\r\n"
         b"Host: other.test:443\r\n\r\n" + body)):
    with wire.Peer(sys.argv[1]) as peer:
        peer.send(sent)
        assert peer.end == "open", (name, peer.end)
        got, fields, text = peer.response()
        assert got == status, (name, got)
        assert len(text) == int(dict(fields)["content-length"]), (name, text)
        peer.to_end()
        assert peer.end == "fin", (name, peer.end)
with wire.Peer(sys.argv[1]) as peer:
    peer.send(wire.SOCKS_HELLO + wire.socks_request(b"other.test", 443) + body)
    assert peer.end == "open", peer.end
    assert peer.to_end()[:4] == b"\x05\x00\x05\x02" and peer.end == "fin"
PY
}

@test "a refused client that goes on sending, or stays, is let go" {
  standard_proxy 'head-timeout = 3s' $'[admin]\nlisten = 127.0.0.1:9090'
  "$PYTHON" -S - "$PROXY" <<'PY'
import sys, time
import wire
head = (b"POST http://other.test/ HTTP/1.1\r\nHost: other.test\r\n"
        b"Content-Length: 9999999999\r\n\r\n")
def refused(data):
    peer = wire.Peer(sys.argv[1])
    peer.send(head + data)
    peer.until(b"\r\n\r\n")
    return peer
with refused(b"") as peer:  # so much
    sent, block = 0, b"b" * (1 << 20)
    while peer.end == "open":
        peer.send(block)
        sent += len(block)
    assert peer.end == "rst" and sent < 300 << 20, (peer.end, sent >> 20)
with refused(b"") as peer:  # so long
    while peer.end == "open" and peer.ms() < 9000:
        peer.send(b"b")
        time.sleep(0.1)
    assert peer.end == "rst" and peer.ms() >= 2500, (peer.end, peer.ms())
PY
  raw_start "$PROXY" 'send=POST http://other.test/ HTTP/1.1\r\nHost: other.test\r\nContent-Length: 9\r\n\r\n' head hold
  client=$!
  none_left() { curl -sf http://127.0.0.1:9090/connections | jq -e '. == []' >/dev/null; }
  log_wait 'select(.event == "deny")' 3 >/dev/null
  eventually 5 none_left
  kill "$client"
  wait "$client" || true
}
