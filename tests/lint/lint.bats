#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# lint.bats - every lint check passes a good tree and fails a broken one

setup() {
  root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree/proxy" "$tree/penctl" "$tree/doc/man"
  cp "$root"/.clang-format "$root"/.clang-tidy "$root"/.shellcheckrc \
    "$root"/.editorconfig "$tree"
  write proxy/low.h '/* SPDX-License-Identifier: MIT */' \
    '/* low.h - a header of floor 1 */' '' '#ifndef PEN_LOW_H' \
    '#define PEN_LOW_H' '' 'int low_add(int a);' '' '#endif /* PEN_LOW_H */'
  write_c 'int low_add(int a)' '{' '	return a + 1;' '}'
  write penctl/tool.sh '#!/bin/bash' '# SPDX-License-Identifier: MIT' \
    '# tool.sh - does nothing' '' "printf '%s\\n' \"\${1:-}\""
  write doc/man/page.8 '.Dd November 1, 2026' '.Dt PAGE 8' '.Os' \
    '.Sh NAME' '.Nm page' '.Nd a page'
  write Makefile 'floors:' '	@echo 1 proxy/low.c'
  write compile_commands.json "[{\"directory\":\"$tree\",\"file\":\"proxy/low.c\",\"command\":\"cc -std=c11 -Wall -Wextra -Wconversion -I. -c proxy/low.c\"}]"
}

# write file line... - writes the lines into a file of the tree
write() {
  local file=$1
  shift
  printf '%s\n' "$@" >"$tree/$file"
}

# write_c line... - writes proxy/low.c with these lines below its head
write_c() {
  write proxy/low.c '/* SPDX-License-Identifier: MIT */' \
    '/* low.c - a source of floor 1 */' '' '#include "low.h"' '' "$@"
}

lint() {
  LINT_ROOT=$tree run "$root/tests/lint/run.sh" "$@"
}

# refuses check text - the check fails and its report has the text in it
refuses() {
  lint "$1"
  printf '%s\n' "$output"
  [[ $status == 1 && $output == *"$2"* ]]
}

@test "a good tree passes every check" {
  lint
  printf '%s\n' "$output"
  [[ $status == 0 && $output == *'15 passed, 0 failed'* ]]
}

@test "format refuses spaces for tabs" {
  write_c 'int low_add(int a)' '{' '    return a + 1;' '}'
  refuses format 'low.c:7'
}

@test "format refuses a line of 81 columns" {
  write_c "/* $(printf 'x%.0s' {1..75}) */" 'int low_add(int a)' '{' \
    '	return a + 1;' '}'
  refuses format '81 columns'
}

@test "banner refuses a source that does not say what it is for" {
  write proxy/low.c '/* SPDX-License-Identifier: MIT */' '#include "low.h"'
  refuses banner 'low.c:2'
}

@test "banner refuses a header without a guard" {
  write proxy/low.h '/* SPDX-License-Identifier: MIT */' \
    '/* low.h - a header */' 'int low_add(int a);'
  refuses banner 'no include guard'
}

@test "floors refuses an include from above" {
  write Makefile 'floors:' '	@echo 1 proxy/low.c; echo 2 proxy/high.h'
  write proxy/high.h '/* high.h */'
  write_c '#include "high.h"'
  refuses floors 'floor 1 includes high.h of floor 2'
}

@test "floors refuses an include of what stands behind on the same floor" {
  write proxy/side.h '/* side.h */'
  write_c '#include "side.h"'
  write Makefile 'floors:' '	@echo 1 proxy/side.h; echo 1 proxy/low.c'
  lint floors
  [[ $status == 0 ]]
  write Makefile 'floors:' '	@echo 1 proxy/low.c; echo 1 proxy/side.h'
  refuses floors 'side.h stands behind it on floor 1'
}

@test "floors refuses a file without a floor" {
  write proxy/new.c '/* new.c */'
  refuses floors 'proxy/new.c: is on no floor'
}

@test "floors refuses source that two programs share" {
  mkdir "$tree/pfwrap"
  write pfwrap/low.c '#include "../proxy/low.h"'
  refuses floors 'pfwrap/low.c:1: the programs share no source'
}

