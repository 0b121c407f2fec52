#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# ready_and_inherited_sockets.bats - ready lines, ready and pid files, LISTEN_FDS

load common

# inherit NAMES KIND... - runs pen-proxy with sockets of its own making: KIND is
# tcp, udp or unix; LISTEN_FDNAMES is NAMES ("-" for none)
inherit() {
  local LAB_LAUNCH
  # shellcheck disable=SC2034 # start_proxy reads it
  LAB_LAUNCH=("$PYTHON" -SE "$LAB_DIR/inherit.py" "$@" --)
  start_proxy proxy
}

@test "--ready-fd gets one line a listener with its kind, and is closed" {
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
listen = [::1]:3128
transparent = 127.0.0.1:3129
dns = 127.0.0.1:5300
[admin]
listen = 127.0.0.1:9090
CONF
  # lab_start reads to the end of the descriptor, so it was closed.
  assert_eq 'listen 127.0.0.1:3128
listen [::1]:3128
transparent 127.0.0.1:3129
dns 127.0.0.1:5300
admin 127.0.0.1:9090' "$(printf '%s\n' "${LAB_READY[@]}" |
    awk '{ k = index("listen transparent dns admin", $1); print k, $0 }' |
    sort -sn -k1,1 | cut -d' ' -f2-)"
}

@test "all listeners accept when the ready line is there" {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[admin]\nlisten = 127.0.0.1:9090'
    curl -sf -o /dev/null http://127.0.0.1:9090/healthz
    assert_eq 403 "$(curl_code http://example.test/)"
    stop_proxy
  done
}

@test "--ready-fd 1 and 2: the end is seen, and no client takes their place" {
  lab_config both <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[log]\nfile = stderr'
  for fd in 1 2; do
    mkfifo ready.fifo
    if [[ $fd == 1 ]]; then
      lab_start one - sh -c 'exec "$1" -c both.ini --ready-fd 1 >ready.fifo' - "$PEN_PROXY"
      assert_eq 'listen 127.0.0.1:3128' "$(<ready.fifo)"
    else
      lab_start one - "$PEN_PROXY" -c both.ini --ready-fd 2
      eventually 5 grep -q '^listen 127.0.0.1:3128$' one.out
    fi
    out=$(raw 127.0.0.1:3128 'send=GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n' fin eof)
    assert_json '.data | startswith("HTTP/1.1 403 ") and (contains("\"event\"") | not)' "$out"
    eventually 5 grep -q '"event":"deny"' one.out
    stop_proxy "$LAB_PID"
    rm ready.fifo
  done
}

@test "the log says start before anybody is told that all is ready" {
  lab_config first <<<$'[proxy]\nlisten = 127.0.0.1:3128'
  "$PYTHON" -S - <<'PY'
import os
import signal
import subprocess
import time
out, into = os.pipe()
os.set_blocking(into, False)
full = 0
try:
    while True:
        full += os.write(into, b"x" * 4096)
except BlockingIOError:
    pass
os.set_blocking(into, True)
proxy = subprocess.Popen([os.environ["PEN_PROXY"], "-c", "first.ini",
                          "--ready-fd", str(into)], pass_fds=[into])
os.close(into)
end = time.monotonic() + 10
while not (os.path.exists("first.log") and
           '"event":"start"' in open("first.log").read()):
    assert time.monotonic() < end, "no start in the log"
    time.sleep(0.02)
said = b""
while more := os.read(out, 65536):
    said += more
proxy.send_signal(signal.SIGTERM)
assert said[full:] == b"listen 127.0.0.1:3128\n", said[full:]
assert proxy.wait(10) == 0
PY
}

@test "ready-file and pid-file are whole when they appear, and removed at exit" {
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
ready-file = $LAB/ready
pid-file = $LAB/pid
CONF
  assert_eq 'listen 127.0.0.1:3128' "$(<ready)"
  assert_eq "$PROXY_PID" "$(<pid)"
  stop_proxy
  [[ ! -e ready && ! -e pid ]] || fail 'they stay'
}

