# SPDX-License-Identifier: MIT
# peers.py - the programs that are compared, each with a minimal fair setting
"""A peer lets origin.test through on the ports 80, 7 and 443, and nothing else.
The rule for it is the last: who takes them one by one has to go all the way.

Others keep no log; pen-proxy logs as it does by default."""

import os
import re
import signal
import subprocess

import lab as labs
from peer import (ECHO_PORT, HERE, HTTP_PORT, NAME, ORIGIN, TLS_PORT, Peer,
                  fillers, first_line)
from references import (Haproxy, HaproxyCopy, HaproxyPipes, HaproxySni, Nginx,
                        Sniproxy)

# What is let through, the busiest last.
PORTS = (ECHO_PORT, TLS_PORT, HTTP_PORT)


class Direct(Peer):
    """No proxy at all."""

    name, kind = 'direct', 'plain'
    does = frozenset(['pingpong', 'transfer'])

    def start(self, cpu=None):
        self.group = None
        return True

    def stop(self):
        pass

    @classmethod
    def path(cls):
        return 'none'

    def at(self, port=HTTP_PORT, host=NAME):
        return ['--at', f'{ORIGIN}:{port}', '--direct']


class Bare(Peer):
    """A relay without policy, log or timer: the least that any takes here."""

    name, kind = 'bare relay', 'plain'
    does = frozenset(['pingpong'])
    others = (ECHO_PORT,)

    def files(self):
        return [self.path()] + [
            address for target, port in self.ports.items()
            for address in (f'127.0.0.1:{port}', f'{ORIGIN}:{target}')]

    @classmethod
    def path(cls):
        return f'{cls.tools}/bare'

    @classmethod
    def version(cls):
        return 'tests/bench/bare.c'


class PenProxy(Peer):
    name, kind = 'pen-proxy', 'connect'
    program = os.environ.get('PEN_PROXY', '')
    does = frozenset(['refused', 'http', 'transfer', 'pingpong', 'idle',
                      'halfopen', 'start', 'reload', 'workers', 'tls'])

    def policy(self, extra=()):
        rules = [f'{name}:443' for name in fillers(self.rules - 1, '*.{}')]
        rules += [*extra, *(f'{NAME}:{port}' for port in PORTS)]
        return '\n'.join(rules) + '\n'

    def files(self):
        config = f'''[proxy]
listen = 127.0.0.1:{self.port}
threads = {self.workers}
[policy]
allowlist = {self.write_policy()}
[limits]
max-connections = 16384
[log]
file = {self.log()}
'''
        return [self.path(), '-c', self.file('ini', config)]

    def log(self):
        return f'{self.lab.dir}/{self.tag}.log'

    @classmethod
    def path(cls):
        return cls.program if os.access(cls.program, os.X_OK) else None

    @classmethod
    def version(cls):
        return first_line([cls.program, '-V'], r'\S+$')


class Tinyproxy(Peer):
    name, kind, program = 'tinyproxy', 'connect', 'tinyproxy'
    transfer = 100000000
    # It keeps no connection alive, so there is nothing of `http` to measure.
    does = frozenset(['refused', 'transfer', 'idle', 'start', 'reload',
                      'tls', 'pingpong'])
    # In the foreground SIGHUP ends it.
    reload_signal = signal.SIGUSR1

    def policy(self, extra=()):
        names = [*fillers(self.rules + 1, '.{}'),
                 *(e.partition(':')[0] for e in extra), NAME]
        return ''.join(('' if n[0] == '.' else '^') + f'{re.escape(n)}$\n'
                       for n in names)

    def files(self):
        return ['tinyproxy', '-d', '-c', self.file('conf', f'''
Port {self.port}
Listen 127.0.0.1
Timeout 600
MaxClients 20000
LogLevel Critical
Filter "{self.write_policy()}"
FilterDefaultDeny Yes
FilterType ere
DisableViaHeader Yes
''')]

    @classmethod
    def version(cls):
        return first_line(['tinyproxy', '-v'])


