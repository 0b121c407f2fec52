#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# confinement.bats - after start-up the proxy has what it needs, and no more
#
# That what is forbidden fails is for tests/unit/test_confine.c; here the whole
# program runs under it, and whatever it does later must still work.

load common

# confined LINE... - a proxy with a policy in ./policy, its log in ./logs, and
# these lines behind its other sections
confined() {
  mkdir -p policy logs run
  [[ -e policy/rules ]] || printf 'example.test:80\n' >policy/rules
  cat >proxy.ini <<CONF
[policy]
allowlist = $LAB/policy/rules
[log]
file = $LAB/logs/proxy.log
max-size = 4k
keep = 2
[admin]
listen = 127.0.0.1:9090
[proxy]
listen = 127.0.0.1:3128
pid-file = $LAB/run/proxy.pid
ready-file = $LAB/run/proxy.ready
threads = 2
CONF
  printf '%s\n' "$@" >>proxy.ini
  mv proxy.ini policy/proxy.ini
  touch logs/proxy.log
  ln -sf logs/proxy.log proxy.log
  lab_start proxy --ready-fd "$PEN_PROXY" -c "$LAB/policy/proxy.ini" || return 1
  proxy_started proxy
}

# resolving - the section that asks the tests' name server
resolving() {
  printf '[dns]\nservers = %s\n' "$DNS_IP"
}

# with_seccomp - whether this build has the filter: sanitizers and it exclude
# each other
with_seccomp() {
  [[ $PEN_MODE != asan && $PEN_MODE != tsan ]]
}

# landlock_abi - prints what the kernel has; 0 for none
landlock_abi() {
  "$PYTHON" -SE -c 'import ctypes
print(max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)))'
}

# in_force - prints what the start line of the log says
in_force() {
  log_wait 'select(.event == "start")' | jq -r .confined
}

