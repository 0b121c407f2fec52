# SPDX-License-Identifier: MIT
# shapes.py - the JSON of each version of Apple's `container`
"""From neutral records (plain dicts) to what each version prints.  The shapes
are those of tests/lab/apple/samples/, which a test compares."""

import json
import random
import time

from options import number

SWIFT_EPOCH = 978307200  # 2001-01-01, from which 0.x counts seconds


class Shapes:
    """what one version makes of the records"""

    def __init__(self, version):
        self.version = number(version)
        self.text = version

    def since(self, version):
        return self.version >= number(version)

    def date(self, seconds):
        if self.since('1.0.0'):
            return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))
        return seconds - SWIFT_EPOCH

    def print(self, value, pretty=False):
        """1.x sorts the keys, 0.x has them in any order; both escape '/'"""
        if self.since('1.0.0'):
            text = json.dumps(value, sort_keys=True, **(
                {'indent': 2, 'separators': (',', ' : ')} if pretty
                else {'separators': (',', ':')}))
        else:
            text = json.dumps(shuffled(value), separators=(',', ':'))
        print(text.replace('/', '\\/'))

    # -- containers

    def attachment(self, net):
        if not self.since('0.8.0'):
            shape = {'network': net['name'], 'hostname': net['hostname'],
                     'address': net['address'], 'gateway': net['gateway']}
            if self.since('0.7.0'):
                shape['macAddress'] = net['mac']
            return shape
        shape = {'network': net['name'], 'hostname': net['hostname'],
                 'ipv4Address': net['address'], 'ipv4Gateway': net['gateway'],
                 'macAddress': net['mac']}
        if self.since('0.11.0'):
            shape['mtu'] = 1280
        if self.since('1.1.0'):
            shape['variant'] = 'reserved'
        return shape

    def configuration(self, box):
        shape = {
            'id': box['id'],
            'image': {'reference': box['image'], 'descriptor': {
                'mediaType': 'application/vnd.oci.image.index.v1+json',
                'digest': box['digest'], 'size': 502}},
            'mounts': [{'type': {'virtiofs': {}}, 'source': mount['source'],
                        'destination': mount['target'],
                        'options': ['ro'] if mount['readonly'] else []}
                       for mount in box['mounts']],
            'publishedPorts': [], 'publishedSockets': [],
            'labels': box['labels'], 'sysctls': {},
            'networks': [{'network': net['name'],
                          'options': {'hostname': net['hostname']}}
                         for net in box['networks']],
            'rosetta': False,
            'initProcess': {
                'executable': box['words'][0], 'arguments': box['words'][1:],
                'environment': box['env'], 'terminal': False,
                'workingDirectory': box['workdir'] or '/',
                'user': {'id': {'uid': 0, 'gid': 0}},
                'supplementalGroups': [], 'rlimits': []},
            'platform': {'os': 'linux', 'architecture': 'arm64'},
            'resources': {'cpus': box['cpus'], 'memoryInBytes': box['memory']},
            'runtimeHandler': 'container-runtime-linux',
            'virtualization': False, 'ssh': False,
        }
        if self.since('0.8.0'):
            shape['readOnly'] = box['read_only']
        if self.since('0.10.0'):
            shape['useInit'] = False
        if self.since('0.12.0'):
            shape['capAdd'], shape['capDrop'] = box['cap_add'], box['cap_drop']
        if self.since('1.0.0'):
            shape['creationDate'] = self.date(box['created'])
        return shape

    def container(self, box):
        running = box['state'] == 'running'
        networks = [self.attachment(net) for net in box['networks']]
        networks = networks if running else []
        shape = {'configuration': self.configuration(box)}
        if not self.since('1.0.0'):
            shape['status'], shape['networks'] = box['state'], networks
            if self.since('0.8.0') and running:
                shape['startedDate'] = self.date(box['started'])
            return shape
        shape['id'] = box['id']
        shape['status'] = {'state': box['state'], 'networks': networks}
        if running:
            shape['status']['startedDate'] = self.date(box['started'])
        return shape

    # -- networks

    def network(self, net):
        four = 'ipv4' if self.since('0.8.0') else ''
        status = {four + 'Subnet': net['subnet'],
                  four + 'Gateway': net['gateway']} if four else {
                      'address': net['subnet'], 'gateway': net['gateway']}
        config = {'mode': 'hostOnly' if net['internal'] else 'nat',
                  'labels': net['labels']}
        if self.since('0.7.0'):
            config['creationDate'] = self.date(net['created'])
        if self.since('1.0.0'):
            config['name'] = net['name']
            config['plugin'] = 'container-network-vmnet'
            config['options'] = {}
            return {'id': net['name'], 'configuration': config,
                    'status': status}
        config['id'] = net['name']
        if self.since('0.10.0'):
            config['pluginInfo'] = {'plugin': 'container-network-vmnet'}
        return {'id': net['name'], 'state': 'running', 'config': config,
                'status': status}

    # -- volumes

    def volume(self, volume):
        shape = {'name': volume['name'], 'labels': volume['labels'],
                 'source': f"/{volume['name']}/volume.img", 'format': 'ext4',
                 'sizeInBytes': 512 << 30, 'options': {}}
        if self.since('1.0.0'):
            shape['creationDate'] = self.date(volume['created'])
            return {'id': volume['name'], 'configuration': shape}
        shape['createdAt'] = self.date(volume['created'])
        shape['driver'] = 'local'
        return shape

    # -- images

    def variant(self, image):
        config = {'Env': image['env']}
        for key, name in (('entrypoint', 'Entrypoint'), ('cmd', 'Cmd'),
                          ('workdir', 'WorkingDir'), ('user', 'User'),
                          ('labels', 'Labels')):
            if image[key]:
                config[name] = image[key]
        return {'platform': {'os': 'linux', 'architecture': 'arm64'},
                'size': image['size'],
                'config': {'architecture': 'arm64', 'os': 'linux',
                           'config': config,
                           'created': time.strftime('%Y-%m-%dT%H:%M:%SZ',
                                                    time.gmtime(image['created'])),
                           'history': [],
                           'rootfs': {'type': 'layers', 'diff_ids': []}}}

    def descriptor(self, image):
        return {'mediaType': 'application/vnd.oci.image.index.v1+json',
                'digest': image['digest'], 'size': 502}

    def image(self, image):
        """an element of `image inspect`"""
        if not self.since('1.0.0'):
            return {'name': image['name'], 'index': self.descriptor(image),
                    'variants': [self.variant(image)]}
        variant = self.variant(image)
        variant['digest'] = image['digest']
        return {'id': image['digest'].partition(':')[2],
                'configuration': {'creationDate': self.date(image['created']),
                                  'name': image['name'],
                                  'descriptor': self.descriptor(image)},
                'variants': [variant]}

    def image_row(self, image):
        """an element of `image list`"""
        if self.since('1.0.0'):
            return self.image(image)
        shape = {'reference': image['name'],
                 'descriptor': self.descriptor(image)}
        if self.since('0.9.0'):
            shape['fullSize'] = f"{image['size'] / 1e6:.1f} MB"
        return shape

    # -- the service

    def version_line(self):
        return (f'container CLI version {self.text} '
                '(build: release, commit: 0000000)')

    def system(self, running):
        client = {'appName': 'container', 'version': self.text,
                  'commit': '0000000'}
        if not self.since('1.3.0'):
            shape = {'status': 'running' if running else 'unregistered',
                     'appRoot': '', 'installRoot': '/usr/local/'}
            if running:
                shape['apiServerVersion'] = self.version_line()
            return shape
        if not running:
            return {'status': 'unregistered'}
        return {'status': 'running', 'client': dict(client, build='release'),
                'server': dict(client, build='release'),
                'host': {'architecture': 'arm64', 'cpus': 10,
                         'operatingSystem': 'macOS'},
                'resources': {'containersRunning': 0, 'containersTotal': 0,
                              'images': 0},
                'paths': {'appRoot': '', 'installRoot': '/usr/local/'}}


def shuffled(value):
    """the same value with its keys in another order each time"""
    if isinstance(value, dict):
        keys = random.sample(sorted(value), len(value))
        return {key: shuffled(value[key]) for key in keys}
    if isinstance(value, list):
        return [shuffled(element) for element in value]
    return value
