"""A run keeps its checkpoints in a folder, refuses those of others, and removes only what it wrote."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from firth.errors import InputError
from firth.progress import Progress
from firth.runs import checkpoints as checkpoints_module
from firth.runs.run import holds_checkpoints, open_run, remove_run

ARRAYS = {"a": np.arange(3.0)}
STATE = {"epoch": 2, "history": [{"loss": 1.5}]}


def save(folder: Path, **settings: object) -> None:
    with open_run("test", folder) as run:
        run.checkpoints("stage 1, part", settings).save(ARRAYS, STATE)


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    save(tmp_path / "new" / "folder", lr=0.1)
    assert [file.name for file in (tmp_path / "new" / "folder").iterdir()] == [
        "firth-test-stage-1-part.checkpoint"
    ]
    with open_run("test", tmp_path / "new" / "folder", resume=True) as run:
        found = run.checkpoints("stage 1, part", {"lr": 0.1}).load()
        assert run.checkpoints("another", {"lr": 0.1}).load() is None
    assert found is not None
    np.testing.assert_array_equal(found[0]["a"], ARRAYS["a"])
    assert found[1] == STATE


def test_checkpoints_are_refused_unless_resumed(tmp_path: Path) -> None:
    save(tmp_path)
    with (
        pytest.raises(InputError, match="holds checkpoints of a training: resume it"),
        open_run("test", tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.2}, r"was made with lr = 0\.1, not 0\.2, so it cannot be resumed"),
        ({"lr": 0.1, "dim": 3}, "with dim = None, not 3"),
        ({"lr": 0.1, "data": "abc"}, "was made from other data"),
        ({"lr": 0.1, "corpus": "abc"}, "was made of another corpus"),
    ],
)
def test_checkpoints_of_other_settings_are_refused(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    save(tmp_path, lr=0.1)
    with open_run("test", tmp_path, resume=True) as run, pytest.raises(InputError, match=message):
        run.checkpoints("stage 1, part", settings).load()


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)
    monkeypatch.setattr(checkpoints_module, "__version__", "99")
    with open_run("test", tmp_path, resume=True) as run, pytest.raises(InputError, match="with firth = "):
        run.checkpoints("stage 1, part", {}).load()


@pytest.mark.parametrize("data", [b"", b"\x08\0\0\0\0\0\0\0{", b"nonsense" * 9])
def test_a_broken_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "firth-test-x.checkpoint").write_bytes(data)
    with (
        open_run("test", tmp_path, resume=True) as run,
        pytest.raises(InputError, match=r"x\.checkpoint: .*folder"),
    ):
        run.checkpoints("x", {}).load()


def test_resuming_needs_a_folder() -> None:
    with pytest.raises(InputError, match="name the folder of the checkpoints"), open_run("test", resume=True):
        pass


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be used for checkpoints"),
        open_run("test", tmp_path / "file"),
    ):
        pass


def test_without_a_folder_nothing_is_kept() -> None:
    with open_run("test") as run:
        run.checkpoints("x", {}).save(ARRAYS, STATE)
        assert list(run.folder.iterdir()) == []
        folder = run.folder
    assert not folder.exists()


def test_temporary_files_of_killed_runs_are_removed(tmp_path: Path) -> None:
    old, new = tmp_path / ".firth-old", tmp_path / ".firth-new"
    for file in (old, new):
        file.write_text("")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    with open_run("test", tmp_path):
        assert (old.exists(), new.exists()) == (False, True)


def test_a_run_removes_what_it_wrote_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    save(folder)
    (folder / "firth-work").mkdir()
    (folder / "firth-work" / "ids.bin").write_bytes(b"")
    (folder / "mine.txt").write_text("mine")
    (folder / "mine.checkpoint").write_text("mine")
    remove_run(folder)
    assert sorted(file.name for file in folder.iterdir()) == ["mine.checkpoint", "mine.txt"]
    (folder / "mine.txt").unlink()
    (folder / "mine.checkpoint").unlink()
    remove_run(folder)
    assert not folder.exists()
    remove_run(folder)
    assert not holds_checkpoints(folder)


def test_it_is_time_for_a_checkpoint_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_run("test", tmp_path) as run, open_run("test") as temporary:
        assert not run.checkpoints("x", {}).due
        monkeypatch.setattr(checkpoints_module, "_SECONDS_BETWEEN", 0)
        assert run.checkpoints("x", {}).due
        assert not temporary.checkpoints("x", {}).due


def test_checkpoints_of_another_kind_of_training_are_refused(tmp_path: Path) -> None:
    save(tmp_path)
    with (
        pytest.raises(InputError, match=r"firth-test-stage-1-part\.checkpoint: is of another kind"),
        open_run("vectors", tmp_path, resume=True),
    ):
        pass


def test_resuming_with_nothing_to_resume_begins_and_says_so(tmp_path: Path) -> None:
    class Notes(Progress):
        notes: ClassVar[list[str]] = []

        def note(self, message: str) -> None:
            self.notes.append(message)

    with open_run("test", tmp_path, resume=True, progress=Notes()):
        assert Notes.notes == [f"{tmp_path}: holds no checkpoint to resume from: starting from the beginning"]


def test_training_goes_on_where_a_checkpoint_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, *contents: object) -> None:
        raise InputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(checkpoints_module, "save_arrays", fail)
    monkeypatch.setattr(checkpoints_module, "_SECONDS_BETWEEN", 0)
    with open_run("test", tmp_path) as run:
        checkpoints = run.checkpoints("x", {})
        with pytest.warns(UserWarning, match="No space left on device; training goes on without"):
            checkpoints.save(ARRAYS, STATE)
        assert not checkpoints.due
        checkpoints.save(ARRAYS, STATE)  # nothing is tried again


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    with open_run("test", tmp_path) as run:
        checkpoints = run.checkpoints("x", {})
        checkpoints.check_state(STATE, {"epoch": int, "history": [dict]})
        with pytest.raises(InputError, match=r"is damaged \(its field 'steps' is missing\), so it"):
            checkpoints.check_state(STATE, {"steps": int})
