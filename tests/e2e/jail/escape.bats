#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# escape.bats - ways out of the sandbox: each works outside and none inside

load common
bats_require_minimum_version 1.5.0
# The "host" of these tests: addresses and servers of this file alone.
lab_netns

readonly TOKEN=token-of-the-host

# own_terminals - pseudo-terminals in the /dev of this file's namespace
own_terminals() {
  [[ $EUID == 0 && $(findmnt -no SOURCE /dev | tail -n 1) == lab* ]] || return 0
  mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts || return 1
  ! findmnt /dev/ptmx >/dev/null || umount /dev/ptmx || return 1
  ln -sf pts/ptmx /dev/ptmx
}

setup_file() {
  export LAB=$BATS_FILE_TMPDIR LURES=$BATS_FILE_TMPDIR/lures
  chmod o+x "$BATS_RUN_TMPDIR"
  mkdir "$LURES"
  printf '%s' "$TOKEN" >"$LURES/token"
  own_terminals
  ip addr add 169.254.169.254/32 dev lo
  lab_start lures --ready-fd "$PYTHON" -SE "$JAIL_TESTS/lures.py" "$LURES"
}

teardown_file() {
  lab_stop_all "$BATS_FILE_TMPDIR"
}

# outside KIND ARG... - it works on the host: what follows proves something
outside() {
  run host timeout 20 "$PYTHON" -SE "$JAIL_TESTS/attempt.py" "$@"
  [[ $status == 0 && ${output##*$'\n'} == reached ]] || fail "outside, as $JAIL_AS: $*: $output"
}

# inside KIND ARG... - it does not work in the sandbox
inside() {
  run in_jail "$PYTHON" -SE "$JAIL_TESTS/attempt.py" "$@"
  [[ $status == 1 && ${output##*$'\n'} == refused:* ]] || fail "inside, as $JAIL_AS: $*: $status $output"
}

# works_inside KIND ARG... - it is allowed in the sandbox
works_inside() {
  run in_jail "$PYTHON" -SE "$JAIL_TESTS/attempt.py" "$@"
  [[ $status == 0 && ${output##*$'\n'} == reached ]] || fail "inside, as $JAIL_AS: $*: $output"
}

# no_way KIND ARG... - outside it works, inside it does not, for every user
no_way() {
  local user
  for user in $(jail_users); do
    own_by "$user"
    outside "$@"
    inside "$@"
  done
}

only_x86() {
  [[ $(uname -m) == x86_64 ]] || skip "system call numbers of x86-64"
}

@test "N1 N9: TCP to an IP address, IPv4, IPv6 and link-local" {
  no_way tcp 45.45.45.10 7001 "$TOKEN"
  no_way tcp 2a00:45:45::10 7001 "$TOKEN"
  no_way tcp 169.254.169.254 7001 "$TOKEN"
}

@test "N1 N9: UDP to an IP address, and DNS to a server of one's choice" {
  no_way udp 45.45.45.10 7002 "$TOKEN"
  no_way udp 2a00:45:45::10 7002 "$TOKEN"
  no_way udp 45.45.45.53 53 "$TOKEN"
}

@test "N9: servers on the host's loopback" {
  no_way tcp 127.0.0.1 7001 "$TOKEN"
  no_way tcp ::1 7001 "$TOKEN"
  no_way udp 127.0.0.1 7002 "$TOKEN"
}

@test "N9: Unix sockets of the host: abstract, Docker, agent, bus" {
  no_way abstract "$LURES/abstract" "$TOKEN"
  no_way unix "$LURES/docker.sock" "$TOKEN"
  no_way unix "$LURES/agent.sock" "$TOKEN"
  no_way unix "$LURES/bus.sock" "$TOKEN"
}

@test "N9: the places where such sockets are on a host are empty" {
  run jail run -- sh -c 'ls -A /run /var/run/ /tmp | grep -v -e "^/" -e "^pen$" -e "^$" -e "^bats-run"'
  [[ -z $output ]] || fail "$output"
}

@test "N9: the control socket of a sandbox, and descriptors through it" {
  for user in $(jail_users); do
    own_by "$user"
    jail_start
    outside packet "$CONTROL"
    outside pass_fd "$CONTROL"
    inside packet "$CONTROL"
    inside pass_fd "$CONTROL"
    run jail_exec "$PYTHON" -SE -c 'import os; print(os.path.exists("'"$CONTROL"'"))'
    [[ $output == False ]]
    jail stop --control "$CONTROL"
  done
}

@test "N9: files of the home folder and beside the project" {
  for user in $(jail_users); do
    own_by "$user"
    printf '%s' "$TOKEN" >"$LAB/outside/file"
    outside read "$HOME/.ssh/id" secret
    inside read "$HOME/.ssh/id" secret
    outside read "$LAB/outside/file" "$TOKEN"
    inside read "$LAB/outside/file" "$TOKEN"
    outside write "$LAB/outside/file"
    inside write "$LAB/outside/file"
    outside create "$LAB/outside/new-$user"
    inside create "$LAB/outside/new-inside-$user"
    [[ ! -e $LAB/outside/new-inside-$user ]]
  done
}

@test "N9: the way up from the project through .." {
  ln -s ../outside "$LAB/project/up"
  printf '%s' "$TOKEN" >"$LAB/outside/file"
  no_way read "$LAB/project/up/file" "$TOKEN"
  no_way read "$LAB/project/../outside/file" "$TOKEN"
}

@test "N9: a file that stands on standard input" {
  for user in $(jail_users); do
    own_by "$user"
    printf 'old\n' >"$LAB/outside/in"
    [[ $user == self ]] || chown "$JAIL_USER" "$LAB/outside/in"
    host timeout 20 "$PYTHON" -SE "$JAIL_TESTS/attempt.py" stdin_reopened <"$LAB/outside/in"
    [[ $(<"$LAB/outside/in") == changed ]]
    printf 'old\n' >"$LAB/outside/in"
    run in_jail "$PYTHON" -SE "$JAIL_TESTS/attempt.py" stdin_reopened <"$LAB/outside/in"
    [[ $(<"$LAB/outside/in") == old ]]
  done
}

@test "N1 N9: a socket of the host on standard input, output or error" {
  # With a bare socket the command can connect it anew, in the host's network.
  for user in $(jail_users); do
    own_by "$user"
    exec 8<>/dev/tcp/45.45.45.10/7001
    outside reconnect 0 45.45.45.10 7001 "$TOKEN" <&8
    exec 8<>/dev/tcp/45.45.45.10/7001
    inside reconnect 0 45.45.45.10 7001 "$TOKEN" <&8
    in_jail sh -c 'for fd in 0 1 2; do [ ! -S /proc/self/fd/$fd ] || exit 7; done' \
      <&8 >&8 2>&8 || fail "as $JAIL_AS: status $?"
    exec 8>&-
  done
}

@test "N9: processes of the host and their environment" {
  SECRET=$TOKEN-env "${HOST[@]}" sleep 100 3>&- &
  printf '%s\n' "$!" >>"$LAB/pids"
  outside environ_of_any "$TOKEN-env"
  inside environ_of_any "$TOKEN-env"
  run jail run -- sh -c 'ls -d /proc/[0-9]* | wc -l'
  ((output <= 6))
}

@test "N9: init cannot be traced, read, opened or ended" {
  only_x86
  local name
  for user in $(jail_users); do
    own_by "$user"
    works_inside ptrace_child
    inside ptrace 1
    works_inside kill_child
    inside kill 1
    for name in mem fd environ maps root cwd exe; do
      works_inside proc_of_child "$name"
      inside proc_of 1 "$name"
    done
    inside proc_of 2 mem
    inside proc_of 2 fd
    inside process_vm_read 1
    inside pidfd_getfd 1
    inside pidfd_getfd_child
  done
  # Root needs no permission of Yama's for its own child; it shows the control.
  JAIL_AS=self
  own_by self
  outside pidfd_getfd_child
}

@test "N8 N9: typing into a terminal (TIOCSTI)" {
  only_x86
  [[ $EUID == 0 ]] || skip "needs root, or the sysctl dev.tty.legacy_tiocsti, outside"
  own_by self
  outside tiocsti
  inside tiocsti
  outside tiocsti 1
  inside tiocsti 1
}

@test "N8 N9: routes, links and rules, also as root of a further namespace" {
  outside as_root_of_a_namespace true
  inside as_root_of_a_namespace true
  local try
  for try in "ip link set lo mtu 1400" "ip link set lo down" "ip addr add 10.0.0.1/8 dev lo" \
    "ip route add 10.0.0.0/8 dev lo" "ip route flush table local"; do
    # shellcheck disable=SC2086 # split on purpose
    run timeout 10 unshare -Urn sh -c "ip link set lo up; $try"
    [[ $status == 0 ]] || fail "outside: $try: $output"
    # shellcheck disable=SC2086
    inside command $try
  done
  command -v nft >/dev/null || skip "nft is not installed"
  run timeout 10 unshare -Urn nft add table inet x
  [[ $status == 0 ]]
  inside command nft add table inet x
  inside command nft flush ruleset
  inside command nft list ruleset
}

@test "N8 N9: namespaces: unshare, clone and setns" {
  only_x86
  no_way clone_namespace
  no_way clone_namespace 1
  no_way unshare 0x10000000
  local flag
  for flag in 0x20000 0x2000000 0x4000000 0x8000000 0x20000000 0x40000000 0x80; do
    run host timeout 10 unshare -Ur "$PYTHON" -SE "$JAIL_TESTS/attempt.py" unshare "$flag"
    [[ $status == 0 ]] || fail "outside: $flag: $output"
    inside unshare "$flag"
  done
  run host timeout 10 unshare -Urn "$PYTHON" -SE "$JAIL_TESTS/attempt.py" nsenter_self net
  [[ $status == 0 ]]
  inside nsenter_self net
  inside nsenter_self user
}

@test "N8: sockets: nothing but Unix, IP and route" {
  only_x86
  local family
  works_inside socket_of 1 1 0
  works_inside socket_of 2 1 0
  works_inside socket_of 10 2 0
  works_inside socket_of 16 3 0
  # AF_NETLINK: netfilter, audit, kobject; also with a bit in the upper half.
  outside socket_of 16 3 12
  for family in "16 3 12" "16 3 9" "16 3 15" "4294967312 3 12" "17 3 0" "17 2 768" \
    "4294967313 3 0" "38 5 0" "40 1 0" "2 3 255" "10 3 58"; do
    # shellcheck disable=SC2086 # split on purpose
    inside socket_of $family
  done
  # RDM, SEQPACKET and DCCP of IP; DCCP, L2TP, SCTP, UDP-Lite, SMC; pairs of
  # TIPC and IP.  The kernel looks for a module before it says no; so not even
  # the question may reach it.
  works_inside socket_of 2 1 6
  works_inside socket_of 2 2050 17
  works_inside socketpair_of 1 1 0
  for family in "2 4 0" "2 524293 0" "10 6 0" "2 6 33" "2 2 115" "2 1 132" "10 1 132" "2 2 136" "2 1 256"; do
    # shellcheck disable=SC2086
    inside socket_of $family
    [[ $output == *"Operation not permitted" ]] || fail "$family: $output"
  done
  for family in "30 1 0" "2 1 0" "16 3 0"; do
    # shellcheck disable=SC2086
    inside socketpair_of $family
    [[ $output == *"Operation not permitted" ]] || fail "$family: $output"
  done
  [[ $EUID == 0 ]] || skip "raw sockets outside need root"
  outside socket_of 17 3 0
  outside socket_of 4294967313 3 0
  outside socket_of 2 3 255
}

@test "N8: system calls that a build does not need" {
  only_x86
  local try
  # bpf, perf_event_open, add_key, keyctl, userfaultfd, io_uring_setup,
  # init_module, mount, open_tree, fsopen, name_to_handle_at, kexec_load,
  # settimeofday, reboot, swapon, pivot_root, modify_ldt, clone3, 499 (none)
  for try in "321 5 0 0" "298 0 0 -1 -1 0" "248 0 0 0 0 0" "250 0 -3 0 0 0" "323 0" \
    "425 1 0" "175 0 0 0" "165 0 0 0 0 0" "428 -100 0 0" "430 0 0" "303 -100 0 0 0 0" \
    "246 0 0 0 0" "164 0 0" "169 0 0 0 0" "167 0 0" "155 0 0" "154 0 0 0" "435 0 0" "499"; do
    # shellcheck disable=SC2086 # split on purpose
    inside syscall $try
  done
  own_by self
  for try in "303 -100 0 0 0 0" "154 0 0 0" "435 0 0" "428 -100 0 0" "250 0 -3 0 0 0"; do
    # shellcheck disable=SC2086
    outside syscall $try
  done
}

@test "N8: personality keeps memory protection" {
  only_x86
  no_way personality 0x400000
  works_inside personality 0
  works_inside personality 0xffffffff
  works_inside personality 0x40000
}

@test "N8: other ABIs of the processor are not left unfiltered" {
  only_x86
  # mov eax,20 (getpid of i386); int 0x80; ret - and getpid of x32 by syscall.
  inside other_abi b814000000cd80c3
  inside other_abi b8270000400f05c3
  works_inside other_abi b8270000000f05c3
  outside other_abi b8270000000f05c3
  # A kernel may have the 32-bit one shut for all (ia32_emulation=0).
  run host timeout 20 "$PYTHON" -SE "$JAIL_TESTS/attempt.py" other_abi b814000000cd80c3
  [[ $output == reached || $output == *"ended by signal 11" ]] || fail "outside: $output"
}

@test "N8 F7: no capabilities, no new privileges, a filter, the caller's IDs" {
  local uid
  for user in $(jail_users); do
    own_by "$user"
    uid=$(host id -u)
    run jail run -- sh -c 'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status | tr -s "\t" " "; id -u; id -G'
    [[ $output == "CapInh: 0000000000000000
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: 0000000000000000
CapAmb: 0000000000000000
NoNewPrivs: 1
Seccomp: 2
$uid
$(host id -g)" ]] || fail "$output"
  done
}

@test "N9: programs with set-user-ID give nothing" {
  for user in $(jail_users); do
    own_by "$user"
    cp /usr/bin/id "$LAB/project/id"
    chmod 4755 "$LAB/project/id"
    run jail run -- "$LAB/project/id" -u
    [[ $output == "$(host id -u)" ]]
    rm "$LAB/project/id"
  done
}

@test "N9: settings of the kernel, for root's own user ID, too" {
  [[ $EUID == 0 ]] || skip "opening them for writing outside needs root"
  own_by self
  local file
  for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/net/ipv4/ip_local_port_range; do
    [[ ! -e $file ]] || { outside write "$file" && inside write "$file"; }
  done
  run jail run -- sh -c 'find /proc -maxdepth 3 -path "/proc/[0-9]*" -prune -o -path /proc/self -prune -o \
    -path /proc/thread-self -prune -o -path /proc/pressure -prune -o -type f -writable -print'
  [[ -z $output ]] || fail "$output"
}

@test "N9: files of /etc that only root may read, when root is the caller" {
  [[ $EUID == 0 ]] || skip "an ordinary user cannot read them anyway"
  own_by self
  outside read /etc/shadow root
  inside read /etc/shadow root
  run jail run -- sh -c 'find /etc -type f ! -perm -o=r -size +0 2>/dev/null'
  [[ -z $output ]] || fail "$output"
  run jail run -- sh -c 'cat /etc/passwd /etc/ssl/openssl.cnf | wc -l'
  ((output > 10))
}

# with_own_etc SCRIPT - run bash -c SCRIPT where /etc is a copy, which it may change
with_own_etc() {
  export -f jail host fail
  export PEN_JAIL
  unshare -m bash -c '
    mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --bind /mnt /etc || exit 99
    HOST=(env); '"$1"
}

@test "N9: a secret that is renamed into /etc while the sandbox runs, root is the caller" {
  [[ $EUID == 0 ]] || skip "an ordinary user cannot read it anyway"
  own_by self
  mkfifo go there
  run -0 with_own_etc '
    jail run -- sh -c "echo up >there; cat go; cat /etc/shadow /etc/later /etc/passwd" >seen &
    read -r up <there
    echo "it is a secret" >/etc/new; chmod 600 /etc/new; cp -a /etc/new /etc/later
    mv /etc/new /etc/shadow
    [[ $(cat /etc/shadow) == *secret ]] || exit 98
    echo go >go
    wait $! || true'
  grep -q root: seen || fail "$(<seen)"
  run -1 grep secret seen
}

@test "N9: a folder that is replaced by a link after it was checked" {
  command -v bwrap >/dev/null || skip "bubblewrap is not installed"
  [[ $EUID == 0 ]] || skip "mounts over bubblewrap"
  own_by self
  mkdir data && printf 'it was checked\n' >data/id
  # A bubblewrap that is slow: what another sandbox of the project may do
  # meanwhile is done first.
  cp -L "$(command -v bwrap)" "$LAB/bwrap"
  printf '#!/bin/sh\n%s\nexec %q "$@"\n' "cd $LAB/project; mv data was; ln -s $HOME/.ssh data" "$LAB/bwrap" >"$LAB/slow"
  chmod +x "$LAB/slow"
  # shellcheck disable=SC2016 # for bash -c
  run unshare -m bash -c 'for f in /usr/bin/bwrap /bin/bwrap /usr/local/bin/bwrap; do
      [[ ! -e $f ]] || mount --bind "$0" "$f" || exit 99
    done; exec timeout 30 "$@"' "$LAB/slow" "$PEN_JAIL" run --no-network \
    --mount "$LAB/project/data:/data" -- cat /data/id
  [[ $output == "it was checked" && -L data ]] || fail "$status: $output"
}

@test "N9: what the host mounts while the sandbox runs does not show in it" {
  [[ $EUID == 0 ]] || skip "mounts"
  own_by self
  mkdir inner && mkfifo go there
  # As on a host with systemd, where every mount is shared.
  # shellcheck disable=SC2016 # for bash -c
  run -0 unshare -m bash -c '
    mount -t tmpfs tmpfs /opt && mkdir /opt/later && mount --make-rshared / || exit 99
    timeout 30 "$PEN_JAIL" run --no-network -- sh -c "echo up >there; cat go
      cat /opt/later/file inner/file; echo changed >/opt/later/file" 2>/dev/null &
    read -r up <there
    for at in /opt/later inner; do
      mount -t tmpfs tmpfs "$at" && echo secret >"$at/file" || exit 98
    done
    echo go >go
    wait $!
    cat /opt/later/file'
  [[ $output == $'go\nsecret' ]] || fail "$output"
}

@test "files of /etc that come and go do not keep a sandbox from starting" {
  [[ $EUID == 0 ]] || skip "only for root each file is looked at"
  own_by self
  run -0 with_own_etc '
    while :; do : >/etc/zz.lock; chmod 600 /etc/zz.lock; rm /etc/zz.lock; done & churn=$!
    for i in {1..30}; do jail run --no-network -- true || echo "number $i: $?"; done
    kill "$churn"'
  [[ -z $output ]] || fail "$output"
}

@test "N9: writing to the system folders and to pen-jail itself" {
  local path
  for user in $(jail_users); do
    own_by "$user"
    for path in /usr/x /etc/x /bin/x /lib/x /opt/x /x /dev/x /proc/x; do
      inside create "$path"
    done
    inside write /run/pen/jail
    inside write /etc/passwd
    inside write /proc/1/exe
  done
}

@test "N9: disks and memory have no device files" {
  run jail run -- sh -c 'find /dev -type b; ls /dev'
  [[ ${lines[*]} == "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero" ]] || fail "$output"
  for user in $(jail_users); do
    own_by "$user"
    inside command mknod /tmp/d b 8 0
  done
}

@test "N9: the host's device files keep their mode when root is the caller" {
  [[ $EUID == 0 ]] || skip "an ordinary user does not own them"
  own_by self
  # Files of a /dev of the test's own.
  # shellcheck disable=SC2016 # for bash -c
  run unshare -m bash -c '
    mount -t tmpfs tmpfs /mnt && cp -a /dev/{null,zero,full,random,urandom,tty} /mnt/ &&
      chmod 666 /mnt/* && mkdir /mnt/pts /mnt/shm && mount --rbind /dev/pts /mnt/pts &&
      ln -s pts/ptmx /mnt/ptmx && ln -s /proc/self/fd /mnt/fd && mount --move /mnt /dev || exit 99
    timeout 30 "$PEN_JAIL" run --no-network -- sh -c "
      chmod 600 /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
      $PYTHON -SEc \"import os; os.fchmod(0, 0o600)\"
      echo x >/dev/null && head -c 1 /dev/zero | wc -c" </dev/null 2>/dev/null
    stat -c "%a %n" /dev/{null,zero,full,random,urandom,tty}'
  [[ $output == $'1\n666 /dev/null\n666 /dev/zero\n666 /dev/full\n666 /dev/random\n666 /dev/urandom\n666 /dev/tty' ]] ||
    fail "$output"
}

@test "N9: a link planted in the project does not steer the next sandbox" {
  jail run -- ln -s "$HOME" "$LAB/project/data"
  run jail run --mount "$LAB/project/data:/data" -- cat /data/.ssh/id
  [[ $status == 125 && $output != *secret* ]]
  run jail run --mount "$LAB/project/data/.ssh:/data" -- cat /data/id
  [[ $status == 125 && $output != *secret* ]]
  run jail run --mount "$LAB/outside:$LAB/project/data/x" -- true
  [[ $status == 125 && ! -e $HOME/x ]]
  # In a mount, and so that bubblewrap finds the host through it.
  jail run --mount "$LAB/var:/var/lib/mine" -- ln -s "../../../../oldroot$HOME" /var/lib/mine/data
  run jail run --mount "$LAB/var:/var/lib/mine" --mount "$LAB/outside:/var/lib/mine/data/x" -- true
  [[ $status == 125 && ! -e $HOME/x ]] || fail "$status: $output"
}
