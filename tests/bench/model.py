# SPDX-License-Identifier: MIT
# model.py - the cost model: what an operation costs, and what follows from it
"""Calls and instructions are counted; the rest comes from the run's medians."""

import statistics

CORES, LINE, MEMORY = 64, 100e9 / 8, 256e9
PEN = 'pen-proxy'
# Of one address: what Linux takes by itself (32768 to 60999), how long a port
# rests after the side that had it closed first, and where a log is rotated.
PORTS, TIME_WAIT, LOG_SIZE = 28232, 60, 10 << 20
# Changes of a number that all workers share (read, modify, write), by one
# tunnel: clients of all workers up and down, the policy taken and let go of,
# hits and bytes each way of its rule.
SHARED = 7
# What one costs while another core has the line: an assumption, not measured.
TRANSFER_NS = 70


def number(value, digits=3):
    if value >= 1000:
        return f'{value:,.0f}'
    return f'{value:.{digits}g}'


def spread(found):
    """The median of some counts, and between what it lies."""
    return (f'{statistics.median(found):,.0f} ({min(found):,.0f}–'
            f'{max(found):,.0f})')


def cost_table(run):
    """Instructions, calls and CPU of each operation."""
    about = run.about
    cpu = {'tunnel': ('connect', PEN),
           'tunnel, TLS': ('tls', PEN),
           'refused': ('refused', PEN), 'plain HTTP, kept': ('http', PEN)}
    yield ('| operation | instructions of its own | system calls, one alone | '
           'system calls, 32 at once under strace | bytes of log | CPU, µs |')
    yield '|---|---|---|---|---|---|'
    for name, counts in about['counts'].items():
        measured = run.get(*cpu[name], 10, 'cpu_us')
        yield (f'| {name} | {spread(about["instructions"][name])} | '
               f'{len(about["calls"][name])} | {sum(counts.values()):.1f} | '
               f'{about["log_bytes"][name]:,.0f} | '
               f'{number(measured) if measured else ""} |')


def growth_table(run):
    """How instructions for a tunnel grow."""
    costs = run.about['instructions']
    base = statistics.median(costs['tunnel'])
    yield '| | instructions for each tunnel | ratio |'
    yield '|---|---|---|'
    for name, cost in costs.items():
        if name.startswith('tunnel') and 'TLS' not in name:
            yield (f'| {name} | {spread(cost)} | '
                   f'{statistics.median(cost) / base:.3f} |')


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
    yield ('| | one core | 64 cores, if workers shared nothing: a bound that '
           'they do not reach |')
    yield '|---|---|---|'
    for title, measure in (('tunnels opened, used and closed per second',
                            'connect'),
                           ('refusals per second', 'refused'),
                           ('plain requests per second', 'http')):
        cost = run.get(measure, PEN, 10, 'cpu_us')
        if cost:
            rate = 1e6 / cost
            yield f'| {title} | {rate:,.0f} | {rate * CORES:,.0f} |'
    yield ''
    yield from (f'* {line}' for line in carried(run))


def carried(run):
    """Bytes, and tunnels that are there."""
    def figure(measure, metric):
        return run.get(measure, PEN, 10, metric)
    for title, measure in (('Download', 'download'), ('Upload', 'upload')):
        cost = figure(measure, 'cpu_s_per_gb')
        if cost:
            yield (f'{title}: 100 Gbit/s are {LINE / 1e9:.1f} GB/s, at '
                   f'{cost:.3g} s of CPU per GB {LINE / 1e9 * cost:.1f} '
                   'cores, if one stream\'s cost is that of many.')
    user, kernel = figure('idle', 'pss_bytes'), figure('idle', 'kernel_bytes')
    if user:
        whole = user + (kernel or 0)
        yield (f'Idle tunnels: {user:,.0f} bytes of pen-proxy and '
               f'{kernel or 0:,.0f} of the kernel (two sockets, their files, '
               f'two epoll entries) each; half of 256 GB would hold '
               f'{MEMORY / 2 / whole / 1e6:,.1f} million. Before that come '
               'the limits of descriptors (two for each tunnel, '
               '`fs.nr_open`) and of ports.')
    yield ('A tunnel of 1 MB at 100 Gbit/s means 12,500 tunnels a second: '
           f'{12500 * (figure("connect", "cpu_us") or 0) / 1e6:.2f} cores '
           'for opening and closing, beside the cores for the bytes.')


