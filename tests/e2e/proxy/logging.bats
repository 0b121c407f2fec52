#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# logging.bats - lines, levels, rotation, rate limit, hostile input, full disk

load common

# logged LINE... - a proxy with these lines in [log]
logged() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\ntransparent = 127.0.0.1:3129\n'
    printf '[admin]\nlisten = 127.0.0.1:9090\n'
    printf '[policy]\nallow = example.test:80\nallow = example.test:443\n[log]\n'
    printf '%s\n' "$@"
  )
}

@test "N7: the fields of a line: start, request, deny, stop" {
  logged "file = $LAB/proxy.log"
  assert_eq 200 "$(curl_code http://example.test/bytes/1000)"
  assert_eq 403 "$(curl_code http://other.test/)"
  log_wait 'select(.event == "start")'
  line=$(log_wait 'select(.status == 200)')
  assert_json '.level == "info" and .proto == "http" and .method == "GET" and
    .host == "example.test" and .port == 80 and .verdict == "allow" and
    (.rule | test(":[0-9]+$")) and .bytes_down >= 1000 and .ms_total >= 0 and
    .ms_dns >= 0 and .ms_connect >= 0' "$line"
  line=$(log_wait 'select(.event == "deny")')
  assert_json '.level == "warn" and .verdict == "deny" and
    .reason == "http_request_denied" and .status == 403 and (has("rule") | not)' "$line"
  stop_proxy
  log_wait 'select(.event == "stop")'
}

@test "ids differ from each other, and one request's lines share one" {
  logged "file = $LAB/proxy.log" 'level = debug'
  for _ in 1 2 3 4 5; do
    curl_code http://other.test/
  done
  log_wait 'select(.event == "deny")' 5
  assert_eq 5 "$(jq -r 'select(.event == "deny") | .id' proxy.log | sort -u | wc -l)"
}

@test "N7: levels: warn leaves finished connections out, debug says more" {
  logged "file = $LAB/proxy.log" 'level = warn'
  curl_code http://example.test/
  curl_code http://other.test/
  log_wait 'select(.event == "deny")'
  log_none 'select(.level == "info" or .level == "debug")'
  stop_proxy
  rm proxy.log
  logged "file = $LAB/proxy.log" 'level = error'
  curl_code http://other.test/
  stop_proxy
  [[ ! -s proxy.log ]] || fail "$(<proxy.log)"
}

@test "stderr is the default, where text of people is format=text" {
  touch text-log
  start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[log]\nlevel = info'
  curl_code http://other.test/
  eventually 5 grep -q '"event":"deny"' proxy.out
  stop_proxy
  start_proxy text <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[log]\nformat = text'
  curl_code http://other.test/
  eventually 5 grep -q other.test text.out
  ! grep -q '^{' text.out || fail 'JSON in a text log'
}

@test "hostile input is always valid JSON, one line each" {
  logged "file = $LAB/proxy.log" 'level = debug'
  run_table hostile log
  proxy_alive
  # lab_teardown looks at every line of the log.
  [[ $(wc -l <proxy.log) -gt 100 ]] || fail 'too few lines'
}

@test "P15: rotation by size: FILE.1 is the newest, FILE.keep the last" {
  logged "file = $LAB/proxy.log" 'max-size = 4k' 'keep = 2'
  for i in $(seq 1 120); do
    printf 'GET http://n%d.other.test/ HTTP/1.1\r\nHost: n%d.other.test\r\n\r\n' "$i" "$i"
  done >requests
  for _ in 1 2 3; do
    raw "$PROXY" "file=$LAB/requests" fin eof >/dev/null
    raw "$PROXY" wait=1050
  done
  [[ -s proxy.log.1 && -s proxy.log.2 && ! -e proxy.log.3 ]] || fail "$(ls)"
  for file in proxy.log proxy.log.1 proxy.log.2; do
    (($(wc -c <"$file") <= 4096 + 65536)) || fail "$file is too large"
  done
  newest=$(jq -r .ts proxy.log.1 | tail -n 1)
  older=$(jq -r .ts proxy.log.2 | tail -n 1)
  [[ $newest > $older || $newest == "$older" ]] || fail "$newest $older"
}

@test "P15: keep = 0 keeps no rotated file" {
  logged "file = $LAB/proxy.log" 'max-size = 4k' 'keep = 0'
  for _ in $(seq 1 40); do
    curl_code http://other.test/ >/dev/null
  done
  [[ ! -e proxy.log.1 ]] || fail 'proxy.log.1 is there'
  (($(wc -c <proxy.log) < 65536))
}

