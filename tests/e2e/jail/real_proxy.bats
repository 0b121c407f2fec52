#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# real_proxy.bats - pen-jail with pen-proxy itself: what is allowed is reached
# by every way there is, and nothing else is

load common
bats_require_minimum_version 1.5.0
lab_netns

setup_file() {
  export PEN_PROXY=$REAL_PROXY
  chmod o+x "$BATS_RUN_TMPDIR"
  lab_file_setup
  lab_origin
  lab_dns <<<"$(lab_default_zone)"
}

teardown_file() {
  lab_file_teardown
}

setup() {
  command -v curl >/dev/null || skip "curl is not installed"
  jail_setup
  export PEN_PROXY=$REAL_PROXY
  cat >"$LAB/var/pen-proxy.ini" <<INI
[policy]
allow = example.test:80
allow = example.test:443
[dns]
servers = $DNS_IP
[log]
file = $LAB/var/proxy.log
INI
}

# fetch ARG... - curl in a sandbox with the policy above
fetch() {
  jail run --proxy-config "$LAB/var/pen-proxy.ini" --mount "$LAB_FILE/certs:/certs:ro" -- \
    curl -sS --max-time 8 --cacert /certs/ca.pem -o /dev/null -w '%{http_code}\n' "$@"
}

@test "N1: an allowed host is reached through the proxy, and captured without it" {
  for user in $(jail_users); do
    own_by "$user"
    chmod -R a+rX "$LAB_FILE/certs"
    run fetch https://example.test/
    [[ $output == 200 ]] || fail "$output"
    run fetch http://example.test/
    [[ $output == 200 ]] || fail "$output"
    # The sandbox's own resolver, and the connection redirected.
    run fetch --noproxy '*' https://example.test/
    [[ $output == 200 ]] || fail "$output"
    run fetch --noproxy '*' http://example.test/
    [[ $output == 200 ]] || fail "$output"
    rm -f "$LAB/var/proxy.log"
  done
}

@test "N1: another host is refused on every way" {
  run fetch https://denied.test/
  [[ $status != 0 && $output == *403* ]] || fail "$output"
  run fetch --noproxy '*' https://denied.test/
  [[ $status != 0 && $output == *"ould not resolve"* ]] || fail "$output"
  run fetch --noproxy '*' --resolve "denied.test:443:$IP1" https://denied.test/
  [[ $status != 0 && $output == *000* ]] || fail "$output"
  run fetch --noproxy '*' "http://$IP1/"
  [[ $output == *403* || $output == *000* ]] || fail "$output"
}

@test "N1: without a policy nothing is reached, and the log stays away from stderr" {
  run jail run -- curl -sS --max-time 5 -o /dev/null -w '%{http_code}' http://example.test/
  [[ $output == 403 ]] || fail "$output"
}
