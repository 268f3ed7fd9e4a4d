"""`DVTrainer.loss`."""

VALUE, GRADIENT, LARGE, OWN = "value of the loss", "gradient", "no overflow", "its own batches and network"


def loss(data="self.net(z).mean()", reference="logmeanexp(self.net(z_ref)).squeeze()", result="reference - data"):
    return f"data = {data}\nreference = {reference}\nloss = {result}"


LEAST_WRONG, LEAST_RIGHT = 10, 6

WRONG = {
    "the data only, for the gradient": (GRADIENT, "while the value is wrong", loss(result="-data")),
    "the data only, for large values": (LARGE, "only where ordinary ones", loss(result="-data")),
    "the sign": (VALUE, "an optimiser minimises", loss(result="data - reference")),
    "added": (VALUE, "", loss(result="data + reference")),
    "no log": (VALUE, "log is missing", loss(reference="self.net(z_ref).exp().mean()")),
    "log of the sum": (VALUE, "log of a sum", loss(reference="self.net(z_ref).logsumexp(0).squeeze()")),
    "no exp": (VALUE, "exp and log are missing", loss(reference="self.net(z_ref).mean()")),
    "sum of the data": (VALUE, "sum where it should be the mean", loss("self.net(z).sum()")),
    "swapped": (VALUE, "swapped", loss("self.net(z_ref).mean()", "logmeanexp(self.net(z)).squeeze()")),
    "data twice": (VALUE, "data stand in both", loss(reference="logmeanexp(self.net(z)).squeeze()")),
    "logmeanexp of both": (VALUE, "plain mean of t", loss("logmeanexp(self.net(z)).squeeze()")),
    "the data only": (VALUE, "reference term is missing", loss(result="-data")),
    "the reference only": (VALUE, "data term is missing", loss(result="reference")),
    "whole samples": (
        VALUE,
        "whole samples",
        loss("self.net(self.Z).mean()", "logmeanexp(self.net(self.Z_ref)).squeeze()"),
    ),
    "data detached": (GRADIENT, "data term is zero", loss("self.net(z).mean().detach()")),
    "reference detached": (
        GRADIENT,
        "reference term is zero",
        loss(reference="logmeanexp(self.net(z_ref)).squeeze().detach()"),
    ),
    "a number": (VALUE, "stopped with", loss(result="(reference - data).item()")),
    "a tensor of a number": (
        GRADIENT,
        "graph was cut",
        loss(result="torch.tensor((reference - data).item(), dtype=z.dtype)"),
    ),
    "no_grad": (
        GRADIENT,
        "graph was cut",
        "with torch.no_grad():\n    loss = logmeanexp(self.net(z_ref)).squeeze() - self.net(z).mean()",
    ),
    "overflow": (LARGE, "exp overflows", loss(reference="self.net(z_ref).exp().mean().log()")),
    "shape (1,)": (OWN, "squeeze the log-mean-exp", loss(reference="logmeanexp(self.net(z_ref))")),
    "double": (OWN, "came out as", loss(result="(reference - data).double()")),
    "a global net": (VALUE, "", loss("net(z).mean()", "logmeanexp(net(z_ref)).squeeze()")),
    "log of n'": (
        VALUE,
        "number of data values",
        loss(reference="self.net(z_ref).logsumexp(0).squeeze() - math.log(len(z))"),
    ),
    "half": (VALUE, "value is not", loss(result="(reference - data) / 2")),
    "clamp at 3": (VALUE, "clipped above at 3", loss(reference="logmeanexp(self.net(z_ref).clamp(max=3)).squeeze()")),
    "clamp at 10 on both sides": (
        VALUE,
        "clipped",
        loss(reference="logmeanexp(self.net(z_ref).clamp(-10, 10)).squeeze()"),
    ),
    "clamp of the data": (VALUE, "at the data are clipped", loss("self.net(z).clamp(max=10).mean()")),
    "clamp at 80": (LARGE, "exp overflows", loss(reference="self.net(z_ref).clamp(max=80).exp().mean().log()")),
    "a third": (VALUE, "0.333 times", loss(result="(reference - data) / 3")),
    "one added": (VALUE, "", loss(result="reference - data + 1")),
    "n' - 1": (
        VALUE,
        "",
        loss(reference="self.net(z_ref).logsumexp(0).squeeze() - math.log(max(len(z_ref) - 1, 0.5))"),
    ),
    "not a number for one row": (
        VALUE,
        "not one finite number",
        loss(result="reference - data + 0 * self.net(z).std()"),
    ),
    "not a number for one row: the gradient": (
        GRADIENT,
        "is not a number",
        loss(result="reference - data + 0 * self.net(z).std()"),
    ),
    "not a number for one reference row": (
        VALUE,
        "not one finite number",
        loss(result="reference - data + 0 * self.net(z_ref).std()"),
    ),
    "a float32 logarithm": (
        OWN,
        "right to float32 only",
        loss(reference="self.net(z_ref).logsumexp(0).squeeze() - torch.log(torch.tensor(len(z_ref)))"),
    ),
    "the stub": (VALUE, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
}

RIGHT = {
    "minus the bound": loss(result="-(data - reference)"),
    "logsumexp": loss(reference="self.net(z_ref).logsumexp(0).squeeze() - math.log(len(z_ref))"),
    "flattened": loss(reference="logmeanexp(self.net(z_ref).flatten())"),
    "an index": loss(reference="logmeanexp(self.net(z_ref))[0]"),
    "one forward": "t = self.net(torch.cat([z, z_ref]))\nloss = logmeanexp(t[len(z) :]).squeeze() - t[: len(z)].mean()",
    "shifted": "t = self.net(z_ref)\ntop = t.max()\nloss = (t - top).exp().mean().log() + top - self.net(z).mean()",
    "summed": loss("self.net(z).sum() / len(z)", "logmeanexp(self.net(z_ref)).sum()"),
    "a mean of one": loss(reference="logmeanexp(self.net(z_ref)).mean()"),
    "type hints": "t: Tensor = self.net(z)\nt_ref: Tensor = self.net(z_ref)\n"
    "loss: Tensor = logmeanexp(t_ref).squeeze() - t.mean()",
    "a helper": "def bound(t, t_ref):\n    return t.mean() - logmeanexp(t_ref).squeeze()\n"
    "loss = -bound(self.net(z), self.net(z_ref))",
    "einsum": loss("torch.einsum('ij->', self.net(z)) / z.shape[0]"),
    "a loop": "data = 0\nfor row in z:\n    data = data + self.net(row[None]).squeeze() / len(z)\n"
    "loss = logmeanexp(self.net(z_ref)).squeeze() - data",
    "functional names": "loss = torch.sub(torch.squeeze(logmeanexp(self.net(z_ref))), torch.mean(self.net(z)))",
    "np.log": loss(reference="torch.logsumexp(self.net(z_ref), dim=0).squeeze() - np.log(z_ref.shape[0])"),
    "weights in the exponent": loss(reference="torch.logsumexp(self.net(z_ref) - math.log(len(z_ref)), 0).squeeze()"),
    "unpacked": "t, t_ref = map(self.net, (z, z_ref))\nloss = logmeanexp(t_ref).squeeze() - t.mean()",
    "a condition": "t_ref = self.net(z_ref)\nif len(z_ref) > 1:\n    reference = logmeanexp(t_ref).squeeze()\n"
    "else:\n    reference = t_ref.squeeze()\nloss = reference - self.net(z).mean()",
    "log of a softmax": loss(reference="-(-self.net(z_ref).flatten().logsumexp(0) + math.log(len(z_ref)))"),
    "a log of e^x + e^y": "reference = self.net(z_ref[:1]).squeeze()\nfor row in z_ref[1:]:\n"
    "    reference = torch.logaddexp(reference, self.net(row[None]).squeeze())\n"
    "loss = reference - math.log(len(z_ref)) - self.net(z).mean()",
    "cumulative": loss(reference="self.net(z_ref).flatten().logcumsumexp(0)[-1] - math.log(len(z_ref))"),
    "broadcasting": loss(result="(reference - self.net(z)).mean()"),
    "reshaped": loss(reference="logmeanexp(self.net(z_ref)).reshape(())"),
    "names of builtins": "compile, globals = self.net(z), self.net(z_ref)\n"
    "loss = logmeanexp(globals).squeeze() - compile.mean()",
    "torch's names": loss("torch.mean(self.net(z), dim=(0, 1))", "torch.squeeze(logmeanexp(self.net(z_ref)))"),
    "prints": loss() + "\nprint(loss.shape)",
}

# What these earn in all; the others' points are not stated.
EARNS = {
    "a float32 logarithm": 3.5,
    "clamp at 80": 3.5,
}
