#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# run_options.bats - pen run: limits, statistics, mounts, streams, signals

load common

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

@test "run passes status, stdin, stdout, stderr and arguments" {
  for code in 0 1 42 125 255; do
    run pen run -- sh -c "exit $code"
    assert_eq "$code" "$status"
  done
  run --separate-stderr pen run -- sh -c 'echo out; echo err >&2'
  assert_eq out "$output"
  assert_eq err "$stderr"
  assert_eq "from stdin" "$(printf 'from stdin' | pen run cat)"
  assert_eq "[a b][*][][--help]" "$(pen run printf '[%s]' 'a b' '*' '' --help)"
}

@test "F3: output comes as it is written" {
  mkfifo go
  pen run -- sh -c 'echo first; read -r _ <go; echo second' >out &
  client=$!
  wait_for first out
  echo >go
  wait "$client"
  assert_eq "first second" "$(xargs <out)"
}

@test "run: the terminal is the caller's" {
  run pen_in_terminal run -- sh -c 'test -t 0 && test -t 1 && echo terminal'
  assert_contains "$output" terminal
}

@test "N2: --timeout ends the whole tree with status 124" {
  SECONDS=0
  run pen run --timeout 300ms -- sh -c 'sleep 1000 & sleep 1000 & wait'
  assert_eq 124 "$status"
  ((SECONDS < 10))
  no_process_left
}

@test "F2: --stats has time, bytes, status, and what the proxy saw" {
  run pen run --stats stats.json --allow example.test:80 -- sh -c '
    curl -s --max-time 5 http://example.test/ >/dev/null
    curl -s --max-time 5 http://other.test/ >/dev/null
    curl -s --max-time 5 http://denied.test:8080/ >/dev/null
    exit 3'
  assert_eq 3 "$status"
  stats=$(cat stats.json)
  assert_json '.exit_code == 3 and (.duration_ms | type == "number") and .timed_out == false' "$stats"
  assert_json '.egress_allowed == 1 and .egress_denied == 2' "$stats"
  assert_json '.denied == ["denied.test:8080", "other.test:80"]' "$stats"
}

@test "--stats stays empty where the sandbox could not run the command" {
  for words in "--mount /etc:/x" "-e A.B=1"; do
    # shellcheck disable=SC2086 # words
    run pen run --stats stats.json $words -- touch ran
    [[ $status == 125 || $status == 2 ]] || fail "status $status for $words"
    [[ -e stats.json && ! -s stats.json && ! -e ran ]] || fail "$(cat stats.json)"
  done
}

@test "--log has the proxy's own lines" {
  run pen run --log run.log -- curl -s --max-time 5 http://other.test/
  jq -es 'map(select(.verdict == "deny" and .host == "other.test")) | length == 1' run.log
}

@test "--stats or --log that cannot be written: said before anything runs" {
  for option in --stats --log; do
    run pen run "$option" /no/such/folder/file -- touch ran
    assert_eq 2 "$status"
    one_line "$output"
    assert_contains "$output" "/no/such/folder/file"
    [[ ! -e ran ]]
  done
}

@test "--stats and --log follow no link that a sandbox has made" {
  echo precious | tee "$LAB/one" "$LAB/two" "$LAB/three" >/dev/null
  # While the command runs:
  pen run --stats stats.json --log run.log -- sh -c "
    rm stats.json run.log
    ln -s '$LAB/one' stats.json
    ln -s '$LAB/two' run.log"
  assert_eq "precious precious" "$(cat "$LAB/one" "$LAB/two" | xargs)"
  # Before:
  ln -s "$LAB/new" dangling
  mkdir "$LAB/folder"
  ln -s "$LAB/folder" folder
  ln -s "$LAB" up
  for option in --stats --log; do
    for file in stats.json "$PWD/run.log" dangling folder/file up/three; do
      [[ $file != *.log ]] || ln -sf "$LAB/two" run.log
      run pen run "$option" "$file" -- touch ran
      assert_eq 2 "$status" "$option $file"
      assert_eq "pen: $option: $file is a link, which a sandbox may have made: refused" "$output"
      [[ ! -e ran && ! -e $LAB/new && ! -e $LAB/folder/file ]] || fail "$option $file"
    done
  done
  assert_eq "precious precious precious" "$(cat "$LAB/one" "$LAB/two" "$LAB/three" | xargs)"
  # Plain files, and what lies elsewhere, are written as ever.
  mkdir sub
  echo old | tee sub/stats.json >"$LAB/old"
  ln -s "$LAB/old" "$LAB/link"
  pen run --stats sub/stats.json --log ../link -- true
  jq -e '.exit_code == 0' sub/stats.json
  jq -es 'length > 0' "$LAB/old"
  pen run --stats /dev/stdout -- true | jq -e '.exit_code == 0'
}

@test "--stats or --log without a name, and a preset that there is not: nothing runs" {
  for option in --stats= --log= --allow=@no-such; do
    run pen run "$option" -- touch ran
    assert_eq 2 "$status" "status for $option"
    [[ ! -e ran && ! -e $HOME/.pen ]]
  done
  one_line "$output"
  assert_contains "$output" "no preset 'no-such'; there are: "
}

