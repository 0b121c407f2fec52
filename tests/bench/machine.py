# SPDX-License-Identifier: MIT
# machine.py - what a run was made on, and what else went on there
"""Cores, versions, the commit; time that was stolen, or went to others."""

import glob
import os
import platform
import resource
import subprocess

import lab as labs

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def git(*words):
    done = subprocess.run(['git', '-C', ROOT, *words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.strip()


def commit():
    """The commit; marked if there is more in the tree than the commit has.
    What the bench itself writes does not count."""
    name = git('describe', '--always') or 'unknown'
    changed = git('status', '--porcelain', '--untracked-files=no', '--', '.',
                  ':!doc/bench')
    return name + ('-dirty' if changed else '')


def describe():
    """What a reader has to know of the machine."""
    cpus = [line.partition(':')[2].strip()
            for line in labs.read('/proc/cpuinfo').splitlines()
            if line.startswith('model name')]
    memory = int(labs.read('/proc/meminfo').split()[1]) // 1024
    system = 'unknown'
    for line in labs.read('/etc/os-release').splitlines():
        if line.startswith('PRETTY_NAME='):
            system = line.partition('=')[2].strip('"')
    return {'processor': cpus[0] if cpus else platform.machine(),
            'cores': len(os.sched_getaffinity(0)), 'memory_mb': memory,
            'kernel': platform.release(), 'system': system,
            'commit': commit(), 'load': labs.read('/proc/loadavg').split()[0]}


def siblings(cpu):
    """The hardware threads of the core that a CPU belongs to, itself too."""
    path = f'/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list'
    found = set()
    for path in glob.glob(path):
        for part in labs.read(path).strip().split(','):
            first, _, last = part.partition('-')
            found |= set(range(int(first), int(last or first) + 1))
    return found or {cpu}


def cores():
    """Where the load runs, and where the proxy: not on one core's threads,
    if there is another core."""
    there = sorted(os.sched_getaffinity(0))
    proxy = there[0]
    apart = [cpu for cpu in there if cpu not in siblings(proxy)]
    return {(apart or there)[-1]}, {proxy}


class Watch:
    """The time of all cores since it was made, by who had it."""

    def __init__(self, lab):
        self.lab = lab
        self.began = self.look()

    def look(self):
        """Nanoseconds in all, stolen, busy, and of the bench itself."""
        ticks = [int(word) for word in
                 labs.read('/proc/stat').split('\n', 1)[0].split()[1:9]]
        tick = 1000000000 // os.sysconf('SC_CLK_TCK')
        user, nice, system, _, _, irq, softirq, steal = ticks
        return (sum(ticks) * tick, steal * tick,
                (user + nice + system + irq + softirq) * tick, self.own())

    def own(self):
        """CPU of this program and of what it has started."""
        used = 0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            used += int((usage.ru_utime + usage.ru_stime) * 1e9)
        for process, group in self.lab.running:
            one = group
            if not group or not group.cpu_file:
                one = labs.Group.of(process.pid)
            used += one.cpu()
        return used

    def shares(self):
        """Shares of all cores' time: stolen, and of others (with what the
        kernel did for nobody)."""
        whole, steal, busy, own = (
            now - then for now, then in zip(self.look(), self.began))
        whole = max(whole, 1)
        return {'steal': steal / whole,
                'others': max(busy - own, 0) / whole}