@test "N1: every thread is confined, and the log says by what" {
  confined "$(resolving)"
  want=no_new_privs
  [[ $(landlock_abi) == 0 ]] || want+=" landlock:$(landlock_abi)"
  ! with_seccomp || want+=' seccomp'
  assert_eq "$want" "$(in_force)"
  threads=0
  for task in "/proc/$PROXY_PID/task"/*; do
    threads=$((threads + 1))
    grep -q '^NoNewPrivs:.1$' "$task/status" || fail "$(<"$task/status")"
    ! with_seccomp || grep -q '^Seccomp:.2$' "$task/status" ||
      fail "$(<"$task/status")"
  done
  assert_eq 3 "$threads"
  grep -q '^Max core file size *0 *0 ' "/proc/$PROXY_PID/limits"
}

@test "N1: no file beside its own can be opened: a rule file that leads elsewhere" {
  [[ $(landlock_abi) != 0 ]] || skip 'no Landlock in this kernel'
  mkdir elsewhere
  printf 'other.test:80\n' >elsewhere/rules
  confined "$(resolving)"
  assert_eq 403 "$(curl_code http://other.test/)"
  ln -sf "$LAB/elsewhere/rules" policy/rules
  log_wait 'select(.level == "error" and (.message | test("is gone")))'
  assert_eq 403 "$(curl_code http://other.test/)"
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "a rule file that is a link at start is followed in its own folder, too" {
  mkdir policy elsewhere
  printf 'example.test:80\n' >elsewhere/rules
  ln -s "$LAB/elsewhere/rules" policy/rules
  confined "$(resolving)"
  printf 'other.test:80\n' >elsewhere/new
  mv elsewhere/new elsewhere/rules
  eventually 5 answers 200 http://other.test/
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "rule files replaced by rename, removed and made anew are read" {
  confined "$(resolving)"
  assert_eq 403 "$(curl_code http://other.test/)"
  printf 'other.test:80\n' >policy/new
  mv policy/new policy/rules
  eventually 5 answers 200 http://other.test/
  rm policy/rules
  eventually 6 answers 403 http://other.test/
  printf 'example.test:80\n' >policy/rules
  eventually 5 answers 200 http://example.test/
}

@test "presets are read, though no rule named one at start" {
  mkdir presets
  printf 'other.test:80\n' >presets/two.txt
  confined "$(resolving)" '[policy]' "presets = $LAB/presets"
  assert_eq 200 "$(curl_code http://example.test/)"
  printf '@two\n' >policy/rules
  eventually 5 answers 200 http://other.test/
}

@test "SIGHUP: a rule file in a new folder is refused, and the old policy stays" {
  [[ $(landlock_abi) != 0 ]] || skip 'no Landlock in this kernel'
  confined "$(resolving)"
  mkdir elsewhere
  printf 'other.test:80\n' >elsewhere/rules
  sed -i "s|^allowlist = .*|allowlist = $LAB/elsewhere/rules|" policy/proxy.ini
  kill -HUP "$PROXY_PID"
  log_wait 'select(.level == "error" and (.message | test("elsewhere/rules")))'
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code http://other.test/)"
}

@test "the log is rotated by rename, and reopened by SIGHUP" {
  confined "$(resolving)"
  for _ in $(seq 60); do
    curl_code http://other.test/ >/dev/null
  done
  eventually 5 test -s logs/proxy.log.2
  [[ ! -e logs/proxy.log.3 && ! -e logs/proxy.log.new ]] || fail "$(ls logs)"
  mv logs/proxy.log logs/moved
  kill -HUP "$PROXY_PID"
  eventually 5 test -e logs/proxy.log
  curl_code http://other.test/
  log_wait 'select(.event == "deny")'
  [[ ! -s proxy.out ]] || fail "$(<proxy.out)"
}

@test "the audit file is written, and made anew by SIGHUP" {
  mkdir audit
  confined "$(resolving)" '[audit]' "file = $LAB/audit/refused"
  curl_code http://other.test/
  LOG_FILE=$LAB/audit/refused log_wait 'select(.host == "other.test")'
  rm audit/refused
  kill -HUP "$PROXY_PID"
  eventually 5 test -e audit/refused
  curl_code http://other.test/
  LOG_FILE=$LAB/audit/refused log_wait 'select(.host == "other.test")'
  [[ ! -s proxy.out ]] || fail "$(<proxy.out)"
}

@test "audit.command: a run that comes later can do what the first could" {
  cat >reader <<SCRIPT
#!/bin/bash
cd '$LAB' || exit 1
read -r line
printf '%s\n' "\$line" | tr a-z A-Z >>fed.\$\$ || exit 1
mv fed.\$\$ "fed.\$(ls -d fed.[0-9]done 2>/dev/null | wc -l)done"
SCRIPT
  chmod +x reader
  confined "$(resolving)" '[audit]' "command = $LAB/reader"
  want=no_new_privs
  ! with_seccomp || want+=' seccomp:wide'
  assert_eq "$want" "$(in_force)"
  curl_code http://one.other.test/
  eventually 5 grep -q ONE.OTHER.TEST fed.0done
  curl_code http://two.other.test/
  eventually 8 grep -q TWO.OTHER.TEST fed.1done
  curl_code http://three.other.test/
  eventually 12 grep -q THREE.OTHER.TEST fed.2done
}

@test "audit.command that gains rights when it starts: one line, status 1" {
  cp /bin/cat gains
  chmod 4755 gains
  printf '[proxy]\nlisten = 127.0.0.1:3128\n[audit]\ncommand = %s\n' \
    "$LAB/gains" >bad.ini
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 1 "$status"
  assert_eq 1 "${#lines[@]}"
  assert_contains "$output" "$LAB/gains"
}

@test "syslog is reached again after its daemon was started anew" {
  [[ ! -e /dev/log || -w /dev ]] || skip '/dev/log cannot be made here'
  cat >syslogd.py <<'PY'
import os, socket, sys
try:
    os.unlink("/dev/log")
except OSError:
    pass
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
s.settimeout(10)
open(sys.argv[1] + ".bound", "w").close()
while sys.argv[2] not in s.recv(65536).decode("latin-1"):
    pass
open(sys.argv[1], "w").close()
PY
  "$PYTHON" -S syslogd.py first one.other.test &
  eventually 5 test -e first.bound
  confined "$(resolving)" '[audit]' 'syslog = local3'
  curl_code http://one.other.test/
  eventually 5 test -e first
  "$PYTHON" -S syslogd.py second two.other.test &
  eventually 5 test -e second.bound
  curl_code http://two.other.test/
  eventually 5 test -e second
  rm -f /dev/log
}

@test "the system's name servers are read again when they change" {
  printf 'moved.test A %s\n' "$IP2" >zone2
  printf 'moved.test:80\n' >rules
  mkdir policy
  mv rules policy/rules
  lab_start dns2 --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen 45.45.45.20:53 --zone "$LAB/zone2"
  confined
  assert_eq 502 "$(curl_code http://moved.test/)"
  printf 'nameserver 45.45.45.20\n' >/etc/resolv.conf
  eventually 10 answers 200 http://moved.test/ || status=1
  printf 'nameserver %s\n' "$DNS_IP" >/etc/resolv.conf
  assert_eq '' "${status:-}" 'still the old ones'
}

@test "hosts-file = yes reads what the file says now" {
  mkdir policy
  printf 'fromhosts.test:80\n' >policy/rules
  confined "$(resolving)" 'hosts-file = yes'
  assert_eq 502 "$(curl_code http://fromhosts.test/)"
  printf '127.0.0.1 localhost\n%s fromhosts.test\n' "$IP1" >/etc/hosts
  eventually 8 answers 200 http://fromhosts.test/ || status=1
  printf '127.0.0.1 localhost\n' >/etc/hosts
  assert_eq '' "${status:-}" 'the file is not read'
}

@test "a wildcard listener knows the addresses of the machine" {
  mkdir policy
  printf '45.45.45.20:3129\n45.45.45.99:3129\n' >policy/rules
  confined "$(resolving)" '[proxy]' 'listen = 0.0.0.0:3129'
  assert_eq 403 "$(curl_code http://45.45.45.20:3129/)"
  log_wait 'select(.port == 3129 and .reason == "destination_ip_prohibited")'
  # Not being able to ask, it would take any address for its own.
  assert_eq 502 "$(curl_code http://45.45.45.99:3129/)"
}

@test "/metrics has the numbers of the process" {
  confined "$(resolving)"
  curl -sf http://127.0.0.1:9090/metrics >metrics
  for name in cpu_seconds_total virtual_memory_bytes resident_memory_bytes \
    open_fds max_fds start_time_seconds; do
    grep -qE "^process_$name [0-9.e+-]+$" metrics || fail "no process_$name"
  done
  ! grep -E '^process_(virtual_memory_bytes|resident_memory_bytes|open_fds) 0$' metrics ||
    fail 'one of them is 0'
}

@test "what it made is gone after its end: Unix socket, pid-file, ready-file" {
  mkdir sockets
  confined "$(resolving)" '[proxy]' "listen = unix:$LAB/sockets/proxy"
  [[ -S sockets/proxy && -s run/proxy.ready ]]
  assert_eq "$PROXY_PID" "$(<run/proxy.pid)"
  kill -TERM "$PROXY_PID"
  lab_wait_gone "$PROXY_PID" 10
  wait "$PROXY_PID"
  assert_eq '' "$(find sockets run -mindepth 1)"
}

@test "a large body goes through, both ways" {
  confined "$(resolving)"
  head -c 20000000 /dev/zero >body
  assert_eq 200 "$(curl_code http://example.test/bytes/20000000)"
  assert_eq 20000000 "$(stat -c %s "$LAB/body")"
}

@test "with one listener of each kind it runs as an ordinary user, too" {
  [[ $EUID == 0 ]] || skip 'is an ordinary user already'
  setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$PEN_PROXY" ||
    skip "an ordinary user cannot reach $PEN_PROXY"
  mkdir policy logs run
  printf 'example.test:80\n' >policy/rules
  chmod 711 "$LAB" "${LAB%/*}" "${LAB%/*/*}"
  chown -R 65534:65534 policy logs run
  printf '%s\n' '[proxy]' 'listen = 127.0.0.1:3128' '[policy]' \
    "allowlist = $LAB/policy/rules" '[log]' "file = $LAB/logs/proxy.log" \
    '[dns]' "servers = $DNS_IP" >policy/proxy.ini
  ln -s logs/proxy.log proxy.log
  lab_start proxy --ready-fd setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$PEN_PROXY" -c "$LAB/policy/proxy.ini"
  proxy_started proxy
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_contains "$(in_force)" no_new_privs
}
