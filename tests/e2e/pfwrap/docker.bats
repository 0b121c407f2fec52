#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docker.bats - a real container behind a real dockerd's chains, and hosts with a
# firewall of their own; docker_sid.bats is a link to it, for a later Docker

load common
load ../../lab/containers
daemon=${BATS_TEST_FILENAME##*/}
daemon=${daemon%.bats}
lab_containers "${daemon/_/-}"

setup_file() {
  export LAB=$BATS_FILE_TMPDIR LAB_FILE=$BATS_FILE_TMPDIR
  [[ -n ${LAB_NETNS:-} ]] || return 0
  chmod 0711 "$BATS_RUN_TMPDIR"
  containers_open
  dockerd_start
  ip -n wan addr add 198.51.100.66/32 dev lo
  ip link add pen1 type bridge && ip addr add 10.77.2.1/24 dev pen1 && ip link set pen1 up
  docker network create -o com.docker.network.bridge.name=pen0 \
    --subnet 10.77.1.0/24 --gateway 10.77.1.1 \
    --ipv6 --subnet fd77:1::/64 --gateway fd77:1::1 box
  # dockerd may be in a tree of its own, which has the folder of the run.
  mkdir "$LAB/python" && cp "$PFWRAP_DIR"/*.py "$LAB/python/"
  # As much as a container can get without being the host itself.
  docker run -d --init --name box --network box --ip 10.77.1.2 --ip6 fd77:1::2 \
    --cap-add NET_ADMIN --sysctl net.ipv6.conf.all.disable_ipv6=0 \
    -v "$LAB/python:$PFWRAP_DIR:ro" "$LAB_TOOLS" sleep infinity
}

teardown_file() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  lab_stop_all "$LAB_FILE"
}

setup() {
  [[ $daemon == docker || $PEN_MODE == release ]] ||
    skip 'one Docker is enough for a build with sanitizers'
  containers_setup
  export PFCTL=/usr/local/libexec/pen-root/pen-pfctl
  bridge_filter 1
  more_addresses
  before=$(rules_of_host)
}

teardown() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  pfwrap_teardown
  nft 'add table inet own; delete table inet own'
  iptables-legacy -P INPUT ACCEPT && iptables-legacy -F INPUT
  docker rm -f served >/dev/null 2>&1 || :
  iptables -D DOCKER-USER -i pen0 -j ACCEPT 2>/dev/null || :
}

in_box() {
  timeout 30 docker exec -e "WANT=${WANT-}" box "$@"
}

# say_box PROTO ADDR PORT - what came back to the container for "hello"
say_box() {
  in_box "$PYTHON" "$PFWRAP_DIR/flow.py" say "$@"
}

# rules_of_host - every rule that is not pen-pfctl's, of nft and legacy
rules_of_host() {
  local table
  nft -s list ruleset | awk '/^table inet pen_/ { ours = 1 } !ours; /^}/ { ours = 0 }'
  for table in filter nat; do
    iptables-legacy -S -t "$table"
  done
}

# echo_server NS ADDR PORT... - in the namespace wan, or on the host
echo_server() {
  local ns=$1
  shift
  set -- "$PYTHON" "$PFWRAP_DIR/flow.py" echo "$@"
  if [[ $ns == wan ]]; then
    in_ns_start wan "echo$RANDOM" --ready-fd "$@"
  else
    lab_start "echo$RANDOM" --ready-fd "$@"
  fi
}

@test "without rules every probe gets out of a container" {
  probe_all open
}

@test "N1: with rules none does" {
  load_for alice "$A"
  probe_all shut
}

@test "N1: with rules none does with br_netfilter off" {
  bridge_filter 0
  load_for alice "$A"
  probe_all shut
}

@test "N1: with rules none does, whatever DOCKER-USER accepts" {
  load_for alice "$A"
  iptables -I DOCKER-USER -i pen0 -j ACCEPT
  probe_all shut
}

@test "the proxy and allowed pairs work, and nothing beside them" {
  echo_server host 10.77.1.1 3128 3129
  echo_server wan 203.0.113.10 443 444
  echo_server wan 198.51.100.66 443
  load_for alice "$A" 203.0.113.10:443/tcp 203.0.113.10:444/udp 198.51.100.0/24:443/tcp
  [[ $(say_box tcp 10.77.1.1 3128) == hello ]]
  [[ $(say_box tcp 10.77.1.1 3129) == refused ]]
  [[ $(say_box tcp 203.0.113.10 443) == hello ]]
  [[ $(say_box udp 203.0.113.10 443) == refused ]]
  [[ $(say_box tcp 203.0.113.10 444) == refused ]]
  [[ $(say_box udp 203.0.113.10 444) == hello ]]
  [[ $(say_box tcp 198.51.100.66 443) == hello ]]
}

@test "a download through Docker's address translation stops when its rule is removed" {
  echo_server wan 203.0.113.10 9000
  load_for alice "$A" 203.0.113.10:9000
  lab_start down - timeout 30 docker exec box sh -c 'exec "$@" --ready-fd 9 9>/dev/null' sh \
    "$PYTHON" "$PFWRAP_DIR/flow.py" download tcp 203.0.113.10 9000
  eventually 10 test -s "$LAB/down.out"
  "$PYTHON" "$PFWRAP_DIR/flow.py" grows "$LAB/down.out"
  load_for alice "$A" 203.0.113.10:1
  run "$PYTHON" "$PFWRAP_DIR/flow.py" grows "$LAB/down.out"
  [[ $status == 1 ]]
}

@test "a port that Docker publishes is shut to the outside, open to the host" {
  say=("$PYTHON" "$PFWRAP_DIR/flow.py" say tcp)
  docker run -d --name served --network box --ip 10.77.1.3 -p 100.64.0.2:8088:8088 \
    -v "$LAB_FILE/python:$PFWRAP_DIR:ro" "$LAB_TOOLS" \
    "$PYTHON" "$PFWRAP_DIR/flow.py" echo 0.0.0.0 8088 --ready-fd 1
  eventually 10 docker exec served grep -q :1F98 /proc/net/tcp
  [[ $(ip netns exec wan "${say[@]}" 100.64.0.2 8088) == hello ]]
  load_for alice "$A"
  [[ $(ip netns exec wan "${say[@]}" 100.64.0.2 8088) != hello ]]
  [[ $("${say[@]}" 10.77.1.3 8088) == hello ]]
}

@test "a restart of dockerd leaves the rules in force" {
  load_for alice "$A"
  dockerd_stop
  pfctl_as alice verify "$A"
  dockerd_start
  pfctl_as alice verify "$A"
  docker start box
  more_addresses
  probe_all shut
}

@test "a flush leaves the host as it was: no table, no file" {
  load_for alice "$A" 203.0.113.10:443 '[2001:db8:cafe::10]:443'
  [[ $(rules_of_host) == "$before" ]]
  pfctl_as alice flush "$A"
  no_trace "$A"
  [[ $(rules_of_host) == "$before" ]]
  [[ -z $(ls -A /run/pen) ]]
}

# warned LOAD-OUTPUT - whether it is a warning and names what has to be let in
warned() {
  [[ $1 == *"warning: this host's own firewall"*'from pen0 to 10.77.1.1 port 3128' ]]
}

@test "a host that drops by nftables: load says so, and is right" {
  echo_server host 10.77.1.1 3128
  run load_for alice "$A"
  [[ $status == 0 && -z $output ]]
  nft 'table inet own { chain input { type filter hook input priority 0; policy drop; ct state established,related accept; iif lo accept; }; }'
  [[ $(say_box tcp 10.77.1.1 3128) == silent ]]
  run load_for alice "$A"
  [[ $status == 0 ]] && warned "$output"
  run pfctl_as alice verify "$A"
  [[ $status == 0 ]] && warned "$output"
  nft 'add rule inet own input iifname "pen0" ip daddr 10.77.1.1 tcp dport 3128 accept'
  [[ $(say_box tcp 10.77.1.1 3128) == hello ]]
}

@test "a host that drops by legacy iptables: load says so, and is right" {
  echo_server host 10.77.1.1 3128
  iptables-legacy -P INPUT DROP
  [[ $(say_box tcp 10.77.1.1 3128) == silent ]]
  run load_for alice "$A"
  [[ $status == 0 ]] && warned "$output"
  iptables-legacy -A INPUT -i pen0 -d 10.77.1.1 -p tcp --dport 3128 -j ACCEPT
  [[ $(say_box tcp 10.77.1.1 3128) == hello ]]
  iptables-legacy -P INPUT ACCEPT
  run load_for alice "$A"
  [[ $status == 0 && -z $output ]]
  iptables-legacy -A INPUT -j REJECT
  run load_for alice "$A"
  [[ $status == 0 ]] && warned "$output"
}

@test "a host that refuses by a last rule, as firewalld's does: load says so" {
  echo_server host 10.77.1.1 3128
  nft 'table inet own { chain filter_INPUT { type filter hook input priority 10; policy accept; ct state established,related accept; iif lo accept; reject with icmpx type admin-prohibited; }; }'
  [[ $(say_box tcp 10.77.1.1 3128) == refused ]]
  run load_for alice "$A"
  [[ $status == 0 ]] && warned "$output"
  nft 'flush chain inet own filter_INPUT; add rule inet own filter_INPUT tcp dport 22 counter reject'
  run load_for alice "$A"
  [[ $status == 0 && -z $output ]]
}
