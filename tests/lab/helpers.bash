#!/bin/bash
# SPDX-License-Identifier: MIT
# helpers.bash - what the end-to-end tests share: a closed namespace, servers
#
# A test file begins so:
#     load ../../lab/helpers
#     lab_netns
#     setup_file() { lab_file_setup; lab_origin; lab_dns <<<"example.test A $IP1"; }
#     teardown_file() { lab_file_teardown; }
#     setup() { lab_setup; }
#     teardown() { lab_teardown; }
#
# lab_netns runs the whole file in a network and mount namespace of its own,
# with lo as its only interface; nothing can leave, any port can be bound, and
# /etc/resolv.conf and /etc/hosts are the test's own.  Processes are ended by
# the id that lab_start noted, when the test or the file that started them ends.

# Addresses on lo.  The first three are "globally reachable" to the address
# guard, the next are documentation addresses, which it refuses.
export IP1=45.45.45.10 IP2=45.45.45.20 IP6=2a00:45:45::10
export DOC1=203.0.113.10 DOC2=198.51.100.20 DOC6=2001:db8:cafe::10
export DNS_IP=45.45.45.53

LAB_DIR=${BASH_SOURCE[0]%/*}
LAB_DIR=$(cd "$LAB_DIR" && pwd)
LAB_ROOT=${LAB_DIR%/tests/lab}
export LAB_DIR LAB_ROOT
export PYTHON=/usr/bin/python3
[[ -x $PYTHON ]] || PYTHON=python3
: "${PEN_MODE:=release}"
: "${PEN_PROXY:=$LAB_ROOT/build/$PEN_MODE/pen-proxy}"
export PEN_MODE PEN_PROXY
export PYTHONPATH=$LAB_DIR PYTHONDONTWRITEBYTECODE=1
unset http_proxy https_proxy all_proxy no_proxy
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# fail TEXT... - ends the test with a message
fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# ---------------------------------------------------------------------------
# The namespace.

# lab_unshare - prints the unshare command for a new net and mount namespace
lab_unshare() {
  if [[ $EUID == 0 ]] && unshare -nm true 2>/dev/null; then
    printf 'unshare -nm'
  else
    printf 'unshare -Urnm'
  fi
}

# lab_netns - puts the bats process that runs this file into a namespace
#
# bats sources the file in a process of its own, before setup_file: that
# process is run again, with its own arguments, inside the namespace.
lab_netns() {
  local argv=() arg wrap=()
  if [[ -n ${LAB_NETNS:-} ]]; then
    return 0
  fi
  while IFS= read -r -d '' arg; do
    argv+=("$arg")
  done </proc/$$/cmdline
  case " ${argv[*]} " in
    *bats-exec-file*) ;;
    *) return 0 ;;
  esac
  IFS=' ' read -r -a wrap <<<"$(lab_unshare)"
  export LAB_NETNS=1
  rm -rf "${BATS_FILE_TMPDIR:?}" "${BATS_FILE_TMPDIR:?}"-*
  exec "${wrap[@]}" "$LAB_DIR/netns.sh" "${argv[@]}" 1>&3 2>&1
}

# ---------------------------------------------------------------------------
# Processes.

# lab_start NAME READY_FLAG CMD... - starts CMD in the background and waits
# until it says that it is ready
#
# READY_FLAG is the option that takes a descriptor ("--ready-fd"), or "-" for a
# command without one, which is not waited for.  Its output goes to
# $LAB/NAME.out, what it said to LAB_READY (an array of lines), its process id
# to LAB_PID.  Fails if CMD ends without saying anything.
lab_start() {
  local name=$1 flag=$2 fifo line status=0
  shift 2
  LAB_READY=()
  if [[ $flag == - ]]; then
    "$@" >"$LAB/$name.out" 2>&1 3>&- 4>&- </dev/null &
    LAB_PID=$!
    printf '%s\n' "$LAB_PID" >>"$LAB/pids"
    return 0
  fi
  fifo=$LAB/$name.ready
  rm -f "$fifo"
  mkfifo "$fifo" || return 1
  "$@" "$flag" 9 9>"$fifo" >"$LAB/$name.out" 2>&1 3>&- 4>&- </dev/null &
  LAB_PID=$!
  printf '%s\n' "$LAB_PID" >>"$LAB/pids"
  # To the end of the descriptor, for as long as a minute from line to line.
  exec 8<"$fifo"
  while
    IFS= read -r -t 60 -u 8 line || status=$?
    [[ $status == 0 ]]
  do
    LAB_READY+=("$line")
  done
  exec 8<&-
  if ((status > 128)); then
    printf '%s does not close its ready descriptor\n' "$name" >&2
    return 1
  fi
  rm -f "$fifo"
  if [[ ${#LAB_READY[@]} == 0 ]]; then
    printf '%s did not become ready:\n' "$name" >&2
    cat "$LAB/$name.out" >&2
    return 1
  fi
}

# lab_alive PID - whether the process runs (a zombie does not)
lab_alive() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  [[ ${stat##*) } != Z* ]]
}

# lab_wait_gone PID [SECONDS] - waits until it has ended; fails after SECONDS (20)
lab_wait_gone() {
  timeout "${2:-20}" tail --pid="$1" -s 0.02 -f /dev/null
}

# lab_stop PID [SIGNAL] - ends a process and waits for its end
lab_stop() {
  kill "-${2:-TERM}" "$1" 2>/dev/null || return 0
  if ! lab_wait_gone "$1"; then
    kill -KILL "$1" 2>/dev/null
    lab_wait_gone "$1"
    return 1
  fi
}

# lab_stop_all DIR - ends every process that was started for DIR
lab_stop_all() {
  local pid pids=()
  [[ -s $1/pids ]] || return 0
  while read -r pid; do
    pids=("$pid" ${pids[@]+"${pids[@]}"})
  done <"$1/pids"
  kill -KILL "${pids[@]}" 2>/dev/null
  for pid in "${pids[@]}"; do
    lab_wait_gone "$pid" || printf 'process %s does not end\n' "$pid" >&2
  done
  rm -f "$1/pids"
}

# lab_stop_jobs - ends what a test left in the background of its own shell
lab_stop_jobs() {
  local pid
  for pid in $(jobs -p); do
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  return 0
}

# ---------------------------------------------------------------------------
# Life of a file and of a test.  $LAB is the scratch folder: the file's while
# setup_file runs, the test's afterwards; $LAB_FILE is always the file's.

lab_file_setup() {
  export LAB=$BATS_FILE_TMPDIR LAB_FILE=$BATS_FILE_TMPDIR
  [[ -x $PEN_PROXY ]] || fail "no pen-proxy at $PEN_PROXY: run make first"
}

lab_file_teardown() {
  lab_stop_all "$LAB_FILE"
  [[ -z ${LAB_NETNS:-} ]] || lab_sweep
}

# lab_sweep - ends whatever else still lives in the file's own network namespace,
# as it would keep bats waiting; says what that was, and fails for a pen-proxy
lab_sweep() {
  local dir own name self="" status=0
  own=$(readlink /proc/self/ns/net)
  # Maybe a subshell, whose $$ is its parent's.
  read -r self _ </proc/self/stat
  for dir in /proc/[0-9]*; do
    if [[ ${dir#/proc/} == "$$" || ${dir#/proc/} == "$self" ||
      $(readlink "$dir/ns/net" 2>/dev/null) != "$own" ]]; then
      continue
    fi
    name=$(tr '\0' ' ' <"$dir/cmdline" 2>/dev/null) || continue
    [[ -n $name ]] || continue
    printf 'left behind: %s\n' "$name" >&2
    [[ $name != *pen-proxy* || $name == */lab/* ]] || status=1
    kill -KILL "${dir#/proc/}" 2>/dev/null
  done
  return "$status"
}

lab_setup() {
  export LAB=$BATS_TEST_TMPDIR
  local log
  # The servers of the file append: each test begins with empty logs.
  for log in "${ORIGIN_LOG:-}" "${TCPD_LOG:-}" "${DNS_LOG:-}"; do
    [[ -z $log ]] || : >"$log"
  done
  # Clients that look for a home find an empty one.
  mkdir -p "$LAB/home"
  export HOME=$LAB/home
  cd "$LAB" || return 1
}

# lab_teardown - ends the test's processes, after its proxies were ended in
# order and found to have ended well, and their logs to be well formed
lab_teardown() {
  local status=0 pid name
  if [[ -s $LAB/proxies ]]; then
    while read -r pid name; do
      if lab_alive "$pid"; then
        stop_proxy "$pid" "$name" || status=1
      fi
      if grep -qE 'Sanitizer|runtime error' "$LAB/$name.out"; then
        cat "$LAB/$name.out" >&2
        status=1
      fi
    done <"$LAB/proxies"
  fi
  for name in "$LAB"/*.log "$LAB"/*.log.[0-9]*; do
    if [[ -s $name && ! -e $LAB/text-log ]]; then
      "$PYTHON" -SE "$LAB_DIR/logcheck.py" "$name" >&2 || status=1
    fi
  done
  lab_stop_all "$LAB"
  lab_stop_jobs
  if [[ -z ${BATS_TEST_COMPLETED:-} || $status != 0 ]]; then
    lab_explain >&2
  fi
  return "$status"
}

# lab_explain - what a failed test leaves for its reader
lab_explain() {
  local file
  for file in "$LAB"/*.out "$LAB"/*.log; do
    if [[ -s $file ]]; then
      printf -- '--- %s\n' "${file##*/}"
      tail -n 20 "$file" | cut -c 1-600
    fi
  done
}

