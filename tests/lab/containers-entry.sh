#!/bin/sh
# SPDX-License-Identifier: MIT
# containers-entry.sh - what the image lab/tools runs: the way to a proxy that is
# mounted as a socket, then the command
set -u
if [ -n "${PEN_PROXY_SOCKET:-}" ]; then
  socat TCP-LISTEN:3128,bind=127.0.0.1,fork,reuseaddr \
    "UNIX-CONNECT:$PEN_PROXY_SOCKET" &
fi
exec "$@"
