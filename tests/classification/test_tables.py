"""Tables of labelled texts as people have them: columns in any order, headings of any name, quotes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.classification.labelled import read
from firth.classification.labelled_source import Labelled
from firth.errors import InputError

TEXTS = [
    f"the {noun} was {how} today" for noun in ("film", "plot", "cast", "music") for how in ("good", "bad")
]
LABELS = ["yes" if "good" in text else "no" for text in TEXTS]
IDS = [f"{900 + 7 * i}" for i in range(len(TEXTS))]
EXPECTED = [((label,), text) for label, text in zip(LABELS, TEXTS, strict=True)]


def read_rows(folder: Path, name: str, *columns: list[str], heading: str = "", **options: str) -> Labelled:
    delimiter = "\t" if name.endswith("tsv") else ","
    lines = [delimiter.join(heading.split())] if heading else []
    lines += [delimiter.join(cells) for cells in zip(*columns, strict=True)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return read(folder / name, **options)


def pairs(labelled: Labelled) -> list[tuple[tuple[str, ...], str]]:
    return list(zip(labelled.labels, labelled.texts, strict=True))


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("review sentiment", (TEXTS, LABELS)),
        ("Sentence LABEL", (TEXTS, LABELS)),
        ("category message", (LABELS, TEXTS)),
        ("id label text", (IDS, LABELS, TEXTS)),
        ("id review sentiment", (IDS, TEXTS, LABELS)),
        ("urteil review", (LABELS, TEXTS)),  # one usual name
        ("satz sentiment", (TEXTS, LABELS)),
        ("nummer sentiment satz", (IDS, LABELS, TEXTS)),
        ("nummer satz urteil", (IDS, TEXTS, LABELS)),  # a heading, as the first column holds numbers
        ("", (TEXTS, LABELS)),
        ("", (LABELS, TEXTS)),
        ("", (IDS, LABELS, TEXTS)),
        ("", (TEXTS, IDS, LABELS)),
        ("", (IDS, ["en"] * len(IDS), LABELS, TEXTS)),  # a column that says the same everywhere
    ],
)
def test_columns_are_told(tmp_path: Path, name: str, heading: str, columns: tuple[list[str], ...]) -> None:
    labelled = read_rows(tmp_path, name, *columns, heading=heading)
    assert pairs(labelled) == EXPECTED
    usual = columns[:2] == (LABELS, TEXTS)
    assert bool(labelled.notes) == (not heading and not usual)


def test_the_columns_that_were_chosen_are_told(tmp_path: Path) -> None:
    (note,) = read_rows(tmp_path, "x.csv", TEXTS, LABELS).notes
    assert note.endswith("x.csv: column 2 was read as the labels and column 1 as the texts")


@pytest.mark.parametrize(
    ("columns", "heading", "message"),
    [
        # As many labels as texts.
        ((TEXTS, [f"topic{i}" for i in range(8)]), "", "the first one has 8 different values in 8 rows"),
        ((IDS, TEXTS), "", "the first one has 8 different values in 8 rows"),
        ((TEXTS[:2] * 4, IDS), "", "it is not clear which columns hold the labels and the texts"),
        ((IDS, TEXTS, TEXTS[::-1]), "", "it is not clear which columns hold the labels and the texts"),
        ((LABELS, LABELS, TEXTS), "", "it is not clear which columns"),
        ((LABELS, LABELS, TEXTS), "topic category text", "'topic' and 'category' may all hold the labels"),
        ((LABELS, TEXTS, TEXTS), "label title body", "'title' and 'body' may all hold the texts"),
    ],
)
def test_what_is_unclear_is_refused(
    tmp_path: Path, columns: tuple[list[str], ...], heading: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_rows(tmp_path, "x.csv", *columns, heading=heading)
    assert "--label-field" in str(error.value) or "--text-field" in str(error.value)


def test_columns_are_named_by_heading_or_number(tmp_path: Path) -> None:
    columns = (LABELS[::-1], LABELS, TEXTS)
    for heading, label, text in (
        ("topic category text", "Category", None),
        ("topic category text", "2", None),
        ("a b c", "b", "c"),
        ("", "2", "3"),
        ("", "2", None),
    ):
        options = {"label_field": label} | ({} if text is None else {"text_field": text})
        for name in ("x.csv", "x.tsv"):
            labelled = read_rows(tmp_path, name, *columns, heading=heading, **options)
            assert pairs(labelled) == EXPECTED
    with pytest.raises(InputError, match="labels and texts cannot both be in the column '2'"):
        read_rows(tmp_path, "x.csv", *columns, label_field="2", text_field="2")
    for label in ("stars", "4", "0"):
        with pytest.raises(
            InputError, match=f"x.csv:1: no column is named '{label}': the first row has 'a', 'b'"
        ):
            read_rows(tmp_path, "x.csv", *columns, heading="a b c", label_field=label)


def test_a_word_that_might_be_a_heading_is_a_label_where_it_comes_again(tmp_path: Path) -> None:
    labels = ["topic", "other"] * 4
    labelled = read_rows(tmp_path, "x.tsv", labels, TEXTS)
    assert [label for (label,) in labelled.labels] == labels


def test_a_heading_that_was_not_recognised_is_told(tmp_path: Path) -> None:
    labelled = read_rows(tmp_path, "x.csv", ["urteil", *LABELS], ["satz", *TEXTS])
    (note,) = labelled.notes
    assert "x.csv:1: 'urteil' is the label of no other line; if it is the name of a column" in note


def test_tabs_in_texts_stay_where_lines_differ(tmp_path: Path) -> None:
    texts = [text.replace(" was ", "\twas ") if i % 2 else text for i, text in enumerate(TEXTS)]
    assert read_rows(tmp_path, "x.tsv", LABELS, texts).texts == texts
    assert read_rows(tmp_path, "x.tsv", LABELS[:2], ["a\tb", "c\td"]).texts == ["a\tb", "c\td"]


def test_keys_of_json(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": 1, "review": text, "Sentiment": label})
        for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    assert pairs(read(tmp_path / "x.jsonl")) == EXPECTED


def test_a_large_table_of_which_a_part_is_looked_at(tmp_path: Path) -> None:
    texts = [f"text number {i} of many" for i in range(9001)]
    labels = [f"label{i % 3}" for i in range(9001)]
    assert read_rows(tmp_path, "x.csv", texts, labels).texts == texts


def test_a_text_of_more_than_131072_characters(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = "word " * 40_000
    assert read_rows(tmp_path, "x.csv", ["yes", "no"], [long, "short"]).texts == [long, "short"]
    assert read_rows(tmp_path, "x.tsv", ['"yes"', '"no"'], [f'"{long}"', '"short"']).texts == [long, "short"]
    assert csv.field_size_limit() == before


QUOTED = ['he said "no"', "a tab\there", "two\nlines", '"all"', "plain", ""]
QUOTED_LABELS = ["no", "yes", "no", "yes", "no", "yes"]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tsv_as_csv_writers_quote_it(tmp_path: Path, quoting: int, end: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter="\t", quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows(
        [("", "text", "label"), *zip(range(6), QUOTED, QUOTED_LABELS, strict=True)]  # with the index
    )
    (tmp_path / "x.tsv").write_bytes(written.getvalue().encode())
    assert pairs(read(tmp_path / "x.tsv")) == [
        ((label,), text) for label, text in zip(QUOTED_LABELS, QUOTED, strict=True)
    ]


def test_tsv_as_pandas_writes_it(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"review": QUOTED, "sentiment": QUOTED_LABELS})
    for options in ({}, {"quoting": csv.QUOTE_ALL}, {"quoting": csv.QUOTE_NONNUMERIC, "index": False}):
        frame.to_csv(tmp_path / "x.tsv", sep="\t", **options)
        labelled = read(tmp_path / "x.tsv")
        assert labelled.texts == QUOTED
        assert [label for (label,) in labelled.labels] == QUOTED_LABELS


def test_quotes_that_belong_to_texts_stay(tmp_path: Path) -> None:
    texts = ['"Good," he said', '"all of it"', 'in "the" middle', "none"]
    assert read_rows(tmp_path, "x.tsv", LABELS[:4], texts).texts == texts


def test_semicolons_of_spreadsheets(tmp_path: Path) -> None:
    lines = ["review;sentiment", *(f'"{text}, so";{label}' for (label,), text in EXPECTED)]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    labelled = read(tmp_path / "x.csv")
    assert pairs(labelled) == [(labels, f"{text}, so") for labels, text in EXPECTED]
    assert labelled.notes[0].endswith("x.csv: read with semicolons between its columns")


def test_commas_without_quotes_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("yes,good\nno,bad, very bad\n")
    with pytest.raises(InputError, match=r"x\.csv:2: has 3 columns, and the first row has 2: put texts with"):
        read(tmp_path / "x.csv")


CELLS = st.sampled_from(
    ["label", "text", "topic", "Review", "yes", "no", "1", "2.5", "", " ", '"', '"a"', "a b c"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=8),
    st.sampled_from([None, "label", "1", "9", ""]),
    st.sampled_from([None, "text", "2"]),
)
def test_any_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    label_field: str | None,
    text_field: str | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    for format, delimiter in (("csv", ","), ("tsv", "\t")):
        path.write_text("\n".join(delimiter.join(cells) for cells in rows))
        try:
            labelled = read(path, format, label_field=label_field, text_field=text_field)
        except InputError as error:
            assert "\n" not in str(error)
            assert "any.txt" in str(error)
        else:
            assert len(labelled.texts) == len(labelled.labels) > 0
            assert all(labels and all(labels) for labels in labelled.labels)
