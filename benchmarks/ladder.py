"""The ladder: how much each practical change to a plain trainer buys on the running example's law.

Every rung trains on the same 12 fresh samples of n = 1000 pairs. The error of a rung after k iterations is the mean
|estimate - truth| over the samples; its time is the first k (a multiple of 10) where that error stays below 0.05 nats
for the rest of the run, times the time of one iteration of one network. Times are the best of several
alternating repetitions on one thread, and only their ratios are stored. ``plain`` is the bottom rung: a network of
hidden width 100 with weights of standard deviation 0.02, Adam at 1e-3, strided minibatches of 100, one permutation
as the reference of training and of the estimate, and the average of exp t as it stands.
"""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from mibook import results
from mibook.estimators import Settings, mine
from mibook.samples import running_example

N, SAMPLES, TOLERANCE, EVERY, STACK = 1000, 12, 0.05, 10, 16
BASE = {"hidden": 100, "init": 0.02, "lr": 1e-3, "batch": 100, "shifts": 1, "average": 0.0, "schedule": None}
HE = BASE | {"init": "he"}
FOUR = HE | {"lr": 3e-3, "shifts": 4}
NARROW = FOUR | {"hidden": 32, "lr": 5e-3, "batch": 250}
TOP = NARROW | {"lr": 2e-2, "average": 0.9, "schedule": "cosine"}
RUNGS = {
    "stacked code, estimate over 20 shifts": BASE | {"n_iters": 800},
    "+ He initialisation": HE | {"n_iters": 800},
    "+ learning rate 3e-3, four shifts": FOUR | {"n_iters": 400},
    "+ width 32, batch 250, rate 5e-3": NARROW | {"n_iters": 300},
    "+ rate 2e-2, averaged weights, cosine over 60": TOP | {"n_iters": 60},
    "the defaults of mine, 300 iterations": {},
}
"""Each rung with everything that it sets; the last is the one for accuracy, not for speed."""


def plain(X: np.ndarray, Y: np.ndarray, n_iters: int, seed: int, every: int = EVERY) -> list[float]:
    """Train the bottom rung; return the estimate, by one permutation, every ``every`` iterations."""
    torch.manual_seed(seed)
    x, y = (torch.tensor(a, dtype=torch.float32) for a in (X, Y))
    n, batches = len(x), len(x) // BASE["batch"]
    widths = (x.shape[1] + y.shape[1], BASE["hidden"], BASE["hidden"], 1)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=BASE["init"])
        torch.nn.init.zeros_(layer.bias)
    net = torch.nn.Sequential(layers[0], torch.nn.ELU(), layers[1], torch.nn.ELU(), layers[2])
    optimiser = torch.optim.Adam(net.parameters(), lr=BASE["lr"])

    def estimate(i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        t, t_ref = net(torch.cat([x[i], y[i]], 1)), net(torch.cat([x[i], y[j]], 1))
        return t.mean() - t_ref.exp().mean().log()

    history = []
    for k in range(1, n_iters + 1):
        part = (k - 1) % batches
        if part == 0:
            order, order_ref = torch.randperm(n), torch.randperm(n)
        optimiser.zero_grad()
        (-estimate(order[part::batches], order_ref[part::batches])).backward()
        optimiser.step()
        if k % every == 0:
            with torch.no_grad():
                history.append(float(estimate(torch.arange(n), torch.randperm(n))))
    return history


def settled(errors: np.ndarray) -> float:
    """The first iteration from which the recorded errors stay below the tolerance; infinity if there is none."""
    above = np.flatnonzero(errors >= TOLERANCE)
    first = 0 if above.size == 0 else above[-1] + 1
    return (first + 1) * EVERY if first < len(errors) else np.inf


def seconds_per_iteration(X: np.ndarray, Y: np.ndarray, repetitions: int = 5) -> dict[str, float]:
    """The best time of an iteration of one network, without estimates; a repetition goes through all rungs."""
    never = 10_000
    runs = {"plain": lambda: plain(X, Y, 50, 0, every=never)}
    runs |= {
        name: lambda settings=settings: mine(
            X, Y, Settings(seeds=1, **(settings | {"n_iters": 50, "record_every": never}))
        )
        for name, settings in RUNGS.items()
    }
    runs["stack"] = lambda: mine(X, Y, Settings(seeds=STACK, **(TOP | {"n_iters": 50, "record_every": never})))
    best = dict.fromkeys(runs, np.inf)
    for _ in range(repetitions):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            spent = (time.perf_counter() - start) / 50 / (STACK if name == "stack" else 1)
            best[name] = min(best[name], spent)
    return best


def main() -> None:
    torch.set_num_threads(1)
    law = running_example().law
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    drawn = [law.sample(N, rng) for _ in range(SAMPLES)]
    X, Y = (np.stack(part) for part in zip(*drawn, strict=True))
    oracle = np.array([law.oracle(x, y) for x, y in drawn])
    cost = seconds_per_iteration(X[0], Y[0])
    histories = {"plain": np.transpose([plain(x, y, 1000, s) for s, (x, y) in enumerate(tqdm(drawn))])}
    for name, settings in tqdm(RUNGS.items()):
        histories[name] = mine(X, Y, Settings(seeds=SAMPLES, record_every=EVERY, **settings)).history
    rows = []
    for name, history in histories.items():
        error = np.abs(history - law.mutual_information).mean(axis=1)
        gap = history[-1] - oracle
        rows.append(
            {
                "rung": name,
                "iterations": settled(error),
                "cost_per_iteration": cost[name] / cost["plain"],
                "run": EVERY * len(history),
                "final_error": error[-1],
                "final_gap": np.abs(gap).mean(),
                "final_gap_mean": gap.mean(),
                "final_gap_sd": gap.std(ddof=1),
            }
        )
    frame = pd.DataFrame(rows)
    frame["time"] = frame["iterations"] * frame["cost_per_iteration"]
    # A plain run never settles when the permutation's noise exceeds the tolerance: count from the first rung that does.
    settles = frame["time"].replace(np.inf, np.nan)
    frame["times_faster"] = settles.bfill().iloc[0] / settles
    frame["stack_cost"] = cost["stack"] / cost[list(RUNGS)[-2]]
    print(frame.to_string())
    results.save(
        "ladder",
        frame,
        "python -m benchmarks.ladder",
        "Iterations until the mean |error| over 12 samples stays below 0.05 nats, costs, gaps to the oracle.",
    )


if __name__ == "__main__":
    main()