@test "port 0 is answered with the port that was given" {
  start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:0'
  [[ $PROXY =~ ^127\.0\.0\.1:[1-9][0-9]+$ ]] || fail "$PROXY"
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "an inherited stream socket is a listen listener; 8080 is not opened" {
  inherit - tcp:127.0.0.1:3200 <<<$'[policy]\nallow = example.test:80'
  assert_eq 'listen 127.0.0.1:3200' "${LAB_READY[*]}"
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "LISTEN_FDNAMES gives each inherited socket its kind" {
  inherit admin:listen:transparent:dns:dns tcp:127.0.0.1:3200 \
    tcp:127.0.0.1:3201 tcp:127.0.0.1:3202 udp:127.0.0.1:5300 \
    tcp:127.0.0.1:5300 <<<$'[policy]\nallow = example.test:80'
  assert_eq 127.0.0.1:3200 "$PROXY_ADMIN"
  assert_eq 127.0.0.1:3201 "$PROXY"
  assert_eq 127.0.0.1:3202 "$PROXY_TRANSPARENT"
  assert_eq 127.0.0.1:5300 "$PROXY_DNS"
  curl -sf -o /dev/null "http://$PROXY_ADMIN/healthz"
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "an inherited datagram socket without a name is a dns listener" {
  inherit - tcp:127.0.0.1:3200 udp:127.0.0.1:5300 \
    <<<$'[policy]\nallow = example.test:80'
  assert_eq 127.0.0.1:5300 "$PROXY_DNS"
}

@test "an inherited unix socket serves" {
  inherit listen "unix:$LAB/in.sock" <<<$'[policy]\nallow = example.test:80'
  out=$(raw "unix:$LAB/in.sock" connect=example.test:80 \
    'send=GET / HTTP/1.0\r\n\r\n' eof)
  assert_json '.data | contains("\"line\": \"GET / HTTP/1.0\"")' "$out"
}

@test "LISTEN_FDS for another process is not ours" {
  run env LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=listen \
    timeout 5 "$PEN_PROXY" --check example.test:443 --allow example.test:443
  assert_eq 0 "$status"
  lab_start proxy --ready-fd env LISTEN_FDS=1 LISTEN_PID=1 \
    "$PEN_PROXY" --listen 127.0.0.1:3128
  proxy_started proxy
  assert_eq 'listen 127.0.0.1:3128' "${LAB_READY[*]}"
}

@test "fd:N listens on that descriptor" {
  local LAB_LAUNCH
  # shellcheck disable=SC2034 # start_proxy reads it
  LAB_LAUNCH=("$PYTHON" -SE "$LAB_DIR/inherit.py" --plain - tcp:127.0.0.1:3200 --)
  start_proxy proxy <<<$'[proxy]\nlisten = fd:3\n[policy]\nallow = example.test:80'
  assert_eq 200 "$(PROXY=127.0.0.1:3200 curl_code http://example.test/)"
}

@test "a socket by LISTEN_FDS and by fd:N is one listener, and of one kind" {
  inherit - tcp:127.0.0.1:3200 \
    <<<$'[proxy]\nlisten = fd:3\nlisten = fd:3\n[policy]\nallow = example.test:80'
  assert_eq 'listen 127.0.0.1:3200' "${LAB_READY[*]}"
  assert_eq 200 "$(curl_code http://example.test/)"
  stop_proxy
  lab_config both <<<$'[proxy]\ntransparent = fd:3'
  run timeout 5 "$PYTHON" -SE "$LAB_DIR/inherit.py" listen tcp:127.0.0.1:3200 -- \
    "$PEN_PROXY" -c both.ini
  assert_eq 1 "$status"
  assert_eq 'pen-proxy: cannot listen on fd:3: it cannot be both listen and transparent' "$output"
}

@test "a descriptor that is no listening socket: status 1 or 2, and said" {
  run timeout 5 "$PEN_PROXY" --listen fd:7 7</dev/null
  [[ $status == 1 || $status == 2 ]] || fail "status $status"
  assert_contains "$output" fd:7
  run timeout 5 "$PEN_PROXY" --listen fd:77
  [[ $status == 1 || $status == 2 ]] || fail "status $status"
}

@test "inherited sockets in a sandbox's namespace serve it, dialling outside" {
  start_sandboxed_proxy <<<$'[policy]\nallow = example.test:80\nallow = example.test:443'
  assert_eq 127.0.0.1:3128 "$PROXY"
  assert_eq 200 "$(in_sandbox curl -s -o /dev/null -w '%{http_code}' \
    -x http://127.0.0.1:3128 https://example.test/)"
  # N1: in the sandbox the origin's address itself leads nowhere.
  run in_sandbox curl -s --max-time 2 "http://$IP1/"
  [[ $status != 0 ]] || fail 'reached the origin past the proxy'
}
