"""What a student's text may become on a page that others read: no names, no links, no work without end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbconvert.filters import strip_ansi
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tqdm import tqdm
from traitlets.config import Config

from chapters.source import ROOT
from grading.course import Course
from grading.errors import CourseError
from grading.feedback import formulas, marking, said, write
from grading.nbgrader_config import configure
from grading.record import Check, write_checks
from grading.verdict import hidden

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
    for text in formulas._converted([(tex, False), (tex, True)]):
        assert not NEVER.search(text)


@mathjax
@pytest.mark.parametrize("poison", POISON)
def test_a_formula_changes_no_later_one(poison):
    fresh = formulas._converted(GIVEN)
    assert all(text.startswith("<math") for text in fresh)
    assert formulas._converted([(poison, False), *GIVEN, (poison, True), *GIVEN])[1:3] == fresh
    assert formulas._converted([(poison, False), *GIVEN, (poison, True), *GIVEN])[4:] == fresh


@pytest.mark.parametrize(
    "answer",
    [
        '<math><mi id="x" class="y" style="z" data-q="1">a</mi></math>',
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><mtext href="//x" onclick="x">a</mtext></math>',
    ],
)
def test_whatever_mathjax_says_presentation_alone_reaches_the_page(answer):
    assert re.fullmatch(r"<math><(mi|mtext)>a</\1></math>", formulas._only_presentation(answer))


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
    assert formulas._only_presentation(answer) == ""


def test_a_formula_is_written_as_before():
    answer = '<math display="block">\n <mi mathvariant="sans-serif">X</mi>\n <mtext>&#xA0;if&#xA0;</mtext></math>'
    page = '<math display="block"><mi>𝖷</mi><mtext>\xa0if\xa0</mtext></math>'
    assert formulas._only_presentation(answer) == page


def test_a_formula_is_set_in_text_and_not_in_code():
    exporter = write.FeedbackExporter()
    exporter.token = "token"
    template = "{{ text | markdown2html }}"
    text = "$y$ and `$z$`\n\n$$\nx\n$$"
    page = exporter.environment.from_string(template).render(text=text, resources={})
    assert exporter.formulas == [("y", False), ("\nx\n", True)]
    assert "<code>$z$</code>" in page


def metadata(name: str, **what) -> dict:
    known = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": known | {"grade_id": name} | what}


def page(*own, answer: str = "It is unknown.", **changes) -> str:
    """The marking page of a small submission with these cells of the student's own."""
    test = new_code_cell("assert True", metadata=metadata("test-reference-sample", grade=True, locked=True, points=2))
    write_checks(test, [Check("shape", 2, 2, "")])
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


def shows(**data):
    kinds = {"html": "text/html", "text": "text/plain", "png": "image/png", "svg": "image/svg+xml"}
    bundle = {kinds[name]: value for name, value in data.items()}
    return new_code_cell(
        "show()", outputs=[new_output("display_data", bundle, metadata={"image/png": {"width": "1 x"}})]
    )


@mathjax
def test_every_name_on_the_marking_page_is_the_pages_own():
    answer = " ".join(rf"${tex}$" for tex in (NAMED, *POISON)) + " <b id=test-reference-sample class=score>x</b>"
    text = page(new_markdown_cell(answer), shows(html=answer), answer=answer + " <b title='$x$ id=sampling-law'>x</b>")
    names = re.findall(r'\sid="([^"]*)"', text)
    assert {"test-reference-sample", "sampling-law"} <= set(names)
    assert len(names) == len(set(names))
    assert text.count("<mi>𝖷</mi>") == 1, "the given formula, after the poison"


HEAVY = {
    "styles": "<style" * 8000,
    "overlapping": "".join(f"<b title={k}>" for k in range(500)) + "<p>x" * 1500,
    "deep": "<div>" * 5000,
    "fostered": "<table>" + "<b>x" * 4000,
    "brackets": "[" * 20_000,
    "links": "[a](" * 10_000,
    "references": "[a]: b\n" * 5000 + "[a]" * 3000,
    "stars": "*a **a " * 5000,
    "mixed": "*_**__" * 7000,
    "quotes": "> " * 20_000 + "x",
    "lists": "- " * 20_000 + "x",
    "ticks": "".join("`" * (k % 300) + " " for k in range(300)),
    "tables": "|" * 20_000 + "\n" + "|-" * 20_000,
    "cells": "|a" * 200 + "\n" + "|-" * 200 + "\n" + ("|b" * 200 + "\n") * 100,
    "blanks": "a" + " " * 40_000 + "b",
    "dollars": "$a" * 20_000 + "$$",
    "entities": "&amp;" * 10_000,
    "escapes": "\\\\<" * 15_000,
}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY)
def test_what_a_student_formats_stays_small_and_holds_no_element_of_theirs(text):
    plain = len(page(new_markdown_cell("x")))
    found = page(new_markdown_cell(text))
    assert len(found) - plain < 25 * len(text)
    assert not re.search(r"<(?:style|b|div title|p title)\b", found.partition("A cell that the student added")[2])
    assert "It is unknown." in found


@pytest.mark.parametrize("code", ["a." * 25_000, " \n" * 25_000, "f'{" * 16_000, '"""' * 16_000])
def test_code_that_takes_its_lexer_for_ever_has_no_colours(code):
    cells = [new_code_cell(code), new_markdown_cell(f"```python\n{code}\n```"), new_markdown_cell(f"```c\n{code}\n```")]
    found = page(*cells, new_code_cell("import math"))
    assert len(found) < 60 * len(code)
    assert '<span class="kn">import</span>' in page(new_code_cell("import math"))


