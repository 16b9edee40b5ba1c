# SPDX-License-Identifier: GPL-2.0-or-later
"""One member of a laboratory cluster: its files, its processes and how to hurt them."""

import json
import os
import signal
import subprocess
import time

import surfaces
from base import run, wait_until


class Member:
    def __init__(self, lab, number):
        self.lab, self.id = lab, number
        self.name = f"fw{number}"
        self.dir = os.path.join(lab.dir, self.name)
        os.makedirs(self.dir)
        self.conf = self.path("bellwether.conf")
        self.control = self.path("control.sock")
        self.agentx = self.path("agentx.sock")
        self.log = self.path("log")
        self.daemon = self.snmpd = None
        self.ending = False  # the daemon's end is wanted
        self.macs = {}
        self.program = os.path.join(lab.build, "bellwetherd")  # another one for rolling upgrades
        self.surfaces = surfaces.Surfaces(self)

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- files ----

    def configuration(self):
        lab = self.lab
        interfaces = []
        for n in lab.networks:
            settings = f'name = "{n.name}"; role = "{n.role}";'
            if n.virtual:
                settings += " virtual = [ " + ", ".join(f'"{v}"' for v in n.virtual) + " ];"
            if n.name in lab.interface_extra:
                settings += " " + lab.interface_extra[n.name]
            interfaces.append(f"    {{ {settings} }}")
        sync = next((n for n in lab.networks if n.role == "sync"), lab.networks[0])
        members = [f'    {{ id = {m.id}; name = "{m.name}"; address = "{sync.prefix}.{m.id}"; }}' for m in lab.members]
        local = "" if sync.addressed else f'  local = "{self.name}";\n'
        auth = f'key_file = "{lab.key}"' if lab.auth else 'auth = "none"'
        newline = ",\n"
        return f"""cluster = {{
  id = 17;
  name = "edge";
  mode = "ha";
  recovery = "active-up";
  {auth};
{local}  members = (
{newline.join(members)}
  );
  interfaces = (
{newline.join(interfaces)}
  );
  heartbeat = {{ interval_ms = {lab.interval_ms}; dead_after = {lab.dead_after}; }};
{lab.cluster_extra}}};
snmp = {{ agentx = "{self.agentx}"; writable = true; enabled = {"true" if lab.snmp else "false"}; }};
http = {{ listen = "127.0.0.1:8116"; enabled = {"true" if lab.http else "false"}; }};
control = {{ socket = "{self.control}"; }};
state_dir = "{self.path('state')}";
"""

    def snmpd_configuration(self):
        return f"""master agentx
agentXSocket {self.agentx}
agentXPerms 0660 0550
agentXTimeout 1
agentXRetries 1
rocommunity public
rwcommunity private
createUser admin SHA bellwether-auth AES bellwether-priv
rwuser admin priv
"""

    def write_files(self, configuration=None):
        os.makedirs(self.path("state"), exist_ok=True)
        with open(self.conf, "w") as f:
            f.write(configuration or self.configuration())
        with open(self.path("snmpd.conf"), "w") as f:
            f.write(self.snmpd_configuration())

    # ---- processes ----

    def start(self, *arguments):
        """Starts the daemon (keeper and agent), its log going to a file."""
        log = open(self.log, "a")
        self.ending = False
        environment = dict(os.environ)
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.daemon = self.lab.spawn(
            self.name,
            self.program,
            "-c",
            self.conf,
            "-f",
            *arguments,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        log.close()

    def start_snmpd(self):
        if not self.lab.snmp:
            return
        log = open(self.path("snmpd.log"), "a")
        environment = dict(os.environ, SNMP_PERSISTENT_DIR=self.path("snmpd.state"), MIBS="", SNMPCONFPATH=self.dir)
        self.snmpd = self.lab.spawn(
            self.name,
            "snmpd",
            "-f",
            "-C",
            "-c",
            self.path("snmpd.conf"),
            "-Le",
            "-I",
            "-smux,mteTrigger,mteTriggerConf",
            "udp:161",
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        log.close()

    def agent_pid(self):
        """The agent: the keeper's child that has threads (the other child runs commands)."""
        return wait_until(
            f"{self.name} has an agent",
            lambda: next(pid for pid in children(self.daemon.pid) if len(os.listdir(f"/proc/{pid}/task")) > 1),
        )

    def pids(self):
        """Keeper, agent and helper."""
        found, queue = [], [self.daemon.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children(pid)
        return found

    def kill_agent(self, number=signal.SIGKILL):
        pid = self.agent_pid()
        os.kill(pid, number)
        return pid

    def signal_all(self, number):
        """To keeper, agent and helper at once; the keeper last but not much later."""
        pids = self.pids()
        for pid in pids[1:] + pids[:1]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self):
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        self.signal_all(signal.SIGCONT)

    def kill(self):
        """Everything of the daemon dies at once: nobody cleans up and nobody says farewell."""
        pids = self.pids()
        self.ending = True
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        self.daemon.wait(10)

    def kill_keeper(self):
        self.ending = True
        self.daemon.kill()
        self.daemon.wait(5)

    def died(self):
        """Has the daemon ended although nobody wanted it to?"""
        return self.daemon is not None and not self.ending and self.daemon.poll() is not None

    def terminate(self, timeout=10):
        """An orderly end; the exit status."""
        self.ending = True
        self.daemon.terminate()
        return self.daemon.wait(timeout)

    def log_lines(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    # ---- what it is like ----

    def mac(self, network):
        if network not in self.macs:
            _, text, _ = self.lab.exec(self.name, "cat", f"/sys/class/net/{network}/address")
            self.macs[network] = text.strip()
        return self.macs[network]

    def kernel_addresses(self, network=None):
        """Every address in this member's kernel, as "address/prefix"."""
        _, text, _ = run(
            "ip", "-n", self.lab.ns(self.name), "-j", "addr", "show", *(["dev", network] if network else [])
        )
        return {
            f"{a['local']}/{a['prefixlen']}"
            for link in json.loads(text)
            for a in link.get("addr_info", [])
            if "local" in a
        }

    def holds(self, address="192.168.10.100"):
        return any(a.split("/")[0] == address for a in self.kernel_addresses())

    def cli(self, *arguments, check=True):
        return run(os.path.join(self.lab.build, "bellwether"), "-s", self.control, *arguments, check=check)

    def state(self):
        """The whole state, by the command line's -j."""
        status, text, said = self.cli("-j", "state", check=False)
        if not text:
            raise RuntimeError(f"{self.name}: exit {status}: {said.strip()}")
        return json.loads(text)

    def row(self, of=None):
        """A member's row (default its own) as this member sees it."""
        return next(r for r in self.state()["members"] if r["id"] == (of or self).id)

    def events(self, kind=None, after=0):
        return [e for e in self.state()["history"] if e["number"] > after and kind in (None, e["kind"])]

    def last_event(self):
        return max((e["number"] for e in self.state()["history"]), default=0)

    def brief(self):
        try:
            state = self.state()
            return f"{self.name} sees active {state['cluster']['active_member']}, " + ", ".join(
                f"{r['name']} {r['state']} ({r['reason']})" for r in state["members"]
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            return f"{self.name}: no state ({error})"


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except FileNotFoundError:
        return []
