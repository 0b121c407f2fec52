# SPDX-License-Identifier: MIT
# report.py - writes the report of a run
"""Everything in it is from samples.tsv and run.json, so that it can be written
anew, byte for byte."""

import os
import statistics

import lab as labs
import measures
import model
import peers
import plot
from judge import MACHINE, PEN, number, spread_text, verdicts

CONNECT_PEERS = ('tinyproxy', 'squid', 'goproxy', 'srt', 'privoxy')
REFERENCES = ('haproxy TCP', 'haproxy SNI', 'haproxy TCP, copying',
              'haproxy TCP, 1 MiB pipes', 'nginx SNI', 'sniproxy')
# The rows of the table: title, measure, metric, rules, unit, factor.
ROWS = (
    ('CONNECT, request, close: CPU per tunnel', 'connect', 'cpu_us', 10, 'µs',
     1),
    ('as TLS does: CPU per tunnel', 'tls', 'cpu_us', 10, 'µs', 1),
    ('CONNECT, request, close with 10,000 rules', 'rules', 'cpu_us', 10000,
     'µs', 1),
    ('CONNECT, request, close with 100,000 rules', 'rules', 'cpu_us', 100000,
     'µs', 1),
    ('refused CONNECT: CPU', 'refused', 'cpu_us', 10, 'µs', 1),
    ('with 1,000 half-open heads: rate kept', 'halfopen', 'rate_kept', 10, '',
     1),
    ('plain HTTP, kept alive: CPU per request', 'http', 'cpu_us', 10, 'µs', 1),
    ('download: CPU per GB', 'download', 'cpu_s_per_gb', 10, 's', 1),
    ('upload: CPU per GB', 'upload', 'cpu_s_per_gb', 10, 's', 1),
    ('64-byte ping-pong, one core: added p50', 'pingpong', 'p50_us', 10, 'µs',
     1),
    ('32 tunnels ping-pong, one core: p50', 'pingpong32', 'p50_us', 10, 'µs',
     1),
    ('32 tunnels ping-pong, one core: p99, closed loop', 'pingpong32',
     'p99_us', 10, 'µs', 1),
    ('32 tunnels ping-pong, two cores: p50', 'pingpong32_two', 'p50_us', 10,
     'µs', 1),
    ('32 tunnels ping-pong, two cores: p99, closed loop', 'pingpong32_two',
     'p99_us', 10, 'µs', 1),
    ('memory per idle tunnel (PSS)', 'idle', 'pss_bytes', 10, 'kB', 0.001),
    ('the same after 100 kB each way', 'idle_used', 'pss_bytes', 10, 'kB',
     0.001),
    ('start to first tunnel, 10 rules', 'start', 'ms', 10, 'ms', 1),
    ('start to first tunnel, 10,000 rules', 'start', 'ms', 10000, 'ms', 1),
    ('SIGHUP to new policy, 10 rules', 'reload', 'ms', 10, 'ms', 1),
    ('SIGHUP to new policy, 10,000 rules', 'reload', 'ms', 10000, 'ms', 1),
)


def best(run, names, row):
    """The best of some peers in a row, with its name."""
    _, measure, metric, rules, _, _ = row
    found = [(run.get(measure, name, rules, metric), name) for name in names]
    found = [pair for pair in found if pair[0] is not None]
    if not found:
        return ''
    value, name = max(found) if metric == 'rate_kept' else min(found)
    return f'{name} {shown(run, row, value)}'


def shown(run, row, value):
    """A figure as the table has it: of ping-pong, what a proxy adds."""
    if value is None:
        return ''
    _, measure, metric, rules, _, factor = row
    direct = run.get(measure, 'direct', rules, metric)
    if measure == 'pingpong' and direct:
        return f'+{number(value - direct)}'
    return number(value * factor)


def gain(run, name):
    """What a second worker gains for a peer, with its name."""
    one, two = (run.get('workers', label, 10, 'rate')
                for label in (name, f'{name} (2 workers)'))
    return f'{name} {two / one:.3g}' if one and two else ''


def main_table(run):
    """The table that pen-proxy is measured by, with its column."""
    yield ('| measure | direct | best that does CONNECT with an allowlist | '
           'best reference (no CONNECT) | mitmproxy | **pen-proxy** |')
    yield '|---|---|---|---|---|---|'
    for row in ROWS:
        title, measure, metric, rules, unit, factor = row
        direct = run.get(measure, 'direct', rules, metric)
        direct = number(direct * factor) if direct is not None else ''
        bare = shown(run, row, run.get(measure, 'bare relay', rules, metric))
        direct += f'; a bare relay {bare}' if bare else ''
        mitm, own = (shown(run, row, run.get(measure, name, rules, metric))
                     for name in ('mitmproxy', PEN))
        yield (f'| {title}{", " + unit if unit else ""} | {direct} | '
               f'{best(run, CONNECT_PEERS, row)} | '
               f'{best(run, REFERENCES, row)} | {mitm} | **{own}** |')
    one = run.get('workers', PEN, 10, 'rate')
    two = run.get('workers', f'{PEN} (2 workers)', 10, 'rate')
    if one and two:
        yield ('| two workers against one: tunnels per second | | '
               f'{gain(run, "squid")} | {gain(run, "haproxy TCP")} | | '
               f'**{two / one:.3g}** |')


