"""Treebanks that are given on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from firth.errors import InputError

if TYPE_CHECKING:
    from firth.text.document import Sentence


def read_treebank(path: Path) -> list[Sentence]:
    """Return the sentences of a treebank.

    Raises
    ------
    InputError
        It cannot be read, or is empty.
    """
    from firth.text import conllu

    sentences = conllu.load(path)
    if not sentences:
        raise InputError(f"{path}: is empty; give a treebank with at least one sentence")
    return sentences
