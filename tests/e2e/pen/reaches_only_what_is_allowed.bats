#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# reaches_only_what_is_allowed.bats - the main job: a real program in a real
# sandbox reaches the host that its policy names, and no other

load common

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

setup() {
  pen_setup
  fetch_words
}

@test "pen run --allow reaches the host, by its name and with its certificate" {
  run --separate-stderr pen run --allow example.test:443 -- "${FETCH[@]}" https://example.test/hello
  assert_eq 0 "$status"
  assert_json '.line | startswith("GET /hello")' "$output"
  assert_eq "" "$stderr"
}

@test "P16: another host is refused with a text that names the command that allows it" {
  run pen run --allow example.test:443 -- "${FETCH[@]}" -x http://127.0.0.1:3128 http://other.test/
  assert_contains "$output" "pen allow other.test:80"
  run pen run --allow example.test:443 -- "${FETCH[@]}" -v https://other.test/
  [[ $status != 0 ]] || fail "it was let through"
  assert_contains "$output" "403"
  assert_eq 0 "$(dns_asked other.test)" "queries for other.test"
}

@test "P17: pen allow in another terminal counts within a second, in the sandbox that runs" {
  mkfifo refused go
  cat >client.sh <<'END'
curl -sS --max-time 5 --cacert ca.pem https://other.test/ && echo early
echo >refused
read -r _ <go
curl -sS --max-time 20 --cacert ca.pem https://other.test/late
END
  pen run --allow example.test:443 -- bash client.sh >out 2>err &
  client=$!
  read -r _ <refused
  pen allow other.test:443
  # It returns when the proxy has the rule: the very next try passes.
  echo >go
  wait "$client" || fail "the client ended badly: $(cat out err)"
  assert_contains "$(cat out)" '"line": "GET /late'
  [[ $(cat out) != *early* ]]
}

@test "P17: pen deny closes live tunnels and refuses new ones within a second" {
  pen init
  pen allow example.test:443
  mkfifo go
  cat >client.sh <<'END'
curl -sS --max-time 20 --cacert ca.pem https://example.test/gate/never >slow 2>slow.err &
curl -sS --max-time 20 --cacert ca.pem https://example.test/ || exit 9
echo ready
# Ended by itself it has status 28: time is over.
wait $!
echo $? >slow.status
read -r _ <go
curl -sS --max-time 20 --cacert ca.pem https://example.test/ && exit 8
exit 0
END
  pen exec -- bash client.sh >out 2>err &
  client=$!
  wait_for ready out
  pen deny example.test:443
  echo >go
  wait "$client" || fail "status $?: $(cat out err)"
  assert_eq 56 "$(cat slow.status)" 'status of the slow transfer'
}

@test "N1: an address is refused at once, proxy or not, and the origin sees nothing" {
  before=$(origin_saw 'select(.event == "open")')
  for url in "https://$IP1/" "http://$IP1/" "http://$IP1:8080/" "https://[$IP6]/"; do
    run timeout 5 "$LAB_ROOT/penctl/pen" run --allow example.test:443 -- \
      curl -gsS -k --fail --noproxy '*' --max-time 4 "$url"
    [[ $status != 0 && $status != 124 && $status != 28 ]] || fail "$url: status $status: $output"
  done
  assert_eq "$before" "$(origin_saw 'select(.event == "open")')" "connections"
}

@test "N1: the sandbox has no interface but lo" {
  run pen run -- ip -o link
  assert_eq 0 "$status"
  assert_eq 1 "${#lines[@]}" "interfaces"
  assert_contains "$output" " lo:"
}

@test "P9: no query leaves for a name that no rule covers" {
  run pen run --allow example.test:443 -- getent ahosts secret-data.other.test
  [[ $status != 0 ]]
  assert_eq 0 "$(dns_asked secret-data.other.test)" queries
}

@test "--no-network leaves no way out at all" {
  run pen run --no-network --allow example.test:443 -- "${FETCH[@]}" https://example.test/
  [[ $status != 0 ]]
  run pen run --no-network -- ip -o link
  assert_eq 0 "$status"
  assert_eq 1 "${#lines[@]}" "interfaces"
}

@test "a run's refusals are summed up in one line, on a terminal only" {
  run pen_in_terminal run -- "${FETCH[@]}" https://other.test/
  assert_contains "$output" "refused: other.test:443 (pen allow other.test:443)"
  run pen run -- "${FETCH[@]}" https://other.test/
  [[ $output != *"pen allow other.test:443)"* ]]
}
