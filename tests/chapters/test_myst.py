"""Blocks, options and roles of a chapter's text, as Sphinx would see them."""

from __future__ import annotations

import pytest

from chapters.myst import blocks, equations, labels, roles


@pytest.mark.parametrize("options", [":label: ex-a\n:class: wide", "---\nlabel: ex-a\nclass: wide\n---"])
def test_a_directive_has_its_label_and_its_content(options):
    (block,) = blocks(f"```{{exercise}} Two: words\n{options}\n\nSay: yes.\n```")
    assert (block.name, block.title, block.label, block.body) == ("exercise", "Two: words", "ex-a", "Say: yes.")


def test_a_directive_that_opens_with_another_has_no_options():
    (block,) = blocks("::::{admonition} Outer\n:::{prf:remark}\nInner.\n:::\n::::")
    assert (block.label, block.body) == ("", ":::{prf:remark}\nInner.\n:::")


@pytest.mark.parametrize(
    "text", ["Write `{eq}` before {eq}`a`.", "``{eq}`b` `` and {eq}`a`", "`x` {eq}`a`", "Two\nlines `y\nz` {eq}`a`"]
)
def test_a_role_in_code_is_none(text):
    (role,) = roles(text)
    assert (role.target, text[role.start : role.end]) == ("a", "{eq}`a`")


def test_words_and_target_of_a_role_are_told_apart():
    (role,) = roles("See {prf:ref}`the bound <thm-dv>`.")
    assert (role.name, role.words, role.target) == ("prf:ref", "the bound", "thm-dv")


def test_labels_of_equations_are_found_at_any_depth_and_not_in_code():
    text = "$$ a $$ (one)\n\n````{prf:theorem} T\n:label: thm\n\n$$\nb\n$$ (two)\n````\n\n```\n$$ c $$ (three)\n```"
    assert equations(text) == ["one", "two"]
    assert labels(text) == ["one", "thm", "two"]
