#!/bin/bash
# SPDX-License-Identifier: MIT
# Summary: SSH into the running sandbox, also for an IDE
# Usage: pen ssh [ARG]... | pen ssh config|serve [PORT]
#
# Without ARGs: a login shell in this directory. ARGs are given to ssh(1) behind
# the host: options such as -L 3000:localhost:3000, or a command. The sandbox is
# started if it is not up.
#
# 'pen ssh config' prints a block for ~/.ssh/config, with which ssh, scp, sftp,
# rsync and the IDEs that use them know the sandbox by its name. Nothing listens
# on any port: the connection goes the way of 'pen exec'. The sandbox needs an
# sshd, which the default image has; the runtime 'jail' uses this host's.
#
# 'pen ssh serve' is for clients that want a port: it listens on 127.0.0.1:PORT, by
# default the config's "ssh": {"port": PORT}, as long as it runs. Keys besides
# pen's own are let in by "ssh": {"authorized_keys": [...]}.
#
# Options:
#   -h, --help   this text

set -u -o pipefail
# shellcheck source=lib/all.sh
. "${BASH_SOURCE[0]%/*}/lib/all.sh" || exit 1
# shellcheck source=lib/ssh.sh
. "$pen_lib/ssh.sh" || exit 1

main() {
  command_begin
  case ${1-} in
    # ssh has no long options; -h is none of its own either.
    -h | --?*) command_option "$1" ;;
    connect) ssh_do_connect "${@:2}" ;;
    config) ssh_do_config "${@:2}" ;;
    serve) ssh_do_serve "${@:2}" ;;
    *) ssh_do_login "$@" ;;
  esac
}

# ssh_up - bring the sandbox up, and make what ssh needs
ssh_up() {
  life_open
  life_start
  ssh_prepare
}

ssh_do_config() {
  (($# == 0)) || command_usage "unexpected argument '$1'"
  ssh_up
  cat -- "$ssh_folder/config"
}

ssh_do_login() {
  log_die_status=255
  command -v ssh >/dev/null || die "ssh is missing: install the package openssh-client"
  ssh_up
  if (($# == 0)); then
    set -- -t "cd $(printf '%q' "$sandbox_project") && exec \"\$SHELL\" -l"
  fi
  command_as_caller ssh -F "$ssh_folder/config" "$sandbox_name" "$@"
}

ssh_do_serve() {
  local port="" pattern='^[1-9][0-9]{0,4}$'
  (($# <= 1)) || command_usage "unexpected argument '$2'"
  [[ ${1-} != -* ]] || command_option "$1"
  life_open
  port=${1:-$config_ssh_port}
  [[ -n $port ]] || command_usage "which port? none is given, and none in the config"
  { [[ $port =~ $pattern ]] && ((port < 65536)); } || die_input "'$port' is not a port"
  life_start
  ssh_prepare
  ssh_serve "$port"
}

# ssh_do_connect PROJECT - what the ProxyCommand of 'pen ssh config' runs
ssh_do_connect() {
  log_die_status=255
  (($# == 1)) || command_usage "'pen ssh connect' is for the ProxyCommand of 'pen ssh config'"
  cd -- "$1" || die_input "$1 is gone"
  life_open
  life_start
  ssh_connect
}

main "$@"
