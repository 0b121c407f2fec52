#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""stopped.py PEN-JAIL ARG... - SIGTSTP stops client and command, SIGCONT
wakes both"""
import os
import select
import signal
import subprocess
import sys

script = "while :; do echo tick; sleep 0.02; done"
with subprocess.Popen(
    sys.argv[1:] + ["--", "sh", "-c", script], stdout=subprocess.PIPE
) as process:
    process.stdout.readline()
    process.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
    fd = process.stdout.fileno()
    while select.select([fd], [], [], 0.5)[0]:
        os.read(fd, 65536)
    process.send_signal(signal.SIGCONT)
    assert select.select([fd], [], [], 5)[0], "does not go on"
    process.kill()
