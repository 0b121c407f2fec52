#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: make a sandbox for this directory
# Usage: pen init [--runtime RUNTIME] [--preset PRESET]...
#
# Writes the sandbox's config and its empty allow-lists to ~/.pen/sandboxes, where
# nothing inside the sandbox can reach them, and .pen/.gitignore into the
# directory. Where that was done before, it says so and changes nothing.
#
# Options:
#   --runtime RUNTIME   what runs the sandbox: jail (Linux, no daemon, no image),
#                       docker, podman, or container (macOS)
#   --preset PRESET     begin with the rules of a preset, such as github; 'pen help
#                       presets' lists them
#   -h, --help          this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local runtime="" given=$#
  presets=()
  command_begin
  runtime=$(config_default_runtime)
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      --runtime) command_value "$@" && runtime=$2 && shift ;;
      --preset) command_value "$@" && presets+=("$2") && shift ;;
      -*) command_option "$1" ;;
      *) command_usage "unexpected argument '$1'" ;;
    esac
    shift
  done
  sandbox_open
  if sandbox_is_initialized; then
    log_say "Already initialized"
    ((!given)) || log_note "the options changed nothing: 'pen config edit' changes the runtime, 'pen allow @PRESET' adds a preset"
    return
  fi
  config_runtime=$runtime
  config_use_runtime
  init_check_presets
  project_need_folder
  [[ -d $sandbox_dir ]] || undo_push state_unmake
  state_make
  project_make
  { : >>"$(policy_network)"; } 2>/dev/null || die "cannot write in $sandbox_dir"
  init_config "$runtime" | state_write "$sandbox_dir/config.json" ||
    die "cannot write $sandbox_dir/config.json"
  undo_drop
  log_say "Initialized $sandbox_name"
  if init_has_rules; then
    log_say "'pen proxy status' shows what may leave the sandbox, 'pen allow HOST:PORT' allows a host"
  else
    log_say "Nothing may leave the sandbox yet: 'pen allow HOST:PORT' allows a host"
  fi
}

# init_has_rules - succeed if there are rules: from presets, from the user's
# defaults, or as 'pen allow' ran before
init_has_rules() {
  ((${#presets[@]})) || grep -qv -e '^[[:space:]]*$' -e '^[[:space:]]*#' "$sandbox_rules" ||
    (config_load && ((${#config_rules[@]}))) 2>/dev/null
}

# init_check_presets - exit 2 for a preset that is not there
init_check_presets() {
  local name=""
  for name in ${presets[@]+"${presets[@]}"}; do
    presets_need "$name"
  done
}

# init_config RUNTIME - print the sandbox's first config
init_config() {
  local list=""
  if ((${#presets[@]})); then
    list=$(printf ', "%s"' "${presets[@]}")
    printf '{\n  "runtime": "%s",\n  "presets": [%s]\n}\n' "$1" "${list#, }"
  else
    printf '{\n  "runtime": "%s"\n}\n' "$1"
  fi
}

main "$@"
