# SPDX-License-Identifier: MIT
"""table.py - many small cases in one process: every row that fails is named

    table = Table()
    table.row("upper case", got, expected)
    sys.exit(table.finish(at_least=40))
"""
import os
import sys

PROXY = os.environ.get("PROXY", "")


class Table:
    def __init__(self):
        self.count, self.failed = 0, 0

    def check(self, name, good, detail=""):
        self.count += 1
        if not good:
            self.failed += 1
            print("FAILED %s: %s" % (name, detail))
        return good

    def row(self, name, got, expected):
        return self.check(name, got == expected,
                          "got %r, expected %r" % (got, expected))

    def run(self, name, function, *args):
        """A row that is a function: an exception is a failure of the row."""
        try:
            function(*args)
        except Exception as e:  # every kind of failure is the row's
            self.check(name, False, "%s: %s" % (type(e).__name__, e))

    def finish(self, at_least=1):
        print("%d rows, %d failed" % (self.count, self.failed))
        if self.count < at_least:
            print("FAILED: fewer than %d rows were run" % at_least)
            return 1
        sys.stdout.flush()
        return 1 if self.failed else 0
