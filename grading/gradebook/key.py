"""What decides a grade, as one word: the same word, the same grade. Whatever changes it makes the next run grade again.

It covers the submission, the release, the student's seed, every file on the way from a submission to its grade, the
settings of the course that act on that way (limits of the sandbox and of a run among them), and all packages of the
environment. What is only said or shown about a grade (feedback, export, the doctor) is left out. A sandbox may use
another interpreter (`c.BubblewrapProvisioner.python`): then its path counts, and not the packages that are beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path

from traitlets.config import Config

from grading.sandbox.bubblewrap import WEAK
from grading.verdict.registry import folder

HERE = Path(__file__).parents[1]
NAMED = ("nbgrader", "nbclient", "jupyter_client", "ipykernel", "torch", "numpy", "scipy")  # for people
NO_PART = {
    *("feedback", "release", "doctor", "__pycache__", "__main__.py", "pipeline.py", "export.py"),
    # What puts files where they are graded: the files themselves count.
    *("collect.py", "arrivals.py", "downloads.py", "names.py", "parts.py", "people.py", "roster.py", "unpack.py"),
}
# The sections of the settings that act between a submission and its grade, and what in them says only where files are.
SETTINGS = ("Execute", "RobustExecute", "BubblewrapProvisioner", "Judge", "PlaceSeed", "Normalise")
PLACES = {"root", "secret_file"}


def key_of(received: dict[str, str], release: dict[str, str], seed: int, config: Config) -> str:
    """The word for a submission: ``received`` and ``release`` are sha256 by path."""
    exercises = config.Judge.get("exercises", "")
    parts = [received, release, seed, versions(), _judges(exercises), settings(config), os.environ.get(WEAK, "")]
    return _digest(json.dumps(parts, sort_keys=True, default=str).encode())


def settings(config: Config) -> dict[str, dict | list]:
    """What a course's settings say about the way from a submission to its grade."""
    found: dict[str, dict | list] = {
        name: {k: v for k, v in config[name].items() if k not in PLACES} for name in SETTINGS if name in config
    }
    steps = config.Autograde.get("autograde_preprocessors", [])
    return found | {"steps": [getattr(step, "__name__", str(step)) for step in steps]}


@cache
def versions() -> dict[str, str]:
    """The tools by name, and a word each for all packages and for the grader's own files."""
    packages = sorted(f"{found.metadata['Name']}=={found.version}" for found in distributions())
    named = {name: version(name) for name in NAMED}
    return named | {
        "python": platform.python_version(),
        "packages": _digest("\n".join(packages).encode()),
        "grader": _digest(b"\0".join(file.read_bytes() for file in grading_files())),
    }


@cache
def _judges(package: str) -> str:
    """A word for the modules that judge."""
    files = sorted(folder(package).rglob("*.py")) if package else []
    return _digest(b"\0".join(file.read_bytes() for file in files))


def grading_files() -> list[Path]:
    """Every file of the grader that can change a grade."""
    found = sorted(path for path in HERE.rglob("*") if path.is_file())
    return [path for path in found if not NO_PART & set(path.relative_to(HERE).parts)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
