#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# packages.bats - make deps says what it will install, and installs no more

# The package tools are stand-ins on a PATH of the test's own: nothing is
# installed on the machine that runs this.
setup() {
  cd "$BATS_TEST_DIRNAME/../../.." || return 1
  bin=$BATS_TEST_TMPDIR/bin
  mkdir "$bin"
  local tool
  for tool in bash cat env sed awk dirname; do
    ln -s "$(command -v "$tool")" "$bin/$tool"
  done
  log=$BATS_TEST_TMPDIR/apt.log
}

# tool name text - makes a stand-in that runs that line of bash
tool() {
  printf '#!/bin/bash\n%s\n' "$2" >"$bin/$1" && chmod +x "$bin/$1"
}

# deps argument... - runs .ci/deps with that PATH and no other
deps() {
  run env -i PATH="$bin" HOME=/ /bin/bash -c '
    # The script adds the sbin folders; here they stay out.
    sed "s,^PATH=.*,:," .ci/deps >"$1/deps" && shift &&
      exec /bin/bash "$0" "$@"' "$bin/deps" "$bin" "$@"
}

@test "probe names each missing thing and its package, and fails" {
  deps probe run
  printf '%s\n' "$output"
  [[ $status == 1 ]]
  [[ $output == *'bwrap is missing (Debian package bubblewrap)'* ]]
  [[ $output == *'run "make deps"'* ]]
}

@test "install prints the packages first and installs just these" {
  tool apt-get "printf '%s\\n' \"\$*\" >>'$log'
    [[ \$* != *install* ]] || for t in bwrap nft ip; do
      printf '#!/bin/bash\\n' >'$bin'/\$t; /bin/chmod +x '$bin'/\$t
    done"
  tool sudo 'exec "$@"'
  local t
  for t in jq curl openssl python3; do
    tool "$t" ''
  done
  deps install run
  printf '%s\n' "$output"
  [[ $status == 0 ]]
  [[ ${lines[0]} == 'deps: installs with apt: bubblewrap nftables iproute2' ]]
  [[ $(tail -n 1 "$log") == *' bubblewrap nftables iproute2' ]]
  : >"$log"
  deps install run
  [[ $status == 0 && $output == 'deps: nothing to install' && ! -s $log ]]
}

@test "a failing package tool fails the installation" {
  tool apt-get 'exit 100'
  tool sudo 'exec "$@"'
  deps install run
  [[ $status == 1 && $output == *'apt-get update failed'* ]]
}

@test "no package tool: the packages are named, to be installed by hand" {
  deps install run
  [[ $status == 1 && $output == *'install by hand: bubblewrap'* ]]
}
