# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# config.sh - the JSON config of a sandbox: read, checked, and put into words

# config_files FILE - sets config_paths to those of the two config files that exist:
# the user's defaults, then FILE, the sandbox's own
config_files() {
  local file=""
  config_paths=()
  for file in "$HOME/.pen/config.json" "$1"; do
    [[ -e $file ]] || continue
    [[ -r $file ]] || die "cannot read $file: permission denied"
    config_paths+=("$file")
  done
}

# config_query SHOW FOREIGN - print what config.jq makes of config_paths: SHOW is
# lines, table or object; FOREIGN (true or false) refuses what only the user may
# set; exit 2 if a file is not JSON
config_query() {
  local file="" message="" files=""
  for file in ${config_paths[@]+"${config_paths[@]}"}; do
    files=$files$file$'\n'
  done
  jq -n -r --arg show "$1" --argjson foreign "$2" --arg files "$files" \
    --arg user "$HOME/.pen/config.json" --arg runtime "$(config_default_runtime)" -f "$pen_lib/config.jq" \
    ${config_paths[@]+"${config_paths[@]}"} </dev/null 2>/dev/null && return
  for file in ${config_paths[@]+"${config_paths[@]}"}; do
    message=$(jq -n 'inputs | empty' "$file" 2>&1) ||
      die_input "$file: not a JSON object: ${message##*: }"
  done
  die "jq cannot run $pen_lib/config.jq"
}

# config_load - read and check the selected sandbox's config; sets
#   config_runtime config_network config_cpus config_memory   a word, or nothing
#   config_env      NAME=VALUE, one an element
#   config_mounts   SOURCE:TARGET or SOURCE:TARGET:ro
#   config_rules    rules and @PRESET, to be added to the allow-list
#   config_network_rules   ADDRESS:PORT ..., to be added to the network allow-list
#   config_proxy    SECTION, KEY, VALUE, SECTION, KEY, VALUE ...
#   config_dns      none, proxy or open; none by default
#   config_dockerfile   the absolute path of a file that exists, or nothing
#   config_build_args   NAME=VALUE, one an element
#   config_ssh_port     a port of this host, or nothing
#   config_ssh_keys     public keys, or absolute paths of files of them
# Exits 2 after naming every fault, with its file and its path inside of it.
config_load() {
  config_load_with "$sandbox_dir/config.json"
}

# config_load_with FILE - the same with FILE in place of the sandbox's own
config_load_with() {
  config_reset
  config_files "$1"
  ((${#config_paths[@]})) || return 0
  config_read false
  [[ $config_faulty == no ]] || exit 2
}

# config_check_copy FILE SHOWN FOREIGN - check FILE alone, which may become the
# sandbox's config; shows the faults as those of the file SHOWN and returns 2 if
# there are any; FOREIGN as for config_query
config_check_copy() {
  local faults="" text="" status=0
  faults=$(config_check_alone "$1" "$3" 2>&1) || status=$?
  ((status)) || return 0
  # Not ${faults//...}: what & and quotes mean there differs between versions.
  while [[ $faults == *"$1"* ]]; do
    text=$text${faults%%"$1"*}$2
    faults=${faults#*"$1"}
  done
  printf '%s\n' "$text$faults" | policy_visible >&2
  return 2
}

# config_check_alone FILE FOREIGN - exit 2, after naming each fault, unless FILE
# could be the config; to be run in a shell of its own
config_check_alone() {
  undo_begin
  config_reset
  config_paths=("$1")
  config_read "$2"
  [[ $config_faulty == no ]] || exit 2
  state_new_run
  proxy_write_config "$state_run"
  proxy_check_config "$state_run"
}

# config_default_runtime - print what runs a sandbox whose config does not say
config_default_runtime() {
  if [[ $(uname -s) == Darwin ]]; then
    printf 'container\n'
  else
    printf 'jail\n'
  fi
}

# config_reset - set what a config that says nothing means
config_reset() {
  config_faulty=no
  config_runtime=$(config_default_runtime)
  config_network=""
  config_cpus=""
  config_memory=""
  config_env=()
  config_mounts=()
  config_rules=()
  config_network_rules=()
  config_proxy=()
  config_dns=none
  config_dockerfile=""
  config_build_args=()
  config_ssh_port=""
  config_ssh_keys=()
}

# config_read FOREIGN - read config_paths into what config_load sets; every fault
# is said and makes config_faulty yes; FOREIGN as for config_query
config_read() {
  local lines="" fields
  fields=()
  command -v jq >/dev/null || die "jq is missing, which reads the config (pen doctor)"
  lines=$(config_query lines "$1") || exit
  [[ -n $lines ]] || return 0
  # Not white space, so that an empty field counts as one.
  while IFS=$'\x1f' read -r -a fields; do
    config_take "${fields[@]}"
  done <<<"$lines"
}

# config_take KEY FIELD... - one line of config.jq
config_take() {
  case $1 in
    fault) config_fault "$2" ;;
    runtime) config_runtime=$2 ;;
    network) config_network=$2 ;;
    cpus) config_cpus=$2 ;;
    memory) config_memory=$2 ;;
    env) config_env+=("$2=${3-}") ;;
    mount) config_add_mount "${@:2}" ;;
    http_allowlist) config_rules+=("$2") ;;
    network_allowlist) config_add_network_rule "$2" "$3" ;;
    presets) config_add_preset "$2" "$3" ;;
    proxy) config_proxy+=("$2" "$3" "${4-}") ;;
    dns) config_dns=$2 ;;
    dockerfile) config_set_dockerfile "$2" "$3" ;;
    build_args) config_build_args+=("$2=${3-}") ;;
    ssh_port) config_ssh_port=$2 ;;
    ssh_keys) config_add_key "$2" "$3" ;;
    *) die "lib/config.jq printed an unknown setting: $1" ;;
  esac
}

