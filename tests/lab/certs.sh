#!/bin/bash
# SPDX-License-Identifier: MIT
# certs.sh - makes a throwaway certificate authority and one server certificate
#
# Usage: certs.sh DIR [NAME|ADDRESS]...
#
# DIR gets ca.pem, ca.key, server.pem (certificate) and server.key.  The server
# certificate covers the names and addresses below and those on the command
# line.  Nothing is made anew where DIR has it for the same names.

set -u -o pipefail
export LC_ALL=C
umask 077

names=(
  example.test '*.example.test' other.test '*.other.test' denied.test
  private.test localhost
)
addresses=(
  127.0.0.1 ::1 45.45.45.10 45.45.45.20 2a00:45:45::10
  203.0.113.10 198.51.100.20 2001:db8:cafe::10
)

die() {
  printf 'certs: %s\n' "$*" >&2
  exit 1
}

# certs_list - prints the subjectAltName value
certs_list() {
  local out='' item
  for item in "${names[@]}"; do
    out+=",DNS:$item"
  done
  for item in "${addresses[@]}"; do
    out+=",IP:$item"
  done
  printf '%s\n' "${out#,}"
}

main() {
  local dir=${1:-} item list
  case $dir in
    '' | -*)
      sed -n 's/^# \{0,1\}//;3,9p' "$0"
      [[ $dir == -h || $dir == --help ]]
      exit
      ;;
  esac
  shift
  for item in "$@"; do
    case $item in
      *:* | *[0-9]) addresses+=("$item") ;;
      *) names+=("$item") ;;
    esac
  done
  list=$(certs_list)
  mkdir -p "$dir" || die "cannot make $dir"
  cd "$dir" || die "cannot enter $dir"
  if [[ -s ca.pem && -s server.key && -s names && $(<names) == "$list" ]]; then
    return 0
  fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout ca.key -out ca.pem -days 30 -subj '/CN=pen test CA' \
    -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign 2>log || die "$(<log)"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout server.key -out server.csr -subj '/CN=example.test' 2>log ||
    die "$(<log)"
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$list" >server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 2 \
    -days 30 -extfile server.ext -out server.pem 2>log || die "$(<log)"
  printf '%s\n' "$list" >names || die 'cannot write'
}

main "$@"
