#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# dns_answers.bats - servers that lie, are slow, large or silent, and that change

load common

setup_file() {
  lab_standard
  cat >>"$DNS_ZONE" <<'ZONE'
wrongid.test A 45.45.45.20
wrongid.test do wrong-id
wrongq.test A 45.45.45.20
wrongq.test do wrong-question
spoof.test A 45.45.45.10
spoof.test do spoof=45.45.45.20
tc.test A 45.45.45.10
tc.test do truncated
tcclose.test A 45.45.45.10
tcclose.test do tcp-close
slow.test A 45.45.45.10
slow.test do slow=150
veryslow.test A 45.45.45.10
veryslow.test do slow=5000
never.test do never
servfail.test do servfail
refused.test do refused
empty.test do empty
garbage.test do garbage
short.test A 45.45.45.10
short.test do short
many.test do many=500
chain.test CNAME c1.test
c1.test CNAME c2.test
c2.test CNAME example.test
loopname.test CNAME loopname2.test
loopname2.test CNAME loopname.test
selfname.test do self-cname
lost.test CNAME nothing.test
onlyfour.test A 45.45.45.10
onlyfour.test do servfail AAAA
onlysix.test AAAA 2a00:45:45::10
onlysix.test do servfail A
sixnever.test A 45.45.45.10
sixnever.test do never AAAA
ttl.test A 45.45.45.10 ttl=3600
ttl0.test A 45.45.45.10 ttl=0
gone.test A 45.45.45.10
flip.test A 45.45.45.10 ttl=0
ZONE
}

# resolving LINE... - a proxy with more lines in [dns]
resolving() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallow = %s\n' \
      '*.test:80'
    printf '[dns]\n'
    printf '%s\n' "$@"
  )
}

# ask NAME - status of a plain request to it
ask() {
  curl_code "http://$1/"
}

@test "answers with a wrong id, a wrong question, garbage: not believed" {
  resolving "servers = $DNS_IP" 'timeout = 200ms' 'tries = 2'
  for name in wrongid wrongq garbage short; do
    code=$(ask "$name.test")
    [[ $code == 502 || $code == 504 ]] || fail "$name.test: $code"
  done
  assert_eq 200 "$(ask spoof.test)"
  assert_eq 0 "$(origin_saw "select(.local == \"$IP2\")")"
}

@test "a truncated answer is asked for again over TCP" {
  resolving "servers = $DNS_IP"
  assert_eq 200 "$(ask tc.test)"
  grep -q 'A tc.test tcp' "$DNS_LOG"
}

@test "500 addresses neither crash it nor make it try for ever" {
  resolving "servers = $DNS_IP" '[limits]' 'connect-timeout = 500ms'
  ip route add unreachable 11.0.0.0/8 2>/dev/null || true
  code=$(ask many.test)
  [[ $code == 502 || $code == 504 ]] || fail "$code"
  proxy_alive
  assert_eq 200 "$(ask example.test)"
}

@test "SERVFAIL, REFUSED, no data, a lost or looping CNAME: 502" {
  resolving "servers = $DNS_IP" 'timeout = 300ms' 'tries = 1'
  for name in servfail refused empty lost nxdomain loopname selfname; do
    assert_eq 502 "$(ask "$name.test")" "$name.test"
  done
}

@test "a CNAME chain is followed" {
  resolving "servers = $DNS_IP"
  assert_eq 200 "$(ask chain.test)"
  log_wait 'select(.host == "chain.test" and .status == 200)'
}

@test "a slow server is waited for, a silent one for timeout times tries" {
  resolving "servers = $DNS_IP" 'timeout = 400ms' 'tries = 2'
  assert_eq 200 "$(ask slow.test)"
  start=$(date +%s%N)
  assert_eq 504 "$(ask never.test)"
  took=$((($(date +%s%N) - start) / 1000000))
  ((took >= 700 && took < 15000)) || fail "took $took ms"
  assert_eq 504 "$(ask veryslow.test)"
}

@test "one address family failing does not fail the other" {
  resolving "servers = $DNS_IP" 'timeout = 400ms' 'tries = 1'
  assert_eq 200 "$(ask onlyfour.test)"
  assert_eq 200 "$(ask onlysix.test)"
  assert_eq 200 "$(ask sixnever.test)"
}

