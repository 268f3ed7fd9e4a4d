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


def draw_budget(ax: Axes, truth: float, terms: dict[str, float], noise: float | None = None) -> None:
    """Draw an error as one stacked bar from the truth to the estimate, a piece for each named term, all in nats.

    Each piece lies in a row of its own and starts where the last one ended, so that pieces of either sign can be seen.
    """
    ends = truth + np.cumsum(list(terms.values()))
    starts = np.concatenate([[truth], ends[:-1]])
    colors = [JOINT if end >= start else REFERENCE for start, end in zip(starts, ends, strict=True)]
    rows = range(len(terms))
    if noise is not None:
        ax.axvspan(truth - noise, truth + noise, color="0.88", zorder=0, label=f"noise ±{noise:.3f}")
    ax.axvline(truth, color="black", linewidth=1.2, label=f"truth {truth:.3f} nats")
    ax.axvline(ends[-1], color=ESTIMATE, linestyle="--", label=f"estimate {ends[-1]:.3f}")
    ax.barh(rows, ends - starts, left=starts, color=colors, height=0.6)
    for row, (end, term) in enumerate(zip(ends, terms.values(), strict=True)):
        ax.annotate(f"{term:+.3f}", (end, row), (4 if term >= 0 else -4, 0), textcoords="offset points",
                    va="center", ha="left" if term >= 0 else "right", fontsize=9)  # fmt: skip
    low, high = min(truth, *ends), max(truth, *ends)
    room = 0.25 * (high - low)  # for the numbers beside the bars
    ax.set(yticks=rows, yticklabels=list(terms), xlabel="value [nats]", xlim=(low - room, high + room))
    ax.invert_yaxis()
    ax.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


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
