"""``firth classify`` as people use it."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import typer

from firth.classification import settings as settings_module
from firth.classification.labelled import FORMATS
from firth.classification.settings import ClassifierSettings
from firth.cli.classify.app import app
from firth.cli.classify.inputs import Format
from firth.cli.classify.train import L2, Optimizer, Weighting
from firth.cli.main import main
from firth.files.arrays_file import load_arrays
from firth.progress import Progress
from firth.vectors.word_vectors import WordVectors

GOOD, BAD = ["good", "fine", "great", "superb"], ["bad", "awful", "boring", "dull"]


class Result(NamedTuple):
    """What became of a command."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments: object, cwd: Path, stdin: str = "") -> Result:
    """Run the command line in this process."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["firth", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        with pytest.raises(SystemExit) as exit:
            main()
    texts = []
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read())
    return Result(int(exit.value.code or 0), *texts)


def succeeds(*arguments: object, cwd: Path, **more: Any) -> str:
    result = call(*arguments, cwd=cwd, **more)
    assert result.returncode == 0, result.stderr
    return result.stdout


def fails(*arguments: object, cwd: Path, **more: Any) -> str:
    """Run the command line, which must complain in one line; return the line."""
    result = call(*arguments, cwd=cwd, **more)
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("firth: error: ")]
    assert len(lines) == 1
    assert "Traceback" not in result.stderr
    return lines[0].removeprefix("firth: error: ")


def make_tsv(n: int, seed: int) -> str:
    random = np.random.default_rng(seed)
    lines = []
    for i in range(n):
        word = random.choice(BAD if i % 2 else GOOD)
        lines.append(f"{'no' if i % 2 else 'yes'}\tthe film is {word}\n")
    return "".join(lines)


TREES = "(3 (2 A) (4 (3 good) (2 film)))\n(1 (2 A) (0 (1 dull) (2 film)))\n(2 (2 A) (2 film))\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with labelled texts, trees and a model."""
    folder = tmp_path_factory.mktemp("classify")
    (folder / "train.tsv").write_text(make_tsv(200, 1))
    (folder / "test.tsv").write_text(make_tsv(40, 2))
    (folder / "trees.txt").write_text(TREES * 20)
    succeeds("classify", "train", "train.tsv", "-o", "m.firth", "--quiet", cwd=folder)
    return folder


def test_train_evaluate_predict(folder: Path) -> None:
    figures = json.loads(
        succeeds(
            "classify", "train", "train.tsv", "--dev", "test.tsv", "-o", "d.firth", "--json", "-q", cwd=folder
        )
    )
    assert (figures["texts"], figures["labels"], figures["dev_accuracy"]) == (200, ["no", "yes"], 100.0)
    result = json.loads(succeeds("classify", "evaluate", "d.firth", "test.tsv", "--json", cwd=folder))
    assert (result["accuracy"], result["macro_f1"], result["texts"]) == (100.0, 100.0, 40)
    assert result["confusion"] == [[20, 0], [0, 20]]
    (folder / "new.txt").write_text("Superb!\nawful, dull\n")
    lines = succeeds("classify", "predict", "d.firth", "new.txt", cwd=folder).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["yes", "no"]
    assert all(0.5 < float(line.split("\t")[1]) <= 1 for line in lines)


def test_what_train_says(folder: Path) -> None:
    result = call("classify", "train", "train.tsv", "--dev", "test.tsv", "-o", "s.firth", cwd=folder)
    assert "training: 250,000 words" in result.stderr
    assert result.stdout.startswith("Saved s.firth: 2 labels, 200 texts, epoch ")
    assert "100.0 % of the dev decisions right" in result.stdout


def test_evaluate_prints_tables(folder: Path) -> None:
    out = succeeds("classify", "evaluate", "m.firth", "test.tsv", "--confusion", "c.svg", cwd=folder)
    assert "yes\t100.0\t100.0\t100.0\t20" in out
    assert "accuracy 100.00  macro-F1 100.00  of 40 texts, 160 of 160 words known" in out
    assert "true ↓ predicted →  no  yes  all" in out
    assert "accuracy 100.0 %" in (folder / "c.svg").read_text(encoding="utf-8")


