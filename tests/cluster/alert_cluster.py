# SPDX-License-Identifier: GPL-2.0-or-later
"""A cluster with every kind of alert target and the receivers for them, and what has come to each: shared by test_alerts*.

`lab` is the present laboratory, `there` holds the receivers on its client, `local` those of each member.
"""

import os
import re

from alert_receivers import ADDRESS, Command, Datagrams, Http, Mail, SyslogTcp, SyslogTls, certificate
from base import wait_until
from tap import open_lab, retire

PASSWORD, TOKEN, KEY = "Pa55word-never-shown", "t0ken-never-shown", "s1gning-key-never-shown"
ALL = 'from = "all"; severity = "info"; rate_per_minute = 0; digest_after = 0; timeout_s = 2;'
OWN = 'severity = "notice"; rate_per_minute = 0;'
there = {}  # name → receiver, of all members
local = {}  # member → name → receiver


class Present:
    """The present laboratory, whichever that is."""

    now = None

    def __getattr__(self, name):
        return getattr(self.now, name)


lab = Present()


def secret(member, name, text):
    path = member.path(name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text + "\n")
    return path


def targets(member, ca, rules):
    """Every kind of target, as configuration."""
    files = {"password": secret(member, "password", PASSWORD), "token": secret(member, "token", TOKEN),
             "key": secret(member, "key", KEY)}
    return [
        f'name = "mail"; kind = "mail"; url = "smtp://{ADDRESS}:2525"; sender = "cluster@edge.example"; to = [ "a@x.example", '
        f'"b@x.example" ]; login = "edge"; password_file = "{files["password"]}"; ca_file = "{ca}"; {rules}',
        f'name = "hook"; kind = "webhook"; url = "https://{ADDRESS}:8443/hook"; ca_file = "{ca}"; token_file = '
        f'"{files["token"]}"; secret_file = "{files["key"]}"; {rules}',
        f'name = "tcp"; kind = "syslog"; server = "{ADDRESS}:601"; protocol = "tcp"; enterprise = 32473; {rules}',
        f'name = "tls"; kind = "syslog"; server = "{ADDRESS}:6514"; protocol = "tls"; ca_file = "{ca}"; enterprise = 32473; {rules}',
        f'name = "udp"; kind = "syslog"; server = "{ADDRESS}:514"; enterprise = 32473; {rules}',
        f'name = "log"; kind = "syslog"; socket = "{member.path("log.sock")}"; enterprise = 32473; facility = "local3"; {rules}',
        f'name = "journal"; kind = "journal"; socket = "{member.path("journal.sock")}"; {rules}',
        f'name = "command"; kind = "exec"; command = [ "{member.path("exec.sh")}" ]; {rules}',
    ]


def cluster(rules, extra="", more=lambda member: [], before=lambda member: None, **options):
    """A settled cluster with every kind of target."""
    if lab.now and not lab.closed:
        retire(lab.now)
    for receiver in there.values():
        receiver.be("down")
    lab.now = open_lab(**dict({"snmp": False}, **options))
    ca, context = certificate(lab.dir)
    there.clear()
    local.clear()
    there.update(mail=Mail(lab.now, 2525, context, "edge", PASSWORD), hook=Http(lab.now, 8443, context, TOKEN),
                 tcp=SyslogTcp(lab.now, 601), tls=SyslogTls(lab.now, 6514, context), udp=Datagrams(lab.now, 514))
    for member in lab.members:
        local[member] = {"log": Datagrams(path=member.path("log.sock")),
                         "journal": Datagrams(path=member.path("journal.sock"), journal=True),
                         "command": Command(member.path("exec.out"), member.path("exec.sh"), member.path("exec.mode"))}
        rows = ",\n".join("  { " + t + " }" for t in targets(member, ca, rules) + more(member))
        member.write_files(member.configuration() + f"alerts = {{ {extra} targets = (\n{rows}\n); }};\n")
        before(member)
    lab.start()
    return lab.settled()


def receivers(member):
    return dict(there, **local[member])


def ensure(rules):
    """A laboratory, should the test before have broken it."""
    if lab.now is None or lab.closed:
        cluster(rules)


def got(receiver, member):
    return [g for g in receiver.got if g.teller == member.name]


def firsts(messages):
    """Without repetitions under the same identity."""
    seen, kept = set(), []
    for m in messages:
        if m.id not in seen:
            seen.add(m.id)
            kept.append(m)
    return kept


def numbers(receiver, member):
    """Numbers of the events of the history that arrived, in order, repetitions left out; what is made of snapshots is no event."""
    known = {e["number"]: e["time"] for e in member.state()["history"]}
    times = {}
    found = []
    for g in firsts(got(receiver, member)):
        pairs = g.pairs()
        if g.number in known and known[g.number] == pairs["time"] and g.number not in times:
            times[g.number] = True
            found.append(g.number)
    return found


def all_arrive(member, after, timeout=60):
    """Every event after that number has come to every target of the member, in order."""
    history = [e for e in member.state()["history"] if e["number"] > after]
    for name, receiver in receivers(member).items():
        wanted = [e["number"] for e in history if not (e["kind"] == "alert" and e["object"] == name)]  # its own trouble
        try:
            wait_until(f"{member.name}: {name} has all events",
                       lambda r=receiver: [n for n in numbers(r, member) if n > after][:len(wanted)] == wanted, timeout, 0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}: wanted {wanted}, has {numbers(receiver, member)}; rows {row(member, name)}") from None


def row(member, name):
    return next(r for r in member.state()["alerts"] if r["name"] == name)


def failover(what="trouble"):
    """The holder gets a problem and is well again; who holds then."""
    old = lab.settled()
    new = lab.other(old)
    old.cli("register", what, "-s", "problem")
    wait_until(f"{new.name} takes over", lambda: new.state()["cluster"]["active_member"] == new.id)
    old.cli("report", what, "ok")
    old.cli("unregister", what)
    return lab.settled(new)


def holds(pid, words):
    """Which of the words are anywhere in what a process has written into its memory. Read piece by piece: each holds it up a little."""
    found, piece = set(), 128 * 1024
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            parts = line.split()
            first, last = (int(n, 16) for n in parts[0].split("-"))
            if "rw" not in parts[1] or last - first > 256 << 20:
                continue
            seam = b""
            for at in range(first, last, piece):
                try:
                    mem.seek(at)
                    data = mem.read(min(piece, last - at))
                except OSError:
                    break
                found.update(w for w in words if w.encode() in seam + data)
                seam = data[-64:]
    return found


def on_time(member):
    """No heartbeat of this run of a member's engine was as late as would make it a dead member for the others; how late at worst."""
    state = member.state()
    worst, dead = state["agent"]["late_worst_seconds"], lab.interval_ms * lab.dead_after / 1000
    assert state["agent"]["lateness"]["count"] > 0, state["agent"]["lateness"]
    assert worst < dead and state["agent"]["pauses"] == 0, (worst, dead, state["agent"])
    _, text, _ = lab.exec(member.name, "curl", "-s", "http://127.0.0.1:8116/metrics")
    buckets = {float(le): float(n) for le, n in re.findall(r'^bellwether_heartbeat_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.M)}
    assert buckets[float("inf")] >= state["agent"]["lateness"]["count"], (buckets, state["agent"]["lateness"])
    return worst
