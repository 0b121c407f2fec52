# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# containers-exec.sh - commands in a box (containers.sh): with the caller's
# stdin, stdout, stderr, terminal and signals, and their own exit status; and
# the one-shot run, which is a box for one command

# A shell inside starts the command: so 126 and 127 mean the same everywhere.
# shellcheck disable=SC2016 # for the shell inside
readonly exec_start='exec "$@"'

# Arguments: MARK SIGNAL MOST. Signals the oldest MOST of the processes whose
# environment has the mark: the first is the command, as its children, which
# inherit it, came later.
# shellcheck disable=SC2016 # for the shell inside
readonly exec_kill='
mark=$1 signal=$2 most=$3
pids=$(for environ in /proc/[0-9]*/environ; do
  tr "\0" "\n" <"$environ" 2>/dev/null | grep -q -x "PEN_EXEC=$mark" || continue
  pid=${environ#/proc/} pid=${pid%/environ}
  read -r stat <"/proc/$pid/stat" 2>/dev/null || continue
  set -- ${stat##*) }
  shift 19
  printf "%s %s\n" "$1" "$pid"
done | sort -n | head -n "$most" | while read -r start pid; do printf "%s " "$pid"; done)
[ -z "$pids" ] || kill -s "$signal" $pids'

# exec_in_box WORKDIR [NAME=VALUE]... -- CMD... - run CMD in the box; its status
exec_in_box() {
  local status=0
  exec_mark=$$-$RANDOM
  exec_set_options "$@"
  state_identity "$$" 2>/dev/null | state_write "$box_dir/exec.$exec_mark" ||
    die "cannot write in $box_dir"
  while [[ $1 != -- ]]; do shift; done
  shift
  # In the background, so that a signal to pen is not kept waiting until the
  # command ends; with pen's own stdin.
  (
    trap - INT QUIT TERM HUP EXIT
    umask "$command_caller_umask"
    tool_container_exec "$box_container" "${exec_options[@]}" -- \
      /bin/sh -c "$exec_start" sh "$@"
  ) <&0 &
  command_wait "$!" exec_pass || status=$?
  rm -f -- "$box_dir/exec.$exec_mark"
  return "$status"
}

# exec_set_options WORKDIR [NAME=VALUE]... -- - sets exec_options to what they are
# for tool_container_exec
exec_set_options() {
  local pair=""
  exec_options=(--workdir "$1" --env "PEN_EXEC=$exec_mark")
  [[ ! -t 0 || ! -t 1 ]] || exec_options+=(--tty --env "TERM=${TERM-dumb}")
  containers_environment
  for pair in ${box_environment[@]+"${box_environment[@]}"}; do
    exec_options+=(--env "$pair")
  done
  shift
  while [[ $1 != -- ]]; do
    exec_options+=(--env "$1")
    shift
  done
}

# exec_pass SIGNAL - pass a signal on to the command
exec_pass() {
  tool_container_exec "$box_container" -- /bin/sh -c "$exec_kill" sh "$exec_mark" "$1" 1 \
    </dev/null >/dev/null 2>&1
}

# exec_end_stray - end, with all that they started, the commands whose pen was
# killed: called time and again, it does so twice for each, as the first time the
# command may not have begun yet. Not waited for: what runs in the sandbox could
# make that take for ever.
exec_end_stray() {
  local file="" identity="" mark=""
  for file in "$box_dir"/exec.*; do
    { IFS= read -r identity <"$file"; } 2>/dev/null || continue
    ! state_is_alive "$identity" || continue
    # A pen that ended by itself has removed it: what its command left runs on.
    case $file in
      *.ended) rm -f -- "$file" ;;
      *) mv -f -- "$file" "$file.ended" 2>/dev/null || continue ;;
    esac
    mark=${file##*/exec.}
    tool_container_exec "$box_container" -- /bin/sh -c "$exec_kill" sh "${mark%.ended}" \
      KILL "$containers_pids" </dev/null >/dev/null 2>&1 &
  done
}

runtime_exec() {
  local status=0
  containers_select "$sandbox_name" "$sandbox_run"
  containers_recall
  exec_in_box "$@" || status=$?
  # Docker's client cannot tell its own failure from a command's exit status 1.
  ((status != 1)) || [[ $(tool_container_state "$box_container") == running ]] ||
    die "the sandbox is not running any more: see 'pen logs'"
  exit "$status"
}

# exec_run_options OPTION... -- - take the options of pen run into the config;
# sets exec_timeout, exec_stats and exec_taken
exec_run_options() {
  local count=$#
  exec_timeout=""
  exec_stats=""
  exec_environment=()
  while [[ $1 != -- ]]; do
    case $1 in
      --read-only) box_read_only=yes ;;
      --no-new-privileges) box_no_new_privileges=yes ;;
      --timeout) exec_timeout=$2 && shift ;;
      --stats) exec_stats=$2 && shift ;;
      --memory) config_memory=$2 && shift ;;
      --cpus) config_cpus=$2 && shift ;;
      --mount) config_mounts+=("$2") && shift ;;
      -e) config_env+=("$2") && shift ;;
      *) die "pen run does not know $1 for this runtime" ;;
    esac
    shift
  done
  shift
  exec_taken=$((count - $#))
}

# exec_seconds DURATION - print 500ms, 5s, 2m or 1h in seconds
exec_seconds() {
  local number="${1%%[!0-9]*}"
  case ${1#"$number"} in
    ms) printf '%d.%03d\n' "$((number / 1000))" "$((number % 1000))" ;;
    m) printf '%s\n' "$((number * 60))" ;;
    h) printf '%s\n' "$((number * 3600))" ;;
    *) printf '%s\n' "$number" ;;
  esac
}

