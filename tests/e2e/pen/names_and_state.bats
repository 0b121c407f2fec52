#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# names_and_state.bats - one sandbox for each directory, and where it is kept

load common

# shellcheck disable=SC2154 # stderr is set by run
: "${stderr:=}"

@test "P2: the name is made of the user, the directory's name and its path's SHA-1" {
  mkdir "$LAB/My.Dir (x)"
  cd "$LAB/My.Dir (x)"
  hash=$(printf '%s' "$LAB/My.Dir (x)" | sha1sum | cut -c 1-6)
  assert_eq "pen-user-$UID-project-my-dir--x--$hash" "$(pen status --json | jq -r .name)"
}

@test "P2: a long name is cut to 52, the hash stays whole" {
  mkdir "$LAB/a-directory-whose-name-is-longer-than-any-runtime-would-ever-allow"
  cd "$LAB/a-directory-whose-name-is-longer-than-any-runtime-would-ever-allow"
  name=$(pen status --json | jq -r .name)
  assert_eq 52 "${#name}" length
  [[ $name == *-"$(printf '%s' "$PWD" | sha1sum | cut -c 1-6)" ]]
}

@test "P2: a linked directory is the one that it leads to" {
  ln -s "$LAB/project" "$LAB/link"
  name=$(pen status --json | jq -r .name)
  cd "$LAB/link"
  assert_eq "$name" "$(pen status --json | jq -r .name)"
}

@test "P2: a newline at the end of the path is not passed over" {
  mkdir "$LAB/project"$'\n'
  cd "$LAB/project"$'\n'
  for words in init "run -- touch made" status; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status" "status of pen $words"
    one_line "$output"
  done
  assert_eq "" "$(ls -A "$LAB/project")" "in the directory without it"
  [[ ! -e $HOME/.pen ]]
}

@test "P2: a directory called My.Dir (x) works" {
  mkdir "$LAB/My.Dir (x)"
  cd "$LAB/My.Dir (x)"
  pen init
  pen allow example.test:443
  run pen run -- pwd
  assert_eq "$LAB/My.Dir (x)" "$output"
  run pen exec -- sh -c 'pwd; echo made >made'
  assert_eq "$LAB/My.Dir (x)" "$output"
  assert_eq made "$(cat made)"
}

@test "two projects do not share a policy, nor a sandbox" {
  pen init
  pen allow example.test:443
  mkdir "$LAB/other"
  cd "$LAB/other"
  pen init
  run pen why example.test:443
  assert_eq 3 "$status"
  pen start
  cd "$LAB/project"
  run pen status
  assert_eq 1 "$status"
}

@test "P3: policy and state lie outside the project, for the user alone" {
  pen init
  pen start
  pen run -- true
  assert_eq ".pen .pen/.gitignore" "$(find .pen | sort | xargs)" "in the project"
  assert_eq "proxy.pid proxy.log" "$(xargs <.pen/.gitignore)"
  dir=$(sandbox_dir)
  [[ $dir == "$HOME/.pen/sandboxes/"* ]]
  assert_eq 700 "$(stat -c %a "$dir")" mode
  assert_eq 700 "$(stat -c %a "$dir/run")" "mode of run"
  for file in config.json http-allowlist.txt run/pen-proxy.ini run/proxy.log; do
    assert_eq 600 "$(stat -c %a "$dir/$file")" "mode of $file"
  done
}

@test "P3: the sandbox does not see its policy, nor may the project hold it" {
  pen init
  run pen run -- ls -a "$HOME/.pen"
  [[ $status != 0 ]]
  cd "$HOME"
  run pen run -- true
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" "contains ~/.pen"
  run pen init
  assert_eq 2 "$status"
}