# config_fault TEXT... - say what is wrong with the config, and go on
config_fault() {
  config_faulty=yes
  log_note "$*"
}

# config_expand PATH - print PATH with ~/ put into full
config_expand() {
  case $1 in
    \~/*) printf '%s\n' "$HOME/${1#??}" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# config_add_preset PLACE NAME - add the rules of a preset that there is
config_add_preset() {
  presets_exists "$2" || config_fault "$1: no preset \"$2\"; there are: $(presets_names)"
  config_rules+=("@$2")
}

# config_set_dockerfile PLACE PATH - relative paths are the project's
config_set_dockerfile() {
  local file=""
  file=$(config_expand "$2")
  [[ $file == /* ]] || file=$sandbox_project/$file
  [[ -f $file ]] || config_fault "$1: there is no file $file"
  config_dockerfile=$file
}

# config_add_key PLACE KEY - add a public key, or a file of them that exists
config_add_key() {
  local key=""
  key=$(config_expand "$2")
  [[ $key != /* || -f $key ]] || config_fault "$1: there is no file $key"
  config_ssh_keys+=("$key")
}

# config_add_network_rule PLACE RULE - add a rule for the firewall
config_add_network_rule() {
  policy_is_network_rule "$2" || config_fault "$1: '$2' is not $policy_network_form"
  config_network_rules+=("$2")
}

# config_add_mount PLACE SOURCE VOLUME TARGET READONLY FORCE - check a mount and
# add it to config_mounts; a volume is a folder that pen keeps for the sandbox
config_add_mount() {
  local source="" suffix=""
  [[ $5 != true ]] || suffix=:ro
  if [[ -n $3 ]]; then
    config_mounts+=("$sandbox_volumes/$3:$4$suffix")
    return
  fi
  source=$(config_expand "$2")
  if ! config_may_mount "$source" "$6"; then
    config_fault "$1.source: $config_mount_fault"
    return
  fi
  config_mounts+=("$config_real:$4$suffix")
  # What lies in the home besides pen's own files may be shown, if forced.
  if sandbox_exposes "$config_real"; then
    config_make_nothing
    config_mounts+=("$config_nothing:$4/.pen:ro")
  fi
}

# config_make_nothing - make the empty folder that covers pen's own files; sets
# config_nothing
config_make_nothing() {
  config_nothing=${sandbox_volumes%/volumes/*}/nothing
  mkdir -p -- "$config_nothing" 2>/dev/null || die "cannot make $config_nothing"
}

# config_check_mount SOURCE - exit 2 unless SOURCE may be shown to the sandbox
config_check_mount() {
  config_may_mount "$1" false || die_input "mount: $config_mount_fault"
}

# config_may_mount SOURCE FORCE - succeed if SOURCE is there and may be shown to
# the sandbox; sets config_real to its path without links, or config_mount_fault
config_may_mount() {
  local home=""
  config_mount_fault=""
  if ! config_resolve "$1"; then
    config_mount_fault="$1 does not exist"
  elif [[ $config_real == *:* ]]; then
    config_mount_fault="$1 leads to $config_real, which has a colon"
  elif sandbox_covers "$sandbox_project" "$1" && ! sandbox_covers "$sandbox_project" "$config_real"; then
    # A link that whatever runs in the sandbox can make.
    config_mount_fault="$1 leads out of the project, to $config_real: refused"
  elif sandbox_exposes "$config_real"; then
    home=$(cd -P -- "$HOME" && pwd -P) || die "cannot enter $HOME"
    if [[ $config_real != "$home" || -L $home/.pen ]] || sandbox_is_led_into "$home"; then
      config_mount_fault="$1 contains ~/.pen, where the policy is kept: refused"
    elif ! config_is_forced "$2"; then
      config_mount_fault="$1 is your home, with ~/.pen, where the policy is kept: refused$(config_force_hint)"
    fi
  elif ! config_is_forced "$2" && config_is_engine "$config_real"; then
    config_mount_fault="$1 gives the sandbox a container engine's socket, and with it this host: refused$(config_force_hint)"
  fi
  [[ -z $config_mount_fault ]]
}

# config_is_forced FORCE - succeed if FORCE is true and the runtime can be forced:
# pen-jail refuses such a mount by itself, and root inside a virtual machine could
# take away what covers pen's own files
config_is_forced() {
  [[ $1 == true && ($config_runtime == docker || $config_runtime == podman) ]]
}

# config_force_hint - print how the config can have a mount nevertheless
config_force_hint() {
  ! config_is_forced true || printf ' (but for "force": true in the config)'
}

# config_resolve PATH - sets config_real to PATH without any link; fails if
# there is no such file
config_resolve() {
  local file="$1" link="" hops=0 folder=""
  while [[ ! -d $file && -L $file ]]; do
    ((hops += 1, hops < 40)) || return 1
    link=$(readlink -- "$file") || return 1
    case $link in
      /*) file=$link ;;
      *) file=${file%/*}/$link ;;
    esac
  done
  if [[ -d $file ]]; then
    config_real=$(cd -P -- "$file" 2>/dev/null && pwd -P)
    return
  fi
  [[ -e $file ]] || return 1
  folder=${file%/*}
  folder=$(cd -P -- "${folder:-/}" 2>/dev/null && pwd -P) || return 1
  config_real=${folder%/}/${file##*/}
}

