#!/usr/bin/env python3
"""Measures ConChat beside socket.io with mysql2, ejabberd and a bare relay: the same work for each, in one run, on one database.

Rounds of the peers take turns, in alternating order; tables show medians, and what misses its target in bold. Programs, data and logs are in
the folder CONCHAT_BENCH (~/.cache/conchat-bench by default), where the first run installs the packages of socket.io; ejabberd comes from apt. A
peer that cannot be installed is skipped, with the reason. Requires release binaries (`make bench` builds them) and Python 3.9 or newer.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time

import figures
from machine import Program
from peers import PEERS, ROOT, ConChat, Lab, Missing, SocketIo
from phases import Deliveries, round_of
from report import Report, compare

CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'conchat-bench')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--members', type=int, default=50, help='listeners of the room (50)')
    parser.add_argument('--messages', type=int, default=1000, help='messages of each phase (1000)')
    parser.add_argument('--pages', type=int, default=300, help='pages of history (300)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--peers', default='', help='only these, by name and comma')
    parser.add_argument('--only-peers', action='store_true', help='skip the figures of ConChat alone')
    parser.add_argument('--binaries', default=os.path.join(ROOT, 'target', 'release'))
    return parser.parse_args()


def started(classes, lab, report, members):
    """Starts the peers that can be; each has a room with its sockets open."""
    running = []
    for kind in classes:
        peer = kind(lab)
        try:
            peer.start()
            peer.open_room(members + 1, f'r{int(time.time())}x{members}')
            running.append(peer)
        except (Missing, FileNotFoundError) as reason:
            peer.close()
            report.skip(kind.name, reason)
    return running


async def side_by_side(classes, lab, report, options, members, messages):
    """Medians of the rounds by peer."""
    running = started(classes, lab, report, members)
    rounds = {peer.name: [] for peer in running}
    try:
        open_rooms = []
        for peer in running:
            await peer.connect()
            open_rooms.append((peer, Deliveries(peer, members)))
        for turn in range(options.rounds):
            for peer, deliveries in open_rooms[::-1 if turn % 2 else 1]:
                print(f'  round {turn + 1}, {members} members: {peer.name}', file=sys.stderr)
                rounds[peer.name].append(await round_of(peer, deliveries, messages, options.pages))
        statements = figures.statements(open_rooms[0][0], open_rooms[0][1]) if running and running[0].name == ConChat.name else None
        counted = await statements if statements else None
    finally:
        for peer in running:
            peer.close()
    medians = {name: {figure: statistics.median(one[figure] for one in found) for figure in found[0]} for name, found in rounds.items()}
    return medians, counted


async def main():
    options = arguments()
    wanted = [kind for kind in PEERS if not options.peers or kind.name in options.peers.split(',')]
    report = Report()
    try:
        lab = Lab(os.environ.get('CONCHAT_BENCH') or CACHE, options.binaries)
        medians, counted = await side_by_side(wanted, lab, report, options, options.members, options.messages)
        compare(report, medians, counted, options.members)
        if not options.only_peers:
            by_size = {options.members: medians}
            # With the writer, 1,000 sockets: beyond, a room gets hints (`PushBusy`).
            for members in (500, 999):
                both = [kind for kind in (ConChat, SocketIo) if kind in wanted]
                by_size[members], _ = await side_by_side(both, lab, report, options, members, max(options.messages // 10, 20))
            figures.listeners(report, by_size)
            await figures.large_rooms(report, lab)
            await figures.cold(report, lab, options.members)
    finally:
        # Also what was measured before a failure.
        report.print()
        Program.stop_all()


if __name__ == '__main__':
    asyncio.run(main())
