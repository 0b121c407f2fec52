#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# allow_and_deny.bats - edits of the policy: judged by pen-proxy, whole or not
# at all

load common

setup() {
  pen_setup
  pen init
  rules=$(sandbox_dir)/http-allowlist.txt
}

@test "allow adds rules and shows them" {
  run pen allow example.test:443 '*.example.test:8000-8010'
  assert_eq 0 "$status"
  assert_eq "+ example.test:443" "${lines[0]}"
  assert_eq "example.test:443 *.example.test:8000-8010" "$(xargs <"$rules")"
}

@test "a bad rule: pen-proxy's message with the rule, exit 2, nothing changed" {
  pen allow example.test:443
  before=$(sha1sum "$rules")
  for rule in 'bad host:443' example.test '*:443' example.test:99999 example.test:0 \
    'example.test:443 nonsense=1' '10.0.0.0/8:80' 'a..b:443' 'example.test:443x'; do
    run pen allow other.test:443 "$rule"
    assert_eq 2 "$status" "status of '$rule'"
    one_line "$output"
    assert_contains "$output" "'$rule':"
    assert_eq "$before" "$(sha1sum "$rules")"
  done
  assert_eq "" "$(find "$(dirname "$rules")" -name 'http-allowlist.txt.*')" "temporary files"
}

@test "what would be more than one line, a comment or nothing is refused" {
  for rule in $'example.test:443\nother.test:443' $'example.test:443\r' '' '# note' ' example.test:443'; do
    run pen allow "$rule"
    assert_eq 2 "$status"
  done
  [[ ! -s $rules ]]
}

@test "allow again changes nothing; with other attributes it replaces" {
  pen allow example.test:443
  run pen allow example.test:443
  assert_eq 0 "$status"
  assert_contains "$output" "nothing to change"
  run pen allow 'Example.test:443 up=1m'
  assert_eq "- example.test:443" "${lines[0]}"
  assert_eq "+ Example.test:443 up=1m" "${lines[1]}"
  assert_eq 1 "$(wc -l <"$rules")" lines
}

@test "comments and order of the file are kept" {
  printf '# mine\nexample.test:443\n\n# others\nother.test:443' >"$rules"
  pen allow denied.test:443
  pen deny example.test:443
  assert_eq "# mine

# others
other.test:443
denied.test:443" "$(cat "$rules")"
}

@test "lines that end in CR LF, and a last one without an end, are edited as well" {
  printf 'example.test:443\r\nother.test:443 up=1m\r\n' >"$rules"
  run pen deny example.test:443 other.test:443
  assert_eq 0 "$status" "$output"
  [[ ! -s $rules && $output != *"still allowed"* ]] || fail "$output"
  printf 'example.test:443' >"$rules"
  run pen allow other.test:443
  assert_eq "+ other.test:443" "$output"
  assert_eq "example.test:443
other.test:443" "$(cat "$rules")"
}

@test "--for and --why become attributes that pen-proxy keeps to" {
  pen allow --for 1h --why 'needed "now" # really' example.test:443
  line=$(cat "$rules")
  [[ $line =~ ^example.test:443\ until=20[0-9-]+T[0-9:]+Z\ why= ]]
  run pen why example.test:443
  assert_eq 0 "$status"
  for option in "--for 5" --for= --why=; do
    # shellcheck disable=SC2086 # words
    run pen allow $option other.test:443
    assert_eq 2 "$status" "status for $option"
  done
  assert_eq "$line" "$(cat "$rules")"
  pen allow 'example.test:443 until=2020-01-01T00:00Z'
  run pen why example.test:443
  assert_eq 3 "$status"
}

@test "deny takes a rule out, whatever its attributes, and says what still covers it" {
  pen allow 'www.example.test:443 up=1m' '*.example.test:443'
  run pen deny www.example.test:443
  assert_eq 0 "$status"
  assert_contains "$output" "- www.example.test:443 up=1m"
  assert_contains "$output" "still allowed"
  run pen deny '*.example.test:443'
  assert_eq 0 "$status"
  [[ $output != *"still allowed"* ]]
  run pen deny nowhere.test:443
  assert_eq 1 "$status"
}

