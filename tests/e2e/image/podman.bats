#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# podman.bats - the same image, built and run by podman

load common
image_lab podman

setup_file() { image_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { image_setup; }
teardown() { image_teardown; }

@test "P6 F5: podman builds the default image, once, and its sandbox is as it should be" {
  pen init --runtime podman >/dev/null
  set_config '.network = "socket"'
  assert_eq "Built $(sandbox)" "$(pen build)"
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  run pen exec -- ps -o pid=,ppid=,args= ax
  [[ $output =~ ' 1 '\ +'0 /usr/bin/tini -- /usr/libexec/pen/start' ]]
  [[ $output =~ [0-9]+\ +'1 /usr/bin/python3 /usr/bin/supervisord' ]]
  pen allow example.test:80
  assert_contains "$(pen exec -- curl -sS --max-time 5 http://example.test/there)" '"target": "/there"'
  pen exec -- sh -c 'echo text >made'
  assert_eq 0 "$(stat -c %u made)"
}

@test "P12: ssh and scp into a podman sandbox" {
  pen init --runtime podman >/dev/null
  set_config '.network = "none"'
  assert_eq hello "$(pen ssh echo hello)"
  pen ssh config | write ../ssh-config
  echo data | write file
  owner scp -q -F ../ssh-config file "$(sandbox):/tmp/file"
  assert_eq data "$(pen exec -- cat /tmp/file)"
}

@test "P6: podman builds an override FROM the default, and with files of the project" {
  pen init --runtime podman >/dev/null
  printf '%s\n' 'ARG PEN_BASE' 'FROM ${PEN_BASE}' 'COPY sub /sub' | write .pen/Dockerfile
  echo one | write sub/one
  pen build --yes
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  echo two | write sub/one
  assert_eq "Built $(sandbox)" "$(pen build --yes)"
  set_config '.network = "none"'
  assert_eq two "$(pen exec -- cat /sub/one)"
}
