# SPDX-License-Identifier: MIT
# lab.py - the closed network of the bench: processes, their CPU, their memory
"""Starts programs, asks the kernel what they used, and ends them."""

import contextlib
import ctypes
import glob
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ORIGIN = '45.45.45.10'
RESOLVER = '45.45.45.53'
NAME = 'origin.test'
# A second name of the origin, which policies let through or not.
OTHER = 'other.test'
HTTP_PORT, ECHO_PORT, TLS_PORT = 80, 7, 443
PATH = os.environ.get('PATH', '') + ':/usr/local/sbin:/usr/sbin:/sbin'
CGROUP = '/sys/fs/cgroup'
INSIDE = 'PEN_BENCH_INSIDE'


class Failed(Exception):
    """A program under test did not do what it was started for."""


def die(text):
    sys.exit(f'bench: {text}')


def find(program):
    """The path of a program, or None."""
    return shutil.which(program, path=PATH)


def inside():
    return os.environ.get(INSIDE) == '1'


def enter():
    """Run this program again, in network and mount namespaces of its own."""
    how = ['unshare', '-nm'] if os.geteuid() == 0 else ['unshare', '-Urnm']
    env = dict(os.environ, PATH=PATH, LC_ALL='C', **{INSIDE: '1'})
    for name in list(env):
        if name.lower().endswith('_proxy'):
            del env[name]
    os.execvpe('unshare', how + [sys.executable, '-B'] + sys.argv, env)


