"""The inner loop of `MINETrainer.step`: data term, reference term, moving average, graph, steps, any sample.

The probe trains a critic that is a table: t(x, y) is the entry of its own row and column for each pair. So the
gradient shows, pair by pair, what a step did: an entry of the data must get -1/b, one of the reference e^t / (b m).
The value of the loss is not judged, for its constant is arbitrary.

Of the class around the exercise the probe relies on the arguments of ``MINETrainer``, on ``step(epochs)`` taking a
step of ``optimizer`` for each batch, on ``m``, and on ``estimate`` and ``_descend``, which it replaces where they
would disturb.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grading.exercises._averages import FORGETFUL, explain, right_m
from grading.exercises._losses import DATA_MISTAKES, REFERENCE_MISTAKES
from grading.exercises._training import ROUNDED, Step, Training
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, Trouble, entry, error, stopped, trouble

GRADE_ID = "MINETrainer"
TEST_ID = "test-MINETrainer"
POINTS = {
    "gradient of the data term": 1.0,
    "gradient of the reference term": 1.5,
    "moving average m": 1.5,
    "m without a graph": 0.5,
    "batches and steps": 1.0,
    "any critic, float type and device": 0.5,
}


def inputs(seed):
    """Trainings: uneven batches, all data at once, float32, beta = 0, single pairs, and t far from 0 on both sides.

    Each has its own start of m. Far values stand by rows, for each row is in one batch of an epoch, whatever the order.
    """
    import numpy

    rng = numpy.random.default_rng([seed, 2])
    # The numbers of pairs are odd or leave batches of one: no rotation maps all batches to themselves.
    plans = {  # pairs, batches an epoch, epochs, bounds of beta and of m
        "uneven": (7, 3, 2, (0.6, 0.88), (1.5, 3.0)),
        "full": (5, 1, 3, (0.1, 0.4), (0.3, 0.8)),
        "single": (6, 4, 1, (0.7, 0.88), (2.0, 4.0)),
        "forgetful": (5, 2, 1, (0.0, 0.0), (5.0, 9.0)),
        "ones": (3, 3, 1, (0.6, 0.88), (1.2, 3.0)),
        "wide": (7, 2, 1, (0.6, 0.88), (1.5, 3.0)),
        "low": (5, 2, 2, (0.4, 0.6), (0.05, 0.08)),
    }
    far = {"wide": numpy.array([69.0, -69.0, 11.0, -14.0, 4.0, -5.0, 0.5]), "low": numpy.full(5, -3.0)}
    runs = {}
    for name, (n, k, epochs, beta, m) in plans.items():
        runs[name] = {
            "n": n,
            "k": k,
            "epochs": epochs,
            "beta": float(rng.uniform(*beta)),
            "m": float(rng.uniform(*m)),
            "lr": 0.0 if name == "wide" else float(rng.uniform(0.2, 0.5)),
            "table": rng.standard_normal((n, n)),
            "draw": int(rng.integers(2**31)),
        }
        if name in far:
            runs[name]["table"] = rng.uniform(-0.4, 0.4, (n, n)) + far[name][:, None]
    return {"runs": runs}


def recorders():
    """A critic that is a table, an optimiser that writes down every step, and a critic that is not the trainer's."""
    import torch

    class Table(torch.nn.Module):
        """t(x, y) is an entry of a table; the first columns of x and y say which."""

        def __init__(self, values):
            super().__init__()
            self.values, self.pairs = torch.nn.Parameter(values), []

        def forward(self, x, y):
            if x.shape[-1] != 2 or y.shape[-1] != 3:
                raise ValueError("The critic was called with other inputs than x, then y.")
            i, j = x[..., 0].long(), y[..., 0].long()
            if not x.is_meta:
                self.pairs += [[int(a), int(b)] for a, b in zip(i.reshape(-1), j.reshape(-1), strict=True)]
            return self.values[i, j].unsqueeze(-1)

    class Steps(torch.optim.SGD):
        """Gradient descent that writes down every step."""

        def step(self, closure=None):
            m, values = self.trainer.m, self.critic.values
            self.seen.append(
                {
                    "pairs": self.critic.pairs,
                    "gradient": None if values.grad is None else plain(values.grad),
                    "m": plain(m),
                    "graph": bool(getattr(m, "requires_grad", False)),
                    "lr": self.param_groups[0]["lr"],
                }
            )
            self.critic.pairs = []
            return super().step()

    class Other(torch.nn.Module):
        """A critic that is not the trainer's."""

        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(0.1))

        def forward(self, x, y):
            return self.w * x[..., :1]

    return Table, Steps, Other


