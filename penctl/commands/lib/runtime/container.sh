# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# container.sh - Apple's `container` on macOS: the only caller of it
#
# Each container is a machine of its own; its network's bridge and gateway
# address are there only while it runs. What the versions print differs:
# container_read is the one place that reads it.

# shellcheck source=../containers.sh
. "$pen_lib/containers.sh"

readonly tool_name=container

# The oldest version with `--network none`, and the first that was not looked at.
readonly container_oldest=0.6
readonly container_unknown=1.5

# The builder takes no larger Dockerfile, and says only that a stream was closed;
# with bytes that are not ASCII it gives up earlier.
readonly container_dockerfile_max=16384
readonly container_dockerfile_max_not_ascii=15000

# container_call ARG... - run `container`; never with pen's stdin, which some of
# its commands would read
container_call() {
  container "$@" </dev/null
}

# container_read FILTER [NAME] - read what `container` printed (stdin, an array)
# with FILTER of container.jq, for each of its elements; $name is NAME
container_read() {
  jq -r -L "$pen_lib/runtime" --arg name "${2-}" --arg user "$UID" \
    "include \"container\"; .[] | $1"
}

# container_ask FILTER NAME ARG... - run `container ARG...` and read what it prints
container_ask() {
  local filter="$1" name="$2" text=""
  shift 2
  text=$(container_call "$@") || return 1
  container_read "$filter" "$name" <<<"$text"
}

# container_version - sets container_release to MAJOR.MINOR
container_version() {
  local line="" pattern='version ([0-9]{1,3})\.([0-9]{1,3})'
  [[ -z ${container_release-} ]] || return 0
  line=$(container_call --version) || return 1
  [[ $line =~ $pattern ]] || return 1
  container_release=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}
}

# container_is_before MAJOR.MINOR - succeed if the version is an older one
container_is_before() {
  ((${container_release%.*} * 1000 + ${container_release#*.} < ${1%.*} * 1000 + ${1#*.}))
}

# container_fault - print why `container` cannot be used, and what to do; nothing
# if it can
container_fault() {
  local system="" version=""
  system=$(uname -s)
  if [[ $system != Darwin ]]; then
    log_say "the runtime 'container' needs macOS"
    return
  fi
  version=$(sw_vers -productVersion)
  if [[ ! $version =~ ^[0-9]{2} ]] || ((${version:0:2} < 26)); then
    log_say "the runtime 'container' needs macOS 26 or later, this is $version"
  elif ! command -v container >/dev/null; then
    log_say "'container' is missing: install it with 'brew install container'"
  elif ! container_version; then
    log_say "'container --version' does not say a version"
  elif container_is_before "$container_oldest"; then
    log_say "'container' $container_release is too old: update it to $container_oldest or later"
  elif ! container_call system status >/dev/null 2>&1; then
    log_say "the service of 'container' does not run: start it with 'container system start'"
  fi
}

tool_check() {
  local fault=""
  tool_bridge=held
  command -v jq >/dev/null || die "jq is missing, which reads what 'container' prints (pen doctor)"
  fault=$(container_fault)
  [[ -z $fault ]] || die "$fault"
}

tool_report() {
  local fault="" detail=""
  fault=$(container_fault)
  if [[ -z $fault ]]; then
    container_version
    detail="version $container_release"
    container_is_before "$container_unknown" ||
      detail="$detail: pen was tried with versions before $container_unknown only"
  fi
  jq -n --arg fault "$fault" --arg detail "$detail" \
    '[{name: "container", ok: ($fault == ""), needed: true, detail: ($fault + $detail)}]'
}

# --- networks

tool_network_make() {
  local name="$1" label="" options
  options=()
  shift 2
  for label in "$@"; do
    options+=(--label "$label")
  done
  container_call network create ${options[@]+"${options[@]}"} "$name" >/dev/null
}

tool_network_gateway() {
  container_ask 'network | .gateway // empty' "$1" network inspect "$1"
}

# container_has WHAT NAME - succeed if there is a container, network or volume
# NAME, return 1 if not, 2 if the service does not answer
container_has() {
  local names=""
  case $1 in
    container) names=$(container_call list --all --quiet) || return 2 ;;
    *) names=$(container_call "$1" list --quiet) || return 2 ;;
  esac
  [[ $'\n'$names$'\n' == *$'\n'"$2"$'\n'* ]]
}

# container_remove WHAT NAME ARG... - run `container ARG... NAME` if there is one
container_remove() {
  local what="$1" name="$2" status=0
  shift 2
  container_has "$what" "$name" || status=$?
  ((status)) || container_call "$@" "$name" >/dev/null
  ((status != 2))
}

tool_network_remove() {
  container_remove network "$1" network delete
}

# --- containers

# container_refuse TEXT... - this version cannot do it
container_refuse() {
  printf "'container' %s has no %s\n" "$container_release" "$*" >&2
  return 1
}

# container_bind SOURCE TARGET MODE - add a folder or file of the host
container_bind() {
  local suffix=""
  [[ $3 == rw ]] || suffix=:ro
  if [[ $1$2 == *:* ]]; then
    container_refuse "way to mount a path with a colon: $1"
    return
  fi
  if [[ ! -d $1 ]] && container_is_before 0.9; then
    container_refuse "way to mount a single file (0.9 has): $1"
    return
  fi
  container_options+=(--volume "$1:$2$suffix")
}

# container_volume NAME TARGET MODE - add a named volume, made if there is none
container_volume() {
  local suffix="" status=0
  [[ $3 == rw ]] || suffix=:ro
  container_has volume "$1" || status=$?
  case $status in
    0) ;;
    1) container_call volume create --label "pen.user=$UID" "$1" >/dev/null || return 1 ;;
    *) return 1 ;;
  esac
  container_options+=(--volume "$1:$2$suffix")
}

