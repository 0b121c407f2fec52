#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""leaks.py DIR CASE [ARG]... - kill parts of a sandbox, see what is left

Runs as PID 1 of a PID namespace, so that /proc has every process of the case
and orphans come here.  PEN_JAIL and PEN_PROXY name the programs.
"""
import os
import signal
import socket
import subprocess
import sys
import time

DIR = sys.argv[1]
JAIL = os.environ["PEN_JAIL"]
CONTROL = DIR + "/var/control.sock"
PROJECT = DIR + "/project"


def processes():
    """PID to (parent, name, namespaces) of all but this one; no zombies."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="latin-1") as file:
                stat = file.read()
        except OSError:
            continue
        rest = stat.rpartition(")")[2].split()
        if rest[0] != "Z":
            found[int(name)] = (int(rest[1]), stat[stat.index("(") + 1 : stat.rindex(")")])
    return found


def reap():
    """Collect orphans that ended; a Popen keeps its own status."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("%s: %r" % (what, processes()))
        time.sleep(0.005)


def files():
    return sorted(
        os.path.join(root, name)
        for root, _, names in os.walk(DIR)
        for name in names
    )


def abstract():
    with open("/proc/net/unix", encoding="latin-1") as file:
        return [line.split()[7] for line in file if len(line.split()) > 7 and DIR in line]


def no_process():
    reap()
    return not processes()


def nothing_left(before):
    wait_for(no_process, "processes are left")
    if files() != before:
        sys.exit("files are left: %r" % sorted(set(files()) - set(before)))
    if abstract():
        sys.exit("sockets are left: %r" % abstract())


def start(kind):
    """A sandbox in which `sleep 1000` runs; the processes to wait for."""
    if kind == "run":
        command = [JAIL, "run", "--project", PROJECT, "--", "sleep", "1000"]
        children = [subprocess.Popen(command, stderr=subprocess.DEVNULL)]
    else:
        read, write = os.pipe()
        command = [JAIL, "start", "--control", CONTROL, "--project", PROJECT]
        children = [
            subprocess.Popen(
                command + ["--ready-fd", str(write)],
                pass_fds=[write],
                stderr=subprocess.DEVNULL,
            )
        ]
        os.close(write)
        if not os.read(read, 100).startswith(b"ready "):
            sys.exit("no ready line")
        os.close(read)
        command = [JAIL, "exec", "--control", CONTROL, "--", "sleep", "1000"]
        children.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    wait_for(lambda: find("sleep"), "the command does not start")
    return children


def find(name):
    return [pid for pid, entry in sorted(processes().items()) if entry[1] == name]


def victim(kind, name):
    before = files()
    children = start(kind)
    pids = find(name)
    if not pids:
        sys.exit("no %s in %r" % (name, processes()))
    os.kill(pids[0], signal.SIGKILL)
    if kind == "start" and name in ("sleep", "pen-session", "pen-janitor"):
        if name != "pen-janitor":
            children[1].wait(10)
        if children[0].poll() is not None:
            sys.exit("the sandbox ended")
        subprocess.run([JAIL, "stop", "--control", CONTROL], check=True, timeout=10)
    for child in children:
        child.wait(10)
    nothing_left(before)


def moments(count):
    """Kill pen-jail, or one of its children, a little later each time."""
    count = int(count)
    for i in range(count):
        before = files()
        command = [JAIL, "start", "--control", CONTROL, "--project", PROJECT]
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(i * 0.002)
        others = [pid for pid in processes() if pid != child.pid]
        target = others[-1] if i % 2 and others else child.pid
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if target != child.pid:
            time.sleep(0.05)
            child.terminate()
        child.wait(20)
        nothing_left(before)


def ask(words):
    """What a connection from inside is answered by."""
    code = (
        "import socket\n"
        "s = socket.create_connection(('192.0.2.1', 99), 10)\n"
        "print(s.makefile().read().split()[-2:])"
    )
    done = subprocess.run(
        words + ["--", "/usr/bin/python3", "-SE", "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout.strip()


def proxy_pid():
    for pid in processes():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                if b"stub_proxy.py" in file.read():
                    return pid
        except OSError:
            pass
    return None


def proxy_dies(kind):
    before = files()
    children = start(kind)
    if kind == "run":
        old = proxy_pid()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: proxy_pid() not in (None, old), "no new proxy")
        children[0].terminate()
    else:
        words = [JAIL, "exec", "--control", CONTROL]
        expected = "['transparent', '192.0.2.1:99']"
        for _ in range(3):
            if ask(words) != expected:
                sys.exit("answer: " + ask(words))
            os.kill(proxy_pid(), signal.SIGKILL)
            # It waits in the queue of the socket, or meets the new one.
        if ask(words) != expected:
            sys.exit("answer after the last death: " + ask(words))
        children[0].terminate()
    for child in children:
        child.wait(10)
    nothing_left(before)


def sequence(count):
    before = files()
    for i in range(int(count)):
        done = subprocess.run(
            [JAIL, "run", "--project", PROJECT, "--", "echo", str(i)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        if done.stdout != "%d\n" % i or done.returncode:
            sys.exit("sandbox %d: %r" % (i, done))
        if processes():
            nothing_left(before)
    nothing_left(before)


def together(count):
    before = files()
    script = "echo $0 >/tmp/own; read x; cat /tmp/own; set -- /proc/[0-9]*; echo $#"
    children = [
        subprocess.Popen(
            [JAIL, "run", "--project", PROJECT, "--", "sh", "-c", script, str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(int(count))
    ]
    wait_for(lambda: len(find("sh")) == int(count), "not all of them started", 60)
    for i, child in enumerate(children):
        out = child.communicate("go\n", 30)[0].split()
        # init, session and sh
        if out != [str(i), "3"]:
            sys.exit("sandbox %d: %r" % (i, out))
    nothing_left(before)


socket.setdefaulttimeout(10)
globals()[sys.argv[2]](*sys.argv[3:])
