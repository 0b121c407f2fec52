#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# many_sandboxes.bats - one after the other, and all at once

load common

# everything - print what sandboxes are made of, to be compared before and after:
# processes, mounted namespaces, sockets, files
everything() {
  processes_of_test
  grep -c nsfs /proc/self/mountinfo
  grep -cE "@?($HOME|pen)" /proc/net/unix
  find "$HOME" "$TMPDIR" "$PWD" | sort
}

@test "N5: many sandboxes one after the other leave nothing behind" {
  local many=${PEN_MANY:-100}
  export TMPDIR=$LAB/tmp
  mkdir "$TMPDIR"
  pen run -- curl -s --max-time 5 -o /dev/null http://other.test/
  before=$(everything)
  for ((i = 0; i < many; i++)); do
    pen run -- true || fail "number $i: status $?"
  done
  assert_eq "$before" "$(everything)"
}

@test "N5: 50 at once do not disturb each other" {
  mkdir -p results
  for ((i = 0; i < 50; i++)); do
    (
      printf 'GET /%s' "$i" >"results/$i.want"
      "$LAB_ROOT/penctl/pen" run --allow example.test:80 -e "N=$i" -- sh -c '
        echo $N >/tmp/mine; curl -s --max-time 60 http://example.test/$N | grep -o "GET /[0-9]*"; cat /tmp/mine
        curl -s --max-time 60 -o /dev/null -w "%{http_code}\n" http://other.test/$N' >"results/$i" 2>"results/$i.err"
    ) &
  done
  for i in $(jobs -p); do
    wait "$i"
  done
  for ((i = 0; i < 50; i++)); do
    assert_eq "GET /$i $i 403" "$(xargs <"results/$i")" "run $i ($(cat "results/$i.err"))"
  done
  no_process_left
  assert_eq "" "$(find "$(sandbox_dir)/run" -name 'one.*')" "run folders"
  # Not a line of the 50 logs is lost.
  assert_eq 50 "$(pen proxy logs --json | jq -r 'select(.host == "other.test") | .id' | sort -u | wc -l)" refusals
}

@test "N5: the tree of commands adds little: pen run of true, median" {
  pen run -- true
  for _ in 1 2 3 4 5 6 7 8 9; do
    began=$(date +%s%N)
    pen run -- true
    printf '%d\n' $((($(date +%s%N) - began) / 1000000))
  done | sort -n >durations
  median=$(sed -n 5p durations)
  printf '# pen run -- true: %s ms\n' "$median" >&3
  ((median < ${PEN_RUN_LIMIT_MS:-1000})) || fail "median $median ms"
}
