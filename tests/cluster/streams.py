#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Long TCP streams through the cluster, and the firewall that each member is: it translates addresses both ways and refuses
to pick up a connection in its middle, so a stream outlives a failover only if the other member knows it.

As a program: `streams.py serve PORT` answers every line with itself; `streams.py stream ADDRESS PORT COUNT` keeps COUNT
connections, sends a line on each every 50 ms, and writes for each line of its input how many of them live: those whose
answers still come; `streams.py ftp ADDRESS` is the server's side of FTP as far as its helper sees it: it gives the address of
a data connection, on which it sends what it gets.
"""

import os
import selectors
import socket
import subprocess
import sys
import time

HERE = os.path.abspath(__file__)
VIRTUAL, SERVER, PORT = "192.168.10.100", "10.10.0.200", 7007

# What is translated and what passes. The last chain counts what it refuses.
RULES = """
table ip nat {{
    chain prerouting {{ type nat hook prerouting priority -100; ip daddr {virtual} tcp dport {{ 21, {port} }} dnat to {server}; }}
    chain postrouting {{ type nat hook postrouting priority 100; ip daddr {server} tcp dport {{ 21, {port} }} snat to 10.10.0.100; }}
}}
table ip helpers {{
    ct helper ftp {{ type "ftp" protocol tcp; }}
    chain prerouting {{ type filter hook prerouting priority -150; tcp dport 21 ct helper set "ftp"; }}
}}
table inet filter {{
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state invalid counter drop
        ct state established,related accept
        ct state new tcp dport {{ 21, {port} }} tcp flags & (syn | ack) == syn accept
        ct state new meta l4proto != tcp accept
        counter drop
    }}
}}
"""


def firewall(lab, member, more=""):
    """Makes the member a firewall without mid-stream pick-up."""
    lab.sysctl(member.name, "net.netfilter.nf_conntrack_tcp_loose=0", "net.netfilter.nf_conntrack_tcp_be_liberal=0")
    text = RULES.format(virtual=VIRTUAL, port=PORT, server=SERVER) + more
    lab.exec(member.name, "nft", "-f", "-", stdin=text)


class Streams:
    """COUNT streams of the client, and the server behind the cluster."""

    def __init__(self, lab, count=50):
        self.count = count
        self.server = lab.spawn("server", sys.executable, HERE, "serve", str(PORT), stdout=subprocess.PIPE, text=True)
        self.server.stdout.readline()  # it listens
        self.client = lab.spawn(
            "client",
            sys.executable,
            HERE,
            "stream",
            VIRTUAL,
            str(PORT),
            str(count),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def living(self, fresh_s=1.0):
        """How many got an answer to a line sent after this call."""
        self.client.stdin.write(f"{fresh_s}\n")
        self.client.stdin.flush()
        return int(self.client.stdout.readline())

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait(5)


def serve(port):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("", port), backlog=256)
    listener.setblocking(False)
    print("ready", flush=True)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(65536)
            except OSError:
                data = b""
            if data:
                key.fileobj.send(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


def ftp(address):
    control = socket.create_server(("", 21))
    print("ready", flush=True)
    connection, _ = control.accept()
    listener = socket.create_server(("", 0))
    connection.sendall(b"220 hello\r\n")
    lines = connection.makefile("rb")
    for line in lines:
        if line.startswith(b"PASV"):
            port = listener.getsockname()[1]
            numbers = address.split(".") + [str(port // 256), str(port % 256)]
            connection.sendall(f"227 Entering Passive Mode ({','.join(numbers)}).\r\n".encode())
        elif line.startswith(b"RETR"):
            data, _ = listener.accept()
            data.sendall(b"150 octets")
            data.close()
            connection.sendall(b"226 done\r\n")
        else:
            connection.sendall(b"200 yes\r\n")


class Stream:
    def __init__(self, address, port):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((address, port))
        self.answered = 0.0  # when the line was sent whose answer came last
        self.rest = b""
        self.dead = False

    def send(self):
        try:
            self.socket.send(b"%.3f\n" % time.monotonic())
        except BlockingIOError:
            pass
        except OSError:
            self.dead = True

    def receive(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.dead = True
            return
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        if lines:
            self.answered = float(lines[-1])


def stream(address, port, count):
    streams = [Stream(address, port) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for s in streams:
        selector.register(s.socket, selectors.EVENT_READ, s)
    os.set_blocking(0, False)
    selector.register(0, selectors.EVENT_READ, None)
    questions = []  # (asked, until): answered when all live or the time is over
    beat = 0.0
    while True:
        for key, _ in selector.select(0.02):
            if key.data:
                key.data.receive()
                if key.data.dead:
                    selector.unregister(key.fileobj)
                continue
            text = os.read(0, 4096).decode()
            if not text:
                return
            questions += [(time.monotonic(), time.monotonic() + float(line)) for line in text.split()]
        now = time.monotonic()
        if now >= beat:
            beat = now + 0.05
            for s in streams:
                if not s.dead:
                    s.send()
        while questions:
            asked, until = questions[0]
            living = sum(not s.dead and s.answered >= asked for s in streams)
            if living < count and now < until:
                break
            questions.pop(0)
            print(living, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    elif sys.argv[1] == "ftp":
        ftp(sys.argv[2])
    else:
        stream(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
