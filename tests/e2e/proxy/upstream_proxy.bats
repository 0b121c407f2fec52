#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# upstream_proxy.bats - chaining through another HTTP proxy

load common

UP=127.0.0.1:8888

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:22=send=SSH-2.0-lab\r\n;line;eof"
}

# chained LINE... - a proxy with more lines in [upstream]
chained() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\ntransparent = 127.0.0.1:3129\n'
    printf '[policy]\nallow = %s\n' 'example.test:*' 'private.test:80' \
      'onlythere.test:80' 'onlythere.test:7' 'doc.test:80'
    printf '[limits]\nconnect-timeout = 1s\n[upstream]\n'
    printf '%s\n' "$@"
  )
}

# upstream [OPTION]... - the proxy in front, which logs what it is asked
upstream() {
  lab_upstream "$UP" --name "example.test=$IP1" --name "onlythere.test=$IP1" "$@"
}

# asked FILTER - prints the requests that the upstream got and pass the filter
asked() {
  jq -c "$1" "$UPSTREAM_LOG"
}

@test "CONNECT for tunnels: the upstream is asked for the checked address" {
  upstream
  chained "proxy = http://$UP"
  out=$(via_proxy https://example.test/t)
  assert_json '.sni == "example.test"' "$out"
  assert_eq "CONNECT $IP1:443 HTTP/1.1" "$(asked '.line' | jq -r .)"
  assert_json '.headers | any(.[0] == "Host" and .[1] == "45.45.45.10:443")' "$(asked .)"
}

@test "a name of both families is reached through an upstream that has one" {
  local first
  upstream --only 4
  first=$LAB_PID
  chained "proxy = http://$UP" '[policy]' 'allow = both.test:443' 'allow = six.test:443'
  assert_eq 200 "$(curl_code https://both.test/)"
  assert_eq "CONNECT $IP1:443 HTTP/1.1" "$(asked '.line' | jq -r .)"
  assert_eq 502 "$(curl_code https://six.test/)"
  stop_proxy
  lab_stop "$first"
  upstream --only 6
  chained "proxy = http://$UP" '[policy]' 'allow = both.test:443' 'allow = example.test:443'
  assert_eq 200 "$(curl_code https://both.test/)"
  log_wait "select(.event == \"close\" and .host == \"both.test\" and .addr == \"$IP6\")"
  assert_eq 502 "$(curl_code https://example.test/)"
}

@test "the address that an upstream can come to is waited for" {
  upstream --only 4
  printf '%s\n' "both2.test AAAA $IP6" "both2.test A $IP1" 'both2.test do slow=500 A' >>"$DNS_ZONE"
  chained "proxy = http://$UP" '[policy]' 'allow = both2.test:7'
  out=$(raw "$PROXY" connect=both2.test:7 send=ping recv=4)
  assert_contains "$out" ping
}

@test "absolute form for plain HTTP, with the name in Host" {
  upstream
  chained "proxy = http://$UP"
  out=$(via_proxy http://example.test/p?q=1)
  assert_json '.target == "/p?q=1"' "$out"
  assert_json '.headers | any(.[0] == "Host" and .[1] == "example.test")' "$out"
  assert_json '.line | test("^GET http://[^ ]+/p\\?q=1 HTTP/1.1$")' "$(asked .)"
}

@test "policy and address guard are applied here first" {
  upstream
  chained "proxy = http://$UP"
  assert_eq 403 "$(curl_code http://other.test/)"
  assert_eq 403 "$(curl_code http://private.test/)"
  assert_eq 403 "$(curl_code https://other.test/)"
  [[ ! -s $UPSTREAM_LOG ]] || fail "$(<"$UPSTREAM_LOG")"
}

@test "user and password go to the upstream, and nowhere else" {
  upstream --auth 'joe:s3cr:et'
  chained "proxy = http://joe:s3cr:et@$UP"
  out=$(via_proxy http://example.test/)
  assert_json '.headers | any(.[0] == "Proxy-Authorization") | not' "$out"
  assert_eq 200 "$(curl_code https://example.test/)"
  ! grep -q s3cr proxy.log || fail 'the password is in the log'
}

@test "a wrong password: 502 with a reason, and no 407 for the client" {
  upstream --auth joe:right
  chained "proxy = http://joe:wrong@$UP"
  for url in http://example.test/ https://example.test/; do
    code=$(curl_code "$url")
    [[ $code == 502 || $code == 503 ]] || fail "$url: $code"
  done
}

@test "no-proxy: hosts, wildcards and CIDRs go direct" {
  upstream
  chained "proxy = http://$UP" 'no-proxy = example.test, *.other.test, 45.45.45.20/32' \
    '[policy]' 'allow = a.other.test:80' "allow = $IP2:80"
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 200 "$(curl_code https://example.test/)"
  assert_eq 200 "$(curl_code http://a.other.test/)"
  assert_eq 200 "$(curl_code "http://$IP2/")"
  [[ ! -s $UPSTREAM_LOG ]] || fail "$(<"$UPSTREAM_LOG")"
}

@test "resolve = upstream: the name goes up, and is not looked up here" {
  upstream
  chained "proxy = http://$UP" 'resolve = upstream'
  assert_eq 200 "$(curl_code http://onlythere.test/)"
  out=$(raw "$PROXY" connect=onlythere.test:7 send=ping recv=4)
  assert_contains "$out" ping
  asked .line | grep -q 'CONNECT onlythere.test:7 '
  assert_eq 0 "$(dns_asked onlythere.test)"
  # Literals are judged here all the same.
  assert_eq 403 "$(curl_code http://127.0.0.1/)"
}

@test "the upstream refuses: 502, with its status in the log, no 200 for the client" {
  upstream --refuse
  chained "proxy = http://$UP"
  assert_eq 502 "$(curl_code -D head https://example.test/)"
  grep -qi '^proxy-status: pen-proxy; error=' head
  log_wait 'select(.verdict == "error" and .host == "example.test")'
}

@test "the upstream is down, or cannot reach the origin: 502" {
  chained "proxy = http://$UP"
  assert_eq 502 "$(curl_code http://example.test/)"
  assert_eq 502 "$(curl_code https://example.test/)"
  upstream
  assert_eq 502 "$(curl_code https://example.test:1098/)"
}

@test "bytes that the origin sends along with the upstream's answer are not lost" {
  upstream --early '220 early words'
  chained "proxy = http://$UP"
  out=$(raw "$PROXY" connect=example.test:7 recv=15 send=x recv=1)
  assert_json '.data | endswith("220 early wordsx")' "$out"
}

@test "an upstream answer in pieces, overlong, or nonsense" {
  lab_tcpd '127.0.0.1:8881=head;bytes=HTTP/1.1 200 Fine\r\nX: y\r\n\r\n;echo' \
    '127.0.0.1:8882=head;send=nonsense\r\n\r\n;eof' '127.0.0.1:8883=head;fin;eof' \
    '127.0.0.1:8884=head;send=HTTP/1.1 200 OK\r\nX: ;fill=200000;eof' \
    '127.0.0.1:8885=hold'
  for port in 8881 8882 8883 8884 8885; do
    chained "proxy = http://127.0.0.1:$port"
    if [[ $port == 8881 ]]; then
      out=$(raw "$PROXY" connect=example.test:7 send=ping recv=4)
      assert_contains "$out" ping
    else
      code=$(curl_code https://example.test/)
      [[ $code == 502 || $code == 504 ]] || fail "$port: $code"
    fi
    stop_proxy
  done
}

@test "SSH, SOCKS5 and captured TLS go through the upstream as well" {
  upstream
  chained "proxy = http://$UP"
  out=$(raw "$PROXY" connect=example.test:22 line)
  assert_contains "$out" SSH-2.0-lab
  out=$(raw "$PROXY" socks=example.test:7 send=ping recv=4)
  assert_contains "$out" ping
  curl -sS --max-time 5 --connect-to "::$PROXY_TRANSPARENT" https://example.test/ >out
  assert_json '.sni == "example.test"' "$(<out)"
  assert_eq 3 "$(asked 'select(.line | startswith("CONNECT "))' | wc -l)"
}

@test "an upstream on loopback, or named by a host, is reached in spite of the guard" {
  printf 'corp.test A 127.0.0.1\n' >>"$DNS_ZONE"
  upstream
  chained 'proxy = http://corp.test:8888'
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 200 "$(curl_code https://example.test/)"
}

@test "one pen-proxy behind another" {
  start_proxy outer <<<$'[proxy]\nlisten = 127.0.0.1:3200\n[policy]\nallow = 45.45.45.10:*\nallow = example.test:80\nsni = off'
  chained 'proxy = http://127.0.0.1:3200'
  assert_eq 200 "$(curl_code https://example.test/)"
  stop_proxy
  chained 'proxy = http://127.0.0.1:3200' 'resolve = upstream'
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "keep-alive and uploads through the upstream" {
  upstream
  chained "proxy = http://$UP"
  head -c 3000000 /dev/urandom >big
  out=$(via_proxy --data-binary @big http://example.test/up)
  assert_json ".body_sha256 == \"$(sha256sum <big | cut -d' ' -f1)\"" "$out"
  out=$(via_proxy --data-binary @big https://example.test/up)
  assert_json ".body_sha256 == \"$(sha256sum <big | cut -d' ' -f1)\"" "$out"
}
