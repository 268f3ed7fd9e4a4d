"""`Net.forward`, the critic of MINE: shape, value, order of the inputs, gradients, float type and device, batches."""

from __future__ import annotations

import numpy as np
import torch

from grading.exercises._networks import ORDERS, WEIGHTS, Explanation, explanations, fitted
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, integers, near, numbers, stopped

GRADE_ID = "MINE-Net"
TEST_ID = "test-MINE-Net"
POINTS = {
    "shape of t": 0.5,
    "value of t": 1.5,
    "order of x and y": 0.5,
    "gradients": 1.5,
    "float type": 0.5,
    "whole batches on any device, no side effects": 0.5,  # all that rests on a kernel's word is in here
}

SINGLE = 1e-4  # tolerance in float32; in float64 it is 1e-9
TOLERANCES = {"single": SINGLE, "fitted": 1e-8}
DOUBLES = ("square", "seven", "many", "one")


def inputs(seed):
    """Networks with well-scaled random weights and batches of pairs: unequal dimensions, and 1, 7 and 64 rows."""
    import numpy

    rng = numpy.random.default_rng([seed, 1])
    sizes = {  # rows, d_x, d_y, hidden units, about what t is: far on both sides, so that a bound on t shows
        "square": (7, 2, 2, 4, 0),
        "seven": (7, 2, 3, 5, -60),
        "many": (64, 3, 1, 4, 0),
        "one": (1, 1, 2, 6, 60),
        "single": (7, 3, 2, 5, 0),
    }
    cases = {}
    for name, (n, d_x, d_y, h, about) in sizes.items():
        d = d_x + d_y
        cases[name] = {
            "x": rng.uniform(-2, 2, (n, d_x)),
            "y": rng.uniform(-2, 2, (n, d_y)),
            "fc1.weight": rng.uniform(-1.5, 1.5, (h, d)) / d**0.5,
            "fc1.bias": rng.uniform(-0.8, 0.8, h),
            "fc2.weight": rng.uniform(-2, 2, (h, h)) / h**0.5,
            "fc2.bias": rng.uniform(-0.8, 0.8, h),
            "fc3.weight": rng.uniform(-2.5, 2.5, (1, h)) / h**0.5,
            "fc3.bias": rng.uniform(-0.8, 0.8, 1) + about,
            "pull": rng.standard_normal(n),  # the gradient is that of the sum of pull * t
        }
    return {"cases": cases}


def counter():
    """A mode in which the calls of torch's functions are counted."""
    from torch.overrides import TorchFunctionMode

    class Count(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, function, types, args=(), kwargs=None):
            self.calls += 1
            return function(*args, **(kwargs or {}))

    return Count()


def network_of(student, case, dtype):
    """The student's network with the weights of a case."""
    import torch

    h, d = case["fc1.weight"].shape
    net = student["Net"](input_size=d, hidden_size=h).to(dtype)
    with torch.no_grad():
        for name in weight_names():
            weight_of(net, name).copy_(torch.tensor(case[name], dtype=dtype))
    return net


def weight_names():
    return [f"fc{k}.{kind}" for k in (1, 2, 3) for kind in ("weight", "bias")]


def weight_of(net, name):
    """A weight by the attributes that the exercise names, wherever else the layers are kept."""
    layer, kind = name.split(".")
    return getattr(getattr(net, layer), kind)


def facts_of(t):
    """t as it is nested, so that its numbers say its shape, and a third of it, whose rounding says its float type."""
    facts = {"shape": list(t.shape), "device": str(t.device)}
    if not t.is_meta and t.numel() <= 20000:
        facts.update(t=plain(t), third=plain((t / 3).reshape(-1)))
    return facts


