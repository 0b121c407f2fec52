#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# presets.bats - rules by name: those that come with pen, and those that follow
# the user's own npm and apt. All configuration here is made up.

load common

setup() {
  pen_setup
  # What this machine's own configuration says must not count.
  unset "${!npm_config_@}" "${!NPM_CONFIG_@}"
  mkdir -p "$LAB/apt/parts"
  cat >"$LAB/apt/apt.conf" <<END
Dir::Etc::sourcelist "$LAB/apt/sources.list";
Dir::Etc::sourceparts "$LAB/apt/parts";
END
  export APT_CONFIG=$LAB/apt/apt.conf
  pen init
  made=$(sandbox_dir)/run/presets
}

# made_rules NAME - print the rules of the preset @NAME, in one line
made_rules() {
  grep -v '^#' "$made/$1.txt" | xargs
}

# need_npm, need_apt - skip where there is no such program
need_npm() {
  command -v npm >/dev/null || skip "no npm here"
}
need_apt() {
  command -v apt-config >/dev/null || skip "no apt here"
}

@test "P16: a preset that is not there: the names of those that are" {
  for words in "allow @no-such" "allow @../github"; do
    # shellcheck disable=SC2086 # words
    run pen $words
    assert_eq 2 "$status"
    one_line "$output"
    assert_contains "$output" "no preset"
    assert_contains "$output" " github "
  done
  mkdir "$LAB/third"
  cd "$LAB/third"
  run pen init --preset no-such
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" " npm "
  [[ ! -e .pen ]]
}

@test "pen help presets lists every preset with what it is for" {
  run pen help presets
  assert_eq 0 "$status"
  for file in "$LAB_ROOT"/penctl/presets/*.txt; do
    name=${file##*/}
    grep -qE -e "^  @${name%.txt} +[A-Z].*\.\$" <<<"$output" || fail "$name: $output"
  done
  grep -q -e "^  @npm " <<<"$output"
  grep -q -e "^  @apt " <<<"$output"
}

@test "every preset names its source, and pen-proxy accepts it" {
  for file in "$LAB_ROOT"/penctl/presets/*.txt; do
    name=${file##*/}
    grep -q -e '^# Source: ' "$file" || fail "$name names no source"
    run pen allow "@${name%.txt}"
    assert_eq 0 "$status" "$name: $output"
  done
  run pen config validate
  assert_eq 0 "$status" "$output"
}

@test "a preset's rules count, by init --preset, the config and pen allow @NAME" {
  mkdir "$LAB/preset"
  cd "$LAB/preset"
  pen init --preset github --preset pypi
  for target in github.com:22 pypi.org:443; do
    run pen why "$target"
    assert_eq 0 "$status" "$output"
  done
  run pen why example.test:443
  assert_eq 3 "$status"
  cd "$LAB/project"
  run pen why github.com:22
  assert_eq 3 "$status"
  pen allow @github
  run pen why github.com:22
  assert_eq 0 "$status"
  pen deny @github
  run pen why github.com:22
  assert_eq 3 "$status"
}

@test "P17: a preset that is made on demand counts in the running sandbox" {
  need_npm
  echo "registry=http://example.test/npm/" >"$HOME/.npmrc"
  pen start
  run pen exec -- curl -s --max-time 5 -o /dev/null -w '%{http_code}' http://example.test/
  assert_eq 403 "$output"
  pen allow @npm
  run pen exec -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1; curl -sf --max-time 5 -o /dev/null http://example.test/ && exit; done; exit 1'
  assert_eq 0 "$status"
}

@test "@npm: the registry and those of scopes, with their ports" {
  need_npm
  cat >"$HOME/.npmrc" <<'END'
registry=https://registry.corp.test:8443/npm/
@acme:registry=http://npm.acme.test/x/
@other:registry=https://NPM.Other.test
//registry.corp.test:8443/npm/:_authToken=secret
END
  run pen allow @npm
  assert_eq 0 "$status" "$output"
  assert_eq "npm.acme.test:80 npm.other.test:443 registry.corp.test:8443" "$(made_rules npm)"
  run grep -r secret "$(sandbox_dir)"
  assert_eq 1 "$status"
}

