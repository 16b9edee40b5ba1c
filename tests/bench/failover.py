# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about take-overs: how long nobody answers, beside keepalived where it can do the same."""

import os
import signal
import statistics
import subprocess
import time

from ask import SnmpSetter, control
from base import wait_until
from lab import OUTSIDE, SYNC, Lab, Network
from rival import RivalMember
from stage import (
    INTERVAL_MS, OURS, ROUNDS, compare, lab, line, note, ours, rivals, serves, spread, stage,
)  # fmt: skip
from surfaces import oid
from watch import now


def silence():
    """The host is gone: no frame from it or to it passes any more."""
    compare(
        "host gone", [ours(), ours(100)] + rivals(), lambda holder, _: lab().isolate(holder),
        lambda *_: (time.sleep(1.5), lab().heal()), f"<= 35 ms, never < {2 * INTERVAL_MS}",
        from_last_answer=True,
    )  # fmt: skip


def kill():
    """The process that speaks to the others is killed; its parent lives, in keepalived too."""
    compare(
        "agent killed by SIGKILL", [ours()] + rivals(), lambda _, pid: os.kill(pid, signal.SIGKILL), lambda *_: None,
        "<= 5 ms", both_wanted="", prepare=lambda holder: holder.agent_pid(),
    )  # fmt: skip


def link():
    """A data link loses its carrier."""
    compare(
        "data link down", [ours()] + rivals(), lambda holder, _: lab().cable(holder, "eth0", False),
        lambda holder, _: lab().cable(holder, "eth0", True), "<= 5 ms", from_last_answer=True,
    )  # fmt: skip


def pnote():
    """A reported problem."""
    compare(
        "pnote problem", [ours()],
        lambda holder, _: control(holder.control, command="report", name="bench", status="problem"),
        lambda holder, _: control(holder.control, command="unregister", name="bench"), "<= 5 ms",
        prepare=lambda holder: control(holder.control, command="register", name="bench", status="ok"),
    )  # fmt: skip


def snmp():
    """An SNMP SET of "down", sent by the client."""
    admin = oid("bwMemberAdminState")

    def set_state(holder, value):
        setter = SnmpSetter(lab(), "client", f"192.168.10.{holder.id}")
        status = setter.set(f"{admin}.{holder.id}", value)
        setter.close()
        assert status == 0, f"SNMP SET: error status {status}"

    def ready(holder):
        wait_until("its sub-agent answers", lambda: holder.surfaces.snmpget("bwClusterName"), 15)

    compare(
        "SNMP SET down", [ours()], lambda holder, _: set_state(holder, 2), lambda holder, _: set_state(holder, 1),
        "<= 5 ms", both_wanted=f"{2 * INTERVAL_MS} ms", prepare=ready,
    )  # fmt: skip


def cli():
    """A request on the control socket."""
    compare(
        "CLI down", [ours()], lambda holder, _: control(holder.control, command="down"),
        lambda holder, _: control(holder.control, command="up"), "<= 5 ms", both_wanted=f"{2 * INTERVAL_MS} ms",
    )  # fmt: skip


def leave(member):
    member.leave() if isinstance(member, RivalMember) else control(member.control, command="down")


def come_back(member):
    member.come_back() if isinstance(member, RivalMember) else control(member.control, command="up")


def move():
    """Planned moves under 1,000 echo requests a second, to the virtual address and through the cluster to a server."""
    for contender in [ours()] + rivals():
        stage(contender.make)
        with lab().watch_ping("192.168.10.100") as direct, lab().watch_ping("10.10.0.200") as through:
            time.sleep(0.5)
            for _ in range(contender.rounds):
                holder = lab().settled()
                other = lab().other(holder)
                leave(holder)
                wait_until("the other serves", lambda m=other: serves(m), 15)
                time.sleep(0.5)
                come_back(holder)
                time.sleep(0.5)
        wanted = "0" if contender.who == OURS else ""
        line(
            f"{contender.rounds} planned moves, {contender.label}: lost of 1,000 probes a second to the address",
            f"{direct.lost} of {direct.sent}", wanted,
        )  # fmt: skip
        line("  and of those through the cluster to a server", f"{through.lost} of {through.sent}", wanted)
        note("planned move: probes lost a move", contender.short, through.lost / contender.rounds, "", "0")


