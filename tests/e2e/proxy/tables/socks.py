# SPDX-License-Identifier: MIT
"""socks.py - SOCKS5 requests (RFC 1928) and what they are answered

Usage: socks.py replies|hosts|protocol|segments
"""
import sys

from table import PROXY, Table
from wire import SOCKS_HELLO, Peer, socks_request

IP1, IP6 = "45.45.45.10", "2a00:45:45::10"


def ask(host, port, **options):
    """Reply code, or how the connection ended."""
    with Peer(PROXY) as peer:
        peer.send(SOCKS_HELLO)
        if peer.exact(2) != b"\x05\x00":
            return "greeting", peer.end
        peer.send(socks_request(host, port, **options))
        reply = peer.exact(4)
        if len(reply) < 4:
            return "no reply", peer.end
        return reply[1], None


def replies(table):
    for name, host, port, code in (
            ("allowed name", b"example.test", 7, 0),
            ("allowed IPv4", IP1, 7, 0), ("allowed IPv6", IP6, 7, 0),
            ("IPv4 as a name", IP1.encode(), 7, 0),
            ("refused name", b"other.test", 7, 2),
            ("refused port of a literal", IP1, 8, 2),
            ("refused literal", "45.45.45.20", 7, 2),
            ("mapped literal counts as IPv4", "::ffff:45.45.45.10", 7, 0),
            ("loopback", "127.0.0.1", 7, 2), ("mapped loopback",
                                              "::ffff:127.0.0.1", 7, 2),
            ("guard", b"private.test", 7, 2),
            ("does not resolve", b"nxdomain.test", 7, 4),
            ("resolver silent", b"never.test", 7, (4, 6)),
            ("host unreachable", b"gone.test", 7, 4),
            ("network unreachable", b"away.test", 7, 3),
            ("connection refused", b"example.test", 1098, 5),
            ("connection times out", b"example.test", 1099, (4, 6))):
        code_got, end = ask(host, port)
        if isinstance(code, tuple):
            table.check(name, code_got in code, (code_got, end))
        else:
            table.row(name, code_got, code)
    with Peer(PROXY) as peer:
        peer.send(SOCKS_HELLO)
        peer.exact(2)
        peer.send(socks_request(b"other.test", 7))
        reply = peer.to_end()
        table.check("a refusal is one whole reply, then closed",
                    len(reply) in (10, 22) and reply[:3] == b"\x05\x02\x00"
                    and peer.end == "fin", (reply, peer.end))


def hosts(table):
    for host in (b"", b"example.test\0", b"example.test\0.other.test",
                 b"\0example.test", b"exa mple.test", b"example.test ",
                 b"example..test", b"example.test..", b".example.test",
                 b"exa%6dple.test", b"a@example.test", b"example.test:7",
                 b"[example.test]", b"ex\xc3\xa4mple.test", b"127.1",
                 b"0x7f.1", b"2130706433", b"0177.0.0.1", b"1.2.3.4.5",
                 b"example.test\r\n", b"example.test/", b"\xff" * 20,
                 b"a" * 64 + b".test", b"a" * 255, b"256.1.1.1",
                 b"[45.45.45.10]", b"45.45.45.010", b"fe80::1%lo"):
        code, end = ask(host, 7)
        table.row(repr(host), code, 2)
    for host in (b"EXAMPLE.test", b"example.test.", b"ExAmPlE.TeSt."):
        table.row(repr(host), ask(host, 7)[0], 0)
    table.row("port 0", ask(b"example.test", 0)[0], 2)


def protocol(table):
    for name, code, wanted in (("BIND", 2, 7), ("UDP ASSOCIATE", 3, 7),
                               ("command 0", 0, 7), ("command 255", 255, 7)):
        table.row(name, ask(b"example.test", 7, command=code)[0], wanted)
    for kind in (0, 2, 5, 255):
        table.row("address type %d" % kind,
                  ask(b"example.test", 7, kind=kind)[0], 8)
    for name, hello, wanted in (
            ("no methods", b"\x05\x00", b"\x05\xff"),
            ("GSSAPI alone", b"\x05\x01\x01", b"\x05\xff"),
            ("password alone", b"\x05\x01\x02", b"\x05\xff"),
            ("none among others", b"\x05\x03\x01\x02\x00", b"\x05\x00"),
            ("255 methods", b"\x05\xff" + b"\x01" * 254 + b"\x00",
             b"\x05\x00")):
        with Peer(PROXY) as peer:
            peer.send(hello)
            table.row(name, peer.exact(2), wanted)
            if wanted == b"\x05\xff":
                peer.to_end()
                table.row(name + " closes", peer.end, "fin")
    for name, text in (("SOCKS4", b"\x04\x01\x00\x07\x2d\x2d\x2d\x0a\x00"),
                       ("version 6", b"\x06\x01\x00")):
        with Peer(PROXY) as peer:
            peer.send(text).fin()
            got = peer.to_end()
            table.check(name, b"\x00\x5a" != got[:2] and
                        peer.end in ("fin", "rst"), (got, peer.end))
    with Peer(PROXY) as peer:
        peer.send(SOCKS_HELLO)
        peer.exact(2)
        peer.send(socks_request(b"example.test", 7, version=4))
        got = peer.to_end()
        table.check("version 4 in the request", got[1:2] != b"\0" and
                    peer.end in ("fin", "rst"), got)


def segments(table):
    whole = SOCKS_HELLO + socks_request(b"example.test", 7)
    for size in (1, 2, 3, 100):
        with Peer(PROXY) as peer:
            peer.send_pieces(whole + b"early", size)
            got = peer.exact(2 + 10 + 5)
            table.check("pieces of %d" % size, got[:4] == b"\x05\x00\x05\x00"
                        and got[-5:] == b"early", got)
    text = bytes(range(256)) * 400
    for host in (b"example.test", IP1, IP6):
        with Peer(PROXY) as peer:
            peer.send(SOCKS_HELLO)
            peer.exact(2)
            peer.send(socks_request(host, 7))
            reply = peer.exact(4)
            peer.exact(18 if reply[3:] == b"\x04" else 6)
            peer.send(text)
            table.row("echo by %r" % (host,), peer.exact(len(text)), text)


def main():
    table = Table()
    {"replies": replies, "hosts": hosts, "protocol": protocol,
     "segments": segments}[sys.argv[1]](table)
    return table.finish(at_least=7)


if __name__ == "__main__":
    sys.exit(main())
