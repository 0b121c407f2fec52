# SPDX-License-Identifier: MIT
# references.py - programs that speak no CONNECT, as a mark to measure by
"""They pass TCP on, or look at the server name of the ClientHello; these close
what they refuse."""

import os
import re

import lab as labs
from peer import (ECHO_PORT, HTTP_PORT, NAME, ORIGIN, TLS_PORT, Peer, fillers,
                  first_line)


class Haproxy(Peer):
    """A reference: it passes TCP on and speaks no CONNECT."""

    name, kind, program = 'haproxy TCP', 'plain', 'haproxy'
    does = frozenset(['transfer', 'pingpong', 'idle', 'workers', 'tls'])
    others = (ECHO_PORT, TLS_PORT)
    splice = 'option splice-request\n option splice-response'
    # More lines of its global section.
    tuning = ''
    frontend = 'bind 127.0.0.1:{port}\n default_backend o{target}'

    def policy(self, extra=()):
        return '\n'.join(fillers(self.rules + 1) + [NAME]) + '\n'

    def files(self):
        policy = self.write_policy()
        text = f'''global
 nbthread {self.workers}
 maxconn 6000
{self.tuning}defaults
 mode tcp
 {self.splice}
 timeout connect 5s
 timeout client 10m
 timeout server 10m
'''
        for target, port in self.ports.items():
            text += f'frontend f{target}\n ' + self.frontend.format(
                port=port, target=target, policy=policy) + '\n'
            text += f'backend o{target}\n server s {ORIGIN}:{target}\n'
        return ['haproxy', '-db', '-f', self.file('cfg', text)]

    @classmethod
    def version(cls):
        return first_line(['haproxy', '-v'])


class HaproxySni(Haproxy):
    """A reference: it looks at the server name, and speaks no CONNECT."""

    name, kind = 'haproxy SNI', 'sni'
    refusal = 'close'
    does = frozenset(['refused', 'halfopen', 'start', 'tls'])
    frontend = '''bind 127.0.0.1:{port}
 tcp-request inspect-delay 10s
 tcp-request content accept if {{ req.ssl_sni -i -f {policy} }}
 tcp-request content reject if {{ req.ssl_hello_type 1 }}
 use_backend o{target} if {{ req.ssl_sni -m found }}'''


class HaproxyPipes(Haproxy):
    """The same with pipes as large as pen-proxy's; by itself it has 64 KiB."""

    name = 'haproxy TCP, 1 MiB pipes'
    does = frozenset(['transfer'])
    tuning = ' tune.pipesize 1048576\n'


class HaproxyCopy(Haproxy):
    """The same without splicing."""

    name = 'haproxy TCP, copying'
    does = frozenset(['transfer'])
    splice = ''


class Nginx(Peer):
    """A reference: it looks at the server name, and speaks no CONNECT."""

    name, kind, program = 'nginx SNI', 'sni', 'nginx'
    refusal = 'close'
    does = frozenset(['refused', 'pingpong', 'idle', 'tls', 'transfer'])
    others = (ECHO_PORT, TLS_PORT)
    module = '/usr/lib/nginx/modules/ngx_stream_module.so'

    def files(self):
        text = f'''load_module {self.module};
user root; daemon off; worker_processes {self.workers};
pid {self.lab.dir}/{self.tag}.pid; error_log /dev/null crit;
worker_rlimit_nofile 18000;
events {{ worker_connections 16000; }}
stream {{
 map_hash_max_size 65536;
 preread_timeout 10s; proxy_timeout 10m; ssl_preread on;
'''
        for target, port in self.ports.items():
            known = ''.join(f' {name} {ORIGIN}:{target};\n' for name in
                            fillers(self.rules + 1, '.{}') + [NAME])
            text += f''' map $ssl_preread_server_name $o{target} {{
 hostnames;
{known} default "";
}}
 server {{ listen 127.0.0.1:{port}; proxy_pass $o{target}; }}
'''
        return ['nginx', '-e', '/dev/null', '-c',
                self.file('conf', text + '}\n')]

    @classmethod
    def path(cls):
        return labs.find('nginx') if os.path.exists(cls.module) else None

    @classmethod
    def version(cls):
        return first_line(['nginx', '-v'])


class Sniproxy(Peer):
    """A reference: it looks at the server name, and speaks no CONNECT."""

    name, kind, program = 'sniproxy', 'sni', 'sniproxy'
    transfer = 100000000
    refusal = 'close'
    does = frozenset(['refused', 'start', 'reload', 'transfer'])

    def policy(self, extra=()):
        names = fillers(self.rules + 1, '.{}')
        names += [*(e.partition(':')[0] for e in extra), NAME]
        table = ''.join(f' {re.escape(name)} {ORIGIN}:{HTTP_PORT}\n'
                        for name in names)
        return f'''user root
pidfile {self.lab.dir}/{self.tag}.pid
error_log {{ filename /dev/null }}
listener 127.0.0.1:{self.port} {{ protocol tls
 table names
}}
table names {{
{table}}}
'''

    def files(self):
        return ['sniproxy', '-f', '-c', self.write_policy()]

    @classmethod
    def version(cls):
        return first_line(['sniproxy', '-V'])
