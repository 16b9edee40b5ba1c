# SPDX-License-Identifier: GPL-2.0-or-later
"""What every part of the laboratory needs: where the project is, running a command, waiting for something to become
true.
"""

import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # a plain su leaves them out


def build_dir():
    """BW_BUILD, else the newest of the builds at hand."""
    chosen = os.environ.get("BW_BUILD")
    names = [chosen] if chosen else ["build", "build/san-address-undefined"]
    found = [d for d in (os.path.join(ROOT, n) for n in names) if os.path.exists(os.path.join(d, "bellwetherd"))]
    if not found:
        sys.exit(f"no bellwetherd in {' or '.join(names)}: run make first, or set BW_BUILD")
    return max(found, key=lambda d: os.path.getmtime(os.path.join(d, "bellwetherd")))


def run(*command, check=True, stdin=None, timeout=60, env=None):
    """A command to its end: (exit code, stdout, stderr). With check, a failure raises with what it said."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        errors="replace",
        env=dict(os.environ, **env) if env else None,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {(done.stderr + done.stdout).strip()}")
    return done.returncode, done.stdout, done.stderr


def wait_until(what, claim, timeout=15.0, interval=0.05):
    """Calls claim() until it is true and returns its value; raises AssertionError with `what` when it never was."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = claim()
            if value:
                return value
            last = None
        except (OSError, ValueError, KeyError, IndexError, StopIteration, RuntimeError) as error:
            last = error
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout:g} s: {what}" + (f" ({last!r})" if last else ""))
        time.sleep(interval)
