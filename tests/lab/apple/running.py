# SPDX-License-Identifier: MIT
# running.py - `container run` and `container exec`, in Docker's words
"""Every option is checked as the real one checks it, then translated.  What a
Mac can do and the lab can't is Unplayed, never quietly left out."""

import json
import os
import re
import signal
import stat
import subprocess

from engine import Failure, Unplayed, qualified

NAME = re.compile(r'[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}')
SIZE = re.compile(r'(\d+)\s*(?:([KMGTP])(?:i?B)?|B)?', re.I)
UNPLAYED = ('--kernel', '--publish-socket', '--virtualization',
            '--ssh', '--rosetta', '--init-image', '--runtime',
            '--dns-domain', '--dns-option', '--dns-search', '--ulimit',
            '--masked-path', '--read-only-path', '--kernel-arg')
MIB = 1 << 20


def memory_bytes(text):
    match = SIZE.fullmatch(text)
    if not match:
        raise Failure(f'invalidArgument: "invalid memory value {text}"')
    power = 1 + 'KMGTP'.index(match[2].upper()) if match[2] else 0
    return int(match[1]) * 1024 ** power // MIB * MIB


def whole_number(option, text):
    if not re.fullmatch(r'\d+', text):
        raise Failure(f"The value '{text}' is invalid for '{option} <cpus>'")
    return int(text)


def volume(text):
    """-v SOURCE:TARGET[:ro] -> a record of a mount"""
    parts = text.split(':')
    if len(parts) not in (2, 3):
        raise Failure(f'invalidArgument: "invalid volume format {text}"')
    source, target = parts[:2]
    readonly = len(parts) == 3 and 'ro' in parts[2].split(',')
    if not source.startswith(('/', '.')):
        return {'source': source, 'target': target, 'readonly': readonly}
    if not os.path.exists(source):
        raise Failure(f'invalidArgument: "path \'{source}\' does not exist"')
    if stat.S_ISSOCK(os.stat(source).st_mode):
        return relay(source, target)
    check_sockets(source)
    return {'source': os.path.abspath(source), 'target': target,
            'readonly': readonly}


def relay(source, target):
    """A Mac relays each connection to whatever socket then has the path: here
    the folder is mounted, as a socket alone would stay the one it was."""
    if os.path.basename(source) != os.path.basename(target):
        raise Unplayed('a socket with another name inside')
    return {'source': os.path.dirname(os.path.abspath(source)),
            'target': os.path.dirname(target), 'readonly': False}


def check_sockets(source):
    """A socket is relayed into the machine when it is the source itself.  In a
    shared folder it can be seen but never be connected to, which Docker would
    hide: so such a folder is refused here."""
    if not os.path.isdir(source):
        return
    for entry in os.scandir(source):
        if stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
            raise Unplayed(f'{entry.path}: a socket in a shared folder')


def bind(text):
    """--mount type=bind,source=,target=[,readonly] -> a record of a mount"""
    fields = dict(field.partition('=')[::2] for field in text.split(','))
    if fields.get('type') not in ('bind', 'virtiofs'):
        raise Unplayed(f'--mount {text}')
    source = fields.get('source') or fields.get('src')
    if not os.path.isdir(source or ''):
        raise Failure(f'invalidArgument: "path \'{source}\' is not a directory"')
    check_sockets(source)
    return {'source': os.path.abspath(source),
            'target': fields.get('target') or fields.get('dst'),
            'readonly': 'readonly' in fields}


def process_words(options):
    words = []
    for pair in options.get('--env', []):
        words += ['-e', pair]
    for file in options.get('--env-file', []):
        words += ['--env-file', file]
    if '--user' in options and '--uid' in options:
        raise Failure('invalidArgument: "--user and --uid"')
    user = options.get('--user', options.get('--uid'))
    if '--gid' in options:
        user = f"{user or 0}:{options['--gid']}"
    if user is not None:
        words += ['-u', user]
    if '--workdir' in options:
        words += ['-w', options['--workdir']]
    words += ['-i'] if '--interactive' in options else []
    words += ['-t'] if '--tty' in options else []
    return words


