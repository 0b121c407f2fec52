# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# life.sh - the order in which a sandbox comes up and goes down

# life_open - select the sandbox of the current directory, with its config; while
# it is up its runtime is the one that it was started with
life_open() {
  sandbox_open
  sandbox_need_init
  config_load
  if state_is_up; then
    state_read_runtime
    config_runtime=${state_runtime:-$config_runtime}
  fi
  config_use_runtime
}

# life_open_down - the same for taking it down: by the runtime that it was
# started with, whatever has become of its config
life_open_down() {
  sandbox_open
  sandbox_need_init
  life_use_runtime
}

# life_use_runtime - load the runtime that the selected sandbox was started with;
# if it never was, that of its config
life_use_runtime() {
  state_read_runtime
  config_runtime=$state_runtime
  if [[ -z $config_runtime ]]; then
    config_runtime=$(config_load >/dev/null 2>&1 && printf '%s' "$config_runtime") ||
      config_runtime=$(config_default_runtime)
  fi
  config_use_runtime
}

# life_is_up - succeed if the selected sandbox is running, by its own runtime's word
life_is_up() {
  state_is_up && runtime_is_up
}

# life_start - bring the sandbox up unless it is; on failure nothing is left
life_start() {
  life_need_thawed
  ! life_is_up || return 0
  life_stop_other
  state_make
  state_lock
  if ! life_is_up; then
    log_step "starting $sandbox_name"
    life_bring_up
    log_step_end
  fi
  undo_drop
  state_unlock
}

# life_stop_other - clear away what another runtime, which the config named before,
# has left; in a process of its own, with that runtime's functions
life_stop_other() {
  state_read_runtime
  [[ -n $state_runtime && $state_runtime != "$config_runtime" ]] || return 0
  (cd -- "$sandbox_project" && "$BASH" "${pen_lib%/lib}/stop.sh" </dev/null >/dev/null) ||
    die "cannot clear away what $state_runtime has left of $sandbox_name"
}

# life_need_thawed - die if the guard froze the sandbox
life_need_thawed() {
  state_read_box
  [[ -z $state_paused ]] ||
    die "the sandbox is paused: $state_paused; when that is mended, 'pen restart'"
}

# life_bring_up - start, with the lock held
life_bring_up() {
  runtime_check
  runtime_stop
  state_sweep
  proxy_write_config "$sandbox_run"
  proxy_check_config "$sandbox_run"
  printf '%s\n' "$config_runtime" | state_write "$sandbox_run/runtime" ||
    die "cannot write $sandbox_run/runtime"
  runtime_start
}

# life_check - exit 2 unless pen-proxy takes config and policy as they are; what the
# running proxy reads is left alone
life_check() {
  state_make
  (
    undo_begin
    state_new_run
    proxy_write_config "$state_run"
    proxy_check_config "$state_run"
  ) || exit
}

# life_stop - take the sandbox down, and what a crash has left
life_stop() {
  [[ -d $sandbox_run ]] || return 0
  state_lock
  log_step "stopping $sandbox_name"
  runtime_stop
  state_sweep
  log_step_end
}

# life_end_runs - end the one-shot runs of the selected sandbox, too
life_end_runs() {
  state_end_runs || die "could not take all of a one-shot run of $sandbox_name down: see above, then try again"
}

# life_restart_proxy - give the running proxy the config as it is now
life_restart_proxy() {
  life_check
  state_lock
  proxy_write_config "$sandbox_run"
  runtime_proxy_restart
  undo_drop
  state_unlock
}

# life_remove VOLUMES - stop the selected sandbox and its one-shot runs, and remove
# what pen keeps of it, its volumes only if VOLUMES is yes
life_remove() {
  life_use_runtime
  life_end_runs
  life_stop
  runtime_forget "$1" || die "could not remove all that $config_runtime keeps of $sandbox_name"
  rm -rf -- "$sandbox_dir" || die "cannot remove $sandbox_dir"
  [[ $1 == no ]] || rm -rf -- "$sandbox_volumes" || die "cannot remove $sandbox_volumes"
}

# life_each FUNCTION - select each of the user's sandboxes in turn and run
# FUNCTION for it, in a shell of its own, so that one that fails does not keep
# the others; fails if one did
life_each() {
  local folder="" status=0
  sandbox_home
  for folder in "$sandbox_root"/*; do
    [[ -d $folder ]] || continue
    (life_one "${folder##*/}" "$1") || status=1
  done
  return "$status"
}

# life_one NAME FUNCTION - select the sandbox NAME and run FUNCTION for it
life_one() {
  undo_begin
  sandbox_select "$1"
  sandbox_owner "$sandbox_dir"
  sandbox_project=$sandbox_owner
  "$2"
}
