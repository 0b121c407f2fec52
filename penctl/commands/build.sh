#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: build the sandbox's image if what it is made from has changed
# Usage: pen build [--no-cache] [--yes] [--build-arg NAME=VALUE]...
#
# The image is built from the config's "dockerfile", else from the project's
# .pen/Dockerfile, else from the one that comes with pen. In the first two,
# 'ARG PEN_BASE' and 'FROM ${PEN_BASE}' begin with the latter. 'pen start' builds
# only when there is no image. The runtime 'jail' has none.
#
# A build runs outside of the sandbox, with the whole network. So what the sandbox
# could have changed, a Dockerfile in the project or the files that one copies
# from it, is shown on a terminal, and built only after you have agreed to it.
#
# Options:
#   --no-cache                run all steps again, even if nothing changed
#   --build-arg NAME=VALUE    besides the config's "build_args"
#   --yes                     do not ask: build what the project says, unseen
#   -h, --help                this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1

main() {
  command_begin
  image_options "$@"
  life_open
  state_make
  state_lock build.lock
  runtime_build "$@"
}

main "$@"
