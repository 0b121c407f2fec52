#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""logcheck.py - whether every line of a log is what the contract says

Usage: logcheck.py FILE...

Each line is one JSON object in printable ASCII with ts (RFC 3339, ms, UTC),
level and event; a field occurs once; known fields have their known types.
"""
import json
import re
import sys

TS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = {"debug", "info", "warn", "error"}
VERDICTS = {"allow", "deny", "would-deny", "error"}
PROTOS = {"connect", "http", "tls", "socks5", "tcp", "dns"}
TEXTS = {"event", "client", "method", "host", "sni", "addr", "reason", "rule"}
NUMBERS = {"port", "status", "bytes_up", "bytes_down", "ms_dns", "ms_connect",
           "ms_total"}


def once(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a field twice: %s" % keys)
    return dict(pairs)


def fault(line):
    """What is wrong with a line, or None."""
    if not line.endswith(b"\n"):
        return "no line feed"
    if not all(0x20 <= c <= 0x7e for c in line[:-1]):
        return "bytes outside printable ASCII"
    try:
        fields = json.loads(line, object_pairs_hook=once)
    except ValueError as e:
        return str(e)
    if not isinstance(fields, dict):
        return "not an object"
    if not TS.fullmatch(str(fields.get("ts"))):
        return "ts"
    if fields.get("level") not in LEVELS:
        return "level"
    if not isinstance(fields.get("event"), str):
        return "event"
    if fields.get("verdict", "allow") not in VERDICTS:
        return "verdict"
    if fields.get("proto", "http") not in PROTOS:
        return "proto"
    for name, value in fields.items():
        if name in TEXTS and not isinstance(value, str):
            return name + " is not a string"
        if name in NUMBERS and (isinstance(value, bool) or
                                not isinstance(value, int) or value < 0):
            return name + " is not a number"
    return None


def main(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if argv else 2
    status = 0
    for path in argv:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                text = fault(line)
                if text:
                    status = 1
                    print("%s:%d: %s: %r" % (path, number, text, line[:300]))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
