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

The words are dealt out to the minibatches once, so that each gets frequent and rare ones. In each epoch every
minibatch is done once, in an order drawn anew. Nothing is reweighted: the gradients of all minibatches sum up
to the gradient of the objective, so what is found is its minimum. The gradients of frequent and rare words
are five orders of magnitude apart, but Adam's steps do not depend on such factors.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from firth.arrays import Float32s, Int64s, PathLike
from firth.checks import processors, seed_number, whole_number
from firth.errors import InputError
from firth.learning.optimizers import Adam
from firth.learning.schedules import level_then_linear
from firth.progress import Progress, default_progress
from firth.runs.interrupt import Interrupt, deferred_interrupt
from firth.text.corpus import Corpus, Source
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors.losses import perplexity_of, softmax_loss
from firth.vectors.split import Text, check_heldout, heldout_settings, hold_out, reopen
from firth.vectors.training_run import Checkpoints, Position, working_folder
from firth.vectors.validation import Validation
from firth.vectors.word_vectors import WordVectors
from firth.version import __version__

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences


_MOST_WORDS = 100_000
_MEMORY = 256 << 20  # bytes of scores of a minibatch, at most
_BATCHES = 40  # in an epoch, unless memory asks for more
_CENTERS = 128  # of a minibatch, that a thread takes at a time
_OUTSIDES = 1024  # outside words, likewise
_IN_CACHE = 1 << 20  # bytes of scores that are turned into errors at a time
_BETA1_CENTERS = 0.5  # a centre vector moves once an epoch; what U was several epochs ago is no guide
_OUTSIDE_RATE = 0.2  # of theirs is the learning rate of outside vectors, which move with every minibatch
_DIVERGED = 1.5  # times more than the loss of vectors that know nothing, which is log n
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
        Learning rate of Adam. It stays the same for a third of the epochs and falls linearly to 0 in the
        rest. If `epochs` is None, that third ends with the first epoch that lowers the loss by less than
        1/10,000 of its initial value.
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
        given = dict(  # noqa: C408
            dim=dim,
            window=window,
            epochs=1 if epochs is None else epochs,
            min_count=min_count,
            max_vocab=1 if max_vocab is None else max_vocab,
            threads=processors() if threads is None else threads,
        )
        whole = {name: whole_number(name, value) for name, value in given.items()}
        if not 0 <= sample < math.inf:
            raise InputError(f"sample must be 0 or a small positive number such as 1e-3, not {sample!r}")
        if not 1e-30 < lr < math.inf:
            raise InputError(f"lr must be a positive number such as 0.1, not {lr!r}")
        self.dim, self.window, self.min_count = whole["dim"], whole["window"], whole["min_count"]
        self.epochs = None if epochs is None else whole["epochs"]
        self.max_vocab = None if max_vocab is None else whole["max_vocab"]
        self.sample, self.lr, self.seed, self.threads = (
            float(sample),
            float(lr),
            seed_number(seed),
            whole["threads"],
        )
        self.lowercase, self.pretokenized, self.field, self.errors = lowercase, pretokenized, field, errors
        self.seconds_between_checkpoints = 30.0

    def fit(
        self,
        corpus: Source | Iterable[Source] | Iterable[Iterable[str]],
        *,
        heldout: float | Text | None = None,
        patience: int | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> WordVectors:
        """Train on a corpus.

        Parameters
        ----------
        corpus
            Files, or sentences; see `firth.text.corpus.Corpus`.
        heldout
            Text that is not trained on, to compute the loss on after each epoch: a share of the corpus, such
            as 0.02 (see `firth.vectors.split.split`), or files or sentences as for `corpus`.
        patience
            Stop after so many epochs in a row that did not lower the held-out loss, and return the vectors of
            the epoch where it was lowest. None: all epochs, and the vectors of the last one.
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
            ``metadata["perplexity"]`` its exponential. With `heldout`, ``history`` has the softmax loss of
            the held-out text after each epoch as ``heldout``, and ``metadata["heldout"]`` that of the
            result, its epoch, and how many words the text has and how many are known.

        Raises
        ------
        InputError
            The corpus cannot be read, has too few words or too many different ones; the checkpoint is of
            another corpus or of other settings, or there is one and `resume` was not asked for; the held-out
            text is part of the corpus or has no two known words beside each other; the training diverged.
        KeyboardInterrupt
            Training was interrupted; if there is a `checkpoint_dir`, a checkpoint was saved first.
        """
        if resume and checkpoint_dir is None:
            raise InputError("to resume, say which checkpoint_dir to resume from")
        reading = Corpus(
            corpus,
            lowercase=self.lowercase,
            pretokenized=self.pretokenized,
            field=self.field,
            errors=self.errors,
        )
        withheld = check_heldout(heldout, patience, reading)
        settings = self._settings() | {"corpus": reading.fingerprint()} | heldout_settings(withheld, patience)
        progress = default_progress() if progress is None else progress
        with working_folder(checkpoint_dir, reading) as folder:
            checkpoints = Checkpoints(
                folder, settings, self.seconds_between_checkpoints, active=checkpoint_dir is not None
            )
            # In a function of its own: the encoded corpus must be closed before its folder can be removed.
            return self._fit(reading, withheld, patience, folder, checkpoints, resume, progress)

    def _fit(
        self,
        reading: Corpus,
        withheld: float | Corpus | None,
        patience: int | None,
        folder: Path,
        checkpoints: Checkpoints,
        resume: bool,
        progress: Progress,
    ) -> WordVectors:
        from firth.vectors.cooccurrence import count

        found = checkpoints.load(resume)
        if found is None:
            encoded = encode(
                reading, folder, min_count=self.min_count, max_size=self.max_vocab, progress=progress
            )
        else:
            encoded = reopen(folder, reading.fingerprint())
        if len(encoded.vocabulary) > _MOST_WORDS:
            raise InputError(
                f"{len(encoded.vocabulary):,} words are too many for the exact softmax, whose cost grows "
                f"with their square: keep {_MOST_WORDS:,} at most, such as --max-vocab 20000"
            )
        encoded, held_out = hold_out(
            encoded,
            withheld,
            folder,
            window=self.window,
            sample=self.sample,
            seed=self.seed,
            threads=self.threads,
            progress=progress,
        )
        counts = count(encoded, self.window, self.sample, threads=self.threads, progress=progress)
        if counts.pairs == 0:
            raise InputError("no word has another one beside it: there is nothing to learn from")
        if found is None:
            state, position = _State.begin(counts, self.dim, self.seed), Position()
        else:
            state, position = _State(**found[0]), found[1]
            progress.note(f"resuming in epoch {position.epoch + 1}")

        def loss_of(V: Float32s, U: Float32s, counts: Cooccurrences) -> float:
            return softmax_loss(state.in_order(V), U, counts, threads=self.threads)

        validation = Validation(held_out, loss_of, patience, folder, position.history)
        trainer = _Trainer(self, encoded, counts, state, position, validation, progress)
        trainer.train(checkpoints)
        of_held_out = validation.finish(vars(state), trainer.position.history, progress)
        loss = loss_of(state.V, state.U, counts)
        perplexity = perplexity_of(loss)
        progress.note(f"exact loss {loss:.4f} a pair, perplexity {perplexity:.1f}")
        return WordVectors(
            encoded.vocabulary.words,
            state.in_order(state.V),
            outside=state.U,
            counts=encoded.vocabulary.counts,
            history=trainer.position.history,
            metadata={
                "firth": __version__,
                "objective": "softmax",
                "settings": self._settings() | {"threads": self.threads},
                "corpus": {
                    "words": encoded.n_words,
                    "kept": encoded.n_kept,
                    "sentences": encoded.n_sentences,
                },
                "loss": loss,
                "perplexity": perplexity,
                **of_held_out,
            },
        )

    def _settings(self) -> dict[str, Any]:
        """Return all that the vectors depend on, apart from the corpus."""
        names = (
            "dim", "window", "epochs", "min_count", "sample", "lr", "max_vocab", "seed", "lowercase",
            "pretokenized", "field", "errors",
        )  # fmt: skip
        return {"objective": "softmax"} | {name: getattr(self, name) for name in names}


@dataclass
class _State:
    """All that training changes.

    The rows of V are in the order of the minibatches: row i belongs to the word ``words[i]``. The first and
    second moments are Adam's.
    """

    words: Int64s
    V: Float32s
    U: Float32s
    V_first: Float32s
    V_second: Float32s
    U_first: Float32s
    U_second: Float32s

    @classmethod
    def begin(cls, counts: Cooccurrences, dim: int, seed: int) -> _State:
        """Begin with vectors that know how frequent words are, and nothing of their contexts.

        V is uniform in ±1/(2 dim) and U zero as in word2vec, but for one dimension: there v = 1 and u is the
        logarithm of the word's frequency, so that each centre word predicts the distribution of all words.
        Left to find that by itself, training first moves all vectors far in one direction, and takes several
        times as long.
        """
        n = len(counts)
        rng = np.random.default_rng(seed)
        V = (rng.random((n, dim), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
        U = np.zeros((n, dim), np.float32)
        frequencies = (counts.totals + 1) / (counts.totals + 1).mean()  # + 1: some words have no pairs
        V[:, 0] = 1
        U[:, 0] = np.log(frequencies)
        moments = [np.zeros_like(V) for _ in range(4)]
        return cls(_deal(n, _batches(n), rng), V, U, moments[0], moments[1], moments[2], moments[3])

    def in_order(self, V: Float32s) -> Float32s:
        """Return a copy of V with its rows in the order of the vocabulary."""
        ordered = np.empty_like(V)
        ordered[self.words] = V
        return ordered


class _Trainer:
    """Trains on one minibatch after another, several threads on each."""

    def __init__(
        self,
        model: ExactSoftmax,
        encoded: EncodedCorpus,
        counts: Cooccurrences,
        state: _State,
        position: Position,
        validation: Validation,
        progress: Progress,
    ) -> None:
        self._validation = validation
        self._model, self._encoded, self._counts = model, encoded, counts
        self._state, self.position, self._progress = state, position, progress
        self._batches = _batches(len(counts))
        self._bounds = np.arange(self._batches + 1) * len(counts) // self._batches
        self._errors = np.empty((int(np.diff(self._bounds).max()), len(counts)), np.float32)

    def train(self, checkpoints: Checkpoints) -> None:
        """Go on to the end of the last epoch."""
        with (
            deferred_interrupt() as interrupt,
            ThreadPoolExecutor(self._model.threads) as pool,
            # The threads share out each minibatch; a BLAS with threads of its own would stand in their way.
            threadpool_limits(1, user_api="blas"),
        ):
            while not self._validation.exhausted(self.position.history) and (
                (last := self._last_epoch()) is None or self.position.epoch < last
            ):
                self._train_epoch(pool, last, checkpoints, interrupt)
                self._validation.keep_best(vars(self._state), self.position, checkpoints)
            checkpoints.save(vars(self._state), self.position)

    def _train_epoch(
        self, pool: ThreadPoolExecutor, last: int | None, checkpoints: Checkpoints, interrupt: Interrupt
    ) -> None:
        """Go on to the end of the epoch; after Ctrl-C, save a checkpoint and raise KeyboardInterrupt."""
        position = self.position
        of_all = "" if last is None else f" of {last}"
        stage = f"epoch {position.epoch + 1}{of_all}"
        with self._progress.stage(stage, round(self._counts.pairs), "pairs"):
            while position.done < self._batches:
                lr = self._lr(position, last)
                self._train_batch(pool, lr)
                self._progress.advance(round(position.pairs), loss=position.mean_loss, lr=lr)
                if interrupt.pressed or checkpoints.due:
                    checkpoints.save(vars(self._state), position)
                interrupt.check()
            if not position.mean_loss < _DIVERGED * (1 + math.log(len(self._counts))):  # NaN too
                raise InputError(
                    f"training diverged in epoch {position.epoch + 1}: lower the learning rate, "
                    f"which was {self._model.lr:g}"
                )
            held_out = self._validation.figures(self._state.V, self._state.U)
            if held_out:
                self._progress.advance(round(position.pairs), loss=position.mean_loss, **held_out)
        self.position = position.after_epoch(self._encoded.n_words, self._lr(position, last), **held_out)

    def _last_epoch(self) -> int | None:
        """Return how many epochs there will be, or None as long as that is open."""
        if self._model.epochs is not None:
            return self._model.epochs
        losses = [epoch["loss"] for epoch in self.position.history]
        for k in range(1, len(losses)):
            if losses[k - 1] - losses[k] <= _CONVERGED * losses[0]:
                return 3 * (k + 1)
        return None

    def _lr(self, position: Position, last: int | None) -> float:
        """Return the learning rate: level for a third of all epochs, then falling to 0 on a straight line."""
        if last is None:
            return self._model.lr
        done = position.epoch + position.done / self._batches
        return level_then_linear(self._model.lr, done, last)

    def _train_batch(self, pool: ThreadPoolExecutor, lr: float) -> None:
        """Train on the next minibatch."""
        state, position, n = self._state, self.position, len(self._counts)
        started = time.perf_counter()
        order = np.random.default_rng((self._model.seed, position.epoch)).permutation(self._batches)
        first, last = self._bounds[order[position.done] :][:2].tolist()
        V = state.V[first:last].copy()  # the gradients of both matrices are those from before the step
        errors = self._errors[: last - first]
        # How the work is cut up does not depend on the number of threads, so the result does not either.
        pieces = max(1, round((last - first) / _CENTERS))
        cuts = [(last - first) * k // pieces for k in range(pieces + 1)]
        losses = pool.map(
            lambda cut: self._train_centers(slice(first + cut[0], first + cut[1]), errors[slice(*cut)], lr),
            itertools.pairwise(cuts),
        )
        position.loss += sum(losses)
        position.pairs += float(self._counts.totals[state.words[first:last]].sum())
        rows = [slice(start, min(start + _OUTSIDES, n)) for start in range(0, n, _OUTSIDES)]
        for _ in pool.map(lambda part: self._train_outsides(part, errors, V, lr), rows):
            pass
        position.done += 1
        position.seconds += time.perf_counter() - started

    def _train_centers(self, rows: slice, errors: Float32s, lr: float) -> float:
        """Move some rows of V; fill in their errors, the gradients of their scores; return their loss."""
        state = self._state
        words = state.words[rows]
        np.matmul(state.V[rows], state.U.T, out=errors)
        loss = 0.0
        step = max(1, _IN_CACHE // (4 * errors.shape[1]))
        for start in range(0, len(words), step):
            loss += _softmax_errors(errors[start : start + step], words[start : start + step], self._counts)
        adam = Adam(lr, beta1=_BETA1_CENTERS)
        adam.steps = self.position.epoch
        adam.first, adam.second = {"V": state.V_first[rows]}, {"V": state.V_second[rows]}
        adam.step({"V": state.V[rows]}, {"V": errors @ state.U})
        return loss

    def _train_outsides(self, rows: slice, errors: Float32s, V: Float32s, lr: float) -> None:
        """Move some rows of U, by the errors of all centre words of the minibatch and their vectors V."""
        state = self._state
        adam = Adam(lr * _OUTSIDE_RATE)
        adam.steps = self.position.epoch * self._batches + self.position.done
        adam.first, adam.second = {"U": state.U_first[rows]}, {"U": state.U_second[rows]}
        adam.step({"U": state.U[rows]}, {"U": errors[:, rows].T @ V})


def _softmax_errors(scores: Float32s, centers: Int64s, counts: Cooccurrences) -> float:
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


def _deal(n: int, batches: int, rng: np.random.Generator) -> Int64s:
    """Return the words 0..n−1, sorted by frequency, dealt out like cards: minibatch after minibatch."""
    rounds = -(-n // batches)
    ranks = np.arange(rounds * batches).reshape(rounds, batches)
    dealt = rng.permuted(ranks, axis=1).T.ravel()
    return dealt[dealt < n]
