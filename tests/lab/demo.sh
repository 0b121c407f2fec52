#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh - shows a sandbox that reaches the host its policy names and no other
#
# Usage: demo.sh        (make demo builds first)
#
# Everything happens in a network namespace of its own, without any way out, with
# a DNS server, an HTTPS server and a certificate authority that the demo brings
# along; so it works on a machine without a network, and leaves nothing behind.
# Exit status: 0 when every step went as it must.

set -u -o pipefail

lab=$(cd "${BASH_SOURCE[0]%/*}" && pwd) || exit 1

main() {
  case ${1-} in
    '') demo_outside ;;
    inside) demo_inside "$2" ;;
    *)
      sed -n 's/^# \{0,1\}//; 3,10p' "${BASH_SOURCE[0]}"
      [[ $1 == -h || $1 == --help ]]
      ;;
  esac
}

# demo_outside - run the demo in namespaces of its own; then clear up
demo_outside() {
  local status=0 wrap
  # shellcheck source=tests/lab/helpers.bash
  source "$lab/helpers.bash"
  IFS=' ' read -r -a wrap <<<"$(lab_unshare)"
  demo_folder=$(mktemp -d) || exit 1
  trap 'demo_clear' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  "${wrap[@]}" --kill-child --fork "$lab/netns.sh" "$lab/demo.sh" inside "$demo_folder" ||
    status=$?
  if ((status)); then
    printf '\nThe demo did not go as it must (status %s).\n' "$status" >&2
  fi
  exit "$status"
}

# demo_clear - remove the demo's folder
demo_clear() {
  rm -rf -- "$demo_folder"
}

# demo_inside FOLDER - the demo itself, in namespaces where only lo is
demo_inside() {
  # shellcheck source=tests/lab/helpers.bash
  source "$lab/helpers.bash"
  export LAB=$1 LAB_FILE=$1 HOME=$1/home
  : "${PEN_JAIL:=$LAB_ROOT/build/$PEN_MODE/pen-jail}"
  export PEN_JAIL
  PATH=$LAB_ROOT/penctl:$PATH
  [[ -x $PEN_PROXY && -x $PEN_JAIL ]] || demo_fail "build first: make"
  trap 'demo_end' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  demo_servers
  demo_project
  demo_steps
}

# demo_servers - the demo's own origin and DNS server
demo_servers() {
  demo_say "A network of the demo's own: two HTTPS servers, example.test and other.test,
and a DNS server that knows them. Nothing here leaves this machine."
  lab_origin || demo_fail "the HTTPS server did not start"
  lab_dns <<<"example.test A $IP1
other.test A $IP2" || demo_fail "the DNS server did not start"
}

# demo_project - a project directory, and a home that no one else uses; the
# sandbox is told of the demo's certificate authority
demo_project() {
  mkdir -p "$HOME/.pen" "$LAB/project" || demo_fail "cannot make a project"
  cd "$LAB/project" || demo_fail "cannot enter the project"
  cp "$CERTS/ca.pem" authority.pem || demo_fail "cannot copy the authority"
  printf '{"env": {"CURL_CA_BUNDLE": "%s"}}\n' "$PWD/authority.pem" >"$HOME/.pen/config.json" ||
    demo_fail "cannot write a config"
}

demo_steps() {
  demo_say "A sandbox for this directory. Its policy is empty: nothing may leave."
  demo_works pen init

  demo_say "One command in a sandbox of its own, allowed to reach one host."
  demo_works pen run --allow example.test:443 -- curl -sS -o answer -w '%{http_code} from %{url}\n' https://example.test/

  demo_say "The same command cannot reach another host. The refusal says so, and how to
allow it: in the header Proxy-Status, in the text of the answer, and in the log."
  demo_refused pen run --allow example.test:443 -- curl -sS -i https://other.test/
  demo_refused pen run --allow example.test:443 -- curl -sS --fail-with-body http://other.test/

  demo_say "Nor does going past the proxy help: in the sandbox there is no network
interface but loopback, and a bare address is no host that was allowed."
  demo_works pen run -- ip -brief link
  demo_refused pen run --allow example.test:443 -- curl -sS --noproxy '*' --max-time 5 "https://$IP2/"

  demo_say "What was refused so far:"
  demo_works pen proxy logs

  demo_say "Allow the other host, and try again. (In a sandbox that is running, this counts
within a second, with no restart.)"
  demo_works pen allow other.test:443
  demo_works pen run -- curl -sS -o answer -w '%{http_code} from %{url}\n' https://other.test/

  demo_say "That is all. The demo's servers, its network and its files are gone now."
}

# demo_say TEXT - what comes next
demo_say() {
  printf '\n%s\n' "$1" | sed 's/^./# &/'
}

# demo_type CMD... - show a command as one would type it, and run it
demo_type() {
  local word="" line=""
  for word; do
    case $word in
      *[!A-Za-z0-9_./:=@%+-]*) line="$line '$word'" ;;
      *) line="$line $word" ;;
    esac
  done
  printf '\n$%s\n' "$line"
  "$@" </dev/null
}

# demo_works CMD... - it must end with status 0
demo_works() {
  demo_type "$@" || demo_fail "this should have worked"
}

# demo_refused CMD... - it must run, and fail
demo_refused() {
  local status=0
  demo_type "$@" || status=$?
  ((status > 0 && status < 124)) || demo_fail "this should have been refused"
}

# demo_fail TEXT - the demo went wrong
demo_fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# demo_end - end the servers
demo_end() {
  disown -a
  lab_stop_all "$LAB"
}

main "$@"
