# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# containers.sh - what the runtimes with containers share: the order in which a
# sandbox comes up and goes down, its names, labels and options
#
# A runtime file (docker.sh, podman.sh, container.sh) sources this one, which has
# all the runtime_* functions that jail.sh lists, and defines what they are
# written over. Every function that fails says why on stderr in the tool's own
# words, and returns 1; none exits but tool_check.
#
#   tool_name                 the program's name, for messages (a variable)
#   tool_bridge               a variable, set by tool_check: when a network's
#                             bridge and gateway address are there.
#                               early   as soon as the network is made
#                               held    while a container is attached: it starts
#                                       held, see "Held start" below
#                               none    never within reach of the host's firewall:
#                                       the network "bridge" is refused
#   tool_check                its program is there and its service answers, or exit
#                             with what to do; also a version that is too old
#   tool_report               for pen doctor: a JSON array of {name, ok, needed,
#                             detail}, as 'pen-jail check --json' prints
#
#   tool_network_make NAME BRIDGE [LABEL]...    a network of its own, whose subnet
#                             the runtime assigns; BRIDGE (at most 15 bytes) is the
#                             interface's name where it can be chosen; LABEL: K=V
#   tool_network_gateway NAME print the gateway's IPv4 address
#   tool_network_remove NAME  not there: fine
#
#   tool_container_start NAME IMAGE [OPTION]... [-- WORD...]   detached; OPTIONs as
#                             below; WORDs come behind the image
#   tool_container_exec NAME [OPTION]... -- CMD...   with this stdin, stdout and
#                             stderr; OPTIONs: --tty, --workdir DIR, --user USER,
#                             --env NAME=VALUE; returns CMD's exit status
#   tool_container_state NAME print running, paused, stopped, or nothing if there
#                             is none; fails if the service does not answer
#   tool_container_networks NAME   print the networks that it is attached to, one a
#                             line
#   tool_container_stop NAME  ask it to end, kill it after two seconds
#   tool_container_kill NAME  at once
#   tool_container_pause NAME freeze all of its processes
#   tool_container_remove NAME   and what it held; killed if it runs; not there: fine
#   tool_volume_remove NAME   not there: fine
#   tool_list                 print what there is of this user's: "container NAME",
#                             "network NAME", "volume NAME", one a line, by the
#                             label pen.user=UID
#   tool_stats NAME           print {cpu_ms, memory_bytes, peak_memory_bytes,
#                             memory_limit_bytes, processes, oom_kills,
#                             received_bytes, sent_bytes, read_bytes,
#                             written_bytes} as JSON, null for what it cannot say
#   tool_logs NAME            print what its main process wrote
#
#   tool_image_build NAME FOLDER DOCKERFILE [OPTION]...   OPTIONs: --no-cache,
#                             --build-arg K=V, --label K=V; progress on stderr
#   tool_image_id NAME        print its id, or nothing if there is none
#   tool_image_label NAME LABEL   print the label's value, or nothing
#   tool_image_command NAME   print its entry point and command, one word a line
#   tool_image_remove NAME    not there: fine
#
# OPTIONs of tool_container_start, each with as many words as shown; what a
# tool cannot do (a version too old) it refuses, and what it need not do (--pids
# in a machine of its own) it leaves out:
#
#   --label K=V
#   --network NAME | none
#   --no-dns | --dns ADDRESS      neither: the runtime's own resolver
#   --bind SOURCE TARGET rw|ro    a folder or file of the host
#   --volume NAME TARGET rw|ro    a named volume, made if there is none, with the
#                                 label pen.user=UID
#   --share FOLDER                FOLDER of the host at /run/pen, read-only
#   --socket FILE                 FILE (in FOLDER, there before the container) is
#                                 a socket that must work as /run/pen/proxy.sock;
#                                 nothing to do where sockets in a folder work
#   --tmpfs TARGET
#   --env NAME=VALUE
#   --workdir DIR
#   --entrypoint PROGRAM
#   --cpus N   --memory SIZE (no swap beside it)   --pids N
#   --read-only                   the root file system
#   --capabilities NAME,NAME,...  these and no others
#   --no-new-privileges
#   --init                        a process 1 that reaps
#
# Held start: the container runs containers_hold instead of its own entry point,
# which waits for /run/pen/go (in the folder given by --share), reads the
# environment from it, and becomes what tool_image_command printed. Network, held
# container, firewall, proxy, rules, check from inside, go: if any of it fails,
# nothing of the image ever ran.

