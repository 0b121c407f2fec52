#!/bin/bash
# SPDX-License-Identifier: MIT
# step.sh - stands in for a tool that pen calls, and kills something at one of
# the calls
#
# Installed in /usr/local/bin as docker, podman and pen-pfctl by crash tests; runs
# what it stands for.  /run/lab/step/at has the number of the call and the name
# of what is to be killed; at that call, `count` and `killed` say so there.
# Calls by the guard are not counted.

set -u -o pipefail

readonly state=/run/lab/step
name=${0##*/}
case $name in
  pen-pfctl) real=/usr/local/libexec/pen-root/pen-pfctl ;;
  *) real=/usr/bin/$name ;;
esac

# step_pen - print the process id of the pen command that this call comes from;
# nothing if it is the guard's
step_pen() {
  local pid=$PPID found="" words=""
  while ((pid > 1)); do
    words=$(tr '\0' ' ' <"/proc/$pid/cmdline") || break
    case $words in
      *-main.sh*) return ;;
      */penctl/commands/*) found=$pid ;;
    esac
    pid=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status") || break
  done
  printf '%s\n' "$found"
}

# step_kill WHAT PEN - with the utmost force
step_kill() {
  local file pid
  case $1 in
    pen) kill -KILL "$2" ;;
    dockerd) kill -KILL "$(</run/lab/dockerd.pid)" ;;
    proxy)
      for file in /proc/[0-9]*/exe; do
        if [[ $(readlink "$file") == */pen-proxy ]]; then
          pid=${file#/proc/}
          kill -KILL "${pid%/exe}"
        fi
      done
      ;;
    container)
      for pid in $("/usr/bin/$(</run/lab/step/runtime)" ps -q --filter label=pen.user); do
        "/usr/bin/$(</run/lab/step/runtime)" kill "$pid"
      done
      ;;
  esac
}

main() {
  local pen count at what
  pen=$(step_pen)
  if [[ -n $pen && -s $state/at ]]; then
    exec 7>>"$state/lock"
    flock 7
    count=$(($(<"$state/count") + 1))
    printf '%s\n' "$count" >"$state/count"
    read -r at what <"$state/at"
    if ((count == at)); then
      printf '%s %s\n' "$name" "$*" >"$state/killed"
      step_kill "$what" "$pen" >/dev/null 2>&1
    fi
    exec 7>&-
  fi
  exec "$real" "$@"
}

main "$@"
