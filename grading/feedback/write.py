"""The page of a submission: the executed sheet as one HTML file that is safe to open and needs nothing from elsewhere.

First where the points went, by exercise; then each answer with its checks, what each earned and why not more, and with
the marker's comment. A student's Markdown is rendered with its HTML escaped, outputs are text and PNG, and what was
rendered is cleaned once more, so nothing is live; the page forbids the browser to run or load anything.
"""

from __future__ import annotations

import concurrent.futures
import html
import os
import re
import secrets
import shutil
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import nh3
from jinja2 import pass_context
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import DataTypeFilter, Highlight2HTML, strip_ansi
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound
from tqdm import tqdm
from traitlets import List

from grading.course import Course
from grading.errors import CourseError
from grading.feedback import made as made_of
from grading.feedback.formulas import mathml
from grading.feedback.pictures import PICTURE, Pictures
from grading.record import METADATA
from grading.run import pool as pools
from grading.stock import Listener

PART = 15  # students of one process at a time: a page takes some tenths of a second, a process some seconds to start
TEMPLATES = Path(__file__).with_name("templates")
# By day, and by night: colours of code that everyone can tell from their ground.
CODE_STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}
COURSE = ("about", "statement", "given", "test")  # the parts of a page that nobody but the course's author wrote
UNNAMED = re.compile(r"<img(?![^>]*\balt=)")
WIDE = re.compile(r"<(?:pre|table)\b|<math\b(?=[^>]* display=\"block\")")  # what may need to be moved by keyboard
# Five hundred cells of a student's own may each be as long as an answer: of all of them so much is formatted, and the
# rest stands as it was typed.
MOST_FORMATTED, MOST_FORMULAS = 500_000, 1000
# The time of a lexer may grow with the square of what it reads: so much of that is coloured on a page, which takes some
# seconds at the worst and is ten times a long sheet's. A student may name few lexers, for there are slower ones.
MOST_SQUARED = 500_000_000
LEXERS = {"python", "python3", "py", "ipython3"}
# The second line behind the renderers: what they make is let through, and nothing else.
TAGS = {
    *(
        "p",
        "br",
        "hr",
        "pre",
        "code",
        "div",
        "span",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "img",
        "a",
        "em",
        "strong",
        "s",
    ),
    *("ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}} | {
    tag: {"class"} for tag in ("span", "div", "pre")
}
CODE_CLASS = re.compile(r"(?:highlight|hl-\w+|[a-z][a-z0-9]{0,2})(?: (?:highlight|hl-\w+|[a-z][a-z0-9]{0,2}))*\Z")


def _allowed(tag: str, name: str, value: str) -> str | None:
    if name == "class":  # code keeps its colours; the page's own parts have longer names
        return value if CODE_CLASS.match(value) else None
    if (tag, name) == ("img", "src"):
        return value if PICTURE.match(value) else None
    if name == "href" and value.lower().startswith("data:"):
        return None
    return value


def cleaned(text: str) -> str:
    """HTML that a renderer made, without anything live in it and without pictures from elsewhere."""
    schemes = {"http", "https", "mailto", "data"}
    return nh3.clean(
        text, tags=TAGS, attributes=ATTRIBUTES, attribute_filter=_allowed, url_schemes=schemes, link_rel=None
    )


class FeedbackExporter(HTMLExporter):
    """HTML with escaped text, formulas as MathML, and no reference to another host; `configure` names its template."""

    display_data_priority = List(["image/png", "text/plain"])

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.exclude_anchor_links = self.exclude_input_prompt = self.exclude_output_prompt = True
        self.formulas: list[tuple[str, bool]] = []
        self.token, self.room, self.squared = "", MOST_FORMATTED, MOST_SQUARED
        self.pictures = Pictures()
        self.theirs, self.ours = self._renderer(html=False), self._renderer(html=True)

    def _renderer(self, html: bool) -> MarkdownIt:
        fenced = _fenced if html else self._fenced
        reader = MarkdownIt("commonmark", {"html": html, "highlight": fenced}).enable(["table", "strikethrough"])
        reader.disable("reference")  # its time grows with the square of the number of definitions
        reader.use(dollarmath_plugin, double_inline=True)
        for name, display in {"math_inline": False, "math_inline_double": True, "math_block": True}.items():
            reader.add_render_rule(name, lambda _, tokens, at, *__, d=display: self._remember(tokens[at].content, d))
        reader.add_render_rule("image", lambda _, tokens, at, *__: self._picture(tokens[at]))
        return reader

    def _init_resources(self, resources):
        resources = super()._init_resources(resources)
        resources["code_styles"] = {
            scheme: HtmlFormatter(style=style).get_style_defs(".highlight") for scheme, style in CODE_STYLES.items()
        }
        return resources

    def default_filters(self):
        yield from super().default_filters()
        # A terminal's colours are chosen for another ground than this page's, by day or by night.
        yield ("ansi2html", lambda text: html.escape(strip_ansi(text)))
        yield ("points", points)
        yield ("markdown2html", self.markdown2html)

    def from_notebook_node(self, nb, resources=None, **kwargs):
        self.formulas, self.token = [], secrets.token_hex(8)
        self.room, self.squared = MOST_FORMATTED, MOST_SQUARED
        self.pictures = Pictures()
        resources = self._init_resources(resources)
        self.register_filter("highlight_code", self._highlighted)
        self.register_filter("filter_data_type", DataTypeFilter(parent=self))
        # HTMLExporter's own method would read the page once more, as a tree, which takes as long as all the rest.
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kwargs)
        page = UNNAMED.sub(r'<img alt="a picture that this cell has shown"', page)
        made = zip(mathml(self.formulas), self.formulas, strict=True)
        drawn = [found or html.escape(formula[0]) for found, formula in made]
        page = re.sub(rf"{self.token}-(\d+)-", lambda match: drawn[int(match[1])], page)
        return WIDE.sub(r'\g<0> tabindex="0"', page), resources

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """A text as HTML: the course's own as it is, a student's with its HTML escaped."""
        part = context.get("cell", {}).get("metadata", {}).get(METADATA, {}).get("part", "about")
        if part in COURSE and not context.get("output"):
            return cleaned(self.ours.render(source))
        answer = source == context["cell"].source  # and not a comment, or the model answer
        self.pictures.of_cell(context["cell"] if answer else {})
        text = cleaned(self.theirs.render(source)) if self._fits(source) else as_typed(source)
        return text + cleaned(self.pictures.rest())

    def _highlighted(self, source: str, language: str | None = None, metadata: dict | None = None) -> str:
        if not (self._fits(source) and self._coloured(source)):
            return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'
        return Highlight2HTML(parent=self)(source, language, metadata)

    def _fits(self, source: str) -> bool:
        self.room -= len(source)
        return self.room >= 0

    def _coloured(self, source: str) -> bool:
        self.squared -= len(source) ** 2
        return self.squared >= 0

    def _fenced(self, code: str, language: str, attributes: str) -> str:
        return _fenced(code, language, attributes) if language in LEXERS and self._coloured(code) else ""

    def _picture(self, token: Token) -> str:
        return self.pictures.shown(str(token.attrs.get("src", "")), token.content)

    def _remember(self, tex: str, display: bool) -> str:
        if len(self.formulas) == MOST_FORMULAS:
            return html.escape(tex)
        self.formulas.append((tex, display))
        return f"{self.token}-{len(self.formulas) - 1}-"


