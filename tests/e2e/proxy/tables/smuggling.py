# SPDX-License-Identifier: MIT
"""smuggling.py - ambiguous requests

Usage: smuggling.py heads|hidden|chunks|transparent
"""
import sys

from table import PROXY, Table
from wire import Peer

H = "Host: example.test\r\n"
HIDDEN = "GET http://example.test/hidden HTTP/1.1\r\n" + H + "\r\n"

# Field lines that make a head ambiguous; each is 400.
LINES = [
    ("CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
    ("a list of lengths", "Content-Length: 5, 6\r\n"),
    ("negative length", "Content-Length: -5\r\n"),
    ("signed length", "Content-Length: +5\r\n"),
    ("hexadecimal length", "Content-Length: 0x5\r\n"),
    ("fractional length", "Content-Length: 5.0\r\n"),
    ("empty length", "Content-Length:\r\n"),
    ("length of words", "Content-Length: five\r\n"),
    ("length with a space", "Content-Length: 5 5\r\n"),
    ("length over 64 bits", "Content-Length: 18446744073709551621\r\n"),
    ("length over 63 bits", "Content-Length: 9223372036854775808\r\n"),
    ("huge length", "Content-Length: %s\r\n" % ("9" * 100)),
    ("space before colon", "Content-Length : 5\r\n"),
    ("tab before colon", "Transfer-Encoding\t: chunked\r\n"),
    ("space in a name", "Content Length: 5\r\n"),
    ("obs-fold", "X: a\r\n b\r\n"),
    ("obs-fold with a tab", "Transfer-Encoding:\r\n\tchunked\r\n"),
    ("first line folded", " X: a\r\n"),
    ("bare CR", "X: a\rContent-Length: 5\r\n"),
    ("bare LF", "X: a\nContent-Length: 5\r\n"),
    ("NUL", "X: a\x00b\r\n"), ("NUL in a name", "X\x00: b\r\n"),
    ("control in a value", "X: a\x01b\r\n"), ("DEL", "X: a\x7fb\r\n"),
    ("byte over 127 in a name", "X\xe4: b\r\n"),
    ("no colon", "Transfer-Encoding chunked\r\n"),
    ("empty name", ": chunked\r\n"),
    ("TE identity", "Transfer-Encoding: identity\r\n"),
    ("TE gzip", "Transfer-Encoding: gzip\r\n"),
    ("TE chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
    ("TE in two fields", "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n"),
    ("TE chunked not last", "Transfer-Encoding: chunked, gzip\r\n"),
    ("TE chunked then identity", "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: identity\r\n"),
    ("TE xchunked", "Transfer-Encoding: xchunked\r\n"),
    ("TE chunkedx", "Transfer-Encoding: chunkedx\r\n"),
    ("TE quoted", "Transfer-Encoding: \"chunked\"\r\n"),
    ("TE with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
    ("TE with vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
    ("TE with NUL", "Transfer-Encoding: chunked\x00\r\n"),
    ("TE empty", "Transfer-Encoding:\r\n"),
    ("TE chunk", "Transfer-Encoding: chunk\r\n"),
    ("two Hosts", H), ("another Host", "Host: other.test\r\n"),
    ("empty second Host", "Host:\r\n"),
]

# Whole request lines; each is 400 with a Host that agrees.
FIRST = [
    "GET  http://example.test/ HTTP/1.1", "GET http://example.test/  HTTP/1.1",
    "GET http://example.test/ HTTP/1.1 ", " GET http://example.test/ HTTP/1.1",
    "GET http://example.test/ HTTP/1.1 x", "GET http://example.test/",
    "GET http://example.test/ http/1.1", "GET http://example.test/ HTTP/1.",
    "GET http://example.test/ HTTP/11", "GET http://example.test/ HTTP/1.1\x00",
    "GET http://example.test/\x00 HTTP/1.1", "G\x00T http://example.test/ HTTP/1.1",
    "GET http://example.test/\x7f HTTP/1.1", "GET\thttp://example.test/ HTTP/1.1",
    "GET http://example.test/\r HTTP/1.1", "G@T http://example.test/ HTTP/1.1",
    "GET http://exa\tmple.test/ HTTP/1.1", "", "GET", "GET ",
]


def refused(table, name, text):
    with Peer(PROXY) as peer:
        peer.send(text.encode("latin-1"))
        status, _, _ = peer.response()
        rest = peer.to_end()
        # An end by reset is one too: what was sent behind the head was not
        # read.
        table.check(name, status == 400 and rest == b"" and
                    peer.end in ("fin", "rst"), (status, rest, peer.end))


def heads(table):
    for name, lines in LINES:
        refused(table, name, "POST http://example.test/ HTTP/1.1\r\n" + H +
                lines + "\r\n")
    for line in FIRST:
        refused(table, repr(line), line + "\r\n" + H + "X: y\r\n\r\n")
    refused(table, "bare LF throughout",
            "GET http://example.test/ HTTP/1.1\nHost: example.test\n\n")
    refused(table, "an empty Host",
            "GET http://example.test/ HTTP/1.1\r\nHost:\r\n\r\n")
    refused(table, "a Host that repeats the whole target",
            "GET http://example.test/ HTTP/1.1\r\n"
            "Host: http://example.test/\r\n\r\n")
    refused(table, "no Host", "GET http://example.test/ HTTP/1.1\r\n\r\n")
    refused(table, "userinfo in Host", "GET http://example.test/ HTTP/1.1\r\n"
            "Host: x@example.test\r\n\r\n")
    with Peer(PROXY) as peer:
        peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H +
                   "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
                  .encode())
        status, _, body = peer.response()
        table.check("TE: Chunked is chunked (case does not matter)",
                    status == 200 and b'"body_bytes": 3' in body, status)
    with Peer(PROXY) as peer:
        peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H +
                   "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
                  .encode())
        status, _, _ = peer.response()
        table.check("one length twice is 400 or one length",
                    status in (200, 400), status)


def hidden(table):
    for name, lines in LINES:
        with Peer(PROXY) as peer:
            peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H + lines +
                       "\r\n0\r\n\r\n" + HIDDEN).encode("latin-1"))
            text = peer.to_end()
            table.check(name, text.count(b"HTTP/1.1 ") == 1 and
                        text.startswith(b"HTTP/1.1 400 "), text[:200])
    # Behind a body that is framed well, the next request is judged.
    with Peer(PROXY) as peer:
        inner = HIDDEN.replace("example.test", "other.test")
        peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H +
                   "Content-Length: 0\r\n\r\n" + inner).encode())
        table.row("first", peer.response()[0], 200)
        table.row("second", peer.response()[0], 403)
    # A request inside a body is a body.
    with Peer(PROXY) as peer:
        inner = HIDDEN.replace("/hidden", "/inner").encode()
        peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H +
                   "Content-Length: %d\r\nConnection: close\r\n\r\n" %
                   len(inner)).encode() + inner)
        status, _, body = peer.response()
        table.check("a request in a body", status == 200 and
                    (b'"body_bytes": %d' % len(inner)) in body, body)


