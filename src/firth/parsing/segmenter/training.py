"""How a segmenter is trained: its data, its two networks, and what is learned by counting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from firth.arrays import Bools, Ints
from firth.checks import seed_number, thread_count, whole_number
from firth.errors import InputError
from firth.network.packing import round_parameters
from firth.network.training import Schedule, train
from firth.parsing.segmenter.characters import Characters, Chunks
from firth.parsing.segmenter.kernels import CATEGORIES, N_CLASSES
from firth.parsing.segmenter.multiwords import MultiwordRules
from firth.parsing.segmenter.network import (
    Boundaries,
    BoundaryNetwork,
    BoundaryShape,
    BoundaryTask,
    FrequentHashes,
    Hashes,
    joined_boundaries,
)
from firth.parsing.segmenter.sequences import boundaries_between
from firth.parsing.segmenter.statistics import WordStatistics
from firth.parsing.segmenter.tokens import Questions, questions, token_hashes
from firth.parsing.segmenter.treebank import AnnotatedText, annotate
from firth.parsing.segmenter.variation import vary
from firth.parsing.segmenter.words import Pieces, join_hashes, word_boundaries
from firth.runs.run import Run
from firth.text.document import Sentence
from firth.text.stream import Source, text_blocks

# No token is taken to end between characters of two classes where fewer than 0.2% of the pairs have an end.
_RAREST_END_SHARE = 0.002

# Training goes on until about 3,000,000 tokens have been seen, but for 12 epochs at least and 40 at most.
_TRAINING_TOKENS = 3_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 12, 40

# In training, the network over tokens sees at most 200 tokens of a paragraph together.
_TRAINING_SEQUENCE = 200

# The networks are trained on the treebank and three varied copies of it, in half of the epochs.
_VARIED_COPIES, _COUNTED_COPIES = 3, 2

# A network for words that hold spaces needs 50 of them in the treebank.
_FEWEST_SPACED = 50

# The use of words is counted in the first 30,000,000 characters of each raw text.
_COUNTED_CHARACTERS = 30_000_000


class SegmenterParts(NamedTuple):
    """The arguments of `firth.parsing.segmenter.segmenter.Segmenter`."""

    never: Bools
    characters: BoundaryNetwork
    tokens: BoundaryNetwork
    expansions: MultiwordRules
    statistics: WordStatistics
    pieces: BoundaryNetwork | None
    scores: dict[str, float]


def train_parts(
    run: Run,
    sentences: Iterable[Sentence],
    dev: Iterable[Sentence],
    shapes: tuple[BoundaryShape, BoundaryShape, BoundaryShape],
    *,
    seed: int,
    threads: int | None,
    epochs: int | None,
    raw: Iterable[Source],
) -> SegmenterParts:
    """Train the parts of a segmenter; see `firth.parsing.segmenter.segmenter.Segmenter.train`.

    Parameters
    ----------
    run
        An open run.
    sentences, dev, seed, threads, epochs
        As for `Segmenter.train`.
    shapes
        The sizes of the networks over characters, over tokens, and over pieces of words.
    raw
        The raw text that tells how words are used.
    """
    sentences, dev = list(sentences), list(dev)
    if not sentences or not dev:
        raise InputError("a segmenter needs sentences to train on, and others to score on")
    text, dev_text = annotate(sentences), annotate(dev)
    n_spaced = sum(" " in surface.form for s in sentences for surface, _ in s.surface_tokens())
    if 0 < n_spaced < _FEWEST_SPACED:
        run.progress.note(f"tokens with a space in them: {n_spaced}; the segmenter cuts them there")
    statistics = WordStatistics.learn(_beginnings(raw))
    usual_epochs = min(max(_TRAINING_TOKENS // len(text.starts), _FEWEST_EPOCHS), _MOST_EPOCHS)
    training = _Training(
        whole_number("epochs", usual_epochs if epochs is None else epochs),
        seed_number(seed),
        thread_count(threads),
        run,
        _fingerprint(text, dev_text, statistics),
    )
    random = np.random.default_rng(seed)
    varied = [vary(text, random, statistics.abbreviations) for _ in range(_VARIED_COPIES)]
    copies = [Pieces.of(copy) for copy in (text, *varied)]
    varied_dev = vary(dev_text, random, statistics.abbreviations)
    dev_copies = [Pieces.of(dev_text), Pieces.of(varied_dev)]
    never = _never_between(text)
    dev_data = [_token_boundaries(copy.text, never, statistics) for copy in dev_copies]
    data = [_token_boundaries(copy.text, never, statistics) for copy in copies]
    characters, token_score = training.train(
        "tokens",
        BoundaryNetwork(shapes[0], _vocabulary(data), {}),
        joined_boundaries(data),
        dev_data,
        copies=_COUNTED_COPIES,
        batch=2000,
        lr=1e-2,
    )
    scores = {"tokens F1": token_score}
    hashes = [_hashes_of_tokens(copy.text, statistics) for copy in copies]
    dev_hashes = [_hashes_of_tokens(copy.text, statistics) for copy in dev_copies]
    pieces = None
    if n_spaced >= _FEWEST_SPACED:
        words = [_word_boundaries(*copy) for copy in zip(copies, hashes, strict=True)]
        pieces, scores["words F1"] = training.train(
            "words",
            BoundaryNetwork(shapes[2], _vocabulary(words), {}),
            joined_boundaries(words),
            [_word_boundaries(*copy) for copy in zip(dev_copies, dev_hashes, strict=True)],
            copies=_COUNTED_COPIES,
            batch=1000,
            lr=5e-3,
        )
    data = [
        _sentence_boundaries(*copy, _TRAINING_SEQUENCE, pieces is not None)
        for copy in zip(copies, hashes, strict=True)
    ]
    tokens, scores["sentences F1"] = training.train(
        "sentences",
        BoundaryNetwork(shapes[1], _vocabulary(data), {}),
        joined_boundaries(data),
        [
            _sentence_boundaries(*copy, None, pieces is not None)
            for copy in zip(dev_copies, dev_hashes, strict=True)
        ],
        copies=_COUNTED_COPIES,
        batch=1000,
        lr=5e-3,
    )
    expansions = MultiwordRules.learn(sentences)
    return SegmenterParts(never, characters, tokens, expansions, statistics, pieces, scores)


@dataclass(frozen=True)
class _Training:
    """What the trainings of both networks share; see `Segmenter.train`.

    Attributes
    ----------
    data
        A hash of the treebanks.
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
        dev: Sequence[Boundaries],
        *,
        copies: int,
        batch: int,
        lr: float,
    ) -> tuple[BoundaryNetwork, float]:
        """Train a network on several copies of the treebank, in fewer epochs by the factor `copies`.

        Returns the network, rounded as in a model file, and its score on dev.
        """
        epochs = -(-self.epochs // copies)
        network.initialise(np.random.default_rng(self.seed))
        history = train(
            BoundaryTask(network, data, dev[0], dev[1], name),
            Schedule(epochs=epochs, batch=batch, lr=lr, patience=epochs, seed=self.seed),
            name=f"segmenter, {name}",
            threads=self.threads,
            run=self.run,
            settings={"data": self.data, "shape": asdict(network.shape)},
        )
        round_parameters(network.parameters, network.specs())
        best = max(history, key=lambda figures: figures[f"varied {name} F1"])
        return network, float(best[f"{name} F1"])


def _never_between(text: AnnotatedText) -> Bools:
    """Return the pairs of classes between whose characters (nearly) no token of a treebank ends.

    Four fifths of English text are chunks of letters only, which the network need not see.
    """
    classes = Characters.of(text.text).classes.astype(np.int64)
    pairs = classes[:-1] * N_CLASSES + classes[1:]
    inner_ends = text.ends[text.ends < len(classes)] - 1
    n_ends = np.bincount(pairs[inner_ends], minlength=N_CLASSES**2)
    n_pairs = np.bincount(pairs, minlength=N_CLASSES**2)
    # One is added to the counts, so that a pair must be frequent to be sure.
    rare = (n_ends + 1) / (n_pairs + 1) < _RAREST_END_SHARE
    never: Bools = rare | (n_ends == 0) & _inseparable().reshape(-1)
    return never.reshape(N_CLASSES, N_CLASSES)


def _inseparable() -> Bools:
    """Return the pairs of classes between whose characters no token ends in any script.

    The treebank may not have the script. The pairs are: letters and marks; numbers; a character and its
    accents; the parts of an emoji.
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


def _token_boundaries(text: AnnotatedText, never: Bools, statistics: WordStatistics) -> Boundaries:
    """Return the characters of a treebank that the network must see to find its tokens."""
    chunks = Chunks.of(text.text)
    right = np.zeros(len(text.text), np.bool_)
    given = np.zeros(len(text.text), np.bool_)
    right[text.ends - 1] = True
    given[chunks.ends - 1] = True
    parts = [Questions.none(), *questions(chunks, len(chunks.starts), never, statistics)]
    places = np.concatenate([part.places for part in parts])
    return Boundaries(
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.asked for part in parts]),
        right[places],
        given[places],
    )


def _hashes_of_tokens(text: AnnotatedText, statistics: WordStatistics) -> Hashes:
    """Return the features of the tokens of a treebank."""
    return token_hashes(Characters.of(text.text), text.starts, text.ends, statistics)


def _vocabulary(copies: Sequence[Boundaries]) -> FrequentHashes:
    """Return the frequent hashes of a treebank and its varied copies."""
    return FrequentHashes.learn(copies[0].hashes, [copy.hashes for copy in copies[1:]])


def _word_boundaries(copy: Pieces, hashes: Hashes) -> Boundaries:
    """Return the pieces of a text with their word ends; a paragraph is cut into short sequences."""
    text = copy.text
    return word_boundaries(
        hashes, copy.word_ends, _cut_long(text.paragraph_ends, _TRAINING_SEQUENCE), copy.spaced
    )


def _sentence_boundaries(copy: Pieces, hashes: Hashes, longest: int | None, are_joined: bool) -> Boundaries:
    """Return the tokens of a text with their sentence ends, and sequences cut to so many tokens.

    Tokens are words, or pieces where pieces are not joined.
    """
    text = copy.text
    lasts = copy.lasts if are_joined else np.arange(len(text.starts))
    if are_joined:
        hashes = join_hashes(hashes, copy.firsts, lasts)
    breaks = text.paragraph_ends[lasts]
    if longest is not None:
        breaks = _cut_long(breaks, longest)
    return boundaries_between(hashes, text.sentence_ends[lasts], breaks, ~breaks)


def _cut_long(breaks: Bools, longest: int) -> Bools:
    """Return more breaks, so that no sequence is longer: batches are small then."""
    paragraph: Ints = np.cumsum(breaks) - breaks
    starts = np.append(0, np.flatnonzero(breaks) + 1)
    place = np.arange(len(breaks)) - starts[paragraph]
    cut: Bools = breaks | (place % longest == longest - 1)
    return cut


def _beginnings(raw: Iterable[Source]) -> Iterator[str]:
    """Yield the beginnings of raw texts in blocks."""
    for source in raw:
        n = 0
        for block in text_blocks(source):
            yield block
            n += len(block)
            if n >= _COUNTED_CHARACTERS:
                break


def _fingerprint(text: AnnotatedText, dev: AnnotatedText, statistics: WordStatistics) -> str:
    """Return a hash of the texts with their annotation, and of the statistics of words."""
    digest = hashlib.sha256()
    for part in (text, dev):
        digest.update(part.text.encode("utf-8", "surrogatepass"))
        for array in (part.starts, part.ends, part.sentence_ends, part.paragraph_ends):
            digest.update(array.tobytes())
    digest.update(statistics.hashes.tobytes())
    digest.update(statistics.usage.tobytes())
    digest.update(repr(sorted(statistics.abbreviations.items())).encode())
    return digest.hexdigest()
