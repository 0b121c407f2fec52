#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# calls.py - the system calls and instructions that an operation costs
"""Counts under strace and callgrind, which a busy machine does not change.

strace slows the proxy down, so that at 32 at once more events wait for it at
each turn than without: calls for each operation are fewer than in earnest.
callgrind's figures differ by up to 2 % between runs: three of each are taken.

  calls.py list    the calls of one operation of each kind, one by one
  calls.py count   calls for each operation, 32 at once
  calls.py cost    instructions for each operation, and how they grow
  calls.py top     functions with the most instructions in 1,000 tunnels"""

import argparse
import collections
import os
import re
import signal
import statistics
import subprocess
import sys
import time

import lab as labs
import machine
import peers
from lab import ECHO_PORT, HTTP_PORT, TLS_PORT

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# An operation: mode and options of the load generator, and the host.
OPERATIONS = {
    'tunnel': (['tunnel'], peers.NAME),
    'tunnel, TLS': (['tls', '--hello', peers.NAME], peers.NAME),
    'refused': (['refused'], 'no.test'),
    'plain HTTP, kept': (['http'], peers.NAME),
}
REPEATS = 3
PAUSE = 'a pause of over 1 s'
CALL = re.compile(r'^(\d+) +(\w+)\((.*)\) += (-?\w+)(?: (E\w+))?')


def where(peer, mode, host):
    """How the load generator reaches what a mode asks for."""
    return peer.at(TLS_PORT if mode[0] == 'tls' else HTTP_PORT, host)


class Tracer:
    """strace, attached to a proxy."""

    def __init__(self, lab, peer, *options):
        self.lab, self.path = lab, f'{lab.dir}/trace'
        self.process = lab.spawn(
            ['strace', '-f', '-o', self.path, *options, '-p',
             str(peer.group.pids()[0])], stderr=subprocess.PIPE)
        if 'attached' not in self.process.stderr.readline():
            labs.die('strace cannot attach')

    def end(self):
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        return labs.read(self.path)


def whole_lines(text):
    """The calls of a trace, those that were interrupted made whole."""
    open_calls = {}
    for line in text.splitlines():
        thread = line.split()[0]
        if line.endswith('<unfinished ...>'):
            open_calls[thread] = line[:-len('<unfinished ...>')]
            continue
        resumed = re.match(r'\d+ +<\.\.\. \w+ resumed>(.*)', line)
        if resumed:
            line = open_calls.pop(thread, '') + resumed.group(1)
        found = CALL.match(line)
        if found:
            yield found.groups()


class Reader:
    """Names the descriptors of a trace by what they are for."""

    def __init__(self):
        self.roles = {}

    def role(self, argument):
        number = re.match(r'(\d+)(?:<([^>]*)>)?', argument)
        if not number:
            return ''
        if number.group(1) in self.roles:
            return self.roles[number.group(1)]
        return 'log' if (number.group(2) or '').endswith('.log') else 'other'

    def read(self, name, arguments, result, error):
        """One call in words, such as "recvfrom client = bytes"."""
        first, _, rest = arguments.partition(', ')
        role = self.role(first)
        if name.startswith('accept'):
            role = 'listener'
            if not error:
                self.roles[result] = 'client'
        elif name == 'socket':
            role = ''
            self.roles[result] = 'origin'
        elif name.startswith('pipe'):
            role = ''
            for number in re.findall(r'(\d+)<pipe', arguments):
                self.roles[number] = 'pipe'
        elif name == 'epoll_ctl':
            what = rest.split(', ')
            role = f'{what[0].rpartition("_")[2]} {self.role(what[1])}'
        elif name == 'splice':
            role += ' to ' + self.role(rest.split(', ')[1])
        elif name.startswith('epoll_'):
            role = ''
        elif name in ('setsockopt', 'shutdown'):
            role += ' ' + re.search(r'(TCP|SO|SHUT)_\w+', rest).group(0)
        if name == 'close':
            self.roles.pop(first.partition('<')[0], None)
        if 'MSG_PEEK' in rest:
            role += ' peek'
        text = ' '.join(filter(None, (name, role)))
        if error:
            return f'{text} = {error}'
        if name in ('recvfrom', 'read', 'recv', 'recvmsg', 'splice'):
            text += ' = 0' if result == '0' else ' = bytes'
        return text


