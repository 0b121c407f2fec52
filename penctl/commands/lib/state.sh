# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# state.sh - what pen keeps of a sandbox between commands: the lock, the run
# folder, and processes by PID and start time

# state_process_start PID - sets state_start to when PID was started, in the
# system's own form, or to nothing if there is no such process
state_process_start() {
  local stat=""
  state_start=""
  if [[ -d /proc/self ]]; then
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    # The command's name, in parentheses, may hold anything.
    stat=${stat##*) }
    # A zombie (Z) or dead (X) process does nothing any more.
    case $stat in Z* | X*) return 0 ;; esac
    # shellcheck disable=SC2086 # the fields are numbers
    set -- $stat
    state_start=${20}
  else
    IFS=' ' read -r stat state_start <<<"$(ps -o stat= -o lstart= -p "$1" 2>/dev/null)"
    case $stat in Z*) state_start="" ;; *) ;; esac
  fi
}

# state_identity PID - print "PID START", which no later process shares
state_identity() {
  state_process_start "$1"
  [[ -n $state_start ]] || return 1
  printf '%s %s\n' "$1" "$state_start"
}

# state_is_alive "PID START" - succeed if that very process still lives
state_is_alive() {
  local pid="${1%% *}" start="${1#* }"
  [[ $pid =~ ^[0-9]{1,10}$ && -n $start ]] || return 1
  state_process_start "$pid"
  [[ $state_start == "$start" ]]
}

# state_command PID - print the words of the process PID, with a space behind each
state_command() {
  if [[ -d /proc/self ]]; then
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null
  else
    ps -ww -o args= -p "$1" 2>/dev/null
  fi
}

# state_end "PID START" SIGNAL [SIGNAL] - end that process, if it lives, with the
# SIGNALs half a second apart, and with KILL after five
state_end() {
  local identity="$1" pid="${1%% *}" tries=0
  state_is_alive "$identity" || return 0
  kill "-$2" "$pid" 2>/dev/null || return 0
  while state_is_alive "$identity"; do
    tries=$((tries + 1))
    case $tries in
      10) [[ -z ${3-} ]] || kill "-$3" "$pid" 2>/dev/null ;;
      100) kill -KILL "$pid" 2>/dev/null ;;
      200) return 1 ;;
      *) ;;
    esac
    sleep 0.05
  done
}

# state_write FILE - replace FILE by what comes on stdin, whole or not at all
state_write() {
  local temp=""
  temp=$(mktemp "$1.XXXXXX" 2>/dev/null) || return 1
  if ! cat >"$temp" 2>/dev/null || ! mv -f -- "$temp" "$1"; then
    rm -f -- "$temp"
    return 1
  fi
}

# state_make - make the selected sandbox's folders, for this user alone
state_make() {
  [[ -d $sandbox_run && -e $sandbox_dir/project && -e $sandbox_rules ]] && return
  mkdir -p -- "$sandbox_run" 2>/dev/null || die "cannot make $sandbox_run"
  chmod 0700 "$HOME/.pen" "$sandbox_dir" "$sandbox_run" || die "cannot make $sandbox_run private"
  if [[ ! -e $sandbox_dir/project ]]; then
    printf '%s\n' "$sandbox_project" | state_write "$sandbox_dir/project" ||
      die "cannot write $sandbox_dir/project"
  fi
  [[ -e $sandbox_rules ]] || { : >>"$sandbox_rules"; } 2>/dev/null || die "cannot write $sandbox_rules"
}

# state_unmake - take back what state_make has made for a command that failed, unless
# another pen has put something into it meanwhile
# shellcheck disable=SC2317 # called by undo_unwind
state_unmake() {
  local file=""
  for file in "$sandbox_dir"/* "$sandbox_run"/*; do
    case $file in
      */'*' | "$sandbox_dir/project" | "$sandbox_run" | "$sandbox_run/presets") ;;
      "$sandbox_rules" | "$sandbox_dir/network-allowlist.txt") [[ ! -s $file ]] || return 0 ;;
      *) return 0 ;;
    esac
  done
  rm -rf -- "$sandbox_dir"
}

