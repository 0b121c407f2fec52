# SPDX-License-Identifier: MIT
"""mutations.py - changed bytes in good requests, the same at every run

Usage: mutations.py http|captured|pipelined|connect|hello|socks
       mutations.py sink LOG     the hellos that reached an origin: all must
                                 name example.test
"""
import json
import os
import random
import sys

from table import PROXY, Table
from wire import SOCKS_HELLO, Peer, client_hello, socks_request

TRANSPARENT = os.environ.get("PROXY_TRANSPARENT", "")
ROUNDS = 400
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b"other.test",
          b"Host: other.test\r\n", b"Content-Length: 3\r\n", b"0\r\n\r\n",
          b"Transfer-Encoding: chunked\r\n", b"@", b"/", b"%00", b".",
          b"GET http://other.test/ HTTP/1.1\r\n", b"\xff", b"\r\n\r\n"]
HTTP = (b"GET http://example.test/a HTTP/1.1\r\nHost: example.test\r\n"
        b"X-Field: value\r\nConnection: close\r\n\r\n")
CAPTURED = HTTP.replace(b"http://example.test", b"")
PIPELINED = (b"POST http://example.test/a HTTP/1.1\r\nHost: example.test\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
             b"POST http://example.test/b HTTP/1.1\r\nHost: example.test\r\n"
             b"Content-Length: 5\r\n\r\nhello"
             b"GET http://example.test/c HTTP/1.1\r\nHost: example.test\r\n"
             b"Connection: close\r\n\r\n")
CONNECT = (b"CONNECT example.test:9 HTTP/1.1\r\nHost: example.test:9\r\n\r\n")


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(6)
        if how == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            data[at:at + rng.randrange(1, 5)] = b""
        elif how == 3:
            data[at:at] = rng.choice(PIECES)
        elif how == 4:
            part = bytes(data[at:at + rng.randrange(1, 40)])
            to = rng.randrange(len(data) + 1)
            data[to:to] = part
        else:
            part = rng.choice(PIECES)
            data[at:at + len(part)] = part
    return bytes(data)


def play(table, where, texts, name):
    for i, text in enumerate(texts):
        with Peer(where, timeout=3) as peer:
            peer.send(text)
            peer.fin()
            peer.to_end()
            table.check("%s %d" % (name, i), peer.end != "timeout",
                        "hangs: %r" % text)


def changed(seed, data, prefix=b"", suffix=b""):
    rng = random.Random(seed)
    return [prefix + mutate(rng, data) + suffix for _ in range(ROUNDS)]


def sni_of(data):
    """The names in a ClientHello, read the plain way: [] for none."""
    message = b""
    while data[:1] == b"\x16" and len(data) >= 5:
        size = int.from_bytes(data[3:5], "big")
        message += data[5:5 + size]
        data = data[5 + size:]
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(
                message[1:4], "big"):
            break
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at:at + 2], "big")
    at += 1 + message[at]
    end = at + 2 + int.from_bytes(message[at:at + 2], "big")
    at += 2
    names = []
    while at + 4 <= end:
        kind = int.from_bytes(message[at:at + 2], "big")
        size = int.from_bytes(message[at + 2:at + 4], "big")
        body = message[at + 4:at + 4 + size]
        at += 4 + size
        if kind == 0:
            body = body[2:]
            while len(body) >= 3:
                size = int.from_bytes(body[1:3], "big")
                names.append((body[0], body[3:3 + size]))
                body = body[3 + size:]
    return names


def sink(table, log):
    """Every hello that an origin got names the allowed host, and only it."""
    seen = 0
    with open(log, encoding="ascii") as file:
        for line in file:
            event = json.loads(line)
            data = event.get("data", "").encode("latin-1")
            if not (data[:1] and 20 <= data[0] <= 23 and data[1:2] == b"\3"):
                continue
            seen += 1
            try:
                names = sni_of(data)
            except IndexError:
                names = "unreadable"
            good = [n for n in names if n[0] == 0] if (
                isinstance(names, list)) else []
            table.check("hello %d" % seen, len(good) == 1 and
                        good[0][1].lower().rstrip(b".") == b"example.test",
                        "%s in %r" % (names, data[:200]))
    table.check("some hellos did arrive", seen >= 10, seen)


def main():
    table = Table()
    what = sys.argv[1]
    hello = client_hello("example.test", grease=True)
    if what == "sink":
        sink(table, sys.argv[2])
    elif what == "http":
        play(table, PROXY, changed(1, HTTP), what)
    elif what == "captured":
        play(table, TRANSPARENT, changed(2, CAPTURED), what)
    elif what == "pipelined":
        play(table, PROXY, changed(3, PIPELINED), what)
    elif what == "connect":
        play(table, PROXY, changed(4, CONNECT), what)
        play(table, PROXY, changed(5, hello, CONNECT), "hello in a tunnel")
    elif what == "hello":
        play(table, TRANSPARENT, changed(6, hello), what)
        play(table, TRANSPARENT, changed(7, client_hello(
            "example.test", record=20)), "many records")
    else:
        whole = socks_request(b"example.test", 9)
        play(table, PROXY, changed(8, whole, SOCKS_HELLO), what)
        play(table, PROXY, changed(9, SOCKS_HELLO + whole, b"", hello), what)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
