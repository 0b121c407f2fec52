#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# config_from_the_project.bats - P19: what a project proposes, which whatever runs
# in the sandbox can write, takes effect by consent only and does no harm; P5: the
# config is edited without losing anything

load common

setup() {
  pen_setup
  pen init
  dir=$(sandbox_dir)
  rules=$dir/http-allowlist.txt
}

# live - print all that is live, to be compared
live() {
  (cd "$dir" && sha1sum config.json http-allowlist.txt network-allowlist.txt)
}

# apply_in_terminal ANSWER - pen config apply, asked on a terminal
apply_in_terminal() {
  local words=""
  printf -v words '%q ' "$LAB_ROOT/penctl/pen" config apply
  timeout -k 5 60 script -qefc "$words" /dev/null <<<"$1"
}

# refuses_proposal PART - fails unless pen refuses what is in .pen, saying PART,
# within a few seconds, and changes and leaves nothing
refuses_proposal() {
  local before=""
  before=$(live)
  run timeout -k 1 20 "$LAB_ROOT/penctl/pen" config apply --yes
  [[ $status == 1 || $status == 2 ]] || fail "status $status: $output"
  assert_contains "$output" "$1"
  [[ $output != *[$'\001'-$'\011'$'\013'-$'\037'$'\177']* ]] || fail "control characters on the terminal"
  assert_eq "$before" "$(live)" "live policy"
  assert_eq "" "$(find "$dir" -name 'apply.*')" "copies left"
}

@test "P19: nothing in the project takes effect by itself" {
  before=$(live)
  echo "example.test:80" >.pen/http-allowlist.txt
  echo '{"env": {"FROM": "project"}, "http_allowlist": ["example.test:80"]}' >.pen/config.json
  run pen why example.test:80
  assert_eq 3 "$status"
  run pen run -- sh -c 'echo "from ${FROM-nobody}"; curl -s --max-time 5 -o /dev/null -w "%{http_code}" http://example.test/'
  assert_eq "from nobody" "${lines[0]}"
  assert_eq 403 "${lines[1]}"
  pen start
  pen config validate
  pen restart
  pen allow other.test:443
  pen deny other.test:443
  assert_eq "$before" "$(live)"
}

@test "P19: a proposal that fails a test of the user's own config is refused" {
  echo '{"http_allowlist": ["expect deny evil.example.test:443"]}' >"$HOME/.pen/config.json"
  echo '*.example.test:443' >.pen/http-allowlist.txt
  refuses_proposal "expect deny evil.example.test:443"
  echo '{"env": {"A": "b"}}' >.pen/config.json
  refuses_proposal "expect deny evil.example.test:443"
  rm .pen/config.json "$HOME/.pen/config.json"
  # Of the sandbox's own, which the proposal may replace.
  echo '{"http_allowlist": ["expect deny evil.example.test:443"]}' >"$dir/config.json"
  refuses_proposal "expect deny evil.example.test:443"
  echo '{"http_allowlist": ["other.test:80"]}' >.pen/config.json
  pen config apply --yes
  assert_eq '*.example.test:443' "$(cat "$rules")"
}

@test "P19: what was agreed to is applied whole, though the running proxy keeps its old policy" {
  echo '{"http_allowlist": ["expect deny evil.example.test:443"]}' >"$HOME/.pen/config.json"
  pen start
  rm "$HOME/.pen/config.json"
  echo 'evil.example.test:443' >.pen/http-allowlist.txt
  echo '192.0.2.7:22' >.pen/network-allowlist.txt
  run pen config apply --yes
  assert_eq 1 "$status" "$output"
  assert_contains "$output" "the proxy that runs keeps its old policy"
  assert_eq evil.example.test:443 "$(cat "$rules")"
  assert_eq 192.0.2.7:22 "$(cat "$dir/network-allowlist.txt")"
  run pen config apply
  assert_eq "0 nothing to apply: the live policy is what the project proposes" "$status $output"
}

