"""Is `mibook.estimate` to be believed? Forty laws, three sample sizes, several samples each, beside KSG and CCA.

``python -m benchmarks.practice`` draws what is missing of the samples and stores, for each, what the rule of
`mibook.practice.rule` looks at; then it applies the rule, stores the result, and prints where the goal is missed.
Every second law fixed the rule; the others, which it never saw, are those to look at. One thread.
"""

from __future__ import annotations

import json
import os
import resource
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import mibook
from benchmarks._beyond_normal import Task, tasks
from mibook.practice import copula
from mibook.practice.neighbours import ksg

SIZES, SAMPLES = (200, 1000, 5000), 3
CACHE = Path(os.environ.get("MIBOOK_PRACTICE", "_build/practice.jsonl"))


def cell(task: Task, place: int, n: int, sample: int) -> dict:
    """One sample of one law: evidence, peers' values and seconds."""
    X, Y = task.sample(n, np.random.default_rng([sample, place, n]))
    began = time.process_time()
    report = mibook.estimate(X, Y, seed=sample, time=False, progress=False)
    ours = time.process_time() - began
    began = time.process_time()
    neighbours = ksg(X, Y, sample)
    theirs = time.process_time() - began
    began = time.process_time()
    canonical = copula.canonical(X - X.mean(0), Y - Y.mean(0))
    return {
        "law": task.name, "place": place, "n": n, "sample": sample, "truth": task.information,
        "evidence": asdict(report.evidence),
        "p": report.p, "ksg": neighbours, "cca": canonical, "seconds": ours, "seconds_ksg": theirs,
        "seconds_cca": time.process_time() - began,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Draw what is missing, sample by sample over all laws, then conclude."""
    torch.set_num_threads(1)
    CACHE.parent.mkdir(exist_ok=True)
    lines = CACHE.read_text().splitlines() if CACHE.exists() else []
    done = {(row["place"], row["n"], row["sample"]) for row in map(json.loads, lines)}
    wanted = [(k, n, s) for s in range(SAMPLES) for n in SIZES for k in range(len(tasks()))]
    laws = tasks()
    with CACHE.open("a") as file:
        for key in tqdm([key for key in wanted if key not in done]):
            file.write(json.dumps(cell(laws[key[0]], *key)) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
