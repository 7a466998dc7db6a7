"""What the tests of ``firth parser`` and ``firth parse`` share: the command line, and a little model."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firth.cli.main import main


class Result(NamedTuple):
    """What became of a command."""

    returncode: int
    stdout: str
    stderr: str


class CommandLine:
    """Runs ``firth`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def process(self, *arguments: object, stdin: bytes = b"") -> Result:
        """Run it in a process of its own, without a terminal, as people do."""
        command = [sys.executable, "-m", "firth", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, timeout=600)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *arguments: object, stdin: bytes = b"") -> Result:
        """Run it in this process: the same entry point, but Python need not start."""
        streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin, b"", b"")]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["firth", *map(str, arguments)])
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as exit:
                main()
        texts = []
        for stream in streams[1:]:
            stream.seek(0)
            texts.append(stream.read())
        return Result(int(exit.value.code or 0), *texts)

    def succeeds(self, *arguments: object, **more: Any) -> str:
        """Run it, which must succeed; return standard output."""
        result = self.call(*arguments, **more)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def fails(self, *arguments: object, **more: Any) -> str:
        """Run it, which must complain in one line and write nothing; return the line."""
        before = sorted(self.folder.rglob("*"))
        result = self.call(*arguments, **more)
        assert sorted(self.folder.rglob("*")) == before
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("firth: error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("firth: error: ").rstrip("\n")


@pytest.fixture
def firth(tmp_path: Path) -> CommandLine:
    """Return the command line, to be run in an empty folder."""
    return CommandLine(tmp_path)


_NOUNS, _VERBS = ("dog", "cat", "child", "bird", "horse"), ("sees", "likes", "hears", "finds")


def make_treebank(n_sentences: int, skipped: int = 0) -> str:
    """Return sentences such as "The old dog sees a cat." in CoNLL-U, two to a paragraph."""
    choices = itertools.product(_NOUNS, _VERBS, _NOUNS)
    sentences = []
    for number, (subject, verb, object_) in enumerate(itertools.islice(choices, skipped + n_sentences)):
        rows = [
            ("The", "DET", "DT", 3, "det"),
            ("old", "ADJ", "JJ", 3, "amod"),
            (subject, "NOUN", "NN", 4, "nsubj"),
            (verb, "VERB", "VBZ", 0, "root"),
            ("a", "DET", "DT", 6, "det"),
            (object_, "NOUN", "NN", 4, "obj"),
            (".", "PUNCT", ".", 4, "punct"),
        ]
        lines = [f"# sent_id = s{number}", f"# text = The old {subject} {verb} a {object_}."]
        lines[:0] = ["# newpar"] if number % 2 == 0 else []
        for i, (form, upos, xpos, head, deprel) in enumerate(rows, start=1):
            misc = "SpaceAfter=No" if i == 6 else "_"
            lines.append(f"{i}\t{form}\t{form}\t{upos}\t{xpos}\t_\t{head}\t{deprel}\t_\t{misc}")
        sentences.append("\n".join([*lines, "", ""]))
    return "".join(sentences[skipped:])


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with train.conllu, dev.conllu, and little.firth, trained on them with `TRAINING`."""
    folder = tmp_path_factory.mktemp("little")
    (folder / "train.conllu").write_text(make_treebank(40), encoding="utf-8")
    (folder / "dev.conllu").write_text(make_treebank(10, skipped=40), encoding="utf-8")
    result = CommandLine(folder).process("parser", "train", *TRAINING, "-o", "little.firth", "--quiet")
    assert result == (0, "", ""), result.stderr
    assert {file.name for file in folder.iterdir()} == {"train.conllu", "dev.conllu", "little.firth"}
    return folder


TRAINING = ("train.conllu", "--dev", "dev.conllu", "--epochs", "5")


@pytest.fixture
def copied(little: Path, firth: CommandLine) -> CommandLine:
    """Return the command line, to be run in a folder with the files of `little`."""
    for file in little.iterdir():
        (firth.folder / file.name).write_bytes(file.read_bytes())
    return firth
