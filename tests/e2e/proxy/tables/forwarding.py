# SPDX-License-Identifier: MIT
"""forwarding.py - plain HTTP through the proxy, request by request

Usage: forwarding.py bodies|fields|pipeline|again|expect|upgrade|old|cut|short|
                     nonsense|targets
"""
import json
import sys
import time

from table import PROXY, Table
from wire import Peer, digest

HOST = "example.test"


def request(method="GET", path="/", fields=(), body=b"", host=HOST,
            version="1.1", target=None):
    lines = ["%s %s HTTP/%s" % (method, target or "http://%s%s" % (host, path),
                                version)]
    if not any(f.lower().startswith("host:") for f in fields):
        lines.append("Host: %s" % host)
    lines += list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def one(*args, method="GET", **options):
    with Peer(PROXY) as peer:
        peer.send(request(method, *args, **options))
        return peer.response(method)


def chunks(data, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + size]),
                                       data[i:i + size])
                    for i in range(0, len(data), size)) + b"0\r\n\r\n"


def bodies(table):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS",
                   "PROPFIND", "M-SEARCH"):
        status, _, body = one("/m", method=method)
        table.row(method, (status, json.loads(body)["method"]), (200, method))
    status, fields, body = one("/bytes/1000", method="HEAD")
    table.row("HEAD", (status, dict(fields).get("content-length"), body),
              (200, "1000", b""))
    for size in (0, 1, 1000, 70000, 3000000):
        data = bytes(i * 7 % 251 for i in range(size))
        status, _, body = one("/up", ["Content-Length: %d" % size], data,
                              method="POST")
        got = json.loads(body)
        table.row("upload of %d" % size, (
            status, got["body_bytes"], got["body_sha256"]),
            (200, size, digest(data)))
        for piece in (1, 1000) if size < 70000 else (9999,):
            status, _, body = one("/up", ["Transfer-Encoding: chunked"],
                                  chunks(data, piece), method="POST")
            got = json.loads(body)
            table.row("chunked upload of %d in %d" % (size, piece), (
                status, got["body_bytes"], got["body_sha256"]),
                (200, size, digest(data)))
        status, _, body = one("/bytes/%d" % size)
        table.row("download of %d" % size, (status, len(body)), (200, size))
        status, _, body = one("/bytes/%d?chunked" % size)
        table.row("chunked download of %d" % size, (status, len(body)),
                  (200, size))
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/up", ["Transfer-Encoding: chunked",
                                          "Trailer: X-T"],
                          b"3;ext=1;x=\"y\"\r\nabc\r\n0\r\nX-T: last\r\n\r\n"))
        _, _, body = peer.response()
        got = json.loads(body)
        table.row("chunk extensions and trailers go up", (
            got["body_bytes"], got["trailers"]), (3, ["X-T: last"]))
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/trailers", ["TE: trailers",
                                               "Connection: TE"]))
        text = peer.until(b"X-Last: yes\r\n\r\n")
        table.check("trailers come down", b"X-Sum: 4\r\n" in text and
                    text.endswith(b"X-Last: yes\r\n\r\n"), text[-80:])
    for path, wanted in (("/204", 204), ("/304", 304), ("/status/404", 404),
                         ("/status/500", 500), ("/status/299", 299)):
        status, fields, body = one(path)
        table.row(path, status, wanted)
        if wanted in (204, 304):
            table.row(path + " has no body", body, b"")
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/interim"))
        table.row("103 passes", peer.response()[0], 103)
        table.row("200 after 103", peer.response()[0], 200)
    for path in ("/304", "/204"):
        with Peer(PROXY) as peer:
            peer.send(request("GET", path) + request("GET", "/next"))
            peer.response()
            status, _, body = peer.response()
            table.row("a request after " + path, (
                status, json.loads(body)["target"]), (200, "/next"))
    _, fields, _ = one("/cookies")
    table.row("Set-Cookie twice", [v for n, v in fields if n == "set-cookie"],
              ["a=1", "b=2"])
    status, fields, _ = one("/header/8000")
    table.row("a long response field", (status, len(dict(fields)["x-long"])),
              (200, 8000))
    with Peer(PROXY) as peer:
        peer.send_pieces(request("POST", "/up", ["Content-Length: 5"],
                                 b"hello"))
        status, _, body = peer.response()
        table.row("byte by byte", (status, json.loads(body)["body_bytes"]),
                  (200, 5))
    status, _, body = one("/", host="example.test:8008")
    table.row("a response byte by byte", (status, body), (200, b"hello"))
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/early", ["Content-Length: 100000000"]))
        peer.send(b"x" * 100000)
        table.row("an early answer to an upload", peer.response()[0], 413)


