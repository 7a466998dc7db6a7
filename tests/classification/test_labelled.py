"""Readers of labelled texts."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.classification.labelled import detect, read
from firth.classification.labelled_source import Labelled
from firth.classification.sentiment_trees import natural_text
from firth.errors import InputError

TREE = "(4 (2 The) (3 (2 film) (4 (2 is) (4 (2 n't) (4 (0 bad) (2 -RRB-))))))"


def of(folder: Path, text: str, name: str = "x.txt", **options: object) -> Labelled:
    """Write a file and read it."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, **options)  # type: ignore[arg-type]


def pairs(labelled: Labelled) -> list[tuple[tuple[str, ...], str]]:
    return list(zip(labelled.labels, labelled.texts, strict=True))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.tsv", "yes\tgood tea\nno\tbad, bad\ttea\n"),
        ("x.tsv", "text\tid\tlabel\ngood tea\t1\tyes\nbad, bad\ttea\tno\n"),
        ("x.txt", "yes\tgood tea\r\nno\tbad, bad\ttea\r\n"),
        ("x.csv", 'yes,good tea\nno,"bad, bad\ttea"\n'),
        ("x.csv", 'id,Text,Label\n1,good tea,yes\n2,"bad, bad\ttea",no\n'),
        ("x.jsonl", '{"label": "yes", "text": "good tea"}\n{"text": "bad, bad\\ttea", "label": "no"}\n'),
        ("x.txt", '{"label": "yes", "text": "good tea"}\n{"text": "bad, bad\\ttea", "label": "no"}\n'),
        ("x.txt", "__label__yes good tea\n__label__no bad, bad\ttea"),
        ("x.txt", "__label__yes\tgood tea\n __label__no   bad, bad\ttea\n"),
        ("x.tsv", "\ufeffyes\tgood tea\nno\tbad, bad\ttea\n"),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str) -> None:
    labelled = of(tmp_path, text, name)
    second = "tea" if "id\tlabel" in text else "bad, bad\ttea"
    assert [label for (label,) in labelled.labels] == ["yes", "no"]
    assert labelled.texts[0] == "good tea"
    if second != "tea":
        assert labelled.texts[1] == second
    assert not labelled.passed_over


def test_packed_files_and_detection(tmp_path: Path) -> None:
    (tmp_path / "x.tsv.gz").write_bytes(gzip.compress(b"yes\tgood\n"))
    assert pairs(read(tmp_path / "x.tsv.gz")) == [(("yes",), "good")]
    (tmp_path / "x.csv.bz2").write_bytes(bz2.compress(b"yes,good\n"))
    assert pairs(read(tmp_path / "x.csv.bz2")) == [(("yes",), "good")]
    for text, format in ((TREE, "trees"), ("__label__a b", "fasttext"), ("a\tb", "tsv"), ("\n{}", "jsonl")):
        (tmp_path / "y").write_text(text)
        assert detect(tmp_path / "y") == format


def test_several_labels(tmp_path: Path) -> None:
    expected = [(("tea", "rain"), "wet cup"), (("tea",), "milk")]
    assert pairs(of(tmp_path, "__label__tea __label__rain wet cup\n__label__tea milk\n")) == expected
    assert pairs(of(tmp_path, "wet __label__tea cup __label__rain\n__label__tea milk\n")) == expected
    lines = '{"label": ["tea", "rain", "tea"], "text": "wet cup"}\n{"label": ["tea"], "text": "milk"}\n'
    labelled = of(tmp_path, lines + '{"label": [], "text": "plot"}\n')
    assert pairs(labelled) == [*expected, ((), "plot")]
    assert labelled.several
    assert labelled.y(several=True) == [("tea", "rain"), ("tea",), ()]


def test_integers_as_labels_and_other_fields(tmp_path: Path) -> None:
    line = '{"stars": 4, "review": "fine"}\n'
    labelled = of(tmp_path, line, "x.jsonl", label_field="stars", text_field="review")
    assert pairs(labelled) == [(("4",), "fine")]


def test_blank_lines_are_counted_and_empty_texts_are_texts(tmp_path: Path) -> None:
    labelled = of(tmp_path, "\n \nyes\tgood\n\nno\t\n", "x.tsv")
    assert pairs(labelled) == [(("yes",), "good"), (("no",), "")]
    assert labelled.passed_over == {"blank lines": 3}
    assert of(tmp_path, "yes,good\n\nno,bad\n", "x.csv").passed_over == {"blank lines": 1}


def test_trees(tmp_path: Path) -> None:
    text = f"{TREE}\n(2 (2 so) (2 so))\n"
    assert pairs(of(tmp_path, text)) == [(("4",), "The film isn't bad )"), (("2",), "so so")]
    binary = of(tmp_path, text, binary=True)
    assert pairs(binary) == [(("positive",), "The film isn't bad )")]
    assert binary.passed_over == {"neutral sentences": 1}
    every = of(tmp_path, text, phrases=True)
    assert len(every) == 11 + 2
    assert every.passed_over == {"repeated phrases": 1}
    assert (("0",), "bad") in pairs(every)
    assert (("4",), "n't bad )") in pairs(every)
    some = of(tmp_path, text, binary=True, phrases=True)
    assert pairs(some) == [
        (("negative",), "bad"), (("positive",), "bad )"), (("positive",), "n't bad )"),
        (("positive",), "isn't bad )"), (("positive",), "film isn't bad )"),
        (("positive",), "The film isn't bad )"),
    ]  # fmt: skip
    assert some.passed_over == {"neutral phrases": 8}


