# SPDX-License-Identifier: MIT
"""budgets.py - byte budgets of tunnels

Usage: budgets.py shared|exact
"""
import sys

from table import PROXY, Table
from wire import Peer


def tunnel(target):
    peer = Peer(PROXY)
    peer.connect(target)
    return peer


def shared(table):
    one, two = tunnel("example.test:7"), tunnel("example.test:7")
    for i in range(9):
        for name, peer in (("one", one), ("two", two)):
            peer.send(b"x" * 1024)
            table.row("%s, %d KiB" % (name, i + 1), len(peer.exact(1024)),
                      1024)
    one.send(b"x" * 2048)
    table.row("the last bytes of the budget", len(one.exact(2048)), 2048)
    two.send(b"x")
    two.to_end()
    table.row("the one that crosses it", two.end, "rst")


def exact(table):
    for size in (1, 7, 100, 999, 1000):
        peer = tunnel("example.test:9")
        peer.send_pieces(b"x" * 1000, size, 0)
        peer.fin()
        peer.to_end()
        table.row("1000 bytes by %d" % size, peer.end, "fin")
        peer = tunnel("example.test:9")
        peer.send_pieces(b"x" * 1000, size, 0)
        peer.send(b"y")
        peer.to_end()
        table.row("1001 bytes by %d" % size, peer.end, "rst")


def main():
    table = Table()
    {"shared": shared, "exact": exact}[sys.argv[1]](table)
    return table.finish(at_least=10)


if __name__ == "__main__":
    sys.exit(main())
