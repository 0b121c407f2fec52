# SPDX-License-Identifier: MIT
"""dnslistener.py - questions to the proxy's own DNS listener

Usage: dnslistener.py answers|hostile|many
       dnslistener.py ask ADDR:PORT NAME TYPE      prints the address
"""
import ipaddress
import os
import random
import socket
import struct
import sys

import wire
from table import Table

SERVER = os.environ.get("PROXY_DNS", "127.0.0.1:5300")
POOL4 = ipaddress.ip_network("198.18.0.0/15")
POOL6 = ipaddress.ip_network("fc00::/7")


def udp(query, server=SERVER, timeout=2.0):
    host, port = wire.parse_address(server)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        # Connected: an answer from another address is not delivered.
        sock.connect((host, port))
        sock.send(query)
        try:
            return sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None


def tcp(query, server=SERVER):
    with wire.Peer(server, timeout=3) as peer:
        peer.send(wire.vec16(query))
        size = peer.exact(2)
        return peer.exact(struct.unpack(">H", size)[0]) if size else None


def ask(name, kind, how=udp, **options):
    answer = how(wire.dns_query(name, kind, **options))
    return wire.dns_parse(answer) if answer else None


def answers(table):
    seen = {}
    for how in (udp, tcp):
        for name in ("example.test", "EXAMPLE.test", "a.example.test",
                     "a.b.c.example.test", "six.test"):
            got = ask(name, "A", how)
            label = "%s %s" % (how.__name__, name)
            if not table.check(label, got and got["rcode"] == 0 and
                               len(got["answers"]) == 1, got):
                continue
            value = got["answers"][0][3]
            table.check(label + " in the pool", ipaddress.ip_address(value)
                        in POOL4, value)
            table.row(label + " question repeated", got["questions"][0][0],
                      name)
            table.row(label + " always the same",
                      seen.setdefault(name.lower(), value), value)
            got = ask(name, "AAAA", how)
            table.check(label + " AAAA", got["rcode"] == 0 and
                        len(got["answers"]) == 1 and ipaddress.ip_address(
                            got["answers"][0][3]) in POOL6, got)
        for name in ("other.test", "test", "xexample.test", "a.six.test",
                     "example.test.other.test", "com", "secret.evil.test",
                     "localhost", "a.test"):
            for kind in ("A", "AAAA", "TXT", "MX"):
                got = ask(name, kind, how)
                table.check("%s %s %s NXDOMAIN" % (how.__name__, name, kind),
                            got and got["rcode"] == 3 and not got["answers"],
                            got)
        for kind in ("TXT", "MX", "HTTPS", "SVCB", "NS", "SRV", "CNAME"):
            got = ask("example.test", kind, how)
            table.check("%s example.test %s is empty" % (how.__name__, kind),
                        got and got["rcode"] == 0 and not got["answers"], got)
    table.row("one address a name", len(set(seen.values())), len(seen))
    got = ask("other.test", "A", edns=True)
    table.check("EDNS: a reason (RFC 8914) for a refused name",
                got and set(got["ede"]) & {15, 16, 17, 18}, got)
    got = ask("other.test", "A")
    table.check("no EDNS, no reason", got and not got["ede"] and
                got["additional"] == 0, got)
    got = ask("example.test", "A", ident=0xbeef)
    table.row("the id is repeated", got["id"], 0xbeef)
    got = ask("example.test", "A", flags=0x0100)
    table.check("QR, RD and RA", got["flags"] & 0x8180 == 0x8180, got)


