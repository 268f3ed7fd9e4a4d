"""From chapters to exercise sheets: one notebook a chapter, with what its graded exercises need and nothing else.

What a sheet needs is found, not listed. An exercise's statement and hints stand before its graded cells. The
equations and statements that they name are copied from whichever chapter has them. The code that solution and
tests use is traced by name to the chapter's cells; of a cell of imports, only the lines in use are kept.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import is_grade, is_solution

from chapters.source import ROOT, read
from grading import exercises
from grading.release.prose import Block, blocks, equations, expand, plain, references

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
HOW_TO = """\
This sheet belongs to the chapter of the same name. Read the chapter first and keep it open: some exercises refer
to its figures.

1. Write your code or text in the cells that say so; the other cells are locked. You may add cells of your own.
2. Choose *Kernel → Restart Kernel and Run All Cells*. A test that fails says what it expected.
3. Save, and submit this file under its own name.

The visible tests are a first check. The grade also depends on tests with other inputs, which you do not see."""


@dataclass
class Task:
    """A graded exercise: its statement and hints, and its solution, test and answer cells by their place."""

    blocks: list[Block]
    cells: list[int] = field(default_factory=list)


def assignments() -> dict[str, list[Path]]:
    """Each part of the book that has graded exercises, by the name of its assignment, and its chapters."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for part in toc["parts"]:
        chapters = [ROOT / f"{chapter['file']}.md" for chapter in part["chapters"]]
        chapters = [path for path in chapters if any(is_grade(cell) for cell in read(path).cells)]
        if chapters:
            found[re.sub(r"\W+", "-", part["caption"].lower()).strip("-")] = chapters
    return found


def sheet(path: Path) -> NotebookNode:
    """The sheet of a chapter as nbgrader's source: answers and hidden tests are in it."""
    chapter = read(path)
    name = path.stem
    needs = Needs(chapter)
    names = Words(name)
    cells = [_locked("markdown", f"# {_title(chapter)}: exercises\n\n{HOW_TO}", f"{name}-about")]
    tasks = [task for task in _tasks(chapter) if any(is_grade(chapter.cells[i]) for i in task.cells)]
    placed: set[int] = {index for task in tasks for index in task.cells}
    setup = needs.imports([index for task in tasks for index in task.cells])
    if setup:
        cells.append(_locked("code", setup, f"{name}-setup"))
    count = 0
    for number, task in enumerate(tasks, 1):
        text = _statement(task, names)
        cells.append(_locked("markdown", text, f"{name}-exercise-{number}"))
        for index in needs.before(task.cells):
            if index not in placed:
                placed.add(index)
                count += 1
                cells.append(_locked("code", chapter.cells[index].source, f"{name}-given-{count}"))
        cells += [_graded(chapter.cells[index], names) for index in task.cells]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def _title(chapter: NotebookNode) -> str:
    for cell in chapter.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^# (.+)$", cell.source, re.MULTILINE)):
            return expand(match[1])
    raise ValueError("A chapter needs a title.")


def _tasks(chapter: NotebookNode) -> list[Task]:
    """Every exercise of a chapter in order, with the cells that nbgrader knows after it."""
    tasks: list[Task] = []
    for index, cell in enumerate(chapter.cells):
        if is_grade(cell) or is_solution(cell):
            if not tasks:
                raise ValueError(f"The graded cell {cell.metadata.nbgrader.grade_id} stands before any exercise.")
            tasks[-1].cells.append(index)
        elif cell.cell_type == "markdown":
            for block in blocks(cell.source):
                if block.name == "exercise":
                    tasks.append(Task([block]))
                elif block.name == "dropdown" and block.title.lower().startswith("hint") and tasks:
                    tasks[-1].blocks.append(block)
    return tasks


def _statement(task: Task, names: Words) -> str:
    """What stands before the cells of an exercise: what it needs of the chapters, the exercise, its hints."""
    needed: dict[str, list[Block]] = {}
    for block in task.blocks:
        for role, words, label in references(block.text):
            label = label.lower()
            if label in needed or label not in _index() or role not in ("eq", "prf:ref"):
                continue
            if role == "eq" or not words:
                needed[label] = _index()[label].context
    context: list[Block] = []
    for group in needed.values():
        context += [block for block in group if block not in context and block not in names.shown]
    names.show(context)
    parts = [plain(block, names) for block in task.blocks]
    if context:
        quoted = "\n\n".join(plain(block, names) for block in context)
        parts.insert(1, "**From the chapters:**\n\n" + "\n".join(f"> {line}".rstrip() for line in quoted.split("\n")))
    return "\n\n".join(parts)


