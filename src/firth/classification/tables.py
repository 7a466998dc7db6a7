"""Labelled texts in tables: CSV, and TSV as it is typed or as programs write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from firth.classification.columns import (
    FEWEST_ROWS,
    Columns,
    Fields,
    Row,
    choose_columns,
    names_columns,
    odd_first_label,
)
from firth.classification.labelled_source import Line, Source
from firth.errors import InputError

# The largest number of characters in a cell that Python's csv module takes on all platforms.
_MOST_CHARACTERS = 2**31 - 1


def read_csv(source: Source, fields: Fields) -> None:
    """Read labels and texts between commas or semicolons, quoted as Python's csv module has it."""
    lines = list(source.all_lines())
    first = lines[0][1] if lines else ""
    # Spreadsheets write semicolons where the comma is the decimal mark.
    has_semicolons = ";" in first and "," not in first
    if has_semicolons:
        source.labelled.notes.append(f"{source.path}: read with semicolons between its columns")
    rows = list(_csv_rows(source, lines, ";" if has_semicolons else ","))
    width = len(rows[0].cells) if rows else 0
    if width < 2:
        if rows:
            raise _too_narrow(source, rows[0])
        return
    columns = _columns_of(source, rows, fields)
    last = max(columns.label, columns.text)
    for number, cells in rows[columns.heading :]:
        if len(cells) <= last:
            if columns.heading:
                raise source.error(number, f"has {len(cells)} columns, too few for the heading")
            raise _too_narrow(source, Row(number, cells))
        if not columns.heading and len(cells) != width:
            raise source.error(
                number, f"has {len(cells)} columns, and the first row has {width}: put texts with commas in "
                "quotes"
            )  # fmt: skip
        source.add(number, cells[columns.text], [cells[columns.label]])


def _too_narrow(source: Source, row: Row) -> InputError:
    return source.error(
        row.number, f"has {len(row.cells)} columns: two are needed, label and text, or a heading that names "
        "the columns"
    )  # fmt: skip


def read_tsv(source: Source, fields: Fields) -> None:
    """Read tab-separated labels and texts."""
    lines = list(source.all_lines())
    rows = _rows_as_written(source, lines)
    if rows is None:
        rows = [Row(number, line.rstrip("\r\n").split("\t")) for number, line in lines if not line.isspace()]
        blank = len(lines) - len(rows)
        source.labelled.count("blank lines", blank)
    if not rows:
        return
    if _is_table(source, rows, fields):
        columns = _columns_of(source, rows, fields)
        last = max(columns.label, columns.text)
        for number, cells in rows[columns.heading :]:
            if len(cells) <= last:
                raise source.error(number, f"has {len(cells)} columns, too few for the heading")
            source.add(number, cells[columns.text], [cells[columns.label]])
        return
    # A label and a text, to which further tabs belong.
    for number, cells in rows:
        if len(cells) < 2:
            raise source.error(number, "no tab: a line must be label<TAB>text")
    pairs = [Row(number, [cells[0], "\t".join(cells[1:])]) for number, cells in rows]
    columns = _columns_of(source, pairs, Fields())
    for number, cells in pairs[columns.heading :]:
        source.add(number, cells[columns.text], [cells[columns.label]])


def _is_table(source: Source, rows: Sequence[Row], fields: Fields) -> bool:
    """Return whether the tabs of all lines separate columns, and none belongs to a text."""
    width = len(rows[0].cells)
    if fields != Fields() or (width > 1 and names_columns(rows[0])):
        return True
    if width < 2 or any(len(cells) != width for _, cells in rows):
        return False
    if width == 2 or len(rows) >= FEWEST_ROWS:
        return True
    try:
        choose_columns(source.path, rows, fields)
    except InputError:
        return False  # few lines do not tell columns from texts with tabs
    return True


def _columns_of(source: Source, rows: list[Row], fields: Fields) -> Columns:
    """Return the columns of labels and texts; note what a reader would not expect."""
    width = len(rows[0].cells)
    equal = rows if all(len(cells) == width for _, cells in rows) else []
    equal = equal or [row for row in rows if len(row.cells) == width]
    columns = choose_columns(source.path, equal, fields)
    odd = odd_first_label(equal, columns)
    if odd is not None:
        source.labelled.notes.append(
            f"{source.path}:{rows[0].number}: {odd!r} is the label of no other line; if it is the name of a "
            "column, say so with --label-field"
        )
    if not columns.heading and (columns.label, columns.text) != (0, 1):
        source.labelled.notes.append(
            f"{source.path}: column {columns.label + 1} was read as the labels and column {columns.text + 1} "
            "as the texts"
        )
    return columns


def _csv_rows(source: Source, lines: Iterable[Line], delimiter: str) -> Iterator[Row]:
    """Yield the rows that are not blank; they may have line ends in quotes."""
    begins = 0  # the number of the line at which the row begins

    def text_of_lines() -> Iterator[str]:
        nonlocal begins
        for number, line in lines:
            begins = begins or number
            yield line

    rows = csv.reader(text_of_lines(), delimiter=delimiter, strict=True)
    with _cells_of_any_size():
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
            yield Row(begins, cells)


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """Lift the limit of Python's csv module, 131,072 characters in a cell."""
    before = csv.field_size_limit(_MOST_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _rows_as_written(source: Source, lines: list[Line]) -> list[Row] | None:
    """Return the rows of a TSV that a program wrote with quotes; None if quotes belong to the texts.

    They do unless all cells that are not numbers are in quotes, or the file is, to the letter, what the csv
    module and pandas write, which is that exactly those cells are quoted that must be.
    """
    if not any(line.startswith('"') or '\t"' in line for _, line in lines):
        return None
    text = [line for _, line in lines]
    with _cells_of_any_size():
        if not _is_quoted_throughout(text) and not _is_quoted_where_needed(text):
            return None
    return list(_csv_rows(source, lines, "\t"))


def _is_quoted_throughout(lines: list[str]) -> bool:
    reader = csv.reader(
        (line for line in lines if line.strip()),
        delimiter="\t",
        strict=True,
        quoting=csv.QUOTE_NONNUMERIC,
    )
    try:
        return sum(1 for _ in reader) > 0
    except (csv.Error, ValueError):  # a cell that is no number stands without quotes
        return False


def _is_quoted_where_needed(lines: list[str]) -> bool:
    written = io.StringIO()
    writer = csv.writer(written, delimiter="\t", lineterminator="\n")
    try:
        writer.writerows(csv.reader(lines, delimiter="\t", strict=True))
    except csv.Error:
        return False
    return written.getvalue() == "".join(lines).replace("\r\n", "\n").rstrip("\n") + "\n"
