"""Figures of ConChat alone: statements, growth with listeners and with members, cold starts on half a processor, TLS handshakes."""

import asyncio
import os
import signal
import statistics
import time

from machine import HalfProcessor, wrapped
from peers import ConChat
from phases import Deliveries, latency
from report import marked, number

# Microseconds that a further listener may take.
FURTHER_LISTENER = 30
LARGE_ROOMS = (100, 1_000, 10_000, 20_000)
# How many times longer a message to the largest room may take than one to the smallest.
LARGEST_ROOM = 2.0
ONLINE = 3
COLD_STARTS = 5


async def statements(peer, deliveries, count=200):
    """Statements that MySQL gets per message and per page."""
    mysql = peer.lab.mysql
    idle = _difference(mysql)
    begun = mysql.questions()
    await latency(deliveries, count)
    message = (mysql.questions() - begun - idle) / count
    begun = mysql.questions()
    for _ in range(count):
        await peer.page()
    return {'message': message, 'page': (mysql.questions() - begun - idle) / count}


def _difference(mysql):
    """What asking for the counter adds to it."""
    begun = mysql.questions()
    return mysql.questions() - begun


def listeners(report, by_size):
    """What each further listener takes."""
    sizes = sorted(by_size)
    rows = []
    for name in by_size[sizes[-1]]:
        heard = [by_size[size][name]['heard'] if name in by_size[size] else None for size in sizes]
        row = [name, *(number(value, 2) for value in heard)]
        for small, large, before, after in zip(sizes, sizes[1:], heard, heard[1:]):
            further = (after - before) / (large - small) * 1e3
            row.append(marked(f'{number(further)} µs', name != ConChat.name or further <= FURTHER_LISTENER))
        rows.append(row)
    steps = [f'each further one to {size} (≤ {FURTHER_LISTENER} µs)' for size in sizes[1:]]
    report.table('Sent → the last listener has it, p50, ms', ['listeners', *(str(size) for size in sizes), *steps], rows)


async def large_rooms(report, lab):
    """Rooms of many members of whom three are online. The others come by SQL, before anybody is online."""
    peer = ConChat(lab)
    rows, first = [], None
    try:
        peer.start()
        mysql = lab.mysql
        for members in LARGE_ROOMS:
            peer.open_room(ONLINE, f'many{members}')
            mysql.run(_crowd(peer, members - ONLINE))
            await peer.connect()
            deliveries = Deliveries(peer, ONLINE - 1)
            await latency(deliveries, 50)
            idle = _difference(mysql)
            begun, state = mysql.questions(), peer.processor_time()
            heard, acked = await latency(deliveries, 100)
            used, asked = (peer.processor_time() - state) / 100 * 1e3, (mysql.questions() - begun - idle) / 100
            time_heard = statistics.median(heard)
            first = first or time_heard
            rows.append([f'{members:,}', marked(number(time_heard, 2), time_heard <= LARGEST_ROOM * first), number(statistics.median(acked), 2),
                         f'{time_heard / first:.2f} ×', number(asked), number(used, 2)])
            peer.close_sockets()
    finally:
        peer.close()
    head = ['members', 'last one has it, ms', 'acknowledged, ms', f'÷ {LARGE_ROOMS[0]} (≤ {LARGEST_ROOM:.0f})', 'statements', 'processor, ms']
    report.table(f'A message to a room of many members, {ONLINE} online', head, rows)


def _crowd(peer, count):
    room = peer.room
    schema = peer.database_url.rsplit('/', 1)[1]
    return (f'use {schema}; '
            f"insert into users (username, display_name, password_hash, created_at) select concat('crowd-{room}-', seq), 'x', 'x', 1 "
            f'from seq_1_to_{count}; '
            f"insert into members (room_id, user_id, joined_at) select {room}, id, 1 from users where username like 'crowd-{room}-%'; "
            f'update rooms set members_count = members_count + {count} where id = {room}; analyze table users, members')


async def cold(report, lab, members):
    """The first message of a new instance of `send`, and TLS handshakes; also with half a processor."""
    half = HalfProcessor.make()
    if half is None:
        report.skip('a first broadcast on half a processor', 'this system lets nobody make a control group for processor time')
    rows = []
    try:
        for what, group in [('whole processor', None), ('half a processor', half)]:
            if what == 'half a processor' and half is None:
                continue
            rows.append([what, *await _first_messages(report, lab, members, group)])
    finally:
        if half is not None:
            half.remove()
    head = ['`send` runs on a', 'last one has it, ms', 'acknowledged, ms', 'TLS handshakes', 'of these resumed', 'the same warm, ms', 'handshakes']
    report.table(f'The first message of a new instance to {members} listeners, median of {COLD_STARTS}', head, rows)


async def _first_messages(report, lab, members, group):
    peer = ConChat(lab)
    try:
        join = f'echo $$ >{group.members()}\nexec' if group else None
        binaries = wrapped(lab.binaries, lab.path('data', 'half'), 'send', join) if group else None
        peer.start(binaries, 'cold')
        peer.open_room(members + 1, f'cold{int(time.time())}')
        await peer.connect()
        deliveries = Deliveries(peer, members)
        heard, acked, shaken, resumed = [], [], [], []
        for _ in range(COLD_STARTS):
            # Its invocation ends after the acknowledgement.
            await asyncio.sleep(0.3)
            for pid in peer.instances('send'):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(1)
            before = peer.state()['gateway']
            first_heard, first_acked = await latency(deliveries, 1)
            after = peer.state()['gateway']
            heard += first_heard
            acked += first_acked
            shaken.append(_grown(before, after, 'tls_handshakes'))
            resumed.append(_grown(before, after, 'tls_resumed'))
        before = peer.state()['gateway']
        warm, _ = await latency(deliveries, 20)
        after = peer.state()['gateway']
        each = _grown(before, after, 'tls_handshakes')
        if each is None and group is None:
            report.skip('TLS handshakes per broadcast', 'this gateway does not count them')
        median = lambda found: '–' if None in found else number(statistics.median(found), 0)
        return [number(statistics.median(heard), 2), number(statistics.median(acked), 2), median(shaken), median(resumed),
                number(statistics.median(warm), 2), '–' if each is None else number(each / 20, 2)]
    finally:
        peer.close()


def _grown(before, after, counter):
    return after[counter] - before[counter] if counter in after else None
