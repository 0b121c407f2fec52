#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""processes.py - find the processes of a test

Usage: processes.py DIR               waits until no process of the test that
                                      runs in DIR is left; after 5 seconds
                                      lists them and fails
       processes.py --child PID NAME  the descendant of PID named NAME
"""
import os
import sys
import time


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def table():
    """PID to (parent, name, state) of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        stat = read("/proc/%s/stat" % name).decode("latin-1")
        if not stat:
            continue
        after = stat.rpartition(")")[2].split()
        label = stat[stat.index("(") + 1 : stat.rindex(")")]
        found[int(name)] = (int(after[1]), label, after[0])
    return found


def find_child(pid, wanted):
    procs = table()
    todo = [pid]
    while todo:
        parent = todo.pop(0)
        for child in sorted(procs):
            if procs[child][0] != parent:
                continue
            if procs[child][1] == wanted:
                print(child)
                return
            todo.append(child)
    sys.exit("no %s under %d" % (wanted, pid))


# Of bwrap's children init has no environment; it does not outlive bwrap.
NAMES = ("pen-jail", "bwrap", "pen-janitor", "pen-proxy")


def list_test(folder):
    mark = os.fsencode(folder)
    lines = []
    for pid, (parent, name, state) in sorted(table().items()):
        argv = read("/proc/%d/cmdline" % pid).split(b"\0")
        ours = name in NAMES or any(a.endswith(b"stub_proxy.py") for a in argv)
        if not ours or state == "Z":
            continue
        if mark in read("/proc/%d/environ" % pid) or mark in b" ".join(argv):
            lines.append("%d %d %s %s" % (pid, parent, name, b" ".join(argv)))
    return lines


def wait_gone(folder):
    deadline = time.monotonic() + 5
    left = list_test(folder)
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = list_test(folder)
    if left:
        sys.exit("still running:\n" + "\n".join(left))


if sys.argv[1] == "--child":
    find_child(int(sys.argv[2]), sys.argv[3])
else:
    wait_gone(sys.argv[1])
