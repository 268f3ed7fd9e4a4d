"""`MINEETrainer.terms` and `.loss`."""

JOINT, MARGINAL, CLIMBS = "joint term", "marginal terms", "loss: each critic climbs"
SUM, FORM = "loss: a plain sum of the bounds", "scalars, float type and device"

LOSS = "return -sum(self.terms(x, y, x_ref, y_ref))"


def terms(
    joint="dv(self.net_xy(z), self.net_xy(z_ref))",
    of_x="dv(self.net_x(x), self.net_x(x_ref))",
    of_y="dv(self.net_y(y), self.net_y(y_ref))",
    z="torch.cat([x, y], dim=1)",
    z_ref="torch.cat([x_ref, y_ref], dim=1)",
    first="",
):
    return f"{first}z, z_ref = {z}, {z_ref}\nreturn {joint}, {of_x}, {of_y}"


def loss(expression):
    return f"joint, of_x, of_y = self.terms(x, y, x_ref, y_ref)\nreturn {expression}"


NAIVE = "def f(t, r):\n    return {}\n"


def same(body):
    """All three terms by another function than dv."""
    return terms(
        "f(self.net_xy(z), self.net_xy(z_ref))",
        "f(self.net_x(x), self.net_x(x_ref))",
        "f(self.net_y(y), self.net_y(y_ref))",
        first=NAIVE.format(body),
    )


STUB = 'raise NotImplementedError("Replace this line with your own code.")'

LEAST_WRONG, LEAST_RIGHT = 40, 15