# ---------------------------------------------------------------------------
# Servers.

# lab_certs - makes $CERTS (ca.pem, server.pem, server.key)
lab_certs() {
  export CERTS=$LAB_FILE/certs
  "$LAB_DIR/certs.sh" "$CERTS" || return 1
  export CURL_CA_BUNDLE=$CERTS/ca.pem
}

# lab_origin - starts an origin on ports 80, 443, 8080 and 8443 (TLS) of all
# addresses; $ORIGIN_LOG has what reached it
lab_origin() {
  local addr args=()
  lab_certs || return 1
  export ORIGIN_LOG=$LAB/origin.jsonl
  for addr in "$IP1" "$IP2" "[$IP6]" "$DOC1" "$DOC2" "[$DOC6]"; do
    args+=(--http "$addr:80" --http "$addr:8080")
    args+=(--https "$addr:443" --https "$addr:8443")
  done
  args+=(--http 127.0.0.1:80 --https 127.0.0.1:443)
  lab_start origin --ready-fd "$PYTHON" -SE "$LAB_DIR/origin.py" \
    --certs "$CERTS" --log "$ORIGIN_LOG" "${args[@]}"
}

# lab_dns - starts a DNS server on $DNS_IP:53; the zone is read from stdin and
# stands in $DNS_ZONE, where a change takes effect at the next query; $DNS_LOG
# has one line a query ("A example.test udp")
lab_dns() {
  export DNS_ZONE=$LAB/zone DNS_LOG=$LAB/dns.queries
  cat >"$DNS_ZONE"
  : >"$DNS_LOG"
  lab_start dns --ready-fd "$PYTHON" -SE "$LAB_DIR/dnsd.py" \
    --listen "$DNS_IP:53" --zone "$DNS_ZONE" --log "$DNS_LOG"
}