def probe(student, attempt, cases):
    """Run the student's network on each case; the network's weights are set here."""
    import numpy
    import torch

    def pair(case, dtype, copies=1):
        return [torch.tensor(numpy.tile(case[name], (copies, 1)), dtype=dtype) for name in ("x", "y")]

    def forward(case, dtype=torch.float64, training=True):
        return facts_of(network_of(student, case, dtype).train(training)(*pair(case, dtype)))

    def gradients(case, dtype=torch.float64):
        net = network_of(student, case, dtype)
        x, y = (leaf.requires_grad_() for leaf in pair(case, dtype))
        net(x, y).reshape(-1).mul(torch.tensor(case["pull"], dtype=dtype)).sum().backward()
        found = {name: weight_of(net, name).grad for name in weight_names()}
        found.update(x=x.grad, y=y.grad)
        return {name: None if grad is None else plain(grad) for name, grad in found.items()}

    def side_effects(case):
        net, (x, y) = network_of(student, case, torch.float64), pair(case, torch.float64)
        first = facts_of(net(x, y))
        net(x[:1] - 1, y[:1] + 1)  # what comes between two calls must not matter
        again = facts_of(net(x, y))
        return {"first": first, "again": again, "x": plain(x), "y": plain(y)}

    def calls(case):
        counts = []
        for copies in (1, 8):
            net, (x, y) = network_of(student, case, torch.float64), pair(case, torch.float64, copies)
            with counter() as count:
                net(x, y)
            counts.append(count.calls)
        return counts

    def on_meta(case):
        x, y = (leaf.to("meta") for leaf in pair(case, torch.float64))
        return facts_of(network_of(student, case, torch.float64).to("meta")(x, y))

    def beside_meta(case):
        net, (x, y) = network_of(student, case, torch.float64), pair(case, torch.float64)
        with torch.device("meta"):  # a tensor made without asking for the device of x now is on another
            return facts_of(net(x, y))

    wrong = {name: torch.full((7, 2), 0.5, dtype=torch.float64) for name in ("x", "y", "z")}
    with decoys(student, wrong):
        for name, case in cases.items():
            dtype = torch.float32 if name == "single" else torch.float64
            attempt("t " + name, lambda case=case, dtype=dtype: forward(case, dtype))
            attempt("eval " + name, lambda case=case, dtype=dtype: forward(case, dtype, training=False))
            attempt("gradient " + name, lambda case=case, dtype=dtype: gradients(case, dtype))
        attempt("effects", lambda: side_effects(cases["seven"]))
        attempt("calls", lambda: calls(cases["seven"]))
        attempt("meta", lambda: on_meta(cases["seven"]))
        attempt("beside meta", lambda: beside_meta(cases["seven"]))


PROBE = probe_source(inputs, probe, counter, network_of, weight_names, weight_of, facts_of)


