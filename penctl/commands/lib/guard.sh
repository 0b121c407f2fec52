# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# guard.sh - the process that watches over a box (containers.sh) while it is up:
# its firewall may be flushed by another tool, its proxy or container may die

# Seconds between two looks.
readonly guard_interval=4
# Seconds that the engine has for an answer.
readonly guard_patience=10
# So many looks in a row may a running container's networks not be told.
readonly guard_blind_looks=3

# guard_start FOLDER - start the guard of the box whose files are in FOLDER; sets
# guard_pid
guard_start() {
  set -m
  # 3 to 9: whoever waits for the end of a pipe of the caller's waits for pen only.
  "$BASH" "$pen_lib/box-main.sh" watch "$sandbox_name" "$1" \
    </dev/null >>"$1/guard.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  guard_pid=$!
  set +m
  state_identity "$guard_pid" 2>/dev/null | state_write "$1/guard" || die "cannot write $1/guard"
}

# guard_end FOLDER - end the guard, if there is one and it is not this process; it
# finishes what it is at
guard_end() {
  local identity=""
  [[ -s $1/guard ]] || return 0
  IFS= read -r identity <"$1/guard" || return 1
  [[ ${identity%% *} == "$$" ]] || state_end "$identity" TERM
}

# guard_watch - look after the box until it ends
guard_watch() {
  guard_nap=""
  guard_blind=0
  undo_push guard_wake
  while :; do
    sleep "$guard_interval" &
    guard_nap=$!
    wait "$guard_nap"
    guard_look
  done
}

# guard_wake - let no sleep outlive the guard
guard_wake() {
  [[ -z $guard_nap ]] || kill "$guard_nap" 2>/dev/null
  return 0
}

# guard_look - one look at all of it. The firewall comes first: that look needs no
# engine.
guard_look() {
  local state=""
  guard_look_at_run
  [[ $box_kind != bridge || -e $box_dir/paused ]] || guard_look_at_firewall
  [[ $state == ended ]] || guard_look_at_state
  [[ $state != ended ]] || return 0
  if [[ -e $box_dir/paused ]]; then
    [[ $state == paused ]] || guard_freeze_again
    return 0
  fi
  [[ $box_kind != bridge || -z $state ]] || guard_look_at_networks
  [[ $box_kind == none ]] || proxy_lives "$box_dir" || guard_revive_proxy
  exec_end_stray
}

# guard_do FUNCTION [ARG]... - run the tool function; fails if it fails, or takes too
# long: an engine that hangs must not keep the guard from looking
guard_do() {
  local pid="" ticks=0
  # A group of its own, to be ended with all that it started.
  set -m
  "$@" </dev/null 2>/dev/null &
  pid=$!
  set +m
  while kill -0 "$pid" 2>/dev/null; do
    if ((ticks++ >= guard_patience * 20)); then
      kill -KILL -- "-$pid" 2>/dev/null
      break
    fi
    sleep 0.05
  done
  wait "$pid" 2>/dev/null
}

# guard_ask FUNCTION [ARG]... - the same, and print what it prints
guard_ask() {
  { guard_do "$@" >"$box_dir/guard.out"; } 2>/dev/null && cat -- "$box_dir/guard.out"
}

# guard_look_at_state - sets state to running or paused, to nothing if the engine
# does not answer, or to ended, and then takes the box down
guard_look_at_state() {
  state=$(guard_ask tool_container_state "$box_container") || {
    state=""
    return 0
  }
  case $state in
    running | paused) ;;
    *)
      state=ended
      guard_ended
      ;;
  esac
}

# guard_look_at_run - take a one-shot run down whose pen was killed
guard_look_at_run() {
  local identity=""
  [[ $box_dir != "$sandbox_run" ]] || return 0
  { IFS= read -r identity <"$box_dir/pid"; } 2>/dev/null || return 0
  ! state_is_alive "$identity" || return 0
  # What cannot be taken down yet is watched over until it can.
  containers_down || return 0
  state_end_run "$box_dir"
  exit 0
}

# guard_say TEXT - one line into the log
guard_say() {
  printf '%s guard: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1"
}

# guard_look_at_firewall - load the rules again, once, if they are gone
guard_look_at_firewall() {
  firewall_verify "$box_name" && return
  guard_say "the firewall is not in force: $firewall_words"
  if firewall_load_rules "$box_name" "$box_proxy"; then
    guard_say "loaded the rules again"
    return
  fi
  # Where the container has ended, its bridge may have gone before it.
  local words="$firewall_words"
  guard_look_at_state
  [[ $state == ended ]] || guard_pause "the firewall cannot be brought back: $words"
}

# guard_look_at_networks - another tool may have given the sandbox a second
# interface, which no rule of pen's shuts.  An engine that tells the container's
# state, but not this, hides it.
guard_look_at_networks() {
  local name="" names=""
  if ! names=$(guard_ask tool_container_networks "$box_container"); then
    guard_blind=$((guard_blind + 1))
    guard_say "the engine does not tell the sandbox's networks"
    ((guard_blind < guard_blind_looks)) ||
      guard_pause "the engine does not tell whether it was attached to another network"
    return
  fi
  guard_blind=0
  while IFS= read -r name; do
    [[ -n $name && $name != "$box_network" ]] || continue
    guard_pause "it was attached to the network $name, which pen does not shut"
    return
  done <<<"$names"
}

# guard_revive_proxy - start the proxy again, on the port that the rules pass,
# unless a pen command that holds the lock is at it. Until then nothing gets out,
# so there is no need to wait for that one, which would keep the guard from looking.
guard_revive_proxy() {
  state_try_lock lock || return 0
  if ! proxy_lives "$box_dir"; then
    guard_say "the proxy ended"
    if (containers_start_proxy); then
      guard_say "started the proxy again"
    else
      guard_pause "the proxy cannot be brought back"
    fi
  fi
  state_unlock
}

# guard_pause WHY - freeze the sandbox, or end the one-shot run, and leave word for
# pen status, or for its pen
guard_pause() {
  guard_say "PAUSED the sandbox: $1"
  printf '%s\n' "$1" | state_write "$box_dir/paused"
  guard_freeze
}

# guard_freeze - no process of the sandbox runs on; tried again at each look while
# the engine says that it runs. A one-shot run ends, as its pen waits for it. Needs no
# file: the disk may be full.
guard_freeze() {
  { [[ $box_dir == "$sandbox_run" ]] && guard_do tool_container_pause "$box_container"; } ||
    guard_do tool_container_kill "$box_container" ||
    guard_say "cannot pause or kill $box_container: IT RUNS ON"
}

# guard_freeze_again - what was to be frozen runs, or may do so as the engine does not
# answer: its bridge is to be shut, at least
guard_freeze_again() {
  [[ $state != running ]] || guard_freeze
  [[ $box_kind != bridge ]] || firewall_verify "$box_name" || firewall_load_rules "$box_name" "$box_proxy"
}

# guard_ended - the container ended by itself, or by guard_freeze where there is no
# pause: take down what it leaves, but for the word on why. That of a one-shot run
# is its pen's.
guard_ended() {
  [[ $box_dir == "$sandbox_run" ]] || exit 0
  # A pen that holds the lock may be taking it down; if not, there is a next look.
  state_try_lock lock || return 0
  guard_say "the container ended"
  containers_down || guard_say "something of it is left: run 'pen stop'"
  rm -f -- "$box_dir/pid"
  exit 0
}
