#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What each version of Apple's `container` prints is read alike. The samples are
# in tests/lab/apple/samples; no daemon is needed.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0
readonly name=pen-user-501-project-shop-1a2b3c

setup() {
  cd "$BATS_TEST_DIRNAME/../../.." || return 1
  samples=$PWD/tests/lab/apple/samples
}

# adapted VERSION CMD [ARG]... - run a function of container.sh for the user 501,
# with a `container` that prints the samples of VERSION
adapted() {
  sample=$samples/$1 pen_lib=$PWD/penctl/commands/lib bash -c '
    set -u -o pipefail
    container() {
      case "$*" in
        --version) cat "$sample/version" ;;
        "list --all --format json") cat "$sample/list.json" ;;
        "network inspect "*) cat "$sample/network.json" ;;
        "network list --format json") cat "$sample/networks.json" ;;
        "volume list --format json") cat "$sample/volumes.json" ;;
        "image list --format json") cat "$sample/images.json" ;;
        "image inspect "*) cat "$sample/image.json" ;;
        "stats --format json --no-stream "*) cat "$sample/stats.json" ;;
        *)
          echo "not a call that was expected: $*" >&2
          return 64
          ;;
      esac
    }
    user=501
    # UID is read-only in bash: the file is read with the name of another.
    . <(sed "s/\$UID/\$user/g" "$pen_lib/runtime/container.sh")
    "$@"' adapted "${@:2}"
}

# each_version_says TEXT CMD [ARG]... - CMD prints TEXT for the samples of each
# version; at least ten are there
each_version_says() {
  local folder="" count=0
  for folder in "$samples"/*; do
    run --separate-stderr adapted "${folder##*/}" "${@:2}"
    [[ $status == 0 && $output == "$1" ]] ||
      { echo "${folder##*/}: status $status: $output: $stderr" && return 1; }
    count=$((count + 1))
  done
  ((count >= 10))
}

@test "P2: the state of a container is read from each version" {
  each_version_says running tool_container_state "$name-container"
  each_version_says stopped tool_container_state other
  each_version_says "" tool_container_state "$name"
}

@test "P10: the gateway of a network is read from each version" {
  each_version_says 192.168.65.1 tool_network_gateway "$name-network"
}

@test "P4: what is this user's is told by its label in each version" {
  each_version_says "container $name-container
network $name-network
volume $name-cache" tool_list
}

@test "F5: the id, the labels and the words of an image are read from each version" {
  each_version_says sha256:5b10f432ef3da1b8d4c7eb6c487f2f5a8f096bc91145e68878dd4a5019afde11 \
    tool_image_id "$name"
  each_version_says "" tool_image_id "${name%?}"
  each_version_says "" tool_image_id "x$name"
  each_version_says 0a1b2c tool_image_label "$name" pen.digest
  each_version_says "" tool_image_label "$name" pen.other
  each_version_says '/usr/bin/tini
--
/usr/bin/supervisord
-n' tool_image_command "$name"
}

@test "P14: the statistics of each version that has them are read" {
  local version=""
  for version in 0.7.1 0.8.0 0.12.3 1.0.0 1.4.1; do
    run adapted "$version" tool_stats "$name-container"
    [[ $status == 0 ]]
    jq -e '.cpu_ms == 2345 and .memory_bytes == 73400320 and .processes == 7 and
      .memory_limit_bytes == 1073741824 and .received_bytes == 4096 and
      .sent_bytes == 2048 and .read_bytes == 1048576 and .written_bytes == 8192 and
      .oom_kills == null' <<<"${lines[0]}"
  done
  # What could not be measured is left out, and is null here.
  run adapted 1.0.0 tool_stats "$name-container"
  jq -e '.cpu_ms == null and .memory_bytes == null' <<<"${lines[1]}"
}

@test "P14: version 0.6 has no statistics, and pen says so" {
  run adapted 0.6.0 tool_stats "$name-container"
  [[ $status == 1 && $output == "'container' 0.6 has no statistics (0.7 has)" ]]
}

@test "F4: the versions are put into order by number" {
  run adapted 0.10.0 eval 'container_version; container_is_before 0.12 && ! container_is_before 0.9'
  [[ $status == 0 ]]
  run adapted 1.0.0 eval 'container_version; ! container_is_before 0.12 && container_is_before 1.5'
  [[ $status == 0 ]]
}
