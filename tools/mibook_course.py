"""`mibook-course COMMAND`: the course's commands from any folder, with the book's own code behind them."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run a command; return the exit status."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from grading.__main__ import main as run

    return run()
