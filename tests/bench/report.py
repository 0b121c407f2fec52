# SPDX-License-Identifier: MIT
# report.py - judges a run by limits.tsv and writes its report
"""Reads samples.tsv and run.json, so that a report can be written anew."""

import collections
import json
import os
import platform
import statistics
import subprocess

import lab as labs
import model
import plot

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEN = 'pen-proxy'
CONNECT_PEERS = ('tinyproxy', 'squid', 'goproxy', 'srt', 'privoxy')
REFERENCES = ('haproxy TCP', 'haproxy SNI', 'haproxy TCP, copying',
              'nginx SNI', 'sniproxy')
# The rows of the table: title, measure, metric, rules, unit, factor.
ROWS = (
    ('CONNECT, request, close: CPU per tunnel', 'connect', 'cpu_us', 10, 'µs',
     1),
    ('the same with 10,000 rules', 'rules', 'cpu_us', 10000, 'µs', 1),
    ('the same with 100,000 rules', 'rules', 'cpu_us', 100000, 'µs', 1),
    ('refused CONNECT: CPU', 'refused', 'cpu_us', 10, 'µs', 1),
    ('with 1,000 half-open heads: rate kept', 'halfopen', 'rate_kept', 10, '',
     1),
    ('plain HTTP, kept alive: CPU per request', 'http', 'cpu_us', 10, 'µs', 1),
    ('download: CPU per GB', 'download', 'cpu_s_per_gb', 10, 's', 1),
    ('upload: CPU per GB', 'upload', 'cpu_s_per_gb', 10, 's', 1),
    ('64-byte ping-pong, one core: p50', 'pingpong', 'p50_us', 10, 'µs', 1),
    ('32 tunnels ping-pong, one core: p50', 'pingpong32', 'p50_us', 10, 'µs',
     1),
    ('32 tunnels ping-pong, one core: p99', 'pingpong32', 'p99_us', 10, 'µs',
     1),
    ('memory per idle tunnel (PSS)', 'idle', 'pss_bytes', 10, 'kB', 0.001),
    ('start to first tunnel, 10 rules', 'start', 'ms', 10, 'ms', 1),
    ('start to first tunnel, 10,000 rules', 'start', 'ms', 10000, 'ms', 1),
    ('SIGHUP to new policy, 10 rules', 'reload', 'ms', 10, 'ms', 1),
    ('SIGHUP to new policy, 10,000 rules', 'reload', 'ms', 10000, 'ms', 1),
)


