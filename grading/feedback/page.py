"""Feedback: the executed notebook as one HTML page that is safe to open and needs nothing from elsewhere.

First where the points went, by exercise; then each answer with its checks, what each earned and why not more, and
with the marker's comment. Whatever a student wrote is cleaned after it was rendered, so nothing in it is live, and
the page forbids the browser to run or load anything. Formulas are MathML, which needs no script.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import html
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
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

from chapters.source import ROOT
from grading.course import Course
from grading.errors import CourseError
from grading.gradebook.policy import penalise, policy_of
from grading.run import pool as workers
from grading.stock import Listener

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
SOURCE_LINE = re.compile(r"\s*(?:-+>\s*)?\d+(?:\s|\Z)")  # of a traceback
TITLE = re.compile(r"\A#+ (.+)\n*")
# What a page can hold before it takes whoever makes it, or reads it, for ever.
LONGEST, MOST_FORMULAS, PAGE_SECONDS = 50_000, 1000, 60
MOST_HTML, MOST_ELEMENTS, DEEPEST = 150_000, 10_000, 100  # of one text that is cleaned
MOST_RICH, MOST_SHOWN = 500_000, 2_000_000  # characters on one page: of what a student formatted, and printed
CUT = "\n\n… (the rest of this cell is too long to be shown)"
PLAIN = "Texts, code and formulas stand here as they were typed: the page could not be made in its usual form."
PAYLOAD = re.compile(r"base64,[A-Za-z0-9+/=]+")
BLANKS = re.compile(r"[^\S\n]{100,}")  # the Markdown reader's time grows with the square of their number
COURSE = ("about", "statement", "given", "test")  # the parts of a page that nobody but the course's author wrote
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
            penalise(book, who["assignment"], who["student"], policy_of(self.config))
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
        resources["noticed"] += [PLAIN] if resources.get("plain") else []
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
                for output in cell.outputs:
                    if output.output_type == "stream":
                        output.text = _without_hidden(output.text)
            kept.append(cell)
        nb.cells = kept
        return nb, resources

    def _noticed(self, who: dict) -> list[str]:
        from grading.gradebook import audit

        record = audit.latest(Path(self.root), who["assignment"], who["student"]) if self.root else None
        return [note.text for note in record.notes] if record else []


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


def _without_hidden(text: str) -> str:
    """What a test cell printed, without the lines of the hidden tests in its tracebacks and without their frames."""
    kept, inside = [], False
    for line in text.split("\n"):
        bare = strip_ansi(line)
        if "### BEGIN HIDDEN TESTS" in bare or bare.startswith("File <probe>"):
            inside = True
        elif not (inside and (not bare.strip() or SOURCE_LINE.match(bare))):
            inside = False
            kept.append(line)
    return "\n".join(kept)


def _take_title(cell) -> str:
    """Take the heading off a text cell; return its words."""
    match = TITLE.match(cell.source)
    if match is None:
        return ""
    cell.source = cell.source[match.end() :]
    return match[1]


class SanitizeOutputs(SanitizeHTML):
    """nbconvert's sanitiser for outputs, with bounds. Text cells are cleaned by `FeedbackExporter` once they are HTML:
    their source is Markdown, in which `<` and `>` mean other things."""

    enabled = Bool(True).tag(config=True)  # nbconvert's own is off unless someone asks for it

    def preprocess(self, nb, resources):
        self.room = MOST_SHOWN
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "markdown":
            return cell, resources
        for output in cell.get("outputs", []):
            # nbconvert writes an output's metadata into the page as it is: a width may be a whole attribute.
            if "metadata" in output:
                output.metadata = {}
            if output.output_type == "stream":
                output.text = self._fit(output.text)
            if output.output_type == "error":
                output.traceback = [self._fit("\n".join(output.traceback))]
            for kind in {"text/plain", "text/latex"} & set(output.get("data", {})):
                output.data[kind] = self._fit(output.data[kind])
        return super().preprocess_cell(cell, resources, cell_index)

    def _fit(self, text: str) -> str:
        kept = text[: min(LONGEST, self.room)]
        self.room -= len(kept)
        return kept if kept == text else kept + CUT

    def sanitize_html_tags(self, html_str):
        # What cleaning does not allow it shows as text, and the style that pandas puts before a table is no text.
        text = _without_styles(html_str)
        return self.parent.clean(text) if isinstance(self.parent, FeedbackExporter) else clean(text)


def _without_styles(text: str) -> str:
    """HTML without its style elements, found in one pass however many of them are never closed."""
    small, kept, here = text.lower(), [], 0
    if len(small) != len(text):  # a letter whose small form is two: places would not agree
        small = text
    while (start := small.find("<style", here)) >= 0 and (end := small.find("</style>", start)) >= 0:
        kept.append(text[here:start])
        here = end + len("</style>")
    return "".join([*kept, text[here:]])


PREPROCESSORS = [ShowGrades, ShowChecks, SanitizeOutputs]


class FeedbackExporter(HTMLExporter):
    """HTML with cleaned text, formulas as MathML, and no reference to another host; `configure` names its template."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sanitize_html = self.exclude_anchor_links = True
        self.exclude_input_prompt = self.exclude_output_prompt = True
        self.formulas: list[tuple[str, bool]] = []
        self.token, self.plain, self.rich = "", False, 0

    def _init_resources(self, resources):
        resources = super()._init_resources(resources)
        resources["code_styles"] = {
            scheme: HtmlFormatter(style=style).get_style_defs(".highlight") for scheme, style in CODE_STYLES.items()
        }
        return resources

    def default_filters(self):
        yield from super().default_filters()
        yield ("clean_html", self.clean)
        # A terminal's colours are chosen for another ground than this page's, by day or by night.
        yield ("ansi2html", lambda text: html.escape(strip_ansi(text)))
        yield ("points", points)
        yield ("typeset", self._typeset)

    def from_notebook_node(self, nb, resources=None, **kwargs):
        """The page; where it takes too long, or cannot be made, a page on which what a student wrote is plain text."""
        try:
            with _within(PAGE_SECONDS):
                return self._page(nb, resources, plain=False, **kwargs)
        except (TooLong, Exception) as error:
            self.log.warning("A page is made in plain text: %s: %s", type(error).__name__, error)
        try:
            with _within(PAGE_SECONDS):
                return self._page(nb, resources, plain=True, **kwargs)
        except TooLong:
            raise RuntimeError(f"The page takes more than {PAGE_SECONDS} s to make.") from None

    def _page(self, nb, resources, plain: bool, **kwargs):
        self.formulas, self.token, self.plain, self.rich = [], secrets.token_hex(8), plain, 0
        self.filters = {"highlight_code": _code} if plain else {}  # which nbconvert prefers to its own
        page, resources = super().from_notebook_node(nb, dict(resources or {}) | {"plain": plain}, **kwargs)
        drawn = [
            found or html.escape(formula[0])
            for found, formula in zip(mathml(self.formulas), self.formulas, strict=True)
        ]
        page = re.sub(rf"{self.token}-(\d+)-", lambda match: drawn[int(match[1])], page)
        return WIDE.sub(r'\g<0> tabindex="0"', page), resources

    @pass_context
    def markdown2html(self, context, source):
        known = context.get("cell", {}).get("metadata", {}).get("mibook", {})
        ours = known.get("part", "about") in COURSE and not context.get("output")
        if not ours and (self.plain or self.rich > MOST_RICH):
            return as_text(source)
        rendered = super().markdown2html(context, BLANKS.sub(" " * 100, source))
        rendered = clean(rendered, source) if ours else self.clean(rendered, source)
        pieces = VERBATIM.split(rendered)
        return Cleaned(
            "".join(piece if VERBATIM.fullmatch(piece) else MATHS.sub(self._remember, piece) for piece in pieces)
        )

    def clean(self, text: str, source: str = "") -> Cleaned:
        """What a student formatted, cleaned; as plain text where this page has had enough of it."""
        if isinstance(text, Cleaned):
            return text
        self.rich += _weight(text)
        return as_text(source or text) if self.plain or self.rich > MOST_RICH else clean(text, source)

    def _typeset(self, text: str) -> str:
        escaped = html.escape(text[:LONGEST], quote=False)
        return escaped if self.plain else MATHS.sub(self._remember, escaped)

    def _remember(self, match: re.Match) -> str:
        if len(self.formulas) == MOST_FORMULAS:
            return match[0]
        tex = html.unescape(match["display"] or match["inline"])
        self.formulas.append((tex, match["display"] is not None))
        return f"{self.token}-{len(self.formulas) - 1}-"


