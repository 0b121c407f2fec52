#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill.py - runs a command and sends it a signal after some milliseconds

Usage: kill.py MILLISECONDS SIGNAL CMD [ARG]...      the status is the command's
"""
import signal
import subprocess
import sys

p = subprocess.Popen(sys.argv[3:])
try:
    p.wait(timeout=int(sys.argv[1]) / 1000)
except subprocess.TimeoutExpired:
    p.send_signal(getattr(signal, "SIG" + sys.argv[2]))
    # Stopped before main() it would stay so; after that it is not stopped.
    p.send_signal(signal.SIGCONT)
sys.exit(p.wait(timeout=30) % 256)
