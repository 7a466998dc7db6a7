"""``firth parse`` as people use it: texts, treebanks, formats, bad input."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from firth.cli import parse as command
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.parser.parser import Parser
from firth.parsing.pipeline import Pipeline, load
from firth.parsing.transitions.systems import SYSTEMS
from firth.show.traces import derivation, trace, trace_markdown, trace_text
from firth.show.trees import tree_svg, tree_text
from firth.text import conllu
from firth.text.document import Sentence, Token
from firth.text.ranges import restored_text

if TYPE_CHECKING:
    from conftest import CommandLine

MODEL = ("--model", "little.firth")
TEXT = "The old dog sees a cat. The old child finds a bird.\n\nThe horse\r\nhears a  dog!"


@pytest.fixture(scope="module")
def pipeline(little: Path) -> Pipeline:
    return load(little / "little.firth")


def in_conllu(sentences: Iterator[Sentence] | list[Sentence]) -> str:
    return "".join(map(conllu.format_sentence, sentences))


def test_text_becomes_conllu(copied: CommandLine, pipeline: Pipeline) -> None:
    expected = in_conllu(pipeline(TEXT).sentences)
    (copied.folder / "text.txt").write_bytes(TEXT.encode())
    (copied.folder / "text.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    for arguments, stdin in [
        (["--text", TEXT], b""),
        (["text.txt"], b""),
        (["text.txt.gz"], b""),
        (["-"], TEXT.encode()),
        ([], b"\xef\xbb\xbf" + TEXT.encode()),
    ]:
        result = copied.call("parse", *arguments, *MODEL, stdin=stdin)
        assert result == (0, expected, "")
    assert copied.succeeds("parse", "text.txt", "-o", "out.conllu.gz", *MODEL) == ""
    assert gzip.decompress((copied.folder / "out.conllu.gz").read_bytes()).decode() == expected


def test_conllu_is_valid_and_says_what_the_text_was(copied: CommandLine) -> None:
    output = copied.process("parse", "--format", "conllu", *MODEL, stdin=TEXT.encode()).stdout
    sentences = conllu.load(io.StringIO(output), trees=True)
    assert [sentence.sent_id for sentence in sentences] == [str(i + 1) for i in range(len(sentences))]
    for sentence in sentences:
        joined = Sentence(sentence.tokens, [], sentence.multiword_tokens).text
        assert sentence.comments[1] == f"# text = {joined}"
    assert " ".join(sentence.text for sentence in sentences) == " ".join(TEXT.split())


def test_words_of_conllu_are_kept(copied: CommandLine) -> None:
    gold = conllu.load(copied.folder / "dev.conllu")
    parser = Parser.load(copied.folder / "little.firth")
    for options, given in [((), False), (("--gold-tags",), True)]:
        expected = in_conllu(list(parser.parse(conllu.load(copied.folder / "dev.conllu"), given_tags=given)))
        assert copied.succeeds("parse", "dev.conllu", *options, *MODEL) == expected
        found = conllu.load(io.StringIO(expected))
        for sentence, right in zip(found, gold, strict=True):
            assert sentence.comments == right.comments
            assert [(t.form, t.lemma, t.misc) for t in sentence] == [(t.form, t.lemma, t.misc) for t in right]
            if given:
                assert [(t.upos, t.xpos) for t in sentence] == [(t.upos, t.xpos) for t in right]
    stdin = (copied.folder / "dev.conllu").read_bytes()
    shown = copied.succeeds("parse", "-", "--input", "conllu", "--gold-tags", *MODEL, stdin=stdin)
    assert shown == expected


def test_enhanced_dependencies_belong_to_the_old_trees(copied: CommandLine) -> None:
    rows = ["1\tdogs\t_\t_\t_\t_\t0\troot\t0:root\t_", "1.1\tdo\t_\t_\t_\t_\t_\t_\t1:dep\t_"]
    (copied.folder / "e.conllu").write_text("\n".join([*rows, "", ""]) * 3)
    result = copied.call("parse", "e.conllu", *MODEL)
    assert result.returncode == 0
    assert "DEPS) of 3 words and 3 empty nodes were taken out" in result.stderr
    assert result.stderr.startswith("firth: note: ") and result.stderr.count("\n") == 1
    sentences = conllu.load(io.StringIO(result.stdout))
    assert all(s[0].deps == "_" and not s.empty_nodes for s in sentences)
    result = copied.call("parse", "e.conllu", "--keep-deps", *MODEL)
    assert (result.stderr, result.stdout.count("0:root"), result.stdout.count("1.1\tdo")) == ("", 3, 3)
    assert "--keep-deps is for CoNLL-U" in copied.fails("parse", "--text", "x", "--keep-deps", *MODEL)
    parser = Parser.load(copied.folder / "little.firth")
    with pytest.warns(UserWarning, match="DEPS\\) of 3 words"):
        parser.parse(conllu.load(copied.folder / "e.conllu"))


def test_gold_tags_that_are_none(copied: CommandLine) -> None:
    rows = "".join(f"{i}\tdog\t_\t{{}}\t{{}}\t_\t{int(i > 1)}\tdep\t_\t_\n" for i in (1, 2, 3))
    options = ("--gold-tags", *MODEL)
    for tags, note in [
        ("_ _ _ _ _ _", "3 of 3 words have no UPOS: "),
        ("NOUN NN _ NN NOUN NN", "1 of 3 words have no UPOS: "),
        (
            "NN NN NOUN NN NOUN NN",
            "1 of 3 words have a UPOS that the parser was not trained with, such as 'NN'",
        ),
        ("NOUN nc NOUN nc NOUN NN", "2 of 3 words have an XPOS of another tagset"),
    ]:
        (copied.folder / "t.conllu").write_text(rows.format(*tags.split()) + "\n")
        for arguments in (("parse", "t.conllu"), ("parser", "evaluate", "little.firth", "t.conllu")):
            result = copied.call(*arguments, *(options if arguments[0] == "parse" else options[:1]))
            assert result.returncode == 0
            assert result.stderr.startswith(f"firth: note: {note}"), result.stderr
            assert "leave out --gold-tags" in result.stderr and result.stderr.count("\n") == 1
    result = copied.call("parse", "dev.conllu", *options)
    assert (result.returncode, result.stderr) == (0, "")


def test_words_without_heads_get_some(copied: CommandLine) -> None:
    rows = [f"{i}\t{form}\t_\t_\t_\t_\t_\t_\t_\t_\n" for i, form in enumerate(("dogs", "see"), 1)]
    (copied.folder / "words.conllu").write_text("".join(rows) + "\n")
    (sentence,) = conllu.load(io.StringIO(copied.succeeds("parse", "words.conllu", *MODEL)))
    assert [token.form for token in sentence] == ["dogs", "see"]


def test_text_that_is_divided_already(copied: CommandLine, pipeline: Pipeline) -> None:
    lines = "The dog. A cat\n\nsees the bird\n"
    expected = in_conllu(list(pipeline.lines([lines])))
    (copied.folder / "lines.txt").write_text(lines)
    assert copied.succeeds("parse", "lines.txt", "--input", "lines", *MODEL) == expected
    assert copied.succeeds("parse", "--text", lines, "--input", "lines", *MODEL) == expected
    assert expected.count("# sent_id") == 2

    expected = in_conllu(pipeline([["The", "dog.", "10 000"], ["It"]]).sentences)
    words = b"The\ndog.\n10 000\n\nIt\n"
    (copied.folder / "words.conllu").write_bytes(words)
    assert copied.succeeds("parse", "words.conllu", "--input", "words", *MODEL) == expected
    assert copied.succeeds("parse", "--input", "words", *MODEL, stdin=words) == expected
    (copied.folder / "columns.txt").write_text("The\tDET\n")
    assert "columns.txt:1: a tab" in copied.fails("parse", "columns.txt", "--input", "words", *MODEL)


@pytest.mark.parametrize("input", ["text", "lines"])
def test_the_text_comes_back_from_conllu(copied: CommandLine, input: str) -> None:
    text = "\n  The  dog\tsees a cat.\r\n\r\nThe old child finds\na | bird \n"
    shown = copied.succeeds("parse", "--text", text, "--ranges", "--input", input, "-q", *MODEL)
    sentences = conllu.load(io.StringIO(shown))
    assert restored_text(sentences) == text
    assert shown.count("# newpar") == 2
    assert "--ranges is for raw text" in copied.fails("parse", "dev.conllu", "--ranges", *MODEL)


def test_a_treebank_can_be_read_as_text(copied: CommandLine) -> None:
    (copied.folder / "odd.conllu").write_text("No tree here.")
    assert "# text = No" in copied.succeeds("parse", "odd.conllu", "--input", "text", *MODEL)
    assert "odd.conllu:1: " in copied.fails("parse", "odd.conllu", *MODEL)


def test_trees_and_traces(copied: CommandLine, pipeline: Pipeline) -> None:
    sentences = pipeline(TEXT).sentences
    trees = "\n".join(map(tree_text, sentences))
    assert copied.succeeds("parse", "--text", TEXT, "--format", "tree", *MODEL) == trees
    parser = pipeline.parser
    traces = [
        trace(parser.system, parser.transitions(sentence), [token.form for token in sentence])
        for sentence in sentences
    ]
    for sentence, steps in zip(sentences, traces, strict=True):
        arcs = [step.dependency for step in steps if step.dependency]
        assert len(arcs) == len(sentence)
        assert len(steps) == 2 * len(sentence) + 1
        forms = ["ROOT", *(token.form for token in sentence)]
        assert sorted(arcs) == sorted(f"{forms[t.head or 0]}→{t.form} ({t.deprel})" for t in sentence)
    as_text = "\n".join(map(trace_text, traces))
    assert copied.succeeds("parse", "--text", TEXT, "--format", "trace", *MODEL) == as_text
    copied.succeeds("parse", "--text", TEXT, "-o", "trace.md", *MODEL)
    markdown = (copied.folder / "trace.md").read_text(encoding="utf-8")
    assert markdown == "\n".join(map(trace_markdown, traces))


def test_the_derivation_in_another_system(copied: CommandLine, pipeline: Pipeline) -> None:
    assert [system.value for system in command.System] == sorted(SYSTEMS, key=list(SYSTEMS).index)
    (sentence,) = pipeline("The old dog sees a cat.")
    options = ("--format", "trace", "--system", "arc-standard", *MODEL)
    steps = trace(*derivation(sentence, "arc-standard"), [token.form for token in sentence])
    assert copied.succeeds("parse", "--text", "The old dog sees a cat.", *options) == trace_text(steps)
    heads = [3, 4, 0, 3]
    crossing = Sentence([Token(i, f"w{i}", head=head, deprel="dep") for i, head in enumerate(heads, 1)])
    with pytest.warns(UserWarning, match=r"sentence None: has crossing arcs.*shown in arc-standard-swap"):
        shown = command._trace(pipeline.parser, crossing, False, False, None, command.System.arc_standard)
    assert "SWAP" in shown
    fails = ("parse", "--text", "x", "--system", "arc-standard", "--format", "tree", *MODEL)
    assert "--system is for --format trace" in copied.fails(*fails)


def test_json_has_places_in_the_whole_text(copied: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.parsing.pipeline._PIECE_CHARACTERS", 40)
    lines = copied.succeeds("parse", "--text", TEXT, "--format", "json", *MODEL).splitlines()
    values = [json.loads(line) for line in lines]
    assert [value["sent_id"] for value in values] == [str(i + 1) for i in range(len(values))]
    tokens = [token for value in values for token in value["tokens"]]
    assert [TEXT[token["start"] : token["end"]] for token in tokens] == [token["form"] for token in tokens]
    assert "".join(token["form"] for token in tokens) == "".join(TEXT.split())
    assert tokens[0]["deps"] is None
    assert set(tokens[0]) == {
        "id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc", "start", "end",
    }  # fmt: skip


def test_json_of_multiword_tokens(copied: CommandLine) -> None:
    rows = [row + "\t_" * 8 for row in ("1-2\tdon't", "1\tdo", "2\tn't")]
    (copied.folder / "w.conllu").write_text("\n".join([*rows, "", ""]))
    value = json.loads(copied.succeeds("parse", "w.conllu", "--format", "json", *MODEL))
    (range_,) = value["multiword_tokens"]
    assert (range_["first"], range_["last"], range_["form"]) == (1, 2, "don't")
    assert (value["text"], value["sent_id"]) == ("don't", None)


def test_pictures(copied: CommandLine, pipeline: Pipeline) -> None:
    (one,) = pipeline("The dog")
    copied.succeeds("parse", "--text", "The dog", "-o", "one.svg", *MODEL)
    assert (copied.folder / "one.svg").read_text(encoding="utf-8") == tree_svg(one)
    sentences = pipeline("The dog\n\nThe old cat\n\nA bird").sentences
    copied.succeeds("parse", "--text", "The dog\n\nThe old cat\n\nA bird", "-o", "all.svg", *MODEL)
    picture = ElementTree.parse(copied.folder / "all.svg").getroot()
    trees = [ElementTree.fromstring(tree_svg(sentence)) for sentence in sentences]
    heights = [int(tree.attrib["height"]) for tree in trees]
    assert int(picture.attrib["height"]) == sum(heights)
    assert int(picture.attrib["width"]) == max(int(tree.attrib["width"]) for tree in trees)
    moved = [group.attrib["transform"] for group in picture]
    assert moved == [f"translate(0 {sum(heights[:i])})" for i in range(3)]
    empty = copied.succeeds("parse", "--text", " ", "--format", "svg", "-q", *MODEL)
    assert list(ElementTree.fromstring(empty)) == []


@pytest.mark.parametrize("text", ["", " \t\n\n", "\ufeff"])
def test_nothing_gives_nothing(copied: CommandLine, text: str) -> None:
    (copied.folder / "nothing").write_text(text, encoding="utf-8")
    for format in ("conllu", "tree", "json", "trace"):
        result = copied.call("parse", "nothing", "--format", format, *MODEL)
        assert result == (0, "", "firth: note: nothing: has no words\n")
    (copied.folder / "nothing.conllu").write_text("")
    assert copied.call("parse", "nothing.conllu", "-q", *MODEL) == (0, "", "")


def test_trees_come_in_order_with_any_number_of_threads(
    copied: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firth.parsing.pipeline._PIECE_CHARACTERS", 100)
    text = "\n\n".join(f"The dog sees {number} cats." for number in range(200))
    outputs = {
        copied.succeeds("parse", "--text", text, "--format", "json", "--threads", n, *MODEL) for n in (1, 3)
    }
    (output,) = outputs
    values = [json.loads(line) for line in output.splitlines()]
    assert " ".join(value["text"] for value in values) == " ".join(text.split())


def test_long_input_has_progress(copied: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.text.stream._BLOCK", 100)
    monkeypatch.setattr("firth.parsing.streaming._BATCH_SENTENCES", 5)
    text = "Ein Vögelchen.\n\n" * 20
    (copied.folder / "text.txt").write_bytes(text.encode())
    for arguments, unit in [(["text.txt"], "340 bytes"), (["dev.conllu"], "70 words")]:
        result = copied.call("parse", *arguments, "-o", "out.conllu", *MODEL)
        assert result.stdout == ""
        assert result.stderr.startswith(f"parsing: {unit} in ")
        assert copied.call("parse", *arguments, "-o", "out.conllu", "-q", *MODEL).stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
def test_on_a_terminal_there_are_trees(copied: CommandLine, pipeline: Pipeline) -> None:
    import pty

    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "firth", "parse", "--text", "The dog sees a cat.", *MODEL]
    result = subprocess.run(arguments, cwd=copied.folder, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert (result.returncode, result.stderr) == (0, "")
    assert shown.replace("\r\n", "\n").startswith(tree_text(pipeline("The dog sees a cat.")[0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.txt"], "absent.txt: no such file"),
        (["latin.txt"], "latin.txt:2: not UTF-8"),
        (["utf16.txt"], "utf16.txt:1: "),
        (["nul.txt"], "nul.txt:3: holds a NUL byte"),
        (["--text", "caf\udce9"], "--text: not UTF-8"),
        (["fine.txt", "--text", "x"], "both fine.txt and --text"),
        (["fine.txt", "--gold-tags"], "--gold-tags needs words with tags"),
        (["--text", "x", "--input", "conllu"], "--text is raw text"),
        (["--text", "x", "--input", "words"], "--input words is for files"),
        (["fine.txt", "-o", "absent/o.conllu"], "there is no folder absent"),
        (["fine.txt", "-o", "fine.txt"], "would be written over"),
        (["fine.txt", "-o", "o.conllu", "--model", "absent.firth"], "absent.firth: no such file"),
        (["latin.txt", "-o", "o.conllu"], "latin.txt:2: not UTF-8"),
        (["cut.txt.gz", "-o", "o.conllu"], "cut.txt.gz: truncated or broken"),
        (["fine.txt", "--model", "cut.firth"], "cut.firth: truncated"),
        (["fine.txt", "--model", "fine.txt"], "fine.txt: not a safetensors file"),
        (["fine.txt", "--model", "newer.firth"], "newer.firth: was made by another version of firth"),
        (["fine.txt", "--model", "parser.firth"], "parser.firth: has no segmenter"),
    ],
    ids=lambda value: ascii(" ".join(value)) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(
    copied: CommandLine, arguments: list[str], message: str
) -> None:
    folder = copied.folder
    (folder / "fine.txt").write_text("Fine.")
    (folder / "latin.txt").write_bytes("fine\ncafé".encode("latin-1"))
    (folder / "utf16.txt").write_bytes("café".encode("utf-16"))
    (folder / "nul.txt").write_bytes(b"fine\n\nNUL\0\n")
    (folder / "cut.txt.gz").write_bytes(gzip.compress(TEXT.encode())[:-9])
    (folder / "cut.firth").write_bytes((folder / "little.firth").read_bytes()[:50_000])
    arrays, metadata = load_arrays(folder / "little.firth")
    save_arrays(folder / "newer.firth", arrays, {**metadata, "format": 999})
    Parser.load(folder / "little.firth").save(folder / "parser.firth")
    model = [] if "--model" in arguments else MODEL
    assert message in copied.fails("parse", *arguments, *model)


def test_a_parser_without_segmenter_reads_words(copied: CommandLine) -> None:
    Parser.load(copied.folder / "little.firth").save(copied.folder / "parser.firth")
    shown = copied.succeeds("parse", "dev.conllu", "--model", "parser.firth")
    assert shown == copied.succeeds("parse", "dev.conllu", *MODEL)


def test_a_model_that_does_not_come_with_firth(
    copied: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("firth.parsing.pipeline.files", lambda package: tmp_path / "installed")
    assert "--model FILE" in copied.fails("parse", "--text", "x")


def test_a_sentence_too_long_for_a_trace(copied: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_LONGEST_TRACE", 3)
    arguments = ("parse", "--text", "The dog sees a cat", "--format", "trace", *MODEL)
    assert "too many for a trace" in copied.fails(*arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_leaves_early_is_no_error(copied: CommandLine) -> None:
    (copied.folder / "text.txt").write_text("The dog sees a cat.\n\n" * 2000)
    shell = f"{sys.executable} -m firth parse text.txt --model little.firth | head -n 1"
    result = subprocess.run(shell, shell=True, cwd=copied.folder, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("# sent_id = 1\n", "")


def test_help(firth: CommandLine) -> None:
    shown = firth.succeeds("parse", "--help")
    assert "Usage: firth parse [OPTIONS] [FILE|-]" in shown
    assert shown.count("  firth parse ") >= 3


def test_packed_conllu_is_known_by_its_name(copied: CommandLine) -> None:
    """Its rows would pass for raw text."""
    expected = copied.succeeds("parse", "dev.conllu", *MODEL)
    data = (copied.folder / "dev.conllu").read_bytes()
    (copied.folder / "dev.conllu.bz2").write_bytes(bz2.compress(data))
    assert copied.succeeds("parse", "dev.conllu.bz2", *MODEL) == expected
