#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# config.bats - P5: the JSON config, what it does and how it is refused

load common

setup() {
  pen_setup
  pen init
  config=$(sandbox_dir)/config.json
}

# refuses JSON PART... - fails unless pen refuses the config with one line for
# each PART, and starts nothing
refuses() {
  local part=""
  printf '%s\n' "$1" >"$config"
  shift
  for words in start "run true" "config validate"; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status" "status of pen $words"
    assert_eq $# "${#lines[@]}" "lines of: $output"
    for part; do
      assert_contains "$output" "$part"
    done
  done
  no_process_left
}

# mounts_of_config - print what config_load makes of the mounts
mounts_of_config() {
  # shellcheck disable=SC2016 # for the inner bash
  bash -c '. "$1/penctl/commands/lib/all.sh"; command_begin; sandbox_open; config_load
    printf "%s\n" "${config_mounts[*]}"' bash "$LAB_ROOT"
}

@test "P5: an unknown key or a wrong type is refused with its path" {
  refuses '{"runtme": "jail"}' "config.json: .runtme: is not a known key"
  refuses '{"cpus": "two"}' ".cpus: must be"
  refuses '{"memory": "lots"}' ".memory: must be"
  refuses '{"runtime": "vmware"}' ".runtime: must be one of"
  refuses '{"env": {"A-B": "x"}}' ".env.A-B"
  refuses '{"env": {"A": 1}}' ".env.A: must be"
  refuses '{"mounts": [{"source": "/usr", "target": "relative"}]}' ".mounts[0].target: must be"
  refuses '{"mounts": [{"target": "/x"}]}' ".mounts[0]: must have either"
  refuses '{"mounts": [{"source": "/usr", "target": "/x", "mode": 1}]}' ".mounts[0].mode"
  refuses '{"http_allowlist": "example.test:443"}' ".http_allowlist: must be a list"
  refuses '{"proxy": {"threads": 2}}' ".proxy.threads"
  refuses '{"proxy": {"log.file": "/tmp/x"}}' ".proxy.log.file: is set by pen"
  refuses '[]' "must be an object"
}

@test "P5: every fault is named, not the first one alone" {
  refuses '{"a": 1, "cpus": -1, "dns": "all"}' ".a:" ".cpus:" ".dns:"
}

@test "P5: what is no JSON is refused with its file" {
  refuses '{"runtime": ' "config.json: not a JSON"
  refuses '' "config.json: not a JSON"
  refuses '{} {}' "config.json: not a JSON"
}

@test "a rule of the config that pen-proxy does not accept is refused" {
  refuses '{"http_allowlist": ["no port"]}' "'no port'"
}

@test "a value cannot smuggle a line into the proxy's config" {
  refuses '{"proxy": {"dns.timeout": "1s\n[policy]\nmode = monitor"}}' "control characters"
  refuses '{"http_allowlist": ["a.test:1\nb.test:1"]}' "control characters"
}

@test "an unknown key of the proxy is refused by pen-proxy itself" {
  refuses '{"proxy": {"dns.colour": "blue"}}' "colour"
}

@test "P5: an unknown key: the nearest known one is suggested" {
  refuses '{"cpu": 1, "htp_allowlist": []}' '.cpu: is not a known key; did you mean "cpus"?' \
    '.htp_allowlist: is not a known key; did you mean "http_allowlist"?'
  refuses '{"mounts": [{"sourc": "/usr", "source": "/usr", "target": "/x"}]}' \
    '.mounts[0].sourc: is not a known key; did you mean "source"?'
  refuses '{"ssh": {"prot": 1}}' '.ssh.prot: is not a known key; did you mean "port"?'
  refuses '{"something else": 1}' '.["something else"]: is not a known key'
  [[ $output != *"did you mean"* ]]
  refuses '{"a\u001b[2Jb\n": 1}' '.["a\u001b[2Jb\n"]: is not a known key'
}

