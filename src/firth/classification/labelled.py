r"""Labelled texts from files: TSV, CSV, JSON Lines, fastText's format, and trees.

====================  ====================================================================================
``tsv``               ``label<TAB>text`` a line; further tabs belong to the text
``csv``               two columns, label and text, quoted as Python's csv module has it
``jsonl``             an object a line, ``{"label": "good", "text": "…"}``; the label may be a list
``fasttext``          ``__label__good …``; with several such words the text has several labels
``trees``             ``(3 (2 A) (4 (3 fine) (2 film)))``: 0 very negative … 4 very positive
====================  ====================================================================================

Trees are those of the Stanford Sentiment Treebank (Socher et al. 2013), where every phrase has a label.

A first line of TSV or CSV that names the fields (``label`` and ``text``, in any order and among others) is a
heading. Blank lines are skipped and counted. Everything else that does not fit the format is an error.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from firth.arrays import PathLike
from firth.errors import InputError
from firth.files.atomic import open_input

Format = Literal["tsv", "csv", "jsonl", "fasttext", "trees"]
FORMATS: tuple[str, ...] = get_args(Format)

_SUFFIXES = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_PREFIX = "__label__"
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_TREE_TOKEN = re.compile(r"[()]|[^\s()]+")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
# The Penn Treebank separates these from the word before them.
_CLITIC = re.compile(r" (n't|'(?:s|m|d|re|ve|ll))\b", re.IGNORECASE)
_BINARY = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}

Line: TypeAlias = tuple[int, str]


def as_y(labels: list[tuple[str, ...]], several: bool) -> list[str] | list[tuple[str, ...]]:
    """Return the labels of texts, or else the only label of each text if there are not several."""
    return labels if several else [label for (label,) in labels]


@dataclass
class Labelled:
    """n labelled texts.

    Attributes
    ----------
    texts : list of str
        The texts.
    labels : list of tuple of str
        The labels of each: one, unless the format allows for several.
    passed_over : dict
        What was skipped, and how often: blank lines, neutral phrases.
    """

    texts: list[str] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def several(self) -> bool:
        """Whether a text has several labels, or none."""
        return any(len(labels) != 1 for labels in self.labels)

    def y(self, several: bool) -> list[str] | list[tuple[str, ...]]:
        """Return the labels as `PhraseClassifier.fit` takes them: one of each text, or a tuple of each."""
        return as_y(self.labels, several)

    def count(self, what: str) -> None:
        """Count something that was skipped."""
        self.passed_over[what] = self.passed_over.get(what, 0) + 1


def read(
    path: PathLike,
    format: str | None = None,
    *,
    binary: bool = False,
    phrases: bool = False,
    label_field: str = "label",
    text_field: str = "text",
) -> Labelled:
    """Read labelled texts from a file, which may be packed (.gz, .xz).

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
        The names of the fields in JSON and in a heading.

    Raises
    ------
    InputError
        The file cannot be read, a text has no label, or something does not fit the format. The message has
        the line of the first such place, and says how many texts have no label.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"unknown format {format!r} of labelled texts: choose {', '.join(FORMATS)}")
    with open_input(path) as file:
        lines = _lines(file, path)
        blank, first = _first_text(lines, path)
        format = format or _format_of(path, first[1])
        for wanted, what in ((binary, "binary labels"), (phrases, "labelled phrases")):
            if wanted and format != "trees":
                raise InputError(f"{path}: only trees have {what}, and this is {format}")
        labelled = Labelled()
        if blank:
            labelled.passed_over["blank lines"] = blank
        source = _Source(path, chain([first], lines), labelled)
        if format == "trees":
            _read_trees(source, binary, phrases)
        elif format == "fasttext":
            _read_fasttext(source)
        elif format == "jsonl":
            _read_jsonl(source, label_field, text_field)
        elif format == "csv":
            _read_csv(source, label_field, text_field)
        else:
            _read_tsv(source, label_field, text_field)
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
        return _format_of(path, _first_text(_lines(file, path), path)[1][1])