def in_words(text):
    """The calls of the thread that serves, from the first client on."""
    lines = list(whole_lines(text))
    worker = next(line[0] for line in lines if line[1].startswith('accept'))
    reader = Reader()
    calls = [reader.read(*line[1:]) for line in lines if line[0] == worker]
    first = next(i for i, c in enumerate(calls) if c.startswith('accept'))
    last = max(i for i, c in enumerate(calls)
               if re.search('client|origin|log', c))
    return calls[first:last + 1]


def list_operation(lab, peer, mode, host, count):
    """The calls of one operation, in words."""
    trace = Tracer(lab, peer, '-yy', '-s', '16')
    lab.load(*mode, '--count', count, *where(peer, mode, host))
    return in_words(trace.end())


def list_pause(lab, peer):
    """What a used tunnel costs when nothing comes for more than a second."""
    trace = Tracer(lab, peer, '-yy', '-s', '16')
    held = lab.hold('idle', '--conns', 1, '--bytes', 1, *peer.at())
    time.sleep(2.5)
    calls = in_words(trace.end())
    lab.release(held)
    last = max(i for i, c in enumerate(calls) if c.startswith('sendto'))
    return calls[last + 1:]


def reasons():
    """Patterns and why such a call is needed, from reasons.tsv."""
    table = []
    for line in labs.read(f'{HERE}/reasons.tsv').splitlines():
        if line and not line.startswith('#'):
            pattern, why = line.split('\t')
            table.append((re.compile(pattern + '$'), why))
    return table


def why_of(call, table):
    return next((why for pattern, why in table if pattern.match(call)), None)


def list_all(lab):
    """The listing of each operation; calls without a reason are a fault."""
    peer, table, result, unknown = start(lab), reasons(), {}, set()
    for name, (mode, host) in OPERATIONS.items():
        kept = 'kept' in name
        calls = list_operation(lab, peer, mode, host, 3 if kept else 1)
        if kept:
            calls = second_request(calls)
        result[name] = calls
    result[PAUSE] = list_pause(lab, peer)
    for name, calls in result.items():
        result[name] = [(call, why_of(call, table)) for call in calls]
        unknown |= {call for call, why in result[name] if not why}
    peer.stop()
    return result, sorted(unknown)


def second_request(calls):
    """The calls from the head of the second request to that of the third."""
    heads = [i for i, call in enumerate(calls)
             if call == 'recvfrom client = bytes']
    return calls[heads[1]:heads[2]]


def count_all(lab, total=2000):
    """System calls for each operation with 32 at once, by name."""
    result = {}
    peer = start(lab)
    for name, (mode, host) in OPERATIONS.items():
        trace = Tracer(lab, peer, '-c', '-U', 'calls,name')
        report = lab.load(*mode, '--count', total, '--conns', 32,
                          *where(peer, mode, host))
        counts = collections.Counter()
        for line in trace.end().splitlines():
            found = re.match(r' +(\d+) +(\w+)$', line)
            if found and found.group(2) != 'total':
                counts[found.group(2)] += int(found.group(1))
        result[name] = {call: number / report['done']
                        for call, number in counts.most_common()}
    peer.stop()
    return result


def start(lab, rules=10, workers=1):
    peer = peers.PenProxy(lab, rules, workers, '-calls')
    if not peer.start():
        labs.die('pen-proxy does not start')
    lab.load('tunnel', '--count', 50, '--conns', 4, *peer.at())
    lab.load('refused', '--count', 50, '--conns', 4,
             *peer.refused())
    peer.group.cpu_at_rest()
    return peer


def instructions(lab, mode, host, number, rules=10, workers=1, idle=0,
                 keep=None):
    """Instructions of a whole run of pen-proxy that serves so many."""
    peer = peers.PenProxy(lab, rules, workers, '-callgrind')
    out = f'{lab.dir}/callgrind.{number}'
    process = lab.spawn(
        ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}',
         *peer.files()], lab.proxy_cpu, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL)
    if not labs.wait_port(peer.port, process, 60):
        labs.die('pen-proxy does not start under valgrind')
    held = lab.hold('idle', '--conns', idle, *peer.at(ECHO_PORT)) \
        if idle else None
    report = lab.load(*mode, '--count', number, '--conns', 4,
                      *where(peer, mode, host))
    if report['errors']:
        labs.die(f'errors under valgrind: {report}')
    if held:
        lab.release(held)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    if keep:
        os.rename(out, keep)
    return int(re.search(r'Collected : (\d+)', said).group(1))


