#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# lab.bats - the lab itself: what the other files take for granted

load ../../lab/containers
lab_containers docker podman

setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { containers_setup; }
teardown() { containers_teardown; }

@test "a docker container reaches the internet of the lab, and its queries are seen" {
  docker run --rm "$LAB_TOOLS" curl -sS --max-time 10 http://example.test/out >out
  assert_json '.target == "/out"' "$(cat out)"
  docker run --rm "$LAB_TOOLS" curl -sS --max-time 10 "http://$METADATA/" >out
  docker run --rm --network host "$LAB_TOOLS" curl -sS --max-time 10 http://seen.evil.test/ >out
  assert_contains "$(cat "$DNS_LOG")" seen.evil.test
}

@test "a podman container does, too" {
  podman run --rm "$LAB_TOOLS" curl -sS --max-time 10 http://example.test/out >out
  assert_json '.target == "/out"' "$(cat out)"
}

@test "an ordinary user has docker, and pen-pfctl through sudo, and nothing else of root's" {
  as_user alice docker version >/dev/null
  as_user alice sudo -n /usr/local/libexec/pen-root/pen-pfctl list
  run as_user alice sudo -n id
  assert_eq 1 "$status"
  as_user bob pen version
}

@test "dockerd can be killed and started again" {
  docker run -d --name still "$LAB_TOOLS"
  dockerd_stop KILL
  run dockerd_answers
  [[ $status != 0 ]]
  dockerd_start
  docker rm -f still
}

@test "the machine's own network is out of reach" {
  assert_eq "lo wan0" \
    "$(ip -j link | jq -r '[.[].ifname | select(test("^veth|^docker0$|^podman") | not)] | join(" ")')"
  run curl -sS --max-time 2 http://192.0.2.1/
  [[ $status != 0 ]]
}
