"""Small formulas: every glyph is where KaTeX put it, in fewer bytes."""

import re

import pytest

from sitebuild import compact, fonts, formulas

TEX = [
    r"I(\R{X}\wedge\R{Y})=\KL{P_{\R{X}\R{Y}}}{P_{\R{X}}\times P_{\R{Y}}}",
    r"\operatorname{avg}_{(i,j)\in[n]^2} e^{t(\R{X}_i,\R{Y}_j)}\geq\frac{1}{n^2}\sum_{i=1}^n e^{x_i^2}",
    r"\sup_{t}\left[\frac{a_1^2}{\sqrt{b'}}\right],\quad\hat P_{\R{X}}'\;\binom{n}{k}",
    r"\begin{cases}x^2,&x\ge0\\-\tfrac12x_{i_j},&x<0\end{cases}",
    r"\underbrace{\log\int e^{t}\,dQ}_{\text{the second term}}",
]
PLACES = """() => [...document.querySelectorAll(".katex-html")].map((formula) => {
  const walk = document.createTreeWalker(formula, NodeFilter.SHOW_TEXT), range = document.createRange(), found = [];
  const from = formula.getBoundingClientRect();
  while (walk.nextNode()) {
    const { data } = walk.currentNode;
    for (let k = 0; k < data.length; k++) {
      if (!data[k].trim() || data[k] === "\\u200b") continue;
      range.setStart(walk.currentNode, k);
      range.setEnd(walk.currentNode, k + 1);
      const box = range.getBoundingClientRect();
      found.push([data[k], box.left - from.left, box.bottom - from.top, box.width]);
    }
  }
  return [found, from.width, from.height];
})"""


def as_katex_sets_it(tex: str) -> str:
    return formulas._setter(0).set(formulas.prepared(tex, True), True)


@pytest.fixture(scope="module")
def measured(chromium):
    """Where the glyphs of each formula are as KaTeX writes it with its own sheet, and as the site does."""
    pages = {
        "katex": ([as_katex_sets_it(tex) for tex in TEX], compact.SHEET.read_text(encoding="utf-8")),
        "site": ([formulas.typeset(tex, True) for tex in TEX], None),
    }
    found = {}
    for name, (made, style) in pages.items():
        body = "".join(f"<p>{one}</p>" for one in made)
        if style is None:
            used = {word for given in fonts.CLASSES.findall(body) for word in "".join(given).split()}
            style = compact.rules(used)
        page = chromium.new_page(viewport={"width": 1600, "height": 900})
        page.set_content(f"<!doctype html><meta charset=utf-8><style>.katex{{font-size:20px}}{style}</style>{body}")
        found[name] = page.evaluate(PLACES)
        page.close()
    return found


@pytest.mark.parametrize("number", range(len(TEX)))
def test_small_formula_looks_the_same(measured, number):
    (glyphs, *size), (small, *small_size) = measured["katex"][number], measured["site"][number]
    assert [one[0] for one in small] == [one[0] for one in glyphs]
    for one, other in zip(glyphs, small, strict=True):
        assert other[1:] == pytest.approx(one[1:], abs=0.5), one[0]
    assert small_size == pytest.approx(size, abs=0.5)


@pytest.mark.parametrize("tex", TEX[:3])
def test_small_formula_is_small_and_keeps_its_tex(tex):
    whole, small = as_katex_sets_it(tex), formulas.typeset(tex, True)
    assert len(small) < 0.6 * len(whole)
    annotation = re.search(r"<annotation[^>]*>(.*?)</annotation>", whole, re.DOTALL)
    assert annotation is not None
    assert f'data-tex="{annotation[1]}"' in small
    assert small.count("<math ") == small.count("</math>") == 1


def test_no_short_name_is_given_twice():
    short = list(compact.names().values())
    assert len(set(short)) == len(short)
    assert not {name for name in short if compact.LENGTH.fullmatch(name)}
    assert not {compact.INDEX, compact.PAIR} & set(short)
