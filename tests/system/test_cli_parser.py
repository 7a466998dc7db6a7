"""``firth parser`` as people use it: training, kills and resumes, scores, exit codes."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from firth.cli.parser.train import train as train_command
from firth.files.arrays_file import load_arrays
from firth.parsing.parser.parser import Parser
from firth.parsing.parser.treebank import hold_out
from firth.parsing.pipeline import Pipeline, load
from firth.text import conllu
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from conftest import CommandLine

FIGURES = ["UAS", "LAS", "CLAS", "UPOS", "XPOS", "FEATS", "lemmas"]
TRAINING = ("train.conllu", "--dev", "dev.conllu", "--epochs", "5")  # as for little.firth


def test_train_says_what_came_of_it_and_what_next(copied: CommandLine) -> None:
    result = copied.call("parser", "train", *TRAINING, "-o", "again.firth", "--threads", 1)
    assert result.returncode == 0, result.stderr
    assert "parser, epoch 5 of 5: 280 words" in result.stderr
    assert re.search(r"epoch 5 of 5.*  LAS \d", result.stderr)
    assert result.stdout.startswith("Saved again.firth: ")
    rows = [line.split("\t") for line in result.stdout.splitlines() if "\t" in line]
    assert rows[0] == ["", *FIGURES, "words F1", "sentences F1"]
    assert [row[0] for row in rows[1:]] == ["raw text", "gold words", "gold words and tags"]
    assert "firth parse --model again.firth" in result.stdout
    suggested = re.search(r"firth (parser evaluate .*)", result.stdout)
    assert suggested
    copied.succeeds(*suggested[1].replace("TEST", "dev").split())
    model, again = (copied.folder / name for name in ("little.firth", "again.firth"))
    assert model.read_bytes() == again.read_bytes(), "with any number of threads"
    assert not (copied.folder / "again.firth.training").exists()


def test_train_without_a_development_set(copied: CommandLine) -> None:
    arguments = ("parser", "train", "train.conllu", "--epochs", 1)
    result = copied.call(*arguments, "-o", "a.firth")
    assert result.returncode == 0, result.stderr
    assert "4 of 40 training sentences are held out" in result.stderr
    assert load(copied.folder / "a.firth").parser.metadata["held out sentences"] == 4
    figures = json.loads(copied.succeeds(*arguments, "-o", "b.firth", "--json", "-q"))
    assert (figures["sentences"], figures["held_out_sentences"]) == (36, 4)
    assert (copied.folder / "a.firth").read_bytes() == (copied.folder / "b.firth").read_bytes()
    train = conllu.load(copied.folder / "train.conllu")
    Pipeline.train(train, epochs=1).save(copied.folder / "c.firth")
    assert (copied.folder / "a.firth").read_bytes() == (copied.folder / "c.firth").read_bytes()
    held_out, learned = hold_out(train, 1)[::-1]
    Parser.train(learned, held_out, epochs=1).save(copied.folder / "d.firth")
    parser, other = (load_arrays(copied.folder / name)[0] for name in ("a.firth", "d.firth"))
    assert all(np.array_equal(array, parser[name]) for name, array in other.items())
    (copied.folder / "one.conllu").write_text(conllu.format_sentence(train[0]))
    assert "give a development set" in copied.fails("parser", "train", "one.conllu", "-o", "o.firth")


def test_train_json_agrees_with_the_model(copied: CommandLine) -> None:
    result = copied.call("parser", "train", *TRAINING[:3], "--epochs", 1, "-o", "o.firth", "--json", "-q")
    assert result.stderr == ""
    figures = json.loads(result.stdout)
    assert figures["output"] == "o.firth"
    assert figures["bytes"] == (copied.folder / "o.firth").stat().st_size
    assert (figures["sentences"], figures["words"]) == (40, 280)
    assert figures["seconds"] > 0
    assert [epoch["epoch"] for epoch in figures["history"]] == [1]
    for name, options in [("raw", ["--raw"]), ("own_tags", []), ("gold_tags", ["--gold-tags"])]:
        shown = copied.succeeds("parser", "evaluate", "o.firth", "dev.conllu", "--json", *options)
        assert figures["dev"][name] == json.loads(shown)


def test_train_with_vectors(copied: CommandLine) -> None:
    words = ["the", "dog", "cat", "zebra"]
    WordVectors(words, np.eye(4, dtype=np.float32)).save(copied.folder / "v.vec")
    more = ("--epochs", 1, "--vectors", "v.vec", "-o", "o.firth", "--quiet")
    assert copied.succeeds("parser", "train", *TRAINING[:3], *more) == ""
    features = Parser.load(copied.folder / "o.firth").network.features
    assert features.vectors.shape == (5, 4)
    assert features.number(["zebra"])[0, -1] == 4


def test_the_defaults_are_those_of_the_library() -> None:
    command = inspect.signature(train_command).parameters
    for method in (Parser.train, Pipeline.train):
        for name, parameter in inspect.signature(method).parameters.items():
            if name in ("epochs", "seed", "threads", "vectors"):
                assert command[name].default == parameter.default, name


# Trains with the arguments after the first, which names the checkpoint whose first saving is the last thing
# that happens.
KILLED = """
import os, signal, sys
from firth.cli.main import main
from firth.runs import checkpoints