# config_is_engine PATH - succeed if PATH is the socket of a container engine, or
# a folder with such a socket
config_is_engine() {
  local socket="" user="${XDG_RUNTIME_DIR:-/run/user/$UID}" path=""
  for socket in "${DOCKER_HOST-}" "${CONTAINER_HOST-}" \
    {/run,/var/run,"$user","$HOME/.docker/run","$HOME/.docker/desktop","$HOME/.colima/default","$HOME/.orbstack/run"}/docker.sock \
    {/run,/var/run,"$user"}/{podman/podman.sock,containerd/containerd.sock,crio/crio.sock}; do
    socket=${socket#unix://}
    [[ $socket == /* ]] || continue
    path=$(config_resolve "$socket" && printf '%s\n' "$config_real") || path=$socket
    ! sandbox_covers "$1" "$path" || return 0
    ! sandbox_covers "$1" "$socket" || return 0
  done
  [[ -S $1 && ${1##*/} =~ ^(docker|podman|containerd|crio).*sock$ ]]
}

# config_make_volumes - make the folders of the volumes that the config names
config_make_volumes() {
  local mount=""
  for mount in ${config_mounts[@]+"${config_mounts[@]}"}; do
    case $mount in
      "$sandbox_volumes/"*)
        mkdir -p -- "${mount%%:*}" || die "cannot make ${mount%%:*}"
        ;;
      *) ;;
    esac
  done
}

# config_use_runtime - load the functions of the runtime that the config names
config_use_runtime() {
  local pattern='^[a-z]+$'
  [[ $config_runtime =~ $pattern && -f $pen_lib/runtime/$config_runtime.sh ]] ||
    die_input "the runtime '$config_runtime' is not available yet; this version of pen has: $(config_runtimes)"
  # shellcheck source=runtime/jail.sh
  . "$pen_lib/runtime/$config_runtime.sh"
}

# config_runtimes - print the names of the runtimes there are
config_runtimes() {
  local path="" names=""
  for path in "$pen_lib"/runtime/*.sh; do
    path=${path##*/}
    names="$names ${path%.sh}"
  done
  printf '%s\n' "${names# }"
}
