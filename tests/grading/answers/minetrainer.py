"""The inner loop of `MINETrainer.step`."""

DATA, REFERENCE, AVERAGE = "gradient of the data term", "gradient of the reference term", "moving average m"
GRAPH, STEPS, TYPES = "m without a graph", "batches and steps", "any critic, float type and device"


def loop(
    L="-self.net(x, y).mean()",
    L_ref="self.net(x_ref, y_ref).exp().mean()",
    m="self.beta * self.m + (1 - self.beta) * L_ref.detach()",
    loss="L + L_ref / self.m",
):
    return f"L = {L}\nL_ref = {L_ref}\nself.m = {m}\nloss = {loss}"


LEAST_WRONG, LEAST_RIGHT = 40, 15

WRONG = {
    "a counter for m": (GRAPH, "cannot be told", loop(m="self.m + 1", loss="L")),
    "a loss of zero": (STEPS, "only where a term", loop(loss="0 * (L + L_ref)")),
    "EMA not detached": (GRAPH, "detach L_ref", loop(m="self.beta * self.m + (1 - self.beta) * L_ref")),
    "EMA not detached: the gradient": (
        REFERENCE,
        "gradient flows through m",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref"),
    ),
    "EMA not detached: later steps": (STEPS, "detach", loop(m="self.beta * self.m + (1 - self.beta) * L_ref")),
    "stored without a graph, used with it": (
        REFERENCE,
        "gradient flows through m",
        "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\n"
        "m = self.beta * self.m + (1 - self.beta) * L_ref\nself.m = m.detach()\nloss = L + L_ref / m",
    ),
    "used without a graph, stored with it": (
        GRAPH,
        "carries the graph",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref", loss="L + L_ref / self.m.detach()"),
    ),
    "beta swapped": (AVERAGE, "weight of the past", loop(m="(1 - self.beta) * self.m + self.beta * L_ref.detach()")),
    "beta 0.9": (AVERAGE, "fixed 0.9 ", loop(m="0.9 * self.m + 0.1 * L_ref.detach()")),
    "beta 0.99": (AVERAGE, "fixed 0.99", loop(m="0.99 * self.m + 0.01 * L_ref.detach()")),
    "beta 0.5": (AVERAGE, "fixed 0.5", loop(m="(self.m + L_ref.detach()) / 2")),
    "a global beta": (AVERAGE, "fixed 0.5", loop(m="beta * self.m + (1 - beta) * L_ref.detach()")),
    "no average": (AVERAGE, "m is L' itself", loop(m="L_ref.detach()")),
    "m never updated": (AVERAGE, "never changes", loop(m="self.m")),
    "m on another name": (
        AVERAGE,
        "store the new average in self.m",
        "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\n"
        "m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nloss = L + L_ref / m",
    ),
    "1 - beta missing": (AVERAGE, "1 - beta is missing", loop(m="self.beta * self.m + L_ref.detach()")),
    "beta missing": (AVERAGE, "beta is missing", loop(m="self.m + (1 - self.beta) * L_ref.detach()")),
    "a running sum": (AVERAGE, "sum of the past", loop(m="self.m + L_ref.detach()")),
    "beta twice": (AVERAGE, "must sum to 1", loop(m="self.beta * (self.m + L_ref.detach())")),
    "L' alone": (AVERAGE, "past is missing", loop(m="(1 - self.beta) * L_ref.detach()")),
    "m of the past alone": (AVERAGE, "", loop(m="self.beta * self.m")),
    "m averaged with 1": (AVERAGE, "taken to be 1", loop(m="self.beta * 1 + (1 - self.beta) * L_ref.detach()")),
    "m averaged with its start": (
        AVERAGE,
        "averaged with its start",
        "self.start = getattr(self, 'start', self.m)\n"
        + loop(m="self.beta * self.start + (1 - self.beta) * L_ref.detach()"),
    ),
    "m updated twice": (
        AVERAGE,
        "updated twice",
        loop().replace("loss =", "self.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nloss ="),
    ),
    "the log of L' averaged": (
        AVERAGE,
        "averages the log",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref.detach().log()"),
    ),
    "a geometric average": (
        AVERAGE,
        "geometric",
        loop(m="self.m**self.beta * L_ref.detach() ** (1 - self.beta)"),
    ),
    "m averages L": (AVERAGE, "averages L = -mean", loop(m="self.beta * self.m + (1 - self.beta) * L.detach()")),
    "m averages e^t of the data": (
        AVERAGE,
        "e^t of the data",
        loop(m="self.beta * self.m + (1 - self.beta) * self.net(x, y).detach().exp().mean()"),
    ),
    "m with a minus": (AVERAGE, "wrong sign", loop(m="self.beta * self.m - (1 - self.beta) * L_ref.detach()")),
    "the larger": (AVERAGE, "larger of the past", loop(m="max(self.m, L_ref.detach())")),
    "the old m in the loss": (
        REFERENCE,
        "old m",
        "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\nloss = L + L_ref / self.m\n"
        "self.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()",
    ),
    "log loss without the average": (REFERENCE, "no smoothing", loop(loss="L + torch.log(L_ref)")),
    "L' by itself": (REFERENCE, "no smoothing", loop(loss="L + L_ref / L_ref.detach()")),
    "log of m": (
        REFERENCE,
        "factor 1 - beta too many",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref", loss="L + torch.log(self.m)")
        .replace("loss =", "m, self.m = self.m, self.m.detach()\nloss =")
        .replace("log(self.m)", "log(m)"),
    ),
    "log of m, detached": (REFERENCE, "No gradient comes from the reference", loop(loss="L + torch.log(self.m)")),
    "L' detached in the loss": (
        REFERENCE,
        "No gradient comes from the reference",
        loop(loss="L + L_ref.detach() / self.m"),
    ),
    "L' under no_grad": (
        REFERENCE,
        "No gradient comes from the reference",
        "L = -self.net(x, y).mean()\nwith torch.no_grad():\n    L_ref = self.net(x_ref, y_ref).exp().mean()\n"
        "self.m = self.beta * self.m + (1 - self.beta) * L_ref\nloss = L + L_ref / self.m",
    ),
    "L' as a number": (REFERENCE, "No gradient comes from the reference", loop(loss="L + L_ref.item() / self.m")),
    "no reference term": (REFERENCE, "No gradient comes from the reference", loop(loss="L")),
    "not divided": (REFERENCE, "not divided by m", loop(loss="L + L_ref")),
    "multiplied": (REFERENCE, "multiplied by m", loop(loss="L + L_ref * self.m")),
    "divided twice": (REFERENCE, "square of m", loop(loss="L + L_ref / self.m**2")),
    "divided by its root": (REFERENCE, "square root", loop(loss="L + L_ref / self.m**0.5")),
    "minus": (REFERENCE, "sign of L'/m is reversed", loop(loss="L - L_ref / self.m")),
    "weighted by 1 - beta": (REFERENCE, "factor 1 - beta too many", loop(loss="L + (1 - self.beta) * L_ref / self.m")),
    "counted twice": (REFERENCE, "counted twice", loop(loss="L + 2 * L_ref / self.m")),
    "all reversed": (DATA, "sign of L is reversed", loop(loss="-L - L_ref / self.m")),
    "L with the wrong sign": (DATA, "sign of L is reversed", loop(L="self.net(x, y).mean()")),
    "L subtracted": (DATA, "sign of L is reversed", loop(loss="L_ref / self.m - L")),
    "sum in L": (DATA, "sum over the batch", loop(L="-self.net(x, y).sum()")),
    "L detached": (DATA, "No gradient comes from the data", loop(loss="L.detach() + L_ref / self.m")),
    "no data term": (DATA, "No gradient comes from the data", loop(loss="L_ref / self.m")),
    "both terms divided": (DATA, "divided by m too", loop(loss="(L + L_ref) / self.m")),
    "L twice": (DATA, "counted twice", loop(loss="2 * L + L_ref / self.m")),
    "e^t in L": (DATA, "takes e^t", loop(L="-self.net(x, y).exp().mean()")),
    "log mean exp in L": (DATA, "log of the mean", loop(L="-self.net(x, y).exp().mean().log()")),
    "sum in L'": (AVERAGE, "sum over the batch", loop(L_ref="self.net(x_ref, y_ref).exp().sum()")),
    "sum in L': the gradient": (REFERENCE, "sum over the batch", loop(L_ref="self.net(x_ref, y_ref).exp().sum()")),
    "no exp": (AVERAGE, "exp is missing", loop(L_ref="self.net(x_ref, y_ref).mean()")),
    "no exp: the gradient": (REFERENCE, "exp is missing", loop(L_ref="self.net(x_ref, y_ref).mean()")),
    "exp of the mean": (AVERAGE, "exp of the mean", loop(L_ref="self.net(x_ref, y_ref).mean().exp()")),
    "exp of the mean: the gradient": (REFERENCE, "exp of the mean", loop(L_ref="self.net(x_ref, y_ref).mean().exp()")),
    "exp of minus t": (AVERAGE, "exp(-t')", loop(L_ref="(-self.net(x_ref, y_ref)).exp().mean()")),
    "exp of minus t: the gradient": (REFERENCE, "exp(-t')", loop(L_ref="(-self.net(x_ref, y_ref)).exp().mean()")),
    "joint and reference swapped": (
        DATA,
        "swapped",
        loop("-self.net(x_ref, y_ref).mean()", "self.net(x, y).exp().mean()"),
    ),
    "joint and reference swapped: the reference": (
        REFERENCE,
        "swapped",
        loop("-self.net(x_ref, y_ref).mean()", "self.net(x, y).exp().mean()"),
    ),
    "joint and reference swapped: m": (
        AVERAGE,
        "e^t of the data",
        loop("-self.net(x_ref, y_ref).mean()", "self.net(x, y).exp().mean()"),
    ),
    "the data in both terms": (
        REFERENCE,
        "never evaluated at the reference",
        loop(L_ref="self.net(x, y).exp().mean()"),
    ),
    "the reference in both terms": (DATA, "never evaluated at the batch", loop("-self.net(x_ref, y_ref).mean()")),
    "whole data for a batch": (
        STEPS,
        "All the data are used",
        loop("-self.net(self.X, self.Y).mean()"),
    ),
    "reference within the batch": (
        STEPS,
        "",
        loop(L_ref="self.net(x, y[torch.randperm(len(y))]).exp().mean()"),
    ),
    "reference by a roll of the batch": (STEPS, "", loop(L_ref="self.net(x, y.roll(1, 0)).exp().mean()")),
    "only the first pair": (STEPS, "other pairs", loop("-self.net(x[:1], y[:1]).mean()")),
    "y before x": (DATA, "x, then y", loop("-self.net(y, x).mean()", "self.net(y_ref, x_ref).exp().mean()")),
    "a global net": (STEPS, "call self.net", loop("-net(x, y).mean()", "net(x_ref, y_ref).exp().mean()")),
    "a global net in L'": (REFERENCE, "never evaluated at the reference", loop(L_ref="net(x_ref, y_ref).exp().mean()")),
    "one step more": (STEPS, "more gradient steps", loop() + "\nself._descend(loss)\nloss = self.net(x, y).sum() * 0"),
    "backward by hand": (STEPS, "", loop() + "\nloss.backward()"),
    "loss not a scalar": (DATA, "", loop(L="-self.net(x, y)", L_ref="self.net(x_ref, y_ref).exp()")),
    "float32 inside": (TYPES, "right to float32 only", loop("-self.net(x, y).float().mean()")),
    "m rounded to float32": (
        TYPES,
        "right to float32 only",
        loop(m="self.beta * torch.as_tensor(self.m, dtype=torch.float32) + (1 - self.beta) * L_ref.detach()"),
    ),
    "m by way of numpy": (
        TYPES,
        "On another device",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref.detach().numpy()"),
    ),
    "a median": (DATA, "-1/b", loop("-self.net(x, y).median()")),
    "no update in the loop's first step": (
        AVERAGE,
        "first step leaves m",
        loop(m="self.m if self.iteration == 0 else self.beta * self.m + (1 - self.beta) * L_ref.detach()"),
    ),
    "learning rate changed": (
        STEPS,
        "learning rate is changed",
        loop() + "\nfor group in self.optimizer.param_groups:\n    group['lr'] = 0.01",
    ),
    "clamp at 3 before exp": (REFERENCE, "is cut", loop(L_ref="self.net(x_ref, y_ref).clamp(max=3).exp().mean()")),
    "clamp at 3 before exp: m": (
        AVERAGE,
        "cut above 3",
        loop(L_ref="self.net(x_ref, y_ref).clamp(max=3).exp().mean()"),
    ),
    "clamp at 10 on both sides": (AVERAGE, "10", loop(L_ref="self.net(x_ref, y_ref).clamp(-10, 10).exp().mean()")),
    "clamp at -10 before exp": (REFERENCE, "is cut", loop(L_ref="self.net(x_ref, y_ref).clamp(min=-10).exp().mean()")),
    "clamp of the data": (DATA, "-1/b", loop("-self.net(x, y).clamp(-10, 10).mean()")),
    "m starts from the first L'": (
        AVERAGE,
        "The first step takes L' alone",
        loop(m="L_ref.detach() if self.iteration == 0 else self.beta * self.m + (1 - self.beta) * L_ref.detach()"),
    ),
    "m starts anew each epoch": (
        AVERAGE,
        "first step of each epoch takes L' alone",
        loop(m="L_ref.detach() if j == 0 else self.beta * self.m + (1 - self.beta) * L_ref.detach()"),
    ),
    "m at least 0.5": (
        AVERAGE,
        "above 0.5",
        loop(m="(self.beta * self.m + (1 - self.beta) * L_ref.detach()).clamp(min=0.5)"),
    ),
    "m at most 1": (
        AVERAGE,
        "below 1",
        loop(m="(self.beta * self.m + (1 - self.beta) * L_ref.detach()).clamp(max=1)"),
    ),
    "m at least 1": (AVERAGE, "above 1", loop(m="max(1.0, float(self.beta * self.m + (1 - self.beta) * L_ref))")),
    "beta 0.95": (AVERAGE, "0.95 times the past", loop(m="0.95 * self.m + 0.05 * L_ref.detach()")),
    "a tenth added to m": (
        AVERAGE,
        "constant 0.1",
        loop(m="self.beta * self.m + (1 - self.beta) * L_ref.detach() + 0.1"),
    ),
    "L' doubled in m": (AVERAGE, "factor 2", loop(m="self.beta * self.m + (1 - self.beta) * 2 * L_ref.detach()")),
    "both terms halved: data": (DATA, "halved", loop(loss="(L + L_ref / self.m) / 2")),
    "both terms halved: reference": (REFERENCE, "factor 0.5", loop(loss="(L + L_ref / self.m) / 2")),
    "a third of L": (DATA, "factor 0.333", loop(loss="L / 3 + L_ref / self.m")),
    "0.1 in the divisor": (REFERENCE, "constant 0.1", loop(loss="L + L_ref / (self.m + 0.1)")),
    "not a number for one row": (DATA, "-1/b", loop("-self.net(x, y).mean() + 0 * self.net(x, y).std()")),
    "not a number for one reference row": (
        REFERENCE,
        "e^t' / (b m)",
        loop(loss="L + L_ref / self.m + 0 * self.net(x_ref, y_ref).std()"),
    ),
    "the stub": (DATA, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
    "no loss": (DATA, "stopped with", "pass"),
    "weights reset": (
        DATA,
        "do not lead to the final weights",
        loop() + "\nfor p in self.net.parameters():\n    p.data *= 0.9",
    ),
}

RIGHT = {
    "item": loop(m="self.beta * self.m + (1 - self.beta) * L_ref.item()"),
    "float": loop(m="self.beta * self.m + (1 - self.beta) * float(L_ref)"),
    "data": loop(m="self.beta * self.m + (1 - self.beta) * L_ref.data"),
    "no_grad": "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\nwith torch.no_grad():\n"
    "    self.m = self.beta * self.m + (1 - self.beta) * L_ref\nloss = L + L_ref / self.m",
    "detached twice": loop(
        m="(self.beta * self.m + (1 - self.beta) * L_ref).detach()", loss="L + L_ref / torch.as_tensor(self.m).detach()"
    ),
    "log-sum-exp": loop(
        L_ref="(self.net(x_ref, y_ref).flatten().logsumexp(0) - np.log(len(x_ref))).exp()",
    ),
    "log m folded into the exponent": "t_ref = self.net(x_ref, y_ref)\nL = -self.net(x, y).mean()\n"
    "self.m = self.beta * self.m + (1 - self.beta) * t_ref.detach().exp().mean()\n"
    "loss = L + (t_ref - torch.log(self.m)).exp().mean()",
    "one forward on both batches": "t = self.net(torch.cat([x, x_ref]), torch.cat([y, y_ref]))\nb = len(x)\n"
    "L, L_ref = -t[:b].mean(), t[b:].exp().mean()\n"
    "self.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nloss = L + L_ref / self.m",
    "lerp": loop(m="torch.lerp(L_ref.detach(), torch.as_tensor(self.m, dtype=L_ref.dtype), self.beta)"),
    "an increment": loop(m="self.m + (1 - self.beta) * (L_ref.detach() - self.m)"),
    "m in place": "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\nself.m *= self.beta\n"
    "self.m += (1 - self.beta) * L_ref.item()\nloss = L + L_ref / self.m",
    "sums over lengths": loop("-self.net(x, y).sum() / len(x)", "torch.exp(self.net(x_ref, y_ref)).sum() / len(x_ref)"),
    "torch.mean": loop("-torch.mean(self.net(x, y))", "torch.mean(torch.exp(self.net(x_ref, y_ref)))"),
    "one more constant": loop(loss="L + L_ref / self.m - 1"),
    "L'/m first": loop(loss="L_ref / self.m + L"),
    "a positive data term": "T = self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\n"
    "self.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nloss = -(T - L_ref / self.m)",
    "m on a local name as well": "L = -self.net(x, y).mean()\nL_ref = self.net(x_ref, y_ref).exp().mean()\n"
    "m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nself.m = m\nloss = L + L_ref / m",
    "a second forward for m": "L = -self.net(x, y).mean()\nwith torch.no_grad():\n"
    "    self.m = self.beta * self.m + (1 - self.beta) * self.net(x_ref, y_ref).exp().mean()\n"
    "loss = L + self.net(x_ref, y_ref).exp().mean() / self.m",
    "a dot product": loop(
        "-self.net(x, y).flatten() @ torch.full((len(x),), 1 / len(x), dtype=x.dtype, device=x.device)"
    ),
    "squeezed": loop("-self.net(x, y).squeeze(-1).mean()", "self.net(x_ref, y_ref).squeeze(-1).exp().mean()"),
    "a loss of the surrogate log": loop(loss="L + L_ref / self.m + np.log(float(self.m)) - 1"),
    "weights by ratio": loop(loss="L + (L_ref.detach() / self.m) * L_ref.log()"),
    "clamp at 80": loop(L_ref="self.net(x_ref, y_ref).clamp(max=80).exp().mean()"),
    "clamp at 80 on both sides": loop(L_ref="torch.exp(torch.clamp(self.net(x_ref, y_ref), -80, 80)).mean()"),
    "a guard in the divisor": loop(loss="L + L_ref / (self.m + 1e-8)"),
    "einsum": loop("-torch.einsum('ij->', self.net(x, y)) / x.shape[0]"),
    "a helper": "def average(past, new, beta):\n    return beta * past + (1 - beta) * new\n"
    + loop(m="average(self.m, L_ref.detach(), self.beta)"),
    "type hints": "t: Tensor = self.net(x, y)\nt_ref: Tensor = self.net(x_ref, y_ref)\nL: Tensor = -t.mean()\n"
    "L_ref: Tensor = t_ref.exp().mean()\nself.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\n"
    "loss: Tensor = L + L_ref / self.m",
    "a loop over pairs": "L, L_ref = 0.0, 0.0\nfor i in range(len(x)):\n"
    "    L = L - self.net(x[i : i + 1], y[i : i + 1]).squeeze() / len(x)\n"
    "    L_ref = L_ref + self.net(x_ref[i : i + 1], y_ref[i : i + 1]).exp().squeeze() / len(x)\n"
    "self.m = self.beta * self.m + (1 - self.beta) * L_ref.detach()\nloss = L + L_ref / self.m",
    "a comprehension": loop(
        "-sum(self.net(x, y).flatten()) / len(x)", "sum(t.exp() for t in self.net(x_ref, y_ref).flatten()) / len(x)"
    ),
    "functional names": loop(
        "torch.neg(torch.mean(self.net(x, y)))",
        "torch.div(torch.sum(torch.exp(self.net(x_ref, y_ref))), x_ref.size(0))",
        "torch.add(self.beta * self.m, L_ref.detach(), alpha=1 - self.beta)",
        "torch.add(L, torch.div(L_ref, self.m))",
    ),
    "numpy for the weights": loop(m="np.dot([self.beta, 1 - self.beta], [float(self.m), L_ref.item()])"),
    "np.average": loop(m="np.average([float(self.m), L_ref.item()], weights=[self.beta, 1 - self.beta])"),
    "a lambda": "mean_exp = lambda t: t.exp().mean()\n" + loop(L_ref="mean_exp(self.net(x_ref, y_ref))"),
    "unpacked": "t, t_ref = (self.net(*pair) for pair in ((x, y), (x_ref, y_ref)))\n"
    + loop("-t.mean()", "t_ref.exp().mean()"),
    "a condition on the first step": "if self.iteration == 0:\n    self.m = float(self.m)\n" + loop(),
    "softmax weights": "t_ref = self.net(x_ref, y_ref)\nweights = t_ref.detach().exp() / len(t_ref)\n"
    "L, L_ref = -self.net(x, y).mean(), weights.sum()\n"
    "self.m = self.beta * self.m + (1 - self.beta) * L_ref\nloss = L + (weights * t_ref).sum() / self.m",
    "an inner product with ones": loop(L_ref="self.net(x_ref, y_ref).exp().T @ x.new_ones(len(x), 1) / len(x)")
    .replace("loss = L", "self.m = self.m.squeeze()\nloss = L")
    .replace("L_ref / self.m", "L_ref.squeeze() / self.m"),
    "pow of e": loop(L_ref="torch.pow(torch.e, self.net(x_ref, y_ref)).mean()"),
    "exp2": loop(L_ref="torch.exp2(self.net(x_ref, y_ref) / np.log(2)).mean()"),
    "global names of functions": "compile, globals = True, {}\n" + loop(),
    "prints": loop() + "\nprint(self.iteration, float(loss))",
}

# What these earn in all; the others' points are not stated.
EARNS = {
    "learning rate changed": 5.0,
    "m starts from the first L'": 4.5,
    "m starts anew each epoch": 4.5,
    "m at least 0.5": 4.5,
    "m at most 1": 4.5,
    "clamp at 3 before exp": 3.0,
    "a third of L": 5.0,
    "0.1 in the divisor": 4.5,
    "beta 0.95": 4.5,
}