def _first_text(lines: Iterator[Line], path: PathLike) -> tuple[int, Line]:
    """Return the number of blank lines at the start, and the line after them."""
    for blank, line in enumerate(lines):
        if line[1].strip():
            return blank, line
    raise InputError(f"{path}: is empty; it must hold labelled texts")


class _Source:
    """The lines of a file, and its errors."""

    def __init__(self, path: PathLike, lines: Iterator[Line], labelled: Labelled) -> None:
        self.path, self._lines, self.labelled = path, lines, labelled
        self._unlabelled: list[int] = []

    def __iter__(self) -> Iterator[Line]:
        """Go over the lines that are not blank."""
        for number, line in self._lines:
            if line.strip():
                yield number, line
            else:
                self.labelled.count("blank lines")

    def all_lines(self) -> Iterator[Line]:
        """Go over all lines."""
        return self._lines

    def add(self, number: int, text: str, labels: Sequence[str], several: bool = False) -> None:
        """Take a text, or note that it has no label."""
        if _NO_TEXT.search("".join((text, *labels))):
            raise self.error(number, "holds a NUL character or half a surrogate pair: this is not text")
        names = tuple(dict.fromkeys(label.strip() for label in labels))
        if "" in names or not (names or several):
            self._unlabelled.append(number)
            return
        self.labelled.texts.append(text)
        self.labelled.labels.append(names)

    def error(self, number: int, message: str) -> InputError:
        return InputError(f"{self.path}:{number}: {message}")

    def complain(self) -> None:
        """Raise an error if there were texts without a label."""
        if self._unlabelled:
            n = len(self._unlabelled)
            others = f" ({n} such lines in all)" if n > 1 else ""
            raise self.error(self._unlabelled[0], f"the text has no label{others}; label it, or leave it out")


def _lines(file: Iterable[bytes], path: PathLike) -> Iterator[Line]:
    for number, raw in enumerate(file, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}:{number}: not valid UTF-8; convert the file to UTF-8") from None
        yield number, line


def _format_of(path: PathLike, first: str) -> str:
    stripped = first.lstrip()
    names = Path(path).name.lower().removesuffix(".gz").removesuffix(".xz")
    if (suffix := Path(names).suffix) in _SUFFIXES:
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


def _heading(cells: Sequence[str], label_field: str, text_field: str) -> tuple[int, int] | None:
    """Return the columns of label and text if these cells are a heading, None otherwise."""
    names = [cell.strip().lower() for cell in cells]
    if label_field.lower() in names and text_field.lower() in names:
        return names.index(label_field.lower()), names.index(text_field.lower())
    return None


def _read_tsv(source: _Source, label_field: str, text_field: str) -> None:
    columns = None
    for place, (number, line) in enumerate(source):
        cells = line.rstrip("\r\n").split("\t")
        if place == 0 and (columns := _heading(cells, label_field, text_field)):
            continue
        if columns is None:
            label, tab, text = line.rstrip("\r\n").partition("\t")
            if not tab:
                raise source.error(number, "no tab: a line must be label<TAB>text")
            source.add(number, text, [label])
        elif len(cells) <= max(columns):
            raise source.error(number, f"has {len(cells)} columns, too few for the heading")
        else:
            source.add(number, cells[columns[1]], [cells[columns[0]]])


def _read_csv(source: _Source, label_field: str, text_field: str) -> None:
    begins = 0  # the number of the line at which the row begins

    def lines() -> Iterator[str]:
        nonlocal begins
        for number, line in source.all_lines():
            begins = begins or number
            yield line

    columns = None
    rows = csv.reader(lines(), strict=True)
    place = 0
    while True:
        begins = 0
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise source.error(begins, f"not CSV: {error}") from None
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            source.labelled.count("blank lines")
            continue
        place += 1
        if place == 1 and (columns := _heading(cells, label_field, text_field)):
            continue
        if columns is None and len(cells) != 2:
            raise source.error(
                begins, f"has {len(cells)} columns: two are needed, label and text, or a heading that names "
                f"{label_field} and {text_field}"
            )  # fmt: skip
        where = columns or (0, 1)
        if len(cells) <= max(where):
            raise source.error(begins, f"has {len(cells)} columns, too few for the heading")
        source.add(begins, cells[where[1]], [cells[where[0]]])


