#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# address_guard.bats - what a name may resolve to, and that it is what is dialled

load common

setup_file() {
  lab_standard
  cat >>"$DNS_ZONE" <<ZONE
mixed.test A 10.0.0.1,127.0.0.1,$IP1,192.168.1.1
mixed6.test AAAA ::1,fe80::1
mixed6.test A $IP1
rebind.test A $IP1|127.0.0.1 ttl=0
rebind2.test A 127.0.0.1|$IP1 ttl=0
inside.test CNAME private.test
chain.test CNAME chain2.test
chain2.test CNAME loop.test
zero.test A 0.0.0.0
zero6.test AAAA ::
mapped.test AAAA ::ffff:127.0.0.1
mappedgood.test AAAA ::ffff:$IP1
own.test A 127.0.0.1
lan.test A 198.51.100.20
ZONE
}

# guarded LINE... - a proxy with more lines in [policy]
guarded() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[dns]\nservers = %s\n' "$DNS_IP"
    printf 'min-ttl = 0s\n[limits]\nconnect-timeout = 500ms\n[policy]\n'
    printf '%s\n' "$@"
  )
}

# no_remedy TEXT - the refusal in $LAB/body says TEXT, and no command that would
# not help
no_remedy() {
  grep -qF "$1" "$LAB/body" || fail "not '$1': $(<"$LAB/body")"
  if grep -qF 'pen allow' "$LAB/body"; then
    fail "no rule would allow it: $(<"$LAB/body")"
  fi
}

@test "every special-purpose range is refused, in each form that carries it" {
  guarded 'allow = *.guard.test:*'
  run_table guard ranges
}

@test "literals are judged the same way, unless a rule names them" {
  guarded 'allow = *.guard.test:*' "allow = 127.0.0.1:80"
  run_table guard literals
  assert_eq 200 "$(curl_code http://127.0.0.1/)"
}

@test "of a mixed answer only the good addresses are dialled" {
  guarded 'allow = *.test:80'
  for _ in 1 2 3; do
    assert_eq 200 "$(curl_code http://mixed.test/)"
  done
  assert_eq 200 "$(curl_code http://mixed6.test/)"
  assert_eq 0 "$(origin_saw 'select(.local == "127.0.0.1")')"
}

@test "a CNAME chain into a private range is refused" {
  guarded 'allow = *.test:80'
  assert_eq 403 "$(curl_code -D head http://inside.test/)"
  grep -q 'error=destination_ip_prohibited' head
  assert_eq 403 "$(curl_code http://chain.test/)"
}

@test "rebinding: the address that was judged is the one that is dialled" {
  guarded 'allow = *.test:80'
  # The answer changes at every question, with TTL 0.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    via_proxy -o /dev/null http://rebind.test/ || true
    via_proxy -o /dev/null http://rebind2.test/ || true
  done
  assert_eq 0 "$(origin_saw 'select(.local == "127.0.0.1" and .event == "open")')"
  [[ $(origin_saw 'select(.event == "request") | select(.headers |
    any(.[1] == "rebind.test"))') -ge 3 ]] || fail 'the good answers were not used'
}

@test "private on a rule lets that host alone resolve to private addresses" {
  ip addr add 10.1.2.3/32 dev lo 2>/dev/null || true
  lab_start own --ready-fd "$PYTHON" -SE "$LAB_DIR/origin.py" --http 10.1.2.3:80
  printf 'alsoprivate.test A 10.1.2.3\n' >>"$DNS_ZONE"
  guarded 'allow = private.test:80 private' 'allow = alsoprivate.test:80'
  assert_eq 200 "$(curl_code http://private.test/)"
  assert_eq 403 "$(curl_code http://alsoprivate.test/)"
}

@test "private = allow opens private ranges, but never 0.0.0.0, :: or its own ports" {
  guarded 'private = allow' 'allow = *.test:*'
  assert_eq 200 "$(curl_code http://own.test/)"
  assert_eq 200 "$(curl_code http://doc.test/)"
  assert_eq 403 "$(curl_code http://zero.test/)"
  assert_eq 403 "$(curl_code http://zero6.test/)"
  assert_eq 403 "$(curl_code -D head http://own.test:3128/)"
  grep -q 'error=destination_ip_prohibited' head
}

@test "allow-cidr is an exception to the guard" {
  guarded "allow-cidr = $DOC1/32" 'allow = *.test:80'
  assert_eq 200 "$(curl_code http://doc.test/)"
  assert_eq 403 "$(curl_code http://lan.test/)"
}

@test "deny-cidr goes before private = allow, literal rules and allow-cidr" {
  guarded 'private = allow' "deny-cidr = $IP2/32" "deny-cidr = $DOC1/32" \
    "allow-cidr = $DOC1/32" "allow = $IP2:80" 'allow = *.test:80'
  assert_eq 403 "$(curl_code http://other.test/)"
  assert_eq 403 "$(curl_code http://doc.test/)"
  assert_eq 403 "$(curl_code "http://$IP2/")"
  no_remedy 'is in a deny-cidr'
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "the proxy's own listeners are never a destination, whatever is allowed" {
  start_proxy proxy <<CONF
[proxy]
listen = 0.0.0.0:3128
listen = [::1]:3140
transparent = 127.0.0.1:3129
[policy]
private = allow
allow-cidr = 127.0.0.0/8
allow-cidr = 45.45.45.0/24
allow = 127.0.0.1:*
allow = 127.0.0.2:*
allow = $IP1:*
allow = [::1]:*
allow = *.test:*
[admin]
listen = 127.0.0.1:9090
CONF
  export PROXY=127.0.0.1:3128
  for target in 127.0.0.1:3128 "$IP1:3128" own.test:3128 '[::1]:3140' \
    127.0.0.1:3129 127.0.0.1:9090 own.test:9090 example.test:3128 \
    127.0.0.2:3128 '[::ffff:127.0.0.1]:3128'; do
    assert_eq 403 "$(curl_code "http://$target/metrics")" "$target"
    no_remedy 'is never a destination'
    assert_eq 403 "$(curl_code "https://$target/")" "$target"
  done
  assert_eq 200 "$(curl_code http://127.0.0.1/)"
}

@test "mapped addresses count as their IPv4 address" {
  guarded 'allow = *.test:80'
  assert_eq 403 "$(curl_code http://mapped.test/)"
  out=$(via_proxy http://mappedgood.test/)
  assert_json '.local | contains("45.45.45.10")' "$out"
}