def fields(table):
    sent = ["Connection: close, X-Named, HTTP2-Settings", "X-Named: secret",
            "Keep-Alive: 300", "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic eDp5", "Proxy-Authenticate: x",
            "TE: gzip", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk",
            "X-First: 1", "X-Kept: a", "X-Kept: b", "Cookie: c=d",
            "Authorization: Bearer t", "X-Empty:", "x-lower:  spaced  "]
    _, _, body = one("/f", sent)
    got = json.loads(body)["headers"]
    names = [n.lower() for n, _ in got]
    for name in ("x-named", "keep-alive", "proxy-connection",
                 "proxy-authorization", "proxy-authenticate", "upgrade",
                 "http2-settings"):
        table.check("request field dropped: " + name, name not in names, got)
    table.check("TE: gzip dropped", ("TE", "gzip") not in map(tuple, got), got)
    kept = [tuple(x) for x in got if x[0].startswith(("X-", "x-", "Co", "Au"))
            and x[0] != "Connection"]
    table.row("kept in order", kept, [
        ("X-First", "1"), ("X-Kept", "a"), ("X-Kept", "b"), ("Cookie", "c=d"),
        ("Authorization", "Bearer t"), ("X-Empty", ""), ("x-lower", "spaced")])
    via = [v for n, v in got if n.lower() == "via"]
    table.row("Via", via, ["1.1 pen-proxy"])
    table.row("Host", [v for n, v in got if n.lower() == "host"], [HOST])
    table.check("no X-Forwarded-For", "x-forwarded-for" not in names, got)
    table.row("origin form", json.loads(body)["line"], "GET /f HTTP/1.1")
    _, _, body = one("/f", ["Via: 1.0 before"])
    via = ", ".join(v for n, v in json.loads(body)["headers"]
                    if n.lower() == "via")
    table.row("Via is appended", via, "1.0 before, 1.1 pen-proxy")
    _, _, body = one("/f", ["Connection: Host, X-A", "X-A: 1"])
    names = [n.lower() for n, _ in json.loads(body)["headers"]]
    table.check("Connection: Host does not drop Host", "host" in names, names)
    status, _, body = one("/f", ["Connection: Content-Length",
                                 "Content-Length: 3"], b"abc", method="POST")
    table.check("Connection: Content-Length does not unframe a body",
                status == 400 or json.loads(body)["body_bytes"] == 3, body)
    status, _, body = one("/f", ["Connection: X-A", "X-A: 1",
                                 "X-Long: " + "a" * 3000, "X-B: 2",
                                 "Connection: X-B"])
    table.row("two Connection fields, far apart", (
        status, [n for n, _ in json.loads(body or b"{}").get("headers", ())]),
        (200, ["Host", "X-Long", "Via"]))
    status, got, _ = one("/", host="example.test:8013")
    table.row("and in a response", (status, [n for n, _ in got]),
              (200, ["x-long", "content-length", "via"]))
    many = ["X-%d: y" % i for i in range(3000)]
    status, _, body = one("/f", many)
    table.row("3000 fields within max-head", (
        status, len(json.loads(body or b"{}").get("headers", ()))),
        (200, 3002))
    _, got, _ = one("/hop")
    names = dict(got)
    for name in ("x-named", "keep-alive", "proxy-connection"):
        table.check("response field dropped: " + name, name not in names, got)
    table.row("response field kept", names.get("x-kept"), "yes")
    table.check("response Via", "pen-proxy" in names.get("via", ""), got)
    _, _, body = one("/f", ["Host: EXAMPLE.TEST.:80"])
    table.check("an agreeing Host reaches the origin as the target's",
                [v.lower().rstrip(".") for n, v in json.loads(body)["headers"]
                 if n.lower() == "host"][0].startswith("example.test"), body)


