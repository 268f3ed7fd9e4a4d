"""The inner loop of `MINETrainer.step`: data term, reference term, moving average, graph, steps, any sample.

The probe trains a critic that is a table: t(x, y) is the entry of its own row and column for each pair. So the
gradient shows, pair by pair, what a step did: an entry of the data must get -1/b, one of the reference e^t / (b m).
The value of the loss is not judged, for its constant is arbitrary.

Of the class around the exercise the probe relies on the arguments of ``MINETrainer``, on ``step(epochs)`` taking a
step of ``optimizer`` for each batch, on ``m``, and on ``estimate`` and ``_descend``, which it replaces where they
would disturb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, integers, near, number, numbers, stopped, text

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
    """Four trainings: uneven batches, all data at once, float32, and beta = 0; each with its own start of m."""
    import numpy

    rng = numpy.random.default_rng([seed, 2])
    # The numbers of pairs are odd or leave batches of one: no rotation maps all batches to themselves.
    plans = {  # pairs, batches an epoch, epochs, bounds of beta and of m
        "uneven": (7, 3, 2, (0.6, 0.88), (1.5, 3.0)),
        "full": (5, 1, 3, (0.1, 0.4), (0.3, 0.8)),
        "single": (6, 4, 1, (0.7, 0.88), (2.0, 4.0)),
        "forgetful": (5, 2, 1, (0.0, 0.0), (5.0, 9.0)),
    }
    runs = {}
    for name, (n, k, epochs, beta, m) in plans.items():
        runs[name] = {
            "n": n,
            "k": k,
            "epochs": epochs,
            "beta": float(rng.uniform(*beta)),
            "m": float(rng.uniform(*m)),
            "lr": float(rng.uniform(0.2, 0.5)),
            "table": rng.standard_normal((n, n)),
            "draw": int(rng.integers(2**31)),
        }
    return {"runs": runs}


def probe(student, attempt, runs):
    """Train with plain gradient steps and record each: the pairs evaluated, the gradient, and m."""
    import tempfile

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
                }
            )
            self.critic.pairs = []
            return super().step()

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

    class Other(torch.nn.Module):
        """A critic that is not the trainer's."""

        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(0.1))

        def forward(self, x, y):
            return self.w * x[..., :1]

    with torch.random.fork_rng(devices=[]), decoys(student, {"net": Other(), "critic": Other(), "beta": 0.5}):
        for name, case in runs.items():
            torch.manual_seed(case["draw"])
            attempt(
                name, lambda case=case, name=name: train(case, torch.float32 if name == "single" else torch.float64)
            )
        attempt("meta", lambda: on_meta(runs["full"]))


PROBE = probe_source(inputs, probe)


class Step(NamedTuple):
    """One gradient step of the student's trainer, and what there was before it."""

    t: np.ndarray  # (n, n): the table before the step
    gradient: np.ndarray  # (n, n)
    data: list[int]  # the rows whose data pair was evaluated
    reference: list[tuple[int, int]]  # the other pairs that were evaluated
    size: int  # of the batch, as it should be
    m_before: float
    m: float
    graph: bool

    @property
    def t_data(self) -> np.ndarray:
        return self.t[self.data, self.data]

    @property
    def t_ref(self) -> np.ndarray:
        return np.array([self.t[pair] for pair in self.reference])

    @property
    def of_data(self) -> np.ndarray:
        """The gradient at the data pairs, times the batch's size: -1 is right."""
        return self.gradient[self.data, self.data] * self.size

    @property
    def of_reference(self) -> np.ndarray:
        """The gradient at the reference pairs, times the batch's size: e^t / m is right."""
        return np.array([self.gradient[pair] for pair in self.reference]) * self.size

    @property
    def L_ref(self) -> float:
        return float(np.exp(self.t_ref).mean()) if self.reference else np.nan


