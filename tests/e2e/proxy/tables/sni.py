# SPDX-License-Identifier: MIT
"""sni.py - ClientHellos through a tunnel to example.test

Usage: sni.py pass|cut|hostile|ech|ech_alone
"""
import sys

from table import PROXY, Table
from wire import (Peer, client_hello, extension, handshake, hello_body,
                  records, server_name, vec16)

NAME = "example.test"


def try_hello(text, port, size=0):
    """What came back behind the 200, and how it ended."""
    with Peer(PROXY) as peer:
        if peer.connect("%s:%d" % (NAME, port)) != 200:
            return b"no tunnel", "none"
        if size:
            peer.send_pieces(text, size, 0)
        else:
            peer.send(text)
        if port == 7:
            return peer.exact(len(text)), peer.end
        return peer.to_end(), peer.end


def passes(table):
    rows = [
        ("plain", client_hello(NAME)),
        ("upper case", client_hello("EXAMPLE.Test")),
        ("GREASE", client_hello(NAME, grease=True)),
        ("records of one byte", client_hello(NAME, record=1)),
        ("records of three bytes", client_hello(NAME, record=3)),
        ("records of 100 bytes", client_hello(NAME, record=100)),
        ("no session id", client_hello(NAME, session=b"")),
        ("padded to 2 KB", client_hello(NAME, pad=2000)),
        ("padded to 16 KB", client_hello(NAME, pad=16000)),
        ("padded to 60 KB", client_hello(NAME, pad=60000)),
        ("60 KB in records of 500", client_hello(NAME, pad=60000,
                                                 record=500)),
        ("SNI behind 20 KB", client_hello(
            extensions=extension(21, b"\0" * 20000) + server_name([NAME]))),
        ("version 3.3 in the record", records(handshake(hello_body(NAME)),
                                              version=0x0303)),
        ("data behind the hello", client_hello(NAME) +
         b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x05early"),
        ("post-quantum sized", client_hello(NAME, extra=extension(
            51, vec16(b"\x11\xec" + vec16(b"q" * 1216))))),
    ]
    for name, text in rows:
        got, end = try_hello(text, 7)
        table.check(name, got == text, (len(got), end))
    for size in (1, 2, 5, 50):
        text = client_hello(NAME, grease=True)
        got, end = try_hello(text, 7, size)
        table.check("segments of %d" % size, got == text, (len(got), end))
    text = client_hello(NAME, record=1)
    got, end = try_hello(text, 7, 1)
    table.check("records and segments of one byte", got == text, end)


def is_cut(table, name, text, size=0):
    got, end = try_hello(text, 9, size)
    table.check(name, end == "fin" and len(got) == 7 and got[:2] ==
                b"\x15\x03" and got[-2:] == b"\x02\x70", (got[:20], end))


def cut(table):
    for sni in ("other.test", "xexample.test", "example.testx", "test",
                "www.example.test", "example.test.other.test", "denied.test",
                "EXAMPLE.TEST.other.test", "e", "45.45.45.10"):
        is_cut(table, sni, client_hello(sni))
        is_cut(table, sni + " in records of one byte",
               client_hello(sni, record=1))
    is_cut(table, "byte by byte", client_hello("other.test"), 1)
    is_cut(table, "behind 60 KB", client_hello(
        extensions=extension(21, b"\0" * 60000) + server_name(["other.test"])))


def hostile(table):
    def ext(data):
        return client_hello(extensions=data)
    rows = [
        ("no extensions at all", client_hello(extensions=False)),
        ("no server_name", client_hello()),
        ("empty server_name", ext(extension(0, b""))),
        ("empty list", ext(extension(0, vec16(b"")))),
        ("empty name", client_hello("")),
        ("two names", client_hello(names=[NAME, "other.test"])),
        ("the same name twice", client_hello(names=[NAME, NAME])),
        ("two server_name extensions", ext(server_name([NAME]) +
                                           server_name(["other.test"]))),
        ("NUL behind the name", client_hello("example.test\0")),
        ("NUL and another name", client_hello("example.test\0.other.test")),
        ("NUL ahead", client_hello("\0example.test")),
        ("a space", client_hello("example.test ")),
        ("an IPv4 literal", client_hello("45.45.45.10")),
        ("an IPv6 literal", client_hello("2a00:45:45::10")),
        ("bytes over 127", client_hello(b"ex\xe4mple.test")),
        ("two dots behind", client_hello("example.test..")),
        ("a name of 300 bytes", client_hello("a" * 300)),
        ("another name type alone", ext(server_name([NAME], kind=1))),
        ("list longer than its extension", ext(extension(
            0, b"\x00\xff\x00\x00\x0cexample.test"))),
        ("name longer than its list", ext(extension(
            0, b"\x00\x0f\x00\x00\xffexample.test"))),
        ("extension longer than the block", ext(
            b"\x00\x00\x00\xff" + server_name([NAME])[4:])),
        ("hello longer than 64 KiB", records(
            b"\x01\x01\x10\x00" + b"x" * 69000)),
        ("length of 16 MB", records(b"\x01\xff\xff\xff" + b"x" * 70000)),
        ("another handshake message first", records(
            handshake(b"x" * 40, kind=2) + handshake(hello_body(NAME)))),
        ("an alert first", b"\x15\x03\x01\x00\x02\x01\x00" +
         client_hello(NAME)),
        ("change-cipher-spec first", b"\x14\x03\x01\x00\x01\x01" +
         client_hello(NAME)),
        ("application data first", b"\x17\x03\x03\x00\x05hello" +
         client_hello(NAME)),
        ("an alert between two records", records(handshake(
            hello_body(NAME))[:50]) + b"\x15\x03\x01\x00\x02\x01\x00" +
         records(handshake(hello_body(NAME))[50:])),
        ("an empty record first", b"\x16\x03\x01\x00\x00" +
         client_hello("other.test")),
        ("a record over 16 KiB", b"\x16\x03\x01\xff\xff" + b"x" * 65535),
        ("trailing bytes in the extension", ext(extension(
            0, vec16(b"\x00" + vec16(NAME.encode())) + b"junk"))),
        ("truncated session", records(handshake(b"\x03\x03" + b"r" * 32 +
                                                b"\xff"))),
    ]
    for name, text in rows:
        is_cut(table, name, text)


def ech(table):
    text = client_hello(NAME, ech=True)
    got, end = try_hello(text, 7)
    table.check("ECH denied", got[:2] == b"\x15\x03" and end == "fin",
                (got[:20], end))
    with Peer(PROXY) as peer:
        table.row("tunnel", peer.connect(NAME + ":9"), 200)
        peer.send(text).fin()
        got = peer.to_end()
        table.row("ECH allowed", (got, peer.end), (b"", "fin"))
    # Without ECH both pass.
    text = client_hello(NAME)
    table.row("no ECH", try_hello(text, 7)[0], text)
    is_cut(table, "ECH with another outer name",
           client_hello("other.test", ech=True))


def ech_alone(table):
    text = client_hello(NAME, ech=True)
    got, end = try_hello(text, 7)
    table.check("ECH denied", got[:2] == b"\x15\x03" and end == "fin",
                (got[:20], end))
    for name, text in (("another name", client_hello("other.test")),
                       ("no name", client_hello()), ("no TLS", b"hello")):
        table.row(name, try_hello(text, 7)[0], text)


def main():
    table = Table()
    {"pass": passes, "cut": cut, "hostile": hostile,
     "ech": ech, "ech_alone": ech_alone}[sys.argv[1]](table)
    return table.finish(at_least=4)


if __name__ == "__main__":
    sys.exit(main())
