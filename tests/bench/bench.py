#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# bench.py - compares pen-proxy with others; see doc/bench/README.md
"""Runs the measures in a network namespace of its own, where nothing leaves."""

import argparse
import json
import os
import statistics
import sys
import time

import calls
import judge
import lab as labs
import machine
import measures
import peers
import report

# Whom a quick run compares: the quick ones.
QUICK = ['direct', judge.PEN, 'tinyproxy', 'goproxy', 'haproxy TCP',
         'haproxy SNI']
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Bench:
    """One run: its options, its peers, its samples."""

    def __init__(self, options, lab):
        self.lab, self.rounds, self.pace = lab, options.rounds, options.pace
        self.only_peers = options.peers
        self.samples = []
        self.missing = {}
        self.pool = {}

    def peer(self, cls, rules, workers, where):
        """A running peer, or None where it is not there or does not work."""
        key = (cls, rules, workers, where)
        if key in self.pool:
            return self.pool[key]
        if not cls.path():
            self.missing[cls.name] = 'not installed'
            return None
        if self.only_peers and cls.name not in self.only_peers:
            return None
        peer = cls(self.lab, rules, workers, f'-{where}')
        peer.label = cls.name + (f' ({workers} workers)' if workers > 1 else '')
        peer.where = where
        if where in ('files', 'fresh'):
            return peer
        cpu = {'one': self.lab.load_cpu,
               'both': os.sched_getaffinity(0)}.get(where)
        if not peer.start(cpu):
            self.missing[peer.label] = 'does not start'
            return None
        fault = self.check(peer)
        if fault:
            self.missing[peer.label] = fault
            peer.stop()
            return None
        self.pool[key] = peer
        return peer

    def check(self, peer):
        """What is wrong with a peer: it must let through, and refuse."""
        if peer.group is None:
            return None
        good = self.lab.load('tunnel', '--count', 200, '--conns', 8,
                             *peer.at(), may_fail=True)
        if good['done'] != 200:
            return 'does not let through what it should'
        if 'refused' in peer.does:
            bad = self.lab.load('refused', '--count', 50, '--conns', 8,
                                *peer.refused(), may_fail=True)
            if bad['done'] != 50:
                return 'does not refuse what it should'
        return None

    def measure(self, cls):
        """All samples of one measure, the peers in turn."""
        measure, began = cls(self), time.monotonic()
        found = []
        for want in measure.wants():
            peer = self.peer(*want)
            if peer:
                found.append(peer)
        rounds = min(self.rounds, measure.rounds or self.rounds)
        for number in range(rounds):
            watch = machine.Watch(self.lab)
            for peer in in_turn(found, number, rounds):
                if not self.sample(measure, peer, number):
                    found.remove(peer)
            for metric, share in watch.shares().items():
                self.samples.append((measure.name, judge.MACHINE, 0, metric,
                                     number, share))
        self.show(measure, time.monotonic() - began)

    def sample(self, measure, peer, number):
        """One sample; false if the peer failed.  Then what it did before
        counts no more than what it did not do."""
        try:
            result = measure.sample(peer)
        except labs.Failed as failed:
            self.missing[f'{peer.label}, {peer.rules} rules, '
                         f'{measure.name}'] = failed
            self.samples = [s for s in self.samples if s[:3] != (
                measure.name, peer.label, peer.rules)]
            return False
        for metric in (*measure.metrics, 'errors'):
            self.samples.append((measure.name, peer.label, peer.rules, metric,
                                 number, result[metric]))
        return True

    def stop(self):
        """End all peers."""
        for peer in self.pool.values():
            peer.stop()
        self.pool = {}

    def values(self, measure, label, rules, metric):
        return [s[5] for s in self.samples
                if s[:4] == (measure, label, rules, metric)]

    def show(self, measure, seconds):
        """The medians of a measure, for people who wait."""
        print(f'{measure.title} ({measure.name}, {seconds:.0f} s):')
        seen = dict.fromkeys((s[1], s[2]) for s in self.samples
                             if s[0] == measure.name and s[2])
        for label, rules in seen:
            text = ''
            errors = sum(self.values(measure.name, label, rules, 'errors'))
            if errors:
                text = f'  {errors:.0f} ERRORS'
            for metric in measure.metrics:
                values = self.values(measure.name, label, rules, metric)
                middle = statistics.median(values)
                text += f'  {metric} {middle:.4g}'
                if len(values) > 1 and metric == measure.metrics[0]:
                    text += f' ({min(values):.4g}..{max(values):.4g})'
            print(f'  {label:28} {rules:>6} rules{text}', flush=True)


