"""The address of the repository stands in `_config.yml`; what repeats it says the same."""

from __future__ import annotations

import pytest
import yaml

from chapters.execution import code_cells
from chapters.source import BOOK, ROOT, read
from leaks import CHAPTERS

URL = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_installs_the_package_from_there(name):
    first = code_cells(read(BOOK / f"{name}.md"))[0]
    assert "find_spec" in first.source
    assert f"%pip install -q git+{URL}\n" in first.source + "\n", f"book/{name}.md: its first cell has another address."


def test_the_citation_names_it():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"]
    assert cited == URL, "CITATION.cff has another address than _config.yml."
