# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# presets.sh - rules by name: the files that come with pen, and @npm and @apt,
# which name the hosts that the user's own npm and apt are configured with
#
# Each sandbox has a folder of all of them, run/presets, so that one that is
# added later is there for the running proxy as well.

# What is made from the user's own configuration.
readonly presets_made="apt npm"

# presets_source - print the folder of the presets that come with pen
presets_source() {
  printf '%s\n' "$pen_lib/../../presets"
}

# presets_names - print the names of all presets in one line
presets_names() {
  local names=""
  names=$(presets_list | cut -f 1 | paste -s -d ' ' -) || die "cannot read the presets"
  printf '%s\n' "$names"
}

# presets_list - print NAME<tab>SUMMARY of each preset, sorted
presets_list() {
  local file="" line="" folder=""
  folder=$(presets_source)
  {
    for file in "$folder"/*.txt; do
      IFS= read -r line <"$file" || die "cannot read $file"
      file=${file##*/}
      printf '%s\t%s\n' "${file%.txt}" "${line#\# }"
    done
    printf 'npm\tThe registries that your own npm is configured with.\n'
    printf 'apt\tThe package sources that your own apt is configured with.\n'
  } | sort
}

# presets_exists NAME - succeed if there is such a preset
presets_exists() {
  local pattern='^[a-z0-9][a-z0-9-]*$'
  [[ $1 =~ $pattern ]] || return 1
  [[ " $presets_made " == *" $1 "* || -f $(presets_source)/$1.txt ]]
}

# presets_need NAME - exit 2, after naming those there are, if there is none such
presets_need() {
  presets_exists "$1" || die_input "no preset '$1'; there are: $(presets_names)"
}

# presets_need_in RULE... - the same for each RULE that names one
presets_need_in() {
  local rule=""
  for rule; do
    rule=${rule%%[ 	]*}
    [[ $rule != @* ]] || presets_need "${rule#@}"
  done
}

# presets_ready FILE... - see to it that run/presets has the presets that come
# with pen, and those that are made and named in one of the FILEs
presets_ready() {
  local name="" target="$sandbox_run/presets"
  presets_copy "$target"
  for name in $(presets_named "$@"); do
    [[ -f $target/$name.txt ]] || presets_make "$name" "$target"
  done
}

# presets_renew FILE... - the same at a start: what is made is made anew, as the
# configuration may have changed
presets_renew() {
  local name="" target="$sandbox_run/presets"
  presets_copy "$target"
  for name in $(presets_named "$@"); do
    presets_make "$name" "$target"
  done
}

# presets_copy TARGET - copy the presets that are not there, or not of the same
# age; each is replaced whole, as proxies may be reading
presets_copy() {
  local file="" copy="" temp="" stale
  stale=()
  for file in "$(presets_source)"/*.txt; do
    copy=$1/${file##*/}
    if [[ ! -f $copy || $file -nt $copy || $file -ot $copy ]]; then
      stale+=("$file")
    fi
  done
  ((${#stale[@]})) || return 0
  temp=$(mktemp -d "$1.XXXXXX" 2>/dev/null) || die "cannot write in $sandbox_run"
  undo_push rm -rf -- "$temp"
  {
    mkdir -p -- "$1" && cp -p -- "${stale[@]}" "$temp"
  } 2>/dev/null || die "cannot write in $sandbox_run"
  mv -f -- "$temp"/*.txt "$1" || die "cannot write in $1"
  rmdir -- "$temp" || die "cannot remove $temp"
}

# presets_named FILE... - print the names of those that are made and that one of
# the FILEs has a line for
presets_named() {
  local file="" files
  files=()
  for file; do
    [[ ! -s $file ]] || files+=("$file")
  done
  ((${#files[@]})) || return 0
  awk -v made=" $presets_made " '
    $1 ~ /^@/ {
      name = substr($1, 2)
      sub(/#.*/, "", name)
      if (index(made, " " name " ") && !seen[name]++) print name
    }' "${files[@]}"
}

# presets_make NAME FOLDER - make @apt or @npm from the user's configuration
presets_make() {
  local urls="" rules="" file="$2/$1.txt"
  urls=$("presets_urls_$1") || exit
  rules=$(presets_targets <<<"$urls") || die "awk failed"
  [[ -n $rules ]] || die_input "@$1: your $1 is configured with no host that can be reached over HTTP"
  printf '# made by pen from the configuration of %s\n%s\n' "$1" "$rules" | state_write "$file" ||
    die "cannot write $file"
}

