#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tcpd.py - scripted TCP servers: banners, echoes, resets, malformed answers

Usage: tcpd.py [--log FILE] [--ready-fd N] ADDR:PORT=STEP;STEP;...  ...

Every connection to ADDR:PORT gets the same steps, in a thread of its own; the
steps are those of raw.py, with "=" as there and ";" between them ("\\x3b" is a
semicolon).  After the last step the connection is closed.  Once all accept,
"ready ADDR:PORT ..." goes to --ready-fd (standard output by default).

--log gets JSON lines: {"event": "open", "conn", "port"} and {"event": "end",
"conn", "port", "received", "sha256", "data" (the first 4096 bytes), "end"}.
"""
import json
import os
import socket
import sys
import threading

import script
import wire


class Server:
    def __init__(self, log):
        self.lock = threading.Lock()
        self.log = open(log, "a", buffering=1) if log else None
        self.count = 0

    def write(self, **fields):
        if self.log:
            with self.lock:
                self.log.write(json.dumps(fields) + "\n")

    def serve(self, text):
        where, _, steps = text.partition("=")
        host, port = wire.parse_address(where)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family, backlog=2048)
        threading.Thread(target=self.accept, args=(sock, steps.split(";")),
                         daemon=True).start()
        name = sock.getsockname()
        return ("[%s]:%d" if ":" in host else "%s:%d") % name[:2]

    def accept(self, sock, steps):
        while True:
            client, peer = sock.accept()
            self.count += 1
            threading.Thread(target=self.run, daemon=True,
                             args=(client, peer, steps, self.count)).start()

    def run(self, sock, address, steps, number):
        port = sock.getsockname()[1]
        self.write(event="open", conn=number, port=port,
                   peer_port=address[1])
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = wire.Peer(sock=sock, timeout=120)
        play = script.Play(peer)
        error = None
        try:
            play.run([s for s in steps if s])
        except (script.StepError, OSError) as e:
            error = str(e)
        sha = play.sha.hexdigest() if play.sunk else wire.digest(peer.data)
        # Noted before closing, so that who sees the end sees the note.
        self.write(event="end", conn=number, port=port,
                   received=play.sunk + len(peer.data), sha256=sha,
                   data=peer.data[:4096].decode("latin-1"), end=peer.end,
                   error=error)
        sock.close()


def main(argv):
    log, ready, specs = None, 1, []
    args = iter(argv)
    for arg in args:
        if arg in ("-h", "--help"):
            print(__doc__.strip() + "\n\nSteps:\n" +
                  script.__doc__.split("\n\n", 1)[1].rstrip())
            return 0
        if arg == "--log":
            log = next(args)
        elif arg == "--ready-fd":
            ready = int(next(args))
        else:
            specs.append(arg)
    server = Server(log)
    wire.announce(ready, [server.serve(spec) for spec in specs])
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        os._exit(130)
