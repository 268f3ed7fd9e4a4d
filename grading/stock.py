"""What stock nbgrader needs from whoever calls it."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path


def find_tools() -> None:
    """Let nbgrader find the programs beside this Python: it calls alembic by name when it makes a gradebook."""
    ours, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != ours:
        os.environ["PATH"] = f"{ours}{os.pathsep}{path}"


class Listener(logging.Handler):
    """Keeps the last line of the worst that nbgrader logged: it logs what went wrong, and raises something vague."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.worst = ""
        self.logger = logging.Logger("grading")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if "Traceback" in message or not self.worst:
            self.worst = message.splitlines()[-1] if message else self.worst
