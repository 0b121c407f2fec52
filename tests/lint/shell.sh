# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shell.sh - lint checks of the shell scripts

lint_check_shellcheck() {
  local list
  list=$(lint_shell_files) || return 1
  [[ -n $list ]] || return 0
  lint_parallel shellcheck <<<"$list"
}

# No printer flag here: any of them makes shfmt ignore .editorconfig.
lint_check_shfmt() {
  local list
  list=$(lint_shell_files) || return 1
  [[ -n $list ]] || return 0
  if ((${fix:-0} == 1)); then
    lint_parallel shfmt -w <<<"$list"
  else
    lint_parallel shfmt -d <<<"$list"
  fi
}

# lint_bash4_table - prints REGEX<tab>WHAT for what bash 3.2 (macOS) lacks
# and shellcheck does not report
lint_bash4_table() {
  cat <<'TABLE'
(declare|local|typeset|readonly)[[:space:]]+-[a-zA-Z]*A	associative array
(declare|typeset)[[:space:]]+-[a-zA-Z]*g	declare -g
(declare|local|typeset)[[:space:]]+-[a-zA-Z]*[lcuI]	declare -l, -u, -c or -I
(^|[;&|[:space:]])local[[:space:]]+-([[:space:]]|$)	local -
(declare|local|typeset)[[:space:]]+-[a-zA-Z]*n	name reference
(^|[^A-Za-z_-])(mapfile|readarray)[[:space:]]	mapfile
\$\{[A-Za-z_0-9]+(\[[^]]*\])?(,|\^)	case conversion
\$\{[^}]*@[QEPAaUuLK]\}	parameter transformation
\$\{[A-Za-z_0-9]+\[-	negative index
\$\{[A-Za-z_0-9@*]+:[^}:-]*:[[:space:]]*-	negative length
\[\[?[[:space:]]+(![[:space:]]+)?-v[[:space:]]	-v test
[^|]\|&[^&]	|&
&>>	&>>
;;?&	;& or ;;&
(^|[[:space:]])\{[A-Za-z_][A-Za-z_0-9]*\}[<>]	{fd} redirection
(^|[;&|[:space:]])coproc[[:space:]]	coproc
(^|[;&|[:space:]])wait[[:space:]]+-[nfp]	wait -n, -f or -p
printf[[:space:]].*%\([^)]*\)T	printf %(...)T
printf[[:space:]]+-v[[:space:]]+"?[A-Za-z_0-9]+\[	printf -v into an element
printf[[:space:]][^|]*\\[uU][0-9a-fA-F]	printf \u
(^|[;&|[:space:]])read[[:space:]]([^;|&]*[[:space:]])?-[Ni]	read -N or -i
(^|[;&|[:space:]])read[[:space:]][^;|&]*-t[[:space:]]*[0-9]*\.[0-9]	read -t with a fraction
shopt[[:space:]].*(globstar|lastpipe|inherit_errexit|localvar_|compat[45]|dirspell|autocd)	shopt of bash 4
BASHPID|BASH_ARGV0|BASH_XTRACEFD|EPOCH(REALTIME|SECONDS)|SRANDOM|READLINE_(LINE|POINT)	variable of bash 4 or 5
\$\{[A-Za-z_0-9]+//?("[^"]*"|[^/"}])+/"[^"]*"	quotes in a replacement, which 3.2 keeps
(==|!=)[[:space:]]+[^[:space:]]*[@+?!*]\(	extended pattern, which 3.2 has with extglob only
\{0[0-9]+\.\.	zero-padded braces
\{[A-Za-z0-9-]+\.\.[A-Za-z0-9-]+\.\.	braces with a step
\$\([^)(]*[[:space:]]?case[[:space:]][^)]*[[:space:]]in([[:space:]]|$)	case in $( ), whose ) ends it in 3.2
(^|[;&|[:space:]])unset[[:space:]]+-n[[:space:]]	unset -n
(^|[;&|[:space:]])(test|\[\[?)[[:space:]]+-R[[:space:]]	test -R
TABLE
}

# lint_bash32_shapes FILE - prints faults that take more than one line: a local
# array that only += makes (3.2 has an empty element before the first), and a case
# in a $( ) of several lines
lint_bash32_shapes() {
  awk '
    /^[[:space:]]*#/ { next }
    /^}/ { split("", bare) }
    /^[[:space:]]*local[[:space:]]/ {
      line = $0
      gsub(/[A-Za-z_0-9]+=("[^"]*"|[^[:space:]]*)/, "", line)
      n = split(line, word, /[[:space:]]+/)
      for (i = 1; i <= n; i++) if (word[i] ~ /^[A-Za-z_0-9]+$/ && word[i] != "local") bare[word[i]] = 1
    }
    /^[[:space:]]*[A-Za-z_0-9]+=\(/ { name = $1; sub(/=.*/, "", name); delete bare[name] }
    /^[[:space:]]*(IFS=[^[:space:]]* )?read .*-a / { split("", bare) }
    match($0, /[A-Za-z_0-9]+\+=\(/) {
      name = substr($0, RSTART, RLENGTH - 3)
      if (name in bare) print FILENAME ":" NR ": not in bash 3.2: " name " is local without =(), then +=("
    }
    /\$\($/ { depth++; next }
    depth && /^[[:space:]]*\)/ { depth-- }
    depth && /(^|[;&|[:space:]])case[[:space:]].*[[:space:]]in$/ {
      print FILENAME ":" NR ": not in bash 3.2: case in $( ), whose ) ends it"
    }' "$1" | grep .
}

lint_check_bash32() {
  local list file regex what table any bad=0 stripped hits
  list=$(lint_shell_files) || return 1
  table=$(lint_bash4_table) || return 1
  any=$(cut -f 1 <<<"$table" | paste -s -d '|' -) || return 1
  while IFS= read -r file; do
    [[ -n $file ]] || continue
    case $file in
      # The table itself, and the test that tries each of its rows.
      tests/lint/shell.sh | tests/lint/lint.bats | tests/lint/bash32-tree.sh) continue ;;
      # bats files are bash only after bats has rewritten them.
      *.bats) ;;
      *) bash -n "$file" || bad=1 ;;
    esac
    ! lint_bash32_shapes "$file" || bad=1
    # Comment lines may name what is forbidden.
    stripped=$(sed 's/^[[:space:]]*#.*//' "$file") || return 1
    grep -qE -e "$any" <<<"$stripped" || continue
    while IFS=$'\t' read -r regex what; do
      hits=$(grep -nE -e "$regex" <<<"$stripped") || continue
      printf '%s: not in bash 3.2: %s\n%s\n' "$file" "$what" "$hits"
      bad=1
    done <<<"$table"
  done <<<"$list"
  return "$bad"
}