@test "P3: nor may a link in ~/.pen lead into the project or a mount" {
  local link="" name="" mount=""
  name=$(basename "$(sandbox_dir)")
  mkdir folder "$LAB/kept"
  echo '{}' >file
  for link in folder:. folder:sandboxes "folder:sandboxes/$name" \
    "file:sandboxes/$name/http-allowlist.txt" file:config.json; do
    rm -rf "$HOME/.pen"
    mkdir -p "$(dirname "$HOME/.pen/${link#*:}")"
    [[ $link != *:. ]] || rmdir "$HOME/.pen"
    link=$PWD/${link%%:*}:$HOME/.pen/${link#*:}
    link=${link%/.}
    ln -s "${link%%:*}" "${link#*:}"
    for words in init 'run -- true'; do
      # shellcheck disable=SC2086 # words
      run pen $words
      assert_eq 2 "$status" "$link: $output"
      assert_eq "pen: a link in ~/.pen, where the policy is kept, leads to $PWD: use another directory" "$output"
    done
  done
  # Where it leads elsewhere, pen works, but does not show that.
  rm -rf "$HOME/.pen"
  ln -s "$LAB/kept" "$HOME/.pen"
  pen init
  pen run -- true
  for mount in "$LAB" "$LAB/kept" "$LAB/kept/sandboxes"; do
    run pen run --mount "$mount:/mnt" -- true
    assert_eq 2 "$status" "$mount: $output"
    assert_contains "$output" "contains ~/.pen"
  done
}

@test "P4: the project is at its own path and outlives the run, nothing else does" {
  run pen run -- sh -c 'pwd; echo kept >kept; echo gone >/tmp/gone-of-pen; echo gone >~/gone; id -u'
  assert_eq 0 "$status"
  assert_eq "$PWD" "${lines[0]}"
  assert_eq "$UID" "${lines[1]}"
  assert_eq kept "$(cat kept)"
  [[ ! -e /tmp/gone-of-pen && ! -e $HOME/gone ]]
  run pen run -- ls -A /tmp
  [[ $output != *gone-of-pen* ]]
}

@test "pen init twice says Already initialized and changes nothing" {
  run pen init
  assert_eq 0 "$status"
  pen allow example.test:443
  echo '{"runtime": "jail", "cpus": 1}' >"$(sandbox_dir)/config.json"
  before=$(find "$HOME/.pen" .pen -type f -exec sha1sum {} +)
  run pen init
  assert_eq 0 "$status"
  assert_eq "Already initialized" "$output"
  assert_eq "$before" "$(find "$HOME/.pen" .pen -type f -exec sha1sum {} +)"
}

@test "pen init with options where they change nothing says so" {
  pen init
  run --separate-stderr pen init --runtime docker --preset github
  assert_eq 0 "$status"
  assert_eq "Already initialized" "$output"
  assert_contains "$stderr" "the options changed nothing"
  assert_eq jail "$(jq -r .runtime "$(sandbox_dir)/config.json")"
}

@test "pen init that fails takes back nothing that another pen has put into the sandbox" {
  # While it makes the project's folder, another one is at work.
  # shellcheck disable=SC2317 # called by pen
  mkdir() {
    [[ $* == *"$PWD/.pen" ]] || {
      command mkdir "$@"
      return
    }
    [[ -z ${OTHER-} ]] || "$LAB_ROOT/penctl/pen" allow kept.test:443 >&2
    return 1
  }
  export -f mkdir
  OTHER=yes run env OTHER=yes "$LAB_ROOT/penctl/pen" init
  assert_eq 1 "$status" "$output"
  assert_eq kept.test:443 "$(cat "$(sandbox_dir)/http-allowlist.txt")"
  rm -rf "$HOME/.pen"
  run pen init
  assert_eq 1 "$status" "$output"
  [[ ! -e $(sandbox_dir) ]] || fail "left: $(find "$HOME/.pen")"
  unset -f mkdir
}

@test "pen init says that nothing may leave only where that is so" {
  run pen init
  assert_contains "$output" "Nothing may leave"
  pen allow example.test:443
  rm "$(sandbox_dir)/config.json"
  run pen init
  [[ $status == 0 && $output != *"Nothing may leave"* ]]
  pen rm -y
  run pen init --preset github
  [[ $status == 0 && $output != *"Nothing may leave"* ]]
  pen rm -y
  echo '{"http_allowlist": ["example.test:443"]}' >"$HOME/.pen/config.json"
  run pen init
  [[ $status == 0 && $output != *"Nothing may leave"* ]]
}

@test "pen init does not write through a link that a project brought along" {
  mkdir "$LAB/elsewhere"
  ln -s "$LAB/elsewhere" .pen
  run pen init
  assert_eq 2 "$status"
  assert_eq "" "$(ls -A "$LAB/elsewhere")"
  assert_eq "" "$(find "$HOME" -name config.json)"
}

@test "P18: build, start, exec and shell without init say so and make nothing" {
  for words in build start restart "exec true" shell stop "proxy restart" "config show"; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status" "status of pen $words"
    one_line "$output"
    assert_contains "$output" "pen init"
  done
  [[ ! -e $HOME/.pen && ! -e .pen ]]
}

@test "without init below an initialized directory, the message names it" {
  pen init
  mkdir below
  cd below
  run pen exec true
  assert_eq 2 "$status"
  assert_contains "$output" "$LAB/project"
}

@test "the habits of the earlier pen: init, build, exec" {
  pen init && pen build && pen exec true
  run pen exec sh -c 'exit 42'
  assert_eq 42 "$status"
}

@test "pen list shows every sandbox, up or down; pen prune removes those without a directory" {
  pen init
  pen start
  mkdir "$LAB/other"
  (cd "$LAB/other" && pen init)
  run pen list --json
  assert_json '[.[] | [.state, .project]] | sort == [["down", "'"$LAB/other"'"], ["up", "'"$LAB/project"'"]]' "$output"
  # Of one that was never started, what it would be started with.
  assert_json 'map(.runtime) == ["jail", "jail"]' "$output"
  (cd "$LAB/other" && echo '{"runtime": 1}' >"$(sandbox_dir)/config.json")
  run --separate-stderr pen list --json
  assert_json 'map(.runtime) | sort == ["-", "jail"]' "$output"
  assert_eq "" "$stderr"
  rm -rf "$LAB/other"
  run pen prune </dev/null
  assert_eq 1 "$status"
  run pen prune -y
  assert_eq 0 "$status"
  run pen list --json
  assert_json 'length == 1 and .[0].state == "up"' "$output"
}

@test "pen rm stops the sandbox and removes all of it but its volumes" {
  pen init
  cat >"$(sandbox_dir)/config.json" <<'END'
{"mounts": [{"volume": "cache", "target": "/cache"}]}
END
  pen exec -- sh -c 'echo kept >/cache/kept'
  dir=$(sandbox_dir)
  # On a terminal it asks.
  run timeout -k 5 60 script -qefc "$LAB_ROOT/penctl/pen rm" /dev/null <<<n
  assert_eq 2 "$status" "$output"
  [[ -e $dir ]]
  pen rm </dev/null
  [[ ! -e $dir ]]
  no_process_left
  pen init
  cat >"$(sandbox_dir)/config.json" <<'END'
{"mounts": [{"volume": "cache", "target": "/cache"}]}
END
  assert_eq kept "$(pen exec -- cat /cache/kept)"
  pen rm -y --volumes
  assert_eq "" "$(find "$HOME/.pen/sandboxes" "$HOME/.local/share/pen/volumes" -mindepth 1)"
}

# run_in_background COMMAND... - pen run COMMAND, in the background; sets CLIENT
run_in_background() {
  "$LAB_ROOT/penctl/pen" run -- "$@" </dev/null >out 2>&1 3>&- &
  CLIENT=$!
  printf '%s\n' "$CLIENT" >>"$LAB/pids"
}

@test "P1 P21: pen rm and pen stop --all end the one-shot runs, too" {
  mkfifo ready
  for words in "rm -y" "stop --all"; do
    # One that minds a signal, and one that does not.
    for command in 'echo >ready; exec sleep 1000' 'trap "" TERM; echo >ready; while :; do sleep 1; done'; do
      run_in_background sh -c "$command"
      read -r _ <ready
      dir=$(sandbox_dir)
      # shellcheck disable=SC2086 # words
      run pen $words
      assert_eq 0 "$status" "$output"
      assert_contains "$output" "ending a one-shot run"
      # Nothing of it is left when that is said.
      run ! lab_alive "$CLIENT"
      no_process_left
      assert_eq "" "$(find "$HOME/.pen" -name 'one.*')" "run folders"
      [[ $words != rm* || ! -e $dir ]]
    done
  done
}

@test "pen prune ends the one-shot runs of a directory that is gone, before it removes their records" {
  mkdir "$LAB/gone"
  cd "$LAB/gone"
  run_in_background sh -c 'echo up; exec sleep 1000'
  wait_for up "$LAB/gone/out"
  cd "$LAB/project"
  rm -rf "$LAB/gone"
  run pen prune -y
  assert_eq 0 "$status" "$output"
  run ! lab_alive "$CLIENT"
  no_process_left
  assert_eq "" "$(ls "$HOME/.pen/sandboxes")"
}