class Run:
    """one `container run`"""

    def __init__(self, mac, shapes, options, arguments):
        self.mac, self.shapes, self.options = mac, shapes, options
        for option in UNPLAYED:
            if option in options:
                raise Unplayed(option)
        self.name = options.get('--name') or os.urandom(8).hex()
        if not NAME.fullmatch(self.name):
            raise Failure(f'invalidArgument: "invalid id {self.name}"')
        if mac.container(self.name):
            raise Failure(f'exists: "container with id {self.name} exists"')
        self.image = mac.need_image(arguments[0])
        self.words = arguments[1:]
        self.record = self.make_record()

    def network(self):
        nets = self.options.get('--network', ['default'])
        if len(nets) > 1:
            raise Unplayed('several networks')
        name = nets[0].partition(',')[0]
        if name != nets[0]:
            raise Unplayed(f'--network {nets[0]}')
        if name != 'none' and not self.mac.network(name):
            raise Failure(f'notFound: "network {name} not found"')
        return name

    def make_record(self):
        options = self.options
        net = self.network()
        entrypoint = options.get('--entrypoint')
        words = ([entrypoint] if entrypoint else self.image['entrypoint'])
        words = words + (self.words or ([] if entrypoint else self.image['cmd']))
        if not words:
            raise Failure('invalidArgument: "no command to run"')
        return {
            'id': self.name, 'image': qualified(self.image['name']),
            'digest': self.image['digest'],
            'labels': dict(label.partition('=')[::2]
                           for label in options.get('--label', [])),
            'mounts': [volume(text) for text in options.get('--volume', [])] +
                      [bind(text) for text in options.get('--mount', [])],
            'networks': [] if net == 'none' else [
                {'name': net, 'hostname': self.name}],
            'words': words, 'workdir': options.get('--workdir', ''),
            'env': self.image['env'] + options.get('--env', []),
            'cpus': whole_number('-c', options.get('--cpus', '4')),
            'memory': memory_bytes(options.get('--memory', '1G')),
            'read_only': '--read-only' in options,
            'cap_add': options.get('--cap-add', []),
            'cap_drop': options.get('--cap-drop', [])}

    def docker_words(self):
        options, record = self.options, self.record
        words = ['--name', self.name, '--hostname', self.name,
                 '--label', f'apple={json.dumps(record)}',
                 '--cpus', str(min(record['cpus'], os.cpu_count())),
                 '--memory', str(record['memory'])]
        words += process_words(options)
        for mount in record['mounts']:
            suffix = ':ro' if mount['readonly'] else ''
            words += ['-v', f"{mount['source']}:{mount['target']}{suffix}"]
        for path in options.get('--tmpfs', []):
            if ':' in path:
                raise Failure(f'invalidArgument: "--tmpfs {path}"')
            words += ['--tmpfs', path]
        for option in ('--cap-drop', '--cap-add'):
            for name in options.get(option, []):
                words += [option, name]
        if '--shm-size' in options:
            words += ['--shm-size', options['--shm-size']]
        if '--entrypoint' in options:
            words += ['--entrypoint', options['--entrypoint']]
        for spec in options.get('--publish', []):
            words += ['-p', spec]
        words += ['--init'] if '--init' in options else []
        words += ['--read-only'] if record['read_only'] else []
        words += ['--rm'] if '--remove' in options else []
        return words + self.network_words()

    def network_words(self):
        servers = self.options.get('--dns', [])
        if '--no-dns' in self.options and servers:
            raise Failure('invalidArgument: "--no-dns and --dns"')
        if not self.record['networks']:
            return ['--network', 'none']
        name = self.record['networks'][0]['name']
        words = ['--network', name]
        if '--no-dns' in self.options:
            # The machine has no resolver at all, not even an empty answer.
            empty = self.mac.path('resolv.conf')
            with open(empty, 'w', encoding='utf-8'):
                pass
            return words + ['-v', f'{empty}:/etc/resolv.conf:ro']
        for server in servers or [self.mac.network(name)['gateway']]:
            words += ['--dns', server]
        return words

    def start(self, words, **how):
        """the status of Docker's CLI; the bridge is up before it begins"""
        if not self.record['networks']:
            return subprocess.run(words, env=self.mac.environment(),
                                  check=False, **how)
        name = self.record['networks'][0]['name']
        with self.mac.locked():
            self.mac.set_attaching(name)
            self.mac.bring_up(name)
        return subprocess.run(words, env=self.mac.environment(), check=False,
                              **how)

    def run(self):
        detached = '--detach' in self.options
        words = self.mac.docker('run', *(['-d'] if detached else []),
                                *self.docker_words(), self.image['name'],
                                *self.words)
        if '--cidfile' in self.options:
            with open(self.options['--cidfile'], 'x',
                      encoding='utf-8') as file:
                file.write(self.name)
        if not detached:
            return self.run_attached(words)
        done = self.start(words, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True)
        if done.returncode != 0:
            self.mac.ask('DELETE', f'/containers/{self.name}?force=1')
            raise Failure(f'internalError: "{done.stderr.strip()}"')
        print(self.name)
        return 0

    def run_attached(self, words):
        self.forward_signals()
        done = self.start(words)
        if done.returncode in (125, 126, 127) and not self.has_run():
            self.mac.ask('DELETE', f'/containers/{self.name}?force=1')
            return 1
        return done.returncode if done.returncode >= 0 else 1

    def has_run(self):
        """whether the status is the process's own and not the CLI's"""
        record = self.mac.container(self.name)
        return bool(record and record['started'] > 0) or \
            '--remove' in self.options

    def forward_signals(self):
        def forward(number, _frame):
            self.mac.ask('POST', f'/containers/{self.name}/kill?signal={number}')
        signal.signal(signal.SIGTERM, forward)
        if '--tty' not in self.options:
            signal.signal(signal.SIGINT, forward)


