"""MINE from weights of scale 0.02 and from He's: the running example at two step sizes, four seeds each."""

from __future__ import annotations

from itertools import product

import pandas as pd
import torch
from tqdm import tqdm

from chapters.source import definitions
from mibook.results import save
from mibook.samples import running_example

BATCHES, SEEDS, EPOCHS = 10, 4, {1e-3: 60, 1e-4: 200}


def main() -> None:
    chapter, example, frames = definitions("mine"), running_example(), []
    X, Y = (torch.tensor(a, dtype=torch.float32) for a in (example.X, example.Y))
    for (rate, epochs), start, seed in tqdm(list(product(EPOCHS.items(), ("He", "σ = 0.02"), range(SEEDS)))):
        torch.manual_seed(seed)
        net = chapter["Net"]()
        if start == "He":
            chapter["he_"](net)
        trainer = chapter["MINETrainer"](X, Y, net, BATCHES, lr=rate)
        trainer.step(epochs)
        iteration = range(BATCHES, BATCHES * epochs + 1, BATCHES)
        columns = {"rate": rate, "start": start, "seed": seed, "iteration": iteration, "estimate": trainer.estimates}
        frames.append(pd.DataFrame(columns))
    note = "the estimate [nats] on the running example after each epoch, by step size and scale of the initial weights"
    save("initialisation", pd.concat(frames), "python -m benchmarks.initialisation", note)


if __name__ == "__main__":
    main()
