# SPDX-License-Identifier: MIT
"""wire.py - bytes of TLS, SOCKS5 and DNS, made and read by hand

Used by raw.py, tcpd.py, dnsd.py and the tables of the end-to-end tests, which
need messages that no library would send.
"""
import hashlib
import os
import socket
import struct
import time

ALERT_UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"


# ---------------------------------------------------------------------------
# TLS

def u16(n):
    return struct.pack(">H", n)


def vec8(data):
    return struct.pack(">B", len(data)) + data


def vec16(data):
    return u16(len(data)) + data


def extension(kind, data):
    return u16(kind) + vec16(data)


def server_name(names, kind=0):
    """The extension server_name with any number of names."""
    names = [n if isinstance(n, bytes) else n.encode("latin-1") for n in names]
    return extension(0, vec16(b"".join(bytes([kind]) + vec16(n)
                                       for n in names)))


GREASE_ECH = extension(0xfe0d, b"\x00\x00\x01\x00\x01\x2a" + vec16(b"e" * 32) +
                       vec16(b"p" * 144))


def hello_body(sni=None, names=None, extra=b"", pad=0, grease=False,
               ech=False, session=b"s" * 32, extensions=None):
    """The handshake message, without its four byte header."""
    ext = extensions
    if ext is None:
        ext = extension(0x1a1a, b"") if grease else b""
        if names is None and sni is not None:
            names = [sni]
        if names is not None:
            ext += server_name(names)
        ext += extension(43, vec8(u16(0x0304) + u16(0x0303)))
        ext += extension(10, vec16(u16(29) + u16(23)))
        ext += extension(13, vec16(u16(0x0403) + u16(0x0804)))
        ext += extension(51, vec16(u16(29) + vec16(b"k" * 32)))
        if ech:
            ext += GREASE_ECH
        ext += extra
        if pad:
            ext += extension(21, b"\0" * pad)
        if grease:
            ext += extension(0x2a2a, b"\0")
    ciphers = (u16(0x0a0a) if grease else b"") + u16(0x1301) + u16(0xc02b)
    body = u16(0x0303) + b"r" * 32 + vec8(session) + vec16(ciphers) + vec8(b"\0")
    if ext is not False:
        body += vec16(ext)
    return body


def handshake(body, kind=1):
    return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


def records(message, size=16384, kind=22, version=0x0301):
    """Cut a message into records of at most size bytes."""
    return b"".join(bytes([kind]) + u16(version) + vec16(message[i:i + size])
                    for i in range(0, len(message), size))


def client_hello(sni=None, record=16384, **options):
    return records(handshake(hello_body(sni, **options)), record)


# ---------------------------------------------------------------------------
# SOCKS5

SOCKS_HELLO = b"\x05\x01\x00"


def socks_request(host, port, command=1, kind=None, version=5):
    """A request; host is bytes for a name (kind 3) or a literal as str."""
    if kind is None and isinstance(host, str):
        if ":" in host:
            addr = b"\x04" + socket.inet_pton(socket.AF_INET6, host)
        else:
            addr = b"\x01" + socket.inet_pton(socket.AF_INET, host)
    else:
        addr = bytes([3 if kind is None else kind]) + vec8(host)
    return bytes([version, command, 0]) + addr + u16(port)


# ---------------------------------------------------------------------------
# DNS

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15,
         "TXT": 16, "AAAA": 28, "SRV": 33, "SVCB": 64, "HTTPS": 65,
         "ANY": 255}
TYPE_NAMES = {v: k for k, v in TYPES.items()}


def dns_name(name):
    if isinstance(name, bytes):
        return name
    labels = [x for x in name.strip(".").split(".") if x]
    return b"".join(vec8(x.encode("latin-1")) for x in labels) + b"\0"


def dns_query(name, kind="A", ident=0x1234, flags=0x0100, edns=False,
              count=1, cls=1):
    head = struct.pack(">6H", ident, flags, count, 0, 0, 1 if edns else 0)
    question = (dns_name(name) + u16(TYPES.get(kind, kind)) + u16(cls)) * count
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0) if edns else b""
    return head + question + opt


def read_name(data, at):
    labels, jumped, end = [], 0, None
    while True:
        n = data[at]
        if n & 0xc0 == 0xc0:
            end = end or at + 2
            at = (n & 0x3f) << 8 | data[at + 1]
            jumped += 1
            if jumped > 64:
                raise ValueError("compression loop")
            continue
        at += 1
        if n == 0:
            return ".".join(labels), end or at
        labels.append(data[at:at + n].decode("latin-1"))
        at += n


