#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# completion.bats - P13: completion in the real shells, on a terminal

load common

setup() {
  pen_setup
  pen init
  ln -s "$LAB_ROOT/penctl/pen" "$LAB/pen"
  PATH=$LAB:$PATH
}

# press SHELL TEXT - print the line that TEXT becomes in SHELL; ^I is Tab
press() {
  timeout -k 5 60 "$PYTHON" "$BATS_TEST_DIRNAME/press_tab.py" "$1" pen "$2" | xargs
}

# every_command - print the words of every command, one a line
every_command() {
  (cd "$LAB_ROOT/penctl/commands" && find . -name '*.sh' ! -path './lib/*' |
    sed 's,^\./,,; s,\.sh$,,; s,/, ,g')
}

# offers SHELL TEXT - print what SHELL offers behind TEXT, one a line
offers() {
  # The script of each shell is made once a test.
  export SCRIPT=$LAB/completion.$1
  [[ -e $SCRIPT ]] || pen completion "$1" >"$SCRIPT" || fail "pen completion $1"
  case $1 in
    bash)
      # shellcheck disable=SC2016 # for the inner bash
      bash --norc -c '
        source "$SCRIPT" || exit 1
        COMP_LINE=$1 COMP_POINT=${#1}
        _pen
        printf "%s\n" "${COMPREPLY[@]}"' bash "$2"
      ;;
    fish)
      # shellcheck disable=SC2016 # for fish
      fish --no-config -c 'source $SCRIPT; complete -C $argv[1] | string split -f 1 \t' "$2"
      ;;
    zsh)
      # What compadd gets, outside of a completion.
      # shellcheck disable=SC2016 # for zsh
      zsh -f -c '
        autoload -Uz compinit; compinit -u -D
        source "$SCRIPT" || exit 1
        compadd() { while [[ $1 == -* && $1 != -a ]]; do shift; done; print -l -- ${(P)2} }
        _files() { : }
        words=(${=1} ""); [[ $1 == *" " ]] || words=(${=1})
        CURRENT=${#words}
        _pen' zsh "$2"
      ;;
  esac
}

# in_shell SHELL - the tests of one shell
in_shell() {
  command -v "$1" >/dev/null || skip "no $1 here"
  local text="" line=""
  pen allow example.test:443 '*.wild.test:8443' 'other.test:22 up=1m' >/dev/null
  while IFS='=' read -r text line; do
    assert_eq "$line" "$(press "$1" "$text")" "$1: $text"
  done <<'END'
pen pru^I=pen prune
pen proxy lo^I=pen proxy logs
pen proxy logs --fol^I=pen proxy logs --follow
pen config ba^I=pen config backup
pen completion fi^I=pen completion fish
pen init --pre^I=pen init --preset
pen init --preset gitl^I=pen init --preset gitlab
pen init --runtime jai^I=pen init --runtime jail
pen allow @gitl^I=pen allow @gitlab
pen run --allow @pyp^I=pen run --allow @pypi
pen deny exam^I=pen deny example.test:443
pen deny example.test:^I=pen deny example.test:443
pen deny \*.w^I=pen deny *.wild.test:8443
pen deny ot^I=pen deny other.test:22
pen help pru^I=pen help prune
pen help proxy lo^I=pen help proxy logs
pen run --rea^I=pen run --read-only
pen run -- cat --rea^I=pen run -- cat --rea
END
  # The same for the separator of the table above.
  assert_eq "pen init --preset=gitlab" "$(press "$1" "pen init --preset=gitl^I")"
  touch "$PWD/a-file-of-mine"
  assert_eq "pen run --stats a-file-of-mine" "$(press "$1" "pen run --stats a-fi^I")"
}

@test "P13: bash completes on a terminal" {
  in_shell bash
}

@test "P13: zsh completes on a terminal" {
  in_shell zsh
}

@test "P13: fish completes on a terminal" {
  in_shell fish
}

@test "P13: every command and every option of its help is offered" {
  for shell in bash zsh fish; do
    command -v "$shell" >/dev/null || continue
    while read -r words; do
      before=${words% *}
      [[ $before != "$words" ]] || before=""
      offered=$LAB/offered.$shell.${before:-pen}
      [[ -e $offered ]] || offers "$shell" "pen ${before:+$before }" >"$offered"
      grep -qxF -e "${words##* }" "$offered" || fail "$shell: pen $words"
    done < <(every_command)
  done
  while read -r words; do
    # shellcheck disable=SC2086 # words
    pen help $words | grep -oE '^  (-[a-z], )?--[a-z-]+' | grep -oE -e '--[a-z-]+' >"$LAB/options"
    for shell in bash zsh fish; do
      command -v "$shell" >/dev/null || continue
      offers "$shell" "pen $words --" | sort >"$LAB/offered"
      while read -r option; do
        grep -qxF -e "$option" "$LAB/offered" || fail "$shell: pen $words $option: $(xargs <"$LAB/offered")"
      done <"$LAB/options"
    done
  done < <(every_command | grep -E '^(run|init|allow|proxy logs|config show|rm)$')
}

@test "P13: presets and runtimes are those that there are, rules are this sandbox's" {
  for file in "$LAB_ROOT"/penctl/presets/*.txt; do
    name=${file##*/}
    offers bash "pen init --preset " | grep -qxF -e "${name%.txt}" || fail "${name%.txt}"
    break
  done
  for file in "$LAB_ROOT"/penctl/commands/lib/runtime/*.sh; do
    name=${file##*/}
    offers bash "pen init --runtime " | grep -qxF -e "${name%.sh}" || fail "${name%.sh}"
  done
  [[ $(offers bash "pen deny ") != *example.test* ]]
  pen allow example.test:443
  pen allow --network 192.0.2.1:22
  echo '# a comment: $(touch ran)' >>"$(sandbox_dir)/http-allowlist.txt"
  echo '$(touch${IFS}ran)' >>"$(sandbox_dir)/http-allowlist.txt"
  offers bash "pen deny " | grep -qxF -e "example.test:443"
  offers bash "pen deny --network 192" | grep -qxF -e "192.0.2.1:22"
  [[ ! -e ran ]]
  mkdir "$LAB/nothing-here"
  cd "$LAB/nothing-here"
  [[ $(offers bash "pen deny ") != *example.test* ]]
}

@test "P13: without a shell's name, and with an unknown one: exit 2" {
  run pen completion
  assert_eq 2 "$status"
  run pen completion csh
  assert_eq 2 "$status"
}
