"""How the networks of an estimate are trained: one object for all estimators, checked where it is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run of S = ``seeds`` networks does. Raises ValueError, in a sentence, for what makes no sense.

    n_iters, hidden: iterations, and the units of each of the two hidden layers.
    init: "he", or the standard deviation of every weight (0.02 in the chapters' plain network).
    lr, schedule: the learning rate; "cosine" lowers it to zero over the iterations, None keeps it.
    batch: pairs in a minibatch (at most n), or None for all n. shifts: reference pairs for each pair of it.
    beta: None for the gradient of the log-sum-exp itself, or the weight of the past in a moving average.
    average: the weight of the past in the averaged weights that every estimate uses; 0 for none.
    held_out: the fraction of the pairs, another one for each network, that is kept from training.
    record_every: iterations between two estimates of the history.
    first_seed: networks start from seeds first_seed, first_seed + 1, ...
    """

    seeds: int = 8
    n_iters: int = 300
    hidden: int = 32
    init: str | float = "he"
    lr: float = 2e-2
    schedule: str | None = "cosine"
    batch: int | None = 125
    shifts: int = 4
    beta: float | None = None
    average: float = 0.9
    held_out: float = 0.0
    record_every: int = 10
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"seeds, the number of networks, must be at least 1, but is {self.seeds}.")
        if self.hidden < 1:
            raise ValueError(f"hidden, the units of a hidden layer, must be at least 1, but is {self.hidden}.")
        if self.init != "he" and not (isinstance(self.init, int | float) and self.init > 0):
            raise ValueError(f"init must be 'he' or a positive standard deviation, but is {self.init!r}.")
        if self.schedule not in (None, "cosine"):
            raise ValueError(f"The schedule must be 'cosine' or None, but is {self.schedule!r}.")
        if self.beta is not None and not 0 <= self.beta < 1:
            raise ValueError(f"beta is the weight of the past: it must lie in [0, 1) or be None, but is {self.beta}.")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is a fraction of the pairs in [0, 1), but is {self.held_out}.")
        if self.n_iters < 1 or self.record_every < 1 or not 0 <= self.average < 1:
            raise ValueError("n_iters and record_every must be at least 1, and average must lie in [0, 1).")

    def batch_of(self, n: int) -> int:
        """The size of a minibatch of n pairs; raises ValueError where batch or shifts do not fit."""
        batch = n if self.batch is None else min(self.batch, n)
        if not 2 <= batch <= n:
            raise ValueError(f"A batch must hold between 2 and n = {n} pairs, but batch is {batch}.")
        if not 1 <= self.shifts < batch:
            raise ValueError(f"The number of shifts must lie between 1 and {batch - 1}, but is {self.shifts}.")
        return batch


@dataclass(frozen=True, kw_only=True)
class MINEESettings(Settings):
    """`Settings` with those of MI-NEE's references.

    reference: "gaussian", with each variable's own sample mean and covariance, or "uniform" on the box around
    its sample (which has no mass outside: for unbounded variables the identity's hypothesis fails).
    n_ref: reference points for each data point; every iteration draws fresh ones, and the estimate uses a pool
    of n_ref x n of its own.
    mine_iters: iterations of MINE that follow, from the critic t_xy - t_x - t_y that MI-NEE has found, with
    ``shifts`` reference pairs for each pair; the estimates from there on are those of `mine`.
    """

    n_iters: int = 200
    lr: float = 1e-2
    batch: int | None = 250
    reference: str = "gaussian"
    n_ref: int = 10
    mine_iters: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reference not in ("gaussian", "uniform"):
            raise ValueError(f"The reference must be 'gaussian' or 'uniform', but is {self.reference!r}.")
        if self.n_ref < 1:
            raise ValueError(f"n_ref, the reference points for a data point, must be at least 1, but is {self.n_ref}.")