@test "@npm: a configuration in the project does not count" {
  need_npm
  echo "registry=https://registry.corp.test/" >"$HOME/.npmrc"
  echo "registry=https://evil.test/" >.npmrc
  echo '{"name": "x"}' >package.json
  pen allow @npm
  assert_eq "registry.corp.test:443" "$(made_rules npm)"
}

@test "@npm follows the configuration at the next start, and only then" {
  need_npm
  echo "registry=https://one.test/" >"$HOME/.npmrc"
  pen allow @npm
  echo "registry=https://two.test/" >"$HOME/.npmrc"
  run pen why one.test:443
  assert_eq 0 "$status" "$output"
  pen start
  run pen why one.test:443
  assert_eq 3 "$status"
  run pen why two.test:443
  assert_eq 0 "$status"
  assert_eq "two.test:443" "$(made_rules npm)"
}

@test "@npm: where there is no npm, it says so" {
  cat >"$LAB/without-npm" <<'END'
#!/bin/bash
npm=$(command -v npm) && mount --bind /dev/null "$npm"
exec "$@"
END
  chmod +x "$LAB/without-npm"
  run unshare -m "$LAB/without-npm" "$LAB_ROOT/penctl/pen" allow @npm
  assert_eq 2 "$status" "$output"
  one_line "$output"
  assert_contains "$output" "there is no npm here"
  [[ ! -s $(sandbox_dir)/http-allowlist.txt ]]
}

@test "@apt: the one-line form: options, ports, credentials, comments" {
  need_apt
  cat >"$LAB/apt/sources.list" <<'END'
# deb http://comment.test/debian stable main
deb http://one.test/debian stable main # deb http://behind.test/ x
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://two.test:8443/debian stable main
deb-src [ trusted=yes ]   http://user:secret@three.test/debian stable main
deb cdrom:[Debian GNU/Linux]/ stable main
deb file:/srv/debian stable main
deb http://[2001:db8::1]:3142/debian stable main
END
  echo "deb http://part.test/debian ./" >"$LAB/apt/parts/part.list"
  echo "deb http://ignored.test/debian ./" >"$LAB/apt/parts/part.list.save"
  pen allow @apt
  assert_eq "[2001:db8::1]:3142 one.test:80 part.test:80 three.test:80 two.test:8443" "$(made_rules apt)"
  run grep -r secret "$(sandbox_dir)"
  assert_eq 1 "$status"
}

@test "@apt: the form of stanzas: several URIs, indented lines, disabled ones" {
  need_apt
  cat >"$LAB/apt/parts/main.sources" <<'END'
# a comment
Types: deb deb-src
URIs: http://one.test/debian  https://two.test/debian
 http://three.test/debian
# in between
Suites: stable
Components: main

Enabled: no
Types: deb
URIs: http://disabled.test/debian
Suites: stable

types: deb
uris:
 http://four.test:8080/debian
suites: ./
END
  pen allow @apt
  assert_eq "four.test:8080 one.test:80 three.test:80 two.test:443" "$(made_rules apt)"
}

@test "@apt: mirror methods" {
  need_apt
  cat >"$LAB/apt/mirrors.txt" <<'END'
http://near.test/debian	priority:1
# http://comment.test/debian
https://far.test/debian
END
  cat >"$LAB/apt/sources.list" <<END
deb mirror+file:$LAB/apt/mirrors.txt stable main
deb mirror+https://lists.test/mirrors.txt stable main
deb mirror://old.test/mirrors.txt stable main
END
  run pen allow @apt
  assert_eq 0 "$status"
  assert_contains "$output" "of the mirrors named by mirror+https://lists.test/mirrors.txt only that host"
  assert_eq "far.test:443 lists.test:443 near.test:80 old.test:80" "$(made_rules apt)"
}

@test "@apt: no source over HTTP, or a faulty one, is said, and nothing changes" {
  need_apt
  echo "deb file:/srv/debian stable main" >"$LAB/apt/sources.list"
  run pen allow @apt
  assert_eq 2 "$status"
  one_line "$output"
  assert_contains "$output" "no host"
  printf 'deb http://good.test/ ./\ndeb http://*/ ./\ndeb http://bad:99999/ ./\ndeb http://a\x1bb.test/ ./\n' >"$LAB/apt/sources.list"
  pen allow @apt
  assert_eq "good.test:80" "$(made_rules apt)"
}
