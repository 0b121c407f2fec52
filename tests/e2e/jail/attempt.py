#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""attempt.py KIND [ARG]... - one way out of a sandbox

Prints "reached" and exits 0 if it worked, "refused: WHY" and exits 1 if not.
Run outside, where each must work, and inside, where none may.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import pty
import signal
import socket
import struct
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    """A system call by number; raises OSError."""
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in args])
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def expect_token(sock, token):
    got = sock.recv(100).decode("latin-1")
    if got != token:
        raise OSError("answered by %r" % got.split("\n")[0])


def tcp(host, port, token):
    with socket.create_connection((host, int(port)), 10) as sock:
        expect_token(sock, token)


def udp(host, port, token):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1", (host, int(port)))
        expect_token(sock, token)


def unix(path, token):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        expect_token(sock, token)


def abstract(name, token):
    unix("\0" + name, token)


def packet(path):
    """A packet socket of a control socket is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(path)


def pass_fd(path):
    """Hand a descriptor to the control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(path)
        socket.send_fds(sock, [b"x"], [0])


def read(path, token=""):
    with open(path, "rb") as file:
        if token.encode() not in file.read():
            raise OSError("not the file that was meant")


def write(path):
    with open(path, "ab"):
        pass


def create(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL))


def environ_of_any(token):
    """Some process has the token in its environment."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                if token.encode() in file.read():
                    return
        except OSError:
            pass
    raise OSError("no such process")


def tiocsti(masked="0"):
    """Type into one's own terminal; with a bit in the upper half if masked."""
    pid, master = pty.fork()
    if pid == 0:
        request = 0x5412 | (1 << 32 if masked == "1" else 0)
        char = ctypes.create_string_buffer(b"x")
        try:
            call(16, 0, request, ctypes.addressof(char))
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(master)
    if number:
        raise OSError(number, os.strerror(number))


def ptrace(pid):
    call(101, 16, int(pid), 0, 0)  # PTRACE_ATTACH
    os.waitpid(int(pid), 0)


def with_child(function):
    """The same with a child of one's own, which is always allowed."""
    with subprocess.Popen(["sleep", "10"]) as child:
        try:
            function(child.pid)
        finally:
            child.kill()


def ptrace_child():
    with_child(ptrace)


def proc_of(pid, name):
    """Open what /proc/PID has of a process."""
    path = "/proc/%s/%s" % (pid, name)
    if name == "fd":
        for entry in os.listdir(path):
            os.readlink(path + "/" + entry)
    elif name in ("root", "cwd", "exe"):
        os.readlink(path)
    else:
        with open(path, "rb"):
            pass


def proc_of_child(name):
    with_child(lambda pid: proc_of(pid, name))


def kill(pid, number="9"):
    """End a process and see that it is gone."""
    pid = int(pid)
    for each in (signal.SIGTERM, signal.SIGSEGV, signal.SIGSTOP, int(number)):
        os.kill(pid, each)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        os.kill(pid, 0)
        raise OSError("it still runs") from None


def kill_child():
    with_child(kill)


def pidfd_getfd(pid):
    fd = call(434, int(pid), 0)
    call(438, fd, 0, 0)


def pidfd_getfd_child():
    with_child(pidfd_getfd)


def process_vm_read(pid):
    with open("/proc/self/maps", encoding="ascii") as maps:
        address = int(maps.readline().split("-")[0], 16)
    data = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(data), 8)
    remote = struct.pack("QQ", address, 8)
    a, b = ctypes.create_string_buffer(local), ctypes.create_string_buffer(remote)
    call(310, int(pid), ctypes.addressof(a), 1, ctypes.addressof(b), 1, 0)


def stdin_reopened():
    """Write into the file that stands on standard input."""
    with open("/proc/self/fd/0", "wb") as file:
        file.write(b"changed\n")


def reconnect(fd, host, port, token):
    """Turn a connected socket that came with the command to another address."""
    fd = int(fd)
    unspecified = struct.pack("H14x", socket.AF_UNSPEC)
    if LIBC.connect(fd, unspecified, len(unspecified)) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    with socket.socket(fileno=os.dup(fd)) as sock:
        sock.connect((host, int(port)))
        expect_token(sock, token)


def command(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError((done.stderr or done.stdout).strip().split("\n")[0])


def as_root_of_a_namespace(*argv):
    """In a user namespace of one's own, so with all its capabilities."""
    command("unshare", "-Ur", *argv)


def nsenter_self(kind):
    fd = os.open("/proc/self/ns/" + kind, os.O_RDONLY)
    call(308, fd, 0)


def socket_of(family, kind, protocol):
    call(41, int(family), int(kind), int(protocol))


def socketpair_of(family, kind, protocol):
    pair = ctypes.create_string_buffer(8)
    call(53, int(family), int(kind), int(protocol), ctypes.addressof(pair))


def clone_namespace(masked="0"):
    """clone(CLONE_NEWUSER | SIGCHLD)"""
    flags = 0x10000000 | signal.SIGCHLD
    if masked == "1":
        flags |= 1 << 32
    pid = call(56, flags, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def unshare(flag):
    call(272, int(flag, 16))


def personality(value):
    call(135, int(value, 16))


def syscall(number, *args):
    """A call that may fail for its arguments, but must not be refused."""
    try:
        call(int(number), *[int(a, 0) for a in args])
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            raise


def other_abi(code):
    """Run machine code that enters the kernel by another ABI."""
    pid = os.fork()
    if pid == 0:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes.fromhex(code))
        entry = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ctypes.CFUNCTYPE(ctypes.c_int)(entry)()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        raise OSError("ended by signal %d" % os.WTERMSIG(status))


def cloned_fd(path):
    """Read a file through an open folder: `run CMD <FOLDER`."""
    os.close(os.open(path, os.O_RDONLY, dir_fd=0))


def main():
    name, args = sys.argv[1], sys.argv[2:]
    try:
        globals()[name](*args)
    except OSError as error:
        print("refused: %s" % error)
        sys.exit(1)
    print("reached")


fcntl.fcntl(0, fcntl.F_GETFD)
main()
