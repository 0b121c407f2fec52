# SPDX-License-Identifier: MIT
"""matching.py - rules against targets, through pen-proxy --check

Usage: matching.py rules|precedence|spellings|expectations
"""
import os
import re
import subprocess
import sys

from table import Table

LAB = os.environ["LAB"]
PEN_PROXY = os.environ["PEN_PROXY"]
INI, RULES = os.path.join(LAB, "match.ini"), os.path.join(LAB, "match-rules")
ALLOW, DENY, BAD = 0, 3, 2


def policy(text):
    with open(RULES, "w", encoding="latin-1") as file:
        file.write(text)
    with open(INI, "w", encoding="ascii") as file:
        file.write("[policy]\nallowlist = %s\n" % RULES)


def check(target):
    """Exit status, and the line number of the rule."""
    result = subprocess.run([PEN_PROXY, "--check", target, "-c", INI],
                            timeout=10, capture_output=True, check=False)
    text = (result.stdout + result.stderr).decode("latin-1")
    found = re.search(re.escape(RULES) + r":(\d+)", text)
    return result.returncode, int(found[1]) if found else None


RULE_ROWS = [
    ("example.test:443", [
        ("example.test:443", ALLOW), ("EXAMPLE.TEST:443", ALLOW),
        ("example.test.:443", ALLOW), ("example.test:80", DENY),
        ("example.test:4430", DENY), ("a.example.test:443", DENY),
        ("xexample.test:443", DENY), ("example.test.x:443", DENY),
        ("test:443", DENY)]),
    ("*.example.test:443", [
        ("a.example.test:443", ALLOW), ("a.b.c.example.test:443", ALLOW),
        ("A.EXAMPLE.test.:443", ALLOW), ("example.test:443", DENY),
        ("aexample.test:443", DENY), ("a.example.test:80", DENY),
        ("a.example.test.b:443", DENY), ("_a.example.test:443", ALLOW)]),
    ("example.test:*", [
        ("example.test:1", ALLOW), ("example.test:65535", ALLOW),
        ("a.example.test:1", DENY)]),
    ("example.test:8000-8010", [
        ("example.test:7999", DENY), ("example.test:8000", ALLOW),
        ("example.test:8005", ALLOW), ("example.test:8010", ALLOW),
        ("example.test:8011", DENY)]),
    ("*.example.test:*", [
        ("a.example.test:1", ALLOW), ("example.test:1", DENY)]),
    ("45.45.45.10:443", [
        ("45.45.45.10:443", ALLOW), ("[::ffff:45.45.45.10]:443", ALLOW),
        ("[::ffff:2d2d:2d0a]:443", ALLOW), ("45.45.45.11:443", DENY),
        ("45.45.45.10:80", DENY), ("[64:ff9b::2d2d:2d0a]:443", DENY)]),
    ("[2a00:45:45::10]:443", [
        ("[2a00:45:45::10]:443", ALLOW),
        ("[2A00:0045:0045:0:0:0:0:0010]:443", ALLOW),
        ("[2a00:45:45:0::10]:443", ALLOW), ("[2a00:45:45::11]:443", DENY)]),
    ("10.0.0.5:5432", [("10.0.0.5:5432", ALLOW), ("10.0.0.6:5432", DENY)]),
    ("[::ffff:45.45.45.10]:443", [("45.45.45.10:443", ALLOW)]),
    ("example.test:443 until=2020-01-01T00:00Z", [
        ("example.test:443", DENY)]),
    ("example.test:443 until=2199-01-01T00:00Z", [
        ("example.test:443", ALLOW)]),
    ("", [("example.test:443", DENY)]),
]


def rules(table):
    for text, rows in RULE_ROWS:
        policy(text + "\n")
        for target, wanted in rows:
            status, line = check(target)
            table.row("%s for %s" % (text, target), status, wanted)
            if wanted == ALLOW:
                table.row("%s for %s: the rule" % (text, target), line, 1)


# Lines of a policy, and which of them counts.
PRECEDENCE = [
    (["*.example.test:443", "a.example.test:443"], "a.example.test:443", 2),
    (["a.example.test:443", "*.example.test:443"], "a.example.test:443", 1),
    (["*.test:443", "*.example.test:443", "*.b.example.test:443"],
     "a.b.example.test:443", 3),
    (["*.b.example.test:443", "*.test:443", "*.example.test:443"],
     "a.b.example.test:443", 1),
    (["*.b.example.test:443", "*.test:443", "*.example.test:443"],
     "a.example.test:443", 3),
    (["example.test:*", "example.test:443"], "example.test:443", 2),
    (["example.test:443", "example.test:*"], "example.test:443", 1),
    (["example.test:1-1000", "example.test:400-500", "example.test:*"],
     "example.test:443", 2),
    (["example.test:400-500", "example.test:443"], "example.test:443", 2),
    (["example.test:443", "example.test:443 why=\"later\""],
     "example.test:443", 2),
    (["example.test:400-499", "example.test:440-539"], "example.test:443", 2),
    # An exact host goes before a wildcard with a closer port.
    (["a.example.test:*", "*.example.test:443"], "a.example.test:443", 1),
    # A rule that has ended does not count: the next one does.
    (["example.test:*", "example.test:443 until=2020-01-01T00:00Z"],
     "example.test:443", 1),
    # Wildcards on a deeper name do not hide a shallower one.
    (["*.test:80", "*.example.test:443"], "a.example.test:80", 1),
    (["10.0.0.5:*", "10.0.0.5:5432"], "10.0.0.5:5432", 2),
]


def precedence(table):
    for lines, target, wanted in PRECEDENCE:
        policy("\n".join(lines) + "\n")
        table.row("%s among %s" % (target, lines), check(target),
                  (ALLOW, wanted))


