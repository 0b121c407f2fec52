#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sandbox.py - runs a proxy outside a namespace whose listeners are inside it

Usage: sandbox.py [--pid-file FILE] [--redirect] CMD [ARG]...

Makes a network namespace with nothing but lo, opens in it
  127.0.0.1:3128 (listen), 0.0.0.0:3129 and [::1]:3129 (transparent),
  [::]:53 UDP and TCP (dns)
and runs CMD outside with these sockets, as 3 to 7, by LISTEN_FDS, LISTEN_PID and
LISTEN_FDNAMES; descriptors from 8 to 49 pass to CMD.  With --redirect every TCP
connection made inside, to whatever address, lands on the transparent listener
(nftables).  FILE gets the id of a process that lives in the namespace:
"nsenter --net=/proc/ID/ns/net curl ..." is a client in the sandbox.
"""
import array
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys

CLONE_NEWNET = 0x40000000
RULES = """table inet lab {
  chain out {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    meta l4proto tcp redirect to :3129
  }
}
"""


def bind(family, kind, addr, port):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((addr, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    return sock


def inside(channel, redirect):
    """The process that stays in the namespace, for as long as CMD lives."""
    # Not PR_SET_PDEATHSIG: a parent under Landlock may not signal us.
    parent = os.pidfd_open(os.getppid())
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    commands = ["link set lo up", "route add local 0.0.0.0/0 dev lo",
                "-6 route add local ::/0 dev lo"]
    for text in commands:
        subprocess.run(["ip"] + text.split(), check=True)
    if redirect:
        subprocess.run(["nft", "-f", "-"], input=RULES.encode(), check=True)
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    v4, v6 = socket.AF_INET, socket.AF_INET6
    socks = [bind(v4, tcp, "127.0.0.1", 3128), bind(v4, tcp, "0.0.0.0", 3129),
             bind(v6, tcp, "::1", 3129), bind(v6, udp, "::", 53),
             bind(v6, tcp, "::", 53)]
    fds = array.array("i", [s.fileno() for s in socks])
    channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    for sock in socks:
        sock.close()
    channel.close()
    select.select([parent], [], [])


NAMES = "listen:transparent:transparent:dns:dns"


def main(argv):
    redirect, pid_file = False, None
    while argv and argv[0].startswith("--"):
        if argv[0] == "--help":
            print(__doc__.strip())
            return 0
        if argv[0] == "--redirect":
            redirect, argv = True, argv[1:]
            continue
        if argv[0] == "--pid-file":
            pid_file = argv[1]
        argv = argv[2:]
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, theirs.fileno())
        os.closerange(theirs.fileno() + 1, 256)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            inside(theirs, redirect)
        except (OSError, subprocess.CalledProcessError) as e:
            print("sandbox.py: %s" % e, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    theirs.close()
    _, control, _, _ = ours.recvmsg(1, 1024)
    if not control:
        return 1
    fds = array.array("i")
    fds.frombytes(control[0][2])
    ours.close()
    # The sockets become 3, 4, ...
    moved = [os.dup2(fd, 60 + i) for i, fd in enumerate(fds)]
    for i, fd in enumerate(moved):
        os.dup2(fd, 3 + i, inheritable=True)
        os.close(fd)
    if pid_file:
        with open(pid_file, "w", encoding="ascii") as file:
            file.write("%d\n" % pid)
    env = dict(os.environ, LISTEN_FDS=str(len(moved)),
               LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=NAMES)
    os.execve(argv[0], argv, env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