def pipeline(table):
    for name, text in (("SOCKS5", b"\x05\x01\x00"), ("TLS", b"\x16\x03\x01"),
                       ("a space", b" GET"), ("NUL", b"\0")):
        with Peer(PROXY) as peer:
            peer.send(request())
            table.row("a request", peer.response()[0], 200)
            peer.send(text + b"\r\n\r\n")
            table.row("%s behind a request" % name, peer.response()[0], 400)
            peer.to_end()
            table.row("%s: the end" % name, peer.end, "fin")
    with Peer(PROXY) as peer:
        for i in range(20):
            peer.send(request("GET", "/k%d" % i))
            status, _, body = peer.response()
            table.row("kept alive %d" % i, (
                status, json.loads(body)["target"]), (200, "/k%d" % i))
    with Peer(PROXY) as peer:
        peer.send(b"".join(request("GET", "/p%d" % i) for i in range(20)))
        for i in range(20):
            status, _, body = peer.response()
            table.row("pipelined %d" % i, (
                status, json.loads(body)["target"]), (200, "/p%d" % i))
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/a") +
                  request("GET", "/b", host="other.test") +
                  request("GET", "/c"))
        table.row("first, allowed", peer.response()[0], 200)
        table.row("second, refused", peer.response()[0], 403)
        status, _, _ = peer.response()
        table.check("third, allowed or closed", status in (200, None), status)
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/a", ["Content-Length: 3"], b"abc") +
                  request("POST", "/b", ["Content-Length: 3"], b"def",
                          host="other.test"))
        table.row("upload, allowed", peer.response()[0], 200)
        table.row("upload, refused", peer.response()[0], 403)
    # To different hosts in turn, on one client connection.
    with Peer(PROXY) as peer:
        for i in range(6):
            port = ("", ":8080")[i % 2]
            peer.send(request("GET", "/", host=HOST + port))
            status, _, body = peer.response()
            table.row("port %s in turn" % port, (
                status, json.loads(body)["local_port"]),
                (200, (80, 8080)[i % 2]))
    # An origin's extra response never answers the next request.
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", host=HOST + ":8010"))
        table.row("response with an extra one behind it",
                  peer.response()[2], b"ok")
        peer.send(request("GET", "/second"))
        status, _, body = peer.response()
        table.check("the extra response is dropped",
                    status == 200 and b"/second" in body, body)
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", ["Connection: close"]))
        _, got, _ = peer.response()
        table.row("Connection: close is honoured",
                  (peer.to_end(), peer.end), (b"", "fin"))
    with Peer(PROXY) as peer:
        peer.send(b"\r\n\r\n" + request("GET", "/after-empty"))
        table.check("empty lines ahead of a request",
                    peer.response()[0] in (200, 400))


def again(table):
    """The kept connection ends with its second request."""
    for port, how in ((8014, "reset"), (8015, "ended")):
        host = "%s:%d" % (HOST, port)
        for name, second, expected in (
                ("a GET", request("GET", "/", host=host), 200),
                ("a POST", request("POST", "/", ["Content-Length: 0"],
                                   host=host), 502),
                ("a PUT with a body",
                 request("PUT", "/", ["Content-Length: 3"], b"abc", host=host),
                 502)):
            with Peer(PROXY) as peer:
                peer.send(request("GET", "/", host=host))
                table.row("the first", peer.response()[0], 200)
                peer.send(second)
                table.row("%s on a connection that is %s" % (name, how),
                          peer.response()[0], expected)


