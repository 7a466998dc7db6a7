r"""Train word vectors with the naive softmax objective, exactly, at the cost of a few matrix products.

Taken pair by pair, the softmax over all words is too dear: each of millions of pairs costs :math:`O(nd)`. But
the corpus enters the objective only through the weights N(c, o) (`firth.vectors.cooccurrence`):

.. math::

    \sum_{c,o} N(c,o) \left(-\log \hat y_{c,o}\right)
    = \sum_c \Big( N(c) \log \sum_w e^{u_w^\top v_c} - \sum_o N(c,o)\, u_o^\top v_c \Big),
    \qquad \hat y_c = \mathrm{softmax}(U v_c) .

So all pairs of a centre word are done at once. With the vectors of some centre words as rows of V_B, a
minibatch is S = V_B Uᵀ; E = N(c) softmax(S) − N(c, ·), row by row; ∂J/∂V_B = E U; ∂J/∂U = Eᵀ V_B: three
products, whatever the length of the text. An epoch costs 6 n² d operations.

The words are dealt out to the minibatches once, evenly by frequency. In each epoch every minibatch is done
once, in an order drawn anew, and the gradients are those of the plain sum over all pairs; so their sum over
the minibatches is the gradient of the objective, and the minimum is its minimum. Adam takes care of the five orders
of magnitude between the gradients of frequent and rare words.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

import firth
from firth.errors import InputError
from firth.learning.optimizers import Adam
from firth.progress import Progress, default_progress
from firth.storage import load_arrays, save_arrays
from firth.text.corpus import Corpus, EncodedCorpus, Source, encode
from firth.vectors.skipgram import _CHECKPOINT, _folder, _patience, _processors, _wait
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences

Floats = npt.NDArray[np.float32]

_MOST_WORDS = 100_000
_MEMORY = 256 << 20  # bytes of scores of a minibatch, at most
_BATCHES = 40  # in an epoch, unless memory asks for more
_CENTERS = 128  # of a minibatch, that a thread takes at a time
_OUTSIDES = 1024  # outside words, likewise
_IN_CACHE = 1 << 20  # bytes of scores that are turned into errors at a time
_BETA1_CENTERS = 0.5  # a centre vector moves once an epoch; what U was several epochs ago is no guide
_OUTSIDE_RATE = (
    0.2  # learning rate of the outside vectors, which move with every minibatch, relative to theirs
)
_CONVERGED = 1e-4  # of the loss of the first epoch: less progress than that in an epoch


class ExactSoftmax:
    """Skip-gram word vectors, trained with the naive softmax over the whole vocabulary.

    The same corpus, seed and settings give the same bits on the same machine, for any number of threads.

    Parameters
    ----------
    dim
        Length of the vectors.
    window
        Outside words are at most this far from the centre word; nearer ones weigh more, as if the distance
        used were drawn from 1..window.
    epochs
        How often all pairs are learned from. None: until it converges, see `lr`.
    min_count
        Leave out words that occur less often.
    sample
        Threshold of the subsampling of frequent words, in expectation; 0 keeps all.
    lr
        Learning rate of Adam. It stays the same for a third of the epochs and falls linearly to 0 in the rest.
        If `epochs` is None, that third ends with the first epoch that lowers the loss by less than 1/10,000 of
        its initial value.
    max_vocab
        Keep only this many words, the most frequent ones. Time grows with the square of their number, which
        may be 100,000 at most.
    seed
        Seed of everything that is drawn.
    threads
        Threads that train; None means one a processor.
    lowercase, pretokenized, field, errors
        How text is read, see `firth.text.corpus.Corpus`.

    Examples
    --------
    >>> sentences = [["tea", "with", "milk"], ["coffee", "with", "milk"]] * 50
    >>> vectors = ExactSoftmax(dim=16, min_count=1, threads=1).fit(sentences, progress=Progress())
    >>> len(vectors)
    4
    """

    def __init__(
        self,
        dim: int = 100,
        window: int = 5,
        epochs: int | None = None,
        min_count: int = 5,
        *,
        sample: float = 1e-3,
        lr: float = 0.1,
        max_vocab: int | None = None,
        seed: int = 1,
        threads: int | None = None,
        lowercase: bool = True,
        pretokenized: bool = False,
        field: str = "text",
        errors: str = "strict",
    ) -> None:
        for name, value in {
            "dim": dim, "window": window, "epochs": 1 if epochs is None else epochs, "min_count": min_count,
            "max_vocab": 1 if max_vocab is None else max_vocab, "threads": 1 if threads is None else threads,
        }.items():  # fmt: skip
            if value != int(value) or value < 1:
                raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
        if not 0 <= sample < float("inf"):
            raise InputError(f"sample must be 0 or a small positive number such as 1e-3, not {sample!r}")
        if not 0 < lr < float("inf"):
            raise InputError(f"lr must be a positive number such as 0.1, not {lr!r}")
        if not 0 <= seed < 2**63:
            raise InputError(f"seed must be between 0 and 2**63 - 1, not {seed!r}")
        self.dim, self.window, self.epochs, self.min_count = dim, window, epochs, min_count
        self.sample, self.lr, self.max_vocab, self.seed = sample, lr, max_vocab, seed
        self.threads = _processors() if threads is None else threads
        self.lowercase, self.pretokenized, self.field, self.errors = lowercase, pretokenized, field, errors
        self.seconds_between_checkpoints = 30.0

    def fit(
        self,
        corpus: Source | Iterable[Source] | Iterable[Iterable[str]],
        *,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> WordVectors:
        """Train on a corpus.

        Parameters
        ----------
        corpus
            Files, or sentences; see `firth.text.corpus.Corpus`.
        checkpoint_dir
            Folder for the encoded corpus and, every 30 seconds, all that is needed to go on. Without it, an
            interrupted training is lost.
        resume
            Go on from the checkpoint in `checkpoint_dir`, or begin if there is none.
        progress
            Where to report; None shows a bar on a terminal and plain lines elsewhere.

        Returns
        -------
        WordVectors
            The centre vectors, and the outside vectors as ``outside``. ``history`` has the exact mean loss a
            pair over each epoch, ``metadata["loss"]`` that of the vectors as they are in the end, and
            ``metadata["perplexity"]`` its exponential.

        Raises
        ------
        InputError
            The corpus cannot be read, has too few words or too many different ones; the checkpoint is of
            another corpus or of other settings, or there is one and `resume` was not asked for.
        KeyboardInterrupt
            Training was interrupted; if there is a `checkpoint_dir`, a checkpoint was saved first.
        """
        if resume and checkpoint_dir is None:
            raise InputError("to resume, say which checkpoint_dir to resume from")
        progress = default_progress() if progress is None else progress
        reading = Corpus(
            corpus,
            lowercase=self.lowercase,
            pretokenized=self.pretokenized,
            field=self.field,
            errors=self.errors,
        )
        with _folder(checkpoint_dir) as folder:
            settings = self._settings() | {"corpus": reading.fingerprint()}
            checkpoint = folder / _CHECKPOINT
            resuming = checkpoint.exists()
            if resuming:
                if not resume:
                    raise InputError(f"{checkpoint} exists: resume from it, or choose another folder")
                run, encoded = _Run.load(checkpoint, settings), EncodedCorpus.open(folder)
                progress.note(f"resuming at epoch {run.epoch + 1}")
            else:
                encoded = encode(
                    reading, folder, min_count=self.min_count, max_size=self.max_vocab, progress=progress
                )
                if len(encoded.vocabulary) > _MOST_WORDS:
                    raise InputError(
                        f"{len(encoded.vocabulary):,} different words are too many for the exact softmax, whose cost grows "
                        f"with their square: keep fewer, such as --max-vocab 20000, {_MOST_WORDS:,} at most"
                    )
            with _patience(progress, "compiling the counting of pairs for this machine (only this once)"):
                from firth.vectors import cooccurrence
            counts = cooccurrence.count(
                encoded, self.window, self.sample, threads=self.threads, progress=progress
            )
            if counts.pairs == 0:
                raise InputError("no word has another one beside it: there is nothing to learn from")
            if not resuming:
                run = _Run.begin(counts, self.dim, self.seed)

            def save() -> None:
                if checkpoint_dir is not None:
                    run.save(checkpoint, settings)

            try:
                self._train(run, encoded, counts, save, progress)
            except KeyboardInterrupt:
                save()
                raise
            save()
        from firth.vectors.heldout import softmax_loss

        V = np.empty_like(run.V)
        V[run.words] = run.V
        loss = softmax_loss(V, run.U, counts)
        progress.note(f"exact loss {loss:.4f} a pair, perplexity {math.exp(loss):.1f}")
        return WordVectors(
            encoded.vocabulary.words,
            V,
            outside=run.U,
            counts=encoded.vocabulary.counts,
            history=run.history,
            metadata={
                "firth": firth.__version__,
                "objective": "softmax",
                "settings": self._settings() | {"threads": self.threads},
                "corpus": {
                    "words": encoded.n_words,
                    "kept": encoded.n_kept,
                    "sentences": encoded.n_sentences,
                },
                "loss": loss,
                "perplexity": math.exp(loss),
            },
        )

    def _settings(self) -> dict[str, Any]:
        """Return all that the vectors depend on, apart from the corpus."""
        names = (
            "dim", "window", "epochs", "min_count", "sample", "lr", "max_vocab", "seed", "lowercase",
            "pretokenized", "field", "errors",
        )  # fmt: skip
        return {"objective": "softmax"} | {name: getattr(self, name) for name in names}

    def _train(
        self,
        run: _Run,
        encoded: EncodedCorpus,
        counts: Cooccurrences,
        save: Callable[[], None],
        progress: Progress,
    ) -> None:
        """Take the run from where it is to the end of the last epoch."""
        saved = time.perf_counter()
        # The threads share out each minibatch; a BLAS with threads of its own would only stand in their way.
        with ThreadPoolExecutor(self.threads) as pool, threadpool_limits(1, user_api="blas"):
            trainer = _Trainer(self, run, counts, pool)
            last = self._last_epoch(run.history)
            while last is None or run.epoch < last:
                of_all = "" if last is None else f" of {last}"
                progress.begin(f"epoch {run.epoch + 1}{of_all}", round(counts.pairs), "pairs")
                while run.batch < trainer.batches:
                    lr = self._lr(run.epoch + run.batch / trainer.batches, last)
                    trainer.train_batch(lr)
                    progress.advance(round(run.pairs), loss=run.mean_loss, lr=lr)
                    if time.perf_counter() - saved >= self.seconds_between_checkpoints:
                        save()
                        saved = time.perf_counter()
                progress.end(loss=run.mean_loss)
                run.end_epoch(encoded.n_words, self._lr(run.epoch + 1, last))
                last = self._last_epoch(run.history)

    def _last_epoch(self, history: list[dict[str, float]]) -> int | None:
        """Return how many epochs there will be, or None as long as that is open."""
        if self.epochs is not None:
            return self.epochs
        losses = [entry["loss"] for entry in history]
        for k in range(1, len(losses)):
            if losses[k - 1] - losses[k] <= _CONVERGED * losses[0]:
                return 3 * (k + 1)
        return None

    def _lr(self, done: float, last: int | None) -> float:
        """Return the learning rate after some of all epochs: level for a third of them, then falling to 0."""
        return self.lr if last is None else self.lr * min(1.0, 1.5 * (1 - done / last))


@dataclass
class _Run:
    """Where a training is: all that a checkpoint has to hold.

    The rows of V are in the order of the minibatches: row i belongs to the word ``words[i]``. First and second
    moments are Adam's.
    """

    words: npt.NDArray[np.int64]
    V: Floats
    U: Floats
    V_first: Floats
    V_second: Floats
    U_first: Floats
    U_second: Floats
    batch: int = 0  # of the epoch, the next one to train on
    loss: float = 0.0  # of the epoch so far
    pairs: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def begin(cls, counts: Cooccurrences, dim: int, seed: int) -> _Run:
        """Initialise with a model that knows how frequent words are, and nothing of their contexts.

        V is uniform in ±1/(2 dim) and U zero as in word2vec, but for one dimension: there v = 1 and u is the
        logarithm of the word's frequency, so that every centre word predicts the distribution of the whole corpus. Left to
        find that first, training moves all vectors far in one direction, and takes several times as long.
        """
        n = len(counts)
        rng = np.random.default_rng(seed)
        V = (rng.random((n, dim), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
        U = np.zeros((n, dim), np.float32)
        frequencies = (counts.totals + 1) / (counts.totals + 1).mean()  # + 1: some words have no pairs
        V[:, 0] = 1
        U[:, 0] = np.log(frequencies)
        return cls(_deal(n, _batches(n), rng), V, U, *(np.zeros_like(V) for _ in range(4)))

    @property
    def epoch(self) -> int:
        return len(self.history)

    @property
    def mean_loss(self) -> float:
        return self.loss / self.pairs if self.pairs else 0.0

    def end_epoch(self, words: int, lr: float) -> None:
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "loss": self.mean_loss,
                "pairs": round(self.pairs),
                "words": words,
                "seconds": self.seconds,
                "lr": lr,
            }
        )
        self.batch, self.loss, self.pairs, self.seconds = 0, 0.0, 0.0, 0.0

    def save(self, path: Path, settings: dict[str, Any]) -> None:
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        position = {name: value for name, value in vars(self).items() if name not in arrays}
        save_arrays(path, arrays, {"settings": settings, "position": position})

    @classmethod
    def load(cls, path: Path, settings: dict[str, Any]) -> _Run:
        arrays, metadata = load_arrays(path, mmap=False)
        try:
            then = metadata["settings"]
            run = cls(**arrays, **metadata["position"])
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: not a checkpoint of this version of firth ({error})") from None
        for name, value in settings.items():
            if then.get(name) != value:
                what = "the corpus was another one" if name == "corpus" else f"{name} was {then.get(name)!r}"
                raise InputError(f"{path}: cannot resume with this, because {what} when it was made")
        return run


class _Trainer:
    """Trains on the minibatches of an epoch, several threads at a time."""

    def __init__(
        self, model: ExactSoftmax, run: _Run, counts: Cooccurrences, pool: ThreadPoolExecutor
    ) -> None:
        self._model, self._run, self._counts, self._pool = model, run, counts, pool
        self.batches = _batches(len(counts))
        self._bounds = np.arange(self.batches + 1) * len(counts) // self.batches
        self._errors = np.empty((int(np.diff(self._bounds).max()), len(counts)), np.float32)

    def train_batch(self, lr: float) -> None:
        """Train on the next minibatch of the epoch. Ctrl-C takes effect when it is done, so that the run is whole."""
        run, n = self._run, len(self._counts)
        started = time.perf_counter()
        order = np.random.default_rng((self._model.seed, run.epoch)).permutation(self.batches)
        first, last = self._bounds[order[run.batch] :][:2].tolist()
        V = run.V[first:last].copy()  # the gradients of both matrices are those from before the step
        errors = self._errors[: last - first]
        # How the work is cut up does not depend on the number of threads, so neither does a bit of the result.
        pieces = max(1, round((last - first) / _CENTERS))
        cuts = [(last - first) * k // pieces for k in range(pieces + 1)]
        done = [
            self._pool.submit(self._train_centers, slice(first + a, first + b), errors[a:b], lr)
            for a, b in itertools.pairwise(cuts)
        ]
        interrupted = _wait(done)
        for piece in done:
            run.loss += piece.result()
        run.pairs += float(self._counts.totals[run.words[first:last]].sum())
        moved = [
            self._pool.submit(self._train_outsides, slice(a, min(a + _OUTSIDES, n)), errors, V, lr)
            for a in range(0, n, _OUTSIDES)
        ]
        interrupted |= _wait(moved)
        for part in moved:
            part.result()
        run.batch += 1
        run.seconds += time.perf_counter() - started
        if interrupted:
            raise KeyboardInterrupt

    def _train_centers(self, rows: slice, errors: Floats, lr: float) -> float:
        """Move some rows of V; fill in their errors, the gradients of their scores; return their loss."""
        run = self._run
        words = run.words[rows]
        np.matmul(run.V[rows], run.U.T, out=errors)
        loss = 0.0
        step = max(1, _IN_CACHE // (4 * errors.shape[1]))
        for start in range(0, len(words), step):
            loss += _softmax_errors(errors[start : start + step], words[start : start + step], self._counts)
        adam = Adam(lr, beta1=_BETA1_CENTERS)
        adam.steps = run.epoch
        adam.first, adam.second = {"V": run.V_first[rows]}, {"V": run.V_second[rows]}
        adam.step({"V": run.V[rows]}, {"V": errors @ run.U})
        return loss

    def _train_outsides(self, rows: slice, errors: Floats, V: Floats, lr: float) -> None:
        """Move some rows of U, by the errors of all centre words of the minibatch and their vectors V."""
        run = self._run
        adam = Adam(lr * _OUTSIDE_RATE)
        adam.steps = run.epoch * self.batches + run.batch
        adam.first, adam.second = {"U": run.U_first[rows]}, {"U": run.U_second[rows]}
        adam.step({"U": run.U[rows]}, {"U": errors[:, rows].T @ V})


def _softmax_errors(scores: Floats, centers: npt.NDArray[np.int64], counts: Cooccurrences) -> float:
    """Turn the scores S of some centre words into N(c) softmax(S) − N(c, ·), in place; return their loss."""
    totals = counts.totals[centers]
    observed = counts.dot(centers, scores)
    highest = scores.max(axis=1, keepdims=True)
    scores -= highest
    np.exp(scores, out=scores)
    sums = scores.sum(axis=1)
    scores *= (totals / sums).astype(np.float32)[:, np.newaxis]
    counts.subtract_from(scores, centers)
    return float(totals @ (np.log(sums, dtype=np.float64) + highest[:, 0])) - observed


def _batches(n: int) -> int:
    """Return how many minibatches `n` centre words are done in."""
    return min(n, max(_BATCHES, -(-n * n * 4 // _MEMORY)))


def _deal(n: int, batches: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal out the words 0..n−1, which are sorted by frequency, so that each minibatch gets the like of all others."""
    rounds = -(-n // batches)
    ranks = np.arange(rounds * batches).reshape(rounds, batches)
    dealt = rng.permuted(ranks, axis=1).T.ravel()
    return dealt[dealt < n]
