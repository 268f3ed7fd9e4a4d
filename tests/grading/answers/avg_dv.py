"""`dv`."""

VALUE, GRADIENT, LARGE, FORM = "value of the bound", "gradient", "no overflow", "any shape and float type"
PRECISION = "full precision"

RIGHT_TERM = "torch.logsumexp(t_reference.flatten(), dim=0) - math.log(t_reference.numel())"


def bound(data="t_joint.mean()", reference=RIGHT_TERM, result="data - reference"):
    return f"data = {data}\nreference = {reference}\nreturn {result}"


def clipped(data="", reference=""):
    """The right bound of clipped critic values."""
    clips = {"t_joint": data, "t_reference": reference}
    return "".join(f"{t} = {t}.clamp({limits})\n" for t, limits in clips.items() if limits) + bound()


LEAST_WRONG, LEAST_RIGHT = 55, 27

# What answers with one fault keep, of 4 points.
EARNS = {
    "log n' in float32": 3.75,
    "all in float32": 3.75,
    "n' - 1": 2.5,
    "n' + 1": 2.5,
    "n - 1": 2.5,
    "half": 2.5,
    "a constant beside": 2.5,
    "weights of the terms": 2.5,
    "clipped at 3": 2.5,
    "clipped at 1": 2.5,
    "data clipped": 2.5,
    "not a number for one value": 2.5,
    "clipped at 20": 2.5,
    "clamped": 3.5,
    "overflow": 3.5,
    "zeros": 0.0,
}

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
    "log n' in float32": (
        PRECISION,
        "float32 only",
        bound(reference="torch.logsumexp(t_reference.flatten(), 0) - torch.log(torch.tensor(t_reference.numel()))"),
    ),
    "all in float32": (
        PRECISION,
        "float32 only",
        "kept = t_joint.dtype\nt_joint, t_reference = t_joint.float(), t_reference.float()\n"
        + bound(result="(data - reference).to(kept)"),
    ),
    "n' - 1": (VALUE, "divided by n' -1", bound(reference=RIGHT_TERM.replace("numel()", "numel() - 1 + 0.0"))),
    "n' + 1": (VALUE, "divided by n' +1", bound(reference=RIGHT_TERM.replace("numel()", "numel() + 1"))),
    "n - 1": (VALUE, "divided by n -1", bound("t_joint.sum() / (t_joint.numel() - 1)")),
    "a larger constant in the log": (
        VALUE,
        "added inside the log",
        bound(reference="(t_reference.exp().mean() + 1e-3).log()"),
    ),
    "half": (VALUE, "0.5 times", bound(result="(data - reference) / 2")),
    "a constant beside": (VALUE, "the bound -1", bound(result="data - reference - 1")),
    "weights of the terms": (VALUE, "multiplied by 2 ", bound("2 * t_joint.mean()")),
    "a sum, and no log": (
        VALUE,
        "The log is missing: it stands before the mean of e^t. The data term is a sum",
        bound("t_joint.sum()", "t_reference.exp().mean()"),
    ),
    "clipped at 3": (VALUE, "at the reference are clipped above at 3:", clipped(reference="max=3")),
    "clipped at 1": (VALUE, "at the reference are clipped above at 1:", clipped(reference="max=1")),
    "clipped at 10 both ways": (VALUE, "in both terms are clipped on both sides", clipped("-10, 10", "-10, 10")),
    "data clipped": (VALUE, "at the data are clipped below at -5:", clipped("min=-5")),
    "clipped at 20": (VALUE, "clipped above at 20:", clipped("max=20", "max=20")),
    "saturated": (
        VALUE,
        "wrong for larger ones",
        "t_reference = torch.where(t_reference > 20, 10 + t_reference / 2, t_reference)\n" + bound(),
    ),
    "rounded": (VALUE, "", bound(result="(data - reference).round(decimals=3)")),
    "not a number for one value": (VALUE, "no finite number", bound("t_joint.mean() + 0 * t_joint.std()")),
    "not a number for one reference value": (
        VALUE,
        "no finite number",
        bound(reference=RIGHT_TERM + " + 0 * t_reference.std()"),
    ),
    "large values left out": (VALUE, "", "t_reference = t_reference[t_reference < 20]\n" + bound()),
    "the first hundred": (VALUE, "", "t_reference = t_reference.flatten()[:100]\n" + bound()),
    "noise": (VALUE, "", bound(result="data - reference + 1e-3 * torch.randn(())")),
    "zeros": (VALUE, "", "return 0 * t_joint.sum() + 0 * t_reference.sum()"),
    "every pair": (
        VALUE,
        "shape (7, 9)",
        bound(result="t_joint.flatten()[:, None] - reference - 0 * t_reference.flatten()"),
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
    "steps with hints": "joint: torch.Tensor = t_joint.mean()\nlog_n: float = math.log(t_reference.numel())\n"
    "reference: torch.Tensor = torch.logsumexp(t_reference.view(-1), 0) - log_n\nreturn joint - reference",
    "a helper": "def log_mean_exp(t):\n    flat = t.flatten()\n"
    "    return flat.logsumexp(0) - math.log(flat.numel())\n\n"
    "return t_joint.mean() - log_mean_exp(t_reference)",
    "a lambda": "lme = lambda t: torch.logsumexp(t.flatten(), -1) - math.log(t.numel())\n"
    "return t_joint.mean() - lme(t_reference)",
    "early return": "r = t_reference.flatten()\nif len(r) == 1:\n    return t_joint.mean() - r[0]\n"
    "return t_joint.mean() - r.logsumexp(0) + math.log(len(r))",
    "a loop": "total = 0\nfor t in t_joint.flatten():\n    total = total + t\ntop = t_reference.max()\nrest = 0\n"
    "for t in t_reference.flatten():\n    rest = rest + torch.exp(t - top)\n"
    "return total / t_joint.numel() - top - torch.log(rest / t_reference.numel())",
    "comprehension": "r = t_reference.flatten()\ntop = r.max()\n"
    "weights = torch.stack([(t - top).exp() for t in r])\nreturn t_joint.mean() - weights.mean().log() - top",
    "logaddexp": "r = t_reference.flatten()\nacc = r[0]\nfor t in r[1:]:\n    acc = torch.logaddexp(acc, t)\n"
    "return t_joint.mean() - (acc - math.log(len(r)))",
    "einsum": "flat = t_joint.flatten()\nw = torch.full_like(flat, 1 / flat.numel())\n"
    + bound("torch.einsum('i,i->', w, flat)"),
    "dot": "flat = t_joint.flatten()\n" + bound("flat @ torch.ones_like(flat) / len(flat)"),
    "broadcast": "pairs = t_joint.reshape(-1, 1) - t_reference.reshape(1, -1)\n"
    "return -(torch.logsumexp(-pairs.mean(0), 0) - math.log(pairs.shape[1]))",
    "math.prod of the shape": bound(
        reference="torch.logsumexp(t_reference.flatten(), dim=0) - math.log(math.prod(t_reference.shape))"
    ),
    "np.size": bound(reference="t_reference.flatten().logsumexp(0) - float(np.log(np.prod(t_reference.shape)))"),
    "log of a division": "top = t_reference.detach().max()\nweights = torch.exp(t_reference - top)\n"
    "return torch.mean(t_joint) - top - torch.log(weights.sum() / weights.numel())",
    "log1p": "r = t_reference.flatten()\ntop = r.max()\nmean = torch.expm1(r - top).mean()\n"
    "return t_joint.mean() - (top + torch.log1p(mean))",
    "softmax weights": "r = t_reference.flatten()\nreturn t_joint.mean() - (r - torch.log_softmax(r, 0)).mean() + "
    "math.log(len(r))",
    "named twice": "N, M = t_joint.numel(), t_reference.numel()\ne1 = torch.sum(t_joint) / N\n"
    "e2 = torch.logsumexp(torch.flatten(t_reference), 0) - math.log(M)\nresult = e1 - e2\nreturn result",
    "squeezed at the end": "r = t_reference.reshape(-1, 1)\n"
    "return (t_joint.mean() - torch.logsumexp(r, dim=0, keepdim=True) + math.log(len(r))).squeeze()",
    "average by hand": bound("torch.true_divide(torch.sum(t_joint), torch.numel(t_joint))"),
    "no names": "return torch.sub(t_joint.mean(), torch.logsumexp(t_reference.flatten(), 0).sub(math.log("
    "t_reference.numel())))",
}
