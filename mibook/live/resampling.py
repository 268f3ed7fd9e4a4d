"""The live figure on resampling: reference pairs made of the data, chosen in four ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from mibook.live.base import Figure, packed
from mibook.live.generator import Stream
from mibook.plotting import JOINT, REFERENCE, draw_pairs

METHODS = ("without", "derangement", "with", "all")


def choose(method: str, n: int, m: int, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """The rows J of X and K of Y of m reference pairs, as `choose` in js/spread.mjs; each of shape (m,)."""
    if method == "without":
        return stream.permutation(n)[:m], stream.permutation(n)[:m]
    if method == "derangement":
        order, i = stream.permutation(n), np.arange(m)
        return order[i % n], order[(i + 1 + i // n) % n]
    u = stream.uniform(2 * m).reshape(m, 2)
    J = (u[:, 0] * n).astype(int)
    K = (u[:, 1] * n).astype(int) if method == "with" else (J + 1 + (u[:, 1] * (n - 1)).astype(int)) % n
    return J, K


class Resampling(Figure):
    """Reference pairs from the n pairs (X, Y), each of shape (n,) or (n, 1); live in the number and the choice.

    rho is the correlation of a Gaussian law: with it, the figure also shows how far the reference term scatters.
    In a kernel, a function of the reader's chooses the pairs: ``resample(data, size, replace)`` returns rows of one
    column and is called twice; ``resample_pairs(X, Y, size, rng)`` returns rows of both, with replacement. They are
    given row numbers in place of the data, so that the figure knows the true pairs.
    """

    module: ClassVar[str] = "resampling.mjs"
    x = traitlets.Bytes().tag(sync=True)
    y = traitlets.Bytes().tag(sync=True)
    limits: traitlets.List = traitlets.List().tag(sync=True)
    rho = traitlets.Float(None, allow_none=True).tag(sync=True)
    method = traitlets.Enum(METHODS, "without").tag(sync=True)
    size = traitlets.Int(2).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    own: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        X: np.ndarray,
        Y: np.ndarray,
        *,
        rho: float | None = None,
        size: int | None = None,
        method: str = "without",
        seed: int = 0,
        resample: Callable | None = None,
        resample_pairs: Callable | None = None,
    ) -> None:
        self._columns = np.ravel(X).astype(float), np.ravel(Y).astype(float)
        n = len(self._columns[0])
        if n < 3 or len(self._columns[1]) != n:
            raise ValueError(
                f"X and Y must hold the same number of values, at least 3, not {n}, {len(self._columns[1])}."
            )
        self._resample, self._resample_pairs = resample, resample_pairs
        self._rng = np.random.default_rng(seed)
        own = ["with"] if resample_pairs else ["without", "with"] if resample else []
        limits = [[float(np.floor(c.min())), float(np.ceil(c.max()))] for c in self._columns]
        x, y = map(packed, self._columns)
        super().__init__(
            x=x, y=y, limits=limits, rho=rho, method=method, size=n if size is None else size, seed=seed, own=own
        )
        self.on_msg(self._answer)

    def rows(self, method: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows J and K that the reader's own function chooses; raise ValueError where they are no rows."""
        n = len(self._columns[0])
        numbers = np.arange(n).reshape(-1, 1)
        if self._resample_pairs:
            found = self._resample_pairs(numbers, numbers.copy(), size, self._rng)
        elif self._resample:
            options = {"replace": True} if method == "with" else {}
            found = [self._resample(numbers, size, **options) for _ in range(2)]
        else:
            raise ValueError("This figure was given no function of yours to call.")
        J, K = (np.ravel(column) for column in found)
        for name, rows in (("X", J), ("Y", K)):
            if rows.shape != (size,):
                raise ValueError(f"{size} rows of {name} were asked for, and {len(rows)} came.")
            if not np.isin(rows, numbers).all():
                raise ValueError(f"What came for {name} are not rows of {name}.")
        return J.astype(int), K.astype(int)

    def _answer(self, _: object, message: dict, __: list) -> None:
        try:
            J, K = self.rows(message["method"], message["size"])
        except Exception as error:  # whatever the reader's function raises is shown in the figure
            self.send({"error": f"{type(error).__name__}: {error}"})
        else:
            self.send({}, buffers=[packed(J, "<i4"), packed(K, "<i4")])

    def _chosen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, Y = self._columns
        shown = 10_000 if self.method == "all" else self.size
        J, K = choose(self.method, len(X), shown, Stream(self.seed))
        return X[J], Y[K], J == K

    def picture(self) -> Picture:
        x, y, true = self._chosen()
        grid = draw_pairs(x, y, color=REFERENCE)
        grid.ax_joint.set(xlim=self.limits[0], ylim=self.limits[1], xlabel="x′", ylabel="y′")
        grid.ax_joint.scatter(
            x[true], y[true], s=40, color=JOINT, edgecolors="white", label=f"true pairs: {true.sum()}"
        )
        grid.ax_joint.legend(loc="upper left")
        return grid.figure

    def alt(self) -> str:
        x, y, true = self._chosen()
        correlation = np.corrcoef(x, y)[0, 1] if len(x) > 2 else 0.0
        return (
            f"A cloud of {len(x)} reference pairs with density contours and two marginal densities. "
            f"Their correlation is {correlation:+.2f}; the true pairs among them, {true.sum()} in number, are marked."
        )