checkpoint, save = sys.argv.pop(1), checkpoints.save_arrays

def save_and_die(path, *contents):
    save(path, *contents)
    if path.name == checkpoint:
        os.kill(os.getpid(), signal.SIGKILL)

checkpoints.save_arrays = save_and_die
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("network", ["tagger 2 of 3", "parser"])
def test_a_killed_training_goes_on_to_the_same_model(copied: CommandLine, network: str) -> None:
    command = ["parser", "train", *TRAINING, "-o", "o.firth"]
    checkpoint = f"firth-treebank-{network.replace(' ', '-')}.checkpoint"
    killed = [sys.executable, "-c", KILLED, checkpoint, *command, "-q"]
    assert subprocess.run(killed, cwd=copied.folder).returncode == -signal.SIGKILL
    assert not (copied.folder / "o.firth").exists()
    message = copied.fails(*command)
    assert message.startswith("o.firth.training: holds checkpoints of a training; go on with it: ")
    again = re.search(r"firth (parser train .* --resume),", message)
    assert again
    result = copied.call(*shlex.split(again[1]))
    assert result.returncode == 0, result.stderr
    assert f"{network}, epoch 1 of" not in result.stderr, "what was done is not done again"
    assert f"{network}, epoch 2 of" in result.stderr
    model, resumed = (copied.folder / name for name in ("little.firth", "o.firth"))
    assert model.read_bytes() == resumed.read_bytes()
    assert not (copied.folder / "o.firth.training").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
