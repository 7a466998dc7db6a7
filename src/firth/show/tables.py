"""Tables in plain text. Widths are in cells of a terminal, where an ideograph, say, takes two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

GAP = "  "
"""Between two columns."""


def column_widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Return the widths of the columns."""
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def align(rows: Sequence[Sequence[str]]) -> str:
    """Write rows so that columns stand below each other; each line has its end."""
    widths = column_widths(rows)
    lines = []
    for row in rows:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append(GAP.join(cells).rstrip(" ") + "\n")
    return "".join(lines)
