# SPDX-License-Identifier: GPL-2.0-or-later
"""A real browser: headless Chromium, spoken to over its debugging pipe.

    with Browser(prefix=("ip", "netns", "exec", "name")) as browser:
        browser.open("http://127.0.0.1:8116/")
        browser.run("document.title")
        assert not browser.complaints      # console errors, exceptions, refused resources

Needs the package chromium; nothing else. Runs as root and inside a network namespace.
"""

import atexit
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

FLAGS = """--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --no-default-browser-check
    --disable-component-update --disable-default-apps --disable-sync --disable-extensions --disable-dev-shm-usage
    --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe""".split()


def available():
    return shutil.which("chromium")


class Browser:
    def __init__(self, prefix=(), width=1400, height=1000, dark=False, script=True, flags=()):
        self.dir = tempfile.mkdtemp(prefix="bw-chromium-")
        self.buffer, self.number, self.events = b"", 0, []
        self.complaints = []  # what the console said that it should not have
        to_read, self.to = os.pipe()
        self.source, to_write = os.pipe()

        def arrange():  # the pipe's ends must be 3 and 4; first out of the way
            a, b = os.dup2(to_read, 30), os.dup2(to_write, 31)
            os.dup2(a, 3)
            os.dup2(b, 4)
            os.closerange(5, 64)

        self.process = subprocess.Popen(
            [*prefix, available() or "chromium", *FLAGS, *flags, "--user-data-dir=" + self.dir, "about:blank"],
            preexec_fn=arrange,
            close_fds=False,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=self.dir, DBUS_SESSION_BUS_ADDRESS="disabled:"),
        )
        os.close(to_read)
        os.close(to_write)
        self.session = None
        atexit.register(self.close)
        try:
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.ask(domain + ".enable")
            self.look(width, height, dark)
            if not script:
                self.ask("Emulation.setScriptExecutionDisabled", value=True)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        atexit.unregister(self.close)
        if self.process.returncode is not None:
            return
        try:
            self.session = None
            self.ask("Browser.close", timeout=5)
            self.process.wait(10)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            pass  # then the hard way
        for fd in (self.to, self.source):
            try:
                os.close(fd)
            except OSError:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        for _ in range(50):  # its children may still write for a moment
            shutil.rmtree(self.dir, ignore_errors=True)
            if not os.path.exists(self.dir):
                break
            time.sleep(0.1)

    # ---- the protocol ----

    def message(self, timeout):
        """The next message; None when none comes in time."""
        end = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.source], [], [], left)[0]:
                return None
            piece = os.read(self.source, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def note(self, message):
        what, about = message.get("method"), message.get("params", {})
        if what == "Runtime.exceptionThrown":
            self.complaints.append("exception: " + json.dumps(about["exceptionDetails"])[:400])
        elif what == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: " + " ".join(str(a.get("value")) for a in about["args"]))
        elif what == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append("log: " + about["entry"]["text"] + " " + about["entry"].get("url", ""))
        self.events.append(message)

    def ask(self, method, timeout=30, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + timeout
        while True:
            message = self.message(end - time.monotonic())
            if message is None:
                raise RuntimeError(f"{method}: no answer within {timeout} s")
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.note(message)

    def settle(self, seconds=0.0):
        """Takes what the browser says, for a while."""
        end = time.monotonic() + seconds
        while (message := self.message(max(0.0, end - time.monotonic()))) is not None:
            self.note(message)

    # ---- what tests use ----

    def look(self, width, height, dark=False, scale=1, mobile=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url, timeout=20):
        self.events = []
        answer = self.ask("Page.navigate", url=url)
        if answer.get("errorText"):
            raise RuntimeError(f"{url}: {answer['errorText']}")
        end = time.monotonic() + timeout
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            message = self.message(end - time.monotonic())
            if message is None:
                raise RuntimeError(f"{url} was not loaded within {timeout} s")
            self.note(message)

    def run(self, expression):
        """A JavaScript expression's value; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {json.dumps(answer['exceptionDetails'])[:600]}")
        return answer["result"].get("value")

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def press(self, key, code=None, number=0):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, windowsVirtualKeyCode=number,
                     **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def accessible(self):
        """The accessibility tree's (role, name) pairs."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value"), n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]

    def picture(self, path, whole=False):
        """A PNG of what is seen, or of the whole page."""
        options = {}
        if whole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            options = {"captureBeyondViewport": True,
                       "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("Page.captureScreenshot", timeout=60, format="png", **options)["data"]))
