"""The nearest-neighbour estimate of Kraskov, Stoegbauer and Grassberger (2004), as npeet_plus computes it."""

from __future__ import annotations

import numpy as np

NEIGHBOURS = 3


def ksg(x: np.ndarray, y: np.ndarray, seed: int = 0, neighbours: int = NEIGHBOURS) -> float:
    """The estimate in nats from n pairs without ties, shape (n, d_x) and (n, d_y).

    The library breaks exact ties with noise of 1e-10 from numpy's global generator, whose state is put back.
    """
    from npeet_plus import mi  # an extra of the package: only tables of one's own need it

    state = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        return float(mi(x, y, k=neighbours, base=np.e))
    finally:
        np.random.set_state(state)