@test "P19: apply shows the difference, and does nothing unless somebody agrees" {
  pen allow old.test:443
  echo "new.test:443" >.pen/http-allowlist.txt
  before=$(live)
  run pen config apply </dev/null
  assert_eq 1 "$status"
  assert_contains "$output" "- old.test:443"
  assert_contains "$output" "+ new.test:443"
  assert_contains "$output" "nobody agreed"
  run apply_in_terminal n
  assert_eq 1 "$status"
  assert_eq "$before" "$(live)"
  [[ ! -e $dir/applied ]]
  run apply_in_terminal y
  assert_eq 0 "$status" "$output"
  assert_eq "new.test:443" "$(cat "$rules")"
}

@test "P19: what was agreed to is not asked again, a later change is" {
  echo "new.test:443" >.pen/http-allowlist.txt
  run pen config apply --yes
  assert_eq 0 "$status"
  pen deny new.test:443
  run pen config apply </dev/null
  assert_eq 0 "$status"
  assert_eq "new.test:443" "$(cat "$rules")"
  run pen config apply </dev/null
  assert_eq 0 "$status"
  assert_contains "$output" "nothing to apply"
  echo "evil.test:443" >>.pen/http-allowlist.txt
  run pen config apply </dev/null
  assert_eq 1 "$status"
  assert_contains "$output" "+ evil.test:443"
  # The same lines, cut into files in another way, are another proposal.
  echo "new.test:443" >.pen/http-allowlist.txt
  : >.pen/network-allowlist.txt
  pen allow other.test:443
  run pen config apply </dev/null
  assert_eq 1 "$status"
}

@test "P17: an applied policy counts in the running sandbox within a second" {
  pen start
  run pen exec -- curl -s --max-time 5 -o /dev/null -w '%{http_code}' http://example.test/
  assert_eq 403 "$output"
  echo "example.test:80" >.pen/http-allowlist.txt
  pen config apply --yes
  run pen exec -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1; curl -sf --max-time 5 -o /dev/null http://example.test/ && exit; done; exit 1'
  assert_eq 0 "$status"
}

@test "P19: a faulty proposal is refused whole, with its file and place" {
  echo "good.test:443" >.pen/http-allowlist.txt
  echo '{"cpu": 1, "mounts": [{"source": "/no/such", "target": "/x"}]}' >.pen/config.json
  refuses_proposal "$PWD/.pen/config.json: .cpu: is not a known key"
  echo '{"mounts": [{"source": "/no/such", "target": "/x"}]}' >.pen/config.json
  refuses_proposal "$PWD/.pen/config.json: .mounts[0].source: /no/such does not exist"
  echo '{' >.pen/config.json
  refuses_proposal "$PWD/.pen/config.json: not a JSON object"
  rm .pen/config.json
  echo "no port" >>.pen/http-allowlist.txt
  refuses_proposal "'no port':"
  rm .pen/http-allowlist.txt
  echo "host.test:22" >.pen/network-allowlist.txt
  refuses_proposal "'host.test:22':"
  rm .pen/network-allowlist.txt
  refuses_proposal "the project proposes nothing"
}

@test "P19: a project cannot set keys of the proxy, nor force a mount" {
  echo '{"proxy": {"audit.command": "'"$PWD"'/evil"}}' >.pen/config.json
  refuses_proposal ".proxy: is the user's alone to set"
  echo '{"runtime": "docker", "mounts": [{"source": "~/", "target": "/x", "force": true}]}' >.pen/config.json
  refuses_proposal ".mounts[0].force: is the user's alone to set"
}

