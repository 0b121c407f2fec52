#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""raw.py - a scripted TCP client: plays steps, prints JSON of what came back

Usage: raw.py [--timeout SECONDS] [--source ADDR] ADDR:PORT|unix:PATH STEP...

Prints {"data", "bytes", "sha256", "end", "alert", "sunk", "ms", "times",
"error"}; end is "open", "fin", "rst" or "timeout"; alert is the description
of the TLS alert that came last, or null.  Status 1 if a step failed.
"""
import json
import sys

import script
import wire


def alert_of(data):
    """The description of a TLS alert record at the end of data, or None."""
    if len(data) >= 7 and data[-7] == 21 and data[-4:-2] == b"\0\2":
        return data[-1]
    return None


def main(argv):
    timeout, source = 10.0, None
    while argv and argv[0].startswith("--"):
        if argv[0] == "--help":
            print(__doc__.strip() + "\n\nSteps:\n" +
                  script.__doc__.split("\n\n", 1)[1].rstrip())
            return 0
        if argv[0] == "--timeout":
            timeout = float(argv[1])
        elif argv[0] == "--source":
            source = argv[1]
        argv = argv[2:]
    error, peer = None, None
    try:
        peer = wire.Peer(argv[0], timeout=timeout, source=source)
        play = script.Play(peer)
        play.run(argv[1:])
    except (script.StepError, OSError) as e:
        error = str(e)
    if peer is None:
        print(json.dumps({"error": error}))
        return 1
    print(json.dumps({
        "data": peer.data[:65536].decode("latin-1"), "bytes": len(peer.data),
        "sha256": wire.digest(peer.data), "end": peer.end,
        "alert": alert_of(peer.data), "sunk": play.sunk, "ms": peer.ms(),
        "times": play.times, "error": error}))
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