# presets_targets - print HOST:PORT for each URL on stdin that is fetched over
# HTTP or FTP, sorted; what is before "://" may have a method in front (mirror+)
presets_targets() {
  awk '
    {
      url = $0
      if (!match(url, /^[A-Za-z][A-Za-z0-9+.-]*:\/\//)) next
      scheme = tolower(substr(url, 1, RLENGTH - 3))
      url = substr(url, RLENGTH + 1)
      sub(/[\/?#].*/, "", url)
      sub(/^.*@/, "", url)
      sub(/^.*\+/, "", scheme)
      if (scheme == "mirror") scheme = "http"
      port = scheme == "https" ? 443 : scheme == "http" ? 80 : 0
      if (!port) next
      if (match(url, /:[0-9]+$/)) {
        port = substr(url, RSTART + 1) + 0
        url = substr(url, 1, RSTART - 1)
      }
      if (port < 1 || port > 65535) next
      if (url !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ && url !~ /^\[[0-9A-Fa-f:.]+\]$/) next
      print tolower(url) ":" port
    }' | sort -u
}

# presets_urls_npm - print the URLs of the registries of the user's npm, scoped
# ones too. Asked from a folder of pen's own: npm also reads the configuration of
# the project that it stands in, which is not the user's word.
presets_urls_npm() {
  local answer=""
  [[ -x $(type -P npm) ]] || die_input "@npm: there is no npm here that could say which registry it uses"
  answer=$(cd -- "$sandbox_run" &&
    npm_config_logs_max=0 npm_config_update_notifier=false npm config list --json 2>/dev/null) ||
    die "@npm: 'npm config list' failed"
  jq -r 'to_entries[] | select(.key == "registry" or (.key | test("^@[^:]+:registry$")))
    | .value | strings' <<<"$answer" || die "@npm: 'npm config list' printed no JSON"
}

# presets_urls_apt - print the URLs of the user's apt, wherever its lists are
presets_urls_apt() {
  local list="" parts="" file="" urls="" url=""
  [[ -x $(type -P apt-config) ]] || die_input "@apt: there is no apt here that could say which sources it uses"
  list=$(presets_apt_path Dir::Etc::sourcelist/f) || exit
  parts=$(presets_apt_path Dir::Etc::sourceparts/d) || exit
  urls=$(
    for file in "$list" "${parts%/}"/*.list "${parts%/}"/*.sources; do
      presets_apt_file "$file"
    done
  ) || exit
  while IFS= read -r url; do
    case $url in
      mirror+file:*) presets_mirror_list "${url#mirror+file:}" ;;
      mirror*) log_note "@apt: of the mirrors named by $url only that host itself is in the preset" ;;
      *) ;;
    esac
    printf '%s\n' "$url"
  done <<<"$urls"
}

# presets_apt_path KEY - print a path of apt's configuration
presets_apt_path() {
  local answer=""
  # One line, PATH='...'
  answer=$(apt-config shell PATH "$1") || die "@apt: apt-config failed"
  answer=${answer#"PATH='"}
  printf '%s\n' "${answer%"'"}"
}

# presets_mirror_list FILE - print the URLs of apt's list of mirrors, the first
# word of each line
presets_mirror_list() {
  local file="$1"
  while [[ $file == //* ]]; do
    file=${file#/}
  done
  [[ -f $file && -r $file ]] || return 0
  awk '!/^[ \t]*#/ { print $1 }' "$file"
}

# presets_apt_file FILE - print the URLs in one of apt's lists of sources, of
# either form; apt passes over names with other characters, too
presets_apt_file() {
  local pattern='^[A-Za-z0-9_.-]+$'
  [[ -f $1 && ${1##*/} =~ $pattern ]] || return 0
  [[ -r $1 ]] || die "@apt: cannot read $1"
  case $1 in
    *.sources) presets_apt_stanzas "$1" ;;
    *) presets_apt_lines "$1" ;;
  esac
}

# presets_apt_lines FILE - "deb [OPTION...] URL SUITE COMPONENT..."
presets_apt_lines() {
  awk '
    { sub(/#.*/, "") }
    $1 == "deb" || $1 == "deb-src" {
      sub(/^[ \t]*[a-z-]+[ \t]+/, "")
      sub(/^\[[^]]*\][ \t]*/, "")
      print $1
    }' "$1"
}

# presets_apt_stanzas FILE - fields, the rest of a field's lines indented, blank
# lines between stanzas
presets_apt_stanzas() {
  awk '
    function flush(    i, n, word) {
      if (tolower(field["enabled"]) !~ /^(no|false|without|off|disable)$/) {
        n = split(field["uris"], word, /[ \t]+/)
        for (i = 1; i <= n; i++) if (word[i] != "") print word[i]
      }
      split("", field)
    }
    /^#/ { next }
    /^[ \t]*$/ { flush(); next }
    /^[ \t]/ { field[name] = field[name] " " $0; next }
    {
      name = tolower($0)
      sub(/[ \t]*:.*/, "", name)
      sub(/^[^:]*:[ \t]*/, "")
      sub(/[ \t]+$/, "")
      field[name] = $0
    }
    END { flush() }' "$1"
}