def _graded(cell: NotebookNode, names: Words) -> NotebookNode:
    """A solution, test or answer cell with nothing but nbgrader's metadata, and a test with its hidden part."""
    grade_id = cell.metadata.nbgrader["grade_id"]
    source = cell.source
    if cell.cell_type == "markdown":
        source = "\n\n".join(plain(block, names) for block in blocks(source))
    elif is_grade(cell):
        source = hidden(grade_id) + source
        expected, points = sum(exercises.load(grade_id).POINTS.values()), cell.metadata.nbgrader["points"]
        if abs(expected - points) > 1e-9:
            raise ValueError(f"{grade_id} has {points} points in the chapter, but its behaviours sum to {expected}.")
    return _cell(cell.cell_type, source, dict(cell.metadata.nbgrader))


def hidden(test_id: str) -> str:
    """The hidden part of a test cell. It stands first: a visible test that fails must not keep it from running."""
    lines = ["### BEGIN HIDDEN TESTS", exercises.load(test_id).PROBE.rstrip("\n"), "### END HIDDEN TESTS"]
    return "\n".join(lines) + "\n"


def _locked(kind: str, source: str, grade_id: str) -> NotebookNode:
    return _cell(kind, source, {"grade": False, "grade_id": grade_id, "locked": True, "solution": False})


def _cell(kind: str, source: str, nbgrader: dict) -> NotebookNode:
    nbgrader = {"schema_version": 3, "task": False} | nbgrader | {"cell_type": kind}
    make = new_markdown_cell if kind == "markdown" else new_code_cell
    # The id is the name, the same in every release: a submission whose metadata was stripped is matched by it.
    return make(source, id=nbgrader["grade_id"], metadata={"nbgrader": dict(sorted(nbgrader.items()))})


# --- statements and equations by their label -------------------------------------------------------------------


@dataclass
class Labelled:
    """What a label names: its block, the words for it, and the blocks that make it readable elsewhere."""

    block: Block
    title: str
    context: list[Block]


@cache
def _index() -> dict[str, Labelled]:
    """Every labelled statement, exercise and equation of the chapters with graded exercises."""
    found: dict[str, Labelled] = {}
    for path in (path for paths in assignments().values() for path in paths):
        for cell in read(path).cells:
            if cell.cell_type == "markdown":
                for label, entry in _labelled(blocks(cell.source)):
                    found.setdefault(label.lower(), entry)
    return found


def _labelled(found: list[Block]) -> Iterator[tuple[str, Labelled]]:
    for place, block in enumerate(found):
        if block.kind == "math" and block.label:
            # An equation is read with the sentence that leads to it and the one that explains its letters.
            before = found[place - 1 : place] if place and found[place - 1].kind == "paragraph" else []
            after = [b for b in found[place + 1 : place + 2] if b.kind == "paragraph" and re.match(r"[a-z(]", b.text)]
            yield block.label, Labelled(block, "", [*before, block, *after])
        elif block.kind == "directive":
            kind = block.name.removeprefix("prf:")
            title = f"the {kind} “{block.title}”" if block.title else f"the {kind} in the chapter"
            if block.label:
                yield block.label, Labelled(block, title, [block])
            for equation in equations(block):
                yield equation, Labelled(block, "", [block])


class Words:
    """How a sheet names what its text refers to: equations that it shows by number, the rest in words."""

    def __init__(self, chapter: str) -> None:
        self.chapter, self.shown, self.numbers = chapter, [], {}

    def show(self, context: list[Block]) -> None:
        """Number the equations in blocks that the sheet is about to show."""
        for block in context:
            self.shown.append(block)
            for equation in equations(block):
                self.numbers.setdefault(equation.lower(), len(self.numbers) + 1)

    def __call__(self, role: str, label: str) -> str:
        number = self.numbers.get(label.lower())
        if role == "tag":
            return str(number) if number else ""
        if role == "eq" and number:
            return f"({number})"
        if role == "numref":
            return "the figure in the chapter"
        if role == "eq":
            return "(in the chapter)"
        known = _index().get(label.lower())
        return expand(known.title) if known else "the chapter"


# --- code by the names that it uses ----------------------------------------------------------------------------


