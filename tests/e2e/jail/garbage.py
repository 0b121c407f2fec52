#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""garbage.py SOCKET - send what is no message to a control socket"""
import os
import socket
import struct
import sys


def message(kind, value=0, flags=0, magic=0x70656E31):
    return struct.pack("<IIiIHHIQQ", magic, kind, value, flags, 0, 0, 0, 0, 0)


SPAWN = 3
CASES = [
    (b"", 0),
    (b"x", 0),
    (b"\0" * 40, 0),
    (b"\xff" * 40, 3),
    (b"A" * 100000, 0),
    (message(SPAWN), 0),
    (message(SPAWN), 2),
    (message(SPAWN, flags=7), 5),
    (message(SPAWN, flags=0xFFFFFFFF), 2),
    (message(SPAWN, magic=1), 5),
    (message(1), 0),
    (message(2), 1),
    (message(9), 1),
    (message(5, value=9), 0),
    # Well formed, but the payload is no memory file, and the session no socket.
    (message(SPAWN), 5),
    (message(SPAWN), 200),
]
for data, count in CASES:
    null = os.open("/dev/null", os.O_RDWR)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(sys.argv[1])
        socket.send_fds(client, [data], [null] * count)
        client.settimeout(5)
        try:
            client.recv(100)
        except ConnectionResetError:
            pass
    os.close(null)
# One that says nothing, and one that goes at once.
silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
silent.connect(sys.argv[1])
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])
