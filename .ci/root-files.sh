#!/bin/bash
# SPDX-License-Identifier: MIT
# root-files.sh - what of pen belongs to root: pen-pfctl and its sudoers line
#
# Usage: root-files.sh where                   print the folder, made or to be made
#        root-files.sh has UID                 status 0 if uninstall UID has something to do
#        root-files.sh install UID PROGRAM     as root
#        root-files.sh uninstall UID           as root
#
# The folder and all above it are root's alone, whatever prefix the rest of pen
# has: who can replace the program that a sudoers line names is root.  The
# manifest in it names every file; a line is UID's, the program is the last one's.

set -u -o pipefail
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# The second is for a Mac whose /usr/local is the user's own.  pen looks for the
# program in the same places.
readonly candidates='/usr/local/libexec/pen-root /Library/PrivilegedHelperTools/pen-root /opt/pen-root'
readonly sudoers=/etc/sudoers.d

die() {
  printf 'root-files: %s\n' "$*" >&2
  exit 1
}

# root_owned PATH - whether PATH and all above it can be changed by root alone;
# what is not there yet does not count
root_owned() {
  local path=$1
  while [[ -n $path ]]; do
    if [[ -e $path || -L $path ]]; then
      [[ ! -L $path && -n $(find "$path" -prune -user 0 ! -perm -020 ! -perm -002) ]] || return 1
    fi
    path=${path%/*}
  done
}

# root_where - print the folder: the one that has a manifest, or the first that
# can be made
root_where() {
  local folder
  for folder in $candidates; do
    if [[ -f $folder/manifest ]] && root_owned "$folder"; then
      printf '%s\n' "$folder"
      return 0
    fi
  done
  for folder in $candidates; do
    # /Library is made by macOS alone.
    if [[ -d ${folder%/*/*}/ ]] && root_owned "$folder"; then
      printf '%s\n' "$folder"
      return 0
    fi
  done
  die "no folder that only root can change, of: $candidates"
}

# root_has UID - whether there is a line for UID; for root, the program alone
root_has() {
  local folder
  folder=$(root_where) || return 1
  [[ -f $folder/manifest ]] || return 1
  if [[ $1 == 0 ]]; then
    ! grep -q "^$sudoers/" "$folder/manifest"
  else
    grep -qxF -- "$sudoers/pen-$1" "$folder/manifest"
  fi
}

# root_line UID PROGRAM - the sudoers line, checked before it is in force
root_line() {
  local new=$sudoers/.pen-$1.new
  # sudo passes over names with a dot.
  rm -f "$new" || return 1
  (umask 0337 && printf '#%s ALL=(root) NOPASSWD: %s\n' "$1" "$2" >"$new") || return 1
  if ! chown 0:0 "$new" || ! chmod 0440 "$new" || ! visudo -qcf "$new" ||
    ! mv -f "$new" "$sudoers/pen-$1"; then
    rm -f "$new"
    return 1
  fi
}

# root_copy PROGRAM FOLDER
root_copy() {
  mkdir -p "$2" && chown 0:0 "$2" && chmod 0755 "$2" &&
    install -o 0 -g 0 -m 0755 "$1" "$2/.pen-pfctl.new" &&
    mv -f "$2/.pen-pfctl.new" "$2/pen-pfctl"
}

# root_note UID FOLDER - the manifest, before the files that it names are made
root_note() {
  {
    printf '%s\n' "$2/pen-pfctl"
    [[ ! -f $2/manifest ]] || cat "$2/manifest"
    [[ $1 == 0 ]] || printf '%s\n' "$sudoers/pen-$1"
  } | awk '!seen[$0]++' >"$2/manifest.new" && mv -f "$2/manifest.new" "$2/manifest"
}

# root_forget UID FOLDER - the manifest without the line of UID
root_forget() {
  awk -v mine="$sudoers/pen-$1" '$0 != mine' "$2/manifest" >"$2/manifest.new" &&
    mv -f "$2/manifest.new" "$2/manifest"
}

# root_remove FOLDER - the program, once nobody has a line for it
root_remove() {
  rm -f -- "$1/pen-pfctl" "$1/manifest" && rmdir "$1"
}

# root_install UID PROGRAM
root_install() {
  local folder real
  [[ -f $2 ]] || die "no program at $2"
  folder=$(root_where) || exit 1
  [[ $1 == 0 || -d $sudoers ]] || die "no $sudoers: is sudo installed?"
  # On macOS /etc is a link of root's.
  [[ ! -d $sudoers ]] || { real=$(cd -P -- "$sudoers" && pwd -P) && root_owned "$real"; } ||
    die "$sudoers is not root's alone"
  root_copy "$2" "$folder" || die "cannot install $folder/pen-pfctl"
  root_owned "$folder/pen-pfctl" || die "$folder/pen-pfctl is not root's alone"
  root_note "$1" "$folder" || die "cannot write $folder/manifest"
  # Root needs no line.
  [[ $1 == 0 ]] || root_line "$1" "$folder/pen-pfctl" ||
    die "the sudoers line was refused; nothing may be called through sudo"
  printf 'installed %s for uid %s\n' "$folder/pen-pfctl" "$1"
}

# root_flush UID PROGRAM - no rules outlive what could withdraw them
root_flush() {
  local name list
  list=$(SUDO_UID=$1 "$2" list) || return 1
  while read -r name _; do
    [[ -z $name ]] || SUDO_UID=$1 "$2" flush "$name" </dev/null || return 1
  done <<<"$list"
}

# root_uninstall UID
root_uninstall() {
  local folder manifest
  folder=$(root_where) || exit 1
  manifest=$folder/manifest
  [[ -f $manifest ]] || die "nothing to uninstall: no $manifest"
  if [[ -x $folder/pen-pfctl ]]; then
    root_flush "$1" "$folder/pen-pfctl" || die 'rules could not be withdrawn; nothing was removed'
  fi
  if grep -qxF -- "$sudoers/pen-$1" "$manifest"; then
    rm -f -- "$sudoers/pen-$1" || die "cannot remove $sudoers/pen-$1"
  fi
  root_forget "$1" "$folder" || die "cannot write $manifest"
  grep -q "^$sudoers/" "$manifest" || root_remove "$folder" || die "cannot remove $folder"
  printf 'uninstalled pen-pfctl for uid %s\n' "$1"
}

case ${2-0} in
  *[!0-9]* | '') die 'the UID is not a number' ;;
esac
case ${1-}:$# in
  where:1) root_where ;;
  has:2) root_has "$2" ;;
  install:3) root_install "$2" "$3" ;;
  uninstall:2) root_uninstall "$2" ;;
  *) die 'usage: root-files.sh where | has UID | install UID PROGRAM | uninstall UID' ;;
esac
