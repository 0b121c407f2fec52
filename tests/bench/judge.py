# SPDX-License-Identifier: MIT
# judge.py - reads the raw data of a run, and judges it by limits.tsv
"""A figure is held to its limit round by round: the ratio of pen-proxy to the
peer of the same round, as what disturbs one round disturbs both."""

import collections
import json
import os
import statistics

import lab as labs

HERE = os.path.dirname(os.path.abspath(__file__))
PEN = 'pen-proxy'
# Of what the raw data is; older data is not read.
FORM = 2
# The name under which the raw data keeps what the machine did meanwhile.
MACHINE = '(machine)'

Limit = collections.namedtuple(
    'Limit', 'measure metric rules against warn fail unit cause')
Verdict = collections.namedtuple('Verdict', 'limit figures word')


class Run:
    """A run, as its raw data tells it."""

    def __init__(self, folder):
        self.about = json.loads(labs.read(f'{folder}/run.json'))
        self.table = {}
        lines = labs.read(f'{folder}/samples.tsv').splitlines()[1:]
        for line in lines:
            measure, peer, rules, metric, number, value = line.split('\t')
            key = (measure, peer, int(rules), metric)
            self.table.setdefault(key, {})[int(number)] = float(value)

    def rounds(self, measure, peer, rules, metric):
        """The figures by the number of their round."""
        return self.table.get((measure, peer, rules, metric), {})

    def get(self, measure, peer, rules, metric):
        """The median, or None."""
        values = self.rounds(measure, peer, rules, metric).values()
        return statistics.median(values) if values else None

    def spread(self, measure, peer, rules, metric):
        values = self.table[(measure, peer, rules, metric)].values()
        return min(values), max(values)

    def measures(self):
        return list(dict.fromkeys(key[0] for key in self.table))

    def peers(self, measure):
        """Pairs of peer and number of rules that a measure has."""
        return list(dict.fromkeys(
            (key[1], key[2]) for key in self.table
            if key[0] == measure and key[1] != MACHINE))

    def errors(self, measure, peer=None):
        """How many requests failed, of a peer or of all."""
        return sum(sum(values.values()) for key, values in self.table.items()
                   if key[0] == measure and key[3] == 'errors'
                   and peer in (None, key[1]))

    def metrics(self, measure):
        return list(dict.fromkeys(
            key[3] for key in self.table
            if key[0] == measure and key[1] != MACHINE))


def limits():
    """The lines of limits.tsv."""
    for line in labs.read(f'{HERE}/limits.tsv').splitlines():
        if line and not line.startswith('#'):
            fields = line.split('\t')
            yield Limit(*fields[:2], int(fields[2]), *fields[3:])


def pair(run, limit):
    """Figures by round: of pen-proxy, and of what it is held against."""
    measure, metric, rules, against = limit[:4]
    own = run.rounds(measure, PEN, rules, metric)
    if against == 'one worker':
        return run.rounds(measure, f'{PEN} (2 workers)', rules, metric), own
    if against.startswith('self '):
        return own, run.rounds(measure, PEN, int(against[5:]), metric)
    if against == 'added over direct':
        against = 'direct'
    return own, run.rounds(measure, against, rules, metric)


def figures(run, limit):
    """What is held to the limit, for each round that has it."""
    own, other = pair(run, limit)
    if limit.against == '-':
        return list(own.values())
    both = [(own[n], other[n]) for n in own if n in other]
    if limit.against == 'added over direct':
        return [mine - theirs for mine, theirs in both]
    return [mine / theirs for mine, theirs in both if theirs]


def within(figure, limit):
    if limit.startswith('>'):
        return figure >= float(limit[1:])
    return figure <= float(limit)


def word_of(found, limit):
    """Broken only by the median; undecided where rounds contradict."""
    if not found:
        return 'not measured'
    if not within(statistics.median(found), limit.fail):
        return 'broken'
    held = [within(figure, limit.warn) for figure in found]
    if all(held):
        return 'holds'
    return 'undecided' if any(held) else 'short'


def verdicts(run, only=()):
    """A verdict for each limit of what was to be measured.  That pen-proxy
    itself has no figure is `missing`."""
    asked = only or run.about.get('measures')
    peers = run.about.get('peers')
    for limit in limits():
        if asked and limit.measure not in asked:
            continue
        found = figures(run, limit)
        word = word_of(found, limit)
        if not found and not pair(run, limit)[0] and \
                (not peers or PEN in peers):
            word = 'missing'
        yield Verdict(limit, found, word)


def number(value, digits=3):
    if value is None:
        return ''
    if abs(value) >= 100:
        return f'{value:,.0f}'
    return f'{value:.{digits}g}'


def spread_text(found):
    """The median, and between what it lies."""
    middle = number(statistics.median(found))
    if min(found) == max(found):
        return middle
    return f'{middle} ({number(min(found))}–{number(max(found))})'


def sentence(verdict):
    """A verdict in a line, for who runs the bench."""
    limit = verdict.limit
    line = (f'{verdict.word}: {limit.measure} {limit.metric} with '
            f'{limit.rules} rules, against {limit.against}')
    if not verdict.figures:
        return line + (f': {PEN} has no figure'
                       if verdict.word == 'missing' else '')
    line += (f': {spread_text(verdict.figures)} (wanted {limit.warn}, fails '
             f'beyond {limit.fail})')
    return line + f': {limit.cause}'


def judge(run, only=()):
    """Say what does not hold; the words that were said."""
    words = set()
    for verdict in verdicts(run, only):
        words.add(verdict.word)
        if verdict.word != 'holds':
            print(sentence(verdict))
    for measure in run.measures():
        errors = sum(run.errors(measure, name)
                     for name in (PEN, f'{PEN} (2 workers)'))
        if errors and (not only or measure in only):
            print(f'errors: {errors:.0f} requests of {PEN} failed in {measure}')
            words.add('errors')
    return words
