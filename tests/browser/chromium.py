"""A page in headless Chromium, by its DevTools protocol: what it shows, and pictures of it."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOAD_SECONDS = 120
SHOWN_SECONDS = 300
"""For a page that builds itself, on a busy machine."""
TEXT = "(document.body ? document.body.innerText : '')"


class Tab:
    """One tab of a browser."""

    def __init__(self, connection: ClientConnection):
        self._connection = connection
        self._asked = 0

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """What a command of the protocol gives."""
        self._asked += 1
        self._connection.send(json.dumps({"id": self._asked, "method": method, "params": given}))
        while True:
            answer = json.loads(self._connection.recv(timeout=LOAD_SECONDS))
            if answer.get("id") == self._asked:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, script: str) -> Any:
        """The value of an expression in JavaScript."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def show(
        self, address: str, width: int, height: int = 900, dark: bool = False, media: str = ""
    ) -> None:
        """Load a page in a window of this size, by the light or the dark scheme."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=width < 500,
        )  # fmt: skip
        self.call("Page.navigate", url=address)
        end = time.monotonic() + LOAD_SECONDS
        while self.evaluate("document.readyState + location.href") != f"complete{address}":
            assert time.monotonic() < end, f"{address} did not load"
            time.sleep(0.2)

    def wait_for(self, script: str, seconds: float = SHOWN_SECONDS) -> None:
        """Wait until an expression in JavaScript holds."""
        end = time.monotonic() + seconds
        while not self.evaluate(script):
            assert time.monotonic() < end, f"{script}\n{self.evaluate(TEXT)}"
            time.sleep(0.5)

    def wait_for_text(self, text: str) -> str:
        """All text of the page, as soon as it has this one."""
        self.wait_for(f"{TEXT}.includes({json.dumps(text)})")
        return str(self.evaluate(TEXT))

    def read(self, address: str, text: str) -> str:
        """All text of a page that builds itself, once it has this text."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        return self.wait_for_text(text)

    def address_of(self, link: str) -> str:
        """Where the link of these words leads, which may open a tab of its own."""
        found = f"[...document.links].find(link => link.innerText == {json.dumps(link)})"
        return str(self.evaluate(f"{found}.href"))

    def picture(self, file: Path, top: int = 0, height: int | None = None) -> None:
        """A PNG of the page, or of a strip of it."""
        width, whole = self.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": top, "width": width, "height": height or whole - top, "scale": 1}
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(found["data"]))

    def printed(self) -> bytes:
        """The page as a PDF on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(
            self.call("Page.printToPDF", printBackground=False, **paper)["data"]
        )


@contextmanager
def chromium() -> Iterator[Tab]:
    """A tab of a new browser; the test is skipped where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("There is no Chromium.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        process = subprocess.Popen(
            [program, *options, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with connect(_tab_address(process), max_size=None) as connection:
                yield Tab(connection)
        finally:
            process.terminate()
            process.communicate()


def _tab_address(process: subprocess.Popen[str]) -> str:
    assert process.stderr
    for line in process.stderr:
        if found := re.search(r"ws://(\S+?)/devtools", line):
            with urllib.request.urlopen(f"http://{found.group(1)}/json/list") as answer:
                tabs = json.loads(answer.read())
            return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    raise AssertionError("Chromium did not start.")
