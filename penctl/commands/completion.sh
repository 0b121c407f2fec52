#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: print a completion script for your shell
# Usage: pen completion bash|zsh|fish|rules
#
# Made from the command files themselves. To use it:
#
#     bash   source <(pen completion bash)         in ~/.bashrc
#     zsh    source <(pen completion zsh)          in ~/.zshrc, after compinit
#     fish   pen completion fish | source          in ~/.config/fish/config.fish
#
# With rules it prints what 'pen deny' can take back here: the scripts ask for it.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  case ${1-} in
    bash | zsh | fish | rules) (($# == 1)) || command_usage "one shell at a time" ;;
    -*) command_option "$1" ;;
    '') command_usage "name your shell" ;;
    *) command_usage "no completion for '$1'" ;;
  esac
  "completion_$1" "${BASH_SOURCE[0]%/*}"
}

# completion_rules - print the targets of the rules of this directory's sandbox
completion_rules() {
  local file=""
  sandbox_open
  for file in "$sandbox_rules" "$(policy_network)"; do
    [[ ! -f $file ]] || awk '$1 != "" && $1 !~ /^#/ && $1 != "expect" { print $1 }' "$file"
  done
}

# completion_table FOLDER WORDS - print one line for every folder and command of
# the tree: its words, what may follow, the options that take a value with the
# kind of it, the kind of the arguments, and the summary; separated by "|"
completion_table() {
  local word="" list=""
  list=$(command_words "$1") || die "cannot read $1"
  printf '%s|%s|||\n' "$2" "$(printf '%s' "$list" | tr '\n' ' ')"
  while IFS= read -r word; do
    if [[ -d $1/$word && ! -f $1/$word.sh ]]; then
      completion_table "$1/$word" "${2:+$2 }$word"
    else
      printf '%s|%s|%s\n' "${2:+$2 }$word" "$(completion_words "$1/$word.sh")" \
        "$(command_field "$1/$word.sh" Summary | tr -d '|')"
      [[ ! -d $1/$word ]] || completion_table "$1/$word" "${2:+$2 }$word"
    fi
  done <<<"$list"
}

# completion_words FILE - print "WORDS|OPTION=KIND...|KIND" of what FILE documents:
# its options and choices, and the words in capitals that stand for values
completion_words() {
  command_header "$1" | awk '
    NR == 2 {
      sub(/^Usage: pen /, "")
      name = $1
      gsub(/\[-[^]]*\]/, "")
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^[a-z]+(\|[a-z]+)+$/) { gsub(/\|/, " ", $i); words = words $i " " }
        gsub(/[][.]/, "", $i)
        if ($i == "presets") words = words $i " "
        if ($i ~ /^(RULE|COMMAND|CMD)$/) kind = $i
      }
      if (name == "deny" && kind == "RULE") kind = "HELD"
    }
    /^Options:/ { options = 1; next }
    options && /^ +-/ {
      sub(/^ +/, "")
      sub(/  .*/, "")
      count = split($0, word, /,? /)
      value = word[count] ~ /^-/ ? "" : word[count--]
      for (i = 1; i <= count; i++) {
        words = words word[i] " "
        if (value != "") values = values word[i] "=" value " "
      }
    }
    END { sub(/ $/, "", words); sub(/ $/, "", values); print words "|" values "|" kind }'
}

# completion_functions FOLDER - print what bash and zsh have in common: functions
# that print the words after a path of commands, the kind of an option's value,
# the kind of a command's arguments, and the values of a kind, one a line
completion_functions() {
  local table=""
  table=$(completion_table "$1" "") || die "cannot read $1"
  printf '_pen_words() {\n  case $1 in\n'
  awk -F '|' '{ printf "    \"%s\") printf \"%%s\" \"%s\" ;;\n", $1, $2 }' <<<"$table"
  printf '    *) return 1 ;;\n  esac\n}\n_pen_value() {\n  case "$1 $2" in\n'
  awk -F '|' '{
    n = split($3, pair, " ")
    for (i = 1; i <= n; i++) {
      split(pair[i], part, "=")
      printf "    \"%s %s\") printf \"%%s\" \"%s\" ;;\n", $1, part[1], part[2]
    }
  }' <<<"$table"
  printf '    *) return 1 ;;\n  esac\n}\n_pen_rest() {\n  case $1 in\n'
  awk -F '|' '$4 != "" { printf "    \"%s\") printf \"%%s\" \"%s\" ;;\n", $1, $4 }' <<<"$table"
  printf '    *) return 1 ;;\n  esac\n}\n_pen_list() {\n  case $1 in\n'
  printf '    RUNTIME) printf "%%s\\n" %s ;;\n' "$(config_runtimes)"
  printf '    PRESET) printf "%%s\\n" %s ;;\n' "$(presets_names)"
  printf '    RULE) printf "@%%s\\n" %s ;;\n' "$(presets_names)"
  printf '    COMMAND) printf "%%s\\n" %s ;;\n' "$(command_words "$1" | tr '\n' ' ')"
  printf '    HELD) "$2" completion rules 2>/dev/null ;;\n  esac\n}\n'
}

