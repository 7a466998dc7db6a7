"""Where sentences end: decisions about the tokens of a text that comes in blocks.

No decision depends on where the blocks are cut. The text is read in windows whose places follow from the text
alone, and a decision about a token waits until all tokens that have a part in it are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firth.arrays import Bools, Ints
from firth.parsing.segmenter.characters import Chunks
from firth.parsing.segmenter.network import BoundaryRunner
from firth.parsing.segmenter.sequences import boundaries_between, span_ends
from firth.parsing.segmenter.tokens import TokenFinder, Tokens
from firth.parsing.segmenter.words import WordFinder

# Tokens are looked for in windows of so many characters; a window grows until it holds a complete chunk.
_WINDOW_CHARACTERS = 1 << 14

# Sentence ends are decided for at most so many new tokens at a time.
_PART_TOKENS = 1 << 12

# A sentence that would have more than 1,000 tokens ends where an end is most likely.
_LONGEST_SENTENCE = 1000


@dataclass(frozen=True)
class SentencePlaces:
    """Sentences that were found in a text: places only, from which `Segmenter.sentences` makes objects.

    Attributes
    ----------
    text, offset
        A part of the text that holds the sentences, and where that part begins in the whole text.
    starts, ends
        (n,): where each token begins and ends in the whole text.
    space_after
        (n,): whether white space, or the end of the text, comes after each token.
    bounds
        (sentences + 1,): the first token of each sentence, and n.
    """

    text: str
    offset: int
    starts: Ints
    ends: Ints
    space_after: Bools
    bounds: list[int]

    def slice(self, start: int, end: int) -> str:
        """Return the text between two places of the whole text."""
        return self.text[start - self.offset : end - self.offset]


class SentenceFinder:
    """Finds the sentences of one text, which comes in blocks; for one thread at a time.

    Memory holds a block, a window or the longest chunk with the white space after it, and a sentence.

    Parameters
    ----------
    token_finder
        Finds tokens.
    runner
        Decides where sentences end.
    reach
        How many tokens away from a token another one can be that has a part in the decision about it.
    word_finder
        Joins tokens to words that hold spaces; None if no words do.
    """

    def __init__(
        self,
        token_finder: TokenFinder,
        runner: BoundaryRunner,
        reach: int,
        word_finder: WordFinder | None = None,
    ) -> None:
        self._token_finder, self._runner, self._reach = token_finder, runner, reach
        self._word_finder = word_finder
        self._blocks: list[str] = []  # given, but not yet a part of `_text`
        # The characters of the whole text so far.
        self._n_characters = 0
        self._text, self._offset = "", 0  # the part in memory, and where it begins in the whole text
        self._window_start, self._window = 0, _WINDOW_CHARACTERS
        # The tokens of the next sentences, and before them their context.
        self._tokens = Tokens.none()
        self._first = 0  # the first of these tokens that is no context

    def feed(self, block: str) -> Iterator[SentencePlaces]:
        """Yield the sentences that are certain when the text goes on with `block`.

        The iterator must be exhausted before the next call.
        """
        self._blocks.append(block)
        self._n_characters += len(block)
        # Unless one more character follows, the text may end with the window.
        while self._n_characters > self._window_start + self._window:
            yield from self._read_window(is_end=False)

    def finish(self) -> Iterator[SentencePlaces]:
        """Yield the remaining sentences: the text ends here."""
        if self._n_characters:
            yield from self._read_window(is_end=True)

    def _read_window(self, is_end: bool) -> Iterator[SentencePlaces]:
        """Find tokens in the next window, and the sentences that are certain with them."""
        self._join_blocks()
        start = self._window_start - self._offset
        chunks = Chunks.of(self._text[start : start + self._window])
        # Unless the text ends, the last chunk may go on; and the one before it is what follows the others.
        n = len(chunks.starts) if is_end else len(chunks.starts) - 2
        if n < 1 and not is_end:
            self._window *= 2
            return
        tokens = self._token_finder.find(chunks, n, self._window_start)
        if self._word_finder is not None:
            tokens = self._word_finder.feed(tokens, is_end)
        if not is_end:
            self._window_start += int(chunks.starts[n])
            self._window = _WINDOW_CHARACTERS
        for first in range(0, len(tokens), _PART_TOKENS):
            is_last = is_end and first + _PART_TOKENS >= len(tokens)
            yield from self._find_sentences(tokens[first : first + _PART_TOKENS], is_last)

    def _join_blocks(self) -> None:
        """Append new blocks to the text in memory, and drop what all sentences to come lie behind."""
        if not self._blocks:
            return
        needed = self._window_start
        if self._first < len(self._tokens):
            needed = min(needed, int(self._tokens.starts[self._first]))
        elif self._word_finder is not None and self._word_finder.start is not None:
            needed = min(needed, self._word_finder.start)
        self._text = "".join([self._text[needed - self._offset :], *self._blocks])
        self._offset = needed
        self._blocks.clear()

    def _find_sentences(self, tokens: Tokens, is_last: bool) -> Iterator[SentencePlaces]:
        """Yield the sentences that end before or among these tokens."""
        tokens, first = self._tokens.followed_by(tokens), self._first
        data = boundaries_between(tokens.hashes, tokens.breaks, tokens.breaks, ~tokens.breaks)
        margins = np.full(len(tokens), np.inf, np.float32)
        margins[data.asked] = self._runner.margins(data.hashes, data.lengths, data.asked)
        decided = len(tokens) if is_last else max(len(tokens) - self._reach, 0)
        ends = span_ends(margins[:decided], first, _LONGEST_SENTENCE)
        last = ends[-1] if ends else first
        context = max(last - self._reach, 0)
        self._tokens, self._first = tokens[context:], last - context
        if ends:
            next_starts = np.append(tokens.starts[1:], np.iinfo(np.int64).max)
            yield SentencePlaces(
                self._text,
                self._offset,
                tokens.starts[first:last],
                tokens.ends[first:last],
                (next_starts > tokens.ends)[first:last],
                [0, *(end - first for end in ends)],
            )
