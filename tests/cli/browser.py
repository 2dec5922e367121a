"""Headless Chromium, driven with the DevTools protocol over a pipe. Imported, not a test.

    with Browser(path) as browser:
        page = browser.open(url, width=390, is_dark=True)
        page.value("document.title")
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 60


def find():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self, path, profile):
        to_browser, self.writing = os.pipe()
        self.reading, from_browser = os.pipe()
        # the protocol's descriptors are 3 and 4 in the browser; a shell moves ours there
        command = [path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(["sh", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "sh", *command],
                                        pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.events, self.last = b"", [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.writing)  # ends the browser
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.reading)

    def message(self):
        """The next message of the browser."""
        end = time.monotonic() + TIMEOUT_S
        while b"\0" not in self.buffer:
            if not select.select([self.reading], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.reading, 1 << 16)
            if not data:
                raise EOFError("the browser ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.last += 1
        order = {"id": self.last, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.writing, json.dumps(order).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, method, session):
        while not any(e.get("method") == method and e.get("sessionId") == session for e in self.events):
            self.events.append(self.message())

    def open(self, url, width=1280, height=900, is_dark=False, has_script=True):
        return Page(self, url, width, height, is_dark, has_script)


class Page:
    def __init__(self, browser, url, width, height, is_dark, has_script):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        theme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[theme])
        self.call("Emulation.setScriptExecutionDisabled", value=not has_script)
        self.call("Page.navigate", url=url)
        browser.wait_for("Page.loadEventFired", self.session)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def value(self, expression):
        """The value of a JavaScript expression, which may be a promise."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def of(self, method):
        return [e["params"] for e in self.browser.events if e.get("method") == method and e.get("sessionId") == self.session]

    def complaints(self):
        """Errors and warnings of the console, of the page and of the browser about it."""
        return (self.of("Runtime.exceptionThrown") + [e for e in self.of("Log.entryAdded") if e["entry"]["level"] != "verbose"] +
                [e for e in self.of("Runtime.consoleAPICalled") if e["type"] in ("error", "warning", "assert")])

    def requests(self):
        """Addresses that the page asked for, its own among them; data: is part of the page."""
        return [e["request"]["url"] for e in self.of("Network.requestWillBeSent") if not e["request"]["url"].startswith("data:")]

    def picture(self):
        """A PNG of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])