CHUNKS = [
    ("not hexadecimal", "g\r\n"), ("empty size", "\r\n"), ("0x", "0x3\r\n"),
    ("a sign", "+3\r\nabc\r\n0\r\n\r\n"), ("minus", "-1\r\n"),
    ("a leading space", " 3\r\nabc\r\n0\r\n\r\n"),
    ("a space behind", "3 \r\nabc\r\n0\r\n\r\n"),
    ("bare LF behind the size", "3\nabc\r\n0\r\n\r\n"),
    ("bare CR behind the size", "3\rabc\r\n0\r\n\r\n"),
    ("over 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("64 bits", "ffffffffffffffff\r\nabc\r\n"),
    ("63 bits and more", "8000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("many zeros then overflow", "0" * 5000 + "3\r\nabc\r\n0\r\n\r\n"),
    ("data longer than the size", "3\r\nabcd\r\n0\r\n\r\n"),
    ("no CRLF behind the data", "3\r\nabc0\r\n\r\n"),
    ("LF behind the data", "3\r\nabc\n0\r\n\r\n"),
    ("a comma", "3,3\r\nabc\r\n0\r\n\r\n"), ("a dot", "3.0\r\nabc\r\n0\r\n\r\n"),
    ("NUL in an extension", "3;a=\x00\r\nabc\r\n0\r\n\r\n"),
    ("LF in an extension", "3;a=b\nc\r\nabc\r\n0\r\n\r\n"),
    ("an endless extension", "3;" + "a" * 70000 + "\r\nabc\r\n0\r\n\r\n"),
    ("bare LF in the trailers", "0\r\nX: y\n\r\n"),
    ("obs-fold in the trailers", "0\r\nX: y\r\n z\r\n\r\n"),
    ("a trailer without a colon", "0\r\nX\r\n\r\n"),
    ("endless trailers", "0\r\n" + "X: y\r\n" * 20000 + "\r\n"),
]


def bad_chunks(table):
    for name, text in CHUNKS:
        with Peer(PROXY) as peer:
            peer.send(("POST http://example.test/ HTTP/1.1\r\n" + H +
                       "Transfer-Encoding: chunked\r\n\r\n" + text +
                       HIDDEN).encode("latin-1"))
            got = peer.to_end()
            table.check(name, b'"target": "/hidden"' not in got and
                        got.count(b"HTTP/1.1 200") == 0 and
                        peer.end in ("fin", "rst"), (got[:100], peer.end))


def transparent(table):
    for name, lines in LINES:
        refused(table, name, "POST / HTTP/1.1\r\n" + H + lines + "\r\n")
    for line in FIRST:
        line = line.replace("http://example.test", "")
        # What does not begin like HTTP is closed without an answer there.
        if "exa\tmple" not in line and line[:1] != " ":
            refused(table, repr(line), line + "\r\n" + H + "X: y\r\n\r\n")


def main():
    table = Table()
    {"heads": heads, "hidden": hidden, "chunks": bad_chunks,
     "transparent": transparent}[sys.argv[1]](table)
    return table.finish(at_least=25)


if __name__ == "__main__":
    sys.exit(main())
