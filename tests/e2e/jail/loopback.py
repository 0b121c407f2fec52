#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""loopback.py - a server on loopback and a client that reaches it"""
import socket
import threading

words = []
for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
    server = socket.create_server((host, 0), family=family)
    thread = threading.Thread(target=lambda s=server: s.accept()[0].sendall(b"hello"))
    thread.start()
    with socket.create_connection(server.getsockname()[:2], 5) as client:
        words += [host, client.recv(10).decode()]
    thread.join()
print(*words)