def limit_table(run):
    yield ('| measure | metric | rules | against | pen-proxy is at | wanted '
           '| fails beyond | verdict |')
    yield '|---|---|---|---|---|---|---|---|'
    for limit, found, word in verdicts(run):
        if word != 'holds':
            word = f'**{word}**' + (f': {limit.cause}' if found else '')
        yield (f'| {limit.measure} | {limit.metric} ({limit.unit}) | '
               f'{limit.rules:,} | {limit.against} | '
               f'{spread_text(found) if found else ""} | {limit.warn} | '
               f'{limit.fail} | {word} |')


def spread_table(run):
    """By how much the same program differs from round to round."""
    yield ('| measure | metric | largest of the rounds by the smallest, the '
           'median program | the worst program |')
    yield '|---|---|---|---|'
    for measure in run.measures():
        metric = next(iter(run.metrics(measure)), None)
        found = []
        for peer, rules in run.peers(measure):
            low, high = run.spread(measure, peer, rules, metric) \
                if run.rounds(measure, peer, rules, metric) else (0, 0)
            if low > 0:
                found.append((high / low, peer))
        if found:
            worst = max(found)
            yield (f'| {measure} | {metric} | '
                   f'{statistics.median(f[0] for f in found):.2f} | '
                   f'{worst[1]} {worst[0]:.2f} |')


def company(run, measure):
    """What the machine did beside a measure, round by round."""
    parts = []
    for metric, what in (('steal', 'stolen by the host'),
                         ('others', 'of other programs and the kernel')):
        shares = run.rounds(measure, MACHINE, 0, metric)
        if shares:
            parts.append(what + ' ' + ', '.join(
                f'{100 * shares[n]:.1f}' for n in sorted(shares)) + ' %')
    return 'Of all cores\' time, by round: ' + '; '.join(parts) + '.' \
        if parts else ''


def measure_table(run, measure):
    """All that was measured of one measure; errors where there are any."""
    metrics = [metric for metric in run.metrics(measure) if metric != 'errors'
               or run.errors(measure)]
    yield '| peer | rules | n | ' + ' | '.join(metrics) + ' |'
    yield '|---|---|---' + '|---' * len(metrics) + '|'
    for peer, rules in run.peers(measure):
        found = [run.rounds(measure, peer, rules, metric)
                 for metric in metrics]
        cells = [spread_text(list(rounds.values())) if rounds else ''
                 for rounds in found]
        yield (f'| {peer} | {rules:,} | {max(map(len, found))} | ' +
               ' | '.join(cells) + ' |')


def about_lines(run):
    about = run.about['machine']
    yield (f'{about["processor"]}, {about["cores"]} cores, '
           f'{about["memory_mb"]:,} MB; {about["system"]}, Linux '
           f'{about["kernel"]}; load before it {about["load"]}. '
           f'{run.about["rounds"]} rounds, {run.about["seconds"]} s.')
    if about['commit'].endswith('-dirty'):
        yield ''
        yield ('**Made from a tree that no commit has: nobody can repeat '
               'this run.**')
    if float(about['load']) > 1:
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


def why_not_table():
    yield '| program | measure | not measured, because |'
    yield '|---|---|---|'
    for programs, what, why in peers.WHY_NOT:
        yield f'| {programs} | {what} | {why} |'


def write(run, folder):
    """report.md, cost.md and plot.svg."""
    names = {cls.name: cls.title for cls in measures.ALL}
    names['instructions'] = 'instructions for a tunnel (callgrind)'
    lines = ['# pen-proxy and others', '',
             'Written by `make bench`; README.md says how it measures.', '',
             *about_lines(run), '', '## Where pen-proxy stands', '',
             'Medians; CPU is the proxy\'s own.', '', *main_table(run), '',
             '![CPU, memory and delay](plot.svg)', '', '## Verdicts', '',
             'Median (smallest–largest) of the rounds: the ratio of pen-proxy '
             'to what it is held against in the same round, or the figure '
             'itself (`tests/bench/limits.tsv`). Undecided: some rounds are '
             'within what is wanted, some are not. Broken: the median is '
             'beyond the fail column.', '', *limit_table(run), '',
             '## How far rounds differ', '',
             'What the same program did in different rounds.', '',
             *spread_table(run), '', '## All figures', '',
             'Median (smallest–largest) of n rounds. The raw data is in '
             'samples.tsv.', '']
    for measure in run.measures():
        lines += [f'### {measure}: {names.get(measure, "")}', '',
                  *measure_table(run, measure), '']
        if company(run, measure):
            lines += [company(run, measure), '']
    lines += ['## What is not measured', '', *why_not_table(), '']
    labs.write(f'{folder}/report.md', '\n'.join(lines).rstrip() + '\n')
    labs.write(f'{folder}/plot.svg', plot.draw(run))
    if 'instructions' in run.about:
        labs.write(f'{folder}/cost.md', model.text(run))
    print(f'report: {os.path.relpath(folder)}/report.md')
