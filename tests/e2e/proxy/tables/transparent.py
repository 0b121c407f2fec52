# SPDX-License-Identifier: MIT
"""transparent.py - ClientHellos on a transparent listener

Usage: transparent.py refused|cuts|ech
"""
import os
import sys

from table import Table
from wire import Peer, client_hello

LISTENER = os.environ["PROXY_TRANSPARENT"]


def refused(table):
    rows = [("a refused name", client_hello("other.test")),
            ("a name that resolves to a private address",
             client_hello("private.test")),
            ("no name", client_hello()),
            ("an IPv4 literal", client_hello("45.45.45.10")),
            ("an IPv6 literal", client_hello("2a00:45:45::10")),
            ("two names", client_hello(names=["example.test", "other.test"])),
            ("NUL", client_hello("example.test\0.other.test")),
            ("records of one byte", client_hello("other.test", record=1)),
            ("the parent of a wildcard", client_hello("test")),
            ("an alert first", b"\x15\x03\x01\x00\x02\x01\x00" +
             client_hello("example.test"))]
    for name, text in rows:
        with Peer(LISTENER) as peer:
            peer.send(text)
            got = peer.to_end()
            table.check(name, peer.end == "fin" and got[:2] == b"\x15\x03" and
                        got[-2:] == b"\x02\x70", (got, peer.end))


def arrives(table, name, text, size=0):
    with Peer(LISTENER) as peer:
        if size:
            peer.send_pieces(text, size, 0)
        else:
            peer.send(text)
        peer.fin()
        got = peer.to_end()
        table.row(name, (got, peer.end), (b"", "fin"))


def cuts(table):
    for record in (1, 2, 50, 16384):
        for size in (0, 1, 40):
            text = client_hello("example.test", record=record, grease=True)
            arrives(table, "records of %d, segments of %d" % (record, size),
                    text, size)
    arrives(table, "60 KB", client_hello("EXAMPLE.test", pad=60000))


def ech(table):
    arrives(table, "ECH", client_hello("example.test", ech=True))


def main():
    table = Table()
    {"refused": refused, "cuts": cuts, "ech": ech}[sys.argv[1]](table)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
