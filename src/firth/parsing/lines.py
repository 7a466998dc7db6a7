"""Text whose lines are its sentences: one sentence of each line that is not blank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from firth.parsing.segmenter.segmenter import Segmenter
from firth.text.document import MultiwordToken, Sentence, Token
from firth.text.ranges import place_words
from firth.text.stream import n_utf8_bytes

# Lines are analysed in batches of at least 32 Ki characters.
_BATCH_CHARACTERS = 1 << 15

# Between the lines in a text for the segmenter, which ends a sentence at each blank line.
_BETWEEN_LINES = "\n\n"


@dataclass(frozen=True)
class Lines:
    """Some lines of a text.

    Attributes
    ----------
    lines
        The lines that are not blank.
    starts
        Where each of them begins in the whole text, in characters.
    n_bytes
        Bytes of the whole text up to the end of the last line.
    """

    lines: list[str]
    starts: list[int]
    n_bytes: int


def batches_of_lines(blocks: Iterable[str]) -> Iterator[Lines]:
    r"""Cut a text that comes in blocks into lines, which end with ``\n``, ``\r\n`` or ``\r``."""
    lines: list[str] = []
    starts: list[int] = []
    rest, offset, n_waiting, n_bytes = "", 0, 0, 0
    for block in blocks:
        n_bytes += n_utf8_bytes(block)
        # The length stays the same. The blank line that comes of "\r\n" does no harm.
        *complete, rest = (rest + block.replace("\r", "\n")).split("\n")
        for line in complete:
            if line.strip():
                lines.append(line)
                starts.append(offset)
                n_waiting += len(line)
            offset += len(line) + 1
            if n_waiting >= _BATCH_CHARACTERS:
                yield Lines(lines, starts, n_bytes)
                lines, starts, n_waiting = [], [], 0
    if rest.strip():
        lines.append(rest)
        starts.append(offset)
    yield Lines(lines, starts, n_bytes)


def sentences_of_lines(segmenter: Segmenter, batch: Lines) -> list[Sentence]:
    """Return a sentence for each line, with its tokens, their places in the whole text, and ``# text``."""
    found = iter(segmenter.segment(_BETWEEN_LINES.join(batch.lines)))
    sentences: list[Sentence] = []
    following = next(found, None)
    end = 0
    for line, start in zip(batch.lines, batch.starts, strict=True):
        shift = start - end
        end += len(line) + len(_BETWEEN_LINES)
        parts: list[Sentence] = []
        while following is not None and (following.tokens[0].start or 0) < end:
            parts.append(following)
            following = next(found, None)
        if parts:
            sentence = _joined(parts, shift)
            place_words(sentence)
            sentence.comments = [f"# text = {' '.join(line.split())}"]
            sentences.append(sentence)
    return sentences


def _joined(parts: Sequence[Sentence], shift: int) -> Sentence:
    """Join sentences to one, and move the places of its tokens by `shift` characters."""
    whole = Sentence([])
    for part in parts:
        n_before = len(whole.tokens)
        for token in part.tokens:
            token.id += n_before
        for multiword in part.multiword_tokens:
            multiword.first += n_before
            multiword.last += n_before
        items: list[Token | MultiwordToken] = [*part.tokens, *part.multiword_tokens]
        for item in items:
            assert item.start is not None and item.end is not None
            item.start += shift
            item.end += shift
        whole.tokens += part.tokens
        whole.multiword_tokens += part.multiword_tokens
    return whole