# lab_default_zone - the zone that most files use
lab_default_zone() {
  cat <<ZONE
example.test A $IP1
*.example.test A $IP1
other.test A $IP2
*.other.test A $IP2
denied.test A $IP1
six.test AAAA $IP6
both.test A $IP1
both.test AAAA $IP6
private.test A 10.1.2.3
loop.test A 127.0.0.1
doc.test A $DOC1
ZONE
}

# lab_tcpd ADDR:PORT=SCRIPT... - starts a scripted TCP server (tcpd.py); what
# happened is in $TCPD_LOG
lab_tcpd() {
  export TCPD_LOG=$LAB/tcpd.jsonl
  lab_start tcpd --ready-fd "$PYTHON" -SE "$LAB_DIR/tcpd.py" \
    --log "$TCPD_LOG" "$@"
}

# lab_upstream ADDR:PORT [OPTION]... - starts an upstream HTTP proxy
# (upstream.py); what it was asked is in $UPSTREAM_LOG
lab_upstream() {
  export UPSTREAM_LOG=$LAB/upstream.jsonl
  lab_start upstream --ready-fd "$PYTHON" -SE "$LAB_DIR/upstream.py" \
    --log "$UPSTREAM_LOG" --listen "$@"
}

# ---------------------------------------------------------------------------
# pen-proxy.

