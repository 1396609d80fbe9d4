"""Drive Firefox and WebKit by their own protocols: Marionette, and the W3C's WebDriver."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

MINI_BROWSERS = Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(*command, **options):
    """Run a program in the background, and end it and what it started."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def patiently(action, seconds=60):
    """Do something that succeeds once a program is up, or a page has changed."""
    for _ in range(10 * seconds):
        try:
            return action()
        except (OSError, AssertionError):
            time.sleep(0.1)
    return action()


class Firefox:
    """A connection to Firefox: messages `length:[0, number, command, parameters]`."""

    open_by, run_by, act_by = (
        f"WebDriver:{name}" for name in ("Navigate", "ExecuteScript", "PerformActions")
    )

    def __init__(self, port):
        self.socket = patiently(lambda: socket.create_connection(("127.0.0.1", port), 60))
        self.file = self.socket.makefile("rb")
        self._receive()  # it introduces itself
        self.ask("WebDriver:NewSession", {})

    def _receive(self):
        length = b""
        while (byte := self.file.read(1)) != b":":
            length += byte
        return json.loads(self.file.read(int(length)))

    def ask(self, command, parameters):
        message = json.dumps([0, 1, command, parameters]).encode()
        self.socket.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self._receive()
        assert error is None, error
        return result["value"] if set(result or ()) == {"value"} else result


class WebKit:
    """A session of WebKitGTK's WebDriver."""

    open_by, run_by, act_by = "url", "execute/sync", "actions"

    def __init__(self, port, binary):
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"binary": str(binary), "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        session = patiently(lambda: self._post(self.address, wanted))["sessionId"]
        self.address += f"/{session}"

    def _post(self, address, parameters, method="POST"):
        data = json.dumps(parameters).encode()
        request = urllib.request.Request(address, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def ask(self, command, parameters):
        return self._post(f"{self.address}/{command}", parameters)

    def close(self):
        self._post(self.address, {}, "DELETE")


class Page:
    """What a test does with a page, in either browser."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, url):
        self.browser.ask(self.browser.open_by, {"url": url})

    def run(self, script, *arguments):
        return self.browser.ask(self.browser.run_by, {"script": script, "args": list(arguments)})

    def _act(self, kind, actions, **more):
        source = {"type": kind, "id": kind, "actions": actions} | more
        self.browser.ask(self.browser.act_by, {"actions": [source]})

    def press(self, *keys):
        """Press keys one after the other: characters, or WebDriver's codes."""
        pairs = (({"type": f"key{way}", "value": key} for way in ("Down", "Up")) for key in keys)
        self._act("key", [action for pair in pairs for action in pair])

    def draw(self, selector, stroke):
        """Move the pressed pointer over an element, from place to place in shares of its size."""
        box = self.run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]",
            selector,
        )
        moves = [
            {"type": "pointerMove", "duration": 20, "origin": "viewport"}
            | {"x": round(box[0] + x * box[2]), "y": round(box[1] + y * box[3])}
            for x, y in stroke
        ]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        actions = [moves[0], down, *moves[1:], up]
        self._act("pointer", actions, parameters={"pointerType": "mouse"})


@contextmanager
def firefox(folder):
    """Open a page in Firefox, without a screen."""
    port = free_port()
    (folder / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    environment = os.environ | {"HOME": str(folder), "MOZ_HEADLESS": "1"}
    command = [program, "--headless", "--marionette", "--no-remote", "--profile", folder]
    with running(*command, env=environment):
        browser = Firefox(port)
        with browser.socket, browser.file:
            browser.ask("WebDriver:SetWindowRect", {"width": 1300, "height": 1000})
            yield Page(browser)


@contextmanager
def webkit(folder):
    """Open a page in WebKitGTK's MiniBrowser, on a screen in memory where there is none."""
    port = free_port()
    environment = os.environ | {
        "HOME": str(folder),
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
    }
    with ExitStack() as stack:
        if "DISPLAY" not in os.environ:
            environment["DISPLAY"] = f":{port}"
            stack.enter_context(running("Xvfb", f":{port}", "-screen", "0", "1300x1000x24"))
        stack.enter_context(running("WebKitWebDriver", f"--port={port}", env=environment))
        browser = WebKit(port, sorted(MINI_BROWSERS)[0])
        stack.callback(browser.close)
        yield Page(browser)


NEEDED = {
    firefox: {"firefox-esr": shutil.which("firefox-esr") or shutil.which("firefox")},
    webkit: {
        "webkit2gtk-driver": shutil.which("WebKitWebDriver"),
        "xvfb": "DISPLAY" in os.environ or shutil.which("Xvfb"),
    },
}


def missing(browser):
    """Name the packages that have to be installed to open a page in a browser."""
    return [name for name, found in NEEDED[browser].items() if not found]
