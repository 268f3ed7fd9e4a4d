"""Draw `pairboard.svg`: which of the n x n index pairs (j, k) four ways of making a reference use.

Run with ``python images/pairboard.py``. The drawing is the same, byte for byte, on every run.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from mibook.plotting import JOINT, REFERENCE, use_style

N = 8
PERMUTATION = [5, 1, 7, 0, 3, 6, 4, 2]
"""One fixed point, as a permutation has on average."""

WITH_REPLACEMENT = ([0, 2, 2, 3, 5, 6, 6, 7], [6, 3, 0, 3, 6, 1, 4, 4])
"""Eight draws of j and of k: rows 1 and 4 stay empty, row 2 is used twice, and (3, 3) is a true pair."""


def boards() -> dict[str, np.ndarray]:
    """The chosen cells of each way, as boolean arrays of shape (N, N) indexed by (j, k)."""
    rows = np.arange(N)
    permuted, drawn, shifted = (np.zeros((N, N), dtype=bool) for _ in range(3))
    permuted[rows, PERMUTATION] = True
    drawn[WITH_REPLACEMENT] = True
    shifted[rows, (rows + 3) % N] = True
    return {
        "a permutation": permuted,
        "with replacement": drawn,
        "a cyclic shift": shifted,
        "all off-diagonal pairs": ~np.eye(N, dtype=bool),
    }


def draw() -> plt.Figure:
    """Four boards; row j and column k are counted from the lower left, the diagonal is framed."""
    use_style()
    plt.rcParams["svg.hashsalt"] = "pairboard"
    fig, axes = plt.subplots(2, 2, figsize=(5.6, 6.0))
    for ax, (title, chosen) in zip(axes.flat, boards().items(), strict=True):
        for j, k in np.ndindex(N, N):
            face = (JOINT if j == k else REFERENCE) if chosen[j, k] else "white"
            ax.add_patch(Rectangle((k, j), 1, 1, facecolor=face, edgecolor="0.8", linewidth=0.6))
            if j == k:
                ax.add_patch(Rectangle((k + 0.06, j + 0.06), 0.88, 0.88, fill=False, edgecolor=JOINT, linewidth=1.6))
        ax.set(title=title, xlim=(0, N), ylim=(0, N), xticks=[], yticks=[], aspect="equal")
        ax.set(xlabel="index k of y", ylabel="index j of x")
        ax.spines[:].set_visible(False)
    return fig


if __name__ == "__main__":
    draw().savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
