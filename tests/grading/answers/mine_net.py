"""`Net.forward`."""

VALUE, ORDER, SHAPE, GRADIENTS = "value of t", "order of x and y", "shape of t", "gradients"
TYPES, BATCHES = "float type", "whole batches on any device, no side effects"


def net(first="F.elu(self.fc1(z))", second="F.elu(self.fc2(a))", last="self.fc3(a)", z="torch.cat([x, y], dim=-1)"):
    return f"z = {z}\na = {first}\na = {second}\nreturn {last}"


LEAST_WRONG, LEAST_RIGHT = 40, 15

WRONG = {
    "no activation at all": (VALUE, "no activation where ELU", net("self.fc1(z)", "self.fc2(a)")),
    "no activation after fc1": (VALUE, "After fc1 there is no activation", net("self.fc1(z)")),
    "no activation after fc2": (VALUE, "After fc2 there is no activation", net(second="self.fc2(a)")),
    "ReLU": (VALUE, "ReLU where ELU", net("F.relu(self.fc1(z))", "F.relu(self.fc2(a))")),
    "ReLU after fc1 only": (VALUE, "After fc1 there is ReLU", net("F.relu(self.fc1(z))")),
    "tanh": (VALUE, "tanh where ELU", net("torch.tanh(self.fc1(z))", "torch.tanh(self.fc2(a))")),
    "sigmoid inside": (VALUE, "a sigmoid where ELU", net("torch.sigmoid(self.fc1(z))", "torch.sigmoid(self.fc2(a))")),
    "SELU": (VALUE, "SELU where ELU", net("F.selu(self.fc1(z))", "F.selu(self.fc2(a))")),
    "GELU": (VALUE, "GELU where ELU", net("F.gelu(self.fc1(z))", "F.gelu(self.fc2(a))")),
    "leaky ReLU": (VALUE, "leaky ReLU where ELU", net("F.leaky_relu(self.fc1(z))", "F.leaky_relu(self.fc2(a))")),
    "softplus": (VALUE, "softplus where ELU", net("F.softplus(self.fc1(z))", "F.softplus(self.fc2(a))")),
    "ELU with alpha 0.1": (VALUE, "alpha = 0.1", net("F.elu(self.fc1(z), 0.1)", "F.elu(self.fc2(a), 0.1)")),
    "exp without minus 1": (
        VALUE,
        "exp in place of exp - 1",
        "def elu(u):\n    return torch.where(u > 0, u, torch.exp(u))\n" + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    ),
    "exp - 1 on both sides": (
        VALUE,
        "both sides of zero",
        net("torch.exp(self.fc1(z)) - 1", "torch.exp(self.fc2(a)) - 1"),
    ),
    "ELU on the output": (VALUE, "ELU after fc3", net(last="F.elu(self.fc3(a))")),
    "exp of t": (VALUE, "e^t, not t", net(last="self.fc3(a).exp()")),
    "sigmoid of t": (VALUE, "sigmoid after fc3", net(last="torch.sigmoid(self.fc3(a))")),
    "tanh of t": (VALUE, "tanh after fc3", net(last="torch.tanh(self.fc3(a))")),
    "ReLU of t": (VALUE, "ReLU after fc3", net(last="F.relu(self.fc3(a))")),
    "softplus of t": (VALUE, "softplus after fc3", net(last="F.softplus(self.fc3(a))")),
    "log of t": (VALUE, "logarithm is taken", net(last="self.fc3(a).abs().log()")),
    "t without its mean": (VALUE, "mean is subtracted", net(last="self.fc3(a) - self.fc3(a).mean()")),
    "minus t": (VALUE, "sign of t is reversed", net(last="-self.fc3(a)")),
    "t cut off": (VALUE, "cut at -1 and 1", net(last="self.fc3(a).clamp(-1, 1)")),
    "fc2 left out": (VALUE, "fc2 left out", "return self.fc3(F.elu(self.fc1(torch.cat([x, y], dim=-1))))"),
    "fc2 twice": (VALUE, "fc2 twice", net(last="self.fc3(F.elu(self.fc2(a)))")),
    "a skip connection": (VALUE, "skip around fc2", net(second="a + F.elu(self.fc2(a))")),
    "no bias in fc1": (VALUE, "no bias in fc1", net("F.elu(F.linear(z, self.fc1.weight))")),
    "y before x": (ORDER, "y stands before x", net(z="torch.cat([y, x], dim=-1)")),
    "y before x, and ReLU": (
        ORDER,
        "y stands before x",
        net("F.relu(self.fc1(z))", "F.relu(self.fc2(a))", z="torch.cat([y, x], dim=-1)"),
    ),
    "x twice": (ORDER, "x is used twice", net(z="torch.cat([x, x], dim=-1)")),
    "y twice": (ORDER, "y is used twice", net(z="torch.cat([y, y], dim=-1)")),
    "concatenated rows": (VALUE, "side by side on the last dimension", net(z="torch.cat([x, y], dim=0)")),
    "stacked": (VALUE, "stopped with", net(z="torch.stack([x, y], dim=-1)")),
    "x + y": (VALUE, "side by side on the last dimension", net(z="x + y")),
    "scalars only": (VALUE, "stopped with", net(z="torch.stack([x.squeeze(), y.squeeze()], dim=1)")),
    "squeezed output": (SHAPE, "no squeeze", net(last="self.fc3(a).squeeze(-1)")),
    "squeezed, a scalar for one row": (SHAPE, "should give t of shape", net(last="self.fc3(a).squeeze()")),
    "a row": (SHAPE, "should give t of shape", net(last="self.fc3(a).T")),
    "an axis too many": (SHAPE, "should give t of shape", net(last="self.fc3(a).unsqueeze(-1)")),
    "mean over the batch": (VALUE, "no sum over the batch", net(last="self.fc3(a).mean()")),
    "sum over the batch": (VALUE, "no sum over the batch", net(last="self.fc3(a).sum(0, keepdim=True)")),
    "detached concatenation": (GRADIENTS, "No gradient reaches x, y", net(z="torch.cat([x, y], dim=-1).detach()")),
    "detached x": (GRADIENTS, "No gradient reaches x:", net(z="torch.cat([x.detach(), y], dim=-1)")),
    "detached hidden layer": (
        GRADIENTS,
        "No gradient reaches x, y, fc1.weight, fc1.bias",
        net("F.elu(self.fc1(z)).detach()"),
    ),
    "no_grad": (
        GRADIENTS,
        "graph was cut",
        "with torch.no_grad():\n    z = torch.cat([x, y], dim=-1)\n    a = F.elu(self.fc1(z))\n"
        "    a = F.elu(self.fc2(a))\n"
        "    return self.fc3(a)",
    ),
    "no_grad around fc1": (
        GRADIENTS,
        "No gradient reaches",
        "z = torch.cat([x, y], dim=-1)\nwith torch.no_grad():\n    a = F.elu(self.fc1(z))\n"
        "return self.fc3(F.elu(self.fc2(a)))",
    ),
    "detached output": (GRADIENTS, "graph was cut", net(last="self.fc3(a).detach()")),
    "weights as data": (
        GRADIENTS,
        "No gradient reaches",
        net("F.elu(F.linear(z, self.fc1.weight.data, self.fc1.bias))"),
    ),
    "through numpy": (
        GRADIENTS,
        "No gradient reaches x, y",
        net(z="torch.from_numpy(np.hstack([x.detach().numpy(), y.detach().numpy()]))"),
    ),
    "float inputs": (TYPES, "float", net(z="torch.cat([x, y], dim=-1).float()")),
    "float output": (TYPES, "keep the float type", net(last="self.fc3(a).float()")),
    "rounded on the way": (TYPES, "right to float32 only", net(second="F.elu(self.fc2(a)).float().to(x.dtype)")),
    "double inputs": (TYPES, "float", net(z="torch.cat([x, y], dim=-1).double()")),
    "a new tensor without device": (
        BATCHES,
        "device",
        "z = torch.empty(len(x), x.shape[1] + y.shape[1], dtype=x.dtype)\nz[:, : x.shape[1]] = x\nz[:, "
        "x.shape[1] :] = y\n"
        "return self.fc3(F.elu(self.fc2(F.elu(self.fc1(z)))))",
    ),
    "moved to the CPU": (BATCHES, "another device", net(last="self.fc3(a).cpu()")),
    "zeros on the default device": (
        BATCHES,
        "device",
        "zero = torch.zeros(1, dtype=x.dtype)\n"
        + net("F.relu(self.fc1(z)) + torch.expm1(torch.minimum(self.fc1(z), zero))"),
    ),
    "a loop over pairs": (
        BATCHES,
        "without a loop",
        "rows = [torch.cat([a, b]) for a, b in zip(x, y)]\n"
        "return torch.stack([self.fc3(F.elu(self.fc2(F.elu(self.fc1(z))))) for z in rows])",
    ),
    "x changed in place": (
        BATCHES,
        "changed its input x",
        "x *= 1.5\nx /= 3\n" + net(z="torch.cat([2 * x, y], dim=-1)"),
    ),
    "y changed after use": (
        BATCHES,
        "changed its input y",
        "t = self.fc3(F.elu(self.fc2(F.elu(self.fc1(torch.cat([x, y], -1))))))\ny.data.zero_()\nreturn t",
    ),
    "dropout": (VALUE, "", net(second="F.dropout(F.elu(self.fc2(a)), 0.5, self.training)")),
    "noise": (VALUE, "", net(last="self.fc3(a) + 0.01 * torch.randn_like(self.fc3(a))")),
    "a constant": (VALUE, "the same for all pairs", "return torch.zeros(len(x), 1, dtype=x.dtype)"),
    "the inner product": (VALUE, "t is not fc3", "return (x[:, :1] * y[:, :1])"),
    "global names": (
        VALUE,
        "",
        "def f(x_, y_):\n    return globals()['x'], globals()['y']\n" + net(z="torch.cat(f(x, y), dim=-1)"),
    ),
    "weights changed": (
        BATCHES,
        "must not change the network",
        net().replace("return", "t =") + "\nself.fc3.bias.data += 0.1\nreturn t",
    ),
    "ELU with alpha 0.7": (VALUE, "an ELU of alpha = 0.7", net("F.elu(self.fc1(z), 0.7)", "F.elu(self.fc2(a), 0.7)")),
    "ELU with alpha 1.3 after fc2": (VALUE, "an ELU of alpha = 1.3", net(second="F.elu(self.fc2(a), 1.3)")),
    "a leaky ReLU of slope 0.3": (
        VALUE,
        "a leaky ReLU of slope 0.3",
        net("F.leaky_relu(self.fc1(z), 0.3)", "F.leaky_relu(self.fc2(a), 0.3)"),
    ),
    "t cut at 10": (VALUE, "cut at -10 and 10", net(last="self.fc3(a).clamp(-10, 10)")),
    "t cut at 5 above": (VALUE, "cut at 5", net(last="self.fc3(a).clamp(max=5)")),
    "half of t": (VALUE, "0.5 t", net(last="self.fc3(a) / 2")),
    "t and one": (VALUE, "t +1", net(last="self.fc3(a) + 1")),
    "zeros for t": (VALUE, "the same for all pairs", net(last="0 * self.fc3(a)")),
    "not a number for one row": (VALUE, "", net(last="self.fc3(a) + 0 * self.fc3(a).std()")),
    "broadcast to a table": (VALUE, "of shape (7, 7)", net(last="self.fc3(a) + 0 * self.fc3(a).T")),
    "a linear net of two layers": (VALUE, "", "return self.fc3(self.fc1(torch.cat([x, y], dim=-1)))"),
    "the stub": (VALUE, "stub is still in place", 'raise NotImplementedError("Replace this line with your own code.")'),
    "nothing returned": (VALUE, "stopped with", "z = torch.cat([x, y], dim=-1)"),
}