class Needs:
    """Which code cells of a chapter others need, traced by the names that they use and define."""

    def __init__(self, chapter: NotebookNode) -> None:
        magics_as_calls = TransformerManager().transform_cell
        code = {i: cell.source for i, cell in enumerate(chapter.cells) if cell.cell_type == "code"}
        self.sources = {i: magics_as_calls(source) for i, source in code.items()}
        self.trees = trees = {i: ast.parse(source) for i, source in self.sources.items()}
        imports = (ast.Import, ast.ImportFrom)
        self.imports_of = {i: [s for s in tree.body if isinstance(s, imports)] for i, tree in trees.items()}
        self.defines = {i: set().union(*(_bound(s) for s in tree.body)) for i, tree in trees.items()}
        self.uses = {i: _free(source, trees[i]) for i, source in self.sources.items()}

    def _closure(self, cells: list[int]) -> tuple[set[int], set[str]]:
        """The cells that ``cells`` need, and every name that these or they use."""
        needed: set[int] = set()
        names: set[str] = set()
        todo = [(index, name) for index in cells for name in self.uses[index]]
        seen = set(todo)
        while todo:
            index, name = todo.pop()
            names.add(name)
            source = max((i for i in self.defines if i < index and name in self.defines[i]), default=None)
            if source is None:
                raise ValueError(f"A graded cell needs the name {name}, which no cell before it defines.")
            if self.imports_of[source]:  # a set-up cell is taken by the line, not as a whole
                fresh = [(source, n) for s in self._lines(source, {name}) for n in _free(self._text(source, s), s)]
            else:
                needed.add(source)
                fresh = [(source, n) for n in self.uses[source]]
            # A set-up line may use what an earlier line of the same cell defines.
            fresh = [(i, n) if n not in self.defines[i] else (i + 1, n) for i, n in fresh]
            todo += [pair for pair in fresh if pair not in seen]
            seen.update(fresh)
        return needed, names

    def before(self, cells: list[int]) -> list[int]:
        """The cells, without those of imports, that must run before ``cells``, in order."""
        code = [index for index in cells if index in self.sources]
        return sorted(self._closure(code)[0])

    def imports(self, cells: list[int]) -> str:
        """The lines of the set-up cells that ``cells`` need, directly or not, as the source of one cell."""
        code = [index for index in cells if index in self.sources]
        _, names = self._closure(code) if code else (set(), set())
        kept = []
        for index in (i for i in self.sources if self.imports_of[i] and i < max(code, default=0)):
            kept += [self._text(index, statement, names) for statement in self._lines(index, names)]
        return "\n".join(kept)

    def _lines(self, index: int, names: set[str]) -> list[ast.stmt]:
        """The statements of a set-up cell that define one of ``names``, or act on what these lines import.

        A call by itself, such as one that sets the number of threads, is kept if all that it names is used anyway.
        """
        body = self.trees[index].body
        return [s for s in body if _bound(s) & names or (isinstance(s, ast.Expr) and _used(s) <= names)]

    def _text(self, index: int, statement: ast.stmt, names: set[str] | None = None) -> str:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and names is not None:
            kept = [alias for alias in statement.names if (alias.asname or alias.name).split(".")[0] in names]
            return ast.unparse(type(statement)(**{**vars(statement), "names": kept}))
        return ast.get_source_segment(self.sources[index], statement)


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top of a cell gives a value."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    inside = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    names, todo = set(), [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, inside)]
    return names


def _used(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _free(source: str, tree: ast.AST) -> set[str]:
    """The names that a piece of code takes from the notebook: used at its top, or as globals inside functions."""
    body = tree.body if isinstance(tree, ast.Module) else [tree]
    free: set[str] = set()
    defined: set[str] = set()
    everything = set().union(*(_bound(statement) for statement in body))
    for statement in body:
        text = ast.get_source_segment(source, statement) if isinstance(tree, ast.Module) else source
        used = _globals(symtable.symtable(text or source, "cell", "exec"))
        later = isinstance(statement, (ast.FunctionDef, ast.ClassDef))
        free |= used - (everything if later else defined | _bound_before_use(statement))
        defined |= _bound(statement)
    return {name for name in free if not hasattr(builtins, name)}


def _bound_before_use(statement: ast.stmt) -> set[str]:
    """Names that a statement sets itself; one that it also reads, as in ``a = a + 1``, still comes from before."""
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and statement.value is not None:
        own = _used(statement.value) | (_bound(statement) if isinstance(statement, ast.AugAssign) else set())
        return _bound(statement) - own
    return _bound(statement)


def _globals(table: symtable.SymbolTable) -> set[str]:
    top = table.get_type() == "module"
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return names.union(*(_globals(child) for child in table.get_children()))