def expect(table):
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/100", ["Content-Length: 5",
                                           "Expect: 100-continue"]))
        table.row("100", peer.response()[0], 100)
        peer.send(b"hello")
        status, _, body = peer.response()
        table.row("then 200", (status, json.loads(body)["body_bytes"]),
                  (200, 5))
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/early", ["Content-Length: 5",
                                             "Expect: 100-continue"]))
        table.row("a final status instead of 100", peer.response()[0], 413)
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/x", ["Content-Length: 5",
                                         "Expect: 100-continue"],
                          host="other.test"))
        table.row("refused without asking for the body",
                  peer.response()[0], 403)


UPGRADE = ["Connection: Upgrade", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def upgrade(table):
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/ws", ["Upgrade: websocket"] + UPGRADE))
        head = peer.until(b"\r\n\r\n").decode()
        table.check("101", head.startswith("HTTP/1.1 101 "), head)
        table.check("accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head)
        table.check("upgrade passes", "upgrade: websocket" in head.lower(),
                    head)
        for text in (b"\x81\x05hello", bytes(range(256)), b"z" * 100000):
            peer.send(text)
            table.row("echo of %d" % len(text), peer.exact(len(text)), text)
        peer.fin()
        table.row("end", (peer.to_end(), peer.end), (b"", "fin"))
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/ws", ["Upgrade: websocket"] + UPGRADE) +
                  b"\x81\x05early")
        peer.until(b"\r\n\r\n")
        table.row("early frames", peer.exact(7), b"\x81\x05early")
    for value in ("h2c", "h2c, websocket", "TLS/1.0"):
        _, _, body = one("/u", ["Upgrade: " + value] + UPGRADE)
        got = [v for n, v in json.loads(body)["headers"]
               if n.lower() == "upgrade"] if body.startswith(b"{") else ["?"]
        table.check("Upgrade: %s is not passed" % value,
                    not any("h2c" in v or "TLS" in v for v in got), got)
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", host=HOST + ":8011"))
        table.row("a 101 that nobody asked for", peer.response()[0], 502)


def old(table):
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", version="1.0"))
        status, got, body = peer.response()
        peer.to_end()
        table.row("HTTP/1.0", (status, peer.end), (200, "fin"))
    with Peer(PROXY) as peer:
        peer.send(b"GET http://example.test/x HTTP/1.0\r\n\r\n")
        status, _, body = peer.response()
        got = json.loads(body)
        table.row("HTTP/1.0 without Host", status, 200)
        table.check("the origin gets one", ["Host", HOST] in got["headers"] or
                    ["host", HOST] in got["headers"], got["headers"])
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/chunked", version="1.0"))
        head = peer.until(b"\r\n\r\n").lower()
        table.check("no chunks for HTTP/1.0", b"transfer-encoding" not in head,
                    head)
        table.row("decoded", (peer.to_end(), peer.end),
                  (b"onetwothree", "fin"))
    with Peer(PROXY) as peer:
        for i in range(3):
            peer.send(request("GET", "/%d" % i, ["Connection: keep-alive"],
                              version="1.0"))
            status, got, body = peer.response()
            if status != 200:
                break
        table.row("keep-alive in HTTP/1.0", (status, i), (200, 2))
    status, _, body = one("/", host=HOST + ":8001")
    table.row("an HTTP/1.0 origin", (status, body), (200, b"old"))
    with Peer(PROXY) as peer:
        peer.send(request("POST", "/", ["Transfer-Encoding: chunked"],
                          b"0\r\n\r\n", version="1.0"))
        table.row("Transfer-Encoding in HTTP/1.0", peer.response()[0], 400)


def cut(table):
    status, _, body = one("/close")
    table.row("until the end", (status, body), (200, b"until the end"))
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/truncate/1000"))
        status, got, body = peer.response()
        table.check("a short body stays short", len(body) == 500 and
                    peer.end in ("fin", "rst"), (len(body), peer.end))
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", host=HOST + ":8006"))
        text = peer.to_end()
        table.check("chunks cut short get no last chunk",
                    b"0\r\n\r\n" not in text and peer.end in ("fin", "rst"),
                    text)
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/reset"))
        status, _, body = peer.response()
        table.check("a reset in mid-body", len(body) <= 500 and
                    peer.end in ("fin", "rst"), (len(body), peer.end))
    status, got, _ = one("/reset-now")
    table.row("a reset ahead of the response", status, 502)
    status, got, _ = one("/", host=HOST + ":8003")
    table.row("an end ahead of the response", status, 502)


def short(table):
    for framing, body in (("Content-Length: 1000", b"x" * 500),
                          ("Transfer-Encoding: chunked", b"5\r\nhel")):
        for how in ("fin", "rst"):
            with Peer(PROXY, timeout=3) as peer:
                peer.send(request("POST", "/up", [framing], body))
                time.sleep(0.1)
                if how == "rst":
                    peer.rst()
                    table.check(framing + " rst", True)
                    continue
                peer.fin()
                text = peer.to_end()
                table.check(framing + " " + how, peer.end in ("fin", "rst")
                            and not text.startswith(b"HTTP/1.1 200"),
                            (text[:50], peer.end))


def nonsense(table):
    for port, name in ((8002, "not HTTP"), (8004, "two lengths"),
                       (8005, "length and chunked"), (8012, "obs-fold")):
        with Peer(PROXY) as peer:
            peer.send(request("GET", "/", host=HOST + ":%d" % port))
            status, got, _ = peer.response()
            table.row(name, status, 502)
            table.check(name + ": why", "error=http_" in dict(got).get(
                "proxy-status", ""), got)
    with Peer(PROXY) as peer:
        peer.send(request("GET", "/", host=HOST + ":8007"))
        text = peer.to_end()
        table.check("a bad chunk size ends the response, incomplete",
                    b"\r\n0\r\n\r\n" not in text and b"hello" not in text,
                    text)


def targets(table):
    for path in ("/a?b=c&d=e", "/%41%00%2e%2e/", "/../x", "//double", "/a;b",
                 "/a?http://other.test/", "/" + "x" * 7000, "/~'()*!$,",
                 "/a#b"):
        with Peer(PROXY) as peer:
            peer.send(request("GET", path))
            status, _, body = peer.response()
            if "#" in path:
                table.check("a fragment", status in (200, 400), status)
                continue
            table.row("target " + path[:40], (
                status, json.loads(body)["target"]), (200, path))
    for target, wanted in (
            ("http://example.test", "/"), ("http://example.test?q=1", "/?q=1"),
            ("HTTP://EXAMPLE.TEST/x", "/x"), ("http://example.test:80/x", "/x"),
            ("http://example.test./x", "/x"), ("http://example.test:/x", None)):
        with Peer(PROXY) as peer:
            peer.send(request("GET", target=target))
            status, _, body = peer.response()
            if wanted is None:
                table.check(target, status in (200, 400), status)
            else:
                table.row(target, (status, status == 200 and
                                   json.loads(body)["target"]), (200, wanted))
    with Peer(PROXY) as peer:
        peer.send(request("OPTIONS", target="http://example.test"))
        status, _, body = peer.response()
        table.row("OPTIONS of the whole server", (
            status, json.loads(body)["target"]), (200, "*"))
    for target in ("ftp://example.test/", "http:///x", "http://", "http:/x",
                   "example.test/x", "http://u:p@example.test/",
                   "http://example.test:99999/", "http://example.test:8o/",
                   "http://exa mple.test/", "http://[::1/", "*"):
        with Peer(PROXY) as peer:
            peer.send(request("GET", target=target))
            status, _, _ = peer.response()
            table.check("target " + target, status in (400, 501), status)


def main():
    started = time.monotonic()
    table = Table()
    {"bodies": bodies, "fields": fields, "pipeline": pipeline,
     "expect": expect, "upgrade": upgrade, "old": old, "cut": cut,
     "nonsense": nonsense, "short": short, "again": again,
     "targets": targets}[sys.argv[1]](table)
    print("%d ms" % ((time.monotonic() - started) * 1000))
    return table.finish(at_least=4)


if __name__ == "__main__":
    sys.exit(main())
