"""``firth vectors`` as people use it: other processes, real files, exit codes."""

from __future__ import annotations

import errno
import gzip
import inspect
import io
import json
import os
import random
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from firth.cli.main import main
from firth.cli.vectors import train as train_module
from firth.progress import Progress
from firth.vectors.prediction import perplexity
from firth.vectors.trainers.exact_softmax import ExactSoftmax
from firth.vectors.trainers.negative_sampling import NegativeSampling
from firth.vectors.trainers.skipgram import SkipGram
from firth.vectors.word_vectors import WordVectors, load_vectors

TOPICS = (
    "tea coffee milk cup sugar kettle saucer spoon",
    "law court judge jury trial verdict witness lawyer",
    "violin cello piano flute orchestra concert tune oboe",
)


class Result(NamedTuple):
    """What became of a command."""

    returncode: int
    stdout: str
    stderr: str


def process(*arguments: object, cwd: Path, stdin: str | None = None) -> Result:
    """Run the command line in a process of its own, without a terminal, as people do."""
    command = [sys.executable, "-m", "firth", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, input=stdin, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def call(*arguments: object, cwd: Path) -> Result:
    """Run the command line in this process: the same entry point, but Python need not start."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["firth", *map(str, arguments)])
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        with pytest.raises(SystemExit) as exit:
            main()
    texts = []
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read())
    return Result(int(exit.value.code or 0), *texts)


def succeeds(*arguments: object, cwd: Path, run: Callable[..., Result] = call, **more: Any) -> str:
    """Run the command line, which must succeed; return standard output."""
    result = run(*arguments, cwd=cwd, **more)
    assert result.returncode == 0, result.stderr
    return result.stdout


def fails(*arguments: object, cwd: Path, run: Callable[..., Result] = call) -> str:
    """Run the command line, which must complain in one line; return the line."""
    result = run(*arguments, cwd=cwd)
    assert result.returncode == 2
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("firth: error: ")]
    assert len(lines) == 1
    assert result.stderr.splitlines()[-1] == lines[0]
    assert "Traceback" not in result.stderr
    return lines[0].removeprefix("firth: error: ")


def make_text(sentences: int = 1500) -> str:
    """Return text in which the words of one topic keep each other company."""
    rng = random.Random(1)
    lines = [" ".join(rng.choices(rng.choice(TOPICS).split(), k=8)) for _ in range(sentences)]
    return "\n".join(line.capitalize() + "." for line in lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a corpus, its vectors and evaluation files."""
    folder = tmp_path_factory.mktemp("vectors")
    (folder / "corpus.txt").write_text(make_text(), encoding="utf-8")
    (folder / "pairs.tsv").write_text(
        "# pairs\ntea\tcoffee\t9.0\nlaw\tjudge\t8.5\ntea\tlaw\t1.0\nviolin\tcourt\t0.5\nabsent\ttea\t3\n"
    )
    (folder / "questions.txt").write_text(": topics\ntea coffee law judge\ntea absent law judge\n")
    vectors = SkipGram(dim=20, epochs=3, threads=1, sample=0).fit(str(folder / "corpus.txt"))
    vectors.save(folder / "v.safetensors")
    return folder


def test_train_writes_vectors_and_says_what_next(folder: Path, tmp_path: Path) -> None:
    arguments = ("--dim", 16, "--epochs", 2, "--threads", 1, "--seed", 7, "--sample", 0)
    output = succeeds(
        "vectors",
        "train",
        folder / "corpus.txt",
        "-o",
        "out.safetensors",
        *arguments,
        cwd=tmp_path,
        run=process,
    )
    vectors = load_vectors(tmp_path / "out.safetensors")
    assert sorted(vectors.words) == sorted(" ".join(TOPICS).split())
    assert vectors.dim == 16
    assert [file.name for file in tmp_path.iterdir()] == ["out.safetensors"]
    assert "24 words × 16 dimensions" in output
    suggested = re.search(r"firth (vectors similar .*)", output)
    assert suggested
    assert succeeds(*suggested[1].split(), cwd=tmp_path)


def test_train_json_is_one_object_and_agrees_with_the_file(folder: Path, tmp_path: Path) -> None:
    corpus = folder / "corpus.txt"
    result = process("vectors", "train", corpus, "-o", "o.vec", "--epochs", 2, "--json", "-q", cwd=tmp_path)
    assert result.stderr == ""
    figures = json.loads(result.stdout)
    assert figures["words"] == len(load_vectors(tmp_path / "o.vec")) == 24
    assert [epoch["epoch"] for epoch in figures["history"]] == [1, 2]
    assert figures["loss"] == figures["history"][-1]["loss"] > 0
    assert figures["corpus_words"] == 12_000


def test_train_is_reproducible(folder: Path, tmp_path: Path) -> None:
    for name in ("a.vec", "b.vec"):
        succeeds("vectors", "train", folder / "corpus.txt", "-o", name, "--threads", 1, cwd=tmp_path)
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()


def test_train_reads_standard_input_and_several_files(folder: Path, tmp_path: Path) -> None:
    text = make_text(300)
    succeeds("vectors", "train", "-", "-o", "in.vec", "--epochs", 1, cwd=tmp_path, run=process, stdin=text)
    assert len(load_vectors(tmp_path / "in.vec")) == 24
    (tmp_path / "a.txt").write_text("moon stars\n" * 10, encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"sun sky\n" * 10))
    succeeds("vectors", "train", "a.txt", "b.txt.gz", "-o", "two.vec", "--sample", 0, cwd=tmp_path)
    assert sorted(load_vectors(tmp_path / "two.vec").words) == ["moon", "sky", "stars", "sun"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["end", "the"]),
        (["--no-lowercase"], ["The", "end"]),
        (["--pretokenized"], ["The", "end."]),
        (["--pretokenized", "--lowercase"], ["end.", "the"]),
    ],
)
def test_case_is_kept_in_text_that_is_cut_already(
    tmp_path: Path, options: Sequence[str], words: list[str]
) -> None:
    (tmp_path / "text.txt").write_text("The end.\n" * 20, encoding="utf-8")
    succeeds("vectors", "train", "text.txt", "-o", "o.vec", "--sample", 0, *options, cwd=tmp_path)
    assert sorted(load_vectors(tmp_path / "o.vec").words) == words