# state_lock [NAME] - be the only pen that holds the selected sandbox's lock NAME,
# until state_unlock or the end of pen; waits for another one. There are "lock",
# which is taken if no NAME is given (the sandbox goes up or down), "policy.lock"
# (its config and policy change) and "build.lock" (its image is made); whoever
# needs two takes policy.lock first, build.lock last.
state_lock() {
  local name="${1:-lock}" waited=0
  until state_try_lock "$name"; do
    [[ -n $state_holder ]] || die "cannot write in $sandbox_run"
    ((waited < 600)) ||
      die "another pen command (PID ${state_holder%% *}) has been busy with this sandbox for a minute"
    waited=$((waited + 1))
    sleep 0.1
  done
}

# state_try_lock NAME - the same without waiting: fails, with state_holder set,
# while another pen holds the lock, and with none where it cannot be made, as on a
# full disk. A dead one's lock is taken away. The lock is a link whose target is its
# holder: made and named in one step, so that a pen killed at any moment leaves a
# lock that says so.
state_try_lock() {
  local file="$sandbox_run/$1" me="" tries=0
  me=$(state_identity "$$") || die "cannot tell when this process was started"
  [[ $(readlink -- "$file" 2>/dev/null) != "$me" ]] || return 0
  until ln -s -- "$me" "$file" 2>/dev/null; do
    tries=$((tries + 1))
    state_holder=""
    ((tries < 50)) || return 1
    # Without one it was given back this moment.
    state_holder=$(readlink -- "$file" 2>/dev/null) || continue
    ! state_is_alive "$state_holder" || return 1
    state_break_lock "$file" "$state_holder" "$me"
  done
  undo_push state_unlock "$1"
}

# state_break_lock FILE HOLDER ME - remove the lock FILE of the dead HOLDER. Only
# one pen at a time may do so, or a second one could remove the first one's new lock.
state_break_lock() {
  local breaker=""
  if ! ln -s -- "$3" "$1.break" 2>/dev/null; then
    breaker=$(readlink -- "$1.break") || return 0
    state_is_alive "$breaker" || rm -f -- "$1.break"
    return 0
  fi
  if [[ $(readlink -- "$1") == "$2" ]]; then
    rm -f -- "$1"
  fi
  rm -f -- "$1.break"
}

# state_unlock [NAME] - give the lock back, if it is ours
state_unlock() {
  local file="$sandbox_run/${1:-lock}" me=""
  me=$(state_identity "$$") || return 0
  [[ $(readlink -- "$file" 2>/dev/null) != "$me" ]] || rm -f -- "$file"
}

# state_new_run - make the folder of a one-shot run; sets state_run
state_new_run() {
  state_run=$(mktemp -d "$sandbox_run/one.XXXXXX" 2>/dev/null) || die "cannot write in $sandbox_run"
  undo_push state_end_run "$state_run"
  { state_identity "$$" >"$state_run/pid"; } 2>/dev/null || die "cannot write $state_run/pid"
}

# state_end_run FOLDER - keep the log of a one-shot run, take down what a killed
# pen has left of it, and remove its folder
state_end_run() {
  [[ -d $1 ]] || return 0
  if [[ -s $1/box ]]; then
    "$BASH" "$pen_lib/box-main.sh" end "$sandbox_name" "$1" </dev/null || return 1
  fi
  if [[ -s $1/proxy.log ]]; then
    state_keep_log "$1/proxy.log" ||
      log_note "could not keep the log of this run in $sandbox_run/runs.log"
  fi
  rm -rf -- "$1"
}

# state_has_run FOLDER - succeed if the pen of the one-shot run with that FOLDER
# lives; sets state_run_id to its identity
state_has_run() {
  state_run_id=""
  { IFS= read -r state_run_id <"$1/pid"; } 2>/dev/null || return 1
  state_is_alive "$state_run_id"
}