GOOD_HOSTS = """
example.test EXAMPLE.TEST Example.Test example.test. EXAMPLE.test.
""".split()

BAD_HOSTS = [
    "", ".", "..", ".example.test", "example..test", "example.test..",
    " example.test", "example.test ", "exam ple.test", "example.test\t",
    "example.test\n", "example.test\r", "\texample.test", "example\x0btest",
    "example.test%00", "example.test%2e", "%65xample.test", "example%2etest",
    "example.test\x01", "example.test\x7f", "user@example.test",
    "user:pw@example.test", "@example.test", "example.test@", "exam\\ple.test",
    "example.test\\", "example.test/", "/example.test", "example.test/x",
    "http://example.test", "//example.test", "example.test?", "example.test#",
    "example.test;", "example,test", "example.test,other.test", "example!test",
    "exam'ple.test", "exam\"ple.test", "exam`ple.test", "$example.test",
    "example.test&", "(example.test)", "*.example.test", "*", "exam*ple.test",
    "[example.test]", "[example.test", "example.test]", "[]", "[", "]",
    "ex\u00e4mple.test", "example\u3002test", "example\uff0etest",
    "\uff45xample.test", "example\u200b.test", "ex\u0430mple.test",
    "example.test\u00a0", "\u202eexample.test", "a" * 64 + ".test",
    ".".join(["a" * 49] * 6), ".".join(["a"] * 130), "a." * 127 + "aa",
    "=example.test", "example=test", "example+test", "example~test",
    "example|test", "<example.test>", "{example.test}", "example^test",
    # Numbers that a resolver may take for an address.
    "127.1", "127.0.1", "0x7f.1", "0x7f.0.0.1", "0x7f000001", "2130706433",
    "017700000001", "0177.0.0.1", "00.0.0.0", "127.0.0.01", "127.0.0.1.2",
    "256.0.0.1", "1.2.3.256", "1.2.3.+4", "1.2.3.4a.5", "0",
    "1", "4294967295", "4294967296", "99999999999999999999", "0x",
    "example.1", "example.0x1f", "1.2.3.0x4", "1.2.3.4.0x5", "1..2.3",
    "1.2.3.", ".1.2.3.4", "45.45.45.10..",
    # IPv6
    "::1", "[::1%lo]", "[::1%25lo]", "[fe80::1%eth0]", "[::1", "::1]",
    "[[::1]]", "[1::2::3]", "[12345::]", "[1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7:8:9]", "[::g]", "[::ffff:1.2.3]", "[::ffff:1.2.3.256]",
    "[::ffff:01.2.3.4]", "[::1.2.3.4.5]", "[v1.fe80::a]", "[:1]", "[1:]",
    "[1:2:3:4:5:6:7:8:]", "[::1] ", "[ ::1]", "[45.45.45.10]", "[:::]",
]

REFUSED_HOSTS = [
    "other.test", "xexample.test", "example.testx", "a.example.test", "test",
    "example", "localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]",
    "169.254.169.254", "a" * 63 + ".test", "a_b.test", "-a.test", "a-.test",
    "xn--exmple-cua.test", "1.2.3.4.test", "1a.test", "0x7f.1.test",
    ".".join(["a" * 60] * 4), "255.255.255.255", "[::ffff:127.0.0.1]", "1.2.3.-4", "45.45.45.1e1",
    "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "e",
]

BAD_PORTS = ["", "0", "00", "0443", "+443", "-443", " 443", "443 ", "443x",
             "x443", "65536", "65979", "4294967739", "18446744073709552059",
             "4 43", "443.0", "0x1bb", "443,80", "443-444", "*", "https",
             "443:443", "443\t", "\u0664\u0664\u0663", "443/"]


def spellings(table):
    policy("example.test:443\n")
    for host in GOOD_HOSTS:
        table.row(repr(host), check(host + ":443")[0], ALLOW)
    for host in REFUSED_HOSTS:
        table.row(repr(host), check(host + ":443")[0], DENY)
    for host in BAD_HOSTS:
        table.row(repr(host), check(host + ":443")[0], BAD)
    for port in BAD_PORTS:
        table.row("port %r" % port, check("example.test:" + port)[0], BAD)
    table.row("no colon", check("example.test")[0], BAD)


def expectations(table):
    for text, good in (
            ("example.test:443\nexpect allow example.test:443\n", True),
            ("example.test:443\nexpect deny example.test:80\n", True),
            ("expect deny example.test:443\n", True),
            ("expect allow example.test:443\nexample.test:443\n", True),
            ("expect allow EXAMPLE.test.:443\nexample.test:443\n", True),
            ("*.example.test:1\nexpect deny example.test:1\n"
             "expect allow a.example.test:1\n", True),
            ("expect allow example.test:443\n", False),
            ("example.test:443\nexpect deny example.test:443\n", False),
            ("*.example.test:*\nexpect deny a.b.example.test:9\n", False),
            ("example.test:443 until=2020-01-01T00:00Z\n"
             "expect allow example.test:443\n", False),
            ("expect allow nonsense\n", False),
            ("expect deny 127.1:443\n", False)):
        policy(text)
        result = subprocess.run([PEN_PROXY, "-t", "-c", INI], timeout=10,
                                capture_output=True, check=False)
        table.row(text, result.returncode, 0 if good else 2)


def main():
    table = Table()
    {"rules": rules, "precedence": precedence, "spellings": spellings,
     "expectations": expectations}[sys.argv[1]](table)
    return table.finish(at_least={"spellings": 175}.get(sys.argv[1], 10))


if __name__ == "__main__":
    sys.exit(main())
