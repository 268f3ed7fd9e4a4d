"""From chapters to sheets: one notebook a chapter, with the exercises that an assignment asks for and nothing else.

An exercise's statement and hints stand before its graded cells. The equations and statements that they name are copied
from whichever chapter has them. Chapter cells tagged `given` are what an exercise's code needs of the chapter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import is_grade, is_solution

from chapters.macros import expand
from chapters.myst import Block, Role, blocks, roles, title
from chapters.source import read, tags
from grading.assignments import Declaration, Sheet
from grading.errors import CourseError
from grading.release.labels import Index, Words
from grading.release.plain import plain
from grading.verdict.hidden import hidden
from grading.verdict.registry import load

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
    """A graded exercise: its statement and hints, the chapter's cells that it is given, and its graded cells."""

    blocks: list[Block]
    given: list[NotebookNode] = field(default_factory=list)
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {cell.metadata.nbgrader["grade_id"] for cell in self.cells}


def sheet_of(sheet: Sheet, declaration: Declaration, index: Index) -> NotebookNode:
    """A sheet as nbgrader's source: answers and hidden tests are in it."""
    chapter = read(sheet.chapter)
    tasks = _asked_for(sheet, declaration, _tasks(chapter))
    words = Words(index)
    cells = [_locked("markdown", f"# {expand(title(chapter))}: exercises\n\n{HOW_TO}", f"{sheet.name}-about")]
    if sheet.setup:
        cells.append(_locked("code", sheet.setup, f"{sheet.name}-setup"))
    given = 0
    for number, task in enumerate(tasks, 1):
        cells.append(_locked("markdown", _statement(task, words), f"{sheet.name}-exercise-{number}"))
        for cell in task.given:
            given += 1
            cells.append(_locked("code", cell.source, f"{sheet.name}-given-{given}"))
        cells += [_graded(cell, words, declaration.exercises) for cell in task.cells]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def _asked_for(sheet: Sheet, declaration: Declaration, tasks: list[Task]) -> list[Task]:
    """The exercises of a sheet in its order; raises CourseError where the declaration and the chapter disagree."""
    by_name = {name: task for task in tasks for name in task.names}
    if missing := [name for name in sheet.exercises if name not in by_name]:
        raise CourseError(f"{declaration.path} asks for {', '.join(missing)}, which {sheet.chapter} does not have.")
    asked_for = [by_name[name] for name in sheet.exercises]
    for task in tasks:
        if any(is_grade(cell) for cell in task.cells) and task not in asked_for:
            name = task.cells[0].metadata.nbgrader["grade_id"]
            raise CourseError(f"{sheet.chapter} has the graded {name}, but {declaration.path} does not ask for it.")
    return asked_for


def _tasks(chapter: NotebookNode) -> list[Task]:
    """Every exercise of a chapter in order, with the cells that it is given and those that nbgrader knows after it."""
    tasks: list[Task] = []
    given: list[NotebookNode] = []
    for cell in chapter.cells:
        if is_grade(cell) or is_solution(cell):
            if not tasks:
                raise CourseError(f"The graded cell {cell.metadata.nbgrader.grade_id} stands before any exercise.")
            tasks[-1].cells.append(cell)
            if cell.cell_type == "code":
                tasks[-1].given, given = tasks[-1].given + given, []
        elif cell.cell_type == "code" and "given" in tags(cell):
            given.append(cell)
        elif cell.cell_type == "markdown":
            for block in blocks(cell.source):
                if block.name == "exercise":
                    tasks.append(Task([block]))
                elif block.name == "dropdown" and block.title.lower().startswith("hint") and tasks:
                    tasks[-1].blocks.append(block)
    return tasks


def _statement(task: Task, words: Words) -> str:
    """What stands before the cells of an exercise: what it needs of the chapters, the exercise, its hints."""
    needed: dict[str, list[Block]] = {}
    for block in task.blocks:
        for role in roles_within(block):
            label = role.target.lower()
            if role.name in ("eq", "prf:ref") and label in words.index and (role.name == "eq" or not role.words):
                needed.setdefault(label, words.index[label].context)
    context: list[Block] = []
    for group in needed.values():
        context += [block for block in group if block not in context and block not in words.shown]
    words.show(context)
    parts = [plain(block, words) for block in task.blocks]
    if context:
        quoted = "\n\n".join(plain(block, words) for block in context)
        parts.insert(1, "**From the chapters:**\n\n" + "\n".join(f"> {line}".rstrip() for line in quoted.split("\n")))
    return "\n\n".join(parts)


def roles_within(block: Block) -> list[Role]:
    """The roles in a block, at any depth of directives."""
    if block.kind != "directive":
        return roles(block.text)
    return [*roles(block.title), *(role for inner in blocks(block.body) for role in roles_within(inner))]


def _graded(cell: NotebookNode, words: Words, package: str) -> NotebookNode:
    """A solution, test or answer cell with nothing but nbgrader's metadata, and a test with its hidden part."""
    grade_id, source = cell.metadata.nbgrader["grade_id"], cell.source
    if cell.cell_type == "markdown":
        source = "\n\n".join(plain(block, words) for block in blocks(source))
    elif is_grade(cell):
        module, points = load(package, grade_id), cell.metadata.nbgrader["points"]
        # The hidden part stands first: a visible test that fails must not keep it from running.
        source = hidden(module.PROBE) + source
        expected = sum(module.POINTS.values())
        if abs(expected - points) > 1e-9:
            raise CourseError(
                f"{grade_id} has {points} points in the chapter, but {module.__file__} has behaviours of {expected}."
            )
    return _cell(cell.cell_type, source, dict(cell.metadata.nbgrader))


def _locked(kind: str, source: str, grade_id: str) -> NotebookNode:
    return _cell(kind, source, {"grade": False, "grade_id": grade_id, "locked": True, "solution": False})


def _cell(kind: str, source: str, nbgrader: dict) -> NotebookNode:
    nbgrader = {"schema_version": 3, "task": False} | nbgrader | {"cell_type": kind}
    make = new_markdown_cell if kind == "markdown" else new_code_cell
    # The id is the name, the same in every release: a submission whose metadata was stripped is matched by it.
    return make(source, id=nbgrader["grade_id"], metadata={"nbgrader": dict(sorted(nbgrader.items()))})
