# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# firewall.sh - the only caller of pen-pfctl, which is the only program that pen
# runs as root: through one line of sudoers, or directly where pen is root itself

# Where its installer may have put it; PEN_PFCTL names another absolute path.
readonly firewall_places="/usr/local/libexec/pen-root /Library/PrivilegedHelperTools/pen-root /opt/pen-root"

# A port on which nothing of pen's listens: with it, a rule set passes nothing.
readonly firewall_no_port=1

# firewall_find - sets firewall_program, or to nothing if there is none
firewall_find() {
  local folder=""
  firewall_program=${PEN_PFCTL-}
  if [[ -n $firewall_program ]]; then
    [[ $firewall_program == /* ]] || die_input "PEN_PFCTL must be an absolute path"
    [[ -e $firewall_program ]] || firewall_program=""
    return 0
  fi
  for folder in $firewall_places; do
    [[ -e $folder/pen-pfctl ]] || continue
    firewall_program=$folder/pen-pfctl
    return 0
  done
}

# firewall_check - exit unless pen-pfctl is there and may be called
firewall_check() {
  firewall_find
  [[ -n $firewall_program ]] ||
    die "pen-pfctl is not installed, which shuts the bridge: run install.sh, or set \"network\" to \"socket\""
  firewall_call list >/dev/null </dev/null ||
    die "sudo does not run $firewall_program without a password: run install.sh again, or set \"network\" to \"socket\": $firewall_words"
}

# firewall_call ARG... - run pen-pfctl; its errors go to firewall_words, its
# exit status is returned (1 if sudo refuses, or there is none)
firewall_call() {
  local status=0 words
  firewall_find
  firewall_words="pen-pfctl is not installed"
  [[ -n $firewall_program ]] || return 1
  words=("$firewall_program" "$@")
  ((EUID == 0)) || words=(sudo -n "${words[@]}")
  { firewall_words=$("${words[@]}" 2>&1 >&3); } 3>&1 || status=$?
  return "$status"
}

# firewall_load NAME GATEWAY PORT [RULE]... - put the rule set NAME in force: the
# proxy on GATEWAY:PORT and the RULEs pass, and with config_dns=proxy the
# gateway's port 53; fails with firewall_words set
firewall_load() {
  local options
  options=(--gateway "$2" --proxy-port "$3")
  [[ $3 == "$firewall_no_port" || $config_dns != proxy ]] || options+=(--dns)
  firewall_call load "$1" "${options[@]}" < <(
    shift 3
    (($# == 0)) || printf '%s\n' "$@"
  )
}

# firewall_flush NAME - withdraw the rule set; fails with firewall_words set
firewall_flush() {
  firewall_call flush "$1" </dev/null
}

# firewall_verify NAME - succeed if the rule set is in force; else firewall_words
# says why not
firewall_verify() {
  firewall_call verify "$1" >/dev/null </dev/null
}

# firewall_may_have_bridge BRIDGE - succeed unless it can be seen that the interface
# BRIDGE, whose name is the engine's choice, is not there
firewall_may_have_bridge() {
  [[ -r /proc/net/dev && -n $1 ]] || return 0
  awk -F : -v name="$1" '{ gsub(/ /, "", $1) } $1 == name { found = 1 } END { exit !found }' /proc/net/dev
}

# firewall_rules - sets firewall_list to the network allow-list of the selected
# sandbox: its file's lines, the config's rules, and the host's name servers
# where the sandbox is to ask them (config_dns=open)
firewall_rules() {
  local line="" server=""
  firewall_list=()
  if [[ -f $sandbox_dir/network-allowlist.txt ]]; then
    while IFS= read -r line || [[ -n $line ]]; do
      firewall_list+=("$line")
    done <"$sandbox_dir/network-allowlist.txt"
  fi
  firewall_list+=(${config_network_rules[@]+"${config_network_rules[@]}"})
  [[ $config_dns == open ]] || return 0
  for server in $(firewall_name_servers); do
    firewall_list+=("$server:53")
  done
}

# firewall_name_servers - print the host's IPv4 name servers but those on its
# own loopback, which the runtime's resolver asks from the host's side
firewall_name_servers() {
  awk '$1 == "nameserver" && $2 ~ /^[0-9.]+$/ && $2 !~ /^127\./ { print $2 }' /etc/resolv.conf
}

# firewall_reload - put the network allow-list of the selected sandbox, with its
# config loaded, in force in the sandbox and in its one-shot runs, as far as they
# are up behind a firewall
firewall_reload() {
  local folder="" status=0
  for folder in "$sandbox_run" "$sandbox_run"/one.*; do
    firewall_reload_box "$folder" || status=1
  done
  ((status == 0)) || die "the network allow-list is not in force everywhere"
}

# firewall_reload_box FOLDER - the same for the box whose files are in FOLDER; says
# so and fails if it cannot
firewall_reload_box() {
  local name="" kind="" proxy=""
  { IFS=' ' read -r _ name kind <"$1/box"; } 2>/dev/null || return 0
  [[ $kind == bridge ]] || return 0
  # Without one yet it is coming up, and reads the list when that is done.
  { IFS= read -r proxy <"$1/proxy"; } 2>/dev/null || return 0
  # A container outlives the guard, or the pen of a one-shot run, that was killed.
  state_has_run "$1" || firewall_verify "$name" || return 0
  firewall_check
  firewall_load_rules "$name" "$proxy" && return
  # A run may have ended meanwhile.
  [[ -s $1/box ]] || return 0
  log_note "the firewall does not take the rules of $name: $firewall_words"
  return 1
}

# firewall_load_rules NAME GATEWAY:PORT - put the real rules in force: the proxy
# and the selected sandbox's network allow-list pass, nothing else; fails with
# firewall_words set
firewall_load_rules() {
  local loaded=""
  firewall_rules
  # Who changes the list meanwhile may have loaded it before this one does.
  while :; do
    loaded=${firewall_list[*]-}
    firewall_load "$1" "${2%:*}" "${2##*:}" ${firewall_list[@]+"${firewall_list[@]}"} || return 1
    firewall_rules
    [[ ${firewall_list[*]-} != "$loaded" ]] || break
  done
  firewall_verify "$1"
}
