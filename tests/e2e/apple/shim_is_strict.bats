#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The shim of Apple's `container` and the fakes of macOS's tools refuse what the
# real ones refuse. No daemon is needed.
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr

bats_require_minimum_version 1.5.0

setup() {
  apple=$BATS_TEST_DIRNAME/../../lab/apple
  export APPLE_LAB=$BATS_TEST_TMPDIR/mac
  mkdir -p "$APPLE_LAB/networks" "$APPLE_LAB/gnu" "$APPLE_LAB/bin"
  : >"$APPLE_LAB/service"
}

# refuses VERSION WORD... - `container WORD...` of that version is no command line
refuses() {
  printf '%s\n' "$1" >"$APPLE_LAB/version"
  run --separate-stderr "$apple/container" "${@:2}"
  [[ $status == 64 && $stderr == Error:* && -z $output ]] ||
    { echo "$1 takes: ${*:2} (status $status, $stderr)" && return 1; }
}

# takes VERSION WORD... - it is one, and fails later, as there is no daemon
takes() {
  printf '%s\n' "$1" >"$APPLE_LAB/version"
  rm -f "$APPLE_LAB/service"
  run --separate-stderr "$apple/container" "${@:2}"
  [[ $status == 1 && $stderr == *'XPC connection error'* ]] ||
    { echo "$1 refuses: ${*:2} (status $status, $stderr)" && return 1; }
  : >"$APPLE_LAB/service"
}

@test "shim: what no version has is refused" {
  local version=""
  for version in 0.6.0 0.12.3 1.4.1; do
    refuses "$version"
    refuses "$version" pause x
    refuses "$version" network connect a b
    refuses "$version" run --hostname x image
    refuses "$version" run --pids-limit 5 image
    refuses "$version" run --security-opt no-new-privileges image
    refuses "$version" run --sysctl a=b image
    refuses "$version" run --add-host a:b image
    refuses "$version" exec --privileged x true
    refuses "$version" inspect --format json x
    refuses "$version" network create --driver bridge x
    refuses "$version" build --network host .
    refuses "$version" list -aq x
    refuses "$version" list --format xml
    refuses "$version" run --name
    refuses "$version" run --name --detach image
    refuses "$version" run
    refuses "$version" exec x
    refuses "$version" image rm --all=yes
  done
}

@test "shim: an option is refused by the last version before it, and taken by the first with it" {
  local before="" first="" word=""
  while read -r before first word; do
    # shellcheck disable=SC2086 # words of a command line
    refuses "$before" $word
    # shellcheck disable=SC2086 # words of a command line
    takes "$first" $word
  done <<'TABLE'
0.6.0 0.7.0 stats --format json
0.7.1 0.8.0 run --read-only image
0.8.0 0.9.0 network create --internal net
0.9.0 0.10.0 run --init image
0.11.0 0.12.0 run --cap-drop ALL image
0.12.3 1.0.0 run --shm-size 1G image
TABLE
  refuses 0.9.0 system status --format json
  refuses 0.11.0 list --format yaml
}

@test "shim: the words behind an image or a container are the command's own" {
  takes 0.6.0 run --detach --name ab image --unknown -x
  takes 0.6.0 exec -i -w /tmp x -- true
  takes 0.6.0 inspect rm
  takes 0.6.0 rm ls
}

@test "shim: without its service only the service's own commands answer" {
  rm -f "$APPLE_LAB/service"
  printf '1.0.0\n' >"$APPLE_LAB/version"
  run "$apple/container" system status
  [[ $status == 1 && $output == *'not running'* ]]
  run "$apple/container" network list
  [[ $status == 1 && $output == *'container system start'* ]]
  run "$apple/container" --version
  [[ $status == 0 && $output == 'container CLI version 1.0.0 (build: '* ]]
}

@test "shim: every call is recorded, also those that are refused" {
  refuses 1.0.0 nonsense 'a b'
  [[ $(<"$APPLE_LAB/calls") == '["nonsense", "a b"]' ]]
}

@test "shim: what it prints has the keys and types of each version's sample" {
  run /usr/bin/python3 -B "$apple/compare.py" "$apple/samples"
  echo "$output"
  [[ $status == 0 && $output == '11 versions' ]]
}

# bsd TOOL WORD... - the fake of TOOL
bsd() {
  ln -sf "$apple/bsd.sh" "$APPLE_LAB/bin/$1"
  ln -sf "$(command -v "$1" || command -v true)" "$APPLE_LAB/gnu/$1"
  ln -sf "$(command -v awk)" "$APPLE_LAB/gnu/awk"
  run --separate-stderr "$APPLE_LAB/bin/$1" "${@:2}"
}

@test "fakes: what BSD's tools have not is refused and recorded" {
  local words=""
  while read -r words; do
    rm -f "$APPLE_LAB/refused"
    # shellcheck disable=SC2086 # words of a command line
    bsd $words
    [[ $status == 64 && -s $APPLE_LAB/refused ]] || { echo "takes: $words" && return 1; }
  done <<'TABLE'
stat -c %s /etc/passwd
date -d @0 +%s
date --iso-8601
date +%N
sed -i s/a/b/ file
sed s/a\+/b/ file
sed --quiet p file
readlink -f /
mktemp --directory
mktemp -p /tmp
grep -P a file
grep a\|b file
find -name x
find / -printf %p
head -n -1 file
ps --ppid 1
sleep infinity
sleep 1s
cp --reflink a b
ln -sf --relative a b
uname -o
sysctl -n kernel.hostname
sort --version-sort file
awk BEGIN{print(strftime())} file
TABLE
}

@test "fakes: the rest works as on a Mac" {
  bsd uname -s
  [[ $output == Darwin ]]
  bsd stat -f %z /dev/null
  [[ $output == 0 ]]
  bsd date -u -r 0 +%Y
  [[ $output == 1970 ]]
  printf 'abc' >"$BATS_TEST_TMPDIR/three"
  bsd wc -c "$BATS_TEST_TMPDIR/three"
  [[ $output == "       3 $BATS_TEST_TMPDIR/three" ]]
  bsd sed -n -E 's/a+/b/p' "$BATS_TEST_TMPDIR/three"
  [[ $output == bbc ]]
}