def test_ctrl_c_says_what_is_kept(copied: CommandLine) -> None:
    command = ["parser", "train", *TRAINING[:3], "--epochs", "1000000", "-o", "o.firth"]
    process = subprocess.Popen(
        [sys.executable, "-m", "firth", *command],
        cwd=copied.folder,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr
    shown = ""
    while "tagger 1 of 3, epoch 1 of" not in shown:
        line = process.stderr.readline()
        assert line, shown
        shown += line
    process.send_signal(signal.SIGINT)
    last = process.communicate(timeout=60)[1].splitlines()[-1]
    assert process.returncode == 130
    again = "firth parser train train.conllu --dev dev.conllu --epochs 1000000 -o o.firth --resume"
    assert last == f"firth: stopped: a checkpoint is kept in o.firth.training; go on with: {again}"
    message = copied.fails(*command, "--seed", 2, "--resume")
    assert "was made with seed = 1, not 2" in message


def test_resume_with_nothing_to_resume_begins(copied: CommandLine) -> None:
    (copied.folder / "o.firth.training").mkdir()  # it was killed before the first checkpoint
    for options in ([], ["--resume"]):
        copied.succeeds("parser", "train", *TRAINING[:3], "--epochs", 1, "-o", "o.firth", "-q", *options)
        assert not (copied.folder / "o.firth.training").exists()


def test_checkpoints_stay_in_a_folder_that_was_asked_for(copied: CommandLine) -> None:
    command = ["parser", "train", *TRAINING[:3], "--epochs", 1, "-q", "--checkpoint-dir", "kept"]
    copied.succeeds(*command, "-o", "o.firth")
    assert not (copied.folder / "o.firth.training").exists()
    assert len(list((copied.folder / "kept").glob("*.checkpoint"))) > 1
    assert "kept: holds checkpoints of a training" in copied.fails(*command, "-o", "again.firth")
    copied.succeeds(*command, "-o", "again.firth", "--resume")
    model, again = (copied.folder / name for name in ("o.firth", "again.firth"))
    assert model.read_bytes() == again.read_bytes()


def test_a_file_of_somebody_else_keeps_its_folder(copied: CommandLine) -> None:
    (copied.folder / "o.firth.training").mkdir()
    (copied.folder / "o.firth.training" / "notes.txt").write_text("mine")
    copied.succeeds("parser", "train", *TRAINING[:3], "--epochs", 1, "-o", "o.firth", "-q")
    assert [file.name for file in (copied.folder / "o.firth.training").iterdir()] == ["notes.txt"]


def test_training_is_kept_when_the_model_cannot_be_saved(
    copied: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "o.firth")

    command = ["parser", "train", *TRAINING[:3], "--epochs", "1", "-o", "o.firth", "-q"]
    monkeypatch.setattr(Pipeline, "save", save)
    result = copied.call(*command)
    monkeypatch.undo()
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("firth: error: o.firth: No space left on device; training is kept in ")
    again = re.search(r"mend this, then firth (.*)$", line)
    assert again
    copied.succeeds(*shlex.split(again[1]))
    load(copied.folder / "o.firth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.conllu", "--dev", "dev.conllu", "-o", "o.firth"], "absent.conllu: no such file"),
        (["train.conllu", "--dev", "absent.conllu", "-o", "o.firth"], "absent.conllu: no such file"),
        (["train.conllu", "--dev", "dev.conllu", "-o", "absent/o"], "there is no folder absent"),
        (["train.conllu", "--dev", "dev.conllu", "-o", "."], "is a folder"),
        (["train.conllu", "--dev", "dev.conllu", "-o", "dev.conllu"], "would be written over"),
        (["cycle.conllu", "--dev", "dev.conllu", "-o", "o.firth"], "cycle.conllu:2: "),
        (["train.conllu", "--dev", "empty.conllu", "-o", "o.firth"], "is empty"),
        (["train.conllu", "--dev", "dev.conllu", "-o", "o", "--vectors", "absent.vec"], "absent.vec"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(
    copied: CommandLine, arguments: list[str], message: str
) -> None:
    (copied.folder / "empty.conllu").write_text("")
    (copied.folder / "cycle.conllu").write_text(
        "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n2\tb\t_\t_\t_\t_\t2\tdep\t_\t_\n\n"
    )
    assert message in copied.fails("parser", "train", *arguments)


def test_evaluate(copied: CommandLine) -> None:
    gold = conllu.load(copied.folder / "dev.conllu")
    pipeline = load(copied.folder / "little.firth")
    evaluate = ("parser", "evaluate", "little.firth", "dev.conllu")
    for options, names, scores in [
        ([], FIGURES, pipeline.parser.evaluate(gold)),
        (["--gold-tags"], FIGURES, pipeline.parser.evaluate(gold, given_tags=True)),
        (["--no-punctuation"], FIGURES, pipeline.parser.evaluate(gold, punctuation=False)),
        (["--subtypes"], FIGURES, pipeline.parser.evaluate(gold, subtypes=True)),
        (["--raw"], [*FIGURES, "words_f1", "sentences_f1"], pipeline.evaluate(gold)),
    ]:
        figures = json.loads(copied.succeeds(*evaluate, *options, "--json"))
        assert list(figures) == names
        expected = {name: scores.to_dict()[name] for name in names}
        assert figures == expected
        header, row = (line.split("\t") for line in copied.succeeds(*evaluate, *options).splitlines())
        assert header == ["", *(name.replace("_", " ").replace("f1", "F1") for name in names)]
        assert row[1:] == [f"{figure:.2f}" for figure in expected.values()]


def test_evaluate_relations_and_confusions(copied: CommandLine) -> None:
    gold = conllu.load(copied.folder / "dev.conllu")
    for sentence in gold:
        sentence.tokens[1].deprel = "nummod"  # which the parser has never seen
    conllu.write(gold, copied.folder / "other.conllu")
    scores = Parser.load(copied.folder / "little.firth").evaluate(gold)
    evaluate = ("parser", "evaluate", "little.firth", "other.conllu", "--relations", "--confusions")
    figures = json.loads(copied.succeeds(*evaluate, "--json"))
    assert list(figures) == [*FIGURES, "relations", "confusions"]
    nummod = scores.relations["nummod"]
    assert figures["relations"]["nummod"] == {
        "gold": 10,
        "precision": 0,
        "recall": 0,
        "F1": 0,
        "attachment": nummod.attachment,
    }
    assert [
        ((confused["gold"], confused["system"]), confused["words"]) for confused in figures["confusions"]
    ] == list(scores.confusions.items())
    table = copied.succeeds(*evaluate)
    assert f"nummod\t10\t0.0\t0.0\t0.0\t{nummod.attachment:.1f}\n" in table
    (right, given), count = next(iter(scores.confusions.items()))
    assert f"{right}\t{given}\t{count}\n" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.firth", "dev.conllu"], "absent.firth: no such file"),
        (["little.firth", "empty.conllu"], "empty.conllu: is empty"),
        (["little.firth", "absent.conllu"], "absent.conllu: no such file"),
        (["dev.conllu", "dev.conllu"], "dev.conllu: not a safetensors file"),
        (["cut.firth", "dev.conllu"], "cut.firth: truncated"),
        (["v.safetensors", "dev.conllu"], "v.safetensors: is no parser"),
        (["little.firth", "dev.conllu", "--raw", "--gold-tags"], "choose one"),
        (["little.firth", "dev.conllu", "--raw", "--subtypes"], "leave them out with --raw"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_evaluate_bad_input(copied: CommandLine, arguments: list[str], message: str) -> None:
    (copied.folder / "empty.conllu").write_text("")
    (copied.folder / "cut.firth").write_bytes((copied.folder / "little.firth").read_bytes()[:-1000])
    WordVectors(["a"], np.ones((1, 2), np.float32)).save(copied.folder / "v.safetensors")
    assert message in copied.fails("parser", "evaluate", *arguments)


@pytest.mark.parametrize("command", ["parser", "parser train", "parser evaluate"])
def test_help(firth: CommandLine, command: str) -> None:
    shown = firth.succeeds(*command.split(), "--help")
    assert f"Usage: firth {command} " in shown
    if " " in command:
        assert shown.count(f"firth {command} ") >= 3  # usage and examples


def test_raw_text_tells_how_words_are_used(copied: CommandLine) -> None:
    (copied.folder / "raw.txt").write_text("The cat sees Dr. Dog. It likes the old bird.\n" * 50)
    copied.succeeds("parser", "train", *TRAINING, "--text", "raw.txt", "-o", "raw.firth", "-q")
    assert (copied.folder / "raw.firth").read_bytes() != (copied.folder / "little.firth").read_bytes()
    copied.succeeds("parser", "train", *TRAINING, "--text", "raw.txt", "-o", "again.firth", "-q")
    assert (copied.folder / "raw.firth").read_bytes() == (copied.folder / "again.firth").read_bytes()
    assert copied.fails("parser", "train", *TRAINING, "--text", "none.txt", "-o", "n.firth").startswith(
        "none.txt: "
    )
    assert "is raw.txt" in copied.fails("parser", "train", *TRAINING, "--text", "raw.txt", "-o", "raw.txt")
