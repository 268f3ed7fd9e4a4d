"""`update_average` and `smoothed_loss`."""

AVERAGE, GRAPH, GRADIENT, FIXED = (
    "next average",
    "average without a graph",
    "gradient of the loss",
    "m held fixed in the loss",
)
MEAN = "return beta * m.detach() + (1 - beta) * L_ref.detach()"
LOSS = "return -t_joint.mean() + t_ref.exp().mean() / m.detach()"
STUB = 'raise NotImplementedError("Replace this line with your own code.")'

LEAST_WRONG, LEAST_RIGHT = 10, 6

WRONG = {
    "beta swapped": (AVERAGE, "weight of the past", "return (1 - beta) * m.detach() + beta * L_ref.detach()", LOSS),
    "beta 0.9": (AVERAGE, "fixed 0.9:", "return 0.9 * m.detach() + 0.1 * L_ref.detach()", LOSS),
    "no past": (AVERAGE, "past is missing", "return L_ref.detach()", LOSS),
    "no present": (AVERAGE, "L' is missing", "return m.detach()", LOSS),
    "1 - beta missing": (AVERAGE, "1 - beta is missing", "return beta * m.detach() + L_ref.detach()", LOSS),
    "beta missing": (AVERAGE, "beta is missing", "return m.detach() + (1 - beta) * L_ref.detach()", LOSS),
    "beta twice": (AVERAGE, "sum to 1", "return beta * (m.detach() + L_ref.detach())", LOSS),
    "equal parts": (AVERAGE, "equal parts", "return (m.detach() + L_ref.detach()) / 2", LOSS),
    "exp twice": (AVERAGE, "holds it already", "return beta * m.detach() + (1 - beta) * L_ref.detach().exp()", LOSS),
    "log averaged": (AVERAGE, "log of L'", "return beta * m.detach() + (1 - beta) * L_ref.detach().log()", LOSS),
    "geometric": (AVERAGE, "geometric", "return m.detach() ** beta * L_ref.detach() ** (1 - beta)", LOSS),
    "a float": (AVERAGE, "stopped with", "return beta * m.item() + (1 - beta) * L_ref.item()", LOSS),
    "m changed in place": (
        AVERAGE,
        "old m in place",
        "m = m.detach()\nm *= beta\nm += (1 - beta) * L_ref.detach()\nreturn m",
        LOSS,
    ),
    "of shape (1,)": (AVERAGE, "scalar", MEAN.replace("return ", "return (") + ").reshape(1)", LOSS),
    "L' with its graph": (GRAPH, "graph of L'", "return beta * m.detach() + (1 - beta) * L_ref", LOSS),
    "m with its graph": (GRAPH, "graph of the old m", "return beta * m + (1 - beta) * L_ref.detach()", LOSS),
    "L' loses its graph": (
        GRAPH,
        "lost its graph",
        "L_ref.detach_()\nreturn beta * m.detach() + (1 - beta) * L_ref",
        LOSS,
    ),
    "a new leaf": (GRAPH, "carries the graph", MEAN.replace("return ", "return (") + ").requires_grad_()", LOSS),
    "m not held fixed": (FIXED, "flows through m", MEAN, "return -t_joint.mean() + t_ref.exp().mean() / m"),
    "not divided": (GRADIENT, "not divided by m", MEAN, "return -t_joint.mean() + t_ref.exp().mean()"),
    "multiplied": (GRADIENT, "multiplied by m", MEAN, "return -t_joint.mean() + t_ref.exp().mean() * m.detach()"),
    "with the log": (GRADIENT, "its log is taken", MEAN, "return -t_joint.mean() + t_ref.exp().mean().log()"),
    "log of the ratio": (
        GRADIENT,
        "its log is taken",
        MEAN,
        "return -t_joint.mean() + (t_ref.exp().mean() / m.detach()).log()",
    ),
    "minus": (GRADIENT, "sign of L'/m", MEAN, "return -t_joint.mean() - t_ref.exp().mean() / m.detach()"),
    "sign of L": (GRADIENT, "sign of L is", MEAN, "return t_joint.mean() + t_ref.exp().mean() / m.detach()"),
    "sum in L'": (GRADIENT, "L' is a sum", MEAN, "return -t_joint.mean() + t_ref.exp().sum() / m.detach()"),
    "sum in L": (GRADIENT, "L is a sum", MEAN, "return -t_joint.sum() + t_ref.exp().mean() / m.detach()"),
    "no exp": (GRADIENT, "exp is missing", MEAN, "return -t_joint.mean() + t_ref.mean() / m.detach()"),
    "exp of the mean": (GRADIENT, "exp of the mean", MEAN, "return -t_joint.mean() + t_ref.mean().exp() / m.detach()"),
    "swapped": (GRADIENT, "swapped", MEAN, "return -t_ref.mean() + t_joint.exp().mean() / m.detach()"),
    "both divided": (GRADIENT, "divided by m too", MEAN, "return (-t_joint.mean() + t_ref.exp().mean()) / m.detach()"),
    "L' detached": (
        GRADIENT,
        "from the reference term",
        MEAN,
        "return -t_joint.mean() + t_ref.exp().mean().detach() / m.detach()",
    ),
    "L detached": (
        GRADIENT,
        "comes from the data",
        MEAN,
        "return -t_joint.mean().item() + t_ref.exp().mean() / m.detach()",
    ),
    "not averaged": (GRADIENT, "stopped with", MEAN, "return -t_joint + t_ref.exp() / m.detach()"),
    "a global m": (GRADIENT, "", MEAN, "return -t_joint.mean() + t_ref.exp().mean() / globals()['m']"),
    "m at most 1": (AVERAGE, "kept below 1", MEAN.replace("return ", "return (") + ").clamp(max=1)", LOSS),
    "m at least 0.5": (AVERAGE, "kept above 0.5", MEAN.replace("return ", "return (") + ").clamp(min=0.5)", LOSS),
    "m within bounds": (
        AVERAGE,
        "above 0.1 and below 100",
        MEAN.replace("return ", "return (") + ").clamp(0.1, 100)",
        LOSS,
    ),
    "beta 0.95": (AVERAGE, "whatever beta is", "return 0.95 * m.detach() + 0.05 * L_ref.detach()", LOSS),
    "L' doubled in m": (AVERAGE, "L' 2 times", "return beta * m.detach() + (1 - beta) * 2 * L_ref.detach()", LOSS),
    "a tenth added to m": (AVERAGE, "constant 0.1", MEAN + " + 0.1", LOSS),
    "clamp at 3": (GRADIENT, "t is cut", MEAN, "return -t_joint.mean() + t_ref.clamp(max=3).exp().mean() / m.detach()"),
    "clamp at 10 on both sides": (
        GRADIENT,
        "t is cut",
        MEAN,
        "return -t_joint.mean() + t_ref.clamp(-10, 10).exp().mean() / m.detach()",
    ),
    "clamp of the data": (
        GRADIENT,
        "t is cut",
        MEAN,
        "return -t_joint.clamp(-10, 10).mean() + t_ref.exp().mean() / m.detach()",
    ),
    "halved": (GRADIENT, "halved", MEAN, "return (-t_joint.mean() + t_ref.exp().mean() / m.detach()) / 2"),
    "a third of L'/m": (GRADIENT, "factor 0.333", MEAN, "return -t_joint.mean() + t_ref.exp().mean() / m.detach() / 3"),
    "0.1 in the divisor": (
        GRADIENT,
        "constant 0.1",
        MEAN,
        "return -t_joint.mean() + t_ref.exp().mean() / (m.detach() + 0.1)",
    ),
    "not a number for one row": (GRADIENT, "not give a gradient", MEAN, LOSS + " + 0 * t_joint.std()"),
    "the stubs": (AVERAGE, "stub is still in place", STUB, STUB),
    "the stub in the loss": (GRADIENT, "stub is still in place", MEAN, STUB),
}

