#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""origin.py - an HTTP and HTTPS server that says exactly what it was sent

Usage: origin.py [--http ADDR:PORT]... [--https ADDR:PORT --certs DIR]...
                 [--log FILE] [--ready-fd N]

Port 0 takes a free port.  Once all listeners accept, one line
"ready ADDR:PORT ..." is written to --ready-fd (standard output by default),
in the order of the command line.  --log gets one JSON object a line:
"open", "request" and "end" events.

Paths (any method; a body is always read first, but for /100 and /early):
  /...             the request as JSON: line, headers, body size and SHA-256
  /bytes/N         N bytes;  /bytes/N?chunked in chunks
  /chunked         three chunks;  /trailers  with two trailer fields
  /close           a body that ends with the connection
  /slow/N          N bytes, one a second;  /drip/N/MS  one every MS ms
  /gate/NAME       "before\\n", and "after\\n" once /open/NAME was asked for
  /204 /304 /status/N    that status
  /interim         103, then 200;  /100  waits for the body after a 100
  /early           413 without reading the body, then closes
  /hop             hop-by-hop fields in the response;  /cookies  two Set-Cookie
  /hang            never answers;  /ws  101, then an echo of bytes
  /reset           resets in mid-body;  /reset-now  before the response
  /truncate/N      Content-Length N, half of it, end of stream
  /header/N        a response with a field of N bytes
