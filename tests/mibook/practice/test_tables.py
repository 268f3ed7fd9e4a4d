"""What a reader may hand in, what is refused by the name of its column and row, and what the rows show at a glance."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import mibook
from chapters.source import ROOT
from mibook.practice import Reason, TableError, findings
from mibook.practice.csvfile import choose, load
from mibook.practice.design import grouped, in_time, independent
from mibook.practice.table import Kind, read


def test_kinds_of_columns():
    frame = pd.DataFrame(
        {
            "height": [1.5, 2.5, 2.0],
            "age": [3, 1, 2],
            "smokes": [True, False, True],
            "town": ["b", "a", "c"],
            "level": pd.Categorical([1, 2, 1]),
        }
    )
    side = read("X", frame)
    kinds = [Kind.CONTINUOUS, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL, Kind.CATEGORICAL]
    assert [column.kind for column in side.columns] == kinds
    assert side.encoded().shape == (3, 1 + 1 + 1 + 2 + 1)
    assert [column.name for column in read("Y", np.zeros((4, 2))).columns] == ["Y[0]", "Y[1]"]
    assert read("Y", [True, False]).columns[0].kind is Kind.BOOLEAN
    assert read("Y", frame["age"]).columns[0].name == "age"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.nan]}, index=[10, 20]), "'b' has no value in row 20"),
        ([1.0, np.inf, -np.inf], r"'X' has an infinite value in row 1, the first of 2 such rows"),
        (pd.Series(["a", None, "b"], name="town"), "'town' has no value in row 1"),
        (np.zeros((2, 2, 2)), "shape"),
        ([], "shape"),
        (pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]), name="day"), "'day' is of type datetime64"),
        ([f"name {k}" for k in range(60)], "60 categories"),
        (np.array([1j, 2j]), "complex"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(values, said):
    with pytest.raises(TableError, match=said):
        read("X", values)


def test_different_lengths_are_refused():
    with pytest.raises(TableError, match="not 3 and 4"):
        mibook.estimate([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0])


def reasons(X, Y, *, in_order=True, design=None):
    x, y = read("X", X), read("Y", Y)
    found = findings.look(x, y, design or independent(len(x.raw)), in_order=in_order)
    return {(finding.reason, finding.refuses) for finding in found}


def test_what_the_rows_show():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2, 400, 1))
    walk = np.cumsum(rng.standard_normal((2, 400, 1)), axis=1)
    assert reasons(X, Y) == set()
    assert reasons(X[:30], Y[:30]) == {(Reason.TOO_FEW, True)}
    assert reasons(np.repeat(X[:100], 4, 0), np.repeat(Y[:100], 4, 0), in_order=False) == {(Reason.DUPLICATES, True)}
    assert reasons(*walk) == {(Reason.TIME, True)}
    assert reasons(walk[0], Y) == {(Reason.TIME, False)}, "with one side in order, the permutations are right"
    assert reasons(*walk, in_order=False) == set()
    assert reasons(*walk, design=in_time(400, 8)) == set()
    assert reasons(np.maximum(X, 0), Y) == {(Reason.ATOMS, False)}
    assert reasons(np.round(X, 2), Y) == {(Reason.TIES, False)}


def test_rounded_and_discrete_pairs_are_no_copies():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((2, 500, 1))
    assert not {(Reason.DUPLICATES, True)} & reasons(np.round(X, 1), np.round(X + 0.3 * Y, 1))
    assert reasons(X > 0, Y > 0) == set()


def test_copies_in_one_group_are_no_copies():
    rng = np.random.default_rng(2)
    X, Y = (np.repeat(a, 4, 0) for a in rng.standard_normal((2, 100, 1)))
    assert (Reason.DUPLICATES, True) not in reasons(X, Y, design=grouped(np.repeat(np.arange(100), 4)))


@pytest.mark.parametrize("design", [independent(60), grouped(np.arange(60) // 7), in_time(60, 5)], ids=str)
def test_folds_permutations_and_training_never_cut_a_unit(design):
    rng = np.random.default_rng(3)
    folds = design.folds(3, rng)
    assert sorted(np.concatenate(folds)) == list(range(60))
    for fold in folds:
        kept = design.without(fold)
        assert not set(design.units[kept]) & set(design.units[fold])
        if design.time:
            assert np.abs(design.units[kept][:, None] - design.units[fold]).min() > 1
        moved = design.units[fold][design.order(fold, rng)]
        assert (np.diff(moved) != 0).sum() == len(set(moved.tolist())) - 1, "each unit stays in one piece"


def test_every_reason_is_explained_by_a_section_that_exists():
    assert set(findings.SECTIONS) == set(Reason)
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "book").glob("*.md")))
    titled = {(label, title) for label, title in re.findall(r"^\((\S+)\)=\n#+ (.+)$", text, re.M)}
    assert {(section.label, section.title) for section in findings.SECTIONS.values()} <= titled


GERMAN = "Größe;Gewicht;Ort\n1,5;60;Ulm\n1,75;72,5;Bonn\n-;80;Ulm\n"


def test_separators_decimal_commas_and_missing_values(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(GERMAN, encoding="latin-1")
    frame = load(path)
    assert frame["Gewicht"].tolist() == [60.0, 72.5, 80.0]
    assert frame["Größe"].tolist()[:2] == [1.5, 1.75]
    with pytest.raises(TableError, match="'Größe' has no value in row 4"):
        read("X", choose(frame, "Größe"))
    path.write_text("a\tb\n1\ttrue\n2\tfalse\n", encoding="utf-8")
    assert [column.kind for column in read("X", load(path)).columns] == [Kind.INTEGER, Kind.BOOLEAN]
    path.write_text('"a,b",c\n"1",2\n\n3,4\n')
    assert choose(load(path), "a,b").iloc[:, 0].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 lines"),
        ("a,b\n1,2,3\n", "Line 2 of table.csv has 3 values and the first line 2 names"),
        ("a,b\n1,2\n1,5,2\n", "decimal comma"),
        ("a,a\n1,2\n", "two columns 'a'"),
        ("a,b\n\0,2\n", "not a text file"),
    ],
)
def test_malformed_tables_are_a_sentence(tmp_path, text, said):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(TableError, match=said):
        load(tmp_path / "table.csv")
    with pytest.raises(TableError, match="no file"):
        load(tmp_path / "elsewhere.csv")


def test_an_unknown_column_is_answered_with_the_known_ones():
    with pytest.raises(TableError, match="no column 'weigth'; the columns are: height, weight"):
        choose(pd.DataFrame({"height": [1], "weight": [2]}), "height,weigth")
