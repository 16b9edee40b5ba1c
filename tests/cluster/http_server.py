# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTTP surface alone (tests/tools/http_fixture.c), for the tests that ask it."""

import atexit
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile

from base import ROOT
from tap import findings

PROGRAM = os.path.join(ROOT, os.environ.get("BW_BUILD", "build"), "tests/http_fixture")
TOKEN = "correct-horse-battery-staple"


class Server:
    """One http_fixture. Its end must be clean: exit status 0 and nothing from a sanitizer."""

    def __init__(self, *arguments, prefix=(), env=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*prefix, PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=self.log,
                                        env=dict(os.environ, **(env or {})))
        atexit.register(self.process.kill)  # should nobody end it
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), f"{PROGRAM} does not start: {line!r} {self.said()}"
        self.host, _, port = line.split()[1].rpartition(":")
        self.port = int(port)
        self.tls = None  # an ssl.SSLContext
        self.url = f"http://{self.host}:{self.port}"

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def end(self):
        atexit.unregister(self.process.kill)
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "none: it had to be killed"
        if status != 0 or "Sanitizer" in self.said() or "runtime error" in self.said():
            findings.append(f"http_fixture ended with status {status}:\n{self.said()[-4000:]}")
        self.process.stdout.close()
        self.log.close()

    def connect(self, timeout=15):
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def signal(self, number=signal.SIGUSR1):
        self.process.send_signal(number)

    def ask(self, method, path, body=None, headers=None, timeout=15):
        """(status, headers, body) of one request on a connection of its own."""
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path):
        status, headers, body = self.ask("GET", path)
        assert status == 200 and headers["Content-Type"] == "application/json", (path, status, headers.items())
        return json.loads(body)

    def raw(self, data, timeout=15):
        """All that comes back for some bytes, until the server closes or is silent for long."""
        with socket.create_connection((self.host, self.port), timeout) as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(OSError):
                while piece := s.recv(65536):
                    received += piece
            return received


@contextlib.contextmanager
def serving(*arguments, **options):
    server = Server(*arguments, **options)
    try:
        yield server
    finally:
        server.end()


def error_of(body):
    return json.loads(body)["error"]


@contextlib.contextmanager
def with_token(*arguments, text=TOKEN + "\n", mode=0o600):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(text)
        f.flush()
        os.chmod(f.name, mode)
        with serving("--token-file", f.name, *arguments) as s:
            s.token_file = f.name
            yield s


def act(s, method, path, body=None, token=TOKEN):
    status, headers, answer = s.ask(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body,
                                    {"Authorization": "Bearer " + token} if token is not None else {})
    return status, json.loads(answer), headers


class Events:
    """A reader of /api/v1/events."""

    def __init__(self, server, path="/api/v1/events", headers=None, timeout=15):
        self.connection = server.connect(timeout)
        self.connection.request("GET", path, headers=headers or {})
        self.answer = self.connection.getresponse()

    def next(self):
        """The next event: a dict of its fields, or None at the end. Comments come as {"comment": …}."""
        event = {}
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if not line and event:
                return event
            if line.startswith(":"):
                event["comment"] = line[1:].strip()
            elif line:
                key, _, value = line.partition(": ")
                event[key] = value

    def close(self):
        self.connection.close()