# container_capabilities NAME,NAME... - add these and no others; a version that
# cannot keeps those that `container` gives by itself
container_capabilities() {
  local name="" IFS=,
  ! container_is_before 0.12 || return 0
  container_options+=(--cap-drop ALL)
  for name in $1; do
    container_options+=(--cap-add "$name")
  done
}

# container_cpus NUMBER - add a limit in whole processors, at least as many
container_cpus() {
  local whole="${1%%.*}"
  [[ $1 != *.* || ${1#*.} =~ ^0*$ ]] || whole=$((whole + 1))
  container_options+=(--cpus "$whole")
}

# container_memory SIZE - add a limit; this tool counts in capital letters
container_memory() {
  local size=""
  size=$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]') || return 1
  container_options+=(--memory "$size")
}

# container_option OPTION WORD... - add what one option of tool_container_start
# means; sets container_taken to how many words it has
container_option() {
  container_taken=2
  case $1 in
    --label | --network | --dns | --tmpfs | --env | --workdir | --entrypoint)
      container_options+=("$1" "$2")
      ;;
    --cpus) container_cpus "$2" ;;
    --memory) container_memory "$2" ;;
    --capabilities) container_capabilities "$2" ;;
    --share) container_share=$2 ;;
    --socket) container_socket=$2 ;;
    --pids) ;; # its processes are in a machine of its own
    --bind | --volume)
      container_taken=4
      if [[ $1 == --bind ]]; then
        container_bind "$2" "$3" "$4"
      else
        container_volume "$2" "$3" "$4"
      fi
      ;;
    *)
      container_taken=1
      container_flag "$1"
      ;;
  esac
}

# container_flag OPTION - the same for an option without words
container_flag() {
  case $1 in
    --no-dns) container_options+=(--no-dns) ;;
    --read-only)
      if container_is_before 0.8; then
        container_refuse "read-only root file system (0.8 has)"
        return
      fi
      container_options+=(--read-only)
      ;;
    --init) container_is_before 0.10 || container_options+=(--init) ;;
    --no-new-privileges) ;; # no version has it
    *) container_refuse "meaning for $1" ;;
  esac
}

# container_add_share - what is to be at /run/pen. A socket in a shared folder
# is seen but cannot be connected to, and none can be put into a shared folder:
# where there is one, it is all that is there, and is relayed into the machine.
container_add_share() {
  if [[ -n $container_socket ]]; then
    container_options+=(--volume "$container_socket:/run/pen/proxy.sock")
  elif [[ -n $container_share ]]; then
    container_options+=(--volume "$container_share:/run/pen:ro")
  fi
}