@test "P19: links, FIFOs, folders, devices and huge files in their place do no harm" {
  echo "secret.test:443" >"$LAB/secret"
  ln -s "$LAB/secret" .pen/http-allowlist.txt
  refuses_proposal "is not a plain file"
  [[ $output != *secret.test* ]]
  rm .pen/http-allowlist.txt
  mkfifo .pen/http-allowlist.txt
  refuses_proposal "is not a plain file"
  rm .pen/http-allowlist.txt
  mkdir .pen/http-allowlist.txt
  refuses_proposal "is not a plain file"
  rmdir .pen/http-allowlist.txt
  ln -s /dev/zero .pen/http-allowlist.txt
  refuses_proposal "is not a plain file"
  rm .pen/http-allowlist.txt
  truncate -s 100G .pen/http-allowlist.txt
  refuses_proposal "larger than 1 MiB"
  rm -r .pen
  mkdir "$LAB/elsewhere"
  echo "secret.test:443" >"$LAB/elsewhere/http-allowlist.txt"
  ln -s "$LAB/elsewhere" .pen
  refuses_proposal "is a symbolic link"
  assert_eq "" "$(find . -name 'core*')"
}

@test "P19: what is swapped while pen looks is never followed" {
  echo "secret.test:443" >"$LAB/secret"
  cat >swap.sh <<'END'
while :; do
  echo "good.test:443" >.pen/new && mv -f .pen/new .pen/http-allowlist.txt
  ln -s "$1" .pen/new && mv -f .pen/new .pen/http-allowlist.txt
  mkfifo .pen/new && mv -f .pen/new .pen/http-allowlist.txt
done
END
  bash swap.sh "$LAB/secret" 3>&- &
  swapper=$!
  for _ in 1 2 3 4 5 6 7 8; do
    run timeout -k 1 20 "$LAB_ROOT/penctl/pen" config apply --yes
    ((status <= 2)) || fail "status $status: $output"
    [[ $output != *secret.test* ]] || fail "$output"
  done
  kill "$swapper"
  wait "$swapper" || true
  run grep -r secret.test "$dir"
  assert_eq 1 "$status"
}

