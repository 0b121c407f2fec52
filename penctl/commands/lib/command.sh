# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# command.sh - what every command begins with: shell settings, help, options,
# and the walk over the tree of command files
#
# A command file starts with its own documentation, the only place of it:
#
#   #!/bin/bash
#   # SPDX-License-Identifier: MIT
#   # Summary: one line
#   # Usage: pen NAME [OPTION]... ARGUMENTS
#   #
#   # Help text; options as "  --name VALUE   what it does", one a line.
#
# and goes on with set -u -o pipefail, all.sh, and main() { command_begin ...

# command_begin - set the shell up for a command. What the caller had (umask,
# LC_ALL) is kept for the programs that run for the caller; pen itself makes
# private files, compares bytes, and looks for the system's tools first.
command_begin() {
  command_caller_umask=$(umask)
  command_caller_lc_all=${LC_ALL-}
  umask 077
  export LC_ALL=C
  PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:$PATH
  undo_begin
}

# command_as_caller CMD [ARG]... - exec CMD as the caller's own shell would
command_as_caller() {
  umask "$command_caller_umask"
  if [[ -n $command_caller_lc_all ]]; then
    export LC_ALL=$command_caller_lc_all
  else
    unset LC_ALL
  fi
  exec "$@"
}

# command_header FILE - print the documentation at the head of a command file
command_header() {
  awk 'NR <= 2 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$1"
}

# command_field FILE NAME - print the value of the header line "NAME: value"
command_field() {
  local line=""
  while IFS= read -r line; do
    case $line in
      "# $2: "*)
        printf '%s\n' "${line#"# $2: "}"
        return 0
        ;;
      '#'*) ;;
      *) break ;;
    esac
  done <"$1"
  return 1
}

# command_help FILE - print the help of a command, and exit
command_help() {
  command_header "$1" | awk '
    NR == 1 { sub(/^Summary: /, ""); summary = $0; next }
    NR == 2 { sub(/^Usage: /, ""); print "Usage: " $0; print ""; print summary; next }
    { print }'
  exit
}

# command_usage TEXT... - wrong usage: say what, and the usage line; exit 2
command_usage() {
  log_note "$*"
  printf 'Usage: %s\n' "$(command_field "$0" Usage)" >&2
  exit 2
}

# command_value "$@" - the option in $1 must have a value in $2: of a script's
# variable that is unset, too, something must be said
command_value() {
  (($# >= 2)) || command_usage "$1 needs a value"
  [[ -n $2 ]] || die_input "$1 needs a value, and not an empty one"
}

# command_pair "$@" - the option in $1 must have NAME=VALUE in $2: of a bare NAME
# an engine's client takes the value from the host's environment; exit 2
command_pair() {
  local form='^[A-Za-z_][A-Za-z0-9_]*='
  (($# >= 2)) || command_usage "$1 needs a value"
  [[ $2 =~ $form ]] || die_input "$1: '$2' is not NAME=VALUE"
}

# command_option OPTION - common end of every option list: help, or unknown
command_option() {
  case $1 in
    -h | --help) command_help "$0" ;;
    *) command_usage "unknown option $1" ;;
  esac
}

# command_none "$@" - the command takes nothing but --help
command_none() {
  (($# == 0)) && return
  case $1 in
    -*) command_option "$1" ;;
    *) command_usage "unexpected argument '$1'" ;;
  esac
}

# command_json "$@" - the command takes nothing but --json (and --help); sets
# command_wants_json to yes or no
command_json() {
  command_wants_json=no
  while (($#)); do
    case $1 in
      --json) command_wants_json=yes ;;
      *) command_none "$1" ;;
    esac
    shift
  done
}

# command_words FOLDER - print the words that FOLDER knows, one a line
command_words() {
  local path="" name=""
  for path in "$1"/*; do
    name=${path##*/}
    case $name in
      lib | '*') ;;
      *.sh) printf '%s\n' "${name%.sh}" ;;
      *) [[ ! -d $path ]] || printf '%s\n' "$name" ;;
    esac
  done | sort -u
}

# command_list FOLDER PREFIX - print the commands in FOLDER with their summary
command_list() {
  local word="" words=""
  words=$(command_words "$1") || die "cannot read $1"
  while IFS= read -r word; do
    if [[ -f $1/$word.sh ]]; then
      printf '  %-24s %s\n' "$2 $word" "$(command_field "$1/$word.sh" Summary)"
    else
      command_list "$1/$word" "$2 $word"
    fi
  done <<<"$words"
}

