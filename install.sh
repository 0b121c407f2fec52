#!/bin/bash
# SPDX-License-Identifier: MIT
# install.sh - build pen and install it, for you alone or for all users
#
# Usage: install.sh [--prefix DIR] [--user-only | --yes]
#
# Options:
#   --prefix DIR   where to (default: ~/.local, for root /usr/local)
#   --user-only    without pen-pfctl, which bridge networks need and which takes
#                  root; sandboxes of the kinds jail, socket and none do without
#   --yes          with it, and without asking
#   -h, --help     this text

set -u -o pipefail

die() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

main() {
  local prefix="$HOME/.local" root="" with_root=ask
  ((EUID != 0)) || prefix=/usr/local
  while (($#)); do
    case $1 in
      --prefix) prefix=${2-} && shift ;;
      --prefix=*) prefix=${1#*=} ;;
      --user-only) with_root=no ;;
      --yes) with_root=yes ;;
      -h | --help) install_help 0 ;;
      *) install_help 2 >&2 ;;
    esac
    shift || break
  done
  [[ $prefix == /* ]] || install_help 2 >&2
  [[ $prefix != *[[:space:]]* ]] || die "the prefix cannot have white space: $prefix"
  unset CDPATH
  root=$(cd -P -- "${BASH_SOURCE[0]%/*}" && pwd -P) || die "cannot find the source tree"
  cd -- "$root" || die "cannot enter $root"
  install_check_tools
  install_user_part "$prefix"
  install_root_part "$with_root"
  install_next_steps "$prefix"
}

# install_help STATUS - print the help and exit
install_help() {
  sed -n 's/^# \{0,1\}//; 3,12p' "${BASH_SOURCE[0]}"
  exit "$1"
}

# install_check_tools - what building needs before make can say so itself
install_check_tools() {
  local tool=""
  for tool in make cc pkg-config; do
    command -v "$tool" >/dev/null ||
      die "$tool is missing; 'make deps' installs what building needs (make itself: apt install make)"
  done
}

# install_user_part PREFIX - programs, command tree and manual pages: no root
# unless PREFIX is root's
install_user_part() {
  make PREFIX="$1" all || die "the build failed; nothing was installed"
  make --no-print-directory PREFIX="$1" install ||
    die "the installation failed; './uninstall.sh --prefix $1' clears it away"
}

# install_root_part ask|yes|no - pen-pfctl in a folder of root's, and the line
# that lets this user call it
install_root_part() {
  local with_root=$1 folder="" user=${SUDO_UID:-$EUID} answer=""
  [[ $with_root != no ]] || return 0
  folder=$(.ci/root-files.sh where) || die "nowhere to put pen-pfctl; --user-only does without"
  if [[ $with_root == ask ]]; then
    install_explain "$folder" "$user"
    # Without a terminal nobody answers, and nothing of root's is touched.
    if [[ -t 0 ]]; then
      printf 'Do this? [y/N] ' && IFS= read -r answer
    fi
    if [[ $answer != [yY]* ]]; then
      printf 'not done; install.sh --yes does it\n'
      return 0
    fi
  fi
  install_as_root .ci/root-files.sh install "$user" "$PWD/build/release/pen-pfctl" ||
    die "pen-pfctl was not installed; everything else was"
}

# install_explain FOLDER UID
install_explain() {
  printf '%s\n' \
    'Sandboxes on a bridge network need a firewall, and so a program that runs as' \
    'root: pen-pfctl(8) says what it can do, and what nobody can make it do.' \
    'This would be done, as root:' \
    "  $1/pen-pfctl is installed, root's alone"
  [[ $2 == 0 ]] ||
    printf '  /etc/sudoers.d/pen-%s lets uid %s call it, without a password\n' "$2" "$2"
}

# install_as_root CMD... - through sudo, unless this is root
install_as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo -- "$@"
  fi
}

# install_next_steps PREFIX - what is left to do
install_next_steps() {
  case ":$PATH:" in
    *":$1/bin:"*) ;;
    *) printf 'add to PATH: %s/bin\n' "$1" ;;
  esac
  "$1/bin/pen" doctor || printf 'pen doctor found something missing: see above\n' >&2
}

main "$@"
