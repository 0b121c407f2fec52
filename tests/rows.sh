#!/bin/bash
# SPDX-License-Identifier: MIT
# rows.sh - shows which wish (tests/rows.tsv) is shown by which tests
#
# Usage: rows.sh
# Reads build/results/*.tap, so it tells of tests that ran, not of tests that
# are written down.  A test names a wish by its id: "N1: ..." or n1_...

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1

shopt -s nullglob
taps=(build/results/*.tap)
((${#taps[@]} > 0)) || {
  echo 'rows: no test has run here yet: make check' >&2
  exit 1
}

awk -F '\t' '
  FILENAME == "tests/rows.tsv" {
    if ($0 !~ /^#/ && NF == 2) {
      order[++rows] = $1
      title[$1] = $2
    }
    next
  }
  /^(not )?ok / {
    failed = /^not ok/
    skipped = /# *[Ss][Kk][Ii][Pp]/
    name = $0
    sub(/^(not )?ok [0-9]* *-? */, "", name)
    where = FILENAME
    sub(/^.*\//, "", where); sub(/\.tap$/, "", where)
    n = split(name, word, /[^A-Za-z0-9]+/)
    split("", seen)
    for (i = 1; i <= n; i++) {
      id = toupper(word[i])
      if (!(id in title) || id in seen)
        continue
      seen[id] = 1
      count[id]++
      mark = failed ? "FAILED " : skipped ? "skipped " : ""
      if (failed) bad[id]++
      if (skipped) missed[id]++
      lines[id] = lines[id] "      " mark where ": " name "\n"
    }
  }
  END {
    for (i = 1; i <= rows; i++) {
      id = order[i]
      shown = count[id] - bad[id] - missed[id]
      state = bad[id] ? "FAILS" : shown > 0 ? "shown" : "NONE "
      if (state == "NONE ") none = none " " id
      if (shown > 0 && !bad[id]) good++
      printf "%-4s %s  %s\n%s", id, state, title[id], lines[id]
    }
    printf "\n%d of %d rows shown by a test\n", good, rows
    if (none != "") print "without a test:" none
  }' tests/rows.tsv "${taps[@]}"