def leaves(case: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The inputs and weights of a case in float64; those of the float32 case as that type rounds them."""
    return {name: torch.tensor(case[name], dtype=torch.float64) for name in ("x", "y", *WEIGHTS)}


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    cases = inputs(seed)["cases"]
    rows = {name: len(case["x"]) for name, case in cases.items()}
    found = {name: _values(entry(record, f"t {name}"), n) for name, n in rows.items()}
    # A t that is no number for each pair is a network of no kind, even if it agrees where there is one pair.
    odd = [n for n in DOUBLES if found[n] is None and not error(entry(record, f"t {n}"))]
    judged, explanation = DOUBLES, None if odd else _explain(found, cases, DOUBLES)
    if explanation is None and not odd:
        # A float type that went wrong is a mistake of its own: the rest is then judged on the float32 case.
        single = _explain(found, cases, ("single",))
        doubles = [name for name in DOUBLES if found[name] is not None]
        if single and all(_agrees(single, leaves(cases[name]), found[name], "single") for name in doubles):
            judged, explanation = ("single",), single
    if explanation is None and not odd:
        explanation = _fitted(found, cases)
    _value_and_order(sheet, record, found, cases, judged, explanation)
    worth = explanation is not None
    _shape(sheet, record, found, rows, judged, worth, cases["seven"])
    _gradients(sheet, record, cases, judged, explanation)
    sheet.mark("float type", _type_reason(record, found, cases, explanation))
    sheet.mark("whole batches on any device, no side effects", _batch_reason(record, cases, rows, explanation))
    return sheet.checks()


def _shape_of(nested: object) -> list[int]:
    """The shape of an array that is given as nested lists, by the first entry of each."""
    shape = []
    while isinstance(nested, list) and len(shape) < 8:
        shape.append(len(nested))
        nested = nested[0] if nested else None
    return shape


def _values(part: object, n: int) -> np.ndarray | None:
    """t as a vector of n finite numbers, however it is nested; else None."""
    nested = entry(part, "t")
    shape = _shape_of(nested)
    whole = np.prod(shape, initial=1) == n and entry(part, "shape") == shape
    given = numbers(nested, *shape) if whole else None
    return None if given is None else given.reshape(-1)


def _fitted(found: dict, cases: dict) -> Explanation | None:
    """A network with a number that was solved for, if it gives all values that were computed."""
    there = [name for name in DOUBLES if found[name] is not None]
    seen = [(leaves(cases[name]), found[name]) for name in there]
    for explanation in fitted(seen) if len(there) > 2 else ():
        if all(_agrees(explanation, leaf, values, "fitted") for leaf, values in seen):
            return explanation
    return None


def _explain(found: dict, cases: dict, judged: tuple[str, ...]) -> Explanation | None:
    """The first explanation that gives all the values that were computed at all."""
    there = [name for name in judged if found[name] is not None]
    leaf = {name: leaves(cases[name]) for name in there}
    for explanation in explanations():
        if there and all(_agrees(explanation, leaf[name], found[name], name) for name in there):
            return explanation
    return None


def _agrees(explanation: Explanation, leaf: dict, values: np.ndarray, name: str) -> bool:
    try:
        with torch.no_grad():
            expected = explanation(leaf).numpy()
    except RuntimeError:  # such as x twice where the dimensions differ: the student's network had failed too
        return False
    return near(values, expected, TOLERANCES.get(name, 1e-9))


def _value_and_order(sheet, record, found, cases, judged, explanation) -> None:
    first_error = next(filter(None, (error(entry(record, f"t {name}")) for name in judged)), "")
    if explanation is None:
        reason = stopped(first_error, "forward") if first_error else _unexplained(record, found, judged)
        sheet.mark("value of t", reason)
        sheet.mark("order of x and y", "The order cannot be told while the value of t is wrong.")
        return
    reason = explanation.fault
    if not reason and first_error:
        reason = stopped(first_error, "forward")
    if not reason and any(found[name] is None for name in judged):
        reason = "For some numbers of rows t is not one number for each pair."
    if not reason and explanation.order in ("xx", "yy"):
        reason = ORDERS[explanation.order]
    sheet.mark("value of t", reason)
    sheet.mark("order of x and y", ORDERS[explanation.order])


def _unexplained(record: object, found: dict, judged: tuple[str, ...]) -> str:
    """Why no known network gives these values."""
    there = {name: found[name] for name in judged if found[name] is not None}
    if "seven" not in there:
        shape = _shape_of(entry(record, "t seven", "t")) or integers(entry(record, "t seven", "shape"), 0, 10**6, 8)
        if shape is None:
            return "The probe of this exercise published no value of t."
        if shape in ([7], [7, 1]):
            return "t is not a finite number for ordinary inputs: does an exp meet large values?"
        return f"7 pairs gave t of shape {tuple(shape)}: it holds one number for each pair, so no sum over the batch."
    if all(values.size == 1 or np.ptp(values) < 1e-12 for values in there.values()):
        return "t is the same for all pairs: it must be computed from x and y."
    return "t is not fc3(ELU(fc2(ELU(fc1([x, y])))))."


def _shape(sheet, record, found, rows, judged, worth, seven) -> None:
    reason = ""
    for name in judged:
        failure, shape = error(entry(record, f"t {name}")), _shape_of(entry(record, f"t {name}", "t"))
        if failure or entry(record, f"t {name}", "t") is None:
            reason = f"t could not be computed for {_pairs(rows[name])}, so it has no shape."
        elif shape != [rows[name], 1]:
            reason = f"{_pairs(rows[name])} should give t of shape {(rows[name], 1)}, not {tuple(shape)}."
            if shape == [rows[name]]:
                reason += " Keep the column: no squeeze."
        if reason:
            break
    if not reason and not worth:
        effects = entry(record, "effects")
        same = near(numbers(entry(effects, "x"), 7, 2), seven["x"])
        values = found.get("seven")
        if not same or values is None or np.ptp(values) < 1e-12:
            reason = "The shape counts only where t is computed from x and y."
    sheet.mark("shape of t", reason)


def _pairs(n: int) -> str:
    return f"{n} pair{'s' * (n > 1)}"


def _gradients(sheet, record, cases, judged, explanation) -> None:
    """The gradients of whatever network the values show: ELU or not is a matter of the value."""
    if explanation is None:
        sheet.mark("gradients", "Gradients cannot be judged while the value of t is wrong.")
        return
    for name in judged:
        part, case = entry(record, f"gradient {name}"), cases[name]
        if error(part):
            if error(entry(record, f"t {name}")):
                continue  # the value is lost already, and there is nothing to differentiate
            sheet.mark("gradients", stopped(error(part), "The gradient of t"))
            return
        expected = _expected_gradients(explanation, case)
        missing = [leaf for leaf in expected if entry(part, leaf) is None]
        if missing:
            sheet.mark("gradients", f"No gradient reaches {', '.join(missing)}: is something detached on the way?")
            return
        for leaf, gradient in expected.items():
            given = numbers(entry(part, leaf), *gradient.shape)
            if not near(given, gradient, SINGLE if name == "single" else 1e-9):
                reason = f"The gradient with respect to {leaf} is wrong although t is right"
                zero = given is not None and not given.any()
                sheet.mark("gradients", f"{reason}: {'it is zero; ' if zero else ''}is something detached or rounded?")
                return
    sheet.mark("gradients")


def _expected_gradients(explanation: Explanation, case: dict) -> dict[str, np.ndarray]:
    leaf = {name: tensor.requires_grad_() for name, tensor in leaves(case).items()}
    explanation(leaf).mul(torch.tensor(case["pull"])).sum().backward()
    return {name: (t.grad if t.grad is not None else torch.zeros_like(t)).numpy() for name, t in leaf.items()}


def _type_reason(record, found, cases, explanation) -> str:
    if explanation is None:
        return "The float type counts only where t is computed by the network."
    for name in ("seven", "single"):
        failure = error(entry(record, f"t {name}"))
        if failure:
            return stopped(failure, f"With {'float32' if name == 'single' else 'float64'}, forward")
    if not _agrees(explanation, leaves(cases["single"]), found["single"], "single"):
        return "With float32, t differs from its value with float64."
    for name in DOUBLES:
        if found[name] is not None and not _agrees(explanation, leaves(cases[name]), found[name], "fitted"):
            if np.array_equal(found[name], found[name].astype(np.float32).astype(float)):
                return "A network of type torch.float64 gave t of type torch.float32: keep the float type of the input."
            return "With float64, t is right to float32 only."
    # A third of t is rounded as t's own type rounds: that says the type, and a third of a float64 is no float32.
    single = numbers(entry(record, "t single", "third"), len(found["single"]))
    if single is None or not near(single, found["single"] / 3, SINGLE):
        return "A third of t is not what it should be."
    if not np.array_equal(single, single.astype(np.float32).astype(float)):
        return "A network of type torch.float32 gave t of another type: keep the float type of the input."
    double = numbers(entry(record, "t seven", "third"), 7)
    if double is None or not near(double, found["seven"] / 3, 1e-12):
        return "A network of type torch.float64 gave t of another type: keep the float type of the input."
    return ""


def _batch_reason(record, cases, rows, explanation) -> str:
    case, effects = cases["seven"], entry(record, "effects")
    if explanation is None:
        return "This counts only where t is computed by the network."
    if error(effects):
        return stopped(error(effects), "forward")
    for name in ("x", "y"):
        if not near(numbers(entry(effects, name), *case[name].shape), case[name], 0.0):
            return f"forward changed its input {name} in place: make new tensors."
    first, again = (_values(entry(effects, part), 7) for part in ("first", "again"))
    if first is None or again is None or not near(again, first, 1e-12):
        return "The same pairs gave another t the second time: forward must not change the network, nor draw at random."
    for name, n in rows.items():
        train, evaluation = (_values(entry(record, f"{mode} {name}"), n) for mode in ("t", "eval"))
        if train is not None and not near(evaluation, train, 1e-12):
            return "t differs between train and eval mode: there is no dropout in this network."
    counts = integers(entry(record, "calls"), 0, 10**9, 2)
    if counts is None or len(counts) != 2:
        return stopped(error(entry(record, "calls")), "forward") if error(entry(record, "calls")) else "No count."
    if counts[1] > counts[0] + 10:
        return (
            "forward does more steps the more pairs there are: the layers take a whole batch at once, without a loop."
        )
    return _device_reason(record, cases, explanation)


def _device_reason(record, cases, explanation) -> str:
    meta = entry(record, "meta")
    good = entry(meta, "device") == "meta" and entry(meta, "shape") == entry(record, "t seven", "shape")
    # Masks such as a[a < 0] cannot run on tensors without data: then the other test of the device stands alone.
    if not good and not ("nonzero" in error(meta) or explanation.fault):
        if error(meta):
            return stopped(error(meta), "On another device, forward")
        return "On another device, t has another shape or device than the network's."
    beside = _values(entry(record, "beside meta"), 7)
    if not _agrees(explanation, leaves(cases["seven"]), beside, "single"):
        return "A tensor is made on the default device: make it on that of x, say with torch.zeros_like."
    return ""
