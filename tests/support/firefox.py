"""A headless Firefox of the system's, driven over WebDriver BiDi, which Firefox speaks itself."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import websocket

PATIENCE = 60.0  # s
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
QUIET = """user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


def program() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """One window of a Firefox with a profile of its own; what the console says is kept in `said`."""

    def __init__(self) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="firefox-"))
        (self.profile / "user.js").write_text(QUIET, encoding="utf-8")
        command = [program(), "--headless", "--no-remote", "--profile", str(self.profile)]
        self.log = (self.profile / "log").open("w")
        self.process = subprocess.Popen([*command, "--remote-debugging-port=0"], stdout=self.log, stderr=self.log)
        self.said: list[str] = []
        self.numbers = itertools.count(1)
        self.socket = websocket.create_connection(f"{self._address()}/session", timeout=PATIENCE, suppress_origin=True)
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.window = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def _address(self) -> str:
        end = time.monotonic() + PATIENCE
        while not (found := LISTENS.search((self.profile / "log").read_text(encoding="utf-8", errors="replace"))):
            assert self.process.poll() is None, (self.profile / "log").read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < end, "Firefox does not say where it listens"
            time.sleep(0.1)
        return found[1]

    def send(self, method: str, **params: object) -> dict:
        """Give a command and wait for its answer; note what the console says meanwhile."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] in ("error", "warn"):
                self.said.append(str(answer["params"]["text"]))
            elif answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer.get('message')}"
                return answer["result"]

    def size(self, width: int, height: int) -> None:
        self.send("browsingContext.setViewport", context=self.window, viewport={"width": width, "height": height})

    def open(self, address: str) -> None:
        self.send("browsingContext.navigate", context=self.window, url=address, wait="complete")

    def run(self, script: str) -> object:
        """The value of an expression in the page, awaited if it is a promise; through JSON, so plain values alone."""
        expression = f"Promise.resolve({script}).then((value) => JSON.stringify(value ?? null))"
        target = {"context": self.window}
        found = self.send("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert found["type"] == "success", found.get("exceptionDetails", {}).get("text")
        return json.loads(found["result"]["value"])

    def wait(self, condition: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.1)

    def point_at(self, selector: str) -> None:
        """Move the mouse to the middle of an element that is in sight."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.run(f"(({{ left, top, width, height }}) => [left + width / 2, top + height / 2])({box})")
        moves = [{"type": "pointerMove", "x": 2, "y": 2}, {"type": "pointerMove", "x": int(x), "y": int(y)}]
        self.send(
            "input.performActions", context=self.window, actions=[{"type": "pointer", "id": "mouse", "actions": moves}]
        )

    def press(self, key: str) -> None:
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.send("input.performActions", context=self.window, actions=[{"type": "key", "id": "keys", "actions": keys}])

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