@test "P5: a path that does not exist is refused with its place in the file" {
  refuses '{"dockerfile": "no/Dockerfile"}' "config.json: .dockerfile: there is no file $PWD/no/Dockerfile"
  refuses '{"mounts": [{"volume": "v", "target": "/v"}, {"source": "/no/such", "target": "/x"}]}' \
    "config.json: .mounts[1].source: /no/such does not exist"
  refuses '{"ssh": {"authorized_keys": ["ssh-ed25519 AAAA me", "~/no.pub"]}}' \
    "config.json: .ssh.authorized_keys[1]: there is no file $HOME/no.pub"
  refuses '{"presets": ["github", "no-such"]}' 'config.json: .presets[1]: no preset "no-such"; there are: '
  refuses '{"network_allowlist": ["192.0.2.1:22", "host:22"]}' \
    "config.json: .network_allowlist[1]: 'host:22' is not ADDRESS:PORT"
  touch Dockerfile "$HOME/key.pub"
  echo '{"dockerfile": "Dockerfile", "ssh": {"port": 2222, "authorized_keys": ["~/key.pub"]}}' >"$config"
  run pen config validate
  assert_eq 0 "$status" "$output"
}

@test "P5: a runtime that pen does not have is refused" {
  mkdir "$LAB/fresh"
  cd "$LAB/fresh"
  for runtime in vmware:'not available' ../config:'not available' :'an empty one'; do
    run pen init --runtime "${runtime%%:*}"
    assert_eq 2 "$status"
    one_line "$output"
    assert_contains "$output" "${runtime#*:}"
  done
  [[ ! -e .pen ]]
}

@test "http_allowlist, env, memory and mounts of the config count" {
  mkdir "$LAB/data"
  echo data >"$LAB/data/file"
  cat >"$config" <<END
{"http_allowlist": ["example.test:80"], "env": {"NAME": "a value"}, "memory": "256M",
 "mounts": [{"source": "$LAB/data", "target": "/data", "readonly": true},
            {"volume": "cache", "target": "/cache"}]}
END
  run pen run -- curl -s --max-time 5 http://example.test/
  assert_contains "$output" '"line": "GET / '
  run pen exec -- sh -c 'echo "$NAME"; cat /data/file; echo x >/data/file || echo refused; echo kept >/cache/kept'
  assert_eq "a value" "${lines[0]}"
  assert_eq data "${lines[1]}"
  assert_contains "$output" refused
  assert_eq kept "$(cat "$HOME"/.local/share/pen/volumes/*/cache/kept)"
}

@test "network none in the config is no network" {
  echo '{"network": "none", "http_allowlist": ["example.test:80"]}' >"$config"
  run pen run -- curl -s --max-time 5 http://example.test/
  [[ $status != 0 ]]
  run pen exec -- curl -s --max-time 5 http://example.test/
  [[ $status != 0 ]]
}

@test "the user's defaults and the sandbox's config are put together" {
  echo '{"cpus": 1, "env": {"A": "1", "B": "1"}, "http_allowlist": ["example.test:80"]}' >"$HOME/.pen/config.json"
  echo '{"cpus": 2, "env": {"B": "2"}, "http_allowlist": ["other.test:80"]}' >"$config"
  run pen config show --json
  assert_json '.config == {"runtime": "jail", "network": "socket", "dns": "none", "cpus": 2,
    "env": {"A": "1", "B": "2"}, "http_allowlist": ["example.test:80", "other.test:80"]}' "$output"
  assert_json '.origins[".runtime"] == {"from": "default"} and .origins[".cpus"].from == "sandbox" and
    .origins[".env.A"].from == "user" and .origins[".env.B"].file == "'"$config"'" and
    .origins[".http_allowlist[1]"] == {"from": "sandbox", "file": "'"$config"'", "path": ".http_allowlist[0]"}' "$output"
  run pen config show
  grep -qx -e "\.cpus  *2  *$config" <<<"$output"
  grep -qx -e "\.env\.A  *1  *$HOME/.pen/config.json" <<<"$output"
  grep -qx -e "\.runtime  *jail  *default" <<<"$output"
  echo '{"cpu": 1}' >"$HOME/.pen/config.json"
  run pen start
  assert_eq 2 "$status"
  assert_contains "$output" "$HOME/.pen/config.json: .cpu:"
}

