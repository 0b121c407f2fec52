#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# buildkit.bats - images by the builder that newer releases of Docker have

load common
image_lab docker-trixie

setup_file() { image_setup_file; }
teardown_file() { containers_teardown_file; }
setup() { image_setup; }
teardown() { image_teardown; }

@test "P6 F5: BuildKit builds the default image and overrides, with their own caches and ignore files" {
  docker buildx version >/dev/null
  pen init --runtime docker >/dev/null
  assert_eq "Built $(sandbox)" "$(pen build)"
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  printf '%s\n' 'ARG PEN_BASE' 'FROM ${PEN_BASE}' 'COPY --chown=4001 . /all' \
    'RUN --mount=type=cache,target=/tmp/cache,uid=4001 touch /tmp/cache/x' | write .pen/Dockerfile
  printf '%s\n' '*.log' .pen | write .dockerignore
  echo 1 | write a.log
  echo 1 | write kept
  pen build --yes
  echo 2 | write a.log
  assert_eq "Up to date: $(sandbox)" "$(pen build)"
  assert_eq "/all/.dockerignore /all/kept" \
    "$(docker run --rm --network none "$(sandbox)" find /all -type f | sort | tr '\n' ' ' | sed 's/ $//')"
  printf 'FROM %s\nRUN echo the-reason >&2; exit 3\n' "$LAB_BASE" | write .pen/Dockerfile
  run pen build --yes
  assert_eq 1 "$status"
  assert_contains "$output" the-reason
}
