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
  apply_install
  apply_remember
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
      *)
        # The config comes first.
        apply_config
        policy_check "$name" "$copy"
        ;;
    esac
  done
}

# apply_config - load the config beside which the proposed policy will stand: the
# user's own for all sandboxes, and that of this one, as proposed or else as it is
apply_config() {
  local i=0
  config_reset
  config_files
  if [[ -f $copies/config.json ]]; then
    for ((i = 0; i < ${#config_paths[@]}; i++)); do
      [[ ${config_paths[i]} != "$sandbox_dir/config.json" ]] || unset "config_paths[i]"
    done
    config_paths=(${config_paths[@]+"${config_paths[@]}"} "$copies/config.json")
  fi
  ((!${#config_paths[@]})) || config_read false
  [[ $config_faulty == no ]] || exit 2
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
    case $name in
      config.json) ! state_is_up || log_say "'pen restart' makes the config count in the running sandbox" ;;
      *)
        config_load
        policy_reload "$sandbox_dir/$name"
        ;;
    esac
  done
}

main "$@"