completion_bash() {
  printf '# bash completion for pen, made by "pen completion bash"\n'
  completion_functions "$1"
  cat <<'END'
_pen() {
  local line="${COMP_LINE:0:COMP_POINT}" words path="" next="" cur="" before="" kind="" word="" quoted="" i=0 last=0
  words=()
  read -r -a words <<<"$line"
  last=$((${#words[@]} - 1))
  if [[ $line == *[[:space:]] ]]; then
    last=$((last + 1))
  else
    cur=${words[last]}
  fi
  for ((i = 1; i < last; i++)); do
    next=${path:+$path }${words[i]}
    [[ $path != help ]] || next=${words[i]}
    _pen_words "$next" >/dev/null || break
    path=$next
  done
  COMPREPLY=()
  # Behind the command that is to run in the sandbox, it is that command's turn.
  [[ $(_pen_rest "$path") != CMD ]] || while ((i < last)); do
    case ${words[i]} in
      --) return ;;
      -*) ! _pen_value "$path" "${words[i]}" >/dev/null || i=$((i + 1)) ;;
      *) return ;;
    esac
    i=$((i + 1))
  done
  before=${words[last - 1]}
  if [[ $cur == --*=* ]]; then
    before=${cur%%=*}
    cur=${cur#*=}
  fi
  if kind=$(_pen_value "$path" "$before"); then
    next=$(_pen_list "$kind" "${words[0]}")
  else
    next=$(
      _pen_words "$path" | tr ' ' '\n'
      echo
      ! kind=$(_pen_rest "$path") || _pen_list "$kind" "${words[0]}"
    )
  fi
  [[ $cur != *[\'\"]* ]] || quoted=yes
  cur=${cur//[\\\'\"]/}
  # What readline replaces begins behind the last break in the word, or with it
  # where that is an @.
  before=$cur
  while [[ -n $before && $COMP_WORDBREAKS != *"${before:${#before}-1}"* ]]; do
    before=${before%?}
  done
  before=${before%@}
  while IFS= read -r word; do
    [[ -n $word && $word == "$cur"* ]] || continue
    word=${word#"$before"}
    [[ -n $quoted || $word != *[\*\[]* ]] || printf -v word '%q' "$word"
    COMPREPLY+=("$word")
  done <<<"$next"
}
complete -o default -F _pen pen
END
}

completion_zsh() {
  printf '#compdef pen\n# zsh completion for pen, made by "pen completion zsh"\n'
  completion_functions "$1"
  cat <<'END'
_pen() {
  local path_="" next_="" kind="" before="" i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
    next_="${path_:+$path_ }${words[i]}"
    [[ $path_ != help ]] || next_=${words[i]}
    _pen_words "$next_" >/dev/null || break
    path_=$next_
  done
  [[ $(_pen_rest "$path_") != CMD ]] || while ((i < CURRENT)); do
    case ${words[i]} in
      --) _files; return ;;
      -*) ! _pen_value "$path_" "${words[i]}" >/dev/null || ((i++)) ;;
      *) _files; return ;;
    esac
    ((i++))
  done
  before=${words[CURRENT-1]}
  if [[ ${words[CURRENT]} == --*=* ]]; then
    before=${words[CURRENT]%%=*}
    compset -P '*='
  fi
  if kind=$(_pen_value "$path_" "$before"); then
    list=(${(f)"$(_pen_list "$kind" "${words[1]}")"})
    if ((${#list})); then compadd -a list; else _files; fi
    return
  fi
  list=(${=$(_pen_words "$path_")})
  if kind=$(_pen_rest "$path_"); then
    list+=(${(f)"$(_pen_list "$kind" "${words[1]}")"})
  fi
  compadd -a list
  [[ $kind != CMD ]] || _files
}
compdef _pen pen
END
}

completion_fish() {
  local table="" path="" list="" values="" kind="" summary="" parent="" option=""
  table=$(completion_table "$1" "") || die "cannot read $1"
  cat <<'END'
# fish completion for pen, made by "pen completion fish"
function __pen_at
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"; or test "$words" = (string trim "help $argv")
end
function __pen_in
    set -l words (commandline -opc)
    set -e words[1]
    string match -q -- "$argv *" "$words "
end
function __pen_held
    set -l words (commandline -opc)
    $words[1] completion rules 2>/dev/null
end
END
  while IFS='|' read -r path list values kind summary; do
    parent=${path% *}
    [[ $parent != "$path" ]] || parent=""
    summary=${summary//\'/\\\'}
    [[ -z $summary ]] ||
      printf "complete -c pen -f -n '__pen_at %s' -a '%s' -d '%s'\n" "$parent" "${path##* }" "$summary"
    if [[ -z $summary && -n $path ]]; then
      printf "complete -c pen -f -n '__pen_at %s' -a '%s'\n" "$parent" "${path##* }"
    fi
    for option in $list; do
      [[ -n $summary ]] || break
      completion_fish_word "$path" "$option" " $values "
    done
    case $kind in
      RULE | HELD) printf "complete -c pen -f -n '__pen_in %s' -a '%s'\n" "$path" "$(completion_fish_list "$kind")" ;;
      *) ;;
    esac
  done <<<"$table"
}

# completion_fish_word PATH WORD VALUES - an option, or another word, for fish
completion_fish_word() {
  local name="${2#--}" flags="" kind=""
  case $2 in
    --*) flags="-l $name" ;;
    -*) flags="-s ${2#-}" ;;
    *)
      printf "complete -c pen -f -n '__pen_at %s' -a '%s'\n" "$1" "$2"
      return
      ;;
  esac
  if [[ $3 == *" $2="* ]]; then
    kind=${3#*" $2="}
    kind=${kind%% *}
    case $kind in
      RUNTIME | PRESET | RULE) flags="$flags -x -a '$(completion_fish_list "$kind")'" ;;
      *) flags="$flags -r" ;;
    esac
  fi
  printf "complete -c pen -n '__pen_in %s' %s\n" "$1" "$flags"
}

# completion_fish_list KIND - print the values of a kind, for fish
completion_fish_list() {
  case $1 in
    RUNTIME) config_runtimes ;;
    PRESET) presets_names ;;
    RULE) printf '@%s\n' "$(presets_names)" | sed 's/ / @/g' ;;
    *) printf '(__pen_held)\n' ;;
  esac
}

main "$@"
