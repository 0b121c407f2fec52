#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# config_faults.bats - every key of pen-proxy.ini, with good and bad values

load common

setup_file() {
  lab_file_setup
}

@test "every documented key is accepted with a good value" {
  run_table config_keys good
}

@test "a bad value of every key is a fault with file and line, status 2" {
  run_table config_keys bad
}

@test "unknown sections and keys, and keys given twice, are faults" {
  run_table config_keys unknown
}

@test "good and bad rules, attributes and expectations" {
  run_table config_keys rules
}

@test "all faults are said in one go, each on a line of its own" {
  cat >bad.ini <<'CONF'
[proxy]
listen = nowhere
colour = blue
[nonsense]
x = 1
[limits]
idle-timeout = soon
CONF
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 2 "$status"
  for line in 2 3 4 7; do
    grep -q "^bad.ini:$line: ." <<<"$output" || fail "line $line: $output"
  done
  assert_eq 4 "$(grep -c '^bad.ini:' <<<"$output")" "faults in: $output"
}

@test "with a fault nothing is opened: no log, no ready line, no port" {
  lab_config bad <<<$'[proxy]\nlisten = 127.0.0.1:3128\nready-file = '"$LAB/ready"$'\n[policy]\nallow = bad'
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 2 "$status"
  [[ ! -e bad.log && ! -e ready ]] || fail 'files were written'
}

@test "a missing, unreadable or irregular allowlist at start is a fault" {
  mkfifo fifo
  mkdir folder
  for file in missing fifo folder /dev/null; do
    [[ $file == /* ]] || file=$LAB/$file
    lab_config bad <<<"[policy]
allowlist = $file"
    run timeout 5 "$PEN_PROXY" -c bad.ini
    assert_eq 2 "$status" "status for $file: $output"
    assert_contains "$output" "$file"
  done
}

@test "a policy that fails its own expectations is refused" {
  printf 'example.test:443\nexpect deny example.test:443\n' >rules
  lab_config bad <<<"[policy]
allowlist = $LAB/rules"
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 2 "$status"
  assert_contains "$output" "$LAB/rules:2:"
}

@test "*.com:443 is accepted with a warning" {
  printf '*.com:443\n' >rules
  lab_config warn <<<"[policy]
allowlist = $LAB/rules"
  run "$PEN_PROXY" -t -c warn.ini
  assert_eq 0 "$status"
  assert_contains "$output" "$LAB/rules:1:"
}

@test "@NAME reads a preset, whose faults bear its own name" {
  mkdir presets
  printf 'one.test:443\ntwo.test:443\n' >presets/good.txt
  printf 'one.test:443\nnot good\n' >presets/bad.txt
  lab_config set <<<"[policy]
presets = $LAB/presets
allow = @good"
  run "$PEN_PROXY" --check two.test:443 -c set.ini
  assert_eq 0 "$status" "$output"
  assert_contains "$output" good.txt:2
  sed -i s/@good/@bad/ set.ini
  run "$PEN_PROXY" -t -c set.ini
  assert_eq 2 "$status"
  assert_contains "$output" bad.txt:2
  for name in none ../presets/good /etc/passwd; do
    sed -i "s|^allow = .*|allow = @$name|" set.ini
    run "$PEN_PROXY" -t -c set.ini
    assert_eq 2 "$status" "status of @$name: $output"
  done
}

@test "100,000 rules load in well under a second" {
  "$PYTHON" -c 'for i in range(100000): print(f"h{i}.example{i%97}.test:443")' >rules
  lab_config big <<<"[policy]
allowlist = $LAB/rules"
  # The processor's time: others may use the machine, too.
  took=$("$PYTHON" -SE -c 'import os, sys
if os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:]) != 0:
    sys.exit(1)
used = os.times()
print(int((used.children_user + used.children_system) * 1000))' \
    "$PEN_PROXY" -t -c big.ini | tail -n 1)
  limit=600
  [[ $PEN_MODE == release ]] || limit=6000
  ((took < limit)) || fail "took $took ms"
}
