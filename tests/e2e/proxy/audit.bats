#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# audit.bats - refusals alone: to a file, to a program

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP1:9=sink"
}

# audited LINE... - a proxy with these lines in [audit]
audited() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallowlist = %s\n' "$LAB/rules"
    printf '[audit]\n'
    printf '%s\n' "$@"
  )
}

setup() {
  lab_setup
  printf '%s\n' example.test:80 'example.test:7 up=1k' private.test:80 \
    example.test:443 example.test:9 >rules
}

# audit_wait FILTER [COUNT] - waits for lines of ./audit.log
audit_wait() {
  LOG_FILE=$LAB/audit.log log_wait "$@"
}

@test "N7: every kind of refusal is audited, nothing else is" {
  audited "file = $LAB/audit.log"
  curl_code http://example.test/
  curl_code http://other.test/
  audit_wait 'select(.host == "other.test" and .reason == "http_request_denied")'
  curl_code http://private.test/
  audit_wait 'select(.host == "private.test" and .reason == "destination_ip_prohibited")'
  raw "$PROXY" connect=example.test:443 hello=other.test eof
  audit_wait 'select(.sni == "other.test")'
  raw "$PROXY" connect=example.test:7 fill=5000 eof || true
  audit_wait 'select(.port == 7)'
  raw_start "$PROXY" connect=example.test:9 send=x eof
  tunnel=$!
  eventually 5 grep -q '"port": 9' "$TCPD_LOG"
  : >rules
  kill -HUP "$PROXY_PID"
  wait "$tunnel"
  audit_wait 'select(.port == 9)'
  # Malformed requests are no refusals.
  raw "$PROXY" 'send=GET / HTTP/1.1\r\n\r\n' eof
  assert_eq 5 "$(wc -l <audit.log)" "$(<audit.log)"
}

@test "would-deny is audited as well" {
  printf 'example.test:80\n' >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
mode = monitor
allowlist = $LAB/rules
[audit]
file = $LAB/audit.log
CONF
  assert_eq 200 "$(curl_code http://other.test/)"
  audit_wait 'select(.verdict == "would-deny" and .host == "other.test")'
}

@test "the audit is never rate-limited" {
  audited "file = $LAB/audit.log"
  run_table hostile flood
  audit_wait 'select(.host == "x.other.test")' 5000 10 >/dev/null
  assert_eq 5000 "$(wc -l <audit.log)"
}

# reader BODY - writes an executable that handles its stdin with BODY
reader() {
  printf '#!/bin/bash\n%s\n' "$1" >reader
  chmod +x reader
}

@test "N7: audit.command is fed one JSON object a line on its stdin" {
  reader "cd '$LAB' && exec cat >>fed.jsonl"
  audited "command = $LAB/reader"
  curl_code http://other.test/
  curl_code http://again.other.test/
  eventually 5 grep -q again.other.test fed.jsonl
  assert_eq 2 "$(jq -c 'select(.verdict == "deny")' fed.jsonl | wc -l)"
  stop_proxy
}

@test "audit.command that ends is restarted, with back-off" {
  reader "cd '$LAB'; echo x >>starts; read -r line; printf '%s\n' \"\$line\" >>fed.jsonl"
  audited "command = $LAB/reader"
  curl_code http://one.other.test/
  eventually 5 grep -q one.other.test fed.jsonl
  eventually 10 test "$(wc -l <starts)" -ge 1
  for i in 1 2 3 4 5 6 7 8; do
    curl_code "http://n$i.other.test/" >/dev/null
  done
  eventually 10 grep -q 'n[1-8].other.test' fed.jsonl
  (($(wc -l <starts) < 20)) || fail 'restarted without back-off'
}

@test "audit.command that never reads does not hold the proxy up" {
  reader 'exec sleep 1000'
  audited "command = $LAB/reader"
  run_table hostile flood
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "audit.command inherits nothing: no descriptors, no environment of ours" {
  reader "cd '$LAB'; env >env.txt; ls -l /proc/self/fd >fds.txt; exec cat >/dev/null"
  SECRET=hidden audited "command = $LAB/reader"
  curl_code http://other.test/
  eventually 5 test -s fds.txt
  ! grep -q SECRET env.txt || fail "$(<env.txt)"
  ! grep -q 'socket:\|proxy.log' fds.txt || fail "$(<fds.txt)"
}

@test "the audit file is private, appended to, and reopened by SIGHUP" {
  echo '{"ts":"2026-01-01T00:00:00.000Z","level":"info","event":"old"}' >audit.log
  chmod 600 audit.log
  audited "file = $LAB/audit.log"
  curl_code http://other.test/
  audit_wait 'select(.host == "other.test")'
  assert_eq old "$(jq -r .event audit.log | head -n 1)"
  mv audit.log moved
  kill -HUP "$PROXY_PID"
  eventually 5 test -e audit.log
  assert_eq 600 "$(stat -c %a audit.log)"
}

@test "an audit command that cannot be run: status 1 or 2, and which" {
  for command in /nonexistent/program '/bin/cat -n' /etc/passwd /bin/.; do
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[audit]\ncommand = %s\n' "$command" >bad.ini
    run timeout 5 "$PEN_PROXY" -c bad.ini
    [[ $status == 1 || $status == 2 ]] || fail "$command: status $status"
    assert_contains "$output" "$command"
    run "$PEN_PROXY" -t -c bad.ini
    assert_eq 2 "$status" "-t: $output"
    assert_contains "$output" "bad.ini:4: command $command"
  done
}

@test "an audit file that cannot be opened: status 1" {
  printf '[audit]\nfile = /nonexistent/audit.log\n' >bad.ini
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 1 "$status"
  assert_contains "$output" /nonexistent/audit.log
}

@test "N7: audit.syslog gets refusals, and them alone" {
  "$PYTHON" -S - 3>&- <<'PY' &
import os, socket
if os.path.lexists("/dev/log"):
    os.unlink("/dev/log")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
open("bound", "w").close()
s.settimeout(10)
with open("syslog.txt", "w", buffering=1) as out:
    while True:
        line = s.recv(65536).decode("latin-1").rstrip("\n")
        out.write(line + "\n")
        if "last.other.test" in line:
            break
os.unlink("/dev/log")
PY
  server=$!
  eventually 5 test -e bound
  audited 'syslog = local5'
  curl_code http://example.test/
  curl_code http://first.other.test/
  curl_code http://last.other.test/
  wait "$server"
  assert_eq 2 "$(wc -l <syslog.txt)" "$(<syslog.txt)"
  # local5.warning is 21 * 8 + 4.
  assert_eq 2 "$(grep -c '^<172>.*"verdict":"deny"' syslog.txt)" "$(<syslog.txt)"
}
