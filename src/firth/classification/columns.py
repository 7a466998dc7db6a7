"""Which columns of a table hold labels and texts: by their names in a heading, or by what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from firth.arrays import PathLike
from firth.errors import InputError

# Usual names in headings, in lower case.
_LABEL_NAMES = frozenset(
    {"label", "labels", "category", "categories", "class", "classes", "sentiment", "target", "topic", "tag"}
    | {"intent", "rating", "stars", "score", "polarity", "emotion", "stance", "genre"}
)
_TEXT_NAMES = frozenset(
    {"text", "texts", "sentence", "sentences", "review", "reviews", "review_text", "phrase", "message"}
    | {"messages", "comment", "comments", "comment_text", "content", "body", "tweet", "document", "question"}
    | {"query", "utterance", "sms", "description", "headline", "title", "post", "abstract"}
)
FEWEST_ROWS = 5
"""With fewer rows, what columns hold tells nothing: labels stand first then."""

# What columns hold is judged by so many rows at most, which are spread over the table.
_MOST_ROWS = 2000
# Labels have at most so many words on average.
_MOST_LABEL_WORDS = 4.0
# A text column has at least so many times the words of every other column.
_TEXT_WORDS_RATIO = 2.0

_HOW_TO_NAME = (
    "name them with --label-field and --text-field, by their heading or by number (1 is the first column)"
)


class Row(NamedTuple):
    """A row of a table: the number of the line at which it begins, and its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Fields:
    """How the user calls the columns of labels and texts: by name or number; None: by usual names."""

    label: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Columns:
    """Where labels and texts are.

    Attributes
    ----------
    label, text
        The numbers of the columns, from 0 on.
    heading
        Whether the first row is a heading.
    """

    label: int
    text: int
    heading: bool


def choose_columns(path: PathLike, rows: Sequence[Row], fields: Fields) -> Columns:
    """Return which columns of a table, whose rows are equally long, hold labels and texts.

    Raises
    ------
    InputError
        A column that the user named is not there, or it is not clear which columns they are.
    """
    width = len(rows[0].cells)
    names = [cell.strip().lower() for cell in rows[0].cells]
    labels = _candidates(path, rows[0], fields.label, _LABEL_NAMES, "label")
    texts = _candidates(path, rows[0], fields.text, _TEXT_NAMES, "text")
    if labels == texts and len(labels) == 1 and width > 1 and None in (fields.label, fields.text):
        # A number that the user gave takes the column from what it would be by its name.
        labels, texts = (labels, []) if fields.label is not None else ([], texts)
    for found, what, option in ((labels, "labels", "--label-field"), (texts, "texts", "--text-field")):
        if len(found) > 1:
            several = " and ".join(repr(rows[0].cells[i].strip()) for i in found)
            raise InputError(
                f"{path}:{rows[0].number}: the columns {several} may all hold the {what}: name one with "
                f"{option}"
            )
    if labels and labels == texts:
        raise InputError(f"{path}: labels and texts cannot both be in the column {fields.label!r}")
    heading = _is_heading(rows, labels, texts, fields)
    if labels and texts:
        return Columns(labels[0], texts[0], heading)
    is_named = (labels and fields.label is not None) or (texts and fields.text is not None)
    if not is_named and not heading:
        labels, texts = [], []  # what looked like a name is data
    body = rows[1:] if heading else rows
    pair = _by_content(body, width, labels, texts)
    if pair is None:
        raise _unclear(path, body, names if heading else None)
    return Columns(*pair, heading)


def names_columns(row: Row) -> bool:
    """Return whether a row has usual names of labels and of texts."""
    names = {cell.strip().lower() for cell in row.cells}
    return bool(names & _LABEL_NAMES and names & _TEXT_NAMES)


def _candidates(path: PathLike, first: Row, field: str | None, usual: frozenset[str], best: str) -> list[int]:
    """Return the columns that may be meant by a field."""
    names = [cell.strip().lower() for cell in first.cells]
    if field is None:
        if best in names:
            return [names.index(best)]
        return [i for i, name in enumerate(names) if name in usual]
    if field.strip().lower() in names:
        return [names.index(field.strip().lower())]
    if field.isdecimal() and 1 <= int(field) <= len(names):
        return [int(field) - 1]
    there = ", ".join(repr(cell.strip()[:40]) for cell in first.cells[:10])
    raise InputError(
        f"{path}:{first.number}: no column is named {field!r}: the first row has {there}; name a column as "
        f"it does, or by number (1 is the first)"
    )


def _is_heading(rows: Sequence[Row], labels: list[int], texts: list[int], fields: Fields) -> bool:
    """Return whether the first row names the columns."""
    names = [cell.strip().lower() for cell in rows[0].cells]
    by_user = [
        field for field in (fields.label, fields.text) if field is not None and field.strip().lower() in names
    ]
    n_usual = sum(names[i] in _LABEL_NAMES for i in labels) + sum(names[i] in _TEXT_NAMES for i in texts)
    if by_user or n_usual == 2:
        return True
    if n_usual == 1 and len(set(names)) == len(names):
        # One usual name may be a label or a text: as a label it would occur again.
        (column,) = {i for i in (*labels, *texts) if names[i] in _LABEL_NAMES | _TEXT_NAMES}
        return not any(row.cells[column].strip().lower() == names[column] for row in rows[1:])
    # Above a column of numbers, a heading is the only thing that is none.
    return len(rows) > FEWEST_ROWS and any(
        not _is_number(cell) and all(_is_number(row.cells[i]) for row in rows[1:])
        for i, cell in enumerate(rows[0].cells)
    )


