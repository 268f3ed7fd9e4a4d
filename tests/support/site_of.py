"""The site of an edition, as `make book` builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chapters.source import ROOT


def folder(edition: str) -> Path:
    return ROOT / "_build" / ("site" if edition == "reader" else "site-student")


def build(edition: str) -> Path:
    """Build an edition with the command that `make book` runs; return the site's folder."""
    command = [sys.executable, "-m", "sitebuild.build", edition]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder(edition)
