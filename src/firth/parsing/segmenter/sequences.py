"""Sequences of units, tokens or pieces of words, and the spans in them: sentences or words."""

from __future__ import annotations

import numpy as np

from firth.arrays import Bools, Floats
from firth.parsing.segmenter.network import Boundaries, Hashes


def boundaries_between(hashes: Hashes, right: Bools, breaks: Bools, asked: Bools) -> Boundaries:
    """Return the sequences of units that end at breaks, or with the last unit, and their boundaries."""
    lasts = np.flatnonzero(breaks)
    bounds = np.concatenate([[0], lasts + 1, [len(breaks)]])
    lengths = np.diff(bounds)
    return Boundaries(hashes, lengths[lengths > 0], asked, right, ~asked)


def span_ends(margins: Floats, first: int, longest: int) -> list[int]:
    """Return the ends of spans, the first of which begins at `first`; units after them have no end yet.

    Parameters
    ----------
    margins
        (n,): by how much an end is more likely than none after each unit.
    first
        The first unit of the first span.
    longest
        A span that would have more units has between half as many and this many; it ends where that is most
        likely.
    """
    ends = []
    likely = (first + 1 + np.flatnonzero(margins[first:] > 0)).tolist()
    for end in [*likely, len(margins)]:
        while end - first > longest:
            # In the second half: where all places are alike, the first one would be cut off, again and again.
            half = first + longest // 2
            first = half + 1 + int(margins[half : first + longest].argmax())
            ends.append(first)
        if end > first and margins[end - 1] > 0:
            ends.append(end)
            first = end
    return ends
