#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: edit the config of this sandbox, checked before it counts
# Usage: pen config edit
#
# Opens a copy in $VISUAL, $EDITOR or vi. If it is faulty, the faults are shown and
# the config stays as it was; the copy is kept, and opened again next time.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  command_begin
  command_none "$@"
  sandbox_open
  sandbox_need_init
  state_make
  edit_begin
  until edit_open && config_check_copy "$copy" "$copy" false; do
    log_confirm "edit it again?" || die_input "nothing was changed; your text is kept in $copy: 'pen config edit' goes on with it"
  done
  edit_finish
}

# edit_begin - sets file, the config, copy, where it is edited, and before, what
# the config was then
edit_begin() {
  file=$sandbox_dir/config.json
  copy=$sandbox_dir/config.edit.json
  before=$(<"$file") || die "cannot read $file"
  if [[ -f $copy ]]; then
    log_note "going on with the text that was kept in $copy"
  else
    state_write "$copy" <"$file" || die "cannot write $copy"
  fi
}

# edit_open - have the user edit the copy; fails if the editor does
edit_open() {
  local words status=0
  IFS=$' \t' read -r -a words <<<"${VISUAL:-${EDITOR:-vi}}"
  # An interrupt in the editor is the editor's.
  trap '' INT
  (
    trap - INT QUIT TERM HUP EXIT
    command_as_caller "${words[@]}" "$copy"
  ) || status=$?
  trap 'exit 130' INT
  ((status == 0)) || log_note "${words[0]} ended with status $status"
  return "$status"
}

# edit_finish - the copy becomes the config, unless that was changed meanwhile
edit_finish() {
  state_lock policy.lock
  [[ $(<"$file") == "$before" ]] ||
    die "$file was changed meanwhile; your text is kept in $copy"
  if cmp -s -- "$copy" "$file"; then
    rm -f -- "$copy"
    log_say "nothing was changed"
    return
  fi
  mv -f -- "$copy" "$file" || die "cannot write $file"
  log_say "the config was changed"
  ! state_is_up || log_say "'pen restart' makes it count in the running sandbox"
}

main "$@"