def test_options_reach_the_classifier(folder: Path) -> None:
    matrix = np.random.default_rng(1).normal(size=(10, 5))
    WordVectors([*GOOD, *BAD, "the", "film"], matrix).save(folder / "v.safetensors")
    succeeds(
        "classify", "train", "train.tsv", "-o", "o.firth", "--vectors", "v.safetensors", "--freeze",
        "--bigrams", "--weighting", "idf", "--l2-normalize", "words", "--min-count", "2", "--balanced",
        "--optimizer", "adam", "--lr", "0.01", "--batch-size", "8", "--epochs", "7", "--dropout", "0.1",
        "--patience", "3", "--threads", "2", "--seed", "5", "--pretokenized", "--no-lowercase", "-q",
        cwd=folder,
    )  # fmt: skip
    from firth.classification.classifier import PhraseClassifier

    parameters = PhraseClassifier.load(folder / "o.firth").get_params()
    expected = {
        "vectors": None, "dim": 100, "fine_tune": False, "bigrams": True, "weighting": "idf",
        "l2_normalize": "words", "min_count": 2, "class_weight": None, "optimizer": "adam", "lr": 0.01,
        "batch_size": 8, "epochs": 7, "dropout": 0.1, "patience": 3, "threads": 2, "seed": 5, "pretokenized":
        True, "lowercase": False,
    }  # fmt: skip
    assert {name: parameters[name] for name in expected} == expected


def test_trees(folder: Path) -> None:
    result = call("classify", "train", "trees.txt", "--binary", "-o", "t.firth", cwd=folder)
    assert "note: trees.txt: 20 neutral sentences passed over, 40 texts taken" in result.stderr
    scores = json.loads(succeeds("classify", "evaluate", "t.firth", "trees.txt", "--json", "-q", cwd=folder))
    assert set(scores["labels"]) == {"negative", "positive"}
    assert scores["passed_over"] == {"neutral sentences": 20}
    succeeds(
        "classify", "train", "trees.txt", "--phrases", "--dev", "trees.txt", "-o", "5.firth", "-q", cwd=folder
    )
    scores = json.loads(succeeds("classify", "evaluate", "5.firth", "trees.txt", "--json", cwd=folder))
    assert (scores["texts"], set(scores["labels"])) == (60, {"1", "2", "3"})


def test_several_labels(folder: Path) -> None:
    (folder / "several.txt").write_text(
        "__label__tea __label__rain wet cup\n__label__tea milk cup\n__label__rain wet cloud\n" * 40
    )
    result = call("classify", "train", "several.txt", "-o", "several.firth", "--epochs", "60", cwd=folder)
    assert "each label is predicted by itself" in result.stderr
    scores = json.loads(
        succeeds("classify", "evaluate", "several.firth", "several.txt", "--json", cwd=folder)
    )
    assert (scores["accuracy"], scores["micro_f1"], scores["confusion"]) == (100.0, 100.0, None)
    (line,) = succeeds("classify", "predict", "several.firth", cwd=folder, stdin="wet cup\n").splitlines()
    assert line.split("\t")[0] == "rain,tea"
    out = json.loads(succeeds("classify", "predict", "several.firth", "--json", cwd=folder, stdin="milk cup"))
    assert (out["labels"], set(out["probabilities"])) == (["tea"], {"tea", "rain"})
    assert "the model gives one to each" in fails(
        "classify", "evaluate", "m.firth", "several.txt", cwd=folder
    )
    assert "one label a text" in fails(
        "classify", "evaluate", "several.firth", "several.txt", "--confusion", "c.png", cwd=folder
    )