@test "floors refuses libevent in a pure module" {
  write_c '#include <event2/event.h>'
  refuses floors 'no libevent'
}

@test "headers refuses one that needs another first" {
  write proxy/low.h '#ifndef PEN_LOW_H' '#define PEN_LOW_H' \
    'uint8_t low_add(int a);' '#endif'
  refuses headers 'uint8_t'
}

@test "headers refuses one that cannot be included twice" {
  write proxy/low.h 'struct low { int a; };'
  refuses headers 'redefinition'
}

@test "blocking refuses getaddrinfo but not its name in a comment" {
  write_c '/* getaddrinfo() would block */' 'int low_add(int a)' '{' \
    '	return a + 1;' '}'
  lint blocking
  [[ $status == 0 ]]
  write_c 'int low_add(int a)' '{' \
    '	return getaddrinfo(0, 0, 0, 0) + a;' '}'
  refuses blocking 'getaddrinfo'
}

@test "todo refuses a note of work left to do" {
  write_c "/* TOD""O: more */"
  refuses todo 'low.c:6'
}

@test "words refuses a path of one machine" {
  write doc/note.md "see /wor""k/main"
  refuses words 'note.md:1'
}

@test "words refuses a mirror that the machine is set to" {
  mkdir "$tree/home"
  printf 'registry=https://npm.mirror.test:8080/x/\n' >"$tree/home/.npmrc"
  write doc/note.md 'get it from npm.mirror.test today'
  HOME=$tree/home refuses words 'note.md:1'
}

@test "bash32 refuses an associative array" {
  printf 'declare -A map\n' >>"$tree/penctl/tool.sh"
  refuses bash32 'associative array'
}

@test "bash32 refuses each construct of its table" {
  local line
  for line in 'declare -gA x' 'local -n y=x' 'mapfile -t a <f' \
    'echo ${x,,}' 'echo ${x@Q}' 'echo ${a[-1]}' 'echo ${x:0:-1}' \
    '[[ -v x ]]' 'a |& b' 'a &>>f' 'a) b ;& c) ;;' 'exec {fd}>f' 'coproc a' \
    'wait -n' "printf '%(%s)T' 1" 'printf -v a[0] x' "printf '\\u20ac'" \
    'read -t 0.1 x' 'shopt -s globstar' 'shopt -s lastpipe' \
    'shopt -s inherit_errexit' 'echo $BASHPID' 'echo {01..03}' \
    'declare -l x' 'local -' 'wait -p x' 'read -N 3 x' 'read -r -i x y' \
    'echo $EPOCHSECONDS' 'echo "${x//a/"b"}"' 'x=${y/"$a"/"$b"}' \
    '[[ $x == @(a|b) ]]' 'echo {1..9..2}' 'x=$(case $y in a) echo ;; esac)' \
    'unset -n x' 'a) b ;;& c) ;;' 'declare -u x' 'readarray a'; do
    write penctl/tool.sh '#!/bin/bash' "$line"
    refuses bash32 'not in bash 3.2'
  done
}

@test "bash32 refuses a local array that only += makes" {
  write penctl/tool.sh '#!/bin/bash' 'f() {' '  local a b=""' '  a+=(x)' '}'
  refuses bash32 'a is local without'
  write penctl/tool.sh '#!/bin/bash' 'f() {' '  local a' '  a=()' '  a+=(x)' '}'
  lint bash32
  [[ $status == 0 ]]
}

@test "bash32 refuses a case in a command substitution of several lines" {
  write penctl/tool.sh '#!/bin/bash' 'x=$(' '  case $1 in' '    a) echo b ;;' \
    '  esac' ')'
  refuses bash32 'case in $( )'
}

