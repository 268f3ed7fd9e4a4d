"""The book's Sphinx extension: what jupyter-book's own parts leave open, and no more.

- TeX macros from `book/macros.yml` for the LaTeX preamble; their copy atop each page is hidden.
- Formulas set by KaTeX (`formulas`) with the fonts that they use (`fonts`), both served by the site itself, like what
  live figures train with; of the theme's icons, those in use.
- The size of every image, so that nothing moves when it arrives.
- What runs live figures, on pages that have some (`figures`); nothing that a page does not use (`light`).
- A figure without alt text is a warning, which the strict build turns into an error.
- Launch buttons point at the notebook of the pair, which lies in another folder than the page.
- The execution table shows what `chapters.execution` recorded, since Sphinx itself executes nothing.
- A page without code shows a stored result by a directive.
- A section that the core of its chapter does not need is folded below its heading.
- What a caption asks the reader to try stands above the figure's controls.
- References show what they refer to; the index of statements and the search page say where something stands.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_design.shared import create_component
from sphinx_proof.domain import ProofDomain

from chapters.editions import FOLDERS
from chapters.macros import macros
from chapters.source import DEEPER, ROOT
from mibook import results
from sitebuild import figures, finding, fonts, formulas, icons, light, sheet
from sitebuild.landing import LiveFigure

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).parent / "assets"
TEMPLATES = Path(__file__).parent / "templates"
RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
RUNTIME_PARTS = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]


def configure(app: Sphinx, config) -> None:
    """Hand the macros to LaTeX, and add the book's own style sheets and script."""
    commands = "\n".join(
        rf"\providecommand{{\{name}}}{f'[{m.arguments}]' if m.arguments else ''}{{}}"
        rf"\renewcommand{{\{name}}}{f'[{m.arguments}]' if m.arguments else ''}{{{m.text}}}"
        for name, m in macros().items()
    )
    config.latex_elements = {**config.latex_elements, "preamble": commands}
    config.html_static_path.append(str(ASSETS))
    config.templates_path.append(str(TEMPLATES))
    app.add_css_file("book.css")
    app.add_js_file("book.js", loading_method="defer")
    app.add_js_file("references.js", loading_method="defer")
    app.add_js_file("menus.js", loading_method="defer")
    app.add_js_file("copy.js", loading_method="defer")


class HideMacroBlock(SphinxTransform):
    """Remove the macro block that opens a page: JupyterLab reads it as front matter, the site has its own."""

    default_priority = 10

    def apply(self) -> None:
        for block in self.document.findall(nodes.literal_block):
            if block.get("language") == "yaml" and block.astext().startswith("math:"):
                block.parent.remove(block)
            break  # only the very first block of a page can be it


class FoldDeeper(SphinxPostTransform):
    """Fold all of a section but its heading if its label is of the kind that marks what the core does not need.

    The heading stays open, with its anchor and its place in the contents; paper gets the section as it is.
    """

    default_priority = 198  # before sphinx-design makes its dropdowns
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for section in list(self.document.findall(nodes.section)):
            if any(name.startswith(DEEPER) for name in section["ids"]):
                start = section.first_child_matching_class(nodes.title) + 1
                fold = create_component(
                    "dropdown",
                    opened=False,
                    type="dropdown",
                    has_title=True,
                    icon=None,
                    chevron="right-down",
                    container_classes=["sd-mb-3"],
                    title_classes=[],
                    body_classes=[],
                )
                title = section[start - 1].astext()
                fold += [nodes.rubric(title, title), *section.children[start:]]
                del section[start:]
                section += fold


class StoredResult(SphinxDirective):
    """``{stored-result} NAME``: the result that a study has stored under this name, as a table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        self.env.note_dependency(str(results.path(name)))
        try:
            frame = results.load(name)
        except FileNotFoundError as error:
            raise self.error(str(error)) from None
        rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.itertuples(index=False)]
        return self.parse_text_to_nodes("\n".join(f"| {' | '.join(map(self.entry, row))} |" for row in rows))

    @staticmethod
    def entry(value: object) -> str:
        """A cell of the table: one decimal is what measurements deserve; nothing where nothing was measured."""
        if isinstance(value, float):
            return "" if math.isnan(value) else f"{value:.1f}"
        return str(value)


def check_alt_text(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of every image that says nothing to a reader who cannot see it; load each when it comes into sight."""
    for image in doctree.findall(nodes.image):
        image["loading"] = "lazy"
        if not image.get("alt", "").strip() or image["alt"] == image["uri"]:
            logger.warning(
                "a figure has no alt text; say in `mystnb: image: alt:` or `:alt:` what it shows",
                location=image if image.line else app.env.docname,
                type="book",
                subtype="alt",
            )


def move_trials(app: Sphinx, doctree: nodes.document) -> None:
    """Take "Try this: …" out of a caption and put it above the figure, where its controls will stand."""
    for caption in list(doctree.findall(nodes.caption)):
        start = next((k for k, part in enumerate(caption) if _is_trial(part)), None)
        if start is None:
            continue
        words = caption.children[start:]
        for part in words:
            caption.remove(part)
        caption.parent.insert(0, nodes.paragraph("", "", *words, classes=["live-try"]))


def _is_trial(part: nodes.Node) -> bool:
    return isinstance(part, nodes.emphasis) and part.astext() == "Try this:"