class Exec:
    """one `container exec`"""

    def __init__(self, mac, options, arguments):
        self.mac, self.options = mac, options
        self.name, self.words = arguments[0], arguments[1:]
        if mac.need_container(self.name)['state'] != 'running':
            raise Failure(f'invalidState: "container {self.name} is not running"')

    def run(self):
        words = process_words(self.options)
        words += ['-d'] if '--detach' in self.options else []
        before = set(self.others())
        signal.signal(signal.SIGTERM, lambda number, _: self.send(number, before))
        signal.signal(signal.SIGINT, lambda number, _: self.send(number, before))
        with subprocess.Popen(self.mac.docker('exec', *words, self.name,
                                              *self.words),
                              env=self.mac.environment()) as child:
            status = child.wait()
        # Docker tells a program that is not there by 126 and 127, this one
        # only by the status 1 of any failure of its own.
        return 1 if status in (126, 127) and not self.is_there() else status

    def is_there(self):
        return subprocess.run(
            self.mac.docker('exec', self.name, '/bin/sh', '-c',
                            'command -v -- "$1"', 'sh', self.words[0]),
            env=self.mac.environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False).returncode == 0

    def others(self):
        box = self.mac.get(f'/containers/{self.name}/json') or {}
        return box.get('ExecIDs') or []

    def send(self, number, before):
        """pass a signal on to our process in the container"""
        for each in set(self.others()) - before:
            one = self.mac.get(f'/exec/{each}/json') or {}
            words = [one['ProcessConfig']['entrypoint'],
                     *one['ProcessConfig']['arguments']]
            if words == self.words and one.get('Pid'):
                self.kill(one['Pid'], number)

    def kill(self, pid, number):
        try:
            with open(self.mac.path('proc', str(pid), 'status'),
                      encoding='utf-8') as file:
                inner = next(line.split()[-1] for line in file
                             if line.startswith('NSpid:'))
        except (FileNotFoundError, StopIteration):
            return
        subprocess.run(self.mac.docker('exec', '-u', '0', self.name, '/bin/sh',
                                       '-c', f'kill -{number} {inner}'),
                       env=self.mac.environment(), check=False)
