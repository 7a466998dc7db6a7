"""Lines to be classified that have labels already, as in files to evaluate on: the labels are left out.

A classifier would read them as words, and they would change its answers.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence

from firth.classification.columns import Fields, Row, choose_columns, names_columns, usual_keys
from firth.errors import InputError

_FASTTEXT_LABEL = re.compile(r"(?:^|(?<=\s))__label__\S*\s?")
# A comma is common in texts: only so many lines that all begin with a label show that it is CSV.
_FEWEST_CSV_LINES = 5
_CSV_SHARE = 0.9
# Tabs are rare in texts: half of the labels may be unknown to the classifier.
_TSV_SHARE = 0.5

_TakesText = Callable[[str], str]


class GivenLabels:
    """Leaves out the labels of lines.

    ``__label__`` words are left out of every line. The first lines that are not blank decide whether all
    lines are labels and texts with a tab or comma between them, or JSON objects.

    Parameters
    ----------
    labels
        The labels that the classifier knows.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._labels = frozenset(labels)
        self._take_text: _TakesText | None = None
        self._n_lines, self._n_labelled = 0, 0

    def texts(self, lines: Sequence[str]) -> list[str]:
        """Return the texts of lines, one for each."""
        if self._take_text is None:
            filled = [line for line in lines if line.strip()]
            if filled:
                self._take_text = self._way_to_text(filled)
        texts = [self._text(line) for line in lines]
        self._n_lines += len(lines)
        self._n_labelled += sum(text is not line for text, line in zip(texts, lines, strict=True))
        return texts

    @property
    def note(self) -> str | None:
        """How many lines had labels, if any."""
        if not self._n_labelled:
            return None
        return (
            f"of {self._n_lines:,} lines, {self._n_labelled:,} are labelled texts: their labels were left "
            "out, and only the texts were classified"
        )

    def _text(self, line: str) -> str:
        if "__label__" in line:
            shorter = _FASTTEXT_LABEL.sub("", line)
            return line if shorter == line else shorter
        return line if self._take_text is None else self._take_text(line)

    def _way_to_text(self, lines: Sequence[str]) -> _TakesText:
        """Return what takes the text of each line, judged by the first lines."""
        return (
            _of_json(lines)
            or self._of_cells(lines, "\t", _TSV_SHARE, 1)
            or self._of_cells(lines, ",", _CSV_SHARE, _FEWEST_CSV_LINES)
            or _whole
        )

    def _of_cells(
        self, lines: Sequence[str], delimiter: str, share: float, fewest_lines: int
    ) -> _TakesText | None:
        """Return what takes a cell of a table with a heading, or all but the label at an end of the line."""
        heading = _cells(lines[0], delimiter)
        if len(heading) > 1 and names_columns(Row(1, heading)):
            try:
                columns = choose_columns("", [Row(1, heading)], Fields())
            except InputError:
                return None
            return lambda line: _cell(line, delimiter, columns.text)
        if len(lines) < fewest_lines or not all(delimiter in line for line in lines):
            return None
        for number in (0, -1):
            n_known = sum(_cells(line, delimiter)[number].strip() in self._labels for line in lines)
            if n_known >= share * len(lines) and (delimiter == "\t" or _all_pairs(lines)):
                return lambda line: _rest(line, delimiter, number)
        return None


def _of_json(lines: Sequence[str]) -> _TakesText | None:
    """Return what takes the text of JSON objects, if that is what the lines are."""
    first = _json_object(lines[0])
    if first is None:
        return None
    _, key = usual_keys(first, Fields())

    def text_of(line: str) -> str:
        text = (_json_object(line) or {}).get(key)
        return text.replace("\n", " ") if isinstance(text, str) else line

    return text_of if isinstance(first.get(key), str) else None


def _json_object(line: str) -> dict[str, object] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(line: str) -> str:
    return line


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "\t":
        return line.split("\t")
    try:
        return next(csv.reader([line], strict=True), [line])
    except csv.Error:  # a quote that is closed in another line
        return [line]


def _all_pairs(lines: Iterable[str]) -> bool:
    return all(len(_cells(line, ",")) == 2 for line in lines)


def _cell(line: str, delimiter: str, number: int) -> str:
    cells = _cells(line, delimiter)
    return cells[number] if number < len(cells) else line


def _rest(line: str, delimiter: str, number: int) -> str:
    """Return what is left of a line without its first or last cell; the line if it has one cell only."""
    cells = _cells(line, delimiter)
    if len(cells) < 2:
        return line
    return delimiter.join(cells[1:] if number == 0 else cells[:-1])
