#!/bin/bash
# SPDX-License-Identifier: MIT
# bash32-tree.sh - copies shell scripts so that a newer bash runs them by the rules
# of bash 3.2 (ADR 6)
#
# Usage: bash32-tree.sh FROM TO
#
# The copy differs in two ways. "${a[@]}" and "${a[*]}" end the script where the
# array is empty, as set -u has it in 3.2, unless they stand in ${a[@]+...}. And
# each script begins with a prelude: compatibility of BASH_COMPAT, and builtins and
# variables that 3.2 lacks fail when they are used. What cannot be seen at run time
# is for the table in shell.sh.

set -u -o pipefail
export LC_ALL=C

# bash32_prelude - print what every script of the copy begins with
bash32_prelude() {
  cat <<'PRELUDE'
BASH_COMPAT=3.2
enable -n mapfile readarray
unset BASHPID EPOCHSECONDS EPOCHREALTIME SRANDOM BASH_ARGV0 BASH_MONOSECONDS
bash32_fault() {
  builtin printf 'not in bash 3.2: %s\n' "$*" >&2
  builtin kill -ABRT "$$"
  builtin exit 134
}
wait() {
  case ${1-} in -[nfp]*) bash32_fault wait "$@" ;; esac
  builtin wait "$@"
}
read() {
  case " $* " in
    *' -t '*.*' '* | *' -t 0 '*) bash32_fault read "$@" ;;
    *' -N '* | *' -i '*) bash32_fault read "$@" ;;
  esac
  builtin read "$@"
}
printf() {
  case ${1-} in
    -v) case ${2-} in *\[*) bash32_fault printf "$@" ;; esac ;;
    *%\(*\)T* | *\\u* | *\\U*) bash32_fault printf "$@" ;;
  esac
  builtin printf "$@"
}
shopt() {
  case " $* " in
    *' globstar '* | *' lastpipe '* | *' inherit_errexit '* | *' localvar_'*) bash32_fault shopt "$@" ;;
  esac
  builtin shopt "$@"
}
PRELUDE
}

# bash32_script - stdin, a script, as it is in the copy
bash32_script() {
  local mark=$'\001' array='([A-Za-z_][A-Za-z_0-9]*)\[([@*])\]'
  sed -E -e "s/\\+\"\\\$\\{$array\\}\"/$mark\\1[\\2]$mark/g" \
    -e "s/\"\\\$\\{$array\\}\"/\"\${\\1[\\2]?is empty, which is unbound in bash 3.2}\"/g" \
    -e "s/$mark$array$mark/+\"\${\\1[\\2]}\"/g"
}

# bash32_copy FROM TO - FROM as TO, with the prelude behind the comment at its head
# if that names an interpreter
bash32_copy() {
  local first=""
  IFS= read -r first <"$1" || return 0
  case $first in
    '#!/bin/bash'*)
      {
        awk '!/^#/ { exit } { print }' "$1"
        bash32_prelude
        awk '/^#/ && !body { next } { body = 1; print }' "$1" | bash32_script
      } >"$2"
      ;;
    *) bash32_script <"$1" >"$2" ;;
  esac
}

main() {
  local file="" list=""
  (($# == 2)) || {
    echo 'usage: bash32-tree.sh FROM TO' >&2
    return 2
  }
  rm -rf -- "$2"
  cp -R -- "$1" "$2" || return 1
  list=$(find "$1" -type f \( -name '*.sh' -o -name pen \)) || return 1
  while IFS= read -r file; do
    bash32_copy "$file" "$2${file#"$1"}" || return 1
  done <<<"$list"
}

main "$@"