# lab_config NAME - writes $LAB/NAME.ini from stdin; [dns] servers and [log]
# file are added where the text has no such section
lab_config() {
  local name=$1 text
  text=$(cat)
  {
    printf '%s\n' "$text"
    if ! grep -q '^\[dns\]' <<<"$text"; then
      printf '[dns]\nservers = %s\n' "$DNS_IP"
    fi
    if ! grep -q '^\[log\]' <<<"$text"; then
      printf '[log]\nfile = %s\n' "$LAB/$name.log"
    fi
  } >"$LAB/$name.ini"
}

# start_proxy [NAME [OPTION]...] - starts pen-proxy with the config on stdin
#
# Sets PROXY_PID, PROXY (address of the first `listen`), PROXY_TRANSPARENT,
# PROXY_DNS, PROXY_ADMIN (the first of each) and PROXY_LOG.  LAB_LAUNCH (an
# array) is put in front of the command.
# shellcheck disable=SC2120 # all callers outside this file pass arguments
start_proxy() {
  local name=${1:-proxy}
  [[ $# == 0 ]] || shift
  lab_config "$name" || return 1
  lab_start "$name" --ready-fd ${LAB_LAUNCH[@]+"${LAB_LAUNCH[@]}"} \
    "$PEN_PROXY" -c "$LAB/$name.ini" "$@" || return 1
  proxy_started "$name"
}

# proxy_started NAME - takes the process that lab_start started for a pen-proxy
proxy_started() {
  local name=$1 line
  PROXY_PID=$LAB_PID
  PROXY='' PROXY_TRANSPARENT='' PROXY_DNS='' PROXY_ADMIN=''
  export PROXY_LOG=$LAB/$name.log
  printf '%s %s\n' "$PROXY_PID" "$name" >>"$LAB/proxies"
  for line in "${LAB_READY[@]}"; do
    case $line in
      'listen '*) : "${PROXY:=${line#listen }}" ;;
      'transparent '*) : "${PROXY_TRANSPARENT:=${line#transparent }}" ;;
      'dns '*) : "${PROXY_DNS:=${line#dns }}" ;;
      'admin '*) : "${PROXY_ADMIN:=${line#admin }}" ;;
      *) fail "ready line: $line" ;;
    esac
  done
  export PROXY PROXY_PID PROXY_TRANSPARENT PROXY_DNS PROXY_ADMIN
}

# start_sandboxed_proxy [--redirect] - the same with its listeners in a namespace
# of their own (sandbox.py); $SANDBOX_PID lives there
start_sandboxed_proxy() {
  local LAB_LAUNCH
  LAB_LAUNCH=("$PYTHON" -SE "$LAB_DIR/sandbox.py" --pid-file "$LAB/sandbox.pid" "$@")
  start_proxy proxy || return 1
  SANDBOX_PID=$(<"$LAB/sandbox.pid")
  export SANDBOX_PID
}

# in_sandbox CMD... - runs CMD in the namespace of start_sandboxed_proxy
in_sandbox() {
  nsenter --net="/proc/$SANDBOX_PID/ns/net" "$@"
}

# stop_proxy [PID [NAME]] - ends a proxy with SIGTERM, and with a second one what
# drains for over a second; fails if it does not end with status 0
stop_proxy() {
  local pid=${1:-$PROXY_PID} status=0
  kill -TERM "$pid" 2>/dev/null
  lab_wait_gone "$pid" 1 || kill -TERM "$pid" 2>/dev/null
  if ! lab_wait_gone "$pid"; then
    printf 'pen-proxy %s does not end\n' "$pid" >&2
    kill -KILL "$pid"
    return 1
  fi
  wait "$pid" || status=$?
  if [[ $status != 0 ]]; then
    printf 'pen-proxy ended with status %s\n' "$status" >&2
    return 1
  fi
}

# proxy_alive [PID] - fails if the proxy is not alive any more
proxy_alive() {
  lab_alive "${1:-$PROXY_PID}" || fail 'pen-proxy died'
}

# reload_proxy - SIGHUP, then waits for the log to say how it went
reload_proxy() {
  local before
  before=$(log_count 'select(.event == "reload")')
  kill -HUP "$PROXY_PID"
  log_wait 'select(.event == "reload")' "$((before + 1))"
}

# ---------------------------------------------------------------------------
# The log.

