# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# containers-options.sh - what box and config mean for tool_container_start and
# tool_container_exec (containers.sh)

# What programs that install packages and sudo need, and no more: neither
# NET_ADMIN nor NET_RAW, with which frames could be made by hand.
readonly containers_capabilities=CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,SETGID,SETUID,NET_BIND_SERVICE,SYS_CHROOT,AUDIT_WRITE

# A sandbox that forks without end must not fill the host's process table.
readonly containers_pids=4096

# containers_environment - sets box_environment to the words that tell programs
# of the proxy, and the probe of pen egress test of the canary
containers_environment() {
  local name="" here="localhost,127.0.0.1,::1"
  box_environment=()
  [[ $box_kind != none ]] || return 0
  for name in HTTP_PROXY HTTPS_PROXY http_proxy https_proxy; do
    box_environment+=("$name=http://$box_proxy")
  done
  box_environment+=("NO_PROXY=$here" "no_proxy=$here")
  [[ ${box_is_tested-no} == no || -z ${box_canary-} ]] || box_environment+=("PEN_CANARY=$box_canary")
  [[ $box_kind != socket ]] || box_environment+=(PEN_PROXY_SOCKET=/run/pen/proxy.sock)
}

# containers_options - sets box_options to what box and config mean for
# tool_container_start
containers_options() {
  local pair="" mount=""
  box_options=(--label "pen.user=$UID" --label "pen.box=$box_name"
    --capabilities "$containers_capabilities" --pids "$containers_pids"
    --workdir "$sandbox_project" --share "$box_share")
  containers_network_options
  containers_mode_options
  [[ -z $config_cpus ]] || box_options+=(--cpus "$config_cpus")
  [[ -z $config_memory ]] || box_options+=(--memory "$config_memory")
  for pair in ${config_env[@]+"${config_env[@]}"}; do
    box_options+=(--env "$pair")
  done
  for mount in ${config_mounts[@]+"${config_mounts[@]}"}; do
    containers_mount_option "$mount"
  done
}

# containers_mode_options - add the project, and how much the sandbox may change
containers_mode_options() {
  local mode=rw
  if [[ ${box_read_only-no} == yes ]]; then
    mode=ro
    box_options+=(--read-only --tmpfs /tmp --tmpfs /run --tmpfs /var/tmp)
  fi
  box_options+=(--bind "$sandbox_project" "$sandbox_project" "$mode")
  [[ ${box_no_new_privileges-no} == no ]] || box_options+=(--no-new-privileges)
  ! containers_needs_init || box_options+=(--init)
}

# containers_needs_init - succeed unless the image brings its own process 1
containers_needs_init() {
  local first=""
  first=$(tool_image_command "$image_name" | sed -n 1p)
  [[ ${first##*/} != *tini* && ${first##*/} != *-init ]]
}

# containers_network_options - add what the kind of network means
containers_network_options() {
  case $box_kind in
    bridge)
      box_options+=(--network "$box_network")
      # The runtime's own resolver may ask from the host's side, where no rule
      # for the bridge sees it: only where the config opens it.
      case $config_dns in
        none) box_options+=(--no-dns) ;;
        proxy) box_options+=(--dns "$box_gateway") ;;
        *) ;;
      esac
      ;;
    socket) box_options+=(--network none --socket "$box_share/proxy.sock") ;;
    *) box_options+=(--network none) ;;
  esac
}

# containers_mount_option SOURCE:TARGET[:ro] - add a mount of the config: a
# folder of the host, or a named volume where it is one that pen keeps
containers_mount_option() {
  local mount="$1" mode=rw
  if [[ $mount == *:ro ]]; then
    mount=${mount%:ro} mode=ro
  fi
  case $mount in
    "$sandbox_volumes/"*)
      mount=${mount#"$sandbox_volumes/"}
      box_options+=(--volume "$sandbox_name-${mount%%:*}" "${mount#*:}" "$mode")
      ;;
    "$(config_nothing):"*)
      mkdir -p -- "${mount%%:*}" || die "cannot make ${mount%%:*}"
      box_options+=(--bind "${mount%%:*}" "${mount#*:}" ro)
      ;;
    *) box_options+=(--bind "${mount%%:*}" "${mount#*:}" "$mode") ;;
  esac
}
