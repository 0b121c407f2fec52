# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# image.sh - the image of a sandbox: what it is built from, and whether that has
# changed since
#
# The Dockerfile is the config's, else the project's .pen/Dockerfile, else the
# default one (image/). The image bears a digest of Dockerfile, context and
# arguments as a label, the only state there is: a build that was killed half way
# has left none.
#
# A build runs outside of the sandbox and of its firewall. So a Dockerfile that
# lies in the project, where the sandbox can write, is built only at the user's
# word, asked for on a terminal after each change of it and of the files that it
# copies (ADR 14).
#
# These are for the runtimes with images, and call their tool_image_* functions:
#
#   image_build [--no-cache] [--yes] [--build-arg NAME=VALUE]...   build if
#                something changed, and say on stdout what was done
#   image_need   build, with a word on stderr, if there is no image; sets
#                image_name
#   image_ready NAME   wait until the container NAME is ready for commands
#   image_remove       remove the sandbox's image

# Arguments that a Dockerfile need not declare.
readonly image_known_arguments=' HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy ftp_proxy no_proxy all_proxy SOURCE_DATE_EPOCH '

image_build() {
  image_begin
  image_options "$@"
  image_asked=yes
  image_plan
  if [[ $image_no_cache == no && $(image_label "$image_name") == "$image_digest" ]]; then
    log_say "Up to date: $image_name"
    return
  fi
  image_agree
  image_make
  log_say "Built $image_name"
}

image_need() {
  local id=""
  image_begin
  id=$(tool_image_id "$image_name") || die "$tool_name does not say whether the image $image_name is there"
  [[ -z $id ]] || return 0
  state_lock build.lock
  log_note "there is no image yet: building $image_name"
  image_options
  image_asked=no
  image_plan
  image_agree
  image_make
  state_unlock build.lock
}

# The default image forwards a port of its own to the proxy's socket; others may
# do so, too.
image_ready() {
  tool_container_exec "$1" -- /bin/sh -c \
    '[ ! -x /usr/libexec/pen/ready ] || exec /usr/libexec/pen/ready'
}

image_remove() {
  image_begin
  [[ ! -d $sandbox_run ]] || state_lock build.lock
  tool_image_remove "$image_name"
}

# image_begin - sets image_name, and image_work, where builds are prepared
image_begin() {
  image_name=$sandbox_name
  image_work=$sandbox_run/build
}

# image_options "$@" - read the options of image_build; sets image_no_cache,
# image_yes and image_given
image_options() {
  image_no_cache=no
  image_yes=no
  image_given=()
  while (($#)); do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
      --no-cache) image_no_cache=yes ;;
      --yes) image_yes=yes ;;
      --build-arg)
        command_value "$@"
        [[ $2 =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || command_usage "--build-arg wants NAME=VALUE, not '$2'"
        image_given+=("$2")
        shift
        ;;
      -*) command_option "$1" ;;
      *) command_usage "unexpected argument '$1'" ;;
    esac
    shift
  done
}

# image_plan - find out what is to be built, without building: sets
# image_dockerfile (a copy, that nobody changes any more), image_folder (the
# context), image_arguments, image_base, image_digest, and image_theirs, which is
# what the user has to agree to, or nothing
image_plan() {
  local file=""
  image_default=${pen_lib%/penctl/*}/image
  image_gid=$(id -g) || die "cannot tell the group of this user"
  image_arguments=(${config_build_args[@]+"${config_build_args[@]}"} ${image_given[@]+"${image_given[@]}"})
  image_base=""
  image_theirs=""
  image_dockerfile=$image_work/Dockerfile
  { rm -rf -- "$image_work" && mkdir -p -- "$image_work/empty"; } || die "cannot write in $sandbox_run"
  image_find
  image_copy
  if [[ $image_source == "$image_default/Dockerfile" ]]; then
    image_plan_default
  else
    image_plan_other
  fi
  image_check_arguments
}

# image_find - sets image_source, the Dockerfile
image_find() {
  image_source=$config_dockerfile
  if [[ -z $image_source && -e $sandbox_project/.pen/Dockerfile ]]; then
    image_source=$sandbox_project/.pen/Dockerfile
  fi
  if [[ -z $image_source ]]; then
    image_source=$image_default/Dockerfile
    [[ -f $image_source ]] || die "the default image is missing: no $image_source"
    return 0
  fi
  [[ $image_source == /* ]] || image_source=$sandbox_project/$image_source
  [[ -f $image_source ]] || die_input "no Dockerfile: $image_source"
}

# image_copy - copy image_source to image_dockerfile. In the project it may be
# swapped meanwhile: cp makes a link of a link, and does not read a FIFO.
image_copy() {
  (
    cd -P -- "${image_source%/*}" || exit 1
    cp -RP -- "${image_source##*/}" "$image_dockerfile"
  ) 2>/dev/null || die_input "cannot read $image_source"
  [[ -f $image_dockerfile && ! -L $image_dockerfile ]] ||
    die_input "$image_source is not a plain file: refused"
}

