#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# install_uninstall.bats - make install copies, make uninstall removes just that

setup() {
  cd "$BATS_TEST_DIRNAME/../../.." || return 1
  dest=$BATS_TEST_TMPDIR/dest
  home=$dest/usr/local/libexec/pen
  mkdir "$dest"
}

pen_make() {
  make --no-print-directory MODE="${PEN_MODE:-release}" DESTDIR="$dest" "$@"
}

@test "P21: install lays out the programs, the command tree and the pages" {
  pen_make install
  [[ -x $home/pen-proxy && -x $home/penctl/pen ]]
  [[ $(uname -s) != Linux || -x $home/pen-jail ]]
  [[ $(readlink "$dest/usr/local/bin/pen") == /usr/local/libexec/pen/penctl/pen ]]
  [[ -f $dest/usr/local/share/man/man8/pen-proxy.8 ]]
  [[ -f $dest/usr/local/share/man/man5/pen-allowlist.5 ]]
  # Nothing is writable by others.
  [[ -z $(find "$dest" ! -type l -perm /022) ]]
}

@test "P21: the manifest names every file that install made" {
  pen_make install
  find "$dest" -mindepth 1 \( -type d -printf '/%P/\n' -o -printf '/%P\n' \) |
    sort >"$BATS_TEST_TMPDIR/there"
  sort "$home/manifest" >"$BATS_TEST_TMPDIR/named"
  diff "$BATS_TEST_TMPDIR/there" "$BATS_TEST_TMPDIR/named"
}

@test "P21: uninstall leaves nothing, and nobody else's file goes" {
  mkdir -p "$dest/usr/local/bin"
  : >"$dest/usr/local/bin/theirs"
  pen_make install
  pen_make install
  : >"$home/penctl/mine"
  pen_make uninstall
  run find "$dest" -type f -o -type l
  [[ ${#lines[@]} == 2 ]]
  [[ -e $dest/usr/local/bin/theirs && -e $home/penctl/mine ]]
}

@test "P21: uninstall without an installation says so and fails" {
  run pen_make uninstall
  [[ $status != 0 && $output == *'nothing to uninstall'* ]]
}

@test "P21: a relative PREFIX is refused and installs nothing" {
  run env DESTDIR= BINDIR=bin LIBEXECDIR=libexec MANDIR=man INSTALL=install \
    .ci/files install "build/${PEN_MODE:-release}"
  [[ $status == 1 && $output == *'not an absolute path'* && ! -e libexec ]]
}

@test "the installed pen runs and finds its programs" {
  # What was installed under DESTDIR is tried where it lies.
  pen_make install
  run env -u PEN_PROXY -u PEN_JAIL "$home/penctl/pen" version
  [[ $status == 0 && $output == *pen* ]]
  run "$home/pen-proxy" -V
  [[ $status == 0 ]]
}
