"""Feedback: the executed notebook as one HTML page that is safe to open and needs nothing from elsewhere.

Whatever a student wrote is cleaned after it was rendered, so nothing in it is live. Beneath each test stand its
checks: what was asked, what it earned, and why not more. Formulas are MathML, which needs no script.
"""

from __future__ import annotations

import html
import json
import re
import secrets
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat.v4 import new_markdown_cell
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from traitlets import Unicode

from grading.course import Course, CourseError, Listener
from grading.preprocessors import tests
from sitebuild.chapters import ROOT

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS\n?", re.DOTALL)
TAGS = {
    *bleach.ALLOWED_TAGS,
    *("p", "br", "hr", "pre", "div", "span", "h1", "h2", "h3", "h4", "h5", "h6", "img", "details", "summary", "del"),
    *("table", "thead", "tbody", "tr", "th", "td", "sub", "sup", "dl", "dt", "dd"),
}
ATTRIBUTES = {"*": ["class", "title", "align"], "a": ["href", "title"], "img": ["src", "alt", "width", "height"]}
MATHS = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$\n]+?)\$", re.DOTALL)
VERBATIM = re.compile(r"(<pre\b.*?</pre>|<code\b.*?</code>)", re.DOTALL)
ALPHABETS = {
    "sans-serif": "SANS-SERIF",
    "script": "SCRIPT",
    "-tex-calligraphic": "SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "bold": "BOLD",
    "fraktur": "FRAKTUR",
}
LETTERS = re.compile(rf'<mi[^>]*\bmathvariant="(?P<variant>{"|".join(ALPHABETS)})"[^>]*>(?P<letters>[^<]*)</mi>')
STYLE = "<style>summary { display: list-item; cursor: pointer; } td, th { padding: 0.1em 0.6em; }</style></head>"
DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*\Z")


class ShowChecks(NbGraderPreprocessor):
    """Put the checks beneath each test, and what was noticed above all; hide the hidden tests' source."""

    root = Unicode("", help="The course's folder.").tag(config=True)

    def preprocess(self, nb, resources):
        cells = []
        noticed = self._noticed(resources["nbgrader"])
        if noticed:
            cells.append(
                new_markdown_cell("**About your submission**\n\n" + "\n".join(f"- {verbatim(t)}" for t in noticed))
            )
        graded = {id(cell) for _, cell in tests(nb)}
        for cell in nb.cells:
            cells.append(cell)
            if id(cell) in graded:
                cell.source = HIDDEN.sub("# (other tests, which are not shown)\n", cell.source)
                cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
                cells.append(new_markdown_cell(_table(cell.metadata.get("mibook", {}).get("checks", []))))
        nb.cells = cells
        return nb, resources

    def _noticed(self, who: dict) -> list[str]:
        from grading import audit

        record = audit.latest(Path(self.root), who["assignment"], who["student"]) if self.root else None
        return [text for _, text in record["notes"]] if record else []


def _table(checks: list) -> str:
    if not checks:
        return "*This test was not judged.*"
    rows = ["| Checked | Points | |", "| :-- | --: | :-- |"]
    for behaviour, points, earned, reason in checks:
        rows.append(f"| {verbatim(behaviour)} | {earned:g} of {points:g} | {verbatim(reason) or '✓'} |")
    return "\n".join(rows)


def verbatim(text: str) -> str:
    """A text that neither Markdown nor HTML nor TeX reads anything into."""
    return "".join(c if c.isalnum() or c in " .,;'’“”–…" or ord(c) > 127 else f"&#{ord(c)};" for c in text)


class SanitizeOutputs(SanitizeHTML):
    """nbconvert's sanitiser for outputs. Text cells are cleaned by `FeedbackExporter` once they are HTML: their
    source is Markdown, in which `<` and `>` mean other things."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "markdown":
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


PREPROCESSORS = [GetGrades, ShowChecks, SanitizeOutputs, CSSHTMLHeaderPreprocessor]


class FeedbackExporter(HTMLExporter):
    """HTML with cleaned text, formulas as MathML, and no reference to another host."""

    # What the template would load from elsewhere.
    mathjax_url = require_js_url = jquery_url = mermaid_js_url = mermaid_layout_elk_js_url = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sanitize_html = True
        self.formulas: list[tuple[str, bool]] = []

    def default_filters(self):
        yield from super().default_filters()
        yield ("clean_html", clean)

    def from_notebook_node(self, nb, resources=None, **kwargs):
        self.formulas, self.token = [], secrets.token_hex(8)
        page, resources = super().from_notebook_node(nb, resources, **kwargs)
        for number, (found, formula) in enumerate(zip(mathml(self.formulas), self.formulas, strict=True)):
            page = page.replace(f"{self.token}-{number}-", found or html.escape(formula[0]))
        page = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
        return page.replace("</head>", STYLE, 1), resources

    @pass_context
    def markdown2html(self, context, source):
        rendered = clean(super().markdown2html(context, source))
        pieces = VERBATIM.split(rendered)
        return "".join(piece if VERBATIM.fullmatch(piece) else MATHS.sub(self._remember, piece) for piece in pieces)

    def _remember(self, match: re.Match) -> str:
        tex = html.unescape(match["display"] or match["inline"])
        self.formulas.append((tex, match["display"] is not None))
        return f"{self.token}-{len(self.formulas) - 1}-"


def clean(text: str) -> str:
    """HTML without anything live in it, and without pictures from elsewhere."""

    def allowed(tag: str, name: str, value: str) -> bool:
        if tag == "img" and name == "src":
            return bool(DATA_IMAGE.match(value))
        return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, [])

    return bleach.clean(text, tags=TAGS, attributes=allowed, css_sanitizer=CSSSanitizer(allowed_css_properties=[]))


def mathml(formulas: list[tuple[str, bool]]) -> list[str]:
    """Each formula as MathML; an empty text where MathJax has nothing for it, or is not here."""
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
    return [LETTERS.sub(_letters, text) for text in found] if len(found) == len(formulas) else [""] * len(formulas)


def _letters(match: re.Match) -> str:
    """A letter of another alphabet as its own character: browsers no longer read MathML's ``mathvariant``."""
    alphabet = ALPHABETS[match["variant"]]
    return f"<mi>{''.join(_letter(alphabet, c) for c in match['letters'])}</mi>"


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


def generate(course: Course, assignment: str) -> int:
    """Write the feedback pages of an assignment with nbgrader's own converter; return how many there are."""
    config = course.config
    config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = assignment, "*"
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config, force=True)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException:
        raise CourseError(f"Not all feedback for {assignment} could be written: {said.worst}") from None
    return len(list((course.root / "feedback").glob(f"*/{assignment}/*.html")))
