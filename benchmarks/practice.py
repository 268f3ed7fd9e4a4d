"""Is `mibook.estimate` to be believed? Forty laws, three sample sizes, several samples each, beside KSG and CCA.

``python -m benchmarks.practice`` draws what is missing of the samples and stores, for each, what the rule of
`mibook.practice.rule` looks at; then it applies the rule, stores the result, and prints where the goal is missed
(``--drawn``: from what there is).
Every second law fixed the rule; the others, which it never saw, are those to look at. One thread.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import mibook
from benchmarks._beyond_normal import Task, tasks
from mibook.practice import copula
from mibook.practice.copula import Value
from mibook.practice.neighbours import ksg
from mibook.practice.rule import Evidence, Seen, conclude
from mibook.results import save

SIZES, SAMPLES = (200, 1000, 5000), 3
DEAR = 250_000
"""Numbers in a sample from which it is drawn last: fifty columns of 5 000 rows take as long as ten of the others."""
LEVEL, COVERAGE = 0.9, 0.88
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


def concluded(row: dict) -> dict:
    """The rule applied to one stored sample."""
    stored = row["evidence"]
    parts = {k: Seen(tuple(v[0]), v[1], tuple(v[2])) for k in ("main", "longer", "halves") if (v := stored[k])}
    evidence = Evidence(**stored | parts | {"copula": Value(*stored["copula"])})
    end = conclude(evidence, LEVEL)
    low, high = end.interval or (np.nan, np.nan)
    certified = end.certified or (np.nan, np.nan)
    refusal = next((f.reason.value for f in end.findings if f.refuses), "")
    kept = ("law", "n", "sample", "truth", "p", "ksg", "cca", "seconds", "seconds_ksg", "seconds_cca", "memory")
    return {k: row[k] for k in kept} | {
        "half": "rule" if row["place"] % 2 == 0 else "report", "gaussian": tasks()[row["place"]].gaussian,
        "refusal": refusal, "low": low, "high": high,
        "estimate": np.nan if end.estimate is None else end.estimate, "critic": end.critic.estimate,
        "certified_low": certified[0], "certified_high": certified[1], "ksg_scores": stored["ksg"],
    }  # fmt: skip


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each half and size: what was answered, how often it covers, and mean errors of all, in nats."""
    table = table.assign(answered=table.refusal == "")
    right = table.answered & (table.low <= table.truth) & (table.truth <= table.high)
    table = table.assign(
        covers=right.where(table.answered),
        bounded=(table.certified_low <= table.truth).where(table.certified_low.notna()),
    )
    for name in ("estimate", "ksg", "cca"):
        table[f"error_{name}"] = (table[name] - table.truth).abs().where(table.answered)
    groups = table.groupby(["half", "n"])
    means = groups[["answered", "covers", "bounded", "error_estimate", "error_ksg", "error_cca", "seconds"]].mean()
    return means.assign(cells=groups.size())


def missed(table: pd.DataFrame) -> list[str]:
    """Where the goal is missed on the laws that the rule has not seen, a line each; and the time over all laws."""
    unseen = table[table.half == "report"]
    answered = unseen[unseen.refusal == ""]
    covers = (answered.low <= answered.truth) & (answered.truth <= answered.high)
    lines = []
    if len(answered) < len(unseen) / 2:
        lines.append(f"answers {len(answered)} of {len(unseen)} samples, fewer than half")
    if len(answered) and covers.mean() < COVERAGE:
        lines.append(f"covers {covers.mean():.0%} of the {len(answered)} answered samples, below {COVERAGE:.0%}")
    for law, right in covers.groupby(answered.law):
        if right.mean() < COVERAGE:
            lines.append(f"{law}: covers {right.sum()} of {len(right)} answered samples")
    for n, part in answered[answered.n >= 1000].groupby("n"):
        ours, *others = ((part[k] - part.truth).abs().mean() for k in ("estimate", "ksg_scores", "ksg", "cca"))
        if ours > min(others):
            lines.append(f"n = {n}: mean error {ours:.3f}, and the best peer's is {min(others):.3f}")
    thousand = table[table.n == 1000]
    for shape, limit in (("1x1", 3), ("50x50", 15)):
        taken = thousand[thousand.law.str.endswith(" " + shape)].seconds.median()
        if taken > limit:
            lines.append(f"{shape}, n = 1000: {taken:.1f} s of one core, above {limit} s")
    return lines


def draw() -> None:
    """Draw the samples that are missing, and keep what the rule looks at."""
    torch.set_num_threads(1)
    CACHE.parent.mkdir(exist_ok=True)
    done = {(row["place"], row["n"], row["sample"]) for row in drawn()}
    laws = tasks()
    wanted = [(k, n, s) for s in range(SAMPLES) for n in SIZES for k in range(len(laws))]
    wanted.sort(key=lambda key: key[1] * sum(laws[key[0]].shape) >= DEAR)  # a run that is cut short has the others
    with CACHE.open("a") as file:
        for key in tqdm([key for key in wanted if key not in done]):
            file.write(json.dumps(cell(laws[key[0]], *key)) + "\n")
            file.flush()


def drawn() -> list[dict]:
    """What was kept of the samples so far."""
    return [json.loads(line) for line in CACHE.read_text().splitlines()] if CACHE.exists() else []


def main() -> None:
    """Draw what is missing, unless ``--drawn`` is given; then apply the rule, store and print."""
    if "--drawn" not in sys.argv[1:]:
        draw()
    table = pd.DataFrame([concluded(row) for row in drawn()]).sort_values(["half", "law", "n", "sample"])
    sizes = ", ".join(f"{len(part)} of n = {n}" for n, part in table.groupby("n"))
    note = (
        f"{table.law.nunique()} laws; samples: {sizes}. {100 * LEVEL:.0f} % intervals for I, KSG and CCA in nats; "
        "seconds of one core (the machine was busy), MB. Every second law fixed the rule; empty: refused."
    )
    save("practice", table, "python -m benchmarks.practice", note)
    for name, part in (("Gaussian copulas", table[table.gaussian]), ("other copulas", table[~table.gaussian])):
        print(name, summary(part).round(3).to_string(), sep="\n")
    print(note, summary(table).round(3).to_string(), sep="\n")
    print("The goal is missed:", *missed(table) or ["nowhere"], sep="\n- ")


if __name__ == "__main__":
    main()
