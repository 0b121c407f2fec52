# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# containers-check.sh - the look from inside before a box counts as up
# (containers.sh)

# What an image may have that can connect, for messages.
readonly containers_probes="bash, nc, busybox, python3, perl, curl, socat or node"

# Arguments: ADDRESS PORT CANARY. Fails unless the port can be connected to, and
# with status 3 if the port CANARY can, too, and with 4 if the image has nothing
# to try it with.
# shellcheck disable=SC2016 # for the shell inside
readonly containers_reach='
can() {
  command -v "$1" >/dev/null || return 1
  case $1 in
    busybox) case $(busybox nc --help 2>&1) in *-z*) ;; *) return 1 ;; esac ;;
    python3) python3 -c "import socket" ;;
    perl) perl -MIO::Socket::INET -e 1 ;;
  esac 2>/dev/null
}
reach() {
  case $tool in
    bash) $limit bash -c "exec 3<>/dev/tcp/$1/$2" ;;
    nc) nc -z -w 5 "$1" "$2" ;;
    busybox) busybox nc -z -w 5 "$1" "$2" ;;
    python3) python3 -c "import socket; socket.create_connection((\"$1\", $2), 5)" ;;
    perl) perl -MIO::Socket::INET -e "IO::Socket::INET->new(PeerAddr => q($1), PeerPort => $2, Timeout => 5) or die qq(\$@\n)" ;;
    # Whatever it says of the answer: it did connect.
    curl) curl -sS -o /dev/null --noproxy "*" --max-time 5 "http://$1:$2/" || case $? in 7 | 28) return 1 ;; esac ;;
    socat) socat -u OPEN:/dev/null "TCP4:$1:$2,connect-timeout=5" ;;
    node) node -e "const s = require(\"net\").connect({host: \"$1\", port: $2, timeout: 5000});
      s.on(\"connect\", () => process.exit(0));
      for (const e of [\"error\", \"timeout\"]) s.on(e, () => process.exit(1));" ;;
  esac
}
# Packets that nobody answers would be waited for two minutes.
limit="timeout 5"
command -v timeout >/dev/null || limit=""
for tool in bash nc busybox python3 perl curl socat node none; do
  ! can "$tool" || break
done
[ "$tool" != none ] || exit 4
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
    4) containers_unchecked ;;
    3) die "the firewall does not hold: the sandbox reaches port $box_canary of $box_gateway, though the rules are loaded" ;;
    *) containers_is_cut "$words" ;;
  esac
}

# containers_unchecked - go on with what pen-pfctl says of the firewall alone, and
# leave word for pen status
containers_unchecked() {
  log_note "NOT CHECKED from inside whether the sandbox is shut in: its image has none of $containers_probes"
  : >"$box_dir/unchecked" || die "cannot write in $box_dir"
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
