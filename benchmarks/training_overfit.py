"""What four networks report on their own and on fresh data in 1500 epochs of training on the running example.

Run as ``python -m benchmarks.training_overfit``; takes a few minutes on one core.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from chapters.source import definitions
from mibook.results import save
from mibook.samples import SEED, running_example

EPOCHS, EVERY, SEEDS, N_FRESH = 1500, 25, 4, 20_000


def as_tensor(X: np.ndarray, Y: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.hstack([X, Y]), dtype=torch.float32)


def main() -> None:
    chapter = definitions("training")
    torch.set_num_threads(1)
    example = running_example()
    rng = np.random.default_rng(np.random.SeedSequence(SEED).spawn(3)[2])
    Z, Z_ref = as_tensor(example.X, example.Y), as_tensor(example.X_ref, example.Y_ref)
    Z_fresh = as_tensor(*example.law.sample(N_FRESH, rng))
    Z_ref_fresh = as_tensor(*rng.standard_normal((2, N_FRESH, 1)))
    rows = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        trainer = chapter["DVTrainer"](Z, Z_ref, chapter["Net"](), n_iters_per_epoch=10, lr=1e-3)
        for epoch in range(EVERY, EPOCHS + 1, EVERY):
            own = trainer.step(EVERY)
            fresh = trainer.evaluate(Z_fresh, Z_ref_fresh)
            rows.append({"seed": seed, "epoch": epoch, "own": own, "fresh": fresh})
    save(
        "training_overfit",
        pd.DataFrame(rows),
        "python -m benchmarks.training_overfit",
        "Donsker-Varadhan values in nats of DVTrainer on its own 1000 points and on 20000 fresh ones, by epoch.",
    )


if __name__ == "__main__":
    main()
