#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# python.bats - N10: bindings/python/pen.py, with real sandboxes

load ../pen/common

# python PROGRAM - run it with the binding in reach; pen is this tree's
python() {
  PYTHONPATH=$LAB_ROOT/bindings/python PATH=$LAB_ROOT/penctl:$PATH \
    timeout 60 "$PYTHON" -c "import sys, pen
$1"
}

@test "N10 F2: status, output, statistics and events of a command come back to Python" {
  run python '
r = pen.run(["sh", "-c", "echo out; echo err >&2; curl -s http://denied.test/; exit 42"], env={"A": "b c"})
assert r.exit_code == 42, r
assert r.stdout.startswith(b"out\n") and r.stderr == b"err\n", (r.stdout, r.stderr)
assert r.denied == ["denied.test:80"] and r.egress_denied == 1, r
assert r.duration_ms > 0 and not r.timed_out and r.stats["exit_code"] == 42
assert [e["host"] for e in r.events if e["event"] == "deny"] == ["denied.test"], r.events
try:
    r.nothing
except AttributeError:
    print("good")'
  assert_eq good "$output"
}

@test "N10: rules, variables, input, the project, read-only, no network" {
  run python '
r = pen.run(["sh", "-c", "cat; echo $A; curl -s http://example.test/there"], stdin=b"given ", env={"A": "b  c"}, allow=["example.test:80"])
assert r.stdout.startswith(b"given b") and b"/there" in r.stdout, r.stdout
import os
os.mkdir("elsewhere")
pen.run(["touch", "made"], cwd="elsewhere", check=True)
assert os.path.exists("elsewhere/made")
assert pen.run(["touch", "no"], read_only=True).exit_code != 0 and not os.path.exists("no")
assert pen.run(["sh", "-c", "echo ${http_proxy-none}"], network=False).stdout == b"none\n"
with open("elsewhere/made", "w+") as f:
    f.write("from a file"); f.seek(0)
    assert pen.run(["cat"], stdin=f).stdout == b"from a file"
print("good")'
  assert_eq good "$output"
}

@test "N10 F3: output is streamed as it comes, and whole in the result" {
  run python '
import time
seen = []
r = pen.run(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done"], on_stdout=lambda d: seen.append((d, time.monotonic())))
assert b"".join(d for d, _ in seen) == r.stdout == b"1\n2\n3\n", seen
assert seen[-1][1] - seen[0][1] > 0.3, seen
big = pen.run(["head", "-c", "30000000", "/dev/zero"])
assert len(big.stdout) == 30000000
print("good")'
  assert_eq good "$output"
}

@test "N10 N2: a time limit and a signal are told apart" {
  run python '
r = pen.run(["sleep", "30"], timeout=0.2)
assert r.exit_code == 124 and r.timed_out, r
r = pen.run(["sh", "-c", "kill -9 $$"])
assert r.exit_code == 137 and r.signal == 9 and not r.timed_out, r
print("good")'
  assert_eq good "$output"
}

@test "N10: what pen itself refuses is an error, and so is a status if that was asked for" {
  run python '
for words, options in (["true"], {"mounts": ["/nowhere:/x"]}), (["true"], {"allow": ["no rule"]}), (["true"], {"env": {"A.B": "1"}}), ([], {}):
    try:
        pen.run(words, **options)
        print("not refused:", options)
    except pen.PenError as e:
        assert e.exit_code == 2 and str(e).startswith("pen"), (e.exit_code, str(e))
try:
    pen.run(["sh", "-c", "exit 7"], check=True)
except pen.CommandError as e:
    assert e.result.exit_code == 7
assert pen.run(["no-such-program"]).exit_code == 127
for wrong in (lambda: pen.run("ls"), lambda: pen.run(["ls"], allow="a.test:1")):
    try:
        wrong()
        print("no TypeError")
    except TypeError:
        pass
print("good")'
  assert_eq good "$output"
}

@test "N10: an exception during the wait ends the sandbox, also one of a callback" {
  run python '
import signal, threading, os
def interrupt(data):
    os.kill(os.getpid(), signal.SIGINT)
try:
    pen.run(["sh", "-c", "echo up; sleep 60"], on_stdout=interrupt)
except KeyboardInterrupt:
    print("interrupted")
def bad(data):
    raise ValueError(data)
try:
    pen.run(["sh", "-c", "echo up; sleep 60"], on_stdout=bad)
except ValueError as e:
    print("raised")'
  assert_eq $'interrupted\nraised' "$output"
  no_process_left
}

@test "N10: many runs at once do not disturb each other" {
  run python '
from concurrent.futures import ThreadPoolExecutor
def one(n):
    r = pen.run(["sh", "-c", "echo %d; exit %d" % (n, n)])
    return r.exit_code == n and r.stdout == b"%d\n" % n
with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(one, range(8)))
print("good")'
  assert_eq good "$output"
}
