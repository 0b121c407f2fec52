#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: say what pen needs: found, or what to do about it
# Usage: pen doctor [--json]
#
# Exit status 0 when nothing that is needed is missing, 1 otherwise.
#
# Options:
#   --json       as a JSON array
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  command_json "$@"
  doctor_check
  if [[ $command_wants_json == yes ]]; then
    doctor_json
  else
    doctor_text
  fi
  [[ $doctor_verdict == ok ]]
}

# doctor_check - look at each thing; sets doctor_rows (STATE, NAME, TEXT, ...)
# and doctor_verdict
doctor_check() {
  doctor_rows=()
  doctor_verdict=ok
  doctor_wants=$(doctor_wanted)
  doctor_add ok bash "$BASH_VERSION"
  doctor_tool jq "install the package jq" --version
  doctor_tool awk "install the package gawk or mawk"
  doctor_tool mktemp "install the package coreutils"
  if command -v sha1sum >/dev/null; then
    doctor_add ok sha1sum "$(command -v sha1sum)"
  else
    doctor_tool shasum "install coreutils (sha1sum) or perl (shasum)"
  fi
  doctor_home
  doctor_program pen-proxy PEN_PROXY || doctor_path=""
  doctor_proxy=$doctor_path
  if [[ $(uname -s) == Linux ]]; then
    doctor_jail
    doctor_runtime docker
    doctor_runtime podman
  else
    doctor_runtime container
  fi
  doctor_firewall
}

# doctor_add STATE NAME TEXT - one row; STATE is ok, missing or note
doctor_add() {
  doctor_rows+=("$1" "$2" "$3")
  [[ $1 != missing ]] || doctor_verdict=missing
}

# doctor_tool NAME REMEDY [OPTION] - a program of the system; OPTION has it say
# its version
doctor_tool() {
  local path="" text=""
  path=$(command -v "$1") || {
    doctor_add missing "$1" "$2"
    return
  }
  text=$path
  [[ -z ${3-} ]] || text=$("$path" "$3" 2>&1) || text=$path
  doctor_add ok "$1" "${text%%$'\n'*}"
}

# doctor_home - the folder where pen keeps its state
doctor_home() {
  local folder=""
  sandbox_home
  folder=$HOME/.pen
  [[ -e $folder ]] || folder=$HOME
  if [[ -w $folder ]]; then
    doctor_add ok .pen "$HOME/.pen"
  else
    doctor_add missing .pen "$folder cannot be written: check its owner and mode"
  fi
}

# doctor_program NAME VARIABLE - one of pen's own programs; sets doctor_path
doctor_program() {
  local text=""
  # proxy_find exits when there is none, and says why.
  doctor_path=$(proxy_find "$1" "$2" 2>&1) || {
    doctor_add missing "$1" "${doctor_path#pen: }"
    return 1
  }
  text=$("$doctor_path" -V 2>&1) || {
    doctor_add missing "$1" "$doctor_path does not run: ${text%%$'\n'*}"
    return 1
  }
  doctor_add ok "$1" "${text%%$'\n'*} ($doctor_path)"
}

# doctor_wanted - print the runtime that this directory's config, or else the
# user's, names
doctor_wanted() {
  (
    sandbox_open
    config_load
    printf '%s\n' "$config_runtime"
  ) 2>/dev/null || config_default_runtime
}

# doctor_runtime NAME - what a runtime with containers says; needed only where it
# is the wanted one
doctor_runtime() {
  local lines="" state="" name="" text=""
  command -v jq >/dev/null && [[ -f $pen_lib/runtime/$1.sh ]] || return 0
  lines=$(config_runtime=$1 && config_use_runtime && runtime_report | doctor_jail_rows)
  while IFS=$'\x1f' read -r state name text; do
    [[ -n $state ]] || continue
    [[ $state != missing || $1 == "$doctor_wants" ]] || state=note
    doctor_add "$state" "$name" "$text"
  done <<<"$lines"
}

# doctor_firewall - pen-pfctl, which bridge networks need
doctor_firewall() {
  local state=note
  case $doctor_wants in
    docker | podman | container) state=missing ;;
    *) ;;
  esac
  firewall_find
  if [[ -z $firewall_program ]]; then
    doctor_add "$state" pen-pfctl "not installed: run install.sh, or use the networks socket and none only"
  elif ! firewall_call list >/dev/null </dev/null; then
    doctor_add "$state" pen-pfctl "sudo does not run $firewall_program without a password: run install.sh again"
  else
    doctor_add ok pen-pfctl "$firewall_program"
  fi
}

# doctor_jail - what the runtime 'jail' says of this machine
doctor_jail() {
  local lines="" state="" name="" text=""
  doctor_program pen-jail PEN_JAIL || return 0
  command -v jq >/dev/null || return 0
  lines=$("$doctor_path" check --json --proxy "${doctor_proxy:-none}" | doctor_jail_rows)
  if [[ -z $lines ]]; then
    doctor_add missing jail "$doctor_path check --json gave no answer"
    return
  fi
  while IFS=$'\x1f' read -r state name text; do
    doctor_add "$state" "$name" "$text"
  done <<<"$lines"
}

# doctor_jail_rows - rows from what pen-jail check --json prints
doctor_jail_rows() {
  jq -r '.[] | select(.name != "proxy") | [
    (if .ok then "ok" elif .needed then "missing" else "note" end), .name, .detail]
    | join("\u001f")'
}

doctor_text() {
  local i=0 mark="" end=""
  for ((i = 0; i < ${#doctor_rows[@]}; i += 3)); do
    mark="" end=""
    if log_has_colour; then
      end=$'\033[0m'
      case ${doctor_rows[i]} in
        ok) mark=$'\033[32m' ;;
        note) mark=$'\033[33m' ;;
        *) mark=$'\033[31m' ;;
      esac
    fi
    printf '%s%-8s%s %-16s %s\n' "$mark" "${doctor_rows[i]}" "$end" \
      "${doctor_rows[i + 1]}" "${doctor_rows[i + 2]}"
  done
}

doctor_json() {
  printf '%s\n' "${doctor_rows[@]}" | jq -R -n \
    '[inputs] | [range(0; length; 3) as $i | {state: .[$i], name: .[$i + 1], detail: .[$i + 2]}]' ||
    die "jq failed"
}

main "$@"
