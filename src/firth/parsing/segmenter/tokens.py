"""Where tokens end: decisions about the characters of chunks.

No token ends between characters of most classes. Where one may end is a *question*, which the network over
characters answers. The decision about a character depends on its piece of its chunk, and on the first
character of the next chunk; on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firth.arrays import Bools, Ints
from firth.parsing.segmenter import kernels
from firth.parsing.segmenter.characters import Characters, Chunks, single_spaces
from firth.parsing.segmenter.kernels import CHARACTER_CHANNELS, TOKEN_CHANNELS
from firth.parsing.segmenter.network import BoundaryNetwork, BoundaryRunner, Hashes
from firth.parsing.segmenter.statistics import WordStatistics

# Longer chunks are cut into pieces of 1,000 characters; the network sees one piece at a time.
_PIECE_CHARACTERS = 1000

# The network runs over about so many characters at a time.
_RUN_CHARACTERS = 1 << 14


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text.

    Attributes
    ----------
    starts, ends
        (n,): where each one begins and ends in the text.
    breaks
        (n,): whether it is the last one of a paragraph.
    spaced
        (n,): whether a single space comes after it, and no line end.
    hashes
        (n, TOKEN_CHANNELS): the features of each one; see `firth.parsing.segmenter.kernels.describe_tokens`.
    """

    starts: Ints
    ends: Ints
    breaks: Bools
    spaced: Bools
    hashes: Hashes

    @classmethod
    def none(cls) -> Tokens:
        """Return no tokens."""
        no_places, none = np.zeros(0, np.int64), np.zeros(0, np.bool_)
        return cls(no_places, no_places, none, none, np.zeros((0, TOKEN_CHANNELS), np.int32))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, part: slice) -> Tokens:
        return Tokens(
            self.starts[part], self.ends[part], self.breaks[part], self.spaced[part], self.hashes[part]
        )

    def followed_by(self, other: Tokens) -> Tokens:
        """Return these tokens and then the others."""
        return Tokens(
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.ends, other.ends]),
            np.concatenate([self.breaks, other.breaks]),
            np.concatenate([self.spaced, other.spaced]),
            np.concatenate([self.hashes, other.hashes]),
        )


class TokenFinder:
    """Finds tokens in chunks. Threads may share it: finding changes nothing.

    Parameters
    ----------
    never
        (N_CLASSES, N_CLASSES): whether no token ends between characters of two classes.
    network
        Answers the questions.
    statistics
        Features of words.
    """

    def __init__(self, never: Bools, network: BoundaryNetwork, statistics: WordStatistics) -> None:
        self._never, self._statistics = never, statistics
        self._runner = BoundaryRunner(network)

    def find(self, chunks: Chunks, n: int, offset: int) -> Tokens:
        """Find the tokens of the first `n` chunks of a text that begins at `offset` in a longer one.

        The chunk after them must be complete, unless there is none.
        """
        begins = np.zeros(len(chunks.characters.codes), np.bool_)
        ends = np.zeros(len(begins), np.bool_)
        begins[chunks.starts[:n]] = True
        ends[chunks.ends[:n] - 1] = True
        for part in questions(chunks, n, self._never, self._statistics):
            margins = self._runner.margins(part.hashes, part.lengths, part.asked)
            cuts = part.places[part.asked][margins > 0]
            ends[cuts] = begins[cuts + 1] = True
        token_starts, token_ends = np.flatnonzero(begins), np.flatnonzero(ends) + 1
        breaks = np.zeros(len(token_starts), np.bool_)
        breaks[np.searchsorted(token_ends, chunks.ends[:n][chunks.breaks[:n]])] = True
        hashes = token_hashes(chunks.characters, token_starts, token_ends, self._statistics)
        spaced = single_spaces(chunks.characters, token_ends)
        return Tokens(token_starts + offset, token_ends + offset, breaks, spaced, hashes)


@dataclass(frozen=True)
class Questions:
    """Places in a text where a token may end.

    Attributes
    ----------
    places
        (n,): places of characters: those in question, and those that must be read to decide about them.
    hashes
        (n, CHARACTER_CHANNELS): the features of each one; see
        `firth.parsing.segmenter.kernels.describe_characters`.
    lengths
        How many of them stand together, in a piece of a chunk.
    asked
        (n,): whether a token may end after the character.
    """

    places: Ints
    hashes: Hashes
    lengths: Ints
    asked: Bools

    @classmethod
    def none(cls) -> Questions:
        """Return no questions."""
        no_places = np.zeros(0, np.int64)
        hashes = np.zeros((0, CHARACTER_CHANNELS), np.int32)
        return cls(no_places, hashes, no_places, np.zeros(0, np.bool_))


def questions(chunks: Chunks, n: int, never: Bools, statistics: WordStatistics) -> Iterator[Questions]:
    """Yield the questions in the first `n` chunks, at most about `_RUN_CHARACTERS` characters at a time."""
    text = chunks.characters
    starts, ends = chunks.starts[:n], chunks.ends[:n]
    asked = np.zeros(len(text.codes), np.bool_)
    pieces = np.empty((n + len(text.codes) // _PIECE_CHARACTERS, 3), np.int64)
    n_pieces = kernels.find_pieces(text.classes, never, _PIECE_CHARACTERS, starts, ends, pieces, asked)
    following = chunks.following()
    usage = statistics.of(text, chunks.starts, chunks.ends)
    usage[:-1, 1] = usage[1:, 1]
    usage[chunks.breaks, 1] = 0
    for part in _runs(pieces[:n_pieces]):
        lengths = part[:, 1] - part[:, 0]
        before = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(part[:, 0] - before, lengths)
        hashes = np.empty((len(places), CHARACTER_CHANNELS), np.int32)
        kernels.describe_characters(text.codes, text.classes, text.lowers, part, following, usage, hashes)
        yield Questions(places, hashes, lengths, asked[places])


def _runs(pieces: Ints) -> list[Ints]:
    """Divide a list of pieces into parts of about `_RUN_CHARACTERS` characters."""
    before = np.cumsum(pieces[:, 1] - pieces[:, 0]) // _RUN_CHARACTERS
    return np.split(pieces, np.flatnonzero(np.diff(before)) + 1) if len(pieces) else []


def token_hashes(text: Characters, starts: Ints, ends: Ints, statistics: WordStatistics) -> Hashes:
    """Return the features of tokens."""
    hashes = np.empty((len(starts), TOKEN_CHANNELS), np.int32)
    usage = statistics.of(text, starts, ends)
    kernels.describe_tokens(text.codes, text.classes, text.lowers, starts, ends, usage, hashes)
    return hashes