# log_wait FILTER [COUNT [SECONDS]] - waits until COUNT lines of the log pass
# the jq FILTER and prints them; fails after SECONDS
log_wait() {
  "$PYTHON" -SE "$LAB_DIR/logwait.py" "${LOG_FILE:-$PROXY_LOG}" \
    "$1" "${2:-1}" "${3:-20}"
}

# log_none FILTER - fails if a line of the log passes the jq FILTER
log_none() {
  local found
  found=$(jq -c "$1" "${LOG_FILE:-$PROXY_LOG}")
  [[ -z $found ]] || fail "unexpected in the log: $found"
}

# log_count FILTER - prints how many lines of the log pass the jq FILTER
log_count() {
  jq -c "$1" "${LOG_FILE:-$PROXY_LOG}" | wc -l
}

# origin_saw FILTER - prints how many events of the origin pass the jq FILTER
origin_saw() {
  [[ -e $ORIGIN_LOG ]] || fail 'no origin log'
  jq -c "$1" "$ORIGIN_LOG" | wc -l
}

# dns_asked NAME - prints how many queries the DNS server got for NAME
dns_asked() {
  grep -c " $1 " "$DNS_LOG"
}

# ---------------------------------------------------------------------------
# Clients.

# via_proxy ARG... - curl through the proxy; time-limited, no progress
via_proxy() {
  curl -sS --max-time 20 --proxy "http://$PROXY" "$@"
}

# raw ARG... - raw.py: scripted bytes; prints JSON
raw() {
  "$PYTHON" -SE "$LAB_DIR/raw.py" "$@"
}

# raw_start ARG... - raw.py in the background, its JSON in ./held; "$!" is its id
raw_start() {
  "$PYTHON" -SE "$LAB_DIR/raw.py" "$@" >held 3>&- &
}

# run_table NAME [ARG]... - runs tests/e2e/proxy/tables/NAME.py: many cases in
# one process, failed rows printed
run_table() {
  local name=$1
  shift
  timeout 120 "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/$name.py" "$@"
}

# assert_json FILTER TEXT - fails, showing TEXT, unless the jq FILTER is true
assert_json() {
  jq -e "$1" <<<"$2" >/dev/null || fail "not $1: $2"
}

# assert_eq EXPECTED ACTUAL [WHAT]
assert_eq() {
  [[ $1 == "$2" ]] || fail "${3:-value}: expected '$1', got '$2'"
}

# assert_contains TEXT PART
assert_contains() {
  [[ $1 == *"$2"* ]] || fail "'$2' is not in: $1"
}

# lab_standard - the origin and the DNS server that most files use
lab_standard() {
  lab_file_setup || return 1
  lab_origin || return 1
  lab_dns < <(lab_default_zone)
}

# curl_code ARG... - curl through the proxy; prints only the status of the
# answer, or of the CONNECT where that was refused
curl_code() {
  local codes
  codes=$(via_proxy -o "$LAB/body" -w '%{http_code} %{http_connect}' "$@" \
    2>"$LAB/curl.err") || true
  case $codes in
    '000 000') printf '000\n' ;;
    '000 '*) printf '%s\n' "${codes#* }" ;;
    *) printf '%s\n' "${codes%% *}" ;;
  esac
}

# eventually SECONDS CMD... - runs CMD until it succeeds; fails after SECONDS, or
# four times that, as the machine may stand still. For what announces itself nowhere.
eventually() {
  local end=$((SECONDS + $1 * 4))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
  done
}

# eventually_within MS CMD... - the same; fails if it took over MS, under a sanitizer
# three times that.  The longest try is not counted: a machine that stands still for
# a while does so in one of them.
eventually_within() {
  local limit=$1 start now before longest=0 took status=1
  shift
  [[ $PEN_MODE == release ]] || limit=$((limit * 3))
  start=$(date +%s%N) now=$start
  while ((status != 0 && now - start < 20000000000)); do
    before=$now status=0
    "$@" || status=1
    now=$(date +%s%N)
    ((now - before <= longest)) || longest=$((now - before))
  done
  took=$(((now - start - longest) / 1000000))
  ((status == 0 && took <= limit)) || fail "took $took ms and a try of $((longest / 1000000)) ms: $*"
}

# answers CODE URL [OPTION]... - whether a request through the proxy gets CODE
answers() {
  local code=$1
  shift
  [[ $(curl_code "$@") == "$code" ]]
}
