# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# jail.sh - the runtime without a daemon: the only caller of pen-jail
#
# Every file in this folder has the same functions:
#
#   runtime_check            its programs are there, and it can do what the config
#                            wants, or exit with why
#   runtime_report           all that it needs, as JSON, for pen doctor
#   runtime_build            make the image, where the runtime has one
#   runtime_start            bring the sandbox up; on the undo stack until it is
#   runtime_stop             take it down, and what a crash has left of it
#   runtime_exec WORKDIR NAME=VALUE... -- CMD...    become CMD in it
#   runtime_run OPTION... -- CMD...  one fresh sandbox for CMD; its exit status
#   runtime_is_up            the sandbox whose process lives is indeed running
#   runtime_stats            what it has used, as JSON (see tool_stats, containers.sh)
#   runtime_logs             what it and its parts said
#   runtime_forget VOLUMES   remove what the runtime keeps of a sandbox that is down:
#                            its image, and its volumes if VOLUMES is yes
#   runtime_proxy_restart    have the running proxy take a new config
#
# The selected sandbox's lock is held around start and stop. pen-jail is run
# from inside sandbox_run: its socket's path, which the system limits to 107
# bytes, is then the same few bytes however long HOME is.

# shellcheck source=../usage.sh
. "$pen_lib/usage.sh"

# jail_open - sets jail_program; also needs the proxy's
jail_open() {
  jail_program=$(proxy_find pen-jail PEN_JAIL) || exit "$log_die_status"
  proxy_open
}

runtime_check() {
  [[ $(uname -s) == Linux ]] || die_input "the runtime 'jail' needs Linux"
  case $config_network in
    '' | socket | none) ;;
    *) die_input "the runtime 'jail' has no network '$config_network': use socket or none" ;;
  esac
  jail_open
}

runtime_report() {
  jail_open
  "$jail_program" check --json
}

runtime_build() {
  log_say "Nothing to build: the runtime 'jail' uses the host's own programs"
}

# jail_options - sets jail_options to what the config means for pen-jail
jail_options() {
  local mount="" pair=""
  jail_options=(--project "$sandbox_project")
  [[ -z $config_cpus ]] || jail_options+=(--cpus "$config_cpus")
  [[ -z $config_memory ]] || jail_options+=(--memory "$config_memory")
  for mount in ${config_mounts[@]+"${config_mounts[@]}"}; do
    jail_options+=(--mount "$mount")
  done
  for pair in ${config_env[@]+"${config_env[@]}"}; do
    jail_options+=(-e "$pair")
  done
}

# jail_proxy_options FOLDER - add the proxy whose config is in FOLDER, or none
jail_proxy_options() {
  if [[ $config_network == none ]]; then
    jail_options+=(--no-network)
  else
    jail_options+=(--proxy "$proxy_program" --proxy-config "$1/pen-proxy.ini")
  fi
}

runtime_start() {
  local pipe="$sandbox_run/ready" line=""
  config_make_volumes
  jail_options
  jail_proxy_options "$sandbox_run"
  rm -f -- "$pipe" "$sandbox_run/control.sock" || die "cannot write in $sandbox_run"
  mkfifo -- "$pipe" || die "cannot write in $sandbox_run"
  undo_push rm -f -- "$pipe" "$sandbox_run/begun"
  : >"$sandbox_run/jail.log" || die "cannot write $sandbox_run/jail.log"
  (
    trap - INT QUIT TERM HUP EXIT
    jail_begin "$pipe" && cd -- "$sandbox_run" || exit 1
    command_as_caller setsid "$jail_program" start --control control.sock \
      --ready-fd 3 --workdir "$sandbox_project" "${jail_options[@]}"
  ) </dev/null >>"$sandbox_run/jail.log" 2>&1 &
  jail_pid=$!
  undo_push jail_end "$jail_pid"
  # Opened after the writer: when pen-jail ends without a word, this ends, too.
  IFS= read -r -t 30 line <"$pipe" || line=""
  rm -f -- "$pipe"
  [[ $line == ready* ]] || die "the sandbox did not start: $(jail_last_words)"
  state_set_up "$jail_pid" || die "cannot write $sandbox_run/pid"
  rm -f -- "$sandbox_run/begun"
}