@test "answers are cached for their TTL, within min-ttl and max-ttl" {
  resolving "servers = $DNS_IP" 'min-ttl = 0s' 'max-ttl = 1h'
  for _ in 1 2 3 4 5; do
    assert_eq 200 "$(ask ttl.test)"
  done
  assert_eq 1 "$(grep -c '^A ttl.test ' "$DNS_LOG")"
  for _ in 1 2 3; do
    assert_eq 200 "$(ask ttl0.test)"
  done
  assert_eq 3 "$(grep -c '^A ttl0.test ' "$DNS_LOG")"
}

@test "min-ttl keeps an answer of TTL 0, and a negative one" {
  resolving "servers = $DNS_IP" 'min-ttl = 30s'
  for _ in 1 2 3; do
    assert_eq 200 "$(ask flip.test)"
    assert_eq 502 "$(ask negative.test)"
  done
  assert_eq 1 "$(grep -c '^A flip.test ' "$DNS_LOG")"
  assert_eq 1 "$(grep -c '^A negative.test ' "$DNS_LOG")"
}

@test "max-ttl bounds a long TTL" {
  resolving "servers = $DNS_IP" 'min-ttl = 0s' 'max-ttl = 100ms'
  sed -i '/^gone.test/d' "$DNS_ZONE"
  printf 'gone.test A 45.45.45.10 ttl=3600\n' >>"$DNS_ZONE"
  assert_eq 200 "$(ask gone.test)"
  sed -i '/^gone.test/d' "$DNS_ZONE"
  eventually 5 answers 502 http://gone.test/
}

@test "many requests at once for one name are one question" {
  resolving "servers = $DNS_IP"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    curl -s -o /dev/null -x "http://$PROXY" http://burst.example.test/ &
    pids+=("$!")
  done
  wait "${pids[@]}"
  [[ $(grep -c '^A burst.example.test ' "$DNS_LOG") -le 10 ]]
}

@test "the next server is asked when the first is dead or silent" {
  resolving "servers = 45.45.45.99,$DNS_IP" 'timeout = 300ms' 'tries = 2'
  assert_eq 200 "$(ask example.test)"
  stop_proxy
  # A second server that only ever says SERVFAIL.
  printf '*.test do servfail\n' >zone2
  lab_start dns2 --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen 45.45.45.20:53 --zone "$LAB/zone2"
  resolving "servers = 45.45.45.20,$DNS_IP" 'timeout = 300ms' 'tries = 2'
  assert_eq 200 "$(ask example.test)"
}

@test "an IPv6 server on an odd port is asked" {
  printf 'v6server.test A %s\n' "$IP1" >zone6
  lab_start dns6 --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen "[$IP6]:5353" --zone "$LAB/zone6"
  resolving "servers = [$IP6]:5353"
  assert_eq 200 "$(ask v6server.test)"
}

@test "the system's servers are used by default, and read again when they change" {
  resolving 'timeout = 500ms' 'tries = 1' 'min-ttl = 0s'
  assert_eq 200 "$(ask example.test)"
  printf 'moved.test A %s\n' "$IP1" >zone2
  lab_start dns2 --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen 45.45.45.20:53 --zone "$LAB/zone2"
  assert_eq 502 "$(ask moved.test)"
  printf 'nameserver 45.45.45.20\n' >/etc/resolv.conf
  eventually 10 answers 200 http://moved.test/ || status=1
  printf 'nameserver %s\n' "$DNS_IP" >/etc/resolv.conf
  assert_eq '' "${status:-}" 'still failing'
}

@test "no search domains, no HOSTALIASES, LOCALDOMAIN or RES_OPTIONS" {
  printf 'short example.test\n' >aliases
  printf 'search example.test\nnameserver %s\n' "$DNS_IP" >/etc/resolv.conf
  export HOSTALIASES=$LAB/aliases LOCALDOMAIN=example.test RES_OPTIONS='ndots:5 attempts:9'
  start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallow = short:80\n[dns]\ntimeout = 500ms'
  unset HOSTALIASES LOCALDOMAIN RES_OPTIONS
  code=$(ask short)
  printf 'nameserver %s\n' "$DNS_IP" >/etc/resolv.conf
  assert_eq 502 "$code"
  assert_eq 0 "$(dns_asked short.example.test)"
}

@test "the hosts file is not consulted, unless hosts-file = yes" {
  printf '127.0.0.1 localhost\n%s fromhosts.test\n' "$IP1" >/etc/hosts
  resolving "servers = $DNS_IP"
  assert_eq 502 "$(ask fromhosts.test)"
  stop_proxy
  resolving "servers = $DNS_IP" 'hosts-file = yes'
  assert_eq 200 "$(ask fromhosts.test)"
}

# gone - whether fromhosts.test is in the hosts file no more
gone() {
  [[ $(ask fromhosts.test) == 502 ]]
}

