"""`MINEETrainer.terms` and `.loss`: three bounds, each with its own critic, and a loss that lets every critic climb.

The value of the loss is not judged, for its constant is arbitrary; the values of the terms are, for the estimate
is made of them.
"""

from __future__ import annotations

import numpy as np
import torch

from grading.exercises._bound import bound, explain
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source, tensor_facts
from grading.verdict.reading import Sheet, entry, error, near, numbers, stopped, text

GRADE_ID = "MINEETrainer"
TEST_ID = "test-MINEETrainer"
POINTS = {
    "joint term": 1.0,
    "marginal terms": 1.0,
    "loss: each critic climbs": 1.0,
    "loss: a plain sum of the bounds": 0.5,
    "scalars, float type and device": 0.5,
}
CRITICS = ("joint", "x", "y")


def inputs(seed):
    """Batches of unequal sizes and dimensions, whole samples that they are not, and three small critics for each."""
    import numpy

    rng = numpy.random.default_rng([seed, 6])
    sizes = {  # rows of the data and of the reference, d_x, d_y
        "square": (6, 8, 2, 2),
        "seven": (7, 9, 2, 3),
        "many": (64, 5, 3, 1),
        "one": (1, 4, 1, 2),
        "single": (7, 5, 3, 2),
        "training": (7, 9, 2, 1),
        "wide": (40, 50, 2, 2),
        "broad": (50, 40, 2, 1),
    }
    reach = {"wide": 15.0, "broad": 6.0}  # a factor of t, which then lies far on both sides of 0
    cases = {}
    for name, (n, n_ref, d_x, d_y) in sizes.items():
        case = {
            "x": rng.standard_normal((n, d_x)),
            "y": rng.standard_normal((n, d_y)),
            "x_ref": rng.standard_normal((n_ref, d_x)),
            "y_ref": rng.standard_normal((n_ref, d_y)),
        }
        for critic, d in (("joint", d_x + d_y), ("critic x", d_x), ("critic y", d_y)):
            case[critic] = rng.standard_normal((d + 2) * 4) * 1.5 / d**0.5
            if name in reach:  # the outer weights: of one size, two of either sign, so that no t is ever tame
                case[critic].reshape(4, d + 2)[:, -1] = reach[name] * numpy.array([1.0, -1.1, 1.2, -0.9])
        cases[name] = case
    return {"cases": cases}


def critic_class():
    """The critic that the probe gives to the trainer."""
    import torch

    class Critic(torch.nn.Module):
        """t(z) = v tanh(W z + b), all weights in one vector; a batch of another width is refused."""

        def __init__(self, weights, dtype):
            super().__init__()
            self.weights, self.d = torch.nn.Parameter(torch.tensor(weights, dtype=dtype)), len(weights) // 4 - 2

        def forward(self, z):
            if z.shape[-1] != self.d:
                raise ValueError(f"a critic of {self.d} columns was given {z.shape[-1]}")
            w = self.weights.reshape(4, self.d + 2)
            return torch.tanh(z @ w[:, : self.d].T + w[:, self.d]) @ w[:, self.d + 1 :]

    return Critic


