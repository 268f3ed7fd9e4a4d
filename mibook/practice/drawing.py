"""What `mibook.estimate` returns: a summary that can be drawn, and written as one page that needs nothing else."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from mibook.plotting import ESTIMATE, HELD_OUT, JOINT, REFERENCE, STYLE
from mibook.practice.report import Summary

DOTS = 3000
"""Rows that a scatter plot shows at most, evenly spaced."""


def draw(report: Summary) -> Figure:
    """Three panels: the first columns, the estimates with their intervals, the test of the critic; or what there is."""
    with plt.style.context(str(STYLE)):
        fig, (pairs, values, test) = plt.subplots(1, 3, figsize=(10.5, 3.6))
        _pairs(pairs, report)
        _values(values, report)
        _test(test, report)
    return fig


def _pairs(ax: Axes, report: Summary) -> None:
    x, y = report.x.columns[0], report.y.columns[0]
    step = -(-report.n // DOTS)
    ax.scatter(x.values[::step], y.values[::step], s=5, alpha=0.5, color=JOINT, linewidths=0)
    ax.set(xlabel=x.name, ylabel=y.name, title=f"{report.n} rows")


def _values(ax: Axes, report: Summary) -> None:
    marks: list[tuple[str, float, float, float, str]] = []
    half = float(norm.isf((1 - report.level) / 2))
    for name, value, color in (("copula", report.copula, ESTIMATE), ("critics", report.critic, HELD_OUT)):
        if value is not None:
            reach = half * value.standard_error
            marks.append((name, value.estimate, value.estimate - reach, value.estimate + reach, color))
    if report.ksg is not None:
        marks.insert(1, ("KSG", report.ksg, report.ksg, report.ksg, ESTIMATE))
    if report.interval is not None and report.estimate is not None:
        marks.append(("I", report.estimate, *report.interval, "black"))
    for k, (_, middle, low, high, color) in enumerate(marks):
        ax.plot([k, k], [low, high], color=color)
        ax.plot(k, middle, "o", color=color)
    if report.evidence is not None:
        at = [mark[0] for mark in marks].index("critics")
        folds = report.evidence.best.folds
        ax.plot(np.full(len(folds), at + 0.2), folds, "x", color=HELD_OUT, markersize=4)  # each fold
    if not marks:
        ax.set_axis_off()
    ax.set_xticks(range(len(marks)), [mark[0] for mark in marks])
    ax.set(ylabel="nats", title="refused" if report.refusal else "estimates", xlim=(-0.6, max(len(marks), 1) - 0.4))


def _test(ax: Axes, report: Summary) -> None:
    if report.critic_null is None:
        ax.set_axis_off()
        return
    seen, null = report.critic_null
    ax.hist(null, 30, color=REFERENCE, alpha=0.6, label="permuted")
    ax.axvline(seen, color=HELD_OUT, linewidth=2, label="observed")
    ax.set(xlabel="mean of t on held-out rows [nats]", title=f"p = {report.p:.3f}")
    ax.legend(fontsize=8)


TABLE = """<table>
<thead><tr><th scope="col">quantity</th><th scope="col">nats</th><th scope="col">bits</th></tr></thead>
<tbody>{rows}</tbody></table>"""
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 0.2rem 0.8rem; text-align: right; border-bottom: 1px solid #8886; }}
th:first-child {{ text-align: left; font-weight: normal; }} img {{ max-width: 100%; background: white; }}
li.refusal {{ font-weight: bold; }}
</style>
<h1>{title}</h1>
<p>{sentence}</p>
{table}
<h2>What was found</h2>
{findings}
<img alt="{alt}" src="data:image/png;base64,{picture}">
<p>{design}</p>
</html>
"""


def page(report: Summary) -> str:
    """The report as HTML, with the figure inside; every word of the table is escaped."""
    fig, picture = draw(report), io.BytesIO()
    fig.savefig(picture, format="png", dpi=150, metadata={"Software": None})
    plt.close(fig)
    names = " and ".join(", ".join(column.name for column in side.columns) for side in (report.x, report.y))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{nats}</td><td>{bits}</td></tr>'
        for name, nats, bits in report.rows()
    )
    items = "".join(
        f'<li class="{"refusal" if f.refuses else "warning"}">{escape(f.reason.value)}: {escape(f.sentence)} '
        f"{escape(f.advice)} (In the book: {escape(f.section.title)}.)</li>"
        for f in report.findings
    )
    return PAGE.format(
        title=escape(f"Mutual information of {names}"),
        sentence=escape(report.sentence()),
        table=TABLE.format(rows=rows) if rows else "",
        findings=f"<ul>{items}</ul>" if items else "<p>Nothing that speaks against the numbers.</p>",
        alt=escape(f"The rows, the estimates with their intervals, and the permutation test. {report.sentence()}"),
        picture=base64.b64encode(picture.getvalue()).decode(),
        design=escape(f"Seed {report.seed}; {report.design.number} independent units in {report.n} rows."),
    )


class Report(Summary):
    """What `mibook.estimate` returns: print it, plot it, or write it as a page."""

    def plot(self) -> Figure:
        """Draw the rows, the estimates with their intervals and folds, and the permutation test."""
        return draw(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """One page that needs no network, with the figure in it; written to ``path`` too if one is given."""
        text = page(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text