WRONG = {
    "minus the estimate": (CLIMBS, "not minus the estimate", terms(), loss("-(joint - of_x - of_y)")),
    "the estimate": (CLIMBS, "lower the bound of joint", terms(), loss("joint - of_x - of_y")),
    "the sum": (CLIMBS, "sign is reversed", terms(), loss("joint + of_x + of_y")),
    "sum without minus": (CLIMBS, "sign is reversed", terms(), "return sum(self.terms(x, y, x_ref, y_ref))"),
    "joint only": (CLIMBS, "No gradient reaches the critic of x and y", terms(), loss("-joint")),
    "marginals only": (CLIMBS, "No gradient reaches the critic of joint", terms(), loss("-of_x - of_y")),
    "y forgotten": (CLIMBS, "No gradient reaches the critic of y", terms(), loss("-joint - of_x")),
    "y lowered": (CLIMBS, "lower the bound of y", terms(), loss("-joint - of_x + of_y")),
    "x lowered": (CLIMBS, "lower the bound of x", terms(), loss("of_x - joint - of_y")),
    "joint lowered": (CLIMBS, "lower the bound of joint", terms(), loss("joint - of_x - of_y")),
    "the mean of the bounds": (SUM, "weighted, here with 0.3333", terms(), loss("-(joint + of_x + of_y) / 3")),
    "marginals weighted": (SUM, "weighted, here with 0.5", terms(), loss("-joint - (of_x + of_y) / 2")),
    "twice the joint": (SUM, "weighted, here with 2", terms(), loss("-2 * joint - of_x - of_y")),
    "the joint detached": (CLIMBS, "critic of joint", terms(), loss("-joint.detach() - of_x - of_y")),
    "all detached": (CLIMBS, "graph was cut", terms(), loss("-(joint + of_x + of_y).detach()")),
    "a number": (CLIMBS, "loss stopped", terms(), loss("-(joint + of_x + of_y).item()")),
    "a product": (CLIMBS, "", terms(), loss("-joint * of_x * of_y")),
    "the square": (CLIMBS, "", terms(), loss("-((joint + of_x + of_y) ** 2)")),
    "exp": (SUM, "weighted", terms(), loss("-(joint + of_x + of_y).exp()")),
    "the largest": (CLIMBS, "No gradient reaches", terms(), loss("-torch.stack([joint, of_x, of_y]).max()")),
    "a vector": (CLIMBS, "loss stopped", terms(), loss("-torch.stack([joint, of_x, of_y])")),
    "on the whole samples": (
        CLIMBS,
        "not along its bound's gradient",
        terms(),
        "return -sum(self.terms(self.X, self.Y, self.X_ref, self.Y_ref))",
    ),
    "data for reference": (CLIMBS, "", terms(), "return -sum(self.terms(x, y, x, y))"),
    "swapped in the loss": (CLIMBS, "", terms(), "return -sum(self.terms(x_ref, y_ref, x, y))"),
    "y before x": (
        JOINT,
        "x first, then y",
        terms(z="torch.cat([y, x], dim=1)", z_ref="torch.cat([y_ref, x_ref], 1)"),
        LOSS,
    ),
    "rows for columns": (JOINT, "side by side", terms(z="torch.cat([x, y])", z_ref="torch.cat([x_ref, y_ref])"), LOSS),
    "x twice": (JOINT, "side by side", terms(z="torch.cat([x, x], dim=1)", z_ref="torch.cat([x_ref, x_ref], 1)"), LOSS),
    "joint swapped": (JOINT, "swapped", terms("dv(self.net_xy(z_ref), self.net_xy(z))"), LOSS),
    "marginals swapped": (
        MARGINAL,
        "swapped",
        terms(of_x="dv(self.net_x(x_ref), self.net_x(x))", of_y="dv(self.net_y(y_ref), self.net_y(y))"),
        LOSS,
    ),
    "the wrong order": (
        MARGINAL,
        "order is joint, x, y",
        terms(of_x="dv(self.net_y(y), self.net_y(y_ref))", of_y="dv(self.net_x(x), self.net_x(x_ref))"),
        LOSS,
    ),
    "joint last": (
        JOINT,
        "order is joint, x, y",
        terms(
            "dv(self.net_x(x), self.net_x(x_ref))",
            "dv(self.net_y(y), self.net_y(y_ref))",
            "dv(self.net_xy(z), self.net_xy(z_ref))",
        ),
        LOSS,
    ),
    "x in both marginals": (MARGINAL, "order is joint, x, y", terms(of_y="dv(self.net_x(x), self.net_x(x_ref))"), LOSS),
    "net_x on y": (MARGINAL, "side by side, the others", terms(of_y="dv(self.net_x(y), self.net_x(y_ref))"), LOSS),
    "the estimate as first term": (
        JOINT,
        "return the three bounds apart",
        terms(
            "dv(self.net_xy(z), self.net_xy(z_ref)) - dv(self.net_x(x), self.net_x(x_ref)) - dv(self.net_y(y), "
            "self.net_y(y_ref))"
        ),
        LOSS,
    ),
    "minus each": (JOINT, "sign is reversed", same("-dv(t, r)"), "return sum(self.terms(x, y, x_ref, y_ref))"),
    "minus the marginals": (
        MARGINAL,
        "sign is reversed",
        terms(of_x="-dv(self.net_x(x), self.net_x(x_ref))", of_y="-dv(self.net_y(y), self.net_y(y_ref))"),
        LOSS,
    ),
    "no log": (JOINT, "log is missing", same("t.mean() - r.exp().mean()"), LOSS),
    "no log: the marginals": (MARGINAL, "log is missing", same("t.mean() - r.exp().mean()"), LOSS),
    "another bound": (JOINT, "a 1 are missing", same("t.mean() - r.exp().mean() + 1"), LOSS),
    "log of the sum": (JOINT, "log of a sum", same("t.mean() - r.logsumexp(0).squeeze()"), LOSS),
    "no exp": (JOINT, "exp and log are missing", same("t.mean() - r.mean()"), LOSS),
    "sum of t": (JOINT, "a sum where it should be the mean", same("t.sum() - r.exp().mean().log()"), LOSS),
    "terms added": (JOINT, "are added", same("t.mean() + r.exp().mean().log()"), LOSS),
    "log n of the data": (
        JOINT,
        "number of data values",
        same("t.mean() - r.logsumexp(0).squeeze() + math.log(len(t))"),
        LOSS,
    ),
    "data in both": (JOINT, "data stand in both", terms("dv(self.net_xy(z), self.net_xy(z))"), LOSS),
    "log mean exp of both": (JOINT, "plain mean of t", same("t.exp().mean().log() - r.exp().mean().log()"), LOSS),
    "whole samples": (
        JOINT,
        "whole samples",
        terms(z="torch.cat([self.X, self.Y], 1)", z_ref="torch.cat([self.X_ref, self.Y_ref], 1)"),
        LOSS,
    ),
    "whole x": (MARGINAL, "whole samples", terms(of_x="dv(self.net_x(self.X), self.net_x(self.X_ref))"), LOSS),
    "reference detached": (
        JOINT,
        "wrong gradient",
        terms("dv(self.net_xy(z), self.net_xy(z_ref).detach())"),
        LOSS,
    ),
    "marginal detached": (
        MARGINAL,
        "graph was cut",
        terms(of_x="dv(self.net_x(x), self.net_x(x_ref)).detach()"),
        LOSS,
    ),
    "numbers": (
        JOINT,
        "",
        "z, z_ref = torch.cat([x, y], dim=1), torch.cat([x_ref, y_ref], dim=1)\n"
        "return [dv(net(a), net(b)).item() for net, a, b in ((self.net_xy, z, z_ref), (self.net_x, x, x_ref), "
        "(self.net_y, y, y_ref))]",
        LOSS,
    ),
    "two terms": (
        JOINT,
        "three scalars",
        "z, z_ref = torch.cat([x, y], dim=1), torch.cat([x_ref, y_ref], dim=1)\n"
        "return dv(self.net_xy(z), self.net_xy(z_ref)), dv(self.net_x(x), self.net_x(x_ref))",
        LOSS,
    ),
    "kept dimensions": (
        FORM,
        "scalar tensor",
        same("(t.mean() - r.exp().mean().log()).reshape(1)"),
        "return -sum(self.terms(x, y, x_ref, y_ref)).squeeze()",
    ),
    "a loss of shape (1,)": (FORM, "loss must be a scalar", terms(), loss("-(joint + of_x + of_y).reshape(1)")),
    "float": (FORM, "float type", same("dv(t.float(), r.float()).to(torch.float32)"), LOSS),
    "on the CPU": (FORM, "device", same("dv(t, torch.cat([r, torch.empty(0, 1, dtype=r.dtype)]))"), LOSS),
    "the batch changed": (
        FORM,
        "changed in place",
        terms(),
        "x += 1.0\nreturn -sum(self.terms(x, y, x_ref, y_ref))",
    ),
    "global critics": (
        JOINT,
        "",
        terms("dv(net_xy(z), net_xy(z_ref))", "dv(net_x(x), net_x(x_ref))", "dv(net_y(y), net_y(y_ref))"),
        LOSS,
    ),
    "shared gradients": (
        MARGINAL,
        "depends on the critic of another",
        terms(of_x="dv(self.net_x(x), self.net_x(x_ref)) + 0 * joint.item() + joint - joint.detach()").replace(
            "return", "joint = dv(self.net_xy(z), self.net_xy(z_ref))\nreturn"
        ),
        LOSS,
    ),
    "zeros": (JOINT, "", "zero = x.sum() * 0\nreturn zero, zero, zero", LOSS),
    "clamp at 3": (JOINT, "clipped above at 3", same("t.mean() - r.clamp(max=3).exp().mean().log()"), LOSS),
    "clamp at 3: the marginals": (
        MARGINAL,
        "clipped above at 3",
        same("t.mean() - r.clamp(max=3).exp().mean().log()"),
        LOSS,
    ),
    "clamp at 10 on both sides": (JOINT, "clipped", same("t.mean() - r.clamp(-10, 10).exp().mean().log()"), LOSS),
    "clamp of the data": (JOINT, "at the data are clipped", same("t.clamp(max=5).mean() - r.exp().mean().log()"), LOSS),
    "halved": (JOINT, "0.5 times", same("dv(t, r) / 2"), LOSS),
    "a tenth added": (JOINT, "+0.1", same("dv(t, r) + 0.1"), LOSS),
    "not a number for one row": (JOINT, "not one number", same("dv(t, r) + 0 * t.std()"), LOSS),
    "not a number for one row: the marginals": (MARGINAL, "not one number", same("dv(t, r) + 0 * t.std()"), LOSS),
    "a float32 logarithm": (
        FORM,
        "right to float32 only",
        same("t.mean() - r.logsumexp(0).squeeze() + torch.log(torch.tensor(len(r)))"),
        LOSS,
    ),
    "the stub in both": (JOINT, "stub is still in place", STUB, STUB),
    "the stub in the loss": (CLIMBS, "stub is still in place", terms(), STUB),
    "the stub in terms": (CLIMBS, "stub is still in place", STUB, LOSS),
    "no return": (CLIMBS, "", terms(), "value = -sum(self.terms(x, y, x_ref, y_ref))"),
}

