#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: run one command in a fresh sandbox, gone afterwards
# Usage: pen run [OPTION]... [--] CMD [ARG]...
#
# Needs no 'pen init'. What the command may reach is the allow-list of this
# directory ('pen allow', also while the command runs) and what --allow adds for
# this run. The exit status is the command's own; 124: the time limit ended it;
# 125: the sandbox could not run it; 126, 127: not executable, not found.
#
# Options:
#   --allow RULE       a rule for this run, such as example.org:443
#   --timeout D        end the command and its children after 500ms, 5s, 2m, 1h
#   --memory SIZE      at most this much memory (k, m, g, or K, M, G)
#   --cpus N           at most this many processors, such as 1.5
#   --read-only        the project cannot be written
#   --mount S:T[:ro]   show the host's S as T
#   -e, --env NAME=VALUE   set a variable for the command
#   --no-network       no way out at all
#   --no-new-privileges   sudo and set-uid programs give nothing; the runtime
#                      'jail' is always so
#   --stats FILE       write statistics as JSON when the command has ended
#   --log FILE         write the proxy's log of this run, one JSON object a line;
#                      in the project, neither FILE may be a link
#   -h, --help         this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local status=0
  command_begin
  run_options "$@"
  shift "$run_taken"
  (($#)) || command_usage "a command is missing"
  log_die_status=125
  sandbox_open
  config_load
  config_network=${run_network:-$config_network}
  config_use_runtime
  run_check
  [[ -d $sandbox_dir ]] || undo_push run_forget
  state_make
  state_sweep
  state_new_run
  runtime_check
  proxy_write_config "$state_run" ${run_rules[@]+"${run_rules[@]}"}
  proxy_check_config "$state_run"
  [[ -z $run_stats ]] || run_words+=(--stats "$state_run/stats.json")
  run_began=yes
  runtime_run ${run_words[@]+"${run_words[@]}"} -- "$@" || status=$?
  run_finish
  exit "$status"
}

# run_options "$@" - read the options; sets run_taken to how many words they
# were, run_rules, run_stats, run_log, and run_words for the runtime
run_options() {
  local count=$#
  run_rules=()
  run_words=()
  run_stats=""
  run_log=""
  run_network=""
  run_began=""
  while (($#)); do
    case $1 in
      # What a flag's value would be is no command.
      --read-only=* | --no-*=*) command_usage "${1%%=*} has no value" ;;
      --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      *) ;;
    esac
    case $1 in
      --read-only | --no-new-privileges) run_words+=("$1") ;;
      --no-network) run_network=none ;;
      --) shift && break ;;
      --allow | --stats | --log | --timeout | --memory | --cpus | --mount | -e | --env)
        command_value "$@"
        run_option "$1" "$2"
        shift
        ;;
      -*) command_option "$1" ;;
      *) break ;;
    esac
    shift
  done
  run_taken=$((count - $#))
}

# run_option NAME VALUE - one option that has a value
run_option() {
  case $1 in
    --allow) run_rules+=("$2") ;;
    --stats | --log)
      [[ -n $2 ]] || command_usage "$1 needs the name of a file"
      [[ $1 == --log ]] || run_stats=$2
      [[ $1 == --stats ]] || run_log=$2
      ;;
    -e | --env)
      command_pair "$1" "$2"
      run_words+=(-e "$2")
      ;;
    --memory)
      run_check_value "$1" "$2"
      run_words+=("$1" "$(tr KMG kmg <<<"$2")")
      ;;
    *)
      run_check_value "$1" "$2"
      run_words+=("$1" "$2")
      ;;
  esac
}

# run_check_value NAME VALUE - exit 2 unless VALUE has the form of that option's;
# run_check looks at mounts
run_check_value() {
  local form="" what=""
  case $1 in
    --timeout) form='^[1-9][0-9]{0,8}(ms|s|m|h)$' what="a duration such as 500ms, 5s, 2m or 1h" ;;
    --memory) form='^[1-9][0-9]{0,15}[kmgKMG]?$' what="a size such as 512m or 2g" ;;
    --cpus) form='^([1-9][0-9]{0,3}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9]0{0,2})$' what="a number such as 1.5" ;;
    *) return 0 ;;
  esac
  [[ $2 =~ $form ]] || die_input "$1: '$2' is not $what"
}

