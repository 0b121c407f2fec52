# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # globals are shared with the other files
# SPDX-License-Identifier: MIT
# ssh.sh - into the sandbox by SSH, without a port and without a daemon (ADR 15)
#
# The client's ProxyCommand is 'pen ssh connect', which runs lib/ssh-session.sh in
# the sandbox, as 'pen exec' would. So it works wherever a command can be run,
# with any kind of network and with none.
#
# sandbox_dir/ssh has a key of the user's and one of the server's, for this
# sandbox alone, and the client's config.

# ssh_prepare - make the keys if there are none, and the client's config
ssh_prepare() {
  ssh_folder=$sandbox_dir/ssh
  command -v ssh-keygen >/dev/null || die "ssh-keygen is missing: install the package openssh-client"
  mkdir -p -- "$ssh_folder" || die "cannot make $ssh_folder"
  ssh_make_key key
  ssh_make_key host_key
  printf '%s %s\n' "$sandbox_name" "$(cut -d ' ' -f 1,2 "$ssh_folder/host_key.pub")" |
    state_write "$ssh_folder/known_hosts" || die "cannot write in $ssh_folder"
  ssh_user
  ssh_print_config | state_write "$ssh_folder/config" || die "cannot write in $ssh_folder"
}

# ssh_make_key NAME
ssh_make_key() {
  local words=""
  [[ ! -s $ssh_folder/$1 || ! -s $ssh_folder/$1.pub ]] || return 0
  rm -f -- "$ssh_folder/$1" "$ssh_folder/$1.pub" || die "cannot write in $ssh_folder"
  words=$(ssh-keygen -q -t ed25519 -N '' -C "$sandbox_name" -f "$ssh_folder/$1" 2>&1) ||
    die "cannot make a key in $ssh_folder: $words"
}

# ssh_user - sets ssh_name to the name of the user that the sandbox's commands run
# as
ssh_user() {
  local pattern='^[A-Za-z_][A-Za-z0-9_.-]*$'
  ssh_name=$(runtime_exec "$sandbox_project" -- id -un </dev/null) ||
    die "the user that commands run as has no name in the sandbox: its image needs one with the uid $UID (ARG PEN_UID)"
  [[ $ssh_name =~ $pattern ]] || die "the sandbox's user has a name that cannot be used"
}

# ssh_print_config - print a block of ssh_config
ssh_print_config() {
  cat <<CONFIG
# $sandbox_project, by 'pen ssh config'
Host $sandbox_name
  User $ssh_name
  HostKeyAlias $sandbox_name
  IdentityFile $(ssh_quote "$ssh_folder/key")
  IdentitiesOnly yes
  UserKnownHostsFile $(ssh_quote "$ssh_folder/known_hosts")
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  ForwardAgent no
  ForwardX11 no
  ProxyCommand $(ssh_quote_word "${pen_lib%/commands/lib}/pen") ssh connect $(ssh_quote_word "$sandbox_project")
CONFIG
}

# ssh_quote TEXT - print TEXT as one word of an ssh_config
ssh_quote() {
  [[ $1 != *\"* ]] || die "ssh cannot use a path with a quotation mark: $1"
  printf '"%s"\n' "${1//[%]/%%}"
}

# ssh_quote_word TEXT - print TEXT as one word for the user's shell, in an
# ssh_config, where ProxyCommand is read twice
ssh_quote_word() {
  ssh_quote_shell "${1//[%]/%%}"
}

# ssh_quote_shell TEXT - print TEXT as one word for any shell
ssh_quote_shell() {
  local text="$1" quote="'\\''"
  text=${text//\'/$quote}
  printf "'%s'\n" "$text"
}

# ssh_connect - become the SSH server in the sandbox, on stdin and stdout
ssh_connect() {
  local script="" key="" keys=""
  ssh_folder=$sandbox_dir/ssh
  script=$(<"$pen_lib/ssh-session.sh") || die "cannot read $pen_lib/ssh-session.sh"
  key=$(ssh_base64 <"$ssh_folder/host_key") || die "cannot read $ssh_folder/host_key: run 'pen ssh config'"
  keys=$(ssh_keys | ssh_base64) || die "cannot read the keys"
  # Not a pipeline: pen would wait for cat, and keep ssh waiting for the end.
  runtime_exec "$sandbox_project" -- bash -c "$script" pen-ssh \
    < <(printf '%s\n' "$key" "$keys" && cat)
}

# ssh_serve PORT - become a listener on the host's 127.0.0.1:PORT, each of whose
# connections is an 'ssh connect'
ssh_serve() {
  command -v socat >/dev/null || die "socat is missing, which listens: install it, or use 'pen ssh config'"
  # socat reads its address by rules of its own: this one has nothing to misread.
  printf '#!/bin/sh\nexec %s ssh connect %s\n' "$(ssh_quote_shell "${pen_lib%/commands/lib}/pen")" \
    "$(ssh_quote_shell "$sandbox_project")" | state_write "$ssh_folder/connect" ||
    die "cannot write in $ssh_folder"
  chmod 0700 "$ssh_folder/connect" || die "cannot write in $ssh_folder"
  cd -- "$ssh_folder" || die "cannot enter $ssh_folder"
  log_note "ssh -p $1 $ssh_name@127.0.0.1, until this ends"
  # Pipes: sshd makes its stdout non-blocking, and with a socket stdin as well.
  command_as_caller socat -t 1 "TCP4-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork,max-children=32" \
    EXEC:./connect,pipes
}

# ssh_base64 - stdin in base64, on one line
ssh_base64() {
  base64 | tr -d '\n'
}

# ssh_keys - print the public keys that are let in: pen's own, and those of the
# config ("ssh": {"authorized_keys": [...]}), each a key or a file of keys
ssh_keys() {
  local key=""
  cat -- "$ssh_folder/key.pub" || return 1
  for key in ${config_ssh_keys[@]+"${config_ssh_keys[@]}"}; do
    case $key in
      /*) cat -- "$key" || return 1 ;;
      *) printf '%s\n' "$key" ;;
    esac
  done
}
