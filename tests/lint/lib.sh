# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# lib.sh - which files lint looks at, and how a check reports

# lint_files pattern... - prints the project's files that match, one a line
lint_files() {
  local file
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -co --exclude-standard -- "$@"
  else
    (($# > 0)) || set -- '*'
    local pattern
    for pattern in "$@"; do
      find . -path ./build -prune -o -type f -path "./$pattern" -print |
        sed 's,^\./,,'
    done
  fi | sort -u | while IFS= read -r file; do
    [[ ! -f $file || -L $file ]] || printf '%s\n' "$file"
  done
}

# lint_shell_files - prints every shell script, by suffix or by first line
lint_shell_files() {
  local file line list
  list=$(lint_files) || return 1
  while IFS= read -r file; do
    case $file in
      *.sh | *.bash | *.bats) printf '%s\n' "$file" ;;
      *.*[a-z]) ;;
      *)
        line=
        IFS= read -r line <"$file" 2>/dev/null
        case $line in
          '#!/bin/bash'* | '#!/bin/sh'* | '#!/usr/bin/env bash'*)
            printf '%s\n' "$file"
            ;;
          *) ;;
        esac
        ;;
    esac
  done <<<"$list"
}

# lint_parallel command... - runs it once for each line of stdin, JOBS at once
lint_parallel() {
  tr '\n' '\0' | xargs -0 -n 1 -P "${JOBS:-2}" "$@"
}

# lint_forbid regex reason file... - faults every line that matches (ERE)
lint_forbid() {
  local regex=$1 reason=$2 hits
  shift 2
  (($# > 0)) || return 0
  # Status 1 is "no match", the good case; 2 and more is grep's own failure.
  hits=$(grep -InHE -e "$regex" -- "$@")
  case $? in
    0)
      printf '%s\n' "$hits" | sed "s/\$/  <- ${reason//\//\\/}/"
      return 1
      ;;
    1) return 0 ;;
    *) return 2 ;;
  esac
}
