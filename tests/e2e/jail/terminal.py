#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""terminal.py PEN-JAIL ARG... - size, change of size, Ctrl-C, and the
terminal put back as it was"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time


def size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def expect(fd, text, seen=b""):
    deadline = time.monotonic() + 10
    while text not in seen:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.exit("waited for %r, got %r" % (text, seen))
        seen += os.read(fd, 4096)


SCRIPT = """
trap 'stty size; echo winch' WINCH
trap 'echo int; exit 5' INT
stty size; echo ready
while :; do sleep 0.05; done
"""
master, slave = pty.openpty()
size(slave, 33, 99)
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.execv(sys.argv[1], sys.argv[1:] + ["--", "sh", "-c", SCRIPT])
expect(master, b"33 99\r\nready")
size(master, 40, 120)
expect(master, b"40 120\r\nwinch")
os.write(master, b"\x03")
expect(master, b"int")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if status != 5:
    sys.exit("exit status %d" % status)
if termios.tcgetattr(slave) != before:
    sys.exit("the terminal was not put back")
