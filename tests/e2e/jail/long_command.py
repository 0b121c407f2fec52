#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""long_command.py BYTES PEN-JAIL ARG... - arguments of so many bytes in all"""
import resource
import subprocess
import sys

size = int(sys.argv[1])
# One argument may have 128 KiB at most.
words = ["x" * 99999] * (size // 100000)
if size % 100000:
    words.append("x" * (size % 100000 - 1))
# A quarter of the stack is for arguments, 6 MiB at most.
hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, hard))
try:
    done = subprocess.run(
        sys.argv[2:] + ["--", "sh", "-c", 'printf %s "$@" | wc -c', "-"] + words,
        capture_output=True,
        check=False,
        timeout=20,
        env={"HOME": "/nonexistent"},
    )
except OSError as error:
    sys.exit(error.strerror)
print(done.stderr.decode()[:500], end="")
got = int(done.stdout or 0) + len(words)
print("status %d, %d bytes" % (done.returncode, got))
