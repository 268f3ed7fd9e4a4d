"""The book's TeX macros, written out."""

from __future__ import annotations

import pytest

from chapters.macros import expand


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"\R{X}'_i \le \KL{P_{\R{Z}}}{Q}", r"\mathsf{X}'_i \le D(P_{\mathsf{Z}}\,\|\,Q)"),
        (r"a\le\KL{P}{Q}", r"a\le D(P\,\|\,Q)"),
        (r"\Rightarrow \mc T", r"\Rightarrow \mathcal{T}"),
    ],
)
def test_macros_are_written_out(tex, plain):
    assert expand(tex) == plain
