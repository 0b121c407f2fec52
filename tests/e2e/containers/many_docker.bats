#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# many_docker.bats - many sandboxes, one after the other and at once, and several
# users; its link many_podman.bats is the same with podman
#
# PEN_SLOW=1 runs a hundred in a row instead of ten, and twenty at once instead of
# eight with podman, too.

load common
lab_containers "$(runtime_of_file)"
setup_file() { containers_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { pen_setup "$(runtime_of_file)"; }
teardown() { pen_teardown; }

# whole_host - print what there is on the host that a sandbox could have left
whole_host() {
  ip -br link | awk '{ print $1 }'
  nft list tables
  tool network ls --format '{{.Name}}'
  tool ps -a --format '{{.Names}}'
  grep -c . /proc/mounts
  # Neither has to be there.
  find /run/pen -type f 2>/dev/null || true
  find /sys/fs/cgroup/*/"$LAB_GROUP" -mindepth 1 -type d 2>/dev/null || true
  left_processes | sed "s,^[0-9]* ,,"
  as "$PEN_AS" find "$SANDBOX_DIR" | sort
}

@test "N5: start and stop, time and again, leave the host as after the first time" {
  local i rounds=10
  [[ ${PEN_SLOW:-} != 1 ]] || rounds=100
  pen start
  pen stop
  whole_host >"$LAB/before"
  for ((i = 1; i < rounds; i++)); do
    pen start >/dev/null
    pen stop >/dev/null
  done
  whole_host >"$LAB/after"
  diff "$LAB/before" "$LAB/after"
}

@test "N5: many sandboxes at once, each with its own policy, and nothing left of them" {
  local i pids=() count=20
  [[ $PEN_RUNTIME == docker || ${PEN_SLOW:-} == 1 ]] || count=8
  for ((i = 1; i <= count; i++)); do
    pen_project "p$i"
    printf '%s\n' "p$i.example.test:80" >"$SANDBOX_DIR/http-allowlist.txt"
  done
  for ((i = 1; i <= count; i++)); do
    (cd "$(pen_home "$PEN_AS")/p$i" && pen exec -- sh -c 'for n in "$1" other; do
      curl -s -o /dev/null -w "%{http_code} " "http://$n.example.test/"; done' sh "p$i" \
      >"$LAB/out.$i" 2>"$LAB/err.$i") &
    pids+=("$!")
  done
  for i in "${!pids[@]}"; do
    wait "${pids[i]}" || fail "p$((i + 1)): $(<"$LAB/err.$((i + 1))")"
  done
  for ((i = 1; i <= count; i++)); do
    assert_eq '200 403 ' "$(<"$LAB/out.$i")" "p$i"
  done
  assert_eq "$count" "$(pen list --json | jq '[.[] | select(.state == "up")] | length')"
  assert_eq "$count" "$(nft list tables | grep -c pen_user_)"
  PEN_LIMIT=200 pen stop --all
  nothing_left
}

@test "P2 P10: two users' sandboxes of one name's projects stand side by side" {
  [[ $PEN_RUNTIME == docker ]] || skip 'with podman, bridges are root'\''s'
  pen allow example.test:80
  pen start
  alices=$SANDBOX
  PEN_AS=bob
  pen_project project
  pen allow other.test:80
  pen start
  [[ $SANDBOX != "$alices" ]]
  assert_eq '403 200' "$(fetch_two)"
  assert_eq "$SANDBOX" "$(pen list --json | jq -r '.[].name')"
  PEN_AS=alice
  cd /home/alice/project
  assert_eq '200 403' "$(fetch_two)"
  pen stop --all
  PEN_AS=bob
  cd /home/bob/project
  pen status
  assert_eq '403 200' "$(fetch_two)"
  # Neither can touch the other's rules.
  run as_user alice sudo -n "$PFCTL" flush "$SANDBOX"
  assert_eq 4 "$status"
  pen stop
}

# fetch_two - print the answers for example.test and other.test from inside
fetch_two() {
  inside sh -c 'for n in example other; do
    curl -s -o /dev/null -w "%{http_code}\n" "http://$n.test/"; done' | paste -sd ' '
}

@test "P2: two projects of one user's stand side by side" {
  pen allow example.test:80
  pen start
  first=$SANDBOX
  pen_project project/sub
  pen allow other.test:80
  assert_eq '403 200' "$(fetch_two)"
  [[ $SANDBOX != "$first" ]]
  cd "${PROJECT%/sub}"
  assert_eq '200 403' "$(fetch_two)"
}
