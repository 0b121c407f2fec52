#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# dns_listener.bats - the sandbox's resolver: pool addresses for allowed names only

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:22=send=SSH-2.0-lab\r\n;line;eof" "$IP1:5432=echo" "$IP2:5432=echo"
}

# pool - a proxy with a dns and a transparent listener
pool() {
  start_proxy proxy < <(
    printf '[proxy]\nlisten = 127.0.0.1:3128\ntransparent = 127.0.0.1:3129\n'
    printf 'dns = 127.0.0.1:5300\ndns = [::1]:5300\n[policy]\n'
    printf 'allow = %s\n' 'example.test:443' '*.example.test:443' \
      'example.test:5432' 'Six.test:80'
  )
}

@test "names that a rule covers get one pool address each, all others NXDOMAIN" {
  pool
  run_table dnslistener answers
}

@test "nothing is looked up outside for a DNS question, allowed or not" {
  pool
  run_table dnslistener answers
  assert_eq 0 "$(wc -l <"$DNS_LOG")" "$(<"$DNS_LOG")"
}

@test "odd and hostile questions are answered properly or dropped, never forwarded" {
  pool
  run_table dnslistener hostile
  proxy_alive
  assert_eq 0 "$(wc -l <"$DNS_LOG")"
}

@test "dig understands the answers, over UDP, TCP and IPv6" {
  command -v dig >/dev/null || skip 'dig is not installed'
  pool
  addr=$(dig +short +time=2 +tries=1 -p 5300 @127.0.0.1 example.test A)
  [[ $addr =~ ^198\.1[89]\. ]] || fail "$addr"
  assert_eq "$addr" "$(dig +tcp +short +time=2 +tries=1 -p 5300 @127.0.0.1 example.test A)"
  assert_eq "$addr" "$(dig +short +time=2 +tries=1 -p 5300 @::1 EXAMPLE.Test A)"
  out=$(dig +time=2 +tries=1 -p 5300 @127.0.0.1 other.test A)
  assert_contains "$out" 'status: NXDOMAIN'
}

@test "a connection to a pool address is one to its name: any TCP protocol" {
  start_sandboxed_proxy --redirect <<'CONF'
[policy]
allow = example.test:22
allow = example.test:5432
allow = other.test:443
CONF
  # The pool address is one of the sandbox's own namespace: everything there
  # lands on the transparent listener.
  addr=$(in_sandbox "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/dnslistener.py" \
    ask 127.0.0.1:53 example.test A)
  [[ $addr =~ ^198\.1[89]\. ]] || fail "$addr"
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" "$addr:22" line)
  assert_contains "$out" SSH-2.0-lab
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" "$addr:5432" send=select recv=6)
  assert_contains "$out" select
  # A port that no rule opens.
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" "$addr:25" eof || true)
  assert_json '.bytes == 0 or .data == null' "$out"
  addr6=$(in_sandbox "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/dnslistener.py" \
    ask 127.0.0.1:53 example.test AAAA)
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" "[$addr6]:22" line)
  assert_contains "$out" SSH-2.0-lab
  # A pool address that was never given out.
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" 198.18.77.77:22 eof || true)
  assert_json '.bytes == 0 or .data == null' "$out"
}

@test "TLS to a pool address must name that host" {
  start_sandboxed_proxy --redirect <<'CONF'
[policy]
allow = example.test:443
allow = other.test:443
CONF
  addr=$(in_sandbox "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/dnslistener.py" \
    ask 127.0.0.1:53 example.test A)
  in_sandbox curl -sS --max-time 5 --resolve "example.test:443:$addr" \
    https://example.test/ >out
  assert_json '.sni == "example.test"' "$(<out)"
  out=$(in_sandbox "$PYTHON" -SE "$LAB_DIR/raw.py" "$addr:443" hello=other.test eof)
  assert_json '.alert == 112' "$out"
}

@test "a wildcard UDP listener answers from the address that was asked" {
  start_sandboxed_proxy <<<$'[policy]\nallow = example.test:443'
  for server in 127.0.0.1:53 8.8.8.8:53 '[::1]:53' '[2001:4860:4860::8888]:53'; do
    addr=$(in_sandbox "$PYTHON" -S "$LAB_ROOT/tests/e2e/proxy/tables/dnslistener.py" \
      ask "$server" example.test A)
    [[ $addr =~ ^198\.1[89]\. ]] || fail "$server: $addr"
  done
}

@test "the pool follows the policy: a removed name is NXDOMAIN, an added one answered" {
  printf 'example.test:443\n' >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
dns = 127.0.0.1:5300
[policy]
allowlist = $LAB/rules
CONF
  run_table dnslistener ask 127.0.0.1:5300 example.test A
  printf 'new.test:443\n' >rules.new
  mv rules.new rules
  log_wait 'select(.event == "reload")'
  run run_table dnslistener ask 127.0.0.1:5300 example.test A
  assert_eq NXDOMAIN "$output"
  run run_table dnslistener ask 127.0.0.1:5300 new.test A
  [[ $output =~ ^198\.1[89]\. ]] || fail "$output"
}

@test "the pool does not grow without bound" {
  pool
  run_table dnslistener many
  proxy_alive
}