def points(value: float | None) -> str:
    """Points as a person writes them."""
    return f"{round(value or 0, 2):g}"


class Cleaned(str):
    """HTML that was cleaned, and is not to be cleaned again."""


class TooLong(BaseException):
    """A page took too long; no ``except Exception`` on the way may swallow it."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise TooLong in the block after some time, where a timer can be had: in the main thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again: the first may be raised where Python drops it, as in a finaliser.
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _code(source: str, language=None, metadata=None) -> str:
    return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'


def as_text(text: str) -> Cleaned:
    """What cannot be formatted, as it was typed."""
    kept = PAYLOAD.sub("base64,…", text)
    kept = kept if len(kept) <= LONGEST else kept[:LONGEST] + CUT
    return Cleaned(f'<pre class="typed">{html.escape(kept)}</pre>')


def _weight(text: str) -> int:
    """A text's length without the pictures in it."""
    return len(PAYLOAD.sub("", text))


class TooMuchError(ValueError):
    """HTML whose cleaning has no end to speak of."""


class _Bounded(type(bleach.Cleaner().parser.tree)):
    """html5lib's builder with bounds: where elements overlap, it makes every open one again in each paragraph."""

    def reset(self):
        self.made = 0
        super().reset()

    def createElement(self, token):
        self._count()
        return super().createElement(token)

    def insertElementNormal(self, token):
        self._count()
        return super().insertElementNormal(token)

    def _count(self):
        self.made += 1
        if self.made > MOST_ELEMENTS or len(self.openElements) > DEEPEST:
            raise TooMuchError


