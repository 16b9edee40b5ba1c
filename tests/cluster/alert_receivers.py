# SPDX-License-Identifier: GPL-2.0-or-later
"""Receivers of alerts on a laboratory's host: mail (aiosmtpd), HTTP, syslog, the journal's socket. Each can be well, down, or
behave badly: accept and hang, refuse, redirect, send garbage. Whatever arrives is kept in order with the identity it came under.
"""

import asyncio
import contextlib
import email
import email.policy
import http.server
import json
import logging
import os
import re
import socket
import ssl
import threading
import time

from aiosmtpd.smtp import SMTP, AuthResult

from base import run

logging.getLogger("mail.log").setLevel(logging.ERROR)

ADDRESS = "192.168.10.200"


class Got:
    """One message: its identity, number, teller, subject, and the rest as the receiver has it."""

    def __init__(self, id, number, teller, subject, **rest):
        self.id, self.number, self.teller, self.subject = id, int(number), teller, subject
        self.rest = rest
        self.at = time.monotonic()

    def pairs(self):
        return self.rest.get("pairs") or self.rest["data"]["alerts"][0]["annotations"]

    def __repr__(self):
        return f"#{self.number} of {self.teller} ({self.id}): {self.subject}"


def from_pairs(pairs, subject, **rest):
    return Got(pairs["id"], pairs["number"], pairs["teller"], subject, pairs=pairs, **rest)