class Squid(Peer):
    name, kind, program = 'squid', 'connect', 'squid'
    does = frozenset(['refused', 'http', 'transfer', 'pingpong', 'idle',
                      'start', 'reload', 'workers', 'tls'])

    def policy(self, extra=()):
        names = fillers(self.rules + 1, '.{}')
        names += [*(e.partition(':')[0] for e in extra), NAME]
        return '\n'.join(names) + '\n'

    def files(self):
        # Each instance has its own name: squids share memory by it.
        service = re.sub(r'\W', '', self.tag)
        config = self.file('conf', f'''
http_port 127.0.0.1:{self.port}
workers {self.workers}
acl good dstdomain "{self.write_policy()}"
http_access allow good
http_access deny all
cache deny all
cache_mem 8 MB
access_log none
cache_store_log none
cache_log /dev/null
netdb_filename none
pid_filename none
coredump_dir {self.lab.dir}
dns_nameservers {labs.RESOLVER}
max_filedescriptors 16384
shutdown_lifetime 0 seconds
client_lifetime 1 hour
''')
        one = ['-N'] if self.workers == 1 else ['--foreground']
        return ['squid', *one, '-n', service, '-f', config]

    def threads(self):
        if self.workers == 1:
            return super().threads()
        # Not the one that coordinates them, nor the one that started them.
        return [pid for pid in self.group.pids() if re.match(
            r'\(squid-\d', labs.read(f'/proc/{pid}/cmdline'))]

    @classmethod
    def version(cls):
        return first_line(['squid', '-v'])


class Mitmproxy(Peer):
    """What pen-proxy replaces, with an add-on that knows hosts and ports."""

    name, kind, program = 'mitmproxy', 'connect', 'mitmdump'
    transfer = 100000000
    does = frozenset(['refused', 'http', 'transfer', 'pingpong', 'idle',
                      'start', 'tls'])

    def files(self):
        addon = self.file('addon.py', f'''
from mitmproxy import http
ALLOWED = {{(name, 443) for name in {fillers(self.rules - 1)!r}}}
ALLOWED |= {{("{NAME}", port) for port in {PORTS}}}

def judge(flow):
    if (flow.request.host, flow.request.port) not in ALLOWED:
        flow.response = http.Response.make(403, b"refused")

http_connect = judge
request = judge
''')
        return ['mitmdump', '-q', '--mode', 'regular', '--listen-host',
                '127.0.0.1', '-p', str(self.port), '-s', addon,
                '--set', 'ignore_hosts=.*', '--set', 'flow_detail=0',
                '--set', f'confdir={self.lab.dir}']

    @classmethod
    def version(cls):
        return first_line(['mitmdump', '--version'])


class Privoxy(Peer):
    name, kind, program = 'privoxy', 'connect', 'privoxy'
    transfer = 100000000
    does = frozenset(['refused', 'pingpong', 'idle', 'start', 'tls',
                      'transfer'])

    def policy(self, extra=()):
        names = fillers(self.rules + 1, '.{}')
        names += [*(e.partition(':')[0] for e in extra), NAME]
        return '{+block{all}}\n/\n{-block}\n' + '\n'.join(names) + '\n'

    def files(self):
        # The suffix of an action file is fixed.
        path = self.file('policy.action', '')
        self.write_policy(path)
        self.lab.file('default.filter', '')
        return ['privoxy', '--no-daemon', self.file('conf', f'''
confdir {self.lab.dir}
templdir /etc/privoxy/templates
logdir {self.lab.dir}
actionsfile {os.path.basename(path)}
listen-address 127.0.0.1:{self.port}
max-client-connections 5000
socket-timeout 600
toggle 1
debug 0
''')]

    @classmethod
    def version(cls):
        return first_line(['privoxy', '--version'])


class Goproxy(Peer):
    name, kind = 'goproxy', 'connect'
    does = frozenset(['refused', 'http', 'transfer', 'pingpong', 'idle',
                      'start', 'tls'])

    def policy(self, extra=()):
        hosts = [f'{name}:443' for name in fillers(self.rules - 1)]
        hosts += [*extra, *(f'{NAME}:{port}' for port in PORTS)]
        return '\n'.join(hosts) + '\n'

    def files(self):
        return [self.path(), f'127.0.0.1:{self.port}', self.write_policy()]

    @classmethod
    def prepare(cls, folder):
        """Compile the few lines that make a program of the library."""
        if not labs.find('go') or not os.path.isdir(
                '/usr/share/gocode/src/github.com/elazarl/goproxy'):
            return
        env = dict(os.environ, GOPATH='/usr/share/gocode', GO111MODULE='off',
                   GOCACHE=f'{folder}/go', GOFLAGS='')
        subprocess.run(['go', 'build', '-o', f'{folder}/goproxy',
                        f'{HERE}/goproxy.go'], env=env, check=False)

    @classmethod
    def path(cls):
        path = f'{cls.tools}/goproxy'
        return path if os.access(path, os.X_OK) else None

    @classmethod
    def version(cls):
        done = subprocess.run(
            ['dpkg-query', '-W', '-f', '${Version}',
             'golang-github-elazarl-goproxy-dev'], text=True,
            stdout=subprocess.PIPE, check=False)
        return f"{done.stdout} ({first_line(['go', 'version'], 'go[0-9.]+')})"


