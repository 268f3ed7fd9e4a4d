"""What the tests in a browser share."""

from __future__ import annotations

import socket
import time

PATIENCE = 60_000  # ms; a busy machine is slow, and nothing here is about speed


def in_scheme(page, scheme):
    """Look at the page by day or by night, when everything has taken its colours."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
    # What opens fades in, and axe would judge the colours half-way.
    page.wait_for_function("document.getAnimations().every(motion => motion.playState !== 'running')")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready, explain=lambda: "", seconds=PATIENCE / 1000) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, explain()
        time.sleep(0.2)