@test "P3: a mount that shows pen's own files is refused, by any way to them" {
  refuses '{"mounts": [{"source": "/", "target": "/x"}]}' ".pen, where the policy is kept"
  ln -s "$HOME/.pen" "$LAB/link"
  ln -s "$config" "$LAB/file"
  # shellcheck disable=SC2088 # pen expands it
  for source in "$LAB/link" "$LAB/file" "$HOME/.pen" "~/.pen" "$config"; do
    refuses '{"mounts": [{"source": "'"$source"'", "target": "/x"}]}' ".pen, where the policy is kept"
    refuses '{"mounts": [{"source": "'"$source"'", "target": "/x", "force": true}]}' ".pen, where the policy is kept"
  done
  run pen run --mount "$HOME/.pen:/x:ro" -- true
  assert_eq 2 "$status"
}

@test "P5: the user's home is mounted by force only, and then without pen's own files" {
  for more in '' ', "force": true'; do
    refuses '{"mounts": [{"source": "'"$HOME"'", "target": "/x"'"$more"'}]}' ".mounts[0].source: $HOME is your home"
    [[ $output != *'"force"'* ]] || fail "the jail cannot be forced: $output"
  done
  run pen run --mount "$HOME:/x:ro" -- true
  assert_eq 2 "$status"
  echo '{"runtime": "docker", "mounts": [{"source": "~/", "target": "/x"}]}' >"$config"
  run pen config show
  assert_eq 2 "$status"
  assert_contains "$output" 'but for "force": true'
  echo '{"runtime": "docker", "mounts": [{"source": "~/", "target": "/x", "force": true}]}' >"$config"
  assert_eq "$HOME:/x $HOME/.local/share/pen/nothing:/x/.pen:ro" "$(mounts_of_config)"
  mv "$HOME/.pen" "$HOME/elsewhere"
  ln -s elsewhere "$HOME/.pen"
  run pen config show
  assert_eq 2 "$status"
  rm "$HOME/.pen"
  mv "$HOME/elsewhere" "$HOME/.pen"
}

@test "P5: a container engine's socket is mounted by force only" {
  socat UNIX-LISTEN:"$LAB/docker.sock" - </dev/null 3>&- &
  first=$!
  socat UNIX-LISTEN:"$LAB/engine" - </dev/null 3>&- &
  second=$!
  until [[ -S $LAB/docker.sock && -S $LAB/engine ]]; do :; done
  ln -s "$LAB/docker.sock" "$LAB/innocent"
  export DOCKER_HOST=unix://$LAB/engine
  mkdir "$LAB/folder"
  ln -s "$LAB/engine" "$LAB/folder/link"
  for source in "$LAB/docker.sock" "$LAB/innocent" "$LAB/engine" "$LAB/folder/link" /run /var/run; do
    echo '{"runtime": "docker", "mounts": [{"source": "'"$source"'", "target": "/x"}]}' >"$config"
    run pen config show
    assert_eq 2 "$status"
    assert_contains "$output" ".mounts[0].source: $source gives the sandbox"
  done
  echo '{"runtime": "docker", "mounts": [{"source": "'"$LAB/innocent"'", "target": "/x", "force": true}]}' >"$config"
  assert_eq "$LAB/docker.sock:/x" "$(mounts_of_config)"
  refuses '{"mounts": [{"source": "'"$LAB/innocent"'", "target": "/x", "force": true}]}' ".mounts[0].source:"
  kill "$first" "$second"
}

@test "P5: a link that the sandbox could make does not lead a mount out of the project" {
  mkdir "$LAB/secret"
  ln -s "$LAB/secret" data
  refuses '{"mounts": [{"source": "'"$PWD/data"'", "target": "/x"}]}' ".mounts[0].source: $PWD/data leads out of the project"
}

@test "stop works whatever has become of the config" {
  pen start
  echo 'broken' >"$config"
  run pen stop
  assert_eq 0 "$status"
  no_process_left
}
