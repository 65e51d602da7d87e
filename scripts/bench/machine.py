"""Programs that the benches start and that end with them, the processor time that they take, and half a processor for one of them."""

import glob
import os
import signal
import subprocess
import sys
import time

# The programs have sessions of their own, so a signal to this one does not reach them; `finally` ends them.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

TICK = os.sysconf('SC_CLK_TCK')


class Program:
    """A started program, ended with `stop`, or with all others by `stop_all`."""

    running = []

    def __init__(self, command, log, env=None, cwd=None):
        self.name = os.path.basename(str(command[0]))
        self.log = log
        with open(log, 'wb') as out:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                            env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid
        self.running.append(self)

    def alive(self):
        return self.process.poll() is None

    def wait_for(self, prefix, patience=60):
        """Waits for a line with this prefix and returns what follows."""
        end = time.monotonic() + patience
        while True:
            for line in self.output().splitlines():
                if line.strip().startswith(prefix):
                    return line.strip()[len(prefix):].strip()
            if not self.alive() or time.monotonic() > end:
                raise RuntimeError(f'{self.name} did not start:\n{self.output()[-2000:]}')
            time.sleep(0.05)

    def output(self):
        with open(self.log, encoding='utf-8', errors='replace') as file:
            return file.read()

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGINT if self.name == 'local' else signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @classmethod
    def stop_all(cls):
        for program in reversed(cls.running):
            program.stop()


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for file in glob.glob(f'/proc/{pid}/task/*/children'):
        try:
            with open(file, encoding='ascii') as children:
                below = children.read().split()
        except OSError:
            continue
        for child in below:
            found += tree(int(child))
    return found


def processor_time(pid):
    """Seconds that the process and all below it have taken, those included that have ended: their time counts as their parent's, which waited."""
    ticks = 0
    for one in tree(pid):
        try:
            with open(f'/proc/{one}/stat', encoding='utf-8', errors='replace') as file:
                ticks += sum(int(field) for field in file.read().rsplit(')', 1)[1].split()[11:15])
        except OSError:
            pass
    return ticks / TICK


def name_of(pid):
    try:
        with open(f'/proc/{pid}/comm', encoding='utf-8', errors='replace') as file:
            return file.read().strip()
    except OSError:
        return ''


def wrapped(binaries, folder, function, begin):
    """A folder of the same programs in which a function starts as a shell says that begins so; the program follows."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(binaries):
        source, link = os.path.abspath(os.path.join(binaries, name)), os.path.join(folder, name)
        if name != function and os.path.isfile(source) and os.access(source, os.X_OK):
            os.symlink(source, link)
    wrapper = os.path.join(folder, function)
    with open(wrapper, 'w', encoding='utf-8') as file:
        file.write(f'#!/bin/sh\n{begin} {os.path.abspath(os.path.join(binaries, function))}\n')
    os.chmod(wrapper, 0o755)
    return folder


class HalfProcessor:
    """A control group that gives its members half of one processor, as a small function has; `None` from `make` where the system has none."""

    PERIOD = 20_000

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def make(cls):
        for root, quota in [('/sys/fs/cgroup', 'cpu.max'), ('/sys/fs/cgroup/cpu', 'cpu.cfs_quota_us')]:
            folder = os.path.join(root, f'conchat-bench-{os.getpid()}')
            try:
                os.mkdir(folder)
                if quota == 'cpu.max':
                    _write(folder, quota, f'{cls.PERIOD // 2} {cls.PERIOD}')
                else:
                    _write(folder, 'cpu.cfs_period_us', str(cls.PERIOD))
                    _write(folder, quota, str(cls.PERIOD // 2))
                return cls(folder)
            except OSError:
                if os.path.isdir(folder):
                    os.rmdir(folder)
        return None

    def members(self):
        return os.path.join(self.folder, 'cgroup.procs')

    def remove(self):
        for _ in range(50):
            try:
                os.rmdir(self.folder)
                return
            except OSError:
                time.sleep(0.1)


def _write(folder, name, text):
    # No `O_CREAT`: where the file is missing, the folder is no control group.
    file = os.open(os.path.join(folder, name), os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
