#!/bin/bash
# SPDX-License-Identifier: MIT
# sum.sh - adds up TAP files: "LABEL: N passed, N failed, N skipped"
#
# Usage: sum.sh LABEL FILE.tap...
# Status 1 if a test failed or none ran.

set -u -o pipefail
export LC_ALL=C

label=$1
shift
cat "$@" | awk -v label="$label" '
  /^not ok .*# *[Tt][Oo][Dd][Oo]/ { skip++; next }
  /^not ok / { bad++; next }
  /^ok .*# *[Ss][Kk][Ii][Pp]/ { skip++; print "  SKIP    " $0; next }
  /^ok / { ok++ }
  END {
    printf "%s: %d passed, %d failed, %d skipped\n", label, ok, bad, skip
    exit (bad > 0 || ok == 0)
  }'
