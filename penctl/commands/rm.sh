#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: remove the sandbox of this directory
# Usage: pen rm [--volumes] [-y]
#
# Stops it, ends what 'pen run' runs here, and removes its image, config, allow-list
# and logs. Volumes stay unless asked for; the directory itself is left alone.
#
# Options:
#   --volumes    its volumes, too
#   -y, --yes    do not ask; without a terminal, nobody is asked anyway
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  local volumes=no yes=no
  command_begin
  while (($#)); do
    case $1 in
      --volumes) volumes=yes ;;
      -y | --yes) yes=yes ;;
      *) command_none "$1" ;;
    esac
    shift
  done
  sandbox_open
  [[ -d $sandbox_dir ]] || die_input "no sandbox for this directory"
  [[ $yes == yes || ! -t 0 ]] || log_confirm "remove $sandbox_name with its config and allow-list?" ||
    die_input "not removed; 'pen rm -y' does not ask"
  life_remove "$volumes"
  log_say "removed $sandbox_name"
}

main "$@"
