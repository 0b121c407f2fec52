#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# reload_and_revocation.bats - a new policy: whole, at once, for live tunnels too

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP2:7=echo"
}

# reloading [LINE]... - a proxy whose rules stand in ./rules
reloading() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\n[admin]\nlisten = 127.0.0.1:9090\n'
    printf '[policy]\nallowlist = %s\n' "$LAB/rules"
    printf '%s\n' "$@"
  )
}

# live_tunnel - reloading, with one rule and a tunnel by it, whose raw.py is $client
live_tunnel() {
  printf 'example.test:7\n' >rules
  reloading
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 eof
  client=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
}

@test "P17: SIGHUP takes a changed file at once, both ways" {
  printf 'example.test:80\n' >rules
  reloading
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code http://other.test/)"
  printf 'other.test:80\n' >rules
  reload_proxy
  assert_eq 403 "$(curl_code http://example.test/)"
  assert_eq 200 "$(curl_code http://other.test/)"
}

@test "a kept-alive connection is judged by the new policy at its next request" {
  printf 'example.test:80\n' >rules
  reloading
  mkfifo step
  "$PYTHON" -S - <<'PY' &
import os, sys, wire
peer = wire.Peer(os.environ["PROXY"])
text = b"GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n"
peer.send(text)
first = peer.response()[0]
open("one", "w").close()
open("step").read()
peer.send(text)
second = peer.response()[0]
sys.exit((first, second) != (200, 403) and second is not None)
PY
  client=$!
  eventually 5 test -e one
  : >rules
  reload_proxy
  echo go >step
  wait "$client"
}

# rss_below KIB - whether the proxy holds less memory
rss_below() {
  local kib
  kib=$(ps -o rss= -p "$PROXY_PID")
  ((kib < $1))
}

@test "a policy that is no longer in force gives its memory back" {
  [[ $PEN_MODE == release ]] || skip 'sanitizers keep what was freed'
  local before
  seq -f 'host-%.0f.example.test:443' 100000 >rules
  reloading
  before=$(ps -o rss= -p "$PROXY_PID")
  : >rules
  reload_proxy
  eventually 10 rss_below $((before / 2))
}

@test "revocation: of 1,000 live tunnels exactly those whose rule went are cut" {
  printf 'example.test:7\nother.test:7\n' >rules
  reloading
  run_table revocation thousand
  assert_eq 500 "$(log_wait 'select(.reason == "revoked" or .event == "revoked")' 500 | wc -l)"
}

@test "a revoked tunnel ends with a reset on both sides" {
  live_tunnel
  : >rules
  kill -HUP "$PROXY_PID"
  wait "$client"
  assert_json '.end == "rst"' "$(<held)"
  LOG_FILE=$TCPD_LOG log_wait 'select(.event == "end" and .end == "rst")'
}

@test "the log tells of a reload when it is in force: behind the tunnels that it cut" {
  live_tunnel
  : >rules
  reload_proxy
  wait "$client"
  log_wait 'select(.reason == "revoked")'
  assert_eq 'revoked reload' "$(jq -r 'if .reason == "revoked" then .reason
    elif .event == "reload" then .event else empty end' "$PROXY_LOG" | xargs)"
}

@test "a tunnel that another rule of the new policy allows goes on" {
  printf 'example.test:7\n' >rules
  reloading
  printf '*.test:*\nexample.test:1-99\n' >new
  run_table revocation survives
}

@test "mode=monitor: a tunnel that the new policy would end goes on, and is logged" {
  printf 'example.test:7\n' >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
mode = monitor
allowlist = $LAB/rules
[audit]
file = $LAB/audit.log
CONF
  : >new
  run_table revocation survives
  log_wait 'select(.event == "deny" and .verdict == "would-deny" and
    .reason == "revoked" and .port == 7)'
  grep -q '"verdict":"would-deny","reason":"revoked"' audit.log
  log_wait 'select(.event == "close" and .verdict == "would-deny" and .port == 7)'
}

# judged_anew RULE NEW STEP... - a tunnel of RULE, to example.test:7, in which
# STEP was played, ends when the rule becomes NEW
judged_anew() {
  local rule=$2
  printf '%s\n' "$1" >rules
  shift 2
  reloading
  raw_start "$PROXY" connect=example.test:7 "$@" eof
  eventually 5 moves_bytes
  printf '%s\n' "$rule" >rules
  reload_proxy
  log_wait 'select(.event == "close" and .port == 7 and .reason == "revoked")'
  lab_stop "$PROXY_PID"
  rm -f proxy.log
}

moves_bytes() {
  curl -sf http://127.0.0.1:9090/connections | jq -e 'any(.bytes_down > 0)'
}

