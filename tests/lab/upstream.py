#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""upstream.py - stands for a corporate HTTP proxy in front of the origins

Usage: upstream.py --listen ADDR:PORT [--auth USER:PASSWORD] [--refuse]
                   [--only 4|6] [--name NAME=ADDR]... [--early TEXT] [--log FILE]
                   [--ready-fd N]

Serves CONNECT and absolute-form requests, one a connection.  Names are looked
up in --name alone.  --refuse answers every CONNECT with 403; --only 4 answers
one to an IPv6 address with 503, --only 6 the others; --early sends TEXT with
the answer to CONNECT, in one segment, as a server that speaks first.
--log gets one JSON object a request: line, headers.
"""
import base64
import json
import os
import socket
import sys
import threading

import wire


def shovel(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Upstream:
    def __init__(self, options):
        self.options = options
        self.names = dict(x.split("=", 1) for x in options["name"])
        self.lock = threading.Lock()
        self.log = open(options["log"], "a", buffering=1) if (
            options["log"]) else None

    def serve(self, sock):
        while True:
            client, _ = sock.accept()
            threading.Thread(target=self.run, args=(client,),
                             daemon=True).start()

    def run(self, sock):
        peer = wire.Peer(sock=sock, timeout=60)
        head = peer.until(b"\r\n\r\n").decode("latin-1")
        lines = head.split("\r\n")
        headers = [tuple(x.split(":", 1)) for x in lines[1:] if ":" in x]
        headers = [(n, v.strip()) for n, v in headers]
        fields = {n.lower(): v for n, v in headers}
        if self.log:
            with self.lock:
                self.log.write(json.dumps(
                    {"line": lines[0], "headers": headers}) + "\n")
        try:
            self.answer(peer, sock, lines, fields)
        except OSError as e:
            peer.send(b"HTTP/1.1 502 %s\r\nContent-Length: 0\r\n\r\n" %
                      type(e).__name__.encode())
        sock.close()

    def answer(self, peer, sock, lines, fields):
        user = self.options["auth"]
        wanted = user and "Basic " + base64.b64encode(user.encode()).decode()
        if user and fields.get("proxy-authorization") != wanted:
            peer.send(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, version = lines[0].split(" ")
        if method == "CONNECT":
            if self.options["refuse"]:
                peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\n")
                return
            host, port = wire.parse_address(target)
            first = b""
            if self.options["only"] == ("4" if ":" in host else "6"):
                peer.send(b"HTTP/1.1 503 No route\r\nContent-Length: 0\r\n\r\n")
                return
        else:
            rest = target.split("://", 1)[1]
            where, _, path = rest.partition("/")
            host, port = (wire.parse_address(where)
                          if ":" in where.rpartition("]")[2]
                          else (where.strip("[]"), 80))
            first = "\r\n".join(
                ["%s /%s %s" % (method, path, version), "Connection: close"] +
                [x for x in lines[1:] if not x.lower().startswith(
                    ("proxy-", "connection:"))]).encode("latin-1")
        origin = socket.create_connection(
            (self.names.get(host, host), port), 10)
        origin.settimeout(60)
        if method == "CONNECT":
            peer.send(b"HTTP/1.1 200 Fine\r\nX-From: upstream\r\n\r\n" +
                      self.options["early"].encode())
        origin.sendall(first + peer.unread())
        back = threading.Thread(target=shovel, args=(origin, sock),
                                daemon=True)
        back.start()
        shovel(sock, origin)
        back.join()
        origin.close()


def main(argv):
    options = {"listen": None, "auth": None, "refuse": False, "name": [],
               "only": "",
               "early": "", "log": None, "ready-fd": 1}
    args = iter(argv)
    for arg in args:
        key = arg[2:]
        if arg in ("-h", "--help"):
            print(__doc__.strip())
            return 0
        if key not in options:
            print("upstream.py: unknown argument " + arg, file=sys.stderr)
            return 2
        if key == "refuse":
            options[key] = True
        elif key == "name":
            options[key].append(next(args))
        else:
            options[key] = next(args)
    sock = socket.create_server(wire.parse_address(options["listen"]),
                                backlog=256)
    threading.Thread(target=Upstream(options).serve, args=(sock,),
                     daemon=True).start()
    wire.announce(int(options["ready-fd"]),
                  ["%s:%d" % sock.getsockname()[:2]])
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        os._exit(130)
