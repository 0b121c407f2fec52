#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""signalled.py SIGNAL PEN-JAIL ARG... - send SIGNAL to pen-jail when its command
has a trap for it, and say what came of it"""
import signal
import subprocess
import sys

name, command = sys.argv[1], sys.argv[2:]
number = getattr(signal, "SIG" + name)
# A shell's background jobs ignore SIGINT, and an ignored signal stays ignored.
signal.signal(number, signal.SIG_DFL)
script = "trap 'echo got %s; exit 42' %s; echo ready; while :; do sleep 0.05; done"
with subprocess.Popen(
    command + ["--", "sh", "-c", script % (name, name)], stdout=subprocess.PIPE
) as process:
    process.stdout.readline()
    process.send_signal(number)
    said = process.stdout.readline().decode().strip()
    print("%s, exit %d" % (said, process.wait(10)))
