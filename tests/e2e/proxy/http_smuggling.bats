#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# http_smuggling.bats - what RFC 9112 calls ambiguous is 400, and goes nowhere

load common

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
[policy]
allow = example.test:80
CONF
}

@test "ambiguous heads are refused with 400 and the connection closes" {
  run_table smuggling heads
}

@test "ambiguous framing never lets a hidden request reach the origin" {
  run_table smuggling hidden
  assert_eq 0 "$(origin_saw 'select(.event == "request" and .target == "/hidden")')"
}

@test "bad chunks end the request before anything behind them is read" {
  run_table smuggling chunks
  assert_eq 0 "$(origin_saw 'select(.event == "request" and .target == "/hidden")')"
}

@test "the same on a transparent listener" {
  PROXY=$PROXY_TRANSPARENT run_table smuggling transparent
  assert_eq 0 "$(origin_saw 'select(.event == "request" and .target == "/hidden")')"
}
