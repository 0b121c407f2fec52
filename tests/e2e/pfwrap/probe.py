#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""probe.py - tries every way out of a sandbox that one can think of

Usage: probe.py send MAC LINK     in the sandbox: sends all of it, as root; the
                                  bridge's own address, and its link-local one
       probe.py mark              on the host: sends what ends the record
       probe.py judge FOLDER WANT compares FOLDER/wan.sink and FOLDER/host.sink
                                  with what WANT (open, shut) says

`send` needs the addresses of the lab (lab.sh).  When open, every probe has to
show up in a sink, or the test would show nothing; when shut, no line at all may.
"""
import os
import select
import socket
import struct
import sys
import time

GATEWAY, ME, ME6, WAN = "10.77.1.1", "10.77.1.2", "fd77:1::2", "203.0.113.10"
WAN6 = "2001:db8:cafe::10"
MARK = "end-of-record"

# name, sink, how a line of that sink begins (* stands for anything).
SEEN = [
    ("tcp to the internet", "wan", "tcp *>203.0.113.10 443"),
    ("tcp to another host", "wan", "tcp *>198.51.100.66 80"),
    ("tcp to the metadata service", "wan", "tcp *>169.254.169.254 80"),
    ("udp to a name server", "wan", "udp *>203.0.113.10 53 plain"),
    ("udp to the internet", "wan", "udp *>203.0.113.10 9999 plain"),
    ("ping", "wan", "icmp *>203.0.113.10 8 "),
    ("another protocol", "wan", "253 *>203.0.113.10 "),
    ("sctp", "wan", "132 *>203.0.113.10 "),
    ("udp in fragments", "wan", "udp *>203.0.113.10 9999 long"),
    ("IPv6 tcp", "wan", "tcp *>2001:db8:cafe::10 443"),
    ("IPv6 udp", "wan", "udp *>2001:db8:cafe::10 9999 plain"),
    ("IPv6 ping", "wan", "icmp6 *>2001:db8:cafe::10 128"),
    ("tcp from a second address", "wan", "tcp *>203.0.113.10 4431"),
    ("tcp from an address of another net", "wan",
     "tcp 192.168.9.9>203.0.113.10 4432"),
    ("forged source, udp", "wan", "udp 198.51.100.7>203.0.113.10 9999 forged"),
    ("forged source, tcp", "wan", "tcp 198.51.100.7>203.0.113.10 4433"),
    ("forged source of a neighbour net", "wan",
     "udp *>203.0.113.10 9999 neighbour"),
    ("hand-made IPv6 frame", "wan",
     "udp *>2001:db8:cafe::10 9999 frame"),
    ("hand-made IPv6 frame, forged", "wan",
     "udp 2001:db8:bad::1>2001:db8:cafe::10 9999 forgedframe"),
    ("port 22 of the gateway", "host", "tcp 10.77.1.2>10.77.1.1 22"),
    ("port 8000 of the gateway", "host", "tcp 10.77.1.2>10.77.1.1 8000"),
    ("the proxy's port on another address", "host",
     "tcp 10.77.1.2>100.64.0.2 3128"),
    ("the host's address on the wan", "host", "tcp 10.77.1.2>100.64.0.2 22"),
    ("the host's address on another bridge", "host",
     "tcp 10.77.1.2>10.77.2.1 8000"),
    ("the host's IPv6 address", "host", "tcp fd77:1::2>fd77:1::1 8000"),
    ("the host's IPv6 address on the wan", "host",
     "tcp fd77:1::2>2001:db8:1::2 22"),
    ("link-local tcp", "host", "tcp *>fe80::* 8000"),
    ("udp to the gateway", "host", "udp 10.77.1.2>host 53 plain"),
    ("udp to the broadcast address", "host", "udp 10.77.1.2>host 8000 bcast"),
    ("udp to everybody", "host", "udp 10.77.1.2>host 8000 everybody"),
    ("ping of the gateway", "host", "icmp 10.77.1.2>host 8"),
    ("another protocol to the gateway", "host", "253 10.77.1.2>host "),
    ("IPv6 ping of all nodes", "host", "icmp6 fe80::*>host 128"),
    ("hand-made link-local frame", "host", "udp fe80::*>host 8000 llframe"),
    ("forged source to the gateway", "host",
     "udp 198.51.100.7>host 8000 forged"),
]


def sums(data):
    data += b"\0" * (len(data) % 2)
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def udp(src, dst, port, payload, family=socket.AF_INET):
    head = struct.pack("!HHHH", 4000, port, 8 + len(payload), 0)
    pseudo = (socket.inet_pton(family, src) + socket.inet_pton(family, dst) +
              struct.pack("!HH", 17, 8 + len(payload)))
    check = sums(pseudo + head + payload) or 0xffff
    return head[:6] + struct.pack("!H", check) + payload


def syn(src, dst, port):
    head = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 0x50, 2, 1024, 0, 0)
    pseudo = (socket.inet_aton(src) + socket.inet_aton(dst) +
              struct.pack("!HH", 6, 20))
    return head[:16] + struct.pack("!H", sums(pseudo + head)) + head[18:]


def raw4(src, dst, proto, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, 0, 64,
                       proto, 0, socket.inet_aton(src), socket.inet_aton(dst))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 255) as s:
        s.sendto(head + payload, (dst, 0))


def frame6(mac, src, dst, proto, payload):
    mine = open("/sys/class/net/eth0/address").read().strip()
    head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, 64,
                       socket.inet_pton(socket.AF_INET6, src),
                       socket.inet_pton(socket.AF_INET6, dst))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0))
        s.send(bytes.fromhex((mac + mine).replace(":", "")) + b"\x86\xdd" +
               head + payload)


def udp_plain(dst, port, payload, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            s.sendto(payload, (dst, port))
        except OSError:
            pass


def tcp_all(targets):
    """Start all at once: a shut one must be refused, not hang."""
    waiting = []
    for source, target, port in targets:
        info = socket.getaddrinfo(target, port, type=socket.SOCK_STREAM)[0]
        s = socket.socket(info[0], socket.SOCK_STREAM)
        s.setblocking(False)
        if source:
            s.setsockopt(socket.SOL_IP, 15, 1)
            s.bind((source, 0))
        try:
            s.connect(info[4])
        except (BlockingIOError, ConnectionRefusedError):
            pass
        waiting.append((s, "%s %s %d" % (source or "-", target, port)))
    end = time.monotonic() + 2
    while waiting and time.monotonic() < end:
        ready = select.select([], [s for s, _ in waiting], [], 0.1)[1]
        waiting = [(s, what) for s, what in waiting if s not in ready]
    # A source of another net gets no answer, for that would leave the host; over
    # IPv6 one comes only if the neighbour is still known from before.
    return [what for _, what in waiting
            if "192.168.9.9" not in what and ":" not in what]


def send(mac, link):
    late = tcp_all([
        (None, WAN, 443), (None, "198.51.100.66", 80),
        (None, "169.254.169.254", 80), (None, WAN6, 443),
        (None, GATEWAY, 22), (None, GATEWAY, 8000),
        (None, "100.64.0.2", 3128), (None, "100.64.0.2", 22),
        (None, "10.77.2.1", 8000), (None, "fd77:1::1", 8000),
        (None, "2001:db8:1::2", 22), (None, link + "%eth0", 8000),
        ("10.77.1.99", WAN, 4431), ("192.168.9.9", WAN, 4432)])
    for dst, port, payload in (
            (WAN, 53, b"plain"), (WAN, 9999, b"plain"),
            (WAN, 9999, b"long" + b"." * 4000), (GATEWAY, 53, b"plain"),
            ("10.77.1.255", 8000, b"bcast"),
            ("255.255.255.255", 8000, b"everybody")):
        udp_plain(dst, port, payload)
    udp_plain(WAN6, 9999, b"plain", socket.AF_INET6)
    for dst in (WAN, GATEWAY):
        raw4(ME, dst, 1, b"\x08\0" + struct.pack("!HHH", sums(
            b"\x08\0\0\0\0\1\0\1ping"), 1, 1) + b"ping")
        raw4(ME, dst, 253, b"other" * 4)
    raw4(ME, WAN, 132, b"sctp" * 4)
    raw4("198.51.100.7", WAN, 17, udp("198.51.100.7", WAN, 9999, b"forged"))
    raw4("198.51.100.7", GATEWAY, 17,
         udp("198.51.100.7", GATEWAY, 8000, b"forged"))
    raw4("198.51.100.7", WAN, 6, syn("198.51.100.7", WAN, 4433))
    # The answer to this one, if any, would go to the internet.
    raw4("203.0.113.10", GATEWAY, 6, syn("203.0.113.10", GATEWAY, 8001))
    raw4("10.77.2.9", WAN, 17, udp("10.77.2.9", WAN, 9999, b"neighbour"))
    for dst in (WAN6, "ff02::1%eth0"):
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58) as s:
            try:
                s.sendto(b"\x80\0\0\0\0\1\0\1ping6", (dst, 0))
            except OSError:
                pass
    for src, dst, port, payload in (
            (ME6, WAN6, 9999, b"frame"),
            ("2001:db8:bad::1", WAN6, 9999, b"forgedframe"),
            ("fe80::77", link, 8000, b"llframe")):
        frame6(mac, src, dst, 17, udp(src, dst, port, payload,
                                      socket.AF_INET6))
    for what in late:
        print("hangs: " + what)
    return 1 if late and os.environ.get("WANT") == "shut" else 0


def mark():
    udp_plain(WAN, 9999, MARK.encode())
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.sendto(MARK.encode(), ("::1", 8000))


def lines(folder, sink):
    """The lines of a sink up to the mark, which comes last."""
    path = os.path.join(folder, sink + ".sink")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        text = open(path).read()
        if MARK in text:
            return [line for line in text.splitlines() if MARK not in line]
        time.sleep(0.02)
    raise SystemExit("the mark did not arrive in " + path)


def matches(line, start):
    proto, ends, *rest = start.split(" ")
    got = line.split(" ", 2)
    want_src, want_dst = ends.split(">")
    src, dst = got[1].split(">")

    def same(want, have):
        return have.startswith(want[:-1]) if want[-1] == "*" else have == want
    return (got[0] == proto and same(want_src, src) and same(want_dst, dst) and
            got[2].startswith(" ".join(rest)))


def judge(folder, want):
    seen = {sink: lines(folder, sink) for sink in ("wan", "host")}
    bad = 0
    if want == "shut":
        for sink, got in seen.items():
            for line in got:
                print("got out to the %s: %s" % (sink, line))
                bad += 1
        return bad != 0
    for name, sink, start in SEEN:
        if not any(matches(line, start) for line in seen[sink]):
            print("did not arrive though open: %s (%s)" % (name, start))
            bad += 1
    print("%d of %d ways are open" % (len(SEEN) - bad, len(SEEN)))
    return bad != 0


if __name__ == "__main__":
    if sys.argv[1] == "send":
        sys.exit(send(sys.argv[2], sys.argv[3]))
    elif sys.argv[1] == "mark":
        mark()
    else:
        sys.exit(judge(sys.argv[2], sys.argv[3]))
