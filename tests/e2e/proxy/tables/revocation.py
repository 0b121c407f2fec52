# SPDX-License-Identifier: MIT
"""revocation.py - live tunnels while the policy changes

Usage: revocation.py thousand|survives|storm     (in the folder of ./rules)
"""
import os
import signal
import sys
import threading
import time

from table import PROXY, Table
from wire import Peer

PID = int(os.environ["PROXY_PID"])


def tunnel(host):
    peer = Peer(PROXY)
    status = peer.connect(host + ":7")
    if status != 200:
        raise RuntimeError("%s: %s" % (host, status))
    return peer


def thousand(table):
    keep = [tunnel("example.test") for _ in range(500)]
    lose = [tunnel("other.test") for _ in range(500)]
    for peer in keep + lose:
        peer.send(b"x")
    for peer in keep + lose:
        peer.exact(1)
    with open("rules", "w", encoding="ascii") as file:
        file.write("example.test:7\n")
    os.kill(PID, signal.SIGHUP)
    for i, peer in enumerate(lose):
        peer.to_end()
        table.row("cut %d" % i, peer.end, "rst")
    for i, peer in enumerate(keep):
        peer.send(b"%d." % i)
    for i, peer in enumerate(keep):
        text = b"%d." % i
        table.row("kept %d" % i, peer.exact(len(text)), text)
        peer.sock.close()


def survives(table):
    peer = tunnel("example.test")
    peer.send(b"before")
    peer.exact(6)
    os.rename("new", "rules")
    os.kill(PID, signal.SIGHUP)
    # Until the new policy is in force.
    log = os.environ["PROXY_LOG"]
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with open(log, encoding="ascii") as file:
            if '"event":"reload"' in file.read():
                break
    peer.send(b"after")
    table.row("goes on", peer.exact(5), b"after")
    peer.fin()
    table.row("ends well", (peer.to_end(), peer.end), (b"", "fin"))


def storm(table):
    stop = threading.Event()

    def hup():
        for _ in range(100):
            os.kill(PID, signal.SIGHUP)
            time.sleep(0.01)
        stop.set()

    peer = tunnel("example.test")
    thread = threading.Thread(target=hup)
    thread.start()
    count = 0
    while not stop.is_set():
        count += 1
        text = b"%d;" % count
        peer.send(text)
        if not table.row("tunnel, round %d" % count, peer.exact(len(text)),
                         text):
            break
        with Peer(PROXY) as other:
            other.send(b"GET http://example.test/ HTTP/1.1\r\n"
                       b"Host: example.test\r\nConnection: close\r\n\r\n")
            table.row("request, round %d" % count, other.response()[0], 200)
        with Peer(PROXY) as other:
            table.row("refusal, round %d" % count,
                      other.connect("other.test:443"), 403)
    thread.join()


def main():
    table = Table()
    {"thousand": thousand, "survives": survives,
     "storm": storm}[sys.argv[1]](table)
    return table.finish(at_least=2)


if __name__ == "__main__":
    sys.exit(main())
