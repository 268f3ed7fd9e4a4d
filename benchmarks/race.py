"""MINE against MI-NEE: two laws, two initialisations, three references, with the spread over fresh samples.

Every network of a stack has its own fresh sample and its own seed. Both methods have the same hidden width, learning
rate, minibatches and number of iterations, without averaging of the weights and without a schedule, so that what
differs is the reference and, in the rows of the first study, the standard deviation of the initial weights. The
``cross`` rows train MI-NEE for half of the iterations and then MINE, from the critic that MI-NEE has found.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from mibook import results
from mibook.estimators import Fit, mine, minee
from mibook.samples import Gaussian, GaussianMixture, Law

NETS = 6
COMMON = {"hidden": 64, "batch": 100, "average": 0.0, "schedule": None, "record_every": 25, "held_out": 0.0}
MIXTURE = {"lr": 1e-3}
SIX = {"lr": 2e-3}


def fresh(law: Law, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NETS fresh samples, X and Y of shape (NETS, n, d), and the oracle of each."""
    rng = np.random.default_rng(np.random.SeedSequence(7))
    drawn = [law.sample(n, rng) for _ in range(NETS)]
    X, Y = (np.stack(part) for part in zip(*drawn, strict=True))
    return X, Y, np.array([law.oracle(x, y) for x, y in drawn])


def runs(law: str, X: np.ndarray, Y: np.ndarray) -> dict[tuple[str, str], Fit]:
    """Every (method, init) of the race on one law."""
    settings = COMMON | {"seeds": NETS} | (MIXTURE if law == "mixture" else SIX)
    iterations = 1000 if law == "mixture" else 600
    inits = {"he": "he", "0.02": 0.02}
    done = {}
    for name, init in tqdm(inits.items()):
        own = settings | {"init": init}
        long = 4 if (law, name) == ("mixture", "0.02") else 1  # MINE's slow start needs the room
        done["mine", name] = mine(X, Y, n_iters=long * iterations, shifts=4, **own)
        done["gaussian", name] = minee(X, Y, n_iters=iterations, reference="gaussian", **own)
        done["uniform", name] = minee(X, Y, n_iters=iterations, reference="uniform", **own)
    half = iterations // 2
    done["cross", "he"] = minee(X, Y, n_iters=half, mine_iters=half, reference="gaussian", init="he", **settings)
    return done


def main() -> None:
    torch.set_num_threads(1)
    histories, finals = [], []
    for name, law, n in (("mixture", GaussianMixture(0.9), 400), ("gaussian6", Gaussian(0.9, 6), 1000)):
        X, Y, oracle = fresh(law, n)
        start = time.perf_counter()
        truth = law.mutual_information
        for (method, init), fit in runs(name, X, Y).items():
            for k, row in zip(fit.iterations, fit.history, strict=True):
                histories.append((name, method, init, k, row.mean(), row.std(ddof=1), row.min(), row.max()))
            for seed in range(NETS):
                reached = np.flatnonzero(fit.history[:, seed] >= 0.9 * truth)
                first = fit.iterations[reached[0]] if reached.size else np.nan
                finals.append((name, method, init, seed, truth, oracle[seed], fit.estimate[seed], first))
        print(name, f"{time.perf_counter() - start:.0f} s")
    columns = ["law", "method", "init", "iteration", "mean", "sd", "low", "high"]
    frame = pd.DataFrame(histories, columns=columns)
    note = f"Estimates over {NETS} fresh samples while training; hidden 64, batch 100."
    results.save("race", frame, "python -m benchmarks.race", note)
    columns = ["law", "method", "init", "seed", "truth", "oracle", "estimate", "first_90"]
    frame = pd.DataFrame(finals, columns=columns)
    print(frame.groupby(["law", "method", "init"])[["estimate", "first_90"]].agg(["mean", "std", "count"]))
    note = "The estimate of each run at its end, and the first recorded iteration at 90 % of the truth."
    results.save("race_finals", frame, "python -m benchmarks.race", note)


if __name__ == "__main__":
    main()
