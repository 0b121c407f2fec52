# SPDX-License-Identifier: MIT
"""config_keys.py - pen-proxy.ini and rules: good and bad values of every key

Usage: config_keys.py good|bad|unknown|rules
"""
import os
import subprocess
import sys

from table import Table

LAB = os.environ["LAB"]
PEN_PROXY = os.environ["PEN_PROXY"]
INI = os.path.join(LAB, "row.ini")
RULES = os.path.join(LAB, "empty-rules")

GOOD = {
    "proxy": {
        "listen": ["127.0.0.1:0", "127.0.0.1:3128", "[::1]:3128",
                   "0.0.0.0:3128", "[::]:3128", "127.0.0.1:3128-3140",
                   "localhost:3128", "unix:/tmp/lab-none.sock"],
        "transparent": ["127.0.0.1:3129", "[::1]:3129"],
        "dns": ["127.0.0.1:53", "[::1]:53"],
        "protocols": ["http", "socks5", "http,socks5", "socks5, http"],
        "tls-port": ["443", "8443", "1", "65535"],
        "threads": ["1", "2", "auto"],
        "ready-file": ["/tmp/ready"], "pid-file": ["/tmp/pid"],
    },
    "policy": {
        "allowlist": [RULES],
        "allow": ["example.test:443", "*.example.test:*", "10.0.0.5:5432",
                  "[2001:db8::1]:443", "example.test:8000-8010 private"],
        "mode": ["enforce", "monitor"],
        "presets": [LAB],
        "sni": ["match", "require", "off"],
        "tls-ports": ["443", "443,8443", "443, 993"],
        "private": ["deny", "allow"],
        "allow-cidr": ["10.0.0.0/8", "fd00::/8", "10.1.2.3/32"],
        "deny-cidr": ["45.45.0.0/16", "2a00::/16"],
        "ech": ["allow", "deny"],
        "cut-on-reload": ["yes", "no"],
    },
    "dns": {
        "servers": ["127.0.0.1", "127.0.0.1:5353", "1.2.3.4, 5.6.7.8:53",
                    "[::1]:53"],
        "timeout": ["2s", "500ms", "1m"], "tries": ["1", "5"],
        "cache-size": ["0", "10", "100000"], "min-ttl": ["0s", "5s"],
        "max-ttl": ["5m", "1h"], "hosts-file": ["yes", "no"],
    },
    "limits": {
        "max-connections": ["1", "16384"],
        "max-connections-per-client": ["0", "5"],
        "head-timeout": ["10s", "100ms"], "connect-timeout": ["10s"],
        "idle-timeout": ["10m", "1h"], "drain-timeout": ["30s", "0s"],
        "max-head": ["32k", "4096", "1m"],
        "max-tunnel-bytes": ["0", "1g", "100m"],
        "max-tunnel-time": ["0", "1h"],
    },
    "upstream": {
        "proxy": ["http://127.0.0.1:8888", "http://proxy.test:3128",
                  "http://user:pass@127.0.0.1:3128", "http://[::1]:3128"],
        "no-proxy": ["example.test", "*.example.test, 10.0.0.0/8, fd00::/8"],
        "resolve": ["local", "upstream"],
    },
    "log": {
        "file": [os.path.join(LAB, "row-log"), "stderr"],
        "level": ["debug", "info", "warn", "error"],
        "format": ["json", "text"], "max-size": ["10m", "1k", "1", "0"],
        "keep": ["0", "3", "10"], "syslog": ["no", "local0", "daemon"],
    },
    "audit": {
        "file": [os.path.join(LAB, "row-audit")],
        "syslog": ["local1", "no"], "command": ["/bin/cat"],
    },
    "admin": {"listen": ["127.0.0.1:9090", "unix:/tmp/lab-none2.sock"]},
}