def _read_jsonl(source: _Source, label_field: str, text_field: str) -> None:
    for number, line in source:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise source.error(number, "not JSON: there must be one object a line") from None
        if not isinstance(value, dict):
            raise source.error(number, "not a JSON object")
        text = value.get(text_field)
        if not isinstance(text, str):
            raise source.error(number, f"has no text in the field {text_field!r}")
        label = value.get(label_field)
        labels = label if isinstance(label, list) else [] if label is None else [label]
        if not all(isinstance(one, (str, int)) for one in labels):
            raise source.error(number, f"a label must be a string or an integer, not {json.dumps(label)}")
        source.add(number, text, [str(one) for one in labels], several=isinstance(label, list))


def _read_fasttext(source: _Source) -> None:
    for number, line in source:
        first, *rest = line.strip().split(maxsplit=1)
        text = rest[0] if rest else ""
        labels = [first]
        if not first.startswith(_PREFIX) or _PREFIX in text:  # labels may stand anywhere
            words = line.split()
            labels = [word for word in words if word.startswith(_PREFIX)]
            text = " ".join(word for word in words if not word.startswith(_PREFIX))
        source.add(number, text, [label.removeprefix(_PREFIX) for label in labels])


def _read_trees(source: _Source, binary: bool, phrases: bool) -> None:
    taken: set[tuple[str, str]] = set()
    for number, line in source:
        nodes = _parse_tree(source, number, line)
        for label, tokens in nodes if phrases else nodes[-1:]:
            if binary and label not in _BINARY:
                source.labelled.count("neutral phrases" if phrases else "neutral sentences")
                continue
            label = _BINARY[label] if binary else label
            text = natural_text(tokens)
            if phrases and (label, text) in taken:
                source.labelled.count("repeated phrases")
                continue
            taken.add((label, text))
            source.add(number, text, [label])


def _parse_tree(source: _Source, number: int, line: str) -> list[tuple[str, list[str]]]:
    """Return the label and the tokens of each phrase, the whole sentence last."""
    # For each phrase that is still open: its label, if it was read, and its tokens.
    open_phrases: list[tuple[list[str], list[str]]] = []
    phrases: list[tuple[str, list[str]]] = []
    for token in _TREE_TOKEN.findall(line):
        if phrases and not open_phrases:
            raise source.error(
                number, f"{token!r} stands after the end of the tree: there must be one tree a line"
            )
        if token == "(":
            open_phrases.append(([], []))
        elif not open_phrases:
            raise source.error(number, "not a tree: it must begin with a bracket, as in (3 (2 A) (4 wonder))")
        elif token == ")":
            label, tokens = open_phrases.pop()
            if not tokens:
                raise source.error(number, "not a tree: a bracket closes a phrase without words")
            phrases.append((label[0], tokens))
            if open_phrases:
                open_phrases[-1][1].extend(tokens)
        elif not open_phrases[-1][0]:
            if token not in ("0", "1", "2", "3", "4"):
                raise source.error(number, f"the label of a phrase must be 0 to 4, not {token!r}")
            open_phrases[-1][0].append(token)
        else:
            open_phrases[-1][1].append(token)
        if open_phrases and len(open_phrases) > 1 and not open_phrases[-2][0]:
            raise source.error(number, "not a tree: a phrase has no label")
    if open_phrases:
        raise source.error(number, f"not a tree: {len(open_phrases)} brackets are not closed")
    return phrases


def natural_text(tokens: Sequence[str]) -> str:
    r"""Return tokens of the Penn Treebank as people write them, as far as words go.

    ``-LRB-`` becomes a bracket, ``\/`` a slash, and ``do n't`` one word, as it is in other texts.
    """
    text = " ".join(_BRACKETS.get(token, token.replace("\\/", "/").replace("\\*", "*")) for token in tokens)
    return _CLITIC.sub(r"\1", text)
