#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""stub_proxy.py - stands in for pen-proxy where a test is about pen-jail

Takes the sockets of LISTEN_FDS, says so on --ready-fd, and answers each
connection with one line that says where it arrived and for whom it was
meant.  A DNS query is answered with NXDOMAIN.  With the file that -c names:
"fail" ends it before it is ready, "mute" keeps it from ever being ready.
"""
import os
import select
import signal
import socket
import struct
import sys

SO_ORIGINAL_DST = 80


def original(conn):
    """The address and port that the client asked for."""
    level, size = (socket.IPPROTO_IPV6, 28)
    if conn.getpeername()[0].startswith("::ffff:") or conn.family == socket.AF_INET:
        level, size = (socket.IPPROTO_IP, 16)
    try:
        raw = conn.getsockopt(level, SO_ORIGINAL_DST, size)
    except OSError:
        return "none"
    port = struct.unpack("!H", raw[2:4])[0]
    if size == 16:
        return "%s:%d" % (socket.inet_ntoa(raw[4:8]), port)
    return "[%s]:%d" % (socket.inet_ntop(socket.AF_INET6, raw[8:24]), port)


def answer(name, sock):
    if sock.type == socket.SOCK_DGRAM:
        data, peer = sock.recvfrom(4096)
        if len(data) >= 12:
            sock.sendto(data[:2] + b"\x81\x83" + data[4:], peer)
        return
    conn, _ = sock.accept()
    conn.setblocking(True)
    text = "%s %s\n" % (name, original(conn))
    body = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    conn.sendall((body % (len(text), text)).encode())
    conn.shutdown(socket.SHUT_WR)
    conn.settimeout(2)
    try:
        while conn.recv(4096):
            pass
    except OSError:
        pass
    conn.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    args = sys.argv[1:]
    mode = ""
    ready = -1
    while args:
        option = args.pop(0)
        if option == "-c":
            with open(args.pop(0), encoding="ascii") as config:
                mode = config.read().strip()
        elif option == "--ready-fd":
            ready = int(args.pop(0))
    if mode == "fail":
        sys.exit("stub: no such policy")
    if int(os.environ["LISTEN_PID"]) != os.getpid():
        sys.exit("stub: LISTEN_PID is not mine")
    names = os.environ["LISTEN_FDNAMES"].split(":")
    count = int(os.environ["LISTEN_FDS"])
    socks = {}
    for i in range(count):
        socks[socket.socket(fileno=3 + i)] = names[i]
    if mode == "mute":
        signal.pause()
    for sock, name in socks.items():
        os.write(ready, ("%s %s:%d\n" % (name, *sock.getsockname()[:2])).encode())
    os.close(ready)
    while True:
        for sock in select.select(list(socks), [], [])[0]:
            try:
                answer(socks[sock], sock)
            except OSError:
                pass


main()
