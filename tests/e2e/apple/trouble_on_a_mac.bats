#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What can be wrong on a Mac: each is said in one line that tells what to do, and
# nothing is left behind
# shellcheck disable=SC2154 # set by run and common.bash

load common

# says TEXT CMD... - CMD fails with one line of pen's that has TEXT
says() {
  run "${@:2}"
  [[ $status != 0 && $output == "pen: "*"$1"* && $output != *$'\n'* ]] ||
    fail "status $status: $output"
}

@test "F4: the service does not run" {
  pen init --runtime container
  rm "$APPLE_LAB/service"
  says "start it with 'container system start'" pen start
  says "start it with 'container system start'" pen exec true
  [[ $status == 125 ]]
}

@test "F4: macOS or container too old, or not there" {
  pen init --runtime container
  plays 0.5.0
  says "'container' 0.5 is too old: update it to 0.6 or later" pen start
  printf '15.6.1\n' >"$APPLE_LAB/macos"
  says 'needs macOS 26 or later, this is 15.6.1' pen start
  printf '26.5.1\n' >"$APPLE_LAB/macos"
  mv "$APPLE_LAB/bin/container" "$APPLE_LAB/bin/none"
  run pen start
  mv "$APPLE_LAB/bin/none" "$APPLE_LAB/bin/container"
  [[ $status == 1 && $output == "pen: 'container' is missing: install it with 'brew install container'" ]]
}

@test "F4: pen doctor tells of the version, and of one that is too new to be known" {
  pen init --runtime container
  run --separate-stderr pen doctor --json
  jq -e '.[] | select(.name == "container") | .state == "ok" and .detail == "version 1.4"' <<<"$output"
  plays 1.5.0
  run --separate-stderr pen doctor --json
  jq -e '.[] | select(.name == "container") | .state == "ok" and
    (.detail | startswith("version 1.5: pen was tried with versions before 1.5"))' <<<"$output"
}

@test "P8: a HOME that leaves no room for the proxy's socket is refused in one line" {
  # Linux would take these 104 bytes; a Mac takes 103.
  home=$home/$(printf '%073d' 0)
  home=${home:0:73}
  as_user alice mkdir -p "$home/project"
  cd "$home/project"
  pen init --runtime container
  jq '.network = "socket"' "$(sandbox_dir)/config.json" >"$LAB/new"
  cat "$LAB/new" >"$(sandbox_dir)/config.json"
  says 'HOME is too long for the network "socket": the path of its socket would have 104 bytes, and this system takes 103' pen start
  nothing_left
}

@test "P6: a Dockerfile that the builder could not take is refused beforehand" {
  pen init --runtime container
  { cat .pen/Dockerfile && head -c 16400 /dev/zero | tr '\0' '#'; } >"$LAB/large"
  cp "$LAB/large" .pen/Dockerfile
  run pen build --yes
  [[ $status == 1 && $output == *"has 16"*" bytes, and 'container' takes 16384: move what it does into a script that it copies"* ]] ||
    fail "$output"
  { printf 'FROM lab/tools\n# ' && head -c 8000 /dev/zero | sed 's/\x0/ü/g'; } >.pen/Dockerfile
  run pen build --yes
  [[ $status == 1 && $output == *"'container' takes 15000"* ]] || fail "$output"
  run ! called '.[0] == "build"'
}

@test "P6: the builder sees the context of a project that lies out of HOME" {
  mkdir /opt/outside
  chown alice /opt/outside
  cd /opt/outside
  as_user alice mkdir .pen
  printf 'FROM lab/tools\nCOPY word /word\nCMD ["sleep", "1000"]\n' >.pen/Dockerfile
  printf 'seen\n' >word
  start_sandbox
  [[ $(pen exec -- cat /word) == seen ]]
  # A copy below HOME was its context, and is gone.
  called '.[0] == "build" and (.[-1] | startswith("/home/alice/"))'
  [[ -z $(find "$home/.pen" -name 'context-*') ]]
  pen stop
}

@test "P3: the folder of the policy is not shown to a sandbox by another path of it" {
  local file=""
  pen init
  mkdir /opt/alias
  nsenter --mount --target "$APPLE_PID" "$APPLE_LAB/real/bin/mount" --bind "$home" /opt/alias
  file=$(sandbox_dir)/config.json
  jq '.mounts = [{"source": "/opt/alias/.pen/sandboxes", "target": "/x"}]' "$file" >"$LAB/new"
  cat "$LAB/new" >"$file"
  run pen config validate
  nsenter --mount --target "$APPLE_PID" "$APPLE_LAB/real/bin/umount" /opt/alias
  [[ $status == 2 && $output == *'.pen'*policy* ]] || fail "$status: $output"
}

