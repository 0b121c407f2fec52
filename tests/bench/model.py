# SPDX-License-Identifier: MIT
# model.py - the cost model: what an operation costs, and what follows from it
"""Calls and instructions are exact; the rest comes from the run's medians."""

CORES, LINE, MEMORY = 64, 100e9 / 8, 256e9
PEN = 'pen-proxy'


def number(value, digits=3):
    if value >= 1000:
        return f'{value:,.0f}'
    return f'{value:.{digits}g}'


def cost_table(run):
    """Instructions, calls and CPU of each operation."""
    about = run.about
    cpu = {'tunnel': ('connect', PEN),
           'tunnel, TLS': ('tls', PEN),
           'refused': ('refused', PEN), 'plain HTTP, kept': ('http', PEN)}
    yield ('| operation | instructions of its own | system calls, one alone | '
           'system calls, 32 at once | CPU, µs |')
    yield '|---|---|---|---|---|'
    for name, counts in about['counts'].items():
        measured = run.get(*cpu[name], 10, 'cpu_us')
        yield (f'| {name} | {about["instructions"][name]:,.0f} | '
               f'{len(about["calls"][name])} | {sum(counts.values()):.1f} | '
               f'{number(measured) if measured else ""} |')


def growth_table(run):
    """How instructions for a tunnel grow."""
    costs = run.about['instructions']
    base = costs['tunnel']
    yield '| | instructions for each tunnel | ratio |'
    yield '|---|---|---|'
    for name, cost in costs.items():
        if name.startswith('tunnel') and 'TLS' not in name:
            yield f'| {name} | {cost:,.0f} | {cost / base:.3f} |'


def memory_table(run):
    """Memory by the number of rules, and of tunnels."""
    few = run.get('idle', PEN, 10, 'base_bytes')
    yield ('| rules | memory at rest, kB | bytes a rule | bytes an idle '
           'tunnel |')
    yield '|---|---|---|---|'
    for rules in (10, 10000, 100000):
        base = run.get('idle', PEN, rules, 'base_bytes')
        if base and few:
            each = f'{(base - few) / (rules - 10):,.0f}' if rules > 10 else ''
            tunnel = run.get('idle', PEN, rules, 'pss_bytes')
            yield (f'| {rules:,} | {base / 1000:,.0f} | {each} | '
                   f'{tunnel:,.0f} |')


def call_lists(run):
    """The calls of each operation with why each is needed."""
    for name, calls in run.about['calls'].items():
        yield f'### {name}: {len(calls)} calls'
        yield ''
        yield '| | call | why |'
        yield '|---|---|---|'
        for place, (call, why) in enumerate(calls, 1):
            yield f'| {place} | `{call}` | {why} |'
        yield ''


def projection(run):
    """What 64 cores and 100 Gbit/s would carry, on paper."""
    def figure(measure, metric, peer=PEN):
        return run.get(measure, peer, 10, metric)
    one = figure('workers', 'rate')
    two = figure('workers', 'rate', f'{PEN} (2 workers)')
    gain = min(two / one / 2, 1) if one and two else 1
    kept = gain ** 6
    yield ('Two workers did '
           f'{2 * gain:.2f} times the work of one. If every doubling kept '
           f'that share ({gain:.2f}), 64 workers would do '
           f'{CORES * kept:.0f} times the work of one; if none were lost, '
           f'{CORES} times. The truth lies between, as workers share nothing '
           'but the policy, the log and the kernel.')
    yield ''
    yield '| | one core | 64 cores, with that loss | 64 cores, without |'
    yield '|---|---|---|---|'
    for title, measure in (('tunnels opened, used and closed per second',
                            'connect'),
                           ('refusals per second', 'refused'),
                           ('plain requests per second', 'http')):
        cost = figure(measure, 'cpu_us')
        if cost:
            rate = 1e6 / cost
            yield (f'| {title} | {rate:,.0f} | {rate * CORES * kept:,.0f} | '
                   f'{rate * CORES:,.0f} |')
    yield ''
    for title, measure in (('download', 'download'), ('upload', 'upload')):
        cost = figure(measure, 'cpu_s_per_gb')
        if cost:
            yield (f'* {title}: 100 Gbit/s are {LINE / 1e9:.1f} GB/s, at '
                   f'{cost:.3g} s of CPU per GB {LINE / 1e9 * cost:.1f} '
                   'cores: the line is full long before the machine.')
    user, kernel = figure('idle', 'pss_bytes'), figure('idle', 'kernel_bytes')
    if user:
        whole = user + (kernel or 0)
        yield (f'* idle tunnels: {user:,.0f} bytes of pen-proxy and '
               f'{kernel or 0:,.0f} of the kernel (two sockets, their files, '
               f'two epoll entries) each; half of 256 GB would hold '
               f'{MEMORY / 2 / whole / 1e6:,.1f} million. Before that come '
               'the limits of descriptors (two for each tunnel, '
               '`fs.nr_open`) and of ports: 64,000 tunnels to one origin '
               'address and port from one address.')
    yield ('* A tunnel of 1 MB at 100 Gbit/s means 12,500 tunnels a second: '
           f'{12500 * (figure("connect", "cpu_us") or 0) / 1e6:.2f} cores '
           'for opening and closing, beside the cores for the bytes.')


def text(run):
    """cost.md"""
    user, kernel = (run.get('idle', PEN, 10, metric)
                    for metric in ('pss_bytes', 'kernel_bytes'))
    lines = [
        '# What it costs', '',
        'Written by `make bench`. Instructions are those of pen-proxy itself '
        '(callgrind); most of the CPU is the kernel\'s, in the system calls. '
        'One alone: nothing else runs, so every event has an `epoll_wait` of '
        'its own; 32 at once: one call brings many events, one write many log '
        'lines.', '', *cost_table(run), '',
        f'An idle tunnel: no instruction, no call; {user or 0:,.0f} bytes of '
        f'memory, {kernel or 0:,.0f} more in the kernel, two descriptors, no '
        'pipe. A refused tunnel leaves nothing behind.', '',
        '## How it grows', '',
        'With rules not at all: a look-up is a few hashes, whatever the '
        'number. With tunnels by the timers alone. With workers by the '
        'atomic operations on the counters and the policy.', '',
        *growth_table(run), '', *memory_table(run), '',
        '## 64 cores and 100 Gbit/s, on paper', '',
        'From the figures of this machine, over loopback: a sender pays for '
        'the receiver\'s side of TCP as well, which a network card would '
        'spread differently. An estimate, not a measurement.', '',
        *projection(run), '', '## The system calls, one by one', '',
        'Reasons: `tests/bench/reasons.tsv`. A call without one fails the '
        'test of the bench.', '', *call_lists(run)]
    return '\n'.join(lines).rstrip() + '\n'