# image_plan_default - the default image as the sandbox's own
image_plan_default() {
  image_folder=$image_default
  image_digest=$(image_digest_default) || die "cannot compute a SHA-256"
}

# image_digest_default - print what the default image depends on
image_digest_default() {
  image_take_arguments "$image_default/Dockerfile"
  {
    cat -- "$image_default"/Dockerfile "$image_default"/bin/* "$image_default"/etc/* &&
      printf '%s\n' "${image_taken[@]}"
  } | context_sha256
}

# image_plan_other - an image of the user's or the project's
image_plan_other() {
  local files=none
  image_folder=$image_work/empty
  if image_copies; then
    image_folder=$sandbox_project
    files=$(context_digest "$sandbox_project") || die "cannot look through $sandbox_project"
  fi
  if image_declares "$image_dockerfile" PEN_BASE; then
    image_base=$(image_digest_default) || die "cannot compute a SHA-256"
    image_base=pen-user-$UID-base:${image_base:0:12}
  fi
  if [[ $files != none ]] || image_is_theirs; then
    image_theirs=$(image_digest_of "$files") || die "cannot compute a SHA-256"
  fi
  image_take_arguments "$image_dockerfile"
  image_digest=$(image_digest_of "$files" "$image_base" ${image_taken[@]+"${image_taken[@]}"}) ||
    die "cannot compute a SHA-256"
}

# image_digest_of WORD... - print a digest of the Dockerfile and of WORDs
image_digest_of() {
  { cat -- "$image_dockerfile" && printf '%s\n' "$@"; } | context_sha256
}

# image_copies - succeed unless nothing in the Dockerfile can read the context;
# one that hides it is built without
image_copies() {
  grep -qiE '^[[:space:]]*((ONBUILD[[:space:]]+)?(COPY|ADD)[[:space:]]|.*--mount)' "$image_dockerfile"
}

# image_is_theirs - succeed if the Dockerfile lies where the sandbox can write
image_is_theirs() {
  local folder="" mount=""
  folder=$(cd -P -- "${image_source%/*}" && pwd -P) || die_input "cannot enter ${image_source%/*}"
  ! sandbox_covers "$sandbox_project" "$folder" || return 0
  # One that the project names, but has elsewhere by a link.
  ! sandbox_covers "$sandbox_project" "$image_source" ||
    die_input "$image_source is reached through a symbolic link: refused"
  for mount in ${config_mounts[@]+"${config_mounts[@]}"}; do
    [[ $mount != *:ro ]] || continue
    ! sandbox_covers "${mount%%:*}" "$folder" || return 0
  done
  return 1
}

# image_declares DOCKERFILE NAME - succeed if it has ARG NAME
image_declares() {
  grep -qiE "^[[:space:]]*ARG[[:space:]]+([^#]*[[:space:]])?$2([[:space:]=]|\$)" "$1"
}

# image_take_arguments DOCKERFILE - sets image_taken to the arguments that it
# takes, pen's own first
image_take_arguments() {
  local pair="" own
  own=("PEN_UID=$UID" "PEN_GID=$image_gid" "PEN_BASE=$image_base")
  image_taken=()
  for pair in "${own[@]}" ${image_arguments[@]+"${image_arguments[@]}"}; do
    if image_is_known "${pair%%=*}" || image_declares "$1" "${pair%%=*}"; then
      image_taken+=("$pair")
    fi
  done
}

# image_is_known NAME - succeed for an argument that every Dockerfile has
image_is_known() {
  [[ $image_known_arguments == *" $1 "* ]]
}

# image_check_arguments - exit 2 for an argument of the command line that nothing
# takes; those of the config may be meant for another sandbox
image_check_arguments() {
  local pair="" name=""
  for pair in ${image_given[@]+"${image_given[@]}"}; do
    name=${pair%%=*}
    image_is_known "$name" || image_declares "$image_dockerfile" "$name" ||
      { [[ -n $image_base ]] && image_declares "$image_default/Dockerfile" "$name"; } ||
      die_input "build argument $name: $image_source has no 'ARG $name'"
  done
}

# image_label NAME - print the digest of what the image was built from, or nothing
image_label() {
  local id=""
  id=$(tool_image_id "$1") || die "$tool_name does not say whether the image $1 is there"
  [[ -z $id ]] || tool_image_label "$1" pen.digest
}

# image_agree - exit 2 unless the user agrees to what the project wants built
image_agree() {
  local agreed="$sandbox_dir/agreed"
  [[ -n $image_theirs ]] || return 0
  [[ ! -f $agreed/image || $(<"$agreed/image") != "$image_theirs" ]] || return 0
  if [[ $image_yes == no ]]; then
    image_ask "$agreed/Dockerfile"
  fi
  mkdir -p -- "$agreed" && state_write "$agreed/Dockerfile" <"$image_dockerfile" &&
    printf '%s\n' "$image_theirs" | state_write "$agreed/image" && return
  die "cannot write in $agreed"
}

# image_ask AGREED - exit 2 unless this is the user's word: an answer on the
# terminal; without one, that it was 'pen build' which was called
image_ask() {
  if [[ -t 0 && -t 2 ]]; then
    image_show "$1"
    log_confirm "Build this, with your network and outside of the sandbox?" || die_input "not built"
  elif [[ $image_asked == yes ]]; then
    log_note "building what $image_source says, with your network and outside of the sandbox"
  else
    die_input "$image_source, which the sandbox can write, is not what was built last: look at it, then run 'pen build'"
  fi
}

# image_show AGREED - show the Dockerfile, or how it differs from the one that was
# agreed to; what might be meant for the terminal is shown as what it is
image_show() {
  printf '%s comes from the project:\n\n' "$image_source" >&2
  if [[ ! -f $1 ]]; then
    cat -v -- "$image_dockerfile" >&2
  elif cmp -s -- "$1" "$image_dockerfile"; then
    printf '  the same as before, but files that it copies have changed\n' >&2
  else
    diff -u -- "$1" "$image_dockerfile" | sed 1,2d | cat -v >&2
  fi
  printf '\n' >&2
}

# image_make - build what image_plan found, and the base first if it is missing
image_make() {
  image_make_base
  image_run "$image_name" "$image_folder" "$image_dockerfile" "$image_digest"
  rm -rf -- "$image_work"
}

# image_make_base - build the default image for one that begins with it
image_make_base() {
  local id=""
  [[ -n $image_base ]] || return 0
  id=$(tool_image_id "$image_base") || die "$tool_name does not say whether the image $image_base is there"
  [[ -z $id || $image_no_cache == yes ]] || return 0
  image_run "$image_base" "$image_default" "$image_default/Dockerfile" "${image_base##*:}"
}

# image_run NAME FOLDER DOCKERFILE DIGEST - have the runtime build it; what it
# says is shown if it fails
image_run() {
  local pair="" log="$sandbox_run/build.log" words
  words=(--label "pen.digest=$4" --label "pen.user=$UID")
  [[ $image_no_cache == no ]] || words+=(--no-cache)
  image_take_arguments "$3"
  for pair in ${image_taken[@]+"${image_taken[@]}"}; do
    words+=(--build-arg "$pair")
  done
  image_watch "$1" "$log"
  if ! tool_image_build "$1" "$2" "$3" "${words[@]}" >"$log" 2>&1 </dev/null; then
    image_watch_end
    log_step_end
    tail -n 30 -- "$log" | cat -v >&2
    die "the image $1 was not built; all that was said is in $log"
  fi
  image_watch_end
}

# image_watch NAME LOG - on a terminal, show the last line of LOG until
# image_watch_end
image_watch() {
  local line="" pen=$$
  image_watcher=""
  log_step "building $1"
  [[ -t 2 ]] || return 0
  : >"$2" || die "cannot write $2"
  (
    trap - EXIT INT TERM HUP
    while kill -0 "$pen" 2>/dev/null; do
      line=$(tail -n 1 -- "$2" | tr -cd '[:print:]')
      [[ -z $line ]] || log_step "building $1: ${line:0:60}"
      sleep 0.3
    done
  ) &
  image_watcher=$!
}

image_watch_end() {
  [[ -n $image_watcher ]] || return 0
  kill "$image_watcher" 2>/dev/null
  wait "$image_watcher" 2>/dev/null
  image_watcher=""
  log_step_end
}
