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
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from firth.errors import InputError
from firth.learning.activations import log_sigmoid
from firth.learning.settings import check_whole_numbers
from firth.progress import Progress
from firth.storage import atomic_path, load_arrays, save_arrays
from firth.text.corpus import Corpus, EncodedCorpus, Source, encode
from firth.text.vocabulary import Vocabulary
from firth.vectors.training_run import Checkpoints, Position, saying_what_takes_long
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences

Matrix = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.intp]
Text: TypeAlias = Source | Iterable[Source] | Iterable[Iterable[str]]

_MEMORY = 8 << 20  # bytes of scores at a time, of a thread; with more, they fall out of the cache
_PASSAGE = 10_000  # numbers of the encoded corpus that go to one part together, at most
_PASSAGES_HELD_OUT = 20  # shorter ones, if these would be fewer
_COPIED = 1 << 20  # numbers at a time
_VECTORS = ("V", "U")
_READING_OPTIONS = ("lowercase", "pretokenized", "errors")
_INFINITE = 700.0  # nats, whose exponential is about the largest float64


def softmax_loss(V: Matrix, U: Matrix, counts: Cooccurrences, *, threads: int = 1) -> float:
    r"""Return the mean naive softmax loss of a pair, in nats; its exponential is the perplexity.

    This is the loss of `firth.learning.objectives.naive_softmax`, averaged over all pairs by their weights:
    :math:`\sum_c (N(c) \log \sum_w e^{u_w^\top v_c} - \sum_o N(c,o)\, u_o^\top v_c) / \sum_c N(c)`.

    Parameters
    ----------
    V, U : float32 or float64, shape (n, d)
        Centre and outside vectors. Scores are in their type, sums in float64.
    counts
        Of the held-out text, with the same n words.
    threads
        They share out the centre words. The result does not depend on their number.

    Raises
    ------
    InputError
        The shapes do not go together, there are no pairs, or a vector is not finite.
    """

    def loss_of(centers: Rows, scores: Matrix) -> float:
        observed = counts.dot(centers, scores)
        highest = scores.max(axis=1, keepdims=True)
        scores -= highest
        np.exp(scores, out=scores)
        normalizers = np.log(scores.sum(axis=1, dtype=np.float64)) + highest[:, 0]
        return float(counts.totals[centers] @ normalizers) - observed

    return _mean_loss(loss_of, V, U, counts, threads)


def negative_sampling_loss(
    V: Matrix,
    U: Matrix,
    counts: Cooccurrences,
    noise: npt.NDArray[np.float64],
    negative: int = 5,
    *,
    threads: int = 1,
) -> float:
    r"""Return the mean loss of a pair with negative sampling, in expectation over the negatives, in nats.

    This is the loss of `firth.learning.objectives.negative_sampling`, with
    :math:`-K \sum_w q_w \log\sigma(-u_w^\top v_c)` in the place of the sum over K words drawn from q.

    Parameters
    ----------
    V, U, counts, threads
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

    def loss_of(centers: Rows, scores: Matrix) -> float:
        unlike = -log_sigmoid(-scores)
        expected = negative * float(counts.totals[centers] @ (unlike @ noise))
        unlike -= scores  # −log σ(x) = −log σ(−x) − x
        return expected + counts.dot(centers, unlike)

    return _mean_loss(loss_of, V, U, counts, threads)


def _mean_loss(
    loss_of: Callable[[Rows, Matrix], float], V: Matrix, U: Matrix, counts: Cooccurrences, threads: int
) -> float:
    """Sum a loss over the centre words that have pairs, a few at a time; return its mean over the pairs.

    `loss_of` is given centre words and the scores of all outside words, and may overwrite the scores.
    """
    if V.ndim != 2 or V.shape != U.shape or len(V) != len(counts) or V.dtype != U.dtype:
        raise InputError(
            f"V is {V.shape} of {V.dtype} and U is {U.shape} of {U.dtype}: both must have a row for each of "
            f"the {len(counts)} words, and the same type"
        )
    occurring = np.flatnonzero(counts.totals)
    if not len(occurring):
        raise InputError("the held-out text has no pairs: no two words of the vocabulary beside each other")
    step = max(1, _MEMORY // (U.itemsize * len(U)))

    def loss_from(start: int) -> float:
        centers = occurring[start : start + step]
        return loss_of(centers, V[centers] @ U.T)

    # A BLAS with threads of its own would stand in their way, and may sum in another order.
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, user_api="blas"):
        loss = sum(pool.map(loss_from, range(0, len(occurring), step)))
    if not math.isfinite(loss):
        raise InputError("the loss is not finite: vectors hold NaN or infinity, or are far too long")
    return loss / counts.pairs


def perplexity_of(loss: float) -> float:
    """Return the exponential of a mean softmax loss: as hard as guessing among so many likely words."""
    return math.exp(loss) if loss < _INFINITE else math.inf


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
        return perplexity_of(self.loss)

    @property
    def coverage(self) -> float:
        """The share of words that are in the vocabulary, in percent."""
        return 100 * self.known / self.words


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
    negative sampling are worse at it than they need be: they were not asked for normalised probabilities.

    Parameters
    ----------
    vectors
        Vectors with outside vectors.
    corpus
        The text: a `Corpus`, or what one is made of. It is then read as the training text was.
    window
        The largest distance of a pair; nearer pairs weigh more, as in training. None: that of the training,
        or 5 if the vectors do not know it.
    sample
        Threshold of subsampling by the counts of the vectors; 0 keeps all words. None: that of the training,
        or 1e-3.
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
    from firth.vectors.cooccurrence import count

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
        pairs = count(encoded, window, sample, threads=threads, progress=progress)
        words, known = encoded.n_words, encoded.n_kept
        del encoded  # it must be closed before its folder can be removed
    loss = softmax_loss(vectors.matrix, vectors.outside, pairs, threads=threads)
    return Prediction(loss, pairs.pairs, words, known)


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
    _checked_share(fraction)
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


def _checked_share(fraction: float) -> float:
    if not 0 < fraction < 1:
        raise InputError(f"the share of the text to hold out must be between 0 and 1, not {fraction!r}")
    return fraction


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


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A text that a trainer does not learn from.

    Attributes
    ----------
    counts
        Its pairs.
    words, known : int
        Its words, and those that are in the vocabulary; the others are left out.
    """

    counts: Cooccurrences
    words: int
    known: int


