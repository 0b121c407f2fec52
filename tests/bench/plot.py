# SPDX-License-Identifier: MIT
# plot.py - bars of the most telling measures, as SVG
"""One panel for each measure, with the spread of the rounds."""

# Title, measure, metric, factor.
PANELS = (
    ('CONNECT, request, close: µs of CPU', 'connect', 'cpu_us', 1),
    ('as TLS does: µs of CPU', 'tls', 'cpu_us', 1),
    ('refused CONNECT: µs of CPU', 'refused', 'cpu_us', 1),
    ('plain HTTP, kept alive: µs of CPU', 'http', 'cpu_us', 1),
    ('download: s of CPU per GB', 'download', 'cpu_s_per_gb', 1),
    ('64 bytes there and back: µs (p50)', 'pingpong', 'p50_us', 1),
    ('32 tunnels there and back: µs (p50)', 'pingpong32', 'p50_us', 1),
    ('memory per idle tunnel: kB', 'idle', 'pss_bytes', 0.001),
    ('start to first tunnel: ms', 'start', 'ms', 1),
)
WIDTH, COLUMN, LABEL, BAR, GAP, HEAD = 940, 460, 150, 14, 4, 34
# Longer bars than so many times the middle one's are cut.
CUT = 2.5
OWN, OTHER, TEXT = '#b3402a', '#7c8ea3', '#222222'


def text(x, y, words, anchor='start', weight='normal'):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{words}</text>')


def bars_of(run, measure, metric, factor):
    """Median, smallest, largest and name of each program, the best first."""
    bars = []
    for peer, rules in run.peers(measure):
        value = run.get(measure, peer, rules, metric)
        if rules == 10 and value and value > 0:
            low, high = run.spread(measure, peer, rules, metric)
            bars.append((value * factor, low * factor, high * factor, peer))
    return sorted(bars)


def panel(run, x, y, title, measure, metric, factor):
    """Elements of a panel, and its height.  The axis begins at nothing: a bar
    that is twice as long is twice as much.  One that would not fit is cut."""
    bars = bars_of(run, measure, metric, factor)
    out = [text(x, y + 18, title, weight='bold')]
    if not bars:
        return out, HEAD
    own = max([b[0] for b in bars if b[3].startswith('pen-proxy')] or [0])
    most = min(bars[-1][0], max(own, bars[len(bars) // 2][0]) * CUT)
    scale = (COLUMN - LABEL - 80) / most
    for row, (value, low, high, peer) in enumerate(bars):
        top = y + HEAD + row * (BAR + GAP)
        cut = value > most
        length = max(scale * min(value, most), 1)
        color = OWN if peer.startswith('pen-proxy') else OTHER
        out.append(text(x + LABEL - 6, top + BAR - 3, peer, 'end'))
        out.append(f'<rect x="{x + LABEL}" y="{top}" width="{length:.1f}" '
                   f'height="{BAR}" fill="{color}"/>')
        ends = [x + LABEL + scale * min(end, most) for end in (low, high)]
        if not cut and low != high:
            out.append(f'<path d="M{ends[0]:.1f} {top + BAR / 2}H{ends[1]:.1f}"'
                       f' stroke="{TEXT}" stroke-width="1.5"/>')
        shown = f'{value:,.0f}' if value >= 100 else f'{value:.3g}'
        out.append(text(max(x + LABEL + length, 0 if cut else ends[1]) + 4,
                        top + BAR - 3, shown + (' (cut)' if cut else '')))
    return out, HEAD + len(bars) * (BAR + GAP) + 16


def draw(run):
    """The whole picture."""
    body, heights = [], [10, 10]
    for title, measure, metric, factor in PANELS:
        column = 0 if heights[0] <= heights[1] else 1
        out, height = panel(run, 10 + column * (COLUMN + 10),
                            heights[column], title, measure, metric, factor)
        body += out
        heights[column] += height
    foot = max(heights) + 16
    body.append(text(10, foot - 4, 'Less is better. The line in a bar is from '
                     'the smallest to the largest of the rounds. haproxy, '
                     'nginx and sniproxy speak no CONNECT.'))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{foot + 6}" viewBox="0 0 {WIDTH} {foot + 6}" '
            f'font-family="sans-serif" font-size="12" fill="{TEXT}">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' +
            '\n'.join(body) + '\n</svg>\n')
