"""The chapter on smoothing: the bias of the minibatch gradient, the moving average, the drift of the constant."""

import numpy as np
import pytest
import torch

from chapters.source import definitions
from mibook import results
from mibook.samples import running_example

W = 3.631  # close to the best weight of the running example


@pytest.fixture(scope="module")
def ns():
    torch.set_num_threads(1)
    return definitions("smoothing")


def numerical_moments(w):
    """E e^t, E g, Var, Cov, Var g of t = -w u^2 with u standard normal, by quadrature."""
    u = np.linspace(-12, 12, 200_001)
    p = np.exp(-(u**2) / 2)
    p /= p.sum()
    E, G = np.exp(-w * u**2), -(u**2) * np.exp(-w * u**2)
    mean, slope = p @ E, p @ G
    return mean, slope, p @ E**2 - mean**2, p @ (E * G) - mean * slope, p @ G**2 - slope**2


@pytest.mark.parametrize("w", [0.3, W])
def test_moments_are_those_of_quadrature(ns, w):
    np.testing.assert_allclose(ns["along_w"](w), numerical_moments(w), rtol=1e-8)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_bias_is_first_order_formula(ns, beta):
    # at b = 100 the next order is about 3 % of the bias; five standard errors of the measurement besides
    M, rng = ns["along_w"](W), np.random.default_rng(1)
    L_ref, G = ns["batches"](W, 100, 8000, rng)
    bias, error, sd = ns["measure"](L_ref, G, M, beta)
    theory = ns["bias_theory"](M, 100, beta)
    assert abs(bias - theory) < 0.05 * abs(theory) + 5 * error
    assert error < 0.2 * abs(theory), "the measurement is too noisy to tell anything"
    assert sd == pytest.approx(ns["noise_theory"](M, 100, beta), rel=0.08)


def test_bias_is_half_the_slope_of_the_relative_variance(ns):
    def relative_variance(w):
        M = ns["along_w"](w)
        return M.var / M.mean**2

    h, b = 1e-5, 50
    slope = (relative_variance(W + h) - relative_variance(W - h)) / (2 * h)
    assert ns["bias_theory"](ns["along_w"](W), b, 0.0) == pytest.approx(-slope / (2 * b), rel=1e-6)
    assert slope == pytest.approx(4 * W / (1 + 4 * W) ** 1.5, rel=1e-6)


def test_constant_has_no_bias_or_noise_at_beta_zero_and_the_known_bias_between(ns):
    M, beta, b = ns["along_c"](W), 0.4, 100
    sigma2 = M.var / M.mean**2
    assert ns["bias_theory"](M, b, 0.0) == pytest.approx(0, abs=1e-15)
    assert ns["noise_theory"](M, b, 0.0) == pytest.approx(0, abs=1e-8)
    assert ns["bias_theory"](M, b, beta) == pytest.approx(-beta * (1 - beta) / (1 + beta) * sigma2 / b)
    assert ns["noise_theory"](M, b, beta) == pytest.approx(beta * np.sqrt(2 / (1 + beta) * sigma2 / b))


def test_update_has_the_papers_gradient_and_keeps_no_graph(ns):
    s, s_ref = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [2.0]])
    w = torch.tensor(0.5, requires_grad=True)
    L_ref = (w * s_ref).exp().mean()
    m = ns["update_average"](torch.tensor(1.0), L_ref, 0.9)
    assert not m.requires_grad
    assert m.item() == pytest.approx(0.9 + 0.05 * (1 + np.e), rel=1e-6)
    (slope,) = torch.autograd.grad(ns["smoothed_loss"](w * s, w * s_ref, m), w)
    assert slope.item() == pytest.approx(-2 + np.e / m.item(), rel=1e-6)


def test_beta_zero_is_the_minibatch_gradient_and_beta_one_the_tangent_bound(ns):
    rng = np.random.default_rng(2)
    u, u_ref = (torch.tensor(rng.chisquare(1, (50, 1))) for _ in range(2))
    w = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def slope(loss):
        return torch.autograd.grad(loss, w)[0].item()

    t_ref = -w * u_ref
    start = torch.tensor(1.0, dtype=torch.float64)
    ends = {b: ns["update_average"](start, t_ref.exp().mean(), b) for b in (0.0, 1.0)}
    plain = slope((w * u).mean() + (-w * u_ref).exp().mean().log())
    tangent = slope((w * u).mean() - 1 + (-w * u_ref + 1 - 1).exp().mean())
    assert slope(ns["smoothed_loss"](-w * u, -w * u_ref, ends[0.0])) == pytest.approx(plain)
    assert slope(ns["smoothed_loss"](-w * u, -w * u_ref, ends[1.0])) == pytest.approx(tangent)
    assert plain != pytest.approx(tangent, rel=0.01)


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_stable_loss_agrees_and_ignores_a_common_shift(ns, beta):
    rng = np.random.default_rng(3)
    u, u_ref = (torch.tensor(rng.chisquare(1, (40, 1)), dtype=torch.float32) for _ in range(2))
    w, log_m = torch.tensor(0.7, requires_grad=True), torch.tensor(-0.2)

    def step(shift):
        loss, new = ns["stable_loss"](shift - w * u, shift - w * u_ref, log_m + shift, beta)
        return torch.autograd.grad(loss, w)[0].item(), new.item() - shift

    m = ns["update_average"](log_m.exp(), (-w * u_ref).exp().mean(), beta)
    (expected,) = torch.autograd.grad(ns["smoothed_loss"](-w * u, -w * u_ref, m), w)
    assert step(0.0) == pytest.approx((expected.item(), m.log().item()), rel=1e-5)
    assert step(500.0) == pytest.approx(step(0.0), abs=1e-3)  # float32 has 3e-5 at 500