def in_turn(peers_there, number, rounds):
    """The order of a round: each begins elsewhere, every other one goes
    backwards, so that no program always follows the same one."""
    first = number * len(peers_there) // rounds
    order = peers_there[first:] + peers_there[:first]
    return order[::-1] if number % 2 else order


def options_of():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default=f'{ROOT}/build/release')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--pace', type=float, default=1.0,
                        help='length of a sample, 1 is normal')
    parser.add_argument('--only', type=lambda t: t.split(','), default=[],
                        help='measures, separated by commas')
    parser.add_argument('--peers', type=lambda t: t.split(','), default=[],
                        help='peers, separated by commas')
    parser.add_argument('--out', help='where report and raw data go')
    parser.add_argument('--report', action='store_true',
                        help='write the report anew from the raw data')
    parser.add_argument('--quick', action='store_true',
                        help='one short round, in less than a minute')
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.pace = 1, 0.25
        options.peers = options.peers or QUICK
    if not options.out:
        whole = not (options.quick or options.only or options.peers)
        options.out = f'{ROOT}/doc/bench' if whole or options.report \
            else f'{ROOT}/build/results/bench'
    if not options.report and not labs.inside():
        check_tree(options)
    return options


def check_tree(options):
    """What cannot be repeated does not go into the documents."""
    if not machine.commit().endswith('-dirty'):
        return
    if os.path.realpath(options.out) == f'{ROOT}/doc/bench':
        labs.die('the tree has changes that no commit has, so nobody could '
                 'repeat this run: commit first, or name another folder by '
                 '--out')
    print('THE TREE HAS CHANGES THAT NO COMMIT HAS: nobody can repeat this run')


def save(bench, options, extra):
    """The raw data: what was found, and on what."""
    os.makedirs(options.out, exist_ok=True)
    with open(f'{options.out}/samples.tsv', 'w', encoding='utf-8') as file:
        file.write('measure\tpeer\trules\tmetric\tround\tvalue\n')
        for sample in bench.samples:
            file.write('\t'.join(map(str, sample[:5])) +
                       f'\t{sample[5]:.6g}\n')
    about = {'form': judge.FORM, 'missing': bench.missing,
             'rounds': bench.rounds, 'pace': bench.pace,
             'peers': options.peers,
             'versions': {cls.name: cls.version() for cls in peers.ALL
                          if cls.path() and cls.version()}, **extra}
    with open(f'{options.out}/run.json', 'w', encoding='utf-8') as file:
        json.dump(about, file, indent=1)
        file.write('\n')


def instruction_samples(costs):
    """Instructions for a tunnel, as a measure like others."""
    return [('instructions', judge.PEN, rules, 'tunnel', number, cost)
            for rules, name in ((10, 'tunnel'), (10000, 'tunnel, 10,000 rules'),
                                (100000, 'tunnel, 100,000 rules'))
            for number, cost in enumerate(costs[name])]


def run(options, tools):
    """Everything that is measured."""
    began = time.monotonic()
    about = machine.describe()
    load_cpu, proxy_cpu = machine.cores()
    with labs.Lab(tools, load_cpu, proxy_cpu) as lab:
        bench = Bench(options, lab)
        asked = [cls for cls in measures.ALL
                 if not options.only or cls.name in options.only]
        for cls in asked:
            bench.measure(cls)
        extra = {'machine': about, 'measures': [cls.name for cls in asked]}
        if not options.quick and not options.only:
            print('system calls and instructions', flush=True)
            bench.stop()
            extra.update(calls.everything(lab))
            extra['measures'].append('instructions')
            bench.samples += instruction_samples(extra['instructions'])
    extra['seconds'] = round(time.monotonic() - began)
    for name, why in bench.missing.items():
        bench.missing[name] = str(why)
        print(f'{name}: {why}')
    save(bench, options, extra)
    print(f'{extra["seconds"]} s')


def main():
    options = options_of()
    tools = f'{options.build}/bench'
    peers.Peer.tools = tools
    peers.PenProxy.program = os.environ.get('PEN_PROXY') or \
        f'{options.build}/pen-proxy'
    if not options.report:
        if not labs.inside():
            for cls in peers.ALL:
                if not options.peers or cls.name in options.peers:
                    cls.prepare(tools)
            labs.enter()
        run(options, tools)
    run_of = judge.Run(options.out)
    words = judge.judge(run_of, options.only)
    if not options.only:
        report.write(run_of, options.out)
    # A quick run says whether it ran, not how fast.
    bad = {'missing', 'errors'} | (set() if options.quick else {'broken'})
    return 1 if words & bad else 0


if __name__ == '__main__':
    sys.exit(main())