def check_heldout(
    heldout: float | Text | None, patience: int | None, corpus: Corpus
) -> float | Corpus | None:
    """Check what a trainer is given to hold out, before any work.

    Parameters
    ----------
    heldout
        A share of the corpus, or a text of its own, which is read as the corpus is; None for nothing.
    patience
        Stop after so many epochs in a row that were no better than the best before them; None for never.
    corpus
        The text to train on.

    Returns
    -------
    float, Corpus or None
        The share or the text.

    Raises
    ------
    InputError
        The share is not between 0 and 1, `patience` is not a whole number of at least 1 or has nothing to
        judge by, or a file is to be both trained on and held out.
    """
    if patience is not None:
        if heldout is None:
            raise InputError("patience needs a held-out text to judge by: give heldout too, such as 0.02")
        Patience(patience)
    if heldout is None:
        return None
    if isinstance(heldout, (float, Real)):
        return _checked_share(float(heldout))
    text = Corpus(
        heldout,
        lowercase=corpus.lowercase,
        pretokenized=corpus.pretokenized,
        field=corpus.field,
        errors=corpus.errors,
    )
    for file in text.files_in_common(corpus):
        raise InputError(
            f"{file}: is part of the corpus, so it cannot be held out; take it out of the corpus, "
            "or hold out a share such as 0.02"
        )
    return text


def heldout_settings(heldout: float | Corpus | None, patience: int | None) -> dict[str, Any]:
    """Return what a checkpoint depends on: the result of `check_heldout` and `patience`."""
    text = heldout.fingerprint() if isinstance(heldout, Corpus) else heldout
    return {"heldout": text, "patience": patience}


def hold_out(
    encoded: EncodedCorpus,
    heldout: float | Corpus | None,
    directory: Path,
    *,
    window: int,
    sample: float,
    seed: int,
    threads: int,
    progress: Progress,
) -> tuple[EncodedCorpus, HeldOut | None]:
    """Return the text to train on, and the one held out: the same ones every time for the same arguments.

    Parameters
    ----------
    encoded
        The whole corpus.
    heldout
        The result of `check_heldout`.
    directory
        Folder for the encoded parts.
    window, sample
        Of the pairs, as in training.
    seed
        See `split`.
    threads
        Threads to count with.
    progress
        Where to tell how many words are held out, and how many of them are not in the vocabulary.

    Raises
    ------
    InputError
        The held-out text cannot be read, has no two words of the vocabulary beside each other, or the corpus
        is too short to be split.
    """
    from firth.vectors.cooccurrence import count

    if heldout is None:
        return encoded, None
    if isinstance(heldout, Corpus):
        try:
            part = encode(heldout, directory / "heldout", vocabulary=encoded.vocabulary, progress=progress)
        except InputError as error:
            raise InputError(f"the held-out text, {heldout.name}: {error}") from error
        unknown = f"{part.n_words - part.n_kept:,} of them are not in the vocabulary and left out"
    else:
        encoded, part = split(encoded, heldout, directory, seed=seed)
        unknown = f"about {part.n_words - part.n_kept:,} of them not in the vocabulary and left out"
    progress.note(f"held out: {part.n_words:,} words, {unknown}")
    with saying_what_takes_long(progress, "counting the pairs of the held-out text"):
        counts = count(part, window, sample, threads=threads)
    if counts.pairs == 0:
        where = f", {heldout.name}," if isinstance(heldout, Corpus) else ""
        raise InputError(
            f"the held-out text{where} has no pairs: no two words of the vocabulary beside each other"
        )
    return encoded, HeldOut(counts, part.n_words, part.n_kept)