# jail_begin PIPE - note this very process, which is to be pen-jail, so that stop
# finds it if pen is killed before it has noted that the sandbox is up; then open
# PIPE on 3, where pen waits, even if this failed. Fails if pen was killed already.
jail_begin() {
  local pid="" status=0
  # Not $$, which is pen's; BASHPID is missing in bash 3.2.
  IFS=' ' read -r pid _ </proc/self/stat &&
    state_identity "$pid" | state_write "$sandbox_run/begun" || status=1
  state_identity "$$" >/dev/null && exec 3>"$1" || return 1
  ((!status)) || log_note "cannot write $sandbox_run/begun"
  return "$status"
}

# jail_end_begun - end what jail_begin has noted, if it lives
jail_end_begun() {
  local identity=""
  [[ -s $sandbox_run/begun ]] || return 0
  IFS= read -r identity <"$sandbox_run/begun" || return 1
  state_end "$identity" TERM
}

# jail_last_words - print what pen-jail said before it ended
jail_last_words() {
  local words=""
  words=$(sed 's/^pen-jail: //' "$sandbox_run/jail.log")
  printf '%s\n' "${words:-no reason given within 30 seconds}"
}

# jail_end PID - end the process, and wait until it has gone
jail_end() {
  local identity=""
  identity=$(state_identity "$1") || return 0
  state_end "$identity" TERM
}

runtime_stop() {
  if state_is_up; then
    jail_end "$state_pid" || die "PID $state_pid does not end"
  fi
  jail_end_begun || die "the sandbox that was begun does not end: see $sandbox_run/begun"
  rm -f -- "$sandbox_run/pid" "$sandbox_run/begun" "$sandbox_run/control.sock" \
    "$sandbox_run/ready" "$sandbox_run/proxy.pid"
}

runtime_is_up() {
  return 0
}

runtime_forget() {
  return 0
}

# All processes of the sandbox, and its proxy, are below pen-jail.
runtime_stats() {
  usage_of_tree "$state_pid"
}

runtime_exec() {
  local words
  jail_open
  words=(-w "$1")
  shift
  while [[ $1 != -- ]]; do
    words+=(-e "$1")
    shift
  done
  cd -- "$sandbox_run" || die "cannot enter $sandbox_run"
  command_as_caller "$jail_program" exec --control control.sock "${words[@]}" "$@"
}

runtime_run() {
  local options
  # Of a jail, nothing gets new privileges ever.
  options=()
  while [[ $1 != -- ]]; do
    [[ $1 == --no-new-privileges ]] || options+=("$1")
    shift
  done
  config_make_volumes
  jail_options
  jail_proxy_options "$state_run"
  # In the background, so that a signal to pen alone is not kept waiting until
  # the command ends; with pen's own stdin, and INT and QUIT as they were.
  (
    trap - INT QUIT TERM HUP EXIT
    command_as_caller "$jail_program" run --die-with-parent --workdir "$sandbox_project" \
      "${jail_options[@]}" ${options[@]+"${options[@]}"} "$@"
  ) <&0 &
  jail_pid=$!
  command_wait "$jail_pid" jail_pass
}

# jail_pass SIGNAL - pass a signal on to pen-jail; not an interrupt that came
# from the terminal, which pen-jail has had itself
jail_pass() {
  [[ $1 == INT && -t 0 ]] || kill "-$1" "$jail_pid" 2>/dev/null
}

# pen-jail keeps the sockets and starts a new pen-proxy when one ends.
runtime_proxy_restart() {
  local old="" tries=0
  [[ $config_network != none ]] || die_input "this sandbox has no network, and no proxy"
  old=$(proxy_pid "$sandbox_run") || old=""
  # Not TERM: a proxy that is asked to end shuts down its listeners, and these
  # are the ones that the next proxy is to have.
  [[ -z $old ]] || kill -KILL "$old"
  until jail_has_new_proxy "$old"; do
    tries=$((tries + 1))
    ((tries < 200)) || die "the proxy did not come back: see 'pen proxy logs' and 'pen logs'"
    sleep 0.05
  done
}

# jail_has_new_proxy OLD - succeed if a proxy other than the PID OLD is ready
jail_has_new_proxy() {
  local new=""
  new=$(proxy_pid "$sandbox_run") && [[ $new != "$1" ]]
}

runtime_logs() {
  [[ ! -f $sandbox_run/jail.log ]] || cat -- "$sandbox_run/jail.log"
}
