# SPDX-License-Identifier: MIT
"""tunnels.py - CONNECT: bytes, early data, spellings, malformed heads, numbers

Usage: tunnels.py bytes|early|spelling|malformed|many
"""
import random
import sys

from table import PROXY, Table
from wire import Peer

ALL = bytes(range(256))


def exchange(table, name, data, size):
    with Peer(PROXY) as peer:
        table.row(name + ": status", peer.connect("example.test:7"), 200)
        # Not TLS to look at, so that the SNI check has no say.
        peer.send_pieces(data, size) if size else peer.send(data)
        table.row(name, peer.exact(len(data)), data)
        peer.fin()
        table.row(name + ": end", (peer.to_end(), peer.end), (b"", "fin"))


def tunnel_bytes(table):
    for size in (0, 1, 2, 3, 7, 100):
        exchange(table, "pieces of %d" % size, ALL + ALL[::-1], size)
    for first in ALL:
        if first not in (20, 21, 22, 23):
            exchange(table, "first byte %d" % first, bytes([first]) + ALL, 0)
    for length in (1, 1000, 16383, 16384, 65535, 65536, 65537):
        exchange(table, "%d bytes" % length, random.Random(length).randbytes(
            length).replace(b"\x16", b"x", 1).replace(b"\x17", b"x", 1), 0)
    exchange(table, "looks like HTTP", b"GET http://denied.test/ HTTP/1.1\r\n"
             b"Host: denied.test\r\n\r\n", 0)


def early(table):
    for host in ("example.test:7",):
        head = ("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" %
                (host, host)).encode()
        for text in (b"x", ALL, b"y" * 30000):
            with Peer(PROXY) as peer:
                peer.send(head + text)
                table.row("status", peer.response("CONNECT")[0], 200)
                table.row("%d early bytes" % len(text),
                          peer.exact(len(text)), text)
        with Peer(PROXY) as peer:
            peer.send_pieces(head + b"slowly")
            table.row("status of a slow head", peer.response("CONNECT")[0],
                      200)
            table.row("after a slow head", peer.exact(6), b"slowly")
        # A second request behind a CONNECT is data of the tunnel.
        with Peer(PROXY) as peer:
            more = b"GET http://other.test/ HTTP/1.1\r\n\r\n"
            peer.send(head + more)
            table.row("status", peer.response("CONNECT")[0], 200)
            table.row("pipelined behind CONNECT", peer.exact(len(more)), more)


SAME = ["example.test", "EXAMPLE.TEST", "Example.Test", "example.test.",
        "EXAMPLE.test."]
# target, status
SPELLINGS = [(s + ":7", 200) for s in SAME] + [
    ("example.test..:7", 400), (".example.test:7", 400),
    ("example..test:7", 400), ("example.test:07", 400),
    ("example.test:+7", 400), ("example.test: 7", 400),
    ("example.test:7 ", 400), ("example.test", 400), ("example.test:", 400),
    ("example.test:0", 400), ("example.test:65536", 400),
    ("example.test:65543", 400), ("example.test:4294967303", 400),
    ("example.test:7x", 400), ("example.test:-7", 400), (":7", 400),
    ("", 400), ("a@example.test:7", 400), ("example.test:7@x:7", 400),
    ("user:pw@example.test:7", 400), ("[example.test]:7", 400),
    ("example.test\\:7", 400), ("exa%6dple.test:7", 400),
    ("example.test%00:7", 400), ("example.test\x00:7", 400),
    ("example.test\x00.other.test:7", 400), ("ex\xe4mple.test:7", 400),
    ("example\u3002test:7".encode().decode("latin-1"), 400),
    ("\uff45xample.test:7".encode().decode("latin-1"), 400),
    ("example.test\t:7", 400), ("example\rtest:7", 400),
    ("http://example.test:7", 400), ("example.test:7/", 400),
    ("example.test:7/path", 400), ("/", 400), ("*", 400),
    ("example.test:7#x", 400), ("example.test:7?x", 400),
    ("a" * 64 + ".test:7", 400), (".".join(["a" * 50] * 6) + ":7", 400),
    ("a" * 63 + ".test:7", 403), ("a-b.test:7", 403), ("a_b.test:7", 403),
    ("sub.example.test:7", 403), ("example.test.other.test:7", 403),
    ("xexample.test:7", 403), ("test:7", 403),
    # Numbers that some resolver would take for an address.
    ("127.1:7", 400), ("0x7f.1:7", 400), ("2130706433:7", 400),
    ("0177.0.0.1:7", 400), ("127.0.0.1.:7", (400, 403)), ("0x7f000001:7", 400),
    ("1.2.3.4.5:7", 400), ("1.2.3:7", 400), ("256.1.1.1:7", 400),
    ("example.1:7", 400), ("example.0x1:7", 400), ("01.2.3.4:7", 400),
    ("127.0.0.1:7", 403), ("0.0.0.0:7", 403), ("45.45.45.20:7", 403),
    ("45.45.45.10:7", 200), ("45.45.45.010:7", 400), ("45.45.45.0x0a:7", 400),
    # IPv6
    ("::1:7", 400), ("[::1]:7", 403), ("[::1:7", 400), ("::1]:7", 400),
    ("[::1%lo]:7", 400), ("[::1%25lo]:7", 400), ("[fe80::1%25eth0]:7", 400),
    ("[::ffff:45.45.45.10]:7", 200), ("[::ffff:2d2d:2d0a]:7", 200),
    ("[::ffff:127.0.0.1]:7", 403), ("[::ffff:7f00:1]:7", 403),
    ("[64:ff9b::7f00:1]:7", 403), ("[2002:7f00:1::]:7", 403),
    ("[1::2::3]:7", 400), ("[12345::]:7", 400), ("[v1.x]:7", 400),
    ("[::1]7", 400), ("[]:7", 400), ("[2a00:45:45::10]", 400),
    ("[45.45.45.10]:7", 400),
]


