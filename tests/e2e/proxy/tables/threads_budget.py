# SPDX-License-Identifier: MIT
"""threads_budget.py - one hourly budget of 20 KiB, spent by many tunnels"""
import sys

from table import PROXY, Table
from wire import Peer


def main():
    table = Table()
    peers = []
    for _ in range(20):
        peer = Peer(PROXY)
        peer.connect("example.test:7")
        peers.append(peer)
    got = 0
    for peer in peers:
        for _ in range(4):
            peer.send(b"x" * 512)
            got += len(peer.exact(512))
    table.check("at most the budget passes", got <= 20 * 1024, got)
    table.check("nearly all of it passes", got >= 16 * 1024, got)
    table.row("tunnels were cut", any(p.end == "rst" for p in peers), True)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
