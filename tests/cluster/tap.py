# SPDX-License-Identifier: GPL-2.0-or-later
"""Test scripts of the laboratory: functions marked @test run in order, one TAP line each.

Arguments of a script select its tests by substring. A failure shows the last lines of every open laboratory's logs and
closes them: a test that shares one asks `lab.closed` and makes another. Laboratories are made with `open_lab` and end
with `retire`, at the latest after the last test: every daemon that still runs must end in order, and no log may hold a
sanitizer's finding; that is each script's last test.
"""

import subprocess
import sys
import time
import traceback

from lab import Lab

tests = []
labs = []  # open ones
findings = []  # what was wrong with those that are closed


def test(what):
    def add(function):
        tests.append((what, function))
        return function

    return add


def open_lab(interval_ms=250, **options):
    """Heartbeats are slower than a daemon's default: a machine that stands still for half a second is no dead member."""
    lab = Lab(interval_ms=interval_ms, **options)
    labs.append(lab)
    return lab


def retire(lab):
    """Ends a laboratory's daemons in order, notes what was wrong with them, removes it."""
    for member in lab.members:
        if member.died():
            findings.append(f"{member.name} had ended by itself with status {member.daemon.returncode}")
            findings.extend("  " + line for line in member.log_lines()[-15:])
        elif member.daemon and member.daemon.poll() is None:
            try:
                member.resume()
                status = member.terminate(20)
                if status != 0:
                    findings.append(f"{member.name} ended with status {status}")
                    findings.extend("  " + line for line in member.log_lines()[-15:])
            except subprocess.TimeoutExpired:
                findings.append(f"{member.name} did not end within 20 s of TERM")
    discard(lab)


def discard(lab):
    """Removes a laboratory without asking its daemons."""
    findings.extend(lab.faults())
    lab.close()
    labs.remove(lab)


def ended_well():
    for lab in list(labs):
        retire(lab)
    assert not findings, "\n".join(findings[:60])


def diagnose(text):
    for line in text.rstrip().splitlines():
        print("#   " + line)


def show_logs(lines=12):
    for lab in labs:
        for member in lab.members:
            print(f"#   -- {member.name}, the last of its log:")
            diagnose("\n".join(member.log_lines()[-lines:]))


def main():
    chosen = [(w, f) for w, f in tests if len(sys.argv) < 2 or any(a in w for a in sys.argv[1:])]
    chosen.append(("every daemon ended in order, no sanitizer found anything", ended_well))
    failed = 0
    print(f"1..{len(chosen)}")
    for number, (what, function) in enumerate(chosen, 1):
        started = time.monotonic()
        try:
            skipped = function()
            took = time.monotonic() - started
            print(f"ok {number} - {what}" + (f" # SKIP {skipped}" if skipped else f" # {took:.1f} s"), flush=True)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the other tests still run
            failed += 1
            print(f"not ok {number} - {what}")
            if isinstance(error, AssertionError):
                place = traceback.extract_tb(error.__traceback__)
                diagnose(str(error))
                diagnose("at " + ", ".join(f"{f.name}:{f.lineno}" for f in place[1:]))
            else:
                diagnose(traceback.format_exc())
            show_logs()
            sys.stdout.flush()
            # The next test begins with a new laboratory rather than with what this one left broken.
            for lab in list(labs):
                discard(lab)
    sys.exit(1 if failed else 0)