class Receiver:
    """A server on a port of the client. serve(socket) takes one connection."""

    shut = ()  # modes in which it takes connections and closes them at once

    def __init__(self, lab, port, host="client"):
        self.lab, self.port, self.host = lab, port, host
        self.got, self.mode, self.tries = [], "well", 0
        self.listener = None
        self.connections = []
        self.up()

    def up(self):
        self.listener = self.lab.socket(self.host, socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((ADDRESS, self.port))
        self.listener.listen(50)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def down(self):
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None
        self.drop()

    def drop(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()
        self.connections.clear()

    def be(self, mode):
        """well, down, hang, refuse, redirect, garbage"""
        was, self.mode = self.mode, mode
        if mode == "down":
            self.down()
        elif was == "down":
            self.up()
        self.drop()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.tries += 1
            self.connections.append(connection)
            threading.Thread(target=self.take, args=(connection,), daemon=True).start()

    def take(self, connection):
        with contextlib.suppress(OSError, ValueError, ssl.SSLError):
            if self.mode == "hang":
                while connection.recv(65536):
                    pass
            elif self.mode in self.shut:
                connection.close()
            elif self.mode == "garbage":
                connection.sendall(os.urandom(4000))
                connection.close()
            else:
                self.serve(connection)


class Http(Receiver):
    """A webhook. tls: an ssl.SSLContext. bearer: the token that must come."""

    def __init__(self, lab, port, tls=None, bearer=None):
        self.tls, self.bearer, self.wrong = tls, bearer, []
        super().__init__(lab, port)

    def serve(self, connection):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if receiver.mode == "slow":
                    time.sleep(1)
                if receiver.mode == "redirect":
                    self.answer(307, [("Location", f"http://{ADDRESS}:{receiver.port}/other")])
                elif receiver.mode == "refuse":
                    self.answer(503)
                elif receiver.bearer and self.headers.get("Authorization") != f"Bearer {receiver.bearer}":
                    receiver.wrong.append("the bearer token is missing or wrong")
                    self.answer(401)
                else:
                    receiver.store(self.path, self.headers, body)
                    self.answer(200)

            def answer(self, status, headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True)
        Handler(connection, (ADDRESS, 0), None)
        connection.close()

    def store(self, path, headers, body):
        data = json.loads(body)
        note = data["alerts"][0]["annotations"]
        self.got.append(Got(note["id"], note["number"], note["teller"], note["summary"], path=path, headers=headers, body=body,
                            data=data))


class Push(Http):
    """An Alertmanager as far as it takes alerts: those of a push one after the other."""

    def store(self, path, headers, body):
        assert path == "/api/v2/alerts", path
        for alert in json.loads(body):
            note = alert["annotations"]
            self.got.append(Got(note["id"], note["number"], note["teller"], note["summary"], pairs=note, alert=alert))


class Mail(Receiver):
    """A mail server that wants STARTTLS and a login."""

    def __init__(self, lab, port, tls, login, password):
        self.tls, self.login, self.password = tls, login, password
        self.refusals = 0
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        super().__init__(lab, port)

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        good = data.login == self.login.encode() and data.password == self.password.encode()
        self.refusals += not good
        return AuthResult(success=good)

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.tries += 1
            if self.mode in ("hang", "garbage"):
                self.connections.append(connection)
                threading.Thread(target=self.take, args=(connection,), daemon=True).start()
            else:
                asyncio.run_coroutine_threadsafe(self.speak(connection), self.loop)

    async def speak(self, connection):
        def make():
            return SMTP(self, require_starttls=True, tls_context=self.tls, authenticator=self.authenticate, auth_required=True,
                        hostname="mail.example")

        connection.setblocking(False)
        await self.loop.connect_accepted_socket(make, connection)

    async def handle_DATA(self, _server, _session, envelope):
        if self.mode == "refuse":
            return "451 not now"
        m = email.message_from_bytes(envelope.content, policy=email.policy.default)
        pairs = dict(re.findall(r"^([a-z ]+):\s+(.*?)\r?$", m.get_content(), re.M))
        self.got.append(Got(pairs["id"], pairs["number"], pairs["teller"], m["Subject"], message=m, pairs=pairs,
                            recipients=envelope.rcpt_tos))
        return "250 taken"


def read_syslog(text):
    m = re.match(r"<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*?(?<!\\)\]) (.*)$", text, re.S)
    assert m, text
    pairs = {}
    if m[7] != "-":
        pairs = {k: re.sub(r"\\(.)", r"\1", v) for k, v in re.findall(r' (\w+)="((?:[^"\\]|\\.)*)"', m[7])}
    return from_pairs(pairs, m[8], priority=int(m[1]), time=m[2], application=m[4], kind=m[6])


class SyslogTcp(Receiver):
    shut = ("refuse", "redirect")

    def serve(self, connection):
        data = b""
        while True:
            m = re.match(rb"(\d+) ", data)
            if m and len(data) >= m.end() + int(m[1]):
                end = m.end() + int(m[1])
                self.got.append(read_syslog(data[m.end():end].decode()))
                data = data[end:]
                continue
            more = connection.recv(65536)
            if not more:
                return
            data += more


class SyslogTls(SyslogTcp):
    """By TLS. tls: an ssl.SSLContext."""

    def __init__(self, lab, port, tls, host="client"):
        self.tls, self.wrong = tls, []
        super().__init__(lab, port, host)

    def serve(self, connection):
        try:
            connection = self.tls.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError) as error:
            self.wrong.append(str(error))
            raise
        self.connections.append(connection)
        super().serve(connection)


class Datagrams:
    """Syslog by UDP, the local syslog socket, the journal's."""

    def __init__(self, lab=None, port=None, path=None, journal=False, host="client"):
        self.lab, self.port, self.path, self.journal, self.host = lab, port, path, journal, host
        self.got, self.mode = [], "well"
        self.up()

    def up(self):
        if self.path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            self.sock.bind(self.path)
        else:
            self.sock = self.lab.socket(self.host, socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind((ADDRESS, self.port))
        self.sock.settimeout(0.1)
        self.thread = threading.Thread(target=self.run, args=(self.sock,), daemon=True)
        self.thread.start()

    def be(self, mode):
        was, self.mode = self.mode, mode
        if mode == "down" and was != "down":
            if self.path:
                os.unlink(self.path)
            self.thread.join()  # what came until now is taken
            self.sock.close()
        elif was == "down" and mode != "down":
            self.up()

    def run(self, sock):
        while True:
            if self.mode == "hang":
                time.sleep(0.05)
                continue
            try:
                data = sock.recv(65536)
            except socket.timeout:
                if self.mode == "down":
                    return
                continue
            except OSError:
                return
            self.got.append(self.read_journal(data) if self.journal else read_syslog(data.decode()))

    @staticmethod
    def read_journal(data):
        fields = {}
        while data:
            line, _, data = data.partition(b"\n")
            name, equal, value = line.partition(b"=")
            if not equal:
                length = int.from_bytes(data[:8], "little")
                value, data = data[8:8 + length], data[9 + length:]
            fields[name.decode()] = value.decode()
        pairs = {k[11:].lower(): v for k, v in fields.items() if k.startswith("BELLWETHER_")}
        return from_pairs(pairs, fields["MESSAGE"], fields=fields)


class Command:
    """The command of an exec target: what it wrote, a JSON object a line. Its modes as with the other receivers."""

    SCRIPT = """#!/bin/sh
case $(cat MODE) in
well) cat >> OUT ;;
slow) sleep 1; cat >> OUT ;;
hang) sleep 60 ;;
garbage) head -c 4000 /dev/urandom; exit 3 ;;
*) exit 1 ;;
esac
"""

    def __init__(self, path, script, mode_path):
        self.path, self.mode_path = path, mode_path
        self.be("well")
        with open(script, "w") as f:
            f.write(self.SCRIPT.replace("MODE", mode_path).replace("OUT", path))
        os.chmod(script, 0o755)

    def be(self, mode):
        with open(self.mode_path + ".new", "w") as f:
            f.write(mode)
        os.replace(self.mode_path + ".new", self.mode_path)

    @property
    def got(self):
        try:
            with open(self.path) as f:
                rows = [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []
        return [Got(r["id"], r["number"], r["teller"], r["subject"], pairs=r) for r in rows]


def certificate(directory, name="tls", names=""):
    """A certificate for the receivers' address: (file of the authority, context for servers). names: more, as "DNS:…"."""
    key, cert = os.path.join(directory, name + ".key"), os.path.join(directory, name + ".pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
        cert, "-days", "2", "-subj", "/CN=receivers", "-addext", f"subjectAltName=IP:{ADDRESS}{',' if names else ''}{names}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