RIGHT = {
    "no_grad": ("with torch.no_grad():\n    return beta * m + (1 - beta) * L_ref", LOSS),
    "detached at the end": ("return (beta * m + (1 - beta) * L_ref).detach()", LOSS),
    "an increment": ("return m.detach() + (1 - beta) * (L_ref - m).detach()", LOSS),
    "lerp": ("return torch.lerp(L_ref.detach(), m.detach(), beta)", LOSS),
    "a new tensor": ("return torch.tensor(beta * m.item() + (1 - beta) * L_ref.item(), dtype=L_ref.dtype)", LOSS),
    "one mean": (MEAN, "return (t_ref.exp() / m.detach() - t_joint).mean()"),
    "weights as tensors": (
        "past = torch.tensor(beta)\nreturn (past * m + (1 - past) * L_ref).detach()",
        LOSS,
    ),
    "item": (MEAN, "return t_ref.exp().mean() / m.item() - t_joint.mean()"),
    "in the exponent": (MEAN, "return (t_ref - m.detach().log()).exp().mean() - t_joint.mean()"),
    "log-sum-exp": (
        MEAN,
        "return (t_ref.flatten().logsumexp(0) - np.log(len(t_ref))).exp() / m.detach() - t_joint.mean()",
    ),
    "clamp at 80": (MEAN, "return -t_joint.mean() + t_ref.clamp(max=80).exp().mean() / m.detach()"),
    "a guard in the divisor": (MEAN, "return -t_joint.mean() + t_ref.exp().mean() / (m.detach() + 1e-8)"),
    "a float32 logarithm": (
        MEAN,
        "L_ref = (t_ref.flatten().logsumexp(0) - torch.log(torch.tensor(len(t_ref)))).exp()\n"
        "return -t_joint.mean() + L_ref / m.detach()",
    ),
    "type hints": (
        "past: Tensor = m.detach()\nnew: Tensor = L_ref.detach()\nreturn beta * past + (1 - beta) * new",
        "L: Tensor = -t_joint.mean()\nL_ref: Tensor = t_ref.exp().mean()\nreturn L + L_ref / m.detach()",
    ),
    "an early return": (
        "if beta == 0:\n    return L_ref.detach().clone()\n" + MEAN,
        "if len(t_joint) == 1:\n    return (t_ref.exp() / m.detach() - t_joint).squeeze()\n" + LOSS,
    ),
    "a helper": (
        "def mix(a, b, w):\n    return w * a + (1 - w) * b\nreturn mix(m.detach(), L_ref.detach(), beta)",
        "def mean_exp(t):\n    return torch.exp(t).mean()\nreturn mean_exp(t_ref) / m.detach() - t_joint.mean()",
    ),
    "a loop": (
        "total = torch.zeros_like(L_ref)\nfor weight, value in ((beta, m), (1 - beta, L_ref)):\n"
        "    total = total + weight * value.detach()\nreturn total",
        "total = 0\nfor a, b in zip(t_joint, t_ref):\n    total = total - a + b.exp() / m.detach()\n"
        "return (total / len(t_joint)).squeeze()",
    ),
    "einsum": (
        MEAN,
        "n = len(t_ref)\nreturn torch.einsum('ij->', t_ref.exp()) / n / m.detach() - torch.einsum('ij->', t_joint) / n",
    ),
    "broadcasting": (MEAN, "return (t_ref.exp() / m.detach() - t_joint).sum(dim=0).div(len(t_ref)).squeeze()"),
    "functional names": (
        "return torch.add(torch.mul(m, beta), torch.mul(L_ref, 1 - beta)).detach()",
        "return torch.sub(torch.div(torch.mean(torch.exp(t_ref)), m.detach()), torch.mean(t_joint))",
    ),
    "numpy for the weights": (
        "value = np.average([m.item(), L_ref.item()], weights=[beta, 1 - beta])\n"
        "return torch.tensor(value, dtype=L_ref.dtype, device=L_ref.device)",
        LOSS,
    ),
    "stacked": (
        "weights = torch.tensor([beta, 1 - beta], dtype=L_ref.dtype)\n"
        "return weights @ torch.stack([m.detach(), L_ref.detach()])",
        LOSS,
    ),
    "copies": (
        "old, new = m.detach().clone(), L_ref.detach().clone()\nreturn old.mul_(beta).add_((1 - beta) * new)",
        LOSS,
    ),
    "addcmul": ("return torch.sub(m, L_ref).mul(beta).add(L_ref).detach()", LOSS),
    "data": ("return beta * m.data + (1 - beta) * L_ref.data", "return -t_joint.mean() + t_ref.exp().mean() / m.data"),
    "names of builtins": (
        "compile, globals = m.detach(), L_ref.detach()\nreturn beta * compile + (1 - beta) * globals",
        LOSS,
    ),
    "a constant": (MEAN, LOSS + " - 1 + m.detach().log()"),
}

# What these earn in all; the others' points are not stated.
EARNS = {
    "m at most 1": 2.0,
    "beta 0.95": 2.0,
    "clamp at 3": 2.0,
    "a third of L'/m": 2.0,
}
