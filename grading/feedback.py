"""Feedback: the executed notebook as one HTML page that is safe to open and needs nothing from elsewhere.

First where the points went, by exercise; then each answer with its checks, what each earned and why not more, and
with the marker's comment. Whatever a student wrote is cleaned after it was rendered, so nothing in it is live, and
the page forbids the browser to run or load anything. Formulas are MathML, which needs no script.
"""

from __future__ import annotations

import contextlib
import html
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from xml.etree import ElementTree

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import Preprocessor
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from nbgrader.utils import is_grade, is_solution
from pygments.formatters import HtmlFormatter
from tqdm import tqdm
from traitlets import Bool, Unicode

from grading import gradebook, workers
from grading.course import Course, CourseError, Listener
from sitebuild.chapters import ROOT

PART = 15  # students of one process at a time: a page takes some tenths of a second, a process some seconds to start
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS\n?", re.DOTALL)
TAGS = {
    *bleach.ALLOWED_TAGS,
    *("p", "br", "hr", "pre", "div", "span", "h1", "h2", "h3", "h4", "h5", "h6", "img", "details", "summary", "del"),
    *("table", "thead", "tbody", "tr", "th", "td", "sub", "sup", "dl", "dt", "dd"),
}
ATTRIBUTES = {"*": ["class", "title", "align"], "a": ["href", "title"], "img": ["src", "alt", "width", "height"]}
MATHS = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$\n]+?)\$", re.DOTALL)
# Where cleaned HTML holds no formula: in code, and within a tag, whose quotes a formula's would end.
VERBATIM = re.compile(r"""(<pre\b.*?</pre>|<code\b.*?</code>|<(?:[^<>"']|"[^"]*"|'[^']*')*>)""", re.DOTALL)
ALPHABETS = {
    "sans-serif": "SANS-SERIF",
    "script": "SCRIPT",
    "-tex-calligraphic": "SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "bold": "BOLD",
    "fraktur": "FRAKTUR",
}
# All that a formula may consist of: presentation, and no way to name, style or link an element.
MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "ms", "mfrac", "msqrt", "mroot", "mstyle", "merror"),
    *("mpadded", "mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts"),
    *("mprescripts", "none", "mtable", "mtr", "mlabeledtr", "mtd"),
}
MATHML_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "mathsize", "mathcolor", "dir", "form", "fence"),
    *("separator", "stretchy", "symmetric", "largeop", "movablelimits", "accent", "accentunder", "minsize", "maxsize"),
    *("lspace", "rspace", "width", "height", "depth", "voffset", "linethickness", "bevelled", "numalign", "denomalign"),
    *("notation", "align", "columnalign", "rowalign", "columnspacing", "rowspacing", "columnlines", "rowlines"),
    *("columnspan", "rowspan", "columnwidth", "frame", "framespacing", "equalrows", "equalcolumns", "side"),
    *("minlabelspacing", "linebreak"),
}
DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*\Z")
CODE_CLASS = re.compile(r"(?:highlight|hl-\w+|[a-z][a-z0-9]{0,2})(?: (?:highlight|hl-\w+|[a-z][a-z0-9]{0,2}))*\Z")
WIDE = re.compile(r"<(?:pre|table)\b|<math\b(?=[^>]* display=\"block\")")  # what may need to be moved by keyboard
TITLE = re.compile(r"\A#+ (.+)\n*")
# What a page can hold before it takes whoever makes it, or reads it, for ever.
LONGEST, MOST_FORMULAS = 50_000, 1000
CUT = "\n\n… (the rest of this cell is too long to be shown)"
TEMPLATES = Path(__file__).with_name("templates")
# By day, and by night: colours of code that everyone can tell from their ground.
CODE_STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}