class Run:
    """One training as recorded: its steps, as far as they can be read, and why they end."""

    def __init__(self, record: object, case: dict, tolerance: float) -> None:
        self.case, self.tolerance = case, tolerance
        self.failure = error(record) or text(entry(record, "failure"))
        raw = entry(record, "steps")
        self.expected_steps = case["k"] * case["epochs"]
        self.count = len(raw) if isinstance(raw, list) else 0
        self.steps = list(self._read(raw))
        self.genuine = bool(self.steps) and self._ends_where_steps_lead(record)

    def _read(self, raw: object) -> Iterator[Step]:
        n, k, table, m_before = self.case["n"], self.case["k"], self.case["table"], self.case["m"]
        for index in range(min(self.count, 3 * self.expected_steps)):
            step = entry(raw, index)
            gradient, m = numbers(entry(step, "gradient"), n, n), number(_only(entry(step, "m")))
            if gradient is None:
                if entry(step, "gradient", 0) is not None:
                    return  # not a gradient at all
                gradient = np.zeros((n, n))
            pairs = _pairs(entry(step, "pairs"), n)
            data, reference = sorted(i for i, j in pairs if i == j), sorted(p for p in pairs if p[0] != p[1])
            m = np.nan if m is None else m
            size = len(range(index % k, n, k))
            yield Step(table, gradient, data, reference, size, m_before, m, entry(step, "graph") is not False)
            table, m_before = table - self.case["lr"] * gradient, m

    def _ends_where_steps_lead(self, record: object) -> bool:
        """Whether the final weights follow from the seed's start by the recorded gradients."""
        end = self.steps[-1].t - self.case["lr"] * self.steps[-1].gradient
        return near(numbers(entry(record, "table"), self.case["n"], self.case["n"]), end, self.tolerance)

    def every(self, holds: Callable[[Step], bool]) -> bool:
        return all(holds(step) for step in self.steps)

    def near(self, found, expected) -> bool:
        return near(found, expected, self.tolerance)

    def fault_of_pairs(self) -> str:
        """What is wrong with the pairs at which the critic was evaluated; "" for nothing."""
        if self.count > self.expected_steps:
            return "There were more gradient steps than batches: the loop takes one for each batch, after your lines."
        if not any(step.data or step.reference for step in self.steps):
            return "The trainer's own critic was never evaluated: call self.net, and no other network."
        if self.case["k"] > 1 and self.every(lambda s: len(s.data) == self.case["n"]):
            return (
                "All the data are used in place of the batch: evaluate the critic at x, y, and not at self.X, self.Y."
            )
        if self.every(lambda s: not s.data):
            return "The critic is never evaluated at the batch x, y."
        if self.every(lambda s: not s.reference):
            return "The critic is never evaluated at the reference pairs x_ref, y_ref."
        for s in self.steps:
            if len(s.data) != s.size or len(s.reference) != s.size or [i for i, _ in s.reference] != s.data:
                return "The critic is evaluated at other pairs than x, y and x_ref, y_ref."
        if self.case["k"] > 1 and self.every(lambda s: {j for _, j in s.reference} == set(s.data)):
            return "The reference is drawn within the batch: use x_ref and y_ref, which come from the whole sample."
        k = self.case["k"]
        for first in range(0, len(self.steps) - k + 1, k):
            epoch = self.steps[first : first + k]
            if sorted(i for s in epoch for i in s.data) != list(range(self.case["n"])):
                return "An epoch does not use each pair once: leave the loop as it was given."
        return ""

    def fault_of_steps(self) -> str:
        if self.failure:
            return stopped(self.failure, "Training")
        if self.count != self.expected_steps:
            return "There were fewer gradient steps than batches: the loop takes one for each batch, after your lines."
        return ""


def _only(m: object) -> object:
    """The number in [[m]], for an average that is kept as a tensor with one entry."""
    for _ in range(2):
        if isinstance(m, list) and len(m) == 1:
            m = m[0]
    return m


def _pairs(value: object, n: int) -> set[tuple[int, int]]:
    if not isinstance(value, list) or len(value) > 10_000:
        return set()
    pairs = [integers(pair, 0, n, 2) for pair in value]
    return {(pair[0], pair[1]) for pair in pairs if pair is not None and len(pair) == 2}


@np.errstate(all="ignore")  # a mistaken m may be 0 or below; what follows from it is then not finite, and not near
def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    runs = _runs(record, seed, 1e-9)
    stepped = [run for run in runs.values() if run.steps]
    if not stepped or not all(run.genuine for run in stepped):
        reason = _why_nothing(record, list(runs.values()))
        for behaviour in POINTS:
            sheet.mark(behaviour, reason)
        return sheet.checks()
    faults, rounded = _faults(stepped), ""
    if any(faults):
        # A float type that went wrong is a mistake of its own: the rest is then judged with float32's tolerance.
        single = [run for run in _runs(record, seed, 1e-6).values() if run.steps]
        if not any(_faults(single)):
            faults, stepped, rounded = ("", "", ""), single, "With float64 m or a gradient is right to float32 only."
    data, reference, average = faults
    pairs = next(filter(None, (run.fault_of_pairs() for run in stepped)), "")
    sheet.mark("gradient of the data term", data and (pairs or data))
    sheet.mark("gradient of the reference term", reference and (pairs or reference))
    sheet.mark("moving average m", average)
    sheet.mark("m without a graph", _graph_fault(stepped) or (NO_AVERAGE if average in WITHOUT_L_REF else ""))
    steps = next(filter(None, (run.fault_of_steps() for run in runs.values())), "")
    nothing = "This counts only where a term of the loss is right." if data and reference else ""
    sheet.mark("batches and steps", pairs or steps or nothing)
    single = Run(entry(record, "single"), inputs(seed)["runs"]["single"], 2e-4)
    sheet.mark("any critic, float type and device", rounded or _type_fault(record, single, faults))
    return sheet.checks()