class Patience:
    """When to stop, because the held-out loss has stopped falling.

    It remembers figures only. The vectors of the best epoch are kept on disk (`Validation`) rather than in
    memory, where they would take as much again as those in training.

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
        self.epochs = check_whole_numbers(patience=epochs)["patience"]
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


class Validation:
    """What a trainer does after each epoch with the text that is held out; nothing, if there is none.

    All decisions follow from the history alone, so a training that is resumed comes to the same ones.

    Parameters
    ----------
    text
        The text.
    loss
        The trainer's own objective: the mean loss of a pair, by its V and U and the counts of the text.
    patience
        See `Patience`. None: never stop before the last epoch, whose vectors are then the result.
    folder
        Where the vectors of the best epoch are kept.
    history
        Of the checkpoint that the training goes on from.

    Raises
    ------
    InputError
        The vectors that belong to this history are not in the folder.
    """

    def __init__(
        self,
        text: HeldOut | None,
        loss: Callable[[Matrix, Matrix, Cooccurrences], float],
        patience: int | None,
        folder: Path,
        history: list[dict[str, float]],
    ) -> None:
        self._text, self._loss, self._patience, self._folder = text, loss, patience, folder
        best = self._best_epoch(history)
        if best < len(history) and not self._path(best).exists():
            raise InputError(f"{self._path(best)}: is gone, so training cannot go on; use another folder")

    def figures(self, V: Matrix, U: Matrix) -> dict[str, float]:
        """Return ``{"heldout": loss}`` of the vectors as they are, or nothing without a text."""
        return {} if self._text is None else {"heldout": self._loss(V, U, self._text.counts)}

    def keep_best(
        self, arrays: Mapping[str, npt.NDArray[Any]], position: Position, checkpoints: Checkpoints
    ) -> None:
        """After an epoch, keep its V and U if they are the best so far.

        Those that were the best before are deleted only when no checkpoint needs them any more. So wherever
        the process is killed, the last checkpoint has the vectors that its history calls the best.
        """
        if self._patience is None or self._best_epoch(position.history) < position.epoch:
            return
        path = self._path(position.epoch)
        save_arrays(path, {name: arrays[name] for name in _VECTORS}, {})
        checkpoints.save(arrays, position)
        for other in self._folder.glob(self._path("*").name):
            if other != path:
                other.unlink()

    def exhausted(self, history: list[dict[str, float]]) -> bool:
        """Return whether it is time to stop."""
        return self._patience is not None and len(history) - self._best_epoch(history) >= self._patience

    def finish(
        self, arrays: Mapping[str, npt.NDArray[Any]], history: list[dict[str, float]], progress: Progress
    ) -> dict[str, Any]:
        """Put the vectors of the best epoch into V and U; return what metadata should say of the text."""
        if self._text is None:
            return {}
        best = self._best_epoch(history)
        loss = history[best - 1]["heldout"]
        if best < len(history):
            kept, _ = load_arrays(self._path(best))
            for name in _VECTORS:
                arrays[name][:] = kept[name]
        if self._patience is not None:
            when = "stopped early, " if self.exhausted(history) else ""
            progress.note(
                f"{when}after epoch {len(history)}: these are the vectors of epoch {best}, "
                f"whose held-out loss of {loss:.4f} is the lowest"
            )
        text = {"words": self._text.words, "known": self._text.known}
        return {"heldout": {"epoch": best, "loss": loss, **text}}

    def _best_epoch(self, history: list[dict[str, float]]) -> int:
        """Return the number of the epoch whose vectors are the result; 0 before the first."""
        if self._patience is None:
            return len(history)
        patience, best = Patience(self._patience), 0
        for k, entry in enumerate(history):
            if patience.update(entry["heldout"]):
                best = k + 1
        return best

    def _path(self, epoch: int | str) -> Path:
        return self._folder / f"best-{epoch}.safetensors"
