#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# egress_test.bats - F6: pen tests its own sandbox from inside

load common

setup() {
  pen_setup
  pen init
}

@test "F6: pen egress test: rules work, every other way out is shut" {
  pen allow example.test:443 example.test:80
  run pen egress test
  assert_eq 0 "$status" "status of: $output"
  assert_contains "$output" "ok    allowed  example.test:443"
  for way in 'tcp      1.1.1.1' 'tcp      2606:' 'tcp      169.254.169.254' udp name "tcp      $IP1"; do
    assert_contains "$output" "ok    $way"
  done
}

@test "F6: a rule whose host does not answer, and a target that no rule allows, are found" {
  pen allow example.test:1
  run pen egress test
  assert_eq 1 "$status"
  assert_contains "$output" "FAIL  allowed  example.test:1 "
  run pen egress test --json other.test:443
  assert_eq 1 "$status"
  assert_json 'map(select(.ok | not)) == [{"ok": false, "kind": "allowed", "target": "other.test:443", "answer": "403"}]' "$output"
}

@test "F6: what was refused to the test is nothing that the sandbox wanted" {
  pen allow example.test:1
  run pen run -- curl -s --max-time 5 http://denied.test/
  run pen egress test
  assert_eq 1 "$status"
  assert_eq denied.test:80 "$(pen egress suggest)"
  run pen proxy logs
  assert_contains "$output" "example.test:1  connection_refused"
  [[ $output != *169.254* ]] || fail "$output"
  run pen allow --last -y
  assert_eq "+ denied.test:80" "$output"
}

# probe PROXY KIND TARGET... - the probe outside of any sandbox, one word a blank
probe() {
  HTTP_PROXY=http://$1 bash "$LAB_ROOT/penctl/commands/lib/egress-probe.sh" "${@:2}" |
    tr '\037\n' '  '
}

@test "F6: what the test tries does get out where there is no sandbox" {
  assert_eq "tcp $IP1 80 200 tcp $IP6 80 200 name example.test open tcp $IP1 1 refused " \
    "$(probe 127.0.0.1:1 tcp "$IP1 80" tcp "$IP6 80" name example.test tcp "$IP1 1")"
}

@test "F6: what cannot be tried counts as no answer, not as shut" {
  mkdir "$LAB/none"
  ln -s "$(type -P bash)" "$LAB/none/bash"
  run env -i PATH="$LAB/none" HTTP_PROXY=http://127.0.0.1:1 bash \
    "$LAB_ROOT/penctl/commands/lib/egress-probe.sh" name example.test gateway canary host addresses
  assert_eq 0 "$status" "$output"
  assert_eq "name example.test untried gateway canary untried host addresses untried " \
    "$(tr '\037\n' '  ' <<<"$output")"
}

@test "F6: a rule for one of the addresses that are tried is policy" {
  pen allow 169.254.169.254:80
  run --separate-stderr pen egress test --json
  assert_json 'map(select(.target | test("169"))) | map(.kind) == ["allowed"]' "$output"
}

@test "F6: where no proxy takes connections, one that opens is a way out, whatever is answered" {
  assert_eq "tcp $IP1 443 open tcp $IP1 80 open tcp $IP1 1 refused other $IP1 443 open " \
    "$(probe 10.1.2.3:8080 tcp "$IP1 443" tcp "$IP1 80" tcp "$IP1 1" other "$IP1 443")"
}

# time_is_told - whether the question for the time is answered yet
time_is_told() {
  [[ $(probe 127.0.0.1:1 udp "$IP1 123") == *open* ]]
}

@test "F6: udp: the question for the time is answered where there is no sandbox" {
  socat UDP4-RECVFROM:123,bind="$IP1",fork SYSTEM:'head -c 1 >/dev/null; printf time' 3>&- &
  printf '%s\n' $! >>"$LAB/pids"
  eventually 10 time_is_told
  run pen run -- bash -c "$(cat "$LAB_ROOT/penctl/commands/lib/egress-probe.sh")" probe udp "$IP1 123"
  assert_contains "$output" refused
}
