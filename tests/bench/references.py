# SPDX-License-Identifier: MIT
# references.py - programs that speak no CONNECT, as a mark to measure by
"""They pass TCP on, or look at the server name of the ClientHello; these close
what they refuse."""

import os
import re

import lab as labs
from peer import (ECHO_PORT, HTTP_PORT, NAME, ORIGIN, Peer, fillers,
                  first_line)


class Haproxy(Peer):
    """A reference: it passes TCP on and speaks no CONNECT."""

    name, kind, program = 'haproxy TCP', 'plain', 'haproxy'
    does = frozenset(['transfer', 'pingpong', 'idle', 'workers'])
    splice = 'option splice-request\n option splice-response'
    frontend = 'bind 127.0.0.1:{port}\n default_backend o{target}'

    def policy(self, extra=()):
        return '\n'.join(fillers(self.rules + 1) + [NAME]) + '\n'

    def files(self):
        self.echo_port = self.echo_port or self.lab.new_port()
        policy = self.write_policy()
        text = f'''global
 nbthread {self.workers}
 maxconn 6000
defaults
 mode tcp
 {self.splice}
 timeout connect 5s
 timeout client 10m
 timeout server 10m
'''
        for port, target in ((self.port, HTTP_PORT),
                             (self.echo_port, ECHO_PORT)):
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
    does = frozenset(['refused', 'halfopen', 'start'])
    frontend = '''bind 127.0.0.1:{port}
 tcp-request inspect-delay 10s
 tcp-request content accept if {{ req.ssl_sni -i -f {policy} }}
 tcp-request content reject if {{ req.ssl_hello_type 1 }}
 use_backend o{target} if {{ req.ssl_sni -m found }}'''


class HaproxyCopy(Haproxy):
    """The same without splicing."""

    name = 'haproxy TCP, copying'
    does = frozenset(['transfer'])
    splice = 'option tcp-smart-connect'


class Nginx(Peer):
    """A reference: it looks at the server name, and speaks no CONNECT."""

    name, kind, program = 'nginx SNI', 'sni', 'nginx'
    refusal = 'close'
    does = frozenset(['refused', 'pingpong', 'idle'])
    module = '/usr/lib/nginx/modules/ngx_stream_module.so'

    def files(self):
        self.echo_port = self.echo_port or self.lab.new_port()
        text = f'''load_module {self.module};
user root; daemon off; worker_processes {self.workers};
pid {self.lab.dir}/{self.tag}.pid; error_log /dev/null crit;
worker_rlimit_nofile 18000;
events {{ worker_connections 16000; }}
stream {{
 map_hash_max_size 65536;
 preread_timeout 10s; proxy_timeout 10m; ssl_preread on;
'''
        for port, target in ((self.port, HTTP_PORT),
                             (self.echo_port, ECHO_PORT)):
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
    refusal = 'close'
    does = frozenset(['refused', 'start', 'reload'])

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