def outage_ms(probes, since):
    """The longest time, from `since` on, between an answered probe and the next that is answered."""
    answered = [since] + [sent for sent, took in probes if took and sent >= since]
    return max((b - a for a, b in zip(answered, answered[1:])), default=0) / 1e6


def heal():
    """Two halves that both serve, as a client that reaches both sees it, hear each other again. A client that is left with
    the loser's hardware address loses everything until the winner announces itself."""
    for contender in [ours()] + rivals():
        costs = []
        for number in range(contender.rounds):
            if number % 6 == 0:
                stage(contender.make)
            holder = lab().settled()
            other = lab().other(holder)
            lab().cut((holder, other, None), (other, holder, None))
            wait_until("both serve", lambda: serves(holder) and serves(other), 15)
            time.sleep(0.7)
            with lab().watch_ping("192.168.10.100") as probes:
                time.sleep(0.3)
                since = now()
                lab().heal()
                lab().settled(timeout=60)
                time.sleep(1.5)
                wait_until(
                    "the client is served",
                    lambda: lab().exec("client", "ping", "-c1", "-W1", "192.168.10.100", check=False)[0] == 0, 60,
                )  # fmt: skip
                time.sleep(0.2)
            costs.append(outage_ms(probes.probes, since))
        line(
            f"partition healed, {contender.label}: the client is without an answer for", spread(costs),
            "median <= 20 ms, never over 100 ms" if contender.who == OURS else "",
        )  # fmt: skip
        note("partition healed: client's outage", contender.short, statistics.median(costs), "ms", "<= 20 ms")
        note("  the worst of them", contender.short, max(costs), "ms", "<= 100 ms")


# ---- many addresses ----

GROUPS, ADDRESSES = 8, 255


def many_addresses():
    return [f"172.20.{i % GROUPS}.{1 + i // GROUPS}" for i in range(ADDRESSES)]


def many_lab():
    groups = []
    for g in range(GROUPS):
        mine = [a for i, a in enumerate(many_addresses()) if i % GROUPS == g]
        virtual = ", ".join(f'{{ interface = "eth0"; address = "{a}/16"; }}' for a in mine)
        groups.append(f'    {{ name = "g{g}"; virtual = ( {virtual} ); }}')
    text = "  groups = (\n" + ",\n".join(groups) + "\n  );\n"
    outside = Network("eth0", "cluster", "192.168.10", (), ("client",))
    return Lab(networks=(outside, SYNC), interval_ms=INTERVAL_MS, snmp=False, cluster=text)


def sweep(act, period_ms=10):
    """From act() on until the other member has answered for each address: (the last, the median) in ms."""
    here = lab()
    holder = here.settled()
    other = here.other(holder)
    prepared = holder.agent_pid()
    program = os.path.join(here.build, "tests/lab_sweep")
    watcher = here.spawn(
        "client", program, "eth0", str(period_ms), *many_addresses(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(0.5)
    began = now()
    act(holder, prepared)
    wait_until("the other serves", lambda: serves(other), 15)
    time.sleep(1.5)
    watcher.terminate()
    text, errors = watcher.communicate(timeout=20)
    here.processes.remove(watcher)
    assert watcher.returncode == 0, errors
    mac = other.mac("eth0")
    firsts = {w[0]: int(w[2]) for w in map(str.split, text.splitlines()) if w[1] == mac and int(w[2]) >= began}
    assert len(firsts) == ADDRESSES, f"{len(firsts)} of {ADDRESSES} addresses were answered for"
    took = sorted((t - began) / 1e6 for t in firsts.values())
    return took[-1], statistics.median(took)


def many():
    """255 addresses in 8 groups leave a member whose agent was killed; each is asked for every 10 ms."""
    lasts, medians = [], []
    rounds = min(ROUNDS, 5)
    for number in range(rounds):
        stage(many_lab)
        time.sleep(1)
        last, median = sweep(lambda _, pid: os.kill(pid, signal.SIGKILL))
        lasts.append(last)
        medians.append(median)
    line(f"{ADDRESSES} addresses in {GROUPS} groups, agent killed: the last one answers after", spread(lasts), "<= 50 ms")
    line("  and half of them (asked for every 10 ms)", spread(medians), "")
    note(f"{ADDRESSES} addresses: the last one answers", OURS, statistics.median(lasts), "ms", "<= 50 ms")


ROWS = (silence, kill, link, pnote, snmp, cli, move, heal, many)
