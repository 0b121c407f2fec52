#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# command_line.bats - options, addresses and exit statuses of pen-proxy

load common

# proxy_by_options OPTION... - starts pen-proxy without a config file
proxy_by_options() {
  lab_start proxy --ready-fd "$PEN_PROXY" "$@" || return 1
  proxy_started proxy
}

@test "-V says name and version, -h the usage" {
  run "$PEN_PROXY" -V
  assert_eq 0 "$status"
  [[ $output =~ ^pen-proxy\ [0-9] ]] || fail "$output"
  run "$PEN_PROXY" -h
  assert_eq 0 "$status"
  for word in -c -t --check --listen --allow --allowlist --ready-fd; do
    assert_contains "$output" "$word"
  done
}

@test "what cannot be written to standard output: status 1, and one line says so" {
  printf 'example.test:443\n%.0s' {1..2000} >rules
  lab_config long <<<"[policy]
allowlist = $LAB/rules"
  for args in '-t -c long.ini' '--check example.test:443 -c long.ini' \
    '--check other.test:443 -c long.ini' '-t --allow example.test:443' -V -h; do
    # shellcheck disable=SC2086 # several arguments
    run timeout 5 sh -c 'exec "$0" "$@" >/dev/full' "$PEN_PROXY" $args
    assert_eq 1 "$status" "status of $args"
    assert_contains "$output" 'cannot write to standard output'
    assert_eq 1 "${#lines[@]}" "lines of $args"
  done
}

@test "an unknown option is wrong usage: status 2, said on stderr" {
  for args in --nonsense -x '-c' '--listen' 'stray' '--ready-fd x' \
    '--listen nonsense' '--check'; do
    # shellcheck disable=SC2086 # several arguments
    run timeout 5 "$PEN_PROXY" $args
    assert_eq 2 "$status" "status of $args: $output"
    [[ -n $output ]] || fail "no message for $args"
  done
}

@test "a missing config file is a fault: status 2 and its name" {
  run timeout 5 "$PEN_PROXY" -c "$LAB/none.ini"
  assert_eq 2 "$status"
  assert_contains "$output" "none.ini"
}

@test "--listen and --allow run without a config file" {
  proxy_by_options --listen 127.0.0.1:3128 --allow example.test:443 \
    --allow example.test:80
  assert_eq 127.0.0.1:3128 "$PROXY"
  assert_eq 200 "$(curl_code https://example.test/)"
  assert_eq 200 "$(curl_code http://example.test/)"
  assert_eq 403 "$(curl_code https://other.test/)"
}

@test "--allowlist reads a file, several --listen all listen" {
  printf '# rules\nexample.test:443\n' >rules
  proxy_by_options --listen 127.0.0.1:3128 --listen '[::1]:3129' \
    --allowlist "$LAB/rules"
  assert_eq 2 "${#LAB_READY[@]}"
  assert_eq 200 "$(curl_code https://example.test/)"
  PROXY='[::1]:3129'
  assert_eq 200 "$(curl_code https://example.test/)"
  assert_eq 403 "$(curl_code https://example.test:8443/)"
}

@test "without any listener it is 127.0.0.1:8080, without any rule all is refused" {
  start_proxy proxy </dev/null
  assert_eq 127.0.0.1:8080 "$PROXY"
  assert_eq 1 "${#LAB_READY[@]}"
  assert_eq 403 "$(curl_code https://example.test/)"
  assert_eq 403 "$(curl_code http://example.test/)"
}

@test "of an address range the first free port is taken" {
  lab_tcpd "127.0.0.1:3128=hold" "127.0.0.1:3129=hold"
  start_proxy proxy <<<$'[proxy]\nlisten = 127.0.0.1:3128-3135'
  assert_eq 127.0.0.1:3130 "$PROXY"
}

@test "a range with no free port, or a taken port: status 1, and which" {
  lab_tcpd "127.0.0.1:3128=hold" "127.0.0.1:3129=hold"
  for range in 3128-3129 3128; do
    run timeout 5 "$PEN_PROXY" --listen "127.0.0.1:$range"
    assert_eq 1 "$status"
    assert_contains "$output" "127.0.0.1:$range"
  done
}

@test "a unix socket listener serves, and its file goes with the process" {
  start_proxy proxy <<CONF
[proxy]
listen = unix:$LAB/proxy.sock
[policy]
allow = example.test:80
CONF
  assert_eq "unix:$LAB/proxy.sock" "$PROXY"
  out=$(raw "$PROXY" connect=example.test:80 \
    'send=GET /x HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n' eof)
  assert_contains "$out" 'GET /x HTTP/1.1'
  stop_proxy
  [[ ! -e proxy.sock ]] || fail 'the socket file stays'
}