@test "allow --last allows what was refused most recently" {
  run pen allow --last -y
  assert_eq 1 "$status"
  one_line "$output"
  run pen run -- curl -s --max-time 5 http://denied.test/
  run pen run -- curl -s --max-time 5 http://other.test/
  run pen allow --last </dev/null
  assert_eq 1 "$status"
  [[ ! -s $rules ]]
  run pen allow --last -y
  assert_eq "+ other.test:80" "$output"
  run pen run -- curl -s --max-time 5 http://other.test/
  assert_contains "$output" '"line": "GET / '
}

@test "after a run without init, allow and deny work on the policy of the directory" {
  mkdir "$LAB/fresh"
  cd "$LAB/fresh"
  run pen allow example.test:443
  assert_eq 2 "$status"
  assert_contains "$output" "pen init"
  pen run -- true
  pen allow example.test:80
  run pen run -- curl -s --max-time 5 http://example.test/
  assert_contains "$output" '"line": "GET / '
}

@test "edits at the same time lose nothing" {
  for i in 1 2 3 4 5 6 7 8; do
    "$LAB_ROOT/penctl/pen" allow "host$i.example.test:443" >/dev/null &
  done
  for i in $(jobs -p); do
    wait "$i"
  done
  assert_eq 8 "$(sort -u "$rules" | wc -l)" rules
}

@test "expect lines are tests of the policy: an edit that fails one is refused" {
  pen allow 'expect deny evil.example.test:443'
  run pen allow '*.example.test:443'
  assert_eq 2 "$status"
  assert_eq "expect deny evil.example.test:443" "$(cat "$rules")"
}

@test "a policy that the running proxy does not take is told of" {
  echo '{"http_allowlist": ["expect deny evil.example.test:443"]}' >"$HOME/.pen/config.json"
  pen start
  rm "$HOME/.pen/config.json"
  run pen allow evil.example.test:443
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "the proxy that runs keeps its old policy"
  assert_contains "$output" "the policy fails its test: evil.example.test:443 is allowed"
  pen restart
  run pen why evil.example.test:443
  assert_eq 0 "$status" "$output"
}

@test "expect lines of the user's own config count, too" {
  echo '{"http_allowlist": ["expect deny evil.example.test:443"]}' >"$HOME/.pen/config.json"
  run pen allow '*.example.test:443'
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" "the config: 'expect deny evil.example.test:443':"
  [[ ! -s $rules ]]
  pen allow www.example.test:443
  pen start
}

@test "P3: allow --network and deny --network edit the network allow-list" {
  network=$(sandbox_dir)/network-allowlist.txt
  [[ -f $network && ! -s $network ]]
  run pen allow --network 192.0.2.1:22 '198.51.100.0/24:5432/tcp' '[2001:db8::1]:22'
  assert_eq 0 "$status"
  assert_eq "+ 192.0.2.1:22" "${lines[0]}"
  assert_contains "$output" "no effect there"
  assert_eq "192.0.2.1:22 198.51.100.0/24:5432/tcp [2001:db8::1]:22" "$(xargs <"$network")"
  [[ ! -s $rules ]]
  run pen allow --network 192.0.2.1:22
  assert_contains "$output" "nothing to change"
  run pen deny --network '198.51.100.0/24:5432/tcp'
  assert_eq "- 198.51.100.0/24:5432/tcp" "${lines[0]}"
  run pen deny --network 192.0.2.9:22
  assert_eq 1 "$status"
  assert_eq "192.0.2.1:22 [2001:db8::1]:22" "$(xargs <"$network")"
}

