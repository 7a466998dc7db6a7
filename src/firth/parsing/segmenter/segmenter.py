"""The segmenter: from raw text to sentences of tokens, each with its place in the text.

One network decides where tokens end, among the characters of a *chunk*, a run of text without white space
(`firth.parsing.segmenter.tokens`). Another one decides where sentences end, among the tokens of a paragraph
(`firth.parsing.segmenter.sentences`). The words of multiword tokens follow from their forms
(`firth.parsing.segmenter.multiwords`). `firth.parsing.segmenter.training` trains all of them.

A token has no white space in it, and a chunk ends with the end of a token. A blank line ends a sentence; all
other white space is as good as a space. No decision depends on how much of the text is read at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Bools, PathLike
from firth.errors import InputError
from firth.files.records import ArrayRecord, check_arrays, check_fields, part_of, reading
from firth.parsing.segmenter.kernels import N_CLASSES
from firth.parsing.segmenter.multiwords import MultiwordRules, Words
from firth.parsing.segmenter.network import BoundaryNetwork, BoundaryRunner, BoundaryShape
from firth.parsing.segmenter.sentences import SentenceFinder, SentencePlaces
from firth.parsing.segmenter.statistics import WordStatistics
from firth.parsing.segmenter.tokens import TokenFinder
from firth.parsing.segmenter.training import train_parts
from firth.parsing.segmenter.words import LOOKAHEAD, WordFinder
from firth.progress import Progress
from firth.runs.run import Run, open_run
from firth.text.document import MultiwordToken, Sentence, Token
from firth.text.stream import Source

# The networks over characters, which find tokens, and over tokens, which find sentences.
_CHARACTERS = BoundaryShape(
    (16, 8, 16, 16, 8, 8, 8, 8), width=48, depth=1, slots=(-2, -1, 0, 1, 2), hidden=48
)
_TOKENS = BoundaryShape((16, 16, 8, 8, 4, 4, 8, 8), width=48, depth=2, slots=(-2, -1, 0, 1, 2, 3), hidden=48)

# The network over pieces, which joins them to words that hold spaces.
_PIECES = BoundaryShape(
    (24, 8, 8, 8, 4, 4, 4, 4, 16, 8), width=48, depth=2, slots=(-2, -1, 0, 1, 2, 3), hidden=48
)

# Segmenters without a version, of firth 0.1, have smaller networks and no statistics of words.
_VERSION = 2
_OLD_SHAPES = (
    BoundaryShape((16, 8, 16, 16, 8, 8), width=32, depth=1, slots=(-2, -1, 0, 1, 2), hidden=32),
    BoundaryShape((16, 16, 8, 8, 4), width=32, depth=2, slots=(-2, -1, 0, 1, 2, 3), hidden=32),
)

_FIELDS = {"rules": {str: [str]}, "exceptions": {str: [str]}, "scores": {str: float}}
_ARRAYS = (ArrayRecord("never", np.bool_, (N_CLASSES, N_CLASSES)),)
"""What a model file holds of a segmenter, besides the arrays of its two networks."""


class Segmenter:
    """Finds sentences and tokens in raw text; made by `train` or `from_arrays`.

    Threads may share a segmenter. Only `multiwords.MultiwordRules` and the tables of `characters` remember
    anything, and these say why that is safe.

    Parameters
    ----------
    never
        (N_CLASSES, N_CLASSES): whether no token ends between characters of two classes.
    characters, tokens
        The networks that find where tokens end, and where sentences end.
    expansions
        Tells the words of multiword tokens.
    statistics
        How raw text uses words.
    pieces
        The network that joins tokens to words that hold spaces; None if no words do.
    scores
        F1 of the networks on the dev part in training, in percent.
    """

    def __init__(
        self,
        never: Bools,
        characters: BoundaryNetwork,
        tokens: BoundaryNetwork,
        expansions: MultiwordRules,
        statistics: WordStatistics,
        pieces: BoundaryNetwork | None,
        scores: Mapping[str, float],
    ) -> None:
        self._never, self._characters, self._tokens = never, characters, tokens
        self._expansions, self._statistics, self._scores = expansions, statistics, dict(scores)
        self._token_finder = TokenFinder(never, characters, statistics)
        self._sentence_ends = BoundaryRunner(tokens)
        self._pieces = pieces
        self._word_ends = None if pieces is None else BoundaryRunner(pieces)

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sentence],
        dev: Iterable[Sentence],
        *,
        seed: int = 1,
        threads: int | None = None,
        epochs: int | None = None,
        text: Iterable[Source] = (),
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Segmenter:
        """Train on a treebank.

        Parameters
        ----------
        sentences, dev
            The sentences to train on, and those to choose the best epoch on.
        seed
            Seed of all random numbers.
        threads
            Threads to use; all processors if None. The result does not depend on their number.
        epochs
            Number of epochs. None: 12 to 40, more for a smaller treebank.
        text
            Raw texts of the same language: files, open files or iterables of blocks; see
            `firth.text.stream.text_blocks`. They tell how words are used, and with that which words are
            abbreviations. The first 30,000,000 characters of each are read.
        checkpoint_dir
            Folder for a checkpoint after each epoch; made if it does not exist. None: an interrupted training
            is lost.
        resume
            Go on from the checkpoints in `checkpoint_dir`, or begin if there are none.
        progress
            Told how far the training is; silent if None.

        Raises
        ------
        InputError
            One of the treebanks is empty; or `checkpoint_dir` holds checkpoints, but of another training, or
            `resume` was not asked for.
        """
        with open_run("treebank", checkpoint_dir, resume, progress) as run:
            return cls.train_in(run, sentences, dev, seed=seed, threads=threads, epochs=epochs, text=text)

    @classmethod
    def train_in(
        cls,
        run: Run,
        sentences: Iterable[Sentence],
        dev: Iterable[Sentence],
        *,
        seed: int = 1,
        threads: int | None = None,
        epochs: int | None = None,
        text: Iterable[Source] = (),
    ) -> Segmenter:
        """Train as a part of a run that is open already; see `train`."""
        return cls(
            *train_parts(
                run,
                sentences,
                dev,
                (_CHARACTERS, _TOKENS, _PIECES),
                seed=seed,
                threads=threads,
                epochs=epochs,
                raw=text,
            )
        )

    def segment(self, text: str) -> list[Sentence]:
        """Divide a text into sentences of tokens.

        Parameters
        ----------
        text
            Anything; blank text has no sentences.

        Returns
        -------
        list of Sentence
            With form, place in the text and ``SpaceAfter=No``; the other columns are not known. The words of
            a multiword token have its place.
        """
        return list(self.stream([text]))

    def stream(self, blocks: Iterable[str]) -> Iterator[Sentence]:
        """Yield the sentences of a text that comes in blocks, as `segment` returns those of the whole text.

        Parameters
        ----------
        blocks
            The text, cut anywhere. Memory holds a block at a time, or the longest chunk, and a sentence.

        Yields
        ------
        Sentence
            As from `segment`; places are counted through the whole text.
        """
        for places in self.find(blocks):
            yield from self.sentences(places)

    def find(self, blocks: Iterable[str]) -> Iterator[SentencePlaces]:
        """Yield the places of the sentences of a text that comes in blocks; see `stream`."""
        finder = self.finder()
        for block in [blocks] if isinstance(blocks, str) else blocks:
            yield from finder.feed(block)
        yield from finder.finish()

    def finder(self) -> SentenceFinder:
        """Return a finder for one text, which finds the places of its sentences block by block."""
        reach = _PIECES.reach + LOOKAHEAD
        words = None if self._word_ends is None else WordFinder(self._word_ends, reach)
        return SentenceFinder(self._token_finder, self._sentence_ends, self._tokens.shape.reach, words)

    def sentences(self, places: SentencePlaces) -> Iterator[Sentence]:
        """Yield the sentences at places that a finder has found."""
        starts, ends = places.starts.tolist(), places.ends.tolist()
        miscs = ["_" if space else "SpaceAfter=No" for space in places.space_after.tolist()]
        forms = [places.slice(start, end) for start, end in zip(starts, ends, strict=True)]
        words = self._expansions.words(forms)
        for first, last in pairwise(places.bounds):
            surface = zip(
                forms[first:last],
                words[first:last],
                miscs[first:last],
                starts[first:last],
                ends[first:last],
                strict=True,
            )
            yield _sentence(surface)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays that `from_arrays` needs."""
        parts = {"characters": self._characters, "tokens": self._tokens}
        if self._pieces is not None:
            parts["pieces"] = self._pieces
        arrays = {
            f"{part}/{name}": array
            for part, network in parts.items()
            for name, array in network.arrays().items()
        }
        if not self._is_old:
            arrays |= {"words": self._statistics.hashes, "usage": self._statistics.usage}
        return {"never": self._never, **arrays}

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that `from_arrays` needs, with the scores on dev, as JSON has it."""
        metadata: dict[str, Any] = {
            "rules": {ending: list(words) for ending, words in self._expansions.rules.items()},
            "exceptions": {form: list(words) for form, words in self._expansions.exceptions.items()},
            "scores": self._scores,
        }
        if not self._is_old:
            metadata |= {"version": _VERSION, "pieces": self._pieces is not None}
        return metadata

    @property
    def _is_old(self) -> bool:
        """Whether it comes from a file without a version; it is saved as it was read."""
        return self._characters.shape == _OLD_SHAPES[0]

    @classmethod
    def from_arrays(
        cls, arrays: Arrays, metadata: Mapping[str, Any], file: str = "the segmenter"
    ) -> Segmenter:
        """Restore a segmenter from what `arrays` and `metadata` returned.

        Parameters
        ----------
        arrays, metadata
            Returned by the methods of these names.
        file
            Name of the file that they are from, for errors.

        Raises
        ------
        InputError
            Something is missing, or has another type or shape.
        """
        with reading(file):
            check_fields(metadata, _FIELDS)
            check_arrays(arrays, _ARRAYS)
            if not all(metadata["rules"].values()):
                raise InputError("one of its rules for multiword tokens has no words")
            is_old = "version" not in metadata
            if not is_old:
                check_fields(metadata, {"version": int, "pieces": bool})
                if metadata["version"] != _VERSION:
                    raise InputError(f"its segmenter has the unknown version {metadata['version']}")
            has_pieces = not is_old and metadata["pieces"]
            statistics = WordStatistics.none() if is_old else _statistics(arrays)
        shapes = _OLD_SHAPES if is_old else (_CHARACTERS, _TOKENS)
        return cls(
            arrays["never"],
            BoundaryNetwork.from_arrays(shapes[0], part_of(arrays, "characters/"), file),
            BoundaryNetwork.from_arrays(shapes[1], part_of(arrays, "tokens/"), file),
            MultiwordRules(metadata["rules"], metadata["exceptions"]),
            statistics,
            BoundaryNetwork.from_arrays(_PIECES, part_of(arrays, "pieces/"), file) if has_pieces else None,
            metadata["scores"],
        )


def _statistics(arrays: Arrays) -> WordStatistics:
    """Return the statistics of words of a model file, from arrays that are checked first."""
    check_arrays(arrays, [ArrayRecord("words", np.int32, (None,))])
    check_arrays(arrays, [ArrayRecord("usage", np.uint8, (len(arrays["words"]), 2))])
    if (arrays["words"] < 0).any():
        raise InputError("its array 'words' has negative numbers, which are no hashes")
    if (arrays["words"] < 0).any():
        raise InputError("its array 'words' has negative numbers, which are no hashes")
    return WordStatistics(arrays["words"], arrays["usage"])


def _sentence(surface: Iterable[tuple[str, Words, str, int, int]]) -> Sentence:
    """Make a sentence of its tokens, each given as form, words (none if it is one), misc, start and end."""
    tokens: list[Token] = []
    multiword_tokens: list[MultiwordToken] = []
    number = 1
    for form, words, misc, start, end in surface:
        if not words:
            tokens.append(Token(number, form, misc=misc, start=start, end=end))
            number += 1
        else:
            first, number = number, number + len(words)
            multiword_tokens.append(MultiwordToken(first, number - 1, form, misc=misc, start=start, end=end))
            tokens += [Token(k, word, start=start, end=end) for k, word in enumerate(words, first)]
    return Sentence(tokens, [], multiword_tokens)
