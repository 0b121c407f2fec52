#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - the beginning of the tests of images: a lab with a base image in
# it, and alice, who has a project

# shellcheck source=tests/lab/containers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/containers.bash"
bats_require_minimum_version 1.5.0

readonly image_folder=${BASH_SOURCE[0]%/*}

# image_lab DAEMON... - lab_containers, after what only the machine itself can do
image_lab() {
  if [[ -z ${LAB_NETNS:-} ]] && ! lab_containers_missing "$@" >/dev/null; then
    IMAGE_TAR=$("$image_folder/base.sh") || exit 1
    export IMAGE_TAR
  fi
  lab_containers "$@" || return 1
}

# image_setup_file - the lab, with the base image in each of its daemons; alice's
# defaults say that the default image is built upon it
image_setup_file() {
  local tool
  containers_setup_file
  [[ -n ${LAB_NETNS:-} ]] || return 0
  for tool in $LAB_DAEMONS; do
    "${tool%%-*}" import "$IMAGE_TAR" pen-lab/debian >/dev/null
  done
  # podman's images are each user's own: root runs it here.
  export OWNER=alice OWNER_HOME=/home/alice OWNER_UID=4001
  [[ $LAB_DAEMONS != podman ]] || export OWNER=root OWNER_HOME=/home/root OWNER_UID=0
  mkdir -p "$OWNER_HOME/.pen"
  printf '{"build_args": {"PEN_DEBIAN": "pen-lab/debian"}}\n' >"$OWNER_HOME/.pen/config.json"
  chown -R "$OWNER:" "$OWNER_HOME"
  chmod 0700 "$OWNER_HOME/.pen"
}

# image_setup - each test has a project of its own, but for those that share one
image_setup() {
  containers_setup
  project "test-$BATS_TEST_NUMBER"
}

image_teardown() {
  [[ -n ${LAB_NETNS:-} ]] || return 0
  [[ $PWD == "$OWNER_HOME"/test-* ]] && pen stop >/dev/null 2>&1
  lab_teardown
}

# project NAME - alice's project of that name becomes the working directory
project() {
  owner mkdir -p "$OWNER_HOME/$1"
  cd "$OWNER_HOME/$1" || return 1
}

# owner CMD... - CMD as alice, or as root where that is who has the sandbox
owner() {
  if [[ $OWNER == root ]]; then
    HOME=$OWNER_HOME "$@"
  else
    as_user "$OWNER" "$@"
  fi
}

# pen ARG... - alice's pen, never longer than two minutes
pen() {
  owner timeout -k 5 120 pen "$@"
}

# pen_in_terminal TEXT ARG... - the same on a terminal, where TEXT is typed
pen_in_terminal() {
  local words="" text=$1
  shift
  printf -v words '%q ' pen "$@"
  owner timeout -k 5 120 script -qefc "$words" /dev/null <<<"$text"
}

# write FILE - stdin, as a file of alice's
write() {
  owner sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1"' sh "$1"
}

# image_id - print the id of this sandbox's image, or nothing
image_id() {
  "${1:-docker}" images --quiet --no-trunc "$(sandbox)"
}

# sandbox - print the name of this sandbox
sandbox() {
  pen status --json | jq -r .name
}

# set_config JQ - change this sandbox's config
set_config() {
  local file
  file=$OWNER_HOME/.pen/sandboxes/$(sandbox)/config.json
  jq "$1" "$file" >"$LAB/config.json" && owner cp "$LAB/config.json" "$file"
}