def probe(student, attempt, runs):
    """Train with plain gradient steps and record each: the pairs evaluated, the gradient, and m."""
    import tempfile

    import torch

    Table, Steps, Other = recorders()

    def trainer_of(case, dtype, device="cpu"):
        n = case["n"]
        table = Table(torch.tensor(case["table"], dtype=dtype, device=device))
        names = torch.arange(n, dtype=dtype).reshape(-1, 1)
        X, Y = torch.cat([names, -names], 1), torch.cat([names, names + 0.5, 1 - names], 1)
        folder = {"log_dir": tempfile.mkdtemp()}
        trainer = student["MINETrainer"](
            X.to(device), Y.to(device), table, case["k"], folder, m=case["m"], beta=case["beta"], lr=case["lr"]
        )
        trainer.estimate = lambda: 0.0  # it is given, and its calls of the critic are none of the training's
        return trainer, table

    def train(case, dtype):
        trainer, table = trainer_of(case, dtype)
        trainer.optimizer = Steps(table.parameters(), lr=case["lr"])
        trainer.optimizer.trainer, trainer.optimizer.critic, trainer.optimizer.seen = trainer, table, []

        def descend(loss):  # as it is given, but for its refusal of a loss that is no number: the gradient shows whose
            loss.item()
            trainer.optimizer.zero_grad()
            loss.backward()
            trainer.optimizer.step()
            trainer.iteration += 1

        trainer._descend = descend
        failure = ""
        try:
            trainer.step(1)
            if case["epochs"] > 1:
                trainer.step(case["epochs"] - 1)  # goes on where it stopped
        except (Exception, SystemExit) as problem:
            failure = type(problem).__name__ + ": " + str(problem)[:300]
        return {"steps": trainer.optimizer.seen, "table": plain(table.values), "failure": failure}

    def on_meta(case):
        trainer, _ = trainer_of(case, torch.float32, "meta")
        seen = []
        trainer._descend = lambda loss: seen.append(loss.device.type)
        trainer.step()
        return seen

    with torch.random.fork_rng(devices=[]), decoys(student, {"net": Other(), "critic": Other(), "beta": 0.5}):
        for name, case in runs.items():
            torch.manual_seed(case["draw"])
            attempt(
                name, lambda case=case, name=name: train(case, torch.float32 if name == "single" else torch.float64)
            )
        attempt("meta", lambda: on_meta(runs["full"]))


PROBE = probe_source(inputs, probe, recorders)


@np.errstate(all="ignore")  # a mistaken m may be 0 or below; what follows from it is then not finite, and not near
def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    runs = _runs(record, seed, 1e-9)
    stepped = [run for run in runs.values() if run.steps]
    if 2 * len(stepped) < len(runs) or not all(run.genuine for run in stepped):
        reason = _why_nothing(record, list(runs.values()))
        for behaviour in POINTS:
            sheet.mark(behaviour, reason)
        return sheet.checks()
    rough = [run for run in _runs(record, seed, ROUNDED).values() if run.steps]
    exact, faults = _faults(stepped), _faults(rough)
    # A float type that went wrong is a mistake of its own: each part is judged by the more lenient.
    rounded = any(exact) and not any(faults)  # beside a mistake, small departures are the mistake's
    faults = tuple(fault and other for fault, other in zip(exact, faults, strict=True))
    data, reference, average = faults
    never = next((stopped(run.failure, f"With {run.words}, training") for run in runs.values() if not run.steps), "")
    data, reference = data or never, reference or never
    pairs = next(filter(None, (run.fault_of_pairs() for run in stepped)), "")
    sheet.mark("gradient of the data term", data and (pairs or data))
    sheet.mark("gradient of the reference term", reference and (pairs or reference))
    sheet.mark("moving average m", average)
    sheet.mark(
        "m without a graph",
        _graph_fault(stepped) or (UNKNOWN if average == OTHER_AVERAGE else FORGETFUL.get(average, "")),
    )
    steps = next(filter(None, (run.fault_of_steps() for run in runs.values())), "")
    nothing = "" if _any_gradient(stepped) else "This counts only where a term of the loss has a gradient."
    sheet.mark("batches and steps", pairs or steps or nothing)
    single = Training(entry(record, "single"), inputs(seed)["runs"]["single"], 2e-4)
    types = "With float64 m or a gradient is right to float32 only." if rounded else ""
    sheet.mark("any critic, float type and device", types or _type_fault(record, single, faults))
    return sheet.checks()


