"""Live figures: module and class agree, with each other and with scipy; what travels is small and whole."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, norm
from torch import nn

from chapters.source import ROOT
from javascript import JS, javascript, tool
from mibook.live.base import Figure, inlined, packed
from mibook.live.bound import DonskerVaradhan
from mibook.live.descent import GradientDescent
from mibook.live.generator import Stream
from mibook.live.mine import MINE
from mibook.live.minee import ThreeDivergences
from mibook.live.pairs import FirstPairs, ellipse
from mibook.live.race import LIMIT, Race
from mibook.live.resampling import METHODS, Resampling, choose
from mibook.live.smoothing import Smoothing
from mibook.samples import Gaussian, GaussianMixture, running_example

EXAMPLE = running_example()
FIGURES = {
    "resampling": lambda: Resampling(EXAMPLE.X, EXAMPLE.Y, rho=EXAMPLE.rho),
    "replacement": lambda: Resampling(EXAMPLE.X, EXAMPLE.Y, method="with", size=3000),
    "bound": DonskerVaradhan,
    "smoothing": lambda: Smoothing(EXAMPLE.rho),
    "mine": lambda: MINE(nn.Module, object),
    "descent": lambda: GradientDescent(EXAMPLE.X * EXAMPLE.Y, EXAMPLE.X_ref * EXAMPLE.Y_ref, EXAMPLE.rho),
    "pairs": lambda: FirstPairs(EXAMPLE.X, EXAMPLE.Y, EXAMPLE.rho),
    "divergences": ThreeDivergences,
    "race": Race,
    "box": lambda: ThreeDivergences(reference="box", width=3.2),
}


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_both_generators_give_the_same_numbers(seed):
    found = javascript(
        """const s = new maths.Stream(given);
        const [two, five] = [[s.uniform(), s.uniform()], [...s.normals(new Float64Array(5))]];
        answer([two, five, [...s.permutation(50)], s.below(10)]);""",
        seed,
    )
    stream = Stream(seed)
    np.testing.assert_array_equal(found[0], stream.uniform(2))
    np.testing.assert_allclose(found[1], stream.normal(5), rtol=1e-12)
    np.testing.assert_array_equal(found[2], stream.permutation(50))
    assert found[3] == stream.below(10, 1)[0]


def test_race_is_run_on_the_pairs_of_its_picture_towards_their_oracle():
    found = javascript(
        """const runner = new race.Runner(200, 0.8, 3);
        const { pairs: [x, y], oracle, truth, noise } = runner;
        while (runner.step());
        answer([[...x], [...y], oracle, truth, noise, runner.looks]);"""
    )
    figure, law = Race(n=200, seed=3), Gaussian(0.8)
    x, y = figure.pairs()
    np.testing.assert_allclose(found[:2], [x, y], atol=1e-12)
    assert found[2] == pytest.approx(law.oracle(x[:, None], y[:, None]), abs=1e-6)
    assert found[3:5] == pytest.approx([law.mutual_information, law.noise(200)], abs=1e-9)
    count, estimate, held = found[5][-1]
    assert count == LIMIT
    assert abs(estimate - found[2]) < 0.25
    assert abs(held - law.mutual_information) < 0.3


@pytest.mark.parametrize("method", METHODS)
def test_picture_and_module_choose_the_same_pairs(method):
    m = 50 if method == "without" else 130
    found = javascript(
        "const { J, K } = spread.choose(given[0], 60, given[1], new maths.Stream(7)); answer([[...J], [...K]]);",
        [method, m],
    )
    np.testing.assert_array_equal(found, choose(method, 60, m, Stream(7)))


def pairs(kind: str, n: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    if kind == "data":
        return np.hstack([EXAMPLE.X, EXAMPLE.Y])[:n]
    if kind == "reference":
        return np.column_stack([EXAMPLE.X[rng.integers(1000, size=n), 0], EXAMPLE.Y[rng.integers(1000, size=n), 0]])
    return np.column_stack([rng.exponential(size=n), rng.integers(2, size=n) + 0.3 * rng.standard_normal(n)])


@pytest.mark.parametrize(
    ("kind", "n"), [("data", 1000), ("data", 30), ("reference", 10_000), ("reference", 5), ("skewed", 400)]
)
def test_density_estimates_agree_with_scipy_within_two_percent_of_the_peak(kind, n):
    sample = pairs(kind, n)
    found = javascript(
        """const [x, y] = given, n = x.length, one = maths.kde1(x, n), two = maths.kde2(x, y, n);
        const shares = [0.05, 0.24, 0.43, 0.62, 0.81];
        answer({ one: [one.grid, [...one.values]], two: [two.gx, two.gy, [...two.values]],
                 levels: maths.shareLevels(two.values, shares) });""",
        sample.T.tolist(),
    )

    def places(grid):
        return grid["start"] + grid["step"] * np.arange(grid["size"])

    grid, density = found["one"]
    exact = gaussian_kde(sample[:, 0])(places(grid))
    assert np.abs(density - exact).max() < 0.02 * exact.max()

    gx, gy, density = found["two"]
    mesh = np.array([a.ravel() for a in np.meshgrid(places(gx), places(gy))])
    exact = gaussian_kde(sample.T)(mesh)
    assert np.abs(density - exact).max() < 0.02 * exact.max()

    falling = np.sort(exact)[::-1]  # seaborn's levels: with so much of the mass below them
    above = np.cumsum(falling) / falling.sum()
    levels = [falling[np.searchsorted(above, 1 - share)] for share in (0.05, 0.24, 0.43, 0.62, 0.81)]
    assert np.abs(np.array(found["levels"]) - levels).max() < 0.02 * exact.max()


def test_smoothing_picture_shows_the_run_of_the_module():
    figure = Smoothing(EXAMPLE.rho, beta=0.4, b=10, m0=2.0, iterations=300)
    found = javascript(
        """const run = new smoothing.Descent(given);
        for (let j = 0; j < 300; j++) run.step();
        answer([run.gradients, run.weights, run.constants, run.logs].map((v) => [...v.slice(0, 300)]));""",
        {"rho": EXAMPLE.rho, "beta": 0.4, "b": 10, "m0": 2.0, "seed": 0},
    )
    np.testing.assert_allclose(found, figure.run(), rtol=1e-7, atol=1e-9)


def test_bound_picture_shows_the_values_of_the_module():
    figure = DonskerVaradhan(scale=0.8, n=30, seed=4)
    found = javascript(
        """const h = bound.KNOTS.map((z) => given * bound.logRatio(z, 1, 0.6));
        const { data, reference } = bound.draw(30, 1, 0.6, new maths.Stream(4));
        answer([bound.bound(h, bound.law(1, 0.6), bound.law(0, 1)), bound.bound(h, data, reference)]);""",
        0.8,
    )
    np.testing.assert_allclose(found, figure.values(), rtol=1e-9)


def test_descent_picture_shows_the_path_of_the_module():
    figure = FIGURES["descent"]()
    data, reference = (np.frombuffer(v, "<f4").tolist() for v in (figure.data, figure.reference))
    found = javascript(
        """const [d, r] = given.map((v) => Float64Array.from(v));
        answer([descent.descend(0.3, 15, d, r), descent.loss(0.5, d, r)]);""",
        [data, reference],
    )
    np.testing.assert_allclose(found[0], figure.path(), atol=1e-5)
    assert found[1] == pytest.approx(figure.loss(0.5), abs=1e-5)


@pytest.mark.parametrize(("kind", "width"), [("gaussian", 0.6), ("gaussian", 2.0), ("box", 1.5), ("box", 3.2)])
def test_divergences_agree_with_the_module_and_with_the_densities(kind, width):
    figure = ThreeDivergences(reference=kind, width=width)
    found = javascript(
        """const law = new mixture.Mixture(0.9), { joint, x, y } = law.terms({ kind: given[0], width: given[1] });
        answer([joint, x, y, law.truth, Math.sqrt(law.variance / 400)]);""",
        [kind, width],
    )
    law = GaussianMixture(0.9)
    terms = figure.terms(width)
    np.testing.assert_allclose(found, [*terms, law.mutual_information, law.noise(400)], atol=1e-6)
    # the joint law by its two components, on a grid of other points
    z = np.linspace(-width, width, 2001) if kind == "box" else np.linspace(-9, 9, 2001)
    x, y = np.meshgrid(z, z)
    s = np.sqrt(1 - 0.9**2)
    joint = norm.pdf(x) * (norm.pdf(y, 0.9 * x, s) + norm.pdf(y, -0.9 * x, s)) / 2
    joint /= joint.sum()
    one, step = joint.sum(axis=0), z[1] - z[0]
    reference = (
        np.full(len(z), np.log(step / (2 * width))) if kind == "box" else norm.logpdf(z, 0, width) + np.log(step)
    )
    expected = (joint * (np.log(joint + 1e-300) - reference - reference[:, None])).sum()
    assert terms.joint == pytest.approx(expected, abs=3e-3)
    assert terms.x == pytest.approx(one @ (np.log(one) - reference), abs=3e-3)


@pytest.mark.parametrize("size", [30, 1000])
def test_pairs_say_how_far_their_density_is_from_the_law(size):
    found = javascript(
        """const [x, y, rho, n] = given; answer(pairs.farthest(maths.kde2(x, y, n), rho));""",
        [EXAMPLE.X[:, 0].tolist(), EXAMPLE.Y[:, 0].tolist(), EXAMPLE.rho, size],
    )
    assert found == pytest.approx(FirstPairs(EXAMPLE.X, EXAMPLE.Y, EXAMPLE.rho, size=size).farthest(), abs=0.02)


def test_ellipses_hold_their_share_of_the_mass():
    rho, share = EXAMPLE.rho, 0.24
    x, y = np.array(javascript("answer(pairs.ellipse(given[0], given[1]).map((v) => [...v]));", [rho, share]))
    np.testing.assert_allclose([x, y], ellipse(rho, share), atol=1e-12)
    height = (x**2 - 2 * rho * x * y + y**2) / (1 - rho**2)
    np.testing.assert_allclose(height, height[0])
    u, v = np.random.default_rng(1).standard_normal((2, 100_000))
    v = rho * u + np.sqrt(1 - rho**2) * v
    assert np.mean((u**2 - 2 * rho * u * v + v**2) / (1 - rho**2) > height[0]) == pytest.approx(share, abs=0.01)


def test_pairs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least 2000"):
        FirstPairs(EXAMPLE.X, EXAMPLE.Y, EXAMPLE.rho, size=2000)


def test_critic_trains_as_torch_does():
    rng = np.random.default_rng(3)
    data, reference = rng.standard_normal((2, 60)), 1.5 * rng.standard_normal((2, 90))
    found = javascript(
        """const [data, reference] = given.map((columns) => columns.map((v) => Float64Array.from(v)));
        const one = new critic.Critic(2, 16, new maths.Stream(5)), start = [...one.weights];
        answer([start, Array.from({ length: 200 }, () => one.climb(data, reference, 0.02)), [...one.weights]]);""",
        [data.tolist(), reference.tolist()],
    )
    start = torch.tensor(found[0], dtype=torch.float64)
    weights = [w.clone().requires_grad_() for w in (start[:32].reshape(16, 2), start[32:48], start[48:])]
    optimiser, bounds = torch.optim.Adam(weights, lr=0.02), []
    for _ in range(200):
        t, t_ref = (
            torch.nn.functional.elu(torch.tensor(z.T) @ weights[0].T + weights[1]) @ weights[2]
            for z in (data, reference)
        )
        bound = t.mean() - torch.logsumexp(t_ref, 0) + np.log(90)
        optimiser.zero_grad()
        (-bound).backward()
        optimiser.step()
        bounds.append(bound.item())
    np.testing.assert_allclose(found[1], bounds, atol=1e-6)
    np.testing.assert_allclose(found[2], torch.cat([w.detach().ravel() for w in weights]), atol=1e-5)


def test_both_sides_train_on_the_same_pairs():
    found = javascript(
        "answer(new mixture.Mixture(0.9).sample(400, new maths.Stream(given)).map((column) => [...column]));", 3
    )
    for column, ours in zip(found, ThreeDivergences().sample(3), strict=True):
        np.testing.assert_allclose(column, ours[:, 0], rtol=1e-9)


def drawn(figure: ThreeDivergences, seed: int):
    """What the figure answers to its module, which asks for reference points."""
    answers = []
    figure.send = lambda message, buffers=(): answers.append((message, [np.frombuffer(b, "<f4") for b in buffers]))
    figure._handle_custom_msg({"ask": "reference", "seed": seed}, [])
    return answers[0]


def test_three_divergences_draw_from_the_readers_reference():
    figure = ThreeDivergences(draw=lambda X, n_ref, generator: X.mean() + torch.zeros(n_ref, 1))
    assert figure.own
    message, columns = drawn(figure, 4)
    assert message == {"seed": 4}
    for column, sample in zip(columns, figure.sample(4), strict=True):
        np.testing.assert_allclose(column, np.full(2000, sample.mean()), atol=1e-6)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            lambda X, n_ref, generator: (_ for _ in ()).throw(NotImplementedError("Replace this.")),
            "NotImplementedError",
        ),
        (lambda X, n_ref, generator: X, "The reference of X must have shape (2000, 1), not (400, 1)"),
        (lambda X, n_ref, generator: torch.full((n_ref, 1), float("nan")), "not finite"),
    ],
    ids=["stub", "shape", "nan"],
)
def test_a_wrong_reference_is_answered_with_a_sentence(broken, said):
    message, columns = drawn(ThreeDivergences(draw=broken), 0)
    assert said in message["error"]
    assert columns == []


def test_a_width_out_of_range_is_refused():
    with pytest.raises(ValueError, match="between 1 and 6"):
        ThreeDivergences(reference="box", width=9.0)


def test_what_the_modules_compute():
    tests = sorted((ROOT / "tests" / "mibook" / "live").glob("*.test.mjs"))
    run = subprocess.run([tool("node"), "--test", *map(str, tests)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_types_of_the_modules():
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    assert compiler.exists(), "TypeScript is missing: run `npm ci --ignore-scripts`."
    run = subprocess.run([tool("node"), str(compiler), "-p", str(JS)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("name", sorted({cls.module for cls in Figure.__subclasses__() if "module" in cls.__dict__}))
def test_module_travels_as_one_string(name, tmp_path):
    text = inlined(name)
    assert not re.search(r"^import |^export (?!default)", text, re.MULTILINE)
    assert text.count("export default") == 1
    (tmp_path / "whole.mjs").write_text(text, encoding="utf-8")
    run = subprocess.run([tool("node"), "--check", str(tmp_path / "whole.mjs")], capture_output=True, text=True)
    assert run.returncode == 0, f"Two of the files that {name} joins declare the same name:\n{run.stderr}"


@pytest.mark.parametrize("name", FIGURES)
def test_figure_brings_a_picture_that_is_described(name):
    figure = FIGURES[name]()
    html = figure._repr_mimebundle_()[0]["text/html"]
    assert f'data-live-model="{figure.model_id}"' in html
    (alt,) = re.findall(r' alt="([^"]*)"', html)
    assert len(alt) > 60
    assert "data:image/webp;base64," in html
    state = figure.get_state()
    size = len(json.dumps({k: v for k, v in state.items() if not isinstance(v, bytes)}))
    size += sum(len(v) for v in state.values() if isinstance(v, bytes))
    assert size < 64_000, "a figure travels with its page: send seeds and parameters instead of samples"


def test_picture_without_words_is_refused():
    class Silent(DonskerVaradhan):
        def alt(self) -> str:
            return " "

    with pytest.raises(ValueError, match="must say what the picture shows"):
        Silent()._repr_mimebundle_()


def sent(figure: Resampling, method: str, size: int):
    """What the figure answers to its module: a message, and rows."""
    answers = []
    figure.send = lambda message, buffers=(): answers.append((message, [np.frombuffer(b, "<i4") for b in buffers]))
    figure._handle_custom_msg({"ask": "rows", "method": method, "size": size}, [])
    return answers[0]


def test_figure_draws_what_the_readers_own_function_returns():
    def resample(data, size, replace=False):
        return data[::-1][:size] if not replace else data[np.zeros(size, dtype=int)]

    figure = Resampling(EXAMPLE.X, EXAMPLE.Y, resample=resample)
    assert figure.own == ["without", "with"]
    _, (J, K) = sent(figure, "without", 3)
    assert J.tolist() == K.tolist() == [999, 998, 997]
    _, (J, _) = sent(figure, "with", 2000)
    assert set(J) == {0}
    assert len(J) == 2000

    def resample_pairs(X, Y, size, rng):
        return X[rng.integers(len(X), size=size)], Y[:1].repeat(size, axis=0)

    figure = Resampling(EXAMPLE.X, EXAMPLE.Y, resample_pairs=resample_pairs)
    assert figure.own == ["with"]
    message, (J, K) = sent(figure, "with", 500)
    assert message == {}
    assert len(set(J)) > 300
    assert set(K) == {0}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda data, size: (_ for _ in ()).throw(NotImplementedError("Replace this line.")), "NotImplementedError"),
        (lambda data, size: data[: size - 1], "3 rows of X were asked for, and 2 came"),
        (lambda data, size: np.full((size, 1), 0.5), "are not rows of X"),
    ],
    ids=["stub", "too few", "no rows"],
)
def test_a_wrong_function_is_answered_with_a_sentence(broken, said):
    message, rows = sent(Resampling(EXAMPLE.X, EXAMPLE.Y, resample=broken), "without", 3)
    assert said in message["error"]
    assert rows == []


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same number of values"):
        Resampling(EXAMPLE.X, EXAMPLE.Y[:5])


def test_numbers_are_packed_in_four_bytes():
    found = javascript(
        "answer([...maths.floats(new DataView(Uint8Array.from(given).buffer))]);", list(packed(np.array([1.5, -2.0])))
    )
    assert found == [1.5, -2.0]


def test_installed_package_has_the_modules(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "mibook", source / "mibook", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE-CODE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    run = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"mibook/live/{p.name}" for p in JS.parent.glob("*.py")}
    wanted |= {f"mibook/live/js/{p.name}" for p in JS.iterdir() if p.suffix in (".mjs", ".css")}
    assert wanted <= held