def _runs(record: object, seed: int, tolerance: float) -> dict[str, Run]:
    """The runs in float64."""
    cases = inputs(seed)["runs"]
    return {name: Run(entry(record, name), cases[name], tolerance) for name in ("uneven", "full", "forgetful")}


def _faults(runs: list[Run]) -> tuple[str, str, str]:
    """What is wrong with the data term, with the reference term and with m."""
    return _data_fault(runs), _reference_fault(runs), _average_fault(runs)


def _why_nothing(record: object, runs: list[Run]) -> str:
    failure = next(filter(None, (error(entry(record, "stopped")), *(run.failure for run in runs))), "")
    if failure:
        return stopped(failure, "Training")
    if any(run.count and not run.steps for run in runs) or any(run.steps for run in runs):
        return (
            "The recorded steps do not lead to the final weights: is something else than the optimiser changing them?"
        )
    return "No gradient step was taken: was the loop left as it was given?"


def _all(runs: list[Run], holds: Callable[[Run, Step], bool]) -> bool:
    return all(holds(run, step) for run in runs for step in run.steps)


def _data_fault(runs: list[Run]) -> str:
    """What is wrong with the gradient of L; "" for nothing."""
    if _all(runs, lambda r, s: len(s.data) == s.size and r.near(s.of_data, -np.ones(s.size))):
        return ""
    for sentence, coefficient in DATA_MISTAKES.items():
        if _all(runs, lambda r, s, c=coefficient: bool(s.data) and r.near(s.of_data, c(s))):
            return sentence
    return "The gradient at each pair of the batch should be -1/b, b being the batch's size."


DATA_MISTAKES: dict[str, Callable[[Step], np.ndarray]] = {
    "The sign of L is reversed: a minimiser needs L = -mean t.": lambda s: np.ones(s.size),
    "No gradient comes from the data term L: it is missing, or detached.": lambda s: np.zeros(len(s.data)),
    "L is a sum over the batch where it should be the mean.": lambda s: -np.ones(s.size) * s.size,
    "L is divided by m too: only L' is.": lambda s: -np.ones(s.size) / s.m,
    "Data and reference are swapped: e^t' belongs to x_ref, y_ref, and -mean t to x, y.": (
        lambda s: np.exp(s.t_data) / s.m
    ),
    "L takes e^t of the data: it is the plain mean of t.": lambda s: -np.exp(s.t_data),
    "L is the log of the mean of e^t: it is the plain mean of t.": (
        lambda s: -np.exp(s.t_data) / np.exp(s.t_data).mean()
    ),
    "L is counted twice.": lambda s: -2 * np.ones(s.size),
    "L is halved.": lambda s: -np.ones(s.size) / 2,
}


def _right_m(s: Step, beta: float) -> float:
    return beta * s.m_before + (1 - beta) * s.L_ref


def _reference_fault(runs: list[Run]) -> str:
    """What is wrong with the gradient of L' / m, m being the student's own new m or the right one."""

    def right(r: Run, s: Step) -> bool:
        own = [s.m, _right_m(s, r.case["beta"])]
        return len(s.reference) == s.size and any(r.near(s.of_reference, np.exp(s.t_ref) / m) for m in own)

    if _all(runs, right):
        return ""
    if _all(runs, lambda r, s: not s.reference):
        return "The critic is never evaluated at the reference pairs x_ref, y_ref."
    for sentence, coefficient in REFERENCE_MISTAKES.items():
        if _all(runs, lambda r, s, c=coefficient: bool(s.reference) and r.near(s.of_reference, c(r.case["beta"], s))):
            return sentence
    return "The gradient at each reference pair should be e^t' / (b m), m being the new m and b the batch's size."


