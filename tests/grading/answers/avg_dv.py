"""`dv`."""

VALUE, GRADIENT, LARGE, FORM = "value of the bound", "gradient", "no overflow", "any shape and float type"

RIGHT_TERM = "torch.logsumexp(t_reference.flatten(), dim=0) - math.log(t_reference.numel())"


def bound(data="t_joint.mean()", reference=RIGHT_TERM, result="data - reference"):
    return f"data = {data}\nreference = {reference}\nreturn {result}"


LEAST_WRONG, LEAST_RIGHT = 10, 6

WRONG = {
    "the data only, for the gradient": (GRADIENT, "while the value is wrong", "return t_joint.mean()"),
    "the data only, for large values": (LARGE, "only where ordinary ones", "return t_joint.mean()"),
    "no log": (VALUE, "log is missing", bound(reference="t_reference.exp().mean()")),
    "another bound": (VALUE, "a 1 are missing", bound(reference="t_reference.exp().mean() - 1")),
    "log of the sum": (VALUE, "log of a sum", bound(reference="torch.logsumexp(t_reference.flatten(), 0)")),
    "sums": (VALUE, "Both averages are sums", bound("t_joint.sum()", "torch.logsumexp(t_reference.flatten(), 0)")),
    "sum of the data": (VALUE, "sum where it should be the mean", bound("t_joint.sum()")),
    "no exp": (VALUE, "exp and log are missing", bound(reference="t_reference.mean()")),
    "n for n'": (
        VALUE,
        "number of data values",
        bound(reference=RIGHT_TERM.replace("math.log(t_reference", "math.log(t_joint")),
    ),
    "swapped": (
        VALUE,
        "swapped",
        "return t_reference.mean() - torch.logsumexp(t_joint.flatten(), 0) + math.log(t_joint.numel())",
    ),
    "the sign": (VALUE, "sign is reversed", bound(result="reference - data")),
    "added": (VALUE, "are added", bound(result="data + reference")),
    "data twice": (VALUE, "data stand in both", bound(reference=RIGHT_TERM.replace("t_reference", "t_joint"))),
    "log n added": (VALUE, "added where it should be subtracted", bound(reference=RIGHT_TERM.replace(" - ", " + "))),
    "n' for its log": (VALUE, "where its log", bound(reference=RIGHT_TERM.replace("math.log", ""))),
    "divided": (
        VALUE,
        "divided by n'",
        bound(reference="torch.logsumexp(t_reference.flatten(), 0) / t_reference.numel()"),
    ),
    "base 2": (VALUE, "base 2", bound(reference="t_reference.exp().mean().log2()")),
    "base 10": (VALUE, "base 10", bound(reference="t_reference.exp().mean().log10()")),
    "the largest": (VALUE, "largest", bound(reference="t_reference.max()")),
    "only the first column": (
        FORM,
        "for every shape",
        bound(reference="torch.logsumexp(t_reference, 0).squeeze() - math.log(len(t_reference))"),
    ),
    "a number": (VALUE, "stopped with", bound(result="(data - reference).item()")),
    "a constant in the log": (VALUE, "small constant", bound(reference="(t_reference.exp().mean() + 1e-6).log()")),
    "data detached": (GRADIENT, "at the data", bound("t_joint.detach().mean()")),
    "reference detached": (GRADIENT, "at the reference", bound(reference="(" + RIGHT_TERM + ").detach()")),
    "no_grad": (
        GRADIENT,
        "graph was cut",
        "with torch.no_grad():\n    reference = " + RIGHT_TERM + "\n    return t_joint.mean() - reference",
    ),
    "an item": (
        GRADIENT,
        "No gradient reaches the critic's values at the reference",
        bound(reference="(" + RIGHT_TERM + ").item()"),
    ),
    "overflow": (LARGE, "exp overflows", bound(reference="t_reference.exp().mean().log()")),
    "clamped": (LARGE, "not a correct number", bound(reference="t_reference.clamp(max=80).exp().mean().log()")),
    "shape (1,)": (FORM, "scalar tensor", bound(result="(data - reference).reshape(1)")),
    "float32": (FORM, "float", bound(result="(data - reference).float().double()")),
    "single": (FORM, "came out as torch.float64", bound(result="(data - reference).double()")),
    "in place": (
        FORM,
        "changed its inputs",
        bound()
        .replace("data =", "t_reference.data.sub_(1).add_(2)\ndata =", 1)
        .replace("return", "reference = reference - 1\nreturn"),
    ),
    "the CPU": (
        FORM,
        "device",
        bound(
            reference="torch.logsumexp(torch.cat([t_reference.flatten(), torch.zeros(0, "
            "dtype=t_reference.dtype)]), 0) - math.log(t_reference.numel())"
        ),
    ),
    "the stub": (VALUE, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
}

RIGHT = {
    "numel first": "n = t_reference.numel()\nreturn t_joint.mean() - (t_reference.reshape(-1).logsumexp(0) - "
    "math.log(n))",
    "shifted": "top = t_reference.max()\nreturn t_joint.mean() - ((t_reference - top).exp().mean().log() + top)",
    "top detached": "top = t_reference.max().detach()\nreturn t_joint.mean() - "
    "torch.log(torch.exp(t_reference - top).mean()) - top",
    "np.log": bound(reference="torch.logsumexp(t_reference.ravel(), 0) - np.log(t_reference.numel())"),
    "all dimensions": bound(
        reference="torch.logsumexp(t_reference, dim=tuple(range(t_reference.ndim))) - math.log(t_reference.numel())"
    ),
    "sum of the data": bound("t_joint.sum() / t_joint.numel()"),
    "log added": "return t_joint.mean() - t_reference.flatten().logsumexp(0) + math.log(t_reference.numel())",
    "log of n' as a tensor": bound(
        reference="torch.logsumexp(t_reference.flatten(), 0) - torch.log(torch.tensor(t_reference.numel(), "
        "dtype=t_reference.dtype, device=t_reference.device))"
    ),
    "logsumexp of a shift": bound(
        reference="torch.logsumexp(t_reference.flatten() - math.log(t_reference.numel()), dim=0)"
    ),
    "prints": "print(t_joint.shape)\n" + bound(),
}
