"""Answers to the code exercises: plausible wrong ones with the behaviour they must lose, and correct variants.

Each module has `WRONG`, title → (behaviour, words of the reason, the text of each solution region), and `RIGHT`,
title → the text of each region.
"""

from __future__ import annotations

import re
import textwrap

REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL | re.MULTILINE)


def fill(source: str, *answers: str) -> str:
    """A solution cell of the source with the answers in place of its solution regions."""
    texts = iter(answers)
    found = REGION.sub(lambda match: textwrap.indent(textwrap.dedent(next(texts)).strip("\n"), match[1]), source)
    assert next(texts, None) is None, "more answers than regions"
    return found
