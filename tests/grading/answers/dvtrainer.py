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
    "prints": loss() + "\nprint(loss.shape)",
}
