#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# dns_leak_sid.bats - look-ups past the firewall, with sid's Docker

load dns_leak
lab_containers docker-sid

@test "the query log sees a container's look-up, whatever server the host has" {
  test_log_sees
}

@test "a container on a shut bridge leaks look-ups where its version is known to" {
  test_known_leaks
}

@test "P9: no look-up leaves a container that pen started, whatever server the host has" {
  test_pen_leaks_none
}
