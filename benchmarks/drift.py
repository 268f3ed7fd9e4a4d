"""How the mean of the critic t wanders when the reference term is smoothed, and three cures.

Run with ``python -m benchmarks.drift`` (about six minutes on one core). Several networks of the same kind are
trained side by side: their weights are stacked, and one batched product serves all seeds of a setting.
Nothing passes from one seed to another, so that each is what it would be alone.

The stored columns: ``task`` (running or six), ``cure`` (none, logsumexp, subtract or penalty), ``beta``,
``seed``, ``iteration``; ``t_joint`` and ``t_ref``, the means of t over the data and over one permuted
reference; ``log_mean_exp``, the log of the average of e^t over that reference; ``overflow``, 1 in the row of
the iteration at which the average of e^t over a batch left the range of float32. t is in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import elu
from tqdm import tqdm

from mibook.results import save
from mibook.samples import SEED, Gaussian, running_example

SEEDS = 3
N_BATCHES = 10
ROWS = 100


@dataclass(frozen=True)
class Setting:
    """One row of the study: the data, the weight of the past, the number of iterations at most, the cure.

    The reference of an epoch pairs two permutations, or with ``rotate`` one with itself some places further on,
    which leaves no true pair in it.
    """

    task: str
    beta: float
    iterations: int
    cure: str = "none"
    rotate: bool = False


SETTINGS = [
    *(Setting("running", beta, 20_000) for beta in (0.0, 0.1, 0.4, 0.9, 0.99)),
    *(Setting("six", beta, 4_000) for beta in (0.0, 0.1, 0.4, 0.9, 0.99)),
    *(Setting("running", 0.1, 12_000, cure) for cure in ("logsumexp", "subtract", "penalty")),
    *(Setting("six", 0.1, 2_000, cure) for cure in ("logsumexp", "subtract", "penalty")),
    Setting("six", 0.9, 4_000, "subtract"),
]
ROTATED = [Setting("six", 0.1, 1_500, cure, rotate=True) for cure in ("subtract", "penalty")]


def data(task: str) -> tuple[torch.Tensor, torch.Tensor]:
    """X and Y as float32: the running example, or 1000 six-dimensional pairs with 4.98 nats."""
    if task == "running":
        example = running_example()
        X, Y = example.X, example.Y
    else:
        X, Y = Gaussian(0.9, d=6).sample(1000, np.random.default_rng(SEED))
    return torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)


def initial_weights(d: int, generator: torch.Generator, hidden: int = 100, sigma: float = 0.02) -> list:
    """SEEDS stacked networks of the book's form: two hidden ELU layers, weights N(0, sigma^2), biases 0."""
    shapes = [(2 * d, hidden), (1, hidden), (hidden, hidden), (1, hidden), (hidden, 1), (1, 1)]
    weights = [torch.zeros(SEEDS, *shape) for shape in shapes]
    for w in weights[::2]:
        w.normal_(0, sigma, generator=generator)
    return [w.requires_grad_() for w in weights]


def critic(weights: list[torch.Tensor], z: torch.Tensor) -> torch.Tensor:
    """t for a batch of each seed: z of shape (SEEDS, b, 2d) to (SEEDS, b)."""
    w1, b1, w2, b2, w3, b3 = weights
    h = elu(torch.baddbmm(b1, z, w1), inplace=True)
    h = elu(torch.baddbmm(b2, h, w2), inplace=True)
    return torch.baddbmm(b3, h, w3).squeeze(2)


def log_mean_exp(t: torch.Tensor) -> torch.Tensor:
    """log avg e^t over the last dimension, in nats."""
    return t.logsumexp(-1) - np.log(t.shape[-1])


def permutations(n: int, generator: torch.Generator) -> torch.Tensor:
    """One permutation of n for each seed, shape (SEEDS, n)."""
    return torch.rand(SEEDS, n, generator=generator).argsort(1)


