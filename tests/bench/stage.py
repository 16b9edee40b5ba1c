# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rows of the benchmark share: the laboratory at hand, how a take-over is timed, and what is printed at the end."""

import os
import re
import statistics
import time

from base import wait_until
from lab import INSIDE, OUTSIDE, SYNC, Lab, Network
from rival import Rival, keepalived
from watch import now

ROUNDS = int(os.environ.get("ROUNDS", "11"))
RIVAL_ROUNDS = int(os.environ.get("RIVAL_ROUNDS", "5"))
INTERVAL_MS = 10
FOUR = (OUTSIDE, INSIDE, SYNC, Network("eth3", "cluster", "10.20.0", ("10.20.0.100/24",)))
OURS = "bellwether"
results = []  # (what, {who: value}, unit, wanted) for the table at the end
at_hand = None


def lab():
    return at_hand


def close():
    global at_hand
    if at_hand:
        at_hand.close()
    at_hand = None


def serves(member):
    if hasattr(member, "serves"):
        return member.serves()
    return member.row()["state"] in ("active", "attention")


def settle_switch(new):
    """A switch has no use for the host's packet filter; and what it would cost is charged to whoever sends."""
    hooks = [f"net.bridge.bridge-nf-call-{t}=0" for t in ("iptables", "ip6tables", "arptables")]
    new.exec("net", "sysctl", "-qw", *hooks, check=False)


def stage(make=None):
    """A new laboratory, settled, in place of the last one."""
    global at_hand
    close()
    at_hand = make() if make else Lab(networks=FOUR, interval_ms=INTERVAL_MS)
    settle_switch(at_hand)
    at_hand.start()
    at_hand.settled()
    return at_hand


class Contender:
    """Who is measured: bellwether or keepalived at one interval."""

    def __init__(self, who, interval_ms, make, rounds):
        self.who, self.interval_ms, self.make, self.rounds = who, interval_ms, make, rounds
        self.label = f"{who} {interval_ms} ms"
        self.short = OURS if who == OURS and interval_ms == INTERVAL_MS else self.label


def ours(interval_ms=INTERVAL_MS):
    return Contender(OURS, interval_ms, lambda: Lab(networks=FOUR, interval_ms=interval_ms), ROUNDS)


def rivals():
    if not keepalived():
        return []
    return [Contender("keepalived", ms, lambda ms=ms: Rival(ms), RIVAL_ROUNDS) for ms in (10, 100)]


def line(what, value, wanted):
    print(f"{what:<74} {value:<56} {wanted}", flush=True)


def spread(values, unit="ms"):
    values = sorted(values)
    return f"median {statistics.median(values):.1f} {unit} ({values[0]:.1f} to {values[-1]:.1f}, {len(values)} rounds)"


def note(what, who, value, unit="ms", wanted=""):
    """For the table at the end."""
    for row in results:
        if row[0] == what:
            row[1][who] = value
            return
    results.append((what, {who: value}, unit, wanted))


def summary():
    if not results:
        return
    columns = [OURS, "keepalived 10 ms", "keepalived 100 ms"]
    print(f"\n{'MEDIANS':<44}" + "".join(f"{c:>20}" for c in columns) + f"{'10 ms : ours':>14}  wanted of ours")
    for what, values, unit, wanted in results:
        cells = [f"{values[c]:.1f} {unit}" if c in values else "-" for c in columns]
        mine, theirs = values.get(OURS), values.get(columns[1])
        ratio = f"{theirs / mine:.1f}" if mine and theirs is not None else "-"
        print(f"{what:<44}" + "".join(f"{c:>20}" for c in cells) + f"{ratio:>14}  {wanted}")


def take_overs(contender, act, mend, from_last_answer=False, prepare=lambda holder: None):
    """Times of take-overs and of both answering, in ms. act gets the holder and what prepare made of it."""
    times, both = [], []
    here = stage(contender.make)
    number = 0
    while len(times) < contender.rounds:
        # A member that takes over four times within a minute counts as flapping and is ranked last.
        if number and number % 6 == 0:
            here = stage(contender.make)
        number += 1
        holder = here.settled()
        other = here.other(holder)
        time.sleep(0.3)
        prepared = prepare(holder)
        with here.watch_arp(rate=2000) as answers:
            time.sleep(0.2)
            began = now()
            act(holder, prepared)
            wait_until("the other serves", lambda: serves(other), 15)
            time.sleep(0.2)
        first = answers.first(other, began)
        start = answers.last(holder, first) if from_last_answer else began
        times.append((first - start) / 1e6)
        both.append(answers.overlap_ms())
        mend(holder, other)
        try:
            here.settled(timeout=8)
        except AssertionError:
            here = stage(contender.make)
            number = 0
    return times, both


def compare(what, who, act, mend, wanted, both_wanted=None, **options):
    """A row for each contender: how long until the other answers."""
    for contender in who:
        times, both = take_overs(contender, act, mend, **options)
        line(f"{what}, {contender.label}: the other answers after", spread(times), wanted if contender.short == OURS else "")
        if both_wanted is not None:
            line("  both answered for at most", f"{max(both):.1f} ms", both_wanted if contender.who == OURS else "")
        note(what, contender.short, statistics.median(times), "ms", wanted)


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass  # that one has just ended
    return total


def shares(members, seconds):
    """Percent of a core that each member's processes took."""
    before = {m: sum(map(cpu_ns, m.pids())) for m in members}
    began = now()
    time.sleep(seconds)
    took = now() - began
    return [100 * (sum(map(cpu_ns, m.pids())) - before[m]) / took for m in members]


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1]) / 1024