def cost_of(lab, mode, host, **how):
    """Instructions for one operation, of some runs: what more of them cost
    more."""
    few, many = 200, 1200
    return [(instructions(lab, mode, host, many, **how) -
             instructions(lab, mode, host, few, **how)) / (many - few)
            for _ in range(REPEATS)]


def log_bytes_all(lab, total=1000):
    """Bytes in the log for each operation, one after the other."""
    result, peer = {}, start(lab)
    for name, (mode, host) in OPERATIONS.items():
        before = os.path.getsize(peer.log())
        lab.load(*mode, '--count', total, *where(peer, mode, host))
        peer.group.cpu_at_rest()
        result[name] = (os.path.getsize(peer.log()) - before) / total
    peer.stop()
    return result


def write_time(path, line, lines):
    """Nanoseconds for a line when so many go into a file by one write()."""
    text, times = b'x' * int(line) * lines, 2000
    with open(path, 'wb', buffering=0) as file:
        began = time.perf_counter_ns()
        for _ in range(times):
            file.write(text)
        took = time.perf_counter_ns() - began
    os.unlink(path)
    return took / times / lines


def accepts_all(lab, total=2000):
    """By workers: accept4 calls for each tunnel that find no client."""
    result = {}
    for workers in (1, 2, 4):
        peer = start(lab, workers=workers)
        trace = Tracer(lab, peer, '-e', 'trace=accept4')
        report = lab.load('tunnel', '--count', total, '--conns', 32,
                          *peer.at())
        lines = list(whole_lines(trace.end()))
        result[workers] = sum(error == 'EAGAIN' for *_, error in lines) / \
            report['done']
        peer.stop()
    return result


def cost_all(lab):
    result = {}
    for name, (mode, host) in OPERATIONS.items():
        result[name] = cost_of(lab, mode, host)
    mode, host = OPERATIONS['tunnel']
    for name, how in (('tunnel, 10,000 rules', {'rules': 10000}),
                      ('tunnel, 100,000 rules', {'rules': 100000}),
                      ('tunnel, beside 1,000 idle ones', {'idle': 1000}),
                      ('tunnel, 2 workers', {'workers': 2})):
        result[name] = cost_of(lab, mode, host, **how)
    return result


def everything(lab):
    """All that cost.md is made of, beside the samples."""
    log = log_bytes_all(lab)
    path = f'{lab.dir}/written'
    return {'calls': list_all(lab)[0], 'counts': count_all(lab),
            'log_bytes': log, 'accepts_in_vain': accepts_all(lab),
            'write_ns': {lines: write_time(path, log['tunnel'], lines)
                         for lines in (1, 32)},
            'instructions': cost_all(lab)}


def show_top(lab):
    mode, host = OPERATIONS['tunnel']
    keep = f'{lab.dir}/top'
    instructions(lab, mode, host, 1000, keep=keep)
    text = subprocess.run(['callgrind_annotate', keep], text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    print('\n'.join(text.splitlines()[:70]))


def show_list(lab):
    listing, unknown = list_all(lab)
    for name, calls in listing.items():
        print(f'{name}: {len(calls)} calls')
        for call, why in calls:
            print(f'  {call:36} {why or "?"}')
    if unknown:
        labs.die('calls without a reason in reasons.tsv: ' +
                 '; '.join(unknown))


def show_count(lab):
    for name, counts in count_all(lab).items():
        print(f'{name}: {sum(counts.values()):.2f} calls')
        for call, number in counts.items():
            if number >= 0.01:
                print(f'  {number:6.2f} {call}')


def show_cost(lab):
    for name, found in cost_all(lab).items():
        print(f'{statistics.median(found):12,.0f} instructions  {name} '
              f'({min(found):,.0f} to {max(found):,.0f})', flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = {'list': show_list, 'count': show_count, 'cost': show_cost,
             'top': show_top}
    parser.add_argument('verb', choices=verbs)
    parser.add_argument('--build', default=f'{ROOT}/build/release')
    options = parser.parse_args()
    if not labs.inside():
        labs.enter()
    peers.PenProxy.program = os.environ.get('PEN_PROXY') or \
        f'{options.build}/pen-proxy'
    with labs.Lab(f'{options.build}/bench', *machine.cores()) as lab:
        verbs[options.verb](lab)


if __name__ == '__main__':
    sys.exit(main())
