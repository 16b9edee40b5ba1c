# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows about clusters in which nothing happens: what that costs, and that nothing happens under load and loss."""

import collections
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from base import run
from lab import NETWORKS, OUTSIDE, SYNC, Lab
from stage import FOUR, INTERVAL_MS, OURS, lab, line, note, pss_mib, shares, stage
from surfaces import oid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def cost():
    """CPU (with what the virtual network does in the sender's name) and memory."""
    stage()
    time.sleep(2)
    found = [shares(lab().members, 5) for _ in range(3)]
    medians = [statistics.median(one) for one in zip(*found)]
    line(
        f"CPU, 2 members, {len(FOUR)} interfaces, {INTERVAL_MS} ms",
        " and ".join(f"{s:.2f} %" for s in medians) + " of a core (medians of 3 x 5 s)", "<= 1.5 %",
    )  # fmt: skip
    note("CPU of a member, 4 interfaces", OURS, max(medians), "%", "<= 1.5 %")
    memory = [sum(map(pss_mib, m.pids())) for m in lab().members]
    line("memory (PSS of keeper, agent and helper)", " and ".join(f"{m:.1f} MiB" for m in memory), "<= 20 MiB")


def sixteen():
    """Sixteen members on one machine, 100 ms, three interfaces."""
    stage(lambda: Lab(members=16, networks=NETWORKS, interval_ms=100, snmp=False, http=False))
    time.sleep(3)
    found = sorted(shares(lab().members, 10))
    line(
        "CPU of each of 16 members, 3 interfaces, 100 ms",
        f"median {statistics.median(found):.2f} % of a core, the most {found[-1]:.2f} %", "<= 2 %",
    )  # fmt: skip
    note("CPU of each of 16 members, 100 ms", OURS, found[-1], "%", "<= 2 %")


# ---- system calls and allocations ----


def thread_names(pid):
    names = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as f:
            names[task] = f.read().strip()
    return names


def engine_thread(pid):
    """Of the threads of that name, the one that runs most: the other does the address changes."""

    def ran(task):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            return int(f.read().split()[0])

    return max((t for t, n in thread_names(pid).items() if n == "bw-engine"), key=ran)


def traced(pid, seconds):
    """{thread: {system call: number}}"""
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as output:
        run("timeout", "-s", "INT", str(seconds), "strace", "-f", "-qq", "-o", output.name, "-p", str(pid), check=False)
        counts = collections.defaultdict(collections.Counter)
        for text in output:
            found = re.match(r"(\d+)\s+(\w+)\(", text)
            if found:
                counts[found[1]][found[2]] += 1
    return counts


def compile_counter(directory):
    program = os.path.join(directory, "count_malloc.so")
    run(os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", program, os.path.join(HERE, "count_malloc.c"), "-ldl")
    return program


def allocations(path):
    """{thread: number} as the preloaded counter tells."""
    with open(path) as f:
        rows = [text.replace("\0", "").split() for text in f.read().split("\n")]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}


def calls():
    """What each thread asks of the kernel and of the allocator in a second in which nothing happens, at 100 ms: a traced
    process is too slow for 10 ms, so that its peer would miss heartbeats and ask its neighbours."""
    seconds = 5
    stage(lambda: Lab(networks=FOUR, interval_ms=100))
    time.sleep(3)
    pid = lab().settled().agent_pid()
    names, engine = thread_names(pid), engine_thread(pid)
    counts = traced(pid, seconds)
    line("system calls a second in steady state at 100 ms, by thread (holder, by strace)", "", "sends, receives, waits only")
    for task, calls_of in sorted(counts.items(), key=lambda item: -sum(item[1].values())):
        text = ", ".join(f"{name} {n / seconds:.1f}" for name, n in calls_of.most_common(8))
        name = names.get(task, "?") + (" (engine)" if task == engine else "")
        print(f"    {name:<24} {sum(calls_of.values()) / seconds:8.1f}   {text}")
    with tempfile.TemporaryDirectory() as directory:
        table = os.path.join(directory, "counts")
        os.environ.update(LD_PRELOAD=compile_counter(directory), BW_COUNT_MALLOC=table)
        try:
            cluster = Lab(networks=FOUR, interval_ms=INTERVAL_MS, directory=os.path.join(directory, "lab"))
            cluster.hum()
            for member in cluster.members:
                os.environ["BW_COUNT_MALLOC"] = f"{table}.{member.id}"
                member.start_snmpd()
                member.start()
        finally:
            for name in ("LD_PRELOAD", "BW_COUNT_MALLOC"):
                os.environ.pop(name, None)
        holder = cluster.settled()
        time.sleep(3)
        pid = holder.agent_pid()
        names, engine = thread_names(pid), engine_thread(pid)
        path = f"{table}.{holder.id}.{pid}"
        before = allocations(path)
        time.sleep(seconds)
        after = allocations(path)
        cluster.close()
    grown = {t: n - before.get(t, 0) for t, n in after.items() if t in names}
    line(f"allocations of the engine thread in steady state at {INTERVAL_MS} ms", f"{grown.get(engine, 0) / seconds:.1f} a second", "0")
    others = {names[t]: n / seconds for t, n in grown.items() if n and t != engine}
    line("  of the others", ", ".join(f"{k} {v:.1f}" for k, v in others.items()) or "none", "")


