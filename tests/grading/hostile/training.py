"""Attacks on the two exercises at the heart of the book: the critic `Net`, worth 5, and its trainer, worth 6."""

from __future__ import annotations

from pathlib import Path

from nbformat import read
from nbformat.v4 import new_code_cell

from answers import fill, mine_net, minetrainer
from grading_course import cell, released, solved, template
from hostile import MIME, Entry, Put, files

OF, NAME = "mutual-information", "mine.ipynb"
DIED = "kernel died"


def training(before: str = "", net: str = "", trainer: str = "") -> Put:
    """The sheet with the model answers to its code, or others where they are given, after an own cell."""

    def put(folder: Path, aims: dict) -> None:
        notebook, stub = solved(NAME, OF), released(NAME, OF)
        source = {c.id: c.source for c in read(template() / "source" / OF / NAME, as_version=4).cells}
        for name, text in (("MINE-Net", net), ("MINETrainer", trainer)):
            if text:
                cell(notebook, name).source = fill(source[name], text)
        for each in notebook.cells:
            if each.cell_type == "markdown":
                each.source = cell(stub, each.id).source  # nothing for a person to mark
        if before:
            notebook.cells.insert(0, new_code_cell(before))
        files(**{NAME: notebook})(folder, aims)

    return put


def patched(place: str, value: str) -> str:
    return f"import torch\nimport torch.nn.functional as F\n{place} = {value}"


SQUEEZED = mine_net.WRONG["squeezed output"][2]
SWAPPED = minetrainer.WRONG["beta swapped"][2]
OTHER_SEED = """
import re
def look(lines):
    return re.sub(r"'SEED': \\d+", "'SEED': 0", "".join(lines)).splitlines(keepends=True)
get_ipython().input_transformers_cleanup.append(look)
"""
CLAIMS = f"""
import IPython.display as d
real = d.publish_display_data
fine = {{"shape": [7, 1], "dtype": "torch.float64", "device": "cpu", "values": [0.0] * 7}}
class Claims(dict):
    def __contains__(self, name): return True
def publish(data, *a, **k):
    record = data[{MIME!r}]
    real({{{MIME!r}: {{name: fine for name in record}}}})
d.publish_display_data = publish
"""
WRAPPED = """
z = torch.cat([x, y], dim=-1)
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, arguments=(), named=None):
        name = getattr(f, "__name__", "")
        if name == "tolist": return [[0.5]] * 7
        return super().__torch_function__(f, types, arguments, named or {})
return self.fc3(z.sum() * 0 + torch.zeros(len(z), self.fc3.in_features, dtype=z.dtype)).as_subclass(Liar)
"""

CORPUS = [
    Entry(
        "t-elu",
        "Another function under the name of elu.",
        training(patched("F.elu", "torch.relu")),
        9.5,
        says="ReLU where ELU should be",
        of=OF,
    ),
    Entry(
        "t-tolist",
        "Tensors that read as 0.5.",
        training(patched("torch.Tensor.tolist", "lambda t: [0.5] * t.numel()")),
        0,
        says="The recorded steps do not lead to the final weights",
        of=OF,
    ),
    Entry(
        "t-subclass",
        "Results of a class that lies when it is read.",
        training(net=WRAPPED),
        6,
        says="counts only where t is computed by the network",
        of=OF,
    ),
    Entry("t-seed", "The inputs of another seed.", training(OTHER_SEED), 0, says="t is not fc3", of=OF),
    Entry(
        "t-claims",
        "A record of claims about form, with no number right.",
        training(CLAIMS),
        0,
        says="No gradient step",
        of=OF,
    ),
    Entry(
        "t-backward",
        "Gradients that are never computed.",
        training(patched("torch.Tensor.backward", "lambda self, *a, **k: None")),
        6,
        says="No gradient reaches",
        of=OF,
    ),
    Entry(
        "t-threads",
        "A thousand threads.",
        training("import torch; torch.set_num_threads(1000)"),
        5,
        says="new thread",
        of=OF,
    ),
    Entry(
        "t-dies",
        "A training that ends the process.",
        training(trainer="import os; os._exit(0)\nloss = 0"),
        5,
        "failed to run",
        DIED,
        of=OF,
    ),
    Entry(
        "t-swapped",
        "An honest mistake in each: squeezed, and beta swapped.",
        training(net=SQUEEZED, trainer=SWAPPED),
        9,
        says="beta is the weight of the past",
        of=OF,
    ),
]
