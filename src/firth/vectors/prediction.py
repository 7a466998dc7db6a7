"""How well trained vectors predict a text."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.errors import InputError
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.encoded import encode
from firth.text.vocabulary import Vocabulary
from firth.vectors.contexts import Text, WindowContexts
from firth.vectors.losses import perplexity_of, softmax_loss
from firth.vectors.word_vectors import WordVectors

_READING_OPTIONS = ("lowercase", "pretokenized", "errors")


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
        """The exponential of the loss: predicting is like a choice among so many equally likely words."""
        return perplexity_of(self.loss)

    @property
    def coverage(self) -> float:
        """The share of words that are in the vocabulary, in percent."""
        return 100 * self.known / self.words

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON: it has no infinity, so an infinite perplexity is None."""
        perplexity = self.perplexity if math.isfinite(self.perplexity) else None
        return {
            "score": perplexity,
            "coverage": self.coverage,
            "perplexity": perplexity,
            "loss": self.loss,
            "pairs": self.pairs,
            "words": self.words,
            "known": self.known,
        }


def perplexity(
    vectors: WordVectors,
    corpus: Corpus | Text,
    *,
    window: int | None = None,
    sample: float | None = None,
    field: str = "text",
    threads: int = 1,
    progress: Progress | None = None,
) -> Prediction:
    """Return how well vectors predict the words around each word of a text, by the full softmax.

    Figures can be compared between vectors with the same vocabulary, window and sample. Vectors trained with
    negative sampling score worse here, since their objective does not normalise probabilities.

    Parameters
    ----------
    vectors
        Vectors with outside vectors.
    corpus
        The text: a `Corpus`; or files or sentences, which are read as the training text was.
    window
        The largest distance of a pair; nearer pairs weigh more, as in training. None: the window of the
        training, or 5 if the vectors do not record it.
    sample
        Threshold of subsampling by the counts of the vectors; 0 keeps all words. None: the threshold of the
        training, or 1e-3.
    field
        Field of JSON Lines that holds the text.
    threads
        Threads to compute with.
    progress
        Where to report.

    Raises
    ------
    InputError
        The vectors have no outside vectors, or no counts although `sample` is not 0; or the text cannot be
        read or has no two words of the vocabulary beside each other.
    """
    if vectors.outside is None:
        raise InputError(
            "these vectors have no outside vectors, without which nothing is predicted: "
            "train with firth and save as .safetensors"
        )
    settings = vectors.metadata.get("settings", {})
    window = settings.get("window", 5) if window is None else window
    sample = settings.get("sample", 1e-3) if sample is None else sample
    counts = vectors.counts
    if counts is None:
        if sample:
            raise InputError("these vectors have no counts of words to subsample by: set sample to 0")
        counts = np.ones(len(vectors), np.int64)
    options = {name: settings[name] for name in _READING_OPTIONS if name in settings}
    reading = corpus if isinstance(corpus, Corpus) else Corpus(corpus, field=field, **options)
    with tempfile.TemporaryDirectory(prefix="firth-") as folder:
        # Not Vocabulary.from_counts: the words must stay in the order of the matrix.
        vocabulary = Vocabulary(vectors.words, counts, int(counts.sum()))
        try:
            encoded = encode(reading, folder, vocabulary=vocabulary, progress=progress)
        except InputError as error:
            raise InputError(f"the held-out text, {reading.name}: {error}") from error
        pairs = WindowContexts(encoded, window, sample).count(threads=threads, progress=progress)
        words, known = encoded.n_words, encoded.n_kept
        # The file must be closed before its folder can be removed.
        del encoded
    loss = softmax_loss(vectors.matrix, vectors.outside, pairs, threads=threads)
    return Prediction(loss, pairs.pairs, words, known)