def dns_parse(data):
    """id, rcode, flags, question, answers as (name, type, ttl, value), ede"""
    ident, flags, qd, an, ns, ar = struct.unpack(">6H", data[:12])
    at, questions, answers, ede = 12, [], [], []
    for _ in range(qd):
        name, at = read_name(data, at)
        questions.append((name, TYPE_NAMES.get(
            struct.unpack(">H", data[at:at + 2])[0])))
        at += 4
    for i in range(an + ns + ar):
        name, at = read_name(data, at)
        kind, _, ttl, size = struct.unpack(">HHIH", data[at:at + 10])
        value = data[at + 10:at + 10 + size]
        at += 10 + size
        if kind == 1:
            value = socket.inet_ntop(socket.AF_INET, value)
        elif kind == 28:
            value = socket.inet_ntop(socket.AF_INET6, value)
        elif kind == 41:
            while value:
                code, length = struct.unpack(">HH", value[:4])
                if code == 15:
                    ede.append(struct.unpack(">H", value[4:6])[0])
                value = value[4 + length:]
        if i < an:
            answers.append((name, TYPE_NAMES.get(kind, kind), ttl, value))
    return {"id": ident, "rcode": flags & 15, "flags": flags,
            "questions": questions, "answers": answers, "ede": ede,
            "additional": ar, "left": len(data) - at}


# ---------------------------------------------------------------------------
# Sockets

def parse_address(text):
    """("host", port) of ADDR:PORT, or the path of unix:/path."""
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Peer:
    """One stream socket, with everything noted that came from it.

    end is "open", "fin", "rst" or "timeout".
    """

    def __init__(self, address=None, sock=None, timeout=10, source=None):
        self.data, self.end, self.started = b"", "open", time.monotonic()
        self.taken = 0
        if sock is None:
            if isinstance(address, str):
                address = parse_address(address)
            if isinstance(address, str):
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(timeout)
                sock.connect(address)
            else:
                sock = socket.create_connection(
                    address, timeout, source and (source, 0))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        sock.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ms(self):
        return int((time.monotonic() - self.started) * 1000)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            if self.end == "open":
                self.end = "rst"
        except TimeoutError:
            self.end = "timeout"
        return self

    def send_pieces(self, data, size=1, pause=0.0003):
        """One segment for every size bytes."""
        for i in range(0, len(data), size):
            self.send(data[i:i + size])
            time.sleep(pause)
        return self

    def fill(self):
        """Read once; False once the stream has ended."""
        if self.end not in ("open",):
            return False
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            self.end = "rst"
            return False
        except TimeoutError:
            self.end = "timeout"
            return False
        if not data:
            self.end = "fin"
            return False
        self.data += data
        return True

    def unread(self):
        return self.data[self.taken:]

    def until(self, mark):
        """Everything up to and with mark, or what there is at the end."""
        while mark not in self.data[self.taken:]:
            if not self.fill():
                return self.take(len(self.unread()))
        return self.take(self.data.index(mark, self.taken) + len(mark) -
                         self.taken)

    def exact(self, n):
        while len(self.unread()) < n:
            if not self.fill():
                break
        return self.take(min(n, len(self.unread())))

    def take(self, n):
        part = self.data[self.taken:self.taken + n]
        self.taken += n
        return part

    def to_end(self):
        """Everything until the stream ends; then look at end."""
        while self.fill():
            pass
        return self.take(len(self.unread()))

    def silent(self, seconds=0.2):
        """Whether nothing comes, and the stream stays open, for a while."""
        if self.unread():
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        more = self.fill()
        self.sock.settimeout(before)
        if self.end == "timeout":
            self.end = "open"
            return True
        return False if more or self.end != "open" else True

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return self

    def rst(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()
        return self

    def response(self, method="GET"):
        """Read one HTTP response: (status, fields, body)."""
        head = self.until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):
            return None, [], head
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = [tuple(x.split(":", 1)) for x in lines[1:] if ":" in x]
        fields = [(n.lower(), v.strip()) for n, v in fields]
        got = dict(fields)
        if method == "HEAD" or status in (204, 304) or status < 200 or (
                method == "CONNECT" and status < 300):
            return status, fields, b""
        if got.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while True:
                line = self.until(b"\r\n")
                if not line:
                    return status, fields, body
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    while self.until(b"\r\n") not in (b"\r\n", b""):
                        pass
                    return status, fields, body
                body += self.exact(size)
                self.exact(2)
        if "content-length" in got:
            return status, fields, self.exact(int(got["content-length"]))
        return status, fields, self.to_end()

    def connect(self, target, host=None):
        """Ask an HTTP proxy for a tunnel; the status."""
        self.send(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" %
                   (target, host or target)).encode("latin-1"))
        return self.response("CONNECT")[0]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def announce(fd, addresses):
    os.write(fd, ("ready %s\n" % " ".join(addresses)).encode())
    if fd > 2:
        os.close(fd)
