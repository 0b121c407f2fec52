# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# undo.sh - a stack of steps that take back what was done, run when pen exits
#
# Every step is a command with its words, kept apart (no eval): all words in
# undo_words, where each step begins in undo_starts.

# undo_begin - empty the stack and run it at exit, whatever the reason
undo_begin() {
  undo_words=()
  undo_starts=()
  trap 'undo_unwind' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# undo_push CMD [ARG]... - CMD is to be run if pen ends before undo_drop
undo_push() {
  undo_starts+=("${#undo_words[@]}")
  undo_words+=("$@")
}

# undo_unwind - run the steps, the last one first; a step that fails is
# reported and the others still run
undo_unwind() {
  local i=0 first=0 last=0
  trap '' HUP INT TERM
  last=${#undo_words[@]}
  for ((i = ${#undo_starts[@]} - 1; i >= 0; i--)); do
    first=${undo_starts[i]}
    "${undo_words[@]:first:last-first}" ||
      log_note "could not clean up: ${undo_words[*]:first:last-first}"
    last=$first
  done
  undo_words=()
  undo_starts=()
}

# undo_drop - what was done stays
undo_drop() {
  undo_words=()
  undo_starts=()
}
