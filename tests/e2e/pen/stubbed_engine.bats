#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# stubbed_engine.bats - what pen asks of a container engine and of pen-pfctl, shown
# with programs that play them; the real ones are in tests/e2e/containers

load common

setup() {
  pen_setup
  ENGINE=$LAB/engine
  RULES=$ENGINE/rules
  mkdir -p "$LAB/bin" "$ENGINE" "$RULES"
  touch "$ENGINE/containers" "$ENGINE/networks" "$ENGINE/volumes" "$ENGINE/calls"
  stub_docker
  stub_podman
  stub_pfctl
  stub_wrapper
  LOST=pen-user-$UID-project-lost-123456
  export ENGINE RULES LOST PEN_PFCTL=$LAB/pfctl
}

# What is up here is played: there is nothing to stop.
teardown() {
  [[ -z ${GUARD-} ]] || kill "$GUARD" "$PLAYED" 2>/dev/null || true
  rm -rf "$HOME/.pen"
  pen_teardown
}

# stub_docker - a docker that has what the files in $ENGINE name, and runs commands
# of `exec` on the host, in an environment of its own; silent while $ENGINE/silent is
stub_docker() {
  cat >"$LAB/bin/docker" <<'END'
#!/bin/bash
[[ ! -e $ENGINE/silent ]] || { echo 'Cannot connect to the daemon' >&2; exit 1; }
printf '%s\n' "$*" >>"$ENGINE/calls"
about="$*"
name=${about##*name=^} name=${name%%\$*}
forget() { grep -vx "$2" "$ENGINE/$1" >"$ENGINE/new"; mv "$ENGINE/new" "$ENGINE/$1"; }
case "$1 ${2-}" in
  'ps --all')
    if [[ $about == *'{{.State}}'* ]]; then
      ! grep -qx "$name" "$ENGINE/containers" || echo running
    else
      sed 's/^/container /' "$ENGINE/containers"
    fi
    ;;
  'network ls' | 'volume ls')
    [[ $1 != volume || ! -e $ENGINE/mute ]] || exit 1
    if [[ $about == *name=* ]]; then
      grep -x "$name" "$ENGINE/$1s"
    else
      sed "s/^/$1 /" "$ENGINE/$1s"
    fi
    ;;
  'network rm' | 'volume rm') forget "$1s" "$3" ;;
  'rm --force') forget containers "${!#}" ;;
  'exec --interactive')
    shift 2
    words=()
    while [[ $1 == --* ]]; do
      [[ $1 != --env ]] || words+=("$2")
      shift $((1 + ($# > 1)))
    done
    shift
    exec env -i PATH="$PATH" "${words[@]}" "$@"
    ;;
esac
true
END
  chmod +x "$LAB/bin/docker"
}

# stub_podman - a podman that has nothing
stub_podman() {
  printf '#!/bin/sh\nexit 0\n' >"$LAB/bin/podman"
  chmod +x "$LAB/bin/podman"
}

# stub_pfctl - a pen-pfctl whose rule sets are the files in $RULES, for the bridge pen0
stub_pfctl() {
  cat >"$LAB/pfctl" <<'END'
#!/bin/bash
case $1 in
  list) for set in "$RULES"/*; do [[ ! -e $set ]] || echo "${set##*/} pen0"; done ;;
  load)
    [[ ! -e $ENGINE/broken ]] || { echo 'pen-pfctl: no' >&2; exit 1; }
    { echo "$*"; cat; } >"$RULES/$2.new"
    # Who changes the list meanwhile has loaded it before.
    [[ ! -e $ENGINE/meanwhile ]] || mv "$ENGINE/meanwhile" "$(<"$ENGINE/list")"
    mv "$RULES/$2.new" "$RULES/$2"
    ;;
  flush) rm -f "$RULES/$2" ;;
  check) cat >/dev/null ;;
  verify)
    echo "$2" >>"$ENGINE/looks"
    [[ -e $RULES/$2 ]]
    ;;
esac
END
  chmod +x "$LAB/pfctl"
}

# stub_wrapper - what puts the stubs into the place of the system's programs
stub_wrapper() {
  cat >"$LAB/with-stubs" <<'END'
#!/bin/bash
for stub in "${0%/*}"/bin/*; do
  path=$(PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin command -v "${stub##*/}") || continue
  mount --bind "$stub" "$path" || exit 99