@test "P8: a gateway that the sandbox cannot reach is said, with the way around it" {
  pen init --runtime container
  pen build --yes
  nft add table inet lost
  nft 'add chain inet lost in { type filter hook prerouting priority -300; }'
  nft 'add rule inet lost in iifname "bridge*" ip daddr 192.168.65.1 tcp dport 1-65535 drop'
  run pen start
  nft delete table inet lost
  [[ $status == 1 && $output == *'the sandbox does not reach its proxy'*'set "network" to "socket"'* ]] ||
    fail "$output"
  run pen status
  [[ $status == 1 ]]
  nothing_left
}

@test "P8: when the firewall does not load, the image's program has never run" {
  pen init --runtime container
  printf 'FROM lab/tools\nENTRYPOINT ["sh", "-c", "touch ran; exec sleep 1000"]\n' >.pen/Dockerfile
  pen build --yes
  # In the lab alone: its mounts are its own.
  mount --bind /bin/false /usr/sbin/nft
  run pen start
  umount /usr/sbin/nft
  [[ $status == 1 && $output == *'firewall'* ]] || fail "$output"
  called '.[0] == "run"'
  [[ ! -e ran ]]
  pen stop
}

@test "P8: rules that another tool flushed come back" {
  start_sandbox
  nft delete table inet "$(sandbox_table)"
  eventually 60 nft list table inet "$(sandbox_table)" >/dev/null 2>&1
  [[ $(pen exec -- echo alive) == alive ]]
}

@test "P8: a sandbox whose rules cannot be loaded again is ended, and status says why until a restart" {
  local helper=/usr/local/libexec/pen-root/pen-pfctl
  start_sandbox
  mv "$helper" "$helper.away"
  nft delete table inet "$(sandbox_table)"
  eventually 60 nothing_runs
  run pen status
  mv "$helper.away" "$helper"
  [[ $status == 1 && $output == *'pen-pfctl is not installed'* ]] || fail "$output"
  run pen exec -- true
  [[ $status == 125 && $output == *'pen restart'* ]] || fail "$output"
  pen restart
  [[ $(pen exec -- echo again) == again ]]
  pen stop
}

# nothing_runs - whether the container of the sandbox has gone
nothing_runs() {
  [[ -z $(docker ps -aq --filter "name=^$(sandbox_name)-container$") ]]
}

@test "P8: the proxy that was killed comes back" {
  pen init --runtime container
  pen allow example.test:80
  pen build --yes
  pen start
  kill -KILL "$(proxy_pid)"
  eventually 60 pen exec -- curl -sS --max-time 20 http://example.test/
}

@test "P8: a container that ended by itself is cleared away" {
  start_sandbox
  docker kill "$(sandbox_name)-container"
  eventually 60 nothing_left
  [[ $(pen exec -- echo again) == again ]]
}

@test "P8: prune asks container what it has, and takes no silence for nothing" {
  local dir="" name=""
  start_sandbox
  dir=$(sandbox_dir)
  name=$(sandbox_name)
  kill -KILL "$(cut -d ' ' -f 1 "$dir/run/guard")" "$(proxy_pid)"
  rm -rf "$dir"
  rm "$APPLE_LAB/service"
  run pen prune -y
  [[ $status == 1 && $output == *"the rules of $name stay in force: container does not say"* ]] ||
    fail "$status: $output"
  : >"$APPLE_LAB/service"
  chmod 0666 "$APPLE_LAB/service"
  run pen prune </dev/null
  [[ $status == 1 && $output == *"(container $name-container, network $name-network)"* ]] ||
    fail "$status: $output"
  nft list table inet "${name//-/_}" >/dev/null
  run pen prune -y
  [[ $status == 0 ]] || fail "$status: $output"
  nothing_left
}

@test "P2: two sandboxes side by side have networks of their own" {
  local first=""
  start_sandbox
  first=$(pen exec -- printenv HTTP_PROXY)
  as_user alice mkdir -p "$home/other/.pen"
  cp .pen/Dockerfile "$home/other/.pen/"
  cd "$home/other"
  start_sandbox
  [[ $(pen exec -- printenv HTTP_PROXY) != "$first" ]]
  # The other's proxy is out of reach.
  run pen exec -- curl -sS --noproxy '*' --max-time 4 "$first"
  [[ $status != 0 ]]
}