class ShowGrades(GetGrades):
    """nbgrader's scores and comments, with what it leaves out: what is still to mark, and the whole assignment.

    The late penalty is a part of the earned points, and a person may have marked since it was set: so it is set anew.
    """

    def preprocess(self, nb, resources):
        who = resources["nbgrader"]
        with Gradebook(who["db_url"]) as book:
            gradebook.penalise(book, who["assignment"], who["student"], gradebook.policy(self.config))
            submission = book.find_submission(who["assignment"], who["student"])
            late = submission.total_seconds_late
            handed_in = {path.stem for path in Path(resources["metadata"]["path"]).glob("*.ipynb")}
            resources["late"] = _duration(late) if late > 0 else ""
            resources["in_all"] = {
                "score": submission.score - submission.late_submission_penalty,
                "max_score": submission.max_score,
                "notebooks": [
                    (n.name, n.score - (n.late_submission_penalty or 0), n.max_score, n.name in handed_in)
                    for n in submission.notebooks
                ],
            }
        return super().preprocess(nb, resources)

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        where = (resources["nbgrader"][name] for name in ("notebook", "assignment", "student"))
        grade = self.gradebook.find_grade(cell.metadata.nbgrader["grade_id"], *where)
        cell.metadata.nbgrader["to_mark"] = grade.needs_manual_grade
        cell.metadata.nbgrader["by_hand"] = grade.manual_score is not None


def _duration(seconds: float) -> str:
    """A time in the largest unit of which it has at least two, rounded up."""
    units = {"days": 86400, "hours": 3600, "minutes": 60}
    unit = next((unit for unit, length in units.items() if seconds >= 2 * length), "minutes")
    count = -(-round(seconds) // units[unit])
    return f"{count} {unit if count > 1 else unit[:-1]}"


class ShowChecks(Preprocessor):
    """Give the page its order: a title, exercises with their points, and of each cell the part that it plays.

    The hidden tests' source goes; what was noticed in the submission goes above all.
    """

    enabled = Bool(True).tag(config=True)
    root = Unicode("", help="The course's folder.").tag(config=True)

    def preprocess(self, nb, resources):
        resources["title"], resources["noticed"] = "", self._noticed(resources["nbgrader"])
        exercises = resources["exercises"] = []
        kept = []
        for cell in nb.cells:
            part, checks = _part(cell), cell.metadata.get("mibook", {}).get("checks", [])
            if part in ("own", "answer", "written") and len(cell.source) > LONGEST:
                cell.source = cell.source[:LONGEST] + CUT
            cell.metadata["mibook"] = {"part": part, "checks": checks}
            if part == "about":
                resources["title"] = _take_title(cell)
                continue  # how to work on the sheet is no news to who has
            if part == "statement":
                title = cell.metadata.mibook["title"] = _take_title(cell)
                exercises.append({"title": title, "id": cell.metadata.nbgrader["grade_id"], "cells": []})
            if is_grade(cell) and exercises:
                exercises[-1]["cells"].append(cell)
            if part == "test":
                cell.source = HIDDEN.sub("# (other tests, which are not shown)\n", cell.source)
                cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
            kept.append(cell)
        nb.cells = kept
        return nb, resources

    def _noticed(self, who: dict) -> list[str]:
        from grading import audit

        record = audit.latest(Path(self.root), who["assignment"], who["student"]) if self.root else None
        return [text for _, text in record["notes"]] if record else []


def _part(cell) -> str:
    """What a cell is to the reader: about, statement, given, answer, written, test, or the student's own."""
    known = cell.metadata.get("nbgrader")
    if not known:
        return "own"
    if is_solution(cell):
        return "written" if is_grade(cell) else "answer"
    if is_grade(cell):
        return "test"
    if cell.cell_type == "code":
        return "given"
    return "about" if known["grade_id"].endswith("-about") else "statement"


def _take_title(cell) -> str:
    """Take the heading off a text cell; return its words."""
    match = TITLE.match(cell.source)
    if match is None:
        return ""
    cell.source = cell.source[match.end() :]
    return match[1]


class SanitizeOutputs(SanitizeHTML):
    """nbconvert's sanitiser for outputs. Text cells are cleaned by `FeedbackExporter` once they are HTML: their
    source is Markdown, in which `<` and `>` mean other things."""

    enabled = Bool(True).tag(config=True)  # nbconvert's own is off unless someone asks for it

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "markdown":
            return cell, resources
        # nbconvert writes an output's metadata into the page as it is: a width may be a whole attribute.
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}
        return super().preprocess_cell(cell, resources, cell_index)

    def sanitize_html_tags(self, html_str):
        # What cleaning does not allow it shows as text, and the style that pandas puts before a table is no text.
        return clean(re.sub(r"<style\b.*?</style>", "", html_str, flags=re.DOTALL))


