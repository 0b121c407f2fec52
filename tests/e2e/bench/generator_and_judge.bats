#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# generator_and_judge.bats - the bench counts what happens, and sees what fails
#
# No timing is looked at here: only that the programs of the bench do what their
# figures are taken for.

load ../../lab/helpers
lab_netns

setup_file() {
  lab_file_setup
  lab_dns <<<"origin.test A $IP1"
  exec 7> >(exec "$PEN_BUILD/bench/origin" "$IP1:80" "$IP1:7" "$IP1:443" "$IP1:5353" origin.test >"$LAB/origin.out" 3>&- 4>&-)
  printf '%s\n' "$!" >>"$LAB/pids"
  eventually 5 grep -q ready "$LAB/origin.out"
}

teardown_file() {
  exec 7>&-
  lab_file_teardown
}

setup() {
  lab_setup
}

teardown() {
  lab_teardown
}

# allowing - a proxy that lets origin.test through
allowing() {
  printf 'origin.test:%s\n' 80 7 443 >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
[policy]
allowlist = $LAB/rules
CONF
}

# generate MODE OPTION... - runs the generator through the proxy; report in $output
generate() {
  run timeout 20 "$PEN_BUILD/bench/load" "$1" \
    --at 127.0.0.1:3128 "${@:2}"
  printf '%s\n' "$output"
}

# reports STATUS JQ-CONDITION - what the last run said
reports() {
  assert_eq "$1" "$status" 'status'
  jq -e "$2" <<<"$output" >/dev/null || fail "not: $2"
}

@test "tunnels are opened, used and closed, as many as were asked for" {
  allowing
  generate tunnel --count 300 --conns 16 --bytes 1000
  reports 0 '.done == 300 and .opened == 300 and .errors == 0 and .bytes == 300000'
  generate tunnel --count 20 --hello origin.test
  reports 0 '.done == 20 and .errors == 0'
}

@test "a tunnel that is refused is an error, and so is one that ought to be" {
  allowing
  generate tunnel --count 5 --target other.test:80
  reports 1 '.done == 0 and .errors == 5'
  generate refused --count 5
  reports 1 '.done == 0 and .errors == 5'
  generate refused --count 50 --conns 4 --target other.test:80
  reports 0 '.done == 50 and .errors == 0'
}

# answering TEXT - a server on port 3129 that answers each client so, and closes
answering() {
  "$PYTHON" -c 'import socket, sys
server = socket.create_server(("127.0.0.1", 3129))
print("ready", flush=True)
while True:
    client = server.accept()[0]
    client.recv(4096)
    client.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
    client.shutdown(socket.SHUT_WR)
    client.recv(4096)
    client.close()' "$1" >answering 3>&- 4>&- &
  printf '%s\n' "$!" >>"$LAB/pids"
  eventually 5 grep -q ready answering
}

@test "a refusal has the status that is expected, nothing else is one" {
  answering 'HTTP/1.1 502 Bad Gateway\r\n\r\n'
  generate refused --count 5 --at 127.0.0.1:3129
  reports 1 '.done == 0 and .errors == 5'
  generate refused --count 5 --at 127.0.0.1:3129 --refusal 502
  reports 0 '.done == 5 and .errors == 0'
  generate refused --count 5 --at 127.0.0.1:3129 --refusal close
  reports 1 '.done == 0 and .errors == 5'
}

@test "the end of the stream is a refusal only where there is no status" {
  answering ''
  generate refused --count 5 --at 127.0.0.1:3129
  reports 1 '.done == 0 and .errors == 5'
  generate refused --count 5 --at 127.0.0.1:3129 --direct --hello origin.test \
    --refusal close
  reports 0 '.done == 5 and .errors == 0'
}

@test "a refusal that ends before its length is an error" {
  answering 'HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nshort'
  generate refused --count 5 --at 127.0.0.1:3129
  reports 1 '.done == 0 and .errors == 5'
}

@test "a tunnel whose ClientHello names another host is an error" {
  allowing
  generate tunnel --count 3 --hello other.test
  reports 1 '.done == 0 and .errors == 3'
}

@test "plain requests share connections" {
  allowing
  generate http --count 200 --conns 4
  reports 0 '.done == 200 and .opened == 4 and .errors == 0'
}

@test "every byte of a download and of an upload arrives" {
  allowing
  generate tunnel --count 2 --bytes 30000000
  reports 0 '.done == 2 and .bytes == 60000000'
  generate upload --count 2 --bytes 30000000
  reports 0 '.done == 2 and .bytes == 60000000'
}

