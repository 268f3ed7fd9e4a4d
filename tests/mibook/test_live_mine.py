"""The live figure on MINE: what a page trains with is what torch trains, and a kernel trains the reader's own."""

import base64
import json
import re

import numpy as np
import pytest
import torch

from chapters.source import ROOT, definitions
from javascript import javascript
from mibook.live.export import exported
from mibook.live.generator import Stream
from mibook.live.mine import EDGE, EXPORT, MINE, SIDE, Run, draw, grid, set_weights
from mibook.samples import Gaussian

pytestmark = pytest.mark.costly

RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
STEPS = 200
TRAIN = """
  const runtime = await import(given.dist + "ort.wasm.min.mjs");
  Object.assign(runtime.env.wasm, { numThreads: 1, wasmPaths: given.dist });
  const create = (text) => runtime.InferenceSession.create(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const graphs = { step: await create(given.step), critic: await create(given.critic) };
  const run = new training.Training(runtime, graphs, given.layout, given.settings);
  const losses = [];
  while (run.iteration < given.steps) losses.push(...(await run.epochs()));
  const t = await run.critic(run.data.x, run.data.y);
  const look = await run.look();
  answer({ losses, t: [...t], ...look, heat: [...look.heat] });
"""


@pytest.fixture(scope="module")
def chapter():
    return definitions("mine")


@pytest.fixture(scope="module")
def graphs(chapter):
    return exported(chapter["Net"], chapter["MINETrainer"])


def settings(**changed) -> dict:
    usual = {"rho": 0.9, "n": 1000, "b": 100, "beta": 0.9, "lr": 1e-3, "start": "he", "seed": 3}
    return usual | changed


@pytest.mark.parametrize("start", ["0.02", "he"])
def test_page_and_kernel_start_from_the_same_pairs_and_weights(chapter, graphs, start):
    found = javascript(
        """const { data, held } = training.draw(given.settings);
        answer([[data.x, data.y, held.x, held.y].map((v) => [...v]),
                [...training.startWeights(given.layout, given.settings.start, given.settings.seed)],
                training.landmarks(given.settings.rho, data)]);""",
        {"settings": settings(start=start), "layout": graphs[2]},
    )
    pairs = draw(0.9, 1000, 3)
    np.testing.assert_allclose(found[0], np.squeeze(pairs), atol=1e-6)
    net = chapter["Net"]()
    set_weights(net, start, 3)
    weights = torch.cat([p.detach().ravel() for p in net.parameters()]).numpy()
    np.testing.assert_allclose(found[1], weights, atol=1e-7)
    spread = {"0.02": (0.02, 0.02), "he": (2**0.5 / 10, 1 / 10)}[start]
    assert net.fc2.weight.std().item() == pytest.approx(spread[0], rel=0.03)
    assert net.fc3.weight.std().item() == pytest.approx(spread[1], rel=0.25)
    law = Gaussian(0.9)
    expected = {"truth": law.mutual_information, "noise": law.noise(1000), "oracle": law.oracle(*pairs[:2])}
    assert found[2] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("changed", [{}, {"n": 400, "b": 50, "beta": 0.5, "seed": 0}], ids=["usual", "small batches"])
