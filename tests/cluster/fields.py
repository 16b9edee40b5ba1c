# SPDX-License-Identifier: GPL-2.0-or-later
"""Every field of the catalogue on every surface of a member: compares SNMP, both metric formats, the JSON of HTTP and
of the command line, the page with all values, and the command line's tables, row by row.

What may change from one snapshot to the next without anything happening (counters, ages) must lie between two readings
of the JSON, one before and one after all others; everything else must be the same in all of them. When those two
differ, something happened meanwhile and all is read again.
"""

import calendar
import copy
import ipaddress
import json
import os
import re
import subprocess
import time
from html.parser import HTMLParser

import snmp_client
import surfaces
from base import run

# Durations that go on by themselves, or are measured again and again.
AGES = {"last_heard_seconds", "round_trip_seconds", "silence_seconds", "age_seconds", "uptime_seconds",
        "late_worst_seconds", "late_p999_seconds"}
# The identity of a row in metrics: (object, label): from its row and the whole state.
LABELS = {
    "members": {"member": lambda r, s: r["name"]},
    "interfaces": {"member": lambda r, s: member_name(s, r["member"]), "interface": lambda r, s: r["name"]},
    "pnotes": {"member": lambda r, s: member_name(s, r["member"]), "pnote": lambda r, s: r["name"]},
    "addresses": {"address": lambda r, s: r["address"], "interface": lambda r, s: r["interface"]},
    "groups": {"group": lambda r, s: r["name"]},
    "group_members": {"group": lambda r, s: next(g["name"] for g in s["groups"] if g["index"] == r["group"]),
                      "member": lambda r, s: member_name(s, r["member"])},
    "failovers": {"cause": lambda r, s: r["cause"]},
    "trap_rules": {"rule": lambda r, s: r["name"]},
    "resources": {"group": lambda r, s: next(g["name"] for g in s["groups"] if g["index"] == r["group"]),
                  "resource": lambda r, s: r["name"], "member": lambda r, s: member_name(s, r["member"])},
    "sync_peers": {"member": lambda r, s: member_name(s, r["member"])},
    "alerts": {"target": lambda r, s: r["name"]},
}
# Which tables the command line has.
TABLES = {"interfaces": ("interfaces",), "pnotes": ("pnotes",), "addresses": ("addresses",),
          "groups": ("groups", "group_members"), "history": ("history",), "resources": ("resources",),
          "alerts": ("alerts",), "sync": ("sync_peers",)}
# Objects whose numbers go up and down with the traffic.
TRAFFIC = ("sync", "sync_peers")


def member_name(state, number):
    return next((m["name"] for m in state["members"] if m["id"] == number), "")


def catalogue(build):
    objects = json.loads(run(os.path.join(build, "tests", "catalogue_dump"))[1])
    for o in objects:
        for f in o["fields"]:
            f["level"] = o["key"] in TRAFFIC and f["type"] in ("gauge", "u64", "ns", "brief")
    return objects


def text_index(text):
    raw = text.encode()
    return (len(raw), *raw)


def address_index(text):
    raw = ipaddress.ip_interface(text).ip.packed
    return (1 if len(raw) == 4 else 2, len(raw), *raw)


# The index of a row in SNMP.
INDEXES = {
    "members": lambda r, f: (r["id"],),
    "interfaces": lambda r, f: (r["member"], r["index"]),
    "pnotes": lambda r, f: (r["member"], *text_index(r["name"])),
    "addresses": lambda r, f: address_index(r["address"]),
    "groups": lambda r, f: (r["index"],),
    "group_members": lambda r, f: (r["group"], r["member"]),
    "failovers": lambda r, f: (f["cause"]["labels"][r["cause"]],),
    "trap_rules": lambda r, f: (r["index"],),
    "resources": lambda r, f: (r["group"], r["index"], r["member"]),
    "sync_peers": lambda r, f: (r["member"],),
    "alerts": lambda r, f: (r["index"],),
    "history": lambda r, f: (r["number"],),
}


def is_moving(field):
    return (field["type"] in ("counter", "histogram", "offset") and field["key"] != "number" or field["key"] in AGES or
            field.get("level", False))