def _undetached(beta: float, s: Step, m: float) -> np.ndarray:
    """The gradient of L'/m when m = beta m_before + (1 - beta) L' keeps its graph: L' beta m_before / m^2."""
    return np.exp(s.t_ref) * beta * s.m_before / m**2


REFERENCE_MISTAKES: dict[str, Callable[[float, Step], np.ndarray]] = {
    "No gradient comes from the reference term: it is missing, or L_ref is detached in the loss.": (
        lambda beta, s: np.zeros(len(s.reference))
    ),
    "The old m divides L': update m first, then use the new one.": lambda beta, s: np.exp(s.t_ref) / s.m_before,
    "L' is divided by itself, or its log is taken: there is no smoothing; divide L' by m.": (
        lambda beta, s: np.exp(s.t_ref) / s.L_ref
    ),
    "The gradient flows through m: detach L_ref where it enters m.": (
        lambda beta, s: _undetached(beta, s, _right_m(s, beta))
    ),
    "The sign of L'/m is reversed: the loss is L + L'/m.": lambda beta, s: -np.exp(s.t_ref) / s.m,
    "L' is not divided by m.": lambda beta, s: np.exp(s.t_ref),
    "L' is multiplied by m: divide.": lambda beta, s: np.exp(s.t_ref) * s.m,
    "L' is a sum over the batch where it should be the mean.": lambda beta, s: s.size * np.exp(s.t_ref) / s.m,
    "exp is missing in L': it is the mean of e^t', and here it is the mean of t'.": (
        lambda beta, s: np.ones(s.size) / s.m
    ),
    "exp is missing in L', and its sign is reversed.": lambda beta, s: -np.ones(s.size) / s.m,
    "L' is exp of the mean of t': take exp first, then the mean.": lambda beta, s: np.full(s.size, _emean(s)) / s.m,
    "exp(-t') is taken: L' is the mean of e^t'.": lambda beta, s: -np.exp(-s.t_ref) / s.m,
    "Data and reference are swapped: e^t' belongs to x_ref, y_ref, and -mean t to x, y.": lambda beta, s: (
        -np.ones(s.size)
    ),
    "There is a factor 1 - beta too many, of a weight or of the log of m: the loss is L + L'/m.": (
        lambda beta, s: (1 - beta) * np.exp(s.t_ref) / _right_m(s, beta)
    ),
    "L' is divided by the square of m.": lambda beta, s: np.exp(s.t_ref) / s.m**2,
    "L' is divided by the square root of m.": lambda beta, s: np.exp(s.t_ref) / np.sqrt(abs(s.m)),
    "L' is divided by log m: divide by m.": lambda beta, s: np.exp(s.t_ref) / np.log(abs(s.m)),
    "m divides L' and is averaged with the roles of beta and 1 - beta swapped.": (
        lambda beta, s: np.exp(s.t_ref) / ((1 - beta) * s.m_before + beta * s.L_ref)
    ),
    "L'/m is counted twice.": lambda beta, s: 2 * np.exp(s.t_ref) / s.m,
    "e^t' enters squared.": lambda beta, s: 2 * np.exp(2 * s.t_ref) / s.m,
}


def _emean(s: Step) -> float:
    return float(np.exp(s.t_ref.mean())) if s.reference else np.nan


def _average_fault(runs: list[Run]) -> str:
    """What is wrong with the recorded m, each step judged from the m that it started with."""
    if _all(runs, lambda r, s: bool(s.reference) and r.near(s.m, _right_m(s, r.case["beta"]))):
        return ""
    if not _all(runs, lambda r, s: np.isfinite(s.m)):
        return "self.m is not one finite number after a step: L' is averaged over the batch, and m is a single number."
    for sentence, value in AVERAGE_MISTAKES.items():
        if _all(runs, lambda r, s, v=value: r.near(s.m, v(r.case["beta"], r.case["m"], s))):
            return sentence
    return OTHER_AVERAGE


def _mean_exp(t: np.ndarray) -> float:
    return float(np.exp(t).mean()) if t.size else np.nan


def _mix(weight: float, past: float, present: float) -> float:
    return weight * past + (1 - weight) * present