def machine():
    """What a reader has to know of the machine."""
    cpus = [line.partition(':')[2].strip()
            for line in labs.read('/proc/cpuinfo').splitlines()
            if line.startswith('model name')]
    memory = int(labs.read('/proc/meminfo').split()[1]) // 1024
    commit = subprocess.run(
        ['git', '-C', ROOT, 'describe', '--always', '--dirty'], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    system = 'unknown'
    for line in labs.read('/etc/os-release').splitlines():
        if line.startswith('PRETTY_NAME='):
            system = line.partition('=')[2].strip('"')
    return {'processor': cpus[0] if cpus else platform.machine(),
            'cores': len(os.sched_getaffinity(0)), 'memory_mb': memory,
            'kernel': platform.release(), 'system': system,
            'commit': commit.stdout.strip() or 'unknown',
            'load': labs.read('/proc/loadavg').split()[0]}


class Run:
    """A run, as its raw data tells it."""

    def __init__(self, folder):
        self.about = json.loads(labs.read(f'{folder}/run.json'))
        self.table = collections.OrderedDict()
        lines = labs.read(f'{folder}/samples.tsv').splitlines()[1:]
        for line in lines:
            measure, peer, rules, metric, _, value = line.split('\t')
            key = (measure, peer, int(rules), metric)
            self.table.setdefault(key, []).append(float(value))

    def get(self, measure, peer, rules, metric):
        """The median, or None."""
        values = self.table.get((measure, peer, rules, metric))
        return statistics.median(values) if values else None

    def spread(self, measure, peer, rules, metric):
        values = self.table[(measure, peer, rules, metric)]
        return min(values), max(values)

    def peers(self, measure):
        """Pairs of peer and number of rules that a measure has."""
        return list(dict.fromkeys(
            (key[1], key[2]) for key in self.table if key[0] == measure))

    def errors(self, measure, peer=None):
        """How many requests failed, of a peer or of all."""
        return sum(sum(values) for key, values in self.table.items()
                   if key[0] == measure and key[3] == 'errors'
                   and peer in (None, key[1]))

    def metrics(self, measure):
        return list(dict.fromkeys(
            key[3] for key in self.table if key[0] == measure))


def limits():
    """The lines of limits.tsv."""
    for line in labs.read(f'{HERE}/limits.tsv').splitlines():
        if line and not line.startswith('#'):
            yield line.split('\t')


def against_what(run, measure, metric, rules, against):
    """The figure that is held to a limit; None if there is no such figure."""
    own = run.get(measure, PEN, rules, metric)
    if own is None:
        return None
    if against == '-':
        return own
    if against == 'added over direct':
        other = run.get(measure, 'direct', rules, metric)
        return None if other is None else own - other
    if against.startswith('self '):
        other = run.get(measure, PEN, int(against[5:]), metric)
    elif against == 'one worker':
        other = own
        own = run.get(measure, f'{PEN} (2 workers)', rules, metric)
    else:
        other = run.get(measure, against, rules, metric)
    return own / other if own is not None and other else None


def within(figure, limit):
    if limit.startswith('>'):
        return figure >= float(limit[1:])
    return figure <= float(limit)


def verdicts(run):
    """Each limit with its figure and: holds, short, broken or not measured."""
    for measure, metric, rules, against, warn, fail, unit, why in limits():
        figure = against_what(run, measure, metric, int(rules), against)
        if figure is None:
            verdict = 'not measured'
        elif within(figure, warn):
            verdict = 'holds'
        else:
            verdict = 'short' if within(figure, fail) else 'broken'
        if verdict not in ('short', 'broken'):
            why = ''
        yield (measure, metric, rules, against, warn, fail, unit, figure,
               verdict, why)


def judge(run):
    """Say what falls short; true if a fail ratio is broken."""
    broken = False
    for (measure, metric, rules, against, warn, fail, _, figure, verdict,
         why) in verdicts(run):
        if verdict in ('short', 'broken'):
            print(f'{verdict}: {measure} {metric} with {rules} rules, '
                  f'against {against}: {figure:.3g} '
                  f'(wanted {warn}, fails beyond {fail})' +
                  (f': {why}' if why else ''))
        broken |= verdict == 'broken'
    return broken


def number(value, digits=3):
    if value is None:
        return ''
    if abs(value) >= 100:
        return f'{value:,.0f}'
    return f'{value:.{digits}g}'


def best(run, names, row):
    """The best of some peers in a row, with its name."""
    _, measure, metric, rules, _, factor = row
    found = [(run.get(measure, name, rules, metric), name) for name in names]
    found = [pair for pair in found if pair[0] is not None]
    if not found:
        return ''
    value, name = max(found) if metric == 'rate_kept' else min(found)
    return f'{name} {number(value * factor)}'


def main_table(run):
    """The table that pen-proxy is measured by, with its column."""
    yield ('| measure | direct | best that does CONNECT with an allowlist | '
           'best reference (no CONNECT) | mitmproxy | **pen-proxy** |')
    yield '|---|---|---|---|---|---|'
    for row in ROWS:
        title, measure, metric, rules, unit, factor = row
        values = [run.get(measure, name, rules, metric)
                  for name in ('direct', 'mitmproxy', PEN)]
        direct, mitm, own = (
            number(v * factor) if v is not None else '' for v in values)
        yield (f'| {title}{", " + unit if unit else ""} | {direct} | '
               f'{best(run, CONNECT_PEERS, row)} | '
               f'{best(run, REFERENCES, row)} | {mitm} | **{own}** |')
    one = run.get('workers', PEN, 10, 'rate')
    two = run.get('workers', f'{PEN} (2 workers)', 10, 'rate')
    squid = [run.get('workers', name, 10, 'rate')
             for name in ('squid', 'squid (2 workers)')]
    if one and two:
        other = f'squid {squid[1] / squid[0]:.3g}' if all(squid) else ''
        yield ('| two workers against one: tunnels per second | | '
               f'{other} | | | **{two / one:.3g}** |')


def limit_table(run):
    yield ('| measure | metric | rules | against | pen-proxy is at | wanted '
           '| fails beyond | verdict |')
    yield '|---|---|---|---|---|---|---|---|'
    for (measure, metric, rules, against, warn, fail, unit, figure, verdict,
         why) in verdicts(run):
        if verdict in ('short', 'broken'):
            verdict = f'**{verdict}**: {why or "cause unknown"}'
        yield (f'| {measure} | {metric} ({unit}) | {int(rules):,} | {against} '
               f'| {number(figure)} | {warn} | {fail} | {verdict} |')


def measure_table(run, measure):
    """All that was measured of one measure; errors where there are any."""
    metrics = [metric for metric in run.metrics(measure) if metric != 'errors'
               or run.errors(measure)]
    yield '| peer | rules | ' + ' | '.join(metrics) + ' |'
    yield '|---|---' + '|---' * len(metrics) + '|'
    for peer, rules in run.peers(measure):
        cells = []
        for metric in metrics:
            low, high = run.spread(measure, peer, rules, metric)
            text = number(run.get(measure, peer, rules, metric))
            if low != high:
                text += f' ({number(low)}–{number(high)})'
            cells.append(text)
        yield f'| {peer} | {rules:,} | ' + ' | '.join(cells) + ' |'


def about_lines(run):
    about = run.about['machine']
    yield (f'{about["processor"]}, {about["cores"]} cores, '
           f'{about["memory_mb"]:,} MB; {about["system"]}, Linux '
           f'{about["kernel"]}; load at the end {about["load"]}. '
           f'{run.about["rounds"]} rounds, {run.about["seconds"]} s.')
    if float(about['load']) > about['cores'] + 1:
        yield ''
        yield ('**The machine had other work: take no time from this run, and '
               'from its figures of CPU no more than the ratios.**')
    yield ''
    yield '| program | version |'
    yield '|---|---|'
    for name, version in run.about['versions'].items():
        if name == PEN:
            version += f' (commit {about["commit"]})'
        yield f'| {name} | {version} |'
    for name, why in run.about['missing'].items():
        yield f'| {name} | {why} |'


def write(run, folder):
    """report.md, cost.md and plot.svg."""
    import measures
    names = {cls.name: cls.title for cls in measures.ALL}
    lines = ['# pen-proxy and others', '',
             'Written by `make bench`; README.md says how it measures.', '',
             *about_lines(run), '', '## Where pen-proxy stands', '',
             'Medians; CPU is the proxy\'s own.', '', *main_table(run), '',
             '![CPU, memory and delay](plot.svg)', '', '## Verdicts', '',
             'Ratios of pen-proxy to what it is held against, or the figure '
             'itself (`tests/bench/limits.tsv`).', '', *limit_table(run), '',
             '## All figures', '',
             'Median (smallest–largest of the rounds). The raw data is in '
             'samples.tsv.', '']
    for measure in dict.fromkeys(key[0] for key in run.table):
        lines += [f'### {measure}: {names.get(measure, "")}', '',
                  *measure_table(run, measure), '']
    labs.write(f'{folder}/report.md', '\n'.join(lines).rstrip() + '\n')
    labs.write(f'{folder}/plot.svg', plot.draw(run))
    if 'instructions' in run.about:
        labs.write(f'{folder}/cost.md', model.text(run))
    print(f'report: {os.path.relpath(folder)}/report.md')
