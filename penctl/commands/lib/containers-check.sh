# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# containers-check.sh - the look from inside before a box counts as up
# (containers.sh)

# Arguments: ADDRESS PORT CANARY. Fails unless the port can be connected to, and
# with status 3 if the port CANARY can, too, and with 4 if the image has nothing
# to try it with.
# shellcheck disable=SC2016 # for the shell inside
readonly containers_reach='
reach() {
  if [ "$tool" = bash ]; then
    $limit bash -c "exec 3<>/dev/tcp/$1/$2"
  else
    nc -z -w 5 "$1" "$2"
  fi
}
# Packets that nobody answers would be waited for two minutes.
limit="timeout 5"
command -v timeout >/dev/null || limit=""
tool=bash
command -v bash >/dev/null || tool=nc
command -v "$tool" >/dev/null || exit 4
reach "$1" "$2" || exit 1
[ -z "$3" ] || ! reach "$1" "$3" 2>/dev/null || exit 3'

# containers_check - see from inside that the way out is there, and that the
# firewall holds: another port of the gateway, where something does listen, must
# be out of reach
containers_check() {
  local words="" status=0 canary=""
  [[ $box_kind != none ]] || return 0
  words=$(image_ready "$box_container" 2>&1 </dev/null) || containers_is_cut "$words"
  box_canary=""
  [[ $box_kind != bridge ]] || containers_start_canary
  # pen egress test looks for itself, and leaves the canary to containers_down.
  [[ ${box_is_tested-no} == yes ]] || canary=$box_canary
  words=$(tool_container_exec "$box_container" -- /bin/sh -c "$containers_reach" sh \
    "${box_proxy%:*}" "${box_proxy##*:}" "$canary" 2>&1 </dev/null) || status=$?
  [[ ${box_is_tested-no} == yes ]] || containers_end_canary || die "cannot end the second proxy"
  case $status in
    0) ;;
    4) log_note "not checked from inside: the image has neither bash nor nc" ;;
    3) die "the firewall does not hold: the sandbox reaches port $box_canary of $box_gateway, though the rules are loaded" ;;
    *) containers_is_cut "$words" ;;
  esac
}

# containers_start_canary - start a second proxy, which refuses everything, on
# another port of the gateway; sets box_canary to the port
containers_start_canary() {
  mkdir -p -- "$box_dir/canary" || die "cannot write in $box_dir"
  printf '[proxy]\nlisten = %s:9000-9999\n' "$box_gateway" >"$box_dir/canary/pen-proxy.ini" ||
    die "cannot write in $box_dir"
  proxy_start "$box_dir/canary"
  box_canary=${proxy_address##*:}
}

# containers_end_canary - end the second proxy, if there is one
containers_end_canary() {
  [[ -d $box_dir/canary ]] || return 0
  proxy_end "$box_dir/canary" && rm -rf -- "$box_dir/canary"
}

# containers_ended - the image's own command ended: say what it said last
containers_ended() {
  die "the sandbox ended at once: $(tool_logs "$box_container" | tail -n 1)"
}

# containers_is_cut WORDS - the sandbox does not reach its proxy: say what to do
containers_is_cut() {
  local words="${1##*$'\n'}" remedy=""
  [[ $(tool_container_state "$box_container") == running ]] || containers_ended
  case $box_kind in
    bridge) remedy="a firewall of this host may stand between (see pen-pfctl(8)); or set \"network\" to \"socket\"" ;;
    *) remedy="its image must forward 127.0.0.1:3128 to /run/pen/proxy.sock, as the default one does" ;;
  esac
  die "the sandbox does not reach its proxy at $box_proxy: $remedy${words:+ ($words)}"
}