# state_end_runs - end the one-shot runs of the selected sandbox: their pens get
# TERM, which each passes on to its command, and ten seconds later KILL; what these
# leave is taken down.
state_end_runs() {
  local folder="" tries=0 status=0
  for folder in "$sandbox_run"/one.*; do
    state_has_run "$folder" || continue
    log_note "ending a one-shot run of $sandbox_name (PID ${state_run_id%% *})"
    kill -TERM "${state_run_id%% *}" 2>/dev/null
  done
  for folder in "$sandbox_run"/one.*; do
    while state_has_run "$folder"; do
      tries=$((tries + 1))
      ((tries <= 400)) || return 1
      ((tries < 200 || tries % 20)) || kill -KILL "${state_run_id%% *}" 2>/dev/null
      sleep 0.05
    done
  done
  state_sweep
  for folder in "$sandbox_run"/one.*; do
    [[ ! -s $folder/box ]] || status=1
  done
  return "$status"
}

# state_keep_log FILE - append FILE to runs.log, the log of all one-shot runs,
# which stays below 10 MiB with three older ones beside it
state_keep_log() {
  local log="$sandbox_run/runs.log" n=0
  if [[ -n $(find "$log" -prune -size +20480 2>/dev/null) ]]; then
    for n in 2 1; do
      [[ ! -f $log.$n ]] || mv -f -- "$log.$n" "$log.$((n + 1))"
    done
    mv -f -- "$log" "$log.1"
  fi
  cat -- "$1" >>"$log"
}

# state_sweep - clear away what one-shot runs that were killed have left; fails if
# something of one cannot be taken down
state_sweep() {
  local folder="" identity="" status=0
  for folder in "$sandbox_run"/one.*; do
    [[ -d $folder ]] || continue
    identity=""
    IFS= read -r identity 2>/dev/null <"$folder/pid"
    # Without a pid yet it is one that begins this moment, or began long ago.
    if [[ -n $identity ]]; then
      state_is_alive "$identity" || state_end_run "$folder" || status=1
    elif [[ -n $(find "$folder" -prune -mmin +5 2>/dev/null) ]]; then
      rm -rf -- "$folder"
    fi
  done
  return "$status"
}

# state_is_up - succeed if the selected sandbox is running; sets state_pid
state_is_up() {
  local identity=""
  state_pid=""
  [[ -f $sandbox_run/pid ]] || return 1
  IFS= read -r identity <"$sandbox_run/pid" || return 1
  state_is_alive "$identity" || return 1
  state_pid=${identity%% *}
}

# state_read_runtime - sets state_runtime to what the selected sandbox was last
# started with, or to nothing
state_read_runtime() {
  state_runtime=""
  [[ ! -s $sandbox_run/runtime ]] || IFS= read -r state_runtime <"$sandbox_run/runtime" ||
    die "cannot read $sandbox_run/runtime"
}

# state_read_box - sets state_kind (bridge, socket, none), state_proxy,
# state_paused (why the guard froze it, or ended it where it cannot be frozen) and
# state_checked (whether a look from inside found it shut in: true, false) of the
# selected sandbox, if its runtime has containers; else to nothing
state_read_box() {
  state_kind=""
  state_proxy=""
  state_paused=""
  state_checked=""
  [[ ! -s $sandbox_run/paused ]] || IFS= read -r state_paused <"$sandbox_run/paused" ||
    die "cannot read $sandbox_run/paused"
  [[ -s $sandbox_run/box ]] || return 0
  state_checked=true
  [[ ! -e $sandbox_run/unchecked ]] || state_checked=false
  IFS=' ' read -r _ _ state_kind <"$sandbox_run/box" || die "cannot read $sandbox_run/box"
  [[ ! -s $sandbox_run/proxy ]] || IFS= read -r state_proxy <"$sandbox_run/proxy" ||
    die "cannot read $sandbox_run/proxy"
}

# state_set_up PID - remember that PID is the running sandbox
state_set_up() {
  state_identity "$1" | state_write "$sandbox_run/pid"
}