@test "a tunnel whose rule comes to refuse what it began with ends" {
  local hello
  hello=$("$PYTHON" -c 'import wire; print(wire.client_hello("example.test", ech=True).hex())')
  judged_anew 'example.test:7' 'example.test:7 ech=deny' "hex=$hello"
  judged_anew 'example.test:7' 'example.test:7 sni=require' send=plain
  judged_anew 'example.test:7 sni=off ech=deny' 'example.test:7' hello=other.test
}

@test "cut-on-reload = no leaves live tunnels alone" {
  printf 'example.test:7\n' >rules
  reloading 'cut-on-reload = no'
  : >new
  run_table revocation survives
  assert_eq 403 "$(curl_code https://example.test:7/)"
}

@test "a faulty policy changes nothing: the old one stays whole, an error says so" {
  printf 'example.test:80\n' >rules
  reloading
  for text in 'other.test:80\nbad rule\n' 'other.test:80\nexpect deny other.test:80\n' \
    '*:443\n' 'other.test:80\n@nopreset\n'; do
    # shellcheck disable=SC2059 # the text is the format
    printf "$text" >rules
    before=$(log_count 'select(.level == "error")')
    kill -HUP "$PROXY_PID"
    log_wait 'select(.level == "error")' "$((before + 1))"
    assert_eq 200 "$(curl_code http://example.test/)"
    assert_eq 403 "$(curl_code http://other.test/)"
  done
  curl -sf http://127.0.0.1:9090/metrics >metrics
  grep -E '^pen_proxy_policy_reloads_total\{.*(fail|error|refused).*\} [1-9]' metrics
  printf 'other.test:80\n' >rules
  reload_proxy
  assert_eq 200 "$(curl_code http://other.test/)"
}

@test "the config file's own rules and options are read again, too" {
  printf 'example.test:80\n' >rules
  reloading
  sed -i "s|^allowlist.*|allow = other.test:80|" proxy.ini
  reload_proxy
  assert_eq 200 "$(curl_code http://other.test/)"
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "a list that changed counts, though the config file has a fault by then" {
  for fault in 'allowlist = /nonexistent' 'allow = bad rule'; do
    printf 'example.test:80\nother.test:80\n' >rules
    reloading
    sed -i "/^allowlist/a $fault" proxy.ini
    printf 'other.test:80\n' >rules
    kill -HUP "$PROXY_PID"
    log_wait 'select(.level == "error")' 1
    eventually 5 answers 403 http://example.test/
    assert_eq 200 "$(curl_code http://other.test/)"
    lab_stop "$PROXY_PID"
    rm -f proxy.log
  done
}

@test "100 reloads a second under load lose nothing" {
  printf 'example.test:80\nexample.test:7\n' >rules
  reloading
  run_table revocation storm
  proxy_alive
}

@test "a rule's counters live on over a reload that leaves its text" {
  printf 'example.test:80\nother.test:80\n' >rules
  reloading
  for _ in 1 2 3; do
    curl_code http://example.test/
  done
  printf '# a line more\nother.test:80\nexample.test:80\n' >rules
  reload_proxy
  curl -sf http://127.0.0.1:9090/policy >policy
  assert_json '.rules | any(.text == "example.test:80" and .hits == 3)' "$(<policy)"
}

@test "until= ends a rule and its tunnels with it" {
  date -u -d '+4 seconds' '+example.test:7 until=%Y-%m-%dT%H:%M:%SZ' >rules
  printf 'other.test:7\n' >>rules
  reloading
  out=$(raw "$PROXY" connect=example.test:7 send=x recv=1 eof)
  assert_json '.end == "rst" and .ms < 7000' "$out"
  out=$(raw "$PROXY" 'send=CONNECT example.test:7 HTTP/1.1\r\nHost: example.test:7\r\n\r\n' wait=50 fin eof)
  assert_json '.data | startswith("HTTP/1.1 403 ")' "$out"
  log_wait 'select(.host == "example.test" and (tostring | test("until|expired")))'
}

@test "a rule whose until has passed never allows" {
  printf 'example.test:80 until=2020-01-01T00:00Z\n' >rules
  reloading
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "a reload warns of a rule as wide as a top-level domain, and is no error" {
  printf 'example.test:80\n' >rules
  reloading
  printf 'expect deny denied.test:80\n*.com:443\nexample.test:80 until=2020-01-01T00:00Z\n' >rules
  reload_proxy
  log_wait 'select(.level == "warn" and (.message // "" | contains("rules:2: warning: *.com covers")))'
  log_wait 'select(.level == "warn" and (.message // "" | contains("rules:3: warning: the rule has ended")))'
  log_none 'select(.level == "error")'
  # Beside a fault it stays a warning, whatever the fault quotes.
  printf '*.org:443\nexpect allow warning:80\n' >rules
  kill -HUP "$PROXY_PID"
  log_wait 'select(.level == "error" and (.message // "" | contains("rules:2: ")))'
  log_wait 'select(.level == "warn" and (.message // "" | contains("rules:1: warning: *.org")))'
}