@test "F7: --read-only, --mount and -e" {
  mkdir "$LAB/data"
  echo data >"$LAB/data/file"
  run pen run --read-only --mount "$LAB/data:/data:ro" -e NAME=value -- sh -c '
    touch made 2>/dev/null && echo made
    cat /data/file; touch /data/made 2>/dev/null && echo made; echo "$NAME"'
  assert_eq 0 "$status"
  assert_eq "data value" "$(xargs <<<"$output")"
  [[ ! -e made && ! -e $LAB/data/made ]]
}

@test "F1: archives and data sets, read-only; each path is checked before anything starts" {
  mkdir "$LAB/set"
  echo one >"$LAB/set/1.csv"
  tar -cf "$LAB/archive.tar" -C "$LAB" set
  run pen run --mount "$LAB/archive.tar:/data/archive.tar:ro" --mount "$LAB/set:/data/set:ro" -- sh -c '
    tar -xOf /data/archive.tar set/1.csv && cat /data/set/1.csv
    for file in /data/archive.tar /data/set/1.csv /data/set/new; do
      ! (echo more >>"$file") 2>/dev/null || echo "wrote $file"
    done
    rm -f /data/set/1.csv 2>/dev/null && echo removed'
  assert_eq "one one" "$(xargs <<<"$output")"
  assert_eq one "$(cat "$LAB/set/1.csv")"
  # The last of them is at fault: the command has not begun, nor has anything been made.
  for fault in "$LAB/no-such:/data/x:ro" "$LAB/set:relative:ro" "$LAB/set:/data/x:rx" "$HOME/.pen:/data/x:ro"; do
    run pen run --mount "$LAB/set:/data/set:ro" --mount "$fault" -- touch ran
    assert_eq 2 "$status" "$fault: $output"
    one_line "$output"
    [[ ! -e ran ]] || fail "ran with $fault"
  done
  no_process_left
}

@test "N3: --memory ends what takes too much" {
  run pen run --memory 64m --stats stats.json -- python3 -c 'x = bytearray(300 << 20)'
  [[ $status != 0 ]] || fail "it was let have it"
  run pen run --memory 64M -- true
  assert_eq 0 "$status" "$output"
  run pen run --memory 64M -- python3 -c 'x = bytearray(300 << 20)'
  [[ $status != 0 ]] || fail "it was let have it"
}

@test "a first run that fails takes back nothing that another pen has made meanwhile" {
  # While the first pen has its policy checked, a second one is at work.
  for words in 'allow kept.test:443' init 'run true' '--version'; do
    printf '%s\n' '#!/bin/sh' "PEN_PROXY=$PEN_PROXY $LAB_ROOT/penctl/pen $words >&2" 'exit 2' >"$LAB/proxy"
    chmod +x "$LAB/proxy"
    PEN_PROXY=$LAB/proxy run pen run -- true
    assert_eq 2 "$status" "$output"
    [[ $words != allow* ]] || grep -qx kept.test:443 "$(sandbox_dir)/http-allowlist.txt"
    [[ $words == --version ]] || {
      [[ -e $(sandbox_dir)/project ]] || fail "gone after $words: $output"
      rm -rf "$HOME/.pen"
    }
  done
  [[ ! -e $(sandbox_dir) ]] || fail "left: $(find "$HOME/.pen")"
}

@test "a flag has no value: what would be one is not taken for the command" {
  for words in --read-only=true --no-network=true --no-new-privileges=true; do
    run pen run "$words" -- touch ran
    assert_eq 2 "$status" "status for $words"
    assert_contains "$output" "has no value"
    [[ ! -e ran && ! -e $HOME/.pen ]]
  done
}

@test "a bad option value is refused with status 2, and nothing runs" {
  for words in "--timeout soon" "--timeout -1s" "--timeout 0s" "--memory lots" \
    "--memory 0" "--cpus none" "--cpus 0.0" "--mount /x" "-e no-value" "--env =x" \
    "-e A.B=1" "-e 1=x"; do
    # shellcheck disable=SC2086 # words
    run pen run $words -- touch ran
    assert_eq 2 "$status" "status for $words"
    assert_eq 1 "${#lines[@]}" "lines for $words: $output"
    [[ ! -e ran ]]
  done
  no_process_left
}

@test "N2: TERM, INT and HUP to pen alone reach the command, and nothing stays" {
  mkfifo ready
  for signal in TERM:143 INT:130 HUP:129; do
    # A shell's background jobs ignore INT; somebody's terminal does not.
    env --default-signal=INT "$LAB_ROOT/penctl/pen" run -- sh -c 'echo >ready; exec sleep 1000' </dev/null &
    client=$!
    printf '%s\n' "$client" >>"$LAB/pids"
    read -r _ <ready
    kill "-${signal%:*}" "$client"
    lab_wait_gone "$client" 20 || fail "$signal did not end it"
    status=0
    wait "$client" || status=$?
    assert_eq "${signal#*:}" "$status" "status after $signal"
    no_process_left
  done
  assert_eq "" "$(find "$(sandbox_dir)/run" -name 'one.*')" "run folders"
}

@test "N2: kill -9 of pen ends its sandbox at once, and the next pen sweeps" {
  mkfifo ready
  "$LAB_ROOT/penctl/pen" run -- sh -c 'echo >ready; exec sleep 600' </dev/null &
  client=$!
  read -r _ <ready
  assert_contains "$(processes_of_test)" pen-jail
  kill -KILL "$client"
  for pid in $(processes_of_test | cut -d ' ' -f 1); do
    lab_wait_gone "$pid"
  done
  pen run -- true
  assert_eq "" "$(find "$(sandbox_dir)/run" -name 'one.*')" "run folders"
}