@pytest.mark.parametrize("beta", [0.1, 0.4, 0.9])
def test_ratchet_never_turns_back(ns, beta):
    example = running_example()
    eta, rng = 0.5, np.random.default_rng(4)
    _, c, log_m = ns["train_two_weights"](example.X, example.Y, beta, eta, 20, 800, rng).T
    steps = np.diff(c + eta * beta / (1 - beta) * log_m)
    assert steps.min() > -1e-12
    assert np.diff(c).min() < 0, "c alone does go down at times, so that the first line is not trivial"


def simulate_constant(beta, eta, b=50, chains=500, steps=600):
    """Mean rise a step of c alone, by plain descent and by Adam's rule with its usual memories."""
    rng = np.random.default_rng(5)
    c, m, g1, g2 = np.zeros((2, chains)), np.full((2, chains), (1 + 2 * W) ** -0.5), np.zeros(chains), np.zeros(chains)
    for j in range(1, steps + 301):
        E = np.exp(-W * rng.standard_normal((chains, b)) ** 2).mean(1)
        L_ref = np.exp(c) * E
        m = beta * m + (1 - beta) * L_ref
        push = 1 - L_ref / m
        g1, g2 = 0.9 * g1 + 0.1 * push[1], 0.999 * g2 + 0.001 * push[1] ** 2
        adam = g1 / (1 - 0.9**j) / (np.sqrt(g2 / (1 - 0.999**j)) + 1e-8)
        c = c + np.array([eta * push[0], 1e-3 * adam])
        if j == 300:
            start = c.copy()
    rise = (c - start) / steps
    return rise.mean(1), rise.std(1) / np.sqrt(chains)


@pytest.mark.parametrize(("beta", "eta"), [(0.1, 0.1), (0.4, 0.5), (0.8, 0.5)])
def test_speed_of_the_drift(ns, beta, eta):
    M, b = ns["along_c"](W), 50
    s2 = M.var / M.mean**2 / b
    (plain, adam), (error, adam_error) = simulate_constant(beta, eta, b)
    theory = eta * s2 * beta * (1 - beta) ** 2 / (1 - beta**2 * (1 - eta) ** 2)
    # 8 % for the next order in the noise, whose square is s2 = 0.022, and five standard errors
    assert abs(plain - theory) < 0.08 * theory + 5 * error
    assert error < 0.1 * theory
    theory = 1e-3 * (1 - beta) / np.sqrt(2 * (1 + beta)) * np.sqrt(s2)
    assert abs(adam - theory) < 0.1 * theory + 5 * adam_error  # the same, and Adam's running normaliser


def test_the_penalty_helps_without_true_pairs_in_the_reference_too():
    late = results.load("drift_rotations").query("iteration >= 1200")
    bound = (late.t_joint - late.log_mean_exp).groupby([late.cure, late.seed]).median()
    assert bound["subtract"].max() < 0
    assert bound["penalty"].min() > 2


def test_stored_study_says_what_the_page_says():
    drift = results.load("drift")
    plain = drift[drift.cure == "none"]
    ends = plain[plain.overflow == 1].groupby(["task", "beta"]).iteration

    def all_within(key, low, high):
        runs = ends.get_group(key)
        return len(runs) == 3 and runs.between(low, high).all()

    assert all_within(("running", 0.1), 7_000, 10_000)
    assert all_within(("running", 0.4), 12_000, 17_000)
    assert all_within(("six", 0.0), 2_000, 3_000)
    assert all_within(("six", 0.1), 500, 700)
    assert set(ends.groups) == {("running", 0.1), ("running", 0.4), ("six", 0.0), ("six", 0.1), ("six", 0.4)}
    last = drift.sort_values("iteration").groupby(["task", "cure", "beta", "seed"]).tail(1)
    level = last.groupby(["task", "cure", "beta"]).t_joint.mean()
    assert abs(level["running", "none", 0.9]) < 4
    assert level["running", "logsumexp", 0.1] > 100 > 4 > abs(level["running", "subtract", 0.1])
    gap = (last.t_joint - last.t_ref).groupby([last.task, last.cure, last.beta]).mean()
    assert gap["six", "none", 0.0] > 3 * gap["six", "none", 0.9]
