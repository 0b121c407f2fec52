#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""dnsd.py - a small authoritative DNS server that can be told to misbehave

Usage: dnsd.py --listen ADDR:PORT... --zone FILE [--log FILE] [--ready-fd N]

Answers over UDP and TCP.  FILE is read anew at every query.  Its lines:
  NAME TYPE VALUE[,VALUE...][|VALUE...] [ttl=N]
        A, AAAA or CNAME; several by ","; with "|" a different one at every
        query, in turn (rebinding).  *.NAME stands for every name below NAME.
  NAME do BEHAVIOUR[=ARG] [TYPE]
        never            no answer            slow=MS        a late answer
        servfail refused nxdomain notimp      an RCODE
        empty            no data              garbage        random bytes
        short            the first 10 bytes   truncated      TC over UDP
        wrong-id, wrong-question              only that (the records follow)
        spoof=ADDR       a forged answer (wrong id) ahead of the right one
        many=N           N different addresses (11.0.0.1 and up)
        tcp-close        TC over UDP, and TCP closes without an answer
        self-cname       a CNAME to itself
A name without any line is NXDOMAIN.  --log gets one line a query:
"TYPE NAME udp|tcp ADDR", where ADDR is the address that was asked.
"""
import ipaddress
import os
import socket
import struct
import sys
import threading
import time

import wire

RCODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4,
          "refused": 5}


class Zone:
    def __init__(self, path):
        self.path = path
        self.turns = {}

    def read(self):
        records, deeds = {}, {}
        with open(self.path, encoding="latin-1") as file:
            for line in file:
                words = line.split("#")[0].split()
                if len(words) < 3:
                    continue
                name = words[0].lower().strip(".")
                if words[1] == "do":
                    verb, _, arg = words[2].partition("=")
                    kind = words[3] if len(words) > 3 else None
                    deeds.setdefault(name, []).append((verb, arg, kind))
                else:
                    ttl = 60
                    if len(words) > 3 and words[3].startswith("ttl="):
                        ttl = int(words[3][4:])
                    records.setdefault(name, []).append(
                        (words[1], words[2], ttl))
        return records, deeds

    @staticmethod
    def find(table, name):
        """The entry of a name, or of the nearest wildcard above it."""
        if name in table:
            return table[name]
        while "." in name:
            name = name.split(".", 1)[1]
            if "*." + name in table:
                return table["*." + name]
        return None

    def values(self, name, kind, text):
        turns = text.split("|")
        if len(turns) > 1:
            key = (name, kind, text)
            turn = self.turns.get(key, 0)
            self.turns[key] = turn + 1
            text = turns[turn % len(turns)]
        return [v for v in text.split(",") if v]


def record(name, kind, ttl, data):
    return (wire.dns_name(name) + struct.pack(">HHI", wire.TYPES[kind], 1, ttl)
            + wire.vec16(data))


def pack(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    return wire.dns_name(value)


class Server:
    def __init__(self, zone, log):
        self.zone = Zone(zone)
        self.lock = threading.Lock()
        self.log = open(log, "a", buffering=1) if log else None

    def note(self, text):
        if self.log:
            with self.lock:
                self.log.write(text + "\n")

    def answers(self, records, name, kind):
        """Records for a question: follows CNAMEs inside the zone."""
        found, known = [], False
        for _ in range(20):
            entry = self.zone.find(records, name)
            if entry is None:
                break
            known = True
            alias = None
            for rtype, text, ttl in entry:
                if rtype == kind or rtype == "CNAME":
                    for value in self.zone.values(name, rtype, text):
                        found.append(record(name, rtype, ttl,
                                            pack(rtype, value)))
                        if rtype == "CNAME":
                            alias = value.lower().strip(".")
            if alias is None:
                break
            name = alias
        return found, known

    def respond(self, query, proto, where):
        """The messages to send, each with a delay before it."""
        if len(query) < 12:
            return []
        ident, flags, _, _, _, extra = struct.unpack(">6H", query[:12])
        name, at = wire.read_name(query, 12)
        number = struct.unpack(">H", query[at:at + 2])[0]
        question = query[12:at + 4]
        kind = wire.TYPE_NAMES.get(number, str(number))
        lower = name.lower()
        self.note("%s %s %s %s" % (kind, lower, proto, where))
        records, deeds = self.zone.read()
        rcode, delay, tc, deed = 0, 0, False, {}
        for verb, arg, only in self.zone.find(deeds, lower) or []:
            if only in (None, kind):
                deed[verb] = arg
        found, known = self.answers(records, lower, kind)
        if "many" in deed and kind == "A":
            base = int(ipaddress.IPv4Address("11.0.0.1"))
            found = [record(lower, "A", 60, struct.pack(">I", base + i))
                     for i in range(int(deed["many"]))]
        if "self-cname" in deed:
            found = [record(lower, "CNAME", 60, wire.dns_name(lower))]
        if not known and not deed:
            rcode = 3
        for verb, code in RCODES.items():
            if verb in deed:
                rcode, found = code, []
        if "empty" in deed:
            found = []
        delay = int(deed["slow"]) / 1000 if "slow" in deed else 0

        def message(ident=ident, question=question, found=None, tc=False):
            soa = b""
            if not found and rcode in (0, 3):
                soa = record("test", "SOA", 300, b"\0\0" + struct.pack(
                    ">5I", 1, 600, 600, 600, 300))
            return struct.pack(
                ">6H", ident, 0x8580 & ~0x100 | flags & 0x100 | tc * 0x200 |
                rcode, 1, len(found or ()), 1 if soa else 0, 0) + (
                question + b"".join(found or ()) + soa)

        if "never" in deed:
            return []
        if "garbage" in deed:
            return [(0, query[:2] + os.urandom(60))]
        if "wrong-id" in deed:
            return [(0, message(ident ^ 0x5555, found=found))]
        if "wrong-question" in deed:
            return [(0, message(question=wire.dns_name("wrong.test") +
                                question[-4:], found=found))]
        right = message(found=found)
        if "short" in deed:
            return [(0, right[:10])]
        if "tcp-close" in deed:
            return [(0, message(tc=True))] if proto == "udp" else []
        limit = 4096 if extra else 512
        if proto == "udp" and ("truncated" in deed or len(right) > limit):
            return [(delay, message(tc=True))]
        if "spoof" in deed:
            forged = message(ident ^ 1, found=[
                record(lower, "A", 60, pack("A", deed["spoof"]))])
            return [(0, forged), (0.05, right)]
        return [(delay, right)]

    # -- transports --------------------------------------------------------
    def serve_udp(self, sock, where):
        while True:
            data, peer = sock.recvfrom(4096)
            threading.Thread(target=self.one_udp, daemon=True,
                             args=(sock, data, peer, where)).start()

    def one_udp(self, sock, data, peer, where):
        for delay, text in self.respond(data, "udp", where):
            time.sleep(delay)
            sock.sendto(text, peer)

    def serve_tcp(self, sock, where):
        while True:
            client, _ = sock.accept()
            threading.Thread(target=self.one_tcp, daemon=True,
                             args=(client, where)).start()

    def one_tcp(self, sock, where):
        peer = wire.Peer(sock=sock, timeout=30)
        while True:
            size = peer.exact(2)
            if len(size) < 2:
                break
            query = peer.exact(struct.unpack(">H", size)[0])
            replies = self.respond(query, "tcp", where)
            if not replies:
                break
            for delay, text in replies:
                time.sleep(delay)
                peer.send(wire.vec16(text))
        sock.close()

    def listen(self, text):
        host, port = wire.parse_address(text)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        tcp = socket.create_server((host, port), family=family, backlog=256)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind(tcp.getsockname()[:2])
        for target, sock in ((self.serve_udp, udp), (self.serve_tcp, tcp)):
            threading.Thread(target=target, args=(sock, host),
                             daemon=True).start()
        name = tcp.getsockname()
        return ("[%s]:%d" if ":" in host else "%s:%d") % name[:2]


def main(argv):
    listen, zone, log, ready = [], None, None, 1
    args = iter(argv)
    for arg in args:
        if arg in ("-h", "--help"):
            print(__doc__.strip())
            return 0
        if arg == "--listen":
            listen.append(next(args))
        elif arg == "--zone":
            zone = next(args)
        elif arg == "--log":
            log = next(args)
        elif arg == "--ready-fd":
            ready = int(next(args))
        else:
            print("dnsd.py: unknown argument " + arg, file=sys.stderr)
            return 2
    server = Server(zone, log)
    wire.announce(ready, [server.listen(text) for text in listen])
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        os._exit(130)
