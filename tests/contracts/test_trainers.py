"""What every trainer must hold, in Python and on the command line.

The same bits for the same seed; checkpoints that are found again, and refused where they do not belong;
silence; checks of settings; an output that is there already stays until the new one is complete.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import firth
from firth.cli.main import app, main
from firth.errors import InputError
from firth.parsing.parser.network import ParserShape
from firth.parsing.segmenter.segmenter import Segmenter
from firth.progress import Progress
from firth.runs.run import holds_checkpoints
from firth.text import conllu


@dataclass(frozen=True)
class Trainer:
    """One way to train.

    Attributes
    ----------
    name
        The public class.
    train
        Trains on a folder of data (see ``conftest.py``). Its arguments are the folder, the settings of the
        model, and those of the run: `checkpoint_dir`, `resume`, `progress`.
    bits
        Returns all that was learned.
    settings
        Settings that take little time.
    """

    name: str
    train: Callable[[Path, dict[str, Any], dict[str, Any]], Any]
    bits: Callable[[Any], bytes]
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self, data: Path, run: dict[str, Any] | None = None, **settings: Any) -> Any:
        return self.train(data, self.settings | settings, run or {})


def _fit_vectors(trainer: Any) -> Callable[[Path, dict[str, Any], dict[str, Any]], Any]:
    return lambda data, settings, run: trainer(**settings).fit(str(data / "corpus.txt"), **run)


def _train_on_treebank(trainer: Any) -> Callable[[Path, dict[str, Any], dict[str, Any]], Any]:
    return lambda data, settings, run: trainer.train(
        conllu.load(data / "train.conllu"), conllu.load(data / "dev.conllu"), **settings, **run
    )


def _texts(data: Path) -> tuple[list[str], list[str]]:
    lines = (data / "texts.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines], [line.split("\t")[0] for line in lines]


def _bits_of_vectors(vectors: Any) -> bytes:
    return vectors.matrix.tobytes() + vectors.outside.tobytes()  # type: ignore[no-any-return]


def _bits_of_file(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return (Path(folder) / "model").read_bytes()


def _bits_of_segmenter(segmenter: Segmenter) -> bytes:
    arrays = segmenter.arrays()
    return b"".join(arrays[name].tobytes() for name in sorted(arrays)) + repr(segmenter.metadata()).encode()


def _bits_of_classifier(model: Any) -> bytes:
    words = ["fine", "great", "film", "dull", "boring", ""]
    return model.predict_proba(words).tobytes()  # type: ignore[no-any-return]


SMALL = {"epochs": 3, "threads": 1}
VECTORS = SMALL | {"dim": 8, "min_count": 1}
SHAPE = ParserShape(width=16, depth=1, hidden=16)
TRAINERS = {
    trainer.name: trainer
    for trainer in (
        Trainer("SkipGram", _fit_vectors(firth.SkipGram), _bits_of_vectors, VECTORS | {"sample": 0}),
        Trainer("ExactSoftmax", _fit_vectors(firth.ExactSoftmax), _bits_of_vectors, VECTORS),
        Trainer("Parser", _train_on_treebank(firth.Parser), _bits_of_file, SMALL | {"shape": SHAPE}),
        Trainer("Pipeline", _train_on_treebank(firth.Pipeline), _bits_of_file, SMALL | {"shape": SHAPE}),
        Trainer("Segmenter", _train_on_treebank(Segmenter), _bits_of_segmenter, SMALL),
        Trainer(
            "PhraseClassifier",
            lambda data, settings, run: firth.PhraseClassifier(**settings).fit(*_texts(data), **run),
            _bits_of_classifier,
            SMALL | {"dim": 8},
        ),
    )
}


class Interrupting(Progress):
    """Counts the reports of a training; at one of them, Ctrl-C is pressed."""

    def __init__(self, at: int | None = None) -> None:
        self.n_reports, self._at = 0, at

    def advance(self, done: int, **figures: float) -> None:
        self.n_reports += 1
        if self.n_reports == self._at:
            signal.raise_signal(signal.SIGINT)


@cache
def uninterrupted(name: str, data: Path) -> tuple[bytes, int]:
    """Return what a trainer learns if nothing disturbs it, and how many reports of progress it makes."""
    progress = Interrupting()
    trained = TRAINERS[name](data, {"progress": progress})
    return TRAINERS[name].bits(trained), progress.n_reports


def in_the_middle(n_reports: int) -> int:
    """Return the number of a report after the first checkpoint and before the end."""
    return max(2, 2 * n_reports // 3)


@cache
def interrupted(name: str, data: Path, folder: Path) -> Path:
    """Return a folder with the checkpoints of a training that was interrupted in the middle."""
    checkpoint_dir = folder / name
    _, n_reports = uninterrupted(name, data)
    progress = Interrupting(at=in_the_middle(n_reports))
    with pytest.raises(KeyboardInterrupt):
        TRAINERS[name](data, {"checkpoint_dir": checkpoint_dir, "progress": progress})
    return checkpoint_dir


@pytest.fixture(scope="session")
def folder_of_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture
def checkpoint_dir(name: str, data: Path, folder_of_checkpoints: Path, tmp_path: Path) -> Path:
    """Return a copy of the checkpoints of an interrupted training."""
    return Path(shutil.copytree(interrupted(name, data, folder_of_checkpoints), tmp_path / "checkpoints"))


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(name: str, data: Path, run: dict[str, Any] | None = None, **settings: Any) -> str:
    """Train, which must be refused in one line; return the line."""
    with pytest.raises(InputError) as refused:
        TRAINERS[name](data, {"progress": Progress(), **(run or {})}, **settings)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", list(TRAINERS))
def test_the_same_seed_gives_the_same_bits(name: str, data: Path) -> None:
    expected, _ = uninterrupted(name, data)
    trainer, run = TRAINERS[name], {"progress": Progress()}
    assert trainer.bits(trainer(data, run)) == expected
    assert trainer.bits(trainer(data, run, seed=2)) != expected


@pytest.mark.parametrize("name", list(TRAINERS))
def test_a_resumed_training_ends_as_an_uninterrupted_one(name: str, data: Path, checkpoint_dir: Path) -> None:
    assert holds_checkpoints(checkpoint_dir)
    expected, n_reports = uninterrupted(name, data)
    progress = Interrupting()
    run = {"checkpoint_dir": checkpoint_dir, "resume": True, "progress": progress}
    assert TRAINERS[name].bits(TRAINERS[name](data, run)) == expected
    assert progress.n_reports < n_reports, "what was done is not done again"


@pytest.mark.parametrize("name", list(TRAINERS))
@pytest.mark.parametrize("other", ["seed", "data"])
def test_a_checkpoint_of_another_training_is_refused(
    name: str, other: str, data: Path, other_data: Path, checkpoint_dir: Path
) -> None:
    before = files(checkpoint_dir)
    run = {"checkpoint_dir": checkpoint_dir, "resume": True}
    message = refusal(name, data, run, seed=2) if other == "seed" else refusal(name, other_data, run)
    assert any(str(path) in message for path in checkpoint_dir.glob("*.checkpoint")), message
    assert "so it cannot be resumed" in message
    assert files(checkpoint_dir) == before


@pytest.mark.parametrize("name", list(TRAINERS))
def test_a_checkpoint_is_refused_unless_it_is_resumed(name: str, data: Path, checkpoint_dir: Path) -> None:
    before = files(checkpoint_dir)
    message = refusal(name, data, {"checkpoint_dir": checkpoint_dir})
    assert f"{checkpoint_dir}: holds checkpoints of a training: resume it" in message
    assert files(checkpoint_dir) == before


@pytest.mark.parametrize("name", list(TRAINERS))
def test_resuming_with_nothing_to_resume_begins(name: str, data: Path, tmp_path: Path) -> None:
    expected, _ = uninterrupted(name, data)
    run = {"checkpoint_dir": tmp_path / "new", "resume": True, "progress": Progress()}
    assert TRAINERS[name].bits(TRAINERS[name](data, run)) == expected
    assert "name the folder of the checkpoints" in refusal(name, data, {"resume": True})


@pytest.mark.parametrize("name", list(TRAINERS))
def test_it_is_silent_unless_asked(name: str, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    TRAINERS[name](data)
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("setting", [{"seed": 1.5}, {"seed": "x"}, {"seed": -1}, {"threads": 0}], ids=str)
@pytest.mark.parametrize("name", list(TRAINERS))
def test_settings_without_meaning_are_refused(name: str, setting: dict[str, Any], data: Path) -> None:
    _is_refused(name, setting, data)


@pytest.mark.parametrize("name", list(TRAINERS))
def test_no_epochs_are_refused(name: str, data: Path) -> None:
    _is_refused(name, {"epochs": 0}, data)


def _is_refused(name: str, setting: dict[str, Any], data: Path) -> None:
    message = refusal(name, data, **setting)
    ((setting_name, value),) = setting.items()
    assert message.startswith(setting_name)
    assert repr(value) in message


# ---------------------------------------------------------------------------------------- the command line

_VECTORS = "corpus.txt -o out.safetensors --dim 8 --min-count 1 --sample 0 --epochs 3 --threads 1"
COMMANDS = {
    "vectors train": _VECTORS,
    "vectors train --objective softmax": _VECTORS,
    "parser train": "train.conllu --dev dev.conllu -o out.firth --epochs 2 --threads 1",
    "classify train": "texts.tsv -o out.model --dim 8 --epochs 3 --threads 1",
}


class CommandLine:
    """Runs ``firth`` in this process, in a folder with the data."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._patch, self._capture = folder, patch, capture

    def run(self, command: str, progress: Progress | None = None) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it wrote to standard output and standard error."""
        with self._patch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["firth", *shlex.split(command)])
            if progress is not None:
                patch.setattr("firth.progress.default_progress", lambda *quiet: progress)
            with pytest.raises(SystemExit) as exit:
                main()
        return int(exit.value.code or 0), *self._capture.readouterr()

    def interrupt(self, command: str) -> tuple[int, str, str]:
        """Run a command, and press Ctrl-C in the middle."""
        counting = Interrupting()
        assert self.run(f"{command} -q", counting)[0] == 0
        self.output.write_bytes(b"of before")
        return self.run(command, Interrupting(at=in_the_middle(counting.n_reports)))

    @property
    def output(self) -> Path:
        """The file that the command writes."""
        (path,) = self.folder.glob("out.*[!g]")
        return path


@pytest.fixture
def command_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> CommandLine:
    return CommandLine(Path(shutil.copytree(data, tmp_path / "here")), monkeypatch, capfd)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_an_output_is_kept_when_its_successor_is_interrupted(command: str, command_line: CommandLine) -> None:
    code, shown, told = command_line.interrupt(f"{command} {COMMANDS[command]}")
    assert (code, shown) == (130, "")
    assert told.splitlines()[-1].startswith("firth: stopped: ")
    assert command_line.output.read_bytes() == b"of before"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_an_output_is_kept_when_its_successor_cannot_be_saved(
    command: str, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command += f" {COMMANDS[command]} -q"
    command_line.run(command)
    command_line.output.write_bytes(b"of before")
    output, replace = command_line.output.name, Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target.name == output:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    code, shown, told = command_line.run(command)
    assert (code, shown) == (2, "")
    assert told.startswith(f"firth: error: {output}: cannot be written: No space left on device")
    assert told.count("\n") == 1
    assert command_line.output.read_bytes() == b"of before"
    assert not list(command_line.folder.glob(".firth-*"))


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_result_is_saved_though_checkpoints_cannot_be(
    command: str, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, *contents: Any) -> None:
        raise InputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr("firth.runs.checkpoints.save_arrays", fail)
    monkeypatch.setattr("firth.runs.checkpoints._SECONDS_BETWEEN", 0)
    code, _, told = command_line.run(f"{command} {COMMANDS[command]}")
    assert code == 0
    assert command_line.output.stat().st_size > 0
    notes = [line for line in told.splitlines() if "No space left on device" in line]
    assert notes  # one for each stage: there may be space again
    assert all(line.startswith("firth: note: ") for line in notes)
    assert all(line.endswith("; training goes on without checkpoints") for line in notes)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_an_interrupted_command_says_how_to_go_on(command: str, command_line: CommandLine) -> None:
    command += f" {COMMANDS[command]}"
    _, _, told = command_line.interrupt(command)
    folder = f"{command_line.output.name}.training"
    again = f"firth {command} --resume"
    assert told.splitlines()[-1] == f"firth: stopped: a checkpoint is kept in {folder}; go on with: {again}"

    code, _, told = command_line.run(f"{command} -q")
    assert (code, told.count("\n")) == (2, 1)
    assert f"{folder}: holds checkpoints of a training; go on with it: " in told
    code, _, told = command_line.run(f"{command} -q --resume --seed 2")
    assert (code, told.count("\n")) == (2, 1)
    assert f"{folder}/" in told
    assert "was made with seed = 1, not 2, so it cannot be resumed" in told
    assert command_line.output.read_bytes() == b"of before"

    assert command_line.run(f"{command} -q --resume") == (0, "", "")
    assert command_line.output.read_bytes() != b"of before"
    assert not (command_line.folder / folder).exists()


def options_of(command: str) -> dict[str, Any]:
    """Return the options of a command, each with its help, by their names."""
    found: Any = typer.main.get_command(app)
    for part in command.split():
        found = found.commands[part]
    return {" ".join(option.opts): option.help for option in found.params if option.opts[0][:2] == "--"}


@pytest.mark.parametrize("command", ["vectors train", "parser train", "classify train"])
def test_options_of_runs_are_the_same_everywhere(command: str) -> None:
    expected, found = options_of("parser train"), options_of(command)
    for option in ("--seed", "--checkpoint-dir", "--resume", "--json", "--quiet -q"):
        assert found.get(option) == expected[option]
    assert {"--threads", "--epochs", "--output -o"} <= found.keys()
