#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# probes.bats - every way out of a sandbox behind a bridge, open and shut

load common
pfwrap_lab

setup_file() { pfwrap_setup_file; }
teardown_file() { lab_file_teardown; }

setup() {
  pfwrap_setup
  more_addresses
}

teardown() {
  local table
  pfwrap_teardown
  for table in 'ip filter' 'ip6 filter' 'ip dockernat'; do
    nft "add table $table; delete table $table"
  done
}

# docker_chains - what dockerd sets up for a bridge network, and a line of an
# administrator's that opens everything, as iptables-nft writes them (docker.bats
# has a real one)
docker_chains() {
  nft -f - <<'NFT'
table ip filter {
  chain DOCKER-USER { iifname "pen0" counter accept; return; }
  chain DOCKER-ISOLATION-STAGE-2 { oifname "pen0" counter drop; return; }
  chain DOCKER-ISOLATION-STAGE-1 {
    iifname "pen0" oifname != "pen0" counter jump DOCKER-ISOLATION-STAGE-2
    return
  }
  chain DOCKER { }
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    counter jump DOCKER-USER
    counter jump DOCKER-ISOLATION-STAGE-1
    oifname "pen0" ct state related,established counter accept
    oifname "pen0" counter jump DOCKER
    iifname "pen0" oifname != "pen0" counter accept
    iifname "pen0" oifname "pen0" counter accept
  }
}
table ip6 filter {
  chain FORWARD { type filter hook forward priority filter; policy accept; }
}
table ip dockernat {
  chain DOCKER { iifname "pen0" return; }
  chain PREROUTING {
    type nat hook prerouting priority dstnat;
    fib daddr type local counter jump DOCKER
  }
}
NFT
}

@test "without rules every probe gets out" {
  probe_all open
}

@test "N1: with rules none does" {
  load_for alice "$A"
  probe_all shut
}

@test "with rules and an IPv6 pair for another target none does" {
  load_for alice "$A" '[2001:db8:cafe::99]:443' 203.0.113.99:443
  probe_all shut
}

@test "without rules every probe gets out with br_netfilter on" {
  bridge_filter 1
  probe_all open
}

@test "with rules none does with br_netfilter on" {
  bridge_filter 1
  load_for alice "$A"
  probe_all shut
}

@test "with rules none does with br_netfilter off" {
  bridge_filter 0
  load_for alice "$A"
  probe_all shut
}

@test "without rules every probe gets out through the chains of Docker" {
  docker_chains
  probe_all open
}

@test "N1: with rules none does, whatever the chains of Docker accept" {
  docker_chains
  load_for alice "$A"
  probe_all shut
}

@test "after a flush every probe gets out again" {
  load_for alice "$A"
  pfctl_as alice flush "$A"
  no_trace "$A"
  probe_all open
}
