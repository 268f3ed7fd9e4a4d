"""`DVTrainer.loss`: value, gradient, large critics, and that it is of the batches and the network it is given."""

from __future__ import annotations

import numpy as np
import torch

from grading.exercises._bound import exact, explain, gradients, reversed_sign, uses_both
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source, tensor_facts
from grading.verdict.reading import SINGLE, Sheet, entry, error, near, numbers, stopped, text

GRADE_ID = "DVTrainer"
TEST_ID = "test-DVTrainer"
POINTS = {"value of the loss": 1.5, "gradient": 1.5, "no overflow": 0.5, "its own batches and network": 0.5}


def inputs(seed):
    """Critic values of batches: the probe's critic is a table of its values at each row of the samples."""
    import numpy

    rng = numpy.random.default_rng([seed, 4])
    sizes = {"uneven": (7, 9), "many": (12, 10), "one": (1, 6), "row": (6, 1), "single": (8, 5), "high": (6, 8)}
    sizes |= {"wide": (12, 10), "broad": (12, 10), "low": (5, 7)}
    batches = {
        name: (rng.permutation(12)[:n].tolist(), rng.permutation(10)[:m].tolist()) for name, (n, m) in sizes.items()
    }
    values = rng.uniform(-2.2, 2.2, 22)
    values[[0, 1, 12, 13]] = 2.4, -2.4, 2.4, -2.4  # far on both sides where the table is stretched
    moves = dict.fromkeys(sizes, (1.0, 0.0))  # a factor and a constant of the table
    moves |= {"high": (1.0, 1000.0), "wide": (28.0, 0.0), "broad": (20.0, 0.0), "low": (1.0, -30.0)}
    return {"values": values, "batches": batches, "moves": moves}


def probe(student, attempt, values, batches, moves):
    """Call the trainer's loss on batches of several sizes and differentiate it."""
    import torch

    class Table(torch.nn.Module):
        """t(z) is the entry of a table that the first column of z names: the data come first, then the reference."""

        def __init__(self, entries):
            super().__init__()
            self.entries = torch.nn.Parameter(entries)

        def forward(self, z):
            return self.entries[z[:, 0].long()].unsqueeze(1)

    def trainer_of(dtype, move=(1.0, 0.0), device="cpu"):
        names = torch.arange(22, dtype=dtype).reshape(-1, 1)
        Z = torch.cat([names, 1 - names, names], 1).to(device)
        table = Table(torch.tensor(values * move[0] + move[1], dtype=dtype, device=device))
        return student["DVTrainer"](Z[:12], Z[12:], table, 2, lr=0.1), table

    def loss_of(name, dtype=torch.float64, device="cpu"):
        trainer, table = trainer_of(dtype, moves[name], device)
        of_data, of_reference = batches[name]
        loss = trainer.loss(trainer.Z[of_data], trainer.Z_ref[of_reference])
        return loss, table

    def value(name, dtype):
        return tensor_facts(loss_of(name, dtype)[0])

    def slopes(name, dtype):
        loss, table = loss_of(name, dtype)
        loss.backward()
        return None if table.entries.grad is None else plain(table.entries.grad)

    def train():
        trainer, table = trainer_of(torch.float64)
        trainer.n_iters_per_epoch = 1  # all data in one batch, so that the order plays no part
        trainer.optimizer = torch.optim.SGD(table.parameters(), lr=0.3)
        trainer.step(1)
        estimate = trainer.step(2)
        return {"entries": plain(table.entries), "estimate": plain(estimate), "steps": trainer.iteration}

    other = Table(torch.zeros(22))
    with (
        torch.random.fork_rng(devices=[]),
        decoys(student, {"net": other, "Z": torch.ones(5, 3), "z": torch.ones(5, 3)}),
    ):
        for name in batches:
            dtype = torch.float32 if name == "single" else torch.float64
            attempt("value " + name, lambda name=name, dtype=dtype: value(name, dtype))
            attempt("slopes " + name, lambda name=name, dtype=dtype: slopes(name, dtype))
        attempt("train", train)
        attempt("meta", lambda: tensor_facts(loss_of("uneven", device="meta")[0]))


PROBE = probe_source(inputs, probe)

