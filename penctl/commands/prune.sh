#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: remove the sandboxes whose directory is gone
# Usage: pen prune [--volumes] [-y]
#
# Also clears away what killed one-shot runs have left, and, after asking, what an
# engine has of sandboxes of which this HOME knows nothing: it was replaced, or they
# are those of another HOME of yours. Firewall rules are withdrawn only when every
# engine here says that it has nothing behind them, or their bridge is not there.
# Sandboxes of directories that exist, and that this HOME knows, stay as they are.
#
# Options:
#   --volumes    their volumes, too
#   -y, --yes    do not ask
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local status=0 engine=""
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
  prune_find_engines
  life_each prune_one || status=1
  for engine in ${prune_engines[@]+"${prune_engines[@]}"}; do
    (prune_orphans "$engine") || status=1
  done
  prune_rules || status=1
  # What stays may have its folder in use.
  ((status)) || prune_shares || status=1
  return "$status"
}

# prune_find_engines - sets prune_engines to the runtimes with containers whose
# program is here
prune_find_engines() {
  local name="" known="docker podman"
  prune_engines=()
  [[ $(uname -s) == Linux ]] || known=container
  for name in $known; do
    ! command -v "$name" >/dev/null || prune_engines+=("$name")
  done
}

# prune_rules - withdraw rule sets of sandboxes of which pen knows nothing any more,
# if every engine here says that it has nothing behind them; else say why they stay,
# and fail
prune_rules() {
  local lines="" name="" bridge="" status=0
  firewall_find
  [[ -n $firewall_program ]] || return 0
  lines=$(firewall_call list </dev/null) || return 0
  # Root is told of all users' sets, and the engines only of this one's.
  lines=$(while read -r name bridge; do
    [[ $name != "pen-user-$UID-"* ]] || prune_is_known "$name" || printf '%s %s\n' "$name" "$bridge"
  done <<<"$lines")
  [[ -n $lines ]] || return 0
  prune_ask_engines
  while read -r name bridge; do
    prune_rule "$name" "$bridge" || status=1
  done <<<"$lines"
  return "$status"
}

# prune_ask_engines - sets prune_held to what the engines have of this user's, and
# prune_doubt to why that may not be all of it, or to nothing
prune_ask_engines() {
  local engine="" list="" silent="" status=0
  prune_held=""
  prune_doubt="there is no engine that says whether they are in use"
  for engine in ${prune_engines[@]+"${prune_engines[@]}"}; do
    status=0
    list=$(prune_ask "$engine") || status=$?
    case $status in
      0) prune_doubt="" prune_held=$prune_held$'\n'$list ;;
      3) ;;
      *) silent="$engine does not say whether they are in use" ;;
    esac
  done
  prune_doubt=${silent:-$prune_doubt}
}

# prune_ask ENGINE - print what it has of this user's, as tool_list; fails if it does
# not answer, with 3 if no rules are ever for what it has
prune_ask() {
  (
    config_runtime=$1
    config_use_runtime
    [[ ${tool_bridge-} != none ]] || exit 3
    tool_list 2>/dev/null || exit 1
  )
}

# prune_rule NAME BRIDGE - withdraw the rule set NAME, which is for BRIDGE, unless
# something is, or may be, behind it
prune_rule() {
  local why="$prune_doubt" thing=""
  [[ -z $why ]] || firewall_may_have_bridge "$2" || why=""
  for thing in "container $1-container" "network $1-network"; do
    [[ $'\n'$prune_held$'\n' != *$'\n'"$thing"$'\n'* ]] || why="the $thing is there"
  done
  if [[ -n $why ]]; then
    log_note "the rules of $1 stay in force: $why"
    return 1
  fi
  firewall_flush "$1" || die "cannot withdraw the rules of $1: $firewall_words"
  log_say "withdrew the rules of $1"
}

# prune_shares - remove the shared folders (containers_select) of boxes of which pen
# knows nothing any more
prune_shares() {
  local file="" name="" digits="" known="" folder=""
  local folders
  # Before the boxes: one that starts meanwhile writes its own down first.
  folders=("$HOME"/.pen/run/*)
  for file in "$sandbox_root"/*/run/box "$sandbox_root"/*/run/one.*/box; do
    { IFS=' ' read -r _ name _ <"$file"; } 2>/dev/null || continue
    digits=$(sandbox_digits "$name") || exit
    known="$known $digits"
  done
  for folder in "${folders[@]}"; do
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

# prune_orphans ENGINE - remove, after asking, what the engine has of this user's
# sandboxes of which pen knows nothing. Volumes stay unless asked for. To be called
# in a shell of its own.
prune_orphans() {
  local list="" kind="" name="" things=""
  undo_begin
  config_runtime=$1
  config_use_runtime
  list=$(tool_list 2>/dev/null) || {
    # Perhaps it is not in use.
    log_note "$1 does not answer: what it may have was not looked at"
    return 0
  }
  list=$(prune_unknown <<<"$list")
  [[ -n $list ]] || return 0
  things=${list//$'\n'/, }
  [[ $prune_yes == yes ]] ||
    log_confirm "remove what $1 has of sandboxes that this HOME does not know ($things)?" ||
    die "what $1 has of sandboxes that this HOME does not know stays ($things); 'pen prune -y' does not ask"
  while read -r kind name; do
    tool_"$kind"_remove "$name" </dev/null || die "cannot remove the $kind $name"
    log_say "removed the $kind $name"
  done <<<"$list"
}

# prune_unknown - of kinds and names on stdin, print what belongs to no sandbox, and
# volumes only if they are to go; containers come first, as the others are in use by
# them
prune_unknown() {
  local kind="" name="" owner=""
  while read -r kind name; do
    [[ -n $kind && ($kind != volume || $prune_volumes == yes) ]] || continue
    owner=${name%-container}
    owner=${owner%-network}
    [[ $kind != volume ]] || owner=$(prune_owner "$name")
    prune_is_known "$owner" || printf '%s %s\n' "$kind" "$name"
  done
}

# prune_owner VOLUME - print the name of the sandbox that the volume belongs to:
# what of it ends in the six digits of the path
prune_owner() {
  sed -E 's/^(pen-user-[0-9]+-project-.*-[0-9a-f]{6})-[a-z0-9_-]+$/\1/' <<<"$1"
}

# prune_one - sweep the selected sandbox; remove it if its directory is gone
# shellcheck disable=SC2317 # called by life_each
prune_one() {
  state_sweep || die "could not take all of a one-shot run of $sandbox_name down: see above, then try again"
  [[ -n $sandbox_project && ! -d $sandbox_project ]] || return 0
  [[ $prune_yes == yes ]] || log_confirm "remove $sandbox_name ($sandbox_project is gone)?" ||
    die "$sandbox_name stays; 'pen prune -y' does not ask"
  life_remove "$prune_volumes"
  log_say "removed $sandbox_name ($sandbox_project is gone)"
}

main "$@"