# run_forget - take back the state of a sandbox whose first run never began
# shellcheck disable=SC2317 # called by undo_unwind
run_forget() {
  [[ -n $run_began ]] || state_unmake
}

# run_check - what is written at the end must be writable before the start
run_check() {
  local i=0 mount="" form='^[^:]+:/[^:]*(:r[ow])?$'
  policy_check_words ${run_rules[@]+"${run_rules[@]}"}
  presets_need_in ${run_rules[@]+"${run_rules[@]}"}
  run_shared=("$sandbox_project")
  for mount in ${config_mounts[@]+"${config_mounts[@]}"}; do
    run_shared+=("${mount%%:*}")
  done
  for ((i = 0; i < ${#run_words[@]}; i++)); do
    [[ ${run_words[i]} == --mount ]] || continue
    mount=${run_words[i + 1]}
    [[ $mount =~ $form ]] || die_input "--mount: '$mount' is not SOURCE:TARGET or SOURCE:TARGET:ro"
    config_check_mount "${mount%%:*}"
    # What was judged is what is shown, even if a link on the way changes.
    run_words[i + 1]=$config_real:${mount#*:}
    run_shared+=("$config_real")
  done
  run_open --stats "$run_stats"
  run_open --log "$run_log"
}

# run_open OPTION FILE - open FILE, which is written at the end, as descriptor 8
# (--stats) or 9 (--log): by then the command may have put a link in its place.
# Exit 2 if it cannot be written, or a sandbox may have made a link of it.
run_open() {
  local folder="." name="${2##*/}" here="$PWD" shared=no
  [[ -n $2 ]] || return 0
  [[ $2 != */* ]] || folder=${2%/*}/
  [[ $folder == /* ]] || folder=./$folder
  # Where a sandbox writes, the folder is entered, so that it stays what was judged,
  # and the file is made anew, so that no link that comes meanwhile is followed.
  if run_is_shared "$folder"; then
    shared=yes
    { run_enter "$folder" && [[ ! -L $name ]]; } ||
      die_input "$1: $2 is a link, which a sandbox may have made: refused"
    [[ ! -f $name ]] || rm -f -- "$name"
    set -C
  fi
  [[ $shared == yes ]] || name=$2
  case $1 in
    --stats) { exec 8>"$name"; } 2>/dev/null ;;
    *) { exec 9>"$name"; } 2>/dev/null ;;
  esac || die_input "$1: cannot write $2"
  set +C
  cd -- "$here" || die "cannot enter $here"
}

# run_is_shared FOLDER - succeed if the path FOLDER, as it is or with its links
# followed, lies in what is shown to a sandbox
run_is_shared() {
  local named="" real="" place=""
  named=$(cd -L -- "$1" 2>/dev/null && pwd -L) || return 1
  real=$(cd -P -- "$1" 2>/dev/null && pwd -P) || return 1
  for place in "${run_shared[@]}"; do
    ! sandbox_covers "$place" "$named" && ! sandbox_covers "$place" "$real" || return 0
  done
  return 1
}

# run_enter FOLDER - make FOLDER the working directory; fails if links lead from what
# is shown to a sandbox to elsewhere
run_enter() {
  local place=""
  cd -P -- "$1" 2>/dev/null || return 1
  for place in "${run_shared[@]}"; do
    ! sandbox_covers "$place" "$PWD" || return 0
  done
  return 1
}

# run_finish - the statistics, the log and the summary of the run
run_finish() {
  local log="$state_run/proxy.log"
  [[ -e $log ]] || : >"$log"
  if [[ -n $run_log ]]; then
    cat -- "$log" >&9 || log_note "cannot write $run_log"
  fi
  # Without those of the runtime the command did not run, and there are none.
  if [[ -n $run_stats && -s $state_run/stats.json ]]; then
    egress_stats "$state_run/stats.json" "$log" >&8 || log_note "cannot write $run_stats"
  fi
  [[ ! -t 2 ]] || egress_summary "$log" >&2
}

main "$@"
