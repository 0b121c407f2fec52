# SPDX-License-Identifier: MIT
# peer.py - what all programs that are compared have in common
"""Starting a program with one configuration, and reaching it."""

import os
import re
import signal
import subprocess

import lab as labs

HERE = os.path.dirname(os.path.abspath(__file__))
NAME, OTHER, ORIGIN = labs.NAME, labs.OTHER, labs.ORIGIN
HTTP_PORT, ECHO_PORT, TLS_PORT = labs.HTTP_PORT, labs.ECHO_PORT, labs.TLS_PORT


def fillers(count, wild=None):
    """Names of other sites, to make a policy of that many rules.  Where a
    program has a form for all names below one, a tenth are such."""
    return [(wild if wild and n % 10 == 9 else '{}').format(
        f'host-{n}.example.net') for n in range(count - 2)]


class Peer:
    """One program with one configuration.

    name     what the report calls it
    kind     connect: opens tunnels by CONNECT; sni: looks at the ClientHello;
             plain: passes everything on
    does     what it can be measured at, beside tunnels
    refusal  how it refuses: a status, or `close` where it speaks no HTTP
    """

    name = kind = program = None
    does = frozenset()
    refusal = '403'
    # Bytes of a transfer; slow programs get less.
    transfer = 500000000
    reload_signal = signal.SIGHUP

    # Ports of its own for other ports of the origin, if it needs such.
    others = ()
    # Where programs are that the bench makes or fetches itself.
    tools = ''

    def __init__(self, lab, rules=10, workers=1, tag=''):
        self.lab, self.rules, self.workers = lab, rules, workers
        self.tag = re.sub(r'\W+', '-', f'{self.name}{tag}-{rules}-{workers}')
        self.group = self.process = None
        self.renew()

    def renew(self):
        """Take ports that nobody has had."""
        self.port = self.lab.new_port()
        self.ports = {HTTP_PORT: self.port}
        for port in self.others:
            self.ports[port] = self.lab.new_port()

    def files(self):
        """Write the configuration; the command line."""
        raise NotImplementedError

    def policy(self, extra=()):
        """The text of the policy file, and its path, if it has one."""
        raise NotImplementedError

    @classmethod
    def prepare(cls, folder):
        """Make the program, if that is for us to do."""

    @classmethod
    def path(cls):
        return labs.find(cls.program)

    @classmethod
    def version(cls):
        return ''

    def file(self, name, text):
        return self.lab.file(f'{self.tag}-{name}', text)

    def policy_file(self):
        return f'{self.lab.dir}/{self.tag}-policy'

    def write_policy(self, path=None, extra=()):
        path = path or self.policy_file()
        labs.write(path, self.policy(extra))
        return path

    def start(self, cpu=None):
        argv = self.files()
        self.group = labs.Group(self.tag)
        self.process = self.lab.spawn(
            argv, cpu or self.lab.proxy_cpu, self.group,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not labs.wait_port(self.port, self.process):
            self.stop()
            return False
        return True

    def stop(self):
        self.lab.stop(self.process)

    def threads(self):
        """The threads that do the work, for a share of a core each."""
        return [int(t) for pid in self.group.pids()
                for t in os.listdir(f'/proc/{pid}/task')]

    def refused(self):
        """Options of a load that it must refuse."""
        return [*self.at(host='no.test'), '--refusal', self.refusal]

    def at(self, port=HTTP_PORT, host=NAME):
        """How the load generator reaches a port of the origin through it."""
        if self.kind == 'connect':
            return ['--at', f'127.0.0.1:{self.port}',
                    '--target', f'{host}:{port}']
        hello = ['--hello', host] if self.kind == 'sni' else []
        return ['--at', f'127.0.0.1:{self.ports[port]}', '--direct'] + hello


def first_line(argv, pattern=r'\d+(\.\d+)+[-+.\w]*'):
    """A version out of what a program says of itself."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    found = re.search(pattern, done.stdout)
    return found.group(0) if found else 'unknown'