tool_container_start() {
  local name="$1" image="$2"
  container_options=(--detach --name "$name")
  container_share=""
  container_socket=""
  shift 2
  container_version || return 1
  while (($#)) && [[ $1 != -- ]]; do
    container_option "$@" || return 1
    shift "$container_taken"
  done
  (($# == 0)) || shift
  container_add_share
  container_call run "${container_options[@]}" "$image" "$@" >/dev/null
}

# With pen's stdin, so not by container_call.
tool_container_exec() {
  local name="$1" options
  options=(--interactive)
  shift
  while [[ $1 != -- ]]; do
    case $1 in
      --tty)
        options+=(--tty)
        shift
        ;;
      *)
        options+=("$1" "$2")
        shift 2
        ;;
    esac
  done
  shift
  # Behind the name every word is the command's; -- would be one of them, too.
  container exec "${options[@]}" "$name" "$@"
}

# From the list and not by `inspect`: a container that is not there and a service
# that does not answer are told apart by every version.
tool_container_state() {
  container_ask 'container | select(.id == $name) |
    if .state == "running" then .state else "stopped" end' "$1" \
    list --all --format json
}

# It cannot be attached to another one while it runs.
tool_container_networks() {
  printf '%s\n' "${1%-container}-network"
}

tool_container_stop() {
  container_call stop --time 2 "$1" >/dev/null
}

tool_container_kill() {
  container_call kill "$1" >/dev/null
}

# There is no pause. To go on with its processes frozen would need their help, so
# the machine ends, at once.
tool_container_pause() {
  tool_container_kill "$1"
}

tool_container_remove() {
  container_remove container "$1" delete --force
}

tool_volume_remove() {
  container_remove volume "$1" volume delete
}

tool_list() {
  local what=""
  container_ask 'container | select(is_mine($user)) | "container \(.id)"' "" \
    list --all --format json || return 1
  for what in network volume; do
    container_ask "$what"' | select(is_mine($user)) | $name + .id' "$what " \
      "$what" list --format json || return 1
  done
}

tool_stats() {
  container_version || return 1
  if container_is_before 0.7; then
    container_refuse "statistics (0.7 has)"
    return
  fi
  container_ask 'stats | tojson' "" stats --format json --no-stream "$1"
}

tool_logs() {
  container_call logs "$1"
}

# --- images

# container_check_dockerfile FILE - fail, saying why, if the builder could not
# take it
container_check_dockerfile() {
  local size=0 max=$container_dockerfile_max
  size=$(wc -c <"$1") || return 1
  [[ -z $(LC_ALL=C tr -d '\000-\177' <"$1") ]] || max=$container_dockerfile_max_not_ascii
  ((size <= max)) && return
  printf "%s has %d bytes, and 'container' takes %d: move what it does into a script that it copies\n" \
    "$1" "$size" "$max" >&2
  return 1
}

tool_image_build() {
  local name="$1" folder="$2" file="$3" copy="" status=0
  shift 3
  container_check_dockerfile "$file" || return 1
  folder=$(cd -P -- "$folder" && pwd -P) || return 1
  # Of a folder out of HOME the builder sees nothing, and does not say so.
  if ! sandbox_covers "$(cd -P -- "$HOME" && pwd -P)" "$folder"; then
    copy=$HOME/.pen/context-$name
    rm -rf -- "$copy" && cp -R -- "$folder" "$copy" || return 1
    copy=$(cd -P -- "$copy" && pwd -P) || return 1
  fi
  container_call build --tag "$name" --file "$file" --progress plain "$@" \
    "${copy:-$folder}" >&2 || status=1
  [[ -z $copy ]] || rm -rf -- "$copy"
  return "$status"
}

tool_image_id() {
  container_ask 'image | select(is_named($name)) | .digest' "$1" \
    image list --format json
}

tool_image_label() {
  container_ask 'image | .labels[$name] // empty' "$2" image inspect "$1"
}

tool_image_command() {
  container_ask 'image | .words[]' "" image inspect "$1"
}

tool_image_remove() {
  local id=""
  id=$(tool_image_id "$1") || return 1
  [[ -z $id ]] || container_call image delete "$1" >/dev/null
}