def probe(student, attempt, cases):
    """The terms and the loss of each case, their gradients for each critic, and three steps of training."""
    import numpy
    import torch

    Critic = critic_class()

    def trainer_of(case, dtype, whole=False, device="cpu"):
        critics = [Critic(case[name], dtype).to(device) for name in ("joint", "critic x", "critic y")]
        batch = [torch.tensor(case[name], dtype=dtype, device=device) for name in ("x", "y", "x_ref", "y_ref")]
        # The trainer's own samples are others than the batch, except for the steps of training.
        samples = batch if whole else [torch.cat([a, a - 0.7, a[:1] + 1]) for a in batch]
        return student["MINEETrainer"](*samples, *critics, 1, lr=0.1), critics, batch

    def slopes(value, critics):
        weights = [critic.weights for critic in critics]
        found = torch.autograd.grad(value, weights, allow_unused=True)
        return [None if slope is None else plain(slope) for slope in found]

    def terms(case, dtype):
        trainer, _, batch = trainer_of(case, dtype)
        return [tensor_facts(term) for term in trainer.terms(*batch)]

    def term_slopes(case, dtype, k):
        trainer, critics, batch = trainer_of(case, dtype)
        return slopes(trainer.terms(*batch)[k], critics)

    def loss(case, dtype):
        trainer, critics, batch = trainer_of(case, dtype)
        before = [a.clone() for a in batch]
        value = trainer.loss(*batch)
        facts = {"shape": list(value.shape), "dtype": str(value.dtype), "slopes": slopes(value, critics)}
        return {**facts, "changed": not all(torch.equal(a, b) for a, b in zip(batch, before, strict=True))}

    def train(case):
        trainer, critics, _ = trainer_of(case, torch.float64, whole=True)
        trainer.optimizer = torch.optim.SGD([critic.weights for critic in critics], lr=0.2)
        trainer.step(1)
        trainer.step(2)
        return {"steps": trainer.iteration, "weights": [plain(critic.weights) for critic in critics]}

    def on_meta(case):
        trainer, _, batch = trainer_of(case, torch.float64, device="meta")
        return [tensor_facts(value) for value in (*trainer.terms(*batch), trainer.loss(*batch))]

    others = {name: Critic(numpy.ones(16), torch.float64) for name in ("net_xy", "net_x", "net_y")}
    data = {name: torch.full((7, 2), 0.5, dtype=torch.float64) for name in ("x", "y", "x_ref", "y_ref", "z", "z_ref")}
    with torch.random.fork_rng(devices=[]), decoys(student, {**others, **data}):
        for name, case in cases.items():
            dtype = torch.float32 if name == "single" else torch.float64
            attempt("terms " + name, lambda case=case, dtype=dtype: terms(case, dtype))
            for k in range(3):
                attempt(f"slopes {name} {k}", lambda case=case, dtype=dtype, k=k: term_slopes(case, dtype, k))
            attempt("loss " + name, lambda case=case, dtype=dtype: loss(case, dtype))
        attempt("train", lambda: train(cases["training"]))
        attempt("meta", lambda: on_meta(cases["seven"]))


PROBE = probe_source(inputs, probe, critic_class)

SINGLE = 1e-5  # tolerance in float32; in float64 it is 1e-9
USUAL = ("square", "seven", "many", "one", "wide", "broad")
TAME = 4  # so many of them come first


