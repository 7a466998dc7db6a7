r"""Labelled texts from files: TSV, CSV, JSON Lines, fastText's format, and trees.

====================  ====================================================================================
``tsv``               ``label<TAB>text`` a line; further tabs belong to the text
``csv``               label and text in columns between commas or semicolons, quoted as by Python's csv
``jsonl``             an object a line, ``{"label": "good", "text": "…"}``; the label may be a list
``fasttext``          ``__label__good …``; with several such words the text has several labels
``trees``             ``(3 (2 A) (4 (3 fine) (2 film)))``: 0 very negative … 4 very positive
====================  ====================================================================================

Trees are those of the Stanford Sentiment Treebank (Socher et al. 2013), where every phrase has a label.

A first line of TSV or CSV that names the fields (``label``, ``sentiment``, … and ``text``, ``review``, …, in
any order and among others) is a heading. Without one, what the columns hold decides; see
`firth.classification.columns`. Blank lines are skipped and counted. Everything else that does not fit the
format is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

from firth.arrays import PathLike
from firth.classification.columns import Fields, usual_keys
from firth.classification.labelled_source import Labelled, Line, Source, numbered_lines
from firth.classification.sentiment_trees import read_trees
from firth.classification.tables import read_csv, read_tsv
from firth.errors import InputError
from firth.files.atomic import open_input
from firth.files.packed import name_unpacked

Format = Literal["tsv", "csv", "jsonl", "fasttext", "trees"]
FORMATS: tuple[str, ...] = get_args(Format)

_SUFFIXES = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_PREFIX = "__label__"


def read(
    path: PathLike,
    format: str | None = None,
    *,
    binary: bool = False,
    phrases: bool = False,
    label_field: str | None = None,
    text_field: str | None = None,
) -> Labelled:
    """Read labelled texts from a file, which may be packed.

    Parameters
    ----------
    path
        The file, in UTF-8.
    format
        One of `FORMATS`; None: by the suffix, or else by the first line.
    binary
        For trees: the labels are ``negative`` (0 and 1) and ``positive`` (3 and 4). Phrases with a 2 are
        skipped and counted.
    phrases
        For trees: every phrase is a text, and not only whole sentences. A phrase that occurs again with the
        same label is skipped and counted.
    label_field, text_field
        The names of the fields in JSON and in a heading, or the numbers of columns, from 1 on. None: usual
        names, such as ``label`` or ``sentiment``, and ``text`` or ``review``. Where a table has no such
        heading, what its columns hold decides.

    Raises
    ------
    InputError
        The file cannot be read, a text has no label, or something does not fit the format. The message has
        the line of the first such place, and says how many texts have no label.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"unknown format {format!r} of labelled texts: choose {', '.join(FORMATS)}")
    with open_input(path) as file:
        lines = numbered_lines(file, path)
        blank, first = _first_text(lines, path)
        format = format or _format_of(path, first[1])
        for wanted, what in ((binary, "binary labels"), (phrases, "labelled phrases")):
            if wanted and format != "trees":
                raise InputError(f"{path}: only trees have {what}, and this is {format}")
        labelled = Labelled()
        if blank:
            labelled.passed_over["blank lines"] = blank
        fields = Fields(label_field, text_field)
        source = Source(path, chain([first], lines), labelled)
        if format == "trees":
            read_trees(source, binary, phrases)
        elif format == "fasttext":
            _read_fasttext(source)
        elif format == "jsonl":
            _read_jsonl(source, fields)
        elif format == "csv":
            read_csv(source, fields)
        else:
            read_tsv(source, fields)
        source.complain()
    if not labelled.texts:
        raise InputError(f"{path}: no labelled text is in it")
    return labelled


def detect(path: PathLike) -> str:
    """Return the format that a file of labelled texts is in, by its suffix or its first line.

    Raises
    ------
    InputError
        The file cannot be read, or does not show its format.
    """
    with open_input(path) as file:
        return _format_of(path, _first_text(numbered_lines(file, path), path)[1][1])


def _first_text(lines: Iterator[Line], path: PathLike) -> tuple[int, Line]:
    """Return the number of blank lines at the start, and the line after them."""
    for blank, line in enumerate(lines):
        if line[1].strip():
            return blank, line
    raise InputError(f"{path}: is empty; it must hold labelled texts")


def _format_of(path: PathLike, first: str) -> str:
    stripped = first.lstrip()
    if (suffix := Path(name_unpacked(path)).suffix) in _SUFFIXES:
        return _SUFFIXES[suffix]
    if _PREFIX in first:
        return "fasttext"
    if re.match(r"\([0-4]\s*\S", stripped):
        return "trees"
    if stripped.startswith("{"):
        return "jsonl"
    if "\t" in first:
        return "tsv"
    raise InputError(
        f"{path}: it does not show which format this is: name one of {', '.join(FORMATS)} with --format"
    )


def _read_jsonl(source: Source, fields: Fields) -> None:
    found: tuple[str, str] | None = None
    for number, line in source:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise source.error(number, "not JSON: there must be one object a line") from None
        if not isinstance(value, dict):
            raise source.error(number, "not a JSON object")
        label_field, text_field = found = found or usual_keys(value, fields)
        text = value.get(text_field)
        if not isinstance(text, str):
            raise source.error(number, f"has no text in the field {text_field!r}: name it with --text-field")
        label = value.get(label_field)
        labels = label if isinstance(label, list) else [] if label is None else [label]
        if not all(isinstance(one, (str, int)) for one in labels):
            raise source.error(number, f"a label must be a string or an integer, not {json.dumps(label)}")
        source.add(number, text, [str(one) for one in labels], several=isinstance(label, list))


def _read_fasttext(source: Source) -> None:
    for number, line in source:
        first, *rest = line.strip().split(maxsplit=1)
        text = rest[0] if rest else ""
        labels = [first]
        if not first.startswith(_PREFIX) or _PREFIX in text:  # labels may stand anywhere
            words = line.split()
            labels = [word for word in words if word.startswith(_PREFIX)]
            text = " ".join(word for word in words if not word.startswith(_PREFIX))
        source.add(number, text, [label.removeprefix(_PREFIX) for label in labels])
