#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# large_bodies.bats - big bodies in both directions, in constant memory
#
# 300 MB each; 5 GB with LAB_SLOW=1 in the environment.

load common

# A user whom nobody else's pipes count against.
ORDINARY=64123
SIZE=300000000
[[ -z ${LAB_SLOW:-} ]] || SIZE=5000000000

setup_file() {
  lab_standard
  lab_tcpd "$IP1:9=sink" "$IP1:1005=fill=$SIZE;fin;eof" "$IP1:1006=fill=12000000;fin;eof"
}

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
CONF
  before=$(peak)
}

# peak - prints the proxy's largest resident memory so far, in kB
peak() {
  awk '/^VmHWM/ { print $2 }' "/proc/$PROXY_PID/status"
}

# constant - fails if the proxy took more than 6 MB for what was done since setup
constant() {
  local after
  after=$(peak)
  [[ $PEN_MODE == release ]] || return 0
  ((after - before < 6000)) || fail "from $before to $after kB"
}

# zeros - writes SIZE zero bytes
zeros() {
  head -c "$SIZE" /dev/zero
}

@test "N6: a plain download" {
  assert_eq "$SIZE" "$(curl -sS -x "http://$PROXY" "http://example.test/bytes/$SIZE" | wc -c)"
  constant
}

@test "N6: a plain chunked download" {
  assert_eq "$SIZE" "$(curl -sS -x "http://$PROXY" "http://example.test/bytes/$SIZE?chunked" | wc -c)"
  constant
}

@test "N6: a plain upload with a length" {
  out=$(zeros | "$PYTHON" -S -c '
import os, sys, wire
size = int(sys.argv[1])
p = wire.Peer(os.environ["PROXY"], timeout=60)
p.send(b"POST http://example.test/up HTTP/1.1\r\nHost: example.test\r\n"
       b"Content-Length: %d\r\n\r\n" % size)
while data := sys.stdin.buffer.read(1 << 18):
    p.send(data)
print(p.response()[2].decode())' "$SIZE")
  assert_json ".body_bytes == $SIZE" "$out"
  constant
}

@test "N6: a plain chunked upload" {
  out=$(zeros | curl -sS -x "http://$PROXY" -T - -H 'Expect:' http://example.test/up)
  assert_json ".body_bytes == $SIZE" "$out"
  constant
}

@test "a tunnelled download" {
  assert_json ".sunk >= $SIZE and .end == \"fin\"" \
    "$(raw --timeout 60 "$PROXY" connect=example.test:1005 sink)"
  constant
}

@test "a tunnelled upload" {
  raw --timeout 60 "$PROXY" connect=example.test:9 "fill=$SIZE" fin eof
  LOG_FILE=$TCPD_LOG log_wait "select(.event == \"end\" and .port == 9 and .received == $SIZE)" 1 30
  constant
}

@test "an https download, bytes and all" {
  assert_eq "$SIZE" "$(curl -sS -x "http://$PROXY" "https://example.test/bytes/$SIZE" | wc -c)"
  constant
}

# as_user - runs a proxy of four workers as an ordinary user
as_user() {
  [[ $(uname) == Linux ]] || skip 'no splice here'
  [[ $EUID == 0 ]] || skip 'is an ordinary user already'
  setpriv --reuid "$ORDINARY" --regid "$ORDINARY" --clear-groups test -x "$PEN_PROXY" ||
    skip "an ordinary user cannot reach $PEN_PROXY"
  stop_proxy
  mkdir mine
  chmod 711 "$LAB" "${LAB%/*}" "${LAB%/*/*}"
  printf '%s\n' '[proxy]' 'listen = 127.0.0.1:3128' 'threads = 4' \
    '[policy]' 'allow = example.test:*' '[log]' "file = $LAB/mine/user.log" \
    '[dns]' "servers = $DNS_IP" >mine/user.ini
  chown -R "$ORDINARY:$ORDINARY" mine
  ln -s mine/user.log user.log
  lab_start user --ready-fd setpriv --reuid "$ORDINARY" --regid "$ORDINARY" --clear-groups \
    "$PEN_PROXY" -c "$LAB/mine/user.ini"
  proxy_started user
}

@test "an ordinary user's pipes are large for a few downloads of all workers together" {
  as_user
  run_table pipes plenty
}

@test "no download goes through a pipe of two pages, whatever the user's other programs hold" {
  as_user
  run run_table pipes none "$ORDINARY"
  ((status != 77)) || skip "$output"
  assert_eq 0 "$status" "$output"
}