@test "refusals beyond 100 a second are counted, then said in one line" {
  logged "file = $LAB/proxy.log"
  run_table hostile flood
  log_wait 'select(.event == "dropped")' 1 5
  (($(log_count 'select(.event == "deny")') < 1500)) || fail 'no rate limit'
  curl -sf http://127.0.0.1:9090/metrics >metrics
  grep -E '^pen_proxy_log_dropped_total [1-9]' metrics
  # Every refusal is in the metrics all the same.
  assert_eq 5000 "$(awk '/^pen_proxy_denied_total\{.*http_request_denied/ { print $2 }' metrics)"
}

@test "refusals that were dropped in the last second are said at the end" {
  logged "file = $LAB/proxy.log"
  run_table hostile flood
  stop_proxy
  written=$(log_count 'select(.event == "deny")')
  dropped=$(jq -s 'map(select(.event == "dropped").refusals) | add // 0' proxy.log)
  assert_eq 5000 $((written + dropped))
}

@test "SIGHUP reopens the log, for those who rotate it themselves" {
  logged "file = $LAB/proxy.log"
  curl_code http://other.test/
  log_wait 'select(.event == "deny")'
  mv proxy.log moved.log
  kill -HUP "$PROXY_PID"
  eventually 5 test -e proxy.log
  curl_code http://later.other.test/
  log_wait 'select(.host == "later.other.test")'
  assert_eq 0 "$(grep -c later.other.test moved.log)"
}

@test "a full disk does not stop the service; stderr says it once; it recovers" {
  mkdir small
  mount -t tmpfs -o size=16k lab small
  logged "file = $LAB/small/proxy.log" 'keep = 0'
  dd if=/dev/zero of=small/filler bs=1k count=12 status=none || true
  for _ in $(seq 1 60); do
    code=$(curl_code http://other.test/)
  done
  assert_eq 403 "$code"
  assert_eq 200 "$(curl_code http://example.test/)"
  grep -qi 'log' proxy.out
  (($(wc -l <proxy.out) <= 3)) || fail "stderr: $(<proxy.out)"
  rm small/filler
  curl_code http://after.other.test/
  PROXY_LOG=$LAB/small/proxy.log log_wait 'select(.host == "after.other.test")' ||
    fail 'it does not write again'
  stop_proxy
  : >proxies
  umount small
}

@test "the log is private to its user, and no symbolic link is followed" {
  logged "file = $LAB/proxy.log"
  assert_eq 600 "$(stat -c %a proxy.log)"
  stop_proxy
  echo precious >target
  ln -s target link.log
  printf '[proxy]\nlisten = 127.0.0.1:3128\n[log]\nfile = %s/link.log\n' "$LAB" >link.ini
  run timeout 5 "$PEN_PROXY" -c link.ini
  assert_eq 1 "$status"
  assert_eq precious "$(<target)"
  rm -f link.log
}

@test "syslog gets the lines, too" {
  [[ ! -e /dev/log || -w /dev ]] || skip '/dev/log cannot be made here'
  "$PYTHON" -S - <<'PY' &
import os, socket
try:
    os.unlink("/dev/log")
except OSError:
    pass
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
open("bound", "w").close()
s.settimeout(10)
out = open("syslog.txt", "w", buffering=1)
while True:
    line = s.recv(65536).decode("latin-1")
    out.write(line.rstrip("\n") + "\n")
    if "other.test" in line:
        break
os.unlink("/dev/log")
PY
  server=$!
  eventually 5 test -e bound
  logged "file = $LAB/proxy.log" 'syslog = local3'
  curl_code http://other.test/
  wait "$server"
  # local3.warning is 19 * 8 + 4.
  grep -q '^<156>.*pen-proxy.*other.test' syslog.txt || fail "$(<syslog.txt)"
}

@test "a rule's FILE:LINE keeps its line, however long the path is" {
  name=$(printf 'd%.0s' {1..200})
  long=$LAB/$name/$name/$name
  wide=$LAB/$(printf 'ö%.0s' {1..100})
  mkdir -p "$long" "$wide"
  printf '\n\nexample.test:80\n' >"$long/rules"
  printf '\n\n\nother.test:80\n' >"$wide/rules"
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[admin]
listen = 127.0.0.1:9090
[policy]
allowlist = $long/rules
allowlist = $wide/rules
CONF
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 200 "$(curl_code http://other.test/)"
  line=$(log_wait 'select(.host == "example.test")')
  assert_json '.rule | startswith("...ddd") and endswith("ddd/rules:3")' "$line"
  said=$(jq .rule <<<"$line")
  line=$(log_wait 'select(.host == "other.test")')
  assert_json '.rule | startswith("...") and endswith("/rules:4")' "$line"
  # The same text everywhere, as it is what the lines are joined by.
  assert_json ".rules | map(.rule) | index([$said]) == 0" \
    "$(curl -sf http://127.0.0.1:9090/policy)"
  assert_json ".rule == $said" \
    "$(curl -sf 'http://127.0.0.1:9090/check?target=example.test:80')"
}