RIGHT = {
    "hstack": net(z="torch.hstack([x, y])"),
    "axis=1": net(z="torch.cat((x, y), axis=1)"),
    "concat": net(z="torch.concat([x, y], dim=1)"),
    "column_stack": net(z="torch.column_stack((x, y))"),
    "nn.ELU": "elu = nn.ELU()\n" + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "ELU in place": net("F.elu_(self.fc1(z))", "F.elu(self.fc2(a), inplace=True)"),
    "nn.functional": net("nn.functional.elu(self.fc1(z))", "torch.nn.functional.elu(self.fc2(a), alpha=1.0)"),
    "a loop over layers": "a = torch.cat([x, y], dim=-1)\nfor layer in (self.fc1, self.fc2):\n"
    "    a = F.elu(layer(a))\nreturn self.fc3(a)",
    "one line": "return self.fc3(F.elu(self.fc2(F.elu(self.fc1(torch.cat([x, y], dim=-1))))))",
    "F.linear": net(
        "F.elu(F.linear(z, self.fc1.weight, self.fc1.bias))",
        "F.elu(F.linear(a, self.fc2.weight, self.fc2.bias))",
        "F.linear(a, self.fc3.weight, self.fc3.bias)",
    ),
    "matrix products": net(
        "F.elu(z @ self.fc1.weight.T + self.fc1.bias)",
        "F.elu(a @ self.fc2.weight.T + self.fc2.bias)",
        "a @ self.fc3.weight.T + self.fc3.bias",
    ),
    "fc1 split in two": "W = self.fc1.weight\nd = x.shape[1]\na = F.elu(x @ W[:, :d].T + y @ W[:, d:].T + "
    "self.fc1.bias)\n"
    "return self.fc3(F.elu(self.fc2(a)))",
    "ELU by where": "def elu(u):\n    return torch.where(u > 0, u, torch.expm1(u))\n"
    + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "ELU by clamp": "def elu(u):\n    return u.clamp(min=0) + u.clamp(max=0).exp() - 1\n"
    + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "ELU by ReLU": "def elu(u):\n    return F.relu(u) - F.relu(1 - torch.exp(u))\n"
    + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "ELU by a mask": "def elu(u):\n    v = u.clone()\n    v[u <= 0] = torch.exp(u[u <= 0]) - 1\n    return v\n"
    + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "ELU with zeros like": "def elu(u):\n    zero = torch.zeros_like(u)\n    return torch.maximum(u, zero) + "
    "torch.expm1(torch.minimum(u, zero))\n" + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "CELU of alpha 1": net("F.celu(self.fc1(z))", "F.celu(self.fc2(a))"),
    "Sequential": "layers = nn.Sequential(self.fc1, nn.ELU(), self.fc2, nn.ELU(), self.fc3)\n"
    "return layers(torch.cat([x, y], 1))",
    "a column by reshape": net(last="self.fc3(a).reshape(-1, 1)"),
    "a ModuleList": "layers = nn.ModuleList([self.fc1, self.fc2, self.fc3])\na = torch.cat([x, y], dim=-1)\n"
    "for k, layer in enumerate(layers):\n    a = layer(a) if k == 2 else F.elu(layer(a))\nreturn a",
    "type hints": "z: Tensor = torch.cat([x, y], dim=-1)\na: Tensor = F.elu(self.fc1(z))\n"
    "b: Tensor = F.elu(self.fc2(a))\nreturn self.fc3(b)",
    "a helper": "def hidden(layer, a):\n    return F.elu(layer(a))\n"
    "return self.fc3(hidden(self.fc2, hidden(self.fc1, torch.cat([x, y], 1))))",
    "einsum": net("F.elu(torch.einsum('ni,hi->nh', z, self.fc1.weight) + self.fc1.bias)"),
    "broadcasting": net("F.elu((z[:, None, :] * self.fc1.weight).sum(-1) + self.fc1.bias)"),
    "addmm": net("F.elu(torch.addmm(self.fc1.bias, z, self.fc1.weight.T))"),
    "an early return": "t = self.fc3(F.elu(self.fc2(F.elu(self.fc1(torch.cat([x, y], -1))))))\n"
    "if t.ndim == 2:\n    return t\nreturn t.unsqueeze(-1)",
    "F.elu for all": net("F.elu(input=self.fc1(z), alpha=1)", "F.elu(input=self.fc2(a))"),
    "functools": "from functools import reduce\n"
    "a = reduce(lambda a, layer: F.elu(layer(a)), (self.fc1, self.fc2), torch.cat((x, y), 1))\nreturn self.fc3(a)",
    "two Sequentials": "hidden = nn.Sequential(self.fc1, nn.ELU(), self.fc2, nn.ELU())\n"
    "return self.fc3(hidden(torch.cat((x, y), dim=1)))",
    "one inner product": net(last="(a * self.fc3.weight).sum(dim=1, keepdim=True) + self.fc3.bias"),
    "getattr": "a = torch.cat([x, y], dim=1)\nfor k in (1, 2):\n    a = F.elu(getattr(self, f'fc{k}')(a))\n"
    "return self.fc3(a)",
    "torch.cat by keywords": net(z="torch.cat(tensors=(x, y), dim=1)"),
    "torch.where and exp": "def elu(u):\n    return torch.where(u > 0, u, torch.exp(u.clamp(max=0)) - 1)\n"
    + net("elu(self.fc1(z))", "elu(self.fc2(a))"),
    "a subclass": "class Twice(nn.Module):\n    def forward(self, a, layers):\n        for layer in layers:\n"
    "            a = nn.functional.elu(layer(a))\n        return a\n"
    "return self.fc3(Twice()(torch.cat([x, y], 1), [self.fc1, self.fc2]))",
    "names of builtins": "compile, globals = x, y\n" + net(z="torch.cat([compile, globals], dim=-1)"),
    "prints": "print('shape', x.shape)\n" + net(),
    "a layer kept": net().replace("a = F.elu(self.fc2(a))", "a = F.elu(self.fc2(a))\nself.last = a.detach()"),
}

# What these earn in all; the others' points are not stated.
EARNS = {
    "ELU with alpha 0.7": 3.5,
    "t cut at 10": 3.5,
    "half of t": 3.5,
}