PREPROCESSORS = [ShowGrades, ShowChecks, SanitizeOutputs]


class FeedbackExporter(HTMLExporter):
    """HTML with cleaned text, formulas as MathML, and no reference to another host; `configure` names its template."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sanitize_html = self.exclude_anchor_links = True
        self.exclude_input_prompt = self.exclude_output_prompt = True
        self.formulas: list[tuple[str, bool]] = []

    def _init_resources(self, resources):
        resources = super()._init_resources(resources)
        resources["code_styles"] = {
            scheme: HtmlFormatter(style=style).get_style_defs(".highlight") for scheme, style in CODE_STYLES.items()
        }
        return resources

    def default_filters(self):
        yield from super().default_filters()
        yield ("clean_html", clean)
        # A terminal's colours are chosen for another ground than this page's, by day or by night.
        yield ("ansi2html", lambda text: html.escape(strip_ansi(text)))
        yield ("points", points)
        yield ("typeset", lambda text: MATHS.sub(self._remember, html.escape(text, quote=False)))

    def from_notebook_node(self, nb, resources=None, **kwargs):
        self.formulas, self.token = [], secrets.token_hex(8)
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        drawn = [
            found or html.escape(formula[0])
            for found, formula in zip(mathml(self.formulas), self.formulas, strict=True)
        ]
        page = re.sub(rf"{self.token}-(\d+)-", lambda match: drawn[int(match[1])], page)
        return WIDE.sub(r'\g<0> tabindex="0"', page), resources

    @pass_context
    def markdown2html(self, context, source):
        rendered = clean(super().markdown2html(context, source))
        pieces = VERBATIM.split(rendered)
        return "".join(piece if VERBATIM.fullmatch(piece) else MATHS.sub(self._remember, piece) for piece in pieces)

    def _remember(self, match: re.Match) -> str:
        if len(self.formulas) == MOST_FORMULAS:
            return match[0]
        tex = html.unescape(match["display"] or match["inline"])
        self.formulas.append((tex, match["display"] is not None))
        return f"{self.token}-{len(self.formulas) - 1}-"


def points(value: float | None) -> str:
    """Points as a person writes them."""
    return f"{round(value or 0, 2):g}"


def clean(text: str) -> str:
    """HTML without anything live in it, without pictures from elsewhere, and without the classes of the page's own
    parts: code keeps its colours."""

    def allowed(tag: str, name: str, value: str) -> bool:
        if tag == "img" and name == "src":
            return bool(DATA_IMAGE.match(value))
        if name == "class":
            return bool(CODE_CLASS.match(value))
        return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, [])

    return bleach.clean(text, tags=TAGS, attributes=allowed, css_sanitizer=CSSSanitizer(allowed_css_properties=[]))


def mathml(formulas: list[tuple[str, bool]]) -> list[str]:
    """Each formula as MathML; an empty text where MathJax has nothing for it, or is not here."""
    missing = [formula for formula in dict.fromkeys(formulas) if formula not in _made]
    _made.update((formula, text) for formula, text in zip(missing, _converted(missing), strict=True) if text)
    return [_made.get(formula, "") for formula in formulas]


_made: dict[tuple[str, bool], str] = {}  # what was asked has the same formulas on every student's page


def _converted(formulas: list[tuple[str, bool]]) -> list[str]:
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    modules = ROOT / "node_modules"
    if not formulas or node is None or not (modules / "mathjax").exists():
        return [""] * len(formulas)
    command = [node, str(Path(__file__).with_name("formulas.cjs")), str(modules)]
    try:
        run = subprocess.run(
            command, input=json.dumps(formulas), capture_output=True, text=True, timeout=60, check=True
        )
        found = json.loads(run.stdout)
    except (subprocess.SubprocessError, ValueError):
        return [""] * len(formulas)
    return [_only_presentation(text) for text in found] if len(found) == len(formulas) else [""] * len(formulas)


def _only_presentation(text: str) -> str:
    """MathJax's answer, written anew with nothing but `MATHML` in it; an empty text if it has another element."""
    try:
        return "".join(_pieces(ElementTree.fromstring(text)))
    except (ElementTree.ParseError, ValueError, RecursionError):
        return ""