# shellcheck source=usage.sh
. "$pen_lib/usage.sh"
# shellcheck source=containers-options.sh
. "$pen_lib/containers-options.sh"
# shellcheck source=containers-check.sh
. "$pen_lib/containers-check.sh"
# shellcheck source=containers-exec.sh
. "$pen_lib/containers-exec.sh"

# What a held container runs.
# shellcheck disable=SC2016 # for the shell inside
readonly containers_hold='until [ -r /run/pen/go ]; do sleep 0.05 || sleep 1; done
. /run/pen/go
exec "$@"'

# Waits until that shell has become the command, or has ended; a process 1 that
# reaps keeps the words of what it started. Not for ever: the command may look alike.
# shellcheck disable=SC2016 # for the shell inside
readonly containers_gone='
held() {
  for words in /proc/[0-9]*/cmdline; do
    tr "\0" " " <"$words" | grep -q "^[^ ]*sh -c until .*/run/pen/go" && return 0
  done 2>/dev/null
  return 1
}
tries=0
while [ "$tries" -lt 100 ] && held; do
  tries=$((tries + 1))
  sleep 0.05 || sleep 1
done'

# macOS takes a socket's path of so many bytes, Linux of four more.
readonly containers_socket_max=103

# containers_select NAME FOLDER - the sandbox or the one-shot run at hand: sets
# box_name, box_dir (where its proxy's files are), and the names of what it has
containers_select() {
  local digits=""
  digits=$(sandbox_digits "$1") || exit
  box_name=$1
  box_dir=$2
  box_container=$1-container
  box_network=$1-network
  box_bridge=pen-$digits
  # Not in FOLDER: the path of the socket in there has to be short.
  box_share=$HOME/.pen/run/$digits
}

# containers_kind - sets box_kind to the kind of network that the config wants
containers_kind() {
  box_kind=$config_network
  if [[ -z $box_kind ]]; then
    box_kind=bridge
    [[ $tool_bridge != none ]] || box_kind=socket
  fi
  [[ $box_kind != bridge || $tool_bridge != none ]] ||
    die_input "$tool_name without root has no bridge that a firewall can shut: set \"network\" to \"socket\""
  [[ $config_dns == none || $box_kind == bridge ]] ||
    die_input "\"dns\": \"$config_dns\" needs \"network\": \"bridge\": there is no DNS where there is no interface"
}

