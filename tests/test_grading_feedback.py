"""What a student's text may become on a page that others read: no names, no links, no work without end."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import ROOT

from grading import feedback

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
