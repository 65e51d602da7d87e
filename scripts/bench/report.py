"""The tables, for people and for docs/measured.md."""

import os


class Report:
    def __init__(self):
        self.tables = []
        self.skipped = []

    def table(self, title, head, rows):
        self.tables.append((title, head, rows))

    def skip(self, what, reason):
        self.skipped.append(f'{what}: {reason}')

    def print(self):
        for title, head, rows in self.tables:
            print(f'\n{title}\n\n| {" | ".join(head)} |\n|---|{"--:|" * (len(head) - 1)}')
            for row in rows:
                print(f'| {" | ".join(row)} |')
        for line in self.skipped:
            print(f'\nSkipped: {line}')
        print(f'\nLoad at the end: {os.getloadavg()[0]:.1f}; above the number of processors ({os.cpu_count()}) other programs ran, too.')


def marked(text, meets):
    return text if meets else f'**{text}**'


def number(value, digits=1):
    return f'{value:,.{digits}f}'


# Figure, its name in the medians, digits, whether more is better, the target and the stretch: a peer and how many times its figure.
COMPARISON = [
    ('sent → the last one has it, p50, ms', 'heard', 2, False, ('ejabberd', 1.0), ('socket.io', 1.0)),
    ('the same, p99', 'heard_p99', 2, False, None, None),
    ('sent → acknowledged, p50, ms', 'acked', 2, False, None, None),
    ('processor per delivery, µs', 'per_delivery', 1, False, ('ejabberd', 1.1), (None, 20)),
    ('deliveries a second', 'deliveries', 0, True, ('ejabberd', 1.0), (None, 60_000)),
    ('database processor per message, µs', 'database', 0, False, ('ejabberd', 2.0), ('ejabberd', 1.2)),
    ('page of 50 messages, p50, ms', 'page', 2, False, ('socket.io', 1.0), (None, 0.5)),
    ('the same, p99', 'page_p99', 2, False, None, None),
]
# `Questions` of MySQL. Of a message: BEGIN, two reads, insert, update, COMMIT, audience.
MESSAGE_STATEMENTS = 7
PAGE_STATEMENTS = 2


def compare(report, medians, counted, members):
    """The table of all peers: figures, ratios to ConChat, targets."""
    own = medians.get('ConChat', {})
    names = list(medians)
    rows = []
    for what, key, digits, more, target, stretch in COMPARISON:
        row = [what]
        bound = _bound(target, key, medians)
        for name in names:
            value = medians[name].get(key)
            if value is None:
                row.append('–')
            elif name == 'ConChat':
                row.append(marked(number(value, digits), bound is None or (value >= bound if more else value <= bound)))
            elif own.get(key):
                row.append(f'{number(value, digits)} ({own[key] / value:.2f} ×)')
            else:
                row.append(number(value, digits))
        row += [_limit(target, key, medians, digits, more), _limit(stretch, key, medians, digits, more)]
        rows.append(row)
    if counted:
        # Those of a message go in two round trips, which the server does not count: `cargo test --test it round_trips` does.
        for what, value, most in [('statements to MySQL per message', counted['message'], MESSAGE_STATEMENTS),
                                  ('statements to MySQL per page, a round trip each', counted['page'], PAGE_STATEMENTS)]:
            rows.append([what, marked(number(value), value <= most + 0.05), *['–' for _ in names[1:]], f'≤ {most}', ''])
    busy = [f'{name} {found["client"]:.0%}' for name, found in medians.items() if found['client'] > 0.85]
    if busy:
        report.skip('deliveries a second may be more than measured', 'the client was busy: ' + ', '.join(busy))
    report.table(f'Side by side, {members} listeners; in brackets: ConChat ÷ peer', ['', *names, 'target', 'stretch'], rows)


def _bound(limit, key, medians):
    if limit is None:
        return None
    peer, factor = limit
    if peer is None:
        return factor
    value = medians.get(peer, {}).get(key)
    return value * factor if value is not None else None


def _limit(limit, key, medians, digits, more):
    if limit is None:
        return ''
    bound = _bound(limit, key, medians)
    sign = '≥' if more else '≤'
    peer, factor = limit
    if peer is None:
        return f'{sign} {number(bound, digits)}'
    return f'{sign} {factor} × {peer}' + ('' if bound is None else f' = {number(bound, digits)}')
