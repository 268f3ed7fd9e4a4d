"""One training step of a chapter's own network and trainer as an ONNX graph, for the page to run without torch.

The build alone calls this; it needs onnx and onnxscript, which a reader's environment may lack.
Source of the update: Kingma and Ba, "Adam", ICLR 2015, with torch's default decay rates.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import onnx
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

DECAYS, EPSILON = (0.9, 0.999), 1e-8
Layout = list[tuple[str, list[int]]]
"""The name and shape of each parameter, in the order in which they stand in one vector of P numbers."""


class _Batch:
    """In the place of a sample: whichever rows the trainer takes, it gets the given ones, one after the other."""

    def __init__(self, *given: Tensor) -> None:
        self.given, self.device = list(given), given[0].device

    def __len__(self) -> int:
        return 2  # the least sample that has a reference; as no row number is used, no other length matters

    def __getitem__(self, rows: object) -> Tensor:
        return self.given.pop(0)


class _Order:
    """In the place of the permutation that chooses a batch."""

    def roll(self, places: int) -> _Order:
        return self

    def __getitem__(self, rows: object) -> _Order:
        return self


class _NothingDrawn(TorchFunctionMode):
    """While a step is traced its batch is given, so nothing that would choose one may enter the graph."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.randperm:
            return _Order()
        if function is torch.randint:
            return 1
        return function(*args, **(kwargs or {}))


def layout(net: nn.Module) -> Layout:
    """The name and shape of each parameter of the net, as they follow one another in a vector of P numbers."""
    return [(name, list(parameter.shape)) for name, parameter in net.named_parameters()]


def _functions(net: nn.Module, Trainer: type) -> tuple[Callable, Callable]:
    """The step and the critic as functions of tensors alone, made of the trainer's own lines and the net's own."""
    names, shapes = zip(*layout(net), strict=True)
    sizes = [parameter.numel() for parameter in net.parameters()]

    class Traced(Trainer):
        def _descend(self, loss: Tensor) -> None:
            self.loss = loss

        def estimate(self) -> float:
            return 0.0

    trainer = Traced(torch.zeros(2, 1), torch.zeros(2, 1), net, 1)

    def parameters(theta: Tensor) -> dict[str, Tensor]:
        return {k: part.view(s) for k, s, part in zip(names, shapes, theta.split(sizes), strict=True)}

    def loss(weights, m, x, y, y_ref, beta):
        trainer.net = lambda *pair: functional_call(net, weights, pair)
        trainer.X, trainer.Y, trainer.m, trainer.beta = _Batch(x), _Batch(y, y_ref), m, beta
        with _NothingDrawn():
            trainer.step()
        return trainer.loss, trainer.m

    def step(state, m, count, x, y, y_ref, beta, lr):
        theta, mean, square = state.unbind(0)
        gradient, (value, m) = grad_and_value(loss, has_aux=True)(parameters(theta), m, x, y, y_ref, beta)
        g = torch.cat([gradient[name].flatten() for name in names])
        mean = DECAYS[0] * mean + (1 - DECAYS[0]) * g
        square = DECAYS[1] * square + (1 - DECAYS[1]) * g * g
        scale = (1 - DECAYS[1] ** count).sqrt()
        # torch adds epsilon to sqrt(square) / scale: the same, but as a constant that small the exporter drops it
        theta = theta - lr / (1 - DECAYS[0] ** count) * scale * mean / (square.sqrt() + EPSILON * scale)
        return torch.stack([theta, mean, square]), m, value

    def critic(state, x, y):
        return functional_call(net, parameters(state[0]), (x, y))

    return step, critic


def _graph(function: Callable, given: dict[str, Tensor], outputs: list[str]) -> bytes:
    """The function as an ONNX file whose inputs named x, y or y_ref may have any number of rows."""
    rows = torch.export.Dim("rows", min=2)
    shapes = tuple({0: rows} if name in ("x", "y", "y_ref") else None for name in given)
    logging.disable(logging.WARNING)  # the exporter's own notices are not the page's
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = make_fx(function, tracing_mode="symbolic")(*given.values())
            traced.graph.eliminate_dead_code()
            program = torch.onnx.export(
                traced.eval(),
                tuple(given.values()),
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=list(given),
                output_names=outputs,
                verbose=False,
            )
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None, "the dynamo exporter returns its program"
    model = program.model_proto
    graph = model.graph
    # What the exporter notes about where each node comes from holds source lines: answers, for a student's page.
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    onnx.checker.check_model(model)  # a name given twice, say, which the exporter does not see
    return model.SerializeToString()


