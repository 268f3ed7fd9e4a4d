"""What a student's text may become on a page that others read: no names, no links, no work without end."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tqdm import tqdm
from traitlets.config import Config

from chapters.source import ROOT
from grading.course import Course
from grading.errors import CourseError
from grading.feedback import marking
from grading.feedback import page as feedback
from grading.nbgrader_config import configure

NEVER = re.compile(r"<[^>]*\s(?:id|class|style|href|src|xlink:href|on\w+|data-\w+|title)\s*=", re.IGNORECASE)
GIVEN = [(r"\mathsf{X}\le\mathbb{R}", True), (r"\operatorname{E}\log\int f", False)]
NAMED = r"\mmlToken{mi}[id=test-reference-sample]{}"
POISON = [
    r"\def\mathsf{\mmlToken{mtext}[style='position:fixed' href='https://evil.example/login']{You have 0 points.}}",
    r"\def\mathsf#1{\text{You have 0 points.}}\let\mathbb\mathsf",
    r"\newcommand{\int}{\text{You have 0 points.}}\renewcommand{\log}{\text{0}}",
    r"\DeclareMathOperator{\log}{0}\DeclareMathOperator{\mathsf}{0}",
    r"\newenvironment{aligned}{0}{0}",
]
mathjax = pytest.mark.skipif(
    not (ROOT / "node_modules" / "mathjax").exists() or not shutil.which("node"), reason="MathJax: run 'npm ci'."
)


@mathjax
@pytest.mark.parametrize(
    "tex",
    [
        NAMED,
        r"\mmlToken {mi}[class=nbgrader_cell]{x}",
        r"\mmlToken{mtext}[style='position:fixed' href='https://evil.example/']{x}",
        r"\label{test-reference-sample}\tag{1} x",
        r"\href{https://evil.example/}{x}",
        r"\class{nbgrader_cell}{x}\cssId{test-reference-sample}{y}\style{position:fixed}{z}",
        r"\csname mmlToken\endcsname{mi}[id=x]{}",
        r"\undefined{x",
        *POISON,
    ],
)
def test_a_formula_names_styles_and_links_nothing(tex):
    for text in feedback._converted([(tex, False), (tex, True)]):
        assert not NEVER.search(text)


@mathjax
@pytest.mark.parametrize("poison", POISON)
def test_a_formula_changes_no_later_one(poison):
    fresh = feedback._converted(GIVEN)
    assert all(text.startswith("<math") for text in fresh)
    assert feedback._converted([(poison, False), *GIVEN, (poison, True), *GIVEN])[1:3] == fresh
    assert feedback._converted([(poison, False), *GIVEN, (poison, True), *GIVEN])[4:] == fresh


@pytest.mark.parametrize(
    "answer",
    [
        '<math><mi id="x" class="y" style="z" data-q="1">a</mi></math>',
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><mtext href="//x" onclick="x">a</mtext></math>',
    ],
)
def test_whatever_mathjax_says_presentation_alone_reaches_the_page(answer):
    assert re.fullmatch(r"<math><(mi|mtext)>a</\1></math>", feedback._only_presentation(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "<math><script>alert(1)</script></math>",
        '<math><mglyph src="https://evil.example/x.png"/></math>',
        "<math><semantics><annotation-xml><b>x</b></annotation-xml></semantics></math>",
        "<math><mi>a</math>",
        "<!DOCTYPE x [<!ENTITY a 'a'>]><script>&a;</script>",
        "<math>" * 5000 + "</math>" * 5000,
        "\ud800",
    ],
)
def test_an_answer_with_anything_else_is_none(answer):
    assert feedback._only_presentation(answer) == ""


def test_a_formula_is_written_as_before():
    answer = '<math display="block">\n <mi mathvariant="sans-serif">X</mi>\n <mtext>&#xA0;if&#xA0;</mtext></math>'
    page = '<math display="block"><mi>𝖷</mi><mtext>\xa0if\xa0</mtext></math>'
    assert feedback._only_presentation(answer) == page


def test_no_formula_is_set_within_a_tag():
    exporter = feedback.FeedbackExporter()
    exporter.token = "token"
    page = exporter.environment.from_string("{{ text | markdown2html }}").render(
        text="<b title='$x$'>$y$</b> <a href='https://example.org/$x$'>`$z$`</a>", resources={}
    )
    assert [tex for tex, _ in exporter.formulas] == ["y"]
    assert 'title="$x$"' in page


def metadata(name: str, **what) -> dict:
    known = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": known | {"grade_id": name} | what}


def page(*own, answer: str = "It is unknown.", **changes) -> str:
    """The marking page of a small submission with these cells of the student's own."""
    test = new_code_cell("assert True", metadata=metadata("test-reference-sample", grade=True, locked=True, points=2))
    test.metadata["mibook"] = {"checks": [["shape", 2, 2, ""]]}
    test.outputs = changes.get("printed", [])
    written = metadata("sampling-law", grade=True, solution=True, points=1)
    cells = [
        new_markdown_cell("# The law\n\nFor *you*: $\\mathsf{X}$", metadata=metadata("law", locked=True)),
        *own,
        new_markdown_cell(answer, metadata=written),
        test,
    ]
    names = {"assignment_id": "a", "student": "ada", "notebook_id": "n", "submission_id": "1", "base_url": ""}
    names |= {"index": 0, "total": 1, "notebook_path": "", "metadata": {"path": "."}}
    config = Config()
    configure(config, Path("/nowhere"))
    return marking.MarkingExporter(config=config).from_notebook_node(new_notebook(cells=cells), names)[0]


