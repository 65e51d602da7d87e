"""What is measured at a running peer: latency with one message in flight, throughput with eight, a page of history."""

import asyncio
import statistics
import time

from websocket import PATIENCE

LENGTH = 100
IN_FLIGHT = 8
PAUSE = 0.005
WARM_UP = 30


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def text_of(number):
    return f'#{number}#'.ljust(LENGTH, 'x')


class Deliveries:
    """Follows messages until their writer has the acknowledgement and every listener the message."""

    def __init__(self, peer, listeners):
        self.peer = peer
        self.listeners = listeners
        self.next = 0
        self.unheard = {}
        self.turn = asyncio.Event()
        self.last_heard = {}
        self.last_acked = {}
        peer.heard, peer.acked = self.heard, self.acked
        peer.listen()

    def say(self):
        number = self.next
        self.next += 1
        self.unheard[number] = self.listeners
        self.peer.say(number, text_of(number))
        return number

    def heard(self, number):
        left = self.unheard[number] = self.unheard[number] - 1
        if left == 0:
            self.last_heard[number] = time.perf_counter()
            if number in self.last_acked:
                self._done(number)

    def acked(self, number):
        self.last_acked[number] = time.perf_counter()
        if self.unheard[number] == 0:
            self._done(number)

    def _done(self, number):
        del self.unheard[number]
        self.turn.set()

    async def until(self, count):
        """Waits until at most `count` messages are open."""
        while len(self.unheard) > count:
            self.turn.clear()
            await asyncio.wait_for(self.turn.wait(), PATIENCE)


async def latency(deliveries, count):
    """One message in flight: milliseconds until the last listener has it, and until the writer has the acknowledgement."""
    heard, acked = [], []
    for _ in range(count):
        await asyncio.sleep(PAUSE)
        begun = time.perf_counter()
        number = deliveries.say()
        await deliveries.until(0)
        heard.append((deliveries.last_heard.pop(number) - begun) * 1e3)
        acked.append((deliveries.last_acked.pop(number) - begun) * 1e3)
    return heard, acked


async def throughput(deliveries, count):
    """Eight messages in flight: processor seconds of server, database and this client, and seconds."""
    peer = deliveries.peer
    before = (peer.processor_time(), peer.lab.database_time(), time.process_time(), time.perf_counter())
    for _ in range(count):
        await deliveries.until(IN_FLIGHT - 1)
        deliveries.say()
    await deliveries.until(0)
    after = (peer.processor_time(), peer.lab.database_time(), time.process_time(), time.perf_counter())
    deliveries.last_heard.clear()
    deliveries.last_acked.clear()
    return [end - begin for begin, end in zip(before, after)]


async def pages(peer, count):
    """Milliseconds of a page of 50 messages, one after the other."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        found = await peer.page()
        times.append((time.perf_counter() - begun) * 1e3)
        if found != 50:
            raise RuntimeError(f'{peer.name}: a page of {found} messages')
    return times


async def round_of(peer, deliveries, messages, pages_wanted):
    """One round of all phases: figures by name."""
    listeners = deliveries.listeners
    await latency(deliveries, WARM_UP)
    heard, acked = await latency(deliveries, messages)
    # Eight in flight may need more instances than one; they start before the clock does.
    await throughput(deliveries, 10 * IN_FLIGHT)
    server, database, client, seconds = await throughput(deliveries, messages)
    figures = {
        'heard': statistics.median(heard),
        'heard_p99': percentile(heard, 99),
        'acked': statistics.median(acked),
        'deliveries': messages * listeners / seconds,
        'per_delivery': server / messages / listeners * 1e6,
        'client': client / seconds,
    }
    if peer.stores:
        figures['database'] = database / messages * 1e6
        await pages(peer, WARM_UP)
        times = await pages(peer, pages_wanted)
        figures['page'] = statistics.median(times)
        figures['page_p99'] = percentile(times, 99)
    return figures
