#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hostile.py - what an ordinary user may try with a sudoers line for pen-pfctl

Usage: hostile.py GROUP       (commands, inputs, surroundings), as root in the lab

Every attempt runs as alice (4001) through sudo.  None may end with status 0 (but
where `ok` is said), by a signal, or after the limit; none may change the ruleset
of the kernel, the folder of records, or leave a file in the folder it runs in.
"""
import os
import resource
import subprocess
import sys
import tempfile

PROGRAM = "/opt/pen/pen-pfctl"
ME, BOB = "pen-user-4001-project-a-000001", "pen-user-4002-project-b-000002"
G = ["--gateway", "10.77.1.1", "--proxy-port", "3128"]


def commands():
    """Command lines; the list on stdin is good."""
    yield from ([], [""], ["--help"], ["-h"], ["-a", "x", "-f", "-"],
                ["LOAD", ME] + G, ["load"], ["load", ME], ["load"] + G,
                ["loa", ME] + G, ["load ", ME] + G, ["load\n", ME] + G,
                ["-f", "/etc/pf.conf"], ["-d"], ["-F", "all"], ["list", ME],
                ["list", "--all"], ["flush"], ["flush", "*"], ["flush", "all"],
                ["flush", ME, ME], ["flush", ME, BOB], ["verify"], ["show"],
                ["flush", ME] + G, ["show", ME, "--backend", "pf"],
                ["load", "--", ME] + G, ["load", ME] + G + ["--"],
                ["load", ME] + G + ["extra"], ["load", ME, ME] + G)
    # Names: of others, of other things, of things that are no names.
    for name in ("", ".", "..", "/", "*", "-", "--", "main", "nat", "filter",
                 "com.apple", "com.apple/250.ApplicationFirewall", "ip filter",
                 "inet", BOB, "pen-user-0-project-x", "pen-user-04001-project-x",
                 "pen-user-+4001-project-x", "pen-user--4001-project-x",
                 "pen-user- 4001-project-x", "pen-user-4001x-project-x",
                 "pen-user-4294971297-project-x", "pen-user-4294967295-project-x",
                 "pen-user-18446744073709555617-project-x",
                 "pen-user-0x0fa1-project-x", "pen-user-4001", "pen-user-4001-",
                 "pen-user-4001-project", "pen-user-4001-project-",
                 "pen-user-4001-projec-x", "pen_user_4001_project_x",
                 "pen-user-4001-project-../../etc", "pen-user-4001-project-a/b",
                 "pen-user-4001-project-a b", "pen-user-4001-project-a\nb",
                 "pen-user-4001-project-a;b", "pen-user-4001-project-$(id)",
                 "pen-user-4001-project-`id`", "pen-user-4001-project-a{",
                 "pen-user-4001-project-%n%s", "pen-user-4001-project-A",
                 "pen-user-4001-project-\u00e9", "pen-user-4001-project-_",
                 "pen-user-4001-project-a\x7f", "pen-user-4001-project-a\x1b[2J",
                 "pen-user-4001-project-" + "a" * 31, "a" * 100000):
        yield ["load", name] + G
        yield ["flush", name]
    for value in ("", "0", "-1", "65536", "03128", "+1", "1 ", "0x10", "1,2",
                  "1:2", "1-65535", "http", "9" * 30, "%n", "3128\n"):
        yield ["load", ME, "--gateway", "10.77.1.1", "--proxy-port", value]
    for value in ("", "0.0.0.0", "255.255.255.255", "127.0.0.1", "10.77.1",
                  "10.77.1.01", "10.77.1.1/24", "10.77.1.1 ", "0x0a4d0101",
                  "172818689", "fd77:1::1", "::ffff:10.77.1.1", "pen0",
                  "localhost", "100.64.0.2", "10.77.1.2", "203.0.113.10", "any",
                  "224.0.0.1", "{10.77.1.1}", "!10.77.1.1"):
        yield ["load", ME, "--gateway", value, "--proxy-port", "3128"]
    for more in (["--dns", "--dns"], ["--dns=yes"], ["--interface", "wan0"],
                 ["--backend", "nft"], ["--gateway", "10.77.1.1"],
                 ["--proxy-port", "1"], ["--proxy-port"], ["--gateway=1.2.3.4"],
                 ["-D", "x=y"], ["--force"], ["\xff"]):
        yield ["load", ME] + G + more


def inputs():
    """What comes on stdin of a good load; bytes, or a path to read from."""
    for line in ("0.0.0.0/0", "any:443", "10.77.1.1", ":443", "[::]:1",
                 "1.2.3.4:443 accept", "1.2.3.4:443; flush ruleset",
                 "1.2.3.4:443\"; flush ruleset; #", "flush ruleset",
                 "}}\nflush ruleset\ntable inet x {", "include \"/etc/shadow\"",
                 "pass in all", "pass quick on lo0", "load anchor x from /etc/passwd",
                 "1.2.3.4:443\\", "$x:1", "@set:1", "<table>:1", "!1.2.3.4:1",
                 "1.2.3.4-1.2.3.9:1", "1.2.3.4:1-65535", "1.2.3.4:0", "{1.2.3.4}:1",
                 "1.2.3.4:1/icmp", "1.2.3.4/0:1", "1.2.3.4/33:1", "1.2.3.4/8:1",
                 "evil.example:443", "[fe80::1%pen0]:1", "%n%n%n:1", "a" * 4096,
                 "1" * 100000 + ":1"):
        yield line.encode() + b"\n"
    yield from (b"\0", b"1.2.3.4:1\0\n", b"\xff" * 1000, b"1.2.3.4:1\x0b\n",
                b"#" * (1 << 20) + b"\n", b"1.2.3.4:1/tcp\n" * 10001,
                b"\n" * (1 << 20) + b"\n", b"x\n" * 500000)
    yield from ("/dev/zero", "/dev/urandom", "/", "/proc/self/mem", "closed",
                "write-only", "never")


def surroundings():
    """Environments, descriptors, limits; the load itself is good."""
    for name, value in (("SUDO_UID", "0"), ("SUDO_USER", "root"),
                        ("PATH", "/opt/home"), ("LD_PRELOAD", "/opt/home/x.so"),
                        ("LD_LIBRARY_PATH", "/opt/home"), ("IFS", "/"),
                        ("LD_DEBUG", "all"), ("LD_AUDIT", "/opt/home/x.so"),
                        ("GCONV_PATH", "/opt/home"), ("MALLOC_TRACE", "/etc/x"),
                        ("LOCPATH", "/opt/home"), ("LANG", "%n"),
                        ("TZ", "/etc/shadow"), ("HOME", "/opt/home"),
                        ("TMPDIR", "/opt/home"), ("BASH_ENV", "/opt/home/x"),
                        ("NFT_TABLE", "x"), ("TERMINFO", "/opt/home"),
                        ("X" * 10000, "y" * 10000)):
        yield {"env": {name: value}}
    for closed in ([0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]):
        yield {"closed": closed}
    yield {"open": 1000}
    for limit, value in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CPU, 1),
                         (resource.RLIMIT_CORE, -1), (resource.RLIMIT_STACK, 1 << 20),
                         (resource.RLIMIT_NOFILE, 16), (resource.RLIMIT_NPROC, 2),
                         (resource.RLIMIT_AS, 1 << 26), (resource.RLIMIT_DATA, 1 << 20)):
        # AddressSanitizer itself needs more room than that.
        if limit != resource.RLIMIT_AS or os.environ.get("PEN_MODE") != "asan":
            yield {"limit": (limit, value)}
    yield {"blocked": True}
    yield {"ignored": True}
    yield {"umask": 0}
    yield {"umask": 0o777}
    yield {"full": True}


def ruleset():
    return subprocess.run(["nft", "-s", "list", "ruleset"], check=True,
                          stdout=subprocess.PIPE).stdout


def records():
    path = "/run/pen"
    return [(name, open(os.path.join(path, name), "rb").read())
            for name in sorted(os.listdir(path))] if os.path.isdir(path) else []


def become_alice(how):
    def prepare():
        import signal
        every = [s for s in signal.valid_signals() if s not in (9, 19, 32, 33)]
        for fd in range(how.get("open", 0)):
            os.dup2(1, 10 + fd, inheritable=True)
        if "limit" in how:
            resource.setrlimit(how["limit"][0], (how["limit"][1],) * 2)
        if "ignored" in how:
            for s in every:
                signal.signal(s, signal.SIG_IGN)
        if "blocked" in how:
            signal.pthread_sigmask(signal.SIG_BLOCK, every)
        os.umask(how.get("umask", 0o022))
        os.setgroups([])
        os.setgid(4001)
        os.setuid(4001)
        for fd in how.get("closed", ()):
            os.close(fd)
    return prepare


def run(args, data=b"", how=None):
    """Status, or a word for what must not happen."""
    how = how or {}
    env = dict({"PATH": "/usr/bin:/bin"}, **how.get("env", {}))
    source, kept = subprocess.PIPE, None
    if data == "never":
        source, kept = os.pipe()
    elif data == "write-only":
        source = os.open("/dev/null", os.O_WRONLY)
    elif data == "closed":
        source, how = subprocess.DEVNULL, dict(how, closed=[0])
    elif isinstance(data, str):
        source = os.open(data, os.O_RDONLY)
    out = open("/dev/full", "w") if "full" in how else subprocess.PIPE
    # Not the user's, so that the shell in between cannot run out of something.
    try:
        p = subprocess.Popen(["/usr/bin/sudo", "-n", PROGRAM] + args,
                             stdin=source, stdout=out, env=env,
                             stderr=subprocess.STDOUT,
                             preexec_fn=become_alice(how))
        said = p.communicate(data if isinstance(data, bytes) else None,
                             timeout=20)[0] or b""
    except BlockingIOError:
        # Her processes are at their limit: not even sudo can be run.
        return 1, b""
    except subprocess.TimeoutExpired:
        p.kill()
        return "hangs", b""
    finally:
        if kept is not None:
            os.close(kept)
        if isinstance(source, int) and source > 2:
            os.close(source)
    return p.returncode, said


def safe(text):
    """Nothing of the caller's reaches a terminal as it is."""
    return all(b in b"\n\t" or 0x20 <= b < 0x7f for b in text)