def shared(run):
    """What workers share, and what each of it admits."""
    about = run.about
    line, write = about['log_bytes']['tunnel'], about['write_ns']
    cost = run.get('connect', PEN, 10, 'cpu_us')
    rate = 1e6 / cost if cost else 0
    many = float(write['32'])
    yield ('The log: one lock for all workers, held while a line is copied '
           'and while lines are written. A tunnel\'s line has '
           f'{line:,.0f} bytes. A write() of one line took '
           f'{float(write["1"]) / 1000:.2f} µs here, of 32 lines '
           f'{many / 1000:.2f} µs a line: at that the lock alone admits '
           f'{1e9 / float(write["1"]):,.0f} to {1e9 / many:,.0f} tunnels a '
           'second, however many cores there are. '
           f'{rate:,.0f} tunnels a second of one core are '
           f'{rate * line / 1e6:,.0f} MB/s of log, {CORES} times that '
           f'{CORES * rate * line / 1e6:,.0f} MB/s; a log is rotated at 10 '
           'MiB, which the first fills in '
           f'{LOG_SIZE / (rate * line or 1):.1f} s and the second in '
           f'{LOG_SIZE / (CORES * rate * line or 1):.2f} s. Of refusals 100 '
           'lines a second are written, the rest are counted.')
    yield (f'Counters: a tunnel changes {SHARED} numbers that all workers '
           'share (clients of all workers, users of the policy, hits and '
           f'bytes of its rule). If each took {TRANSFER_NS} ns while other '
           'cores have its line (an assumption), those alone would admit '
           f'{1e9 / TRANSFER_NS / SHARED:,.0f} tunnels a second on one rule, '
           'were they in one line; they are in three.')
    vain = about['accepts_in_vain']
    yield ('Listeners: all workers watch the same descriptors, level-'
           'triggered, without EPOLLEXCLUSIVE or SO_REUSEPORT, so that a '
           'client wakes every worker that waits, and one gets it. accept4 '
           'that found nobody, for each tunnel: ' +
           ', '.join(f'{float(share):.2f} with {workers}' for workers, share in
                     vain.items()) +
           ' workers (32 at once, under strace). With 64 that have little '
           'to do it may be 63; with 64 that are busy few of them wait.')
    yield from gain(run)


def gain(run):
    """What was measured of more than one worker."""
    pairs = [run.rounds('workers', name, 10, 'rate')
             for name in (PEN, f'{PEN} (2 workers)')]
    found = [pairs[1][n] / pairs[0][n] for n in pairs[0] if n in pairs[1]]
    if found:
        yield ('Two workers, each with a quarter of a core, did '
               f'{statistics.median(found):.2f} times the work of one '
               f'({min(found):.2f} to {max(found):.2f} in the rounds). At '
               'quarters of a core workers seldom meet: nothing follows from '
               'that for 64.')


def ports(run):
    """The arithmetic of ports, and of TIME_WAIT."""
    cost = run.get('connect', PEN, 10, 'cpu_us')
    yield ('A tunnel takes a port of the proxy\'s address, and who closes '
           f'first keeps it {TIME_WAIT} s in TIME_WAIT. Towards the origin '
           'that is the proxy whenever the client ends first, as in this '
           'bench. With the ports that Linux takes by itself '
           f'({PORTS:,}: 32768 to 60999) that makes {PORTS // TIME_WAIT} '
           'tunnels a second to one address and port of an origin from one '
           'address, in the long run; other origins have their own. With '
           '`net.ipv4.tcp_tw_reuse=1` a port can be taken again after a '
           f'second where both ends have timestamps: {PORTS:,} a second. The '
           'bench sets that, and a wider range. One core could do '
           f'{1e6 / cost:,.0f}.' if cost else '')


def other_memory():
    """Memory of tunnels that are not idle, and of refusals."""
    yield ('An active tunnel has, beside that, what is under way: bytes that '
           'were read and not yet written (up to 64 KiB each way, then it '
           'stops reading), or a pipe for each way that carries bulk, made '
           'when two reads in a row were large: 1 MiB for up to 8 pipes of a '
           'worker, 256 KiB for others, whose pages are the kernel\'s and '
           'filled by what is in flight; and the buffers of two sockets, '
           'which the kernel sizes (`net.ipv4.tcp_rmem`, `tcp_wmem`). A '
           'worker keeps up to 16 pipes for the next transfer.')
    yield ''
    yield ('A refused tunnel has one socket and a connection\'s object until '
           'its answer is written, and leaves nothing behind but what the '
           'heap keeps for the next.')


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
        'lines. strace slows the proxy down, so that more events wait for it '
        'at each turn than would without: that column is a lower bound. '
        'Instructions are the median of three (smallest–largest). Bytes of '
        'log are those of 1,000 in a row; of refusals a second has 100 lines '
        'at most.', '', *cost_table(run), '',
        f'An idle tunnel: {user or 0:,.0f} bytes of memory, '
        f'{kernel or 0:,.0f} more in the kernel, two descriptors, no pipe. '
        'Within a second after its last bytes each side is read once more '
        '(below, "a pause"), as a reset may hide behind a short read; then a '
        'timer looks four times in each idle-timeout (every 150 s by itself) '
        'whether the kernel has sent what was written, by an ioctl for each '
        'socket. Nothing else happens until bytes come.', '',
        *other_memory(), '',
        '## How it grows', '',
        'With rules not at all: a look-up is a few hashes, whatever the '
        'number. With tunnels by the timers alone. With workers by what they '
        'share (below).', '',
        *growth_table(run), '', *memory_table(run), '',
        '## 64 cores and 100 Gbit/s, on paper', '',
        'From the figures of this machine, over loopback: a sender pays for '
        'the receiver\'s side of TCP as well, which a network card would '
        'spread differently. An estimate, not a measurement.', '',
        *projection(run), '', '### What workers share', '',
        'Each has its own loop, resolver, cache and connections. What all '
        'of them share bounds them together, whatever the number of cores; '
        'none of it was measured on more than two.', '',
        *(f'* {line}' for line in shared(run)), '',
        '### Ports', '', *ports(run), '', '## The system calls, one by one', '',
        'Reasons: `tests/bench/reasons.tsv`. A call without one fails the '
        'test of the bench.', '', *call_lists(run)]
    return '\n'.join(lines).rstrip() + '\n'
