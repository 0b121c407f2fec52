#!/bin/bash
# SPDX-License-Identifier: MIT
# uninstall.sh - stop this user's sandboxes and remove what install.sh installed
#
# Usage: uninstall.sh [--prefix DIR] [--purge]
#
# Options:
#   --prefix DIR   where it was installed (default: ~/.local, for root /usr/local)
#   --purge        remove ~/.pen as well, configs, allow-lists and logs, and the
#                  volumes in ~/.local/share/pen
#   -h, --help     this text

set -u -o pipefail

die() {
  printf 'uninstall: %s\n' "$*" >&2
  exit 1
}

main() {
  local prefix="$HOME/.local" purge=no root=""
  ((EUID != 0)) || prefix=/usr/local
  while (($#)); do
    case $1 in
      --prefix) prefix=${2-} && shift ;;
      --prefix=*) prefix=${1#*=} ;;
      --purge) purge=yes ;;
      -h | --help) uninstall_help 0 ;;
      *) uninstall_help 2 >&2 ;;
    esac
    shift || break
  done
  [[ $prefix == /* ]] || uninstall_help 2 >&2
  unset CDPATH
  root=$(cd -P -- "${BASH_SOURCE[0]%/*}" && pwd -P) || die "cannot find the source tree"
  cd -- "$root" || die "cannot enter $root"
  [[ -f $prefix/libexec/pen/manifest ]] || die "pen is not installed in $prefix"
  uninstall_stop_sandboxes "$prefix"
  uninstall_root_part
  make --no-print-directory PREFIX="$prefix" uninstall || die "could not remove everything"
  [[ $purge == no ]] || uninstall_purge
}

# uninstall_help STATUS - print the help and exit
uninstall_help() {
  sed -n 's/^# \{0,1\}//; 3,11p' "${BASH_SOURCE[0]}"
  exit "$1"
}

# uninstall_as_user CMD... - as the user whose sandboxes these are: through sudo
# that is not root
uninstall_as_user() {
  if [[ $EUID == 0 && ${SUDO_UID:-0} != 0 ]]; then
    sudo -H -u "#$SUDO_UID" -- "$@"
  else
    "$@"
  fi
}

# uninstall_stop_sandboxes PREFIX - none of them may outlive the programs, or the
# rules that shut it
uninstall_stop_sandboxes() {
  uninstall_as_user "$1/bin/pen" stop --all || die "a sandbox could not be stopped; nothing was removed"
}

# uninstall_root_part - pen-pfctl's line for this user, and pen-pfctl with the
# last line
uninstall_root_part() {
  local user=${SUDO_UID:-$EUID}
  # Root has no line; for root alone the program itself is removed.
  if ! .ci/root-files.sh has "$user"; then
    return 0
  fi
  if ((EUID == 0)); then
    .ci/root-files.sh uninstall "$user"
  else
    sudo -- .ci/root-files.sh uninstall "$user"
  fi || die "pen-pfctl could not be removed; nothing else was"
}

# uninstall_purge - remove what pen kept for this user
uninstall_purge() {
  # shellcheck disable=SC2016 # that user's HOME
  uninstall_as_user bash -c '
    for folder in "$HOME/.pen" "$HOME/.local/share/pen"; do
      [[ ! -d $folder ]] || { rm -rf -- "$folder" && echo "removed $folder"; } || exit 1
    done' || die 'cannot remove ~/.pen or ~/.local/share/pen'
}

main "$@"
