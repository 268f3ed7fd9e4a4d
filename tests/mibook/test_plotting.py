"""The still figures' common parts: the error budget ends where the estimate is."""

import matplotlib.pyplot as plt
import pytest

from mibook.plotting import draw_budget


def test_a_budget_starts_at_the_truth_and_each_bar_where_the_last_one_ended():
    fig, ax = plt.subplots()
    draw_budget(ax, 1.0, {"approximation": -0.25, "estimation": 0.5, "reference": 0.125}, noise=0.1)
    starts = [bar.get_x() for bar in ax.containers[0]]
    ends = [bar.get_x() + bar.get_width() for bar in ax.containers[0]]
    assert starts == pytest.approx([1.0, 0.75, 1.25])
    assert ends == pytest.approx([0.75, 1.25, 1.375])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["approximation", "estimation", "reference"]
    assert "estimate 1.375" in [text.get_text() for text in ax.get_legend().get_texts()]
    plt.close(fig)
