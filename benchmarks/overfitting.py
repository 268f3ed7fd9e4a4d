"""Training and held-out estimate on eight samples of 100 pairs, while MINE is trained for too long."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from chapters.source import definitions
from mibook.results import save
from mibook.samples import SEED, running_example

SAMPLES, N, HELD_OUT, BATCHES, EPOCHS, EVERY = 8, 100, 1000, 2, 1500, 30


def main() -> None:
    chapter, law, rows = definitions("mine"), running_example().law, []
    trainer_class = chapter["MINETrainer"]
    streams = np.random.SeedSequence(SEED).spawn(2 + SAMPLES)[2:]
    for sample, stream in enumerate(tqdm(streams)):
        rng = np.random.default_rng(stream)
        pairs, others = law.sample(N, rng), law.sample(HELD_OUT, rng)
        torch.manual_seed(sample)
        net = chapter["he_"](chapter["Net"]())
        train, held_out = (
            trainer_class(X, Y, net, BATCHES, lr=2e-3)
            for X, Y in ([torch.tensor(a, dtype=torch.float32) for a in part] for part in (pairs, others))
        )
        for epoch in range(EVERY, EPOCHS + 1, EVERY):
            estimate = train.step(EVERY)
            rows.append((sample, law.oracle(*pairs), epoch * BATCHES, estimate, held_out.estimate()))
    frame = pd.DataFrame(rows, columns=["sample", "oracle", "iteration", "train", "held_out"])
    note = f"n = {N}, step size 0.002, He's weights: estimates [nats] on training pairs and on {HELD_OUT} fresh ones"
    save("overfitting", frame, "python -m benchmarks.overfitting", note)


if __name__ == "__main__":
    main()