done
PATH=$PATH:${0%/*}/bin exec "$@"
END
  chmod +x "$LAB/with-stubs"
}

# pen ARG... - the program under test, with the stubs
pen() {
  timeout -k 5 60 unshare -m "$LAB/with-stubs" "$LAB_ROOT/penctl/pen" "$@"
}

# identity PID - print what pen writes down of a process
identity() {
  local pid="$1" stat=""
  stat=$(<"/proc/$pid/stat")
  # shellcheck disable=SC2086 # the fields are numbers
  set -- ${stat##*) }
  printf '%s %s\n' "$pid" "${20}"
}

# play_box FOLDER NAME - as if the box NAME were up, with its files in FOLDER
play_box() {
  mkdir -p "$1"
  identity "$$" >"$1/pid"
  printf 'docker %s bridge\n' "$2" >"$1/box"
  printf '192.0.2.1:8080\n' >"$1/proxy"
  printf '%s-container\n' "$2" >>"$ENGINE/containers"
  printf '%s-network\n' "$2" >>"$ENGINE/networks"
}

# play_sandbox - the sandbox of this directory is up, with docker; sets DIR
play_sandbox() {
  pen init --runtime docker
  DIR=$(sandbox_dir)
  play_box "$DIR/run" "${DIR##*/}"
  printf 'docker\n' >"$DIR/run/runtime"
}

# guard_box FOLDER - have pen's guard watch over the played box of this directory's
# sandbox with its files in FOLDER; it ends with the test
guard_box() {
  unshare -m "$LAB/with-stubs" "$BASH" "$LAB_ROOT/penctl/commands/lib/box-main.sh" \
    watch "${DIR##*/}" "$1" </dev/null >"$LAB/guard.txt" 2>&1 3>&- &
  GUARD=$!
  sleep 600 3>&- &
  PLAYED=$!
  identity "$PLAYED" >"$1/proxy.id"
}

# has_looked - wait until the guard has looked at the firewall once more
has_looked() {
  local before=0
  [[ ! -e $ENGINE/looks ]] || before=$(wc -l <"$ENGINE/looks")
  eventually 20 more_looks "$before"
}

more_looks() {
  [[ -e $ENGINE/looks ]] && (($(wc -l <"$ENGINE/looks") > $1))
}

# play_lost - there is a container, with network and rules, of which pen knows nothing
play_lost() {
  printf '%s\n' "$LOST-container" >"$ENGINE/containers"
  printf '%s\n' "$LOST-network" >"$ENGINE/networks"
  printf 'loaded\n' >"$RULES/$LOST"
}

@test "P8: prune withdraws no rules while an engine does not answer and there is a bridge" {
  [[ $EUID == 0 && -n ${LAB_NETNS:-} ]] || skip "needs root, to make a bridge"
  play_lost
  ip link add pen0 type bridge
  touch "$ENGINE/silent"
  run pen prune -y
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "docker does not answer"
  assert_contains "$output" "the rules of $LOST stay in force: docker does not say"
  [[ -e $RULES/$LOST ]] || fail "the rules are gone"
  rm "$ENGINE/silent"
  run pen prune -y
  assert_eq 0 "$status" "$output"
  [[ ! -s $ENGINE/containers && ! -s $ENGINE/networks && ! -e $RULES/$LOST ]] || fail "$output"
  # An engine that is not in use is no fault by itself, nor where the bridge has gone.
  ip link del pen0
  printf 'loaded\n' >"$RULES/$LOST"
  touch "$ENGINE/silent"
  run pen prune -y
  assert_eq 0 "$status" "$output"
  [[ ! -e $RULES/$LOST ]] || fail "the rules stay"
}

