"""`mibook.estimate` from a reader's arrays to a report: what it finds, what it says, what it repeats."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

import mibook
from mibook.__main__ import main
from mibook.practice import Reason, copula
from mibook.practice.neighbours import ksg
from mibook.samples import Gaussian, GaussianMixture

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def law():
    return Gaussian(0.8)


@pytest.fixture(scope="module")
def report(law):
    """600 pairs of correlation 0.8: I = 0.511, noise 0.033."""
    X, Y = law.sample(600, np.random.default_rng(12))
    return mibook.estimate(pd.DataFrame(X, columns=["a<b"]), Y, progress=False)


def test_every_estimate_lies_near_the_truth(report, law):
    truth = law.mutual_information
    for value in (report.copula.estimate, report.ksg, report.critic.estimate, report.estimate):
        assert value == pytest.approx(truth, abs=0.12)
    low, high = report.interval
    assert low < truth < high
    assert report.certified[0] < truth
    assert report.p == pytest.approx(2 / 1000), "the smallest that two tests of 999 permutations give"
    assert report.refusal is None


def test_the_text_says_nats_and_bits(report):
    text = str(report)
    line = next(line for line in text.splitlines() if line.startswith("KSG"))
    nats, bits = (float(word) for word in line.split()[-2:])
    assert bits == pytest.approx(nats / math.log(2), abs=0.002)
    assert "600 rows" in text
    assert "dependent" in text


def test_the_page_needs_no_network_and_escapes_names(report, tmp_path):
    page = report.to_html(str(tmp_path / "report.html"))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert "a&lt;b" in page
    assert "a<b" not in page
    addresses = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert addresses
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert "http" not in page


def test_the_same_seed_repeats_to_the_last_digit(law):
    X, Y = law.sample(120, np.random.default_rng(2))
    first, again, other = (mibook.estimate(X, Y, seed=seed, permutations=99, progress=False) for seed in (3, 3, 4))
    assert first.evidence == again.evidence
    assert first.p == again.p
    assert first.evidence != other.evidence


def test_no_dependence_is_not_detected():
    X, Y = np.random.default_rng(8).standard_normal((2, 200, 1))
    report = mibook.estimate(X, Y, progress=False)
    assert report.p > 0.05
    assert not report.detected
    assert Reason.NOT_DETECTED in {finding.reason for finding in report.findings}
    assert "no dependence was detected" in report.sentence()


def test_an_uncorrelated_dependence_is_detected():
    X, Y = GaussianMixture(0.9).sample(400, np.random.default_rng(2))
    report = mibook.estimate(X, Y, progress=False)
    assert report.copula.estimate < 0.05
    assert report.critic.estimate > 0.15
    assert report.detected


def test_categories_and_numbers_mix():
    rng = np.random.default_rng(4)
    town = rng.choice(["a", "b", "c"], 400)
    X = pd.DataFrame({"town": town, "noise": rng.standard_normal(400)})
    Y = np.where(town == "b", 3.0, 0.0) + rng.standard_normal(400)
    report = mibook.estimate(X, Y, progress=False)
    assert report.detected
    assert report.ksg is None
    assert report.copula is None
    assert 0.2 < report.critic.estimate < math.log(3)


def test_a_slow_record_is_refused_and_judged_by_stretches():
    rng = np.random.default_rng(5)
    slow = rng.standard_normal((2, 600))
    for k in range(1, 600):
        slow[:, k] = 0.95 * slow[:, k - 1] + math.sqrt(1 - 0.95**2) * slow[:, k]
    refused = mibook.estimate(*slow, progress=False)
    assert refused.refusal.reason is Reason.TIME
    assert refused.p is None
    assert refused.interval is None
    assert "dependence in time" in refused.to_html()
    assert mibook.estimate(*slow, time=True, progress=False).p > mibook.estimate(*slow, time=False, progress=False).p


def test_groups_count_as_what_they_are():
    """Each of 60 independent pairs is written down eight times, with a little noise: 480 rows of no dependence."""
    rng = np.random.default_rng(6)
    X, Y = (np.repeat(rng.standard_normal(60), 8) + 0.01 * rng.standard_normal(480) for _ in range(2))
    groups = np.repeat(np.arange(60), 8)
    blind, seeing = (mibook.estimate(X, Y, groups=g, time=False, progress=False) for g in (None, groups))
    assert blind.p < 0.01
    assert seeing.p > 0.05
    assert seeing.design.number == 60


def test_a_near_function_claims_nothing():
    """I = 6.9 nats of 150 rows, whose log is 5.0: the critics' value would be a false bound."""
    X, noise = np.random.default_rng(10).standard_normal((2, 150))
    report = mibook.estimate(X, X + 1e-3 * noise, progress=False)
    assert Reason.NEAR_LOG_N in {finding.reason for finding in report.findings if finding.refuses}
    assert report.certified is None
    assert report.interval is None
    assert report.detected


def test_a_constant_column_depends_on_nothing():
    report = mibook.estimate(np.ones(100), np.arange(100.0), time=False, progress=False)
    assert report.p == 1
    assert report.critic is None


def test_baselines_agree_with_what_is_known(law):
    X, Y = law.sample(4000, np.random.default_rng(7))
    x, y = copula.scores(X**3), copula.scores(np.exp(Y))
    value, error = copula.baseline(x, y)
    assert value == pytest.approx(law.mutual_information, abs=4 * error)
    assert ksg(x, y) == pytest.approx(law.mutual_information, abs=0.06)
    state = np.random.get_state()[1].copy()
    ksg(x[:50], y[:50])
    assert (np.random.get_state()[1] == state).all(), "the global generator is left as it was"


def test_the_command_line(tmp_path, capsys):
    rng = np.random.default_rng(9)
    height = rng.standard_normal(120)
    frame = pd.DataFrame(
        {"height": height, "weight": height + rng.standard_normal(120), "age": rng.integers(9, 80, 120)}
    )
    path, page = tmp_path / "table.csv", tmp_path / "report.html"
    frame.to_csv(path, sep=";", decimal=",", index=False)
    assert main([str(path), "--x", "height", "--y", "weight,age", "--quiet", "--html", str(page)]) in (0, 1)
    assert "height against weight, age, 120 rows" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    frame.loc[3, "weight"] = np.nan
    frame.to_csv(path, index=False)
    assert main([str(path), "--x", "height", "--y", "weight", "--quiet"]) == 2
    assert "'weight' has no value in row 5" in capsys.readouterr().err
    assert main([str(path), "--x", "height", "--y", "weight", "--quiet", "--drop-missing"]) in (0, 1)
    assert "1 of 120 rows" in capsys.readouterr().err
