# SPDX-License-Identifier: MIT
# engine.py - Apple's `container` played on a Docker daemon
"""The state of the one Mac that is played, and its neutral records.

$APPLE_LAB is a folder: `version` (what is played), `docker-host`, `docker` (the
path of Docker's CLI), `service` (there while the service runs), `calls` (each
command line, as JSON), `networks/NAME` (JSON).  A bridge and its gateway's
address are there only while a container is attached, as with vmnet."""

import contextlib
import fcntl
import http.client
import json
import os
import socket
import subprocess
import time
import urllib.parse


class Failure(Exception):
    """What the service answers: 'Error: ...' and status 1."""


class Unplayed(Exception):
    """A Mac can do it, this shim can't: status 70."""


class Connection(http.client.HTTPConnection):
    """HTTP over the daemon's socket"""

    def __init__(self, path):
        super().__init__('docker')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def epoch(text):
    """seconds of a time in RFC 3339; 0 if there is none"""
    try:
        return int(time.mktime(time.strptime(text[:19], '%Y-%m-%dT%H:%M:%S')) -
                   time.timezone)
    except ValueError:
        return 0


def qualified(name):
    """the full reference of an image, as the image store keeps it"""
    first = name.partition('/')[0]
    if '/' not in name or not ('.' in first or ':' in first):
        name = f"docker.io/{'' if '/' in name else 'library/'}{name}"
    return name if ':' in name.rpartition('/')[2] else f'{name}:latest'


