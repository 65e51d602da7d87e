#!/usr/bin/env python3
"""Counts the instructions that a warm invocation of `send`, `messages` and `fanout` takes, and compares them with scripts/instructions.json.

The functions run behind the local cloud under callgrind, which writes a count whenever an invocation begins; the figure is the median of them.
A count outside of the room that the file allows fails: higher, something costs more than it did; lower, record it anew with WRITE=1.
PROFILE=release uses release binaries, whose counts are only printed. BINARIES names another folder of them.

Exits with 3 where callgrind (valgrind) is missing and cannot be installed, or where it does not know this processor's architecture.
"""

import asyncio
import glob
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'scripts', 'bench'))

from machine import Program, wrapped  # noqa: E402
from peers import ConChat, Lab  # noqa: E402
from phases import Deliveries, latency, pages  # noqa: E402

RECORDED = os.path.join(ROOT, 'scripts', 'instructions.json')
FUNCTIONS = ('send', 'messages', 'fanout')
LISTENERS = 10
# The first invocations of an instance connect, prepare statements and fill caches.
COLD = 6
WARM = 24


def missing(reason):
    print(f'instructions: nothing was counted: {reason}', file=sys.stderr)
    sys.exit(3)


def origin():
    """What counts depend on besides the code: libraries choose variants of copying and hashing by processor, and compilers differ."""
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        processor = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), 'unknown')
    compiler = subprocess.run(['rustc', '--version'], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return f'{processor}, {compiler.strip()}'


def install():
    """Installs valgrind with root rights, or with sudo that asks for no password."""
    if shutil.which('valgrind'):
        return
    as_root = [] if os.geteuid() == 0 else ['sudo', '-n']
    apt = [*as_root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=300']
    wanted = [*apt, 'install', '--no-install-recommends', 'valgrind']
    if shutil.which('apt-get') and (not as_root or shutil.which('sudo')):
        print('Installing valgrind …', file=sys.stderr)
        for command in (wanted, [*apt, 'update'], wanted):
            if subprocess.run(command, capture_output=True, check=False).returncode == 0 and shutil.which('valgrind'):
                return
    missing('valgrind is required (Debian: apt-get install valgrind)')


def counts(folder, function):
    """Instructions of the invocations of each instance, in their order, without the cold ones."""
    found = []
    instances = {}
    for file in glob.glob(os.path.join(folder, f'{function}.*')):
        parts = os.path.basename(file).split('.')
        # The dump without a number is of the end; the first one is of the start.
        if len(parts) == 3 and int(parts[2]) > COLD:
            instances.setdefault(parts[1], []).append((int(parts[2]), file))
    for dumps in instances.values():
        for _, file in sorted(dumps):
            with open(file, encoding='utf-8', errors='replace') as dump:
                found.append(int(re.search(r'^(?:totals|summary): (\d+)', dump.read(), re.MULTILINE)[1]))
    return found


async def work(cloud, function):
    """Makes the function serve so many invocations."""
    await cloud.connect()
    deliveries = Deliveries(cloud, LISTENERS)
    if function == 'messages':
        # A page needs fifty messages.
        await latency(deliveries, 55)
        await pages(cloud, COLD + WARM)
    else:
        await latency(deliveries, COLD + WARM)


async def measure(lab, function):
    folder = lab.path('counts')
    os.makedirs(folder, exist_ok=True)
    callgrind = f'valgrind --quiet --tool=callgrind --callgrind-out-file={folder}/{function}.%p --dump-before="*Invocation::begin*"'
    cloud = ConChat(lab)
    # Two sockets are a large audience where `fanout` is to have work.
    environment = {'PUSH_INLINE': '1'} if function == 'fanout' else {}
    try:
        cloud.start(wrapped(lab.binaries, lab.path('data', function), function, f'exec {callgrind}'), function, environment=environment)
        cloud.open_room(LISTENERS + 1, function)
        await work(cloud, function)
    finally:
        cloud.close()
    found = counts(folder, function)
    if len(found) < WARM // 2:
        raise RuntimeError(f'{function}: {len(found)} invocations were counted\n{cloud.program.output()[-2000:]}')
    return found


async def main():
    if platform.machine() != 'x86_64':
        missing(f'the recorded counts are of x86_64, not of {platform.machine()}')
    install()
    profile = {'dev': 'debug', 'release': 'release'}[os.environ.get('PROFILE', 'dev')]
    binaries = os.environ.get('BINARIES') or os.path.join(ROOT, 'target', profile)
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            lab = Lab(folder, binaries)
            for function in FUNCTIONS:
                found = await measure(lab, function)
                measured[function] = int(statistics.median(found))
                print(f'{function:10} {measured[function]:>12,} instructions, the median of {len(found)} warm invocations '
                      f'({min(found):,} to {max(found):,})')
        finally:
            Program.stop_all()
    if profile != 'debug':
        return 0
    with open(RECORDED, encoding='utf-8') as file:
        recorded = json.load(file)
    if os.environ.get('WRITE') == '1':
        recorded.update(origin=origin(), instructions=measured)
        with open(RECORDED, 'w', encoding='utf-8') as file:
            file.write(json.dumps(recorded, indent=2) + '\n')
        return 0
    room, failed = recorded['room'], 0
    if origin() != recorded['origin']:
        room = recorded['room_elsewhere']
        print(f'The counts were recorded on {recorded["origin"]}; here ({origin()}) {room:.0%} are allowed.')
    for function, count in measured.items():
        before = recorded['instructions'].get(function)
        if before is None:
            print(f'{function}: no count is recorded; `WRITE=1 make instructions` records it.', file=sys.stderr)
            failed = 1
        elif abs(count - before) > before * room:
            print(f'{function}: {count:,} instructions instead of {before:,}, {count / before - 1:+.1%}; {room:.0%} are allowed. '
                  'If it is meant, `WRITE=1 make instructions` records it.', file=sys.stderr)
            failed = 1
    return failed


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
