# SPDX-License-Identifier: MIT
# measures.py - what is measured, and how: one class for each measure
"""A measure names its peers and takes one sample of one of them at a time;
bench.py runs the samples of all peers in turn, round after round."""

import time

import peers as p
from lab import ECHO_PORT, HTTP_PORT, NAME, OTHER, TLS_PORT, Failed

GIGABYTE = 1000000000
CONNS = ['--conns', 32]


def per_operation(lab, peer, mode, *options):
    """Run a load; CPU of the proxy for each request, rate and latency.  A
    little of the same comes first, and does not count."""
    warm_up(lab, mode, *options)
    before = peer.group.cpu_at_rest()
    report = lab.load(mode, *options)
    used = peer.group.cpu_at_rest() - before
    result = {key: answered(report)[key]
              for key in ('rate', 'p50_us', 'p99_us', 'errors', 'done')}
    result['cpu_us'] = used / 1000 / report['done']
    if report['bytes']:
        result['cpu_s_per_gb'] = used / report['bytes']
    return result


def warm_up(lab, mode, *options):
    """A short sample that is thrown away; of transfers, a tenth."""
    options = list(options)
    if '--time' in options:
        options += ['--time', 60]
    elif '--bytes' in options:
        options += ['--bytes', options[options.index('--bytes') + 1] // 10]
    lab.load(mode, *options)


def answered(report):
    """A report of which something can be said."""
    if not report['done']:
        raise Failed(f'did nothing of what it was asked ({report["errors"]} '
                     'errors)')
    return report


class Measure:
    """name is its id in the raw data; wants() are its peers, started for
    it with those words; metrics are the columns kept; seconds is how long a
    sample takes."""

    name = title = ''
    metrics = ('cpu_us', 'rate')
    seconds = 1.0
    rounds = None

    def __init__(self, bench):
        self.bench, self.lab = bench, bench.lab
        self.time = ['--time', int(self.seconds * bench.pace * 1000)]

    def wants(self):
        """Tuples (class, rules, workers, where)."""
        return [(cls, 10, 1, 'two') for cls in p.ALL if self.name in cls.does]

    def sample(self, peer):
        raise NotImplementedError


class Connect(Measure):
    name, title = 'connect', 'CONNECT, request, close'
    metrics = ('cpu_us', 'rate', 'p50_us', 'p99_us')
    seconds = 0.6

    def wants(self):
        wants = [(cls, 10, 1, 'two') for cls in p.ALL
                 if cls not in (p.Direct, p.Bare, p.HaproxyCopy,
                                p.HaproxyPipes)]
        return wants + [(p.Squid, 10, 2, 'both')]

    def sample(self, peer):
        return per_operation(self.lab, peer, 'tunnel', *CONNS, *self.time,
                             *peer.at())


class Tls(Connect):
    name = 'tls'
    title = 'as TLS does: ClientHello of 1,800 bytes, 4 kB back, two exchanges'

    def wants(self):
        return Measure.wants(self)

    def sample(self, peer):
        return per_operation(self.lab, peer, 'tls', *CONNS, *self.time,
                             *peer.at(TLS_PORT), '--hello', NAME)


class Rules(Connect):
    name, title = 'rules', 'the same with many rules'
    metrics = ('cpu_us', 'rate')

    def wants(self):
        return [(cls, rules, 1, 'two') for cls, most in (
            (p.PenProxy, 100000), (p.Tinyproxy, 10000), (p.Squid, 10000),
            (p.HaproxySni, 100000)) for rules in (10, 10000, 100000)
                if rules <= most]


class Refused(Measure):
    name, title = 'refused', 'refused CONNECT'
    seconds = 0.6

    def wants(self):
        return super().wants() + [(cls, rules, 1, 'two') for cls, rules in (
            (p.PenProxy, 10000), (p.PenProxy, 100000), (p.Tinyproxy, 10000),
            (p.Squid, 10000), (p.HaproxySni, 10000))]

    def sample(self, peer):
        return per_operation(self.lab, peer, 'refused', *CONNS, *self.time,
                             *peer.refused())


class Halfopen(Connect):
    name, title = 'halfopen', 'with 1,000 half-open heads'
    metrics = ('cpu_us', 'rate', 'cpu_us_with', 'rate_with', 'cpu_kept',
               'rate_kept')
    seconds = 0.7

    def wants(self):
        return Measure.wants(self)

    def sample(self, peer):
        """Without, with, and without again, so that what changes by itself
        meanwhile counts for neither."""
        before = super().sample(peer)
        half = self.lab.hold('halfopen', '--conns', 1000, *peer.at())
        # What they cost when they come is not what they cost while they last.
        peer.group.cpu_at_rest()
        beside = super().sample(peer)
        self.lab.release(half)
        peer.group.cpu_at_rest()
        after = super().sample(peer)
        result = {key: (before[key] + after[key]) / 2
                  for key in ('cpu_us', 'rate')}
        for key in ('cpu_us', 'rate'):
            result[f'{key}_with'] = beside[key]
        result['cpu_kept'] = result['cpu_us'] / beside['cpu_us']
        result['rate_kept'] = beside['rate'] / result['rate']
        for key in ('errors', 'done'):
            result[key] = before[key] + beside[key] + after[key]
        return result


class Http(Measure):
    name, title = 'http', 'plain HTTP, kept alive'
    seconds = 0.7

    def sample(self, peer):
        return per_operation(self.lab, peer, 'http', *CONNS, *self.time,
                             *peer.at())


class Download(Measure):
    name, title = 'download', 'download through a tunnel'
    metrics = ('cpu_s_per_gb', 'gb_per_s')
    mode = 'tunnel'

    def wants(self):
        return [(cls, 10, 1, 'two') for cls in p.ALL
                if 'transfer' in cls.does and cls is not p.Direct]

    def sample(self, peer):
        size = int(peer.transfer * self.bench.pace)
        result = per_operation(self.lab, peer, self.mode, '--count', 1,
                               '--bytes', size, *peer.at())
        if 'cpu_s_per_gb' not in result:
            raise Failed('passed no bytes on')
        result['gb_per_s'] = result['rate'] * size / GIGABYTE
        return result


class Upload(Download):
    name, title = 'upload', 'upload through a tunnel'
    mode = 'upload'


class Pingpong(Measure):
    name, title = 'pingpong', '64 bytes there and back, all on one core'
    metrics = ('p50_us', 'p99_us')
    seconds = 0.4
    conns = 1

    def wants(self):
        return [(cls, 10, 1, 'one') for cls in p.ALL if 'pingpong' in cls.does]

    def sample(self, peer):
        how = ['pingpong', '--conns', self.conns, *self.time,
               *peer.at(ECHO_PORT)]
        warm_up(self.lab, *how)
        return answered(self.lab.load(*how))


class Pingpong32(Pingpong):
    name, title = 'pingpong32', '64 bytes there and back, 32 tunnels, one core'
    conns = 32
    seconds = 0.6


class Pingpong32Two(Pingpong32):
    name = 'pingpong32_two'
    title = '64 bytes there and back, 32 tunnels, the proxy on its own core'
    rounds = 3

    def wants(self):
        return [(*want[:3], 'two') for want in super().wants()]


class Idle(Measure):
    name, title = 'idle', 'memory of idle tunnels'
    metrics = ('pss_bytes', 'kernel_bytes', 'descriptors', 'pipes',
               'base_bytes')
    tunnels = 2000
    rounds = 3
    # What a tunnel does before it is idle.
    use = ()

    def wants(self):
        # What rules cost pen-proxy shows in the memory that it starts with.
        return [(cls, rules, 1, 'fresh') for cls, rules in
                [(cls, 10) for cls in p.ALL if 'idle' in cls.does] +
                [(p.PenProxy, 10000), (p.PenProxy, 100000)]]

    def sample(self, peer):
        """Of a program that was just started: memory that another round has
        left behind would be used again."""
        peer.renew()
        if not peer.start():
            raise Failed('does not start')
        try:
            return self.idle(peer)
        finally:
            peer.stop()

    def idle(self, peer):
        tunnels = max(int(self.tunnels * self.bench.pace), 200)
        # What the first tunnels cost once is not theirs.
        answered(self.lab.load('tunnel', '--count', 300, '--conns', 32,
                               *peer.at()))
        peer.group.cpu_at_rest()
        memory, kernel = peer.group.pss(), peer.group.kernel()
        files, pipes = peer.group.descriptors()
        held = self.lab.hold('idle', '--conns', tunnels, *self.use,
                             *peer.at())
        peer.group.cpu_at_rest()
        time.sleep(0.3)
        more, kernel_now = peer.group.pss(), peer.group.kernel()
        files_now, pipes_now = peer.group.descriptors()
        report = self.lab.release(held)
        return {'pss_bytes': (more - memory) / tunnels,
                'kernel_bytes': (kernel_now - kernel) / tunnels,
                'descriptors': (files_now - files) / tunnels,
                'pipes': (pipes_now - pipes) / tunnels,
                'base_bytes': memory,
                'errors': report['errors'], 'done': report['held']}


class IdleUsed(Idle):
    name = 'idle_used'
    title = 'memory of idle tunnels that have carried 100 kB each way'
    use = ('--bytes', 100000)
    tunnels = 1000

    def wants(self):
        return [want for want in super().wants() if want[1] == 10]


class Start(Measure):
    name, title = 'start', 'start to first tunnel'
    metrics = ('ms',)

    def wants(self):
        return [(cls, rules, 1, 'files') for cls in p.ALL
                if 'start' in cls.does for rules in (10, 10000)]

    def sample(self, peer):
        peer.renew()
        with self.lab.by_dns():
            result = self.lab.probe('start', [
                '--cpu', min(self.lab.proxy_cpu), *peer.at()], peer.files())
        if result['errors']:
            raise Failed('does not start')
        return result


class Reload(Measure):
    """A name is let through, then refused again; tunnels are held."""

    name, title = 'reload', 'SIGHUP to new policy in force'
    metrics = ('ms', 'lost')

    def wants(self):
        return [(cls, rules, 1, 'two') for cls in p.ALL
                if 'reload' in cls.does for rules in (10, 10000)]

    def sample(self, peer):
        held = self.lab.hold('idle', '--conns', 50, *peer.at())
        opened = self.change(peer, 'allowed', [f'{OTHER}:{HTTP_PORT}'])
        closed = self.change(peer, 'refused', [])
        report = self.lab.release(held)
        if opened['errors'] or closed['errors']:
            raise Failed('does not take the new policy, or is gone')
        return {'ms': (opened['ms'] + closed['ms']) / 2, 'errors': 0,
                'lost': opened['lost'] + closed['lost'] + report['errors']}

    def change(self, peer, want, extra):
        file = peer.policy_file()
        new = peer.write_policy(f'{file}-new', extra)
        return self.lab.probe('reload', [
            '--pid', peer.process.pid,
            '--signal', int(peer.reload_signal), '--swap', new, '--file', file,
            '--want', want, *peer.at(host=OTHER)])


class Workers(Connect):
    """Each worker has a quarter of a core of its own, so that two of them
    find free cores on a machine that has but two."""

    name, title = 'workers', 'one and two workers, a quarter of a core each'
    metrics = ('rate', 'cpu_us')
    percent = 25

    def wants(self):
        return [(cls, 10, workers, 'both') for cls in p.ALL
                if 'workers' in cls.does for workers in (1, 2)]

    def sample(self, peer):
        peer.group.share(peer.threads(), self.percent)
        result = per_operation(self.lab, peer, 'tunnel', '--conns', 64,
                               *self.time, *peer.at())
        peer.group.share(peer.threads(), 100)
        used = result['rate'] * result['cpu_us'] / 1e6
        quota = peer.workers * self.percent / 100
        # A quota that holds nothing would make any figure.
        if used > quota * 1.15:
            raise Failed(f'used {used:.2f} cores of a quota of {quota:.2f}')
        return result


ALL = [Connect, Tls, Rules, Refused, Halfopen, Http, Download, Upload, Pingpong,
       Pingpong32, Pingpong32Two, Idle, IdleUsed, Start, Reload, Workers]