def critic(weights: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The probe's critic as the grader computes it: a vector of t at the rows of z."""
    d = len(weights) // 4 - 2
    w = weights.reshape(4, d + 2)
    return torch.tanh(z @ w[:, :d].T + w[:, d]) @ w[:, d + 1]


class Case:
    """A batch as the grader sees it, and what the three bounds are on it."""

    def __init__(self, case: dict) -> None:
        self.raw = {name: torch.tensor(value) for name, value in case.items()}
        self.weights = [self.raw[name].clone().requires_grad_() for name in ("joint", "critic x", "critic y")]

    def sides(self, k: int, order: str = "xy", whole: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """The inputs of critic k, at the data and at the reference."""
        names = {0: list(order), 1: ["x"], 2: ["y"]}[k]
        batch = self.raw
        if whole:
            batch = {name: torch.cat([a, a - 0.7, a[:1] + 1]) for name, a in self.raw.items() if a.ndim == 2}
        return tuple(torch.cat([batch[name + end] for name in names], dim=1) for end in ("", "_ref"))

    def term(self, k: int, of=bound, order: str = "xy", whole: bool = False) -> torch.Tensor:
        data, reference = self.sides(k, order, whole)
        return of(critic(self.weights[k], data), critic(self.weights[k], reference))

    def slope(self, k: int, of=bound, order: str = "xy") -> np.ndarray:
        (found,) = torch.autograd.grad(self.term(k, of, order), self.weights[k], allow_unused=True)
        return (torch.zeros_like(self.weights[k]) if found is None else found).numpy()


class Seen:
    """The student's terms and gradients on one case, as far as they can be read."""

    def __init__(self, record: object, name: str, case: Case) -> None:
        self.case = case
        sizes = [len(w) for w in case.weights]
        terms, loss = (entry(record, f"{part} {name}") for part in ("terms", "loss"))
        slopes = [entry(record, f"slopes {name} {k}") for k in range(3)]
        self.error, self.loss_error, self.slope_errors = error(terms), error(loss), [error(part) for part in slopes]
        self.tolerance = 1e-9
        self.count = len(terms) if isinstance(terms, list) else 0
        found = [numbers(entry(terms, k, "values"), 1) for k in range(3)]
        self.values = [None if value is None else float(value[0]) for value in found]
        self.shapes = [entry(terms, k, "shape") for k in range(3)]
        self.dtypes = [text(entry(terms, k, "dtype")) for k in range(3)]
        self.slopes = [[_slope(entry(slopes, k, j), sizes[j]) for j in range(3)] for k in range(3)]
        self.loss_slopes = (
            [_slope(entry(loss, "slopes", j), sizes[j]) for j in range(3)] if loss is not None else [None] * 3
        )
        self.loss_shape, self.loss_dtype = entry(loss, "shape"), text(entry(loss, "dtype"))
        self.changed = entry(loss, "changed") is not False


def _slope(value: object, n: int) -> np.ndarray | None:
    return np.zeros(n) if value is None else numbers(value, n)


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    cases = {name: Case(case) for name, case in inputs(seed)["cases"].items()}
    seen = {name: Seen(record, name, case) for name, case in cases.items()}
    usual = [seen[name] for name in USUAL]
    # A float type that went wrong is a mistake of its own: the rest is then judged with float32's tolerance.
    rounded = not _all_right(usual, 1e-9) and _all_right(usual, SINGLE)
    for one in seen.values():
        one.tolerance = SINGLE if rounded else 1e-9
    joint, of_x, of_y = (_term_fault(usual, k) for k in range(3))
    sheet.mark("joint term", joint)
    sheet.mark("marginal terms", of_x or of_y)
    right = [not fault for fault in (joint, of_x, of_y)]
    climbs, plain_sum = _loss_faults(usual, right, seen["training"], entry(record, "train"))
    sheet.mark("loss: each critic climbs", climbs)
    sheet.mark("loss: a plain sum of the bounds", plain_sum)
    sheet.mark("scalars, float type and device", _form_fault(record, seen, right, climbs))
    return sheet.checks()


def _all_right(usual: list[Seen], tolerance: float) -> bool:
    return all(near(s.values[k], s.case.term(k).item(), tolerance) for s in usual for k in range(3))


def _term_fault(usual: list[Seen], k: int) -> str:
    """What is wrong with term k, in its value or its gradients."""
    name = ("joint term", "term of x", "term of y")[k]
    failure = next((seen.error for seen in usual if seen.error), "")
    if failure:
        return stopped(failure, "terms") + (
            " The joint critic takes x and y side by side, the others x or y alone."
            if "columns was given" in failure
            else ""
        )
    if any(seen.count not in (0, 3) for seen in usual):
        return "terms must return three scalars: the joint bound, that of x, that of y."
    if any(seen.values[k] is None for seen in usual):
        return f"The {name} is not one number."
    sentence, of, order = _explain_term(usual, k)
    if sentence:
        return f"The {name}: {sentence[0].lower() if not sentence.startswith('The') else 't'}{sentence[1:]}"
    for seen in usual:
        if seen.slope_errors[k]:
            return stopped(seen.slope_errors[k], f"The gradient of the {name}")
        for j in range(3):
            expected = seen.case.slope(k, of, order) if j == k else np.zeros(len(seen.case.weights[j]))
            if not near(seen.slopes[k][j], expected, seen.tolerance):
                if j == k:
                    return f"The {name} has the right value but a wrong gradient: is something detached?"
                return f"The {name} depends on the critic of another term."
    return ""


def _explain_term(usual: list[Seen], k: int) -> tuple[str, object, str]:
    def fits(of, order="xy", whole=False) -> bool:
        try:
            return all(near(s.values[k], s.case.term(k, of, order, whole).item(), s.tolerance) for s in usual)
        except RuntimeError:
            return False

    with torch.no_grad():
        if fits(bound):
            return "", bound, "xy"
        others = [j for j in range(3) if j != k and all(near(s.values[k], s.case.term(j).item()) for s in usual)]
        if others:
            return f"This is the term of {CRITICS[others[0]]}: the order is joint, x, y.", bound, "xy"
        if k == 0 and fits(bound, "yx"):
            return "Its critic takes x first, then y.", bound, "yx"
        if fits(bound, whole=True):
            return "It is of the trainer's whole samples: use the batch that it is given.", bound, "xy"
        for order in ("xx", "yy") if k == 0 else ():
            square = usual[0]
            if near(square.values[0], square.case.term(0, bound, order).item()):
                return f"{order[0]} stands twice in the pair.", bound, order
        values = [(*(critic(s.case.weights[k], z).numpy() for z in s.case.sides(k)), s.values[k]) for s in usual]
        sentence, of = explain(values)
        if of is not None:
            return sentence, of, "xy"
        if all(near(s.values[k], (s.case.term(0) - s.case.term(1) - s.case.term(2)).item()) for s in usual):
            return "This is the estimate: return the three bounds apart.", bound, "xy"
    return "It is not mean t - log mean e^t' of its own critic on its own columns.", bound, "xy"


def _loss_faults(usual: list[Seen], right: list[bool], training: Seen, train: object) -> tuple[str, str]:
    """What is wrong with the direction, and with the size, of the loss's gradient for the three critics.

    The loss is judged by the true bounds, or, where the terms went wrong, by the student's own: it is their sum
    that it should lower.
    """
    failure = next((seen.loss_error for seen in usual if seen.loss_error), "")
    if failure:
        return (stopped(failure, "loss"),) * 2
    factors = []
    for seen in usual:
        for j in range(3):
            given = seen.loss_slopes[j]
            if given is None:
                return ("The loss is not a scalar tensor with a gradient for the three critics.",) * 2
            targets = [seen.case.slope(j)]
            own = [seen.slopes[k][j] for k in range(3)]
            if any(right) and all(slope is not None for slope in own):
                targets.append(sum(own))
            fits = [f for f in (_factor(given, -target, seen.tolerance) for target in targets) if f is not None]
            if not fits:
                return (
                    f"The gradient of the loss for the critic of {CRITICS[j]} is not along its bound's gradient.",
                ) * 2
            factors.append((j, min(fits, key=lambda f: abs(f - 1))))
    low = sorted({j for j, factor in factors if factor < -1e-9})
    # Where t is far from 0, the factor of a weighted sum may be tiny: whether a gradient is there, tame batches say.
    flat = sorted({j for j, factor in factors[: 3 * TAME] if abs(factor) <= 1e-9})
    if low == [1, 2]:
        sentence = (
            "The loss lowers both marginal bounds: it is minus the sum of the three bounds, not minus the estimate."
        )
    elif low == [0, 1, 2]:
        sentence = "The sign is reversed: Adam minimises, so the loss is minus the sum of the bounds."
    elif low:
        sentence = f"A step would lower the bound of {' and '.join(CRITICS[j] for j in low)}: every critic climbs."
    elif flat:
        sentence = f"No gradient reaches the critic of {' and '.join(CRITICS[j] for j in flat)}: all three must climb."
    else:
        sentence = ""
    if sentence:
        return sentence, sentence
    tolerance = 10 * usual[0].tolerance
    if not all(abs(factor - 1) < tolerance for _, factor in factors):
        odd = next(factor for _, factor in factors if abs(factor - 1) >= tolerance)
        return "", f"The bounds are weighted, here with {odd:.4g}: the loss is minus their plain sum."
    return "", _training_fault(training, train, all(right))


def _factor(given: np.ndarray, target: np.ndarray, tolerance: float) -> float | None:
    """The number c with given = c * target, or None."""
    square = float(target @ target)
    factor = float(given @ target) / square if square > 0 else 0.0
    return factor if near(given, factor * target, tolerance) else None


def _training_fault(training: Seen, train: object, right: bool) -> str:
    """Three steps with all data in one batch: their number, and the weights they lead to."""
    if not right:
        return ""
    if error(train):
        return stopped(error(train), "Training")
    case = training.case
    for _ in range(3):
        slopes = [torch.tensor(case.slope(k)) for k in range(3)]
        case.weights = [(w.detach() + 0.2 * g).requires_grad_() for w, g in zip(case.weights, slopes, strict=True)]
    for j, weights in enumerate(case.weights):
        if not near(numbers(entry(train, "weights", j), len(weights)), weights.detach().numpy(), training.tolerance):
            return f"After three steps the critic of {CRITICS[j]} is not where its bound's gradient leads."
    return "" if entry(train, "steps") == 3 else "There were not three steps in three epochs of one batch each."


def _form_fault(record: object, seen: dict[str, Seen], right: list[bool], climbs: str) -> str:
    if not any(right):
        return "This counts only where a term is right."
    for name in (*USUAL, "single"):
        one, dtype = seen[name], "torch.float32" if name == "single" else "torch.float64"
        failure = one.error or one.loss_error
        if failure:
            return stopped(failure, f"With {dtype.removeprefix('torch.')}, the trainer")
        if any(shape != [] for shape in one.shapes):
            return "Each term must be a scalar tensor, of shape ()."
        if one.loss_shape != []:
            return "The loss must be a scalar tensor, of shape ()."
        if any(given != dtype for given in (*one.dtypes, one.loss_dtype)):
            return "The terms and the loss must keep the float type of the data."
        if one.changed:
            return "The batch was changed in place: make new tensors."
    if seen["seven"].tolerance == SINGLE:
        return "With float64 the terms are right to float32 only."
    single = seen["single"]
    for k in range(3):
        if right[k] and not near(single.values[k], single.case.term(k).item(), 1e-5):
            return "With float32 a term differs from its value with float64."
    meta = entry(record, "meta")
    if error(meta):
        return stopped(error(meta), "On another device, the trainer")
    if any(entry(meta, k, "device") != "meta" for k in range(4)):
        return "A result is on another device than the data: make no tensor without device=."
    return ""