# ---- load and loss ----


def burn():
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]


def busy():
    """Both cores loaded, scrapes and walks without a pause, for a minute."""
    stage()
    members = lab().members
    start = {m: m.state()["cluster"]["failovers"] for m in members}
    load = burn()
    lab().processes += load
    walk = "while :; do snmpbulkwalk -v2c -c public -t 1 -r 0 127.0.0.1 " + oid("bellwether") + " >/dev/null 2>&1; done"
    scrape = "while :; do curl -s -o /dev/null 'http://127.0.0.1:8116/metrics?[1-1000]'; done"
    asked = {m: m.state()["agent"]["http_requests"] for m in members}
    watchers = [lab().spawn(m.name, "bash", "-c", command) for m in members for command in (walk, scrape)]
    seconds = int(os.environ.get("BUSY_SECONDS", "60"))
    bare = lab().spawn(None, os.path.join(lab().build, "tests/lab_late"), stdout=subprocess.PIPE, text=True)
    time.sleep(seconds)
    bare.terminate()
    told, _ = bare.communicate(timeout=10)
    state = {m: m.state() for m in members}
    for process in load + watchers:
        try:
            os.killpg(process.pid, signal.SIGKILL) if process in watchers else process.kill()
        except ProcessLookupError:
            pass
        process.wait()
    false = sum(state[m]["cluster"]["failovers"] - start[m] for m in members)
    rate = sum(state[m]["agent"]["http_requests"] - asked[m] for m in members) / seconds
    line(
        f"false failovers in {seconds} s, all cores loaded, {rate:.0f} scrapes a second, walks", str(false),
        "0 (at 1,000 scrapes a second)",
    )  # fmt: skip
    late = [state[m]["agent"] for m in members]
    line(
        "heartbeat lateness there, p99.9 since the start (worst)",
        "; ".join(f"{a['late_p999_seconds'] * 1e3:.2f} ms ({a['late_worst_seconds'] * 1e3:.1f} ms)" for a in late),
        "<= 1 ms",
    )  # fmt: skip
    _, wakeups, _, p999, _, worst = told.split()
    line(
        f"  a real-time thread that only sleeps, beside it ({wakeups} wake-ups)",
        f"p99.9 {int(p999) / 1e3:.2f} ms ({int(worst) / 1e3:.1f} ms)", "what the machine itself adds",
    )  # fmt: skip
    note("  of a thread that only sleeps", OURS, int(p999) / 1e3, "ms", "")
    note("false failovers under load", OURS, false, "", "0")
    note("heartbeat lateness p99.9 under load", OURS, max(a["late_p999_seconds"] * 1e3 for a in late), "ms", "<= 1 ms")


def loss():
    """One frame in five is lost, each by itself, on both interfaces and in both directions."""
    seconds = int(os.environ.get("LOSS_SECONDS", "60"))
    for interval_ms in (INTERVAL_MS, 100):
        stage(lambda ms=interval_ms: Lab(networks=(OUTSIDE, SYNC), interval_ms=ms, dead_after=5, snmp=False))
        time.sleep(1)
        before = {m: m.last_event() for m in lab().members}
        rules = "\n".join(
            ("table bridge loss {", "chain c {", "type filter hook forward priority 1; policy accept;",
             "numgen random mod 100 < 20 counter drop", "}", "}", "")
        )  # fmt: skip
        lab().exec("net", "nft", "-f", "-", stdin=rules)
        time.sleep(seconds)
        kinds = collections.Counter(e["kind"] for m in lab().members for e in m.events(after=before[m]))
        _, told, _ = lab().exec("net", "nft", "list", "table", "bridge", "loss")
        dropped = re.search(r"counter packets (\d+)", told)
        line(
            f"20 % loss, {interval_ms} ms x 5, {seconds} s ({dropped[1] if dropped else 'no'} frames lost): false failovers",
            str(kinds["failover"]), "0",
        )  # fmt: skip
        line("  interface verdicts that changed", str(kinds["interface-change"]), "0")
        if interval_ms == INTERVAL_MS:
            note("false failovers at 20 % loss", OURS, kinds["failover"], "", "0")
            note("interface verdicts changed at 20 % loss", OURS, kinds["interface-change"], "", "0")


def sim():
    """The simulator's speed."""
    program = os.path.join(ROOT, os.environ["BW_BUILD"], "tests/sim")
    if not os.path.exists(program):
        return line("simulator", "not built", ">= 100 cluster-hours a CPU-minute")
    done = subprocess.run([program, "--hours", "10"], capture_output=True, text=True, timeout=300)
    found = re.search(r"([\d.]+) a CPU-minute", done.stdout)
    line(
        "simulator, 2 members, 2 interfaces, 100 ms",
        f"{found[1]} cluster-hours a CPU-minute" if found else "no figure", ">= 100 cluster-hours a CPU-minute",
    )  # fmt: skip


ROWS = (cost, calls, sixteen, busy, loss, sim)
