#!/bin/bash
# SPDX-License-Identifier: MIT
# common.bash - the beginning of every file of tests here: a namespace of the
# file's own, and the usual servers; a file overrides what it needs otherwise

# shellcheck source=SCRIPTDIR/../../lab/helpers.bash
source "${BASH_SOURCE[0]%/*}/../../lab/helpers.bash"
lab_netns

setup_file() {
  lab_standard
}

teardown_file() {
  lab_file_teardown
}

setup() {
  lab_setup
}

teardown() {
  lab_teardown
}
