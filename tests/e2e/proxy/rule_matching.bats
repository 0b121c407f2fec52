#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# rule_matching.bats - which rule allows what, told by --check and by the engine

load common

setup_file() {
  lab_file_setup
}

@test "every kind of rule against targets that it covers, and does not" {
  run_table matching rules
}

@test "of several matching rules the most specific counts, of equals the later" {
  run_table matching precedence
}

@test "150 host spellings and the verdict that each must get" {
  run_table matching spellings
}

@test "expectations are judged like requests" {
  run_table matching expectations
}