# exec_limit_start SECONDS - kill the box when the time is up; sets exec_timer
exec_limit_start() {
  (
    trap - HUP EXIT
    trap 'kill "$nap"; exit' TERM
    sleep "$1" &
    nap=$!
    wait "$nap"
    tool_stats "$box_container" >"$box_dir/used"
    : >"$box_dir/timed-out"
    tool_container_kill "$box_container"
  ) </dev/null >/dev/null 2>&1 3>&- &
  exec_timer=$!
}

# exec_limit_end - the command ended: succeed if that was because of the limit
exec_limit_end() {
  kill -TERM "$exec_timer" 2>/dev/null
  wait "$exec_timer"
  [[ -e $box_dir/timed-out ]]
}

# exec_was_ended - fail, after saying why, if the guard ended the one-shot run
exec_was_ended() {
  local why=""
  { IFS= read -r why <"$box_dir/paused"; } 2>/dev/null || return 0
  log_note "the run was ended: $why"
  return 1
}

# exec_count NAME - copy stdin to stdout, and the number of its bytes to
# box_dir/NAME.bytes
exec_count() {
  mkfifo "$box_dir/$1.copy" || return 1
  wc -c <"$box_dir/$1.copy" >"$box_dir/$1.bytes" &
  tee "$box_dir/$1.copy"
  wait "$!"
}

# exec_counted WORDS... - exec_in_box WORDS with its output counted
exec_counted() {
  local status=0 counters
  counters=()
  mkfifo "$box_dir/out" "$box_dir/err" || die "cannot write in $box_dir"
  exec_count out <"$box_dir/out" &
  counters+=("$!")
  exec_count err <"$box_dir/err" >&2 &
  counters+=("$!")
  exec_in_box "$@" >"$box_dir/out" 2>"$box_dir/err" || status=$?
  wait "${counters[@]}"
  return "$status"
}

runtime_run() {
  local status=0 began="" ended=""
  box_read_only=no
  box_no_new_privileges=no
  exec_run_options "$@"
  shift "$exec_taken"
  [[ -z $exec_timeout ]] || exec_timeout=$(exec_seconds "$exec_timeout") || exit
  containers_select_run
  containers_up
  guard_start "$box_dir"
  began=$(exec_now) || die "jq failed"
  [[ -z $exec_timeout ]] || exec_limit_start "$exec_timeout"
  exec_run_command "$sandbox_project" -- "$@" || status=$?
  [[ -z $exec_timeout ]] || ! exec_limit_end || status=124
  exec_was_ended || status=125
  ended=$(exec_now) || die "jq failed"
  [[ -z $exec_stats ]] || exec_write_stats "$((ended - began))" "$status"
  containers_down || log_note "could not take all of $box_name down: 'pen prune' tries again"
  return "$status"
}

# exec_now - print the time in milliseconds
exec_now() {
  jq -n 'now * 1000 | floor'
}

# exec_run_command WORDS... - exec_in_box WORDS, counted if statistics want that
# and there is no terminal in the way
exec_run_command() {
  if [[ -n $exec_stats ]] && [[ ! -t 0 || ! -t 1 ]]; then
    exec_counted "$@"
  else
    exec_in_box "$@"
  fi
}

# exec_write_stats MILLISECONDS STATUS - write what pen-jail --stats would. An
# engine tells a signal by the status alone; 128 and more than 64, the last signal
# of Linux, is a program's own.
exec_write_stats() {
  local used="" timed_out=false capture=false
  # Of a box that was killed there are the numbers of that moment.
  used=$(tool_stats "$box_container" 2>/dev/null) || used=$(cat -- "$box_dir/used" 2>/dev/null)
  [[ -n $used ]] || used='{}'
  [[ ! -e $box_dir/timed-out ]] || timed_out=true
  [[ ! -e $box_dir/out.bytes ]] || capture=true
  jq -n --argjson duration "$1" --argjson status "$2" --argjson timed_out "$timed_out" \
    --argjson capture "$capture" --argjson used "$used" \
    --arg out "$(cat -- "$box_dir/out.bytes" 2>/dev/null)" \
    --arg err "$(cat -- "$box_dir/err.bytes" 2>/dev/null)" \
    '{duration_ms: $duration, exit_code: $status,
      signal: (if $status > 128 and $status <= 192 and ($timed_out | not) then $status - 128 else null end),
      timed_out: $timed_out, oom_killed: (($used.oom_kills // 0) > 0),
      peak_memory_bytes: $used.peak_memory_bytes, cpu_ms: $used.cpu_ms,
      limits: "cgroup", capture: $capture,
      stdout_bytes: ($out | tonumber? // 0), stderr_bytes: ($err | tonumber? // 0)}' \
    >"$exec_stats" || die "cannot write $exec_stats"
}

# containers_select_run - select a box of its own for a one-shot run: the
# sandbox's name, cut, with the run folder's own letters behind it
containers_select_run() {
  local letters=""
  letters=$(sandbox_sha1 "$state_run") || die "cannot compute a SHA-1"
  containers_select "${sandbox_name:0:sandbox_name_max-7}-${letters:0:6}" "$state_run"
}
