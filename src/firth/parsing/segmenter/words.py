"""Words that hold spaces, such as *10 000* and one Vietnamese word in four.

What `firth.parsing.segmenter.tokens` finds are *pieces* then: tokens without white space. A network over the
pieces of a paragraph decides at each single space within a line whether the word ends there. Only a segmenter
whose treebank has such words has this network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from firth.arrays import Bools, Ints
from firth.parsing.segmenter.characters import Characters, single_spaces
from firth.parsing.segmenter.network import Boundaries, BoundaryRunner, Hashes
from firth.parsing.segmenter.sequences import boundaries_between, span_ends
from firth.parsing.segmenter.tokens import Tokens
from firth.parsing.segmenter.treebank import AnnotatedText

LOOKAHEAD = 2
"""The features of a piece depend on so many pieces after it."""

# A word that would have more than 20 pieces ends where an end is most likely.
_MOST_PIECES = 20

_PRIME, _MASK = 0x1000193, 0x7FFFFFFF
_NO_SPACE = re.compile(r"\S+")


class WordFinder:
    """Joins the pieces of one text, which come in parts, to words; for one thread at a time.

    Parameters
    ----------
    runner
        Decides where words end.
    reach
        How many pieces away from a piece another one can be that has a part in the decision about it.
    """

    def __init__(self, runner: BoundaryRunner, reach: int) -> None:
        self._runner, self._reach = runner, reach
        # The pieces of the next words, and before them their context.
        self._pieces = Tokens.none()
        self._first = 0  # the first of these pieces that is no context

    @property
    def start(self) -> int | None:
        """Where the next word begins; None if all pieces are in words."""
        return int(self._pieces.starts[self._first]) if self._first < len(self._pieces) else None

    def feed(self, pieces: Tokens, is_last: bool) -> Tokens:
        """Return the words that are certain with these pieces."""
        pieces, first = self._pieces.followed_by(pieces), self._first
        data = word_boundaries(pieces.hashes, pieces.breaks, pieces.breaks, pieces.spaced)
        margins = np.full(len(pieces), np.inf, np.float32)
        margins[data.asked] = self._runner.margins(data.hashes, data.lengths, data.asked)
        decided = len(pieces) if is_last else max(len(pieces) - self._reach, 0)
        ends = span_ends(margins[:decided], first, _MOST_PIECES)
        last = ends[-1] if ends else first
        context = max(last - self._reach, 0)
        self._pieces, self._first = pieces[context:], last - context
        bounds = np.array([first, *ends])
        starts, lasts = bounds[:-1], bounds[1:] - 1
        return Tokens(
            pieces.starts[starts],
            pieces.ends[lasts],
            pieces.breaks[lasts],
            pieces.spaced[lasts],
            join_hashes(pieces.hashes, starts, lasts),
        )


def word_boundaries(hashes: Hashes, right: Bools, breaks: Bools, spaced: Bools) -> Boundaries:
    """Return the sequences of pieces, given with the features of tokens, and their word ends."""
    forms = hashes[:, 0].astype(np.int64)
    following = np.where(breaks, 0, np.append(forms[1:], 0))
    pairs = (forms * _PRIME ^ following) & _MASK
    triples = (pairs * _PRIME ^ np.where(breaks, 0, np.append(following[1:], 0))) & _MASK
    # The hashes of channels must differ.
    features = np.column_stack([hashes, pairs ^ 0x5A5A5A5, triples ^ 0x2C3C3C3]).astype(np.int32)
    return boundaries_between(features, right, breaks, ~breaks & spaced)


def join_hashes(hashes: Hashes, firsts: Ints, lasts: Ints) -> Hashes:
    """Return the features of words from those of their first to last pieces.

    Form and shape are hashed together; prefix and case are those of the first piece, all else of the last.
    """
    joined = hashes[lasts]
    spaced = np.flatnonzero(firsts < lasts)
    if len(spaced):
        words = hashes[firsts[spaced]]
        for k in range(1, int((lasts - firsts).max()) + 1):
            longer = firsts[spaced] + k <= lasts[spaced]
            more = hashes[firsts[spaced][longer] + k, :2]
            words[longer, :2] = (words[longer, :2].astype(np.int64) * _PRIME ^ more) & _MASK
        for channel in (0, 1, 2, 7):
            joined[spaced, channel] = words[:, channel]
    return joined


@dataclass(frozen=True)
class Pieces:
    """A treebank's text in pieces, and where its words are among them.

    Attributes
    ----------
    text
        The text, with pieces for tokens.
    firsts, lasts
        (words,): the first and the last piece of each word.
    """

    text: AnnotatedText
    firsts: Ints
    lasts: Ints

    @property
    def word_ends(self) -> Bools:
        """(pieces,): whether each piece is the last one of its word."""
        ends = np.zeros(len(self.text.starts), np.bool_)
        ends[self.lasts] = True
        return ends

    @property
    def spaced(self) -> Bools:
        """(pieces,): whether a single space comes after each piece, in the same line."""
        return single_spaces(Characters.of(self.text.text), self.text.ends)

    @classmethod
    def of(cls, text: AnnotatedText) -> Pieces:
        """Cut the tokens of a text at white space."""
        spans: list[tuple[int, int]] = []
        lasts = []
        for start, end in zip(text.starts.tolist(), text.ends.tolist(), strict=True):
            spans += [match.span() for match in _NO_SPACE.finditer(text.text, start, end)]
            lasts.append(len(spans) - 1)
        columns = np.array(spans, np.int64).reshape(len(spans), 2)
        last = np.array(lasts, np.int64)
        sentence_ends, paragraph_ends = np.zeros((2, len(spans)), np.bool_)
        sentence_ends[last], paragraph_ends[last] = text.sentence_ends, text.paragraph_ends
        pieces = AnnotatedText(
            text.text, columns[:, 0].copy(), columns[:, 1].copy(), sentence_ends, paragraph_ends
        )
        return cls(pieces, np.append(0, last[:-1] + 1), last)