@test "bytes come back, and how long they took is told" {
  allowing
  generate pingpong --count 500 --conns 8 --target origin.test:7
  reports 0 '.done == 500 and .errors == 0 and .p50_us > 0 and .p50_us <= .p99_us
    and .p99_us <= .max_us * 1.02'
}

@test "what TLS clients do goes through: a large ClientHello, its answer, two turns" {
  allowing
  generate tls --count 40 --conns 8 --hello origin.test --target origin.test:443
  reports 0 '.done == 40 and .opened == 40 and .errors == 0 and .bytes == 40 * (4096 + 128)'
}

@test "the resolver knows the names that it was given" {
  run "$PYTHON" -c '
import socket, struct, sys
def ask(name, kind):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
        s.sendto(struct.pack(">6H", 7, 256, 1, 0, 0, 0) + labels
                 + struct.pack(">BHH", 0, kind, 1), (sys.argv[1], 5353))
        m = s.recv(512)
        assert m[:2] == b"\0\7"
        return m[3] & 15, m[7], socket.inet_ntoa(m[-4:]) if m[7] else ""
print(ask("Origin.test", 1), ask("origin.test", 28), ask("other.test", 1))
' "$IP1"
  assert_eq "(0, 1, '$IP1') (0, 0, '') (3, 0, '')" "$output" 'answers'
}

@test "tunnels are idle after they were used, if that is asked for" {
  allowing
  mkfifo hold
  "$PEN_BUILD/bench/load" idle --conns 40 --bytes 100000 --at 127.0.0.1:3128 \
    <hold >held 3>&- 4>&- &
  local client=$!
  exec 8>hold
  eventually 5 grep -q ready held
  exec 8>&-
  wait "$client"
  assert_json '.held == 40 and .errors == 0 and .done == 40 and .bytes == 8000000' \
    "$(tail -n 1 held)"
}

@test "idle tunnels are held, and those that are lost are told" {
  allowing
  mkfifo hold
  "$PEN_BUILD/bench/load" idle --conns 40 --at 127.0.0.1:3128 \
    --target origin.test:7 <hold >held 3>&- 4>&- &
  local client=$! status=0
  exec 8>hold
  eventually 5 grep -q ready held
  lab_stop "$PROXY_PID" KILL
  wait "$client" || status=$?
  exec 8>&-
  assert_eq 1 "$status" 'status'
  assert_json '.held == 0 and .errors == 40' "$(tail -n 1 held)"
}

@test "heads that never end keep their connections" {
  allowing
  mkfifo hold
  "$PEN_BUILD/bench/load" halfopen --conns 40 --at 127.0.0.1:3128 <hold \
    >held 3>&- 4>&- &
  local client=$!
  exec 8>hold
  eventually 5 grep -q ready held
  exec 8>&-
  wait "$client"
  assert_json '.held == 40 and .errors == 0' "$(tail -n 1 held)"
}

@test "the start of a proxy is timed, and one that does not serve is told" {
  run timeout 30 "$PEN_BUILD/bench/probe" start --at 127.0.0.1:3131 \
    --target origin.test:80 -- "$PEN_PROXY" --listen 127.0.0.1:3131 \
    --allow origin.test:80
  reports 0 '.ms > 0 and .errors == 0'
  run timeout 30 "$PEN_BUILD/bench/probe" start --at 127.0.0.1:3131 \
    --target origin.test:80 -- false
  reports 1 '.errors == 1'
}

@test "a new policy is waited for, and loses no connection" {
  allowing
  printf 'origin.test:80\n' >new
  run timeout 20 "$PEN_BUILD/bench/probe" reload --at 127.0.0.1:3128 \
    --target origin.test:7 --pid "$PROXY_PID" --swap new --file rules \
    --want refused
  reports 0 '.ms > 0 and .lost == 0 and .errors == 0'
  printf 'origin.test:80\n' >new
  run timeout 20 "$PEN_BUILD/bench/probe" reload --at 127.0.0.1:3128 \
    --target origin.test:7 --pid "$PROXY_PID" --swap new --file rules \
    --want allowed
  reports 1 '.errors == 1'
}

@test "every system call of an operation has a reason" {
  command -v strace >/dev/null || skip 'strace is missing'
  [[ $EUID == 0 ]] || skip 'the bench makes a namespace in this one: root only'
  [[ $PEN_MODE == release ]] || skip 'sanitizers add system calls'
  run timeout 60 "$PYTHON" -B "$LAB_ROOT/tests/bench/calls.py" list \
    --build "$PEN_BUILD"
  printf '%s\n' "$output"
  [[ $status == 0 && $output == *'tunnel: '*' calls'* ]]
}
