"""The chapter on MI-NEE: the identity, its price, the trainer, and what the stored race says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import laplace, logistic, norm, uniform

from chapters.source import definitions
from mibook import results
from mibook.samples import Gaussian, GaussianMixture

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def ns() -> dict:
    return definitions("mi-nee")


# The identity (MI-3D, MI-ub, ex-mi-3d-gaussian)


@pytest.mark.parametrize("rho", [0.0, -0.6, 0.9])
@pytest.mark.parametrize(
    ("ref_x", "ref_y", "bounded"),
    [
        (norm(), norm(), False),
        (norm(0.5, 1.5), norm(-1, 0.8), False),
        (laplace(), laplace(0.3, 2), False),
        (logistic(), norm(0, 3), False),
        (uniform(-0.2, 1.4), uniform(0, 1), True),
    ],
)
def test_three_divergences_differ_by_the_mutual_information(ns, rho, ref_x, ref_y, bounded):
    joint, of_x, of_y = ns["three_divergences"](rho, ref_x, ref_y, bounded)
    truth = Gaussian(rho).mutual_information
    assert joint - of_x - of_y == pytest.approx(truth, abs=1e-5)
    assert min(of_x, of_y) > -1e-6
    assert joint >= truth - 1e-5


def gaussian_divergence(mean, cov, mean_ref, cov_ref) -> float:
    """D(N(mean, cov) || N(mean_ref, cov_ref)) by the formula with matrices."""
    inverse, gap = np.linalg.inv(cov_ref), np.subtract(mean_ref, mean)
    logs = np.linalg.slogdet(cov_ref)[1] - np.linalg.slogdet(cov)[1]
    return float((np.trace(inverse @ cov) + gap @ inverse @ gap - len(cov) + logs) / 2)


def test_quadrature_agrees_with_the_closed_form(ns):
    cov, cov_ref, mean_ref = np.array([[1, 0.7], [0.7, 1]]), np.diag([2.25, 0.64]), [0.5, -1.0]
    joint, of_x, of_y = ns["three_divergences"](0.7, norm(0.5, 1.5), norm(-1, 0.8))
    assert joint == pytest.approx(gaussian_divergence([0, 0], cov, mean_ref, cov_ref), abs=1e-5)
    assert of_x == pytest.approx(gaussian_divergence([0], np.eye(1), [0.5], np.eye(1) * 2.25), abs=1e-5)
    assert of_y == pytest.approx(gaussian_divergence([0], np.eye(1), [-1], np.eye(1) * 0.64), abs=1e-5)


@pytest.mark.parametrize("s", [0.5, 1.0, 2.0, 10.0])
def test_answer_by_hand(s):
    delta, rho = math.log(s) + 1 / (2 * s**2) - 1 / 2, 0.8
    joint = gaussian_divergence([0, 0], np.array([[1, rho], [rho, 1]]), [0, 0], s**2 * np.eye(2))
    assert joint == pytest.approx(2 * delta + Gaussian(rho).mutual_information)
    assert delta >= 0


def test_the_number_of_the_last_hint():
    assert math.log(2) - 3 / 8 == pytest.approx(0.318, abs=5e-4)


def test_learned_reference_floors_of_the_answer():
    floors = [math.expm1(0.7405 + excess) for excess in (0.2, 2.6)]
    assert floors == pytest.approx([1.6, 27.2], abs=0.1)
    assert floors[1] / floors[0] == pytest.approx(17.5, abs=0.6)


# The price of a reference (thm-partition-variance), and the box


def test_variance_of_the_ratio_is_at_least_the_floor():
    """On a grid, with a wide Gaussian reference: Var r = E_P r - 1, at least e^D - 1."""
    rho, s = 0.6, 1.5
    z, step = np.linspace(-9, 9, 901, retstep=True)
    x, y = z[:, None], z[None, :]
    log_p = (
        Gaussian(rho)
        .information_density(np.repeat(z, len(z))[:, None], np.tile(z, len(z))[:, None])
        .reshape(len(z), -1)
    )
    log_p = log_p + norm.logpdf(x) + norm.logpdf(y)
    log_q = norm.logpdf(x, scale=s) + norm.logpdf(y, scale=s)
    p, q, r = np.exp(log_p), np.exp(log_q), np.exp(log_p - log_q)
    assert np.sum(q * r) * step**2 == pytest.approx(1, abs=1e-6)
    variance = np.sum(q * r**2) * step**2 - 1
    assert variance == pytest.approx(np.sum(p * r) * step**2 - 1, rel=1e-6)
    delta = math.log(s) + 1 / (2 * s**2) - 1 / 2
    assert variance >= math.expm1(Gaussian(rho).mutual_information + 2 * delta)


def test_box_adds_more_than_the_whole_information_in_six_dimensions():
    excess = math.log(6.4) - math.log(2 * math.pi * math.e) / 2
    assert 12 * excess > Gaussian(0.9, 6).mutual_information
    floor = math.sqrt(math.expm1(Gaussian(0.9, 6).mutual_information + 12 * excess) / 1e4)
    assert floor > 1, "the prose says that the average scatters by more than its mean"


def test_a_fresh_value_is_outside_the_box_with_probability_two_over_n_plus_one():
    """20 000 boxes of n = 9: 0.2, with a standard error of 0.003."""
    draws = np.random.default_rng(1).exponential(size=(20_000, 10))
    outside = (draws[:, 9] < draws[:, :9].min(axis=1)) | (draws[:, 9] > draws[:, :9].max(axis=1))
    assert outside.mean() == pytest.approx(2 / 10, abs=0.012)


def test_references_have_the_law_they_claim(ns):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(500, 2, generator=generator) @ torch.tensor([[2.0, 0.5], [0.0, 1.0]]) + 3
    drawn = ns["gaussian_reference"](X, 50_000, generator)
    assert drawn.mean(0).tolist() == pytest.approx(X.mean(0).tolist(), abs=0.05)
    assert torch.cov(drawn.T).flatten().tolist() == pytest.approx(torch.cov(X.T).flatten().tolist(), abs=0.1)
    box = ns["uniform_reference"](X, 1000, generator)
    assert (box >= X.amin(0)).all()
    assert (box <= X.amax(0)).all()
    assert ns["gaussian_reference"](X[:, :1], 7).shape == (7, 1)


# The trainer


def make(ns, n=60, n_ref=120, d_x=2, d_y=1, m=4, **kwargs):
    torch.manual_seed(0)
    X, Y = torch.randn(n, d_x), torch.randn(n, d_y)
    X_ref, Y_ref = torch.randn(n_ref, d_x), torch.randn(n_ref, d_y)
    nets = [ns["Net"](d, 8) for d in (d_x + d_y, d_x, d_y)]
    return ns["MINEETrainer"](X, Y, X_ref, Y_ref, *nets, m, **kwargs)


def test_loss_is_minus_the_sum_and_estimate_the_difference(ns):
    trainer = make(ns)
    data = trainer.X, trainer.Y, trainer.X_ref, trainer.Y_ref
    joint, of_x, of_y = (t.item() for t in trainer.terms(*data))
    assert trainer.loss(*data).item() == pytest.approx(-joint - of_x - of_y, abs=1e-6)
    assert trainer.estimate() == pytest.approx(joint - of_x - of_y, abs=1e-6)


def test_training_raises_every_term(ns):
    trainer = make(ns, lr=1e-2)
    data = trainer.X, trainer.Y, trainer.X_ref, trainer.Y_ref
    before = [t.item() for t in trainer.terms(*data)]
    trainer.step(10)
    assert all(a > b for a, b in zip((t.item() for t in trainer.terms(*data)), before, strict=True))
    assert trainer.iteration == 40


def test_added_constants_change_nothing(ns):
    trainer = make(ns)
    before = trainer.estimate()
    with torch.no_grad():
        for net in (trainer.net_xy, trainer.net_x, trainer.net_y):
            net.fc3.bias += 200  # the exponential of this would overflow
    assert trainer.estimate() == pytest.approx(before, abs=1e-3)


def test_trainer_finds_a_dependence(ns):
    law = Gaussian(0.9)
    X, Y = (torch.tensor(a, dtype=torch.float32) for a in law.sample(500, np.random.default_rng(1)))
    torch.manual_seed(1)
    X_ref, Y_ref = (ns["gaussian_reference"](A, 1500) for A in (X, Y))
    nets = [ns["Net"](d, 32) for d in (2, 1, 1)]
    trainer = ns["MINEETrainer"](X, Y, X_ref, Y_ref, *nets, 5, lr=5e-3)
    assert trainer.step(30) == pytest.approx(law.mutual_information, abs=0.25)
    composite = ns["Composite"](*nets)
    assert ns["mine_objective"](composite, X, Y).item() == pytest.approx(law.mutual_information, abs=0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n_ref": 2}, "n_iters_per_epoch"), ({"m": 0}, "n_iters_per_epoch")],
)
def test_empty_batches_are_refused(ns, change, message):
    with pytest.raises(ValueError, match=message):
        make(ns, **change)


def test_wrong_shapes_and_values_are_refused(ns):
    good = make(ns)
    nets = good.net_xy, good.net_x, good.net_y
    with pytest.raises(ValueError, match="X_ref"):
        ns["MINEETrainer"](good.X, good.Y, good.Y_ref, good.Y_ref, *nets, 4)
    with pytest.raises(ValueError, match="pair up"):
        ns["MINEETrainer"](good.X, good.Y[1:], good.X_ref, good.Y_ref, *nets, 4)
    good.X[0] = torch.nan
    with pytest.raises(FloatingPointError, match="learning rate"):
        good.step()


def test_log_is_written_and_closed(ns, tmp_path):
    trainer = make(ns, writer_params={"log_dir": str(tmp_path)})
    trainer.step()
    trainer.close()
    assert trainer.writer is None
    assert any(path.stat().st_size for path in tmp_path.iterdir())


def test_initial_weights(ns):
    torch.manual_seed(0)
    assert ns["Net"](2, 100, sigma=0.02).fc2.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert ns["Net"](2, 100).fc2.weight.std().item() == pytest.approx(math.sqrt(2 / 100), rel=0.05)


def test_learned_reference_moves_to_the_marginals(ns):
    X, Y = (torch.tensor(a, dtype=torch.float32) for a in Gaussian(0.5).sample(500, np.random.default_rng(3)))
    torch.manual_seed(0)
    G, H = ns["Affine"](1.0, 0.8), ns["Affine"](0.0, 1.6)
    path = ns["learn_reference"](X, Y, G, H, ns["Net"](2, 16), steps=150, n_ref=500)
    assert path[-1, 1:].sum() < 0.25 * path[0, 1:].sum()
    assert norm(G.mu.item(), G.log_sigma.exp().item()).mean() == pytest.approx(0, abs=0.4)


# What the page says of the stored race


@pytest.fixture(scope="module")
def finals():
    frame = results.load("race_finals")
    return frame.assign(init=frame["init"].astype(str)).set_index(["law", "method", "init"])["estimate"]


def test_race_on_the_mixture_depends_on_the_start_and_not_on_the_method(finals):
    he = [finals["mixture", method, "he"].mean() for method in ("mine", "gaussian", "uniform", "cross")]
    noise = GaussianMixture(0.9).noise(400)
    assert max(he) - min(he) < noise, "the curves cannot be told apart"
    race = results.load("race").query("law == 'mixture' and init == '0.02' and iteration == 800")
    small = race.set_index("method")["mean"]
    assert small["mine"] > small["uniform"] > small["gaussian"]
    assert small["gaussian"] < 0.05
    assert small["mine"] < min(he) - 2 * noise


def test_held_out_pairs_do_not_rank_the_methods_in_six_dimensions():
    judged = results.load("race_held_out").pivot(index="seed", columns="method")
    truth, outside = Gaussian(0.9, 6).mutual_information, judged["held_out"]
    for method in ("gaussian", "cross"):
        ahead = outside[method] - outside["mine"]
        assert abs(ahead.mean()) < 1.3 * ahead.sem()
    assert outside.mean().max() < truth - 1
    optimism = (judged["estimate"] - outside).mean()
    assert optimism["mine"] > 0.4
    assert optimism["gaussian"] < 0.05


def test_the_information_of_the_four_classes(ns):
    grid = np.linspace(-4, 7, 8001)
    density = norm.pdf(grid, np.arange(4)[:, None], 0.5)
    value = (density * ns["class_density"](grid)).sum() * (grid[1] - grid[0]) / 4
    assert value == pytest.approx(0.845, abs=5e-4)
    assert value < math.log(4)


def test_a_reference_without_the_atoms_lets_a_critic_rise_without_end(ns):
    """The critic k on the atoms, 0 elsewhere, is a bump that a Gaussian or a box never meets."""
    C = torch.arange(4.0).repeat(50)[:, None]
    for draw, limit in (
        (ns["gaussian_reference"], math.inf),
        (ns["uniform_reference"], math.inf),
        (ns["atom_reference"], 0),
    ):
        reference = draw(C, 500, torch.Generator().manual_seed(0))
        on_data, on_reference = ((a == a.round()).double() for a in (C, reference))
        bounds = [ns["dv"](k * on_data, k * on_reference).item() for k in (1.0, 10.0)]
        assert bounds == pytest.approx([1.0, 10.0] if limit else [0, 0], abs=1e-9)
        assert set(ns["atom_reference"](C, 500).flatten().tolist()) == {0.0, 1.0, 2.0, 3.0}


def test_race_in_six_dimensions(finals):
    truth = Gaussian(0.9, 6).mutual_information
    box, gaussian, mine, cross = (finals["gaussian6", m, "he"] for m in ("uniform", "gaussian", "mine", "cross"))
    assert box.std() > truth, "the box sinks"
    assert box.min() < 0 < truth < box.max(), "in either direction"
    assert abs(gaussian.mean() - truth) < abs(mine.mean() - truth)
    assert gaussian.std() < mine.std()
    assert cross.mean() < gaussian.mean()


def test_last_column_of_the_race_has_early_crossings():
    frame = results.load("race_finals").query("law == 'mixture' and init == 'he' and method == 'uniform'")
    assert frame["first_90"].min() == 25, "an untrained difference of three may cross any level"
