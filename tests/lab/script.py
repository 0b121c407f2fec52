# SPDX-License-Identifier: MIT
"""script.py - the steps that raw.py plays as a client and tcpd.py as a server

  send=TEXT      with \\r \\n \\t \\\\ \\xNN escapes      hex=HEX    file=PATH
  bytes=TEXT     one segment a byte               pieces=N,TEXT  N bytes each
  fill=N         N bytes                          hello=NAME  a ClientHello
  connect=H:P    CONNECT, and its answer          socks=H:P   the same in SOCKS5
  line, head     read to a line feed, an empty line
  recv=N         read N bytes                     until=TEXT  read up to TEXT
  eof            read until the stream ends       silent=MS   nothing may come
  echo           send back what comes             sink        read, keep nothing
  fin            end of stream, still reading     rst         reset
  wait=MS        pause                            hold        never end
"""
import hashlib
import re
import threading
import time

import wire

ESCAPE = re.compile(r"\\(r|n|t|0|\\|x[0-9a-fA-F]{2})")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def unescape(text):
    """Bytes of a text with escapes."""
    return ESCAPE.sub(
        lambda m: PLAIN.get(m[1]) or (
            chr(int(m[1][1:], 16)) if m[1][0] == "x" else "\0"),
        text).encode("latin-1")


class StepError(Exception):
    pass


class Play:
    """Plays steps on a peer; notes digests of what "sink" and "echo" read."""

    def __init__(self, peer):
        self.peer = peer
        self.sunk = 0
        self.sha = hashlib.sha256()
        self.times = []

    def run(self, steps):
        for step in steps:
            name, _, arg = step.partition("=")
            action = getattr(self, "step_" + name, None)
            if action is None:
                raise StepError("unknown step: " + step)
            action(arg)
            self.times.append([name, self.peer.ms()])

    def step_send(self, arg):
        self.peer.send(unescape(arg))

    def step_hex(self, arg):
        self.peer.send(bytes.fromhex(arg))

    def step_file(self, arg):
        with open(arg, "rb") as file:
            while data := file.read(1 << 18):
                self.peer.send(data)

    def step_bytes(self, arg):
        self.peer.send_pieces(unescape(arg))

    def step_pieces(self, arg):
        size, _, text = arg.partition(",")
        self.peer.send_pieces(unescape(text), int(size))

    def step_fill(self, arg):
        left, block = int(arg), b"0123456789abcdef" * 4096
        while left and self.peer.end == "open":
            part = block[:left]
            self.peer.send(part)
            left -= len(part)

    def step_hello(self, arg):
        self.peer.send(wire.client_hello(arg or None))

    def step_connect(self, arg):
        status = self.peer.connect(arg)
        if status != 200:
            raise StepError("CONNECT %s: %s" % (arg, status))

    def step_socks(self, arg):
        host, _, port = arg.rpartition(":")
        self.peer.send(wire.SOCKS_HELLO)
        self.peer.exact(2)
        self.peer.send(wire.socks_request(host.encode(), int(port)))
        reply = self.peer.exact(4)
        if reply[1:2] != b"\0":
            raise StepError("SOCKS5 %s: %r" % (arg, reply))
        self.peer.exact(18 if reply[3] == 4 else 6)

    def step_line(self, _):
        self.peer.until(b"\n")

    def step_head(self, _):
        self.peer.until(b"\r\n\r\n")

    def step_recv(self, arg):
        self.peer.exact(int(arg))

    def step_until(self, arg):
        self.peer.until(unescape(arg))

    def step_eof(self, _):
        self.peer.to_end()

    def step_silent(self, arg):
        if not self.peer.silent(int(arg) / 1000):
            raise StepError("not silent: %r %s" % (
                self.peer.unread()[:80], self.peer.end))

    def drain(self, answer):
        peer = self.peer
        while True:
            data = peer.take(len(peer.unread()))
            peer.data, peer.taken = b"", 0
            self.sunk += len(data)
            self.sha.update(data)
            if answer and data:
                peer.send(data)
            if not peer.fill():
                return

    def step_echo(self, _):
        self.drain(True)

    def step_sink(self, _):
        self.drain(False)

    def step_fin(self, _):
        self.peer.fin()

    def step_rst(self, _):
        self.peer.rst()

    def step_wait(self, arg):
        time.sleep(int(arg) / 1000)

    def step_hold(self, _):
        threading.Event().wait()