def test_texts_without_known_words_and_unseen_labels_are_counted(folder: Path) -> None:
    (folder / "odd.tsv").write_text("yes\tgood\nno\t\nno\tqqq\nmaybe\tbad\n\n")
    result = call("classify", "evaluate", "m.firth", "odd.tsv", "--json", cwd=folder)
    scores = json.loads(result.stdout)
    assert (scores["empty"], scores["no_known_word"], scores["unseen_labels"]) == (1, 1, 1)
    assert scores["passed_over"] == {"blank lines": 1}
    assert (
        "of 4 texts, 1 have labels that the model was not trained on (maybe): they count as wrong"
        in result.stderr
    )
    assert "1 have no word and 1 no known word" in result.stderr
    assert "maybe" in scores["labels"]
    result = call("classify", "predict", "m.firth", cwd=folder, stdin="good\n\nqqq\n")
    assert len(result.stdout.splitlines()) == 3
    assert "of 3 texts, 1 have no word and 1 no known word" in result.stderr
    result = call("classify", "train", "train.tsv", "-o", "h.firth", "--min-count", "200", cwd=folder)
    assert "of 800 words, 200 have no vector and do not count" in result.stderr
    (folder / "holes.tsv").write_text(make_tsv(20, 1) + "no\t\n")
    result = call("classify", "train", "holes.tsv", "-o", "h.firth", cwd=folder)
    assert (
        "of 21 training texts, 1 have no word and 0 no known word: they train only what such texts get"
        in result.stderr
    )


def test_unseen_labels_and_words_of_dev_texts_are_counted(folder: Path) -> None:
    (folder / "odd-dev.tsv").write_text("yes\tgood\nmaybe\tqqq\nno\tbad\n")
    result = call("classify", "train", "train.tsv", "--dev", "odd-dev.tsv", "-o", "u.firth", cwd=folder)
    assert "odd-dev.tsv: of 3 texts, 1 have labels that the model was not trained on (maybe)" in result.stderr
    assert "of 3 dev texts, 0 have no word and 1 no known word" in result.stderr


@pytest.mark.parametrize("form", ["__label__{} {}", "{}\t{}"])
def test_labelled_files_are_predicted_without_their_labels(folder: Path, form: str) -> None:
    pairs = [line.split("\t") for line in make_tsv(30, 3).splitlines()]
    (folder / "plain.txt").write_text("".join(f"{text}\n" for _, text in pairs))
    wrong = {"yes": "no", "no": "yes"}
    (folder / "labelled.txt").write_text("".join(form.format(wrong[y], text) + "\n" for y, text in pairs))
    plain = call("classify", "predict", "m.firth", "plain.txt", cwd=folder)
    labelled = call("classify", "predict", "m.firth", "labelled.txt", cwd=folder)
    assert labelled.stdout == plain.stdout
    assert plain.stderr == ""
    assert "firth: note: of 30 lines, 30 are labelled texts: their labels were left out" in labelled.stderr


def test_labels_that_hold_what_separates_them_read_back(folder: Path) -> None:
    labels = ["tea, hot", 'so "called"', "a\ttab", "two\nlines", "plain"]
    random = np.random.default_rng(1)
    examples = []
    for _ in range(300):
        has = random.random(5) < 0.5
        text = " ".join(word for word, present in zip("abcde", has, strict=True) if present)
        examples.append({"text": text, "label": [labels[i] for i in np.flatnonzero(has)]})
    (folder / "odd.jsonl").write_text("".join(json.dumps(example) + "\n" for example in examples))
    succeeds("classify", "train", "odd.jsonl", "-o", "odd.firth", "-q", cwd=folder)
    (line,) = succeeds("classify", "predict", "odd.firth", cwd=folder, stdin="a b c d e\n").splitlines()
    names, probabilities = line.split("\t")
    found = re.findall(r'"(?:[^"\\\\]|\\\\.)*"|[^,]+', names)
    assert {json.loads(name) if name[0] == '"' else name for name in found} == set(labels)
    assert len(probabilities.split(",")) == 5


def test_doubts_are_notes(folder: Path) -> None:
    words = ["Good", "Bad", "Film", "The"]
    WordVectors(words, np.random.default_rng(1).normal(size=(4, 5))).save(folder / "cased.safetensors")
    lines = "".join(line.replace("the film", "The Film") for line in make_tsv(40, 1).splitlines(True))
    (folder / "cased.tsv").write_text(lines)
    command = ("classify", "train", "cased.tsv", "-o", "c.firth", "--vectors", "cased.safetensors")
    result = call(*command, cwd=folder)
    assert "firth: note: of the 160 words of the texts, only 0 (0 %) have a vector among the" in result.stderr
    assert "with lowercase=False (--no-lowercase), 80 words would have one" in result.stderr
    result = call(*command, "--no-lowercase", "--json", cwd=folder)
    assert "of 160 words, 80 (50 %) have a vector in the file" in result.stderr
    assert json.loads(result.stdout)["pretrained_words"] == 80
    result = call("classify", "train", "train.tsv", "-o", "c.firth", "--epochs", "1", cwd=folder)
    assert "firth: note: the loss hardly fell in 1 epochs" in result.stderr
    assert call("classify", "train", "train.tsv", "-o", "c.firth", "--epochs", "1", "-q", cwd=folder)[2] == ""


