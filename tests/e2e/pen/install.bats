#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# install.bats - P21: install.sh and uninstall.sh, for one user, without root

load common

# own_tree - a copy of the source tree, with what was built, in $LAB/tree
own_tree() {
  [[ $PEN_MODE == release ]] || skip "installs a release build"
  [[ -d $LAB_ROOT/build/release/proxy ]] || skip "no build to copy"
  mkdir -p "$LAB/tree/build"
  for path in "$LAB_ROOT"/.ci "$LAB_ROOT"/*; do
    case ${path##*/} in
      build | tests) ;;
      *) cp -a "$path" "$LAB/tree/" ;;
    esac
  done
  cp -a "$LAB_ROOT/build/release" "$LAB_ROOT/build/include" "$LAB/tree/build/"
}

@test "P21: installed, used, uninstalled: nothing is left but the user's policy" {
  own_tree
  timeout 300 "$LAB/tree/install.sh" --prefix "$LAB/prefix" >out 2>&1 || fail "$(cat out)"
  assert_contains "$(cat out)" "add to PATH: $LAB/prefix/bin"
  unset PEN_PROXY PEN_JAIL
  run "$LAB/prefix/bin/pen" run --allow example.test:80 -- curl -s --max-time 5 http://example.test/
  assert_contains "$output" '"line": "GET / '
  "$LAB/prefix/bin/pen" init
  "$LAB/prefix/bin/pen" start
  [[ -n $(processes_of_test) ]]
  run "$LAB/tree/uninstall.sh" --prefix "$LAB/prefix"
  assert_eq 0 "$status" "$output"
  no_process_left
  [[ ! -e $LAB/prefix ]] || assert_eq "" "$(find "$LAB/prefix")"
  [[ -n $(find "$HOME/.pen" -name http-allowlist.txt) ]]
}

@test "P21: uninstall.sh --purge removes the user's state as well" {
  own_tree
  timeout 300 "$LAB/tree/install.sh" --prefix "$LAB/prefix" >out 2>&1 || fail "$(cat out)"
  "$LAB/prefix/bin/pen" init
  echo '{"mounts": [{"volume": "cache", "target": "/cache"}]}' >"$(sandbox_dir)/config.json"
  "$LAB/prefix/bin/pen" run -- touch /cache/kept
  [[ -n $(find "$HOME" -name kept) ]]
  run "$LAB/tree/uninstall.sh" --purge --prefix "$LAB/prefix"
  assert_eq 0 "$status" "$output"
  [[ ! -e $HOME/.pen ]]
  assert_eq "" "$(find "$HOME" -name kept)"
}

@test "P21: wrong usage of install.sh and uninstall.sh: exit 2" {
  for words in "install.sh --prefix relative" "install.sh --nonsense" "uninstall.sh --prefix" "uninstall.sh now"; do
    # shellcheck disable=SC2086 # words
    run "$LAB_ROOT"/$words
    assert_eq 2 "$status" "status of $words"
  done
  run "$LAB_ROOT/uninstall.sh" --prefix "$LAB/nowhere"
  assert_eq 1 "$status"
}