def spelling(table):
    for target, expected in SPELLINGS:
        with Peer(PROXY) as peer:
            status = peer.connect(target, "x:7" if not target else None)
            if isinstance(expected, tuple):
                table.check(repr(target), status in expected, status)
            else:
                table.row(repr(target), status, expected)
            if status == 200:
                peer.send(b"ping")
                table.row(repr(target) + " echo", peer.exact(4), b"ping")


T = "example.test:7"
MALFORMED = [
    ("no Host in HTTP/1.1", "CONNECT %s HTTP/1.1\r\n\r\n" % T, 400),
    ("two Hosts", "CONNECT %s HTTP/1.1\r\nHost: %s\r\nHost: %s\r\n\r\n" %
     (T, T, T), 400),
    ("another Host", "CONNECT %s HTTP/1.1\r\nHost: other.test:7\r\n\r\n" % T,
     400),
    ("another port in Host", "CONNECT %s HTTP/1.1\r\nHost: example.test:8"
     "\r\n\r\n" % T, 400),
    ("a Host without a port agrees", "CONNECT %s HTTP/1.1\r\n"
     "Host: example.test\r\n\r\n" % T, 200),
    ("Host in another spelling agrees", "CONNECT %s HTTP/1.1\r\n"
     "Host: EXAMPLE.TEST.:7\r\n\r\n" % T, 200),
    ("HTTP/1.0 without Host", "CONNECT %s HTTP/1.0\r\n\r\n" % T, 200),
    ("Content-Length", "CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
     "Content-Length: 0\r\n\r\n" % (T, T), 400),
    ("Transfer-Encoding", "CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
     "Transfer-Encoding: chunked\r\n\r\n" % (T, T), 400),
    ("HTTP/2.0", "CONNECT %s HTTP/2.0\r\nHost: %s\r\n\r\n" % (T, T),
     (400, 505)),
    ("HTTP/1.12", "CONNECT %s HTTP/1.12\r\nHost: %s\r\n\r\n" % (T, T),
     (400, 505)),
    ("no version", "CONNECT %s\r\nHost: %s\r\n\r\n" % (T, T), 400),
    ("lower case method", "connect %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (T, T),
     (400, 405, 501)),
    ("two spaces", "CONNECT  %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (T, T), 400),
    ("a tab", "CONNECT\t%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (T, T), 400),
    ("leading space", " CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (T, T),
     400),
    ("bare LF", "CONNECT %s HTTP/1.1\nHost: %s\n\n" % (T, T), 400),
    ("bare CR", "CONNECT %s HTTP/1.1\r\nHost: %s\rX: y\r\n\r\n" % (T, T), 400),
    ("obs-fold", "CONNECT %s HTTP/1.1\r\nHost: %s\r\nX: a\r\n b\r\n\r\n" %
     (T, T), 400),
    ("space before colon", "CONNECT %s HTTP/1.1\r\nHost : %s\r\n\r\n" %
     (T, T), 400),
    ("NUL in a field", "CONNECT %s HTTP/1.1\r\nHost: %s\r\nX: a\x00b\r\n\r\n" %
     (T, T), 400),
    ("no colon", "CONNECT %s HTTP/1.1\r\nHost: %s\r\nX\r\n\r\n" % (T, T), 400),
    ("empty field name", "CONNECT %s HTTP/1.1\r\nHost: %s\r\n: x\r\n\r\n" %
     (T, T), 400),
    ("not HTTP at all", "hello there\r\n\r\n", 400),
    ("a head over max-head", "CONNECT %s HTTP/1.1\r\nHost: %s\r\nX: %s\r\n\r\n"
     % (T, T, "a" * 40000), 431),
    ("a head of many fields", "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" %
     (T, T, "X: y\r\n" * 7000), 431),
    ("a long request line", "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n" %
     ("a" * 40000), (400, 414, 431)),
]


def malformed(table):
    for name, text, expected in MALFORMED:
        with Peer(PROXY) as peer:
            peer.send(text.encode("latin-1"))
            status, fields, _ = peer.response("CONNECT")
            if isinstance(expected, tuple):
                table.check(name, status in expected, status)
            else:
                table.row(name, status, expected)
            if status and status >= 400:
                peer.to_end()
                table.row(name + ": closes", peer.end, "fin")
                table.check(name + ": says so", dict(fields).get(
                    "connection", "").lower() == "close", fields)


def many(table):
    peers = [Peer(PROXY) for _ in range(200)]
    for i, peer in enumerate(peers):
        table.row("tunnel %d" % i, peer.connect("example.test:7"), 200)
    order = list(range(200))
    random.Random(1).shuffle(order)
    for i in order:
        peers[i].send(b"<%d>" % i)
    random.Random(2).shuffle(order)
    for i in order:
        text = b"<%d>" % i
        table.row("echo %d" % i, peers[i].exact(len(text)), text)
    for i in order:
        peers[i].fin()
        table.row("end %d" % i, (peers[i].to_end(), peers[i].end),
                  (b"", "fin"))
        peers[i].sock.close()


def main():
    table = Table()
    {"bytes": tunnel_bytes, "early": early, "spelling": spelling,
     "malformed": malformed, "many": many}[sys.argv[1]](table)
    return table.finish(at_least=8)


if __name__ == "__main__":
    sys.exit(main())