"""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BLOCK = b"0123456789abcdef" * 4096
gates = {}
gates_lock = threading.Lock()
counter = iter(range(1, 1 << 60))


class Log:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a", buffering=1) if path else None

    def write(self, **fields):
        if self.file:
            with self.lock:
                self.file.write(json.dumps(fields) + "\n")


def gate(name):
    with gates_lock:
        return gates.setdefault(name, threading.Event())


class Ended(Exception):
    """The client ended the connection: "fin" or "rst"."""


class Request:
    """One request as it came: raw head, fields, body digest, trailers."""

    def __init__(self, head):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        parts = self.line.split(" ")
        self.method = parts[0]
        self.target = parts[1] if len(parts) > 1 else ""
        self.version = parts[-1]
        self.headers = [tuple(x.split(":", 1)) for x in lines[1:] if ":" in x]
        self.headers = [(n, v.strip(" \t")) for n, v in self.headers]
        self.trailers = []
        self.body_bytes = 0
        self.sha = hashlib.sha256()
        path = self.target
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        self.path, _, self.query = path.partition("?")

    def get(self, name):
        found = [v for n, v in self.headers if n.lower() == name]
        return found[0] if found else None

    def add(self, data):
        self.body_bytes += len(data)
        self.sha.update(data)


class Connection:
    def __init__(self, sock, peer, server):
        self.id = next(counter)
        self.sock, self.server, self.peer = sock, server, peer
        self.buf = b""
        self.sni = None
        self.received = 0
        self.seq = 0

    # -- reading -----------------------------------------------------------
    def fill(self):
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            raise Ended("rst") from None
        except ssl.SSLError as e:
            raise Ended("tls: " + str(e.reason)) from None
        if not data:
            raise Ended("fin")
        self.received += len(data)
        self.buf += data

    def read_until(self, mark):
        while mark not in self.buf:
            self.fill()
        data, self.buf = self.buf.split(mark, 1)
        return data

    def read_exact(self, n, sink):
        while n > 0:
            if not self.buf:
                self.fill()
            part, self.buf = self.buf[:n], self.buf[n:]
            n -= len(part)
            sink(part)

    def read_body(self, req):
        if (req.get("transfer-encoding") or "").lower() == "chunked":
            while True:
                size = int(self.read_until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                self.read_exact(size, req.add)
                if self.read_until(b"\r\n"):
                    raise Ended("bad chunk")
            while line := self.read_until(b"\r\n").decode("latin-1"):
                req.trailers.append(line)
        elif req.get("content-length"):
            self.read_exact(int(req.get("content-length")), req.add)

    # -- writing -----------------------------------------------------------
    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            raise Ended("rst") from None

    def respond(self, req, status, body=b"", headers=(), length=True):
        self.head(req, status, headers, len(body) if length else None)
        if req.method != "HEAD":
            self.send(body)

    def head(self, req, status, headers=(), length=None):
        lines = ["HTTP/1.1 %s X" % status, "Server: lab"]
        if length is not None:
            lines.append("Content-Length: %d" % length)
        lines += ["%s: %s" % h for h in headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self):
        """Close with RST (SO_LINGER of zero seconds)."""
        raw = self.sock
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       struct.pack("ii", 1, 0))
        if isinstance(raw, ssl.SSLSocket):
            os.close(raw.detach())
        else:
            raw.close()

    def describe(self, req):
        return {
            "server": "lab", "tls": self.sni is not None, "sni": self.sni,
            "peer": self.peer[0], "peer_port": self.peer[1],
            "local": self.sock.getsockname()[0],
            "local_port": self.sock.getsockname()[1],
            "conn": self.id, "seq": self.seq, "line": req.line,
            "method": req.method, "target": req.target,
            "headers": req.headers, "body_bytes": req.body_bytes,
            "body_sha256": req.sha.hexdigest(), "trailers": req.trailers,
        }

    # -- serving -----------------------------------------------------------
    def serve(self):
        while True:
            head = self.read_until(b"\r\n\r\n")
            req = Request(head)
            self.seq += 1
            name = req.path.strip("/").split("/")[0]
            action = getattr(self, "do_" + name.replace("-", "_"), None)
            if name not in ("100", "early"):
                if (req.get("expect") or "").lower() == "100-continue":
                    self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.read_body(req)
            self.server.log.write(event="request", **self.describe(req))
            args = req.path.strip("/").split("/")[1:]
            if (action or self.do_echo)(req, *args):
                return
            keep = (req.get("connection") or "").lower()
            if keep == "close" or (req.version == "HTTP/1.0" and
                                   keep != "keep-alive"):
                return

    def do_echo(self, req, *_):
        body = (json.dumps(self.describe(req)) + "\n").encode()
        kept = [("Connection", "keep-alive")] * (req.version == "HTTP/1.0")
        self.respond(req, 200, body,
                     [("Content-Type", "application/json")] + kept)

    def do_bytes(self, req, count="0", *_):
        left = int(count)
        chunked = "chunked" in req.query
        if chunked:
            self.head(req, 200, [("Transfer-Encoding", "chunked")])
        else:
            self.head(req, 200, length=left)
        if req.method == "HEAD":
            return
        while left:
            part = BLOCK[:left]
            left -= len(part)
            (self.chunk if chunked else self.send)(part)
        if chunked:
            self.send(b"0\r\n\r\n")

    def do_chunked(self, req, *_):
        self.head(req, 200, [("Transfer-Encoding", "chunked")])
        for part in (b"one", b"two", b"three"):
            self.chunk(part)
        self.send(b"0\r\n\r\n")

    def do_trailers(self, req, *_):
        self.head(req, 200, [("Transfer-Encoding", "chunked"),
                             ("Trailer", "X-Sum, X-Last")])
        self.chunk(b"body")
        self.send(b"0\r\nX-Sum: 4\r\nX-Last: yes\r\n\r\n")

    def do_close(self, req, *_):
        self.respond(req, 200, b"until the end", length=False)
        return True

    def do_slow(self, req, count="5", *_):
        return self.do_drip(req, count, "1000")

    def do_drip(self, req, count="5", ms="100", *_):
        self.head(req, 200, length=int(count))
        for _ in range(int(count)):
            self.send(b"x")
            time.sleep(int(ms) / 1000)

    def do_gate(self, req, name="", *_):
        self.head(req, 200, [("Transfer-Encoding", "chunked")])
        self.chunk(b"before\n")
        gate(name).wait(60)
        self.chunk(b"after\n")
        self.send(b"0\r\n\r\n")

    def do_open(self, req, name="", *_):
        gate(name).set()
        self.respond(req, 200, b"opened\n")

    def do_204(self, req, *_):
        self.head(req, 204)

    def do_304(self, req, *_):
        self.head(req, 304, [("ETag", '"x"'), ("Content-Length", "1000")])

    def do_status(self, req, code="200", *_):
        self.respond(req, code, ("status %s\n" % code).encode())

    def do_interim(self, req, *_):
        self.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        self.respond(req, 200, b"after hints\n")

    def do_100(self, req, *_):
        self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.read_body(req)
        return self.do_echo(req)

    def do_early(self, req, *_):
        self.respond(req, 413, b"too large\n", [("Connection", "close")])
        return True

    def do_hop(self, req, *_):
        self.respond(req, 200, b"hop\n", [
            ("Connection", "X-Named, keep-alive"), ("X-Named", "drop"),
            ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"),
            ("X-Kept", "yes")])

    def do_cookies(self, req, *_):
        self.respond(req, 200, b"cookies\n", [
            ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    def do_header(self, req, size="1000", *_):
        self.respond(req, 200, b"header\n", [("X-Long", "a" * int(size))])

    def do_hang(self, _req, *_):
        while True:
            self.fill()

    def do_ws(self, req, *_):
        key = (req.get("sec-websocket-key") or "").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.head(req, 101, [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accept)])
        while True:
            if not self.buf:
                self.fill()
            data, self.buf = self.buf, b""
            self.send(data)

    def do_reset(self, req, *_):
        self.head(req, 200, length=1000)
        self.send(b"x" * 500)
        time.sleep(0.05)
        self.reset()
        return True

    def do_reset_now(self, _req, *_):
        self.reset()
        return True

    def do_truncate(self, req, count="1000", *_):
        self.head(req, 200, length=int(count))
        self.send(b"x" * (int(count) // 2))
        return True


class Server:
    def __init__(self, log, certs):
        self.log = log
        if certs:
            self.files = (os.path.join(certs, "server.pem"),
                          os.path.join(certs, "server.key"))

    def listen(self, text, tls):
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, int(port)), family=family,
                                    backlog=1024)
        threading.Thread(target=self.accept, args=(sock, tls),
                         daemon=True).start()
        name = sock.getsockname()
        return ("[%s]:%d" if ":" in host else "%s:%d") % name[:2]

    def accept(self, sock, tls):
        while True:
            client, peer = sock.accept()
            threading.Thread(target=self.run, args=(client, peer, tls),
                             daemon=True).start()

    def run(self, sock, peer, tls):
        sock.settimeout(120)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = Connection(sock, peer, self)
        local = sock.getsockname()
        self.log.write(event="open", conn=conn.id, peer_port=peer[1],
                       local=local[0], local_port=local[1])
        end = "done"
        try:
            if tls:
                conn.sni = ""
                # An own context for each connection: its callback knows conn.
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.files)
                context.sni_callback = (
                    lambda s, name, c: setattr(conn, "sni", name or ""))
                conn.sock = context.wrap_socket(sock, server_side=True)
            conn.serve()
        except Ended as e:
            end = str(e)
        except (OSError, ValueError) as e:
            end = "%s: %s" % (type(e).__name__, e)
        self.log.write(event="end", conn=conn.id, how=end, sni=conn.sni,
                       received=conn.received)
        try:
            conn.sock.close()
        except OSError:
            pass
        sock.close()


def main(argv):
    listeners, log, certs, ready = [], None, None, 1
    args = iter(argv)
    for arg in args:
        if arg in ("-h", "--help"):
            print(__doc__.strip())
            return 0
        if arg in ("--http", "--https"):
            listeners.append((next(args), arg == "--https"))
        elif arg == "--log":
            log = next(args)
        elif arg == "--certs":
            certs = next(args)
        elif arg == "--ready-fd":
            ready = int(next(args))
        else:
            print("origin.py: unknown argument " + arg, file=sys.stderr)
            return 2
    server = Server(Log(log), certs)
    names = [server.listen(text, tls) for text, tls in listeners]
    os.write(ready, ("ready %s\n" % " ".join(names)).encode())
    if ready > 2:
        os.close(ready)
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