def test_exported_step_trains_as_torch_does(chapter, graphs, monkeypatch, changed):
    """The same batches for both: torch is given the permutations and rotations that the page draws."""
    given = settings(**changed)
    step, critic = (base64.b64encode(graph).decode() for graph in graphs[:2])
    found = javascript(
        TRAIN,
        {"dist": f"{RUNTIME}/", "step": step, "critic": critic, "layout": graphs[2], "settings": given, "steps": STEPS},
    )

    class Recorded(chapter["MINETrainer"]):
        def _descend(self, loss):
            losses.append(loss.item())
            super()._descend(loss)

        def estimate(self):
            return 0.0

    losses, stream = [], Stream(given["seed"] + 2000003)
    run = Run(chapter["Net"], Recorded, **given)
    monkeypatch.setattr(torch, "randperm", lambda n, device=None: torch.tensor(stream.permutation(n)))
    monkeypatch.setattr(torch, "randint", lambda low, high, size: low + stream.below(high - low, 1)[0])
    while run.trainer.iteration < STEPS:
        run.trainer.step()
    monkeypatch.undo()
    assert len(found["losses"]) == STEPS
    assert np.ptp(losses) > 0.5, "it has learned something"
    np.testing.assert_allclose(found["losses"], losses, atol=1e-3)

    # What it then says of the critic is what the critic says.
    X, Y, *_ = (torch.tensor(v, dtype=torch.float32) for v in draw(given["rho"], given["n"], given["seed"]))
    with torch.no_grad():
        t, shifts = run.net(X, Y), Stream(given["seed"] + 3000017).permutation(given["n"] - 1)[:20] + 1
        t_ref = torch.cat([run.net(X, Y.roll(-int(s), 0)) for s in shifts])
        constant = (t_ref.logsumexp(0) - np.log(len(t_ref))).item()
        heat = run.net(*grid()).ravel() - constant
    np.testing.assert_allclose(found["t"], t.ravel(), atol=0.02)
    assert found["estimate"] == pytest.approx(t.mean().item() - constant, abs=2e-3)
    np.testing.assert_allclose(found["heat"], heat, atol=0.05)
    ratio = Gaussian(given["rho"]).information_density(X.numpy(), Y.numpy())
    assert found["gap"] == pytest.approx(np.sqrt(np.mean((t.ravel().numpy() - constant - ratio) ** 2)), abs=5e-3)


def test_one_step_serves_every_batch_size(chapter, graphs):
    """Against torch's own Adam, after one step from the same weights, in batches that the export did not see."""
    step = base64.b64encode(graphs[0]).decode()
    for b in (2, 200):
        x, y, y_ref = np.random.default_rng(b).standard_normal((3, b)).tolist()
        found = javascript(
            """const runtime = await import(given.dist + "ort.wasm.min.mjs");
            Object.assign(runtime.env.wasm, { numThreads: 1, wasmPaths: given.dist });
            const graph = Uint8Array.from(atob(given.step), (letter) => letter.charCodeAt(0));
            const step = await runtime.InferenceSession.create(graph);
            const T = (v, shape) => new runtime.Tensor("float32", Float32Array.from(v), shape);
            const theta = training.startWeights(given.layout, "he", 0), P = theta.length;
            const state = new Float32Array(3 * P);
            state.set(theta);
            const batch = (v) => T(v, [1, v.length, 1]);
            const out = await step.run({ first_state: T(state, [3, P]), first_m: T([2], []), first_count: T([1], []),
              all_x: batch(given.x), all_y: batch(given.y), all_y_ref: batch(given.y_ref), beta: T([0.75], []),
              lr: T([0.01], []) });
            answer([out.last_m.data[0], out.losses.data[0], [...out.last_state.data.slice(0, P)]]);""",
            {"dist": f"{RUNTIME}/", "step": step, "layout": graphs[2], "x": x, "y": y, "y_ref": y_ref},
        )
        net = chapter["Net"]()
        set_weights(net, "he", 0)
        x, y, y_ref = (torch.tensor(v).view(-1, 1) for v in (x, y, y_ref))
        L, L_ref = -net(x, y).mean(), net(x, y_ref).exp().mean()
        m = 0.75 * 2 + 0.25 * L_ref.item()
        loss = L + L_ref / m
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        loss.backward()
        optimizer.step()
        assert found[:2] == pytest.approx([m, loss.item()], rel=1e-5)
        np.testing.assert_allclose(found[2], torch.cat([p.detach().ravel() for p in net.parameters()]), atol=2e-4)


def test_exported_graphs_hold_no_line_of_the_answer(graphs):
    for graph in graphs[:2]:
        assert not re.search(rb"stack_trace|\.py|forward|self\.|F\.elu|torch\.|line \d", graph)
        assert len(graph) < 20_000


