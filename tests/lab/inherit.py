#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""inherit.py - hands sockets to a program in the way of systemd

Usage: inherit.py [--plain] NAMES|- KIND:ADDRESS... -- CMD [ARG]...

KIND:ADDRESS is tcp:ADDR:PORT, udp:ADDR:PORT or unix:PATH.  The sockets are
descriptors 3, 4, ... of CMD, whose environment has LISTEN_FDS, LISTEN_PID and,
unless NAMES is "-", LISTEN_FDNAMES; with --plain none of these.
"""
import os
import socket
import sys

import wire


def make(text):
    kind, _, where = text.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(where)
        sock.listen(16)
        return sock
    host, port = wire.parse_address(where)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if kind == "udp":
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((host, port))
        return sock
    return socket.create_server((host, port), family=family)


def main(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if argv else 2
    plain = argv[0] == "--plain"
    argv = argv[plain:]
    cut = argv.index("--")
    names, specs, command = argv[0], argv[1:cut], argv[cut + 1:]
    socks = [make(text) for text in specs]
    moved = [os.dup2(s.fileno(), 60 + i) for i, s in enumerate(socks)]
    for sock in socks:
        sock.close()
    for i, fd in enumerate(moved):
        os.dup2(fd, 3 + i, inheritable=True)
        os.close(fd)
    env = dict(os.environ)
    if not plain:
        env.update(LISTEN_FDS=str(len(moved)), LISTEN_PID=str(os.getpid()))
        if names != "-":
            env["LISTEN_FDNAMES"] = names
    os.execve(command[0], command, env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
