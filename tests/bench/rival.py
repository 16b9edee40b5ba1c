# SPDX-License-Identifier: GPL-2.0-or-later
"""keepalived in the same laboratory: the same networks, the same client, VRRPv3 with an instance on each data network, both
in one sync group, real-time priority as its manual recommends, and no preemption, as with recovery "active-up".
"""

import os
import shutil
import signal
import subprocess

from base import run, wait_until
from lab import INSIDE, OUTSIDE, Lab
from member import Member, children


def keepalived():
    return shutil.which("keepalived")


class RivalMember(Member):
    def configuration(self):
        text = [
            "global_defs {",
            f"  router_id {self.name}",
            "  vrrp_version 3",
            "  vrrp_rt_priority 50",
            "  vrrp_no_swap",
            "}",
            "vrrp_sync_group all {",
            "  group { " + " ".join(n.name for n in self.lab.networks) + " }",
            "}",
        ]
        for number, network in enumerate(self.lab.networks):
            text += [
                f"vrrp_instance {network.name} {{",
                f"  interface {network.name}",
                "  state BACKUP",
                "  nopreempt",
                f"  virtual_router_id {51 + number}",
                f"  priority {110 - 10 * self.id}",
                f"  advert_int {self.lab.interval_ms / 1000:g}",
                f"  virtual_ipaddress {{ {network.virtual[0]} }}",
                "}",
            ]
        return "\n".join(text) + "\n"

    def start(self, *arguments):
        log = open(self.log, "a")
        self.ending = False
        self.daemon = self.lab.spawn(
            self.name, keepalived(), "-n", "-l", "-P", "-f", self.conf, "-p", self.path("pid"), "-r", self.path("vrrp.pid"),
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        log.close()

    def agent_pid(self):
        """The child that speaks VRRP; its parent starts it again when it dies."""
        return wait_until(f"{self.name} has a VRRP process", lambda: children(self.daemon.pid)[0])

    def serves(self):
        return self.holds(self.lab.networks[0].virtual[0].split("/")[0])

    def leave(self):
        """A planned move: keepalived has no command for it, so it is stopped."""
        self.ending = True
        self.daemon.send_signal(signal.SIGTERM)

    def come_back(self):
        try:
            self.daemon.wait(10)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        self.start()


class Rival(Lab):
    def __init__(self, interval_ms, networks=(OUTSIDE, INSIDE)):
        super().__init__(networks=networks, interval_ms=interval_ms, snmp=False, http=False)
        for member in self.members:
            shutil.rmtree(member.dir)
        self.members = [RivalMember(self, m.id) for m in self.members]
        for member in self.members:
            member.write_files()

    def write_key(self):
        pass

    def start(self, settle=True):
        self.hum()
        for member in self.members:
            member.start()

    def settled(self, active=None, timeout=20.0, only=None):
        def one():
            holding = [m for m in self.members if m.serves()]
            return holding[0] if len(holding) == 1 and all(m.daemon.poll() is None for m in self.members) else None

        return wait_until("one member holds the addresses", one, timeout)
