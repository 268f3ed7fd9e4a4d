"""Networks that a student may have written for `Net.forward`: the right one, and those with likely mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

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
    "a leaky ReLU of slope 0.1": lambda a: F.leaky_relu(a, 0.1),
    "ELU of minus its argument": lambda a: F.elu(-a),
    "ELU twice": lambda a: F.elu(F.elu(a)),
    "an ELU of alpha = 0.5": lambda a: F.elu(a, 0.5),
    "an ELU of alpha = 0.1": lambda a: F.elu(a, 0.1),
    "an ELU of alpha = 2": lambda a: F.elu(a, 2.0),
}

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
    "clamp": (lambda t: t.clamp(-1, 1), "t is cut to -1, …, 1: nothing follows fc3."),
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

    def __init__(self, order="xy", first="ELU", second="ELU", ending="", fault="") -> None:
        self.order, self.first, self.second, self.ending, self._fault = order, first, second, ending, fault

    def __call__(self, leaf: dict[str, torch.Tensor]) -> torch.Tensor:
        """t as a vector, from the leaves x, y and the six weights."""
        z = torch.cat([leaf[name] for name in self.order], dim=1)
        bias = {k: None if self._fault == f"no bias in fc{k}" else leaf[f"fc{k}.bias"] for k in (1, 2, 3)}
        a = ACTIVATIONS[self.first](F.linear(z, leaf["fc1.weight"], bias[1]))
        if self._fault != "fc2 left out":
            a = ACTIVATIONS[self.second](F.linear(a, leaf["fc2.weight"], bias[2]))
        if self._fault == "fc2 twice":
            a = ACTIVATIONS[self.second](F.linear(a, leaf["fc2.weight"], bias[2]))
        if self._fault == "a skip around fc2":
            a = a + ACTIVATIONS[self.first](F.linear(z, leaf["fc1.weight"], bias[1]))
        return ENDINGS[self.ending][0](F.linear(a, leaf["fc3.weight"], bias[3]).reshape(-1))

    @property
    def fault(self) -> str:
        """What is wrong with the value, other than the order; "" for nothing."""
        if ENDINGS[self.ending][1]:
            return ENDINGS[self.ending][1]
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
