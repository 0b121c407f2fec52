#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ask.py - asks name servers for the address of a name

Usage: ask.py NAME [SERVER]...

Asks the system's resolver, then each SERVER over UDP and TCP.  One line for each:
"WHO: ADDRESS" or "WHO: why there is none".
"""
import socket
import struct
import sys


def query(name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def verdict(data):
    rcode, answers = data[3] & 15, struct.unpack("!H", data[6:8])[0]
    if rcode or not answers:
        return "rcode %d" % rcode
    return socket.inet_ntoa(data[-4:])


def by_system(name):
    return socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0]


def by_udp(name, server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect((server, 53))
        s.send(query(name))
        return verdict(s.recv(1500))


def by_tcp(name, server):
    with socket.create_connection((server, 53), 1) as s:
        data = query(name)
        s.sendall(struct.pack("!H", len(data)) + data)
        return verdict(s.recv(1500)[2:])


def say(who, ask, *args):
    try:
        print("%s: %s" % (who, ask(*args)))
    except OSError as e:
        print("%s: %s" % (who, e))


say("system", by_system, sys.argv[1])
for server in sys.argv[2:]:
    say(server + " udp", by_udp, sys.argv[1], server)
    say(server + " tcp", by_tcp, sys.argv[1], server)
