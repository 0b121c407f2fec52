#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# config_docker.bats - what of the config only a container shows; its link
# config_podman.bats is the same with podman

load common
lab_containers "$(runtime_of_file)"
setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { pen_setup "$(runtime_of_file)"; }
teardown() { pen_teardown; }

@test "P5 P3: a home that is mounted by force shows all but pen's own files" {
  home=$(pen_home "$PEN_AS")
  echo mine | as "$PEN_AS" tee "$home/file-of-mine" >/dev/null
  pen_config '.mounts = [{"source": "~/", "target": "/host-home"}]'
  run pen start
  assert_eq 2 "$status"
  assert_contains "$output" 'but for "force": true'
  pen_config '.mounts[0].force = true'
  # The sandbox can write the home, and so its Dockerfile.
  pen build --yes
  pen start
  assert_eq mine "$(pen exec -- cat /host-home/file-of-mine)"
  assert_eq "" "$(pen exec -- ls -A /host-home/.pen)"
  run pen exec -- sh -c 'touch /host-home/.pen/new || mv /host-home/.pen /host-home/moved || rmdir /host-home/.pen'
  [[ $status != 0 ]] || fail "pen's own files can be replaced: $output"
  run pen exec -- sh -c 'umount /host-home/.pen || unshare -Urm umount /host-home/.pen'
  [[ $status != 0 ]] || fail "what covers pen's own files can be taken away"
  [[ -s $SANDBOX_DIR/config.json ]]
}

@test "P17 N1: pen allow --network and pen deny --network count in the running sandbox" {
  pen start
  run pen exec -- curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP1/"
  [[ $status != 0 ]] || fail 'open without a rule'
  pen allow --network "$IP1:80"
  assert_eq 200 "$(pen exec -- curl -s -o /dev/null --noproxy '*' --max-time 20 -w '%{http_code}' "http://$IP1/")"
  pen deny --network "$IP1:80"
  run pen exec -- curl -s -o /dev/null --noproxy '*' --max-time 3 "http://$IP1/"
  [[ $status != 0 ]] || fail 'open after deny'
}

@test "P17 N1: pen allow --network and pen deny --network count in a one-shot run, too" {
  local pid="" status=0
  pen build >/dev/null
  pen run -- sh -c 'try() { curl -s -o /dev/null --noproxy "*" --max-time 2 "http://$1/"; }
    ! try "$1" || exit 9
    echo ready; until try "$1"; do sleep 0.2; done
    echo open; while try "$1"; do sleep 0.2; done
    echo shut' sh "$IP1" >"$LAB/out" 2>&1 3>&- &
  pid=$!
  eventually 60 grep -qx ready "$LAB/out" || fail "$(<"$LAB/out")"
  pen allow --network "$IP1:80"
  eventually 30 grep -qx open "$LAB/out" || fail 'not open after allow'
  pen deny --network "$IP1:80"
  eventually 30 grep -qx shut "$LAB/out" || fail 'open after deny'
  wait "$pid" || status=$?
  assert_eq 0 "$status"
}

@test "P1: pen shell takes a shell of the image's, not the host's" {
  pen start
  # The host has it, and it would be executable there.
  run ! pen exec -- sh -c 'command -v jq'
  run as "$PEN_AS" env SHELL=/usr/bin/jq timeout -k 5 180 pen shell <<<'echo "this is $0"'
  assert_eq 0 "$status" "$output"
  assert_contains "$output" "this is /bin/bash"
}

@test "F7: proxies of the host's, with their passwords, are not in the sandbox" {
  local url=http://user:secret@proxy.test:3128
  as "$PEN_AS" mkdir -p "$(pen_home "$PEN_AS")/.docker"
  printf '{"proxies": {"default": {"httpProxy": "%s", "httpsProxy": "%s", "ftpProxy": "%s"}}}\n' \
    "$url" "$url" "$url" >"$(pen_home "$PEN_AS")/.docker/config.json"
  export http_proxy=$url HTTPS_PROXY=$url ftp_proxy=$url FTP_PROXY=$url
  pen start
  [[ $(pen exec env) != *secret* ]] || fail "$(pen exec env)"
  assert_contains "$(pen exec env)" "http_proxy=http://$(pen status --json | jq -r .proxy)"
  pen stop
  pen_config '.network = "none"'
  [[ $(pen exec env) != *secret* ]] || fail "$(pen exec env)"
}

@test "P24: who holds port 53 of every address, as a VPN may, is in nobody's way" {
  local holder='import socket, sys
for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("0.0.0.0", 53))
    kind == socket.SOCK_DGRAM or s.listen()
    globals()["held%d" % kind] = s
open("held", "w").close()
sys.stdin.read()'
  mkfifo "$LAB/end"
  (cd "$LAB" && exec "$PYTHON" -SE -c "$holder" <"$LAB/end" >"$LAB/holder.out" 2>&1 3>&-) &
  exec 7>"$LAB/end"
  eventually 20 test -e "$LAB/held" || fail "$(<"$LAB/holder.out")"
  pen allow example.test:80
  pen start
  assert_eq 200 "$(pen exec -- curl -s -o /dev/null --max-time 20 -w '%{http_code}' http://example.test/)"
  pen stop
  # Who wants the port for the sandbox is told who has it not.
  PEN_AS=root
  pen_project with-dns
  pen_config '.dns = "proxy"'
  run pen start
  [[ $status != 0 ]] || fail "started, though the port is taken: $output"
  assert_contains "$output" ":53"
  exec 7>&-
  wait "$!"
  pen start
  pen stop
}
