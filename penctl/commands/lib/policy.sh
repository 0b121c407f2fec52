# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# policy.sh - edits of the allow-lists. What a rule is, and what it covers, is
# pen-proxy's to say, and of the network allow-list pen-pfctl's: here lines are
# added and taken out whole.

# What pen-pfctl takes for a rule, in words.
readonly policy_network_form="ADDRESS:PORT, ADDRESS/LENGTH:PORT or [IPV6]:PORT, perhaps with /tcp or /udp behind it"

# policy_network - print the path of the selected sandbox's network allow-list
policy_network() {
  printf '%s\n' "$sandbox_dir/network-allowlist.txt"
}

# policy_edit FILE FUNCTION ARG... - replace the allow-list FILE by what FUNCTION
# ARG... prints when fed with it, if that is a policy; exit 2 and no change if
# not. Shows what changed; policy_reload puts it in force.
policy_edit() {
  local file="$1" candidate=""
  shift
  [[ -e $file ]] || { : >>"$file"; } 2>/dev/null || die "cannot write $file"
  candidate=$(mktemp "$file.XXXXXX") || die "cannot write in $sandbox_dir"
  undo_push rm -f -- "$candidate"
  "$@" <"$file" >"$candidate" || die "cannot write $candidate"
  policy_check "$file" "$candidate"
  if cmp -s -- "$candidate" "$file"; then
    policy_changed=no
    return
  fi
  policy_changed=yes
  policy_difference "$file" "$candidate"
  mv -f -- "$candidate" "$file" || die "cannot write $file"
}

