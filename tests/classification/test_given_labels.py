"""Lines to be classified that have labels already."""

from __future__ import annotations

import pytest

from firth.classification.given_labels import GivenLabels

TEXTS = ["good tea", "bad rain", "fine, I say", "", "dull", "so so", "great"]
LABELS = ["yes", "no", "yes", "no", "no", "other", "yes"]
PAIRS = list(zip(LABELS, TEXTS, strict=True))


def texts_of(lines: list[str], labels: tuple[str, ...] = ("yes", "no")) -> tuple[list[str], str | None]:
    given = GivenLabels(labels)
    # As they come: some at first, then more.
    return given.texts(lines[:6]) + given.texts(lines[6:]), given.note


@pytest.mark.parametrize(
    "lines",
    [
        [f"__label__{label} {text}" for label, text in PAIRS],
        [f"{text} __label__{label}" for label, text in PAIRS],
        [f"__label__{label} __label__more {text}" for label, text in PAIRS],
        [f"{label}\t{text}" for label, text in PAIRS],
        [f"{text}\t{label}" for label, text in PAIRS],
    ],
)
def test_labels_are_left_out(lines: list[str]) -> None:
    texts, note = texts_of(lines)
    assert [text.strip() for text in texts] == TEXTS
    assert note == (
        "of 7 lines, 7 are labelled texts: their labels were left out, and only the texts were classified"
    )


@pytest.mark.parametrize(
    ("heading", "lines"),
    [
        ("id\treview\tsentiment", [f"{i}\t{text}\t{label}" for i, (label, text) in enumerate(PAIRS)]),
        ("label,text", [f'{label},"{text}"' for label, text in PAIRS]),
    ],
)
def test_tables_with_a_heading(heading: str, lines: list[str]) -> None:
    assert texts_of([heading, *lines])[0][1:] == TEXTS


def test_csv_without_a_heading() -> None:
    lines = [f'no,"{text}"' for text in TEXTS]
    assert texts_of(lines)[0] == TEXTS


def test_objects_of_json() -> None:
    assert texts_of([f'{{"label": "{label}", "text": "{text}"}}' for label, text in PAIRS])[0] == TEXTS


@pytest.mark.parametrize(
    "lines",
    [
        TEXTS,
        ["yes, good tea", "no, bad rain"],
        ["yes, good tea", "no", "bad", "yes, fine", "no, dull", "so"],
        ["tea\tgood", "rain\tbad", "tea"],
        ["maybe\tgood", "other\tbad"],
        ["{tea}", '{"label": "yes"}', "[1]"],
        ["", " ", ""],
        ["a__label__b"],
        [],
    ],
)
def test_other_lines_stay_as_they_are(lines: list[str]) -> None:
    assert texts_of(lines) == (lines, None)
