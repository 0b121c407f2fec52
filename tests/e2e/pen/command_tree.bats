#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# command_tree.bats - how words become commands, and how commands explain
# themselves

load common

# every_command - print the words of every command, one a line
every_command() {
  (cd "$LAB_ROOT/penctl/commands" && find . -name '*.sh' ! -path './lib/*' |
    sed 's,^\./,,; s,\.sh$,,; s,/, ,g' | sort)
}

@test "P1: pen a b runs commands/a/b.sh, through a link as well" {
  ln -s "$LAB_ROOT/penctl/pen" "$LAB/pen"
  ln -s pen "$LAB/again"
  run "$LAB/again" proxy logs --help
  assert_eq 0 "$status"
  assert_contains "$output" "Usage: pen proxy logs"
}

@test "P1: CDPATH leads pen to no other folder" {
  mkdir -p "$LAB/other/penctl" "$LAB/other/data" data
  echo right >data/which
  export CDPATH=$LAB/other:.
  run env -C "$LAB_ROOT" penctl/pen version
  assert_eq 0 "$status" "$output"
  run pen run --mount data:/mnt/data -- cat /mnt/data/which
  assert_eq right "$output"
}

@test "P1: lib is no command" {
  for words in lib "lib log" "lib runtime jail" "../commands/init" "proxy/logs" init.sh; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status" "status of pen $words"
    one_line "$output"
  done
}

@test "a folder lists its commands with their summaries" {
  run pen
  assert_eq 0 "$status"
  while read -r words; do
    assert_contains "$output" "  pen $words  "
  done < <(every_command)
  run pen proxy
  assert_eq 0 "$status"
  assert_contains "$output" "pen proxy logs"
  [[ $output != *"pen init"* ]]
}

@test "an unknown command: exit 2 and the nearest name" {
  run pen statsu
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" "did you mean 'pen status'?"
  # As near: stats, start.
  run pen statu
  assert_contains "$output" "did you mean 'pen status'?"
  run pen stat
  assert_contains "$output" "did you mean 'pen stats'?"
  run pen proxy lgos
  assert_eq 2 "$status"
  assert_contains "$output" "did you mean 'pen proxy logs'?"
  run pen zzzzzz
  assert_eq 2 "$status"
  one_line "$output"
  [[ $output != *"did you mean"* ]]
}

@test "an error on a terminal is its line alone; progress is wiped" {
  run pen_in_terminal start
  assert_eq 2 "$status"
  [[ $output == *"pen: no sandbox"* && $output != *$'\033'* ]] || fail "$(cat -v <<<"$output")"
  pen init
  echo 'not a rule' >"$(sandbox_dir)/http-allowlist.txt"
  run pen_in_terminal start
  assert_contains "$output" $'\r\033[K'"pen: $(sandbox_dir)/http-allowlist.txt:1:"
}

@test "every command has --help, the same as pen help" {
  while read -r words; do
    # shellcheck disable=SC2086 # words
    help=$(pen help $words)
    # shellcheck disable=SC2086 # words
    assert_eq "$help" "$(pen $words --help)" "pen $words --help"
    assert_contains "$help" "Usage: pen $words"
  done < <(every_command)
}

@test "every command refuses an option that it does not know, with its usage" {
  while read -r words; do
    # shellcheck disable=SC2086 # words
    run pen $words --no-such-option
    assert_eq 2 "$status" "status of pen $words --no-such-option"
    assert_contains "$output" "Usage: pen $words"
  done < <(every_command)
}

@test "every listing has --json" {
  pen init
  for words in status list version doctor "proxy status" "egress log" "egress suggest" "config show" "help presets"; do
    # shellcheck disable=SC2086 # words
    pen $words --json >listing || [[ $words == *status || $words == doctor ]] || fail "pen $words --json"
    jq -e -n '[inputs | type] | . == ["object"] or . == ["array"]' listing >/dev/null ||
      fail "pen $words --json"
  done
}

@test "version names every program, also a pen-pfctl that says none" {
  pfctl=${PEN_PROXY%/*}/pen-pfctl
  said=$("$pfctl" -V)
  assert_eq "pen-pfctl ${said#pen-pfctl }" "$said"
  run env PEN_PFCTL="$pfctl" "$LAB_ROOT/penctl/pen" version
  assert_eq "pen pen-proxy pen-jail pen-pfctl" "$(awk '{ print $1 }' <<<"$output" | xargs)"
  assert_contains "$output" "pen-pfctl  ${said#pen-pfctl }"
  PEN_PFCTL=$pfctl pen version --json | jq -e --arg said "${said#pen-pfctl }" \
    'keys == ["pen", "pen-jail", "pen-pfctl", "pen-proxy"] and .["pen-pfctl"] == $said'
  assert_eq unknown "$(PEN_PFCTL=/bin/false pen version --json | jq -r '.["pen-pfctl"]')"
  run env PEN_PFCTL=/no/such/program "$LAB_ROOT/penctl/pen" version
  assert_contains "$output" "pen-pfctl  missing"
}

@test "an option that lacks its value is wrong usage" {
  run pen run --allow
  assert_eq 2 "$status"
  assert_contains "$output" "--allow needs a value"
}

@test "--name=value is --name value" {
  run pen run --timeout=5s --allow=example.test:443 -- true
  assert_eq 0 "$status"
}

@test "the manual page has every command and every option" {
  page=$(MANWIDTH=200 mandoc -Tascii "$LAB_ROOT/doc/man/pen.1" | col -b) || skip "no mandoc here"
  while read -r words; do
    # shellcheck disable=SC2086 # words
    help=$(pen help $words)
    assert_contains "$page" "pen $words"
    while read -r option; do
      [[ $option == --help ]] || assert_contains "$page" "$option"
    done < <(grep -oE '^  (-[a-z], )?--[a-z-]+' <<<"$help" | grep -oE -e '--[a-z-]+')
  done < <(every_command)
}