@dataclass(frozen=True)
class _Content:
    """What a column holds: n rows, different values, mean number of words, and what the values are."""

    n: int
    n_distinct: int
    words: float
    has_empty: bool
    is_numeric: bool
    is_identifier: bool

    @property
    def may_be_labels(self) -> bool:
        return (
            not self.has_empty
            and not self.is_identifier
            and 2 * self.n_distinct <= self.n
            and self.words <= _MOST_LABEL_WORDS
        )


def _content(rows: Sequence[Row], column: int) -> _Content:
    chosen = rows[:: max(-(-len(rows) // _MOST_ROWS), 1)]
    values = [row.cells[column].strip() for row in chosen]
    n_distinct, numeric = len(set(values)), all(map(_is_number, values))
    one_word = all(len(value.split()) == 1 for value in values)
    has_digit = all(any(character.isdigit() for character in value) for value in values)
    return _Content(
        n=len(values),
        n_distinct=n_distinct,
        words=sum(len(value.split()) for value in values) / max(len(values), 1),
        has_empty="" in values,
        is_numeric=numeric,
        is_identifier=n_distinct == len(values) and one_word and has_digit,
    )


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _by_content(
    rows: Sequence[Row], width: int, labels: list[int], texts: list[int]
) -> tuple[int, int] | None:
    """Return the columns of labels and texts, of which one may be known; None if that is not clear."""
    if width == 2 and (labels or texts):
        return (labels[0], 1 - labels[0]) if labels else (1 - texts[0], texts[0])
    contents = [_content(rows, column) for column in range(width)]
    if width == 2:
        return _of_two(*contents)
    if len(rows) < FEWEST_ROWS and not (labels or texts):
        return None
    if not labels:
        labels = [i for i, content in enumerate(contents) if content.may_be_labels and i not in texts]
        varied = [i for i in labels if contents[i].n_distinct > 1]
        labels = varied or labels
    if not texts:
        texts = _text_columns(contents, labels)
    return (labels[0], texts[0]) if len(labels) == len(texts) == 1 else None


def _text_columns(contents: Sequence[_Content], labels: list[int]) -> list[int]:
    """Return the columns that may hold the texts: one if it has many more words than all others."""
    found = [
        i
        for i, content in enumerate(contents)
        if i not in labels
        and not content.is_identifier
        and not content.is_numeric
        and (content.n_distinct > 1 or content.n == 1)
    ]
    found.sort(key=lambda i: -contents[i].words)
    if len(found) > 1 and contents[found[0]].words >= _TEXT_WORDS_RATIO * contents[found[1]].words:
        return found[:1]
    return found


def _of_two(first: _Content, second: _Content) -> tuple[int, int] | None:
    """Return which of two columns holds labels, and which texts; None if that is not clear."""
    second_is_shorter = second.words <= first.words and not second.has_empty
    is_much_less_varied = 2 * second.n_distinct <= min(first.n_distinct, second.n)
    if second_is_shorter and second.n_distinct > 1 and is_much_less_varied and second.n >= 4:
        return 1, 0
    if first.n < FEWEST_ROWS or first.has_empty:
        return 0, 1
    is_unclear = (
        first.n_distinct == first.n
        or second.is_identifier
        or (second_is_shorter and second.n_distinct < first.n_distinct)
        or first.words > max(second.words, _MOST_LABEL_WORDS / 2)
    )
    return None if is_unclear else (0, 1)


def _unclear(path: PathLike, rows: Sequence[Row], names: list[str] | None) -> InputError:
    there = "" if names is None else f" of {', '.join(map(repr, names[:10]))}"
    reason = ""
    n_columns = len(rows[0].cells) if rows else 0
    if n_columns == 2 and len({row.cells[0].strip() for row in rows}) == len(rows):
        reason = f": the first one has {len(rows):,} different values in {len(rows):,} rows"
    return InputError(
        f"{path}: it is not clear which columns{there} hold the labels and the texts{reason}; {_HOW_TO_NAME}"
    )


def usual_keys(example: Mapping[str, object], fields: Fields) -> tuple[str, str]:
    """Return the keys of the label and of the text of JSON objects, of which one is given as an example."""
    keys = []
    for field, usual, best in ((fields.label, _LABEL_NAMES, "label"), (fields.text, _TEXT_NAMES, "text")):
        found = [key for key in example if key.strip().lower() in usual]
        is_one = field is None and best not in example and len(found) == 1
        keys.append(found[0] if is_one else best if field is None else field)
    return keys[0], keys[1]


def odd_first_label(rows: Sequence[Row], columns: Columns) -> str | None:
    """Return the label of the first row if it looks like the name of a column, and is taken for a label.

    It does if no other row has it, and every other label occurs more than once.
    """
    if columns.heading or len(rows) < FEWEST_ROWS:
        return None
    first = rows[0].cells[columns.label].strip()
    if any(row.cells[columns.label].strip() == first for row in rows[1:]):
        return None
    others = Counter(row.cells[columns.label].strip() for row in rows[1:])
    return first if min(others.values()) > 1 else None