class AllPage(HTMLParser):
    """{object key: [(heading, text) …] of each row}"""

    def __init__(self, text):
        super().__init__()
        self.objects, self.rows, self.headings, self.cell, self.row = {}, None, [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "section" and attrs.get("id", "").startswith("all-"):
            self.rows = self.objects.setdefault(attrs["id"][4:], [])
            self.headings = []
        elif self.rows is not None and tag in ("th", "td", "dt", "dd"):
            self.cell = ""
        elif self.rows is not None and tag in ("tr", "dl"):
            self.row = []

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if self.rows is None:
            return
        if tag in ("th", "dt"):
            self.headings.append(self.cell)
        elif tag in ("td", "dd"):
            self.row.append(self.cell)
        elif tag in ("tr", "dl") and self.row:
            self.rows.append(list(zip(self.headings, self.row)))
        elif tag == "section":
            self.rows = None
        self.cell = None if tag in ("th", "td", "dt", "dd") else self.cell


class Reading:
    """One reading of all surfaces, between two of the JSON."""

    def __init__(self, member, objects, client):
        self.objects = objects
        s = member.surfaces
        began = time.monotonic()
        self.before = s.json()
        self.snmp = client.walk(tuple(int(a) for a in surfaces.oid("bwObjects").split(".")), 25)
        self.metrics = {"metrics": s.http("/metrics")[1],
                        "OpenMetrics": s.http("/metrics", headers={"Accept": "application/openmetrics-text"})[1]}
        self.page = AllPage(s.http("/all")[1]).objects
        self.cli = member.state()
        self.tables = {}
        for command in TABLES:
            arguments = [command, "-n", "1000"] if command == "history" else [command]
            done = subprocess.run([os.path.join(member.lab.build, "bellwether"), "-s", member.control, *arguments],
                                  capture_output=True, text=True, env=dict(os.environ, TZ="UTC", COLUMNS="400"))
            self.tables[command] = done.stdout
        self.after = s.json()
        self.took = time.monotonic() - began
        self.findings = []
        self.compared = 0
        # Then levels may have been anything meanwhile. Lags are of the last minute: they change without traffic, too.
        self.traffic = any(self.before["sync"][k] != self.after["sync"][k]
                           for k in ("generated", "sent", "received", "acks_sent", "acks_received", "lag_p99_seconds"))

    def rows(self, state, o):
        rows = state[o["part_of"]][o["part_key"]] if o["part_of"] else state[o["key"]]
        return rows if o["table"] else [rows]

    def still(self, state):
        """What must not change."""
        state = copy.deepcopy(state)
        for o in self.objects:
            moving = {f["key"] for f in o["fields"] if is_moving(f)}
            for row in self.rows(state, o):
                for key in moving & set(row):
                    row[key] = None
        for verdict in state["sync"]["verdicts"]:
            verdict["value"] = verdict["shown"] = None
        return state

    def is_of_one_moment(self):
        return self.still(self.before) == self.still(self.after) and self.still(self.cli) == self.still(self.before)

    # ---- one value ----

    def same(self, where, field, got, first, last, unit=0.0):
        """got, a number in the JSON's unit, against both readings; unit: what its notation may have cut off."""
        self.compared += 1
        if field["type"] == "offset":  # measured anew with each heartbeat
            good = min(first, last) - unit - 0.1 <= got <= max(first, last) + unit + 0.1
        elif field["key"] in AGES:
            good = -unit <= got <= max(first, last) + self.took + 0.2
        elif field.get("level"):
            # The JSON rounds durations to microseconds.
            good = got >= 0 and (self.traffic or first != last or abs(got - first) <= unit + 1e-9)
        elif is_moving(field):
            good = first <= got <= last
        else:
            good = first - unit <= got <= first + 1e-9
        if not good:
            self.findings.append(f"{where}: {got}, not {first}" + (f" to {last}" if first != last else ""))

    def equal(self, where, got, wanted):
        self.compared += 1
        if got != wanted:
            self.findings.append(f"{where}: {got!r}, not {wanted!r}")

    # ---- SNMP ----

    def snmp_value(self, where, field, oid, first, last):
        kind, got = self.snmp.pop(oid, (None, None))
        types = {"counter": snmp_client.COUNTER64, "u64": snmp_client.COUNTER64, "bool": snmp_client.INTEGER,
                 "enum": snmp_client.INTEGER, "text": snmp_client.STRING, "wall": snmp_client.STRING,
                 "digest": snmp_client.STRING, "offset": snmp_client.INTEGER}
        if kind != types.get(field["type"], snmp_client.GAUGE):
            self.findings.append(f"{where}: {'not there' if kind is None else f'type {kind:#x}'}")
        elif field["type"] == "bool":
            self.equal(where, got, 1 if first else 2)
        elif field["type"] == "enum":
            self.equal(where, got, field["labels"][first])
        elif field["type"] in ("text", "digest"):
            self.equal(where, got.decode("utf-8", "replace"), first)
        elif field["type"] == "wall":
            self.equal(where, date_text(got), first[:21])  # tenths of a second
        elif field["type"] == "offset":
            self.same(where, field, got / 1e3, first, last, 1e-3)
        elif field["type"] in ("ns", "brief"):
            unit = 1e3 if field["type"] == "ns" else 1e6
            self.same(where, field, got / unit, first, last, 1 / unit + 1e-9)
        else:
            self.same(where, field, got, first, last)

    def compare_snmp(self):
        root = tuple(int(a) for a in surfaces.oid("bwObjects").split("."))
        for o in self.objects:
            by_key = {f["key"]: f for f in o["fields"]}
            for row, later in zip(self.rows(self.before, o), self.rows(self.after, o)):
                index = INDEXES[o["key"]](row, by_key) if o["table"] else (0,)
                for f in o["fields"]:
                    if f["mib"] is None or f["access"] not in ("read", "write"):
                        continue
                    oid = root + (o["arc"],) + ((1,) if o["table"] else ()) + (f["column"],) + index
                    where = f"SNMP {f['mib']}.{'.'.join(map(str, index))}"
                    first, last = row[f["key"]], later[f["key"]]
                    if f["type"] == "address":
                        raw = ipaddress.ip_address(first).packed if first else b""
                        at = len(oid) - len(index) - 1
                        kind = {0: 0, 4: 1, 16: 2}[len(raw)]
                        self.equal(where + " type", self.snmp.pop(oid, (None, None))[1], kind)
                        oid = oid[:at] + (oid[at] + 1,) + index
                        self.equal(where, self.snmp.pop(oid, (None, None))[1], raw)
                    elif f["type"] == "prefix":
                        self.equal(where, self.snmp.pop(oid, (None, None))[1], int(first.split("/")[1]))
                    else:
                        self.snmp_value(where, f, oid, first, last)
        control = root + (12,)
        rest = [oid for oid in self.snmp if oid[:len(control)] != control]
        self.findings += [f"SNMP: {'.'.join(map(str, oid))} is in no other surface" for oid in rest]

    # ---- metrics ----

    def wanted_metrics(self):
        """{(name, labels): (field, first, last)}"""
        wanted = {}
        for o in self.objects:
            for row, later in zip(self.rows(self.before, o), self.rows(self.after, o)):
                labels = {k: f(row, self.before) for k, f in LABELS.get(o["key"], {}).items()}
                for f in o["fields"]:
                    if f["metric"] is None:
                        continue
                    first, last = row[f["key"]], later[f["key"]]
                    own = dict(labels, **({f["extra_name"]: f["extra_value"]} if f["extra_name"] else {}))
                    if f["metric_kind"] == "histogram":
                        self.want_histogram(wanted, f, labels, first, last)
                        continue
                    if f["metric_kind"] == "stateset":
                        values = [({f["stateset_label"]: label}, label == first) for label in f["labels"]]
                    elif f["metric_kind"] == "memberset":
                        values = [({f["stateset_label"]: m["name"]}, m["id"] == first) for m in self.before["members"]]
                    elif f["metric_kind"] == "is":
                        values = [({}, f["labels"][first] == 1)]
                    else:
                        values = [({}, None)]
                    for extra, truth in values:
                        key = f["metric"], frozenset({**own, **extra}.items())
                        if key in wanted:
                            self.findings.append(f"{key}: twice in the catalogue")
                        wanted[key] = (f, first, last) if truth is None else (dict(f, type="bool", key=""), truth, truth)
        return wanted

    def want_histogram(self, wanted, f, labels, first, last):
        """Its buckets, of which the JSON does not name the last, its sum and its count."""
        count = dict(f, type="counter")
        for a, b in zip(first["buckets"], last["buckets"]):
            wanted[f["metric"] + "_bucket", frozenset({**labels, "le": repr(a["at_most_seconds"])}.items())] = (
                count, a["count"], b["count"])
        wanted[f["metric"] + "_bucket", frozenset({**labels, "le": "+Inf"}.items())] = count, first["count"], last["count"]
        wanted[f["metric"] + "_count", frozenset(labels.items())] = count, first["count"], last["count"]
        wanted[f["metric"] + "_sum", frozenset(labels.items())] = (
            count, first["sum_seconds"] - 1e-6, last["sum_seconds"] + 1e-6)

    def compare_metrics(self, what, text):
        have = {}
        for line in text.splitlines():
            match = re.match(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$", line)
            if match:
                labels = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or "")
                labels = frozenset((k, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)) for k, v in labels)
                if (match[1], labels) in have:
                    self.findings.append(f"{what} {match[1]}: twice")
                have[match[1], labels] = float(match[3])
        for key, (f, first, last) in self.wanted_metrics().items():
            where = f"{what} {key[0]}{dict(key[1])}"
            if key not in have:
                self.findings.append(f"{where}: not there")
            elif f["type"] == "wall":
                seconds = epoch(first) if first else 0
                self.equal(where, round(have.pop(key), 3), round(seconds, 3))
            elif f["type"] in ("ns", "brief"):
                self.same(where, f, have.pop(key), first, last, 1e-6)
            else:
                self.same(where, f, have.pop(key), first, last)
        rest = [n for n, _ in have if n not in ("bellwether_info", "bellwether_build_info",
                                                "bellwether_snapshot_age_seconds")]
        self.findings += [f"{what}: {n} is in no other surface" for n in rest]

    # ---- the page ----

    def compare_page(self):
        for o in self.objects:
            rows = self.rows(self.before, o)
            have = self.page.get(o["key"], [])
            self.equal(f"page {o['key']}: rows", len(have), len(rows))
            for row, later, cells in zip(rows, self.rows(self.after, o), have):
                cells = dict(cells)
                single = [f for f in o["fields"] if f["type"] != "histogram"]
                self.equal(f"page {o['key']}: columns", set(cells), {f["key"].replace("_", " ") for f in single})
                for f in single:
                    where = f"page {o['key']} {f['key']}"
                    first, last, got = row[f["key"]], later[f["key"]], cells.get(f["key"].replace("_", " "), "")
                    if isinstance(first, bool):
                        self.equal(where, got, "yes" if first else "no")
                    elif isinstance(first, (int, float)):
                        self.same(where, f, float(got), first, last)
                    else:
                        self.equal(where, got, first)

    # ---- the command line's tables ----

    def shown(self, field, value):
        """A cell, as a pattern."""
        if field["key"] in AGES or field["type"] in ("ns", "brief") or is_moving(field):
            return r"\S+(?: \S+)?"
        if field["type"] == "bool":
            value = "yes" if value else "no"
        elif field["type"] == "member":
            value = member_name(self.before, value) or "none"
        elif field["key"] == "group" and isinstance(value, int):
            value = next((g["name"] for g in self.before["groups"] if g["index"] == value), value)
        elif field["type"] == "wall":
            value = value[:19].replace("T", " ")
        return re.escape(re.sub(r"[\x00-\x1f]", " ", str(value)) or "-")

    def compare_tables(self):
        for command, keys in TABLES.items():
            lines = self.tables[command].splitlines()
            for o in (next(o for o in self.objects if o["key"] == k) for k in keys):
                for row in self.rows(self.before, o):
                    narrow = [f for f in o["fields"] if f["heading"] and not (f["type"] == "text" and f["size"] >= 160)]
                    pattern = r"^\W*" + r"\s+".join(self.shown(f, row[f["key"]]) for f in narrow) + r"(\s|$)"
                    self.compared += 1
                    if not any(re.match(pattern, line) for line in lines):
                        self.findings.append(f"bellwether {command}: no line like {pattern}")
                    words = " ".join(self.tables[command].split())
                    for f in o["fields"]:
                        text = row[f["key"]]
                        if f["heading"] and f["type"] == "text" and f["size"] >= 160 and text:
                            if " ".join(re.sub(r"[\x00-\x1f]", " ", text).split()) not in words:
                                self.findings.append(f"bellwether {command}: {text!r} is not shown")

    def compare(self):
        """The differences, as sentences."""
        self.compare_snmp()
        for what, text in self.metrics.items():
            self.compare_metrics(what, text)
        self.compare_page()
        self.compare_tables()
        return self.findings


def epoch(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + int(text[20:23]) / 1000


def date_text(raw):
    """DateAndTime in UTC as the JSON's text, to tenths of a second; "" for never."""
    if raw == bytes(8):
        return ""
    if len(raw) != 11 or raw[8:] != b"+\0\0":
        return f"no DateAndTime in UTC: {raw!r}"
    return f"{raw[0] * 256 + raw[1]:04}-{raw[2]:02}-{raw[3]:02}T{raw[4]:02}:{raw[5]:02}:{raw[6]:02}.{raw[7]}"


def compare(member, objects, client, timeout=20):
    """Reads until a reading is of one moment, and compares it. Returns (findings, values compared, readings)."""
    end, readings = time.monotonic() + timeout, 0
    while True:
        reading = Reading(member, objects, client)
        readings += 1
        if reading.is_of_one_moment():
            return reading.compare(), reading.compared, readings
        if time.monotonic() > end:
            raise AssertionError(f"{member.name}: no two readings of the JSON agree within {timeout} s")
