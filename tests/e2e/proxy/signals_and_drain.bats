#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# signals_and_drain.bats - SIGTERM, SIGINT, SIGHUP, SIGUSR1 and the rest

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:1003=eof;send=late;fin"
}

# draining TIME - a proxy with that drain-timeout
draining() {
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:*
[limits]
drain-timeout = $1
CONF
}

# hold - opens an echoing tunnel that lives until "go" is written to ./go; its
# result is in ./held
hold() {
  mkfifo go
  raw_start --timeout 20 "$PROXY" connect=example.test:7 send=x recv=1 "file=$LAB/go" recv=3 fin eof
  client=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
}

# ended STATUS - waits for the proxy's end and looks at its status
ended() {
  local got=0
  lab_wait_gone "$PROXY_PID" || fail 'it does not end'
  wait "$PROXY_PID" || got=$?
  assert_eq "$1" "$got" 'status of pen-proxy'
}

@test "SIGTERM lets a live tunnel finish, then ends with status 0" {
  draining 20s
  hold
  kill -TERM "$PROXY_PID"
  log_wait 'select(.event == "drain" or .event == "stop" or .event == "stopping")' || true
  run curl -s --max-time 2 -x "http://$PROXY" http://example.test/
  [[ $status != 0 ]] || fail 'the listener still accepts'
  lab_alive "$PROXY_PID" || fail 'it did not wait for the tunnel'
  echo go >go
  wait "$client"
  assert_json '.end == "fin" and (.data | endswith("xgo\n"))' "$(<held)"
  ended 0
}

@test "SIGINT does the same; drain-timeout ends what is left with a reset, status 0" {
  draining 500ms
  hold
  exec 7>go
  kill -INT "$PROXY_PID"
  ended 0
  exec 7>&-
  wait "$client" || true
  assert_json '.end == "rst"' "$(<held)"
}

@test "a second signal ends at once" {
  draining 60s
  hold
  exec 7>go
  kill -TERM "$PROXY_PID"
  # Two that are pending at once are one.
  log_wait 'select(.event == "stop")'
  kill -TERM "$PROXY_PID"
  ended 0
  exec 7>&-
  wait "$client" || true
}

@test "a second signal in the last moment does not spoil the exit status" {
  for _ in 1 2 3 4 5 6 7 8; do
    draining 60s
    while kill -TERM "$PROXY_PID" 2>/dev/null; do
      :
    done
    ended 0
  done
}

@test "SIGTERM with nothing to do ends at once, idle kept connections included" {
  draining 60s
  raw_start --timeout 20 "$PROXY" 'send=GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n' until=trailers eof
  client=$!
  log_wait 'select(.status == 200)'
  kill -TERM "$PROXY_PID"
  ended 0
  wait "$client"
  assert_json '.end == "fin"' "$(<held)"
}

@test "a half-closed tunnel still drains" {
  draining 20s
  out=$(raw "$PROXY" connect=example.test:1003 send=x fin eof)
  assert_json '.end == "fin"' "$out"
  kill -TERM "$PROXY_PID"
  ended 0
}

@test "an upload in progress is finished while draining" {
  draining 20s
  mkfifo go
  "$PYTHON" -S - <<'PY' >held &
import os, wire
p = wire.Peer(os.environ["PROXY"], timeout=20)
p.send(b"POST http://example.test/up HTTP/1.1\r\nHost: example.test\r\n"
       b"Content-Length: 10\r\n\r\n12345")
open("sent", "w").close()
open("go").read()
p.send(b"67890")
status, fields, body = p.response()
print(status, b'"body_bytes": 10' in body)
PY
  client=$!
  eventually 5 test -e sent
  eventually 5 grep -q '"event": "open"' "$ORIGIN_LOG"
  kill -TERM "$PROXY_PID"
  echo >go
  wait "$client"
  assert_eq '200 True' "$(<held)"
  ended 0
}

@test "SIGUSR1 writes a line of counters" {
  draining 1s
  curl_code http://example.test/
  kill -USR1 "$PROXY_PID"
  log_wait 'select(.event == "counters")'
  proxy_alive
}

@test "SIGPIPE, SIGCHLD, SIGWINCH and a closed stdout do no harm" {
  draining 1s
  for signal in PIPE CHLD WINCH; do
    kill "-$signal" "$PROXY_PID"
  done
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "signals in mid-start do not hang or leave files" {
  for delay in 0 1 2 3 4 5 8; do
    lab_config quick <<CONF
[proxy]
listen = 127.0.0.1:3128
ready-file = $LAB/ready
pid-file = $LAB/pid
CONF
    "$PEN_PROXY" -c quick.ini >quick.out 2>&1 3>&- &
    pid=$!
    "$PYTHON" -SE -c "import time; time.sleep($delay / 1000)"
    kill -TERM "$pid"
    lab_wait_gone "$pid" || fail "hangs (after $delay ms)"
    wait "$pid" || true
    [[ ! -e pid || $(<pid) != "$pid" ]] || fail 'the pid file stays'
  done
}

@test "N1: after start-up it has no new privileges, seccomp and Landlock where there" {
  [[ $PEN_MODE != *san ]] || skip 'a sanitizer needs system calls that the filter refuses'
  draining 1s
  grep -q '^NoNewPrivs:.1$' "/proc/$PROXY_PID/status"
  grep -q '^Seccomp:.2$' "/proc/$PROXY_PID/status"
}

@test "no descriptor leaks per connection" {
  draining 1s
  for _ in 1 2 3; do
    curl_code http://example.test/ >/dev/null
    curl_code https://example.test/ >/dev/null
  done
  log_wait 'select(.event == "close" or .event == "request")' 6
  before=$(find "/proc/$PROXY_PID/fd" -type l | wc -l)
  for _ in $(seq 30); do
    curl_code http://example.test/ >/dev/null
    curl_code https://example.test/ >/dev/null
    raw "$PROXY" connect=example.test:7 send=x rst >/dev/null || true
  done
  eventually 5 bash -c "[[ \$(find /proc/$PROXY_PID/fd -type l | wc -l) -le $((before + 2)) ]]"
}

@test "a listener that was shut is not asked again" {
  local tracer found
  command -v strace >/dev/null || skip 'strace is missing'
  # LeakSanitizer looks by ptrace itself, which only one can do at a time.
  local -x ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
threads = 4
[policy]
allow = example.test:*
CONF
  # 4 workers and the control thread.
  strace -f -e 'trace=accept,accept4' -o "$LAB/calls" -p "$PROXY_PID" 2>attached 3>&- &
  tracer=$!
  eventually 5 grep -q 'attached with 5 threads' attached || skip "$(<attached)"
  hold
  kill -TERM "$PROXY_PID"
  log_wait 'select(.event == "stop")'
  echo go >go
  wait "$client"
  ended 0
  wait "$tracer"
  grep -q ' = [0-9]' calls || fail 'no call was seen'
  # Each worker finds each of them shut, once.
  found=$(grep -c EINVAL calls || true)
  ((found <= 8)) || fail "$found calls"
}