def _runs(record: object, seed: int, tolerance: float) -> dict[str, Training]:
    """The runs in float64."""
    cases = inputs(seed)["runs"]
    return {name: Training(entry(record, name), cases[name], tolerance) for name in cases if name != "single"}


def _faults(runs: list[Training]) -> tuple[str, str, str]:
    """What is wrong with the data term, with the reference term and with m."""
    return _data_fault(runs), _reference_fault(runs), _average_fault(runs)


def _why_nothing(record: object, runs: list[Training]) -> str:
    failure = next(filter(None, (error(entry(record, "stopped")), *(run.failure for run in runs))), "")
    if failure:
        return stopped(failure, "Training")
    if any(run.count and not run.steps for run in runs) or any(run.steps for run in runs):
        return (
            "The recorded steps do not lead to the final weights: is something else than the optimiser changing them?"
        )
    return "No gradient step was taken: was the loop left as it was given?"


def _all(runs: list[Training], holds: Callable[[Training, Step], bool]) -> bool:
    return all(holds(run, step) for run in runs for step in run.steps)


def _data_fault(runs: list[Training]) -> str:
    """What is wrong with the gradient of L; "" for nothing."""
    if _all(runs, lambda r, s: len(s.data) == s.size and r.near(s.of_data, -np.ones(s.size))):
        return ""
    for sentence, coefficient in DATA_MISTAKES.items():
        if _all(runs, lambda r, s, c=coefficient: bool(s.data) and r.near(s.of_data, c(s))):
            return sentence
    slopes = np.concatenate([s.of_data for r in runs for s in r.steps])
    if slopes.size and slopes[0] and np.allclose(slopes, slopes[0], rtol=ROUNDED, atol=0):
        return f"L has a factor {-slopes[0]:.3g}: it is minus the plain mean of t."
    return "The gradient at each pair of the batch should be -1/b, b being the batch's size."


GUARD = 1e-6  # a constant against a division by zero, below this, is no mistake


def _mix(weight: float, past: float, present: float) -> float:
    return weight * past + (1 - weight) * present


AVERAGE_IN_LOSS: dict[str, Callable[[float, Step], np.ndarray]] = {
    "The old m divides L': update m first, then use the new one.": lambda beta, s: np.exp(s.t_ref) / s.m_before,
    "The gradient flows through m: detach L_ref where it enters m.": (
        # That of L'/m when m = beta m_before + (1 - beta) L' keeps its graph: L' beta m_before / m^2.
        lambda beta, s: np.exp(s.t_ref) * beta * s.m_before / _mix(beta, s.m_before, s.L_ref) ** 2
    ),
    "There is a factor 1 - beta too many, of a weight or of the log of m: the loss is L + L'/m.": (
        lambda beta, s: (1 - beta) * np.exp(s.t_ref) / _mix(beta, s.m_before, s.L_ref)
    ),
    "m divides L' and is averaged with the roles of beta and 1 - beta swapped.": (
        lambda beta, s: np.exp(s.t_ref) / ((1 - beta) * s.m_before + beta * s.L_ref)
    ),
}


def _reference_fault(runs: list[Training]) -> str:
    """What is wrong with the gradient of L' / m, m being the student's own new m or the right one."""

    def right(r: Training, s: Step, more: float = 0.0) -> bool:
        own = [s.m, right_m(r, s)]
        return len(s.reference) == s.size and any(r.near(s.of_reference, np.exp(s.t_ref) / (m + more)) for m in own)

    if _all(runs, right):
        return ""
    if _all(runs, lambda r, s: not s.reference):
        return "The critic is never evaluated at the reference pairs x_ref, y_ref."
    shared = {text: lambda beta, s, of=of: of(s) for text, of in REFERENCE_MISTAKES.items()}
    for sentence, slopes in (shared | AVERAGE_IN_LOSS).items():
        if _all(
            runs, lambda r, s, of=slopes: bool(s.reference) and r.near(s.of_reference, of(r.case["beta"], s), s.right)
        ):
            return sentence
    more = _added(runs)
    if more and _all(runs, lambda r, s: right(r, s, more)):
        return "" if abs(more) < GUARD else f"The constant {more:.3g} is added to m where it divides L'."
    return _factor_or_clip(runs) or (
        "The gradient at each reference pair should be e^t' / (b m), m being the new m and b the batch's size."
    )


