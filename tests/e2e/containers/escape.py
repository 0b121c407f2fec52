#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""escape.py - tries the ways out of a container, and says which were open

Usage: escape.py send GATEWAY MAC LINK     in the container; the bridge's addresses
       escape.py judge FOLDER GATEWAY WANT compares FOLDER/wan.out and FOLDER/host.out
                                           (sink.py) with WANT: open or shut

probe.py, which tests pen-pfctl alone, has the packets. What needs a capability
that the container does not have is passed over.
"""
import os
import socket
import struct
import sys

import probe

IP1, IP2, IP6 = "45.45.45.10", "45.45.45.20", "2a00:45:45::10"
METADATA, HOST = "169.254.169.254", "100.64.0.2"


def seen(gateway):
    """What arrives when nothing is shut: name, sink, how a line begins."""
    return [
        ("tcp to the internet", "wan", "tcp *>%s 443" % IP1),
        ("tcp to another host", "wan", "tcp *>%s 80" % IP2),
        ("tcp to the metadata service", "wan", "tcp *>%s 80" % METADATA),
        ("udp to the internet", "wan", "udp *>%s 9999 plain" % IP1),
        ("udp to a name server", "wan", "udp *>%s 53 plain" % IP1),
        ("ping", "wan", "icmp *>%s 8 " % IP1),
        ("forged source, udp", "wan", "udp 198.51.100.7>%s 9999 forged" % IP1),
        ("forged source, tcp", "wan", "tcp 198.51.100.7>%s 4433" % IP1),
        ("hand-made IPv6 frame", "wan",
         "udp 2001:db8:bad::1>%s 9999 frame" % IP6),
        ("port 22 of the gateway", "host", "tcp *>%s 22" % gateway),
        ("port 8000 of the gateway", "host", "tcp *>%s 8000" % gateway),
        ("the host's address on the wan", "host", "tcp *>%s 8000" % HOST),
        ("link-local tcp", "host", "udp fe80::*>host 8000 llframe"),
        ("udp to the gateway", "host", "udp *>host 53 plain"),
        ("udp to everybody", "host", "udp *>host 8000 everybody"),
        ("forged source to the gateway", "host",
         "udp 198.51.100.7>host 8000 forged"),
    ]


def by_hand(gateway, mac, link):
    """What needs CAP_NET_RAW."""
    me = socket.gethostbyname(socket.gethostname())
    ping = b"\x08\0\0\0\0\1\0\1ping"
    check = struct.pack("!H", probe.sums(ping))
    probe.raw4(me, IP1, 1, ping[:2] + check + ping[4:])
    forged = "198.51.100.7"
    probe.raw4(forged, IP1, 17, probe.udp(forged, IP1, 9999, b"forged"))
    probe.raw4(forged, IP1, 6, probe.syn(forged, IP1, 4433))
    probe.raw4(forged, gateway, 17,
               probe.udp(forged, gateway, 8000, b"forged"))
    for src, dst, port, payload in (
            ("2001:db8:bad::1", IP6, 9999, b"frame"),
            ("fe80::77", link, 8000, b"llframe")):
        probe.frame6(mac, src, dst, 17,
                     probe.udp(src, dst, port, payload, socket.AF_INET6))


def send(gateway, mac, link):
    late = probe.tcp_all([
        (None, IP1, 443), (None, IP2, 80), (None, METADATA, 80),
        (None, gateway, 22), (None, gateway, 8000), (None, HOST, 8000)])
    for dst, port, payload in (
            (IP1, 9999, b"plain"), (IP1, 53, b"plain"),
            (gateway, 53, b"plain"), ("255.255.255.255", 8000, b"everybody")):
        probe.udp_plain(dst, port, payload)
    try:
        by_hand(gateway, mac, link)
        print("by hand: sent")
    except PermissionError:
        print("by hand: not permitted")
    for what in late:
        print("hangs: " + what)


def judge(folder, gateway, want):
    bad = 0
    for sink in "wan", "host":
        os.symlink(sink + ".out", os.path.join(folder, sink + ".sink"))
    got = {sink: probe.lines(folder, sink) for sink in ("wan", "host")}
    if want == "shut":
        for sink, lines in got.items():
            for line in lines:
                print("got out to the %s: %s" % (sink, line))
                bad += 1
        return bad != 0
    for name, sink, start in seen(gateway):
        if not any(probe.matches(line, start) for line in got[sink]):
            print("did not arrive though open: %s (%s)" % (name, start))
            bad += 1
    return bad != 0


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(*sys.argv[2:])
    else:
        sys.exit(judge(*sys.argv[2:]))