def shown_html(text: str):
    return new_code_cell("show()", outputs=[new_output("display_data", {"text/html": text})])


@mathjax
def test_every_name_on_the_marking_page_is_the_pages_own():
    answer = " ".join(rf"${tex}$" for tex in (NAMED, *POISON)) + " <b id=test-reference-sample class=score>x</b>"
    text = page(new_markdown_cell(answer), shown_html(answer), answer=answer + " <b title='$x$ id=sampling-law'>x</b>")
    names = re.findall(r'\sid="([^"]*)"', text)
    assert {"test-reference-sample", "sampling-law"} <= set(names)
    assert len(names) == len(set(names))
    assert text.count("<mi>𝖷</mi>") == 1, "the given formula, after the poison"


OVERLAPPING = "".join(f"<b title={k}>" for k in range(500)) + "<p>x" * 1500


@pytest.mark.parametrize(
    "text",
    [
        "<style" * 200_000,
        OVERLAPPING,
        "<div>" * 5000,
        "<table>" + "<b>x" * 4000,
        "<b title=1><table><tr><td></b></td></tr></table>" * 900,
        "<i>x</i>" * 100_000,
    ],
    ids=["styles", "overlapping", "deep", "fostered", "hidden", "long"],
)
def test_what_takes_for_ever_to_clean_is_shown_as_text(text):
    for found in (feedback.clean(text), page(shown_html(text))):
        assert html.escape(text[:60]) in found or html.escape(text[:60], quote=False) in found
        assert 'class="typed"' in found
    found = page(new_markdown_cell(text))
    assert feedback.PLAIN not in found
    assert "It is unknown." in found


def test_a_table_of_pandas_stays_a_table():
    rows = "".join(f"<tr><th>{k}</th>" + "<td>1.2345</td>" * 20 + "</tr>" for k in range(60))
    text = f"<style scoped>\n.x {{}}\n</style><STYLE>y</STYLE>\n<table>{rows}</table><style>never closed"
    assert feedback.SanitizeOutputs().sanitize_html_tags(text).count("<td>1.2345</td>") == 1200
    found = page(shown_html(text))
    assert found.count("<td>1.2345</td>") == 1200
    assert ".x {" not in found


def test_long_runs_of_blanks_are_shortened_and_words_stay():
    text = page(answer="a" + " " * 40_000 + "b" + "\xa0" * 40_000 + "c")
    assert re.search(r"a\s{100}b", text)


def test_a_page_has_room_for_so_much_rich_text(monkeypatch):
    monkeypatch.setattr(feedback, "MOST_RICH", 1000)
    text = page(*[new_markdown_cell("**word** " * 20) for _ in range(10)])
    assert "<strong>word</strong>" in text
    assert 'class="typed"' in text
    assert "<em>you</em>" in text, "the course's own text"


def test_a_picture_that_is_not_there_costs_the_form_and_not_the_page():
    text = page(new_markdown_cell("**mine** ![x](attachment:nothing.png) <script>alert(1)</script>"))
    assert "**mine** ![x](attachment:nothing.png) &lt;script&gt;" in text
    assert feedback.PLAIN in text
    assert "<em>you</em>" in text, "the course's own text"


def test_a_page_that_takes_too_long_is_made_plain(monkeypatch):
    monkeypatch.setattr(feedback, "PAGE_SECONDS", 1)
    rich = feedback.FeedbackExporter.clean

    def slow(self, text, source=""):
        while not self.plain and "endless" in text:
            pass
        return rich(self, text, source)

    monkeypatch.setattr(feedback.FeedbackExporter, "clean", slow)
    text = page(new_markdown_cell("**endless** $x$"), new_code_cell("x = '<b>'"), shown_html("<b>endless</b>"))
    assert "**endless** $x$" in text
    assert "<pre tabindex=\"0\">x = '&lt;b&gt;'" in text
    assert "&lt;b&gt;endless&lt;/b&gt;" in text
    assert feedback.PLAIN in text


def test_long_output_is_cut_and_a_page_has_room_for_so_much():
    many = [new_code_cell("", outputs=[new_output("stream", text="<" * 300_000)]) for _ in range(60)]
    text = page(*many)
    assert feedback.CUT.strip() in text
    assert len(text) < 5 * feedback.MOST_SHOWN


