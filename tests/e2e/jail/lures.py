#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""lures.py DIR --ready-fd N - servers of the host that no sandbox may reach

Each answers whoever reaches it with the token in DIR/token: TCP and UDP on the
host's addresses and on loopback, Unix sockets by path in DIR and an abstract
one.
"""
import os
import socket
import sys
import threading

folder, ready = sys.argv[1], int(sys.argv[-1])
with open(folder + "/token", "rb") as file:
    TOKEN = file.read()


def stream(sock):
    while True:
        conn, _ = sock.accept()
        try:
            conn.sendall(TOKEN)
        except OSError:
            pass
        conn.close()


def datagram(sock):
    while True:
        _, peer = sock.recvfrom(2048)
        sock.sendto(TOKEN, peer)


def serve(target, sock):
    threading.Thread(target=target, args=(sock,), daemon=True).start()


def unix(address):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(address)
    sock.listen()
    return sock


HOSTS = ["45.45.45.10", "2a00:45:45::10", "169.254.169.254", "127.0.0.1", "::1"]
for host in HOSTS:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    serve(stream, socket.create_server((host, 7001), family=family))
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((host, 7002))
    serve(datagram, udp)
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("45.45.45.53", 53))
serve(datagram, dns)
serve(stream, unix("\0" + folder + "/abstract"))
for name in ("docker.sock", "agent.sock", "bus.sock"):
    serve(stream, unix("%s/%s" % (folder, name)))
    os.chmod("%s/%s" % (folder, name), 0o666)
os.write(ready, b"ready\n")
os.close(ready)
threading.Event().wait()