@test "a bad network rule changes nothing, with pen-pfctl and without" {
  network=$(sandbox_dir)/network-allowlist.txt
  for program in "${PEN_PFCTL:-$LAB_ROOT/build/$PEN_MODE/pen-pfctl}" /no/such/program; do
    for rule in host.test:22 192.0.2.1 192.0.2.1:0 192.0.2.1:65536 192.0.2.1/24:22 192.0.2.256:22 \
      192.0.2.01:22 '192.0.2.1:22/icmp' 192.0.2.1:22-23 2001:db8::1:22 '[2001:db8::1::]:22' \
      '[2001:db8::/32]:22' '[::1]:22' '192.0.2.1:22 until=2030-01-01T00:00Z' @github; do
      run env PEN_PFCTL="$program" timeout 60 "$LAB_ROOT/penctl/pen" allow --network 192.0.2.7:22 "$rule"
      assert_eq 2 "$status" "status of '$rule' by $program"
      one_line "$output"
      assert_contains "$output" "'$rule':"
      [[ ! -s $network ]]
    done
    for rule in 192.0.2.1:1 0.0.0.0/0:443 192.0.2.1/32:22 128.0.0.0/1:65535/udp '[2001:db8::]:22' \
      '[1:2:3:4:5:6:7::]:22' '[1:2:3:4:5:6:7:8]:22/tcp'; do
      run env PEN_PFCTL="$program" timeout 60 "$LAB_ROOT/penctl/pen" allow --network "$rule"
      assert_eq 0 "$status" "status of '$rule' by $program"
    done
    : >"$network"
  done
}

@test "--network goes with rules alone" {
  for words in "--network" "--network --last" "--network --for 1h 192.0.2.1:22" "--network --why x 192.0.2.1:22"; do
    # shellcheck disable=SC2086 # words
    run pen allow $words
    assert_eq 2 "$status" "status of $words"
    assert_contains "$output" "Usage: pen allow"
  done
}

# asker WORDS... - start pen WORDS... in the background with a command that, for
# each "ask" from the FIFO go, writes the status of a request to the FIFO answer
asker() {
  mkfifo go answer
  "$LAB_ROOT/penctl/pen" "$@" -- sh -c 'while read -r word <go && [ "$word" = ask ]; do
    curl -s -o /dev/null -w "%{http_code}\n" --max-time 20 http://example.test/ >answer
  done' >asker.out 2>&1 &
  asker=$!
  printf '%s\n' "$asker" >>"$LAB/pids"
  assert_eq 403 "$(ask)" "before any edit"
}

# ask - print the status of a request that is made now
ask() {
  timeout 60 sh -c 'echo ask >go && cat answer'
}

# edits_count - fails unless each edit is in force when pen returns
edits_count() {
  for _ in 1 2 3; do
    pen allow example.test:80
    assert_eq 200 "$(ask)" "after allow"
    pen deny example.test:80
    assert_eq 403 "$(ask)" "after deny"
  done
}

# was_told LOG - fails unless pen told the proxy with that log to read its policy: a
# file that has not changed since is nothing that a proxy reads by itself
was_told() {
  local before=0
  before=$(grep -c '"event":"reload"' "$1")
  pen allow other.test:80
  pen allow other.test:80
  (($(grep -c '"event":"reload"' "$1") >= before + 2)) || fail "$(cat "$1")"
}

@test "P17: an edit is in force when pen returns, in the running sandbox" {
  asker exec
  edits_count
  echo example.test:80 >.pen/http-allowlist.txt
  pen config apply -y
  assert_eq 200 "$(ask)" "after config apply"
  was_told "$(sandbox_dir)/run/proxy.log"
}

@test "P17: an edit is in force when pen returns, in one-shot runs that go on" {
  asker run
  edits_count
  was_told "$(sandbox_dir)"/run/one.*/proxy.log
  echo end >go
  wait "$asker"
}

@test "a process that has the PID of a proxy that is gone gets no signal" {
  pen start
  pid_file=$(sandbox_dir)/run/proxy.pid
  proxy=$(cat "$pid_file")
  sleep 1000 &
  stranger=$!
  printf '%s\n' "$stranger" >>"$LAB/pids"
  printf '%s\n' "$stranger" >"$pid_file"
  pen allow example.test:80
  lab_alive "$stranger" || fail "pen allow signalled a stranger"
  run pen proxy status
  assert_eq 1 "$status"
  pen proxy restart &
  restart=$!
  # pen-jail starts another one, which writes its own PID.
  kill -KILL "$proxy"
  wait "$restart"
  lab_alive "$stranger" || fail "pen proxy restart signalled a stranger"
}