TRACEBACK = """KeyboardInterrupt                         Traceback (most recent call last)
\x1b[36mCell\x1b[39m\x1b[32m In[3], line 2\x1b[39m
\x1b[32m      1\x1b[39m \x1b[38;5;66;03m### BEGIN HIDDEN TESTS\x1b[39;00m
\x1b[32m----> \x1b[39m\x1b[32m2\x1b[39m exec(compile(r'''
\x1b[32m      3\x1b[39m MIME = 'application/vnd.mibook.probe+json'

\x1b[36mFile \x1b[39m\x1b[32m<probe>:116\x1b[39m, in \x1b[36mrun_probe\x1b[39m(inputs, probe, student, seed)

\x1b[36mFile \x1b[39m\x1b[32m<probe>:34\x1b[39m, in \x1b[36mattempt\x1b[39m(name, action)
\x1b[32m     31\x1b[39m 'Could not get source'

\x1b[36mCell\x1b[39m\x1b[32m In[2], line 2\x1b[39m, in reference_sample(n_ref, rng)
\x1b[32m      1\x1b[39m def reference_sample(n_ref, rng):
\x1b[32m----> \x1b[39m\x1b[32m2\x1b[39m     raise KeyboardInterrupt

KeyboardInterrupt: """


def test_a_traceback_shows_nothing_of_the_hidden_tests():
    text = page(printed=[new_output("stream", text=TRACEBACK)])
    for word in ("BEGIN HIDDEN", "exec(compile", "MIME", "probe", "Could not get"):
        assert word not in text
    for word in ("In[3], line 2", "def reference_sample", "raise KeyboardInterrupt", "KeyboardInterrupt:"):
        assert word in text


def course(folder: Path) -> Course:
    (folder / "release" / "a").mkdir(parents=True)
    (folder / "release" / "a" / "n.ipynb").write_text("{}")
    of = Course(folder)
    of.prepare()
    return of


def graded(course: Course, *students: str) -> None:
    for student in students:
        folder = course.root / "autograded" / student / "a"
        folder.mkdir(parents=True)
        (folder / "n.ipynb").write_text("{}")


def test_an_assignment_of_which_nothing_is_graded_is_an_error_unless_there_is_nothing(tmp_path):
    of = course(tmp_path)
    with pytest.raises(CourseError, match="Nothing of 'no-such' is graded yet"):
        feedback.generate(of, "no-such")
    assert feedback.generate(of, "a") == 0
    (tmp_path / "submitted" / "ada" / "a").mkdir(parents=True)
    assert feedback.generate(of, "a") == 0
    (tmp_path / "submitted" / "ada" / "a" / "n.ipynb").write_text("{}")
    with pytest.raises(CourseError, match="python -m grading grade a"):
        feedback.generate(of, "a")


def test_a_page_goes_when_what_was_handed_in_last_has_no_notebook(tmp_path):
    of = course(tmp_path)
    (tmp_path / "autograded" / "ada" / "a").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "feedback" / "ada" / name).mkdir(parents=True)
        (tmp_path / "feedback" / "ada" / name / "n.html").write_text("2 of 6 points")
    assert feedback.generate(of, "a") == 0
    assert [path.parent.name for path in tmp_path.glob("feedback/*/*/*.html")] == ["b"]


def test_all_that_went_wrong_is_said(tmp_path):
    of = course(tmp_path)
    graded(of, "ada", "bob")
    with pytest.raises(CourseError, match=r"'ada': .+; 'bob': .+"):
        feedback.generate(of, "a")


def end_for_eve(root, assignment, students):
    """A writer of pages that is ended at one student's."""
    if "eve" in students:
        os._exit(1)
    for student in students:
        (root / student).touch()
    return []


def test_a_process_that_is_ended_costs_one_page_and_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback, "_write", end_for_eve)
    parts = [["ada", "bob"], ["cy", "eve"], ["dan", "flo"]]
    with tqdm(disable=True) as bar:
        wrong = feedback._write_all(tmp_path, "a", parts, 1, bar)
    assert wrong == ["'eve': the process that made the page was ended"]
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "bob", "cy", "dan", "flo"}


def sleep_for_ever(root, assignment, students):
    (root / "asleep").touch()
    time.sleep(3600)


def test_an_interrupt_waits_for_no_page(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback, "_write", sleep_for_ever)

    def interrupt(futures):
        while not (tmp_path / "asleep").exists():
            time.sleep(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(feedback.concurrent.futures, "as_completed", interrupt)
    with tqdm(disable=True) as bar, pytest.raises(KeyboardInterrupt):
        feedback._write_all(tmp_path, "a", [["ada"], ["bob"]], 1, bar)


def owned_by(number: int) -> int:
    code = f"from grading import workers; workers._start({number}); print('at work')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode


def test_a_worker_ends_with_its_owner_and_an_owner_may_be_the_first_process():
    assert owned_by(os.getpid()) == 0
    assert owned_by(1) == (0 if os.getpid() == 1 else 1)