class Engine:
    """one Mac"""

    def __init__(self, folder):
        self.folder = folder
        self.version = self.read('version') or '1.0.0'
        self.host = self.read('docker-host')
        self.cli = self.read('docker') or '/usr/bin/docker'

    # -- the folder

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def read(self, *parts):
        try:
            with open(self.path(*parts), encoding='utf-8') as file:
                return file.read().strip()
        except FileNotFoundError:
            return ''

    def note_call(self, words):
        with open(self.path('calls'), 'a', encoding='utf-8') as file:
            file.write(json.dumps(words) + '\n')

    @contextlib.contextmanager
    def locked(self):
        with open(self.path('lock'), 'w', encoding='utf-8') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # -- the service

    def is_running(self):
        return os.path.exists(self.path('service'))

    def set_running(self, running):
        if running:
            with open(self.path('service'), 'w', encoding='utf-8'):
                pass
        elif self.is_running():
            os.unlink(self.path('service'))

    # -- Docker

    def ask(self, method, path, body=None):
        """(status, JSON) of the daemon's answer"""
        connection = Connection(self.host[len('unix://'):])
        try:
            connection.request(method, path, body and json.dumps(body),
                               {'Content-Type': 'application/json'})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text.strip() else None

    def get(self, path, **query):
        query = '?' + urllib.parse.urlencode(query) if query else ''
        status, value = self.ask('GET', path + query)
        return value if status == 200 else None

    def docker(self, *words):
        """the words of a call of Docker's CLI"""
        return [self.cli, '-H', self.host, *words]

    def environment(self):
        # BuildKit's plug-in is not part of every CLI; the older builder is.
        return dict(os.environ, DOCKER_BUILDKIT='0', DOCKER_CONFIG=self.folder)

    def call(self, *words, **how):
        """run Docker's CLI; Failure, with what it said, unless it succeeds"""
        done = subprocess.run(self.docker(*words), env=self.environment(),
                              stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False, **how)
        if done.returncode != 0:
            raise Failure(f'internalError: "{done.stderr.strip()}"')
        return done.stdout

    # -- networks

    def networks(self):
        names = sorted(os.listdir(self.path('networks')))
        return [self.network(name) for name in names]

    def network(self, name):
        text = self.read('networks', name)
        return json.loads(text) if text else None

    def make_network(self, name, subnet, labels, internal):
        taken = {net['subnet'] for net in self.networks()}
        if not subnet:
            subnet = next(each for each in
                          (f'192.168.{n}.0/24' for n in range(64, 256))
                          if each not in taken)
        record = {'name': name, 'subnet': subnet, 'labels': labels,
                  'internal': internal, 'created': int(time.time()),
                  'gateway': subnet.rpartition('.')[0] + '.1'}
        with open(self.path('networks', name), 'w', encoding='utf-8') as file:
            json.dump(record, file)

    def attached(self, name):
        """names of the running containers on a network"""
        net = self.get(f'/networks/{name}') or {}
        return [box['Name'] for box in (net.get('Containers') or {}).values()]

    def bring_up(self, name):
        """the bridge of a network, before its first container; locked"""
        if self.get(f'/networks/{name}'):
            return
        taken = {(net.get('Options') or {}).get(
            'com.docker.network.bridge.name') for net in self.get('/networks')}
        bridge = next(f'bridge{n}' for n in range(100, 1000)
                      if f'bridge{n}' not in taken)
        net = self.network(name)
        self.call('network', 'create', '--subnet', net['subnet'],
                  '--gateway', net['gateway'],
                  '-o', f'com.docker.network.bridge.name={bridge}', name)

    def sweep(self):
        """take down the bridges that have lost their last container; locked"""
        up = {net['Name'] for net in self.get('/networks') or []}
        for name in os.listdir(self.path('networks')):
            if (name in up and not self.is_attaching(name)
                    and not self.attached(name)):
                self.ask('DELETE', f'/networks/{name}')

    def is_attaching(self, name):
        pid = self.read(f'attaching.{name}')
        return bool(pid) and os.path.exists(self.path('proc', pid))

    def set_attaching(self, name):
        """this process starts a container on it: the sweep is to wait"""
        with open(self.path(f'attaching.{name}'), 'w',
                  encoding='utf-8') as file:
            file.write(str(os.getpid()))

    # -- containers

    def container(self, name):
        """the record of a container, or None"""
        box = self.get(f'/containers/{name}/json')
        if box is None or 'apple' not in box['Config']['Labels']:
            return None
        record = json.loads(box['Config']['Labels']['apple'])
        record['state'] = ('running' if box['State']['Running'] else 'stopped')
        record['started'] = epoch(box['State']['StartedAt'])
        record['created'] = epoch(box['Created'])
        for net in record['networks']:
            live = box['NetworkSettings']['Networks'].get(net['name']) or {}
            net['address'] = f"{live.get('IPAddress')}/24"
            net['mac'] = live.get('MacAddress', '')
            net['gateway'] = (self.network(net['name']) or {}).get('gateway')
        return record

    def need_container(self, name):
        record = self.container(name)
        if record is None:
            raise Failure(f'notFound: "container not found: {name}"')
        return record

    def containers(self, everything):
        boxes = self.get('/containers/json', all=int(everything),
                         filters='{"label":["apple"]}')
        return sorted(box['Names'][0][1:] for box in boxes)

    def stats(self, name):
        """the record of a running container's use, or None"""
        raw = self.get(f'/containers/{name}/stats', stream='false',
                       **{'one-shot': 'true'})
        if not raw or not raw.get('memory_stats'):
            return None
        nets = (raw.get('networks') or {}).values()
        blocks = raw['blkio_stats'].get('io_service_bytes_recursive') or []
        moved = {op: sum(entry['value'] for entry in blocks
                         if entry['op'].lower() == op)
                 for op in ('read', 'write')}
        return {
            'id': name,
            'memoryUsageBytes': raw['memory_stats'].get('usage', 0),
            'memoryLimitBytes': raw['memory_stats'].get('limit', 0),
            'cpuUsageUsec': raw['cpu_stats']['cpu_usage']['total_usage'] // 1000,
            'networkRxBytes': sum(net['rx_bytes'] for net in nets),
            'networkTxBytes': sum(net['tx_bytes'] for net in nets),
            'blockReadBytes': moved['read'], 'blockWriteBytes': moved['write'],
            'numProcesses': raw.get('pids_stats', {}).get('current', 0)}

    # -- volumes

    def volumes(self):
        return [{'name': raw['Name'], 'labels': raw['Labels'] or {},
                 'created': epoch(raw['CreatedAt'])}
                for raw in self.get('/volumes')['Volumes'] or []]

    # -- images

    def image(self, name):
        """the record of an image, or None"""
        raw = self.get(f'/images/{urllib.parse.quote(name, safe="/:@")}/json')
        if raw is None:
            return None
        config = raw['Config'] or {}
        return {'name': qualified(name), 'digest': raw['Id'],
                'size': raw['Size'], 'created': epoch(raw['Created']),
                'env': config.get('Env') or [],
                'labels': config.get('Labels') or {},
                'entrypoint': config.get('Entrypoint') or [],
                'cmd': config.get('Cmd') or [],
                'workdir': config.get('WorkingDir') or '',
                'user': config.get('User') or ''}

    def need_image(self, name):
        record = self.image(name)
        if record is None:
            # A Mac would ask the registry; the lab has none.
            raise Failure(f'notFound: "image {qualified(name)} not found"')
        return record

    def images(self):
        tags = [tag for raw in self.get('/images/json')
                for tag in raw['RepoTags'] or [] if '<none>' not in tag]
        return [self.need_image(tag) for tag in sorted(tags)]