def _pieces(element: ElementTree.Element) -> Iterator[str]:
    tag, attributes = element.tag.rpartition("}")[2], element.attrib
    text = (element.text or "").strip(" \n")  # and not the spaces of a \text, which do not break
    if tag not in MATHML:
        raise ValueError(tag)
    # A letter of another alphabet is its own character: browsers no longer read MathML's `mathvariant`.
    if tag == "mi" and (alphabet := ALPHABETS.get(attributes.get("mathvariant", ""))):
        attributes, text = {}, "".join(_letter(alphabet, letter) for letter in text)
    kept = [f' {name}="{html.escape(attributes[name])}"' for name in attributes if name in MATHML_ATTRIBUTES]
    yield f"<{tag}{''.join(kept)}>{html.escape(text)}"
    for child in element:
        yield from _pieces(child)
    yield f"</{tag}>"


def _letter(alphabet: str, letter: str) -> str:
    if not (letter.isascii() and letter.isalpha()):
        return letter
    case = "CAPITAL" if letter.isupper() else "SMALL"
    for name in (f"MATHEMATICAL {alphabet} {case} {letter.upper()}", f"{alphabet} {case} {letter.upper()}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue  # the oldest of these letters have shorter names
    return letter


class _Part(GenerateFeedback):
    """nbgrader's own converter, for some of the students alone."""

    students: frozenset[str] = frozenset()

    def init_notebooks(self):
        super().init_notebooks()
        self.assignments = {path: found for path, found in self.assignments.items() if _student(path) in self.students}


def _student(path: str | Path) -> str:
    """Whose the folder of an assignment is."""
    return Path(path).parent.name


def _write(root: Path, assignment: str, students: list[str]) -> str:
    """Write the pages of some students; return what went wrong, or nothing."""
    config = Course(root).config
    config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = assignment, "*"
    converter = _Part(coursedir=CourseDirectory(config=config), config=config, force=True)
    converter.students = frozenset(students)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException:
        return said.worst
    return ""


def generate(course: Course, assignment: str, processes: int | None = None) -> int:
    """Write the feedback pages of an assignment, of a larger class in several processes; return how many there are."""
    _ = course.config  # says so if this is no course
    students = sorted(map(_student, (course.root / "autograded").glob(f"*/{assignment}")))
    parts = [students[k : k + PART] for k in range(0, len(students), PART)]
    where = itertools.repeat(course.root), itertools.repeat(assignment)
    wrong, bar = [], tqdm(total=len(students), unit="student", desc=f"{assignment}, feedback", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        stack.enter_context(bar)
        if len(parts) > 1:
            pool = stack.enter_context(workers.pool(min(processes or os.cpu_count() or 1, len(parts))))
            written = pool.map(_write, *where, parts)
        else:
            written = map(_write, *where, parts)
        try:
            for part, said in zip(parts, written, strict=True):
                wrong += [said] if said else []
                bar.update(len(part))
        except BrokenProcessPool:
            wrong.append("a process was ended. Run 'python -m grading feedback' again")
    if wrong:
        raise CourseError(f"Not all feedback for {assignment} could be written: {wrong[0]}")
    return len(list((course.root / "feedback").glob(f"*/{assignment}/*.html")))
