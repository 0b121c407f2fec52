# SPDX-License-Identifier: MIT
"""limits.py - many connections at once

Usage: limits.py max_connections|per_client|stalled|slow_reader|half_open|
                 descriptors
"""
import os
import socket
import sys
import time

from table import PROXY, Table
from wire import SOCKS_HELLO, Peer, parse_address

PID = os.environ["PROXY_PID"]


def rss():
    """Resident memory in kB."""
    with open("/proc/%s/status" % PID, encoding="ascii") as file:
        return [int(x.split()[1]) for x in file if x.startswith("VmRSS")][0]


def tunnels(count, source=None):
    peers = []
    for _ in range(count):
        peer = Peer(PROXY, source=source)
        peer.connect("example.test:7")
        peers.append(peer)
    return peers


def works(source=None):
    """Whether a tunnel can be had within ten seconds of retries."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with Peer(PROXY, source=source) as peer:
            if peer.connect("example.test:7") == 200:
                return True
    return False


def max_connections(table):
    peers = tunnels(5)
    with Peer(PROXY) as peer:
        table.row("HTTP over the limit", peer.connect("example.test:7"), 503)
        table.check("at once", peer.ms() < 8000, peer.ms())
        peer.to_end()
        table.row("closed", peer.end, "fin")
    with Peer(PROXY) as peer:
        peer.send(b"GET http://example.test/ HTTP/1.1\r\n"
                  b"Host: example.test\r\n\r\n")
        table.row("GET over the limit", peer.response()[0], 503)
    with Peer(PROXY) as peer:
        peer.send(SOCKS_HELLO)
        got = peer.to_end()
        table.check("SOCKS5 over the limit", got[:1] in (b"\x05", b"") and
                    peer.end in ("fin", "rst") and got[:2] != b"\x05\x00" or
                    got[2:4] == b"\x05\x01", got)
    with Peer(PROXY) as peer:
        peer.to_end()
        table.check("silent over the limit", peer.end in ("fin", "rst") and
                    peer.ms() < 3000, (peer.end, peer.ms()))
    with Peer(os.environ["PROXY_TRANSPARENT"]) as peer:
        peer.to_end()
        table.check("transparent over the limit: closed",
                    peer.end in ("fin", "rst") and peer.ms() < 1500,
                    (peer.end, peer.ms()))
    for i, peer in enumerate(peers):
        peer.send(b"%d" % i)
        table.row("tunnel %d goes on" % i, peer.exact(1), b"%d" % i)
    peers.pop().sock.close()
    table.check("room again", works())
    for peer in peers:
        peer.sock.close()


def per_client(table):
    peers = tunnels(3, "127.0.0.1")
    with Peer(PROXY, source="127.0.0.1") as peer:
        table.row("the fourth of one client", peer.connect("example.test:7"),
                  503)
    more = tunnels(3, "127.0.0.2")
    for i, peer in enumerate(more):
        peer.send(b"x")
        table.row("another client, %d" % i, peer.exact(1), b"x")
    with Peer(PROXY, source="127.0.0.2") as peer:
        table.row("the fourth of the other", peer.connect("example.test:7"),
                  503)
    peers.pop().sock.close()
    table.check("room again for the first", works("127.0.0.1"))


def stalled(table):
    before = rss()
    peers = []
    for _ in range(50):
        peer = Peer(PROXY)
        peer.connect("example.test:1005")
        peers.append(peer)
    # The origins have as much as they could send in flight, and none is read.
    time.sleep(0.5)
    grown = rss() - before
    table.check("50 stalled downloads", grown < 50 * 600 or
                os.environ["PEN_MODE"] != "release", "%d kB" % grown)
    for peer in peers:
        peer.sock.close()
    uploads = []
    for _ in range(20):
        peer = Peer(PROXY, timeout=0.3)
        peer.connect("example.test:1006")
        for _ in range(1000):
            peer.send(b"u" * 65536)
            if peer.end != "open":
                break
        table.row("the proxy stops reading", peer.end, "timeout")
        uploads.append(peer)
    grown = rss() - before
    table.check("20 stalled uploads", grown < 50 * 600 or
                os.environ["PEN_MODE"] != "release", "%d kB" % grown)
    table.check("others are served", works())


def read_slowly(peer, seconds):
    """Read for so long, far slower than is sent; how much that was."""
    size, end = 0, time.monotonic() + seconds
    while time.monotonic() < end and (part := peer.sock.recv(32768)):
        size += len(part)
        time.sleep(0.04)
    return size


def slow_reader(table):
    for text in (b"CONNECT example.test:1005 HTTP/1.1\r\n"
                 b"Host: example.test:1005\r\n\r\n",
                 b"GET http://example.test/bytes/50000000 HTTP/1.1\r\n"
                 b"Host: example.test\r\n\r\n"):
        sock = socket.socket()
        # A small window, so that its buffer does not read in its place.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.connect(parse_address(PROXY))
        with Peer(sock=sock) as peer:
            peer.send(text)
            size = read_slowly(peer, 7)
            table.check("a slow reader", 0 < size < 9000000, size)


def slow_readers(table):
    """So many looks at the clock that some fall on the turn of a
    millisecond."""
    peers = []
    for _ in range(40):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.connect(parse_address(PROXY))
        peers.append(Peer(sock=sock))
        peers[-1].connect("example.test:1005")
    end, cut = time.monotonic() + 16, set()
    while time.monotonic() < end:
        for peer in peers:
            try:
                if not peer.sock.recv(16384):
                    cut.add(peer)
            except ConnectionResetError:
                cut.add(peer)
        # Slower than is sent, and faster than is looked.
        time.sleep(0.03)
    table.row("ended though they read", len(cut), 0)
    table.check("others are served", works())
    for peer in peers:
        peer.sock.close()


def half_open(table):
    works()
    before = rss()
    peers = [Peer(PROXY).send(b"CONNECT example.test:7 HT")
             for _ in range(1000)]
    for _ in range(20):
        table.check("another", works())
    grown = rss() - before
    table.check("no buffer is held for what may come", grown < 2500 or
                os.environ["PEN_MODE"] != "release", "%d kB" % grown)
    for peer in peers[:10]:
        peer.send(b"TP/1.1\r\nHost: example.test:7\r\n\r\n")
        table.row("a half-open one goes on", peer.response("CONNECT")[0], 200)
    for peer in peers:
        peer.sock.close()


def descriptors(table):
    live = tunnels(2)
    waiting = [Peer(PROXY, timeout=3) for _ in range(120)]
    for i, peer in enumerate(live):
        for _ in range(20):
            peer.send(b"%d" % i)
            table.row("live tunnel %d" % i, peer.exact(1), b"%d" % i)
    with open("/proc/%s/stat" % PID, encoding="ascii") as file:
        before = sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    time.sleep(0.5)
    with open("/proc/%s/stat" % PID, encoding="ascii") as file:
        after = sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    table.check("it does not spin", after - before < 25, after - before)
    for peer in waiting:
        peer.sock.close()
    table.check("accepting again", works())
    for peer in live:
        peer.send(b"z")
        table.row("still alive", peer.exact(1), b"z")


def main():
    table = Table()
    {"max_connections": max_connections, "per_client": per_client,
     "stalled": stalled, "slow_reader": slow_reader,
     "slow_readers": slow_readers, "half_open": half_open,
     "descriptors": descriptors}[sys.argv[1]](table)
    return table.finish(at_least=2)


if __name__ == "__main__":
    sys.exit(main())
