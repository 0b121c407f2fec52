#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""streamed.py PEN-JAIL ARG... - the first line must come before the last one
is asked for"""
import subprocess
import sys

script = "echo first; read x; echo last"
with subprocess.Popen(
    sys.argv[1:] + ["--", "sh", "-c", script],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
) as process:
    assert process.stdout.readline() == b"first\n"
    process.stdin.write(b"go\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"last\n"
    assert process.wait(10) == 0
