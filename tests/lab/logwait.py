#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""logwait.py - waits until enough lines of a growing JSON log pass a filter

Usage: logwait.py FILE FILTER [COUNT [SECONDS]]

FILTER is a jq filter such as 'select(.event == "deny")'.  Prints the first
COUNT (default 1) lines that pass; status 1, with the end of the log on
standard error, if there are fewer after SECONDS (default 5).
"""
import os
import select
import subprocess
import sys
import time


def main(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if argv else 2
    file, expression = argv[0], argv[1]
    count = int(argv[2]) if len(argv) > 2 else 1
    end = time.monotonic() + (float(argv[3]) if len(argv) > 3 else 5)
    tail = subprocess.Popen(["tail", "-n", "+1", "-F", file],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    jq = subprocess.Popen(["jq", "--unbuffered", "-c", expression],
                          stdin=tail.stdout, stdout=subprocess.PIPE)
    out = b""
    while out.count(b"\n") < count:
        left = end - time.monotonic()
        if left <= 0 or not select.select([jq.stdout], [], [], left)[0]:
            break
        data = os.read(jq.stdout.fileno(), 1 << 16)
        if not data:
            break
        out += data
    for child in (tail, jq):
        child.kill()
        child.wait()
    lines = out.splitlines(True)[:count]
    sys.stdout.write(b"".join(lines).decode())
    if len(lines) == count:
        return 0
    sys.stderr.write("logwait: %d of %d lines pass %s\n" % (
        len(lines), count, expression))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