def end_with_parent():
    """A child dies when the bench does."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Group:
    """The processes of one program under test, and what they use."""

    def __init__(self, name):
        self.pid = 0
        self.folders = []
        self.cpu_file = None
        if os.geteuid() != 0 or not name:
            return
        for parent in self.parents():
            folder = f'{parent}/pen-bench-{os.getpid()}-{name}'
            try:
                os.mkdir(folder)
            except OSError:
                continue
            self.folders.append(folder)
            for file in ('cpuacct.usage', 'cpu.stat'):
                path = f'{folder}/{file}'
                if os.path.exists(path) and not self.cpu_file and \
                        (file != 'cpu.stat' or 'usage_usec' in read(path)):
                    self.cpu_file = path

    @classmethod
    def of(cls, pid):
        """A process and its children, as /proc tells of them."""
        group = cls('')
        group.pid = pid
        return group

    @staticmethod
    def unified():
        """Whether the groups are those of cgroup v2."""
        return os.path.exists(f'{CGROUP}/cgroup.controllers')

    @classmethod
    def parents(cls):
        if cls.unified():
            try:
                write(f'{CGROUP}/cgroup.subtree_control', '+cpu +memory')
            except OSError:
                pass  # in a container the groups may be not ours to divide
            return [CGROUP]
        return [f'{CGROUP}/{kind}' for kind in ('cpuacct', 'cpu', 'memory')
                if os.path.isdir(f'{CGROUP}/{kind}')]

    def join(self):
        """Called in the child, before exec."""
        for folder in self.folders:
            with open(f'{folder}/cgroup.procs', 'w') as file:
                file.write('0')

    def pids(self):
        if self.folders:
            # In v2 the first lists what its children hold, and they do not.
            folders = self.folders[:1] if self.unified() else self.folders
            return sorted({int(pid) for folder in folders for pid in
                           read(f'{folder}/cgroup.procs').split()})
        found, rest = [], [self.pid]
        while rest:
            pid = rest.pop()
            found.append(pid)
            for task in os.listdir(f'/proc/{pid}/task'):
                rest += map(int, read(
                    f'/proc/{pid}/task/{task}/children').split())
        return found

    def cpu(self):
        """Nanoseconds of CPU that were used, by the dead as well."""
        if self.cpu_file and self.cpu_file.endswith('cpuacct.usage'):
            return int(read(self.cpu_file))
        if self.cpu_file:
            return int(read(self.cpu_file).split()[1]) * 1000
        ticks = 0
        for pid in self.pids():
            fields = read(f'/proc/{pid}/stat').rpartition(')')[2].split()
            ticks += sum(map(int, fields[11:15]))
        return ticks * 1000000000 // os.sysconf('SC_CLK_TCK')

    def cpu_at_rest(self):
        """The same, once what is still going on has ended."""
        last = self.cpu()
        for _ in range(100):
            time.sleep(0.01)
            now = self.cpu()
            if now - last < 200000:
                return now
            last = now
        return last

    def pss(self):
        """Bytes of memory, shared pages counted by their share."""
        total = 0
        for pid in self.pids():
            for line in read(f'/proc/{pid}/smaps_rollup').splitlines():
                if line.startswith('Pss:'):
                    total += int(line.split()[1]) * 1024
        return total

    def kernel(self):
        """Bytes that the kernel holds for it (sockets above all), or 0."""
        for folder in self.folders:
            path = f'{folder}/memory.kmem.usage_in_bytes'
            if os.path.exists(path):
                return int(read(path))
            path = f'{folder}/memory.stat'
            if os.path.exists(path) and 'kernel ' in read(path):
                words = read(path).split()
                return int(words[words.index('kernel') + 1])
        return 0

    def descriptors(self):
        """How many descriptors, and how many of them are pipes."""
        names = []
        for pid in self.pids():
            for fd in os.listdir(f'/proc/{pid}/fd'):
                try:
                    names.append(os.readlink(f'/proc/{pid}/fd/{fd}'))
                except OSError:
                    continue
        return len(names), sum(name.startswith('pipe:') for name in names)

    def share(self, tasks, percent):
        """Give each of these threads that share of a core, of its own."""
        if not tasks:
            raise Failed('has no thread to give a share to')
        kind = '' if self.unified() else '/cpu'
        tops = [folder for folder in self.folders
                if os.path.dirname(folder) == f'{CGROUP}{kind}']
        if not tops:
            raise Failed('needs root, and the cpu controller of cgroup')
        try:
            for number, task in enumerate(tasks):
                self.share_one(tops[0], f'{tops[0]}/share{number}', task,
                               percent)
        except OSError as error:
            raise Failed(f'cannot be given a share of a core: {error}') \
                from error

    def share_one(self, top, folder, task, percent):
        """A group below that of the program, so that what it uses counts."""
        if folder not in self.folders:
            os.mkdir(folder)
            self.folders.append(folder)
            if self.unified():
                # Threads of one process in groups of their own.
                write(f'{folder}/cgroup.type', 'threaded')
                write(f'{top}/cgroup.subtree_control', '+cpu')
        if self.unified():
            write(f'{folder}/cpu.max', f'{percent * 100} 10000')
            write(f'{folder}/cgroup.threads', str(task))
            return
        write(f'{folder}/cpu.cfs_period_us', '10000')
        write(f'{folder}/cpu.cfs_quota_us', str(percent * 100))
        write(f'{folder}/tasks', str(task))

    def end(self):
        for folder in reversed(self.folders):
            for _ in range(100):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.02)
        self.folders = []


def sweep():
    """Remove the groups of runs that were killed."""
    for folder in [found for below in ('/share*', '')
                   for above in ('', '/*')
                   for found in glob.glob(
                       f'{CGROUP}{above}/pen-bench-*{below}')]:
        pid = folder.partition('/pen-bench-')[2].split('-')[0]
        if not os.path.exists(f'/proc/{pid}'):
            try:
                os.rmdir(folder)
            except OSError:
                continue


class Lab:
    """The namespace, the origin, the resolver, and all that was started."""

    def __init__(self, tools, load_cpu, proxy_cpu):
        self.tools = tools
        self.load_cpu, self.proxy_cpu = load_cpu, proxy_cpu
        self.dir = tempfile.mkdtemp(prefix='pen-bench-')
        os.chmod(self.dir, 0o755)
        self.running = []
        self.port = 3100

    def __enter__(self):
        # Ended from outside, it still takes down what it has set up.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        sweep()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.network()
        self.start_origin()
        return self

    def __exit__(self, *_):
        for process, group in reversed(self.running):
            stop(process, group)
        shutil.rmtree(self.dir, ignore_errors=True)

    def network(self):
        run('ip', 'link', 'set', 'lo', 'up')
        # What squids share by name is theirs alone.
        run('mount', '-t', 'tmpfs', 'bench', '/dev/shm')
        for address in (ORIGIN, RESOLVER):
            run('ip', 'address', 'add', f'{address}/32', 'dev', 'lo')
        for name, value in (('ip_local_port_range', '1024 65535'),
                            ('ip_local_reserved_ports', '3000-4999'),
                            ('tcp_tw_reuse', '1')):
            write(f'/proc/sys/net/ipv4/{name}', value)
        self.cover('/etc/hosts', self.hosts(f'{ORIGIN} {NAME} {OTHER}\n'))
        self.cover('/etc/resolv.conf', f'nameserver {RESOLVER}\n')

    @staticmethod
    def hosts(more):
        return f'127.0.0.1 localhost\n{more}'

    @contextlib.contextmanager
    def by_dns(self):
        """Meanwhile the origin's name is found by DNS alone."""
        known = read('/etc/hosts')
        write('/etc/hosts', self.hosts(''))
        try:
            yield
        finally:
            write('/etc/hosts', known)

    def cover(self, path, text):
        """Put a file of our own over one of the system's."""
        run('mount', '--bind', self.file(os.path.basename(path), text), path)

    def file(self, name, text):
        path = f'{self.dir}/{name}'
        write(path, text)
        return path

    def new_port(self):
        self.port += 1
        return self.port

    def spawn(self, argv, cpu=None, group=None, **how):
        """Start a program that ends with us."""
        def prepare():
            end_with_parent()
            if group:
                group.join()
            if cpu is not None:
                os.sched_setaffinity(0, cpu)
        # pylint: disable=subprocess-popen-preexec-fn
        process = subprocess.Popen(argv, preexec_fn=prepare, text=True, **how)
        if group:
            group.pid = process.pid
        self.running.append((process, group))
        return process

    def stop(self, process):
        for entry in self.running:
            if entry[0] is process:
                self.running.remove(entry)
                stop(*entry)
                return

    def start_origin(self):
        process = self.spawn(
            [f'{self.tools}/origin', *(f'{ORIGIN}:{port}' for port in (
                HTTP_PORT, ECHO_PORT, TLS_PORT)), f'{RESOLVER}:53', NAME,
             OTHER], self.load_cpu, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        if process.stdout.readline() != 'ready\n':
            die('the origin did not start')
        self.origin = process

    def load(self, mode, *options, cpu=None, may_fail=False):
        """Run the load generator; its report."""
        done = subprocess.run(
            [f'{self.tools}/load', mode, *map(str, options)], text=True,
            stdout=subprocess.PIPE, timeout=120, check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cpu or self.load_cpu))
        if not done.stdout:
            raise Failed(f'stopped serving ({mode})')
        report = json.loads(done.stdout)
        if report['errors'] and not may_fail:
            report['failed'] = True
        return report

    def probe(self, verb, options, command=()):
        """Run the probe of start and reload; its report."""
        done = subprocess.run(
            [f'{self.tools}/probe', verb, *map(str, options)] +
            (['--', *command] if command else []), text=True,
            stdout=subprocess.PIPE, timeout=120, check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, self.load_cpu))
        if not done.stdout:
            raise Failed(f'stopped serving ({verb})')
        return json.loads(done.stdout)

    def hold(self, mode, *options):
        """Start the load generator in a mode that holds its connections."""
        process = self.spawn(
            [f'{self.tools}/load', mode, *map(str, options)], self.load_cpu,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if process.stdout.readline() != 'ready\n':
            raise Failed(f'stopped serving ({mode})')
        return process

    def release(self, process):
        """End what hold() began; its report."""
        output, _ = process.communicate()
        self.running = [e for e in self.running if e[0] is not process]
        return json.loads(output)


def stop(process, group):
    """End a process that we started, and its group."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if group:
        for pid in group.pids() if group.folders else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        group.end()


def wait_port(port, process, seconds=20):
    """Wait until a port of 127.0.0.1 accepts; false if it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return True
        time.sleep(0.005)
    return False


def run(*argv):
    if subprocess.run(argv, check=False).returncode:
        die(f'failed: {" ".join(argv)}')


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