def hostile(table):
    good = wire.dns_query("example.test", "A")
    rows = [
        ("empty", b"", None), ("11 bytes", good[:11], None),
        ("a response", good[:2] + b"\x81\x80" + good[4:], None),
        ("opcode STATUS", good[:2] + b"\x10\x00" + good[4:], 4),
        ("opcode UPDATE", good[:2] + b"\x28\x00" + good[4:], 4),
        ("no question", wire.dns_query("example.test", count=0), 1),
        ("two questions", wire.dns_query("example.test", count=2), 1),
        ("question cut", good[:20], 1), ("name without end", good[:12] +
                                         b"\x07example", 1),
        ("compression pointer", good[:12] + b"\xc0\x0c" + b"\0\1\0\1", 1),
        ("pointer to itself", good[:12] + b"\x01a\xc0\x0c\0\1\0\1", 1),
        ("label of 64", good[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", 1),
        ("name of 300", good[:12] + (b"\x31" + b"a" * 49) * 6 +
         b"\0\0\1\0\1", 1),
        ("NUL in a label", wire.dns_query(b"\x0cexample\0test\x04test\0"), 3),
        ("dot in a label", wire.dns_query(b"\x0cexample.test\0"), 3),
        ("space in a label", wire.dns_query(b"\x04ex m\x04test\0"), 3),
        ("class CHAOS", wire.dns_query("version.bind", "TXT", cls=3),
         (3, 5, 4)),
        ("ANY", wire.dns_query("other.test", "ANY"), 3),
        ("AXFR", wire.dns_query("other.test", 252), (3, 4, 5)),
        ("root", wire.dns_query("", "NS"), (3, 5)),
        ("trailing bytes", good + b"x" * 100, (0, 1)),
        ("4,000 bytes", good + b"x" * 4000, (0, 1)),
    ]
    for name, query, rcode in rows:
        answer = udp(query, timeout=0.3 if rcode is None else 2)
        if rcode is None:
            table.row(name + ": no answer", answer, None)
            continue
        got = struct.unpack(">H", answer[2:4])[0] & 15 if answer else None
        table.check(name, got in (rcode if isinstance(rcode, tuple)
                                  else (rcode,)), (got, answer))
    random.seed(7)
    for _ in range(300):
        text = bytearray(good)
        for _ in range(random.randrange(1, 6)):
            text[random.randrange(len(text))] = random.randrange(256)
        host, port = wire.parse_address(SERVER)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(bytes(text), (host, port))
    # What does not fit the socket's queue is lost: a resolver asks again.
    table.check("alive after noise",
                any(ask("example.test", "A") for _ in range(3)))
    with wire.Peer(SERVER, timeout=3) as peer:
        peer.send_pieces(wire.vec16(good))
        size = struct.unpack(">H", peer.exact(2))[0]
        table.row("TCP byte by byte", wire.dns_parse(
            peer.exact(size))["rcode"], 0)
    with wire.Peer(SERVER, timeout=3) as peer:
        peer.send(wire.vec16(good) * 20)
        count = 0
        for _ in range(20):
            size = peer.exact(2)
            if not size:
                break
            peer.exact(struct.unpack(">H", size)[0])
            count += 1
        table.row("20 questions on one connection", count, 20)
    with wire.Peer(SERVER, timeout=3) as peer:
        peer.send(b"\xff\xffjunk").fin()
        peer.to_end()
        table.check("TCP nonsense is closed", peer.end in ("fin", "rst"),
                    peer.end)


def many(table):
    host, port = wire.parse_address(SERVER)
    good = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect((host, port))
        for i in range(20000):
            sock.send(wire.dns_query("n%d.example.test" % i))
            answer = wire.dns_parse(sock.recv(512))
            good += answer["rcode"] == 0
    table.check("20,000 names under a wildcard", good >= 1000, good)
    with open("/proc/%s/status" % os.environ["PROXY_PID"],
              encoding="ascii") as file:
        rss = [int(x.split()[1]) for x in file if x.startswith("VmRSS")][0]
    if os.environ.get("PEN_MODE") == "release":
        table.check("memory", rss < 40000, "%d kB" % rss)
    got = ask("example.test", "A")
    table.check("answers go on", got and got["rcode"] == 0, got)


def main():
    if sys.argv[1] == "ask":
        server, name, kind = sys.argv[2:5]
        answer = udp(wire.dns_query(name, kind), server)
        if answer is None:
            print("no answer")
            return 1
        got = wire.dns_parse(answer)
        print(got["answers"][0][3] if got["answers"] else
              {0: "EMPTY", 3: "NXDOMAIN"}.get(got["rcode"], got["rcode"]))
        return 0
    table = Table()
    {"answers": answers, "hostile": hostile, "many": many}[sys.argv[1]](table)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