# containers_check_dns - exit 2 unless this user can serve what "dns": "proxy" is
containers_check_dns() {
  local first=""
  [[ $config_dns == proxy ]] && ((EUID)) || return 0
  { IFS= read -r first </proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || return 0
  ((first <= 53)) ||
    die_input "\"dns\": \"proxy\" needs the right to port 53: 'sysctl net.ipv4.ip_unprivileged_port_start=53' gives it to all users"
}

# containers_check_socket - exit 2 if the proxy's socket cannot be where it is to be
containers_check_socket() {
  local size=$((${#HOME} + 31))
  [[ $box_kind == socket && ! -d /proc/self/cwd ]] || return 0
  ((size <= containers_socket_max)) ||
    die_input "HOME is too long for the network \"socket\": the path of its socket would have $size bytes, and this system takes $containers_socket_max: $HOME"
}

runtime_check() {
  tool_check
  containers_kind
  containers_check_dns
  containers_check_socket
  [[ $box_kind == none ]] || proxy_open
  [[ $box_kind != bridge ]] || firewall_check
}

runtime_report() {
  tool_report
}

runtime_build() {
  tool_check
  image_build "$@"
}

# containers_do WHAT CMD [ARG]... - run CMD, a tool function, to the end even if
# pen is asked to end meanwhile; die with the tool's own words if it fails.
# Recorded, so that whoever cleans up after a pen that was killed waits for it.
containers_do() {
  local what="$1" pid="" words="" identity=""
  shift
  "$@" </dev/null >"$box_dir/tool.out" 2>&1 &
  pid=$!
  # One that has ended by now has none.
  if identity=$(state_identity "$pid" 2>/dev/null); then
    printf '%s\n' "$identity" | state_write "$box_dir/busy" || die "cannot write in $box_dir"
  fi
  if ! wait "$pid"; then
    words=$(sed -e '/^ *$/d' -e "/^See '/d" "$box_dir/tool.out" | tail -n 1)
    die "$tool_name cannot $what: ${words##*Error response from daemon: }"
  fi
  rm -f -- "$box_dir/busy"
}

# containers_settle - wait until what a pen that was killed had begun is done
containers_settle() {
  local identity="" tries=0
  [[ -s $box_dir/busy ]] || return 0
  IFS= read -r identity <"$box_dir/busy"
  while state_is_alive "$identity" && ((tries < 300)); do
    tries=$((tries + 1))
    sleep 0.1
  done
  rm -f -- "$box_dir/busy"
}

# containers_up - bring the box up; on the undo stack until it is
containers_up() {
  containers_kind
  image_need
  undo_push containers_down
  printf '%s %s %s\n' "$config_runtime" "$box_name" "$box_kind" | state_write "$box_dir/box" ||
    die "cannot write $box_dir/box"
  rm -f -- "$box_dir/container.log" "$box_dir/guard.log"
  # There is one already if a sandbox's files were removed while it was up.
  (rm -rf -- "$box_share" && mkdir -p -- "${box_share%/*}" && umask 022 && mkdir -- "$box_share") ||
    die "cannot write in ${box_share%/*}"
  box_proxy=""
  case $box_kind in
    bridge) containers_up_"$tool_bridge" ;;
    socket) containers_up_socket ;;
    *) containers_up_none ;;
  esac
}

# containers_up_early - nothing of the image runs before the bridge is shut
containers_up_early() {
  containers_make_network
  containers_shut
  containers_start_proxy
  containers_start
  containers_open
  containers_check
}

# containers_up_held - the bridge comes with the container, which therefore does
# nothing of its own until the bridge is shut
containers_up_held() {
  containers_make_network
  containers_start_held
  containers_shut
  containers_start_proxy
  containers_open
  containers_check
  containers_go
}

containers_up_socket() {
  containers_start_proxy
  containers_start
  containers_check
}

# containers_up_none - there is nothing to see from inside but that it goes on
containers_up_none() {
  containers_start
  image_ready "$box_container" </dev/null >/dev/null 2>&1
  [[ $(tool_container_state "$box_container") == running ]] || containers_ended
}

# containers_make_network - sets box_gateway
containers_make_network() {
  containers_do "make the network $box_network" \
    tool_network_make "$box_network" "$box_bridge" "pen.user=$UID" "pen.box=$box_name"
  box_gateway=$(tool_network_gateway "$box_network") || box_gateway=""
  [[ -n $box_gateway ]] ||
    die "$tool_name does not say the gateway of $box_network"
}

# containers_shut - nothing leaves the bridge from here on
containers_shut() {
  firewall_load "$box_name" "$box_gateway" "$firewall_no_port" ||
    die "the firewall does not shut the bridge: $firewall_words"
}

# containers_open - the proxy and the network allow-list pass, nothing else
containers_open() {
  firewall_load_rules "$box_name" "$box_proxy" ||
    die "the firewall is not in force: $firewall_words"
}

# containers_start_proxy - start pen-proxy for the box, where it was if it was up
# before; sets box_proxy to where the sandbox finds it, and keeps that
containers_start_proxy() {
  proxy_keys=$(containers_proxy_keys)
  proxy_write_config "$box_dir" ${run_rules[@]+"${run_rules[@]}"}
  proxy_check_config "$box_dir"
  proxy_start "$box_dir" "$box_share"
  box_proxy=127.0.0.1:3128
  if [[ $box_kind == bridge ]]; then
    box_proxy=$proxy_address
  else
    # The sandbox's users are not the host's; the folder above is private.
    chmod 0666 "$box_share/proxy.sock" || die "cannot open $box_share/proxy.sock to the sandbox"
  fi
  printf '%s\n' "$box_proxy" | state_write "$box_dir/proxy" || die "cannot write $box_dir/proxy"
}

# containers_proxy_keys - print where the box's proxy is to listen
containers_proxy_keys() {
  local port=8080-8999 socket="$box_share/proxy.sock"
  if [[ $box_kind == bridge ]]; then
    [[ -z ${box_proxy-} ]] || port=${box_proxy##*:}
    printf 'listen = %s:%s\n' "$box_gateway" "$port"
    [[ $config_dns != proxy ]] || printf 'dns = %s:53\n' "$box_gateway"
    return
  fi
  # pen-proxy runs in box_share.
  ((${#socket} <= containers_socket_max)) || socket=/proc/self/cwd/proxy.sock
  printf 'listen = unix:%s\n' "$socket"
}

# containers_start - start the container with the image's own entry point
containers_start() {
  local pair=""
  containers_options
  containers_environment
  for pair in ${box_environment[@]+"${box_environment[@]}"}; do
    box_options+=(--env "$pair")
  done
  containers_do "start the container" tool_container_start "$box_container" "$image_name" \
    "${box_options[@]}"
}

# containers_start_held - start the container with the wait for containers_go
containers_start_held() {
  local word="" command
  command=()
  containers_options
  while IFS= read -r word; do
    command+=("$word")
  done < <(tool_image_command "$image_name")
  ((${#command[@]})) || die "the image $image_name has neither entry point nor command"
  box_program=${command[0]}
  containers_do "start the container" tool_container_start "$box_container" "$image_name" \
    "${box_options[@]}" --entrypoint /bin/sh -- -c "$containers_hold" pen "${command[@]}"
}

# containers_go - let the held container go on, with the environment of the proxy
containers_go() {
  local pair=""
  # shellcheck disable=SC2016 # for the shell inside
  tool_container_exec "$box_container" -- /bin/sh -c 'command -v "$1"' sh "$box_program" \
    </dev/null >/dev/null 2>&1 || die "the image $image_name has no $box_program to start with"
  containers_environment
  # Whole, and for whatever user the image has, from the moment that it is there.
  {
    for pair in ${box_environment[@]+"${box_environment[@]}"}; do
      printf "export %s='%s'\n" "${pair%%=*}" "${pair#*=}"
    done >"$box_share/go.new" &&
      chmod 0644 "$box_share/go.new" && mv -f -- "$box_share/go.new" "$box_share/go"
  } 2>/dev/null || die "cannot write $box_share/go"
  tool_container_exec "$box_container" -- /bin/sh -c "$containers_gone" </dev/null >/dev/null 2>&1
  [[ $(tool_container_state "$box_container") == running ]] || containers_ended
}

# containers_down - take all of the box down, also what a crash has left; fails,
# with the bridge shut and the record kept for the next try, if something stays
containers_down() {
  local kind=""
  [[ -s $box_dir/box ]] || return 0
  IFS=' ' read -r _ _ kind <"$box_dir/box"
  containers_settle
  guard_end "$box_dir" || return 1
  containers_keep_logs
  tool_container_remove "$box_container" || return 1
  if [[ $kind == bridge ]]; then
    tool_network_remove "$box_network" || return 1
    containers_close || return 1
  fi
  containers_end_canary || return 1
  proxy_end "$box_dir" || return 1
  rm -rf -- "$box_share" "$box_dir/proxy" "$box_dir/tool.out" "$box_dir/guard.out" \
    "$box_dir/unchecked" "$box_dir"/exec.* "$box_dir/guard" "$box_dir/box"
}

# containers_keep_logs - end what runs in the sandbox kindly, and keep what it
# said; a one-shot run has had its command, and is simply removed
containers_keep_logs() {
  [[ $box_dir == "$sandbox_run" ]] || return 0
  # What the guard froze stays so: to stop it, an engine would let it go on.
  [[ -e $box_dir/paused ]] || tool_container_stop "$box_container" >/dev/null 2>&1
  tool_logs "$box_container" >"$box_dir/container.log" 2>/dev/null
}

# containers_close - withdraw the rules; the bridge has no sandbox any more. Where it
# can be seen that it is there, another engine has both.
containers_close() {
  if [[ -r /proc/net/dev ]] && firewall_may_have_bridge "$box_bridge"; then
    log_note "the rules of $box_name stay loaded: its bridge $box_bridge is there, of which $tool_name does not know: use the DOCKER_HOST or context that it was started with; if that is gone, 'ip link delete $box_bridge'"
    return 1
  fi
  # On the way out of pen a bare return would return the status that pen ends with.
  firewall_flush "$box_name" && return 0
  log_note "the rules of $box_name stay loaded: $firewall_words"
  return 1
}

# containers_recall - sets box_kind, box_proxy and box_gateway to those of the box
# that is up, and run_rules to what a one-shot run was allowed by --allow
containers_recall() {
  local rule=""
  box_kind=""
  box_proxy=""
  IFS=' ' read -r _ _ box_kind <"$box_dir/box" || die "cannot read $box_dir/box"
  [[ $box_kind == none ]] || IFS= read -r box_proxy <"$box_dir/proxy" || die "cannot read $box_dir/proxy"
  box_gateway=${box_proxy%:*}
  run_rules=()
  [[ -f $box_dir/option-rules.txt ]] || return 0
  while IFS= read -r rule; do
    run_rules+=("$rule")
  done <"$box_dir/option-rules.txt"
}

runtime_start() {
  containers_select "$sandbox_name" "$sandbox_run"
  containers_up
  guard_start "$box_dir"
  state_set_up "$guard_pid" || die "cannot write $sandbox_run/pid"
}

runtime_stop() {
  containers_select "$sandbox_name" "$sandbox_run"
  containers_down || die "could not take all of $sandbox_name down: see above, then run 'pen stop' again"
  rm -f -- "$sandbox_run/pid" "$sandbox_run/paused"
}

runtime_proxy_restart() {
  containers_select "$sandbox_name" "$sandbox_run"
  containers_recall
  [[ $box_kind != none ]] || die_input "this sandbox has no network, and no proxy"
  proxy_end "$box_dir" || die "the proxy does not end"
  containers_start_proxy
}

# runtime_is_up - the guard lives, or there would be no such question; but it
# looks only now and then
runtime_is_up() {
  containers_select "$sandbox_name" "$sandbox_run"
  case $(tool_container_state "$box_container") in
    running | paused) ;;
    *) return 1 ;;
  esac
}

runtime_logs() {
  containers_select "$sandbox_name" "$sandbox_run"
  if [[ -s $sandbox_run/box ]]; then
    tool_logs "$box_container"
  elif [[ -s $sandbox_run/container.log ]]; then
    cat -- "$sandbox_run/container.log"
  fi
  [[ ! -s $sandbox_run/guard.log ]] || cat -- "$sandbox_run/guard.log"
}

runtime_stats() {
  containers_select "$sandbox_name" "$sandbox_run"
  tool_stats "$box_container"
}

# runtime_forget VOLUMES - remove the image, and the named volumes if VOLUMES is yes
runtime_forget() {
  local list="" kind="" name=""
  image_remove || return 1
  [[ $1 == yes ]] || return 0
  list=$(tool_list) || return 1
  while read -r kind name; do
    [[ $kind != volume || $name != "$sandbox_name"-* ]] || tool_volume_remove "$name" </dev/null || return 1
  done <<<"$list"
}
