# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as proof: who answered for a virtual address, and when; which probes of a steady stream were lost.

Times are CLOCK_MONOTONIC nanoseconds, as time.monotonic_ns() gives them, so that what a test did can be laid beside
what was seen.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time


def now():
    return time.monotonic_ns()


class Watch:
    """A helper program that writes down what it sees until the block ends."""

    def __init__(self, lab, host, program, *arguments):
        self.lab, self.host = lab, host
        self.command = (os.path.join(lab.build, "tests", program),) + tuple(str(a) for a in arguments)

    def __enter__(self):
        self.output = tempfile.TemporaryFile("w+", dir=self.lab.dir)
        self.process = self.lab.spawn(self.host, *self.command, stdout=self.output, stderr=subprocess.PIPE, text=True)
        self.started = now()
        time.sleep(0.1)
        return self

    def __exit__(self, *_exc):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=20)
        self.lab.processes.remove(self.process)
        assert self.process.returncode == 0, f"{self.command[0]}: {errors.strip()}"
        self.output.seek(0)
        self.read([line.split() for line in self.output])
        self.output.close()


class ArpWatch(Watch):
    def __init__(self, lab, host, device, target, rate):
        super().__init__(lab, host, "lab_arp", device, target, rate)
        self.device, self.period = device, 1e9 / rate if rate else 0
        self.queries, self.answers, self.announcements = [], [], []

    def read(self, lines):
        macs = {m.mac(self.device): m for m in self.lab.members}
        for words in lines:
            if words[0] == "Q":
                self.queries.append(int(words[1]))
            else:
                (self.answers if words[0] == "A" else self.announcements).append(
                    (int(words[1]), macs.get(words[2], words[2]))
                )

    def holders(self, since=0, until=1 << 63):
        """Everybody who answered in a span of time."""
        return {who for t, who in self.answers if since <= t <= until}

    def first(self, member, after=0):
        """When a member answered first after a moment, or None."""
        return next((t for t, who in self.answers if who is member and t >= after), None)

    def last(self, member, before=1 << 63):
        return next((t for t, who in reversed(self.answers) if who is member and t <= before), None)

    def gap_ms(self, since=0):
        """The longest time without any answer, from `since` to the watch's last answer."""
        times = [t for t, _ in self.answers if t >= since]
        return max((b - a for a, b in zip(times, times[1:])), default=0) / 1e6

    def overlap_ms(self, since=0):
        """How long two members or more answered the same requests: the number of such requests times their period."""
        both, position = 0, 0
        for query, following in zip(self.queries, self.queries[1:] + [1 << 63]):
            who = set()
            while position < len(self.answers) and self.answers[position][0] < following:
                if self.answers[position][0] >= query:
                    who.add(self.answers[position][1])
                position += 1
            if len(who) > 1 and query >= since:
                both += 1
        return both * self.period / 1e6

    def tell(self):
        """What was seen, in short, for a failed test."""
        text, previous = [], None
        for t, who in self.answers:
            if who is not previous:
                text.append(f"{(t - self.started) / 1e6:.0f} ms {getattr(who, 'name', who)}")
                previous = who
        return (
            f"{len(self.queries)} requests, {len(self.answers)} answers, gap {self.gap_ms():.0f} ms, "
            f"overlap {self.overlap_ms():.0f} ms: {'; '.join(text[:40])}"
        )


class PingWatch(Watch):
    def __init__(self, lab, host, target, rate):
        super().__init__(lab, host, "lab_ping", target, rate)
        self.probes = []  # (sent, took or 0)

    def read(self, lines):
        for words in lines:
            if words[0] == "P":
                self.probes.append((int(words[1]), int(words[2])))
            elif words[0] == "sent":
                self.sent, self.lost, self.gap_ms = int(words[1]), int(words[3]), float(words[5])


SLEEPER = """
import os, signal, sys, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
signal.signal(signal.SIGTERM, lambda *_: (print(worst), sys.stdout.flush(), os._exit(0)))
worst, last = 0, time.monotonic()
print("ready", flush=True)
while True:
    time.sleep(0.002)
    now = time.monotonic()
    worst, last = max(worst, now - last), now
"""


class Stillness:
    """The longest time that this whole machine stood still while the block ran, as a process sees it that nothing of
    ours can hold off: `seconds`, afterwards. What is late by no more than that proves nothing."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        self.process = self.lab.spawn(None, sys.executable, "-c", SLEEPER, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_exc):
        self.process.terminate()
        self.seconds = float(self.process.communicate(timeout=20)[0])