# policy_reload FILE - have the selected sandbox and its one-shot runs, as far as
# they are up, take the allow-list FILE as it is now
policy_reload() {
  if [[ ${1##*/} == network-allowlist.txt ]]; then
    policy_reload_network
  else
    proxy_reload "$sandbox_run" "$sandbox_run"/one.*
  fi
}

# policy_check FILE CANDIDATE - exit 2, after showing each fault with the line
# that it is about, unless CANDIDATE can take the place of the allow-list FILE
policy_check() {
  if [[ ${1##*/} == network-allowlist.txt ]]; then
    policy_check_network "$2" || policy_refuse "$2"
  else
    proxy_check_rules "$2" || policy_refuse "$2"
  fi
}

# policy_check_network FILE - succeed if FILE is a network allow-list, by
# pen-pfctl where it is installed; the faults are in proxy_answer
policy_check_network() {
  local status=0
  firewall_find
  if [[ -z $firewall_program ]]; then
    policy_check_network_lines "$1"
    return
  fi
  # Only the rules matter: any gateway will do.
  proxy_answer=$("$firewall_program" check "$sandbox_name" --gateway 192.0.2.1 \
    --proxy-port 8080 <"$1" 2>&1 >/dev/null) || status=$?
  proxy_answer=${proxy_answer%$'\n'pen-pfctl: *}
  return "$status"
}

# policy_check_network_lines FILE - the same without pen-pfctl
policy_check_network_lines() {
  local line="" number=0
  proxy_answer=""
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%%#*}
    line=${line%"${line##*[! 	]}"}
    [[ -z $line ]] || policy_is_network_rule "${line#"${line%%[! 	]*}"}" ||
      proxy_answer="$proxy_answer$1:$number: not $policy_network_form"$'\n'
  done <"$1"
  proxy_answer=${proxy_answer%$'\n'}
  [[ -z $proxy_answer ]]
}

# policy_is_network_rule TEXT - succeed if TEXT is a rule of the network
# allow-list: numbers only, and no bit set behind a prefix
policy_is_network_rule() {
  local number='(0|[1-9][0-9]{0,2})' port='([1-9][0-9]{0,4})(/tcp|/udp)?$' six="" part="" bits=0
  local four="^$number\\.$number\\.$number\\.$number(/([0-9]|[12][0-9]|3[0-2]))?:$port"
  six="^\\[([0-9A-Fa-f:]{2,39})\\]:$port"
  if [[ $1 =~ $four ]]; then
    for part in "${BASH_REMATCH[@]:1:4}"; do
      ((part <= 255)) || return 1
      bits=$((bits * 256 + part))
    done
    ((BASH_REMATCH[7] <= 65535)) || return 1
    part=${BASH_REMATCH[6]:-32}
    (((bits & ((1 << (32 - part)) - 1)) == 0))
  elif [[ $1 =~ $six ]]; then
    ((BASH_REMATCH[2] <= 65535)) || return 1
    policy_is_ipv6 "${BASH_REMATCH[1]}"
  else
    return 1
  fi
}

# policy_is_ipv6 TEXT - succeed if TEXT, of hexadecimal digits and colons, is an
# address of another host: eight groups, or fewer with one "::"
policy_is_ipv6() {
  local group='[0-9A-Fa-f]{1,4}' whole="" colons="${1//[!:]/}"
  whole="^($group(:$group)*)?(::($group(:$group)*)?)?\$"
  [[ $1 =~ $whole && $1 != :: && $1 != ::1 ]] || return 1
  case $1 in
    ::* | *::) ((${#colons} <= 8)) ;;
    *::*) ((${#colons} <= 7)) ;;
    *) ((${#colons} == 7)) ;;
  esac
}

# policy_refuse CANDIDATE - show the faults in proxy_answer with the rule that
# each one is about; exit 2. The lines may be anyone's: nothing in them reaches
# the terminal as it is.
policy_refuse() {
  local fault="" rest=""
  while IFS= read -r fault; do
    case $fault in
      "$1:"* | stdin:*)
        rest=${fault#"$1:"}
        rest=${rest#stdin:}
        log_note "'$(proxy_line "$1" "${rest%%:*}" | policy_visible)':${rest#*:}"
        ;;
      *) log_note "$fault" ;;
    esac
  done <<<"$proxy_answer"
  exit 2
}

# policy_visible - stdin with every byte that is not printable ASCII, but the
# ends of lines, in a form that no terminal acts on
policy_visible() {
  cat -vt
}

# policy_difference FILE CANDIDATE - print the lines taken out (-) and put in (+); a
# last line without its end is none of them
policy_difference() {
  diff -- <(awk 1 "$1") <(awk 1 "$2") | sed -n 's/^< /- /p; s/^> /+ /p' | policy_visible
}

# policy_reload_network - have the firewalls of the running sandbox and of its
# one-shot runs, whatever the config says by now, take the network allow-list as it
# is; says so where the config leaves no firewall to read it
policy_reload_network() {
  # What goes down meanwhile must not get rules again.
  state_lock
  firewall_reload
  state_unlock
  if [[ $config_runtime == jail || $config_network == socket || $config_network == none ]]; then
    log_note "the sandbox has no network of its own (runtime '$config_runtime'): a network rule has no effect there"
  fi
}

# policy_with RULE... - stdin with each RULE in it; it takes the place of a line
# for the same target with other attributes
policy_with() {
  policy_awk 1 "$@"
}

# policy_without RULE... - stdin without the lines for the targets of the RULEs
policy_without() {
  policy_awk 0 "$@"
}

# policy_awk PUT RULE... - stdin without lines for the RULEs' targets, and with
# the RULEs after it if PUT is 1; a RULE that is there word by word stays put
policy_awk() {
  awk '
    # A rule is its target and attributes; "expect" lines count as a whole.
    function key(line,    word) {
      # pen-proxy takes lines of an editor that ends them in CR LF, too.
      gsub(/^[ \t]+|[ \t\r]+$/, "", line)
      split(line, word, /[ \t]+/)
      return tolower(word[1]) == "expect" ? line : tolower(word[1])
    }
    BEGIN {
      put = ARGV[1]; n = ARGC; ARGV[1] = ""
      for (i = 2; i < n; i++) { rule[i] = ARGV[i]; last[key(ARGV[i])] = i; ARGV[i] = "" }
    }
    {
      k = key($0)
      if (!(k in last)) { print; next }
      if (put && $0 == rule[last[k]] && !(k in done)) { print; done[k] = 1 }
    }
    END {
      for (i = 2; put && i < n; i++) {
        k = key(rule[i])
        if (last[k] == i && !(k in done)) print rule[i]
      }
    }' "$@"
}

# policy_check_words RULE... - exit 2 for what is no single line of a policy
policy_check_words() {
  local rule=""
  for rule; do
    [[ $rule != *[[:cntrl:]]* ]] || die_input "a rule cannot have control characters"
    case $rule in
      '' | " "*) die_input "an empty rule, or one that begins with a space" ;;
      '#'*) die_input "'$rule' is a comment, not a rule" ;;
      *) ;;
    esac
  done
}

# policy_quote TEXT - print TEXT as a quoted attribute value
policy_quote() {
  local text="${1//\\/\\\\}"
  printf '"%s"\n' "${text//\"/\\\"}"
}
