#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pipelines.py - long random pipelines, cut anywhere, each answer looked at

Usage: pipelines.py SEED [CONNECTIONS]

Every connection sends some twenty requests of all kinds, to two hosts that are
allowed and one that is not, without waiting for an answer, in pieces of random
size; the answers have to come in order, each whole and to its own request.
"""
import json
import random
import sys
import threading

from forwarding import chunks, request
from table import PROXY, Table
from wire import Peer, digest

SIZES = [0, 1, 100, 4095, 4096, 65535, 65536, 65537, 200000]
BLOCK = b"0123456789abcdef" * 20000


def bytes_of(rnd):
    size = rnd.choice(SIZES)
    path = "/bytes/%d%s" % (size, rnd.choice(["", "?chunked"]))
    return request(path=path), "GET", lambda got: got[2] == BLOCK[:size]


def head_of(rnd):
    return request("HEAD", "/bytes/%d" % rnd.choice(SIZES)), "HEAD", \
        lambda got: got[0] == 200


def post(rnd):
    data = rnd.randbytes(rnd.choice(SIZES))
    host, local = rnd.choice([("example.test", "45.45.45.10"),
                              ("other.test", "45.45.45.20")])
    if rnd.random() < 0.5:
        text = request("POST", host=host, body=data,
                       fields=["Content-Length: %d" % len(data)])
    else:
        text = request("POST", host=host, fields=["Transfer-Encoding: chunked"],
                       body=chunks(data, rnd.choice([700, 65536, 300000])))

    def good(got):
        said = json.loads(got[2])
        return said["body_sha256"] == digest(data) and said["local"] == local
    return text, "POST", good


def other(rnd):
    path, want = rnd.choice([("/204", 204), ("/304", 304), ("/chunked", 200),
                             ("/trailers", 200), ("/interim", 200)])
    return request(path=path), "GET", lambda got: got[0] == want


def denied(_):
    return request(host="denied.test"), "GET", lambda got: got[0] == 403


def answer(peer, method):
    while True:
        got = peer.response(method)
        if got[0] is None or got[0] >= 200:
            return got


def play(table, seed):
    rnd = random.Random(seed)
    kinds = [bytes_of, bytes_of, head_of, post, post, post, other, denied]
    rows = [rnd.choice(kinds)(rnd) for _ in range(20)]
    text = b"".join(row[0] for row in rows)
    with Peer(PROXY, timeout=30) as peer:
        def feed():
            at = 0
            while at < len(text):
                size = rnd.choice([1, 50, 1000, 30000, 300000])
                try:
                    peer.sock.sendall(text[at:at + size])
                except OSError:
                    return
                at += size
        sender = threading.Thread(target=feed)
        sender.start()
        for number, (sent, method, good) in enumerate(rows):
            got = answer(peer, method)
            line = sent.split(b"\r\n")[0].decode()
            if not table.check("seed %d, request %d, %s" % (seed, number, line),
                               got[0] and good(got), repr(got)[:300]):
                break
        peer.fin()
        sender.join()
        table.row("seed %d: nothing more" % seed, peer.to_end(), b"")


if __name__ == "__main__":
    tested = Table()
    first = int(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    players = [threading.Thread(target=tested.run, args=(
        "seed %d" % n, play, tested, n)) for n in range(first, first + count)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    sys.exit(tested.finish(count * 21))
