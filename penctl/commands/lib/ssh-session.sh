# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# ssh-session.sh - runs inside the sandbox for pen ssh: an SSH server for one
# connection, which comes on stdin and goes to stdout
#
# Before the connection stdin has two lines, each in base64: the server's private
# key, and the public keys that it lets in. Nothing stays: keys and config lie in
# a folder of this session's own, and no port is opened.

set -u

# session_environment - print the environment as the value of sshd's SetEnv: what
# a command of 'pen exec' has, a login has, too
session_environment() {
  local name="" value=""
  for name in $(compgen -e); do
    value=${!name}
    case $name in
      HOME | USER | LOGNAME | SHELL | PWD | OLDPWD | SHLVL | TERM | _ | PEN_EXEC | SSH_*) continue ;;
      *) ;;
    esac
    [[ $value != *[[:cntrl:]]* ]] || continue
    value=${value//\\/\\\\}
    value=${value//\"/\\\"}
    printf ' "%s=%s"' "$name" "$value"
  done
}

session_config() {
  cat <<CONFIG
HostKey $1/host_key
AuthorizedKeysFile $1/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
PermitUserRC no
PrintMotd no
PrintLastLog no
X11Forwarding no
Subsystem sftp internal-sftp
SetEnv$(session_environment)
CONFIG
}

# session_as_root - as root, sshd wants to give privileges up, which needs some
session_as_root() {
  local effective=""
  effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
  # CAP_SYS_CHROOT is 18.
  { ((0x$effective >> 18 & 1)) && mkdir -p /run/sshd; } ||
    session_die "sshd does not run as root in this sandbox: run pen as an ordinary user"
}

session_die() {
  printf 'pen: %s\n' "$*" >&2
  exit 125
}

main() {
  local folder="" host_key="" keys="" sshd="" status=0
  sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) ||
    session_die "the sandbox has no sshd: install openssh-server in its image, or on this host for the runtime 'jail'"
  umask 077
  folder=$(mktemp -d "${TMPDIR:-/tmp}/.pen-ssh.XXXXXX") || session_die "cannot write in ${TMPDIR:-/tmp}"
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf -- '$folder'" EXIT
  # read takes no byte more than the line.
  { IFS= read -r host_key && IFS= read -r keys; } || session_die "no keys came"
  base64 -d <<<"$host_key" >"$folder/host_key" || session_die "the host key is damaged"
  base64 -d <<<"$keys" >"$folder/authorized_keys" || session_die "the keys are damaged"
  session_config "$folder" >"$folder/config"
  ((EUID)) || session_as_root
  umask 022
  "$sshd" -i -f "$folder/config" -E "$folder/log" || status=$?
  # A connection that came about has its own way to tell what went wrong.
  grep -q '^Accepted ' "$folder/log" || sed 's/^/sshd: /' "$folder/log" >&2
  return "$status"
}

main
