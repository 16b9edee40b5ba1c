# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory: a cluster of real daemons in network namespaces, one per member, joined by bridges.

    with Lab() as lab:                      # two members, three networks, the contract's smallest configuration
        lab.start()                         # snmpd and bellwetherd on each; returns when the cluster has settled
        lab.members[0].kill_agent()
        with lab.watch_arp() as answers:    # packets: who answers for the virtual address, 1,000 requests a second
            ...

Networks: eth0 outside 192.168.10.0/24, eth1 inside 10.10.0.0/24, eth2 sync 10.0.10.0/24; member N has .N on each.
Hosts: `client` (192.168.10.200, on the outside) and `server` (10.10.0.200, on the inside), which reach each other
through the virtual addresses. Every name carries the process id, so runs don't meet; everything is removed at the end,
also after a failure or a signal, and what a killed run left behind is removed by the next one. Needs root, iproute2,
nftables; snmpd when asked for.
"""

import atexit
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from base import build_dir, run, wait_until
from member import Member
from watch import ArpWatch, PingWatch

NAME = re.compile(r"^bwlab(\d+)n\d+-")
libc = ctypes.CDLL(None, use_errno=True)
serial = 0


class Network:
    """One network: a bridge that every member has an interface on."""

    def __init__(self, name, role, prefix, virtual=(), hosts=(), addressed=True, prefix6=None):
        self.name, self.role, self.prefix, self.prefix6, self.virtual = name, role, prefix, prefix6, tuple(virtual)
        self.hosts = tuple(hosts)  # namespaces without a daemon that are on it, at .200
        self.addressed = addressed  # False: the members' interfaces have no address of their own


OUTSIDE = Network("eth0", "cluster", "192.168.10", ("192.168.10.100/24",), ("client",))
INSIDE = Network("eth1", "cluster", "10.10.0", ("10.10.0.100/24",), ("server",))
SYNC = Network("eth2", "sync", "10.0.10")
NETWORKS = (OUTSIDE, INSIDE, SYNC)


class Lab:
    def __init__(
        self,
        members=2,
        networks=NETWORKS,
        interval_ms=100,
        dead_after=3,
        snmp=True,
        http=True,
        cluster="",
        interfaces=None,
        auth=True,
        build=None,
        name=None,
        directory=None,
    ):
        """cluster: more lines for the configuration's cluster group. interfaces: {network name: more settings}.
        name, directory: in place of those that carry the process id, for a laboratory that outlives this process."""
        global serial
        serial += 1
        sweep()
        self.id = name or f"bwlab{os.getpid()}n{serial}"
        self.build = build or build_dir()
        self.networks, self.interval_ms, self.dead_after = networks, interval_ms, dead_after
        self.snmp, self.http, self.auth, self.cluster_extra = snmp, http, auth, cluster
        self.interface_extra = interfaces or {}
        self.processes = []  # every process that we started and may have to end
        self.namespaces = []
        self.closed = False
        self.dir = directory or tempfile.mkdtemp(prefix="bwlab-")
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        self.key = os.path.join(self.dir, "cluster.key")
        self.members = [Member(self, i + 1) for i in range(members)]
        self.host_names = sorted({h for n in networks for h in n.hosts})
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _frame: sys.exit(128 + n))
        try:
            self.build_networks()
            self.write_key()
            for member in self.members:
                member.write_files()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    # ---- networks ----

    def ns(self, name):
        return f"{self.id}-{name}"

    def exec(self, name, *command, **options):
        """Runs a command in the namespace of a host or member."""
        return run("ip", "netns", "exec", self.ns(name), *command, **options)

    def spawn(self, name, *command, **options):
        """Starts a command in a namespace (None: ours); it is ended with the lab."""
        prefix = ("ip", "netns", "exec", self.ns(name)) if name else ()
        process = subprocess.Popen(prefix + command, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def build_networks(self):
        hosts = [m.name for m in self.members] + self.host_names
        for name in ["net"] + hosts:
            run("ip", "netns", "add", self.ns(name))
            self.namespaces.append(self.ns(name))
            run("ip", "-n", self.ns(name), "link", "set", "lo", "up")
        batch = []
        for network in self.networks:
            bridge = "br-" + network.name
            batch.append(f"link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0")
            batch.append(f"link set {bridge} up")
            for host in hosts:
                if host in self.host_names and host not in network.hosts:
                    continue
                port = self.port(host, network.name)
                batch.append(f"link add {port} type veth peer name {network.name} netns {self.ns(host)}")
                batch.append(f"link set {port} master {bridge} up")
        self.ip("net", batch)
        for host in hosts:
            self.address_host(host)

    def address_host(self, host):
        member = next((m for m in self.members if m.name == host), None)
        last = member.id if member else 200
        batch = []
        for network in self.networks:
            if not member and host not in network.hosts:
                continue
            if network.addressed or not member:
                batch.append(f"addr add {network.prefix}.{last}/24 dev {network.name}")
                if network.prefix6:
                    batch.append(f"addr add {network.prefix6}::{last}/64 dev {network.name} nodad")
            batch.append(f"link set {network.name} up")
            if not member and network.virtual:
                batch.append(f"route add default via {network.virtual[0].split('/')[0]}")
        self.ip(host, batch)
        if member:
            self.sysctl(
                host, "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"
            )

    def ip(self, host, lines):
        run("ip", "-n", self.ns(host), "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, host, *settings):
        self.exec(host, "sysctl", "-qw", *settings)

    @staticmethod
    def port(host, network):
        """The bridge's side of a host's cable."""
        return f"{host[:8]}.{network}"

    def cable(self, member, network, up):
        """Pulls or plugs a member's cable: it loses carrier, nobody else does."""
        run("ip", "-n", self.ns("net"), "link", "set", self.port(member.name, network), "up" if up else "down")

    def cables(self, member, networks, up):
        self.ip("net", [f"link set {self.port(member.name, n)} {'up' if up else 'down'}" for n in networks])

    def cut(self, *cuts):
        """Loses frames silently. A cut is (from, to, network), None meaning any. Replaces earlier cuts; none heals."""
        rules = []
        for source, target, network in cuts:
            rule = []
            for key, who in (("iifname", source), ("oifname", target)):
                names = [
                    self.port(h.name if isinstance(h, Member) else h, n.name)
                    for h in ([who] if who else self.members + self.host_names)
                    for n in self.networks
                    if network in (None, n.name)
                ]
                if who or network:
                    rule.append(f"{key} {{ {', '.join(names)} }}")
            rules.append(" ".join(rule) + " counter drop")
        body = "\n".join(rules)
        text = (
            f"table bridge lab {{}}\ndelete table bridge lab\ntable bridge lab {{ chain cut {{ "
            f"type filter hook forward priority 0; policy accept;\n{body}\n}}\n}}\n"
        )
        self.exec("net", "nft", "-f", "-", stdin=text)

    def isolate(self, member):
        """The host is gone as far as all others can tell: nothing from it or to it passes any more."""
        self.cut((member, None, None), (None, member, None))

    def heal(self):
        self.cut()

    def socket(self, host, *arguments):
        """A socket of this process that lives in another namespace."""
        with open("/proc/self/ns/net") as ours, open(f"/run/netns/{self.ns(host)}") as theirs:
            if libc.setns(theirs.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(*arguments)
            finally:
                libc.setns(ours.fileno(), 0)

    # ---- the cluster ----

    def write_key(self):
        _, text, _ = run(os.path.join(self.build, "bellwether"), "key")
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(text)

    def start(self, settle=True):
        self.hum()
        for member in self.members:
            member.start_snmpd()
        for member in self.members:
            member.start()
        if settle:
            self.settled()
        for member in self.members if settle and self.snmp else []:
            wait_until(f"{member.name}'s sub-agent answers", lambda m=member: m.surfaces.snmpget("bwClusterName"), 15)

    def hum(self):
        """Somebody lives on these networks: each host talks to the virtual address now and then. On a network without a
        sound a member that is left alone can't tell whether its own ports are deaf."""
        for host in self.host_names:
            for network in self.networks:
                if host in network.hosts and network.virtual:
                    target = network.virtual[0].split("/")[0]
                    self.spawn(host, "ping", "-q", "-n", "-i", "0.2", target, stdout=subprocess.DEVNULL)

    def settled(self, active=None, timeout=20.0, only=None):
        """Waits until all members (or `only` those) agree who is active, that one is, and each other one stands by."""
        members = only or self.members

        def agreed():
            for member in members:
                assert not member.died(), f"{member.name}'s daemon ended with status {member.daemon.returncode}"
            states = [m.state() for m in members]
            holders = {s["cluster"]["active_member"] for s in states}
            if len(holders) != 1 or 0 in holders or (active and holders != {active.id}):
                return None
            for member, state in zip(members, states):
                row = next(r for r in state["members"] if r["local"])
                if row["state"] != ("active" if {member.id} == holders else "standby") or row["problem"]:
                    return None
                if len(members) == len(self.members) and any(
                    r["state"] not in ("active", "standby") for r in state["members"]
                ):
                    return None
            return next(m for m in self.members if {m.id} == holders)

        try:
            return wait_until("the cluster settles" + (f" on {active.name}" if active else ""), agreed, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[m.brief() for m in members]}") from None

    def other(self, member):
        return next(m for m in self.members if m is not member)

    def member(self, name):
        return next(m for m in self.members if m.name == name)

    # ---- evidence ----

    def watch_arp(self, target=None, host="client", rate=1000):
        network = next(n for n in self.networks if host in n.hosts)
        return ArpWatch(self, host, network.name, target or network.virtual[0].split("/")[0], rate)

    def watch_ping(self, target, host="client", rate=1000):
        return PingWatch(self, host, target, rate)

    def faults(self):
        """What the sanitizers wrote into any member's log."""
        found = []
        for member in self.members:
            for line in member.log_lines():
                if re.search(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer", line):
                    found.append(f"{member.name}: {line}")
        return found

    # ---- the end ----

    def close(self):
        if self.closed:
            return
        self.closed = True
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for name in self.namespaces:
            remove_namespace(name)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        atexit.unregister(self.close)

    def leave(self):
        """Leaves everything running when this process ends."""
        self.closed = True
        atexit.unregister(self.close)


def remove_namespace(name):
    """Ends whatever still runs in a namespace of ours, then removes it."""
    for _ in range(50):
        _, pids, _ = run("ip", "netns", "pids", name, check=False)
        if not pids.split():
            break
        for pid in pids.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    run("ip", "netns", "del", name, check=False)


def sweep():
    """Removes what runs left behind that were killed before they could clean up."""
    try:
        names = os.listdir("/run/netns")
    except FileNotFoundError:
        return
    for name in names:
        match = NAME.match(name)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            remove_namespace(name)
