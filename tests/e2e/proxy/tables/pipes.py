# SPDX-License-Identifier: MIT
"""pipes.py - the pipes of a proxy through which many downloads go at once

Usage: pipes.py plenty        the user may have more pipes
       pipes.py none UID      every page that UID may have of them is taken
"""
import fcntl
import os
import resource
import sys

from table import PROXY, Table
from wire import Peer

PID = os.environ["PROXY_PID"]
GET_SIZE, SET_SIZE = 1032, 1031  # F_GETPIPE_SZ, F_SETPIPE_SZ
LEAST, LARGE = 1 << 16, 1 << 20
PEERS, ROUNDS, STEP = 20, 12, 1 << 16
SIZE = 12000000  # more than the sockets on the way take


def pipe_sizes():
    """Bytes that fit into each pipe of the proxy, by its inode."""
    sizes = {}
    folder = "/proc/%s/fd" % PID
    for name in os.listdir(folder):
        try:
            inode = os.readlink("%s/%s" % (folder, name))
            if not inode.startswith("pipe:"):
                continue
            fd = os.open("%s/%s" % (folder, name), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue  # it has just been closed
        sizes[inode] = fcntl.fcntl(fd, GET_SIZE)
        os.close(fd)
    return sizes


def take_all():
    """Pipes, until a new one is small."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    for _ in range(2000):
        _, write_fd = os.pipe()
        try:
            size = fcntl.fcntl(write_fd, SET_SIZE, LARGE)
        except PermissionError:
            size = fcntl.fcntl(write_fd, GET_SIZE)
        if size < LEAST:
            return True
    return False


class Hog:
    """A program of the same user that holds what the user may have."""

    def __init__(self, uid):
        said, self.say = os.pipe(), os.pipe()
        if os.fork() == 0:
            os.close(self.say[1])
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(said[1], b"1" if take_all() else b"0")
            os.read(self.say[0], 1)
            os._exit(0)
        os.close(said[1])
        self.holds_all = os.read(said[0], 1) == b"1"

    def release(self):
        os.close(self.say[1])
        os.wait()


def read(peer, size):
    """Bytes read, up to so many; keeps none of them."""
    got = 0
    while got < size and (data := peer.sock.recv(min(size - got, 1 << 18))):
        got += len(data)
    return got


def download(table, before):
    """All downloads go on by turns, and wait for their reader meanwhile;
    returns each set of pipes that was seen."""
    seen, peers = [], []
    for _ in range(PEERS):
        peer = Peer(PROXY, timeout=30)
        peer.connect("example.test:1006")
        peers.append(peer)
    for _ in range(ROUNDS):
        for peer in peers:
            read(peer, STEP)
        seen.append([size for inode, size in pipe_sizes().items()
                     if inode not in before])
    got = {len(peer.unread()) + ROUNDS * STEP + read(peer, SIZE)
           for peer in peers}
    table.row("bytes of each download", got, {SIZE})
    return seen


def main():
    table, before = Table(), pipe_sizes()
    hog = Hog(int(sys.argv[2])) if sys.argv[1] == "none" else None
    if hog and not hog.holds_all:
        print("no limit of pipes")
        return 77
    seen = download(table, before)
    most = max(len(sizes) for sizes in seen)
    small = {s for sizes in seen for s in sizes if s < LEAST}
    table.row("small pipes", small, set())
    if hog:
        hog.release()
    else:
        table.check("pipes are used", most > 8, most)
        large = max(sizes.count(LARGE) for sizes in seen)
        table.check("large pipes of all workers", 1 <= large <= 8, large)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