def test_html_in_a_text_is_shown_and_does_nothing():
    text = page(new_markdown_cell("<script>alert(1)</script> <b onclick=x()>**mine**</b> <img src=x onerror=y()>"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<strong>mine</strong>" in text
    assert "<em>you</em>" in text, "the course's own text"


@pytest.mark.parametrize(
    "text",
    ["[x](javascript:alert(1))", "[x](data:text/html,x)", "<javascript:alert(1)>", "[x](data:image/png;base64,AAAA)"],
)
def test_a_link_that_runs_code_is_none(text):
    assert 'href="java' not in page(new_markdown_cell(text)).lower()
    assert 'href="data' not in page(new_markdown_cell(text)).lower()


def test_rich_output_is_shown_as_its_plain_text():
    found = page(shows(html="<table><tr><td onclick=x()>1.5</td></tr></table>", text="   a\n0  1.5", svg="<svg/>"))
    assert "   a\n0  1.5" in found
    assert "onclick" not in found
    assert "<svg" not in found


def test_a_picture_is_shown_if_it_is_one():
    picture = "iVBORw0KGgo="
    assert f'src="data:image/png;base64,{picture}"' in page(shows(png=picture, text="<Figure>"))
    for wrong in ("R0lGODlh", "no base64!", '"><script>', ["a"]):
        found = page(shows(png=wrong, text="<Figure>"))
        assert "&lt;Figure&gt;" in found
        assert "<script>alert" not in found


def test_of_a_page_so_much_is_formatted_and_the_rest_stands_as_it_was_typed(monkeypatch):
    monkeypatch.setattr(write, "MOST_FORMATTED", 1000)
    text = page(*[new_markdown_cell("**word** " * 20) for _ in range(10)])
    assert "<strong>word</strong>" in text
    assert 'class="typed"' in text
    assert "<em>you</em>" in text, "the course's own text"


def test_a_picture_that_is_not_there_costs_itself_alone():
    text = page(new_markdown_cell("**mine** ![x](attachment:nothing.png) ![y](https://example.org/y.png)"))
    assert "<strong>mine</strong>" in text
    assert "a picture that is not part of this page: x" in text
    assert "example.org" not in text


@pytest.mark.costly
def test_long_output_is_cut_and_a_page_has_room_for_so_much():
    many = [new_code_cell("", outputs=[new_output("stream", text="<" * 300_000)]) for _ in range(60)]
    text = page(*many)
    assert said.CUT.strip() in text
    assert len(text) < 5 * said.MOST_SHOWN


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
    text = strip_ansi(hidden.shown_traceback(TRACEBACK))
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
        write.generate(of, "no-such")
    assert write.generate(of, "a") == 0
    (tmp_path / "submitted" / "ada" / "a").mkdir(parents=True)
    assert write.generate(of, "a") == 0
    (tmp_path / "submitted" / "ada" / "a" / "n.ipynb").write_text("{}")
    with pytest.raises(CourseError, match="mibook-course grade a"):
        write.generate(of, "a")


def test_a_page_goes_when_what_was_handed_in_last_has_no_notebook(tmp_path):
    of = course(tmp_path)
    (tmp_path / "autograded" / "ada" / "a").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "feedback" / "ada" / name).mkdir(parents=True)
        (tmp_path / "feedback" / "ada" / name / "n.html").write_text("2 of 6 points")
    assert write.generate(of, "a") == 0
    assert [path.parent.name for path in tmp_path.glob("feedback/*/*/*.html")] == ["b"]


def test_all_that_went_wrong_is_said(tmp_path):
    of = course(tmp_path)
    graded(of, "ada", "bob")
    with pytest.raises(CourseError, match=r"'ada': .+; 'bob': .+"):
        write.generate(of, "a")


def end_for_eve(root, assignment, students):
    """A writer of pages that is ended at one student's."""
    if "eve" in students:
        os._exit(1)
    for student in students:
        (root / student).touch()
    return []


@pytest.mark.costly
def test_a_process_that_is_ended_costs_one_page_and_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_write", end_for_eve)
    parts = [["ada", "bob"], ["cy", "eve"], ["dan", "flo"]]
    with tqdm(disable=True) as bar:
        wrong = write._write_all(tmp_path, "a", parts, 1, bar)
    assert wrong == ["'eve': the process that made the page was ended"]
    assert {path.name for path in tmp_path.iterdir()} == {"ada", "bob", "cy", "dan", "flo"}


def sleep_for_ever(root, assignment, students):
    (root / "asleep").touch()
    time.sleep(3600)


@pytest.mark.costly
def test_an_interrupt_waits_for_no_page(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_write", sleep_for_ever)

    def interrupt(futures):
        while not (tmp_path / "asleep").exists():
            time.sleep(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(write.concurrent.futures, "as_completed", interrupt)
    with tqdm(disable=True) as bar, pytest.raises(KeyboardInterrupt):
        write._write_all(tmp_path, "a", [["ada"], ["bob"]], 1, bar)


def owned_by(number: int) -> int:
    code = f"from grading.run import pool; pool._start({number}); print('at work')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode


@pytest.mark.costly
def test_a_worker_ends_with_its_owner_and_an_owner_may_be_the_first_process():
    assert owned_by(os.getpid()) == 0
    assert owned_by(1) == (0 if os.getpid() == 1 else 1)
