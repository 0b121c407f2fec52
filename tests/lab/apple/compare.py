#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# compare.py - what the shim prints against the samples of each version
"""Usage: compare.py SAMPLES.  Each key that the shim prints is in the sample of
its version, at the same place and with the same type.  (The samples have more:
what is optional.)"""

import json
import os
import sys

from shapes import Shapes

NET = {'name': 'net', 'hostname': 'box', 'address': '192.168.65.3/24',
       'gateway': '192.168.65.1', 'mac': '02:00:00:00:00:01',
       'subnet': '192.168.65.0/24', 'internal': False, 'created': 1,
       'labels': {'pen.user': '501'}}
BOX = {'id': 'box', 'image': 'docker.io/library/box:latest', 'digest': 'sha256:0',
       'state': 'running', 'started': 1, 'created': 1,
       'labels': {'pen.user': '501'}, 'mounts': [
           {'source': '/a', 'target': '/b', 'readonly': False}],
       'networks': [NET], 'words': ['a', 'b'], 'workdir': '/', 'env': ['A=b'],
       'cpus': 4, 'memory': 1, 'read_only': False, 'cap_add': ['CHOWN'],
       'cap_drop': ['ALL']}
IMAGE = {'name': 'docker.io/library/box:latest', 'digest': 'sha256:0', 'size': 1,
         'created': 1, 'env': ['A=b'], 'entrypoint': ['a'], 'cmd': ['b'],
         'workdir': '/', 'user': '', 'labels': {'pen.digest': '0'}}
VOLUME = {'name': 'v', 'labels': {'pen.user': '501'}, 'created': 1}


def kind(value):
    return 'number' if type(value) in (int, float) else type(value).__name__


def places(value, place='.'):
    """'.key.[]key. type' of each leaf of a JSON value"""
    if isinstance(value, dict):
        return set().union(*(places(each, f'{place}{key}.')
                             for key, each in value.items()))
    if isinstance(value, list):
        return set().union(*(places(each, place + '[]') for each in value))
    return {f'{place} {kind(value)}'}


def main():
    folder = sys.argv[1]
    faults = 0
    for version in sorted(os.listdir(folder)):
        shapes = Shapes(version)
        made = {'list': [shapes.container(BOX)],
                'inspect': [shapes.container(BOX)],
                'networks': [shapes.network(NET)],
                'network': [shapes.network(NET)],
                'volumes': [shapes.volume(VOLUME)],
                'images': [shapes.image_row(IMAGE)],
                'image': [shapes.image(IMAGE)]}
        if shapes.since('0.10.0'):
            made['status'] = shapes.system(True)
        for name, value in made.items():
            with open(f'{folder}/{version}/{name}.json',
                      encoding='utf-8') as file:
                sample = places(json.load(file))
            for place in sorted(places(value) - sample):
                print(f'{version}/{name}.json has no {place}')
                faults += 1
    print(f'{len(os.listdir(folder))} versions')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
