# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# log.sh - messages to the user: one line each, on stderr, and how pen ends

# Exit status of die; run, exec and shell set it to 125, so that pen's own
# failure is told apart from the status of the command that they run.
log_die_status=1

# Whether a progress line stands on the terminal.
log_step_shown=no

# log_say TEXT... - one line of result on stdout
log_say() {
  printf '%s\n' "$*"
}

# log_note TEXT... - one line on stderr, in place of a progress line
log_note() {
  log_step_end
  printf 'pen: %s\n' "$*" >&2
}

# log_step TEXT... - say what takes a moment, on a terminal only; the line is
# replaced by the next step and wiped by log_step_end
log_step() {
  [[ -t 2 ]] || return 0
  log_step_shown=yes
  printf '\r\033[Kpen: %s' "$*" >&2
}

# log_step_end - wipe the progress line, if there is one
log_step_end() {
  [[ $log_step_shown == yes && -t 2 ]] || return 0
  log_step_shown=no
  printf '\r\033[K' >&2
}

# log_has_colour - succeed if stdout may be coloured
log_has_colour() {
  [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]
}

# die TEXT... - pen could not do it: one line, exit log_die_status
die() {
  log_note "$@"
  exit "$log_die_status"
}

# die_input TEXT... - what the user gave is wrong: one line, exit 2
die_input() {
  log_note "$@"
  exit 2
}

# log_confirm QUESTION - ask on the terminal; succeed on y or yes only
log_confirm() {
  local answer=""
  [[ -t 0 ]] || return 1
  printf '%s [y/N] ' "$1" >&2
  IFS= read -r answer || return 1
  case $answer in
    y | Y | yes | Yes | YES) return 0 ;;
    *) return 1 ;;
  esac
}