@test "P19: the terminal cannot be deceived by what is shown" {
  printf 'good.test:443\n\033[2J\033[1;1Hevil.test:443\n' >.pen/http-allowlist.txt
  refuses_proposal "has control characters"
  printf 'good.test:443\r+ harmless.test:443\n' >.pen/http-allowlist.txt
  refuses_proposal "has control characters"
  # Right-to-left, and a line that would be broken where its rest looks like one.
  printf 'evil.test:443 why="\xe2\x80\xae"\n# %0100d+ harmless.test:443\n' 0 >.pen/http-allowlist.txt
  echo '{"env": {"A": "\u202e\u001b", "A": "x", "A": "\u202e"}}' >.pen/config.json
  run pen config apply --yes
  if ((status == 0)); then
    printf '%s' "$output" | LC_ALL=C grep -q '[^ -~]' && fail "shown as it is: $output"
    while IFS= read -r line; do
      ((${#line} <= 84)) || fail "too long: $line"
      [[ $line != "+ harmless"* ]]
    done <<<"$output"
    grep -qxF '+     "A": "\u202e"' <<<"$output" || fail "$output"
    assert_eq '{"env":{"A":"\u202e"}}' "$(jq -a -c . "$dir/config.json")"
  else
    [[ $output != *[![:print:][:space:]]* ]] || fail "shown as it is"
  fi
}

@test "P19: backup writes what apply carries back" {
  pen allow example.test:443 'other.test:443 up=1m'
  pen allow --network 192.0.2.1:22
  echo '{"cpus": 2, "mounts": [{"volume": "v", "target": "/v", "force": false}],
    "proxy": {"dns.timeout": "3s"}}' >"$dir/config.json"
  run pen config backup
  assert_eq 0 "$status" "$output"
  assert_eq "-rw-r--r--" "$(umask 022 && pen config backup >/dev/null && stat -c %A .pen/config.json)"
  assert_json '. == {"cpus": 2, "mounts": [{"volume": "v", "target": "/v"}]}' "$(cat .pen/config.json)"
  cmp "$rules" .pen/http-allowlist.txt
  pen deny example.test:443
  pen deny --network 192.0.2.1:22
  pen config apply --yes
  cmp "$rules" .pen/http-allowlist.txt
  assert_eq "192.0.2.1:22" "$(cat "$dir/network-allowlist.txt")"
}

@test "P19: backup of a list that is empty by now leaves none of its rules in the project" {
  pen allow example.test:443
  pen allow --network 192.0.2.1:22
  pen config backup
  pen deny example.test:443
  pen deny --network 192.0.2.1:22
  pen config backup
  assert_eq "" "$(cat .pen/http-allowlist.txt .pen/network-allowlist.txt)"
  run pen config apply --yes
  assert_eq 0 "$status"
  assert_contains "$output" "nothing to apply"
  # On another machine, rules that are not in the project go.
  pen allow other.test:443
  pen config apply --yes
  assert_eq "" "$(cat "$rules")"
}

@test "P19: backup and init that cannot write in the project say so, and fail" {
  mkdir .pen/config.json
  run pen config backup
  assert_eq 1 "$status"
  one_line "$output"
  assert_contains "$output" "cannot write $PWD/.pen/config.json"
  assert_eq "" "$(find "$dir/run" -name 'put.*')" "temporary files"
  pen rm -y
  rm -r .pen
  touch .pen
  run pen init
  assert_eq 1 "$status"
  one_line "$output"
  assert_contains "$output" "cannot make $PWD/.pen"
  assert_eq "" "$(pen list)"
}

@test "P19: backup follows no link that lies in the project" {
  echo keep >"$LAB/victim"
  ln -s "$LAB/victim" .pen/config.json
  pen config backup
  assert_eq keep "$(cat "$LAB/victim")"
  [[ -f .pen/config.json && ! -L .pen/config.json ]]
  rm -r .pen
  mkdir "$LAB/elsewhere"
  ln -s "$LAB/elsewhere" .pen
  run pen config backup
  assert_eq 2 "$status"
  assert_eq "" "$(ls "$LAB/elsewhere")"
}

@test "P5: edit checks the copy before it counts, and keeps what was written" {
  config=$dir/config.json
  echo '{"cpus": 1}' >"$config"
  export EDITOR="sed -i s/1/2/"
  run pen config edit
  assert_eq 0 "$status" "$output"
  assert_eq '{"cpus": 2}' "$(cat "$config")"
  export VISUAL="sed -i s/2/two/"
  run pen config edit </dev/null
  assert_eq 2 "$status"
  assert_contains "$output" "not a JSON object"
  assert_eq '{"cpus": 2}' "$(cat "$config")"
  assert_eq '{"cpus": two}' "$(cat "$dir/config.edit.json")"
  export VISUAL="sed -i s/two/4/"
  run pen config edit
  assert_eq 0 "$status"
  assert_eq '{"cpus": 4}' "$(cat "$config")"
  [[ ! -e $dir/config.edit.json ]]
  export VISUAL=true
  run pen config edit
  assert_contains "$output" "nothing was changed"
}

@test "P5: edit: an editor that fails, and a config that changed meanwhile" {
  config=$dir/config.json
  echo '{"cpus": 1}' >"$config"
  export EDITOR=false
  run pen config edit </dev/null
  assert_eq 2 "$status"
  assert_eq '{"cpus": 1}' "$(cat "$config")"
  rm -f "$dir/config.edit.json"
  printf '#!/bin/sh\necho "{\\"cpus\\": 3}" >"$1"\necho "{\\"cpus\\": 9}" >%q\n' "$config" >"$LAB/editor"
  chmod +x "$LAB/editor"
  export EDITOR=$LAB/editor
  run pen config edit
  assert_eq 1 "$status"
  assert_contains "$output" "changed meanwhile"
  assert_eq '{"cpus": 9}' "$(cat "$config")"
  assert_eq '{"cpus": 3}' "$(cat "$dir/config.edit.json")"
}
