#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""press_tab.py - types into a real shell on a terminal, and prints what came of it

Usage: press_tab.py SHELL PEN TEXT

Loads the completion that PEN prints into the interactive SHELL (bash, zsh or
fish), types TEXT, in which ^I is the Tab key, and prints the words of the line
that results, one a line.
"""

import os
import pty
import select
import sys
import time

ARGUMENTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}

LOAD = {
    "bash": "PS1=; source <({pen} completion bash)",
    "zsh": "PS1=; autoload -Uz compinit; compinit -u -D; source <({pen} completion zsh)",
    "fish": "function fish_prompt; end; {pen} completion fish | source",
}


def main():
    shell, pen, text = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.environ["HISTFILE"] = "/dev/null"
        os.execvp(ARGUMENTS[shell][0], ARGUMENTS[shell])
    seen = b""
    deadline = time.monotonic() + 40

    def until(mark):
        nonlocal seen
        while mark not in seen:
            ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
            if not ready:
                sys.exit("no answer: %r" % seen)
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                sys.exit("the shell ended: %r" % seen)

    def send(line):
        os.write(terminal, line.encode())

    # Each mark is computed by the shell, so that its echo is not taken for it.
    send(LOAD[shell].format(pen=pen) + "; printf 'load%s\\n' ed\r")
    until(b"loaded")
    seen = b""
    # The line goes to printf: Ctrl-A is the start of it, Ctrl-E the end.
    send(text.replace("^I", "\t") + "\x01printf '<%s>\\n' \x05; printf 'do%s\\n' ne\r")
    until(b"done\r")
    os.close(terminal)
    os.waitpid(pid, 0)
    lines = seen.decode(errors="replace").replace("\r", "").split("\n")
    for line in lines:
        if line.startswith("<") and line.endswith(">"):
            print(line[1:-1])


main()
