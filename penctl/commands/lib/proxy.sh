# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# proxy.sh - pen-proxy's config and logs, and the questions that only it answers

# A line of an INI file has at most 199 bytes, "allowlist = " among them.
readonly proxy_path_max=187

# proxy_find NAME VARIABLE - print the path of one of pen's programs: what
# VARIABLE says, else beside the installed command tree, else in the build
proxy_find() {
  local program="${!2-}" path="" root="${pen_lib%/penctl/*}"
  if [[ -n $program ]]; then
    [[ $program == /* ]] || die_input "$2 must be an absolute path"
    [[ -x $program ]] || die_input "$2: cannot run $program"
    printf '%s\n' "$program"
    return
  fi
  for path in "$root/$1" "$root/build/release/$1"; do
    if [[ -x $path ]]; then
      printf '%s\n' "$path"
      return
    fi
  done
  die "$1 is missing: looked in $root and $root/build/release; build it with 'make'"
}

# proxy_presets - print the folder of the presets, which presets.sh keeps
proxy_presets() {
  printf '%s\n' "$sandbox_run/presets"
}

# proxy_write_config FOLDER [RULE]... - write FOLDER/pen-proxy.ini: the
# sandbox's allow-list, the config's rules, and RULEs (from --allow)
proxy_write_config() {
  proxy_write_files "$@"
  presets_renew "$sandbox_rules" "$1/config-rules.txt" "$1/option-rules.txt"
}

# proxy_write_files FOLDER [RULE]... - the same for a question: presets stay
# what they were at the start
proxy_write_files() {
  local folder="$1"
  shift
  proxy_write_rules "$folder/config-rules.txt" ${config_rules[@]+"${config_rules[@]}"}
  proxy_write_rules "$folder/option-rules.txt" "$@"
  ((${#folder} + 17 <= proxy_path_max)) || die_input "HOME is too long for pen-proxy: $HOME"
  proxy_ini "$folder" | state_write "$folder/pen-proxy.ini" ||
    die "cannot write $folder/pen-proxy.ini"
}

# proxy_write_rules FILE [RULE]... - write the rules into FILE, one a line; no
# rule, no file
proxy_write_rules() {
  local file="$1"
  shift
  if (($# == 0)); then
    rm -f -- "$file"
    return
  fi
  printf '%s\n' "$@" | state_write "$file" || die "cannot write $file"
}

# proxy_ini FOLDER - print the config of the proxy that logs into FOLDER, with
# the lines proxy_keys in the section [proxy]
proxy_ini() {
  local file="" i=0
  printf '# written by pen at each start: changes here are lost\n[proxy]\n'
  printf 'pid-file = %s\n' "$1/proxy.pid"
  [[ -z ${proxy_keys-} ]] || printf '%s\n' "$proxy_keys"
  printf '[policy]\n'
  for file in "$sandbox_rules" "$1/config-rules.txt" "$1/option-rules.txt"; do
    [[ -f $file ]] || continue
    printf 'allowlist = %s\n' "$file"
  done
  printf 'presets = %s\n' "$(proxy_presets)"
  printf '[log]\nfile = %s\nformat = json\n' "$1/proxy.log"
  for ((i = 0; i < ${#config_proxy[@]}; i += 3)); do
    printf '[%s]\n%s = %s\n' "${config_proxy[@]:i:3}"
  done
}

# proxy_ask PROGRAM ARG... - run pen-proxy; sets proxy_answer to what it says
# on both streams and returns its exit status
proxy_ask() {
  [[ -n ${proxy_program-} ]] || proxy_open
  proxy_answer=$("$proxy_program" "$@" 2>&1)
}

# proxy_open - sets proxy_program
proxy_open() {
  proxy_program=$(proxy_find pen-proxy PEN_PROXY) || exit
}

# proxy_check_config FOLDER - exit 2, after showing each fault, unless
# pen-proxy accepts FOLDER/pen-proxy.ini and all that it names
proxy_check_config() {
  local line=""
  proxy_ask -t -c "$1/pen-proxy.ini" && return
  while IFS= read -r line; do
    log_note "$(proxy_place "$1" "$line")"
  done <<<"$proxy_answer"
  exit 2
}

# proxy_place FOLDER FAULT - print a fault ("FILE:LINE: what") with the rule and
# the place where the user put it, where FILE is one that pen wrote from that
proxy_place() {
  local place="" file="" rest=""
  case $2 in
    "$1/option-rules.txt:"*) place="--allow" file=$1/option-rules.txt ;;
    "$1/config-rules.txt:"*) place="the config" file=$1/config-rules.txt ;;
    *)
      printf '%s\n' "$2"
      return
      ;;
  esac
  rest=${2#"$file:"}
  printf "%s: '%s':%s\n" "$place" "$(proxy_line "$file" "${rest%%:*}")" "${rest#*:}"
}

# proxy_line FILE NUMBER - print that line of FILE
proxy_line() {
  awk -v number="$2" 'NR == number { print; exit }' "$1"
}

# proxy_with_policy ARG... - run pen-proxy ARG... with the sandbox's policy as it
# stands; sets proxy_answer, returns pen-proxy's exit status
proxy_with_policy() {
  local folder="" status=0
  folder=$(mktemp -d "$sandbox_run/check.XXXXXX") || die "cannot write in $sandbox_run"
  undo_push rm -rf -- "$folder"
  proxy_write_files "$folder"
  presets_ready "$sandbox_rules" "$folder/config-rules.txt"
  proxy_ask "$@" -c "$folder/pen-proxy.ini" || status=$?
  proxy_answer=${proxy_answer#"$folder/pen-proxy.ini: ok"$'\n'}
  proxy_answer=${proxy_answer//"$folder/config-rules.txt"/config}
  return "$status"
}

# proxy_judge TARGET - ask what the policy says of HOST:PORT; sets proxy_answer;
# returns 0 allowed, 3 refused, 2 malformed
proxy_judge() {
  proxy_with_policy --check "$1"
}

# proxy_summary - ask what the policy holds; sets proxy_answer; fails on a fault
proxy_summary() {
  proxy_with_policy -t
}

# proxy_check_rules FILE - succeed if pen-proxy accepts FILE as a policy, together
# with the rules of the config, if that was loaded; the faults are in proxy_answer
proxy_check_rules() {
  local folder="" line="" faults=""
  folder=$(mktemp -d "$sandbox_run/check.XXXXXX") || die "cannot write in $sandbox_run"
  undo_push rm -rf -- "$folder"
  proxy_write_rules "$folder/config-rules.txt" ${config_rules[@]+"${config_rules[@]}"}
  presets_ready "$1" "$folder/config-rules.txt"
  {
    printf '[policy]\nallowlist = %s\npresets = %s\n' "$1" "$(proxy_presets)"
    [[ ! -f $folder/config-rules.txt ]] || printf 'allowlist = %s\n' "$folder/config-rules.txt"
  } >"$folder/pen-proxy.ini" || die "cannot write in $folder"
  proxy_ask -t -c "$folder/pen-proxy.ini" && return
  while IFS= read -r line; do
    faults=$faults$(proxy_place "$folder" "$line")$'\n'
  done <<<"$proxy_answer"
  proxy_answer=${faults%$'\n'}
  return 2
}

# proxy_start FOLDER [WORKDIR] - start pen-proxy with FOLDER/pen-proxy.ini, to live
# on after pen; sets proxy_address to where it listens
proxy_start() {
  local pipe="$1/ready" line="" pid=""
  { rm -f -- "$pipe" && mkfifo -- "$pipe"; } || die "cannot write in $1"
  # A process group of its own: what ends pen in its terminal does not end it.
  set -m
  (
    trap - INT QUIT TERM HUP EXIT
    cd -- "${2-$1}" || exit 1
    command_as_caller "$proxy_program" -c "$1/pen-proxy.ini" --ready-fd 3
  ) 3>"$pipe" </dev/null >"$1/proxy.out" 2>&1 &
  pid=$!
  set +m
  state_identity "$pid" 2>/dev/null | state_write "$1/proxy.id" || die "cannot write $1/proxy.id"
  proxy_address=""
  # Opened after the writer: when pen-proxy ends without a word, this ends, too.
  while IFS= read -r -t 30 line; do
    [[ $line != "listen "* ]] || proxy_address=${line#listen }
  done <"$pipe"
  rm -f -- "$pipe"
  [[ -n $proxy_address ]] || die "the proxy did not start: $(proxy_last_words "$1")"
}

# proxy_last_words FOLDER - print what pen-proxy said before it ended
proxy_last_words() {
  local words=""
  words=$(sed -n '$ { s/^pen-proxy: //; p; }' "$1/proxy.out")
  printf '%s\n' "${words:-no reason given within 30 seconds}"
}

# proxy_lives FOLDER - succeed if the proxy that proxy_start started there lives
proxy_lives() {
  local identity=""
  [[ -s $1/proxy.id ]] && IFS= read -r identity <"$1/proxy.id" && state_is_alive "$identity"
}

# proxy_pid FOLDER - print the PID of the proxy that runs with FOLDER/pen-proxy.ini,
# whoever started it; fails if none does, or if it is not yet ready, when a signal
# would end it. A PID that another process has by now does not count.
proxy_pid() {
  local pid="" pattern='^[1-9][0-9]{0,9}$'
  { IFS= read -r pid <"$1/proxy.pid"; } 2>/dev/null || return 1
  [[ $pid =~ $pattern && $(state_command "$pid") == *" -c $1/pen-proxy.ini --ready-fd "* ]] || return 1
  printf '%s\n' "$pid"
}

# proxy_reload FOLDER... - have the proxies with their config in the FOLDERs read
# their policy, and wait until they have; no longer than a second, after which they
# have looked by themselves. Dies if one does not take it, as where it was started
# with tests that a later config does not have.
proxy_reload() {
  local folder="" pid="" size="" i=0 tries=0 fault=""
  local folders sizes
  folders=()
  sizes=()
  for folder; do
    pid=$(proxy_pid "$folder") || continue
    size=$(wc -c 2>/dev/null <"$folder/proxy.log") || continue
    kill -HUP "$pid" 2>/dev/null || continue
    folders+=("$folder")
    sizes+=("$size")
  done
  for ((i = 0; i < ${#folders[@]}; i++)); do
    until proxy_has_reloaded "${folders[i]}" "${sizes[i]}" || ((tries == 50)); do
      tries=$((tries + 1))
      sleep 0.02
    done
    fault=$(proxy_reload_fault "${folders[i]}" "${sizes[i]}")
    [[ -z $fault ]] || die "the proxy that runs keeps its old policy (restart the sandbox if its config has changed): $fault"
  done
}

# proxy_reload_fault FOLDER SIZE - print what the log says, behind SIZE bytes, is
# wrong with the policy that was read last; nothing if that is in force
proxy_reload_fault() {
  tail -c "+$(($2 + 1))" "$1/proxy.log" 2>/dev/null | grep '"event":"reload"' |
    jq -rs 'if last.level == "error" then map(select(.level == "error"))[0].message else empty end'
}

# proxy_has_reloaded FOLDER SIZE - succeed if the log tells, behind SIZE bytes, that
# a policy is in force or has a fault; a warning comes before either
proxy_has_reloaded() {
  tail -c "+$(($2 + 1))" "$1/proxy.log" 2>/dev/null |
    grep -e '"level":"error","event":"reload"' -e '"event":"reload","rules":' >/dev/null
}

# proxy_end FOLDER - end the proxy that proxy_start started there, if there is one
proxy_end() {
  local identity=""
  [[ -s $1/proxy.id ]] || return 0
  IFS= read -r identity <"$1/proxy.id" || return 1
  state_end "$identity" TERM TERM || return 1
  rm -f -- "$1/proxy.id" "$1/proxy.pid" "$1/ready" "$1/proxy.out"
}
