"""Results of the studies that take too long for a page: stored as CSV, read by the chapters.

Each file under ``mibook/results`` is written by one named command (``python -m benchmarks.<name>``), which its
first line repeats.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent / "results"


def path(name: str) -> Path:
    """Where the stored result ``name`` lies, or would lie."""
    return FOLDER / f"{name}.csv"


def load(name: str) -> pd.DataFrame:
    """Read the stored result ``name`` as a data frame; raise FileNotFoundError with the command if absent."""
    if not path(name).exists():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.csv"))) or "none"
        raise FileNotFoundError(f"There is no stored result {name!r}; the stored ones are: {known}.")
    return pd.read_csv(path(name), comment="#")


def save(name: str, frame: pd.DataFrame, command: str, note: str) -> Path:
    """Write the result ``name`` with the command that makes it and one sentence on what it holds."""
    FOLDER.mkdir(exist_ok=True)
    body = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    path(name).write_text(f"# {command}\n# {note}\n{body}", encoding="utf-8")
    return path(name)
