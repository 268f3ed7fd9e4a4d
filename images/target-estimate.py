"""Draw `target-estimate.svg`: a sketch of an estimate that settles at the truth, and of its held-out twin.

The curves are formulas, not results. Run with ``python images/target-estimate.py``. The drawing is the same, byte
for byte, on every run.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mibook.plotting import ESTIMATE, HELD_OUT, use_style

TRUTH, NOISE = 1.0, 0.09


def main() -> None:
    use_style()
    plt.rcParams.update({"svg.hashsalt": "target-estimate", "svg.fonttype": "path"})
    time = np.linspace(0, 10, 400)
    climb = TRUTH / (1 + np.exp(-3 * (time - 1.6))) - TRUTH / (1 + np.exp(4.8))
    wiggle = 0.02 * (np.sin(5.3 * time) + 0.6 * np.sin(9.1 * time + 1)) * np.minimum(1, time / 2)
    late = np.maximum(time - 3.5, 0)
    train, held_out = climb + wiggle + 0.032 * late, climb - 0.03 + 0.8 * wiggle - 0.004 * late**2
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.axhspan(TRUTH - NOISE, TRUTH + NOISE, color="0.87", zorder=0)
    ax.axhline(TRUTH, color="black", linewidth=1.2)
    ax.plot(time, train, color=ESTIMATE, linewidth=2.2)
    ax.plot(time, held_out, color=HELD_OUT, linewidth=2.2)
    ax.text(0.1, TRUTH + 0.02, "truth", fontsize=13, va="bottom")
    ax.text(0.1, TRUTH + NOISE + 0.015, "noise of the sample", fontsize=12, va="bottom", color="0.3")
    ax.text(7.2, 1.22, "training pairs", fontsize=13, color=ESTIMATE, ha="center")
    ax.text(7.2, 0.72, "held-out pairs", fontsize=13, color=HELD_OUT, ha="center")
    ax.annotate("", (9.45, train[377]), (9.45, held_out[377]), arrowprops={"arrowstyle": "<->", "color": "0.3"})
    ax.text(9.75, 1.0, "optimism", fontsize=13, color="0.3", va="center", rotation=90)
    ax.text(5.0, 0.12, "a sketch, not a computation", fontsize=12, style="italic", color="0.35", ha="center")
    ax.set(xlim=(0, 10.4), ylim=(0, 1.35), xlabel="training time", ylabel="estimate", xticks=[], yticks=[])
    ax.grid(visible=False)
    fig.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
