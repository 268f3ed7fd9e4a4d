"""Stored results name the command that makes them, and a missing one is a clear sentence."""

import pandas as pd
import pytest

from chapters.source import ROOT
from mibook import results


def test_round_trip_keeps_values_and_command(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    frame = pd.DataFrame({"n": [10, 20], "estimate": [0.5, 0.25]})
    path = results.save("example", frame, "python -m benchmarks.example", "An example.")
    assert path.read_text(encoding="utf-8").startswith("# python -m benchmarks.example\n# An example.\n")
    pd.testing.assert_frame_equal(results.load("example"), frame)


def test_missing_result_names_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="'drift'; the stored ones are: none"):
        results.load("drift")


@pytest.mark.parametrize("path", sorted(results.FOLDER.glob("*.csv")), ids=lambda p: p.stem)
def test_every_stored_result_is_made_by_a_command_that_exists(path):
    command = path.read_text(encoding="utf-8").splitlines()[0]
    assert command.startswith("# python -m benchmarks."), command
    module = command.split()[3].split(".")[1]
    assert (ROOT / "benchmarks" / f"{module}.py").exists(), f"{path.name} names {module}, which is not there"
