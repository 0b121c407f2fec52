#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: copy the live policy and config into the project's .pen/
# Usage: pen config backup
#
# Writes config.json, http-allowlist.txt and network-allowlist.txt to .pen/, to be
# checked in; 'pen config apply' carries them back, on another machine as well.
# Settings of the proxy and forced mounts, which a project cannot propose, are
# left out.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local name="" text=""
  command_begin
  command_none "$@"
  sandbox_open
  sandbox_need_init
  project_make
  for name in $project_files; do
    # An empty one, too: what the project has of it would bring rules back.
    text=""
    [[ ! -s $sandbox_dir/$name ]] ||
      text=$(backup_text "$name") || die "cannot read $sandbox_dir/$name"
    [[ -z $text ]] || text=$text$'\n'
    project_put "$name" "$text"
    log_say "wrote $(project_folder)/$name"
  done
}

# backup_text NAME - print the live file NAME, without what cannot be proposed
backup_text() {
  case $1 in
    config.json)
      jq 'del(.proxy) | if .mounts then .mounts |= map(del(.force)) else . end' "$sandbox_dir/$1"
      ;;
    *) cat -- "$sandbox_dir/$1" ;;
  esac
}

main "$@"