@test "bash32 lets pass what 3.2 has" {
  write penctl/tool.sh '#!/bin/bash' 'x=${y//"$a"/$b}' 'x=${y//"$a"}' 'x=${y#"$z"}' \
    'read -r -t 30 line' 'wait "$pid"' 'printf -v word %q "$x"' 'f ${a[@]+"${a[@]}"}' \
    '[[ $x == "$(f)" || $x != *[!a-z]* ]]' 'x=$(f "$1")' 'a+=(x)' 'declare -f x' \
    'local -a list' 'unset x' 'case $x in a) ;; esac' 'for ((i = 0; i < 3; i++)); do :; done'
  lint bash32
  [[ $status == 0 ]] || printf '%s\n' "$output"
  [[ $status == 0 ]]
}

# as_bash32 LINE... - run a script of these lines by the rules of bash 3.2
as_bash32() {
  mkdir -p "$tree/from"
  printf '%s\n' '#!/bin/bash' 'set -u' "$@" >"$tree/from/tool.sh"
  "$root/tests/lint/bash32-tree.sh" "$tree/from" "$tree/to" || return 1
  run bash "$tree/to/tool.sh" one two
}

@test "bash32-tree: an empty array is unbound, but for where it is guarded" {
  for use in 'echo "${a[@]}"' 'echo "${a[*]}"' 'f "x" "${a[@]}" y' 'for x in "${a[@]}"; do :; done'; do
    as_bash32 'f() { :; }' 'a=()' "$use" 'echo reached'
    [[ $status != 0 && $output == *"unbound in bash 3.2"* && $output != *reached* ]]
  done
  as_bash32 'a=()' 'set -- ${a[@]+"${a[@]}"} x' 'echo "$# ${#a[@]}"' 'a=("" "y z")' \
    'set -- "${a[@]}" ${a[@]+"${a[@]}"}' 'printf "<%s>" "$@"'
  [[ $status == 0 && $output == "1 0
<><y z><><y z>" ]]
}

@test "bash32-tree: what 3.2 lacks fails when it is used" {
  for use in 'mapfile -t a </dev/null' 'readarray a </dev/null' 'wait -n' 'read -t 0.1 x' 'read -N 1 x' \
    "printf '%(%s)T' 1" 'b=(x); printf -v "b[0]" y' "printf '\\u20ac'" 'shopt -s globstar' \
    'echo "$BASHPID"' 'echo "$EPOCHSECONDS"'; do
    as_bash32 "$use || exit 1"
    [[ $status != 0 ]]
  done
  as_bash32 'read -r -t 5 x <<<"a b"' 'printf -v y "%s" "$x"' 'true & wait "$!"' 'shopt -s extglob' \
    'echo "$y $BASH_COMPAT $2"'
  [[ $status == 0 && $output == "a b 3.2 two" ]]
}

@test "bash32 refuses a syntax error" {
  printf 'if\n' >>"$tree/penctl/tool.sh"
  refuses bash32 'syntax error'
}

@test "shfmt refuses four spaces" {
  printf 'if true; then\n    echo\nfi\n' >>"$tree/penctl/tool.sh"
  refuses shfmt '+  echo'
}

@test "shellcheck refuses an unquoted variable" {
  printf 'rm $1\n' >>"$tree/penctl/tool.sh"
  refuses shellcheck 'SC2086'
}

@test "a script without a suffix is found by its first line" {
  write penctl/tool '#!/bin/bash' 'declare -A map'
  refuses bash32 'penctl/tool:'
}

@test "mandoc refuses an unknown macro" {
  printf '.Qqq\n' >>"$tree/doc/man/page.8"
  refuses mandoc 'Qqq'
}

@test "warnings refuses a narrowing conversion, with both compilers" {
  write_c 'int low_add(int a)' '{' '	char c = a;' '' '	return c;' '}'
  refuses warnings-gcc 'conversion'
  refuses warnings-clang 'conversion'
}

@test "cppcheck refuses a read beyond an array" {
  write_c 'int low_add(int a)' '{' '	int b[2] = { a, a };' '' \
    '	return b[2];' '}'
  refuses cppcheck 'arrayIndexOutOfBounds'
}

@test "clang-tidy refuses a null pointer that is read" {
  write_c 'int low_add(int a)' '{' '	int *p = 0;' '' '	if (a)' \
    '		p = &a;' '	return *p;' '}'
  refuses clang-tidy 'NullDereference'
}
