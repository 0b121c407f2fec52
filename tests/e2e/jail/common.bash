#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - the beginning of every file of tests of pen-jail: a network of
# the file's own, a proxy that is a stub, and for each test an empty home and
# a project
#
# The tests run for the user who runs them and, where that is root, once more
# for an ordinary user: jail and host run a command as $JAIL_AS.

# shellcheck source=tests/lab/helpers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/helpers.bash"
: "${PEN_JAIL:=$LAB_ROOT/build/$PEN_MODE/pen-jail}"
: "${REAL_PROXY:=$PEN_PROXY}"
JAIL_TESTS=$LAB_ROOT/tests/e2e/jail
PEN_PROXY=$JAIL_TESTS/stub_proxy.py
export PEN_JAIL PEN_PROXY REAL_PROXY JAIL_TESTS
# An ordinary user that no machine has.
readonly JAIL_USER=54321
JAIL_AS=self
HOST=(env)

# jail_setup - a home, a project beside it, and a folder that is in neither
jail_setup() {
  export LAB=$BATS_TEST_TMPDIR
  [[ -x $PEN_JAIL ]] || fail "no pen-jail at $PEN_JAIL: run make first"
  export HOME=$LAB/home
  mkdir -p "$HOME/.ssh" "$LAB/project" "$LAB/outside" "$LAB/var" || return 1
  printf 'a secret\n' >"$HOME/.ssh/id"
  chmod o+x "$BATS_RUN_TMPDIR" || return 1
  cd "$LAB/project" || return 1
}

setup() {
  jail_setup
}

teardown() {
  local status=0
  lab_stop_all "$LAB"
  no_process_left || status=1
  return "$status"
}

# jail_users - prints who the tests are to be run as
jail_users() {
  printf 'self\n'
  [[ $EUID == 0 ]] || return 0
  if as_user test -x "$PEN_JAIL" 2>/dev/null; then
    printf 'user\n'
  else
    printf '# not tried as an ordinary user, who cannot reach %s\n' "$PEN_JAIL" >&3
  fi
}

# own_by USER - the test's folders are self's or the ordinary user's
#
# Sets HOST, what to put in front of a command that is to have its own $!.
own_by() {
  JAIL_AS=$1
  HOST=(env)
  if [[ $JAIL_AS == user ]]; then
    HOST=(setpriv --reuid "$JAIL_USER" --regid "$JAIL_USER" --clear-groups --)
    chown -R "$JAIL_USER:$JAIL_USER" "$LAB"/{home,project,outside,var}
  elif [[ $EUID == 0 ]]; then
    chown -R 0:0 "$LAB"/{home,project,outside,var}
  fi
}

# as_user CMD... - as the ordinary user
as_user() {
  setpriv --reuid "$JAIL_USER" --regid "$JAIL_USER" --clear-groups -- "$@"
}

# host CMD... - as $JAIL_AS, outside of any sandbox
host() {
  if [[ $JAIL_AS == user ]]; then
    as_user "$@"
  else
    "$@"
  fi
}

# jail ARG... - pen-jail, never longer than half a minute
jail() {
  host timeout -k 5 30 "$PEN_JAIL" "$@"
}

# in_jail CMD... - in a fresh sandbox, with the tests' programs readable
in_jail() {
  jail run --mount "$JAIL_TESTS:$JAIL_TESTS:ro" -- "$@"
}

# in_terminal CMD... - with a terminal of its own
in_terminal() {
  local words=""
  printf -v words '%q ' "$@"
  timeout -k 5 30 script -qefc "$words" /dev/null </dev/null
}

# no_process_left - fails if something of this test still runs after a while
no_process_left() {
  "$PYTHON" -SE "$JAIL_TESTS/processes.py" "$LAB"
}

# jail_start [OPTION]... - a sandbox that stays; sets SANDBOX_PID, CONTROL
jail_start() {
  CONTROL=$LAB/var/control.sock
  lab_start sandbox --ready-fd "${HOST[@]}" "$PEN_JAIL" start \
    --control "$CONTROL" "$@" || return 1
  SANDBOX_PID=$LAB_PID
  [[ ${LAB_READY[0]} == "ready $SANDBOX_PID" ]] ||
    fail "ready line: ${LAB_READY[0]}"
}

# jail_exec CMD... - a command in it
jail_exec() {
  jail exec --control "$CONTROL" -- "$@"
}

# child_of PID NAME - prints the child of a process that bears a name
child_of() {
  "$PYTHON" -SE "$JAIL_TESTS/processes.py" --child "$1" "$2"
}
