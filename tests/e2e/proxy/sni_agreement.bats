#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sni_agreement.bats - the ClientHello in a tunnel against the CONNECT host

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:9=sink" "$IP1:7=echo" "$IP1:993=sink" \
    "$IP1:22=send=SSH-2.0-lab\r\n;line;send=ok\r\n;eof"
}

# sni_proxy LINE... - a proxy with more lines in [policy]
sni_proxy() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[limits]\nhead-timeout = 700ms\n'
    printf '[policy]\n'
    printf '%s\n' "$@"
  )
}

@test "the SNI that names the CONNECT host passes, however the hello is cut" {
  sni_proxy 'allow = example.test:*'
  run_table sni pass
}

@test "any other SNI is cut with an alert before a byte goes upstream" {
  sni_proxy 'allow = example.test:*' 'allow = other.test:*'
  run_table sni cut
  assert_eq 0 "$(jq -c 'select(.event == "end" and .received > 0)' "$TCPD_LOG" | wc -l)"
  line=$(log_wait 'select(.sni == "other.test")')
  assert_json '.verdict == "deny" and .host == "example.test"' "$line"
}

@test "malformed and hostile hellos are cut, never forwarded" {
  sni_proxy 'allow = example.test:*'
  run_table sni hostile
  assert_eq 0 "$(jq -c 'select(.event == "end" and .received > 0)' "$TCPD_LOG" | wc -l)"
}

@test "no SNI: cut for a name, passed for an address literal" {
  sni_proxy 'allow = example.test:*' "allow = $IP1:9"
  out=$(raw "$PROXY" connect=example.test:9 hello= eof)
  assert_json '.alert == 112 and .end == "fin"' "$out"
  raw "$PROXY" "connect=$IP1:9" hello= fin eof
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 9 and .received > 100)'
}

@test "SNI is looked at on every port, in CONNECT and SOCKS5 alike" {
  sni_proxy 'allow = example.test:*'
  for how in connect=example.test:9 connect=example.test:993 \
    socks=example.test:9 socks=example.test:993; do
    out=$(raw "$PROXY" "$how" hello=other.test eof)
    assert_json '.alert == 112 and .end == "fin"' "$out"
  done
}

@test "what is no TLS passes under match, with no delay" {
  sni_proxy 'allow = example.test:*'
  for text in 'GET / HTTP/1.0\r\n' 'SSH-2.0-x\r\n' '\x00' '\x14\x02' 'x' '\x16\x02\x01'; do
    # Waiting for a hello would take head-timeout, each time.
    for _ in 1 2 3; do
      out=$(raw "$PROXY" connect=example.test:7 "send=$text" recv=1)
      assert_json '.end == "open"' "$out"
      (($(jq .ms <<<"$out") >= 400)) || break
    done
    assert_json '.ms < 400' "$out"
  done
}

@test "a silent client keeps its tunnel under match, and hears the server" {
  sni_proxy 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:22 line silent=900 'send=hi\r\n' line)
  assert_json '.end == "open" and (.data | endswith("ok\r\n"))' "$out"
}

@test "require: what is no TLS is cut on tls-ports, and only there" {
  sni_proxy 'sni = require' 'tls-ports = 443,993' 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:993 'send=EHLO x\r\n' eof)
  assert_json '.end == "fin" or .end == "rst"' "$out"
  out=$(raw "$PROXY" connect=example.test:7 'send=EHLO' recv=4)
  assert_json '.data | endswith("EHLO")' "$out"
  assert_eq 200 "$(curl_code https://example.test/)"
  assert_eq 403 "$(curl_code http://example.test:993/)"
  assert_eq 0 "$(jq -c 'select(.event == "end" and .port == 993 and .received > 0)' "$TCPD_LOG" | wc -l)"
}

@test "require: a silent client is cut after head-timeout on tls-ports" {
  sni_proxy 'sni = require' 'tls-ports = 993' 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:993 eof)
  assert_json '(.end == "fin" or .end == "rst") and .ms >= 600 and .ms < 9000' "$out"
}

@test "a half hello is cut after head-timeout" {
  sni_proxy 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:9 'hex=160301020001' eof)
  assert_json '(.end == "fin" or .end == "rst") and .ms >= 600 and .ms < 9000' "$out"
  assert_eq 0 "$(jq -c 'select(.event == "end" and .port == 9 and .received > 0)' "$TCPD_LOG" | wc -l)"
}

@test "off: any SNI passes" {
  sni_proxy 'sni = off' 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:7 hello=other.test recv=100)
  assert_json '.end == "open" and .alert == null and .bytes > 100' "$out"
}

@test "sni= on a rule goes before the global setting" {
  sni_proxy 'sni = require' 'allow = example.test:7 sni=off' \
    'allow = example.test:443 sni=match' 'allow = example.test:9 sni=require'
  out=$(raw "$PROXY" connect=example.test:7 hello=other.test recv=100)
  assert_json '.end == "open" and .bytes > 100' "$out"
  out=$(raw "$PROXY" connect=example.test:443 hello=other.test eof)
  assert_json '.alert == 112' "$out"
  # As an attribute, require holds on whatever port the rule names.
  out=$(raw "$PROXY" connect=example.test:9 send=plain eof)
  assert_json '.end == "fin" or .end == "rst"' "$out"
  assert_eq 0 "$(jq -c 'select(.event == "end" and .port == 9 and .data == "plain")' "$TCPD_LOG" | wc -l)"
}

@test "ECH passes by default and is logged; ech=deny cuts it" {
  sni_proxy 'allow = example.test:9' 'allow = example.test:7 ech=deny'
  run_table sni ech
  log_wait 'select(.port == 9 and (tostring | test("ech")))'
  log_wait 'select(.port == 7 and .verdict == "deny")'
}

@test "ech = deny as the default, ech=allow on a rule" {
  sni_proxy 'ech = deny' 'allow = example.test:7' 'allow = example.test:9 ech=allow'
  run_table sni ech
}

@test "ech=deny holds where sni=off lets any name pass" {
  sni_proxy 'sni = off' 'allow = example.test:9' 'allow = example.test:7 ech=deny'
  run_table sni ech_alone
}

@test "a cut is a fatal alert unrecognized_name, then end of stream" {
  sni_proxy 'allow = example.test:*'
  out=$(raw "$PROXY" connect=example.test:9 hello=other.test eof)
  assert_json '.end == "fin" and (.data | endswith("\u0015\u0003\u0003\u0000\u0002\u0002\u0070")
    or endswith("\u0015\u0003\u0001\u0000\u0002\u0002\u0070"))' "$out"
}