def _added(runs: list[Training]) -> float:
    """The constant that is added to the divisor in the step with the smallest m, were there one."""
    _, s = min(((r, s) for r in runs for s in r.steps), key=lambda pair: abs(pair[1].m))
    divisors = np.exp(s.t_ref) / s.of_reference
    return float(divisors[0] - s.m) if np.isfinite(divisors).all() and len(divisors) else 0.0


def _factor_or_clip(runs: list[Training]) -> str:
    """The reason where L'/m has a factor, or where t' is cut; "" for neither."""
    ratios = [(s, s.of_reference / (np.exp(s.t_ref) / s.m)) for r in runs for s in r.steps if len(s.reference)]
    if not ratios or not all(len(q) == s.size for s, q in ratios):
        return ""
    factor = ratios[0][1][0]
    if all(np.allclose(q, factor, rtol=ROUNDED, atol=0) for _, q in ratios):
        return f"L'/m has a factor {factor:.3g}: the loss is L + L'/m."
    cut = np.concatenate([s.t_ref[q == 0] for s, q in ratios])
    kept = np.concatenate([s.t_ref[q != 0] for s, q in ratios])
    if (
        cut.size
        and kept.size
        and (cut.min() > kept.max() or cut.max() < kept.min() or abs(cut).min() > abs(kept).max())
    ):
        return f"No gradient comes from a t' of {cut[np.abs(cut).argmin()]:.3g}: t' is cut, and it may be any number."
    return ""


def _average_fault(runs: list[Training]) -> str:
    """What is wrong with the recorded m, each step judged from the m that it started with."""
    sentence = explain([(run, s) for run in runs for s in run.steps])
    if sentence is None and not _all(runs, lambda r, s: np.isfinite(s.m)):
        return NO_NUMBER
    return OTHER_AVERAGE if sentence is None else sentence


def _any_gradient(runs: list[Training]) -> bool:
    return any(s.of_data.any() or s.of_reference.any() for r in runs for s in r.steps)


NO_NUMBER = "self.m is not one finite number after a step: L' is averaged over the batch, and m is a single number."
OTHER_AVERAGE = "m should be beta * m + (1 - beta) * L', with the m of the step before and the L' of this batch."
UNKNOWN = "How m follows from L' cannot be told, so it cannot show that it is free of a graph."


def _graph_fault(runs: list[Training]) -> str:
    if _all(runs, lambda r, s: s.m == s.m_before):
        return "self.m never changes, so it cannot show that it is free of a graph."
    if not _all(runs, lambda r, s: np.isfinite(s.m)):
        return "self.m is not one finite number."
    if not _all(runs, lambda r, s: not s.graph):
        return "m carries the graph of past batches, and memory grows with every step: detach L_ref where it enters m."
    return ""


def _type_fault(record: object, single: Training, faults: tuple[str, ...]) -> str:
    """Whether the float32 run is as right as the float64 ones, and another device is no hindrance."""
    if all(faults):
        return "This counts only where the terms of the loss or m are right."
    if not single.genuine:
        return (
            stopped(single.failure, "With float32, training")
            if single.failure
            else "With float32 no step was recorded."
        )
    for fault, before in zip((_data_fault, _reference_fault, _average_fault), faults, strict=True):
        if fault([single]) and not before:
            return f"With float32 or with batches of one pair something changes: {fault([single])}"
    if single.count != single.expected_steps and not any(faults):
        return stopped(single.failure, "With float32, training") if single.failure else single.fault_of_steps()
    meta = error(entry(record, "meta"))
    # A number taken from a tensor, such as L_ref.item(), is right; tensors on the test's device hold none.
    if trouble(meta) == Trouble.DEVICES:
        return stopped(meta, "On another device, training")
    return ""
