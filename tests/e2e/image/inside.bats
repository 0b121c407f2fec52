#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# inside.bats - what a sandbox of the default image has, and how SSH gets into it
#
# Two sandboxes are started once: "bridge" and "socket", by the kind of network.

load common
load guides
image_lab docker

setup_file() {
  image_setup_file
  [[ -n ${LAB_NETNS:-} ]] || return 0
  export HOME=$OWNER_HOME
  containers_ssh
  mkdir -p "$LAB_FILE/ca" && cp "$CERTS/ca.pem" "$LAB_FILE/ca/company.pem"
  chmod -R a+rX "$LAB_FILE/ca" && chmod a+x "$LAB_FILE"
  start_one bridge
  start_one socket
  git init -q --bare "$LAB_FILE/repo.git"
}

# start_one NETWORK - the project of that name, with its sandbox up
start_one() {
  project "$1"
  pen init --runtime docker >/dev/null
  set_config ".network = \"$1\" | .mounts = [
    {source: \"$LAB_FILE/ca\", target: \"/etc/pen/ca.d\", readonly: true}]"
  pen allow example.test:22 example.test:80 example.test:443 >/dev/null
  pen start
  install -o alice -m 0600 "$LAB_FILE/key" key
}

teardown_file() { containers_teardown_file; }

setup() {
  containers_setup
  export HOME=$OWNER_HOME
  project bridge
}

teardown() { image_teardown; }

@test "P6: tini is process 1 and starts supervisord, as the user that commands run as" {
  run pen exec -- ps -o pid=,ppid=,user=,args= ax
  assert_eq 0 "$status" "$output"
  [[ $output =~ ' 1 '\ +'0 pen'\ +'/usr/bin/tini -- /usr/libexec/pen/start' ]]
  [[ $output =~ [0-9]+\ +'1 pen'\ +'/usr/bin/python3 /usr/bin/supervisord' ]]
}

@test "P6: processes that lose their parent are reaped" {
  pen exec -- sh -c '(sleep 0.01 &)'
  eventually 60 no_orphan
}

# no_orphan - neither that process nor what is left of a process is there
no_orphan() {
  pen exec -- ps -o stat=,args= ax >out || return 1
  ! grep -q -e '^Z' -e 'sleep 0.01' out
}

@test "P6 P4: the user has the host's ids, what it writes is the user's, and sudo makes it root" {
  pen exec -- sh -c 'id -u; id -g; echo text >made' >out
  assert_eq "4001 4001" "$(tr '\n' ' ' <out | sed 's/ $//')"
  assert_eq 4001:4001 "$(stat -c %u:%g made)"
  assert_eq 0 "$(pen exec -- sudo -n id -u)"
  assert_contains "$(pen exec -- sudo -n env)" "https_proxy=http://"
}

@test "P6: no agent, no secret, no set-uid program but sudo, and not too large" {
  local tool
  pen exec -- sudo find / -xdev -type f -perm /6000 >out
  assert_eq /usr/bin/sudo "$(cat out)"
  pen exec -- sudo find / -xdev '(' -name 'ssh_host_*' -o -name '*.key' -o -name id_ed25519 -o -name .netrc ')' \
    ! -path "$PWD/*" >out
  assert_eq "" "$(cat out)"
  for tool in git ssh curl jq socat make gcc less; do
    pen exec -- sh -c "command -v $tool" >/dev/null || fail "no $tool"
  done
  run -127 pen exec -- sh -c 'command -v claude codex gemini aider'
  size=$(docker image inspect -f '{{.Size}}' "$(sandbox)")
  base=$(docker image inspect -f '{{.Size}}' "$LAB_BASE")
  printf '# the image has %d MB, %d MB of them the base\n' "$((size / 1000000))" "$((base / 1000000))" >&3
  ((size - base < 400000000))
}

@test "P20: AGENTS.md and CLAUDE.md lie where agents look, and tell of refusals as they are" {
  local file
  for file in /AGENTS.md /CLAUDE.md /home/pen/AGENTS.md /home/pen/CLAUDE.md \
    /home/pen/.claude/CLAUDE.md /home/pen/.codex/AGENTS.md /etc/claude-code/CLAUDE.md; do
    pen exec -- cat "$file" >text || fail "no $file"
    assert_contains "$(head -n 1 text)" "You are in a sandbox"
  done
  run pen exec -- curl -sS http://no.test/
  assert_contains "$(cat text)" "${output%%: no.test*}"
  assert_contains "$output" 'pen allow no.test:80'
  run pen exec -- curl -sS https://no.test/
  assert_contains "$(cat text)" "${output#curl: (56) }"
  run pen exec -- ssh -o BatchMode=yes no.test
  assert_contains "$output" "pen: no connection to no.test port 22: no rule of the sandbox's policy allows it; to allow it: pen allow no.test:22"
  assert_contains "$(cat text)" "pen: no connection to HOST port PORT: no rule of the sandbox's policy allows it"
}

# clone - git over ssh to the server of the lab
clone() {
  pen exec -e "GIT_SSH_COMMAND=ssh -i $PWD/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no" -- \
    git clone -q "root@$1:$LAB_FILE/repo.git" "clone-$RANDOM"
}

@test "P11: git clones over ssh through the proxy, on a bridge" {
  clone example.test
  assert_contains "$(pen egress log --json)" example.test
  run clone other.test
  [[ $status != 0 ]]
  assert_contains "$output" "to allow it: pen allow other.test:22"
}

@test "P11: git clones over ssh through the proxy's socket, where there is no network" {
  project socket
  assert_eq lo "$(pen exec -- sh -c 'sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev')"
  clone example.test
  run clone other.test
  assert_contains "$output" "to allow it: pen allow other.test:22"
}

@test "P11: a ProxyCommand of the user's own wins, and this machine needs none" {
  run pen exec -- ssh -G example.test
  assert_contains "$output" "proxycommand /usr/libexec/pen/ssh-proxy"
  pen exec -- sh -c 'mkdir -p ~/.ssh && printf "Host example.test\n  ProxyCommand own %%h\n" >~/.ssh/config'
  run pen exec -- ssh -G example.test
  assert_contains "$output" "proxycommand own %h"
  run pen exec -- ssh -G other.test
  assert_contains "$output" "proxycommand /usr/libexec/pen/ssh-proxy"
  run pen exec -- ssh -G 127.0.0.1
  [[ $output != *proxycommand* ]]
}

@test "network socket: the forwarder is there for the first command, and comes back when it is killed" {
  project socket
  pen restart >/dev/null
  assert_contains "$(pen exec -- curl -sS --max-time 20 http://example.test/first)" '"target": "/first"'
  pen exec -- sh -c 'kill -KILL $(pgrep -o socat)'
  eventually 60 pen exec -- curl -sS --max-time 20 -o /dev/null http://example.test/again
}

@test "network socket: a side that has ended its half gets the whole answer" {
  project socket
  pen exec -- python3 - <<'PYTHON' >out
import socket
s = socket.create_connection(("127.0.0.1", 3128))
s.sendall(b"GET http://example.test/slow/2 HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n")
s.shutdown(socket.SHUT_WR)
data = b""
while True:
    part = s.recv(4096)
    if not part:
        break
    data += part
print(len(data.split(b"\r\n\r\n", 1)[1]))
PYTHON
  assert_eq 2 "$(cat out)"
}

@test "P23: certificates in /etc/pen/ca.d are trusted by curl, git, python and node's variable" {
  pen exec -- curl -sS --max-time 20 https://example.test/ >out
  assert_contains "$(cat out)" '"target": "/"'
  pen exec -- python3 -c 'import urllib.request; print(urllib.request.urlopen("https://example.test/").status)' >out
  assert_eq 200 "$(cat out)"
  run pen exec -- git ls-remote https://example.test/no.git
  [[ $status != 0 && $output != *certificate* ]] || fail "$output"
  pen exec -- sh -c 'grep -c BEGIN "$NODE_EXTRA_CA_CERTS"' >out
  (($(cat out) > 1))
  # And without them they are not.
  run pen exec -e SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    -e CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt -- curl -sS --max-time 20 https://example.test/
  assert_eq 60 "$status" "$output"
}

@test "P23: a root file system that cannot be written says that the certificates do not count" {
  run docker run --rm --read-only --network none -v "$LAB_FILE/ca:/etc/pen/ca.d:ro" "$(sandbox)" sh -c 'exit 42'
  assert_eq 42 "$status" "$output"
  assert_contains "$output" "the certificates in /etc/pen/ca.d do not count"
}

@test "P12: a command by ssh: its status, its streams apart, the proxy and the certificates known" {
  pen ssh 'echo out; echo err >&2; exit 42' >out 2>err || status=$?
  assert_eq 42 "$status"
  assert_eq "out err" "$(cat out) $(cat err)"
  run pen ssh env
  assert_contains "$output" "https_proxy=http://"
  assert_contains "$output" "SSL_CERT_FILE=/var/lib/pen/ca-bundle.crt"
  run pen ssh curl -sS http://no.test/
  assert_contains "$output" "refused by the sandbox's policy"
}

@test "P12: 'pen ssh' alone opens a login shell in the project" {
  run pen_in_terminal $'pwd; tty; exit 7\n' ssh
  assert_eq 7 "$status" "$output"
  assert_contains "$output" "$PWD"
  assert_contains "$output" /dev/pts/
}

@test "P12: an IDE's way: the block of 'pen ssh config', with scp, sftp and a forwarded port" {
  local name
  pen ssh config | write ../ssh-config
  name=$(awk '$1 == "Host" { print $2 }' ../ssh-config)
  assert_eq "$(sandbox)" "$name"
  assert_eq hello "$(owner ssh -F ../ssh-config "$name" echo hello)"
  head -c 3000000 /dev/urandom | write big
  owner scp -q -F ../ssh-config big "$name:/tmp/there"
  owner scp -q -F ../ssh-config "$name:/tmp/there" back
  cmp big back
  printf 'put big /tmp/two\nget /tmp/two two\n' | owner sftp -q -b - -F ../ssh-config "$name" >/dev/null
  cmp big two
  # The command ends when its stdin does.
  mkfifo "$LAB/end"
  owner timeout 20 ssh -F ../ssh-config -L 127.0.0.1:4444:127.0.0.1:5555 "$name" \
    'python3 -m http.server -b 127.0.0.1 5555 >/dev/null 2>&1 & cat >/dev/null; kill $!' <"$LAB/end" &
  exec 7>"$LAB/end"
  eventually 60 curl -sS -o page http://127.0.0.1:4444/ 2>/dev/null
  exec 7>&-
  wait "$!"
  assert_contains "$(cat page)" AGENTS.md
}

@test "P12: no port is opened for it, on either side" {
  ss -Hltn | awk '{ print $4 }' | sort >before
  pen ssh 'cat /proc/net/tcp /proc/net/tcp6 | grep -c " 0A "' >inside || true
  ss -Hltn | awk '{ print $4 }' | sort >after
  assert_eq "$(cat before)" "$(cat after)"
  # 127.0.0.11 is Docker's own resolver.
  (($(cat inside) <= 1)) || fail "$(cat inside) listeners"
  run pen exec -- sh -c 'ls -d /tmp/.pen-ssh.*'
  [[ $status != 0 ]] || fail "left over: $output"
}

@test "P12: the keys are this sandbox's own, private, and no other key opens it" {
  local folder name
  name=$(sandbox)
  folder=$OWNER_HOME/.pen/sandboxes/$name/ssh
  assert_eq "600 alice" "$(stat -c '%a %U' "$folder/key")"
  assert_eq "600 alice" "$(stat -c '%a %U' "$folder/host_key")"
  pen ssh config | sed "s,IdentityFile .*,IdentityFile $PWD/key," | write ../other-config
  run owner ssh -F ../other-config -o BatchMode=yes "$name" true
  assert_eq 255 "$status"
  assert_contains "$output" "Permission denied"
  # Another server's key is noticed.
  pen ssh config | write ../ssh-config
  printf '%s %s\n' "$name" "$(cut -d ' ' -f 1,2 "$LAB_FILE/host-key.pub")" | write ../known_hosts
  run owner ssh -F ../ssh-config -o UserKnownHostsFile="$OWNER_HOME/known_hosts" -o BatchMode=yes "$name" true
  assert_eq 255 "$status"
  assert_contains "$output" "Host key verification failed"
}

@test "P12: keys of the config open it, too" {
  local name
  pen ssh config | write ../ssh-config
  name=$(sandbox)
  ssh-keygen -q -t ed25519 -N '' -f "$LAB/mine"
  chown alice "$LAB/mine"
  set_config ".ssh.authorized_keys = [\"$(cat "$LAB/mine.pub")\"]"
  chmod a+x "$LAB"
  assert_eq hello "$(owner ssh -F ../ssh-config -o IdentityFile="$LAB/mine" -o IdentitiesOnly=yes "$name" echo hello)"
}

@test "P12: with no network at all, in a directory with a name that shells stumble over" {
  local name
  project "test It's 5% (x)"
  pen init --runtime docker >/dev/null
  set_config '.network = "none"'
  pen ssh config | write ../ssh-config
  name=$(sandbox)
  assert_eq hello "$(owner ssh -F ../ssh-config "$name" echo hello)"
  run pen ssh curl -sS --max-time 2 http://example.test/
  [[ $status != 0 ]]
  pen stop >/dev/null
}

@test "N11: the default image in plain docker, with a proxy's socket and no network" {
  local run
  project socket
  # The block has it from its reader.
  export image
  image=$(sandbox)
  run=$LAB/run
  mkdir -m 0755 "$run"
  lab_start proxy --ready-fd /opt/pen/libexec/pen/pen-proxy --listen "unix:$run/proxy.sock" --allow example.test:80
  chmod 0666 "$run/proxy.sock"
  chmod a+x "$LAB"
  guide_block docker >"$LAB/block"
  # shellcheck source=/dev/null
  source "$LAB/block" >out
  assert_contains "$(cat out)" '"target": "/"'
}
