#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# logs_and_why.bats - what the proxy wrote, told to people; and the engine's own
# answer to "why"

load common

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

setup() {
  pen_setup
  pen run --allow example.test:80 -- sh -c '
    curl -s --max-time 5 http://example.test/ >/dev/null
    curl -s --max-time 5 http://other.test/ >refusal'
}

@test "P15: proxy logs has refusals by default and everything with --all" {
  run pen proxy logs
  assert_eq 0 "$status"
  assert_eq 1 "${#lines[@]}" "lines"
  [[ ${lines[0]} =~ ^20[0-9-]+\ [0-9:]+Z\ +deny\ +other\.test:80\ +http_request_denied\ +id\ [0-9a-f]+$ ]] || fail "$output"
  run pen proxy logs --all
  assert_contains "$output" "allow       example.test:80"
}

@test "proxy logs --json prints the log's own lines, --since only new ones" {
  run pen proxy logs --json
  assert_json '.verdict == "deny" and .host == "other.test"' "$output"
  run pen proxy logs --since 1h
  assert_eq 1 "${#lines[@]}" lines
  sed -i 's/"ts":"20[0-9]*/"ts":"2020/' "$(sandbox_dir)/run/runs.log"
  run pen proxy logs --since 1h
  assert_eq "" "$output"
  run pen proxy logs --since yesterday
  assert_eq 2 "$status"
}

@test "proxy logs --follow shows what comes, of running and of one-shot sandboxes" {
  pen init
  "$LAB_ROOT/penctl/pen" proxy logs --follow >followed 2>&1 &
  printf '%s\n' $! >>"$LAB/pids"
  pen run -- curl -s --max-time 5 http://denied.test/ >/dev/null
  pen exec -- curl -s --max-time 5 http://six.test/ >/dev/null
  wait_for six.test followed
  assert_eq "denied.test:80 other.test:80 six.test:80" "$(grep -o '[a-z]*\.test:80' followed | sort | xargs)"
}

@test "a client cannot drive the reader's terminal through the log" {
  log=$(sandbox_dir)/run/runs.log
  sed -i 's/other\.test/ev\\u001b[31mil\\u009b.test/' "$log"
  run pen proxy logs
  assert_contains "$output" 'ev?[31mil?.test'
  # shellcheck disable=SC2012 # the bytes themselves
  [[ $output != *$'\033'* ]]
}

@test "a torn line does not hide the others" {
  log=$(sandbox_dir)/run/runs.log
  printf '{"ts":"2026-01-01T00:00:00.000Z","lev\n' >>"$log"
  run pen proxy logs
  assert_eq 0 "$status"
  assert_eq 1 "${#lines[@]}" lines
}

@test "P16: why explains the id that stands in the refusal" {
  id=$(grep -oE '\b[0-9a-f]{8,16}\b' refusal | head -n 1)
  [[ -n $id ]] || fail "no id in: $(cat refusal)"
  run pen why "$id"
  assert_eq 0 "$status"
  assert_contains "$output" "other.test:80"
  assert_contains "$output" "no rule of the policy allows it"
  assert_contains "$output" "pen allow other.test:80"
  run pen why 0123456789abcdef
  assert_eq 1 "$status"
  one_line "$output"
}

@test "why HOST:PORT is the engine's answer: 0 allowed, 3 refused, 2 malformed" {
  pen allow example.test:443
  run pen why example.test:443
  assert_eq 0 "$status"
  assert_contains "$output" "http-allowlist.txt:1"
  run pen why other.test:443
  assert_eq 3 "$status"
  assert_contains "$output" "pen allow other.test:443"
  run pen why 0x7f.1:80
  assert_eq 2 "$status"
}

@test "egress log counts by host, egress suggest prints rules" {
  pen run -- curl -s --max-time 5 http://denied.test/ >/dev/null
  pen run -- curl -s --max-time 5 http://denied.test/ >/dev/null
  run pen egress log --json
  assert_json 'map({(.target): [.allowed, .refused]}) | add ==
    {"example.test:80": [1, 0], "other.test:80": [0, 1], "denied.test:80": [0, 2]}' "$output"
  run pen egress log
  assert_contains "$output" "example.test:80"
  run pen egress suggest
  assert_eq "denied.test:80 other.test:80" "$(xargs <<<"$output")"
}

@test "in monitor mode what was used counts, is shown once, and is explained" {
  pen init
  echo '{"proxy": {"policy.mode": "monitor"}}' >"$(sandbox_dir)/config.json"
  rm "$(sandbox_dir)/run/runs.log"
  pen run --stats stats.json -- curl -s --max-time 5 http://other.test/ >/dev/null
  assert_json '.egress_allowed == 1 and .egress_denied == 0 and .denied == []' "$(cat stats.json)"
  assert_json 'map([.target, .allowed, .refused]) == [["other.test:80", 1, 0]]' "$(pen egress log --json)"
  run pen proxy logs
  assert_eq 1 "${#lines[@]}" "lines: $output"
  assert_contains "$output" "would-deny  other.test:80  http_request_denied"
  run pen why "${output##* }"
  assert_contains "$output" "no rule of the policy allows it"
  assert_eq other.test:80 "$(pen egress suggest)"
}

@test "P15: the log of one-shot runs is turned over at 10 MiB, three are kept" {
  log=$(sandbox_dir)/run/runs.log
  for _ in 1 2 3 4 5; do
    head -c 11m /dev/zero | tr '\0' x >>"$log"
    pen run -- curl -s --max-time 5 http://other.test/ >/dev/null
  done
  assert_eq "runs.log runs.log.1 runs.log.2 runs.log.3" "$(find "$(dirname "$log")" -name 'runs.log*' -printf '%f\n' | sort | xargs)"
}

@test "why and egress test: what is no HOST:PORT is said on stderr, with status 2" {
  for words in "why :80" "why other.test:99999" "egress test other.test" "egress test other.test:80 other.test:x"; do
    # shellcheck disable=SC2086 # words
    run --separate-stderr pen $words
    assert_eq 2 "$status" "status of pen $words"
    assert_eq "" "$output" "stdout of pen $words"
    one_line "$stderr"
    [[ $stderr != *"pen-proxy -h"* ]] || fail "$stderr"
  done
}

@test "egress suggest --json says how often each was refused" {
  assert_json '. == [{"rule": "other.test:80", "refused": 1}]' "$(pen egress suggest --json)"
  mkdir "$LAB/fresh"
  cd "$LAB/fresh"
  pen init
  assert_json '. == []' "$(pen egress suggest --json)"
}

@test "proxy logs --all: what is no connection is named" {
  run pen proxy logs --all
  grep -qE '^[^ ]+ [^ ]+  info +start$' <<<"$output" || fail "$output"
}

@test "proxy logs --follow ends when nobody reads any more" {
  mkfifo reader
  "$LAB_ROOT/penctl/pen" proxy logs --all --follow >reader 2>errors &
  follower=$!
  printf '%s\n' "$follower" >>"$LAB/pids"
  head -n 1 <reader >/dev/null
  pen run -- curl -s --max-time 5 http://other.test/ >/dev/null
  lab_wait_gone "$follower" 20 || fail "it goes on"
  assert_eq "" "$(cat errors)"
}
