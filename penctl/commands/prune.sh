#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: remove the sandboxes whose directory is gone
# Usage: pen prune [--volumes] [-y]
#
# Also clears away what killed one-shot runs have left. Sandboxes of directories
# that exist stay as they are.
#
# Options:
#   --volumes    their volumes, too
#   -y, --yes    do not ask
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local status=0
  prune_yes=no
  prune_volumes=no
  command_begin
  while (($#)); do
    case $1 in
      --volumes) prune_volumes=yes ;;
      -y | --yes) prune_yes=yes ;;
      *) command_none "$1" ;;
    esac
    shift
  done
  life_each prune_one || status=1
  prune_orphans docker || status=1
  prune_orphans podman || status=1
  prune_rules || status=1
  prune_shares || status=1
  return "$status"
}

# prune_rules - withdraw rule sets of sandboxes of which pen knows nothing any more
prune_rules() {
  local lines="" name=""
  firewall_find
  [[ -n $firewall_program ]] || return 0
  lines=$(firewall_call list </dev/null) || return 0
  while read -r name _; do
    [[ -n $name ]] || continue
    ! prune_is_known "$name" || continue
    firewall_flush "$name" || die "cannot withdraw the rules of $name: $firewall_words"
    log_say "withdrew the rules of $name"
  done <<<"$lines"
}

# prune_shares - remove the shared folders (containers_select) of boxes of which pen
# knows nothing any more
prune_shares() {
  local file="" name="" sum="" known="" folder=""
  for file in "$sandbox_root"/*/run/box "$sandbox_root"/*/run/one.*/box; do
    { IFS=' ' read -r _ name _ <"$file"; } 2>/dev/null || continue
    sum=$(sandbox_sha1 "$name") || die "cannot compute a SHA-1"
    known="$known ${sum:0:10}"
  done
  for folder in "$HOME"/.pen/run/*; do
    [[ -d $folder && "$known " != *" ${folder##*/} "* ]] || continue
    rm -rf -- "$folder" || die "cannot remove $folder"
  done
}

# prune_is_known BOX - succeed if it is a sandbox, or a one-shot run of one
prune_is_known() {
  local known=""
  [[ ! -d $sandbox_root/$1 ]] || return 0
  known=$(cat -- "$sandbox_root"/*/run/one.*/box 2>/dev/null)
  [[ $known == *" $1 "* ]]
}

# prune_orphans RUNTIME - remove what the runtime, if it is there, has of this
# user's sandboxes of which pen knows nothing any more: a home that was replaced.
# Volumes stay unless asked for.
prune_orphans() {
  [[ -f $pen_lib/runtime/$1.sh ]] && command -v "$1" >/dev/null || return 0
  (
    undo_begin
    config_runtime=$1
    config_use_runtime
    prune_list | while read -r kind name; do
      [[ $kind != volume || $prune_volumes == yes ]] || continue
      tool_"$kind"_remove "$name" || exit 1
      log_say "removed the $kind $name"
    done
  )
}

# prune_list - print kind and name of what belongs to no sandbox; containers first,
# as the others are in use by them
prune_list() {
  local kind="" name="" owner="" list=""
  # A runtime that does not answer is perhaps not in use.
  list=$(tool_list 2>/dev/null) || return 0
  while read -r kind name; do
    [[ -n $kind ]] || continue
    owner=${name%-container}
    owner=${owner%-network}
    [[ $kind != volume ]] || owner=$(prune_owner "$name")
    prune_is_known "$owner" || printf '%s %s\n' "$kind" "$name"
  done <<<"$list"
}

# prune_owner VOLUME - print the name of the sandbox that the volume belongs to:
# what of it ends in the six digits of the path
prune_owner() {
  sed -E 's/^(pen-user-[0-9]+-project-.*-[0-9a-f]{6})-[a-z0-9_-]+$/\1/' <<<"$1"
}

# prune_one - sweep the selected sandbox; remove it if its directory is gone
# shellcheck disable=SC2317 # called by life_each
prune_one() {
  state_sweep
  [[ -n $sandbox_project && ! -d $sandbox_project ]] || return 0
  [[ $prune_yes == yes ]] || log_confirm "remove $sandbox_name ($sandbox_project is gone)?" ||
    die "$sandbox_name stays; 'pen prune -y' does not ask"
  life_remove "$prune_volumes"
  log_say "removed $sandbox_name ($sandbox_project is gone)"
}

main "$@"
