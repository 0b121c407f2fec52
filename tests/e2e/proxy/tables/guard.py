# SPDX-License-Identifier: MIT
"""guard.py - addresses that are, and are not, globally reachable

Usage: guard.py ranges|literals      (writes names into $DNS_ZONE)
"""
import os
import sys

from table import PROXY, Table
from wire import Peer

# IANA special-purpose registries (RFC 6890 and its updates), first and last
# addresses, and what proxy.md adds.
REFUSED = """
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0
100.127.255.255 127.0.0.0 127.0.0.1 127.255.255.255 169.254.0.0
169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0
192.0.0.8 192.0.0.170 192.0.0.192 192.0.2.0 192.0.2.255 192.88.99.1
192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0
198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.1 239.255.255.255
240.0.0.0 255.255.255.254 255.255.255.255 168.63.129.16 100.100.100.200
:: ::1 ::2 fe80::1 febf::1 fec0::1 feff::1 fc00::1 fd00::1
fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ff02::1 ff0e::1 2001:db8::1
2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 100::1 3fff::1 5f00::1 fd00:ec2::254
2001:2::1 2001:10::1 2001::1 64:ff9b:1::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0
::127.0.0.1 ::10.0.0.1
64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b::c0a8:101
2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::1 2002:a9fe:a9fe::1
2001:0:7f00:1:0:0:80ff:fffe 2001:0:2d2d:2d0a:0:0:80ff:fffe
2a00:45:45::5efe:7f00:1 2a00:45:45::200:5efe:a00:1
""".split()

# May be dialled: whether something answers there does not matter here.
PASSED = """
1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
128.0.0.1 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
2a00:45:45::10 2606:4700::1111 2001:4860:4860::8888 2400::1 3ffe::1
64:ff9b::2d2d:2d0a ::ffff:45.45.45.10 2002:2d2d:2d0a::1
""".split()


def status(host):
    with Peer(PROXY) as peer:
        peer.send(("GET http://%s/ HTTP/1.1\r\nHost: %s\r\n"
                   "Connection: close\r\n\r\n" % (host, host)).encode())
        code, fields, _ = peer.response()
        return code, dict(fields).get("proxy-status", "")


def ranges(table):
    with open(os.environ["DNS_ZONE"], "a", encoding="ascii") as zone:
        for i, addr in enumerate(REFUSED + PASSED):
            kind = "AAAA" if ":" in addr else "A"
            zone.write("g%d.guard.test %s %s\n" % (i, kind, addr))
    for i, addr in enumerate(REFUSED + PASSED):
        code, why = status("g%d.guard.test" % i)
        prohibited = code == 403 and "destination_ip_prohibited" in why
        table.check("%s %s" % (addr, "refused" if addr in REFUSED else
                               "passed"), prohibited == (addr in REFUSED),
                    (code, why))


def literals(table):
    for addr in REFUSED:
        if addr == "127.0.0.1" or addr == "::ffff:127.0.0.1":
            continue
        code, _ = status("[%s]" % addr if ":" in addr else addr)
        table.row("literal " + addr, code, 403)


def main():
    table = Table()
    {"ranges": ranges, "literals": literals}[sys.argv[1]](table)
    return table.finish(at_least=60)


if __name__ == "__main__":
    sys.exit(main())
