# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# project.sh - the project's own .pen/, where a policy may be checked in
#
# Whatever runs in the sandbox can write there, also while pen reads: nothing in
# it counts by itself (ADR 16). pen enters the folder once, so that no link takes
# the folder's place later, copies what it wants out without following links or
# opening what is no file, and judges and shows the copy alone.

# What a project may propose, and what of a sandbox is kept for it.
readonly project_files="config.json http-allowlist.txt network-allowlist.txt"

# Where cp of a file that grows under its hands is stopped; in KiB.
readonly project_file_max=2048

# project_folder - print the project's .pen
project_folder() {
  printf '%s\n' "$sandbox_project/.pen"
}

# project_need_folder - exit 2 if there is a link where .pen or its .gitignore goes
project_need_folder() {
  local folder=""
  folder=$(project_folder)
  [[ ! -L $folder && ! -L $folder/.gitignore ]] ||
    die_input "$folder is a symbolic link: refused"
}

# project_make - make .pen with its .gitignore
project_make() {
  local folder=""
  project_need_folder
  folder=$(project_folder)
  [[ ! -e $folder/.gitignore ]] || return 0
  (umask "$command_caller_umask" && mkdir -p -- "$folder" 2>/dev/null) || die "cannot make $folder"
  project_put .gitignore $'proxy.pid\nproxy.log\n'
}

# project_enter - make .pen the working directory; fails if it is a link
project_enter() {
  local folder=""
  folder=$(project_folder)
  cd -P -- "$folder" 2>/dev/null && [[ $(pwd -P) == "$folder" ]]
}

# project_copy NAME FILE - copy the project's NAME to FILE; exit 2 if it is not a
# plain file of a size that a policy has; returns 1 if there is none
project_copy() {
  local place="" status=0
  place=$(project_folder)/$1
  (
    project_enter || exit 3
    [[ -e $1 || -L $1 ]] || exit 4
    [[ -f $1 && ! -L $1 ]] || exit 5
    project_is_short "$1" || exit 6
    # -R and -P: what was swapped for a link or a FIFO meanwhile is copied as
    # such, not read. One that grew meanwhile ends cp by a signal.
    ulimit -c 0 && ulimit -f "$project_file_max" && cp -RP -- "$1" "$2" || exit 6
  ) 2>/dev/null || status=$?
  case $status in
    0) ;;
    3 | 4) return 1 ;;
    5) die_input "$place is not a plain file: refused" ;;
    *) die_input "cannot copy $place: it is larger than 1 MiB, or cannot be read" ;;
  esac
  [[ -f $2 && ! -L $2 ]] || die_input "$place is not a plain file: refused"
  chmod 0600 "$2" || die "cannot write $2"
  project_check_text "$2" "$place"
}

# project_is_short FILE - succeed if FILE has at most 1 MiB
project_is_short() {
  [[ -z $(find "$1" -prune -size +2048) ]]
}

# project_check_text FILE PLACE - exit 2 if FILE has more than a policy would, or
# bytes that are none of a text's
project_check_text() {
  project_is_short "$1" || die_input "$2 is larger than 1 MiB: refused"
  [[ -z $(tr -d '\11\12\40-\176\200-\377' <"$1" | od -A n -N 1 -c) ]] ||
    die_input "$2 has control characters: refused"
}

# project_put NAME TEXT - replace the project's NAME by TEXT, with the caller's
# permissions. It is written where only pen writes, and then moved: a
# link that appears in its place is replaced, not followed.
project_put() {
  local temp=""
  temp=$(mktemp "$sandbox_run/put.XXXXXX") || die "cannot write in $sandbox_run"
  undo_push rm -f -- "$temp"
  printf '%s' "$2" >"$temp" || die "cannot write $temp"
  (
    umask "$command_caller_umask"
    chmod "=rw" "$temp" && project_enter && [[ ! -d $1 || -L $1 ]] &&
      rm -f -- "$1" && mv -f -- "$temp" "$1"
  ) 2>/dev/null || die "cannot write $(project_folder)/$1"
}