AVERAGE_MISTAKES: dict[str, Callable[[float, float, Step], float]] = {
    "self.m never changes: store the new average in self.m.": lambda beta, start, s: s.m_before,
    "m remembers with weight 1 - beta where it should be beta: beta is the weight of the past.": (
        lambda beta, start, s: _mix(1 - beta, s.m_before, s.L_ref)
    ),
    "m is L' itself: the average over the past is missing.": lambda beta, start, s: s.L_ref,
    "beta is a fixed 0.9 where it should be self.beta.": lambda beta, start, s: _mix(0.9, s.m_before, s.L_ref),
    "beta is a fixed 0.99 where it should be self.beta.": lambda beta, start, s: _mix(0.99, s.m_before, s.L_ref),
    "beta is a fixed 0.1 where it should be self.beta.": lambda beta, start, s: _mix(0.1, s.m_before, s.L_ref),
    "beta is a fixed 0.5 where it should be self.beta.": lambda beta, start, s: _mix(0.5, s.m_before, s.L_ref),
    "The past is lost: m is averaged with its start, not with the m of the step before.": (
        lambda beta, start, s: _mix(beta, start, s.L_ref)
    ),
    "The past is taken to be 1: m is averaged with the m of the step before.": (
        lambda beta, start, s: _mix(beta, 1.0, s.L_ref)
    ),
    "1 - beta is missing before L'.": lambda beta, start, s: beta * s.m_before + s.L_ref,
    "beta is missing before the past m.": lambda beta, start, s: s.m_before + (1 - beta) * s.L_ref,
    "m is the sum of the past and L': both need their weights.": lambda beta, start, s: s.m_before + s.L_ref,
    "m is multiplied by beta and forgets L'.": lambda beta, start, s: beta * s.m_before,
    "m is (1 - beta) L' alone: the past is missing.": lambda beta, start, s: (1 - beta) * s.L_ref,
    "m is updated twice in a step.": lambda beta, start, s: _mix(beta, _mix(beta, s.m_before, s.L_ref), s.L_ref),
    "Both weights are beta: they must sum to 1.": lambda beta, start, s: beta * (s.m_before + s.L_ref),
    "m is averaged with a sum over the batch: L' is a mean.": (
        lambda beta, start, s: _mix(beta, s.m_before, s.L_ref * s.size)
    ),
    "exp is missing in m: L' is the mean of e^t', and here it is the mean of t'.": (
        lambda beta, start, s: _mix(beta, s.m_before, float(s.t_ref.mean()) if s.reference else np.nan)
    ),
    "L' is exp of the mean of t': take exp first, then the mean.": lambda beta, start, s: _mix(
        beta, s.m_before, _emean(s)
    ),
    "m averages e^t of the data: it belongs to the reference x_ref, y_ref.": (
        lambda beta, start, s: _mix(beta, s.m_before, _mean_exp(s.t_data))
    ),
    "m averages the log of L': average L' itself.": lambda beta, start, s: _mix(beta, s.m_before, np.log(s.L_ref)),
    "m averages L = -mean t of the data: it is the average of L'.": (
        lambda beta, start, s: _mix(beta, s.m_before, -float(s.t_data.mean()) if s.data else np.nan)
    ),
    "m averages exp(-t'): L' is the mean of e^t'.": lambda beta, start, s: _mix(beta, s.m_before, _mean_exp(-s.t_ref)),
    "The average is geometric, one of log m: average m itself.": (
        lambda beta, start, s: np.exp(_mix(beta, np.log(abs(s.m_before)), np.log(s.L_ref)))
    ),
    "m is the larger of the past and L'.": lambda beta, start, s: max(s.m_before, s.L_ref),
    "L' enters m with the wrong sign.": lambda beta, start, s: beta * s.m_before - (1 - beta) * s.L_ref,
}


OTHER_AVERAGE = "m should be beta * m + (1 - beta) * L', with the m of the step before and the L' of this batch."
WITHOUT_L_REF = (OTHER_AVERAGE, "m is multiplied by beta and forgets L'.")
NO_AVERAGE = "m is no average of L', so it cannot show that it is free of a graph."


def _graph_fault(runs: list[Run]) -> str:
    if _all(runs, lambda r, s: s.m == s.m_before):
        return "self.m never changes, so it cannot show that it is free of a graph."
    if not _all(runs, lambda r, s: np.isfinite(s.m)):
        return "self.m is not one finite number."
    if not _all(runs, lambda r, s: not s.graph):
        return "m carries the graph of past batches, and memory grows with every step: detach L_ref where it enters m."
    return ""


def _type_fault(record: object, single: Run, faults: tuple[str, ...]) -> str:
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
    if _on_two_devices(meta):
        return stopped(meta, "On another device, training")
    return ""


def _on_two_devices(message: str) -> bool:
    return "same device" in message or "device meta" in message or "meta device" in message
