#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# socks5.bats - SOCKS5 on the listen listener: CONNECT alone, matching replies

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "[$IP6]:7=echo" "$IP1:22=send=SSH-2.0-lab\r\n;line;eof" \
    "$IP1:1001=recv=4;rst" "$IP1:1003=eof;send=late;fin"
  nft -f - <<'RULES'
table inet hole {
  chain in {
    type filter hook input priority 0; policy accept;
    tcp dport 1099 drop
  }
}
RULES
  ip route add unreachable 45.45.46.0/24
  printf 'gone.test A 45.45.46.1\naway.test A 9.9.9.9\nnever.test do never\n' >>"$DNS_ZONE"
}

setup() {
  lab_setup
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
allow = private.test:*
allow = nxdomain.test:*
allow = never.test:*
allow = gone.test:*
allow = away.test:*
allow = $IP1:7
allow = [$IP6]:7
[dns]
servers = $DNS_IP
timeout = 300ms
tries = 1
[limits]
head-timeout = 700ms
connect-timeout = 400ms
CONF
}

@test "curl through socks5h and, for literals, socks5" {
  out=$(curl -sS --max-time 10 --proxy "socks5h://$PROXY" https://example.test/s)
  assert_json '.sni == "example.test"' "$out"
  out=$(curl -sS --max-time 10 --proxy "socks5h://$PROXY" http://example.test/s)
  assert_json '.target == "/s"' "$out"
  line=$(log_wait 'select(.proto == "socks5" and .port == 443)')
  assert_json '.verdict == "allow" and .host == "example.test" and .sni == "example.test"' "$line"
  run curl -sS --max-time 10 --proxy "socks5h://$PROXY" https://other.test/
  assert_eq 97 "$status"
}

@test "the reply code matches what happened" {
  run_table socks replies
}

@test "malformed hosts in a SOCKS5 name are refused with reply 2" {
  run_table socks hosts
}

@test "methods, versions, commands and address types that are not served" {
  run_table socks protocol
}

@test "requests in any segments, with early data" {
  run_table socks segments
}

@test "a refused name in SOCKS5 is never looked up" {
  raw "$PROXY" socks=leak.other.test:80 || true
  raw "$PROXY" socks=example.test:7
  assert_eq 0 "$(dns_asked leak.other.test)"
  log_wait 'select(.proto == "socks5" and .verdict == "deny" and .host == "leak.other.test")'
}

@test "server-first protocols, half-close and reset as with CONNECT" {
  out=$(raw "$PROXY" socks=example.test:22 line)
  assert_contains "$out" SSH-2.0-lab
  out=$(raw "$PROXY" socks=example.test:1003 send=x fin eof)
  assert_json '.end == "fin" and (.data | endswith("late"))' "$out"
  out=$(raw "$PROXY" socks=example.test:1001 send=ask1 eof)
  assert_json '.end == "rst"' "$out"
}

@test "a slow SOCKS5 greeting is closed after head-timeout" {
  # Without a method the proxy may choose none: 5 1 would be GSSAPI.
  for greeting in 05 0502 050200; do
    out=$(raw "$PROXY" "hex=$greeting" eof)
    assert_json '.end == "fin" and .ms >= 600 and .ms < 3000 and
      .data == "\u0005\u00ff"' "$out"
  done
  out=$(raw "$PROXY" hex=050100 recv=2 hex=0501 eof)
  assert_json '.end == "fin" and (.data | startswith("\u0005\u0000\u0005\u0001"))' "$out"
}

@test "protocols = http refuses SOCKS5; protocols = socks5 refuses HTTP" {
  stop_proxy
  start_proxy http <<<$'[proxy]\nlisten = 127.0.0.1:3128\nprotocols = http\n[policy]\nallow = example.test:80'
  out=$(raw "$PROXY" hex=050100 eof)
  assert_json '(.end == "fin" or .end == "rst") and (.data | startswith("\u0005\u0000") | not)' "$out"
  assert_eq 200 "$(curl_code http://example.test/)"
  stop_proxy
  start_proxy socks <<<$'[proxy]\nlisten = 127.0.0.1:3128\nprotocols = socks5\n[policy]\nallow = example.test:80'
  run curl -sS --max-time 5 -x "http://$PROXY" http://example.test/
  [[ $status != 0 || $output != *'"server"'* ]] || fail 'HTTP was served'
  out=$(curl -sS --max-time 5 --proxy "socks5h://$PROXY" http://example.test/)
  assert_json '.server == "lab"' "$out"
}
