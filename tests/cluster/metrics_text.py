#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a /metrics text for what promtool and Prometheus let pass: `metrics_text.py [FILE…]` (else standard input).

Each family's HELP and TYPE once and before its samples, families in one piece, no series twice, labels well-formed, counters
named _total and whole numbers, state sets complete with exactly one 1, member sets complete with at most one 1, the contract's
families there. Several files must have their series in the same order. Exit 0 without findings, 1 with.
"""

import math
import re
import sys

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

# Labels that make a family a state set.
STATE_LABELS = ("state", "status", "view")
# Every state of a set, where the contract names them.
SETS = {
    "bellwether_member_state": "initializing ready standby active attention down unreachable",
    "bellwether_pnote_status": "ok init problem unknown",
    "bellwether_member_admin_state": "up down maintenance",
}
# Families with one sample per member, at most one of them 1.
MEMBER_SETS = ("bellwether_address_held", "bellwether_group_held")
REQUIRED = """bellwether_info bellwether_member_state bellwether_member_problem bellwether_member_interfaces_up
    bellwether_member_interfaces_required bellwether_interface_up bellwether_pnote_status bellwether_failovers_total
    bellwether_takeover_possible bellwether_member_admin_state bellwether_heartbeats_sent_total
    bellwether_heartbeats_received_total bellwether_heartbeats_missed_total bellwether_snapshot_age_seconds
    bellwether_build_info""".split()
# Labels that the contract names.
LABELS = {
    "bellwether_info": "version cluster cluster_id mode member",
    "bellwether_member_state": "member state",
    "bellwether_member_problem": "member",
    "bellwether_member_admin_state": "member state",
    "bellwether_interface_up": "member interface direction",
    "bellwether_pnote_status": "member pnote status",
    "bellwether_address_held": "address interface member",
    "bellwether_failovers_total": "cause",
    "bellwether_heartbeats_sent_total": "member",
}


class Family:
    def __init__(self, name):
        self.name, self.type, self.help, self.samples = name, None, None, []  # samples: (labels as a dict, value)


class Text:
    """A parsed text: families by name, series in order, findings."""

    def __init__(self, data):
        self.families, self.order, self.findings = {}, [], []
        self._open = None
        try:
            text = data.decode("utf-8") if isinstance(data, bytes) else data
        except UnicodeDecodeError as error:
            self.findings.append(f"not UTF-8: {error}")
            text = data.decode("utf-8", "replace")
        if not text.endswith("\n"):
            self.findings.append("the last line has no end")
        if "\r" in text:
            self.findings.append("a carriage return")
        for number, line in enumerate(text.split("\n")[:-1], 1):
            try:
                self._line(line)
            except ValueError as error:
                self.findings.append(f"line {number}: {error}: {line[:120]}")

    def value(self, name, **labels):
        """The one sample of a family that has these labels."""
        found = [v for have, v in self.families[name].samples if all(have.get(k) == w for k, w in labels.items())]
        if len(found) != 1:
            raise KeyError(f"{name}{labels}: {len(found)} samples")
        return found[0]

    def _line(self, line):
        if line.startswith("# "):
            words = line.split(" ", 3)
            if len(words) < 4 or words[1] not in ("HELP", "TYPE"):
                raise ValueError("neither HELP nor TYPE")
            self._metadata(words[1], words[2], words[3])
        elif not line:
            raise ValueError("an empty line")
        else:
            self._sample(line)

    def _metadata(self, kind, name, rest):
        family = self.families.get(name)
        if family is None:
            family = self.families[name] = self._open = Family(name)
        elif family is not self._open or family.samples:
            raise ValueError("family begun again")
        if kind == "HELP":
            if family.help is not None:
                raise ValueError("HELP twice")
            family.help = rest
        else:
            if family.type is not None:
                raise ValueError("TYPE twice")
            if rest not in ("gauge", "counter", "histogram"):
                raise ValueError("type unknown in this format")
            family.type = rest

    def _sample(self, line):
        match = NAME.match(line)
        if not match:
            raise ValueError("no name")
        name, at, labels = match.group(), match.end(), {}
        if line[at:at + 1] == "{":
            at += 1
            while True:
                label = LABEL.match(line, at)
                if not label:
                    raise ValueError("malformed labels")
                if label.group(1) in labels:
                    raise ValueError("label twice")
                labels[label.group(1)] = re.sub(r"\\.", lambda m: ESCAPES[m.group()], label.group(2))
                at = label.end()
                if line[at:at + 1] == ",":
                    at += 1
                elif line[at:at + 2] == "} ":
                    at += 1
                    break
                else:
                    raise ValueError("malformed end of labels")
        if not re.fullmatch(r" -?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?| [+-]Inf| NaN", line[at:]):
            raise ValueError("malformed value, or a timestamp")
        family = self.families.get(name)
        if family is None and (part := re.fullmatch(r"(.*)_(bucket|sum|count)", name)):
            family = self.families.get(part[1])
            if family is not None and family.type != "histogram":
                raise ValueError("part of a histogram that is none")
            labels[""] = part[2]  # which part, for check_histogram
        if family is None or family.type is None or family.help is None:
            raise ValueError("sample before HELP and TYPE")
        if family is not self._open:
            raise ValueError("family in two pieces")
        family.samples.append((labels, float(line[at:])))
        self.order.append((name, tuple((k, v) for k, v in labels.items() if k)))


def groups_of(family, label):
    """Samples by their labels other than `label`: {others: {value of label: sample}}."""
    groups = {}
    for labels, value in family.samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != label))
        groups.setdefault(key, {})[labels.get(label)] = value
    return groups


def check_set(family, label, complete, exactly):
    findings = []
    groups = groups_of(family, label)
    union = {state for group in groups.values() for state in group}
    for key, group in groups.items():
        where = f"{family.name}{dict(key)}"
        missing = (union | set(complete)) - set(group)
        if missing:
            findings.append(f"{where}: without {', '.join(sorted(map(str, missing)))}")
        if any(v not in (0, 1) for v in group.values()):
            findings.append(f"{where}: neither 0 nor 1")
        ones = sum(v == 1 for v in group.values())
        if ones > 1 or (exactly and ones != 1):
            findings.append(f"{where}: {ones} of them are 1")
    return findings


def check_histogram(family):
    """Per series: buckets in rising order that never go down, the last one of +Inf and as large as the count, a sum."""
    series, findings = {}, []
    for labels, value in family.samples:
        key = tuple((k, v) for k, v in labels.items() if k not in ("", "le"))
        parts = series.setdefault(key, {"bucket": [], "sum": [], "count": []})
        parts[labels.get("", "none")].append((labels.get("le"), value))
    for key, parts in series.items():
        where = f"{family.name}{dict(key)}"
        bounds = [float(le) for le, _ in parts["bucket"]]
        counts = [value for _, value in parts["bucket"]]
        if len(parts["sum"]) != 1 or len(parts["count"]) != 1:
            findings.append(f"{where}: without one sum and one count")
        elif not bounds or bounds[-1] != math.inf or sorted(set(bounds)) != bounds:
            findings.append(f"{where}: bounds {bounds}")
        elif sorted(counts) != counts or counts[-1] != parts["count"][0][1]:
            findings.append(f"{where}: buckets {counts}, count {parts['count'][0][1]}")
    return findings


def check_family(family, members):
    if family.type == "histogram":
        return check_histogram(family)
    findings = []
    name = family.name
    if family.type is None or family.help is None:
        findings.append(f"{name}: without TYPE or HELP")
    if not family.samples and name in REQUIRED:  # tables of the others may be empty
        findings.append(f"{name}: without a sample")
    if (family.type == "counter") != name.endswith("_total"):
        findings.append(f"{name}: a {family.type} of that name")
    if re.search(r"_(ms|milliseconds|us|ns|minutes|percent|bits|kb|mb)(_|$)", name):
        findings.append(f"{name}: not in a base unit")
    for labels, value in family.samples:
        if name in LABELS and set(labels) != set(LABELS[name].split()):
            findings.append(f"{name}: labels {sorted(labels)}")
        if family.type == "counter" and (value < 0 or value != math.floor(value)):
            findings.append(f"{name}{labels}: a counter of {value}")
        if name.endswith("_info") and value != 1:
            findings.append(f"{name}: not 1")
    label = next((k for k in STATE_LABELS if family.samples and k in family.samples[0][0]), None)
    if label:
        findings += check_set(family, label, SETS.get(name, "").split(), True)
    elif name in MEMBER_SETS:
        findings += check_set(family, "member", members, False)
    return findings


def check(data, required=REQUIRED):
    """The findings about one text, a list of sentences, and the text parsed."""
    text = Text(data)
    findings = list(text.findings)
    seen = set()
    for name, labels in text.order:
        key = (name, frozenset(labels))
        if key in seen:
            findings.append(f"{name}{dict(labels)}: twice")
        seen.add(key)
    findings += [f"{name}: not there" for name in required if name not in text.families]
    state = text.families.get("bellwether_member_state")
    members = {labels.get("member") for labels, _ in state.samples} if state else set()
    for family in text.families.values():
        findings += check_family(family, members)
    return findings, text


def main():
    texts, findings = [], []
    for path in sys.argv[1:] or ["-"]:
        with (sys.stdin.buffer if path == "-" else open(path, "rb")) as source:
            found, text = check(source.read())
        findings += [f"{path}: {f}" for f in found]
        texts.append(text)
    for path, text in zip(sys.argv[2:], texts[1:]):
        if text.order != texts[0].order:
            findings.append(f"{path}: other series, or another order, than {sys.argv[1]}")
    print("\n".join(findings) or f"{sum(len(t.order) for t in texts)} series: nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
