#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""flow.py - flows through the lab, and what becomes of them

Usage: flow.py echo ADDR PORT... --ready-fd N    echoes; sends without end after
                                                 "more" (tcp and udp)
       flow.py say tcp|udp ADDR PORT             prints hello, refused or silent
       flow.py download tcp|udp ADDR PORT --ready-fd N   prints what comes
       flow.py take ADDR PORT --ready-fd N       prints what comes, tcp
       flow.py upload ADDR PORT --ready-fd N     sends without end, tcp
       flow.py grows FILE                        0: it grows, 1: not in a second
       flow.py wait FILE TEXT                    prints it once TEXT is in it
       flow.py victim ADDR PORT MINE --ready-fd N   prints datagrams from there
       flow.py forge SRC PORT DST PORT TEXT      one datagram, raw
       flow.py storm ADDR PORT --ready-fd N      datagrams without end
"""
import os
import select
import socket
import sys
import time

import probe

MORE = 1200 * b"."


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def ready():
    with open(int(sys.argv[-1]), "w") as f:
        f.write("ready\n")


def echo(addr, ports):
    tcp, udp, endless, peers = {}, {}, set(), {}
    for port in ports:
        s = socket.socket(family(addr), socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, int(port)))
        s.listen(16)
        tcp[s] = port
        s = socket.socket(family(addr), socket.SOCK_DGRAM)
        s.bind((addr, int(port)))
        udp[s] = port
    ready()
    conns = set()
    while True:
        got, room, _ = select.select(list(tcp) + list(udp) + list(conns),
                                     list(endless & conns), [], 0.01)
        for s in got:
            if s in tcp:
                conns.add(s.accept()[0])
                continue
            try:
                data, peer = s.recvfrom(4096)
                if s in udp and data == b"more":
                    peers[s] = peer
                elif s in udp:
                    s.sendto(data, peer)
                elif data == b"more":
                    s.setblocking(False)
                    endless.add(s)
                elif data:
                    s.sendall(data)
            except OSError:
                data = b""
            if not data and s in conns:
                conns.remove(s)
                s.close()
        for s in room:
            try:
                if s in conns:
                    s.send(MORE)
            except OSError:
                conns.discard(s)
        for s, peer in peers.items():
            try:
                s.sendto(MORE, peer)
            except OSError:
                pass


def talk(proto, addr, port, text):
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    s = socket.socket(family(addr), kind)
    s.settimeout(3)
    s.connect((addr, int(port)))
    s.send(text)
    return s


def say(proto, addr, port):
    try:
        return talk(proto, addr, port, b"hello").recv(100).decode()
    except socket.timeout:
        return "silent"
    except OSError:
        return "refused"


def download(proto, addr, port):
    s = talk(proto, addr, port, b"more")
    s.settimeout(None)
    ready()
    while True:
        try:
            data = s.recv(65536)
        except OSError:
            data = b""
        if not data and proto == "tcp":
            break
        print(len(data), flush=True)
    # The end is the caller's to see: it has to find the process running.
    while True:
        time.sleep(60)


def take(addr, port):
    listener = socket.socket(family(addr), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((addr, int(port)))
    listener.listen(1)
    ready()
    s = listener.accept()[0]
    while True:
        print(len(s.recv(65536)), flush=True)
        time.sleep(0.01)


def upload(addr, port):
    s = socket.create_connection((addr, int(port)))
    ready()
    while True:
        try:
            s.send(MORE)
        except OSError:
            time.sleep(60)
        time.sleep(0.01)


def grows(path):
    end = time.monotonic() + 1
    # What is on its way when this begins does not count.
    time.sleep(0.1)
    size = os.path.getsize(path)
    while time.monotonic() < end:
        if os.path.getsize(path) > size:
            return 0
        time.sleep(0.02)
    return 1


def wait(path, text):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        got = open(path).read()
        if text in got:
            print(got)
            return 0
        time.sleep(0.02)
    return 1


def victim(addr, port, mine):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(mine)))
    s.connect((addr, int(port)))
    s.send(b"a question")
    ready()
    while True:
        try:
            print(s.recv(1000).decode(), flush=True)
        except OSError:
            pass


def forge(src, sport, dst, dport, text):
    data = probe.udp(src, dst, int(dport), text.encode())
    # The source's port is not in the checksum's way: 0 means none.
    data = int(sport).to_bytes(2, "big") + data[2:6] + b"\0\0" + data[8:]
    probe.raw4(src, dst, 17, data)


def storm(addr, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ready()
    while True:
        try:
            s.sendto(b"storm", (addr, int(port)))
        except OSError:
            pass
        time.sleep(0.0005)


if __name__ == "__main__":
    args = sys.argv[2:]
    if "--ready-fd" in args:
        args = args[:args.index("--ready-fd")]
    if sys.argv[1] == "echo":
        echo(args[0], args[1:])
    elif sys.argv[1] == "say":
        print(say(*args))
    else:
        sys.exit(globals()[sys.argv[1]](*args))
