#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""syslog.py - prints what is logged

Usage: syslog.py SOCKET --ready-fd N
"""
import socket
import sys

s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(int(sys.argv[3]), "w") as f:
    f.write("ready\n")
while True:
    print(s.recv(65536).decode("latin-1"), flush=True)
