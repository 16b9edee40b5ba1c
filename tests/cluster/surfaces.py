# SPDX-License-Identifier: GPL-2.0-or-later
"""How a member's surfaces are read, each by its own way: SNMP through the member's snmpd, metrics and JSON over HTTP,
the command line. `same_truth` compares what all of them say.
"""

import http.client
import json
import os
import re
import socket

from base import ROOT, wait_until

STATES = ("initializing", "ready", "standby", "active", "attention", "down", "unreachable")  # bwMemberState 1 …
MIB = os.path.join(ROOT, "mibs/BELLWETHER-MIB.txt")
oids = {}


def oid(name):
    """The number of an object of BELLWETHER-MIB, straight from the module's text."""
    if not oids:
        with open(MIB) as f:
            text = re.sub(r"--[^\n]*", "", re.sub(r'"[^"]*"', '""', f.read()))
        places = {
            m[1]: (m[2], m[3])
            for m in re.finditer(
                r"\b([a-z]\w+)\s+(?:OBJECT-TYPE|OBJECT IDENTIFIER|MODULE-IDENTITY|NOTIFICATION-TYPE)\b"
                r"(?:(?!::=).)*::=\s*\{\s*([\w-]+)\s+([\d ]+?)\s*\}",
                text,
                re.S,
            )
        }
        known = {
            "enterprises": "1.3.6.1.4.1",
            "netSnmpPlaypen": "1.3.6.1.4.1.8072.9999.9999",
            "experimental": "1.3.6.1.3",
            "netSnmp": "1.3.6.1.4.1.8072",
        }

        def resolve(node):
            if node in known:
                return known[node]
            parent, number = places[node]
            return f"{resolve(parent)}.{'.'.join(number.split())}"

        for node in places:
            oids[node] = resolve(node)
    return oids[name]


class Connection(http.client.HTTPConnection):
    """HTTP to an address inside another namespace."""

    def __init__(self, member, timeout=10):
        super().__init__("127.0.0.1", 8116, timeout=timeout)
        self.member = member

    def connect(self):
        self.sock = self.member.lab.socket(self.member.name, socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


class Surfaces:
    def __init__(self, member):
        self.member = member

    # ---- SNMP ----

    def snmp(self, command, *arguments, community="public", check=True, timeout=2, retries=1):
        return self.member.lab.exec(
            self.member.name,
            command,
            "-v2c",
            "-c",
            community,
            "-On",
            "-Oq",
            "-Oe",
            "-t",
            str(timeout),
            "-r",
            str(retries),
            "127.0.0.1",
            *arguments,
            check=check,
            env={"MIBS": "", "SNMPCONFPATH": "/nowhere", "SNMP_PERSISTENT_DIR": self.member.path("snmp.state")},
        )

    def snmpget(self, name, index="0"):
        text = self.snmp("snmpget", f"{oid(name)}.{index}")[1].strip()
        value = value_of(text.split(" ", 1)[1] if " " in text else "")
        if value.startswith("No Such "):
            raise KeyError(f"{name}.{index}: {value}")
        return value

    def snmpset(self, name, index, kind, value, check=True, community="private"):
        return self.snmp("snmpset", f"{oid(name)}.{index}", kind, str(value), community=community, check=check)

    def snmpwalk(self, name):
        """{index: value} of one column, or of one scalar group or table by numbers relative to it."""
        base = "." + oid(name) + "."
        found, last = {}, None
        for line in self.snmp("snmpbulkwalk", oid(name))[1].splitlines():
            if line.startswith(base):
                last, _, value = line[len(base) :].partition(" ")
                found[last] = value
            elif last:
                found[last] += "\n" + line  # a text with a line break
        return {index: value_of(value) for index, value in found.items()}

    # ---- HTTP ----

    def http(self, path, method="GET", headers=None, timeout=10):
        connection = Connection(self.member, timeout)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def json(self, path="/api/v1/state"):
        status, body = self.http(path)
        if status != 200:
            raise OSError(f"{path}: HTTP {status}")
        return json.loads(body)

    def metrics(self):
        """{(name, frozenset of (label, value)): number}"""
        found = {}
        for line in self.http("/metrics")[1].splitlines():
            match = re.match(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$", line)
            if match:
                labels = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or "")
                found[match[1], frozenset(labels)] = float(match[3])
        return found

    def metric(self, name, **labels):
        """The value of the one sample of that name that carries these labels."""
        wanted = set(labels.items())
        values = [v for (n, have), v in self.metrics().items() if n == name and wanted <= have]
        if len(values) != 1:
            raise KeyError(f"{name} {labels}: {len(values)} samples")
        return values[0]

    # ---- one truth ----

    def views(self, about):
        """{surface: (state, reason, newest state change)} of a member."""
        index = str(about.id)
        cli = self.member.state()
        web = self.json()

        def of(state):
            row = next(r for r in state["members"] if r["id"] == about.id)
            change = [e for e in state["history"] if e["kind"] == "state-change" and e["member"] == about.id][-1]
            return row["state"], row["reason"], (str(change["number"]), change["from"], change["to"], change["reason"])

        found = {"JSON by CLI": of(cli), "JSON by HTTP": of(web)}
        metrics = self.metrics()
        states = [
            dict(labels)["state"]
            for (name, labels), value in metrics.items()
            if name == "bellwether_member_state" and value == 1 and dict(labels)["member"] == about.name
        ]
        found["metrics"] = (states[0] if len(states) == 1 else str(states), None, None)
        found["SNMP"] = (
            STATES[int(self.snmpget("bwMemberState", index)) - 1],
            self.snmpget("bwMemberReason", index),
            self.snmp_change(found["JSON by CLI"][2][0]),
        )
        table = " ".join(self.member.cli("state", check=False)[1].split())
        state, reason, change = found["JSON by CLI"]
        row = re.search(rf"\b{about.id} {about.name} {state} .*?{re.escape(reason)}", table)
        found["CLI"] = (state, reason, self.cli_change(change)) if row else (table, None, None)
        return found

    def snmp_change(self, number):
        return (number,) + tuple(self.snmpget("bwHistory" + part, number) for part in ("From", "To", "Reason"))

    def cli_change(self, change):
        """The change if the command line's history tells it, else what that tells of this number."""
        text = self.member.cli("history", check=False)[1]
        entries = re.split(r"^ *(?=\d+ +\d{4}-)", text, flags=re.M)
        entry = next((" ".join(e.split()) for e in entries if e.split(" ")[0] == change[0]), "")
        return change if all(part in entry for part in change) else entry

    def same_truth(self, about, state=None, reason=None, timeout=15):
        """Waits until every surface says the same of a member, and that it is in `state` for a matching reason."""
        seen = {}

        def same():
            seen.clear()
            seen.update(self.views(about))
            first = seen["JSON by CLI"]
            if state and first[0] not in (state if isinstance(state, tuple) else (state,)):
                return False
            if reason and not re.search(reason, first[1], re.I):
                return False
            return all(part in (None, wanted) for view in seen.values() for part, wanted in zip(view, first))

        try:
            wait_until(f"every surface of {self.member.name} says the same of {about.name}", same, timeout, 0.2)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; wanted {state or 'any state'} {reason or ''}; seen "
                + "; ".join(f"{k}: {v}" for k, v in seen.items())
            ) from None
        return seen["JSON by CLI"]


def value_of(text):
    """A value as snmpget -Oq prints it, quotes taken off."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text