RIGHT = {
    "the bounds by name": (terms(), loss("-(joint + of_x + of_y)")),
    "minus each bound": (terms(), loss("-joint - of_x - of_y")),
    "stacked": (terms(), "return -torch.stack(self.terms(x, y, x_ref, y_ref)).sum()"),
    "a loop": (terms(), "total = 0\nfor t in self.terms(x, y, x_ref, y_ref):\n    total = total - t\nreturn total"),
    "hstack": (terms(z="torch.hstack([x, y])", z_ref="torch.hstack([x_ref, y_ref])"), LOSS),
    "column_stack": (terms(z="torch.column_stack([x, y])", z_ref="torch.cat((x_ref, y_ref), axis=-1)"), LOSS),
    "log-sum-exp by hand": (same("t.mean() - (r.flatten().logsumexp(0) - math.log(r.numel()))"), LOSS),
    "log of the mean": (same("t.mean() - r.exp().mean().log()"), LOSS),
    "shifted by the largest": (same("t.mean() - ((r - r.max()).exp().mean().log() + r.max())"), LOSS),
    "a list": (
        "pairs = [(self.net_xy, torch.cat([x, y], 1), torch.cat([x_ref, y_ref], 1)), (self.net_x, x, x_ref), "
        "(self.net_y, y, y_ref)]\n"
        "return [dv(net(a), net(b)) for net, a, b in pairs]",
        LOSS,
    ),
    "a generator made a tuple": (
        "nets = (self.net_xy, self.net_x, self.net_y)\ndata = (torch.cat([x, y], 1), x, y)\n"
        "reference = (torch.cat([x_ref, y_ref], 1), x_ref, y_ref)\n"
        "return tuple(dv(net(a), net(b)) for net, a, b in zip(nets, data, reference))",
        LOSS,
    ),
    "one forward a critic": (
        "def both(net, a, b):\n    t = net(torch.cat([a, b]))\n    return dv(t[: len(a)], t[len(a) :])\n"
        "z, z_ref = torch.cat([x, y], dim=1), torch.cat([x_ref, y_ref], dim=1)\n"
        "return both(self.net_xy, z, z_ref), both(self.net_x, x, x_ref), both(self.net_y, y, y_ref)",
        LOSS,
    ),
    "another constant": (terms(), loss("3.0 - (joint + of_x + of_y)")),
    "sum of negatives": (terms(), "return sum(-t for t in self.terms(x, y, x_ref, y_ref))"),
    "the loss without terms": (
        terms(),
        "z, z_ref = torch.cat([x, y], dim=1), torch.cat([x_ref, y_ref], dim=1)\nreturn -(dv(self.net_xy(z), "
        "self.net_xy(z_ref)) "
        "+ dv(self.net_x(x), self.net_x(x_ref)) + dv(self.net_y(y), self.net_y(y_ref)))",
    ),
    "means by sums": (same("t.sum() / len(t) - (torch.logsumexp(r, 0) - math.log(len(r))).squeeze()"), LOSS),
    "clamp at 80": (same("t.mean() - r.clamp(max=80).exp().mean().log()"), LOSS),
    "type hints": (
        "z: Tensor = torch.cat([x, y], dim=1)\nz_ref: Tensor = torch.cat([x_ref, y_ref], dim=1)\n"
        "joint: Tensor = dv(self.net_xy(z), self.net_xy(z_ref))\nof_x: Tensor = dv(self.net_x(x), self.net_x(x_ref))\n"
        "of_y: Tensor = dv(self.net_y(y), self.net_y(y_ref))\nreturn joint, of_x, of_y",
        "a, b, c = self.terms(x, y, x_ref, y_ref)\ntotal: Tensor = a + b + c\nreturn -total",
    ),
    "a helper": (
        "def term(net, a, b):\n    return dv(net(a), net(b))\n"
        "z, z_ref = torch.cat((x, y), 1), torch.cat((x_ref, y_ref), 1)\n"
        "return term(self.net_xy, z, z_ref), term(self.net_x, x, x_ref), term(self.net_y, y, y_ref)",
        LOSS,
    ),
    "einsum": (same("torch.einsum('ij->', t) / len(t) - torch.logsumexp(r, 0).squeeze() + math.log(len(r))"), LOSS),
    "a dictionary": (
        "z, z_ref = torch.cat([x, y], 1), torch.cat([x_ref, y_ref], 1)\n"
        "found = {}\nfor name, net, a, b in (('xy', self.net_xy, z, z_ref), ('x', self.net_x, x, x_ref), "
        "('y', self.net_y, y, y_ref)):\n    found[name] = dv(net(a), net(b))\nreturn tuple(found.values())",
        LOSS,
    ),
    "functional names": (terms(), "return torch.neg(torch.sum(torch.stack(self.terms(x, y, x_ref, y_ref))))"),
    "one name a term": (terms(), "terms = self.terms(x, y, x_ref, y_ref)\nreturn -(terms[0] + terms[1] + terms[2])"),
    "reversed": (terms(), "return -sum(reversed(self.terms(x, y, x_ref, y_ref)))"),
    "starred": (terms(), "joint, *others = self.terms(x, y, x_ref, y_ref)\nreturn -joint - sum(others)"),
    "reduce": (terms(), "from functools import reduce\nreturn -reduce(torch.add, self.terms(x, y, x_ref, y_ref))"),
    "a running difference": (
        terms(),
        "value = x.new_zeros(())\nfor t in self.terms(x, y, x_ref, y_ref):\n    value -= t\nreturn value",
    ),
    "a dot product": (
        terms(),
        "terms = torch.stack(self.terms(x, y, x_ref, y_ref))\nreturn -(terms @ torch.ones_like(terms))",
    ),
    "loops over rows": (
        same("sum(t).squeeze() / len(t) - torch.logsumexp(torch.stack(list(r)), 0).squeeze() + math.log(len(r))"),
        LOSS,
    ),
    "numpy for the logarithm": (same("t.mean() - torch.logsumexp(r.reshape(-1), dim=0) + np.log(r.shape[0])"), LOSS),
    "weights in the exponent": (same("t.mean() - torch.logsumexp(r - math.log(len(r)), 0).squeeze()"), LOSS),
    "an early return": (
        terms(),
        "terms = self.terms(x, y, x_ref, y_ref)\nif len(terms) == 3:\n    return -sum(terms)\nraise ValueError",
    ),
    "names of builtins": (
        terms("dv(compile, globals)", first="").replace(
            "return", "compile, globals = self.net_xy(z), self.net_xy(z_ref)\nreturn"
        ),
        LOSS,
    ),
    "prints": (terms(first="print(x.shape)\n"), LOSS),
}

# What these earn in all; the others' points are not stated.
EARNS = {
    "a float32 logarithm": 3.5,
}
