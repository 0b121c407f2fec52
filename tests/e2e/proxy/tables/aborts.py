# SPDX-License-Identifier: MIT
"""aborts.py - connections that end at every possible moment

Usage: aborts.py stages|origins|reloads|pending|churn
"""
import json
import os
import signal
import sys
import time
import urllib.request

from table import PROXY, Table
from wire import SOCKS_HELLO, Peer, client_hello, socks_request

PID = int(os.environ["PROXY_PID"])
TRANSPARENT = os.environ["PROXY_TRANSPARENT"]
CONNECT = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n"
GET = b"GET http://%s HTTP/1.1\r\nHost: %s\r\n\r\n"


def connect(target):
    return CONNECT % (target, target)


def get(target, path=b"/"):
    return GET % (target + path, target)


# What a client sends before it leaves; the names decide where it is caught.
STAGES = [
    b"", b"C", b"CONNECT exam", connect(b"example.test:7")[:-2],
    connect(b"example.test:7"), connect(b"slow.test:7"),
    connect(b"never.test:7"), connect(b"example.test:1099"),
    connect(b"example.test:1098"), connect(b"example.test:1006") + b"x" * 9999,
    connect(b"example.test:1005"), connect(b"slow.test:9") + b"early",
    connect(b"example.test:9") + client_hello("example.test")[:50],
    connect(b"example.test:9") + client_hello("example.test"),
    connect(b"example.test:9") + client_hello("other.test"),
    get(b"example.test"), get(b"slow.test"), get(b"never.test"),
    get(b"example.test:1099"), get(b"example.test:1098"),
    get(b"example.test", b"/hang"), get(b"example.test", b"/bytes/50000000"),
    get(b"example.test", b"/drip/100/20"), get(b"example.test") * 30,
    b"POST http://example.test/up HTTP/1.1\r\nHost: example.test\r\n"
    b"Content-Length: 100000\r\n\r\n" + b"x" * 5000,
    b"POST http://example.test/up HTTP/1.1\r\nHost: example.test\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n400\r\n" + b"x" * 500,
    b"POST http://slow.test/up HTTP/1.1\r\nHost: slow.test\r\n"
    b"Content-Length: 100000\r\n\r\n" + b"x" * 5000,
    b"\x05", SOCKS_HELLO, SOCKS_HELLO + socks_request(b"slow.test", 7),
    SOCKS_HELLO + socks_request(b"never.test", 7),
    SOCKS_HELLO + socks_request(b"example.test", 1099),
]
CAPTURED = [b"", b"\x16", client_hello("example.test")[:40],
            client_hello("example.test"), client_hello("slow.test"),
            client_hello("never.test"), b"GET / HT",
            b"GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n"]


def live():
    with urllib.request.urlopen("http://127.0.0.1:9090/connections") as got:
        return json.load(got)


def settled(table, name="all", seconds=4):
    end = time.monotonic() + seconds
    left = live()
    while left and time.monotonic() < end:
        left = live()
    left = ["%s %s:%s %s" % (x["proto"], x.get("host"), x.get("port"),
                             x["state"]) for x in left]
    table.row("no connection is left, " + name, left, [])


def descriptors():
    return len(os.listdir("/proc/%d/fd" % PID))


def rss():
    with open("/proc/%d/status" % PID, encoding="ascii") as file:
        return [int(x.split()[1]) for x in file if x.startswith("VmRSS")][0]


def leave(peer, how):
    if how == "rst":
        peer.rst()
    elif how == "fin":
        peer.fin()
        peer.sock.close()
    else:
        peer.sock.close()


def stages(table):
    before = descriptors()
    # After a reset nothing is waited for.  After an end of stream an answer
    # may still be wanted: then idle-timeout (3 s) is the limit.
    for hows in (("rst",), ("fin", "close")):
        for where, texts in ((PROXY, STAGES), (TRANSPARENT, CAPTURED)):
            for text in texts:
                for how in hows:
                    for pause in (0, 0.003):
                        peer = Peer(where)
                        peer.send(text)
                        if pause:
                            time.sleep(pause)
                        leave(peer, how)
                        table.check("alive",
                                    os.path.exists("/proc/%d" % PID))
        settled(table, "ended by " + hows[0], 2.2 if hows[0] == "rst" else 6)
    after = descriptors()
    table.check("descriptors", after <= before + 2, (before, after))
    with Peer(PROXY) as peer:
        table.row("works", peer.connect("example.test:7"), 200)


def origins(table):
    for port in (1007, 1008):
        for text in (connect(b"example.test:%d" % port) + b"xx",
                     get(b"example.test:%d" % port),
                     SOCKS_HELLO + socks_request(b"example.test", port) +
                     b"xx",
                     b"POST http://example.test:%d/ HTTP/1.1\r\n"
                     b"Host: example.test:%d\r\nContent-Length: 1000000"
                     b"\r\n\r\n" % (port, port) + b"x" * 1000000):
            with Peer(PROXY, timeout=3) as peer:
                peer.send(text)
                peer.to_end()
                table.check("port %d: %r" % (port, text[:20]),
                            peer.end in ("fin", "rst") or
                            b"502" in peer.data, (peer.end, peer.data[:60]))
    settled(table)


def opened():
    peers = []
    for text in STAGES:
        peer = Peer(PROXY)
        peer.send(text)
        peers.append(peer)
    for text in CAPTURED:
        peer = Peer(TRANSPARENT)
        peer.send(text)
        peers.append(peer)
    return peers


def reloads(table):
    for turn in range(6):
        peers = opened()
        with open("rules", "w", encoding="ascii") as file:
            file.write("" if turn % 2 else
                       "example.test:*\nslow.test:*\nnever.test:*\n")
        for _ in range(5):
            os.kill(PID, signal.SIGHUP)
            time.sleep(0.01)
        for peer in peers:
            peer.sock.close()
    table.check("alive", os.path.exists("/proc/%d" % PID))
    settled(table)


def pending(table):
    opened()
    table.check("alive", os.path.exists("/proc/%d" % PID))


def churn(table):
    def round_(count):
        for i in range(count):
            with Peer(PROXY) as peer:
                kind = i % 5
                if kind == 0:
                    peer.connect("example.test:7")
                    peer.send(b"ping")
                    peer.exact(4)
                elif kind == 1:
                    peer.connect("other.test:7")
                elif kind == 2:
                    peer.send(get(b"example.test"))
                    peer.response()
                elif kind == 3:
                    peer.send(SOCKS_HELLO + socks_request(b"example.test", 7))
                    peer.exact(12)
                else:
                    peer.send(b"nonsense\r\n\r\n")
                    peer.to_end()
    round_(500)
    settled(table)
    fds, memory = descriptors(), rss()
    round_(2500)
    settled(table)
    table.check("descriptors", descriptors() <= fds + 2, (fds,
                                                          descriptors()))
    grown = rss() - memory
    table.check("memory", grown < 700 or os.environ["PEN_MODE"] != "release",
                "%d kB more" % grown)


def main():
    table = Table()
    {"stages": stages, "origins": origins, "reloads": reloads,
     "pending": pending, "churn": churn}[sys.argv[1]](table)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
