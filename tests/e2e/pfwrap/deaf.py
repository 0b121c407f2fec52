#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""deaf.py - runs a command whose stdout and stderr are a full pipe

Usage: deaf.py CMD [ARG]...

Prints "waits" once the command sleeps in a write to it, or has ended, and stays
for as long as a minute.  On stdin the command finds a list with a fault.
"""
import fcntl
import os
import subprocess
import sys
import time


def full_pipe():
    """The end for writing; the other stays open, and unread."""
    out = os.pipe()[1]
    fcntl.fcntl(out, 1031, 4096)  # F_SETPIPE_SZ
    os.set_blocking(out, False)
    try:
        while True:
            os.write(out, b"." * 512)
    except BlockingIOError:
        os.set_blocking(out, True)
        return out


def descendants(pid):
    """The process, and all that came of it."""
    found = [pid]
    for task in found:
        try:
            with open("/proc/%d/task/%d/children" % (task, task)) as f:
                found += [int(n) for n in f.read().split()]
        except OSError:
            pass
    return found


def writes(pid):
    """Whether the process sleeps in write(2) to a pipe."""
    try:
        with open("/proc/%d/wchan" % pid) as f:
            return "pipe_write" in f.read()
    except OSError:
        return False


def main(argv):
    out = full_pipe()
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=out) as p:
        p.stdin.write(b"a fault\n")
        p.stdin.close()
        end = time.monotonic() + 10
        while (p.poll() is None and time.monotonic() < end and
               not any(writes(pid) for pid in descendants(p.pid))):
            time.sleep(0.02)
        print("waits" if p.poll() is None else "ended", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1:])
