#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: make the policy that the project proposes the live one, if you agree
# Usage: pen config apply [-y]
#
# A project may have config.json, http-allowlist.txt and network-allowlist.txt in
# its .pen/, as 'pen config backup' writes them. Nothing of that counts by itself,
# as whatever runs in the sandbox can write it. This checks the files, shows how
# they differ from the live ones, asks, and puts them in their place. What you
# have agreed to is not asked again until the files change.
#
# A project cannot propose settings of the proxy, or mounts by force.
#
# Options:
#   -y, --yes    do not ask
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=../lib/all.sh
. "${BASH_SOURCE[0]%/*}/../lib/all.sh" || exit 1

main() {
  local yes=no
  command_begin
  while (($#)); do
    case $1 in
      -y | --yes) yes=yes ;;
      *) command_none "$@" ;;
    esac
    shift
  done
  sandbox_open
  sandbox_need_init
  state_make
  apply_collect
  apply_check
  apply_show
  if ((!${#changed[@]})); then
    apply_remember
    log_say "nothing to apply: the live policy is what the project proposes"
    return
  fi
  apply_agree "$yes"
  state_lock policy.lock
  # All of it, before a proxy that runs has a say.
  apply_install
  apply_remember
  apply_reload
}

# apply_collect - copy what the project proposes; sets copies, the folder of the
# copies, and names
apply_collect() {
  local name="" folder=""
  folder=$(project_folder)
  [[ ! -L $folder ]] || die_input "$folder is a symbolic link: refused"
  copies=$(mktemp -d "$sandbox_run/apply.XXXXXX" 2>/dev/null) || die "cannot write in $sandbox_run"
  undo_push rm -rf -- "$copies"
  names=()
  for name in $project_files; do
    ! project_copy "$name" "$copies/$name" || names+=("$name")
  done
  ((${#names[@]})) || die "the project proposes nothing: there is no policy in $folder"
}

# apply_check - exit 2 unless each copy can take its place; a config is brought
# into one form, so that what is shown is all there is
apply_check() {
  local name="" copy=""
  for name in "${names[@]}"; do
    copy=$copies/$name
    case $name in
      config.json)
        config_check_copy "$copy" "$(project_folder)/$name" true || exit
        apply_form "$name" "$copy" >"$copies/form" || die "cannot read $copy"
        mv -f -- "$copies/form" "$copy" || die "cannot write $copy"
        ;;
      *) ;;
    esac
  done
  # A policy is judged beside the config that it will stand beside.
  if [[ -f $copies/config.json ]]; then
    config_load_with "$copies/config.json"
  else
    config_load
  fi
  for name in "${names[@]}"; do
    [[ $name == config.json ]] || policy_check "$name" "$copies/$name"
  done
}

# apply_show - show the differences; sets changed, the names of files that differ
apply_show() {
  local name="" before="" difference=""
  changed=()
  for name in "${names[@]}"; do
    before=$copies/before.$name
    apply_form "$name" "$sandbox_dir/$name" >"$before" || die "cannot write $before"
    difference=$(policy_difference "$before" "$copies/$name" | apply_fold)
    [[ -n $difference ]] || continue
    changed+=("$name")
    log_say "$name:"
    log_say "$difference"
  done
}

# apply_form NAME FILE - print FILE, which may be missing, as a NAME: a config with
# its keys in order, each once, and every letter that is not ASCII escaped
apply_form() {
  [[ -s $2 ]] || return 0
  case $1 in
    config.json) jq -S -a . "$2" 2>/dev/null || cat -- "$2" ;;
    *) cat -- "$2" ;;
  esac
}

# apply_fold - stdin with long lines broken, so that no terminal breaks them where
# their rest would look like a line of its own
apply_fold() {
  awk '{
    while (length($0) > 76) { print substr($0, 1, 76); $0 = "    ..." substr($0, 77) }
    print
  }'
}

# apply_agree YES - go on only if YES is yes, the user says so now, or has said so
# of these very files
apply_agree() {
  [[ $1 == no ]] || return 0
  [[ ! -f $sandbox_dir/applied || $(apply_hashes) != "$(<"$sandbox_dir/applied")" ]] || return 0
  log_confirm "make this the live policy?" ||
    die "nothing was applied: nobody agreed (--yes agrees without asking)"
}

# apply_hashes - print the SHA-256 of each copy with its name
apply_hashes() {
  cd -- "$copies" || die "cannot enter $copies"
  if command -v sha256sum >/dev/null; then
    sha256sum -- "${names[@]}"
  else
    shasum -a 256 -- "${names[@]}"
  fi
}

# apply_remember - note what was agreed to, where the project cannot reach it
apply_remember() {
  (apply_hashes) | state_write "$sandbox_dir/applied" || die "cannot write $sandbox_dir/applied"
}

# apply_install - the copies become the live files
apply_install() {
  local name=""
  for name in "${changed[@]}"; do
    # What was shown is what is replaced.
    apply_form "$name" "$sandbox_dir/$name" | cmp -s -- - "$copies/before.$name" ||
      die "$sandbox_dir/$name was changed meanwhile: run 'pen config apply' again"
  done
  for name in "${changed[@]}"; do
    cat -- "$copies/$name" | state_write "$sandbox_dir/$name" || die "cannot write $sandbox_dir/$name"
    log_say "applied $name"
  done
}

# apply_reload - have what is up take what has changed, as far as it can
apply_reload() {
  local name=""
  for name in "${changed[@]}"; do
    case $name in
      config.json) ! state_is_up || log_say "'pen restart' makes the config count in the running sandbox" ;;
      *) policy_reload "$sandbox_dir/$name" ;;
    esac
  done
}

main "$@"
