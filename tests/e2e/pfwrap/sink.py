#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sink.py - writes down what arrives, one line each

Usage: sink.py packets IFACE --ready-fd N    every IP packet that comes in
       sink.py sockets HOST --ready-fd N     what gets as far as a socket here

Lines: "PROTO SOURCE>TARGET PORT PAYLOAD"; sockets do not know the source of a
forged datagram from a true one either. 
Neighbour discovery and multicast listener reports are left out.
"""
import select
import socket
import struct
import sys

TCP = (22, 53, 3128, 5432, 8000)
UDP = (53, 8000, 9999)
NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


def say(proto, src, dst, port, payload=b""):
    text = bytes(b for b in payload if 0x21 <= b < 0x7f)[:40].decode()
    print("%s %s>%s %s %s" % (proto, src, dst, port, text), flush=True)


def transport(proto, data):
    """The port (or type) and the payload."""
    if proto == 6 and len(data) >= 20:
        return "%d" % struct.unpack("!H", data[2:4]), data[data[12] >> 4 << 2:]
    if proto == 17 and len(data) >= 8:
        return "%d" % struct.unpack("!H", data[2:4]), data[8:]
    return "%d" % data[0] if data else "-", data[8:]


def packet(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    ip = frame[14:]
    if kind == 0x0800 and len(ip) >= 20:
        proto, data = ip[9], ip[(ip[0] & 15) * 4:]
        src, dst = (socket.inet_ntoa(ip[i:i + 4]) for i in (12, 16))
    elif kind == 0x86dd and len(ip) >= 40:
        proto, data = ip[6], ip[40:]
        src, dst = (socket.inet_ntop(socket.AF_INET6, ip[i:i + 16])
                    for i in (8, 24))
        if proto == 0 or proto == 58 and data[0] in (133, 134, 135, 136, 143):
            return
    else:
        return
    port, payload = transport(proto, data)
    say(NAMES.get(proto, str(proto)), src, dst, port, payload)


def ready():
    with open(int(sys.argv[4]), "w") as f:
        f.write("ready\n")


def packets(iface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((iface, 0))
    ready()
    while True:
        frame, where = s.recvfrom(65536)
        if where[2] != socket.PACKET_OUTGOING:
            packet(frame)


def plain(addr):
    return addr[7:] if addr.startswith("::ffff:") else addr.split("%")[0]


def listeners():
    for port in TCP:
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::", port))
        s.listen(64)
        yield s, "tcp", port
    for port in UDP:
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::", port))
        yield s, "udp", port
    for family, proto in ((socket.AF_INET, 1), (socket.AF_INET6, 58),
                          (socket.AF_INET, 253), (socket.AF_INET, 132)):
        yield socket.socket(family, socket.SOCK_RAW, proto), "raw", proto


def sockets():
    kinds = {s.fileno(): (s, kind, port) for s, kind, port in listeners()}
    ready()
    while True:
        for fd in select.select(list(kinds), [], [])[0]:
            s, kind, port = kinds[fd]
            if kind == "tcp":
                c, peer = s.accept()
                say("tcp", plain(peer[0]), plain(c.getsockname()[0]), port)
                c.close()
                continue
            data, peer = s.recvfrom(65536)
            if kind == "udp":
                say("udp", plain(peer[0]), "host", port, data)
            elif s.family == socket.AF_INET:
                say(NAMES.get(port, str(port)), peer[0], "host", data[20],
                    data[28:])
            elif data[0] not in (133, 134, 135, 136, 143):
                say("icmp6", plain(peer[0]), "host", data[0], data[8:])


if __name__ == "__main__":
    if sys.argv[1] == "packets":
        packets(sys.argv[2])
    else:
        sockets()
