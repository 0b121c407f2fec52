# SPDX-License-Identifier: MIT
"""hostile.py - what a client may send to spoil a log

Usage: hostile.py log|flood
"""
import os
import random
import sys

from table import PROXY, Table
from wire import SOCKS_HELLO, Peer, client_hello, socks_request

TRANSPARENT = os.environ.get("PROXY_TRANSPARENT", "")
NASTY = [b'"', b'\\', b'"}', b'\\u0000', b'","verdict":"allow"', b'\xff\xfe',
         b'\xed\xa0\x80', b'\x1b[31m', b'\x7f', b'%n%s', b'{}', b'\xc3',
         b'a' * 5000, b'\\"' * 900, b"'", b'</script>', b'\x80' * 1500]


def send(text, where=PROXY):
    with Peer(where, timeout=1.5) as peer:
        peer.send(text)
        peer.fin()
        peer.to_end()
        return peer.end


def log(table):
    for i, bad in enumerate(NASTY):
        rows = [
            b"GET http://x.other.test/" + bad + b" HTTP/1.1\r\n"
            b"Host: x.other.test\r\n\r\n",
            b"GET http://" + bad + b"/ HTTP/1.1\r\nHost: x\r\n\r\n",
            bad + b" http://x.other.test/ HTTP/1.1\r\n"
            b"Host: x.other.test\r\n\r\n",
            b"CONNECT " + bad + b":443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET http://x.other.test/ HTTP/1.1\r\nHost: x.other.test\r\n"
            b"User-Agent: " + bad + b"\r\n\r\n",
            b"GET http://x.other.test/ HTTP/1.1\r\nHost: " + bad +
            b"\r\n\r\n",
            SOCKS_HELLO + socks_request(bad[:255], 80),
        ]
        for j, text in enumerate(rows):
            table.check("nasty %d, row %d" % (i, j), send(text) != "timeout")
        name = bad[:200]
        table.check("nasty %d in SNI" % i, send(
            client_hello(name), TRANSPARENT) != "timeout")
        table.check("nasty %d in a captured Host" % i, send(
            b"GET / HTTP/1.1\r\nHost: " + bad + b"\r\n\r\n",
            TRANSPARENT) != "timeout")
    with Peer(PROXY) as peer:
        if peer.connect("example.test:443") == 200:
            peer.send(client_hello('a"\\\x01\xff'.encode("latin-1")))
            peer.to_end()
    random.seed(3)
    for i in range(60):
        size = random.randrange(1, 400)
        where = (PROXY, TRANSPARENT)[i % 2]
        table.check("noise %d" % i, send(random.randbytes(size), where) !=
                    "timeout")


def flood(table):
    text = (b"GET http://x.other.test/ HTTP/1.1\r\n"
            b"Host: x.other.test\r\n\r\n")
    count = 0
    while count < 5000:
        with Peer(PROXY) as peer:
            for _ in range(50):
                peer.send(text)
                status = peer.response()[0]
                if status is None:
                    break
                table.row("refusal", status, 403)
                count += 1
                if count == 5000:
                    break


def main():
    table = Table()
    {"log": log, "flood": flood}[sys.argv[1]](table)
    return table.finish(at_least=100)


if __name__ == "__main__":
    sys.exit(main())
