# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# context.sh - has a build context changed? A digest of what the system says of
# its files, not of their contents, so that a large project takes no longer than
# a walk over it
#
# What counts of a file is its type, mode, size, inode, and the time of its last
# change of any kind (ctime, which nobody but root can set back).

# context_sha256 - print the SHA-256 of stdin in hexadecimal
context_sha256() {
  local sum=""
  if command -v sha256sum >/dev/null; then
    sum=$(sha256sum) || return 1
  else
    sum=$(shasum -a 256) || return 1
  fi
  printf '%s\n' "${sum%% *}"
}

# context_digest FOLDER - print a digest of the context FOLDER, without what its
# .dockerignore leaves out
context_digest() {
  local ignore="$1/.dockerignore"
  [[ -f $ignore ]] || ignore=/dev/null
  (
    cd -- "$1" || exit 1
    context_list "$ignore" | context_kept "$ignore" | sort | context_sha256
  )
}

# context_list IGNORE - print one line a file of the current directory: what tells
# a change, a tab, and its path
context_list() {
  local line="" prune
  prune=(-name . -o)
  # A folder that is left out as a whole is not entered; this is for speed alone,
  # as context_kept decides.
  while IFS= read -r line; do
    prune+=(-path "./$line" -prune -o)
  done < <(context_plain_folders "$1")
  if find . -prune -printf '' 2>/dev/null; then
    # The contents of a folder are told by its files: of itself, its mode counts.
    find . "${prune[@]}" -type d -printf '%y %m\t%P\0' -o \
      -printf '%y %m %s %i %C@\t%P\0' | tr '\n\0' '\001\n'
  else
    find . "${prune[@]}" -type d -exec stat -f '%p%t%N' {} + -o \
      -exec stat -f '%p %z %i %Fc%t%N' {} +
  fi
}

# context_plain_folders IGNORE - print the paths in IGNORE that are plain names,
# if none of its lines takes something in again
context_plain_folders() {
  awk '
    { sub(/\r$/, ""); gsub(/^[ \t]+|[ \t]+$/, "") }
    /^!/ { back = 1 }
    /^\/?[A-Za-z0-9._\/-]+$/ && !/\.\./ {
      gsub(/^\.?\/|\/+$/, "")
      if ($0 != "" && $0 != ".") path[++n] = $0
    }
    END { if (!back) for (i = 1; i <= n; i++) print path[i] }' "$1"
}

# context_kept IGNORE - from stdin, print the lines whose path the file IGNORE
# does not leave out; the last of its lines that fits decides
context_kept() {
  awk '
    function literal(c) { return c ~ /[A-Za-z0-9]/ ? c : "\\" c }
    # A pattern of .dockerignore as a regular expression; a folder stands for
    # all that is in it.
    function regex(text,    out, i, c, two) {
      for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        two = substr(text, i, 2)
        if (two == "**") {
          out = out (substr(text, i + 2, 1) == "/" ? "(.*/)?" : ".*")
          i += substr(text, i + 2, 1) == "/" ? 2 : 1
        } else if (c == "*") out = out "[^/]*"
        else if (c == "?") out = out "[^/]"
        else if (c == "\\") out = out literal(substr(text, ++i, 1))
        else if (c != "[" && c != "]" && c != "-") out = out literal(c)
        else out = out c
      }
      return "^" out "(/.*)?$"
    }
    reads == "patterns" {
      sub(/\r$/, "")
      if ($0 ~ /^#/) next
      gsub(/^[ \t]+|[ \t]+$/, "")
      back = sub(/^![ \t]*/, "")
      while (sub(/^\.?\//, "")) { }
      while (sub(/\/+$|\/\.$/, "")) { }
      if ($0 == "" || $0 == ".") next
      takes_in[++n] = back
      pattern[n] = regex($0)
      next
    }
    {
      path = substr($0, index($0, "\t") + 1)
      sub(/^\.\//, "", path)
      out = 0
      for (i = 1; i <= n; i++)
        if (out == takes_in[i] && path ~ pattern[i]) out = !takes_in[i]
      if (!out) print
    }' reads=patterns "$1" reads=paths -
}