def orders(setting: Setting, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The order of an epoch's pairs, and those of the x and the y of its reference."""
    order, order_x, order_y = (permutations(n, generator) for _ in range(3))
    if setting.rotate:
        order_x, order_y = order, order.roll(int(torch.randint(1, n, (), generator=generator)), 1)
    return order, order_x, order_y


def train(setting: Setting) -> list[dict]:
    """Train SEEDS networks with Adam at 1e-3; return the thinned trajectory of each up to its overflow."""
    generator = torch.Generator().manual_seed(SEED)
    X, Y = data(setting.task)
    n, d = X.shape
    weights = initial_weights(d, generator)
    optimiser = torch.optim.Adam(weights, lr=1e-3, fused=True)
    beta, m, log_m = setting.beta, torch.ones(SEEDS), torch.zeros(SEEDS)
    alive, rows = torch.ones(SEEDS, dtype=torch.bool), []

    def record(iteration: int, which: torch.Tensor, overflow: int = 0) -> None:
        with torch.no_grad():
            reference = torch.cat([X.expand(SEEDS, n, d), Y[permutations(n, evaluation)]], 2)
            t = critic(weights, torch.cat([X, Y], 1).expand(SEEDS, n, 2 * d))
            t_ref = critic(weights, reference)
            columns = zip(t.mean(1), t_ref.mean(1), log_mean_exp(t_ref), strict=True)
        for seed, (t_joint, t_reference, lme) in enumerate(columns):
            if which[seed]:
                where = {"task": setting.task, "cure": setting.cure, "beta": beta, "seed": seed}
                where |= {"iteration": iteration, "t_joint": t_joint.item(), "t_ref": t_reference.item()}
                rows.append(where | {"log_mean_exp": lme.item(), "overflow": overflow})

    evaluation = torch.Generator().manual_seed(SEED + 1)  # so that looking does not change the training
    for iteration in range(setting.iterations):
        if iteration % N_BATCHES == 0:
            order, order_x, order_y = orders(setting, n, generator)
        if iteration % (setting.iterations // ROWS) == 0:
            record(iteration, alive)
        batch = slice(iteration % N_BATCHES, None, N_BATCHES)
        z = torch.cat([X[order[:, batch]], Y[order[:, batch]]], 2)
        z_ref = torch.cat([X[order_x[:, batch]], Y[order_y[:, batch]]], 2)
        t, t_ref = critic(weights, torch.cat([z, z_ref], 1)).split(z.shape[1], 1)

        if setting.cure in ("none", "penalty"):  # as the equations stand: e^t is formed, and may overflow
            L_ref = t_ref.exp().mean(1)
            m = beta * m + (1 - beta) * L_ref.detach()
            reference_term = L_ref / m
            if setting.cure == "penalty":
                reference_term = reference_term + 0.1 * log_mean_exp(t_ref) ** 2
            ended = alive & ~torch.isfinite(L_ref)
            if ended.any():
                record(iteration, ended, overflow=1)
                alive &= ~ended
            if not alive.any():
                break
        else:  # the same ratio L'/m from logarithms
            log_L_ref = log_mean_exp(t_ref)
            past, present = np.log(beta) + log_m, np.log(1 - beta) + log_L_ref.detach()
            log_m = torch.logaddexp(past, present)
            reference_term = (log_L_ref - log_m).exp()

        optimiser.zero_grad()
        (reference_term - t.mean(1)).sum().backward()
        optimiser.step()
        if setting.cure == "subtract":  # t and log m moved by one constant: the ratio does not notice
            with torch.no_grad():
                weights[-1] -= log_m[:, None, None]
            log_m = torch.zeros(SEEDS)
    record(setting.iterations, alive)
    return rows


def main() -> None:
    """Train every setting and store the trajectories."""
    torch.set_num_threads(1)
    rows = [row for setting in tqdm(SETTINGS) for row in train(setting)]
    note = (
        "Mean of t in nats over iterations of Adam (1e-3), n = 1000, batch 100, 100 hidden units, sigma 0.02; "
        "running: the running example, six: a 6-d Gaussian with rho = 0.9; overflow = 1: float32 overflowed."
    )
    save("drift", pd.DataFrame(rows), "python -m benchmarks.drift", note)
    rows = [row for setting in tqdm(ROTATED) for row in train(setting)]
    note = "The same in six dimensions with rotations for the reference, which hold no true pair."
    save("drift_rotations", pd.DataFrame(rows), "python -m benchmarks.drift", note)


if __name__ == "__main__":
    main()