def told(figure: MINE, *questions: dict) -> list[tuple[dict, np.ndarray | None]]:
    """What the figure answers to its module."""
    answers = []
    figure.send = lambda message, buffers=(): answers.append((message, *(np.frombuffer(b, "<f4") for b in buffers)))
    for question in questions:
        figure._handle_custom_msg({"run": 7} | question, [])
    return answers


def test_a_kernel_trains_the_readers_own_classes(chapter):
    calls = []

    class Net(chapter["Net"]):
        def forward(self, x, y):
            calls.append(len(x))
            return super().forward(x, y)

    figure = MINE(Net, chapter["MINETrainer"], n=400, b=50, lr=3e-3, start="he")
    assert not figure.step, "nothing is exported where a kernel trains"
    before = torch.get_rng_state()
    start = {"ask": "start", "settings": figure.settings}
    first, *_, (last, heat) = told(figure, start, *[{"ask": "more"}] * 12)
    assert torch.equal(torch.get_rng_state(), before), "the notebook's own random numbers stay as they are"
    assert {50, 400} <= set(calls)
    assert first[0]["iteration"] == 0
    assert last["iteration"] == 12 * 16
    truth = Gaussian(0.9).mutual_information
    assert abs(last["estimate"] - truth) < 0.2
    assert abs(last["held"] - truth) < 0.25
    assert last["gap"] < first[0]["gap"] / 2
    heat = heat.reshape(SIDE, SIDE)
    middle, edge = SIDE // 2, round((SIDE - 1) * (EDGE + 1.5) / (2 * EDGE))
    assert heat[edge, edge] > heat[middle, middle] - 0.5 > heat[edge, SIDE - 1 - edge], "row y, column x"
    json.dumps(last)
    assert told(figure, start)[0][0] == first[0], "the same settings start in the same place"


def test_the_chapter_says_what_there_is_to_see(chapter):
    """Above zero on 200 independent pairs, not so on held-out ones; a plateau from small weights alone."""

    def seen(iterations: int, **changed) -> tuple[float, float]:
        run = Run(chapter["Net"], chapter["MINETrainer"], **settings(seed=0) | changed)
        while run.trainer.iteration < iterations:
            run.train()
        return run.look()[1:3]

    estimate, held = seen(400, rho=0.0, n=200)
    assert estimate > 0.025
    assert held < 0.015
    assert seen(60, start="0.02", n=400)[0] < 0.05 < 0.5 < seen(60, n=400)[0]


@pytest.mark.parametrize(
    ("stage", "said"), [("forward", "NotImplementedError: Replace"), ("nan", "FloatingPointError: The loss is nan")]
)
def test_unfinished_code_is_answered_with_a_sentence(chapter, stage, said):
    class Net(chapter["Net"]):
        def forward(self, x, y):
            if stage == "forward":
                raise NotImplementedError("Replace this line with your own code.")
            return super().forward(x, y) * float("nan")

    figure = MINE(Net, chapter["MINETrainer"], n=200)
    answers = told(figure, {"ask": "start", "settings": figure.settings}, {"ask": "more"})
    failed = next(message for message, *_ in answers if "error" in message)
    assert said in failed["error"]
    assert failed["run"] == 7


def test_page_gets_the_step_and_a_finished_run(chapter, graphs, monkeypatch):
    monkeypatch.setenv(EXPORT, "1")
    monkeypatch.setattr("mibook.live.export.exported", lambda *classes: graphs)  # once is enough
    figure = MINE(chapter["Net"], chapter["MINETrainer"], n=200, b=100, iterations=300, start="he")
    told = np.frombuffer(figure.history, "<f4").reshape(-1, 3)
    assert told[0, 0] == 0
    assert told[-1, 0] == 300
    assert len(told) == 31
    assert f"{told[-1, 1]:.2f} nats" in figure.alt()
    size = sum(len(v) for v in (figure.step, figure.critic, figure.history, figure.heat, figure._esm.encode()))
    assert size < 90_000, "a figure travels with its page"
    assert figure._repr_mimebundle_()[0]["text/html"].count("<img") == 1
