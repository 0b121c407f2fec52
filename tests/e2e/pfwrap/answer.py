#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""answer.py - runs a command on a terminal of its own and answers a question

Usage: answer.py QUESTION ANSWER CMD [ARG]...      the status is the command's
"""
import os
import pty
import sys

question, answer = sys.argv[1].encode(), sys.argv[2].encode()
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
said, answered = b"", False
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    said += data
    if question in said and not answered:
        os.write(terminal, answer + b"\n")
        answered = True
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