# moved - asks for ttl.test; whether such a request has gone to the second origin
moved() {
  ask ttl.test >/dev/null
  (($(log_count "select(.host == \"ttl.test\" and .addr == \"$IP2\")") > 0))
}

# bytes_read - prints how many the proxy has read from files so far
bytes_read() {
  awk '$1 == "rchar:" { print $2 }' "/proc/$PROXY_PID/io"
}

@test "what the system's former servers said is forgotten when they change" {
  resolving
  assert_eq 200 "$(ask ttl.test)"
  log_wait "select(.host == \"ttl.test\" and .addr == \"$IP1\")"
  printf 'ttl.test A %s\n' "$IP2" >zone2
  lab_start dns2 --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen 45.45.45.20:53 --zone "$LAB/zone2"
  printf 'nameserver 45.45.45.20\n' >/etc/resolv.conf
  eventually 8 moved || status=1
  printf 'nameserver %s\n' "$DNS_IP" >/etc/resolv.conf
  assert_eq '' "${status:-}"
}

@test "the hosts file is read for a new name, and anew when it has changed" {
  [[ -r /proc/self/io ]] || skip 'the system does not count what is read'
  printf '%s fromhosts.test\n' "$IP1" >/etc/hosts
  seq -f '# %.0f' 50000 >>/etc/hosts
  size=$(stat -c %s /etc/hosts)
  resolving "servers = $DNS_IP" 'hosts-file = yes'
  assert_eq 200 "$(ask fromhosts.test)"
  before=$(bytes_read)
  for _ in 1 2 3 4 5; do assert_eq 200 "$(ask fromhosts.test)"; done
  read=$(($(bytes_read) - before))
  printf '127.0.0.1 localhost\n' >/etc/hosts
  ((read < size)) || fail "$read bytes read, the hosts file has $size"
  eventually 8 gone
}

@test "a name that comes into the hosts file is no longer what DNS said" {
  printf '127.0.0.1 localhost\n' >/etc/hosts
  resolving "servers = $DNS_IP" 'hosts-file = yes'
  assert_eq 200 "$(ask ttl.test)"
  log_wait "select(.host == \"ttl.test\" and .addr == \"$IP1\")"
  printf '%s ttl.test\n' "$IP2" >/etc/hosts
  eventually 8 moved || status=1
  printf '127.0.0.1 localhost\n' >/etc/hosts
  assert_eq '' "${status:-}"
}

@test "names are asked as written in the rule of canonical names: one lower-case question" {
  resolving "servers = $DNS_IP"
  assert_eq 200 "$(ask CaNon.Example.TEST.)"
  assert_eq 200 "$(ask canon.example.test)"
  assert_eq 1 "$(grep -c '^A canon.example.test ' "$DNS_LOG")"
}

@test "a resolver that is gone does not stop other work" {
  resolving "servers = $DNS_IP" 'timeout = 2s' 'tries = 3' \
    '[policy]' "allow = $IP1:80"
  curl -s -o /dev/null -x "http://$PROXY" http://never.test/ &
  waiting=$!
  assert_eq 200 "$(ask "$IP1")"
  kill "$waiting"
  wait "$waiting" || true
}

@test "dnsmasq, a real server, answers as well" {
  cat >dnsmasq.conf <<CONF
no-resolv
no-hosts
bind-interfaces
listen-address=45.45.45.20
port=5354
host-record=real.test,$IP1
cname=alias.test,real.test
log-facility=-
pid-file=
CONF
  lab_start dnsmasq - dnsmasq --keep-in-foreground --user="$(id -un)" -C "$LAB/dnsmasq.conf"
  resolving 'servers = 45.45.45.20:5354' 'timeout = 500ms' 'tries = 5'
  assert_eq 200 "$(ask real.test)"
  assert_eq 200 "$(ask alias.test)"
  assert_eq 502 "$(ask missing.nothing.test)"
}

@test "cache-size bounds the cache: 0 keeps nothing" {
  resolving "servers = $DNS_IP" 'cache-size = 0' 'min-ttl = 1m'
  for _ in 1 2 3; do
    assert_eq 200 "$(ask nocache.example.test)"
  done
  assert_eq 3 "$(grep -c '^A nocache.example.test ' "$DNS_LOG")"
  stop_proxy
  resolving "servers = $DNS_IP" 'cache-size = 2' 'min-ttl = 1m'
  for name in a b c d a; do
    assert_eq 200 "$(ask "$name.example.test")"
  done
  assert_eq 2 "$(grep -c '^A a.example.test ' "$DNS_LOG")"
}