BAD = {
    "proxy": {
        "listen": ["127.0.0.1", "127.0.0.1:", ":3128", "127.0.0.1:65536",
                   "127.0.0.1:-1", "127.0.0.1:3130-3128", "127.0.0.1:x",
                   "::1:3128", "[::1]", "example.test:80", "unix:",
                   "fd:x", "fd:-1", "127.0.0.1:3128 ,x", "127.1:3128"],
        "transparent": ["nowhere", "127.0.0.1"],
        "dns": ["nowhere", "unix:/tmp/x"],
        "protocols": ["", "ftp", "http,ftp", "http;socks5"],
        "tls-port": ["0", "65536", "https", "443s", "-1"],
        "threads": ["0", "-1", "many", "1.5"],
    },
    "policy": {
        "allow": ["*", "*:443", "example.test", "example.test:0",
                  "example.test:65536", "example.test:443 nonsense",
                  "10.0.0.0/8:443"],
        "mode": ["off", "", "Enforce!"], "sni": ["yes", ""],
        "tls-ports": ["", "x", "0", "70000"],
        "private": ["yes", "maybe"],
        "allow-cidr": ["10.0.0.1/8", "10.0.0.0/33", "x",
                       "10.0.0.0/-1", "fd00::1/8", "fd00::/129", ""],
        "deny-cidr": ["10.0.0.1/8", "x/8", "300.0.0.0/8"],
        "ech": ["no", ""], "cut-on-reload": ["maybe", ""],
    },
    "dns": {
        "servers": ["", "dns.test", "127.0.0.1:0", "127.0.0.1:x", "1.2.3",
                    "127.0.0.1:70000"],
        "timeout": ["", "2", "2 s", "-1s", "2d", "s", "1.5s",
                    "99999999999999999999s"],
        "tries": ["0", "x", "-1"], "cache-size": ["-1", "x"],
        "min-ttl": ["x", "5"], "max-ttl": ["", "5x"],
        "hosts-file": ["maybe", ""],
    },
    "limits": {
        "max-connections": ["-1", "x", ""],
        "max-connections-per-client": ["-1", "x"],
        "head-timeout": ["10", "x", "", "-1s"], "connect-timeout": ["10x"],
        "idle-timeout": ["ten"], "drain-timeout": ["x"],
        "max-head": ["x", "-1", "", "32kk"],
        "max-tunnel-bytes": ["x", "1t", "99999999999999999999g"],
        "max-tunnel-time": ["x"],
    },
    "upstream": {
        "proxy": ["127.0.0.1:8888", "https://127.0.0.1:3128",
                  "socks5://127.0.0.1:1080", "http://127.0.0.1",
                  "http://127.0.0.1:0", "http://exa mple:80", ""],
        "no-proxy": ["exa mple", "10.0.0.1/8", "*"],
        "resolve": ["remote", ""],
    },
    "log": {
        "level": ["loud", ""], "format": ["xml", ""],
        "max-size": ["x", "-1"], "keep": ["-1", "x"],
        "syslog": ["yes", "local9"],
    },
    "audit": {"syslog": ["yes", "local9"],
              "command": ["cat", "./cat", ""]},
    "admin": {"listen": ["nowhere", "127.0.0.1"]},
}

GOOD_RULES = [
    "example.test:443", "EXAMPLE.test:443", "example.test.:443",
    "*.example.test:443", "example.test:*", "example.test:8000-8010",
    "10.0.0.5:5432", "[2001:db8::1]:443", "a_b.test:1", "a-b.test:65535",
    "example.test:443   # a comment", "  example.test:443", "\texample.test:1",
    "example.test:443 private", "example.test:443 sni=match",
    "example.test:443 sni=require", "example.test:443 sni=off",
    "example.test:443 ech=allow", "example.test:443 ech=deny",
    "example.test:443 up=256k", "example.test:443 down=1g",
    "example.test:443 up=2m/h", "example.test:443 up=1k up=2m/h",
    "example.test:443 until=2036-12-01T18:00Z",
    "example.test:443 until=2036-12-01T18:00:30Z",
    "example.test:443 until=2036-12-01T18:00+02:00",
    'example.test:443 why="for the tests"', 'example.test:443 why="a # b"',
    'example.test:443 why="a \\" b"',
    'example.test:443 private sni=off up=1k down=2m/h ech=deny why="all"',
    "xn--bcher-kva.test:443", "single:443", "1.2.3.4.example:443",
    "*.com:443", "# only a comment", "", "   ",
    "expect deny evil.test:443", "a" * 63 + ".test:443",
    "[::ffff:1.2.3.4]:443", "*.example.test:*",
]