def _repeated(step: onnx.ModelProto) -> bytes:
    """One call for many steps: a loop over the first axis of x, y and y_ref, which are of shape (steps, b, 1).

    A call of a graph costs more than the arithmetic of a step, so the page makes one for a whole epoch. The result has
    the step's outputs, with the loss of every step, of shape (steps,).
    """
    helper, FLOAT, INT64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    old, batches = step.graph, ("x", "y", "y_ref")
    value = helper.make_tensor_value_info
    pick = [helper.make_node("Gather", [f"all_{name}", "turn"], [name], axis=0) for name in batches]
    ahead = [
        helper.make_node("Add", ["count", "one"], ["next_count"]),
        helper.make_node("Identity", ["go"], ["go_on"]),
    ]
    width = old.input[0].type.tensor_type.shape.dim[1].dim_value
    kept = [value(name, FLOAT, shape) for name, shape in (("state", [3, width]), ("m", []), ("count", []))]
    body = helper.make_graph(
        [*pick, *old.node, *ahead],
        "one_step",
        [value("turn", INT64, []), value("go", onnx.TensorProto.BOOL, []), *kept],
        [
            value("go_on", onnx.TensorProto.BOOL, []),
            value("new_state", FLOAT, [3, width]),
            value("new_m", FLOAT, []),
            value("next_count", FLOAT, []),
            value("loss", FLOAT, []),
        ],
    )
    outer = [
        helper.make_node("Shape", ["all_x"], ["steps"], start=0, end=1),
        helper.make_node(
            "Loop",
            ["steps", "", "first_state", "first_m", "first_count"],
            ["last_state", "last_m", "_", "losses"],
            body=body,
        ),
    ]
    column: list[str | int | None] = ["steps", "rows", 1]
    inputs = [value("first_state", FLOAT, [3, width]), value("first_m", FLOAT, []), value("first_count", FLOAT, [])]
    inputs += [value(f"all_{name}", FLOAT, column) for name in batches] + [value(n, FLOAT, []) for n in ("beta", "lr")]
    outputs = [value("last_state", FLOAT, [3, width]), value("last_m", FLOAT, []), value("losses", FLOAT, ["steps"])]
    one = helper.make_tensor("one", FLOAT, [], [1.0])
    graph = helper.make_graph(outer, "steps", inputs, outputs, [*old.initializer, one])
    model = helper.make_model(graph, opset_imports=step.opset_import, ir_version=step.ir_version)
    model.functions.extend(step.functions)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def exported(Net: type[nn.Module], Trainer: type) -> tuple[bytes, bytes, Layout]:
    """Training steps, the critic and the layout of P parameters, for scalar x and y.

    steps: (first_state, first_m, first_count, all_x, all_y, all_y_ref, beta, lr) -> (last_state, last_m, losses).
    A state is of shape (3, P): weights and the two averages of Adam; the batches are of shape (k, b, 1) for k steps of
    any b of at least 2 pairs, the losses of shape (k,); the rest are numbers, count from 1.
    critic: (state, x, y) -> log_ratio, which is t of shape (b, 1), in nats. The loss is the trainer's, in nats.
    """
    net, b = Net(), 100
    P = sum(parameter.numel() for parameter in net.parameters())
    step, critic = _functions(net, Trainer)
    pair = {name: torch.linspace(-1, 1, b).view(b, 1) for name in ("x", "y", "y_ref")}
    state = torch.full((3, P), 0.01)
    m, count, beta, lr = torch.tensor([2.0, 1.0, 0.5, 0.1])  # a tensor each: the tracer takes one tensor for one input
    given = {"state": state, "m": m, "count": count, **pair, "beta": beta, "lr": lr}
    del pair["y_ref"]
    return (
        _repeated(onnx.load_from_string(_graph(step, given, ["new_state", "new_m", "loss"]))),
        _graph(critic, {"state": state, **pair}, ["log_ratio"]),
        layout(net),
    )
