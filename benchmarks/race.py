"""MINE against MI-NEE: two laws, two initialisations, three references, with the spread over fresh samples.

Every network of a stack has its own fresh sample and its own seed. Both methods have the same hidden width, learning
rate, minibatches and number of iterations, without averaging of the weights and without a schedule, so that what
differs is the reference and the standard deviation of the initial weights. (MINE on the mixture from small weights
trains four times longer, to show when it starts to move.) The ``cross`` rows train MI-NEE for half of the iterations
and then MINE, from the critic that MI-NEE has found. The reference of MI-NEE has five points for each data point.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch

from mibook import results
from mibook.estimators import Fit, MINEESettings, Settings, mine, minee
from mibook.samples import Gaussian, GaussianMixture, Law

NETS = 5
JUDGED, HELD_OUT = 20, 0.2
"""Fresh samples in six dimensions for the values on held-out pairs, and the part of each that is held out."""
COMMON = {"seeds": NETS, "hidden": 64, "batch": 100, "average": 0.0, "schedule": None, "record_every": 25}
N_REF = 5
LAWS = {
    "mixture": (GaussianMixture(0.9), 400, {"lr": 1e-3, "n_iters": 800}),
    "gaussian6": (Gaussian(0.9, 6), 1000, {"lr": 3e-3, "n_iters": 400}),
}
"""Each law with its sample size and the settings that go with it."""
SLOW_START = 4
"""How many times longer MINE trains on the mixture from weights of deviation 0.02."""


def fresh(law: Law, n: int, samples: int = NETS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fresh samples, X and Y of shape (samples, n, d), and the oracle of each."""
    rng = np.random.default_rng(np.random.SeedSequence(7))
    drawn = [law.sample(n, rng) for _ in range(samples)]
    X, Y = (np.stack(part) for part in zip(*drawn, strict=True))
    return X, Y, np.array([law.oracle(x, y) for x, y in drawn])


def run(name: str) -> tuple[list[tuple], list[tuple]]:
    """Race on one law: the rows of the history and of the final values."""
    torch.set_num_threads(1)
    law, n, settings = LAWS[name]
    X, Y, oracle = fresh(law, n)
    own, iterations = COMMON | settings, settings["n_iters"]
    fits: dict[tuple[str, str], Fit] = {}
    for label, init in (("he", "he"), ("0.02", 0.02)):
        long = SLOW_START if (name, label) == ("mixture", "0.02") else 1
        fits["mine", label] = mine(X, Y, Settings(**(own | {"init": init, "n_iters": long * iterations})))
        for reference in ("gaussian", "uniform"):
            fits[reference, label] = minee(X, Y, MINEESettings(reference=reference, n_ref=N_REF, init=init, **own))
    half = own | {"n_iters": iterations // 2}
    fits["cross", "he"] = minee(X, Y, MINEESettings(n_ref=N_REF, mine_iters=iterations // 2, **half))
    histories, finals = [], []
    for (method, label), fit in fits.items():
        for k, row in zip(fit.iterations, fit.history, strict=True):
            histories.append((name, method, label, k, row.mean(), row.std(ddof=1), row.min(), row.max()))
        for seed, path in enumerate(fit.history.T):
            reached = fit.iterations[path >= 0.9 * law.mutual_information]
            first = reached[0] if reached.size else np.nan
            finals.append((name, method, label, seed, law.mutual_information, oracle[seed], fit.estimate[seed], first))
    return histories, finals


def held_out() -> pd.DataFrame:
    """The race in six dimensions from He weights, with the value of every critic on pairs that it has not seen.

    For ``cross`` that is MINE's objective at the composite critic, for ``gaussian`` the difference of three.
    """
    torch.set_num_threads(1)
    law, n, settings = LAWS["gaussian6"]
    X, Y, _ = fresh(law, n, JUDGED)
    own = COMMON | settings | {"seeds": JUDGED, "init": "he", "held_out": HELD_OUT}
    half = own["n_iters"] // 2
    fits = {
        "mine": mine(X, Y, Settings(**own)),
        "gaussian": minee(X, Y, MINEESettings(n_ref=N_REF, **own)),
        "cross": minee(X, Y, MINEESettings(n_ref=N_REF, mine_iters=half, **(own | {"n_iters": half}))),
    }
    parts = [
        pd.DataFrame({"method": method, "seed": range(JUDGED), "estimate": fit.estimate, "held_out": fit.held_out})
        for method, fit in fits.items()
    ]
    return pd.concat(parts)


def main() -> None:
    note = f"Six dimensions, He weights: values on the pairs trained on and on the {HELD_OUT:.0%} held out."
    results.save("race_held_out", held_out(), "python -m benchmarks.race", note)
    with ProcessPoolExecutor(len(LAWS), mp_context=get_context("spawn")) as pool:
        parts = zip(*pool.map(run, LAWS), strict=True)
        histories, finals = (list(chain.from_iterable(part)) for part in parts)
    columns = ["law", "method", "init", "iteration", "mean", "sd", "low", "high"]
    frame = pd.DataFrame(histories, columns=columns)
    note = f"Estimates in nats over {NETS} fresh samples while training; hidden width 64, batches of 100."
    results.save("race", frame, "python -m benchmarks.race", note)
    columns = ["law", "method", "init", "seed", "truth", "oracle", "estimate", "first_90"]
    frame = pd.DataFrame(finals, columns=columns)
    print(frame.groupby(["law", "init", "method"])[["estimate", "first_90"]].agg(["mean", "std", "count"]))
    note = "Each run's estimate at its end, and its first recorded iteration at 90 % of the truth."
    results.save("race_finals", frame, "python -m benchmarks.race", note)


if __name__ == "__main__":
    main()
