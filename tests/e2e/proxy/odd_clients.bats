#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# odd_clients.bats - clients, origins and administrators that do what no client
# should: the proxy neither mixes things up, nor falls, nor spins

load common

OK='HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

# cpu_ticks PID - hundredths of a second that it has worked so far
cpu_ticks() {
  local stat fields
  stat=$(<"/proc/$1/stat")
  IFS=' ' read -r -a fields <<<"${stat##*) }"
  printf '%s\n' $((fields[11] + fields[12]))
}

# rests PID - fails if it works for more than a tenth of a second of the next
rests() {
  local before after
  before=$(cpu_ticks "$1")
  "$PYTHON" -SE -c 'import time; time.sleep(1)'
  after=$(cpu_ticks "$1")
  ((after - before <= 10)) || fail "worked for $((after - before)) of 100 ticks"
}

# descriptors PID - how many it has open
descriptors() {
  local fds
  fds=("/proc/$1/fd"/*)
  printf '%s\n' "${#fds[@]}"
}

@test "CONNECT on a connection that has carried plain requests is a tunnel of its own" {
  lab_tcpd "$IP2:5432=echo"
  start_proxy proxy <<<$'[policy]\nallow = example.test:80\nallow = other.test:5432'
  out=$(raw "$PROXY" 'send=HEAD http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' head \
    'send=CONNECT other.test:5432 HTTP/1.1\r\nHost: other.test:5432\r\n\r\n' head \
    send=select recv=6 fin eof)
  assert_json '.data | endswith("\r\n\r\nselect")' "$out"
  assert_eq 1 "$(origin_saw 'select(.event == "request")')" 'requests'
  log_wait 'select(.event == "request" and .host == "example.test")' >first
  log_wait 'select(.event == "close" and .host == "other.test" and .bytes_up == 6)' >second
  [[ $(jq .id first) != "$(jq .id second)" ]] || fail "$(<first) $(<second)"
  # A refusal has its text, though a HEAD came before.
  out=$(raw "$PROXY" 'send=HEAD http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' head \
    'send=CONNECT denied.test:443 HTTP/1.1\r\nHost: denied.test:443\r\n\r\n' eof)
  assert_json '.data | contains("pen allow denied.test:443")' "$out"
}

@test "SOCKS5 or TLS on a connection that has carried plain requests ends it" {
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allow = example.test:80
allow = example.test:443
CONF
  for where in "$PROXY http://example.test/" "$PROXY_TRANSPARENT /"; do
    for bytes in '\x05\x01\x00' '\x16\x03\x01\x00\x05'; do
      out=$(raw "${where% *}" "send=GET ${where#* } HTTP/1.1\r\nHost: example.test\r\n\r\n" \
        'until=}\n' "send=$bytes" eof)
      assert_json '.end == "fin" or .end == "rst"' "$out"
    done
  done
  assert_eq 4 "$(origin_saw 'select(.event == "request")')" 'requests'
  proxy_alive
}

@test "monitor mode: any protocol to a pool address that no rule opens" {
  lab_tcpd "$IP1:8081=head;send=HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhere;eof" \
    "$IP1:23=send=login:;eof"
  start_sandboxed_proxy --redirect <<<$'[policy]\nmode = monitor'
  addr=$(in_sandbox "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/dnslistener.py" \
    ask 127.0.0.1:53 example.test A)
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" --timeout 5 "$addr:8081" \
    'send=GET / HTTP/1.1\r\nHost: example.test:8081\r\n\r\n' until=here)
  assert_contains "$out" here
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" --timeout 5 "$addr:23" until=login:)
  assert_contains "$out" login:
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" --timeout 5 "$addr:443" \
    hello=example.test recv=1)
  proxy_alive
}

@test "max-tunnel-bytes and max-tunnel-time of plain requests are told to the client" {
  lab_tcpd "$IP1:8081=head;hold"
  start_proxy proxy <<'CONF'
[policy]
allow = example.test:*
[limits]
max-tunnel-bytes = 10
max-tunnel-time = 500ms
CONF
  out=$(raw "$PROXY" 'send=POST http://example.test/ HTTP/1.1\r\nHost: example.test\r\nContent-Length: 20\r\n\r\n01234567890123456789' eof)
  assert_json '.data | startswith("HTTP/1.1 403 ")' "$out"
  out=$(raw "$PROXY" 'send=GET http://example.test:8081/ HTTP/1.1\r\nHost: example.test:8081\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 504 ")' "$out"
  proxy_alive
}

@test "a draining proxy does not spin" {
  lab_tcpd "$IP1:5432=echo"
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
dns = 127.0.0.1:5300
[admin]
listen = 127.0.0.1:9000
[policy]
allow = example.test:5432
CONF
  raw "$PROXY" connect=example.test:5432 hold >/dev/null &
  log_wait 'select(.event == "start")'
  eventually 5 grep -q open "$TCPD_LOG"
  kill -TERM "$PROXY_PID"
  log_wait 'select(.event == "stop")'
  rests "$PROXY_PID"
  proxy_alive
}

@test "without a descriptor left, the DNS and admin listeners wait" {
  # shellcheck disable=SC2034 # start_proxy looks at it
  LAB_LAUNCH=(prlimit --nofile=64:64)
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
dns = 127.0.0.1:5300
[admin]
listen = 127.0.0.1:9000
[policy]
allow = example.test:80
CONF
  unset LAB_LAUNCH
  "$PYTHON" -S - "$PROXY" "$PROXY_PID" <<'PY'
import os, socket, sys, time
host, port = sys.argv[1].split(":")
pid = sys.argv[2]
held = [socket.create_connection((host, int(port))) for _ in range(70)]
late = [socket.create_connection(("127.0.0.1", p)) for p in (5300, 9000)]
while len(os.listdir("/proc/%s/fd" % pid)) < 64:
    pass
def ticks():
    f = open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()
    return int(f[11]) + int(f[12])
before = ticks()
time.sleep(1)
assert ticks() - before <= 10, "worked for %d ticks" % (ticks() - before)
for s in held:
    s.close()
late[1].settimeout(5)
late[1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
assert late[1].recv(99).startswith(b"HTTP/1.1 200 ")
PY
}

@test "a reset right behind data is passed on, in both directions" {
  lab_tcpd "$IP1:5432=sink" "$IP1:5433=recv=5;wait=300;send=hello;rst"
  start_proxy proxy <<<$'[policy]\nallow = example.test:*'
  "$PYTHON" -S - "$PROXY" "$PROXY_PID" <<'PY'
import os, signal, sys
import wire
pid = int(sys.argv[2])
peer = wire.Peer(sys.argv[1])
assert peer.connect("example.test:5432") == 200
peer.send(b"first")
# The data and the reset are there before the proxy looks.
os.kill(pid, signal.SIGSTOP)
peer.send(b"hello")
peer.rst()
os.kill(pid, signal.SIGCONT)
peer = wire.Peer(sys.argv[1], timeout=5)
assert peer.connect("example.test:5433") == 200
peer.send(b"hello")
import time
time.sleep(0.1)
os.kill(pid, signal.SIGSTOP)
time.sleep(0.5)
os.kill(pid, signal.SIGCONT)
peer.to_end()
assert peer.data.endswith(b"hello") and peer.end == "rst", (peer.data, peer.end)
PY
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .port == 5432 and .end == "rst")'
}

@test "a request that may not be repeated is sent once" {
  lab_tcpd "$IP1:8081=head;send=$OK;head;fin;eof" "$IP1:8082=head;send=$OK;head;fin;eof"
  start_proxy proxy <<<$'[policy]\nallow = example.test:*'
  for row in POST,8081,1 GET,8082,2; do
    IFS=, read -r method port opens <<<"$row"
    raw "$PROXY" "send=GET http://example.test:$port/ HTTP/1.1\r\nHost: example.test:$port\r\n\r\n" until=ok \
      "send=$method http://example.test:$port/ HTTP/1.1\r\nHost: example.test:$port\r\n\r\n" head >out
    assert_eq "$opens" "$(jq -c "select(.event == \"open\" and .port == $port)" "$TCPD_LOG" | wc -l)" "$method"
  done
}

@test "the origin's connection is kept over bodies of any size" {
  start_proxy proxy <<<$'[policy]\nallow = example.test:80'
  get='GET http://example.test/bytes/300000 HTTP/1.1\r\nHost: example.test\r\n\r\n'
  via_proxy -o a http://example.test/bytes/300000 -o b http://example.test/bytes/300000 \
    -o c http://example.test/bytes/70000
  assert_eq 300000 "$(wc -c <b)" "$get"
  assert_eq 1 "$(origin_saw 'select(.event == "open")')" 'connections'
}

@test "a refusal says that the connection closes where it does" {
  start_proxy proxy <<<$'[policy]\nallow = example.test:80'
  for head in 'HTTP/1.0\r\nHost: denied.test' 'HTTP/1.1\r\nHost: denied.test\r\nConnection: close'; do
    out=$(raw "$PROXY" "send=GET http://denied.test/ $head\r\n\r\n" eof)
    assert_json '.data | contains("\r\nConnection: close\r\n")' "$out"
  done
}

@test "a malformed request behind a good one is not logged as one to its host" {
  start_proxy proxy <<<$'[policy]\nallow = example.test:80'
  raw "$PROXY" 'send=GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' 'until=}\n' \
    'send=GET http://other.test/ HTTP/1.1\r\n\r\n' eof >out
  assert_json '.data | contains("HTTP/1.1 400 ")' "$(<out)"
  log_wait 'select(.status == 400)' >bad
  log_wait 'select(.status == 200)' >good
  assert_json '.host == null' "$(<bad)"
  [[ $(jq .id bad) != "$(jq .id good)" ]] || fail "$(<bad) $(<good)"
}

@test "a flood of interim answers ends, from an origin and from an upstream" {
  "$PYTHON" -SE -c 'print("HTTP/1.1 100 Go on\r\n\r\n" * 100000, end="")' >"$LAB/flood"
  lab_tcpd "$IP1:8081=head;file=$LAB/flood;sink"
  start_proxy proxy <<<$'[policy]\nallow = example.test:*'
  out=$(raw "$PROXY" 'send=GET http://example.test:8081/ HTTP/1.0\r\nHost: example.test:8081\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 502 ")' "$out"
  start_proxy chained <<CONF
[proxy]
listen = 127.0.0.1:3140
[policy]
allow = example.test:*
[upstream]
proxy = http://$IP1:8081
CONF
  out=$(raw "$PROXY" 'send=CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n' eof)
  assert_json '.data | startswith("HTTP/1.1 502 ")' "$out"
  proxy_alive
}

@test "clients over max-connections-per-client cost few descriptors" {
  start_proxy proxy <<<$'[policy]\nallow = example.test:80\n[limits]\nmax-connections-per-client = 4'
  before=$(descriptors "$PROXY_PID")
  "$PYTHON" -SE - "$PROXY" "$PROXY_PID" "$before" <<'PY'
import os, socket, sys
host, port = sys.argv[1].split(":")
most, held = 0, []
for _ in range(900):
    held.append(socket.create_connection((host, int(port))))
    most = max(most, len(os.listdir("/proc/%s/fd" % sys.argv[2])))
assert most - int(sys.argv[3]) < 300, most
PY
}

@test "a DNS stream that never ends its questions is ended" {
  start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:3128\ndns = 127.0.0.1:5300\n[policy]\nallow = example.test:80'
  "$PYTHON" -S - "$PROXY_DNS" <<'PY'
import sys, threading
import wire
peer = wire.Peer(sys.argv[1], timeout=20)
query = wire.vec16(wire.dns_query("example.test")) * 500
def ask():
    try:
        for _ in range(200):
            peer.sock.sendall(query)
    except OSError:
        pass
thread = threading.Thread(target=ask)
thread.start()
answers = peer.to_end()
thread.join()
count = 0
while answers:
    answers = answers[2 + int.from_bytes(answers[:2], "big"):]
    count += 1
# As many as proxy/dnsserve.c answers on one stream, of 100,000.
assert 0 < count <= 1000, count
PY
}

@test "an admin client that asks while all ends gets nothing, and breaks nothing" {
  lab_tcpd "$IP1:5432=echo"
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
threads = 4
[admin]
listen = 127.0.0.1:9000
[policy]
allow = example.test:5432
CONF
  "$PYTHON" -S - "$PROXY" "$PROXY_ADMIN" "$PROXY_PID" <<'PY'
import os, signal, sys, time
import wire
tunnel, admin = wire.Peer(sys.argv[1]), wire.Peer(sys.argv[2])
assert tunnel.connect("example.test:5432") == 200
admin.send(b"GET /connections")
time.sleep(0.1)
os.kill(int(sys.argv[3]), signal.SIGTERM)
time.sleep(0.5)
admin.send(b" HTTP/1.1\r\nHost: x\r\n\r\n")
time.sleep(0.1)
os.kill(int(sys.argv[3]), signal.SIGTERM)
PY
  lab_wait_gone "$PROXY_PID"
  wait "$PROXY_PID"
}

@test "long pipelines of everything, cut anywhere, are answered in order" {
  start_proxy proxy <<<$'[policy]\nallow = example.test:80\nallow = other.test:80'
  run_table pipelines 100
}

@test "connections that wait, in whatever state, cost no work" {
  lab_tcpd "$IP1:5432=sink;hold" "$IP1:5433=fin;hold" "$IP1:5434=fill=50000000;hold" \
    "$IP1:5435=hold" "$IP1:8081=head;send=$OK;fin;hold" "$IP1:8082=head;hold" \
    "$IP1:8083=head;send=HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n;fill=9000000;hold"
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
dns = 127.0.0.1:5300
[admin]
listen = 127.0.0.1:9000
[policy]
allow = example.test:*
CONF
  "$PYTHON" -S - "$PROXY" "$PROXY_TRANSPARENT" "$PROXY_PID" <<'PY'
import socket, sys, time
import wire
held, pid = [], sys.argv[3]
def peer(where, text=b"", fin=False):
    p = wire.Peer(where)
    p.sock.setblocking(False)
    at = 0
    end = time.monotonic() + 0.3
    while at < len(text) and time.monotonic() < end:
        try:
            at += p.sock.send(text[at:])
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:  # answered with an error and ended: it does not wait
            return
    if fin:
        p.fin()
    held.append(p)
def connect(port):
    return b"CONNECT example.test:%d HTTP/1.1\r\nHost: example.test\r\n\r\n" % port
def get(port, more=b"", method=b"GET"):
    return b"%s http://example.test:%d/ HTTP/1.1\r\nHost: example.test:%d\r\n%s\r\n" % (
        method, port, port, more)
hello = wire.client_hello("example.test")
for fin in (False, True):
    for port in (5432, 5433, 5434, 5435):
        for early in (b"", hello[:20], hello, b"x" * 3000000):
            peer(sys.argv[1], connect(port) + early, fin)
    for port in (8081, 8082, 8083, 5433, 5434, 5435):
        peer(sys.argv[1], get(port), fin)
        peer(sys.argv[1], get(port) * 3 + b"GET ", fin)
        peer(sys.argv[1], get(port, b"Content-Length: 9000000\r\n", b"POST") +
             b"y" * 3000000, fin)
        peer(sys.argv[1], get(port, b"Transfer-Encoding: chunked\r\n", b"POST") +
             b"10\r\nabc", fin)
    for text in (b"", b"GET ", b"\5", b"\5\1\0", b"\5\1\0\5\1", b"\r"):
        peer(sys.argv[1], text, fin)
    for text in (b"", b"GET ", hello[:9]):
        peer(sys.argv[2], text, fin)
    peer("127.0.0.1:5300", b"\0\x30abc", fin)
    peer("127.0.0.1:9000", b"GET /connec", fin)
    peer("127.0.0.1:9000", b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n", fin)
for p in held[::7]:
    if p.sock.fileno() >= 0:
        p.rst()
time.sleep(2.5)
def ticks():
    f = open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()
    return int(f[11]) + int(f[12])
before = ticks()
time.sleep(1)
assert ticks() - before <= 10, "worked for %d ticks" % (ticks() - before)
PY
  proxy_alive
}

@test "a test of the policy does not keep the rules of a file that is gone" {
  printf 'example.test:80\n' >"$LAB/gone.txt"
  printf '\xef\xbb\xbfexpect allow example.test:80\nother.test:80\n  expect deny denied.test:80\n' >"$LAB/tests.txt"
  start_proxy proxy <<CONF
[policy]
allowlist = $LAB/gone.txt
allowlist = $LAB/tests.txt
CONF
  assert_eq 200 "$(curl_code http://example.test/)"
  rm "$LAB/gone.txt"
  log_wait 'select(.event == "reload" and .rules == 1)'
  eventually 2 answers 403 http://example.test/
  assert_eq 200 "$(curl_code http://other.test/)"
  log_wait 'select(.message // "" | contains("tests.txt:1: the policy fails its test"))'
  # Once it is back the tests count again.
  printf 'denied.test:80\n' >"$LAB/gone.txt"
  log_wait 'select(.message // "" | contains("the old one stays"))'
  assert_eq 403 "$(curl_code http://denied.test/)"
  printf 'example.test:80\n' >"$LAB/gone.txt"
  log_wait 'select(.event == "reload" and .rules == 2)'
  eventually 2 answers 200 http://example.test/
}
