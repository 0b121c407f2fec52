#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# guides.bats - N11: the commands of the guides that say they were tried

load ../pen/common
load guides

# tried NAME - run that block with the programs of this build
tried() {
  mkdir -p "$LAB/bin"
  ln -sf "$PEN_PROXY" "$LAB/bin/pen-proxy"
  ln -sf "$LAB_ROOT/penctl/pen" "$LAB/bin/pen"
  guide_block "$1" >"$LAB/block"
  PATH=$LAB/bin:$PATH timeout 60 bash "$LAB/block"
}

@test "N11: bubblewrap by hand, with nothing but the proxy's socket" {
  run tried bwrap
  assert_eq 0 "$status" "$output"
  assert_contains "$output" '"target": "/"'
  assert_contains "$output" "error: 403"
}

@test "N11: a step of a CI job that ends badly when something was refused" {
  run tried ci
  assert_eq 0 "$status" "$output"
  assert_contains "$(cat page)" '"target": "/"'
  assert_json .egress_allowed "$(cat stats.json)"
  guide_block ci | sed 's/-o page/-o page http:\/\/denied.test\/ -o page/; s/--fail//' >"$LAB/bad"
  run env PATH="$LAB/bin:$PATH" bash "$LAB/bad"
  assert_eq 1 "$status" "$output"
  assert_contains "$output" denied.test
}

@test "P23: credentials for one command, on its standard input" {
  run tried stdin
  assert_eq "got secret" "$output"
}

@test "N11: every block of the guides that says it was tried is tried" {
  local name
  while read -r name; do
    grep -qE "(tried|guide_block) $name( |\$|\")" "$LAB_ROOT"/tests/e2e/image/*.bats || fail "nobody tries '$name'"
  done < <(sed -n 's/^# tried: //p' "$LAB_ROOT"/doc/guide/*.md)
}

@test "N11: what the guides link to is there" {
  local file link
  for file in "$LAB_ROOT"/doc/guide/*.md; do
    while read -r link; do
      [[ -e $LAB_ROOT/doc/guide/$link ]] || fail "$file: no $link"
    done < <(grep -oE '\]\([^)#:]+[)#]' "$file" | sed 's/](//; s/.$//')
  done
}
