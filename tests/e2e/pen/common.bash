#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - the beginning of every file of tests of pen: a namespace of the
# file's own, an origin, a DNS server, and for each test an empty home and a
# project directory

# shellcheck source=tests/lab/helpers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/helpers.bash"
lab_netns

: "${PEN_JAIL:=$LAB_ROOT/build/$PEN_MODE/pen-jail}"
export PEN_JAIL
export NO_COLOR=1
bats_require_minimum_version 1.5.0

setup_file() {
  lab_standard
  own_terminals
  # Another copy of the command tree takes its place (make check-bash32).
  [[ -z ${PEN_TREE-} ]] || mount --bind "$PEN_TREE" "$LAB_ROOT/penctl"
}

# own_terminals - pseudo-terminals of this namespace's own: a /dev/ptmx that is
# mounted alone does not find its folder
own_terminals() {
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0600 devpts /dev/pts || return 1
  mount --bind /dev/pts/ptmx /dev/ptmx
}

teardown_file() {
  lab_file_teardown
}

setup() {
  pen_setup
}

teardown() {
  pen_teardown
}

# pen_setup - a home that no test has used, and a project in which it stands
pen_setup() {
  lab_setup
  [[ -x $PEN_JAIL ]] || fail "no pen-jail at $PEN_JAIL: run make first"
  mkdir -p "$LAB/project"
  cd "$LAB/project" || return 1
}

# pen_teardown - no sandbox outlives its test
pen_teardown() {
  local status=0
  if [[ -d $HOME/.pen ]]; then
    pen stop --all >/dev/null || status=1
  fi
  no_process_left || status=1
  lab_teardown || status=1
  return "$status"
}

# pen ARG... - the program under test, never longer than a minute
pen() {
  timeout -k 5 60 "$LAB_ROOT/penctl/pen" "$@"
}

# pen_in_terminal ARG... - the same with a terminal of its own
pen_in_terminal() {
  local words=""
  printf -v words '%q ' "$LAB_ROOT/penctl/pen" "$@"
  timeout -k 5 60 script -qefc "$words" /dev/null </dev/null
}

# sandbox_dir - print where pen keeps the sandbox of the current directory
sandbox_dir() {
  pen status --json | jq -r '.allowlist | sub("/[^/]*$"; "")'
}

# processes_of_test - print the processes that run for this test's home
processes_of_test() {
  local file="" pid="" words=""
  for file in /proc/[0-9]*/cmdline; do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    words=$({ tr '\0' ' ' <"$file"; } 2>/dev/null) || continue
    case $words in
      *pen-jail*"$LAB"* | *pen-proxy*"$LAB"* | *bwrap*"$LAB"*)
        printf '%s %s\n' "$pid" "$words"
        ;;
      *) ;;
    esac
  done
}

# no_process_left - fails if a sandbox or a proxy of this test still lives
no_process_left() {
  local left=""
  left=$(processes_of_test)
  [[ -z $left ]] || fail "left over: $left"
}

# wait_for TEXT FILE - wait until FILE has TEXT; fails after 20 seconds
wait_for() {
  grep -q -e "$1" < <(exec timeout 20 tail -n +1 -F "$2" 2>/dev/null 3>&-)
}

# one_line TEXT - fails unless TEXT is a single line of pen's
one_line() {
  [[ $1 == pen*:* && $1 != *$'\n'* ]] || fail "not one line of pen's: $1"
}

# fetch URL [ARG]... - the words of a curl in the sandbox, quiet and limited;
# the authority is copied into the project, as nothing else is seen inside
fetch_words() {
  cp "$CERTS/ca.pem" "$PWD/ca.pem"
  # shellcheck disable=SC2034 # for the test files
  FETCH=(curl -sS --max-time 20 --cacert "$PWD/ca.pem")
}
