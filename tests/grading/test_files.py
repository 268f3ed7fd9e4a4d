"""Folders for one process, and what a kill leaves of them and of a swap."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chapters.source import ROOT
from grading import files


@pytest.fixture
def temporary(monkeypatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="t-") as folder:  # a short name, as sockets need it
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_what_a_killed_process_left_is_taken_away_and_what_others_use_stays(temporary):
    line = "from grading import files; import os; print(files.private_folder(), flush=True); os.kill(os.getpid(), 9)"
    variables = {"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin"}
    said = subprocess.run([sys.executable, "-c", line], cwd=ROOT, env=variables, capture_output=True, text=True).stdout
    left, ours = Path(said.strip()), files.private_folder()
    (left / "submitted").mkdir()
    (left / "submitted" / "mine.ipynb").write_text("work")
    (left / "submitted").chmod(0o500)
    elsewhere = temporary / left.name.replace("mibook-", "mibook-9", 1)  # of a container that shares the folder
    elsewhere.mkdir()
    files.remove_left()
    assert not left.exists()
    assert {path.name for path in temporary.iterdir()} >= {ours.name, elsewhere.name}
    files.remove(ours)


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_a_swap_that_is_killed_at_any_step_leaves_the_old_or_the_new(tmp_path, monkeypatch, killed_after):
    place, new = tmp_path / "place", tmp_path / "new"
    for folder in (place, new):
        folder.mkdir()
        (folder / "content").write_text(folder.name)
    real, steps = Path.rename, []

    def rename(path, target):
        if len(steps) == killed_after:
            raise KeyboardInterrupt
        steps.append(target)
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        if killed_after < 2:
            with pytest.raises(KeyboardInterrupt):
                files.swap(new, place)
        else:
            files.swap(new, place)
    files.mend(place)
    assert (place / "content").read_text() == ("place" if killed_after < 2 else "new")