def _fenced(code: str, language: str, _) -> str:
    try:
        lexer = get_lexer_by_name(language or "text")
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return f"<pre>{highlight(code, lexer, HtmlFormatter(nowrap=True))}</pre>" if language else ""


def as_typed(text: str) -> str:
    """A text without any form."""
    return f'<pre class="typed">{html.escape(text)}</pre>'


def points(value: float | None) -> str:
    """Points as a person writes them."""
    return f"{round(value or 0, 2):g}"


# --- all pages of an assignment --------------------------------------------------------------------------------


class _Part(GenerateFeedback):
    """nbgrader's own converter, for some of the students alone; it keeps why a page could not be written."""

    def __init__(self, students: list[str], **kwargs):
        super().__init__(**kwargs)
        self.students = frozenset(students)
        self.failed: list[str] = []

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
    wrong, lost, pool = [], [], pools.pool(processes)
    try:
        running = {pool.submit(_write, root, assignment, part): part for part in parts}
        for future in concurrent.futures.as_completed(running):
            try:
                wrong += future.result()
                bar.update(len(running[future]))
            except BrokenProcessPool:
                lost += running[future]
        pool.shutdown()
        pool = pools.pool(1)
        for student in sorted(lost):  # one at a time, so that the next loss names the one to blame
            try:
                wrong += pool.submit(_write, root, assignment, [student]).result()
            except BrokenProcessPool:
                wrong.append(f"{student!r}: the process that made the page was ended")
                pool.shutdown()
                pool = pools.pool(1)
            bar.update()
        pool.shutdown()
    except BaseException:
        pools.stop(pool)
        raise
    return wrong


def generate(course: Course, assignment: str, processes: int | None = None) -> int:
    """Write the feedback pages of an assignment that are not as they should be; return how many there are in all.

    Those of a larger class are written in several processes.
    """
    _ = course.config  # says so if this is no course
    folders = sorted(path for path in (course.root / "autograded").glob(f"*/{assignment}") if path.is_dir())
    if not folders and _waits(course, assignment):
        raise CourseError(f"Nothing of {assignment!r} is graded yet: run 'mibook-course grade {assignment}' first.")
    students = []
    for folder in folders:
        if any(folder.glob("*.ipynb")):
            students.append(_student(folder))
        else:  # nothing was graded of what was handed in last: a page of what came before would contradict the grade
            shutil.rmtree(course.root / "feedback" / _student(folder) / assignment, ignore_errors=True)
    now = made_of.words(course, assignment, students)
    as_they_are = made_of.unchanged(course, assignment, now)
    students = [student for student in students if student not in as_they_are]
    parts = [students[k : k + PART] for k in range(0, len(students), PART)]
    with tqdm(
        total=len(students), unit="student", desc=f"{assignment}, feedback", file=sys.stderr, disable=not students
    ) as bar:
        if len(parts) > 1:
            # nbgrader's own steps open the gradebook under the name of a default course. Who does so first enters it,
            # and two processes must not be first at once.
            Gradebook(course.config.CourseDirectory.db_url).close()
            most = min(processes or os.cpu_count() or 1, len(parts))
            wrong = _write_all(course.root, assignment, parts, most, bar)
        else:
            wrong = _write(course.root, assignment, students) if students else []
            bar.update(len(students))
    if wrong:
        raise CourseError(f"Not all feedback for {assignment} could be written: {'; '.join(sorted(wrong))}")
    made_of.remember(course, assignment, now)
    return len(list((course.root / "feedback").glob(f"*/{assignment}/*.html")))


def _waits(course: Course, assignment: str) -> bool:
    """Whether there is something to grade, or not even the assignment."""
    return assignment not in course.assignments() or any((course.root / "submitted").glob(f"*/{assignment}/*.ipynb"))
