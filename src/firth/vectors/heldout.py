"""How well vectors predict text that they were not trained on: exact losses, without drawing anything.

Both objectives enter through the weights N(c, o) of the held-out text (`firth.vectors.cooccurrence`). So the
losses are expectations over all that training draws (windows, subsampling, negatives), are the same whenever
they are computed, and take a few matrix products.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firth.errors import InputError
from firth.learning.activations import log_sigmoid
from firth.storage import atomic_path
from firth.text.corpus import Corpus, EncodedCorpus, Source, encode
from firth.text.vocabulary import Vocabulary
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences

Matrix = npt.NDArray[np.floating[Any]]

_MEMORY = 32 << 20  # bytes of scores at a time
_PASSAGE = 10_000  # numbers of the encoded corpus that go to one part together, at most
_PASSAGES_HELD_OUT = 20  # shorter ones, if these would be fewer
_COPIED = 1 << 20  # numbers at a time


def softmax_loss(V: Matrix, U: Matrix, counts: Cooccurrences) -> float:
    r"""Return the mean naive softmax loss of a pair, in nats; its exponential is the perplexity.

    This is the loss of `firth.learning.objectives.naive_softmax`, averaged over all pairs by their weights:
    :math:`\sum_c (N(c) \log \sum_w e^{u_w^\top v_c} - \sum_o N(c,o)\, u_o^\top v_c) / \sum_c N(c)`.

    Parameters
    ----------
    V, U : float32 or float64, shape (n, d)
        Centre and outside vectors. Scores are in their type, sums in float64.
    counts
        Of the held-out text, with the same n words.

    Raises
    ------
    InputError
        The shapes do not go together, there are no pairs, or a vector is not finite.
    """
    loss = 0.0
    for centers, scores in _score_rows(V, U, counts):
        loss -= counts.dot(centers, scores)
        highest = scores.max(axis=1, keepdims=True)
        scores -= highest
        np.exp(scores, out=scores)
        normalizers = np.log(scores.sum(axis=1, dtype=np.float64)) + highest[:, 0]
        loss += float(counts.totals[centers] @ normalizers)
    return _mean(loss, counts)


def negative_sampling_loss(
    V: Matrix, U: Matrix, counts: Cooccurrences, noise: npt.NDArray[np.float64], negative: int = 5
) -> float:
    r"""Return the mean loss of a pair with negative sampling, in expectation over the negatives, in nats.

    This is the loss of `firth.learning.objectives.negative_sampling`, with
    :math:`-K \sum_w q_w \log\sigma(-u_w^\top v_c)` in the place of the sum over K words drawn from q.

    Parameters
    ----------
    V, U, counts
        As for `softmax_loss`.
    noise : float64, shape (n,)
        The noise distribution q: `firth.text.vocabulary.Vocabulary.noise_distribution`.
    negative
        Negatives a pair, K.

    Raises
    ------
    InputError
        As for `softmax_loss`, or `noise` does not have n entries.
    """
    if noise.shape != (len(counts),):
        raise InputError(f"noise has the shape {noise.shape}, but there are {len(counts)} words")
    loss = 0.0
    for centers, scores in _score_rows(V, U, counts):
        unlike = -log_sigmoid(-scores)
        loss += negative * float(counts.totals[centers] @ (unlike @ noise))
        unlike -= scores  # −log σ(x) = −log σ(−x) − x
        loss += counts.dot(centers, unlike)
    return _mean(loss, counts)


def _score_rows(V: Matrix, U: Matrix, counts: Cooccurrences) -> Iterator[tuple[npt.NDArray[np.intp], Matrix]]:
    """Yield centre words that have pairs, a few at a time, with the scores of all words."""
    if V.ndim != 2 or V.shape != U.shape or len(V) != len(counts) or V.dtype != U.dtype:
        raise InputError(
            f"V is {V.shape} of {V.dtype} and U is {U.shape} of {U.dtype}: both must have a row for each of "
            f"the {len(counts)} words, and the same type"
        )
    occurring = np.flatnonzero(counts.totals)
    if not len(occurring):
        raise InputError("the held-out text has no pairs: no two words of the vocabulary beside each other")
    step = max(1, _MEMORY // (U.itemsize * len(U)))
    for start in range(0, len(occurring), step):
        centers = occurring[start : start + step]
        yield centers, V[centers] @ U.T


def _mean(loss: float, counts: Cooccurrences) -> float:
    if not math.isfinite(loss):
        raise InputError("the loss is not finite: vectors hold NaN or infinity, or are far too long")
    return loss / counts.pairs


@dataclass(frozen=True)
class Prediction:
    """How well vectors predict a text.

    Attributes
    ----------
    loss : float
        Mean naive softmax loss of a pair, in nats.
    pairs : float
        Expected number of pairs.
    words, known : int
        Words of the text, and those that are in the vocabulary; the others are left out before pairs are
        formed, as in training.
    """

    loss: float
    pairs: float
    words: int
    known: int

    @property
    def perplexity(self) -> float:
        """The exponential of the loss: as hard as guessing among so many equally likely words."""
        return math.exp(self.loss)

    @property
    def coverage(self) -> float:
        """The share of words that are in the vocabulary, in percent."""
        return 100 * self.known / self.words


def perplexity(
    vectors: WordVectors,
    corpus: Corpus | Source | Iterable[Source] | Iterable[Iterable[str]],
    *,
    window: int = 5,
    sample: float = 1e-3,
) -> Prediction:
    """Return how well vectors predict the words around each word of a text, by the full softmax.

    Figures can be compared between vectors with the same vocabulary, window and sample. Vectors trained with
    negative sampling are worse at it than they need be: they were not asked for normalised probabilities.

    Parameters
    ----------
    vectors
        Vectors with outside vectors.
    corpus
        The text: a `Corpus`, or what one is made of.
    window
        The largest distance of a pair; nearer pairs weigh more, as in training.
    sample
        Threshold of subsampling by the counts of the vectors; 0 keeps all words.

    Raises
    ------
    InputError
        The vectors have no outside vectors, or no counts although `sample` is not 0; or the text cannot be
        read or has no two words of the vocabulary beside each other.
    """
    from firth.vectors.cooccurrence import count

    if vectors.outside is None:
        raise InputError(
            "these vectors have no outside vectors, without which nothing is predicted: "
            "train with firth and save as .safetensors"
        )
    counts = vectors.counts
    if counts is None:
        if sample:
            raise InputError("these vectors have no counts of words to subsample by: set sample to 0")
        counts = np.ones(len(vectors), np.int64)
    reading = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    with tempfile.TemporaryDirectory(prefix="firth-") as folder:
        # Not Vocabulary.from_counts: the words must stay in the order of the matrix.
        vocabulary = Vocabulary(vectors.words, counts, int(counts.sum()))
        encoded = encode(reading, folder, vocabulary=vocabulary)
        pairs = count(encoded, window, sample)
        words, known = encoded.n_words, encoded.n_kept
        del encoded  # it must be closed before its folder can be removed
    return Prediction(softmax_loss(vectors.matrix, vectors.outside, pairs), pairs.pairs, words, known)


def split(
    encoded: EncodedCorpus, fraction: float, directory: str | os.PathLike[str], *, seed: int = 1
) -> tuple[EncodedCorpus, EncodedCorpus]:
    """Split a corpus into a part to train on and a part to hold out.

    Neighbouring sentences are alike, so whole passages of about 10,000 words are held out (shorter ones if
    the corpus is small), which begin and end with a sentence. The vocabulary stays as it is.

    Parameters
    ----------
    encoded
        The corpus.
    fraction
        The share to hold out, between 0 and 1.
    directory
        Folder for the two parts (4 bytes a word), ``train.bin`` and ``heldout.bin``.
    seed
        Which passages are held out: the same ones for the same corpus and seed.

    Returns
    -------
    train, heldout : EncodedCorpus
        `n_words` of each is in proportion, since words that are not in the vocabulary are in neither.

    Raises
    ------
    InputError
        `fraction` is not between 0 and 1, or the corpus has too few sentences to be split so.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the share of the text to hold out must be between 0 and 1, not {fraction!r}")
    size = min(_PASSAGE, max(1, int(len(encoded.ids) * fraction) // _PASSAGES_HELD_OUT))
    starts = _passages(encoded.ids, size)
    held_out = np.zeros(len(starts) - 1, dtype=bool)
    order = np.random.default_rng(seed).permutation(len(held_out))
    held_out[order[: max(1, round(fraction * len(held_out)))]] = True
    if held_out.all():
        raise InputError(f"{encoded.n_sentences} sentences are too few to hold out {fraction:.0%} of them")
    parts = []
    for name, chosen in (("train", ~held_out), ("heldout", held_out)):
        path = Path(directory, f"{name}.bin")
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for k in np.flatnonzero(chosen):
                for start in range(starts[k], starts[k + 1], _COPIED):
                    encoded.ids[start : min(start + _COPIED, starts[k + 1])].tofile(file)
        ids = np.asarray(np.memmap(path, dtype=np.int32, mode="r"))
        sentences = sum(int(np.count_nonzero(ids[k : k + _COPIED] < 0)) for k in range(0, len(ids), _COPIED))
        kept = len(ids) - sentences
        key = f"{encoded.fingerprint} {name} {fraction} {seed}".encode()
        parts.append(
            replace(
                encoded,
                ids=ids,
                n_words=round(encoded.n_words * kept / encoded.n_kept),
                n_kept=kept,
                n_sentences=sentences,
                fingerprint=hashlib.sha256(key).hexdigest(),
            )
        )
    return parts[0], parts[1]


def _passages(ids: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.int64]:
    """Return where passages of whole sentences start, about `size` numbers apart, and the end of the last."""
    starts = [0]
    while starts[-1] < len(ids):
        position = starts[-1] + size - 1
        while position < len(ids):
            ends = np.flatnonzero(ids[position : position + _PASSAGE] < 0)
            if len(ends):
                position += int(ends[0])
                break
            position += _PASSAGE
        starts.append(min(position + 1, len(ids)))
    return np.array(starts)


class Patience:
    """When to stop, because the held-out loss has stopped falling.

    It remembers figures only. The vectors of the best epoch are for the trainer to keep, on disk rather than
    in memory, where they would take as much again as those in training.

    Parameters
    ----------
    epochs
        Stop after so many epochs in a row that were no better than the best before them.

    Attributes
    ----------
    best : float
        The lowest loss so far.
    waited : int
        Epochs since then.
    """

    def __init__(self, epochs: int) -> None:
        if epochs != int(epochs) or epochs < 1:
            raise InputError(f"patience must be a whole number of at least 1, not {epochs!r}")
        self.epochs = epochs
        self.best = math.inf
        self.waited = 0

    def update(self, loss: float) -> bool:
        """Take the loss of the next epoch; return whether it is the best so far."""
        is_best = loss < self.best
        self.best, self.waited = (loss, 0) if is_best else (self.best, self.waited + 1)
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether it is time to stop."""
        return self.waited >= self.epochs
