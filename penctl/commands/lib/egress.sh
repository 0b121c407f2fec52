# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# egress.sh - pen-proxy's logs of a sandbox, read and told to people
#
# There are several: the running sandbox's (proxy.log and the older ones that
# pen-proxy has turned over), that of all one-shot runs that have ended
# (runs.log), and one for each one-shot run that goes on. A line begins with its
# time, so sorting puts them together.

# egress_files - sets egress_paths to the logs that there are, the old ones
# first
egress_files() {
  local file=""
  egress_paths=()
  for file in "$sandbox_run"/runs.log.[1-9] "$sandbox_run"/runs.log \
    "$sandbox_run"/proxy.log.[1-9] "$sandbox_run"/proxy.log \
    "$sandbox_run"/one.*/proxy.log; do
    [[ ! -f $file ]] || egress_paths+=("$file")
  done
}

# egress_all - print all log lines in the order of time
egress_all() {
  egress_files
  ((${#egress_paths[@]})) || return 0
  # A run that ends meanwhile takes its file along; its lines are in runs.log.
  cat -- "${egress_paths[@]}" 2>/dev/null | sort -u
}

# egress_follow - print the lines that there are and those that come, as long as
# somebody reads them; looks twice a second, as files come and go
egress_follow() {
  local i=0 size=0 file=""
  local names sizes
  names=()
  sizes=()
  while kill -0 "$$" 2>/dev/null; do
    egress_files
    for file in ${egress_paths[@]+"${egress_paths[@]}"}; do
      for ((i = 0; i < ${#names[@]}; i++)); do
        [[ ${names[i]} != "$file" ]] || break
      done
      names[i]=$file
      size=$(wc -c 2>/dev/null <"$file") || continue
      size=$((size))
      # Shorter than before: turned over, so from its start.
      ((size >= ${sizes[i]:-0})) || sizes[i]=0
      if ((size > ${sizes[i]:-0})); then
        tail -c "+$((${sizes[i]:-0} + 1))" "$file" 2>/dev/null |
          head -c "$((size - ${sizes[i]:-0}))"
      fi
      sizes[i]=$size
    done
    # Where nobody reads any more, nothing but a write tells; an empty line is none.
    printf '\n' 2>/dev/null || return
    sleep 0.5
  done
}

# egress_jq FILTER [OPTION]... - feed stdin, line by line, to FILTER of egress.jq
egress_jq() {
  local filter="$1"
  shift
  # Every variable of the file must have a value, used or not; the first counts.
  jq -R -n -r -L "$pen_lib" "$@" --argjson all false --argjson json false \
    --arg since "" --arg id "" --argjson stats '{}' \
    "include \"egress\"; $filter" || (($? == 141)) || die "jq failed"
}

# egress_watch ALL JSON SINCE - the same as egress_show for egress_follow: lines
# that come once more, when a run's log is kept, are not shown again
egress_watch() {
  egress_jq watch --unbuffered --argjson all "$1" --argjson json "$2" --arg since "$3"
}

# egress_show ALL JSON SINCE - print the lines on stdin: refusals and errors, or
# all if ALL is true; as they are if JSON is true; none before the moment SINCE
egress_show() {
  egress_jq show --unbuffered --argjson all "$1" --argjson json "$2" --arg since "$3"
}

# egress_by_host WANTS_JSON - print a table of targets from the lines on stdin
egress_by_host() {
  if [[ $1 == yes ]]; then
    egress_jq by_host
  else
    printf '%8s %8s %7s %12s %12s  %-20s  %s\n' allowed refused errors up down 'last seen' target
    egress_jq 'by_host | by_host_row' |
      awk -F '\t' '{ printf "%8s %8s %7s %12s %12s  %-20s  %s\n", $1, $2, $3, $4, $5, $6, $7 }'
  fi
}

# egress_suggest JSON - print the rules for what the policy refused, most wanted
# first; as an array with how often that was if JSON is true
egress_suggest() {
  egress_jq suggested --argjson json "$1"
}

# egress_last_refused - print the target that the policy refused most recently
egress_last_refused() {
  egress_all | egress_jq last_refused
}

# egress_explain ID - say what the log has about ID; exit 1 if nothing
egress_explain() {
  local text=""
  text=$(egress_all | egress_jq explain --arg id "$1") || exit
  [[ -n $text ]] || die "no id '$1' in the logs of this directory"
  printf '%s\n' "$text"
}

# egress_stats STATS LOG - print pen-jail's statistics with what the log adds
egress_stats() {
  local stats="{}"
  [[ ! -s $1 ]] || stats=$(cat -- "$1") || return 1
  egress_jq stats --argjson stats "$stats" <"$2"
}

# egress_summary LOG - print one line about what the run was refused, if
# anything was
egress_summary() {
  grep -q '"verdict":"deny"' "$1" || return 0
  egress_jq summary <"$1"
}
