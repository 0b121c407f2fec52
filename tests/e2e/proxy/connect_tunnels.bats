#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# connect_tunnels.bats - CONNECT: 200, then bytes both ways, nothing changed

load common

setup_file() {
  lab_standard
  lab_tcpd \
    "$IP1:22=send=SSH-2.0-lab\r\n;line;send=ok\r\n;eof" \
    "$IP1:25=send=220 mail ready\r\n;line;send=250 fine\r\n;fin;eof" \
    "$IP1:7=echo" "$IP1:9=sink" \
    "$IP1:1001=recv=4;rst" \
    "$IP1:1002=recv=4;send=half;fin;eof" \
    "$IP1:1003=eof;send=late;fin" \
    "$IP1:1004=hold" \
    "$IP1:1005=fill=20000000;fin;eof" \
    "$IP1:1008=send=half;fin;recv=2;rst"
}

# standard_proxy - the proxy of most tests here
standard_proxy() {
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
allow = 45.45.45.10:7
allow = [2a00:45:45::10]:443
CONF
}

@test "curl fetches https through a tunnel; the log has one line with all" {
  standard_proxy
  out=$(via_proxy https://example.test/page)
  assert_json '.sni == "example.test" and .target == "/page"' "$out"
  line=$(log_wait 'select(.event == "close" or .event == "request") |
    select(.proto == "connect" and .bytes_down > 0)')
  assert_json '.verdict == "allow" and .host == "example.test" and
    .port == 443 and .method == "CONNECT" and .sni == "example.test" and
    .status == 200 and (.addr | contains("45.45.45.10")) and
    (.client | contains("127.0.0.1")) and (.id | length > 0) and
    (.rule | test("ini:4$")) and .ms_total >= 0 and .bytes_up > 0' "$line"
}

@test "the 200 has no body, no length and no further field that frames one" {
  standard_proxy
  out=$(raw "$PROXY" 'send=CONNECT example.test:7 HTTP/1.1\r\nHost: example.test:7\r\n\r\n' head)
  assert_json '.data | startswith("HTTP/1.1 200 ")' "$out"
  assert_json '.data | ascii_downcase | (contains("content-length") or
    contains("transfer-encoding")) | not' "$out"
}

@test "a server that speaks first is heard at once: SSH and SMTP banners" {
  standard_proxy
  for port in 22 25; do
    out=$(raw "$PROXY" "connect=example.test:$port" line)
    assert_json '.end == "open" and .ms < 500' "$out"
  done
  assert_contains "$out" '220 mail ready'
}

@test "P11: SSH's words pass both ways through CONNECT on port 22" {
  standard_proxy
  out=$(raw "$PROXY" connect=example.test:22 line 'send=SSH-2.0-client\r\n' line fin eof)
  assert_json '.end == "fin" and (.data | endswith("SSH-2.0-lab\r\nok\r\n"))' "$out"
}

@test "every byte value passes unchanged, in segments of any size" {
  standard_proxy
  run_table tunnels bytes
}

@test "bytes sent together with the CONNECT head are not lost" {
  standard_proxy
  run_table tunnels early
}

@test "end of stream is passed on as such in each direction; the other goes on" {
  standard_proxy
  out=$(raw "$PROXY" connect=example.test:1003 'send=question' fin eof)
  assert_json '.end == "fin" and (.data | endswith("late"))' "$out"
  out=$(raw "$PROXY" connect=example.test:1002 send=ask1 eof send=more fin)
  assert_json '.end == "fin" and (.data | endswith("half"))' "$out"
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 1002 and
    .data == "ask1more" and .end == "fin")'
}

@test "a reset is passed on as a reset in each direction" {
  standard_proxy
  out=$(raw "$PROXY" connect=example.test:1001 send=ask1 eof)
  assert_json '.end == "rst"' "$out"
  raw "$PROXY" connect=example.test:7 send=x recv=1 rst || true
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 7 and .end == "rst")'
}

@test "a reset behind the end of a stream is passed on, though nobody speaks" {
  standard_proxy
  raw "$PROXY" connect=example.test:1004 fin rst
  log_wait 'select(.event == "close" and .port == 1004 and .reason == "client_reset")'
  raw_start "$PROXY" connect=example.test:1008 until=half send=go hold
  client=$!
  log_wait 'select(.event == "close" and .port == 1008 and .reason == "origin_reset")'
  kill "$client"
  wait "$client" || true
}

@test "literals: an IPv4 and an IPv6 address that rules name" {
  standard_proxy
  out=$(raw "$PROXY" connect=45.45.45.10:7 send=ping recv=4)
  assert_contains "$out" ping
  assert_eq 200 "$(curl_code "https://[$IP6]/")"
  assert_eq 403 "$(curl_code "https://$IP1/")"
}

@test "the name in the tunnel is compared however it is spelt" {
  standard_proxy
  run_table tunnels spelling
}

@test "a malformed CONNECT is 400 and closes" {
  standard_proxy
  run_table tunnels malformed
}

@test "P16: a refused CONNECT is 403, and the connection may be used again" {
  standard_proxy
  out=$(raw "$PROXY" \
    'send=CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n' head \
    'send=GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 403 ")' "$out"
}

@test "200 tunnels at once, opened, used and closed in any order" {
  standard_proxy
  run_table tunnels many
}

@test "a tunnel whose client has gone is closed towards the origin" {
  standard_proxy
  raw "$PROXY" connect=example.test:9 send=data fin
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 9 and .received == 4)'
  log_wait 'select(.event == "close" and .port == 9)'
}

@test "a slow reader of 20 MB holds the origin back, and gets every byte" {
  standard_proxy
  out=$(raw --timeout 20 "$PROXY" connect=example.test:1005 wait=300 sink)
  assert_json '.end == "fin" and .sunk == 20000000 + 39' "$out" ||
    assert_json '.end == "fin" and .sunk >= 20000000' "$out"
}