def record_execution(app: Sphinx, doctree: nodes.document) -> None:
    """Give myst-nb's execution table what the build recorded, read from beside the staged pages."""
    record = Path(app.srcdir) / "execution.json"
    if not record.exists():
        return
    data = json.loads(record.read_text(encoding="utf-8")).get(app.env.docname)
    if data:
        NbMetadataCollector.set_exec_data(
            app.env,
            app.env.docname,
            {
                "mtime": data["when"],
                "runtime": data["seconds"],
                "method": "make book",
                "succeeded": True,
                "error": None,
                "traceback": None,
            },
        )


def add_search(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Let the search page search the book's sections and statements."""
    if pagename == "search":
        app.add_js_file(finding.FILE, loading_method="defer")
        app.add_js_file("finding.js", loading_method="defer")


def point_launch_buttons(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Make the theme's launch links open the notebook of the pair instead of the page's own path."""
    notebook = f"{FOLDERS[app.config.book_edition]}/{Path(pagename).name}.ipynb"
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons":
            for button in group["buttons"]:
                for suffix in (".md", ".ipynb"):
                    button["url"] = button["url"].replace(f"{pagename}{suffix}", notebook)


_SHEETS: list[str] = []  # those that pages of this build asked for, in their order


def gather_sheets(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Take the style sheets out of a page's head: `sheet` puts them into the one that the template names."""
    names = [one.filename.removeprefix("_static/") for one in context["css_files"]]
    _SHEETS.extend(name for name in names if name not in _SHEETS)
    context["css_files"] = []


def visit_image(self, node: nodes.image) -> None:
    """Write an image as docutils does, with the size of its file, so that nothing moves when it arrives."""
    size = _size(Path(self.builder.srcdir) / node["uri"])  # before Sphinx puts the page's address in its place
    type(self).visit_image(self, node)
    if size and "<img" in self.body[-1] and " width=" not in self.body[-1]:
        self.body[-1] = self.body[-1].replace("<img", f'<img width="{size[0]}" height="{size[1]}"', 1)


def depart_image(self, node: nodes.image) -> None:
    type(self).depart_image(self, node)


def _size(file: Path) -> tuple[int, int] | None:
    """Width and height of a picture in pixels; None for what has none, or lies elsewhere."""
    if not file.is_file():
        return None
    if file.suffix != ".svg":
        with Image.open(file) as picture:
            return picture.size
    root = ElementTree.parse(file).getroot()
    box = [float(number) for number in root.get("viewBox", "").split()]
    return (round(box[2]), round(box[3])) if len(box) == 4 else None


def visit_citation(self, node: nodes.citation) -> None:
    """Open a bibliography entry as docutils does, in the role that its list, `role="list"`, asks of its children."""
    type(self).visit_citation(self, node)
    self.body[-1] = self.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')


def depart_citation(self, node: nodes.citation) -> None:
    type(self).depart_citation(self, node)


def serve_packages(app: Sphinx, exception: Exception | None) -> None:
    """Copy the parts of ONNX Runtime that a page may ask for into the site."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "onnxruntime"
    target.mkdir(parents=True, exist_ok=True)
    for part in RUNTIME_PARTS:
        shutil.copy2(RUNTIME / part, target / part)


def serve_fonts(app: Sphinx, exception: Exception | None) -> None:
    """Replace the theme's icon fonts and script by the icons that the pages show; write the style of the formulas."""
    if not exception and app.builder.format == "html":
        light.remove(Path(app.outdir))
        icons.write(Path(app.outdir))
        fonts.write(Path(app.outdir))
        sheet.write(Path(app.outdir), _SHEETS)


def serve_sections(app: Sphinx, exception: Exception | None) -> None:
    """Write what the search page searches."""
    if not exception and app.builder.format == "html":
        finding.write(Path(app.outdir))


def serve_figures(app: Sphinx) -> None:
    """Write the scripts of the live figures before the pages that name them with their digests."""
    if app.builder.format == "html":
        figures.write(Path(app.outdir) / "_static")


def require_packages(app: Sphinx) -> None:
    if app.builder.format == "html" and not (fonts.KATEX.is_dir() and RUNTIME.is_dir()):
        raise ExtensionError(
            "The files of KaTeX or ONNX Runtime are missing: run `npm ci --ignore-scripts` (make book does)."
        )


def setup(app: Sphinx) -> dict:
    app.add_config_value("book_edition", "reader", "html", [str])
    app.add_config_value("book_fingerprint", "", "env")  # the build sets it, so that a change here is seen
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it even without the extension that reads it
    app.connect("config-inited", configure)
    app.connect("builder-inited", require_packages)
    app.connect("builder-inited", serve_figures)
    app.add_html_math_renderer("katex", (formulas.visit_math, None), (formulas.visit_display, None))
    app.add_transform(HideMacroBlock)
    app.add_post_transform(FoldDeeper)
    ProofDomain.indices = [finding.Statements]  # in the place of sphinx-proof's, which names labels
    app.add_directive("stored-result", StoredResult)
    app.add_directive("live-figure", LiveFigure)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.connect("doctree-read", check_alt_text)
    app.connect("doctree-read", move_trials)
    app.connect("doctree-read", record_execution)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("html-page-context", light.lighten, priority=940)
    app.connect("html-page-context", add_search)
    app.connect("html-page-context", gather_sheets, priority=950)
    app.connect("html-page-context", point_launch_buttons, priority=900)
    app.connect("build-finished", serve_packages)
    app.connect("build-finished", serve_fonts, priority=900)  # after the theme has written the colours of code
    app.connect("build-finished", serve_sections)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
