#!/bin/bash
# SPDX-License-Identifier: MIT
# containers.sh - runs a command, or a shell, in the lab of containers.bash
#
# Usage: containers.sh [CMD [ARG]...]
#
# As root. dockerd and podman (with images), the internet, pen as installed from
# build/release, the users alice and bob (setpriv --reuid alice --regid alice
# --init-groups). Everything ends with the command. LAB_DAEMONS=docker-sid is
# another Docker, and leaves podman out.

set -u -o pipefail
# shellcheck source=tests/lab/containers.bash
source "${BASH_SOURCE[0]%/*}/containers.bash"

main() {
  local reason
  : "${LAB_DAEMONS:=docker podman}"
  # shellcheck disable=SC2086 # a list of names
  if [[ ${1:-} != --inside ]]; then
    ! reason=$(lab_containers_missing $LAB_DAEMONS) || fail "$reason" || exit 1
    lab_containers_make $LAB_DAEMONS || exit 1
    lab_containers_enter $LAB_DAEMONS -- "$LAB_DIR/containers.sh" --inside "$@"
    exit 1
  fi
  shift
  mkdir -p /run/lab/servers/home
  export LAB=/run/lab/servers LAB_FILE=/run/lab/servers HOME=/run/lab/servers/home
  # shellcheck disable=SC2086 # a list of names
  containers_up $LAB_DAEMONS || exit 1
  if (($# == 0)); then
    set -- bash
  fi
  "$@"
}

main "$@"