# command_nearest WORD FOLDER - print the word of FOLDER that WORD was most
# likely meant to be, if one is near (edit distance at most 2)
command_nearest() {
  command_words "$2" | awk -v want="$1" '
    function least(a, b, c) { return a < b ? (a < c ? a : c) : (b < c ? b : c) }
    function distance(s, t,    i, j, n, m, d, same) {
      n = length(s); m = length(t)
      for (i = 0; i <= n; i++) d[i, 0] = i
      for (j = 0; j <= m; j++) d[0, j] = j
      for (i = 1; i <= n; i++)
        for (j = 1; j <= m; j++) {
          same = substr(s, i, 1) == substr(t, j, 1)
          d[i, j] = least(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + !same)
          # Two letters in the wrong order are one slip.
          if (i > 1 && j > 1 && substr(s, i, 1) == substr(t, j-1, 1) &&
              substr(s, i-1, 1) == substr(t, j, 1) &&
              d[i-2, j-2] + 1 < d[i, j])
            d[i, j] = d[i-2, j-2] + 1
        }
      return d[n, m]
    }
    BEGIN { best = 2.5 }
    {
      near = distance(want, $0)
      # Of equally near ones that of which it is the beginning; else that of the
      # same length: no letter is missing.
      rank = index($0, want) == 1 ? 2 : length($0) == length(want)
      if (near < best || (near == best && rank > best_rank)) {
        best = near; best_rank = rank; word = $0
      }
    }
    END { if (best < 2.5 && best < length(want)) print word }'
}

# command_find FOLDER WORD... - walk the tree; sets command_path to the file
# or folder reached, command_name to the words, command_taken to their number
command_find() {
  local pattern='^[a-z][a-z0-9-]*$'
  command_path=$1
  command_name=pen
  command_taken=0
  shift
  while (($#)) && [[ -d $command_path ]]; do
    [[ $1 != lib && $1 =~ $pattern ]] || return
    if [[ -f $command_path/$1.sh ]]; then
      command_path=$command_path/$1.sh
    elif [[ -d $command_path/$1 ]]; then
      command_path=$command_path/$1
    else
      return 0
    fi
    command_name="$command_name $1"
    command_taken=$((command_taken + 1))
    shift
  done
}

# command_dispatch FOLDER WORD... - run the command that the words name
command_dispatch() {
  local folder="$1"
  shift
  case ${1-} in
    -h | --help) set -- help "${@:2}" ;;
    -V | --version) set -- version "${@:2}" ;;
  esac
  command_find "$folder" "$@"
  shift "$command_taken"
  if [[ -f $command_path ]]; then
    exec "$BASH" "$command_path" "$@"
  fi
  (($#)) || command_overview
  case $1 in
    -h | --help) command_overview ;;
    *) command_unknown "$1" ;;
  esac
}

# command_overview - list the commands below command_path, and exit
command_overview() {
  printf 'Usage: %s COMMAND [ARGUMENT]...\n\n' "$command_name"
  command_list "$command_path" "$command_name"
  printf '\n%s\n' "'pen help COMMAND' says more about one of them."
  exit 0
}

# command_unknown WORD - no such command below command_path: exit 2
command_unknown() {
  local near=""
  near=$(command_nearest "$1" "$command_path")
  if [[ -n $near ]]; then
    die_input "unknown command '$command_name $1'; did you mean '$command_name $near'?"
  fi
  die_input "unknown command '$command_name $1'; '$command_name --help' lists them"
}

# command_moment SIGN DURATION - print the moment that is DURATION (30s, 30m, 8h,
# 7d) before (-) or after (+) now, in RFC 3339
command_moment() {
  local pattern='^([1-9][0-9]{0,5})([smhd])$' seconds=0 now=0
  [[ $2 =~ $pattern ]] || die_input "'$2' is not a duration such as 30m, 8h or 7d"
  seconds=${BASH_REMATCH[1]}
  case ${BASH_REMATCH[2]} in
    m) seconds=$((seconds * 60)) ;;
    h) seconds=$((seconds * 3600)) ;;
    d) seconds=$((seconds * 86400)) ;;
    *) ;;
  esac
  seconds=$1$seconds
  now=$(date +%s) || die "date failed"
  # GNU date first, then that of the BSDs and macOS.
  date -u -d "@$((now + seconds))" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null ||
    date -u -r "$((now + seconds))" +%Y-%m-%dT%H:%M:%SZ
}

# command_wait PID PASS - wait for the child PID; HUP, INT and TERM that come
# meanwhile are given to the function PASS, by name; returns the exit status
command_wait() {
  local status=0
  command_passer=$2
  command_passed=no
  trap 'command_pass HUP' HUP
  trap 'command_pass TERM' TERM
  trap 'command_pass INT' INT
  while :; do
    wait "$1"
    status=$?
    # A trapped signal ends the wait, not the child.
    [[ $command_passed == yes ]] || break
    command_passed=no
  done
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  return "$status"
}

# command_pass SIGNAL - hand a signal to the function that passes it on
command_pass() {
  command_passed=yes
  "$command_passer" "$1"
}
