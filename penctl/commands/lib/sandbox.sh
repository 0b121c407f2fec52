# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# sandbox.sh - from a project directory to the names and paths of its sandbox
#
# Pure: nothing here makes or changes a file.

# What runtimes allow for the longest name that is derived from it (mission P2).
readonly sandbox_name_max=52

# sandbox_sha1 TEXT - print the SHA-1 of TEXT in hexadecimal
sandbox_sha1() {
  local sum=""
  if command -v sha1sum >/dev/null; then
    sum=$(printf '%s' "$1" | sha1sum) || return 1
  else
    sum=$(printf '%s' "$1" | shasum -a 1) || return 1
  fi
  printf '%s\n' "${sum%% *}"
}

# sandbox_digits NAME - print the ten digits by which the bridge and the shared
# folder of the box NAME are called
sandbox_digits() {
  local sum=""
  sum=$(sandbox_sha1 "$1") || die "cannot compute a SHA-1"
  printf '%s\n' "${sum:0:10}"
}

# sandbox_name_of PATH UID - print the sandbox name of a physical path:
# pen-user-UID-project-BASENAME-HASH, BASENAME cut so that HASH stays whole
sandbox_name_of() {
  local base="" prefix="pen-user-$2-project-" hash="" room=0
  hash=$(sandbox_sha1 "$1") || return 1
  hash=${hash:0:6}
  ((${#hash} == 6)) || return 1
  base=$(printf '%s' "${1##*/}" | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9-' '-') || return 1
  base=${base:-root}
  room=$((sandbox_name_max - ${#prefix} - ${#hash} - 1))
  printf '%s%s-%s\n' "$prefix" "${base:0:room}" "$hash"
}

# sandbox_home - sets sandbox_root, the folder of all of the user's sandboxes
sandbox_home() {
  [[ -n ${HOME-} && $HOME == /* ]] || die_input "HOME is not set to an absolute path"
  sandbox_is_plain "$HOME" || die_input "HOME has characters that pen cannot use"
  sandbox_root=$HOME/.pen/sandboxes
}

# sandbox_is_plain TEXT - succeed if TEXT can be written into any of pen's
# files: no control characters and no " ;", which starts a comment in INI files
sandbox_is_plain() {
  [[ $1 != *[[:cntrl:]]* && $1 != *' ;'* ]]
}

# sandbox_covers OUTER INNER - succeed if INNER is OUTER or lies below it. A folder
# has several paths where the file system ignores case, as on macOS, or where it
# is mounted twice.
sandbox_covers() {
  local path="$2"
  [[ $2 != "$1" && $1 != / && $2 != "$1"/* ]] || return 0
  while [[ $path == */?* ]]; do
    [[ ! $path -ef $1 ]] || return 0
    path=${path%/*}
  done
  return 1
}

# sandbox_exposes PATH - succeed if the sandbox could reach pen's own files,
# where the policy is kept, were PATH shown to it
sandbox_exposes() {
  local pen=""
  pen=$(cd -P -- "$HOME" 2>/dev/null && pwd -P)/.pen
  sandbox_covers "$1" "$pen" || sandbox_covers "$pen" "$1" || sandbox_is_led_into "$1"
}

# sandbox_is_led_into PATH - succeed if ~/.pen is a link that leads into PATH, or to
# what PATH is in, or has such a link for the selected sandbox or all of them
sandbox_is_led_into() {
  local file="" real=""
  for file in "$HOME/.pen" "$HOME/.pen"/* "$sandbox_root"/* "$sandbox_dir"/*; do
    [[ -L $file ]] || continue
    real=$(config_resolve "$file" && printf '%s\n' "$config_real") || continue
    ! sandbox_covers "$1" "$real" && ! sandbox_covers "$real" "$1" || return 0
  done
  return 1
}

# sandbox_select NAME - sets sandbox_name, sandbox_dir, sandbox_run,
# sandbox_rules (the policy that pen allow edits), and sandbox_volumes (not below
# ~/.pen: nothing there is ever shown to a sandbox)
sandbox_select() {
  sandbox_home
  sandbox_name=$1
  sandbox_dir=$sandbox_root/$1
  sandbox_run=$sandbox_dir/run
  sandbox_rules=$sandbox_dir/http-allowlist.txt
  sandbox_volumes=$HOME/.local/share/pen/volumes/$1
}

# sandbox_open - select the sandbox of the current directory; also sets
# sandbox_project
sandbox_open() {
  local name="" owner=""
  # With a letter behind it: $( ) takes newlines off the end.
  sandbox_project=$(pwd -P && printf x) || die_input "the current directory is gone"
  sandbox_project=${sandbox_project%$'\n'x}
  sandbox_home
  sandbox_is_plain "$sandbox_project" ||
    die_input "the directory's path has characters that pen cannot use"
  name=$(sandbox_name_of "$sandbox_project" "$UID") ||
    die "cannot compute a SHA-1: sha1sum or shasum is missing (pen doctor)"
  sandbox_select "$name"
  ! sandbox_is_led_into "$sandbox_project" ||
    die_input "a link in ~/.pen, where the policy is kept, leads to $sandbox_project: use another directory"
  if sandbox_exposes "$sandbox_project"; then
    die_input "$sandbox_project contains ~/.pen, where the policy is kept: use a directory below it"
  fi
  sandbox_owner "$sandbox_dir"
  owner=$sandbox_owner
  [[ -z $owner || $owner == "$sandbox_project" ]] ||
    die_input "the sandbox $name belongs to $owner; rename one of the two directories"
}

# sandbox_open_used - select the sandbox of the current directory; exit 2 unless
# it was initialized or something was run in it
sandbox_open_used() {
  sandbox_open
  [[ -e $sandbox_rules ]] || sandbox_need_init
}

# sandbox_owner DIR - sets sandbox_owner to the project directory of the
# sandbox kept in DIR, or to nothing
sandbox_owner() {
  sandbox_owner=""
  [[ -f $1/project ]] || return 0
  IFS= read -r sandbox_owner <"$1/project" || die "cannot read $1/project"
}

# sandbox_is_initialized - succeed if pen init was run for the selected one
sandbox_is_initialized() {
  [[ -e $sandbox_dir/config.json ]]
}

# sandbox_need_init - exit 2 unless pen init was run here
sandbox_need_init() {
  local above="$sandbox_project" name=""
  sandbox_is_initialized && return
  while [[ $above == */?* ]]; do
    above=${above%/*}
    name=$(sandbox_name_of "${above:-/}" "$UID") || break
    [[ ! -e $sandbox_root/$name/config.json ]] ||
      die_input "no sandbox for this directory, but there is one for $above: go there, or run 'pen init' here"
  done
  die_input "no sandbox for this directory: run 'pen init' first"
}
