"""Networks that a student may have written for `Net.forward`: the right one, and those with likely mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F

WEIGHTS = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias")
Function = Callable[[torch.Tensor], torch.Tensor]

ACTIVATIONS: dict[str, Function] = {
    "ELU": F.elu,
    "no activation": lambda a: a,
    "ReLU": F.relu,
    "tanh": torch.tanh,
    "a sigmoid": torch.sigmoid,
    "leaky ReLU": F.leaky_relu,
    "SELU": F.selu,
    "GELU": F.gelu,
    "SiLU": F.silu,
    "softplus": F.softplus,
    "exp - 1 on both sides of zero": torch.expm1,
    "exp in place of exp - 1 below zero": lambda a: torch.where(a > 0, a, a.clamp(max=0).exp()),
    "ELU of minus its argument": lambda a: F.elu(-a),
    "ELU twice": lambda a: F.elu(F.elu(a)),
}

# Activations with a number in them, which is solved for where no network above gives the values.
FAMILIES: dict[str, Callable[[float], Function]] = {
    "an ELU of alpha = {:.3g}": lambda p: lambda a: F.elu(a, p),
    "a leaky ReLU of slope {:.3g}": lambda p: lambda a: F.leaky_relu(a, p),
    "an ELU times {:.3g}": lambda p: lambda a: p * F.elu(a),
}
STARTS = (0.05, 0.2, 0.4, 0.6, 0.8, 1.2, 1.5, 2.0, 3.0)  # where Newton's method begins

ENDINGS: dict[str, tuple[Function, str]] = {
    "": (lambda t: t, ""),
    "ELU": (F.elu, "There is an ELU after fc3 too: a log ratio may be any number, so nothing follows fc3."),
    "exp": (torch.exp, "The result is e^t, not t: the critic is the log of a ratio; exp comes later, in the loss."),
    "sigmoid": (torch.sigmoid, "There is a sigmoid after fc3: t may be any number, so nothing follows fc3."),
    "tanh": (torch.tanh, "There is a tanh after fc3: t may be any number, so nothing follows fc3."),
    "ReLU": (F.relu, "There is a ReLU after fc3: a log ratio has either sign, so nothing follows fc3."),
    "softplus": (F.softplus, "There is a softplus after fc3: a log ratio has either sign, so nothing follows fc3."),
    "minus": (torch.neg, "The sign of t is reversed: return fc3's output as it is."),
    "abs": (torch.abs, "The absolute value of t is returned: a log ratio has either sign."),
    "log": (lambda t: t.abs().log(), "A logarithm is taken of fc3's output: t itself is the log of a ratio."),
    "square": (torch.square, "The square of t is returned: nothing follows fc3."),
    "centred": (
        lambda t: t - t.mean(),
        "The batch's mean is subtracted from t: each pair's t must depend on it alone.",
    ),
    "scaled": (lambda t: t / len(t), "t is divided by the number of rows: no average belongs in the critic."),
}

ORDERS = {
    "xy": "",
    "yx": "y stands before x: concatenate [x, y].",
    "xx": "x is used twice, y not at all.",
    "yy": "y is used twice, x not at all.",
}


class Explanation:
    """A network that the student may have written: the right one, or one with likely mistakes."""

    def __init__(self, order="xy", first="ELU", second="ELU", ending="", fault="", more=None) -> None:
        """``more`` has activations and endings under names of their own, beside those above."""
        self.order, self.first, self.second, self._fault = order, first, second, fault
        self.activations = ACTIVATIONS | (more or {})
        self.ending: tuple[Function, str] = (more or {}).get(ending) or ENDINGS[ending]

    def __call__(self, leaf: dict[str, torch.Tensor]) -> torch.Tensor:
        """t as a vector, from the leaves x, y and the six weights."""
        z = torch.cat([leaf[name] for name in self.order], dim=1)
        bias = {k: None if self._fault == f"no bias in fc{k}" else leaf[f"fc{k}.bias"] for k in (1, 2, 3)}
        a = self.activations[self.first](F.linear(z, leaf["fc1.weight"], bias[1]))
        if self._fault != "fc2 left out":
            a = self.activations[self.second](F.linear(a, leaf["fc2.weight"], bias[2]))
        if self._fault == "fc2 twice":
            a = self.activations[self.second](F.linear(a, leaf["fc2.weight"], bias[2]))
        if self._fault == "a skip around fc2":
            a = a + self.activations[self.first](F.linear(z, leaf["fc1.weight"], bias[1]))
        return self.ending[0](F.linear(a, leaf["fc3.weight"], bias[3]).reshape(-1))

    @property
    def fault(self) -> str:
        """What is wrong with the value, other than the order; "" for nothing."""
        if self.ending[1]:
            return self.ending[1]
        if self._fault:
            return (
                f"The value is that of a network with a mistake: {self._fault}. Follow the figure from left to right."
            )
        if self.first == self.second == "ELU":
            return ""
        if self.first == self.second:
            return f"After fc1 and fc2 there is {self.first} where ELU should be."
        place, found = ("fc1", self.first) if self.first != "ELU" else ("fc2", self.second)
        return f"After {place} there is {found} where ELU should be."


def explanations() -> Iterator[Explanation]:
    """The right network first, then those with one mistake, then those with two."""
    for ending, order in product(ENDINGS, ORDERS):
        yield Explanation(order, ending=ending)
    for order in ("xy", "yx"):
        for name in ACTIVATIONS:
            for first, second in ((name, name), (name, "ELU"), ("ELU", name)):
                yield Explanation(order, first, second)
        for k in (1, 2, 3):
            yield Explanation(order, fault=f"no bias in fc{k}")
        for fault in ("fc2 left out", "fc2 twice", "a skip around fc2"):
            yield Explanation(order, fault=fault)
    for first, ending in product(("no activation", "ReLU", "tanh", "a sigmoid"), ENDINGS):
        yield Explanation("xy", first, first, ending)


def fitted(seen: list[tuple[dict[str, torch.Tensor], np.ndarray]]) -> Iterator[Explanation]:
    """Networks with a number that was solved for, in ``seen``: leaves and the values that were found there."""
    for order in ("xy", "yx"):
        with suppress(RuntimeError):  # such an order does not fit the dimensions
            yield from _endings(order, seen)
    for name, family in FAMILIES.items():
        for where in ((name, name), (name, "ELU"), ("ELU", name)):

            def network(p: float, name=name, family=family, where=where) -> Explanation:
                named = [place if place == "ELU" else name.format(p) for place in where]
                return Explanation("xy", *named, more={name.format(p): family(p)})

            yield from map(network, _solutions(network, seen))


def _endings(order: str, seen) -> Iterator[Explanation]:
    """t times a factor, t plus a constant, and t that is cut at levels."""
    t = np.concatenate([Explanation(order)(leaf).numpy() for leaf, _ in seen])
    found = np.concatenate([values for _, values in seen])
    if np.ptp(found) == 0:  # a constant is no t, whatever its cut
        return
    (a, c), *_ = np.linalg.lstsq(np.column_stack([t, np.ones_like(t)]), found, rcond=None)
    what = f"The value is {a:.3g} t {c:+.3g} in place of t: nothing follows fc3."
    if abs(a) > 1e-6:
        yield Explanation(order, ending="fit", more={"fit": (lambda t: a * t + c, what)})
    low, high = float(found.min()), float(found.max())
    low, high = (low if low > t.min() else -np.inf), (high if high < t.max() else np.inf)
    what = f"t is cut at {' and '.join(f'{level:.3g}' for level in (low, high) if np.isfinite(level))}"
    if np.isfinite(low) or np.isfinite(high):
        ending = (lambda t: t.clamp(low, high), f"{what}: t may be any number, so nothing follows fc3.")
        yield Explanation(order, ending="fit", more={"fit": ending})


def _solutions(network: Callable[[float], Explanation], seen) -> Iterator[float]:
    """The numbers p with which network(p) gives the values, by Newton's method on the sum of squares."""

    def residual(p: float) -> np.ndarray:
        return np.concatenate([(network(p)(leaf).numpy() - values) / (1 + abs(values)) for leaf, values in seen])

    p = min(STARTS, key=lambda p: float(np.square(residual(p)).sum()))
    for _ in range(12):
        at = residual(p)
        slope = (residual(p + 1e-6) - at) / 1e-6
        p -= float(slope @ at / (slope @ slope)) if slope.any() else 0.0
        if not 0 < p < 100:
            return
    yield round(p, 12)
