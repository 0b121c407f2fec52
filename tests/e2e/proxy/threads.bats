#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# threads.bats - several event loops behave as one proxy

load common

setup_file() {
  lab_standard
  lab_tcpd "$IP1:7=echo" "$IP2:7=echo" "$IP1:9=sink"
}

setup() {
  lab_setup
  printf 'example.test:*\nother.test:7\n' >rules
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
threads = 3
[policy]
allowlist = $LAB/rules
[admin]
listen = 127.0.0.1:9090
CONF
}

@test "connections are spread over the loops, and all is served" {
  run_table tunnels many
  assert_eq 3 "$(log_wait 'select(.event == "start")' | jq .workers)"
  (($(find "/proc/$PROXY_PID/task" -mindepth 1 -maxdepth 1 | wc -l) >= 3))
}

@test "revocation reaches the tunnels of every loop" {
  printf 'example.test:7\nother.test:7\n' >rules
  reload_proxy
  run_table revocation thousand
}

@test "reloads under load, on every loop" {
  printf 'example.test:7\nexample.test:80\n' >rules
  reload_proxy
  run_table revocation storm
}

@test "an hourly budget is one for all loops" {
  printf 'example.test:7 up=20k/h\n' >rules
  reload_proxy
  run_table threads_budget
}

@test "metrics, /connections and /policy are sums over the loops" {
  run_table tunnels many
  eventually 5 bash -c "[[ \$(curl -s http://127.0.0.1:9090/connections) == '[]' ]]"
  curl -sf http://127.0.0.1:9090/metrics >metrics
  assert_eq 200 "$(awk '/^pen_proxy_connections_total\{proto="connect",verdict="allow"\}/ { print $2 }' metrics)"
  assert_json '.rules[0].hits == 200' "$(curl -sf http://127.0.0.1:9090/policy)"
}

@test "SIGTERM drains every loop; the limit of connections is one for all" {
  stop_proxy
  sed -i 's/^\[admin\]/[limits]\nmax-connections = 5\ndrain-timeout = 1s\n[admin]/; s/^listen = 127.0.0.1:3128/&\ntransparent = 127.0.0.1:3129/' proxy.ini
  lab_start proxy --ready-fd "$PEN_PROXY" -c proxy.ini
  proxy_started proxy
  run_table limits max_connections
}