def test_natural_text() -> None:
    tokens = r"I ca n't say it 's -LRB- or 'S -RRB- and\/or so 'tis"
    assert natural_text(tokens.split()) == "I can't say it's ( or'S ) and/or so 'tis"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "x.tsv", "x.tsv: is empty"),
        (" \n\n", "x.txt", "x.txt: is empty"),
        ("just text\n", "x.txt", "name one of tsv, csv, jsonl, fasttext, trees with --format"),
        ("yes\tgood\njust text\n", "x.tsv", "x.tsv:2: no tab"),
        (
            "yes\tgood\n\tbad\n\nno\tbad\n \tworse\n",
            "x.tsv",
            r"x.tsv:2: the text has no label \(2 such lines in all\)",
        ),
        ("label\tid\ttext\nyes\t1\n", "x.tsv", "x.tsv:2: has 2 columns, too few"),
        ("yes,good\nno\n", "x.csv", "x.csv:2: has 1 columns: two are needed"),
        ("yes,good\n,bad\n", "x.csv", "x.csv:2: the text has no label; label it"),
        ("\n\nno\n", "x.csv", "x.csv:3: has 1 columns: two are needed"),
        ("yes\tgood\nno\tb\0d\n", "x.tsv", "x.tsv:2: holds a NUL character"),
        ('{"label": "\\ud800", "text": "bad"}\n', "x.jsonl", "x.jsonl:1: .* half a surrogate pair"),
        ('yes,"two\nlines"\nno,"open\n', "x.csv", "x.csv:3: not CSV"),
        ('{"label": "yes"}\n', "x.jsonl", "x.jsonl:1: has no text in the field 'text'"),
        ('{"text": "good"}\n', "x.jsonl", "x.jsonl:1: the text has no label"),
        ('{"text": "good", "label": {}}\n', "x.jsonl", "x.jsonl:1: a label must be a string or an integer"),
        ('{"text": "good", "label": 1.5}\n', "x.jsonl", "x.jsonl:1: a label must be"),
        ("[1]\n", "x.jsonl", "x.jsonl:1: not a JSON object"),
        ("{oops\n", "x.jsonl", "x.jsonl:1: not JSON"),
        ("__label__a b\nc d\n", "x.txt", "x.txt:2: the text has no label"),
        ("__label__ b\n", "x.txt", "x.txt:1: the text has no label"),
        (f"{TREE}\n{TREE[:-1]}\n", "x.txt", "x.txt:2: not a tree: 1 brackets are not closed"),
        (f"{TREE})\n", "x.txt", "x.txt:1: .* stands after the end"),
        (f"{TREE} (2 b)\n", "x.txt", "x.txt:1: .* stands after the end"),
        ("(2 a)\n2 b\n", "x.txt", "x.txt:2: not a tree: it must begin with a bracket"),
        ("(2 a)\n(5 b)\n", "x.txt", "x.txt:2: the label of a phrase must be 0 to 4, not '5'"),
        ("(2 a)\n((2 b) (2 c))\n", "x.txt", "x.txt:2: not a tree: a phrase has no label"),
        ("(2 a)\n(2)\n", "x.txt", "x.txt:2: not a tree: a bracket closes a phrase without words"),
        ("(2 a)\n()\n", "x.txt", "x.txt:2: not a tree"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        of(tmp_path, text, name)


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.tsv")
    with pytest.raises(InputError, match="unknown format 'xml'"):
        of(tmp_path, "a\tb", format="xml")
    with pytest.raises(InputError, match="only trees have binary labels, and this is tsv"):
        of(tmp_path, "a\tb", binary=True)
    with pytest.raises(InputError, match="only trees have labelled phrases, and this is tsv"):
        of(tmp_path, "a\tb", phrases=True)
    with pytest.raises(InputError, match="no labelled text is in it"):
        of(tmp_path, "(2 so)", binary=True)
    (tmp_path / "latin.tsv").write_bytes("a\tb\nc\té\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.tsv:2: not valid UTF-8"):
        read(tmp_path / "latin.tsv")


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\x85"), max_size=20
)
LABEL = TEXT.map(lambda text: "x" + text.strip())


@settings(max_examples=50)
@given(st.lists(st.tuples(LABEL, TEXT), min_size=1))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("labelled")
    expected = [((label,), text) for label, text in rows]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("label", "text"), *rows])
    assert pairs(of(folder, buffer.getvalue(), "x.csv")) == expected
    lines = "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows)
    assert pairs(of(folder, lines, "x.jsonl")) == expected
    tsv = "label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in rows)
    assert pairs(of(folder, tsv, "x.tsv")) == expected


@settings(max_examples=200)
@given(st.text(st.sampled_from('()0123 ab\n\t{"}[],:_'), max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for format in ("tsv", "csv", "jsonl", "fasttext", "trees"):
        try:
            labelled = of(folder, text, "any.txt", format=format)
        except InputError as error:
            assert "\n" not in str(error) and "any.txt" in str(error)
        else:
            assert len(labelled.texts) == len(labelled.labels) > 0


def test_the_treebank(shared_data: Path) -> None:
    """The published sizes of SST-5 and SST-2."""
    trees = shared_data / "sst" / "trees"
    sizes = {
        name: (len(read(trees / f"{name}.txt")), len(read(trees / f"{name}.txt", binary=True)))
        for name in ("train", "dev", "test")
    }
    assert sizes == {"train": (8544, 6920), "dev": (1101, 872), "test": (2210, 1821)}
