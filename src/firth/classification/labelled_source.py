"""Labelled texts, and the lines that they are read from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from firth.arrays import PathLike
from firth.errors import InputError

# What no text may hold: NUL, and halves of surrogate pairs.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

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
    notes : list of str
        What a reader may not expect, a sentence each: which columns were taken for labels and texts.
    """

    texts: list[str] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def several(self) -> bool:
        """Whether a text has several labels, or none."""
        return any(len(labels) != 1 for labels in self.labels)

    def y(self, several: bool) -> list[str] | list[tuple[str, ...]]:
        """Return the labels as `PhraseClassifier.fit` takes them: one of each text, or a tuple of each."""
        return as_y(self.labels, several)

    def count(self, what: str, n: int = 1) -> None:
        """Count something that was skipped."""
        if n:
            self.passed_over[what] = self.passed_over.get(what, 0) + n


class Source:
    """The lines of a file, and its errors."""

    def __init__(self, path: PathLike, lines: Iterator[Line], labelled: Labelled) -> None:
        self.path, self._lines, self.labelled = path, lines, labelled
        self._unlabelled: list[int] = []
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}

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
        if _NO_TEXT.search(text) or any(map(_NO_TEXT.search, labels)):
            raise self.error(number, "holds a NUL character or half a surrogate pair: this is not text")
        names = tuple([label.strip() for label in labels])
        if len(names) > 1:
            names = tuple(dict.fromkeys(names))
        names = self._seen.setdefault(names, names)  # equal labels are kept once
        if "" in names or not (names or several):
            self._unlabelled.append(number)
            return
        self.labelled.texts.append(text)
        self.labelled.labels.append(names)

    def error(self, number: int, message: str) -> InputError:
        """Return an error in a line."""
        return InputError(f"{self.path}:{number}: {message}")

    def complain(self) -> None:
        """Raise an error if there were texts without a label."""
        if self._unlabelled:
            n = len(self._unlabelled)
            others = f" ({n} such lines in all)" if n > 1 else ""
            raise self.error(self._unlabelled[0], f"the text has no label{others}; label it, or leave it out")


def numbered_lines(file: Iterable[bytes], path: PathLike) -> Iterator[Line]:
    """Yield the lines of a file with their numbers, from 1 on."""
    for number, raw in enumerate(file, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}:{number}: not valid UTF-8; convert the file to UTF-8") from None
        yield number, line
