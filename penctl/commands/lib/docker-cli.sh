# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# docker-cli.sh - the tool_* functions of containers.sh for programs that take
# Docker's command line. Only docker.sh and podman.sh, which are such programs,
# source it; they say what differs, and have two functions more:
#
#   cli_has_init   succeed if the program's own process 1, which it does not always
#                  bring along, is there
#   cli_own IMAGE  add to cli_words what only this program needs to start a
#                  container of IMAGE; run in a shell of its own

# cli ARG... - run the program
cli() {
  "$tool_name" "$@"
}

# cli_field PROGRAM... - print the first line that the command says, if it works
cli_field() {
  local text=""
  text=$(cli "$@" 2>/dev/null) || return 1
  printf '%s\n' "${text%%$'\n'*}"
}

# cli_row NAME OK NEEDED DETAIL - print one row of tool_report
cli_row() {
  jq -n -c --arg name "$1" --argjson ok "$2" --argjson needed "$3" --arg detail "$4" \
    '{name: $name, ok: $ok, needed: $needed, detail: $detail}'
}

# cli_is_there KIND NAME - succeed if there is a network or volume NAME; fails
# with status 2 if the service does not answer
cli_is_there() {
  local found=""
  found=$(cli "$1" ls --filter "name=^$2\$" --format '{{.Name}}') || return 2
  [[ -n $found ]]
}

# cli_remove KIND NAME - remove the network or volume NAME, if there is one
cli_remove() {
  local status=0
  cli_is_there "$1" "$2" || status=$?
  case $status in
    0) cli "$1" rm "$2" >/dev/null ;;
    1) return 0 ;;
    *) return 1 ;;
  esac
}

# cli_labels [LABEL]... - sets cli_words to --label options
cli_labels() {
  local label=""
  cli_words=()
  for label; do
    cli_words+=(--label "$label")
  done
}

tool_network_remove() {
  cli_remove network "$1"
}

tool_volume_remove() {
  cli_remove volume "$1"
}

# cli_csv TEXT - print TEXT as a field of a --mount option
cli_csv() {
  printf '"%s"' "${1//\"/\"\"}"
}

# cli_mount TYPE SOURCE TARGET rw|ro - add a mount to cli_words
cli_mount() {
  local mount=""
  mount="type=$1,$(cli_csv "source=$2"),$(cli_csv "target=$3")"
  [[ $4 == rw ]] || mount="$mount,readonly"
  cli_words+=(--mount "$mount")
}

# cli_capabilities NAME,... - add the capabilities, and no others, to cli_words
cli_capabilities() {
  local name="" names="$1"
  cli_words+=(--cap-drop ALL)
  while [[ -n $names ]]; do
    name=${names%%,*}
    names=${names#"$name"}
    names=${names#,}
    cli_words+=(--cap-add "$name")
  done
}

# cli_options OPTION... - sets cli_words to what containers.sh's options, up to
# "--" or their end, are for the program, and cli_taken to their number
cli_options() {
  local count=$#
  cli_words=()
  while (($#)) && [[ $1 != -- ]]; do
    case $1 in
      --bind) cli_mount bind "$2" "$3" "$4" && shift 3 ;;
      --volume) cli_volume "$2" "$3" "$4" && shift 3 ;;
      --share) cli_mount bind "$2" /run/pen ro && shift ;;
      --socket) shift ;; # it is in the shared folder
      # Some do not answer where they cannot ask: no program waits long for it.
      --no-dns) cli_words+=(--dns 127.0.0.1 --dns-opt timeout:1 --dns-opt attempts:1) ;;
      --cpus) cli_words+=(--cpus "$2") && shift ;;
      --memory) cli_words+=(--memory "$2" --memory-swap "$2") && shift ;;
      --pids) cli_words+=(--pids-limit "$2") && shift ;;
      --capabilities) cli_capabilities "$2" && shift ;;
      --no-new-privileges) cli_words+=(--security-opt no-new-privileges) ;;
      --init) ! cli_has_init || cli_words+=(--init) ;;
      --read-only | --tty) cli_words+=("$1") ;;
      *) cli_words+=("$1" "$2") && shift ;;
    esac
    shift
  done
  cli_taken=$((count - $#))
}

# cli_volume NAME TARGET rw|ro - make the volume if there is none, and mount it
cli_volume() {
  local status=0
  cli_is_there volume "$1" || status=$?
  ((status != 1)) || cli volume create --label "pen.user=$UID" "$1" >/dev/null || return 1
  cli_mount volume "$1" "$2" "$3"
}

tool_container_start() {
  local name="$1" image="$2"
  shift 2
  cli_options "$@"
  shift "$cli_taken"
  [[ ${1-} != -- ]] || shift
  cli_own "$image" || return 1
  cli run --detach --interactive --pull never --name "$name" "${cli_words[@]}" "$image" "$@"
}

tool_container_exec() {
  local name="$1"
  shift
  cli_options "$@"
  shift "$((cli_taken + 1))"
  cli exec --interactive ${cli_words[@]+"${cli_words[@]}"} "$name" "$@"
}

# cli_state WORD - print the state that the program calls WORD in ours
cli_state() {
  case $1 in
    '') ;;
    running | paused) printf '%s\n' "$1" ;;
    *) printf 'stopped\n' ;;
  esac
}

tool_container_networks() {
  cli container inspect \
    --format '{{range $name, $about := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$1"
}

tool_container_stop() {
  cli stop --time 2 "$1" >/dev/null
}

tool_container_kill() {
  cli kill "$1" >/dev/null
}

tool_container_pause() {
  cli pause "$1" >/dev/null
}

tool_container_remove() {
  local state=""
  state=$(tool_container_state "$1") || return 1
  [[ -z $state ]] || cli rm --force --volumes "$1" >/dev/null
}

tool_list() {
  local filter="label=pen.user=$UID"
  # The images have that label, too, and so has what the user runs of them.
  cli ps --all --filter "$filter" --filter label=pen.box --format 'container {{.Names}}' &&
    cli network ls --filter "$filter" --format 'network {{.Name}}' &&
    cli volume ls --filter "$filter" --format 'volume {{.Name}}'
}

tool_stats() {
  local pid=""
  pid=$(cli container inspect --format '{{.State.Pid}}' "$1") || return 1
  usage_of_group "$pid"
}

tool_logs() {
  cli logs "$1" 2>&1
}

tool_image_build() {
  local name="$1" folder="$2" dockerfile="$3"
  shift 3
  cli build --tag "$name" --file "$dockerfile" "$@" "$folder" >&2
}

tool_image_id() {
  cli images --quiet --no-trunc "$1"
}

tool_image_label() {
  cli image inspect --format "{{index .Config.Labels \"$2\"}}" "$1"
}

tool_image_command() {
  cli image inspect --format '{{range .Config.Entrypoint}}{{println .}}{{end}}{{range .Config.Cmd}}{{println .}}{{end}}' "$1" |
    sed '$ { /^$/d; }'
}

tool_image_remove() {
  local id=""
  id=$(tool_image_id "$1") || return 1
  [[ -z $id ]] || cli image rm --force "$1" >/dev/null
}