def attempt(tries, wanted):
    faults = 0
    before, kept = ruleset(), records()
    for args, data, how in tries:
        status, said = run(args, data, how)
        what = "%.200r %.60r %.80r" % (args, data, how)
        wrong = []
        if status not in wanted:
            wrong.append("status %s, %.300r" % (status, said))
        if not how and not safe(said):
            wrong.append("says %.100r" % said)
        if how and status == 0:
            undo = run(["flush", ME])[0]
            if undo != 0:
                wrong.append("flush: %s" % undo)
        if ruleset() != before:
            wrong.append("the ruleset changed")
        if records() != kept:
            wrong.append("the records changed: %s" % records())
        if os.listdir("."):
            wrong.append("files: %s" % os.listdir("."))
        for line in wrong:
            print("%s: %s" % (what, line))
        faults += bool(wrong)
    print("%d attempts, %d faults" % (len(tries), faults))
    return faults


def main(group):
    os.chdir(tempfile.mkdtemp(dir="/opt/home"))
    os.chmod(".", 0o777)
    if group == "commands":
        tries = [([os.fsencode(a) if "\xff" not in a else b"\xff" for a in args],
                  b"", None) for args in commands()
                 if not any("\0" in a for a in args)]
        return attempt(tries, (1, 2, 3, 4))
    if group == "inputs":
        return attempt([(["load", ME] + G, data, None) for data in inputs()],
                       (1, 2))
    # Here a load may well succeed; what counts is that it is a load like any.
    return attempt([(["load", ME] + G, b"", how) for how in surroundings()],
                   (0, 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) != 0)