def test_columns_of_tables(folder: Path) -> None:
    rows = [line.split("\t") for line in make_tsv(40, 1).splitlines()]
    (folder / "reviews.csv").write_text("".join(f"{text},{label}\n" for label, text in rows))
    result = call("classify", "train", "reviews.csv", "-o", "t.firth", "--json", cwd=folder)
    assert json.loads(result.stdout)["labels"] == ["no", "yes"]
    assert "firth: note: reviews.csv: column 2 was read as the labels and column 1 as the" in result.stderr
    (folder / "unclear.csv").write_text("".join(f"{text},{i}\n" for i, (_, text) in enumerate(rows)))
    assert "--label-field" in fails("classify", "train", "unclear.csv", "-o", "x.firth", cwd=folder)
    evaluated = succeeds(
        "classify", "evaluate", "t.firth", "reviews.csv", "--label-field", "2", "--json", cwd=folder
    )
    assert json.loads(evaluated)["accuracy"] == 100


@pytest.mark.parametrize("form", ["sets", "matrix"])
def test_models_of_python_whose_labels_are_numbers(folder: Path, form: str) -> None:
    from firth.classification.classifier import PhraseClassifier

    matrix = np.array([[1, 0], [0, 1], [1, 1]] * 30)
    labels = matrix if form == "matrix" else [[j for j in (0, 1) if row[j]] for row in matrix]
    PhraseClassifier(dim=16, epochs=60).fit(["milk", "cloud", "wet cup"] * 30, labels).save(
        folder / "n.firth"
    )
    (folder / "numbers.txt").write_text("__label__0 milk\n__label__1 cloud\n__label__0 __label__1 wet cup\n")
    scores = json.loads(succeeds("classify", "evaluate", "n.firth", "numbers.txt", "--json", cwd=folder))
    assert (scores["accuracy"], set(scores["labels"])) == (100.0, {"0", "1"})
    lines = succeeds("classify", "predict", "n.firth", cwd=folder, stdin="cloud\nwet cup\n").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "0,1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "absent.tsv", "-o", "x.firth"], "absent.tsv: no such file"),
        (["train", "one.tsv", "-o", "x.firth"], "at least two labels: the 2 texts have only 'yes'"),
        (
            ["train", "unlabelled.tsv", "-o", "x.firth"],
            "unlabelled.tsv:2: the text has no label (2 such lines in all)",
        ),
        (["train", "train.tsv", "-o", "none/x.firth"], "there is no folder none"),
        (["train", "train.tsv", "-o", "train.tsv"], "train.tsv: is train.tsv, which would be written over"),
        (["train", "train.tsv", "-o", "x.firth", "--freeze"], "--freeze needs --vectors"),
        (["train", "train.tsv", "-o", "x.firth", "--binary"], "only trees have binary labels"),
        (["train", "train.tsv", "-o", "x.firth", "--dropout", "1"], "dropout must be at least 0"),
        (["train", "train.tsv", "-o", "x.firth", "--format", "jsonl"], "train.tsv:1: not JSON"),
        (["evaluate", "train.tsv", "test.tsv"], "not a safetensors file"),
        (["evaluate", "m.firth", "test.tsv", "--confusion", "c.pdf"], "must end in .png or .svg"),
        (["train", "empty.tsv", "-o", "x.firth"], "none of the 2 texts has a word in it"),
        (["evaluate", "m.firth", "unlabelled.tsv"], "unlabelled.tsv:2: the text has no label"),
        (["predict", "m.firth", "nul.txt"], "nul.txt:2: holds a NUL byte"),
        (["predict", "m.firth", "latin.txt"], "latin.txt:2: not valid UTF-8"),
        (["predict", "m.firth", "absent.txt"], "absent.txt: no such file"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "one.tsv").write_text("yes\ta\nyes\tb\n")
    (folder / "unlabelled.tsv").write_text("yes\ta\n\tb\n\tc\n")
    (folder / "empty.tsv").write_text("yes\t\nno\t \n")
    (folder / "nul.txt").write_text("good\nb\0d\n")
    (folder / "latin.txt").write_bytes("good\né\n".encode("latin-1"))
    assert message in fails("classify", *arguments, cwd=folder)
    assert not (folder / "x.firth").exists()


