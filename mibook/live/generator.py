"""The generator of the live figures in Python, number for number as `Stream` in js/maths.mjs.

A figure's picture is drawn with it, so that the picture shows what the figure shows before it is touched. It is
made for pictures: for studies use ``numpy.random``.
"""

from __future__ import annotations

import numpy as np

GOLDEN = np.uint32(0x9E3779B9)


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    z = (z ^ (z >> np.uint32(15))) * np.uint32(0x735A2D97)
    return z ^ (z >> np.uint32(15))


class Stream:
    """Random numbers from a counter: number i of a seed can be computed on its own."""

    def __init__(self, seed: int) -> None:
        self._start = _mix(np.array([seed], dtype=np.uint32) + GOLDEN)
        self._count = 0

    def uniform(self, size: int) -> np.ndarray:
        """Numbers strictly between 0 and 1, shape (size,)."""
        index = np.arange(self._count + 1, self._count + size + 1, dtype=np.uint64).astype(np.uint32)
        self._count += size
        return (_mix(self._start + index * GOLDEN) + 0.5) / 2.0**32

    def below(self, n: int, size: int) -> np.ndarray:
        """Independent draws from 0, …, n - 1, shape (size,)."""
        return (self.uniform(size) * n).astype(int)

    def normal(self, size: int) -> np.ndarray:
        """Standard normal numbers, drawn in pairs; an odd one out is dropped. Shape (size,)."""
        u = self.uniform(2 * ((size + 1) // 2)).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).ravel()[:size]

    def permutation(self, n: int) -> np.ndarray:
        """A uniform permutation of 0, …, n - 1."""
        order = np.arange(n)
        for i, u in zip(range(n - 1, 0, -1), self.uniform(max(n - 1, 0)), strict=True):
            j = int(u * (i + 1))
            order[i], order[j] = order[j], order[i]
        return order