USUAL = ("uneven", "many", "one", "row", "wide", "broad", "low")


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    table = asked["values"]
    cases = {}
    for name, (i, j) in asked["batches"].items():
        factor, constant = asked["moves"][name]
        cases[name] = (table[i] * factor + constant, table[12:][j] * factor + constant)
    values = {name: _scalar(entry(record, f"value {name}")) for name in cases}
    there = [name for name in USUAL if values[name] is not None]
    seen = [(*cases[name], values[name]) for name in there]
    mistake, of = explain(seen, sign=-1)
    failure = error(entry(record, "value uneven")) or error(entry(record, "stopped"))
    whole = None
    if not there:
        mistake = stopped(failure, "loss") if failure else "The loss is not one number."
    elif of is None:
        same = []
        for name in there:
            factor, constant = asked["moves"][name]
            moved = table * factor + constant
            same.append((moved[:12], moved[12:], values[name]))
        whole_mistake, whole = explain(same, sign=-1)
        if whole is not None and not whole_mistake:
            mistake = "The loss is of the trainer's whole samples: use the batches z and z_ref that it is given."
    if of is reversed_sign:
        mistake = "The sign is reversed: an optimiser minimises, so the loss is minus the bound."
    odd = [name for name in USUAL if values[name] is None]
    if there and odd and not mistake:
        n, n_ref = (len(t) for t in cases[odd[0]])
        what = f"With {n} row{'s' * (n > 1)} of the data and {n_ref} of the reference"
        problem = error(entry(record, f"value {odd[0]}"))
        mistake = stopped(problem, f"{what}, loss") if problem else f"{what} the loss is not one finite number."
    rounded = of is not None and not exact(of, seen, sign=-1)
    sheet.mark("value of the loss", mistake)
    bound = of if of and uses_both(of, *cases[there[0]]) else None
    sheet.mark("gradient", _gradient_fault(record, asked, cases, bound, SINGLE if rounded else 1e-9))
    sheet.mark("no overflow", _overflow_fault(record, asked, cases, values, bound))
    form = "With float64 the loss is right to float32 only." if rounded else ""
    form = form or _form_fault(record, asked, cases, values, of, mistake)
    sheet.mark("its own batches and network", form)
    return sheet.checks()


def _scalar(part: object) -> float | None:
    found = numbers(entry(part, "values"), 1)
    return None if found is None else float(found[0])


def _expected_slopes(of, asked, cases, name) -> np.ndarray:
    """The gradient of minus the bound with respect to all 22 entries of the critic's table."""
    i, j = asked["batches"][name]
    slopes = np.zeros(22)
    slopes[i], slopes[12 + np.array(j)] = (-g for g in gradients(of, *cases[name]))
    return slopes


def _gradient_fault(record, asked, cases, of, tolerance) -> str:
    if of is None:
        return "The gradient cannot be judged while the value is wrong."
    for name in USUAL:
        part = entry(record, f"slopes {name}")
        if error(part):
            return stopped(error(part), "backward from the loss")
        given, expected = numbers(part, 22), _expected_slopes(of, asked, cases, name)
        if isinstance(part, list) and given is None:
            return f"With {len(cases[name][0])} and {len(cases[name][1])} rows the gradient is not a number."
        if part is None or given is None:
            return "No gradient reaches the trainer's network: is something detached, or another network called?"
        for place, rows in (("data", slice(0, 12)), ("reference", slice(12, 22))):
            if not near(given[rows], expected[rows], tolerance):
                lost = not given[rows].any()
                return f"The gradient of the {place} term is {'zero' if lost else 'wrong'}: detach neither term."
    return ""


def _overflow_fault(record, asked, cases, values, of) -> str:
    if of is None:
        return "Large critic values count only where ordinary ones give the loss."
    expected = -of(*(torch.tensor(t) for t in cases["high"])).item()
    slopes = numbers(entry(record, "slopes high"), 22)
    # That float32 rounds t near 1000 is a matter of the float type.
    fits = near(values["high"], expected, SINGLE) and near(slopes, _expected_slopes(of, asked, cases, "high"), 1e-3)
    if not fits:
        return "At t about 1000 the loss or its gradient is not a correct number: exp overflows; use logmeanexp."
    return ""


def _form_fault(record, asked, cases, values, of, mistake) -> str:
    if of is None:
        return mistake
    for name in ("uneven", "many", "one", "single"):
        part = entry(record, f"value {name}")
        if error(part):
            return stopped(error(part), "loss")
        if entry(part, "shape") != []:
            return "The loss is not a scalar tensor, of shape (): squeeze the log-mean-exp."
        dtype = "torch.float32" if name == "single" else "torch.float64"
        if text(entry(part, "dtype")) != dtype:
            return f"The loss of a {dtype} network came out as {text(entry(part, 'dtype')) or 'something else'}."
    if not near(values["single"], -of(*(torch.tensor(t) for t in cases["single"])).item(), 1e-5):
        return "With float32 the loss differs from its value with float64."
    meta = entry(record, "meta")
    if error(meta) or entry(meta, "device") != "meta":
        return (
            stopped(error(meta), "On another device, loss") if error(meta) else "The loss is not on its data's device."
        )
    entries = asked["values"]
    for _ in range(3):
        entries = entries + 0.3 * np.concatenate(gradients(of, entries[:12], entries[12:]))
    train = entry(record, "train")
    if not near(numbers(entry(train, "entries"), 22), entries) and not mistake:
        return stopped(error(train), "Training") if error(train) else "Three steps do not lead where they should."
    return ""
