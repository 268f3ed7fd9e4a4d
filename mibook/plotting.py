"""The still figures' common parts: one style, the truth with its noise band, pairs with their densities."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes

STYLE = Path(__file__).with_name("book.mplstyle")
JOINT, REFERENCE, ESTIMATE, HELD_OUT, *_ = rc_params_from_file(STYLE)["axes.prop_cycle"].by_key()["color"]
"""Colours with a fixed meaning throughout, the style's first four: data, reference, an estimate, held-out data."""


def use_style() -> None:
    """Apply the book's figure style to everything drawn from here on."""
    plt.style.use(STYLE)


def draw_truth(
    ax: Axes,
    truth: float,
    noise: float | None = None,
    oracle: float | None = None,
    at_optimum: float | None = None,
) -> None:
    """Draw the true value as a line, its band of one noise standard deviation, the oracle, and the value at t*.

    All are in nats; see ``mibook.samples.Law`` for what the last three mean. Where the reference is a sample too,
    noise is the two-sample one, ``law.noise(n, n_ref)``, and at_optimum the value to compare an estimate with.
    """
    if noise is not None:
        ax.axhspan(truth - noise, truth + noise, color="0.85", zorder=0, label=f"noise ±{noise:.3f}")
    ax.axhline(truth, color="black", linewidth=1.2, label=f"truth {truth:.3f} nats")
    if oracle is not None:
        ax.axhline(oracle, color="black", linewidth=1.2, linestyle=":", label=f"oracle {oracle:.3f}")
    if at_optimum is not None:
        ax.axhline(
            at_optimum, color="black", linewidth=1, linestyle="-.", label=f"t* on data and reference {at_optimum:.3f}"
        )


def draw_pairs(X: np.ndarray, Y: np.ndarray, color: str = JOINT) -> sns.JointGrid:
    """Scatter the pairs with the marginal density estimates beside and the joint one's contours on top.

    X and Y have shape (n,) or (n, 1). With fewer than three pairs, only points are drawn.
    """
    x, y = np.ravel(X), np.ravel(Y)
    if x.shape != y.shape:
        raise ValueError(f"X and Y must hold the same number of values, but hold {x.size} and {y.size}.")
    with plt.rc_context({"figure.constrained_layout.use": False}):  # seaborn lays its grid out itself
        grid = sns.JointGrid(x=x, y=y, height=4.2, ratio=4, xlim=(-4, 4), ylim=(-4, 4))
    grid.ax_joint.scatter(x, y, s=8, alpha=min(1.0, 0.15 + 60 / max(x.size, 1)), color=color, linewidths=0)
    if x.size > 2:
        sns.kdeplot(x=x, y=y, ax=grid.ax_joint, levels=6, gridsize=80, color="0.2", linewidths=0.9)
        sns.kdeplot(x=x, ax=grid.ax_marg_x, color=color, fill=True)
        sns.kdeplot(y=y, ax=grid.ax_marg_y, color=color, fill=True)
    grid.set_axis_labels("x", "y")
    return grid
