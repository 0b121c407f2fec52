#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# install.bats - P21: what install.sh does as root, and uninstall.sh undoes

load common
pfwrap_lab

setup_file() { pfwrap_setup_file; }
teardown_file() { lab_file_teardown; }

setup() {
  pfwrap_setup
  mount -t tmpfs -o mode=755 local /usr/local
  rm -f /etc/sudoers.d/*
  root_files=$LAB_ROOT/.ci/root-files.sh
  where=/usr/local/libexec/pen-root
}

teardown() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  pfwrap_teardown
  umount /usr/local
  rm -rf /opt/home/* /opt/pen-root
  chown 0 /opt && chmod 0755 /opt
}

as_user() {
  local user=$1
  shift
  setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

# own_tree - a copy of the source tree that is alice's, in /opt/home/tree
own_tree() {
  local path
  [[ $PEN_MODE == release ]] || skip 'installs a release build'
  mkdir -p /opt/home/tree/build /opt/home/alice
  for path in "$LAB_ROOT"/.ci "$LAB_ROOT"/*; do
    case ${path##*/} in
      build | tests) ;;
      *) cp -a "$path" /opt/home/tree/ ;;
    esac
  done
  cp -a "$LAB_ROOT/build/release" "$LAB_ROOT/build/include" /opt/home/tree/build/
  chown -R 4001:4001 /opt/home/tree /opt/home/alice
  # She is an administrator; what she may do by that line is taken away after.
  printf 'alice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/admin
  chmod 0440 /etc/sudoers.d/admin
}

# alice_runs SCRIPT ARG... - a script of the tree, as alice with a home
alice_runs() {
  local script=$1
  shift
  (cd /opt/home && as_user alice env -u SUDO_UID HOME=/opt/home/alice \
    timeout 300 "/opt/home/tree/$script" ${@+"$@"} </dev/null)
}

@test "P21: the program and the line: root's alone, checked, named by uid, once" {
  "$root_files" install 4001 "$PEN_PFCTL"
  [[ $(stat -c '%U:%G %a' "$where/pen-pfctl" "$where" /usr/local/libexec) == $'root:root 755\nroot:root 755\nroot:root 755' ]]
  [[ $(stat -c '%U:%G %a' /etc/sudoers.d/pen-4001) == 'root:root 440' ]]
  [[ $(cat /etc/sudoers.d/pen-4001) == "#4001 ALL=(root) NOPASSWD: $where/pen-pfctl" ]]
  visudo -qc
  [[ $(ls -A /etc/sudoers.d) == pen-4001 ]]
  as_user 4001 sudo -n "$where/pen-pfctl" list
  run as_user 4002 sudo -n "$where/pen-pfctl" list
  [[ $status != 0 && $output == *password* ]]
  before=$(find "$where" /etc/sudoers.d -type f -exec cksum {} +)
  "$root_files" install 4001 "$PEN_PFCTL"
  [[ $(find "$where" /etc/sudoers.d -type f -exec cksum {} +) == "$before" ]]
}

@test "P21: never in a folder that somebody else can change" {
  local fault
  for fault in 'chown 4001 /usr/local' 'chmod 0777 /usr/local' 'chmod 0775 /usr/local' \
    'mkdir /usr/local/libexec; chown 4001 /usr/local/libexec' \
    'ln -s /opt/home /usr/local/libexec' \
    'mkdir -p /usr/local/libexec/pen-root; chmod 0777 /usr/local/libexec/pen-root'; do
    sh -c "$fault"
    [[ $("$root_files" where) == /opt/pen-root ]] || fail "$fault"
    rm -rf /usr/local/libexec
    chown 0 /usr/local && chmod 0755 /usr/local
  done
  chown 4001 /usr/local
  chown 4001 /opt
  run "$root_files" install 4001 "$PEN_PFCTL"
  [[ $status == 1 && $output == *'no folder that only root can change'* ]]
  [[ -z $(ls -A /etc/sudoers.d) ]]
}

@test "P21: a sudoers line that visudo refuses is not left behind" {
  mount --bind /bin/false /usr/sbin/visudo
  run "$root_files" install 4001 "$PEN_PFCTL"
  umount /usr/sbin/visudo
  [[ $status == 1 && $output == *'the sudoers line was refused'* ]]
  [[ -z $(ls -A /etc/sudoers.d) ]]
  run as_user 4001 sudo -n "$where/pen-pfctl" list
  [[ $status != 0 ]]
}

# sudoers_behind TARGET - /etc/sudoers.d becomes a link to it
sudoers_behind() {
  rm -f /etc/sudoers.d
  ln -s "$1" /etc/sudoers.d
}

