#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# watch.bats - policy files are followed without a signal, whatever wrote them

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo"
}

setup() {
  lab_setup
  printf 'example.test:80\nexample.test:7\n' >rules
  printf 'example.test:8080\n' >extra
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allowlist = $LAB/rules
allowlist = $LAB/extra
CONF
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code http://other.test/)"
}

# in_force - waits for other.test to be allowed, which must be within a second
in_force() {
  eventually_within 1000 answers 200 http://other.test/
}

@test "P17: written in place: in force within a second" {
  printf 'other.test:80\n' >>rules
  in_force
}

@test "P17: replaced by rename: in force within a second" {
  printf 'other.test:80\n' >rules.tmp
  mv rules.tmp rules
  in_force
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "P17: truncated first and then written: no moment of emptiness takes effect" {
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 silent=1500 send=y recv=1
  tunnel=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
  exec 7>rules
  printf 'example.test:80\nexample.test:7\n' >&7
  printf 'other.test:80\n' >&7
  exec 7>&-
  in_force
  wait "$tunnel"
}

@test "P17: unlink, then create: an editor's moment cuts nothing" {
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 silent=1800 send=y recv=1
  tunnel=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
  cp rules copy
  rm rules
  eventually 1 answers 200 http://example.test/
  cp copy rules
  wait "$tunnel"
  log_none 'select(.level == "error")'
}

@test "a file written without pause is read when it comes to rest" {
  "$PYTHON" - <<'PY'
import time
with open("rules", "w") as f:
    for i in range(40):
        f.write("host%d.test:80\n" % i)
        f.flush()
        time.sleep(0.03)
    f.write("other.test:80\n")
PY
  in_force
}

@test "constant change is read after two seconds, if it parses" {
  "$PYTHON" - <<'PY' &
import os, time
i = 0
while not os.path.exists("enough"):
    with open("rules", "w") as f:
        f.write("other.test:80\n# %d\n" % i)
    i += 1
    time.sleep(0.05)
PY
  writer=$!
  eventually 12 answers 200 http://other.test/
  lab_alive "$writer" || fail 'the file rests'
  : >enough
  wait "$writer"
}

@test "a file gone for two seconds empties its rules, is logged once, and comes back" {
  rm rules
  assert_eq 200 "$(curl_code http://example.test/)"
  eventually 5 answers 403 http://example.test/
  # The other file's rules stay.
  assert_eq 200 "$(curl_code http://example.test:8080/)"
  # Of the reload alone: a request that was on its way is cut, and says by
  # which rule it had been allowed.
  assert_eq 1 "$(log_count "select(.event == \"reload\" and .level == \"error\") |
    select(.message | contains(\"$LAB/rules is gone\"))")"
  printf 'example.test:80\nother.test:80\n' >rules
  in_force
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "a file that is gone cuts its live tunnels" {
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 eof
  tunnel=$!
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
  rm rules
  wait "$tunnel"
  assert_json '.end == "rst" and .ms < 9000' "$(<held)"
}

@test "a file that becomes a folder or a FIFO counts as gone, without blocking" {
  rm rules
  mkfifo rules
  eventually 5 answers 403 http://example.test/
  rm rules
  mkdir rules
  assert_eq 200 "$(curl_code http://example.test:8080/)"
  rmdir rules
  printf 'other.test:80\n' >rules
  in_force
}

@test "a fault in a changed file leaves the old policy; a later good one is taken" {
  printf 'other.test:80\nbad\n' >rules
  log_wait 'select(.level == "error")'
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code http://other.test/)"
  printf 'other.test:80\n' >rules
  in_force
}

@test "a file that is a symbolic link is followed when the link moves" {
  printf 'example.test:80\n' >one
  printf 'other.test:80\n' >two
  stop_proxy
  ln -s one link
  start_proxy linked <<<$'[proxy]\nlisten = 127.0.0.1:3128\n[policy]\nallowlist = '"$LAB/link"
  assert_eq 200 "$(curl_code http://example.test/)"
  ln -s two link.new
  mv -T link.new link
  in_force
}

# with_preset - starts a proxy whose rules are those of presets/lab.txt and rules
with_preset() {
  stop_proxy
  mkdir presets
  printf 'example.test:80\n' >presets/lab.txt
  printf 'example.test:8080\n' >rules
  start_proxy preset <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
presets = $LAB/presets
allow = @lab
allowlist = $LAB/rules
CONF
  assert_eq 200 "$(curl_code http://example.test/)"
}

@test "a preset that changes is read again" {
  with_preset
  printf 'other.test:80\n' >presets/lab.txt
  in_force
}

@test "a preset gone for two seconds empties its rules, and comes back" {
  with_preset
  rm presets/lab.txt
  eventually 5 answers 403 http://example.test/
  assert_eq 200 "$(curl_code http://example.test:8080/)"
  printf 'example.test:80\nother.test:80\n' >presets/lab.txt
  in_force
}

@test "a preset that is missing for a moment holds no other change up" {
  with_preset
  rm presets/lab.txt
  printf 'other.test:80\n' >>rules
  in_force
}

@test "a test of a preset does not keep the rules of a file that is gone" {
  with_preset
  printf 'other.test:80\nexpect allow example.test:8080\n' >presets/lab.txt
  in_force
  rm rules
  eventually 5 answers 403 http://example.test:8080/
  assert_eq 200 "$(curl_code http://other.test/)"
}

@test "a file that the configuration names no more is not missed" {
  sed -i '/extra$/d' proxy.ini
  reload_proxy
  eventually 3 answers 403 http://example.test:8080/
  rm extra rules
  eventually 5 answers 403 http://example.test/
  log_none 'select(.message // "" | contains("extra is gone"))'
}

@test "out of descriptors: a change waits, and no rule is lost" {
  local LAB_LAUNCH
  stop_proxy
  # shellcheck disable=SC2034 # start_proxy reads it
  LAB_LAUNCH=(prlimit --nofile=64:64)
  start_proxy few <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allowlist = $LAB/rules
[limits]
head-timeout = 1m
CONF
  mkfifo hold go.fifo
  raw_start "$PROXY" connect=example.test:7 send=x recv=1 "file=$LAB/hold" send=y recv=1
  tunnel=$!
  exec 7>hold
  eventually 5 grep -q '"port": 7' "$TCPD_LOG"
  "$PYTHON" -S - <<'PY' &
import wire
held = [wire.Peer("127.0.0.1:3128", timeout=60) for _ in range(80)]
open("go.fifo").read()
PY
  clients=$!
  log_wait 'select(.message // "" | startswith("accepting pauses"))'
  printf 'example.test:7\nother.test:80\n' >rules
  log_wait 'select(.event == "reload" and .level == "error")'
  log_none 'select(.message // "" | contains("is gone"))'
  echo >go.fifo
  wait "$clients"
  eventually 12 answers 200 http://other.test/
  exec 7>&-
  wait "$tunnel"
}

@test "the same size and time of day do not hide a change" {
  printf 'a.test:80\n' >rules
  eventually 3 answers 403 http://example.test/
  touch -r rules stamp
  printf 'other.test:80\n' >rules.tmp
  touch -r stamp rules.tmp
  mv rules.tmp rules
  in_force
}
