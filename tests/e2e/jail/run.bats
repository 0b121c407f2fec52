#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# run.bats - pen-jail run: streams, exit status, environment, folders

# shellcheck disable=SC2154 # stderr is set by run --separate-stderr

load common
bats_require_minimum_version 1.5.0

@test "passes arguments, streams and the exit status through" {
  for user in $(jail_users); do
    own_by "$user"
    run --separate-stderr jail run -- sh -c 'echo "$2"; echo err >&2; exit 7' x 'a b' 'c  d'
    [[ $status == 7 && $output == 'c  d' && $stderr == err ]]
    run jail run -- cat <<<"through a pipe"
    [[ $status == 0 && $output == "through a pipe" ]]
  done
}

@test "says 126 for what cannot be executed and 127 for what is not there" {
  run jail run -- /etc/passwd
  [[ $status == 126 && $output == "pen-jail: /etc/passwd: cannot be started: "* ]]
  run -127 jail run -- no-such-command
  [[ $output == "pen-jail: no-such-command: not found in the sandbox" ]]
}

@test "says 128 and the signal for a command that a signal ended" {
  run jail run -- sh -c 'kill -SEGV $$'
  [[ $status == 139 ]]
}

@test "carries a file to stdin and stdout, and never the file itself" {
  seq 1 200000 >"$LAB/project/in"
  jail run -- cat <"$LAB/project/in" >"$LAB/project/out"
  cmp "$LAB/project/in" "$LAB/project/out"
  run jail run -- stat -L -c %F /proc/self/fd/0 <"$LAB/project/in"
  [[ $output == fifo ]]
}

@test "refuses a folder as a stream" {
  run jail run -- ls -l /proc/self/fd/0 <"$LAB/outside"
  [[ $status == 125 && $output == *"descriptor 0 is a folder"* ]]
}

@test "a reader that stops ends the writer" {
  run timeout 20 bash -c '"$1" run -- yes | head -n 1; echo "${PIPESTATUS[0]}"' - "$PEN_JAIL"
  [[ ${lines[0]} == y && ${lines[1]} == 141 ]]
  run timeout 20 bash -c '"$1" run --stats "$2" -- yes | head -n 1; echo "${PIPESTATUS[0]}"' - "$PEN_JAIL" "$LAB/stats"
  [[ ${lines[0]} == y && ${lines[1]} == 141 ]]
}

@test "works with closed descriptors" {
  run bash -c '"$1" run -- sh -c "exit 3" <&- >&- 2>&-' - "$PEN_JAIL"
  [[ $status == 3 ]]
}

@test "the project is at its own path, read-write, and the only thing kept" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run -- sh -c 'pwd; echo kept >kept; echo lost >"$HOME/lost"; echo lost >/tmp/lost'
    [[ $status == 0 && $output == "$LAB/project" ]]
    [[ $(<"$LAB/project/kept") == kept && ! -e $HOME/lost && ! -e /tmp/lost ]]
    rm -f "$LAB/project/kept"
  done
}

@test "F7: --read-only leaves no place but the private ones to write" {
  for user in $(jail_users); do
    own_by "$user"
    run jail run --read-only -- sh -c 'for d in . / /usr /etc /dev /var /opt "$HOME" /tmp /var/tmp /run /dev/shm; do
      if touch "$d/x" 2>/dev/null; then printf "%s " "$d"; fi; done'
    [[ $output == *"$HOME /tmp /var/tmp "* ]]
    [[ ! $output =~ (^|\ )(\.|/|/usr|/etc|/dev|/var|/opt)\  ]]
    [[ ! -e $LAB/project/x ]]
  done
}

@test "the environment is built from nothing" {
  export AWS_SECRET_ACCESS_KEY=secret SSH_AUTH_SOCK=/x DBUS_SESSION_BUS_ADDRESS=y
  run jail run -e A=1 --env "B=two words" -- env
  [[ $status == 0 && $output != *secret* && $output != *SSH_AUTH* && $output != *DBUS* ]]
  for entry in A=1 "B=two words" PEN_SANDBOX=1 "HOME=$HOME" \
    http_proxy=http://127.0.0.1:3128 HTTPS_PROXY=http://127.0.0.1:3128 \
    all_proxy=socks5h://127.0.0.1:3128 no_proxy=localhost,127.0.0.1,::1; do
    [[ $'\n'$output$'\n' == *$'\n'"$entry"$'\n'* ]] || fail "missing: $entry"
  done
}

@test "F7: --no-network has loopback alone, no proxy and no proxy variables" {
  run jail run --no-network -- sh -c 'env; ip -o addr show | grep -v " lo "; ip route; ss -Hltun'
  [[ $status == 0 && $output != *proxy* && $output != *3128* && $output != *PROXY* ]]
}

