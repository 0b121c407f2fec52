#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# manual_pages.bats - the manual says what the programs take, no more, no less

setup() {
  cd "$BATS_TEST_DIRNAME/../../.." || return 1
}

# keys_of_page - prints "section.key" for each key of pen-proxy.ini(5)
keys_of_page() {
  awk '
    /^\.Ss \[/ { section = $2; gsub(/[][]/, "", section) }
    /^\.Sh (FILES|EXAMPLES)/ { section = "" }
    /^\.It Ic / && section != "" {
      gsub(/No \([^)]*\)/, "")
      for (i = 2; i <= NF; i++)
        if ($i != "Ic" && $i != ",")
          print section "." $i
    }
  ' doc/man/pen-proxy.ini.5 | sort
}

# keys_of_program - prints the same from the table of the parser
keys_of_program() {
  sed -nE 's/^[[:space:]]*\{"([a-z]+)", "([a-z-]+)", config_set.*/\1.\2/p' \
    proxy/config_keys.c | sort
}

@test "every key of pen-proxy.ini is in its manual page, and no other" {
  keys_of_page >"$BATS_TEST_TMPDIR/page"
  keys_of_program >"$BATS_TEST_TMPDIR/program"
  [[ -s $BATS_TEST_TMPDIR/program ]]
  diff "$BATS_TEST_TMPDIR/page" "$BATS_TEST_TMPDIR/program"
}

@test "pen-proxy takes every key of the page (none is called unknown)" {
  local key
  for key in $(keys_of_page); do
    printf '[%s]\n%s = \n' "${key%.*}" "${key#*.}" >"$BATS_TEST_TMPDIR/ini"
    run "$PEN_PROXY" -t -c "$BATS_TEST_TMPDIR/ini"
    [[ $status != 127 && $output != *unknown* ]] || {
      printf '%s: %s\n' "$key" "$output"
      return 1
    }
  done
}

@test "every option that pen-proxy -h names is in its page, and no other" {
  "$PEN_PROXY" -h | grep -oE '(^|[^A-Za-z-])--?[A-Za-z][a-z-]*' |
    sed 's/^[^-]*//' | sort -u >"$BATS_TEST_TMPDIR/usage"
  sed -n 's/^\.It Fl //p' doc/man/pen-proxy.8 | sed 's/ Ar .*//' |
    tr , '\n' | sed 's/^ */-/; s/ *$//' | sort -u >"$BATS_TEST_TMPDIR/page"
  diff "$BATS_TEST_TMPDIR/usage" "$BATS_TEST_TMPDIR/page"
}

@test "every page has EXAMPLES, EXIT STATUS and SEE ALSO" {
  local page section
  for page in doc/man/*.[1-9]; do
    for section in EXAMPLES 'EXIT STATUS' 'SEE ALSO'; do
      grep -q "^\.Sh $section" "$page" || {
        printf '%s has no %s\n' "$page" "$section"
        return 1
      }
    done
  done
}

@test "the example configuration of the page is one that pen-proxy takes" {
  awk '/^\.Sh EXAMPLES/ { on = 1 } on && /^\.Ed/ { exit }
    on && !/^\./ { print }' doc/man/pen-proxy.ini.5 |
    sed "s,/home/user,$BATS_TEST_TMPDIR,; s,/run/user/1000,$BATS_TEST_TMPDIR," \
      >"$BATS_TEST_TMPDIR/ini"
  printf 'example.net:443\n' >"$BATS_TEST_TMPDIR/allowlist.txt"
  run "$PEN_PROXY" -t -c "$BATS_TEST_TMPDIR/ini"
  printf '%s\n' "$output"
  [[ $status == 0 ]]
}

@test "the example rules of pen-allowlist(5) are a policy that passes" {
  awk '/^\.Sh EXAMPLES/ { on = 1 } on && /^\.Ed/ { exit }
    on && !/^\./ { print }' doc/man/pen-allowlist.5 >"$BATS_TEST_TMPDIR/rules"
  printf '[policy]\nallowlist = %s\n' "$BATS_TEST_TMPDIR/rules" \
    >"$BATS_TEST_TMPDIR/ini"
  run "$PEN_PROXY" -t -c "$BATS_TEST_TMPDIR/ini"
  printf '%s\n' "$output"
  [[ $status == 0 ]]
}