@test "P8: prune asks before it removes what another HOME may have" {
  play_lost
  run pen prune </dev/null
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "container $LOST-container, network $LOST-network"
  assert_contains "$output" "the rules of $LOST stay in force: the network $LOST-network is there"
  [[ -s $ENGINE/containers && -s $ENGINE/networks && -e $RULES/$LOST ]] || fail "$output"
  # What this HOME knows is neither asked about nor touched.
  : >"$ENGINE/containers"
  : >"$ENGINE/networks"
  play_sandbox
  printf 'loaded\n' >"$RULES/${DIR##*/}"
  # Of another user's rules root is told, but not of what is behind them.
  printf 'loaded\n' >"$RULES/pen-user-$((UID + 1))-project-other-123456"
  run pen prune </dev/null
  assert_eq 0 "$status" "$output"
  assert_eq "withdrew the rules of $LOST" "$output"
  [[ -s $ENGINE/containers && -e $RULES/${DIR##*/} && ! -e $RULES/$LOST ]]
  [[ -e $RULES/pen-user-$((UID + 1))-project-other-123456 ]] || fail "another user's rules are gone"
}

@test "P8: the guard watches on, and shuts the sandbox, where it cannot write" {
  play_sandbox
  name=${DIR##*/}
  printf 'loaded\n' >"$RULES/$name"
  guard_box "$DIR/run"
  has_looked
  # Neither its proxy nor its lock is to be seen any more.
  mv "$DIR" "$LAB/gone"
  has_looked
  has_looked
  touch "$ENGINE/broken"
  rm "$RULES/$name"
  eventually 20 grep -qx "pause $name-container" "$ENGINE/calls"
  kill -0 "$GUARD"
}

@test "P8: the rules of a sandbox that cannot be paused are loaded again as soon as they can be" {
  play_sandbox
  touch "$ENGINE/silent" "$ENGINE/broken"
  guard_box "$DIR/run"
  wait_for 'IT RUNS ON' "$LAB/guard.txt"
  assert_contains "$(<"$DIR/run/paused")" "the firewall cannot be brought back"
  rm "$ENGINE/broken"
  eventually 20 [ -e "$RULES/${DIR##*/}" ]
}

@test "P8: a proxy that a one-shot run's guard starts again has the rules of --allow" {
  play_sandbox
  play_box "$DIR/run/one.aaaaaa" "$LOST"
  printf '127.0.0.1:8765\n' >"$DIR/run/one.aaaaaa/proxy"
  printf 'example.test:80\n' >"$DIR/run/one.aaaaaa/option-rules.txt"
  mkdir -p "$HOME/.pen/run/$(printf %s "$LOST" | sha1sum | cut -c 1-10)"
  printf 'loaded\n' >"$RULES/$LOST"
  guard_box "$DIR/run/one.aaaaaa"
  printf '999999 1\n' >"$DIR/run/one.aaaaaa/proxy.id"
  wait_for 'started the proxy again' "$LAB/guard.txt"
  assert_eq 200 "$(curl -s -o "$LAB/answer" -w '%{http_code}' -x http://127.0.0.1:8765 http://example.test/)"
  kill "$(<"$DIR/run/one.aaaaaa/proxy.pid")"
  eventually 20 no_process_left
}

@test "P8: the guard of a one-shot run whose pen was killed waits for an engine that is silent" {
  play_sandbox
  play_box "$DIR/run/one.aaaaaa" "$LOST"
  printf '999999 1\n' >"$DIR/run/one.aaaaaa/pid"
  printf 'loaded\n' >"$RULES/$LOST"
  touch "$ENGINE/silent"
  guard_box "$DIR/run/one.aaaaaa"
  has_looked
  # Until then it sees that the bridge is shut.
  rm "$RULES/$LOST"
  eventually 20 [ -e "$RULES/$LOST" ]
  rm "$ENGINE/silent"
  eventually 20 [ ! -e "$DIR/run/one.aaaaaa" ]
  assert_eq "${DIR##*/}-container" "$(<"$ENGINE/containers")"
  [[ ! -e $RULES/$LOST ]]
  wait "$GUARD"
}

@test "a lock that cannot be made is said at once" {
  pen init
  DIR=$(sandbox_dir)
  # As where the disk is full, no link can be made, nor is there one.
  mkdir -p "$DIR/run"
  : >"$DIR/run/policy.lock"
  run pen allow example.org:443
  assert_eq 1 "$status" "$output"
  assert_eq "pen: cannot write in $DIR/run" "$output"
}

@test "P8: prune fails where it cannot take down what a killed one-shot run has left" {
  play_sandbox
  play_box "$DIR/run/one.aaaaaa" "$LOST"
  for folder in "$DIR/run" "$DIR/run/one.aaaaaa"; do
    printf '999999 1\n' >"$folder/pid"
  done
  touch "$ENGINE/silent"
  run pen prune -y
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "could not take all of a one-shot run of ${DIR##*/} down"
  rm "$ENGINE/silent"
  run pen prune -y
  assert_eq 0 "$status" "$output"
  assert_eq "${DIR##*/}-container" "$(<"$ENGINE/containers")"
}

@test "P8: stop withdraws no rules where another engine has the sandbox" {
  [[ $EUID == 0 && -n ${LAB_NETNS:-} ]] || skip "needs root, to make a bridge"
  local bridge=""
  play_sandbox
  printf 'loaded\n' >"$RULES/${DIR##*/}"
  bridge=pen-$(printf %s "${DIR##*/}" | sha1sum | cut -c 1-10)
  ip link add "$bridge" type bridge
  # As with another DOCKER_HOST.
  : >"$ENGINE/containers"
  : >"$ENGINE/networks"
  sleep 600 3>&- &
  PLAYED=$!
  identity "$PLAYED" >"$DIR/run/pid"
  for words in stop 'rm -y'; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 1 "$status" "$output"
    assert_contains "$output" "the rules of ${DIR##*/} stay loaded: its bridge $bridge is there, of which docker does not know"
    [[ -e $RULES/${DIR##*/} && -s $DIR/run/box ]] || fail "withdrawn: $output"
  done
  ip link del "$bridge"
  pen stop
  [[ ! -e $RULES/${DIR##*/} && ! -e $DIR/run/box ]]
  kill "$PLAYED"
}

@test "rm --volumes fails where the engine does not tell of them" {
  play_sandbox
  printf '%s-data\n' "${DIR##*/}" >"$ENGINE/volumes"
  # It tells of all else.
  touch "$ENGINE/mute"
  run pen rm --volumes -y
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "could not remove all that docker keeps"
  [[ -d $DIR ]] || fail "$DIR is gone"
  rm "$ENGINE/mute"
  run pen rm --volumes -y
  assert_eq 0 "$status" "$output"
  [[ ! -s $ENGINE/volumes && ! -e $DIR ]] || fail "$(<"$ENGINE/volumes")"
}

@test "prune leaves the shared folder of a sandbox that starts meanwhile alone" {
  play_sandbox
  SHARED=$HOME/.pen/run/$(printf %s "$LOST" | sha1sum | cut -c 1-10)
  mkdir -p "$HOME/.pen/run/0123456789"
  # While the first box is looked at, another pen starts one.
  sha1sum() {
    mkdir -p "$DIR/run/one.aaaaaa" "$SHARED"
    printf 'docker %s socket\n' "$LOST" >"$DIR/run/one.aaaaaa/box"
    command sha1sum
  }
  export -f sha1sum
  export SHARED DIR
  run pen prune -y
  assert_eq 0 "$status" "$output"
  [[ -d $SHARED ]] || fail "gone: $output"
  [[ ! -e $HOME/.pen/run/0123456789 ]]
}

@test "P17: pen allow --network and deny --network reach the sandbox and its one-shot runs" {
  play_sandbox
  play_box "$DIR/run/one.aaaaaa" "$LOST"
  play_box "$DIR/run/one.bbbbbb" "$LOST-dead"
  printf '%s\n' "999999 1" >"$DIR/run/one.bbbbbb/pid"
  printf '192.0.2.77:8099\n' >"$DIR/run/one.aaaaaa/proxy"
  pen allow --network 192.0.2.9:22
  assert_eq "load ${DIR##*/} --gateway 192.0.2.1 --proxy-port 8080 192.0.2.9:22" "$(xargs <"$RULES/${DIR##*/}")"
  assert_eq "load $LOST --gateway 192.0.2.77 --proxy-port 8099 192.0.2.9:22" "$(xargs <"$RULES/$LOST")"
  [[ ! -e $RULES/$LOST-dead ]] || fail "rules for a run that ended"
  # A run's own, where no sandbox is up.
  rm "$DIR/run/pid" "$RULES/${DIR##*/}"
  pen deny --network 192.0.2.9:22
  assert_eq "load $LOST --gateway 192.0.2.77 --proxy-port 8099" "$(xargs <"$RULES/$LOST")"
  [[ ! -e $RULES/${DIR##*/} ]] || fail "rules for a sandbox that is down"
}

@test "P17: a network rule is denied also where the guard, or the pen of a one-shot run, was killed" {
  play_sandbox
  play_box "$DIR/run/one.aaaaaa" "$LOST"
  pen allow --network 192.0.2.9:22
  for folder in "$DIR/run" "$DIR/run/one.aaaaaa"; do
    printf '999999 1\n' >"$folder/pid"
  done
  pen deny --network 192.0.2.9:22
  assert_eq "load ${DIR##*/} --gateway 192.0.2.1 --proxy-port 8080" "$(xargs <"$RULES/${DIR##*/}")"
  assert_eq "load $LOST --gateway 192.0.2.1 --proxy-port 8080" "$(xargs <"$RULES/$LOST")"
}

@test "P17: a list that changes while it is loaded is loaded again" {
  play_sandbox
  pen allow --network 192.0.2.9:22
  # Another pen denies it while this one loads both rules.
  printf '%s/network-allowlist.txt\n' "$DIR" >"$ENGINE/list"
  printf '192.0.2.8:22\n' >"$ENGINE/meanwhile"
  pen allow --network 192.0.2.8:22
  assert_eq "load ${DIR##*/} --gateway 192.0.2.1 --proxy-port 8080 192.0.2.8:22" "$(xargs <"$RULES/${DIR##*/}")"
  # The last rule goes.
  : >"$ENGINE/meanwhile"
  pen allow --network 192.0.2.7:22
  assert_eq "load ${DIR##*/} --gateway 192.0.2.1 --proxy-port 8080" "$(xargs <"$RULES/${DIR##*/}")"
}

@test "pen shell: not the host's shell in a container, but one that is there" {
  play_sandbox
  # A program of the host's that is no shell plays one that the image lacks.
  SHELL=/bin/false run pen shell <<<'echo "$0 in the shell"; exit 5'
  assert_eq 5 "$status" "$output"
  assert_eq "/bin/bash in the shell" "$output"
  # The sandbox's own choice counts, unless there is no such thing.
  run pen shell -e SHELL=/bin/sh <<<'echo "$0"'
  assert_eq /bin/sh "$output"
  for own in /no/such/shell /usr/sbin/nologin "$LAB"; do
    run pen shell -e "SHELL=$own" <<<'echo "$0"'
    assert_eq "0 /bin/bash" "$status $output"
  done
}

@test "exec and shell refuse -e without a value, which an engine would take from the host" {
  play_sandbox
  export HOST_SECRET=hidden
  : >"$ENGINE/calls"
  for option in HOST_SECRET 'HOST_*' =x ''; do
    for name in -e --env; do
      run pen exec "$name" "$option" -- true
      assert_eq 2 "$status" "status of pen exec $name '$option'"
      assert_eq "pen: $name: '$option' is not NAME=VALUE" "$output"
      run pen shell "$name" "$option" </dev/null
      assert_eq 2 "$status" "status of pen shell $name '$option'"
      assert_eq "pen: $name: '$option' is not NAME=VALUE" "$output"
    done
  done
  [[ ! -s $ENGINE/calls ]] || fail "asked of the engine: $(<"$ENGINE/calls")"
  assert_eq "x=y" "$(pen exec -e 'A=x=y' -- sh -c 'echo "$A"')"
  assert_eq "" "$(pen exec -e A= -- sh -c 'echo "$A"')"
}

@test "F2: statistics name a signal only for a status that one can have" {
  cat >"$LAB/write-stats" <<'END'
. "$1/penctl/commands/lib/all.sh"
. "$pen_lib/containers-exec.sh"
tool_stats() { return 1; }
box_container=none box_dir=$2 exec_stats=$2/stats
exec_write_stats 1 "$3"
END
  for pair in 0:null 1:null 128:null 137:9 143:15 192:64 193:null 200:null 255:null; do
    bash "$LAB/write-stats" "$LAB_ROOT" "$LAB" "${pair%:*}"
    assert_eq "$pair" "$(jq -r '"\(.exit_code):\(.signal)"' "$LAB/stats")"
  done
}