class Srt(Peer):
    """The HTTP proxy of the sandbox-runtime, with a filter by host."""

    name, kind = 'srt', 'connect'
    transfer = 100000000
    does = frozenset(['refused', 'http', 'transfer', 'idle', 'start',
                      'tls', 'pingpong'])
    package = '@anthropic-ai/sandbox-runtime'
    wanted = '0.0.78'

    @classmethod
    def folder(cls):
        return f'{cls.tools}/npm/node_modules/{cls.package}'

    def files(self):
        hosts = ', '.join(f'"{n}"' for n in fillers(self.rules + 1) + [NAME])
        script = self.file('main.mjs', f'''
import {{ createHttpProxyServer }} from
    '{self.folder()}/dist/sandbox/http-proxy.js';
const allowed = new Set([{hosts}]);
createHttpProxyServer({{
    filter: (port, host) => allowed.has(host),
}}).listen({self.port}, '127.0.0.1');
''')
        return ['node', script]

    @classmethod
    def prepare(cls, folder):
        """Fetch the package, once; without a registry there is no such peer."""
        if labs.find('npm') and not os.path.isdir(cls.folder()):
            subprocess.run(
                ['npm', 'install', '--silent', '--no-audit', '--no-fund',
                 '--prefix', f'{folder}/npm', f'{cls.package}@{cls.wanted}'],
                check=False, timeout=60, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)

    @classmethod
    def path(cls):
        return labs.find('node') if os.path.isdir(cls.folder()) else None

    @classmethod
    def version(cls):
        return f"{cls.wanted} ({first_line(['node', '--version'])})"


ALL = [Direct, Bare, PenProxy, Tinyproxy, Squid, Goproxy, Srt,
       Privoxy, Mitmproxy, Haproxy, HaproxySni, HaproxyPipes, HaproxyCopy,
       Nginx, Sniproxy]

# What is not measured, and why: programs, measures, the reason.
WHY_NOT = (
    ('smokescreen', 'all', 'Debian has no package of it'),
    ('tinyproxy', 'http', 'keeps no connection alive'),
    ('privoxy', 'http', 'keeps no connection alive as it is set up here'),
    ('haproxy, nginx, sniproxy', 'http', 'are set up as relays, which see no '
     'HTTP'),
    ('haproxy TCP', 'refused, rules, halfopen, start', 'refuses nothing and '
     'has no rules; haproxy SNI stands for it'),
    ('haproxy SNI', 'transfer, pingpong, idle, workers', 'behind the '
     'ClientHello it is haproxy TCP'),
    ('sniproxy', 'pingpong, idle, tls, workers', 'has one destination port '
     'for each name here, and one worker'),
    ('goproxy, srt, mitmproxy', 'reload', 'have no rules in a file that a '
     'signal makes them read: they are libraries with a few lines around'),
    ('privoxy', 'reload', 'looks at its files by itself when a request comes, '
     'there is no signal to time'),
    ('haproxy, nginx', 'reload', 'start new processes for new rules, and are '
     'set up without one that does so'),
    ('tinyproxy, privoxy, goproxy', 'workers', 'have a thread for each '
     'connection, or as many as there are cores, and no number to set'),
    ('srt, mitmproxy', 'workers', 'have one thread that serves'),
    ('all but pen-proxy and haproxy SNI', 'halfopen', 'the table that '
     'pen-proxy is held to has no figure of theirs'),
    ('goproxy, srt, mitmproxy', 'rules', 'look names up in a table of a few '
     'lines that the bench itself has written'),
    ('privoxy, nginx SNI, sniproxy', 'rules', 'are not set up for it'),
)
