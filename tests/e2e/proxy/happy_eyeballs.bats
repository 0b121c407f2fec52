#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# happy_eyeballs.bats - RFC 8305: several addresses, and some of them dead

load common

setup_file() {
  lab_standard
  # 45.45.47.0/24 and 2a00:47::/32 swallow everything, .46 and 2a00:46 are
  # unreachable at once.
  ip route add local 45.45.47.0/24 dev lo
  ip -6 route add local 2a00:47::/32 dev lo
  ip route add unreachable 45.45.46.0/24
  ip -6 route add unreachable 2a00:46::/32
  nft -f - <<'RULES'
table inet hole {
  chain in {
    type filter hook input priority 0; policy accept;
    ip daddr 45.45.47.0/24 drop
    ip6 daddr 2a00:47::/32 drop
  }
}
RULES
  cat >>"$DNS_ZONE" <<ZONE
sixdead.test AAAA 2a00:47::1
sixdead.test A $IP1
fourdead.test AAAA $IP6
fourdead.test A 45.45.47.1
sixnoroute.test AAAA 2a00:46::1
sixnoroute.test A $IP1
many.test A $(printf '45.45.46.%s,' {1..12})$IP1
manydead.test A 45.45.47.1,45.45.47.2,$IP1
alldead.test A 45.45.47.1,45.45.47.2
allrefused.test A 45.45.46.1,45.45.46.2
sixfirst.test AAAA 2a00:46::1
sixfirst.test A $IP1
sixfirst.test do slow=500 A
sixhole.test AAAA 2a00:47::1
sixhole.test A $IP1
sixhole.test do slow=500 A
sixfails.test AAAA 2a00:46::1
sixfails.test A $IP1
sixfails.test do servfail A
fourfirst.test A 10.1.2.3
fourfirst.test AAAA $IP6
fourfirst.test do slow=500 AAAA
$(printf "slowsix%s.test A $IP1\nslowsix%s.test AAAA $IP6\nslowsix%s.test do slow=3000 AAAA\n" \
    1 1 1 2 2 2 3 3 3)
ZONE
}

setup() {
  lab_setup
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[dns]
servers = $DNS_IP
timeout = 5s
[policy]
allow = *.test:*
[limits]
connect-timeout = 5s
CONF
}

# What took so long was waited for: connect-timeout is 5 s, the late AAAA answer
# takes 3 s, and twelve dead addresses 3 s if each has its 250 ms.  What is raced
# takes a fraction of it, on a machine under load, too.
WAITED=2500

# timed NAME - requests it; sets code, took (ms) and local (the address)
timed() {
  local start
  start=$(date +%s%N)
  code=$(curl_code "http://$1/")
  took=$((($(date +%s%N) - start) / 1000000))
  local=$(jq -r .local body 2>/dev/null || true)
}

# quick NAME - the same; one of three tries must have waited for nothing.  A # in
# the name is the number of the try: what was waited for may be cached.
quick() {
  local try
  for try in 1 2 3; do
    timed "${1/\#/$try}"
    ((took >= WAITED)) || return 0
  done
  fail "took $took ms, at try $try"
}

@test "both families up: IPv6 is preferred" {
  quick both.test
  assert_eq "200 $IP6" "$code $local"
}

@test "IPv6 swallowed: IPv4 follows within a fraction of a second" {
  quick sixdead.test
  assert_eq "200 $IP1" "$code $local"
}

@test "IPv6 unreachable: IPv4 follows at once" {
  quick sixnoroute.test
  assert_eq "200 $IP1" "$code $local"
}

@test "IPv4 swallowed: IPv6 serves" {
  quick fourdead.test
  assert_eq "200 $IP6" "$code $local"
}

@test "dead addresses of one family are passed over" {
  quick many.test
  assert_eq "200 $IP1" "$code $local"
  quick manydead.test
  assert_eq "200 $IP1" "$code $local"
}

@test "an AAAA answer that comes late is not waited for" {
  quick slowsix#.test
  assert_eq 200 "$code"
}

@test "a late answer is waited for where the addresses at hand will not do" {
  timed sixfirst.test
  assert_eq "200 $IP1" "$code $local"
  # From the cache, which has both now.
  timed sixfirst.test
  assert_eq "200 $IP1" "$code $local"
  assert_eq 4 "$(dns_asked sixfirst.test)"
  # What the guard forbids is of no use, either.
  timed fourfirst.test
  assert_eq "200 $IP6" "$code $local"
}

@test "a late answer is of use to the next client" {
  timed sixhole.test
  assert_eq 504 "$code"
  timed sixhole.test
  assert_eq "200 $IP1" "$code $local"
  ((took < WAITED)) || fail "took $took ms"
}

@test "a family that could not be asked for is asked for again" {
  timed sixfails.test
  assert_eq 502 "$code"
  sed -i '/sixfails.test do/d' "$DNS_ZONE"
  timed sixfails.test
  assert_eq "200 $IP1" "$code $local"
}

@test "all dead: 504 after connect-timeout as a whole; all refused: 502" {
  timed alldead.test
  assert_eq 504 "$code"
  ((took >= 4500 && took < 15000)) || fail "took $took ms"
  timed allrefused.test
  assert_eq 502 "$code"
}

@test "the log says which address was used, and how long it took" {
  quick sixdead.test
  line=$(log_wait 'select(.host == "sixdead.test" and .status == 200)')
  assert_json '(.addr | contains("45.45.45.10")) and .ms_connect >= 0 and .ms_dns >= 0' "$line"
}
