"""The segmenter: from raw text to sentences of tokens, each with its place in the text.

One network decides where tokens end, among the characters of a *chunk*, which is what stands between white
space; another one decides where sentences end, among the tokens of a paragraph (both:
`firth.parsing.segmenter.network`). The words of multiword tokens follow from their forms
(`firth.parsing.segmenter.multiwords`).

A token has no white space in it, and a chunk ends with the end of a token. A blank line ends a sentence; all
other white space is as good as a space. No decision depends on how much of the text is read at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Bools, Floats, Ints, PathLike
from firth.checks import seed_number, thread_count
from firth.errors import InputError
from firth.files.records import ArrayRecord, check_arrays, check_fields, part_of, reading
from firth.network.packing import round_parameters
from firth.network.training import Schedule, train
from firth.parsing.segmenter import kernels
from firth.parsing.segmenter.characters import Characters, Chunks
from firth.parsing.segmenter.kernels import CATEGORIES, CHARACTER_CHANNELS, N_CLASSES, TOKEN_CHANNELS
from firth.parsing.segmenter.multiwords import MultiwordRules, Words
from firth.parsing.segmenter.network import (
    Boundaries,
    BoundaryNetwork,
    BoundaryRunner,
    BoundaryShape,
    BoundaryTask,
    Hashes,
    Vocabulary,
)
from firth.parsing.segmenter.treebank import AnnotatedText, annotate
from firth.progress import Progress
from firth.runs.run import Run, open_run
from firth.text.document import MultiwordToken, Sentence, Token

__all__ = ["Segmenter", "raw_text"]

_CHARACTERS = BoundaryShape((16, 8, 16, 16, 8, 8), width=32, depth=1, slots=(-2, -1, 0, 1, 2), hidden=32)
_TOKENS = BoundaryShape((16, 16, 8, 8, 4), width=32, depth=2, slots=(-2, -1, 0, 1, 2, 3), hidden=32)

_NEVER = 0.002  # of the places between characters of two classes end a token: then none does
_PIECE = 1000  # characters of a chunk that the network sees together
_TRAINING_TOKENS, _EPOCHS = 3_000_000, (12, 40)  # to be seen in all, in so many epochs
_TRAINING_SEQUENCE = 200  # tokens of a paragraph that it sees together in training
_JOINED = 0.5  # of the blank lines are taken out of one of two copies of the text in training

_BLOCK = 1 << 14  # characters that are read at a time
_PART = 1 << 12  # tokens that are decided about at a time
_LONGEST_SENTENCE = 1000  # tokens; what would be longer ends where an end is most likely

_FIELDS = {"rules": {str: [str]}, "exceptions": {str: [str]}, "scores": {str: float}}
_ARRAYS = (ArrayRecord("never", np.bool_, (N_CLASSES, N_CLASSES)),)
"""What a model file holds of a segmenter, besides the arrays of its two networks."""


class Segmenter:
    """Finds sentences and tokens in raw text; made by `train` or `from_arrays`.

    Parameters
    ----------
    never
        (N_CLASSES, N_CLASSES): between characters of which classes no token ends.
    characters, tokens
        Find where tokens end, and sentences.
    expansions
        Tells the words of multiword tokens.
    scores
        What the networks reached on the dev part in training, in percent.
    """

    def __init__(
        self,
        never: Bools,
        characters: BoundaryNetwork,
        tokens: BoundaryNetwork,
        expansions: MultiwordRules,
        scores: Mapping[str, float],
    ) -> None:
        self._never, self._characters, self._tokens = never, characters, tokens
        self._expansions, self._scores = expansions, dict(scores)
        self._token_ends = BoundaryRunner(characters)
        self._sentence_ends = BoundaryRunner(tokens)

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sentence],
        dev: Iterable[Sentence],
        *,
        seed: int = 1,
        threads: int | None = None,
        epochs: int | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Segmenter:
        """Train on a treebank.

        Parameters
        ----------
        sentences, dev
            What to train on, and what to choose the best epoch on.
        seed
            Seed of everything that is drawn.
        threads
            Threads to use; all processors if None. The result does not depend on their number.
        epochs
            How often to go through the treebank; None for more often the smaller it is, 12 to 40 times.
        checkpoint_dir
            Folder for a checkpoint after each epoch, which is made if need be. None: an interrupted training
            is lost.
        resume
            Go on from the checkpoints in `checkpoint_dir`, or begin if there are none.
        progress
            What to report to; silent if None.

        Raises
        ------
        InputError
            One of the treebanks is empty; or `checkpoint_dir` holds checkpoints, but of another training, or
            `resume` was not asked for.
        """
        with open_run(checkpoint_dir, resume, progress) as run:
            return cls.train_in(run, sentences, dev, seed=seed, threads=threads, epochs=epochs)

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
    ) -> Segmenter:
        """Train as a part of a run that is open already; see `train`."""
        sentences, dev = list(sentences), list(dev)
        if not sentences or not dev:
            raise InputError("a segmenter needs sentences to train on, and others to score on")
        text, dev_text = annotate(sentences), annotate(dev)
        n_spaced = sum(" " in surface.form for s in sentences for surface, _ in s.surface_tokens())
        if n_spaced:
            run.progress.note(f"tokens with a space in them: {n_spaced}; the segmenter cuts them there")
        few, many = _EPOCHS
        training = _Training(
            epochs or min(max(_TRAINING_TOKENS // len(text.starts), few), many),
            seed_number(seed),
            thread_count(threads),
            run,
            _fingerprint(text, dev_text),
        )
        never = _never_between(text)
        data, dev_data = _token_boundaries(text, never), _token_boundaries(dev_text, never)
        vocabulary = Vocabulary.learn(data.hashes)
        characters, token_score = training.train(
            "tokens",
            BoundaryNetwork(_CHARACTERS, vocabulary, {}),
            data,
            dev_data,
            copies=1,
            batch=2000,
            lr=1e-2,
        )
        hashes, dev_hashes = _hashes_of_tokens(text), _hashes_of_tokens(dev_text)
        tokens, sentence_score = training.train(
            "sentences",
            BoundaryNetwork(_TOKENS, Vocabulary.learn(hashes), {}),
            _training_sentences(text, hashes, np.random.default_rng(seed)),
            _sentence_boundaries(dev_hashes, dev_text.sentence_ends, dev_text.paragraph_ends),
            copies=2,
            batch=1000,
            lr=5e-3,
        )
        scores = {"tokens F1": token_score, "sentences F1": sentence_score}
        return cls(never, characters, tokens, MultiwordRules.learn(sentences), scores)

    def segment(self, text: str) -> list[Sentence]:
        """Cut a text into sentences of tokens.

        Parameters
        ----------
        text
            Anything; blank text has no sentences.

        Returns
        -------
        list of Sentence
            With form, place in the text and ``SpaceAfter=No``; all else is not known. The words of a
            multiword token have its place.
        """
        return list(self.stream(text))

    def stream(self, text: str) -> Iterator[Sentence]:
        """Yield sentences as `segment` returns them, one by one.

        Memory holds a block of text at a time, or the longest chunk, and a sentence.
        """
        waiting = _NO_TOKENS
        first = 0  # where the next sentence begins; waiting tokens before it are its context
        for tokens, is_last in self._find_tokens(text):
            waiting = waiting.followed_by(tokens)
            data = _sentence_boundaries(waiting.hashes, waiting.breaks, waiting.breaks)
            margins = np.full(len(waiting.breaks), np.inf, np.float32)
            margins[data.asked] = self._sentence_ends.margins(data.hashes, data.lengths, data.asked)
            decided = len(margins) if is_last else max(len(margins) - _TOKENS.reach, 0)
            ends = _cut(margins[:decided], first)
            yield from self._sentences(text, waiting, [first, *ends])
            first = ends[-1] if ends else first
            context = max(first - _TOKENS.reach, 0)
            waiting, first = waiting[context:], first - context

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays that `from_arrays` needs."""
        parts = {"characters": self._characters, "tokens": self._tokens}
        arrays = {
            f"{part}/{name}": array
            for part, network in parts.items()
            for name, array in network.arrays().items()
        }
        return {"never": self._never, **arrays}

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that `from_arrays` needs, with the scores on dev, as JSON has it."""
        return {
            "rules": {ending: list(words) for ending, words in self._expansions.rules.items()},
            "exceptions": {form: list(words) for form, words in self._expansions.exceptions.items()},
            "scores": self._scores,
        }

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
        return cls(
            arrays["never"],
            BoundaryNetwork.from_arrays(_CHARACTERS, part_of(arrays, "characters/"), file),
            BoundaryNetwork.from_arrays(_TOKENS, part_of(arrays, "tokens/"), file),
            MultiwordRules(metadata["rules"], metadata["exceptions"]),
            metadata["scores"],
        )

    def _find_tokens(self, text: str) -> Iterator[tuple[_Tokens, bool]]:
        """Yield the tokens of a text part by part, each with whether it is the last."""
        start, size = 0, _BLOCK
        while start < len(text):
            chunks = Chunks.of(text[start : start + size])
            is_end = start + size >= len(text)
            # Unless the text ends, the last chunk may go on; and the one before must know what follows it.
            n = len(chunks.starts) if is_end else len(chunks.starts) - 1
            if n < 1 and not is_end:
                size *= 2
                continue
            tokens = self._tokens_of(chunks, n, start)
            n_tokens = len(tokens.starts)
            for first in range(0, n_tokens, _PART):
                yield tokens[first : first + _PART], is_end and first + _PART >= n_tokens
            start, size = (len(text) if is_end else start + int(chunks.starts[n])), _BLOCK

    def _tokens_of(self, chunks: Chunks, n: int, offset: int) -> _Tokens:
        """Find the tokens of the first `n` chunks of what begins at `offset` in the text."""
        begins = np.zeros(len(chunks.characters.codes), np.bool_)
        ends = np.zeros(len(begins), np.bool_)
        begins[chunks.starts[:n]] = True
        ends[chunks.ends[:n] - 1] = True
        for questions in _questions(chunks, n, self._never):
            margins = self._token_ends.margins(questions.hashes, questions.lengths, questions.asked)
            cuts = questions.places[questions.asked][margins > 0]
            ends[cuts] = begins[cuts + 1] = True
        token_starts, token_ends = np.flatnonzero(begins), np.flatnonzero(ends) + 1
        breaks = np.zeros(len(token_starts), np.bool_)
        breaks[np.searchsorted(token_ends, chunks.ends[:n][chunks.breaks[:n]])] = True
        hashes = _describe_tokens(chunks.characters, token_starts, token_ends)
        return _Tokens(token_starts + offset, token_ends + offset, breaks, hashes)

    def _sentences(self, text: str, tokens: _Tokens, bounds: Sequence[int]) -> Iterator[Sentence]:
        """Make sentences of tokens, given where the first one begins and each one ends."""
        starts, ends = tokens.starts[: bounds[-1]].tolist(), tokens.ends[: bounds[-1]].tolist()
        next_starts = tokens.starts[1 : bounds[-1] + 1].tolist()
        miscs = [
            "_" if next_ > end else "SpaceAfter=No"
            for end, next_ in zip_longest(ends, next_starts, fillvalue=inf)
        ]
        forms = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        words = self._expansions.words(forms)
        for first, last in pairwise(bounds):
            surface = zip(
                forms[first:last],
                words[first:last],
                miscs[first:last],
                starts[first:last],
                ends[first:last],
                strict=True,
            )
            yield _sentence(surface)


def raw_text(sentences: Iterable[Sentence]) -> str:
    """Return the text of a treebank: a blank line between paragraphs, and a space between sentences.

    So are the raw texts of the CoNLL 2018 shared task; see `firth.parsing.segmenter.treebank.annotate`.
    """
    return annotate(sentences).text


@dataclass(frozen=True)
class _Tokens:
    """Tokens of a text.

    Attributes
    ----------
    starts, ends
        (n,): where each one is in the text.
    breaks
        (n,): whether it is the last one of a paragraph.
    hashes
        (n, TOKEN_CHANNELS): what is read of it.
    """

    starts: Ints
    ends: Ints
    breaks: Bools
    hashes: Hashes

    def __getitem__(self, part: slice) -> _Tokens:
        return _Tokens(self.starts[part], self.ends[part], self.breaks[part], self.hashes[part])

    def followed_by(self, other: _Tokens) -> _Tokens:
        """Return these and then the others."""
        return _Tokens(
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.ends, other.ends]),
            np.concatenate([self.breaks, other.breaks]),
            np.concatenate([self.hashes, other.hashes]),
        )


_NO_TOKENS = _Tokens(
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.bool_),
    np.zeros((0, TOKEN_CHANNELS), np.int32),
)


def _cut(margins: Floats, first: int) -> list[int]:
    """Return where sentences end, the first of which begins at `first`; what comes after has no end yet."""
    ends = []
    likely = (first + 1 + np.flatnonzero(margins[first:] > 0)).tolist()
    for end in [*likely, len(margins)]:
        while end - first > _LONGEST_SENTENCE:
            first += 1 + int(margins[first : first + _LONGEST_SENTENCE].argmax())
            ends.append(first)
        if end > first and margins[end - 1] > 0:
            ends.append(end)
            first = end
    return ends


def _sentence(surface: Iterable[tuple[str, Words, str, int, int]]) -> Sentence:
    """Make a sentence of its tokens: form, words if they are several, misc, start and end."""
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


# ---------------------------------------------------------------------------------------------- questions


@dataclass(frozen=True)
class _Questions:
    """Where in a text it is a question whether a token ends.

    Attributes
    ----------
    places
        (n,): places of characters: some, and all that must be read to decide about them.
    hashes
        (n, CHARACTER_CHANNELS): what is read of them.
    lengths
        How many of them stand together, in a piece of a chunk.
    asked
        (n,): about which it is a question.
    """

    places: Ints
    hashes: Hashes
    lengths: Ints
    asked: Bools


_NO_QUESTIONS = _Questions(
    np.zeros(0, np.int64),
    np.zeros((0, CHARACTER_CHANNELS), np.int32),
    np.zeros(0, np.int64),
    np.zeros(0, np.bool_),
)


def _questions(chunks: Chunks, n: int, never: Bools) -> Iterator[_Questions]:
    """Yield what is in question in the first `n` chunks, at most about `_BLOCK` characters at a time."""
    text = chunks.characters
    starts, ends = chunks.starts[:n], chunks.ends[:n]
    asked = np.zeros(len(text.codes), np.bool_)
    pieces = np.empty((n + len(text.codes) // _PIECE, 3), np.int64)
    n_pieces = kernels.find_pieces(text.classes, never, _PIECE, starts, ends, pieces, asked)
    following = chunks.following()
    for part in _parts(pieces[:n_pieces]):
        lengths = part[:, 1] - part[:, 0]
        before = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(part[:, 0] - before, lengths)
        hashes = np.empty((len(places), CHARACTER_CHANNELS), np.int32)
        kernels.describe_characters(text.codes, text.classes, text.lowers, part, following, hashes)
        yield _Questions(places, hashes, lengths, asked[places])


def _parts(pieces: Ints) -> list[Ints]:
    """Cut a list of pieces into parts that have about `_BLOCK` characters."""
    before = np.cumsum(pieces[:, 1] - pieces[:, 0]) // _BLOCK
    return np.split(pieces, np.flatnonzero(np.diff(before)) + 1) if len(pieces) else []


def _describe_tokens(text: Characters, starts: Ints, ends: Ints) -> Hashes:
    """Return what is read of tokens."""
    hashes = np.empty((len(starts), TOKEN_CHANNELS), np.int32)
    kernels.describe_tokens(text.codes, text.classes, text.lowers, starts, ends, hashes)
    return hashes


def _sentence_boundaries(hashes: Hashes, right: Bools, breaks: Bools) -> Boundaries:
    """Return the sequences of tokens that end at breaks, or with the last token, and their sentence ends."""
    lasts = np.flatnonzero(breaks)
    bounds = np.concatenate([[0], lasts + 1, [len(breaks)]])
    lengths = np.diff(bounds)
    return Boundaries(hashes, lengths[lengths > 0], ~breaks, right, breaks)


# ---------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class _Training:
    """How networks are trained; see `Segmenter.train`.

    Attributes
    ----------
    data
        A hash of all that they read.
    """

    epochs: int
    seed: int
    threads: int
    run: Run
    data: str

    def train(
        self,
        name: str,
        network: BoundaryNetwork,
        data: Boundaries,
        dev: Boundaries,
        *,
        copies: int,
        batch: int,
        lr: float,
    ) -> tuple[BoundaryNetwork, float]:
        """Train a network on data that hold so many copies of the treebank.

        Returns the network, rounded as a model file keeps it, and its score on dev.
        """
        epochs = -(-self.epochs // copies)
        network.initialise(np.random.default_rng(self.seed))
        history = train(
            BoundaryTask(network, data, dev, name),
            Schedule(epochs=epochs, batch=batch, lr=lr, patience=epochs, seed=self.seed),
            name=f"segmenter, {name}",
            threads=self.threads,
            run=self.run,
            settings={"data": self.data, "shape": asdict(network.shape)},
        )
        round_parameters(network.parameters, network.specs())
        return network, max(float(figures[f"{name} F1"]) for figures in history)


def _never_between(text: AnnotatedText) -> Bools:
    """Find the pairs of classes between whose characters (nearly) no token of a treebank ends.

    Four fifths of English are chunks of letters only, which need not be looked at.
    """
    classes = Characters.of(text.text).classes.astype(np.int64)
    pairs = classes[:-1] * N_CLASSES + classes[1:]
    inner_ends = text.ends[text.ends < len(classes)] - 1
    n_ends = np.bincount(pairs[inner_ends], minlength=N_CLASSES**2)
    n_pairs = np.bincount(pairs, minlength=N_CLASSES**2)
    # One more end than was seen: a pair must be frequent to be sure.
    rare = (n_ends + 1) / (n_pairs + 1) < _NEVER
    never: Bools = rare | (n_ends == 0) & _inseparable().reshape(-1)
    return never.reshape(N_CLASSES, N_CLASSES)


def _inseparable() -> Bools:
    """Return between characters of which classes no token ends in scripts that the treebank does not have.

    They are those of words, of numbers, and of what is seen as one character: with its accents, or an emoji
    of several parts.
    """
    names = ("", *CATEGORIES)
    word = np.array([name[:1] in ("L", "M") for name in names])
    number = np.array([name[:1] == "N" for name in names])
    mark = np.array([name[:1] == "M" or name == "Cf" for name in names])
    joiner = np.array([name == "Cf" for name in names])
    symbol, modifier = (np.array([name == category for name in names]) for category in ("So", "Sk"))
    inseparable: Bools = np.outer(word, word) | np.outer(number, number) | np.outer(symbol, modifier)
    inseparable |= mark
    inseparable |= joiner[:, None]
    return inseparable


def _token_boundaries(text: AnnotatedText, never: Bools) -> Boundaries:
    """Return the characters of a treebank that must be read to find its tokens."""
    chunks = Chunks.of(text.text)
    right = np.zeros(len(text.text), np.bool_)
    given = np.zeros(len(text.text), np.bool_)
    right[text.ends - 1] = True
    given[chunks.ends - 1] = True
    parts = [_NO_QUESTIONS, *_questions(chunks, len(chunks.starts), never)]
    places = np.concatenate([part.places for part in parts])
    return Boundaries(
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.asked for part in parts]),
        right[places],
        given[places],
    )


def _hashes_of_tokens(text: AnnotatedText) -> Hashes:
    return _describe_tokens(Characters.of(text.text), text.starts, text.ends)


def _training_sentences(text: AnnotatedText, hashes: Hashes, random: np.random.Generator) -> Boundaries:
    """Return the tokens of a treebank twice: once as they are, once with some of the blank lines taken out.

    People write without blank lines too. Long paragraphs are cut, so that batches are small.
    """
    n = len(hashes)
    joined = text.paragraph_ends & (random.random(n) >= _JOINED)
    joined[-1] = True
    copies = []
    for breaks in (text.paragraph_ends, joined):
        paragraph: Ints = np.cumsum(breaks) - breaks
        starts = np.append(0, np.flatnonzero(breaks) + 1)
        place = np.arange(n) - starts[paragraph]
        copies.append(breaks | (place % _TRAINING_SEQUENCE == _TRAINING_SEQUENCE - 1))
    return _sentence_boundaries(
        np.concatenate([hashes, hashes]), np.tile(text.sentence_ends, 2), np.concatenate(copies)
    )


def _fingerprint(*texts: AnnotatedText) -> str:
    """Return a hash of all that a training reads."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.text.encode("utf-8", "surrogatepass"))
        for array in (text.starts, text.ends, text.sentence_ends, text.paragraph_ends):
            digest.update(array.tobytes())
    return digest.hexdigest()
