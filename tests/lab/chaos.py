#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""chaos.py - clients that do anything at once, then a look at what is left

Usage: chaos.py --pid PID --listen ADDR:PORT [--transparent ADDR:PORT]
         [--dns ADDR:PORT] [--admin ADDR:PORT] [--rules FILE] [--host NAME]
         [--ports PORT,...] [--clients N] [--seconds N] [--seed N] [--rss MB]

Each of N clients plays random acts against the proxy PID until the time is
over: requests cut anywhere, resets, half closes, pipelines, slow bytes, floods,
every protocol on every listener, to the ports of NAME, whose servers (tcpd.py,
origin.py) may do anything, too.  Meanwhile FILE, an allow-list, is written anew
again and again, and signals are sent.  What a client does follows from the seed
alone; when it does it is the machine's.

Afterwards all connections are closed, and the proxy has to be alive, without
connections, with as many sockets as before, at rest (a tenth of a second of work
in one second), and its memory to have grown by no more than --rss MB (0: not
looked at).  Prints numbers; status 1 and the seed if something is wrong.
"""
import argparse
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import wire

BAD_HEADS = [
    b"GET / HTTP/1.1\nHost: x\n\n", b"\0\0\0\0", b"GET\r\n\r\n",
    b"GET http://%s/ HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET http://%s/ HTTP/1.1\r\nHost : %s\r\n\r\n",
    b"POST http://%s/ HTTP/1.1\r\nHost: %s\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"CONNECT %s:99999 HTTP/1.1\r\nHost: %s\r\n\r\n", b"\r\n" * 40,
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"A" * 70000]
CLIENT_GONE = (OSError, ValueError, struct.error)


class Client:
    """One thread's acts; counts[act] is how often it played each."""

    def __init__(self, options, number, end):
        self.o, self.end = options, end
        self.rnd = random.Random(options.seed * 100003 + number)
        self.counts, self.held = {}, []

    # -- what acts are made of

    def open(self, where):
        sock = socket.create_connection(wire.parse_address(where), 2)
        sock.settimeout(self.rnd.choice([0.05, 0.2, 0.5]))
        return sock

    def host(self):
        return self.rnd.choice([self.o.host] * 6 + [
            "denied.test", "never.test", "nothing.test", "private.test"])

    def port(self):
        return self.rnd.choice(self.o.ports)

    def send(self, sock, data):
        """All of it, in pieces, or not all of it."""
        if self.rnd.random() < 0.15:
            data = data[:self.rnd.randrange(len(data) + 1)]
        pieces = self.rnd.choice([1, 1, 1, 2, 5])
        size = max(1, len(data) // pieces)
        for i in range(0, len(data), size):
            sock.sendall(data[i:i + size])
            if pieces > 1:
                time.sleep(self.rnd.random() * 0.01)

    def read(self, sock):
        """Something, nothing, or much of it."""
        for _ in range(self.rnd.choice([0, 1, 1, 2, 8, 60])):
            try:
                if not sock.recv(self.rnd.choice([1, 100, 65536])):
                    return
            except socket.timeout:
                return

    def leave(self, sock):
        how = self.rnd.randrange(6)
        if how == 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        elif how == 1:
            sock.shutdown(socket.SHUT_WR)
            self.read(sock)
        elif how == 2 and len(self.held) < 4:
            self.held.append(sock)
            return
        elif how == 3:
            sock.shutdown(socket.SHUT_RD)
        sock.close()

    def blob(self):
        return self.rnd.randbytes(self.rnd.choice([1, 10, 1000, 100000]))

    def talk(self, sock):
        """Bytes both ways in a tunnel."""
        for _ in range(self.rnd.randrange(4)):
            kind = self.rnd.randrange(4)
            if kind == 0:
                name = self.rnd.choice([self.o.host, "other.test", None])
                self.send(sock, wire.client_hello(
                    name, record=self.rnd.choice([1, 64, 16384])))
            elif kind == 1:
                self.send(sock, self.blob())
            elif kind == 2:
                self.send(sock, b"\x16\x03\x01" + self.blob())
            self.read(sock)

    def request(self):
        host = "%s:%d" % (self.host(), self.port())
        method = self.rnd.choice(["GET", "GET", "HEAD", "POST", "PUT", "X"])
        path = self.rnd.choice(["/", "/bytes/70000", "/bytes/300000?chunked",
                                "/status/204", "/status/304", "/nothing"])
        head = "%s http://%s%s HTTP/1.%d\r\nHost: %s\r\n" % (
            method, host, path, self.rnd.random() < 0.8, host)
        head += self.rnd.choice(["", "", "Connection: close\r\n",
                                 "Expect: 100-continue\r\n",
                                 "Accept: application/problem+json\r\n",
                                 "Connection: upgrade\r\n"
                                 "Upgrade: websocket\r\n"])
        body = b""
        if method in ("POST", "PUT"):
            data = self.blob()
            if self.rnd.random() < 0.5:
                head += "Content-Length: %d\r\n" % len(data)
                body = data
            else:
                head += "Transfer-Encoding: chunked\r\n"
                body = b"%x;a=b\r\n%s\r\n0\r\n%s\r\n" % (
                    len(data), data, self.rnd.choice([b"", b"T: x\r\n"]))
        return head.encode() + b"\r\n" + body

    # -- acts: one connection each

    def act_tunnel(self, where):
        sock = self.open(where)
        target = ("%s:%d" % (self.host(), self.port())).encode()
        early = self.rnd.choice([b"", b"", self.blob(),
                                 wire.client_hello(self.o.host)])
        self.send(sock, b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n%s" % (
            target, target, early))
        self.read(sock)
        self.talk(sock)
        self.leave(sock)

    def act_requests(self, where):
        sock = self.open(where)
        for _ in range(self.rnd.choice([1, 1, 2, 5])):
            self.send(sock, b"".join(
                self.request() for _ in range(self.rnd.choice([1, 1, 3]))))
            self.read(sock)
        if self.rnd.random() < 0.2:
            self.send(sock, b"CONNECT %s:%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (
                self.o.host.encode(), self.port(), self.o.host.encode()))
            self.talk(sock)
        self.leave(sock)

    def act_bad_head(self, where):
        sock = self.open(where)
        self.send(sock, self.rnd.choice(BAD_HEADS).replace(
            b"%s", self.o.host.encode()))
        self.read(sock)
        self.leave(sock)

    def act_socks(self, where):
        sock = self.open(where)
        self.send(sock, self.rnd.choice([wire.SOCKS_HELLO] * 4 + [
            b"\5\0", b"\5\1\2", b"\5\2\0\2"]))
        self.read(sock)
        host = self.rnd.choice([self.host().encode(), b"a\0b", "10.0.0.1",
                                "::1"])
        self.send(sock, wire.socks_request(
            host, self.port(), self.rnd.choice([1, 1, 1, 2, 3])))
        self.read(sock)
        self.talk(sock)
        self.leave(sock)

    def act_hello(self, where):
        sock = self.open(where)
        self.talk(sock)
        self.leave(sock)

    def act_origin_form(self, where):
        sock = self.open(where)
        head = b"GET /bytes/1000 HTTP/1.1\r\nHost: %s\r\n\r\n"
        self.send(sock, head % self.host().encode() *
                  self.rnd.choice([1, 2, 20]))
        self.read(sock)
        self.leave(sock)

    def act_silence(self, where):
        sock = self.open(where)
        self.send(sock, self.blob()[:self.rnd.choice([0, 1, 3])])
        self.leave(sock)

    def act_dns(self, _):
        where = wire.parse_address(self.o.dns)
        query = self.rnd.choice([
            wire.dns_query(self.o.host), wire.dns_query("denied.test", "AAAA"),
            self.blob()[:500]])
        if self.rnd.random() < 0.7:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(query, where)
            return
        sock = self.open(self.o.dns)
        self.send(sock, wire.vec16(query) * self.rnd.choice([1, 3, 50]))
        self.read(sock)
        self.leave(sock)

    def act_admin(self, _):
        path = self.rnd.choice(["/connections", "/metrics", "/policy",
                                "/events", "/check?target=%s:80" % self.o.host,
                                "/check?target=never.test:80", "/x"])
        sock = self.open(self.o.admin)
        self.send(sock, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        self.read(sock)
        self.leave(sock)

    def run(self):
        acts = [(f, self.o.listen) for f in (
            self.act_tunnel, self.act_tunnel, self.act_requests,
            self.act_requests, self.act_bad_head, self.act_socks,
            self.act_silence)]
        if self.o.transparent:
            acts += [(f, self.o.transparent) for f in (
                self.act_hello, self.act_origin_form, self.act_bad_head,
                self.act_silence)]
        if self.o.dns:
            acts.append((self.act_dns, None))
        if self.o.admin:
            acts.append((self.act_admin, None))
        while time.monotonic() < self.end:
            act, where = self.rnd.choice(acts)
            self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
            try:
                act(where)
            except CLIENT_GONE:
                pass
            if self.held and self.rnd.random() < 0.3:
                self.held.pop(0).close()

    def finish(self):
        for sock in self.held:
            sock.close()


class Proxy:
    """What can be seen of the process from outside."""

    def __init__(self, options):
        self.o = options

    def sockets(self):
        folder, count = "/proc/%d/fd" % self.o.pid, 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(folder + "/" + name).startswith("socket")
            except OSError:
                pass
        return count

    def ticks(self):
        with open("/proc/%d/stat" % self.o.pid) as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def rss(self):
        with open("/proc/%d/status" % self.o.pid) as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) // 1024
        return 0

    def alive(self):
        try:
            with open("/proc/%d/stat" % self.o.pid) as file:
                return file.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    def connections(self):
        peer = wire.Peer(self.o.admin, timeout=5)
        peer.send(b"GET /connections HTTP/1.1\r\nHost: x\r\n\r\n")
        return json.loads(peer.response()[2])