def clean(text: str, source: str = "") -> Cleaned:
    """HTML without anything live in it, without pictures from elsewhere, and without the classes of the page's own
    parts: code keeps its colours. What is too much to be cleaned becomes text, or its ``source`` does."""

    def allowed(tag: str, name: str, value: str) -> bool:
        if tag == "img" and name == "src":
            return bool(DATA_IMAGE.match(value))
        if name == "class":
            return bool(CODE_CLASS.match(value))
        return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, [])

    if _weight(text) > MOST_HTML:
        return as_text(source or text)
    cleaner = bleach.Cleaner(tags=TAGS, attributes=allowed, css_sanitizer=CSSSanitizer(allowed_css_properties=[]))
    cleaner.parser.tree.__class__ = _Bounded  # bleach takes no builder, and its parser's parts all hold this one
    try:
        return Cleaned(cleaner.clean(text))
    except TooMuchError:
        return as_text(source or text)


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
    """nbgrader's own converter, for some of the students alone; it keeps why a page could not be written."""

    def __init__(self, students: list[str], **kwargs):
        super().__init__(**kwargs)
        self.students, self.failed = frozenset(students), []

    def init_notebooks(self):
        super().init_notebooks()
        self.assignments = {path: found for path, found in self.assignments.items() if _student(path) in self.students}

    def convert_single_notebook(self, notebook_filename):
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            student = _student(Path(notebook_filename).parent)
            reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
            self.failed.append(f"{student!r}: {reason}")
            raise


def _student(path: str | Path) -> str:
    """Whose the folder of an assignment is."""
    return Path(path).parent.name


def _write(root: Path, assignment: str, students: list[str]) -> list[str]:
    """Write the pages of some students; return what went wrong."""
    config = Course(root).config
    config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = assignment, "*"
    converter = _Part(students, coursedir=CourseDirectory(config=config), config=config, force=True)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException as error:
        return converter.failed or [said.worst or str(error) or type(error).__name__]
    return []


def _write_all(root: Path, assignment: str, parts: list[list[str]], processes: int, bar: tqdm) -> list[str]:
    """Write the pages of all parts, in several processes; return what went wrong."""
    wrong, lost, pool = [], [], workers.pool(processes)
    try:
        running = {pool.submit(_write, root, assignment, part): part for part in parts}
        for future in concurrent.futures.as_completed(running):
            try:
                wrong += future.result()
                bar.update(len(running[future]))
            except BrokenProcessPool:
                lost += running[future]
        pool.shutdown()
        pool = workers.pool(1)
        for student in sorted(lost):  # one at a time, so that the next loss names the one to blame
            try:
                wrong += pool.submit(_write, root, assignment, [student]).result()
            except BrokenProcessPool:
                wrong.append(f"{student!r}: the process that made the page was ended")
                pool.shutdown()
                pool = workers.pool(1)
            bar.update()
        pool.shutdown()
    except BaseException:
        workers.stop(pool)
        raise
    return wrong


def generate(course: Course, assignment: str, processes: int | None = None) -> int:
    """Write the feedback pages of an assignment, of a larger class in several processes; return how many there are."""
    _ = course.config  # says so if this is no course
    folders = sorted(path for path in (course.root / "autograded").glob(f"*/{assignment}") if path.is_dir())
    if not folders and _waits(course, assignment):
        raise CourseError(f"Nothing of {assignment!r} is graded yet: run 'python -m grading grade {assignment}' first.")
    students = []
    for folder in folders:
        if any(folder.glob("*.ipynb")):
            students.append(_student(folder))
        else:  # nothing was graded of what was handed in last: a page of what came before would contradict the grade
            shutil.rmtree(course.root / "feedback" / _student(folder) / assignment, ignore_errors=True)
    parts = [students[k : k + PART] for k in range(0, len(students), PART)]
    with tqdm(total=len(students), unit="student", desc=f"{assignment}, feedback", file=sys.stderr) as bar:
        if len(parts) > 1:
            most = min(processes or os.cpu_count() or 1, len(parts))
            wrong = _write_all(course.root, assignment, parts, most, bar)
        else:
            wrong = _write(course.root, assignment, students) if students else []
            bar.update(len(students))
    if wrong:
        raise CourseError(f"Not all feedback for {assignment} could be written: {'; '.join(sorted(wrong))}")
    return len(list((course.root / "feedback").glob(f"*/{assignment}/*.html")))


def _waits(course: Course, assignment: str) -> bool:
    """Whether there is something to grade, or not even the assignment."""
    return assignment not in course.assignments() or any((course.root / "submitted").glob(f"*/{assignment}/*.ipynb"))
