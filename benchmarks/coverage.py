"""How often the cross-fitted interval covers: 200 samples of the running example's law, five small nets each.

The thousand nets are the columns of one stack: each layer is a batched matrix product, so that they train together.
For every sample the study stores the five-fold estimate, its standard error, and the value that the five critics have
in the population (integrated on a grid), all in nats.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mibook.results import save
from mibook.samples import SEED, Gaussian, running_example

N, FOLDS, SAMPLES, AT_ONCE = 1000, 5, 200, 20
HIDDEN, EPOCHS, BATCHES, RATE = 32, 60, 4, 5e-3


class Stack:
    """k independent networks 2 -> HIDDEN -> HIDDEN -> 1 with ELU and He's variances."""

    def __init__(self, k: int) -> None:
        sizes = [(2, HIDDEN, 1.0), (HIDDEN, HIDDEN, 2.0), (HIDDEN, 1, 1.0)]
        self.weights = [(torch.randn(k, a, b) * (gain / a) ** 0.5).requires_grad_() for a, b, gain in sizes]
        self.biases = [torch.zeros(k, 1, b, requires_grad=True) for _, b, _ in sizes]

    def __call__(self, z: Tensor) -> Tensor:
        """z: (k, rows, 2) -> t: (k, rows)."""
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = torch.baddbmm(b, F.elu(z) if layer else z, w)
        return z.squeeze(-1)


def train(X: Tensor, Y: Tensor) -> Stack:
    """Maximise the minibatch DV objective for k training sets at once; X, Y: (k, rows, 1)."""
    k, rows, _ = X.shape
    nets = Stack(k)
    optimizer = torch.optim.Adam(nets.weights + nets.biases, lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * BATCHES)
    for _ in range(EPOCHS):
        order = torch.randperm(rows)
        shifted = order.roll(int(torch.randint(1, rows, ())))
        for j in range(BATCHES):
            batch, other = order[j::BATCHES], shifted[j::BATCHES]
            t = nets(torch.cat([X[:, batch], Y[:, batch]], -1))
            t_ref = nets(torch.cat([X[:, batch], Y[:, other]], -1))
            loss = torch.logsumexp(t_ref, 1) - np.log(len(batch)) - t.mean(1)
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
            schedule.step()
    return nets


def fold_statistics(t: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Held-out estimate and standard error from tables t[k, i, j] = t_k(x_i, y_j), as in the chapter."""
    n = t.shape[1]
    diagonal = torch.diagonal(t, dim1=1, dim2=2)
    off = ~torch.eye(n, dtype=torch.bool)
    ratio = t.exp() * off
    mean = ratio.sum((1, 2), keepdim=True) / (n * (n - 1))
    psi = diagonal - ((ratio.sum(1) + ratio.sum(2)) / (n - 1)) / mean[:, 0]
    estimate = diagonal.mean(1) - mean.log().squeeze()
    return estimate.numpy(), (psi.std(1) / np.sqrt(n)).numpy()


def population_values(nets: Stack, law: Gaussian, k: int) -> np.ndarray:
    """The DV value of each net under the law itself, by the trapezoidal rule on a grid."""
    u = np.linspace(-6, 6, 121)
    x, y = (a.reshape(-1, 1) for a in np.meshgrid(u, u))
    q = np.exp(-(x**2 + y**2)[:, 0] / 2)
    p = q * np.exp(law.information_density(x, y))
    p, q = (torch.tensor(w / w.sum(), dtype=torch.float32) for w in (p, q))
    z = torch.tensor(np.hstack([x, y]), dtype=torch.float32)
    t = torch.cat([nets(part.expand(k, -1, -1)) for part in z.split(2000)], 1).double()
    return (t @ p.double() - (t.exp() @ q.double()).log()).numpy()


def main() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    law, rng = running_example().law, np.random.default_rng(SEED + 1)
    size, k, rows = N // FOLDS, AT_ONCE * FOLDS, []
    for _ in tqdm(range(SAMPLES // AT_ONCE)):
        X, Y = (torch.tensor(a, dtype=torch.float32).reshape(AT_ONCE, N, 1) for a in law.sample(AT_ONCE * N, rng))
        held = [torch.arange(f * size, (f + 1) * size) for f in range(FOLDS)]
        kept = [torch.cat([h for h in held if h is not fold]) for fold in held]
        nets = train(*(torch.stack([a[:, rest] for rest in kept], 1).reshape(k, N - size, 1) for a in (X, Y)))
        with torch.no_grad():
            x, y = (torch.stack([a[:, fold] for fold in held], 1).reshape(k, size, 1) for a in (X, Y))
            pairs = torch.cat([x.repeat_interleave(size, 1), y.repeat(1, size, 1)], -1)
            t = torch.cat([nets(part) for part in pairs.split(4000, 1)], 1).reshape(k, size, size)
            estimate, se = (a.reshape(AT_ONCE, FOLDS) for a in fold_statistics(t.double()))
            reachable = population_values(nets, law, k).reshape(AT_ONCE, FOLDS)
        oracle = law.information_density(X.reshape(-1, 1).numpy(), Y.reshape(-1, 1).numpy())
        rows.append(
            pd.DataFrame(
                {
                    "estimate": estimate.mean(1),
                    "se": np.sqrt((se**2).sum(1)) / FOLDS,
                    "reachable": reachable.mean(1),
                    "oracle": oracle.reshape(AT_ONCE, N).mean(1),
                }
            )
        )
    note = f"five-fold cross-fitting, n = {N}: estimate, standard error, population value of the critics, oracle [nats]"
    save("coverage", pd.concat(rows), "python -m benchmarks.coverage", note)


if __name__ == "__main__":
    main()
