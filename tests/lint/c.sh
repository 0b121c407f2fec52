# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# c.sh - lint checks of the C sources

lint_c_files() {
  lint_files '*.c' '*.h'
}

# Formatting, by .clang-format (pinned to version 14), and no line over 80
# columns, comments included.  With --fix: rewrites.
lint_check_format() {
  local list file bad=0
  list=$(lint_c_files) || return 1
  [[ -n $list ]] || return 0
  if ((${fix:-0} == 1)); then
    lint_parallel clang-format -i <<<"$list"
  else
    # The first fault of each file is enough: `make format` mends them all.
    lint_parallel clang-format --dry-run -Werror <<<"$list" 2>&1 |
      awk -F: '/: (error|warning): / { if (!seen[$1]++) print }
        END { exit (NR > 0) }' || bad=1
    while IFS= read -r file; do
      expand -t 8 "$file" | awk -v file="$file" 'length($0) > 80 {
        print file ":" NR ": " length($0) " columns"; bad = 1
      } END { exit bad }' || bad=1
    done <<<"$list"
    return "$bad"
  fi
}

# Every source opens with SPDX and "file.c - what it is for"; a header has a
# guard PEN_..._H.
lint_check_banner() {
  local file list bad=0 name
  list=$(lint_files '*.c' '*.h' '*.sh') || return 1
  while IFS= read -r file; do
    [[ -n $file ]] || continue
    name=${file##*/}
    if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
      printf '%s:1: no SPDX line\n' "$file"
      bad=1
    fi
    case $file in
      *.h)
        grep -qE '^#ifndef PEN_[A-Z0-9_]+_H$' "$file" || {
          printf '%s: no include guard PEN_..._H\n' "$file"
          bad=1
        }
        ;;
      *) ;;
    esac
    case $file in
      # The first comment of a command is its help text.
      penctl/commands/lib/*) ;;
      penctl/commands/*) continue ;;
      *) ;;
    esac
    if ! head -n 6 "$file" | grep -qF -- "$name - "; then
      printf '%s:2: the banner does not say "%s - what it is for"\n' \
        "$file" "$name"
      bad=1
    fi
  done <<<"$list"
  return "$bad"
}

# The floor rule: a file of proxy/ includes project headers of lower floors and,
# on its own floor, of files that stand before it in the list; so there are no
# circles.  Excepted are its own header and those of its own module
# (conn_private.h in conn_tunnel.c).  The table is in the Makefile.
lint_check_floors() {
  local floors list
  floors=$(make --no-print-directory -s floors) || return 1
  list=$(lint_files 'proxy/*.[ch]' 'jail/*.[ch]' 'pfwrap/*.[ch]') || return 1
  [[ -n $list ]] || return 0
  # shellcheck disable=SC2086 # no file of these folders has a space
  awk -v floors="$floors" '
    function module(name) {
      sub(/_.*/, "", name)
      return name
    }
    BEGIN {
      n = split(floors, pair, /[ \n]+/)
      for (i = 1; i < n; i += 2) {
        name = pair[i + 1]
        sub(/^.*\//, "", name); sub(/\.[ch]$/, "", name)
        floor[name] = pair[i]
        # A module ranks where the first of its files stands.
        if (!(module(name) in rank)) {
          rank[module(name)] = i
          module_floor[module(name)] = pair[i]
        }
      }
    }
    # A private header (conn_priv.h) is on the floor of its module.
    function settle(name) {
      if (!(name in floor) && module(name) in module_floor)
        floor[name] = module_floor[module(name)]
    }
    FNR == 1 {
      in_proxy = FILENAME ~ /^proxy\//
      me = FILENAME
      sub(/^.*\//, "", me); sub(/\.[ch]$/, "", me)
      if (FILENAME ~ /\.h$/)
        settle(me)
      if (in_proxy && !(me in floor)) {
        print FILENAME ": is on no floor (PROXY_FLOOR_N in the Makefile)"
        bad = 1
      }
    }
    /^[ \t]*#[ \t]*include[ \t]*<event2\// && in_proxy && floor[me] == 1 {
      print FILENAME ":" FNR ": floor 1 is pure: no libevent"
      bad = 1
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
      split($0, part, "\"")
      path = part[2]
      if (path == "pen_build.h")
        next
      if (!in_proxy) {
        if (path ~ /(proxy|jail|pfwrap)\//) {
          print FILENAME ":" FNR ": the programs share no source"
          bad = 1
        }
        next
      }
      if (path ~ /(jail|pfwrap)\//) {
        print FILENAME ":" FNR ": the programs share no source"
        bad = 1
        next
      }
      name = path
      sub(/^.*\//, "", name); sub(/\.h$/, "", name)
      if (module(name) == module(me))
        next
      settle(name)
      if (!(name in floor)) {
        print FILENAME ":" FNR ": " path " is on no floor"
        bad = 1
      } else if (me in floor && floor[name] + 0 > floor[me] + 0) {
        print FILENAME ":" FNR ": floor " floor[me] " includes " path \
          " of floor " floor[name]
        bad = 1
      } else if (me in floor && floor[name] == floor[me] &&
          rank[module(name)] > rank[module(me)]) {
        print FILENAME ":" FNR ": " path " stands behind it on floor " \
          floor[me]
        bad = 1
      }
    }
    END { exit bad }' $list
}

# Calls that would stop the event loop.  Comments may name them.
lint_check_blocking() {
  local file list hits bad=0
  list=$(lint_files 'proxy/*.c' 'proxy/*.h') || return 1
  while IFS= read -r file; do
    [[ -n $file ]] || continue
    hits=$(gcc -fpreprocessed -dD -E -P "$file" 2>/dev/null | grep -noE \
      '(^|[^A-Za-z0-9_])(sleep|usleep|nanosleep|getaddrinfo|gethostbyname|gethostbyname2|system|popen)[[:space:]]*\(')
    if [[ -n $hits ]]; then
      printf '%s: blocking call: %s\n' "$file" "$hits"
      bad=1
    fi
  done <<<"$list"
  return "$bad"
}

# lint_commands compiler - prints one shell command line for each source, from
# compile_commands.json, that compiles it with that compiler and -Werror
lint_commands() {
  jq -r --arg cc "$1" '.[] | .command | sub("^[^ ]+"; $cc)
    + " -Werror -O2 -o /dev/null"' compile_commands.json
}

# The warnings of the Makefile are errors, with both compilers.
lint_check_warnings_gcc() {
  local commands
  commands=$(lint_commands gcc) || return 1
  lint_parallel sh -c <<<"$commands"
}

lint_check_warnings_clang() {
  local commands
  commands=$(lint_commands clang) || return 1
  lint_parallel sh -c <<<"$commands"
}

# Every header compiles alone, and twice in a row (helpers that it defines for
# tests are then unused).
lint_check_headers() {
  local file list dir base command commands
  list=$(lint_files '*.h') || return 1
  [[ -n $list ]] || return 0
  mkdir -p build/lint || return 1
  commands=
  while IFS= read -r file; do
    dir=${file%/*}
    base=build/lint/${file//\//_}.c
    printf '#include "%s"\n#include "%s"\nint lint_unit;\n' \
      "$file" "$file" >"$base" || return 1
    command=$(jq -r --arg dir "$dir/" --arg base "$base" '
      ([.[] | select(.file | startswith($dir))][0]
        // error("no source of \($dir) is listed in the Makefile")) as $entry
      | ($entry.command | rtrimstr($entry.file)) + $base
      + " -Werror -Wno-unused-function -o /dev/null"' \
      compile_commands.json) || return 1
    commands+=$command$'\n'
  done <<<"$list"
  lint_parallel sh -c <<<"${commands%$'\n'}"
}

# Suppressions stand inline, with a reason beside them.
lint_check_cppcheck() {
  [[ $(jq length compile_commands.json) != 0 ]] || return 0
  cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j "${JOBS:-2}" \
    --enable=warning,performance --project=compile_commands.json \
    --suppress=missingIncludeSystem --library=posix \
    --library="${lint_home:?}/uthash.cfg" \
    --template='{file}:{line}: {severity}: {message} [{id}]'
}

# The checks, and why some are off, are in .clang-tidy.
lint_check_clang_tidy() {
  local list output status
  list=$(jq -r '.[].file' compile_commands.json) || return 1
  output=$(lint_parallel clang-tidy --quiet -p . <<<"$list" 2>&1)
  status=$?
  # "N warnings generated." is about system headers.
  printf '%s\n' "$output" | grep -vE '^[0-9]+ warnings? generated\.$'
  return "$status"
}
