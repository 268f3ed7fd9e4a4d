"""Every answer of the tables over many seeds, and what a forged record gains in each exercise.

    python -m benchmarks.verdicts [--seeds 200] [TABLE ...]

The first part prints the answers whose verdict depends on the seed, and the right ones that lose points for a seed. The
second prints, for each exercise, the most that one of the wrong answers gains if its kernel also makes every claim that
the right record makes, while the numbers stay what the answer computes. Nothing is written.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "grading"))
import verdicts


def over_seeds(name: str, seeds: int) -> tuple[int, list[str]]:
    """How many verdicts there are on a table's answers, and what is to be said of them."""
    said, count = [], 0
    for kind, title, answer in verdicts.entries(name):
        found = {tuple(verdicts.earned(name, answer, seed).values()) for seed in range(seeds)}
        count += seeds
        most = sum(sum(verdicts.load(test_id).POINTS.values()) for test_id in verdicts.TABLES[name])
        if len(found) > 1 or (kind == "RIGHT" and found != {f for f in found if sum(f) == most}):
            said.append(f"{name}, {kind}, {title}: {sorted(sum(points) for points in found)}")
    return count, said


def most_gained(test_id: str, name: str) -> tuple[float, str]:
    """The most that a record forged around a wrong answer gains, and with which answer."""
    return max((verdicts.gain(test_id, answer, 1), title) for _, title, answer in verdicts.entries(name, "WRONG"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", help=", ".join(verdicts.TABLES))
    parser.add_argument("--seeds", type=int, default=200)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.tables or verdicts.TABLES:
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):  # some answers print
            count, said = over_seeds(name, given.seeds)
            gains = {test_id: most_gained(test_id, name) for test_id in verdicts.TABLES[name]}
        seconds = (time.perf_counter() - start) / max(count, 1)
        print(f"{name}: {count} verdicts, {seconds * 1000:.0f} ms each, {len(said)} answers that depend on the seed")
        print(*(f"    {line}\n" for line in said), sep="", end="")
        for test_id, (points, title) in gains.items():
            print(f"    a forged record for {test_id} gains at most {points:g} ({title})", flush=True)


if __name__ == "__main__":
    main()