BAD_RULES = [
    "*", "*:443", "*:*", "*.:443", "*", "example.test", "example.test:",
    ":443", "example.test:0", "example.test:65536", "example.test:+443",
    "example.test:0443", "example.test: 443", "example.test :443",
    "example.test:443-", "example.test:-443", "example.test:8010-8000",
    "example.test:1-65536", "example.test:443,444", "example.test:http",
    "10.0.0.0/8:443", "10.0.0.0/8", "[2001:db8::/32]:443", "2001:db8::1:443",
    "[example.test]:443", "[10.0.0.5]:443", "[::1%lo]:443", "0x7f.1:443",
    "127.1:443", "2130706433:443", "0177.0.0.1:443", "256.1.1.1:443",
    "foo.*:443", "f*o.test:443", "*foo.test:443", "a.*.test:443",
    "**.test:443", "example..test:443", ".example.test:443",
    "example.test..:443", "b\xfccher.test:443", "user@example.test:443",
    "http://example.test:443", "example.test:443/path",
    "a" * 64 + ".test:443", ".".join(["a" * 49] * 6) + ":443",
    "example.test:443 Private", "example.test:443 sni=maybe",
    "example.test:443 sni", "example.test:443 ech=no",
    "example.test:443 up=", "example.test:443 up=x", "example.test:443 up=1k/d",
    "example.test:443 up=-1",
    "example.test:443 until=tomorrow", "example.test:443 until=2026-13-01T18:00Z",
    "example.test:443 until=2026-02-30T18:00Z",
    "example.test:443 until=2026-12-01T18:00", "example.test:443 until=2026-12-01",
    "example.test:443 why=\"open",
    "example.test:443 why=bare words", "example.test:443 colour=blue",
    "expect", "expect maybe example.test:443", "expect deny example.test",
    "expect allow", "expect deny *.test:443 x", "@", "@none", "@../x",
    "exa%6dple.test:443", "exa\x00mple.test:443", "exa\\mple.test:443",
]


def check(text):
    """Exit status and output of pen-proxy -t."""
    with open(INI, "w", encoding="latin-1") as file:
        file.write(text)
    result = subprocess.run([PEN_PROXY, "-t", "-c", INI], timeout=20,
                            capture_output=True, check=False)
    return result.returncode, (result.stdout + result.stderr).decode("latin-1")


def good(table):
    for section, keys in GOOD.items():
        for key, values in keys.items():
            for value in values:
                status, out = check("[%s]\n%s = %s\n" % (section, key, value))
                table.check("%s.%s = %s" % (section, key, value), status == 0,
                            "status %d: %s" % (status, out))


def bad(table):
    for section, keys in BAD.items():
        for key, values in keys.items():
            for value in values:
                status, out = check("[%s]\n%s = %s\n" % (section, key, value))
                table.check("%s.%s = %s" % (section, key, value),
                            status == 2 and "%s:2: " % INI in out,
                            "status %d: %s" % (status, out))


def unknown(table):
    rows = {
        "an unknown section": "[nope]\nx = 1\n",
        "an unknown key": "[proxy]\nx = 1\n",
        "a key of another section": "[proxy]\nmode = enforce\n",
        "a key in upper case": "[proxy]\nTLS-Port = 443\n",
        "a key outside any section": "listen = 127.0.0.1:3128\n",
        "a line without =": "[proxy]\nlisten\n",
        "an unclosed section": "[proxy\nlisten = 127.0.0.1:3128\n",
    }
    for name, text in rows.items():
        status, out = check(text)
        table.check(name, status == 2 and INI + ":" in out,
                    "status %d: %s" % (status, out))
    for section, keys in GOOD.items():
        for key, values in keys.items():
            again = key in ("listen", "transparent", "dns", "allowlist",
                            "allow", "allow-cidr", "deny-cidr")
            text = "[%s]\n%s = %s\n%s = %s\n" % (
                section, key, values[0], key, values[-1])
            status, out = check(text)
            if again:
                table.check(key + " twice", status == 0, out)
            else:
                table.check("%s.%s twice" % (section, key),
                            status == 2 and "%s:3: " % INI in out,
                            "status %d: %s" % (status, out))


def rules(table):
    path = os.path.join(LAB, "row-rules")
    for wanted, rows in ((0, GOOD_RULES), (2, BAD_RULES)):
        for text in rows:
            with open(path, "w", encoding="latin-1") as file:
                file.write("first.test:1\n%s\n" % text)
            status, out = check("[policy]\nallowlist = %s\n" % path)
            table.check("rule %r" % text, status == wanted and
                        (wanted == 0 or "%s:2: " % path in out),
                        "status %d: %s" % (status, out))


def main():
    with open(RULES, "w", encoding="ascii"):
        pass
    table = Table()
    {"good": good, "bad": bad, "unknown": unknown,
     "rules": rules}[sys.argv[1]](table)
    return table.finish(at_least=40)


if __name__ == "__main__":
    sys.exit(main())
