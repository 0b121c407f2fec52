#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# ssh_jail.bats - P12: SSH into a sandbox that has no container and no network

load ../pen/common

# as_tester CMD... - CMD as an ordinary user, with a shell: sshd does not run as
# the root of a jail
as_tester() {
  "${tester[@]}" "$@"
}

setup() {
  tester=(env)
  ((EUID != 0)) || tester=(setpriv --reuid 4001 --regid 4001 --clear-groups --)
  PATH=$PATH:/usr/sbin command -v sshd >/dev/null || skip "no sshd here (openssh-server)"
  [[ $EUID != 0 || $(cat /proc/self/uid_map) =~ 4294967295 ]] || skip "needs more than one user id"
  pen_setup
  ((EUID == 0)) || return 0
  if ! grep -q ^tester: /etc/passwd; then
    cp /etc/passwd "$LAB_FILE/passwd"
    printf 'tester:x:4001:4001::%s:/bin/bash\n' "$HOME" >>"$LAB_FILE/passwd"
    mount --bind "$LAB_FILE/passwd" /etc/passwd
  fi
  chmod 0711 "$BATS_RUN_TMPDIR" "$LAB_FILE" "${LAB%/*}" "$LAB"
  chown -R 4001:4001 "$LAB"
}

@test "P12: a command, its status and its streams, and the proxy known" {
  as_tester "$LAB_ROOT/penctl/pen" init >/dev/null
  as_tester "$LAB_ROOT/penctl/pen" ssh 'echo out; echo err >&2; exit 42' >out 2>err || status=$?
  assert_eq 42 "$status" "$(cat err)"
  assert_eq "out err" "$(cat out) $(cat err)"
  run as_tester "$LAB_ROOT/penctl/pen" ssh env
  assert_contains "$output" "https_proxy=http://127.0.0.1:3128"
}

@test "P12: scp and sftp, with the block of 'pen ssh config'" {
  local name
  as_tester "$LAB_ROOT/penctl/pen" init >/dev/null
  as_tester "$LAB_ROOT/penctl/pen" ssh config >ssh-config
  name=$(awk '$1 == "Host" { print $2 }' ssh-config)
  head -c 1000000 /dev/urandom >data
  as_tester scp -q -F ssh-config data "$name:$PWD/copy"
  cmp data copy
  printf 'get %s two\n' "$PWD/copy" | as_tester sftp -q -b - -F ssh-config "$name" >/dev/null
  cmp data two
}

@test "P12: 'pen ssh serve' listens on 127.0.0.1 as long as it runs, with the keys of the config" {
  local port=4022 user
  mkdir "It's 5% (x)" && chown 4001:4001 "It's 5% (x)"
  cd "It's 5% (x)"
  as_tester "$LAB_ROOT/penctl/pen" init >/dev/null
  run as_tester "$LAB_ROOT/penctl/pen" ssh serve
  assert_eq 2 "$status"
  as_tester ssh-keygen -q -t ed25519 -N '' -f mine
  printf '{"runtime": "jail", "ssh": {"port": %d, "authorized_keys": ["%s/mine.pub"]}}\n' "$port" "$PWD" \
    >"$(as_tester "$LAB_ROOT/penctl/pen" status --json | jq -r .allowlist | xargs dirname)/config.json"
  lab_start serve - "${tester[@]}" "$LAB_ROOT/penctl/pen" ssh serve
  eventually 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
  assert_eq "127.0.0.1:$port" "$(ss -Hltn | awk '{ print $4 }' | grep ":$port\$")"
  user=$(as_tester id -un)
  assert_eq hello "$(as_tester ssh -p "$port" -i mine -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=known "$user@127.0.0.1" echo hello)"
  run as_tester ssh -p "$port" -o IdentitiesOnly=yes -i /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=known "$user@127.0.0.1" echo hello
  assert_contains "$output" "Permission denied"
  lab_stop "$LAB_PID"
  run bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
  [[ $status != 0 ]]
}

@test "P12: as root, and without sshd, it says what to do" {
  ((EUID == 0)) || skip "is about root"
  run env HOME="$LAB/root" bash -c 'mkdir -p "$HOME" && cd "$HOME" && mkdir p && cd p && "$0" init && "$0" ssh true; echo "status $?"; "$0" stop' "$LAB_ROOT/penctl/pen"
  assert_contains "$output" "run pen as an ordinary user"
  assert_contains "$output" "status 255"
}
