#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# build.bats - when an image is built, from what, and with whose consent

load common
image_lab docker

setup_file() { image_setup_file; }
teardown_file() { containers_teardown_file; }

setup() {
  image_setup
  pen init --runtime docker >/dev/null
}

teardown() {
  image_teardown
}

# small_dockerfile [LINE]... - .pen/Dockerfile upon the lab's image, and LINEs
small_dockerfile() {
  { printf 'FROM %s\n' "$LAB_TOOLS" && printf '%s\n' "$@"; } | write .pen/Dockerfile
}

@test "P18: build, start and exec refuse a directory where pen init was not run" {
  project "other-$BATS_TEST_NUMBER"
  for words in build start "exec true" "ssh true" "ssh config"; do
    # shellcheck disable=SC2086 # words
    run pen $words
    [[ $status != 0 ]]
    assert_contains "$output" "run 'pen init' first"
  done
  assert_eq "" "$(image_id)"
}

@test "F5 P6 P23: the default image is built once, and again for other arguments" {
  run pen build
  assert_eq 0 "$status" "$output"
  assert_eq "Built $(sandbox)" "$output"
  id=$(image_id)
  [[ -n $id ]]
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  assert_eq "$id" "$(image_id)"
  assert_eq "Built $(sandbox)" "$(pen build --build-arg PEN_CA="$(cat "$CERTS/ca.pem")")"
  [[ $id != "$(image_id)" ]]
  # That certificate counts for all programs.
  run docker run --rm --network none "$(sandbox)" \
    sh -c 'openssl verify -CAfile "$SSL_CERT_FILE" /etc/ssl/certs/pen.pem'
  assert_contains "$output" "pen.pem: OK"
  set_config '.build_args.PEN_GID = "4242"'
  assert_eq "Built $(sandbox)" "$(pen build)"
}

@test "F5: an override is built again when its Dockerfile or a file that it copies changes, not else" {
  small_dockerfile 'COPY sub /sub'
  echo one | write sub/one
  echo other | write other
  pen build --yes
  id=$(image_id)
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  echo two | write sub/two
  assert_eq "Built $(sandbox)" "$(pen build --yes)"
  [[ $id != "$(image_id)" ]]
  id=$(image_id)
  # The same size, and the time of its last writing set back.
  owner touch -r sub/one ../stamp
  echo eno | write sub/one
  owner touch -r ../stamp sub/one
  assert_eq "Built $(sandbox)" "$(pen build --yes)"
  owner chmod 0700 sub/one
  assert_eq "Built $(sandbox)" "$(pen build --yes)"
  small_dockerfile 'COPY sub /sub' 'LABEL more=1'
  assert_eq "Built $(sandbox)" "$(pen build --yes)"
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
}

@test "F5: what .dockerignore leaves out causes no build" {
  small_dockerfile 'COPY . /all'
  printf '%s\n' '# comment' node_modules '**/*.log' 'build/*' '!build/keep' '/top.txt' '.pen' |
    write .dockerignore
  for file in node_modules/a/b deep/down/x.log build/out build/keep top.txt deep/top.txt plain; do
    echo 1 | write "$file"
  done
  pen build --yes
  for file in node_modules/a/b node_modules/c deep/down/x.log y.log build/out build/new top.txt .pen/more; do
    echo 2 | write "$file"
    assert_eq "Up to date: $(sandbox)" "$(pen build)" "after a change of $file"
  done
  for file in build/keep deep/top.txt plain new; do
    echo 2 | write "$file"
    assert_eq "Built $(sandbox)" "$(pen build --yes)" "after a change of $file"
  done
  # What Docker has put into the image is what was looked at.
  assert_eq "/all/.dockerignore /all/build/keep /all/deep/top.txt /all/new /all/plain" \
    "$(docker run --rm --entrypoint find "$(sandbox)" /all -type f | sort | tr '\n' ' ' | sed 's/ $//')"
}

@test "P6: a Dockerfile that copies nothing is built without the project, whatever lies there" {
  small_dockerfile 'RUN echo made >/made'
  owner mkfifo pipe
  owner truncate -s 20G huge
  owner mkdir -m 0 closed
  run pen build --yes
  assert_eq 0 "$status" "$output"
  assert_contains "$(cat "$OWNER_HOME/.pen/sandboxes/$(sandbox)/run/build.log")" "context to Docker daemon  1."
  # No file of the project matters.
  echo more | write more
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
}

@test "P6: FROM the default by PEN_BASE; it is built first, once, with the arguments that are its own" {
  printf '%s\n' 'ARG PEN_BASE' 'FROM ${PEN_BASE}' 'ARG GREETING' 'USER 0' \
    'RUN echo "$GREETING" >/greeting' 'ARG PEN_UID' 'USER ${PEN_UID}' | write .pen/Dockerfile
  run pen build --yes --build-arg GREETING=hello
  assert_eq 0 "$status" "$output"
  base=$(docker images --format '{{.Repository}}:{{.Tag}}' | grep '^pen-user-4001-base:')
  [[ $base != *$'\n'* ]]
  id=$(docker images -q "$base")
  assert_contains "$(pen exec -- cat /greeting)" hello
  assert_contains "$(pen exec -- ps -o args= -p 1)" /usr/bin/tini
  assert_eq 4001 "$(pen exec -- id -u)"
  pen stop
  # A second project finds it there.
  owner cp -r .pen ../other-base
  project "test-$BATS_TEST_NUMBER-b"
  pen init --runtime docker >/dev/null
  owner cp -r ../other-base/Dockerfile .pen/
  pen build --yes
  assert_eq "$id" "$(docker images -q "$base")"
}

