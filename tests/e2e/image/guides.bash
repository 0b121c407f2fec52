#!/bin/bash
# SPDX-License-Identifier: MIT
# guides.bash - runs blocks of doc/guide as they stand there

# guide_block NAME - print the block that begins with "# tried: NAME", with the
# names of the lab for those of the Internet
guide_block() {
  awk -v want="# tried: $1" '
    /^```/ { inside = 0 }
    inside { print; found = 1 }
    $0 == want { inside = 1 }
    END { exit !found }' "$LAB_ROOT"/doc/guide/*.md |
    sed 's/example\.org/example.test/g; s/example\.com/denied.test/g'
}