@test "lo is the only interface, and resolv.conf names the sandbox" {
  run jail run -- sh -c 'ip -o link; cat /etc/resolv.conf'
  [[ ${#lines[@]} == 2 && ${lines[0]} == "1: lo: "* && ${lines[1]} == "nameserver 127.0.0.1" ]]
}

@test "loopback inside stays loopback: a server and its client" {
  run in_jail "$PYTHON" -SE "$JAIL_TESTS/loopback.py"
  [[ $status == 0 && $output == "127.0.0.1 hello ::1 hello" ]]
}

@test "N1: connections to any address are captured, with their target" {
  command -v curl >/dev/null || skip "curl is not installed"
  for user in $(jail_users); do
    own_by "$user"
    run jail run -- curl -s --noproxy '*' --max-time 5 http://192.0.2.1:81/
    [[ $output == "transparent 192.0.2.1:81" ]]
    run jail run -- curl -s --noproxy '*' --max-time 5 'http://[2001:db8::1]:82/'
    [[ $output == "transparent [2001:db8::1]:82" ]]
    run jail run -- curl -s --max-time 5 http://192.0.2.1:81/
    [[ $output == "listen 127.0.0.1:3128" || $output == "listen none" ]]
  done
}

@test "N1: the redirect rules are what nft reads back" {
  command -v nft >/dev/null || skip "nft is not installed"
  jail_start
  run nsenter -t "$(child_of "$SANDBOX_PID" bwrap)" -U -n --preserve-credentials nft list ruleset
  [[ $status == 0 ]]
  [[ $output == *"type nat hook output priority"* ]]
  [[ $output == *"ip daddr != 127.0.0.0/8 tcp dport != 53 redirect to :3129"* ]]
  [[ $output == *"ip6 daddr != ::1 tcp dport != 53 redirect to :3129"* ]]
}

@test "mounts: read-write, read-only, a file, and refusals" {
  printf 'x\n' >"$LAB/outside/file"
  run jail run --mount "$LAB/outside:/data" -- sh -c 'echo y >/data/new; cat /data/file'
  [[ $status == 0 && $output == x && $(<"$LAB/outside/new") == y ]]
  run jail run --mount "$LAB/outside:/data:ro" -- sh -c 'echo z >/data/new'
  [[ $status != 0 && $(<"$LAB/outside/new") == y ]]
  run jail run --mount "$LAB/outside/file:/a/b/c:ro" -- cat /a/b/c
  [[ $output == x ]]
}

@test "N4: refuses a project or mount that gives everything away" {
  mkdir -p "$HOME/.pen/sandboxes" "$LAB/project/sub"
  ln -s "$HOME/.ssh" "$LAB/project/link"
  "$PYTHON" -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$LAB/var/s"
  local path
  for path in / /usr /etc /home /proc /dev "$HOME" "$LAB" "$HOME/.pen" "$HOME/.pen/sandboxes"; do
    run jail run --project "$path" -- true
    [[ $status == 125 && ${#lines[@]} == 1 && $output == "pen-jail: project "* ]] || fail "$path: $output"
  done
  for path in / "$HOME" "$LAB" "$HOME/.pen/sandboxes" /run /proc /dev/null "$LAB/var/s" "$LAB/project/link" /nonexistent; do
    run jail run --mount "$path:/data" -- true
    [[ $status == 125 && ${#lines[@]} == 1 && $output == "pen-jail: mount "* ]] || fail "$path: $output"
  done
  for path in / /proc/x /dev /run/pen/jail "$LAB/project" "$LAB/project/link/x" /a/../b; do
    run jail run --mount "$LAB/outside:$path" -- true
    [[ $status == 125 && ${#lines[@]} == 1 && $output == "pen-jail: mount target "* ]] || fail "$path: $output"
  done
}

@test "a home folder that is a system folder hides nothing" {
  local home
  for home in / /usr/sbin /etc /proc /run /tmp /nonexistent; do
    HOME=$home run jail run -- sh -c 'echo "$HOME"; test -w "$HOME" && test -x /usr/bin/env'
    [[ $status == 0 && ($output == /home/user || $output == "$home") ]] || fail "$home: $output"
  done
}

@test "nothing that the caller has open is open inside or in the proxy" {
  run bash -c 'exec 7</etc/passwd 8</; "$1" run -- ls /proc/self/fd' - "$PEN_JAIL"
  [[ $output == $'0\n1\n2\n3' ]] || fail "$output"
  exec 17</etc/passwd
  jail_start
  exec 17<&-
  run bash -c 'readlink /proc/"$1"/fd/* /proc/"$2"/fd/*' - "$(child_of "$SANDBOX_PID" stub_proxy.py)" \
    "$(child_of "$SANDBOX_PID" bwrap)"
  [[ $output == *socket* && $output != */etc/passwd* ]] || fail "$output"
}

@test "N4: what steers the sandbox is not where it could reach it" {
  printf '\n' >"$LAB/project/config"
  printf '\n' >"$LAB/outside/config"
  cd /
  local words
  for words in "--proxy-config $LAB/project/config" "--proxy-config $LAB/outside/config"; do
    # shellcheck disable=SC2086 # split on purpose
    run jail run --project "$LAB/project" --mount "$LAB/outside:/data:ro" $words -- true
    [[ $status == 125 && $output == *"is in the project or a mount"* ]] || fail "$words: $output"
  done
  run jail start --project "$LAB/project" --control "$LAB/project/new.sock"
  [[ $status == 125 && $output == *"is in the project or a mount"* ]]
  cd "$LAB/project"
  run jail start --control new.sock
  [[ $status == 125 && $output == *"is in the project or a mount"* ]]
  run jail run --proxy-config "$LAB/outside/config" -- true
  [[ $status == 0 ]]
}

@test "a project inside the home folder hides the rest of it" {
  mkdir -p "$HOME/work/p"
  for user in $(jail_users); do
    own_by "$user"
    run jail run --project "$HOME/work/p" -- sh -c 'touch f; ls -A "$HOME" "$HOME/work"'
    [[ $status == 0 && $output != *ssh* && -e $HOME/work/p/f ]]
    rm -f "$HOME/work/p/f"
  done
}

@test "wrong usage is 2 and says how" {
  local args
  for args in "" "frob" "run" "run --frob x" "run --timeout 5 x" "run --memory 5x x" \
    "run --cpus 0 x" "run --pids -1 x" "run --mount /a x" "run -e 1=2 x" "run --workdir rel x" \
    "exec x" "start" "start --control s x" "stop" "run --control s x" \
    "run --no-network --proxy-config f x" "check x"; do
    # shellcheck disable=SC2086 # split on purpose
    run jail $args
    [[ $status == 2 && $output == *"usage: pen-jail"* ]] || fail "$args: $status $output"
  done
}

@test "F2: --stats never tells less time than the command took, on a busy machine as well" {
  local i jobs=()
  for ((i = 0; i < 24; i++)); do
    (jail run --no-network --stats "$LAB/stats.$i" -- sleep 0.05) 3>&- &
    jobs+=($!)
  done
  for i in "${jobs[@]}"; do
    wait "$i" || fail "a run failed"
  done
  run jq -s 'length, ([.[] | select(.duration_ms < 50) | .duration_ms])' -c "$LAB"/stats.*
  [[ ${lines[*]} == "24 []" ]] || fail "slept 50 ms in: ${lines[*]}"
}

@test "F2: --stats counts bytes, time and how it ended" {
  run --separate-stderr jail run --stats "$LAB/var/stats" -- sh -c 'printf 12345; printf 123 >&2; sleep 0.2; exit 4'
  [[ $status == 4 && $output == 12345 && $stderr == 123 ]]
  run jq -r '.stdout_bytes, .stderr_bytes, .exit_code, .signal, .timed_out, .oom_killed, .limits, .capture,
    (.duration_ms >= 200 and .duration_ms < 5000), (.peak_memory_bytes > 100000), (.cpu_ms >= 0)' "$LAB/var/stats"
  [[ ${lines[*]} == "5 3 4 null false false none true true true true" ]] || fail "${lines[*]}"
  run jail run --stats "$LAB/var/stats" -- sh -c 'kill -9 $$'
  run jq -r '.exit_code, .signal' "$LAB/var/stats"
  [[ ${lines[*]} == "137 9" ]]
  [[ $(echo "$LAB"/var/*) == "$LAB/var/stats" ]]
}

@test "F3: output is streamed as it comes, also when it is counted" {
  run "$PYTHON" -SE "$JAIL_TESTS/streamed.py" "$PEN_JAIL" run --stats "$LAB/var/stats"
  [[ $status == 0 ]] || fail "$output"
}

@test "a terminal works: size, job control, Ctrl-C" {
  run in_terminal "$PEN_JAIL" run -- sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'
  [[ $status == 0 && $output == */dev/pts/0*all* ]]
  run "$PYTHON" -SE "$JAIL_TESTS/terminal.py" "$PEN_JAIL" run
  [[ $status == 0 ]] || fail "$output"
}

@test "signals reach the command" {
  local number
  for number in INT TERM HUP QUIT USR1 USR2; do
    run timeout 20 "$PYTHON" -SE "$JAIL_TESTS/signalled.py" "$number" "$PEN_JAIL" run
    [[ ${output##*$'\n'} == "got $number, exit 42" ]] || fail "$output"
  done
}

@test "the proxy's failure is the sandbox's, and the command does not run" {
  printf 'fail\n' >"$LAB/var/config"
  run jail run --proxy-config "$LAB/var/config" -- touch ran
  [[ $status == 125 && $output == *"stub: no such policy"* && ! -e ran ]]
  run jail run --proxy /nonexistent -- touch ran
  [[ $status == 125 && $output == "pen-jail: /nonexistent: "* && ! -e ran ]]
}

@test "--proxy-ready-file has the proxy's lines while the sandbox runs" {
  jail_start --proxy-ready-file "$LAB/var/ready"
  run cat "$LAB/var/ready"
  [[ ${lines[0]} == "listen 127.0.0.1:3128" && ${#lines[@]} == 4 ]]
  jail stop --control "$CONTROL"
  [[ ! -e $LAB/var/ready ]]
}

@test "check says what is there, as text and as JSON" {
  run jail check
  [[ $status == 0 && $output == *"ok       userns"* && $output == *"ok       bwrap"* ]]
  run bash -c '"$1" check --json | jq -r ".[] | select(.needed) | .ok"' - "$PEN_JAIL"
  [[ $output == $'true\ntrue\ntrue\ntrue\ntrue' ]]
  run jail check --proxy /nonexistent
  [[ $status == 125 && $output == *"MISSING  proxy"* ]]
}

@test "N4: forbidden user namespaces are named with the setting" {
  # A namespace of its own, in which no further one may be made.
  run timeout 20 unshare -Urm bash -c '
    echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - "$PEN_JAIL" run -- true
  [[ $status == 125 && $output == *"user.max_user_namespaces=0"*"sysctl -w"* ]] || fail "$output"
}

@test "N4: a missing bubblewrap is named with its package" {
  command -v bwrap >/dev/null || skip "bubblewrap is not installed"
  run with_bwrap /etc/passwd "$PEN_JAIL" run -- true
  [[ $status == 125 && $output == *"apt-get install bubblewrap"* ]] || fail "$output"
}

# with_bwrap FILE CMD... - run CMD where bubblewrap is FILE
with_bwrap() {
  # shellcheck disable=SC2016 # for bash -c
  timeout 60 unshare -Urm bash -c '
    for f in /usr/bin/bwrap /bin/bwrap /usr/local/bin/bwrap; do
      if [[ -e $f ]]; then mount --bind "$0" "$f" || exit 99; fi
    done; exec "$@"' "$@"
}

@test "N4: a bubblewrap that is too old is told by run and check" {
  command -v bwrap >/dev/null || skip "bubblewrap is not installed"
  printf '#!/bin/sh\necho "bwrap: Unknown option --add-seccomp-fd" >&2\nexit 1\n' >"$LAB/old"
  chmod +x "$LAB/old"
  run with_bwrap "$LAB/old" "$PEN_JAIL" run -- true
  [[ $status == 125 && $output == *"0.7 or newer"* ]] || fail "$output"
  run with_bwrap "$LAB/old" "$PEN_JAIL" check
  [[ $status == 125 && $output == *"MISSING  sandbox    this bubblewrap is too old; 0.7 or newer"* ]] || fail "$output"
}

@test "N4: check finds what only the start of a sandbox shows" {
  run timeout 60 unshare -Urnmpf --mount-proc sh -c 'mount -t tmpfs none /proc/driver && exec "$@"' - \
    "$PEN_JAIL" check
  [[ $status == 125 && $output == *"MISSING  sandbox "*"systempaths=unconfined"* ]] || fail "$output"
  # One user namespace, and then no further one.
  # shellcheck disable=SC2016 # for bash -c
  run timeout 60 unshare -Urm bash -c 'echo 1 >/proc/sys/user/max_user_namespaces && exec "$@"' - "$PEN_JAIL" check
  [[ $status == 125 && $output == *"ok       userns"*"MISSING  sandbox "*"user.max_user_namespaces"* ]] || fail "$output"
  run -0 jail check
  [[ $output == *"ok       sandbox    starts and ends"* ]]
  run compgen -G "/tmp/pen-check.*"
  [[ -z $output ]]
}

@test "N8: works inside other namespaces, and says why it cannot with a covered /proc" {
  run timeout 20 unshare -Urnmpf --mount-proc "$PEN_JAIL" run -- sh -c 'ls -d /proc/[0-9]* | wc -l'
  [[ $status == 0 ]] && ((output < 8))
  run timeout 20 unshare -Urnmpf --mount-proc sh -c 'mount -t tmpfs none /proc/driver && exec "$@"' - \
    "$PEN_JAIL" run -- true
  [[ $status == 125 && $output == *"systempaths=unconfined"* ]] || fail "$output"
}