def test_training_curve(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    corpus = folder / "corpus.txt"
    succeeds("vectors", "train", corpus, "-o", "o.vec", "--curve", "loss.png", "-q", cwd=tmp_path)
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_defaults_are_those_of_the_library() -> None:
    library = inspect.signature(SkipGram.__init__).parameters
    command = inspect.signature(train_module.train).parameters
    for name in library.keys() - {"self", "lowercase", "errors"}:
        assert command[name].default == library[name].default, name
    assert train_module.OnBadText.strict.value == library["errors"].default


def test_help_has_the_defaults_of_both_objectives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = succeeds("vectors", "train", "--help", cwd=tmp_path)
    assert "negative-sampling|softmax" in text
    softmax = inspect.signature(ExactSoftmax.__init__).parameters
    assert softmax["epochs"].default is None
    assert "(5; softmax: until it converges)" in text
    assert f"(0.025; softmax: {softmax['lr'].default:g})" in text


def test_train_with_the_exact_softmax(folder: Path, tmp_path: Path) -> None:
    command = ("vectors", "train", folder / "corpus.txt", "-o", "o.safetensors", "--objective", "softmax")
    figures = json.loads(succeeds(*command, "--dim", 6, "--json", "-q", cwd=tmp_path))
    vectors = load_vectors(tmp_path / "o.safetensors")
    assert vectors.metadata["objective"] == figures["objective"] == "softmax"
    assert figures["loss"] == vectors.metadata["loss"] < figures["history"][0]["loss"]
    assert figures["perplexity"] == pytest.approx(np.exp(figures["loss"]))
    whole = ExactSoftmax(dim=6).fit(folder / "corpus.txt", progress=Progress())
    assert vectors.matrix.tobytes() == whole.matrix.tobytes(), "the defaults are those of the library"

    output = succeeds(*command, "--dim", 6, "--epochs", 3, "--lr", 0.05, cwd=tmp_path)
    vectors = load_vectors(tmp_path / "o.safetensors")
    assert vectors.metadata["settings"]["epochs"] == len(vectors.history) == 3
    assert vectors.metadata["settings"]["lr"] == 0.05
    loss, rounded = vectors.metadata["loss"], f"{vectors.metadata['perplexity']:.1f}"
    assert f"Exact loss per pair: {loss:.4f}, perplexity {rounded}." in output


@pytest.mark.parametrize("objective", ["negative-sampling", "softmax"])
def test_held_out_text_and_patience(folder: Path, tmp_path: Path, objective: str) -> None:
    command = ("vectors", "train", folder / "corpus.txt", "-o", "o.safetensors", "--objective", objective)
    (tmp_path / "held.txt").write_text("Unheard-of tea, coffee and milk.\nThe law court.\n" * 5)
    more = ("--epochs", 9, "--patience", 2, "--threads", 1, "--json", "-q")
    for heldout in ("held.txt", 0.1):
        figures = json.loads(succeeds(*command, "--heldout", heldout, *more, cwd=tmp_path))
        losses = [epoch["heldout"] for epoch in figures["history"]]
        assert figures["heldout"]["loss"] == min(losses)
        assert figures["heldout"]["epoch"] == losses.index(min(losses)) + 1
        assert len(losses) in (9, figures["heldout"]["epoch"] + 2)
    result = call(*command, "--heldout", "held.txt", cwd=tmp_path)
    assert "held out: 45 words, 20 of them are not in the vocabulary and left out" in result.stderr
    assert "  heldout " in result.stderr
    assert "on 25 words that are in the vocabulary" in result.stdout
    (loss,) = re.findall(r"held-out loss ([\d.]+),", result.stdout)
    assert f"{loss}\n" in result.stdout


def test_the_corpus_cannot_come_from_where_the_held_out_text_does(tmp_path: Path) -> None:
    command = ("vectors", "train", "-", "-o", "o.vec", "--heldout", "-")
    result = process(*command, cwd=tmp_path, stdin=make_text(10))
    assert result.returncode == 2
    assert "-: is part of the corpus, so it cannot be held out" in result.stderr


def test_evaluate_by_held_out_text(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "held.txt").write_text("Unheard-of TEA, coffee, milk.\n" * 5)
    (tmp_path / "held.jsonl").write_text('{"body": "Unheard-of TEA, coffee, milk."}\n' * 5)
    vectors = folder / "v.safetensors"
    evaluate = ("vectors", "evaluate", vectors, "--heldout")
    entries = json.loads(succeeds(*evaluate, "held.txt", "--json", cwd=tmp_path))
    expected = perplexity(load_vectors(vectors), tmp_path / "held.txt")
    assert entries == {
        "held.txt": {
            "score": expected.perplexity,
            "coverage": 60.0,
            "perplexity": expected.perplexity,
            "loss": pytest.approx(np.log(expected.perplexity)),
            "pairs": expected.pairs,
            "words": 25,
            "known": 15,
        }
    }
    table = succeeds(*evaluate, "held.txt", "--similarity", folder / "pairs.tsv", cwd=tmp_path)
    assert [line.split("\t")[0] for line in table.splitlines()] == [
        "file", "pairs.tsv", "held-out text", "held.txt",
    ]  # fmt: skip
    assert table.splitlines()[-1].endswith(f"{expected.perplexity:.1f}\t{expected.loss:.4f}\t60.0\t15\t25")
    as_json = json.loads(succeeds(*evaluate, "held.jsonl", "--field", "body", "--json", cwd=tmp_path))
    assert as_json["held.jsonl"] == entries["held.txt"]
    succeeds("vectors", "convert", vectors, "v.vec", cwd=tmp_path)
    message = fails("vectors", "evaluate", "v.vec", "--heldout", "held.txt", cwd=tmp_path)
    assert message.startswith("v.vec: has no outside vectors")
    (tmp_path / "unknown.txt").write_text("nothing known here")
    assert "none of the 3 words" in fails(*evaluate, "unknown.txt", cwd=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.txt", "-o", "o.vec"], "absent.txt"),
        (["corpus.txt", "-o", "o.pdf"], "o.pdf: not a known format"),
        (["corpus.txt", "-o", "absent/o.vec"], "there is no folder absent"),
        (["corpus.txt", "-o", "folder.vec"], "is a folder"),
        (["corpus.txt", "-o", "o.vec", "--curve", "c.html"], "must end in .png or .svg"),
        (["corpus.txt", "-o", "o.vec", "--curve", "absent/c.png"], "there is no folder absent"),
        (["corpus.txt", "-o", "corpus.txt"], "corpus.txt: is part of the corpus, and would be written over"),
        (["link.txt", "-o", "corpus.txt"], "corpus.txt: is part of the corpus"),
        (["texts", "-o", "texts/o.vec"], "texts/o.vec: would be read as text next time"),
        (["*.txt", "-o", "o.txt"], "o.txt: would be read as text next time"),
        (["texts", "-o", "o.vec", "--curve", "texts/c.png"], "texts/c.png: would be read as text next time"),
        (["texts", "-o", "o.vec", "--checkpoint-dir", "texts/kept"], "would be read as text next time"),
        (["corpus.txt", "-o", "o.glove", "--dim", "1"], "o.glove: this format cannot hold vectors of one"),
        (["corpus.txt", "-o", "o.vec", "--field", "body"], "there are no JSON Lines in corpus.txt"),
        (["corpus.txt", "-o", "o.vec", "--dim", "0"], "dim must be"),
        (["corpus.txt", "-o", "o.vec", "--min-count", "5"], "no word occurs 5 times"),
        (["corpus.txt", "-o", "o.vec", "--objective", "softmax", "--negative", "5"], "--negative is for"),
        (
            ["corpus.txt", "-o", "o.vec", "--objective", "softmax", "--deterministic"],
            "--deterministic is for",
        ),
        (["corpus.txt", "-o", "o.vec", "--patience", "2"], "--patience needs --heldout"),
        (["corpus.txt", "-o", "o.vec", "--heldout", "0.1", "--patience", "0"], "patience must be"),
        (["corpus.txt", "-o", "o.vec", "--heldout", "1.5"], "between 0 and 1, not 1.5"),
        (["corpus.txt", "-o", "o.vec", "--heldout", "absent.txt"], "absent.txt: no such file"),
        (["corpus.txt", "-o", "junk.txt", "--heldout", "junk.txt"], "junk.txt: is part of the corpus"),
        (["texts", "-o", "o.vec", "--heldout", "texts/a.txt"], "texts/a.txt: is part of the corpus"),
        (["empty.txt", "-o", "o.vec"], "there is not one word in empty.txt"),
        (["junk.txt", "-o", "o.vec"], "junk.txt:2: not valid UTF-8"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "corpus.txt").write_text("one two three\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "junk.txt").write_bytes(b"fine\n\xff\xfe\n")
    (tmp_path / "folder.vec").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("one two three\n")
    (tmp_path / "link.txt").symlink_to("corpus.txt")
    before = sorted(tmp_path.rglob("*"))
    assert message in fails("vectors", "train", *arguments, cwd=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_json_lines_from_standard_input(tmp_path: Path) -> None:
    text = '{"id": "x1", "body": "moon stars"}\n' * 20
    arguments = ("vectors", "train", "-", "-o", "o.vec", "--sample", 0, "--field", "body")
    succeeds(*arguments, cwd=tmp_path, run=process, stdin=text)
    assert sorted(load_vectors(tmp_path / "o.vec").words) == ["moon", "stars"]


@pytest.mark.parametrize("elsewhere", ["here", "there"])
def test_vectors_that_cannot_be_saved_are_saved_elsewhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    """The folder is gone when training ends, and where the current one is full there is a temporary one."""
    for name in ("out", "here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there"))
    trained = load_vectors(folder / "v.safetensors")
    real_save = type(trained).save

    def fit(*arguments: object, **options: object) -> WordVectors:
        (tmp_path / "out").rmdir()
        return trained

    def save(vectors: WordVectors, path: Path) -> None:
        if elsewhere == "there" and path.parent == Path():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real_save(vectors, path)

    monkeypatch.setattr(SkipGram, "fit", fit)
    monkeypatch.setattr(type(trained), "save", save)
    output = tmp_path / "out" / "o.vec"
    message = fails("vectors", "train", folder / "corpus.txt", "-o", output, cwd=tmp_path / "here")
    assert message.startswith(f"{output}: cannot be written: there is no folder")
    (rescued,) = (tmp_path / elsewhere).iterdir()
    assert message.endswith(
        f"the result was saved as {rescued if elsewhere == 'there' else rescued.name} instead"
    )
    np.testing.assert_array_equal(load_vectors(rescued).matrix, trained.matrix)


def test_a_checkpoint_is_kept_when_the_vectors_cannot_be_saved(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    real_fit = SkipGram.fit

    def fit(*arguments: Any, **options: Any) -> WordVectors:
        vectors = real_fit(*arguments, **options)
        (tmp_path / "out").rmdir()
        return vectors

    monkeypatch.setattr(SkipGram, "fit", fit)
    train = ("vectors", "train", folder / "corpus.txt", "-o", "out/o.vec", "--checkpoint-dir", "kept", "-q")
    message = fails(*train, cwd=tmp_path)
    monkeypatch.undo()
    again = re.search(r"training is kept in kept: mend this, then firth (.*)$", message)
    assert again
    (tmp_path / "out").mkdir()
    succeeds(*shlex.split(again[1]), cwd=tmp_path)
    assert len(load_vectors(tmp_path / "out" / "o.vec")) == 24
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("firth-")] == []


def test_invalid_utf8_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "junk.txt").write_bytes(b"fine words\n\xff more words\n" * 10)
    output = ("vectors", "train", "junk.txt", "-o", "o.vec", "--sample", 0)
    succeeds(*output, "--errors", "replace", cwd=tmp_path)
    assert sorted(load_vectors(tmp_path / "o.vec").words) == ["fine", "more", "words"]


@pytest.mark.parametrize(
    "arguments",
    [["vectors", "train"], ["vectors", "similar"], ["vectors", "train", "x", "--dim", "ten"], ["nonsense"]],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    result = call(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Usage" in result.stderr
    assert "Traceback" not in result.stderr


def test_debugging_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRTH_DEBUG", "1")
    result = process("vectors", "similar", "absent.vec", "tea", cwd=tmp_path)
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_ctrl_c_says_what_is_kept(tmp_path: Path, with_checkpoints: bool) -> None:
    (tmp_path / "corpus.txt").write_text(make_text(), encoding="utf-8")
    command = ["vectors", "train", "corpus.txt", "-o", "o.vec", "--epochs", "1000000", "--threads", "1"]
    if with_checkpoints:
        command += ["--checkpoint-dir", "kept"]
    process = subprocess.Popen(
        [sys.executable, "-m", "firth", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr
    shown = ""
    while "epoch 2 of" not in shown:  # one line an epoch
        line = process.stderr.readline()
        assert line, shown
        shown += line
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    last = rest.splitlines()[-1]
    assert last.startswith("firth: stopped: ")
    assert "Traceback" not in rest
    assert not (tmp_path / "o.vec").exists()
    folder = "kept" if with_checkpoints else "o.vec.training"
    again = re.search(rf"kept in {re.escape(folder)}; go on with: firth (.*)", last)
    assert again
    assert again[1].split() == [*command, "--resume"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["corpus.txt", folder])
    message = fails(*command, cwd=tmp_path)
    assert message.startswith(f"{folder}: holds checkpoints of a training; go on with it: firth ")


def test_an_interrupted_training_is_resumed_and_cleared_away(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = folder / "corpus.txt"
    command = ("vectors", "train", corpus, "-o", "o.safetensors", "--epochs", 3, "--threads", 1, "-q")
    succeeds(*command[:4], "whole.safetensors", *command[5:], cwd=tmp_path)

    def press_ctrl_c(objective: NegativeSampling) -> None:
        if objective.position.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(NegativeSampling, "check_epoch", press_ctrl_c)
        result = call(*command, cwd=tmp_path)
    assert result.returncode == 130
    assert "a checkpoint is kept in o.safetensors.training; go on with: firth vectors train" in result.stderr
    assert (tmp_path / "o.safetensors.training" / "firth-vectors-training.checkpoint").exists()
    succeeds(*command, "--resume", cwd=tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["o.safetensors", "whole.safetensors"]
    resumed, whole = (load_vectors(tmp_path / name) for name in ("o.safetensors", "whole.safetensors"))
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()


def test_a_folder_that_was_named_is_kept(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").write_text("mine")
    command = ("vectors", "train", folder / "corpus.txt", "-o", "o.vec", "--checkpoint-dir", "kept", "-q")
    assert "no word occurs" in fails(*command, "--min-count", 100_000, cwd=tmp_path)
    assert (tmp_path / "kept" / "mine.txt").exists()
    succeeds(*command, "--epochs", 1, "--resume", cwd=tmp_path)  # there is nothing to resume, so it begins
    assert {"mine.txt", "firth-vectors-training.checkpoint"} <= {
        file.name for file in (tmp_path / "kept").iterdir()
    }
    assert not (tmp_path / "o.vec.training").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
@pytest.mark.parametrize("trouble", ["junk", "ctrl-c"])
def test_the_terminal_is_in_order_after(trouble: str, tmp_path: Path) -> None:
    """The bar is gone when the message comes, and the cursor is back."""
    import pty

    (tmp_path / "corpus.txt").write_text(make_text(), encoding="utf-8")
    (tmp_path / "junk.txt").write_bytes(b"fine\n" * 3_000_000 + b"\xff\n")
    command = ["vectors", "train", "corpus.txt", "-o", "o.vec", "--epochs", "3000", "--threads", "1"]
    if trouble == "junk":
        command += ["junk.txt"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "firth", *command],
        cwd=tmp_path,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # this is how Linux says that all is read
        while piece := os.read(ours, 4096):
            if trouble == "ctrl-c" and b"epoch 1" not in shown and b"epoch 1" in shown + piece:
                process.send_signal(signal.SIGINT)
            shown += piece
    os.close(ours)
    assert process.wait() == {"junk": 2, "ctrl-c": 130}[trouble]
    hide, show = b"\x1b[?25l", b"\x1b[?25h"
    assert hide in shown and shown.rindex(show) > shown.rindex(hide)
    message = {"junk": b"firth: error: junk.txt:3000001: ", "ctrl-c": b"firth: stopped: "}[trouble]
    after = shown[shown.rindex(message) :]
    assert after.count(b"\n") == 1 and b"\x1b" not in after


def test_similar(folder: Path) -> None:
    neighbours = load_vectors(folder / "v.safetensors").most_similar("tea", topn=3)
    output = succeeds("vectors", "similar", "v.safetensors", "tea", "-n", 3, cwd=folder, run=process)
    assert output.splitlines() == [f"{word}\t{cosine:.4f}" for word, cosine in neighbours]
    found = json.loads(succeeds("vectors", "similar", "v.safetensors", "tea", "-n", 3, "--json", cwd=folder))
    assert found["word"] == "tea"
    assert [(entry["word"], entry["similarity"]) for entry in found["neighbours"]] == neighbours
    assert {word for word, _ in neighbours} <= set(TOPICS[0].split())


def test_analogy(folder: Path) -> None:
    answers = load_vectors(folder / "v.safetensors").analogy("tea", "coffee", "law", topn=2)
    output = succeeds("vectors", "analogy", "v.safetensors", "tea", "coffee", "law", "-n", 2, cwd=folder)
    assert [line.split("\t")[0] for line in output.splitlines()] == [word for word, _ in answers]
    found = json.loads(
        succeeds("vectors", "analogy", "v.safetensors", "tea", "coffee", "law", "--json", cwd=folder)
    )
    assert (found["a"], found["b"], found["c"], len(found["neighbours"])) == ("tea", "coffee", "law", 10)


def test_unknown_words_get_near_spellings(folder: Path) -> None:
    assert "'coffee'" in fails("vectors", "similar", "v.safetensors", "cofee", cwd=folder)


def test_evaluate(folder: Path) -> None:
    files = ("--similarity", "pairs.tsv", "--analogies", "questions.txt")
    output = succeeds("vectors", "evaluate", "v.safetensors", *files, cwd=folder)
    rows = [line.split("\t") for line in output.splitlines()]
    assert rows[0] == ["file", "score %", "coverage %", "found", "of"]
    assert rows[1][0] == "pairs.tsv"
    assert rows[1][2:] == ["80.0", "4", "5"]
    assert ["    topics", *rows[2][1:]] == rows[-1]
    figures = json.loads(succeeds("vectors", "evaluate", "v.safetensors", *files, "--json", cwd=folder))
    assert list(figures) == ["pairs.tsv", "questions.txt"]
    assert figures["pairs.tsv"]["coverage"] == 80
    assert figures["pairs.tsv"]["score"] == pytest.approx(float(rows[1][1]), abs=0.01)
    assert figures["pairs.tsv"]["score"] > 59.9  # words of one topic are nearer than others
    assert figures["questions.txt"]["coverage"] == 50
    (answer, _), *_ = load_vectors(folder / "v.safetensors").analogy("tea", "coffee", "law", topn=1)
    assert figures["questions.txt"]["score"] == (100 if answer == "judge" else 0)
    assert [section["name"] for section in figures["questions.txt"]["sections"]] == ["topics"]


def test_evaluate_where_nothing_is_found(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "none.tsv").write_text("absent\tmissing\t1.0\n")
    arguments = ("vectors", "evaluate", folder / "v.safetensors", "--similarity", "none.tsv")
    figures = json.loads(succeeds(*arguments, "--json", cwd=tmp_path))
    assert figures["none.tsv"] == {"score": None, "coverage": 0.0, "pairs": 1, "found": 0}
    assert succeeds(*arguments, cwd=tmp_path).splitlines()[1] == "none.tsv\t–\t0.0\t0\t1"


def test_evaluate_with_the_most_frequent_words_only(folder: Path) -> None:
    words = load_vectors(folder / "v.safetensors").words
    (folder / "frequent.txt").write_text(" ".join(words[:4]) + "\n" + " ".join(words[1:5]) + "\n")
    arguments = ("vectors", "evaluate", "v.safetensors", "--analogies", "frequent.txt", "--json")
    for options, found in [((), 2), (("--restrict", 4), 1), (("--restrict", 3), 0)]:
        figures = json.loads(succeeds(*arguments, *options, cwd=folder))
        assert figures["frequent.txt"]["found"] == found


def test_evaluate_needs_a_file(folder: Path) -> None:
    assert "--similarity" in fails("vectors", "evaluate", "v.safetensors", cwd=folder)
    restricted = ("--similarity", "pairs.tsv", "--restrict", 4)
    assert "--analogies" in fails("vectors", "evaluate", "v.safetensors", *restricted, cwd=folder)


def test_plot(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("vectors", "plot", folder / "v.safetensors", "-o", "map.svg", "--words", "tea, law,violin")
    assert succeeds(*arguments, cwd=tmp_path) == "Drew map.svg\n"
    drawn = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert all(f">{word}</text>" in drawn for word in ("tea", "law", "violin"))
    assert succeeds(*arguments, "-q", "--method", "pca", "--title", "T", cwd=tmp_path) == ""


def test_plot_lists_groups_and_what_is_far_from_them(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    words = "tea,coffee,milk;law,court,violin"
    out = succeeds(
        "vectors", "plot", folder / "v.safetensors", "-o", "map.svg", "--words", words, cwd=tmp_path
    )
    drew, heading, *clusters, far = out.splitlines()
    assert (drew, heading) == ("Drew map.svg", "cluster\tmean cosine")
    assert {"tea", "coffee", "milk"} in [set(line.split("\t")[0].split(", ")) for line in clusters]
    assert (
        far.startswith("Far from its group: violin (mean cosine ") or far == "No word is far from its group."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "map.bmp"], ".png or .svg or .html"),
        (["-o", "map.svg", "--words", "tea,milk;law"], "the group 'law' has one word"),
        (["-o", "map.svg", "--words", "tea,absent"], "absent"),
        (["-o", "map.svg", "--words", ","], "at least one word"),
    ],
)
def test_plot_bad_input(folder: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    pytest.importorskip("matplotlib")
    assert message in fails("vectors", "plot", folder / "v.safetensors", *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_letters_without_a_font_are_a_note(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from firth.show.pictures import fonts_for

    if not fonts_for({"\U00010480"})[1]:
        pytest.skip("a font for Osmanya is installed")
    (tmp_path / "v.vec").write_text("2 2\n\U00010480 1 0\nplain 0 1\n", encoding="utf-8")
    result = call("vectors", "plot", "v.vec", "-o", "m.png", "--words", "plain,\U00010480", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stderr.startswith("firth: note: m.png: no installed font")
    assert len(result.stderr.splitlines()) == 1


def test_convert_there_and_back(folder: Path, tmp_path: Path) -> None:
    original = load_vectors(folder / "v.safetensors")
    result = call("vectors", "convert", folder / "v.safetensors", "v.vec.gz", cwd=tmp_path)
    assert result.returncode == 0
    assert "counts and training history stay" in result.stderr
    assert result.stdout == "Saved v.vec.gz: 24 words × 20 dimensions.\n"
    assert succeeds("vectors", "convert", "v.vec.gz", "back.safetensors", "-q", cwd=tmp_path) == ""
    back = load_vectors(tmp_path / "back.safetensors")
    assert back.words == original.words
    np.testing.assert_array_equal(back.matrix, original.matrix)


READING = {
    "similar": ("v.bin", "a"),
    "analogy": ("v.bin", "a", "b", "c"),
    "evaluate": ("v.bin", "--similarity", "pairs.tsv"),
    "plot": ("v.bin", "-o", "map.svg", "--words", "a,b,c,d"),
    "convert": ("v.bin", "out.vec"),
}


@pytest.mark.parametrize("command", READING)
def test_every_command_reads_vectors_as_they_are(tmp_path: Path, command: str) -> None:
    if command == "plot":
        pytest.importorskip("matplotlib")
    words = [b"a", b"b", b"c", b"d", b"a", b"\xe9", b"e"]
    rows = [word + b" " + struct.pack("<2f", i + 1, i * i) for i, word in enumerate(words)]
    (tmp_path / "v.bin").write_bytes(b"9 2\n" + b"".join(rows))
    (tmp_path / "pairs.tsv").write_text("a\tb\t1\na\tc\t2\n")
    arguments = ("vectors", command, *READING[command])
    assert "--errors" in fails(*arguments, cwd=tmp_path)
    assert "--header ignore" in fails(*arguments, "--errors", "replace", cwd=tmp_path)
    options = ("--errors", "replace", "--header", "ignore")
    result = call(*arguments, *options, cwd=tmp_path)
    assert result.returncode == 0
    (note,) = result.stderr.splitlines()
    assert note.startswith("firth: note: v.bin: 1 word is not UTF-8")
    assert "promises 9 vectors, and it holds 7" in note and "words occur twice ('a' for example)" in note
    assert call(*arguments, *options, "--quiet", cwd=tmp_path).stderr == ""
    assert "is there twice" in fails(*arguments, *options, "--duplicates", "error", cwd=tmp_path)
    limited = call(*arguments, "--limit", 4, cwd=tmp_path)
    assert limited.returncode == 0 and limited.stderr == ""


def test_convert_takes_the_first_vectors(tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("3 2\na 1 2\nb 3 4\nc 5 6\n")
    said = succeeds("vectors", "convert", "v.vec", "out.bin.zst", "--limit", 2, cwd=tmp_path)
    assert said == "Saved out.bin.zst: 2 words × 2 dimensions.\n"
    assert load_vectors(tmp_path / "out.bin.zst").words == ["a", "b"]


def test_convert_of_a_lying_file(tmp_path: Path) -> None:
    (tmp_path / "lie.vec").write_text("5 2\ntea 1 2\n")
    assert "lie.vec" in fails("vectors", "convert", "lie.vec", "out.safetensors", cwd=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["lie.vec"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_leaves_early_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m firth vectors similar v.safetensors tea | true"
    result = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)
    assert result.stderr == ""


def test_words_of_any_script_come_through_whatever_the_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    (tmp_path / "v.vec").write_text("2 2\ncoffee 1 0\n물 1 1\n", encoding="utf-8")
    assert succeeds("vectors", "similar", "v.vec", "coffee", cwd=tmp_path, run=process) == "물\t0.7071\n"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "vectors",
        *(f"vectors {name}" for name in ("train", "similar", "analogy", "evaluate", "plot", "convert")),
    ],
)
def test_help(tmp_path: Path, command: str) -> None:
    shown = succeeds(*command.split(), "--help", cwd=tmp_path)
    assert "Usage: firth" in shown
    if " " in command:
        assert shown.count(f"firth {command} ") >= 2  # usage and an example


def test_version(tmp_path: Path) -> None:
    import firth as package

    assert succeeds("--version", cwd=tmp_path) == f"firth {package.__version__}\n"
