"""Draw `network.svg`: the critic of MINE, from the pair (x, y) to the number t.

Run with ``python images/network.py``. The drawing is the same, byte for byte, on every run.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from mibook.plotting import ESTIMATE, JOINT, REFERENCE, use_style

LAYERS = [  # horizontal position, heights of the units, colour, name below
    (1.9, (-0.6, 0.6), JOINT, "(x, y)"),
    (4.2, (-1.5, -0.75, 0.0, 0.75, 1.5), REFERENCE, "100 units"),
    (7.0, (-1.5, -0.75, 0.0, 0.75, 1.5), REFERENCE, "100 units"),
    (9.7, (0.0,), ESTIMATE, "t(x, y)"),
]
MAPS = ["fc1", "fc2", "fc3"]


def box(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    """A rounded box with a word in it, centred at (x, y)."""
    patch = FancyBboxPatch(
        (x - 0.42, y - 0.2), 0.84, 0.4, boxstyle="round,pad=0.04", facecolor="white", edgecolor=color
    )
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", fontsize=14)


def main() -> None:
    use_style()
    plt.rcParams.update({"svg.hashsalt": "network", "svg.fonttype": "path"})
    fig, ax = plt.subplots(figsize=(7.2, 3.6))
    for (x0, from_units, *_), (x1, to_units, *_), name in zip(LAYERS, LAYERS[1:], MAPS, strict=False):
        for a in from_units:
            for b in to_units:
                ax.plot([x0 + 0.2, x1 - 0.2], [a, b], color="0.7", linewidth=0.8, zorder=1)
        box(ax, (x0 + x1) / 2, 2.25, name, "0.3")
    for x, units, color, name in LAYERS:
        for y in units:
            ax.add_patch(Circle((x, y), 0.2, facecolor=color, edgecolor="white", zorder=2))
        ax.text(x, -2.2, name, ha="center", va="center", fontsize=14)
    for x, *_ in LAYERS[1:3]:
        box(ax, x, 2.25, "ELU", REFERENCE)
    for y, name in ((0.6, "x"), (-0.6, "y")):
        ax.annotate(name, (1.68, y), (0.35, y), fontsize=16, ha="center", va="center", arrowprops={"arrowstyle": "->"})
    ax.text(1.2, 2.25, "concatenate", ha="center", va="center", fontsize=14)
    ax.text(9.7, 0.9, "no\nactivation", ha="center", va="center", fontsize=14)
    ax.set(xlim=(0, 10.6), ylim=(-2.5, 2.7), aspect="equal")
    ax.axis("off")
    fig.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