@test "a stale unix socket is replaced, a file that is none is not" {
  "$PYTHON" -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
    "$LAB/stale.sock"
  start_proxy proxy <<<$'[proxy]\nlisten = unix:'"$LAB/stale.sock"
  echo precious >file
  run timeout 5 "$PEN_PROXY" --listen "unix:$LAB/file"
  assert_eq 1 "$status"
  assert_eq precious "$(<file)"
}

@test "an unwritable log: status 1 and its path, and nothing was opened" {
  printf '[log]\nfile = /nonexistent/x.log\n' >bad.ini
  run timeout 5 "$PEN_PROXY" -c bad.ini
  assert_eq 1 "$status"
  assert_contains "$output" /nonexistent/x.log
}

@test "-t sums the policy up: status 0" {
  printf 'example.test:443\n*.example.test:80\nexpect allow example.test:443\n' >rules
  lab_config check <<CONF
[policy]
allowlist = $LAB/rules
allow = other.test:1
CONF
  run "$PEN_PROXY" -t -c check.ini
  assert_eq 0 "$status" "$output"
  assert_contains "$output" 3
  [[ ! -e check.log ]] || fail '-t opened the log'
}

@test "-t names every fault of every file with its line: status 2" {
  printf 'good.test:443\nbad rule here\n\n*:443\n' >rules
  lab_config check <<CONF
[proxy]
threads = many
[policy]
allowlist = $LAB/rules
allow = no-port.test
CONF
  run "$PEN_PROXY" -t -c check.ini
  assert_eq 2 "$status"
  assert_contains "$output" check.ini:2:
  assert_contains "$output" check.ini:5:
  assert_contains "$output" "$LAB/rules:2:"
  assert_contains "$output" "$LAB/rules:4:"
}

@test "--check: 0 and the rule for allowed, 3 for refused, 2 for malformed" {
  printf '# one\nexample.test:443\n*.other.test:*\n' >rules
  lab_config check <<<"[policy]
allowlist = $LAB/rules"
  run "$PEN_PROXY" --check example.test:443 -c check.ini
  assert_eq 0 "$status"
  assert_contains "$output" "$LAB/rules:2"
  run "$PEN_PROXY" --check A.B.Other.TEST.:99 -c check.ini
  assert_eq 0 "$status"
  assert_contains "$output" "$LAB/rules:3"
  run "$PEN_PROXY" --check example.test:444 -c check.ini
  assert_eq 3 "$status"
  run "$PEN_PROXY" --check other.test:443 -c check.ini
  assert_eq 3 "$status"
  for bad in example.test 'exa mple.test:443' example.test:0 127.1:443 :443 \
    'user@example.test:443' ''; do
    run "$PEN_PROXY" --check "$bad" -c check.ini
    assert_eq 2 "$status" "status of --check '$bad'"
  done
}

@test "--check sees the address guard for literals" {
  lab_config check <<<$'[policy]\nallow = 10.0.0.5:5432\nallow = *.test:*'
  run "$PEN_PROXY" --check 10.0.0.5:5432 -c check.ini
  assert_eq 0 "$status"
  run "$PEN_PROXY" --check 10.0.0.6:5432 -c check.ini
  assert_eq 3 "$status"
}

@test "--check: mode=monitor does not lift the address guard" {
  lab_config check <<<$'[policy]\nmode = monitor'
  run "$PEN_PROXY" --check 45.45.45.10:80 -c check.ini
  assert_eq 0 "$status" "$output"
  for target in 10.0.0.6:5432 169.254.169.254:80 0.0.0.0:80 '[::1]:80' '[::ffff:10.0.0.6]:1'; do
    run "$PEN_PROXY" --check "$target" -c check.ini
    assert_eq 3 "$status" "$target: $output"
  done
}

@test "--check: a listener of the proxy's own is no destination" {
  lab_config check <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 0.0.0.0:3129
[policy]
private = allow
allow = 127.0.0.1:*
allow = 127.0.0.2:*
[admin]
listen = [::ffff:127.0.0.1]:9090
CONF
  for target in 127.0.0.1:3128 127.0.0.1:3129 127.0.0.2:3129 127.0.0.1:9090; do
    run "$PEN_PROXY" --check "$target" -c check.ini
    assert_eq 3 "$status" "$target: $output"
  done
  for target in 127.0.0.2:3128 127.0.0.1:8080; do
    run "$PEN_PROXY" --check "$target" -c check.ini
    assert_eq 0 "$status" "$target: $output"
  done
  run "$PEN_PROXY" --check 127.0.0.1:8080 --allow '127.0.0.1:*'
  assert_eq 3 "$status" "the default listener: $output"
}
