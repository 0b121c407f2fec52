#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# wrong_input.bats - what a new user does wrong, and what a machine lacks: one
# clear line, the right exit status, nothing half done

load common

teardown() {
  local status=0
  pen_teardown || status=1
  [[ ! -d ${USER_DIR:-} ]] || rm -rf "$USER_DIR"
  return "$status"
}

# new_user - an ordinary user's home in $USER_DIR, with a project in it
new_user() {
  [[ $EUID == 0 ]] || skip "needs root to become another user"
  [[ $(cat /proc/self/uid_map) =~ 4294967295 ]] || skip "needs more than one user id"
  setpriv --reuid 4711 --regid 4711 --clear-groups test -x "$LAB_ROOT/penctl/pen" ||
    skip "an ordinary user cannot reach $LAB_ROOT"
  USER_DIR=$(mktemp -d)
  mkdir "$USER_DIR/project"
  chown -R 4711:4711 "$USER_DIR"
}

# as_user CMD... - run CMD as that user, in the project
as_user() {
  (
    cd "$USER_DIR/project" || exit 1
    HOME=$USER_DIR exec setpriv --reuid 4711 --regid 4711 --clear-groups "$@"
  )
}

@test "no command, a bad rule, a bad port: status 2 and nothing made" {
  run pen run
  assert_eq 2 "$status"
  assert_contains "$output" "a command is missing"
  for rule in 'bad rule' example.test:port example.test:70000 example.test 'https://example.test/'; do
    run pen run --allow "$rule" -- touch ran
    assert_eq 2 "$status" "status for '$rule'"
    one_line "$output"
    assert_contains "$output" "'$rule'"
  done
  [[ ! -e ran ]]
  assert_eq "" "$(find "$HOME/.pen" -type f 2>/dev/null)" "files"
}

@test "bubblewrap is missing: status 125 and the package's name" {
  [[ -e /usr/bin/bwrap ]] || skip "bubblewrap is elsewhere here"
  cat >"$LAB/without-bwrap" <<'END'
#!/bin/bash
mount --bind /dev/null /usr/bin/bwrap && exec "$@"
END
  chmod +x "$LAB/without-bwrap"
  without=(unshare -m "$LAB/without-bwrap" "$LAB_ROOT/penctl/pen")
  run "${without[@]}" run -- touch ran
  assert_eq 125 "$status"
  one_line "$output"
  assert_contains "$output" "bubblewrap"
  [[ ! -e ran ]]
  no_process_left
  pen init
  run "${without[@]}" start
  assert_eq 1 "$status"
  one_line "$output"
  run pen status
  assert_eq 1 "$status"
  run "${without[@]}" doctor
  assert_eq 1 "$status"
  assert_contains "$output" "missing  bwrap"
}

@test "user namespaces are forbidden: status 125 and the setting's name" {
  cat >forbid.sh <<'END'
echo 0 >/proc/sys/user/max_user_namespaces || exit 99
exec "$@"
END
  run unshare -Ur bash forbid.sh "$LAB_ROOT/penctl/pen" run -- touch ran
  [[ $status != 99 ]] || skip "user namespaces cannot be forbidden here"
  assert_eq 125 "$status"
  one_line "$output"
  assert_contains "$output" "max_user_namespaces"
  [[ ! -e ran ]]
}

@test "pen-proxy or pen-jail is missing: said, with what to do" {
  for name in PEN_PROXY PEN_JAIL; do
    run env "$name=/no/such/program" "$LAB_ROOT/penctl/pen" run -- touch ran
    [[ $status == 2 || $status == 125 ]] || fail "status $status"
    one_line "$output"
    assert_contains "$output" "/no/such/program"
  done
  [[ ! -e ran ]]
}

@test "HOME is not set, or cannot be written" {
  run env -u HOME "$LAB_ROOT/penctl/pen" run -- true
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" HOME
  new_user
  run as_user env HOME=/proc "$LAB_ROOT/penctl/pen" run -- touch ran
  [[ $status == 125 || $status == 2 ]] || fail "status $status"
  assert_contains "$output" "/proc/.pen"
}

@test "the config cannot be read: said, as an ordinary user" {
  new_user
  run as_user "$LAB_ROOT/penctl/pen" init
  assert_eq 0 "$status"
  find "$USER_DIR/.pen" -name config.json -exec chmod 000 {} +
  run as_user "$LAB_ROOT/penctl/pen" run -- touch ran
  assert_eq 125 "$status"
  one_line "$output"
  assert_contains "$output" "config.json"
  [[ ! -e $USER_DIR/project/ran ]]
}

@test "an ordinary user's sandbox works" {
  new_user
  run as_user "$LAB_ROOT/penctl/pen" run --allow example.test:80 -- curl -s --max-time 5 http://example.test/
  assert_eq 0 "$status"
  assert_contains "$output" '"line": "GET / '
}

@test "the disk is full: one line, and the command does not run" {
  mount -t tmpfs -o size=512k full "$HOME" || skip "no tmpfs can be mounted here"
  pen init
  head -c 1m /dev/zero >"$HOME/filler" 2>/dev/null || true
  run pen run -- touch ran
  assert_eq 125 "$status"
  one_line "$output"
  [[ ! -e ran ]]
  run pen allow example.test:443
  assert_eq 1 "$status"
  rm "$HOME/filler"
  assert_eq "" "$(cat "$(sandbox_dir)/http-allowlist.txt")"
  run pen start
  assert_eq 0 "$status"
}

@test "the disk fills up while the sandbox runs: the log stops, the sandbox goes on" {
  mount -t tmpfs -o size=768k full "$HOME" || skip "no tmpfs can be mounted here"
  pen init
  pen allow example.test:80
  pen start
  head -c 1m /dev/zero >"$HOME/filler" 2>/dev/null || true
  for _ in 1 2 3; do
    run pen exec -- curl -s --max-time 5 http://example.test/
    assert_eq 0 "$status"
    assert_contains "$output" '"line": "GET / '
  done
  rm "$HOME/filler"
}

@test "the directory is gone" {
  mkdir gone
  cd gone
  rmdir ../gone
  run pen run -- true
  [[ $status == 2 ]] || fail "status $status: $output"
  cd "$LAB"
}