@test "P18 F5: start builds when there is no image, and then only" {
  small_dockerfile
  pen build --yes
  docker rmi -f "$(sandbox)" >/dev/null
  run pen start
  assert_eq 0 "$status" "$output"
  assert_contains "$output" "there is no image yet"
  pen stop
  id=$(image_id)
  small_dockerfile 'RUN echo changed >/changed'
  assert_eq "" "$(pen exec -- true)"
  assert_eq "$id" "$(image_id)"
}

@test "F5: a build that fails shows why, ends with 1, and the image that there was stays" {
  small_dockerfile
  pen build --yes
  id=$(image_id)
  small_dockerfile 'RUN echo the-reason >&2; exit 3'
  run pen build --yes
  assert_eq 1 "$status"
  assert_contains "$output" the-reason
  assert_contains "$output" "the image $(sandbox) was not built"
  assert_eq "$id" "$(image_id)"
  # It is not taken for built: the next build tries again.
  run pen build --yes
  assert_eq 1 "$status"
  small_dockerfile 'RUN echo "$NO'
  run pen build --yes
  assert_eq 1 "$status"
  assert_eq "$id" "$(image_id)"
}

@test "P5: a build argument that nothing takes is refused, one for a proxy is not" {
  run pen build --build-arg PEN_PACKAGE=gcc
  assert_eq 2 "$status"
  assert_contains "$output" "build argument PEN_PACKAGE:"
  run pen build --build-arg nonsense
  assert_eq 2 "$status"
  small_dockerfile 'RUN echo "$no_proxy" >/value'
  pen build --yes --build-arg no_proxy=one.test
  assert_eq one.test "$(docker run --rm --entrypoint cat "$(sandbox)" /value)"
}

@test "P18 P19: a Dockerfile of the project is not built by a start before its user agreed, nor after a change" {
  small_dockerfile 'RUN echo first'
  for words in start "exec true"; do
    # shellcheck disable=SC2086 # words
    run pen $words </dev/null
    [[ $status != 0 ]]
    assert_contains "$output" "is not what was built last: look at it, then run 'pen build'"
  done
  assert_eq "" "$(image_id)"
  # Without a terminal the command is the user's word, and says for what.
  run pen build </dev/null
  assert_eq 0 "$status" "$output"
  assert_contains "$output" "building what $PWD/.pen/Dockerfile says, with your network and outside of the sandbox"
  id=$(image_id)
  assert_eq "Built $(sandbox)" "$(pen build --no-cache)"
  [[ $id != "$(image_id)" ]]
  small_dockerfile 'RUN echo second'
  docker rmi -f "$(sandbox)" >/dev/null
  run pen start </dev/null
  assert_eq 2 "$status" "$output"
  assert_eq "" "$(image_id)"
  # The one agreed to may be built at any time.
  small_dockerfile 'RUN echo first'
  pen start </dev/null
  [[ -n $(image_id) ]]
  pen stop
}

@test "P19: on a terminal it is shown, as what it is, and asked for; then its differences" {
  small_dockerfile $'RUN echo \e[2Jhidden \xe2\x80\xae'
  run pen_in_terminal n build
  assert_eq 2 "$status" "$output"
  assert_contains "$output" 'RUN echo ^[[2Jhidden M-bM-^@M-.'
  [[ $output != *$'\e[2J'* ]]
  assert_contains "$output" "not built"
  assert_eq "" "$(image_id)"
  run pen_in_terminal y build
  assert_eq 0 "$status" "$output"
  [[ -n $(image_id) ]]
  small_dockerfile 'RUN echo more'
  run pen_in_terminal n build
  assert_contains "$output" '+RUN echo more'
  assert_contains "$output" '-RUN echo ^[[2Jhidden'
}

@test "P19: the files of the project that a Dockerfile copies need the same word, wherever it lies" {
  printf 'FROM %s\nCOPY run.sh /\nRUN sh /run.sh\n' "$LAB_TOOLS" | write ../outside.Dockerfile
  echo 'echo harmless' | write run.sh
  set_config ".dockerfile = \"$OWNER_HOME/outside.Dockerfile\""
  run pen start </dev/null
  assert_eq 2 "$status"
  pen build --yes
  echo 'echo harmful!' | write run.sh
  docker rmi -f "$(sandbox)" >/dev/null
  run pen start </dev/null
  assert_eq 2 "$status"
  run pen_in_terminal n build
  assert_contains "$output" "files that it copies have changed"
  # One that reads nothing of the project is the user's own affair.
  printf 'FROM %s\nRUN echo fine\n' "$LAB_TOOLS" | write ../outside.Dockerfile
  pen build
}

@test "P19: a Dockerfile that is a link, a folder or a pipe is refused" {
  owner mkdir -p .pen
  echo "secret" | write ../secret
  owner ln -s ../../secret .pen/Dockerfile
  run pen build --yes
  assert_eq 2 "$status"
  [[ $output != *secret ]]
  assert_contains "$output" refused
  owner rm .pen/Dockerfile
  owner mkfifo .pen/Dockerfile
  run pen build --yes
  assert_eq 2 "$status"
  owner rm .pen/Dockerfile
  owner mkdir .pen/Dockerfile
  run pen build --yes
  assert_eq 2 "$status"
}

@test "a build that is killed half way leaves nothing that counts" {
  small_dockerfile 'RUN touch /began && sleep 3'
  owner timeout -s KILL 1.5 pen build --yes || true
  eventually 60 no_builder
  run pen build --yes
  assert_eq 0 "$status" "$output"
}

# no_builder - no step of a build is running
no_builder() {
  [[ -z $(docker ps -q) ]]
}