def disturb(options, end):
    """Rules that come and go, and signals."""
    rnd = random.Random(options.seed)
    lines = open(options.rules).read().splitlines()
    while time.monotonic() < end:
        time.sleep(rnd.random() * 0.3)
        some = [x for x in lines if rnd.random() < 0.9]
        if rnd.random() < 0.1:
            some.append("a fault")
        with open(options.rules, "w") as file:
            file.write("\n".join(some) + "\n")
        try:
            os.kill(options.pid, rnd.choice([signal.SIGHUP, signal.SIGUSR1]))
        except OSError:
            return


def settle(proxy, before):
    """Nothing is left over once all clients have gone; a fault, or None."""
    fault = "no answer from the admin listener"
    for _ in range(80):
        if not proxy.alive():
            return "the proxy died"
        try:
            left = proxy.connections() if proxy.o.admin else []
            sockets = proxy.sockets() - before
            if not left and sockets <= 0:
                return None
            fault = "%d connections, %d sockets left: %s" % (
                len(left), sockets, left[:3])
        except CLIENT_GONE as e:
            fault = "admin: %s" % e
        time.sleep(0.1)
    return fault


def judge(options, proxy, sockets, rss):
    fault = settle(proxy, sockets)
    if fault:
        return fault
    ticks = proxy.ticks()
    time.sleep(1)
    ticks = proxy.ticks() - ticks
    if ticks > 10:
        return "at rest it worked for %d of 100 ticks" % ticks
    if options.rss and proxy.rss() - rss > options.rss:
        return "its memory grew from %d to %d MB" % (rss, proxy.rss())
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--listen", required=True)
    for name in ("transparent", "dns", "admin", "rules"):
        parser.add_argument("--" + name)
    parser.add_argument("--host", default="example.test")
    parser.add_argument("--ports", default="80", type=lambda text: [
        int(x) for x in text.split(",")])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rss", type=int, default=0)
    options = parser.parse_args()
    proxy = Proxy(options)
    sockets, rss = proxy.sockets(), proxy.rss()
    end = time.monotonic() + options.seconds
    clients = [Client(options, i, end) for i in range(options.clients)]
    threads = [threading.Thread(target=c.run) for c in clients]
    if options.rules:
        threads.append(threading.Thread(target=disturb, args=(options, end)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.finish()
    counts = {}
    for client in clients:
        for act, n in client.counts.items():
            counts[act] = counts.get(act, 0) + n
    fault = judge(options, proxy, sockets, rss)
    print(json.dumps({"acts": sum(counts.values()), "each": counts,
                      "rss_mb": [rss, proxy.rss()] if not fault else None,
                      "seed": options.seed, "fault": fault}))
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