@test "P21: the folder of sudoers lines behind a link, as /etc is on macOS" {
  umount /etc/sudoers.d
  mv /etc/sudoers.d /etc/private.d
  rm -f /etc/private.d/* && mkdir /opt/home/open.d && chmod 0777 /opt/home/open.d
  sudoers_behind /opt/home/open.d
  run "$root_files" install 4001 "$PEN_PFCTL"
  open=$status open_says=$output
  sudoers_behind private.d
  run "$root_files" install 4001 "$PEN_PFCTL"
  made=$(ls -A /etc/private.d)
  rm /etc/sudoers.d && mv /etc/private.d /etc/sudoers.d && mount -t tmpfs -o mode=750 lab /etc/sudoers.d
  [[ $open == 1 && $open_says == *"/etc/sudoers.d is not root's alone"* ]]
  [[ $status == 0 && $made == pen-4001 ]] || fail "$output"
  [[ -z $(ls -A /opt/home/open.d) ]]
}

@test "P21: wrong words: nothing happens" {
  local words
  for words in '' 'install' 'install x y' 'install -1 /bin/true' 'install 1 /nowhere' \
    'uninstall ../x' 'uninstall 4001'; do
    # shellcheck disable=SC2086 # words
    run "$root_files" $words
    [[ $status == 1 ]] || fail "$words: $status"
  done
  [[ -z $(find /etc/sudoers.d /usr/local -type f) ]]
}

@test "P21: one user's uninstall withdraws her rules and leaves the other's" {
  "$root_files" install 4001 "$PEN_PFCTL"
  "$root_files" install 4002 "$PEN_PFCTL"
  as_user 4001 sudo -n "$where/pen-pfctl" load "$A" --gateway 10.77.1.1 --proxy-port 1 </dev/null
  as_user 4002 sudo -n "$where/pen-pfctl" load "$B" --gateway 10.77.2.1 --proxy-port 1 </dev/null
  "$root_files" uninstall 4001
  no_trace "$A"
  [[ $(ls -A /etc/sudoers.d) == pen-4002 ]]
  as_user 4002 sudo -n "$where/pen-pfctl" verify "$B"
  "$root_files" uninstall 4002
  no_trace "$B"
  [[ -z $(ls -A /etc/sudoers.d) && ! -e $where ]]
}

@test "P21: install.sh as an ordinary user, then uninstall.sh: nothing of root's is left" {
  own_tree
  alice_runs install.sh --yes >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
  rm /etc/sudoers.d/admin
  as_user 4001 sudo -n "$where/pen-pfctl" load "$A" --gateway 10.77.1.1 --proxy-port 1 </dev/null
  printf 'alice ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/admin
  mkdir -p /opt/home/alice/.pen && : >/opt/home/alice/.pen/kept
  alice_runs uninstall.sh >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
  no_trace "$A"
  [[ $(ls -A /etc/sudoers.d) == admin && ! -e $where ]]
  # What podman keeps of having been asked for its version is podman's.
  left=$(find /opt/home/alice/.local -path '*/share/containers' -prune -o -type f -print)
  [[ -z $left ]] || fail "left: $left"
  [[ -e /opt/home/alice/.pen/kept ]]
}

@test "P21: uninstall.sh through sudo stops and purges what is the caller's, not root's" {
  own_tree
  alice_runs install.sh --user-only --prefix /opt/home/pen >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
  rm /opt/home/pen/bin/pen
  printf '#!/bin/sh\necho "as $(id -u), at home in $HOME: $*"\n' >/opt/home/pen/bin/pen
  chmod 0755 /opt/home/pen/bin/pen
  mkdir -p /opt/home/.pen /opt/home/root/.pen && chown -R 4001 /opt/home/.pen
  (cd / && as_user alice env SUDO_UID=0 HOME=/opt/home/root sudo -n --preserve-env=HOME \
    /opt/home/tree/uninstall.sh --prefix /opt/home/pen --purge) >"$LAB/out" 2>&1 ||
    fail "$(cat "$LAB/out")"
  grep -qx 'as 4001, at home in /opt/home: stop --all' "$LAB/out" || fail "$(cat "$LAB/out")"
  [[ ! -e /opt/home/.pen && -e /opt/home/root/.pen ]]
}

@test "P21: install.sh --user-only, and without an answer: nothing of root's is touched" {
  own_tree
  alice_runs install.sh --user-only >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
  [[ $(cat "$LAB/out") != *pen-pfctl\ is* && ! -e $where ]]
  alice_runs install.sh >"$LAB/out" 2>&1 || fail "$(cat "$LAB/out")"
  [[ $(cat "$LAB/out") == *"$where/pen-pfctl is installed, root's alone"* ]]
  [[ $(cat "$LAB/out") == *'/etc/sudoers.d/pen-4001 lets uid 4001 call it'* ]]
  [[ $(cat "$LAB/out") == *'not done'* && ! -e $where ]]
  [[ $(ls -A /etc/sudoers.d) == admin ]]
}

@test "P21: install.sh asks once, on a terminal, and takes y for an answer" {
  own_tree
  "$PYTHON" "$PFWRAP_DIR/answer.py" 'Do this?' y setpriv --reuid 4001 --regid 4001 \
    --clear-groups env -u SUDO_UID HOME=/opt/home/alice timeout 300 \
    /opt/home/tree/install.sh >"$LAB/out" || fail "$(cat "$LAB/out")"
  [[ $(grep -c 'Do this?' "$LAB/out") == 1 ]]
  [[ -e $where/pen-pfctl && -e /etc/sudoers.d/pen-4001 ]]
}