def options_of_train() -> dict[str, Any]:
    command: Any = typer.main.get_command(app)
    return {option.name: option for option in command.commands["train"].params}


def test_options_have_the_defaults_and_choices_of_the_settings() -> None:
    options = options_of_train()
    settings = {field.name: field.default for field in fields(ClassifierSettings)}
    assert set(settings) - set(options) == {"fine_tune", "buckets", "end_of_phrase", "validation_fraction"}
    for name in set(settings) & set(options):
        default = options[name].default
        assert getattr(default, "value", default) == settings[name]
    for enum, choices in (
        (Weighting, get_args(settings_module.Weighting)),
        (Optimizer, get_args(settings_module.Optimizer)),
        (L2, settings_module.NORMALIZATIONS),
        (Format, FORMATS),
    ):
        assert [member.value for member in enum] == list(choices)


class CtrlC(Progress):
    """Presses Ctrl-C at the end of the second epoch."""

    def advance(self, done: int, **figures: float) -> None:
        if done == 2000:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_training_is_resumed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("classify", "train", "train.tsv", "-o", "r.firth", "--dropout", "0.1", "-q")
    succeeds(*command, cwd=folder)
    expected = (folder / "r.firth").read_bytes()
    (folder / "r.firth").write_bytes(b"of before")
    with monkeypatch.context() as patch:
        patch.setattr("firth.progress.default_progress", lambda quiet: CtrlC())
        result = call(*command, cwd=folder)
    assert result.returncode == 130
    again = "firth classify train train.tsv -o r.firth --dropout 0.1 -q --resume"
    assert f"a checkpoint is kept in r.firth.training; go on with: {again}" in result.stderr
    assert "holds checkpoints of a training" in fails(*command, cwd=folder)
    assert "with seed = 1, not 7" in fails(*command, "--resume", "--seed", 7, cwd=folder)
    assert (folder / "r.firth").read_bytes() == b"of before"
    succeeds(*command, "--resume", cwd=folder)
    (folder / "expected.firth").write_bytes(expected)
    arrays, _ = load_arrays(folder / "r.firth")
    for name, array in load_arrays(folder / "expected.firth")[0].items():
        np.testing.assert_array_equal(arrays[name], array)
    assert not (folder / "r.firth.training").exists()


def test_checkpoints_in_a_folder_of_ones_own(folder: Path) -> None:
    succeeds("classify", "train", "train.tsv", "-o", "k.firth", "--checkpoint-dir", "kept", cwd=folder)
    assert (folder / "kept").is_dir()
    assert not (folder / "k.firth.training").exists()


def test_predict_answers_each_line_as_it_comes(folder: Path) -> None:
    command = [sys.executable, "-m", "firth", "classify", "predict", "m.firth"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for text, label in (("good", b"yes"), ("bad", b"no")):
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().split(b"\t")[0] == label
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_the_commands_of_the_treebank(shared_data: Path, tmp_path: Path) -> None:
    trees = shared_data / "sst" / "trees"
    succeeds(
        "classify", "train", trees / "train.txt", "--dev", trees / "dev.txt", "--binary", "-o", "sst.firth",
        "-q", cwd=tmp_path,
    )  # fmt: skip
    scores = json.loads(
        succeeds("classify", "evaluate", "sst.firth", trees / "dev.txt", "--json", cwd=tmp_path)
    )
    assert scores["texts"] == 872
    assert scores["accuracy"] > 75
    assert scores["macro_f1"] > 75
