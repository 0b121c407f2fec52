# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# text.sh - lint checks of manual pages and of words

lint_check_mandoc() {
  local list
  list=$(lint_files 'doc/man/*') || return 1
  [[ -n $list ]] || return 0
  lint_parallel mandoc -Tlint -Wwarning <<<"$list"
}

# lint_text_files - prints the text files, one a line (corpora are not text)
lint_text_files() {
  local list
  list=$(lint_files) || return 1
  printf '%s\n' "$list" | grep -v '^tests/fuzz/corpus/'
}

# Work that is left to do belongs into an issue, not into the tree.
lint_check_todo() {
  local list file files
  list=$(lint_text_files) || return 1
  files=()
  while IFS= read -r file; do
    files+=("$file")
  done <<<"$list"
  # The brackets keep this line from matching itself.
  lint_forbid '(^|[^A-Za-z0-9_])(TOD[O]|FIXM[E]|XX[X])([^A-Za-z0-9_]|$)' \
    'open an issue instead' "${files[@]}"
}

# lint_machine_hosts - prints the package mirrors that this machine is set to
lint_machine_hosts() {
  local file
  {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/* \
      /etc/apt/apt.conf /etc/apt/apt.conf.d/* \
      /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc "${HOME:-/}/.npmrc"; do
      [[ ! -f $file || ! -r $file ]] || grep -v '^[[:space:]]*#' "$file"
    done
    printf '%s\n' "${npm_config_registry:-}" "${NPM_CONFIG_REGISTRY:-}"
  } | grep -oE '(https?|ftp)://[^/" ]+' |
    sed -E 's,^[a-z]+://,,; s,^.*@,,; s,:[0-9]+$,,' | sort -u |
    grep -E '\.' | grep -vE '^(127\.|localhost)'
}

# Nothing of the machine on which somebody works gets into the tree: no path
# of a checkout, no mirror.  The mirrors are read from the machine itself.
lint_check_words() {
  local list file files host hosts bad=0
  list=$(lint_text_files) || return 1
  hosts=$(lint_machine_hosts) || hosts=
  files=()
  while IFS= read -r file; do
    files+=("$file")
  done <<<"$list"
  lint_forbid '(^|[^A-Za-z0-9_}])(/wor[k]/|/roo[t]/\.|/tm[p]/pen/)' \
    'a path of one machine' "${files[@]}" || bad=1
  while IFS= read -r host; do
    [[ -n $host ]] || continue
    lint_forbid "(^|[^A-Za-z0-9.-])${host//./\\.}([^A-Za-z0-9-]|\$)" \
      'a mirror of this machine' "${files[@]}" || bad=1
  done <<<"$hosts"
  return "$bad"
}
